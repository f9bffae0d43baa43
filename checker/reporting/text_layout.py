"""Text in columns: lines and tables that fit a width, measured in the cells of a terminal, of which a wide character has two."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from checker.problems import without_markers

LEAST = 40
"""The narrowest that lines are made."""
UNBROKEN = "\u00a0"
"""A space at which no line ends. Printable text has none of its own."""
_GAPS = (2, 1)
"""Between columns; the second where a table would not fit otherwise."""
_MOST_LINES = 5
"""Of a row of a table."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, whether numbers stand in it, whether its texts may take several lines, which are not
    made narrower than `least`, and what makes them shorter where the table would not fit otherwise."""

    head: str
    number: bool = False
    wraps: bool = False
    least: int = 24
    shorten: Callable[[str], str] = str


def without_milliseconds(text: str) -> str:
    """An instant to the second: for a table that has no room for more."""
    return re.sub(r"\.[0-9]{3}Z", "Z", text)


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


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int, *, head: bool = True
) -> Iterator[tuple[str, ...]]:
    """The lines of a table, its head first and then those of each row; where it cannot be made to fit, each row as a list of
    its cells.

    Args:
        columns: what stands in it.
        rows: texts, one for each column.
        width: cells of a line.
        head: whether there is a head.
    """
    full = [tuple(row) for row in rows]
    heads = [tuple(column.head for column in columns)] if head else []
    short = [tuple(column.shorten(cell) for column, cell in zip(columns, row, strict=True)) for row in full]
    # what can be made shorter is, before a text takes several lines
    tries = [(full, gap, full == short) for gap in _GAPS] + [(short, gap, True) for gap in _GAPS]
    for body, gap, wraps in tries:
        laid = _layout(columns, [*heads, *body], width, gap, wraps=wraps)
        if laid is not None:
            yield from laid
            return
    yield from (tuple(_listed(columns, row, width)) for row in full)


def _layout(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, gap: int, *, wraps: bool
) -> list[tuple[str, ...]] | None:
    """The lines of each row in columns; None where they do not fit, or would be a tower of parts of words."""
    natural = [max((cells(row[index]) for row in rows), default=0) for index in range(len(columns))]
    room = _widths(columns, natural, width - gap * (len(natural) - 1))
    if room is None or (room != natural and not wraps):
        return None
    lines = [tuple(_row(columns, row, room, gap)) for row in rows]
    return lines if max(map(len, lines), default=0) <= _MOST_LINES else None


def _widths(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int] | None:
    """The widths of columns that fit into a room; of those that wrap the widest gives way. None where none do."""
    over, found = sum(widths) - room, list(widths)
    for _ in range(over):
        giving = [
            index for index, column in enumerate(columns) if column.wraps and found[index] > column.least
        ]
        if not giving:
            return None
        found[max(giving, key=found.__getitem__)] -= 1
    return found


def _row(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], gap: int) -> Iterator[str]:
    """The lines of a row: all else stands on the last of its name, which is the first cell that wraps."""
    parts = [
        _name_lines(cell, size) if column.wraps else [cell]
        for column, cell, size in zip(columns, row, widths, strict=True)
    ]
    name = _name_index(columns)
    begin = 0 if name is None else len(parts[name]) - 1
    starts = [0 if index == name else begin for index in range(len(parts))]
    for number in range(max(start + len(part) for start, part in zip(starts, parts, strict=True))):
        line = [
            _pad(part[number - start] if 0 <= number - start < len(part) else "", size, right=column.number)
            for column, part, size, start in zip(columns, parts, widths, starts, strict=True)
        ]
        yield (" " * gap).join(line).rstrip()


def _name_index(columns: Sequence[Column]) -> int | None:
    return next((index for index, column in enumerate(columns) if column.wraps), None)


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
    """A row that no table has room for: its name, else its first cell, and the others with their heads: `high: title TEXT`."""
    main = _name_index(columns) or 0
    yield from wrap(row[main], width, rest="  ")
    others = [
        (column.head.lower(), cell)
        for index, (column, cell) in enumerate(zip(columns, row, strict=True))
        if index != main and cell
    ]
    texts = [f"{head}{UNBROKEN}{cell}" if head else cell for head, cell in others]
    if texts:
        lead = f"{texts.pop(0)}: " if len(texts) > 1 and not others[0][0] else ""
        yield from wrap(lead + ", ".join(texts), width, first="  ", rest="  ")


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * max(width - cells(text), 0)
    return space + text if right else text + space
