"""What changed since an earlier run, in a sentence that every report has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from checker.judgement.gate import Gate
from checker.judgement.run import PreviousRuns
from checker.model import Category

if TYPE_CHECKING:
    from checker.evaluation.change_totals import ChangeSince

CAUSES: Mapping[str, str] = {
    "data": "since the answers changed",
    "policy": "since the rule changed",
    "severity": "since the rule is more severe",
    "waiver": "since a waiver ended",
    "clock": "since time passed",
    "version": "in another version",
    "first judged": "judged for the first time",
}
"""Why findings are new, as sentences say it, by the word of the cause."""


def change_sentence(before: PreviousRuns, change: ChangeSince | None, gate: Gate) -> str:
    """`Since the last run (RUN): 54 new, since the rule changed; 119 persisting, 3 fixed.`; nothing where no run is
    compared with and `new_only` does not ask for one."""
    if before.compared is None or change is None:
        return "No baseline yet: all findings count." if gate.new_only else ""
    head = f"Since {before.compared.words} ({before.compared.run}): "
    if not change.numbers:
        return f"{head}no finding then or now."
    return head + "; ".join(filter(None, (_new(change), _others(change)))) + "."


def causes_of_new(change: ChangeSince) -> list[tuple[int, str]]:
    """How many findings are new for which reason, the most first: `since the rule changed and in another version`."""
    causes = sorted(change.causes.get(Category.NEW, {}).items(), key=lambda item: (-item[1], item[0]))
    return [(number, " and ".join(CAUSES[word] for word in words)) for words, number in causes]


def _new(change: ChangeSince) -> str:
    number = change.number(Category.NEW)
    if not number:
        return ""
    said = causes_of_new(change)
    if len(said) == 1:
        return f"{number} new, {said[0][1]}"
    return f"{number} new: " + ", ".join(f"{many} {text}" for many, text in said)


def _others(change: ChangeSince) -> str:
    others = ((item, number) for item, number in change.numbers.items() if item is not Category.NEW)
    return ", ".join(f"{number} {item.value}" for item, number in others)
