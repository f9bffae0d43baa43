"""What reports say of the change between two runs: the numbers, and of a run the one that it is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checker import instants
from checker.judgement.change_summary import MEANINGS, NOTHING
from checker.judgement.gate_text import number_by_severity
from checker.judgement.run import Run
from checker.model import Acceptance, Category, ChangeNumbers
from checker.reporting.page_address import findings_address
from checker.waivers.status import day

TONES: Mapping[Category, str] = {
    Category.NEW: "fail",
    Category.UNDECIDED: "unknown",
    Category.NOT_JUDGED: "unknown",
    Category.PERSISTING: "not_applicable",
    Category.WAIVED: "waived",
    Category.FIXED: "pass",
    Category.DECIDED: "pass",
}
"""The verdict whose colour and shape a word has on a page."""
LISTED = frozenset({Category.NEW, Category.UNDECIDED, Category.PERSISTING, Category.WAIVED})
"""What is a finding still, and so stands in the list."""


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A word for what became of findings, with their number, as a page shows it."""

    category: Category
    text: str
    number: int

    @property
    def name(self) -> str:
        """The word."""
        return self.category.value

    @property
    def tone(self) -> str:
        """The verdict whose colour and shape it has."""
        return TONES[self.category]

    @property
    def part(self) -> tuple[str, int]:
        """Its part of a bar."""
        return ("persisting" if self.category is Category.PERSISTING else self.tone), self.number

    @property
    def address(self) -> str:
        """Where the page shows them: those that are findings still in the list, the others in a table of their own."""
        return findings_address(change=self.name) if self.category in LISTED else "#change"


def counts(numbers: ChangeNumbers) -> list[CategoryCount]:
    """Every word with its number, in the order of reports."""
    return [CategoryCount(word, text, numbers.number(word)) for word, text in MEANINGS.items()]


def severity_text(numbers: ChangeNumbers) -> str:
    """What became of how many findings of which severity: `54 new (critical 2, high 52), 3 fixed (high)`."""
    texts = (
        number_by_severity({item: own[category] for item, own in numbers.severities.items()}, category.value)
        for category in numbers.totals
    )
    return ", ".join(texts) or NOTHING


def lines(run: Run) -> Iterator[tuple[str, str]]:
    """Lines of the summary: a label and a text."""
    if run.compared is not None and run.change is not None:
        yield (
            "Compared",
            f"{run.compared.words}, {run.compared.run}, as of {instants.iso(run.compared.as_of)}",
        )
        yield "Change", severity_text(run.change.numbers)
        if run.compared.acceptance:
            word = run.compared.acceptance
            yield "Accepted", f"by {word.by} on {day(word.at)}: {word.reason}"


def document(run: Run) -> dict[str, Any] | None:
    """The change since the run compared with, as JSON holds it."""
    since = run.change
    if run.compared is None or since is None:
        return None
    return {
        "run": run.compared.run,
        "as_of": instants.iso(run.compared.as_of),
        "sha256": run.compared.sha256,
        "named": run.compared.named,
        "kind": run.compared.kind,
        "accepted": acceptance(run.compared.acceptance),
        **numbers_document(since.numbers),
        "rules": [
            {"rule": name, **{member(word): number for word, number in counts.items()}}
            for name, counts in since.counts.items()
        ],
        "causes": [
            {"change": word.value, "causes": list(causes), "number": number}
            for word, counts in since.causes.items()
            for causes, number in counts.items()
        ],
    }


def numbers_document(numbers: ChangeNumbers) -> dict[str, Any]:
    """What became of how many findings, in all and by severity, the worst first, as JSON holds it."""
    return {
        **{member(category): numbers.number(category) for category in Category},
        "severities": [
            {"severity": severity.value, **{member(category): number for category, number in own.items()}}
            for severity, own in numbers.severities.items()
        ],
    }


def member(category: Category) -> str:
    """What JSON calls the number of a category: `not_judged_any_more`."""
    return category.value.replace(" ", "_")


def acceptance(item: Acceptance | None) -> dict[str, Any] | None:
    """Somebody's word on a baseline, as JSON holds it."""
    if item is None:
        return None
    return {"by": item.by, "reason": item.reason, "at": instants.iso(item.at), "sha256": item.sha256}
