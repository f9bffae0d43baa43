"""A comparison of two runs as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from checker import instants
from checker.compare.diff import ComparedRun, Comparison, FindingChange
from checker.evaluation.finding_states import FindingState
from checker.judgement.change_summary import numbers_text, why_new
from checker.model import Category, Factor, Rule
from checker.problems import printable, without_markers
from checker.reporting import finding_text
from checker.reporting.change import TONES, numbers_document
from checker.reporting.escape import json_text, one_line, shorten
from checker.reporting.normal_form import subject_members
from checker.reporting.remainder import more_lines
from checker.reporting.report_options import Options
from checker.reporting.terminal_colors import COLOURS, paint
from checker.reporting.text_layout import LEAST, Column, table, wrap

SCHEMA = "imageset-checker/diff/1"
MOST_CHANGES = 50
WIDEST = 300
_INDENT = " " * 6
_RULES = (
    Column("RULE", wraps=True),
    Column("SEVERITY"),
    Column("CHANGE"),
    Column("NUMBER", number=True),
    Column("CAUSE", wraps=True, least=14),
)


def cause(causes: tuple[Factor, ...], together: tuple[Factor, ...] = ()) -> str:
    """Causes in words: `data`, `data; clock`, `several together: data, clock`."""
    if causes:
        return "; ".join(factor.value for factor in causes)
    if together:
        return f"several together: {', '.join(factor.value for factor in together)}"
    return ""


def sentence(comparison: Comparison) -> str:
    """What changed, in one line: as the sentence of a run says it of the run that it is compared with."""
    text = numbers_text(comparison.numbers, why_new(comparison.new_causes))
    return f"{text[0].upper()}{text[1:]}."


def differ(comparison: Comparison) -> str:
    """In what the runs differ, in one line."""
    if not comparison.factors:
        return "The runs rest on the same evidence, policies and waivers, at the same instant."
    return f"The runs differ in: {', '.join(factor.value for factor in comparison.factors)}."


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """How many findings of a rule have a category and the same causes, of which `cause` is the text."""

    rule: Rule
    category: Category
    cause: str
    number: int


def change_table(comparison: Comparison) -> list[ChangeRow]:
    """The counts by rule, the worst first; what persists last."""
    return [
        ChangeRow(
            comparison.rule(counted.entry),
            counted.category,
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


def text(comparison: Comparison, out: TextIO, options: Options) -> None:
    """The summary for a terminal, and the first changes."""
    out.writelines(without_markers(line) + "\n" for line in _lines(comparison, options))


def _lines(comparison: Comparison, options: Options) -> Iterator[str]:
    width = max(options.width, LEAST)
    yield from wrap(sentence(comparison), width)
    yield ""
    for label, side in (("Old", comparison.old), ("New", comparison.new)):
        yield from wrap(_side(side), width, first=f"{label:<5} ", rest=_INDENT)
    yield from wrap(differ(comparison), width, first=_INDENT, rest=_INDENT)
    yield from _tables(comparison, width)
    if comparison.total:
        yield ""
        shown = f", first {MOST_CHANGES}" if comparison.total > MOST_CHANGES else ""
        yield paint(f"Changes ({comparison.total:,}{shown})", "bold", on=options.color)
        for change in comparison.changes(MOST_CHANGES):
            yield from _change_lines(comparison, change, options, width)
        if comparison.total > MOST_CHANGES:
            yield from more_lines(comparison.total - MOST_CHANGES, options, "diff.json", width=width)


def _tables(comparison: Comparison, width: int) -> Iterator[str]:
    """The counts by severity, and by rule and cause."""
    numbers = comparison.numbers
    if not numbers.totals:
        return
    heads = [Column(category.value.upper(), number=True) for category in numbers.totals]
    rows = [
        (severity.value, *(f"{own[category]:,}" for category in numbers.totals))
        for severity, own in numbers.severities.items()
    ]
    yield ""
    yield from (line for row in table((Column("SEVERITY"), *heads), rows, width) for line in row)
    rows = [
        (_safe(row.rule.name, 60), row.rule.severity.value, row.category.value, f"{row.number:,}", row.cause)
        for row in change_table(comparison)
    ]
    yield ""
    yield from (line for row in table(_RULES, rows, width) for line in row)


def _change_lines(
    comparison: Comparison, change: FindingChange, options: Options, width: int
) -> Iterator[str]:
    word = change.category.value
    first, *more = wrap(f"{word}: {_safe(change.subject.name)}", width, first="  ", rest="      ")
    yield f"  {paint(word, COLOURS.get(TONES[change.category], ''), on=options.color)}{first[2 + len(word) :]}"
    yield from more
    said = f"{_safe(change.rule.name)} ({change.rule.severity}): {was_now(change)}; {remarks(comparison, change)}"
    for line in (said, _safe(change.message)):
        if line:
            yield from wrap(line, width, first="    ", rest="      ")


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
    outcome = f", {_safe(side.outcome)}" if side.outcome else ""
    return f"{_safe(side.name)} {_safe(side.audit)}, as of {instants.iso(side.as_of)}{flag}{outcome}"


def json(comparison: Comparison, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """docs/diff-1.schema.json: one change a line."""
    header = {
        "schema": SCHEMA,
        "old": _json_side(comparison.old),
        "new": _json_side(comparison.new),
        "differ": [factor.value for factor in comparison.factors],
        "earlier_runs": comparison.earlier,
        "summary": {
            **numbers_document(comparison.numbers),
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
        "severity": rule.severity.value,
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
        "outcome": side.outcome or None,
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
