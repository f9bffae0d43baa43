"""Where the rest is of a list of which a report shows the first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import PurePath

from checker.problems import one_line
from checker.reporting.delivery import STDOUT
from checker.reporting.report_options import Options
from checker.reporting.text_layout import cells

JSON = ("json",)


def full_list(options: Options, usual: str) -> str:
    """Where all of a list is, in a sentence of a page: `all of them are in diff.json`.

    Args:
        options: those of the report.
        usual: the file that the reader could ask for.
    """
    names = _names(options, JSON)
    return f"all of them are in {' and '.join(names)}" if names else f"all of them: --report json={usual}"


def more_lines(
    number: int,
    options: Options,
    usual: str,
    *,
    width: int,
    formats: Collection[str] = JSON,
    indent: str = "  ",
) -> Iterator[str]:
    """That there are so many more, and where: paths are never broken, so that they can be copied.

    Args:
        number: how many are not shown.
        options: those of the report.
        usual: the file that the reader could ask for.
        width: cells of a line, that none but a path is wider than.
        formats: reports that have all.
        indent: what lines begin with.
    """
    line = f"{indent}... and {number:,} more"
    for word in place(options, usual, formats).split("\n"):
        if cells(f"{line} {word}") > width:
            yield line
            line = f"{indent}   "
        line = f"{line} {word}"
    yield line


def place(options: Options, usual: str, formats: Collection[str]) -> str:
    """`in out/a.html and out/a.json`, with line breaks where a line may end."""
    names = _names(options, formats)
    return "in\n" + " and\n".join(names) if names else f"(all of them: --report json={usual})"


def _names(options: Options, formats: Collection[str]) -> list[str]:
    paths = [path for kind, path in options.siblings.items() if kind in formats and path != STDOUT]
    return [one_line(path if options.folders else PurePath(path).name) for path in paths]
