"""CSV files whose cells know where they stand."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from checker.model import Location
from checker.problems import Problem
from checker.yamlsource import Node

ID_COLUMNS = ("imageSetId", "id")
VERSION_COLUMNS = ("version", "versionId")


class Cell(NamedTuple):
    """A cell: `value` without surrounding blanks, `line` from 1 where its row begins, `column` counts from 0."""

    table: Table
    line: int
    column: int
    value: str

    @property
    def where(self) -> Location:
        """The cell's first character; of a row that spans lines, the row's."""
        return Location(self.table.path, self.line, self._span[0] + 1)

    @property
    def head(self) -> Cell:
        """The cell of the header above it."""
        return Cell(self.table, self.table.header_line, self.column, self.table.header[self.column])

    def problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        """A problem shown at this cell."""
        start, end = self._span
        return Problem(
            self.where, message, hint, self.table.lines[self.line - 1], max(1, end - start), warning
        )

    @property
    def _span(self) -> tuple[int, int]:
        """Start and end in the line, found anew for each problem: 100,000 rows are read faster without it."""
        start, passed, quoted = 0, 0, False
        line = self.table.lines[self.line - 1]
        for position, character in enumerate(line):
            if character == '"':
                quoted = not quoted
            elif character == "," and not quoted:
                if passed == self.column:
                    return start, position
                start, passed = position + 1, passed + 1
        return (start, len(line)) if passed == self.column else (0, len(line))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A CSV file: its header, and every row that is not blank with the line where it begins."""

    path: str
    lines: Sequence[str]
    header_line: int
    header: tuple[str, ...]
    rows: Sequence[tuple[int, list[str]]]
    sha256: str
    id_column: int
    version_column: int | None

    @property
    def label_columns(self) -> tuple[tuple[int, str], ...]:
        """Every column that is neither the id nor the version, with its name."""
        taken = (self.id_column, self.version_column)
        return tuple((index, name) for index, name in enumerate(self.header) if index not in taken)

    def cell(self, line: int, column: int, value: str) -> Cell:
        """A cell of this table."""
        return Cell(self, line, column, value)


def read(path: Path, shown: str, at: Node, problems: list[Problem]) -> Table | None:
    """The table in a file of UTF-8 (a byte order mark is tolerated); None with the problems noted.

    `at` is where audit.yaml names the file: the place of a file that cannot be read.
    """
    try:
        source = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problems.append(at.problem(f"{shown} cannot be read: {reason.lower()}"))
        return None
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace")
        where = Location(shown, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        message = f"byte 0x{source[error.start]:02x} is not UTF-8"
        problems.append(Problem(where, message, "save the file as UTF-8"))
        return None
    # StringIO's lines are an editor's; str.splitlines() would also break at U+2028 and its like
    lines = list(io.StringIO(text, newline=""))
    found = list(_rows(lines, shown, problems))
    stripped = [line.rstrip("\r\n") for line in lines]
    if not found:
        problems.append(Problem(shown, "the file is empty", "the first line names the columns"))
        return None
    return _table(shown, stripped, found, hashlib.sha256(source).hexdigest(), problems)


def _rows(lines: list[str], shown: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)
    begin = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield begin, row
            begin = reader.line_num + 1
    except csv.Error as error:
        where = Location(shown, begin, 1)
        problems.append(Problem(where, f"not valid CSV: {error}", line=lines[begin - 1].rstrip("\r\n")))


def _table(
    shown: str, lines: list[str], found: list[tuple[int, list[str]]], sha256: str, problems: list[Problem]
) -> Table | None:
    first, names = found[0]
    header = tuple(name.strip() for name in names)
    ids = [index for index, name in enumerate(header) if name in ID_COLUMNS]
    versions = [index for index, name in enumerate(header) if name in VERSION_COLUMNS]
    whole = [(line, row) for line, row in found[1:] if len(row) == len(header)]
    columns = (ids[0] if ids else 0, versions[0] if versions else None)
    table = Table(shown, lines, first, header, whole, sha256, *columns)
    before = len(problems)
    if not ids:
        other = ";" in lines[first - 1] or "\t" in lines[first - 1]
        columns_named = "the first line names the columns: imageSetId, version, and one for each label"
        hint = "separate the columns with commas" if other else columns_named
        problems.append(table.cell(first, 0, "").problem("no column is called imageSetId", hint))
    for index, name in enumerate(header):
        if not name:
            problems.append(table.cell(first, index, name).problem("a column has no name"))
        elif name in header[:index] or index in (*ids[1:], *versions[1:]):
            problems.append(table.cell(first, index, name).problem(f"a second column {name}"))
    if len(problems) > before:
        return None  # the rows' problems would follow from the header's
    for line, row in found[1:]:
        if len(row) != len(header):
            message = f"the row's length is {len(row)}, but the first line names {len(header)} columns"
            problems.append(table.cell(line, 0, "").problem(message, "put text that has a comma in quotes"))
    return table
