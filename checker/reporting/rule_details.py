"""What the page's list of findings says of a rule, beside its findings."""

from __future__ import annotations

from typing import Any

from checker.judgement.run import Run
from checker.model import Rule
from checker.reporting.escape import shorten, visible
from checker.reporting.policy_excerpt import excerpt

LONGEST = 2_000


def rule_details(run: Run, rule: Rule) -> dict[str, Any]:
    """Reasons, controls, and the lines of the policy."""
    owner = next((pack.owner for pack in run.criteria.packs if pack.name == rule.pack), "")
    controls = dict.fromkeys((item.framework, item.id, item.title) for item in rule.controls)
    return {
        "why": _text(rule.why),
        "fix": _text(rule.fix),
        "caveat": _text(rule.caveat),
        "owner": _text(owner),
        "tags": [_text(tag) for tag in rule.tags],
        "controls": [[_text(part) for part in item] for item in controls],
        "excerpt": [list(line) for line in excerpt(rule, run.criteria.packs)],
    }


def rule_totals(run: Run) -> list[list[Any]]:
    """Of each rule that has findings, the worst first: name, title, severity, its unwaived fails, unknowns and waived fails,
    and the fails and the unknowns that the gate counts."""
    found: list[list[Any]] = []
    for result in run.ranked:
        tally = result.tally
        if tally.fail or tally.unknown or tally.waived:
            rule = result.rule
            head = [rule.name, _text(rule.title), rule.severity.value]
            counted = run.ruling.counted(rule.severity, tally)
            found.append([*head, tally.fail, tally.unknown, tally.waived, *counted])
    return found


def _text(text: str) -> str:
    return visible(shorten(text, LONGEST))
