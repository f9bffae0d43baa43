"""A comparison of two runs as Markdown, for the summary of a job, and as a page."""

from __future__ import annotations

import re
from typing import Any, TextIO

from checker import instants
from checker.compare.diff import Comparison
from checker.judgement.change_summary import CAUSES, MEANINGS, why_new
from checker.reporting import change, diff, page_frame
from checker.reporting.escape import one_line, shorten, visible
from checker.reporting.remainder import full_list
from checker.reporting.report_options import Options

LIST_SIZES = (200, 50, 10, 0)
"""How many changes of each category the page shows: as many as fit."""
# whatever Markdown or HTML in it may act on
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>&@:])")


def markdown(comparison: Comparison, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """The counts as a table, and the first changes as another one."""
    out.write(
        f"## {cell(comparison.old.name)} → {cell(comparison.new.name)}\n\n{cell(diff.sentence(comparison))}\n\n"
    )
    out.write(f"{cell(diff.differ(comparison))}\n")
    _markdown_tables(comparison, out)
    if comparison.total:
        out.write(
            "\n| change | rule | subject | was → is | cause | found |\n| --- | --- | --- | --- | --- | --- |\n"
        )
        for item in comparison.changes(diff.MOST_CHANGES):
            cells = (
                item.category.value,
                f"{item.rule.name} ({item.rule.severity})",
                item.subject.name,
                f"{item.was.words} → {item.now.words}",
                diff.remarks(comparison, item),
                item.message,
            )
            out.write(f"| {' | '.join(map(cell, cells))} |\n")
    if comparison.total > diff.MOST_CHANGES:
        out.write(f"\nAnd {comparison.total - diff.MOST_CHANGES:,} more changes.\n")


def _markdown_tables(comparison: Comparison, out: TextIO) -> None:
    """The counts by severity, and by rule and cause."""
    numbers = comparison.numbers
    if not numbers.totals:
        return
    out.write(f"\n| severity | {' | '.join(numbers.totals)} |\n| --- |{' ---: |' * len(numbers.totals)}\n")
    out.writelines(
        f"| {severity} | {' | '.join(f'{own[word]:,}' for word in numbers.totals)} |\n"
        for severity, own in numbers.severities.items()
    )
    out.write("\n| rule | severity | change | number | cause |\n| --- | --- | --- | ---: | --- |\n")
    for row in diff.change_table(comparison):
        cells = (row.rule.name, row.rule.severity, row.category, f"{row.number:,}", row.cause)
        out.write(f"| {' | '.join(map(cell, cells))} |\n")


def cell(text: str) -> str:
    """Untrusted text as Markdown that shows it, and does nothing else, in a table too."""
    plain = shorten(visible(one_line(text)), diff.WIDEST)
    return _MARKS.sub(lambda match: f"&#{ord(match[0])};" if match[0] in "<>&@:|" else f"\\{match[0]}", plain)


def html(comparison: Comparison, out: TextIO, options: Options) -> None:
    """A page without a script; of each category of changes it holds the first, and says how many there are."""
    context = _context(comparison, options)
    out.write(page_frame.fit("html/diff.html.jinja", context, LIST_SIZES))


def _context(comparison: Comparison, options: Options) -> dict[str, Any]:
    numbers = comparison.numbers
    return {
        **page_frame.frame(page_frame.COMPARE_STYLES),
        "comparison": comparison,
        "numbers": numbers,
        "words": change.counts(numbers),
        "tones": change.TONES,
        "new_causes": why_new(comparison.new_causes),
        "sentence": diff.sentence(comparison),
        "differ": diff.differ(comparison),
        "sides": [("Old run", comparison.old), ("New run", comparison.new)],
        "iso": instants.iso,
        "meanings": MEANINGS,
        "causes": CAUSES,
        "table": diff.change_table(comparison),
        "full_list": full_list(options, "diff.json"),
        "first_changes": lambda category, most: list(comparison.changes(most, category)),
        "remarks": diff.remarks,
        "brief": lambda text: shorten(text, diff.WIDEST),
    }
