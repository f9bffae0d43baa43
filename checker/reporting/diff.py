"""A comparison of two runs as text, JSON, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from checker import instants
from checker.compare.diff import ComparedRun, Comparison, FindingChange
from checker.evaluation.finding_states import FindingState
from checker.model import Category, Factor
from checker.problems import printable
from checker.reporting import finding_text
from checker.reporting.escape import json_text, one_line, shorten
from checker.reporting.normal_form import subject_members
from checker.reporting.report_options import Options

SCHEMA = "imageset-checker/diff/1"
MOST_CHANGES = 50
MOST_ROWS = 500
WIDEST = 300

MEANINGS: Mapping[Category, str] = {
    Category.NEW: "a finding that was none before, or another one: see the cause",
    Category.UNDECIDED: "a fail before, now it cannot be found out: not fixed",
    Category.NOT_JUDGED: "a finding before, now the rule or the subject is not looked at: not fixed",
    Category.FIXED: "a fail before, now it passes or the rule does not apply",
    Category.DECIDED: "unknown before, now it passes or the rule does not apply",
    Category.WAIVED: "it was not waived before",
    Category.PERSISTING: "a finding in both runs",
}
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


def cause(causes: tuple[Factor, ...], together: tuple[Factor, ...] = ()) -> str:
    """Causes in words: `data`, `data; clock`, `several together: data, clock`."""
    if causes:
        return "; ".join(factor.value for factor in causes)
    if together:
        return f"several together: {', '.join(factor.value for factor in together)}"
    return ""


def sentence(comparison: Comparison) -> str:
    """What changed, in one line."""
    found = comparison.categories
    parts = [f"{number:,} {category.value}" for category, number in found.items() if number]
    return f"{', '.join(parts)}." if parts else "No findings in either run."


def differ(comparison: Comparison) -> str:
    """In what the runs differ, in one line."""
    if not comparison.factors:
        return "The runs rest on the same evidence, policies and waivers, at the same instant."
    return f"The runs differ in: {', '.join(factor.value for factor in comparison.factors)}."


def table(comparison: Comparison) -> list[tuple[str, str, str, int]]:
    """Rule, category, cause and number, by rule; what persists last."""
    return [
        (
            comparison.rule(counted.entry).name,
            counted.category.value,
            cause(counted.causes, _together(comparison, counted.entry, counted.category)),
            counted.number,
        )
        for counted in sorted(
            comparison.counts,
            key=lambda found: (found.entry, list(Category).index(found.category), found.causes),
        )
    ]


def _together(comparison: Comparison, entry: int, category: Category) -> tuple[Factor, ...]:
    if category is Category.PERSISTING:
        return ()
    return tuple(factor for factor in comparison.factors if factor in comparison.entries[entry].factors)


def text(comparison: Comparison, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """The summary for a terminal, and the first changes."""
    out.writelines(f"{line}\n" for line in _lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield sentence(comparison)
    yield ""
    for label, side in (("Old", comparison.old), ("New", comparison.new)):
        yield f"{label:<5} {_side(side)}"
    yield f"      {differ(comparison)}"
    rows = table(comparison)
    if rows:
        yield ""
        width = min(60, max(len(row[0]) for row in rows))
        yield f"{'RULE':<{width}}  {'CHANGE':<19}  {'NUMBER':>9}  CAUSE"
        for name, category, why, number in rows:
            yield f"{_safe(name, 60):<{width}}  {category:<19}  {number:>9,}  {why}".rstrip()
    if comparison.total:
        yield ""
        shown = f", first {MOST_CHANGES}" if comparison.total > MOST_CHANGES else ""
        yield f"Changes ({comparison.total:,}{shown})"
        for change in comparison.changes(MOST_CHANGES):
            yield f"  {change.category.value:<19}  {_safe(change.rule.name)}  {_safe(change.subject.name)}"
            yield f"  {'':<19}  {was_now(change)}; {remarks(comparison, change)}"
            if change.message:
                yield f"  {'':<19}  {_safe(change.message)}"
        if comparison.total > MOST_CHANGES:
            rest = comparison.total - MOST_CHANGES
            yield f"  ... and {rest:,} more (all of them: --report json=diff.json)"


def remarks(comparison: Comparison, change: FindingChange) -> str:
    """Why it changed, whether it comes and goes, and since when it is, or was, a finding."""
    said = [cause(change.causes, change.together), "flapping" * change.flapping]
    if change.first_seen:
        said.append(
            f"first seen {finding_text.since(change.first_seen, change.first_run, comparison.new.as_of)}"
        )
    return "; ".join(filter(None, said))


def was_now(change: FindingChange) -> str:
    """`pass -> fail`."""
    return f"{change.was.words} -> {change.now.words}"


def _side(side: ComparedRun) -> str:
    flag = " (hypothetical)" if side.hypothetical else ""
    return f"{_safe(side.name)}  {_safe(side.audit)}, as of {instants.iso(side.as_of)}{flag}"


def json(comparison: Comparison, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """docs/diff-1.schema.json: one change a line."""
    header = {
        "schema": SCHEMA,
        "old": _json_side(comparison.old),
        "new": _json_side(comparison.new),
        "differ": [factor.value for factor in comparison.factors],
        "earlier_runs": comparison.earlier,
        "summary": {
            **{
                category.value.replace(" ", "_"): number for category, number in comparison.categories.items()
            },
            "rules": [_json_counted(comparison, index) for index in range(len(comparison.counts))],
        },
    }
    out.write(f"{json_text(header, indent=2).removesuffix(chr(10) + '}')},\n")
    out.write('  "changes": [')
    lead = "\n    "
    for change in comparison.changes():
        out.write(lead + json_text(_json_change(change)))
        lead = ",\n    "
    out.write("]\n}\n" if lead.startswith("\n") else "\n  ]\n}\n")


def _json_counted(comparison: Comparison, index: int) -> dict[str, Any]:
    counted = comparison.counts[index]
    rule = comparison.rule(counted.entry)
    causes = counted.causes
    together = () if causes else _together(comparison, counted.entry, counted.category)
    return {
        "rule": rule.id,
        "pack": rule.pack,
        "category": counted.category.value,
        "causes": [factor.value for factor in causes],
        "together": [factor.value for factor in together],
        "number": counted.number,
    }


def _json_side(side: ComparedRun) -> dict[str, Any]:
    return {
        "run": side.name,
        "name": side.audit,
        "as_of": instants.iso(side.as_of),
        "hypothetical": side.hypothetical,
        "tool_version": side.tool_version,
    }


def _json_change(change: FindingChange) -> dict[str, Any]:
    subject = change.subject
    return {
        "rule": change.rule.id,
        "pack": change.rule.pack,
        "severity": change.rule.severity.value,
        "category": change.category.value,
        "was": _json_state(change.was),
        "now": _json_state(change.now),
        "causes": [factor.value for factor in change.causes],
        "together": [factor.value for factor in change.together],
        "subject": subject.name,
        **subject_members(subject),
        "message": change.message or None,
        "flapping": change.flapping,
        "first_seen": instants.iso(change.first_seen) if change.first_seen else None,
        "first_seen_run": change.first_run,
    }


def _json_state(state: FindingState) -> dict[str, Any]:
    return {
        "verdict": state.verdict.value if state.verdict else None,
        "waived": state.waived,
        "judged": state.judged,
    }


def _safe(said: str, most: int = WIDEST) -> str:
    return shorten(printable(one_line(said)), most)
