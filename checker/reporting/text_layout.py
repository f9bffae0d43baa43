"""Text in columns: lines and tables that fit a width, measured in the cells of a terminal, of which a wide character has two."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from checker.problems import without_markers

LEAST = 40
"""The narrowest that lines are made."""
UNBROKEN = "\u00a0"
"""A space at which no line ends. Printable text has none of its own."""
_GAPS = (2, 1)
"""Between columns; the second where a table would not fit otherwise."""
_NARROWEST_NAME = 24


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, whether numbers stand in it, and whether its texts may take several lines."""

    head: str
    number: bool = False
    wraps: bool = False


def cells(text: str) -> int:
    """How wide a text is."""
    return cell_len(text)


def wrap(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """A text in lines of at most a width, broken between words (but not where `UNBROKEN` stands); a word that is longer than a
    line is broken.

    Args:
        text: words.
        width: cells of a line.
        first: what the first line begins with.
        rest: what each further line begins with.
    """
    lines, line, used, empty = [], first, cells(first), True
    for word in text.split(" "):
        gap = "" if empty else " "
        if used + len(gap) + cells(word) > width and not empty:
            lines.append(line)
            line, used, gap = rest, cells(rest), ""
        *full, last = _pieces(word, width - used - len(gap), width - cells(rest))
        for piece in full:
            lines.append(line + gap + piece)
            line, used, gap = rest, cells(rest), ""
        line, used, empty = line + gap + last, used + len(gap) + cells(last), False
    return [item.replace(UNBROKEN, " ") for item in (*lines, line)]


def _pieces(word: str, first: int, width: int) -> Iterator[str]:
    """A word in pieces that fit; none of them begins with what a CI server takes for a command."""
    room = first
    while cells(word) > max(room, 1):
        piece, *_ = chop_cells(word, max(room, 1))
        piece = piece or word[0]
        yield piece
        word, room = without_markers(word[len(piece) :]), width
    yield word


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int) -> Iterator[tuple[str, ...]]:
    """The lines of a table, its head first and then those of each row; where it cannot be made to fit, each row as a list of
    its cells."""
    body = [tuple(row) for row in rows]
    heads = tuple(column.head for column in columns)
    widths = [max(cells(row[index]) for row in (heads, *body)) for index in range(len(columns))]
    wrapping = next((index for index, column in enumerate(columns) if column.wraps), None)
    for gap in _GAPS:
        over = sum(widths) + gap * (len(widths) - 1) - width
        if over > 0 and wrapping is not None:
            least = min(widths[wrapping], _NARROWEST_NAME)
            own = max(widths[wrapping] - over, least)
            over -= widths[wrapping] - own
            fitting = [*widths[:wrapping], own, *widths[wrapping + 1 :]]
        else:
            fitting = widths
        if over <= 0:
            yield from (tuple(_row(columns, row, fitting, gap)) for row in (heads, *body))
            return
    yield from (tuple(_listed(columns, row, width)) for row in body)


def _row(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], gap: int) -> Iterator[str]:
    """The lines of a row: its numbers stand on the last of them."""
    parts = [
        _name_lines(cell, size) if column.wraps else [cell]
        for column, cell, size in zip(columns, row, widths, strict=True)
    ]
    most = max(map(len, parts))
    for number in range(most):
        line = []
        for column, part, size in zip(columns, parts, widths, strict=True):
            index = number - (0 if column.wraps else most - len(part))
            cell = part[index] if 0 <= index < len(part) else ""
            line.append(_pad(cell, size, right=column.number))
        yield (" " * gap).join(line).rstrip()


def _name_lines(name: str, width: int) -> list[str]:
    """A name in lines, broken after its slashes and spaces, else after its hyphens, where that is enough; further lines are
    indented."""
    lines, line = [], ""
    for part in _parts(name, max(width - 2, 1)):
        if line.strip() and cells(line + part.rstrip()) > width:
            lines.append(line.rstrip())
            line = "  "
        *full, last = _pieces(part, width - cells(line), max(width - 2, 1))
        for piece in full:
            lines.append(line + piece)
            line = "  "
        line += last
    return [*lines, line.rstrip()]


def _parts(name: str, width: int) -> Iterator[str]:
    """The parts of a name between which a line may end."""
    for part in re.findall(r"[^ /]*[ /]|[^ /]+", name):
        if cells(part.rstrip()) <= width:
            yield part
        else:
            yield from re.findall(r"[^-]*-|[^-]+", part)


def _listed(columns: Sequence[Column], row: Sequence[str], width: int) -> Iterator[str]:
    """A row that no table has room for: the cell that may wrap, and the others with their heads."""
    main = next((index for index, column in enumerate(columns) if column.wraps), 0)
    yield from wrap(row[main], width, rest="  ")
    said = [
        f"{column.head.lower()}{UNBROKEN}{cell}"
        for index, (column, cell) in enumerate(zip(columns, row, strict=True))
        if index != main and cell
    ]
    if said:
        yield from wrap(", ".join(said), width, first="  ", rest="  ")


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * max(width - cells(text), 0)
    return space + text if right else text + space
