"""What the reports of a run say of the change since the run that it is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker import instants
from checker.judgement.run import Run
from checker.model import Acceptance, Category
from checker.reporting.page_address import findings_address
from checker.waivers.status import day

if TYPE_CHECKING:
    from checker.evaluation.change_totals import ChangeSince

WORDS: tuple[tuple[Category, str], ...] = (
    (
        Category.NEW,
        "a finding that was none then, or is another one now: another version, another rule, or not waived any more",
    ),
    (Category.UNDECIDED, "a fail then, now it cannot be found out: not fixed"),
    (Category.NOT_JUDGED, "a finding then, now the rule or the subject is not looked at: not fixed"),
    (Category.PERSISTING, "a finding in both runs"),
    (Category.WAIVED, "it was not waived then"),
    (Category.FIXED, "a fail then, now it passes or the rule does not apply"),
    (Category.DECIDED, "unknown then, now it passes or the rule does not apply"),
)
"""What became of findings, in the order of reports, and what the words mean (docs/history.md)."""


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


def counts(since: ChangeSince | None) -> list[CategoryCount]:
    """Every word with its number."""
    return [] if since is None else [CategoryCount(word, text, since.number(word)) for word, text in WORDS]


def lines(run: Run) -> Iterator[tuple[str, str]]:
    """Lines of the summary: a label and a text."""
    if run.compared is not None and run.change is not None:
        yield (
            "Compared",
            f"{run.compared.words}, {run.compared.run}, as of {instants.iso(run.compared.as_of)}",
        )
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
        **{word.value.replace(" ", "_"): since.number(word) for word, _ in WORDS},
        "rules": [
            {"rule": name, **{word.value.replace(" ", "_"): number for word, number in counts.items()}}
            for name, counts in since.counts.items()
        ],
        "causes": [
            {"change": word.value, "causes": list(causes), "number": number}
            for word, counts in since.causes.items()
            for causes, number in counts.items()
        ],
    }


def acceptance(item: Acceptance | None) -> dict[str, Any] | None:
    """Somebody's word on a baseline, as JSON holds it."""
    if item is None:
        return None
    return {"by": item.by, "reason": item.reason, "at": instants.iso(item.at), "sha256": item.sha256}
