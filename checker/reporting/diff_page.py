"""A comparison of two runs as Markdown, for the summary of a job, and as a page."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, TextIO

from checker import instants
from checker.compare.diff import Comparison
from checker.package_data import folder
from checker.reporting import diff
from checker.reporting.escape import one_line, shorten, visible
from checker.reporting.report_options import Options
from checker.reporting.templates import template

LONGEST = 2_000
# whatever Markdown or HTML in it may act on
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>&@:])")


def markdown(comparison: Comparison, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """The counts as a table, and the first changes as another one."""
    out.write(
        f"## {cell(comparison.old.name)} → {cell(comparison.new.name)}\n\n{cell(diff.sentence(comparison))}\n\n"
    )
    out.write(f"{cell(diff.differ(comparison))}\n")
    rows = diff.table(comparison)
    if rows:
        out.write("\n| rule | change | number | cause |\n| --- | --- | ---: | --- |\n")
        out.writelines(
            f"| {cell(name)} | {cell(category)} | {number:,} | {cell(why)} |\n"
            for name, category, why, number in rows
        )
    if comparison.total:
        out.write(
            "\n| change | rule | subject | was → is | cause | found |\n| --- | --- | --- | --- | --- | --- |\n"
        )
        for change in comparison.changes(diff.MOST_CHANGES):
            cells = (
                change.category.value,
                change.rule.name,
                change.subject.name,
                f"{change.was.words} → {change.now.words}",
                diff.remarks(comparison, change),
                change.message,
            )
            out.write(f"| {' | '.join(map(cell, cells))} |\n")
    if comparison.total > diff.MOST_CHANGES:
        out.write(f"\nAnd {comparison.total - diff.MOST_CHANGES:,} more changes.\n")


def cell(text: str) -> str:
    """Untrusted text as Markdown that shows it, and does nothing else, in a table too."""
    plain = shorten(visible(one_line(text)), diff.WIDEST)
    return _MARKS.sub(lambda match: f"&#{ord(match[0])};" if match[0] in "<>&@:|" else f"\\{match[0]}", plain)


def html(comparison: Comparison, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """A page without a script; of the changes it holds the first, and says how many there are."""
    style = (folder("reports") / "html" / "page.css").read_text(encoding="utf-8")
    out.writelines(template("html/diff.html.jinja", _shown).generate(**_context(comparison, style)))


def _context(comparison: Comparison, style: str) -> dict[str, Any]:
    from markupsafe import Markup

    return {
        "one": comparison,
        "sentence": diff.sentence(comparison),
        "differ": diff.differ(comparison),
        "sides": [
            ("Old run", comparison.old, instants.iso(comparison.old.as_of)),
            ("New run", comparison.new, instants.iso(comparison.new.as_of)),
        ],
        "categories": [(category, number) for category, number in comparison.categories.items() if number],
        "meanings": diff.MEANINGS,
        "causes": diff.CAUSES,
        "table": diff.table(comparison),
        "changes": list(comparison.changes(diff.MOST_ROWS)),
        "cause": diff.cause,
        "remarks": diff.remarks,
        "style": Markup(style),  # noqa: S704 - our own file
        "style_hash": "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    }


def _shown(text: str) -> str:
    return visible(shorten(text, LONGEST))
