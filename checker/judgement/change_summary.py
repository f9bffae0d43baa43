"""What changed between two runs, in the words of every report: what became of findings, why, and the sentence on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from checker.judgement.gate import Gate
from checker.judgement.run import PreviousRuns
from checker.model import Category, ChangeNumbers, Factor

if TYPE_CHECKING:
    from checker.evaluation.change_totals import ChangeSince

MEANINGS: Mapping[Category, str] = {
    Category.NEW: "a finding that was none before, or another one: see the cause",
    Category.UNDECIDED: "a fail before, now it cannot be found out: not fixed",
    Category.NOT_JUDGED: "a finding before, now the rule or the subject is not looked at: not fixed",
    Category.FIXED: "a fail before, now it passes or the rule does not apply",
    Category.DECIDED: "unknown before, now it passes or the rule does not apply",
    Category.WAIVED: "it was not waived before",
    Category.PERSISTING: "a finding in both runs",
}
"""What became of a finding, in the order of reports (docs/history.md)."""
CAUSES: Mapping[Factor, str] = {
    Factor.DATA: "the evidence: what was answered, labels, what is listed, what earlier runs saw",
    Factor.POLICY: "the rule: its condition or a parameter, or it is in one run only",
    Factor.SEVERITY: "the rule is more severe",
    Factor.WAIVER: "the waivers of the rule",
    Factor.CLOCK: "the time that passed",
    Factor.VERSION: "another version of the image set than the one that failed",
    Factor.FIRST_JUDGED: "nobody had judged it before: the rule, or the image set, is new, or it could not be found out",
    Factor.TOOL: "another version of the program judged",
}
"""Why it did (docs/history.md)."""
WHY_NEW: Mapping[Factor, str] = {
    Factor.DATA: "since the answers changed",
    Factor.POLICY: "since the rule changed",
    Factor.SEVERITY: "since the rule is more severe",
    Factor.WAIVER: "since a waiver ended",
    Factor.CLOCK: "since time passed",
    Factor.VERSION: "in another version",
    Factor.FIRST_JUDGED: "judged for the first time",
    Factor.TOOL: "by another version of the program",
}
"""The same of what is new, as sentences say it."""
NOTHING = "no finding then or now"


def change_sentence(before: PreviousRuns, change: ChangeSince | None, gate: Gate) -> str:
    """`Since the last run (RUN): 54 new, since the rule changed; 3 fixed, 119 persisting.`; nothing where no run is
    compared with and `new_only` does not ask for one."""
    if before.compared is None or change is None:
        return "No baseline yet: all findings count." if gate.new_only else ""
    return f"Since {before.compared.words} ({before.compared.run}): {numbers_text(change.numbers, causes_of_new(change))}."


def numbers_text(numbers: ChangeNumbers, causes: list[tuple[int, str]]) -> str:
    """What became of how many findings: `54 new, since the rule changed; 3 fixed, 119 persisting`.

    Args:
        numbers: those of two runs.
        causes: how many are new for which reason, as `causes_of_new` has it.
    """
    others = ", ".join(
        f"{number:,} {item.value}" for item, number in numbers.totals.items() if item is not Category.NEW
    )
    return "; ".join(filter(None, (_new(numbers.number(Category.NEW), causes), others))) or NOTHING


def causes_of_new(change: ChangeSince) -> list[tuple[int, str]]:
    """How many findings are new for which reason, the most first: `since the rule changed and in another version`."""
    return why_new({tuple(map(Factor, words)): n for words, n in change.causes.get(Category.NEW, {}).items()})


def why_new(counts: Mapping[tuple[Factor, ...], int]) -> list[tuple[int, str]]:
    """The same of counts by causes; what has no cause by itself comes of several together."""
    causes = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        (number, " and ".join(WHY_NEW[factor] for factor in factors) or "for several reasons together")
        for factors, number in causes
    ]


def _new(number: int, causes: list[tuple[int, str]]) -> str:
    if not number:
        return ""
    if len(causes) < 2:
        return ", ".join((f"{number:,} new", *(text for _, text in causes)))
    return f"{number:,} new: " + ", ".join(f"{many:,} {text}" for many, text in causes)
