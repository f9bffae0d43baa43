"""JUnit's suites in bounded memory. Counters stand before the cases, so the cases wait in a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import IO, TYPE_CHECKING, NamedTuple

from checker.reporting.escape import shorten, xml_text
from checker.reporting.templates import template

if TYPE_CHECKING:
    from markupsafe import Markup

IN_MEMORY = 4_000_000
BATCH = 1_000
"""Cases that are written at a time."""
CHUNK = 1_000_000
"""Characters that are read back at a time."""
_ENDLESS = 2**63
_MARKUP = 260  # more than the template writes around the texts of a case
_SUITE_MARKUP = 800
_PROPERTY_MARKUP = 60
BRIEF = 1_000
"""What is kept free for a red case, in bytes."""


class Case(NamedTuple):
    """A test case: `kind` is `failure`, `error`, `skipped`, or nothing where it passed. `file` and `line` are the place of its
    rule, where the reader looks for one."""

    name: str
    kind: str = ""
    type: str = ""
    message: str = ""
    body: str = ""
    file: str = ""
    line: int = 0

    @property
    def red(self) -> bool:
        """Whether it failed."""
        return self.kind in ("failure", "error")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large one file may grow, and all of them together: CI servers refuse larger ones."""

    cases: int = 50_000
    size: int = 25_000_000
    total: int = _ENDLESS


LIMITS = Limits()
UNLIMITED = Limits(cases=_ENDLESS, size=_ENDLESS)


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """A suite as it will be, its cases not yet counted: its name and the class of its cases, both unique, and the package of
    that class, empty where readers are not told."""

    name: str
    classname: str
    package: str
    properties: tuple[tuple[str, str], ...]
    cases: Iterator[Case]


