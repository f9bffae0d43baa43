"""JUnit's suites in bounded memory. Counters stand before the cases, so the cases wait in a temporary file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import IO, NamedTuple

from checker.reporting.escape import xml_text

IN_MEMORY = 4_000_000
_MARKUP = 260  # more than the template writes around the texts of a case
_SUITE_MARKUP = 800
_PROPERTY_MARKUP = 60


class Case(NamedTuple):
    """A test case: `kind` is `failure`, `error`, `skipped`, or nothing where it passed."""

    name: str
    kind: str = ""
    type: str = ""
    message: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large one file may grow: CI servers refuse larger ones."""

    cases: int = 50_000
    size: int = 25_000_000


UNLIMITED = Limits(cases=2**63, size=2**63)


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """A suite as it will be, its cases not yet counted. There is at least one case."""

    name: str
    package: str
    properties: tuple[tuple[str, str], ...]
    cases: Iterator[Case]


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite, or the part of it that stands in one document, with exact counters."""

    document: int
    id: int
    name: str
    package: str
    properties: tuple[tuple[str, str], ...]
    tests: int
    failures: int
    errors: int
    skipped: int
    spool: IO[str]

    def cases(self) -> Iterator[Case]:
        """The cases, read back; once, before the next suite is asked for."""
        self.spool.seek(0)
        for line in self.spool:
            yield Case(*json.loads(line))


def documents(plans: Iterator[SuitePlan], limits: Limits) -> Iterator[tuple[int, Iterator[Suite]]]:
    """Numbered documents, each with its suites; a suite may go on in the next one."""
    yield from groupby(_Splitter(limits).suites(plans), key=lambda suite: suite.document)


class _Splitter:
    """Fills one document after the other."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.document = 1
        self._open_document()

    def _open_document(self) -> None:
        self.suites_here = self.cases_here = 0
        self.size_here = 500  # the declaration, the marker and the root element

    def suites(self, plans: Iterator[SuitePlan]) -> Iterator[Suite]:
        for plan in plans:
            head = _suite_size(plan)
            pending = next(plan.cases, None)
            while pending is not None:
                if not self._fits(head + _case_size(pending, plan)):
                    self.document += 1
                    self._open_document()
                self.size_here += head
                with closing(_Spool()) as spool:
                    # a case that is larger than a whole document stands in one of its own
                    while pending is not None:
                        size = _case_size(pending, plan)
                        if spool.total and not self._fits(size):
                            break
                        spool.add(pending)
                        self.cases_here += 1
                        self.size_here += size
                        pending = next(plan.cases, None)
                    yield spool.suite(plan, self.document, self.suites_here)
                self.suites_here += 1

    def _fits(self, size: int) -> bool:
        if not self.cases_here:
            return True
        return self.cases_here < self.limits.cases and self.size_here + size < self.limits.size


class _Spool:
    """Cases on their way into a document, counted."""

    def __init__(self) -> None:
        self.total = 0
        self.kinds = {"failure": 0, "error": 0, "skipped": 0, "": 0}
        self.file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - `close` is called by `closing`
            IN_MEMORY, "w+", encoding="utf-8", newline="\n"
        )

    def add(self, case: Case) -> None:
        self.total += 1
        self.kinds[case.kind] += 1
        self.file.write(json.dumps(case) + "\n")

    def suite(self, plan: SuitePlan, document: int, number: int) -> Suite:
        return Suite(
            document,
            number,
            plan.name,
            plan.package,
            plan.properties,
            self.total,
            self.kinds["failure"],
            self.kinds["error"],
            self.kinds["skipped"],
            self.file,
        )

    def close(self) -> None:
        self.file.close()


def _size(text: str) -> int:
    """At least the bytes of a text once it is escaped: `&#34;` is the longest escape of one character."""
    return len(text.encode("utf-8", "replace")) + 4 * sum(map(text.count, "<>&'\""))


def _case_size(case: Case, plan: SuitePlan) -> int:
    return _MARKUP + sum(map(_size, case)) + _size(plan.package) + _size(plan.name)


def _suite_size(plan: SuitePlan) -> int:
    texts = [plan.name, plan.package, *(text for pair in plan.properties for text in pair)]
    return (
        _SUITE_MARKUP + _PROPERTY_MARKUP * len(plan.properties) + sum(_size(xml_text(item)) for item in texts)
    )
