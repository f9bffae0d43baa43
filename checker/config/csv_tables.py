"""CSV files whose cells know where they stand."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from checker.input_files import LARGEST_TABLE, UnreadableError, read_input
from checker.model import Location
from checker.problems import Problem, mask
from checker.yaml_nodes import Node

ID_COLUMNS = ("imageSetId", "id")
VERSION_COLUMNS = ("version", "versionId")
STORE_COLUMNS = ("datastoreId",)
COLUMNS = (*ID_COLUMNS, *VERSION_COLUMNS, *STORE_COLUMNS)
"""The names of columns that are no labels."""
_SEPARATORS = str.maketrans("", "", "_-. ")


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
        """A problem shown at this cell. The others of its line may be data of patients and are not shown, and neither is
        a cell that begins in a later line than its row."""
        start, end = self._span
        line = mask(self.table.lines[self.line - 1], ",", start, end) if end else None
        return Problem(self.where, message, hint, line, max(1, end - start), warning)

    @property
    def _span(self) -> tuple[int, int]:
        """Start and end in the line, nothing where it is in a later one; found anew for each problem: 100,000 rows are read
        faster without it."""
        start, passed, quoted = 0, 0, False
        line = self.table.lines[self.line - 1]
        for position, character in enumerate(line):
            if character == '"':
                quoted = not quoted
            elif character == "," and not quoted:
                if passed == self.column:
                    return start, position
                start, passed = position + 1, passed + 1
        return (start, len(line)) if passed == self.column else (0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A CSV file: its header, and every row that is not blank with the line where it begins. A column without a name is
    empty in each row."""

    path: str
    lines: Sequence[str]
    header_line: int
    header: tuple[str, ...]
    rows: Sequence[tuple[int, list[str]]]
    sha256: str
    id_column: int
    version_column: int | None
    store_column: int | None = None

    @property
    def label_columns(self) -> tuple[tuple[int, str], ...]:
        """Every column with a name that is neither an id nor the version."""
        taken = (self.id_column, self.version_column, self.store_column)
        return tuple((index, name) for index, name in enumerate(self.header) if name and index not in taken)

    def cell(self, line: int, column: int, value: str) -> Cell:
        """A cell of this table."""
        return Cell(self, line, column, value)


def read(path: Path, shown: str, at: Node, problems: list[Problem]) -> Table | None:
    """The table in a file of UTF-8 (a byte order mark is tolerated); None with the problems noted.

    `at` is where audit.yaml names the file: the place of a file that cannot be read.
    """
    try:
        source = read_input(path, LARGEST_TABLE, "an inventory may have 1 GiB")
    except UnreadableError as error:
        said = str(error)
        problems.append(
            at.problem(f"{shown} {said}" if said.startswith("cannot") else f"{shown}: {said}", error.hint)
        )
        return None
    if other := _no_csv(source):
        hint = (
            "an inventory is CSV: a line of columns (imageSetId, version, labels), then one line an image set"
        )
        problems.append(Problem(shown, other, hint))
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
    known = len(problems)
    found = list(_rows(lines, shown, problems))
    stripped = [line.rstrip("\r\n") for line in lines]
    if not found and len(problems) > known:
        return None
    if not found:
        problems.append(Problem(shown, "the file is empty", "the first line names the columns"))
        return None
    return _table(shown, stripped, found, hashlib.sha256(source).hexdigest(), problems)


def _no_csv(source: bytes) -> str:
    """What a file is whose first characters no CSV file has; nothing for another one."""
    if source.startswith(b"PK\x03\x04"):
        return "this is a workbook or a zip archive"
    first = source.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return "this is JSON" if first in (b"[", b"{") else ""


def _rows(lines: list[str], shown: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)
    begin = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield begin, row
            begin = reader.line_num + 1
    except csv.Error as error:
        problems.append(Problem(Location(shown, begin, 1), f"not valid CSV: {error}"))


def _table(
    shown: str, lines: list[str], found: list[tuple[int, list[str]]], sha256: str, problems: list[Problem]
) -> Table | None:
    (first, names), rows = found[0], found[1:]
    header = tuple(name.strip() for name in names)
    columns = [
        [index for index, name in enumerate(header) if name in known]
        for known in (ID_COLUMNS, VERSION_COLUMNS, STORE_COLUMNS)
    ]
    ids, versions, stores = ([*column, None][0] for column in columns)
    width = max((index + 1 for index, name in enumerate(header) if name), default=0)
    whole = [
        (line, row[:width])
        for line, row in rows
        if len(row) >= width and not any(map(str.strip, row[width:]))
    ]
    table = Table(shown, lines, first, header[:width], whole, sha256, ids or 0, versions, stores)
    wrong = list(_of_header(table, columns, header, rows))
    # the rows' problems would follow from the header's
    problems += wrong or list(_of_rows(table, rows))
    return None if wrong else table


def _of_header(
    table: Table, columns: list[list[int]], header: tuple[str, ...], rows: Sequence[tuple[int, list[str]]]
) -> Iterator[Problem]:
    """What is wrong with the names of the columns."""

    def at(index: int) -> Cell:
        return table.cell(table.header_line, index, header[index])

    for known, found in zip((ID_COLUMNS, VERSION_COLUMNS, STORE_COLUMNS), columns, strict=True):
        meant = {_folded(name) for name in known}
        near = [] if found else [index for index, name in enumerate(header) if _folded(name) in meant]
        for index in near:
            yield at(index).problem(
                f"unknown column {header[index]}", f"did you mean {_meant(header[index], known)}?"
            )
        if known is ID_COLUMNS and not found and not near:
            yield _no_ids(table)
    twice = [index for found in columns for index in found[1:]]
    for index, name in enumerate(header):
        if not name and any(row[index : index + 1] != [] and row[index].strip() for _, row in rows):
            yield at(index).problem("a column has no name")
        elif name and (name in header[:index] or index in twice):
            yield at(index).problem(f"a second column {name}")


def _no_ids(table: Table) -> Problem:
    # the line is not shown: without a header it is a row
    line = table.lines[table.header_line - 1]
    named = "the first line names the columns: imageSetId, version, and one for each label"
    hint = "separate the columns with commas" if ";" in line or "\t" in line else named
    return Problem(Location(table.path, table.header_line, 1), "no column is called imageSetId", hint)


def _of_rows(table: Table, rows: Sequence[tuple[int, list[str]]]) -> Iterator[Problem]:
    width = len(table.header)
    for line, row in rows:
        if len(row) < width or any(cell.strip() for cell in row[width:]):
            # not shown: nobody knows which of its cells are data of patients
            message = f"the row's length is {len(row)}, but the first line names {width} columns"
            yield Problem(Location(table.path, line, 1), message, "put text that has a comma in quotes")


def _folded(name: str) -> str:
    return name.translate(_SEPARATORS).casefold()


def _meant(name: str, known: Sequence[str]) -> str:
    """The name that another spelling of it means."""
    return next(field for field in known if _folded(field) == _folded(name))