@dataclass(slots=True)
class Room:
    """The bytes that documents may still take, all together, and the red cases that are still to come.

    Each red case has room for its message at least as long as there is any: first the other cases are left out, then the
    bodies of red ones become short. `left_out` counts red cases that found no room.
    """

    free: int = _ENDLESS
    red: int = 0
    left_out: int = 0

    def fit(self, case: Case, plan: SuitePlan) -> Case | None:
        """The case as there is room for it; None where there is none."""
        self.red -= case.red
        if self.free > _ENDLESS // 2:  # no reader sets a limit
            return case
        size = _case_size(case, plan)
        if size > self.free - self.red * BRIEF:
            if not case.red:
                return None
            case = case._replace(message=shorten(case.message, 200), body=shorten(case.message, 200))
            size = _case_size(case, plan)
            if size > self.free:
                self.left_out += 1
                return None
        self.free -= size
        return case


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite, or the part of it that stands in one document, with exact counters."""

    document: int
    id: int
    name: str
    classname: str
    package: str
    properties: tuple[tuple[str, str], ...]
    tests: int
    failures: int
    errors: int
    skipped: int
    spool: IO[str]

    def texts(self) -> Iterator[Markup]:
        """The cases as XML, some at a time; once, before the next suite is asked for."""
        from markupsafe import Markup

        self.spool.seek(0)
        while text := self.spool.read(CHUNK):
            yield Markup(text)  # noqa: S704 - a template has made it


def documents(
    plans: Iterator[SuitePlan], limits: Limits, room: Room | None = None
) -> Iterator[tuple[int, Iterator[Suite]]]:
    """Numbered documents, each with its suites; a suite may go on in the next one. Numbers of suites go on too: readers take
    two suites of one name and one number for the same, read twice.

    Args:
        plans: the suites.
        limits: how large documents may grow.
        room: what all of them may take; nothing is left out unless given.
    """
    yield from groupby(_Splitter(limits, room or Room()).suites(plans), key=lambda suite: suite.document)


class _Splitter:
    """Fills one document after the other."""

    def __init__(self, limits: Limits, room: Room) -> None:
        self.limits = limits
        self.room = room
        self.document = 1
        self.number = 0
        self._open_document()

    def _open_document(self) -> None:
        self.cases_here = 0
        self.size_here = 500  # the declaration, the marker and the root element

    def suites(self, plans: Iterator[SuitePlan]) -> Iterator[Suite]:
        for plan in plans:
            head, fitting = _suite_size(plan), _Fitting(plan, self.room)
            pending = next(fitting.cases, None)
            begun = False
            while pending is not None or not begun:
                first = 0 if pending is None else _case_size(pending, plan)
                if not self._fits(head + first):
                    self.document += 1
                    self._open_document()
                self.size_here += head
                self.room.free -= head
                begun = True
                with closing(_Spool(plan.classname)) as spool:
                    # a case that is larger than a whole document stands in one of its own
                    while pending is not None:
                        size = _case_size(pending, plan)
                        if spool.total and not self._fits(size):
                            break
                        spool.add(pending)
                        self.cases_here += 1
                        self.size_here += size
                        pending = next(fitting.cases, None)
                    yield spool.suite(fitting.plan(pending is None), self.document, self.number)
                self.number += 1

    def _fits(self, size: int) -> bool:
        if not self.cases_here:
            return True
        return self.cases_here < self.limits.cases and self.size_here + size < self.limits.size


class _Fitting:
    """The cases of a suite that there is room for, and how many others it has."""

    def __init__(self, plan: SuitePlan, room: Room) -> None:
        self.left_out = 0
        self.cases = self._cases(plan, room)
        self._plan = plan

    def _cases(self, plan: SuitePlan, room: Room) -> Iterator[Case]:
        for case in plan.cases:
            fitting = room.fit(case, plan)
            if fitting is None:
                self.left_out += 1
            else:
                yield fitting

    def plan(self, ended: bool) -> SuitePlan:  # noqa: FBT001
        """The suite with what it lacks, which is known where it has ended."""
        if not ended or not self.left_out:
            return self._plan
        text = f"{self.left_out:,}, for which the reader has no room; the json report has every finding"
        return replace(self._plan, properties=(*self._plan.properties, ("cases.left-out", text)))


class _Spool:
    """Cases as XML on their way into a document, counted."""

    def __init__(self, classname: str) -> None:
        self.total = 0
        self.kinds = {"failure": 0, "error": 0, "skipped": 0, "": 0}
        self._classname = classname
        self._batch: list[Case] = []
        self.file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - `close` is called by `closing`
            IN_MEMORY, "w+", encoding="utf-8", newline="\n"
        )

    def add(self, case: Case) -> None:
        self.total += 1
        self.kinds[case.kind] += 1
        self._batch.append(case)
        if len(self._batch) == BATCH:
            self._write()

    def _write(self) -> None:
        # called for all of them at once: a template is slow to begin
        self.file.write(_testcases()(self._classname, self._batch))
        self._batch.clear()

    def suite(self, plan: SuitePlan, document: int, number: int) -> Suite:
        self._write()
        return Suite(
            document,
            number,
            plan.name,
            plan.classname,
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


@cache
def _testcases() -> Callable[[str, list[Case]], str]:
    """What makes XML of cases of one class."""
    made: Callable[[str, list[Case]], str] = template("testcases.xml.jinja", xml_text).module.testcases  # type: ignore[attr-defined]
    return made


def _size(text: str) -> int:
    """At least the bytes of a text once it is escaped: `&quot;` is the longest escape of one character."""
    return len(text.encode("utf-8", "replace")) + 5 * sum(map(text.count, '<>&"'))


def _case_size(case: Case, plan: SuitePlan) -> int:
    texts = (*case[:-1], plan.classname)
    return _MARKUP + sum(map(_size, texts))


def _suite_size(plan: SuitePlan) -> int:
    texts = [plan.name, plan.package, *(text for pair in plan.properties for text in pair)]
    return (
        _SUITE_MARKUP + _PROPERTY_MARKUP * len(plan.properties) + sum(_size(xml_text(item)) for item in texts)
    )
