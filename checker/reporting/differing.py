"""A comparison of two runs as text, JSON, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from checker import values
from checker.audit.compare import Change, Comparison, Side
from checker.evaluation.causes import Factor
from checker.evaluation.finding_states import State
from checker.model import Category
from checker.problems import printable
from checker.reporting import wording
from checker.reporting.escaping import json_text, one_line, shorten

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
        return "; ".join(one.value for one in causes)
    if together:
        return f"several together: {', '.join(one.value for one in together)}"
    return ""


def sentence(one: Comparison) -> str:
    """What changed, in one line."""
    found = one.categories
    parts = [f"{number:,} {category.value}" for category, number in found.items() if number]
    return f"{', '.join(parts)}." if parts else "No findings in either run."


def differ(one: Comparison) -> str:
    """In what the runs differ, in one line."""
    if not one.factors:
        return "The runs rest on the same evidence, policies and waivers, at the same instant."
    return f"The runs differ in: {', '.join(factor.value for factor in one.factors)}."


def table(one: Comparison) -> list[tuple[str, str, str, int]]:
    """Rule, category, cause and number, by rule; what persists last."""
    return [
        (
            one.rule(counted.entry).name,
            counted.category.value,
            cause(counted.causes, _together(one, counted.entry, counted.category)),
            counted.number,
        )
        for counted in sorted(
            one.counts, key=lambda found: (found.entry, list(Category).index(found.category), found.causes)
        )
    ]


def _together(one: Comparison, entry: int, category: Category) -> tuple[Factor, ...]:
    if category is Category.PERSISTING:
        return ()
    return tuple(factor for factor in one.factors if factor in one.entries[entry].factors)


def text(one: Comparison, out: TextIO) -> None:
    """The summary for a terminal, and the first changes."""
    out.writelines(f"{line}\n" for line in _lines(one))


def _lines(one: Comparison) -> Iterator[str]:
    yield sentence(one)
    yield ""
    for label, side in (("Old", one.old), ("New", one.new)):
        yield f"{label:<5} {_side(side)}"
    yield f"      {differ(one)}"
    rows = table(one)
    if rows:
        yield ""
        width = min(60, max(len(row[0]) for row in rows))
        yield f"{'RULE':<{width}}  {'CHANGE':<19}  {'NUMBER':>9}  CAUSE"
        for name, category, why, number in rows:
            yield f"{_safe(name, 60):<{width}}  {category:<19}  {number:>9,}  {why}".rstrip()
    if one.total:
        yield ""
        shown = f", first {MOST_CHANGES}" if one.total > MOST_CHANGES else ""
        yield f"Changes ({one.total:,}{shown})"
        for change in one.changes(MOST_CHANGES):
            yield f"  {change.category.value:<19}  {_safe(change.rule.name)}  {_safe(change.subject.name)}"
            yield f"  {'':<19}  {was_now(change)}; {remarks(one, change)}"
            if change.message:
                yield f"  {'':<19}  {_safe(change.message)}"
        if one.total > MOST_CHANGES:
            rest = one.total - MOST_CHANGES
            yield f"  ... and {rest:,} more (all of them: --report json=diff.json)"


def remarks(one: Comparison, change: Change) -> str:
    """Why it changed, whether it comes and goes, and since when it is, or was, a finding."""
    said = [cause(change.causes, change.together), "flapping" * change.flapping]
    if change.first_seen:
        said.append(f"first seen {wording.since(change.first_seen, change.first_run, one.new.as_of)}")
    return "; ".join(filter(None, said))


def was_now(change: Change) -> str:
    """`pass -> fail`."""
    return f"{change.was.words} -> {change.now.words}"


def _side(side: Side) -> str:
    flag = " (hypothetical)" if side.hypothetical else ""
    return f"{_safe(side.name)}  {_safe(side.audit)}, as of {values.iso(side.as_of)}{flag}"


def json(one: Comparison, out: TextIO) -> None:
    """docs/diff-1.schema.json: one change a line."""
    header = {
        "schema": SCHEMA,
        "old": _json_side(one.old),
        "new": _json_side(one.new),
        "differ": [factor.value for factor in one.factors],
        "earlier_runs": one.earlier,
        "summary": {
            **{category.value.replace(" ", "_"): number for category, number in one.categories.items()},
            "rules": [_json_counted(one, index) for index in range(len(one.counts))],
        },
    }
    out.write(f"{json_text(header, indent=2).removesuffix(chr(10) + '}')},\n")
    out.write('  "changes": [')
    lead = "\n    "
    for change in one.changes():
        out.write(lead + json_text(_json_change(change)))
        lead = ",\n    "
    out.write("]\n}\n" if lead.startswith("\n") else "\n  ]\n}\n")


def _json_counted(one: Comparison, index: int) -> dict[str, Any]:
    counted = one.counts[index]
    rule = one.rule(counted.entry)
    causes = counted.causes
    together = () if causes else _together(one, counted.entry, counted.category)
    return {
        "rule": rule.id,
        "pack": rule.pack,
        "category": counted.category.value,
        "causes": [factor.value for factor in causes],
        "together": [factor.value for factor in together],
        "number": counted.number,
    }


def _json_side(side: Side) -> dict[str, Any]:
    return {
        "run": side.name,
        "name": side.audit,
        "as_of": values.iso(side.as_of),
        "hypothetical": side.hypothetical,
        "tool_version": side.tool_version,
    }


def _json_change(one: Change) -> dict[str, Any]:
    subject = one.subject
    return {
        "rule": one.rule.id,
        "pack": one.rule.pack,
        "severity": one.rule.severity.value,
        "category": one.category.value,
        "was": _json_state(one.was),
        "now": _json_state(one.now),
        "causes": [factor.value for factor in one.causes],
        "together": [factor.value for factor in one.together],
        "subject": subject.name,
        "target": subject.target,
        "account": subject.account,
        "region": subject.region,
        "datastoreId": subject.datastore_id,
        "imageSetId": subject.image_set_id,
        "versionId": None if subject.version_id is None else str(subject.version_id),
        "message": one.message or None,
        "flapping": one.flapping,
        "first_seen": values.iso(one.first_seen) if one.first_seen else None,
        "first_seen_run": one.first_run,
    }


def _json_state(state: State) -> dict[str, Any]:
    return {
        "verdict": state.verdict.value if state.verdict else None,
        "waived": state.waived,
        "judged": state.judged,
    }


def _safe(said: str, most: int = WIDEST) -> str:
    return shorten(printable(one_line(said)), most)
