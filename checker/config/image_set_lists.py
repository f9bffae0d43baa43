"""The image sets that a target lists: ids and mappings in audit.yaml, or the rows of a CSV file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from checker.config import csv_tables
from checker.config.audit import ListedImageSet
from checker.config.csv_tables import Cell, Table
from checker.problems import Problem, nearest, suggest
from checker.values import INTEGERS, BadValueError, parse_path
from checker.yaml_nodes import Entry, Node

ENTRY_KEYS = ("id", "version", "labels")
EVERY = frozenset({"*", "any", "each", "every", "everything"})
"""What people write who mean all image sets."""
_ID = re.compile(r"[0-9a-z]{32}")
_VERSION = re.compile(r"[1-9][0-9]{0,18}")


@dataclass
class CsvFiles:
    """CSV files of one audit.yaml, each read once."""

    root: Path
    shown: str
    problems: list[Problem]
    read: dict[Path, Table | None] = field(default_factory=dict)

    def table(self, node: Node) -> Table | None:
        """The table that a path in audit.yaml names; None with the problems noted."""
        try:
            written = parse_path(node.value)
        except BadValueError as error:
            self.problems.append(node.problem(str(error), error.hint))
            return None
        path = self.root / written
        if path not in self.read:
            shown = (PurePosixPath(self.shown).parent / PurePosixPath(written)).as_posix()
            self.read[path] = csv_tables.read(path, shown, node, self.problems)
        return self.read[path]


def listed_image_sets(node: Node, files: CsvFiles, datastore: str = "") -> tuple[ListedImageSet, ...]:
    """What `image_sets` lists, with every problem noted: bad ids and versions, duplicates, rows of another data store than
    the target's, nothing at all."""
    problems = files.problems
    before = len(problems)
    if node.value == "all" or (isinstance(node.value, dict) and set(node.value) == {"where"}):
        return ()
    if isinstance(node.value, tuple) and [item.value for item in node.value] == ["all"]:
        problems.append(node.value[0].problem("`all` is no id of an image set", "write `image_sets: all`"))
        return ()
    if isinstance(node.value, tuple):
        found = [cell for item in node.value if (cell := _entry(item, problems))]
    elif isinstance(node.value, dict):
        found = _from_mapping(node, files, datastore)
    else:
        found = []
        problems.append(_refused(node))
    _refuse_duplicates(found, problems)
    if not found and len(problems) == before:
        problems.append(
            node.problem("no image set is listed", "list at least one id, or leave the target out")
        )
    return tuple(found)


def id_problem(place: Node | Cell, *, what: str) -> Problem | None:
    """What is wrong with an id, if anything. botocore does not check it, and the service would not find it."""
    text = place.value
    if not isinstance(text, str):
        written = isinstance(place, Node) and isinstance(text, int | float)
        hint = f'put it in quotes: "{place.written}"' if isinstance(place, Node) and written else ""
        return place.problem(f"{what} id is text, not {place.kind if isinstance(place, Node) else ''}", hint)
    if _ID.fullmatch(text):
        return None
    hint = "an id has 32 characters, each one of 0-9 and a-z"
    if len(text) != 32:
        hint += f"; this one has {len(text)}"
    elif _ID.fullmatch(text.lower()):
        hint += "; this one has capitals"
    return place.problem(f"`{text}` is not {what} id", hint)


def _refused(node: Node) -> Problem:
    takes = "a list of ids, {file: sets.csv}, `all` or {where: CONDITION}"
    word = node.value.strip().casefold() if isinstance(node.value, str) else ""
    hint = "write `image_sets: all`" if word in EVERY else nearest(word, ["all"])
    return node.problem(f"image_sets takes {takes}, not {node.kind}", hint)


def _from_mapping(node: Node, files: CsvFiles, datastore: str) -> list[ListedImageSet]:
    problems = files.problems
    for key, entry in node.value.items():
        if key == "where":
            problems.append(entry.key.problem("both file and where", "write one of them"))
        elif key != "file":
            problems.append(
                entry.key.problem(f"unknown key {key}", suggest(key, ["file", "where"], what="known keys"))
            )
    if "file" not in node.value:
        if not node.value:
            problems.append(node.problem("image_sets is empty", "list the ids, or write {file: sets.csv}"))
        return []
    file = node.value["file"].node
    if not isinstance(file.value, str) or not file.value:
        problems.append(file.problem(f"file takes a path, not {file.kind}"))
        return []
    before = len(problems)
    table = files.table(file)
    if table and not table.rows and len(problems) == before:
        problems.append(file.problem(f"{table.path} lists no image set"))
    return list(_from_table(table, datastore, problems)) if table else []


def _from_table(table: Table, datastore: str, problems: list[Problem]) -> Iterator[ListedImageSet]:
    columns = table.label_columns
    for line, row in table.rows:
        store = row_store(table, line, row, problems)
        if store and datastore and store.value != datastore:
            message = f"the data store {store.value} is not that of the target, {datastore}"
            problems.append(store.problem(message, "list its image sets in a target of their own"))
            continue
        place = table.cell(line, table.id_column, row[table.id_column].strip())
        if not _ID.fullmatch(place.value) and (wrong := id_problem(place, what="an image set")):
            problems.append(wrong)
            continue
        labels = [
            (name, Cell(table, line, index, text)) for index, name in columns if (text := row[index].strip())
        ]
        yield ListedImageSet(place.value, row_version(table, line, row, problems), place, tuple(labels))


def row_version(table: Table, line: int, row: list[str], problems: list[Problem]) -> int | None:
    """The version in a row; None where its cell is empty, there is no such column, or a problem was noted."""
    if table.version_column is None or not (text := row[table.version_column].strip()):
        return None
    return positive_number(table.cell(line, table.version_column, text), problems)


def row_store(table: Table, line: int, row: list[str], problems: list[Problem]) -> Cell | None:
    """The data store in a row; None where its cell is empty, there is no such column, or a problem was noted."""
    if table.store_column is None or not (text := row[table.store_column].strip()):
        return None
    place = table.cell(line, table.store_column, text)
    wrong = None if _ID.fullmatch(text) else id_problem(place, what="a data store")
    problems += [wrong] if wrong else []
    return None if wrong else place


def positive_number(place: Node | Cell, problems: list[Problem]) -> int | None:
    """A positive whole number, as a number or as text."""
    text = str(place.value)
    if not isinstance(place.value, bool) and _VERSION.fullmatch(text) and int(text) in INTEGERS:
        return int(text)
    shown = f"`{text}`" if isinstance(place.value, str | int | float) else getattr(place, "kind", "")
    problems.append(place.problem(f"{shown} is not a version", "versions are whole numbers from 1"))
    return None


def _entry(node: Node, problems: list[Problem]) -> ListedImageSet | None:
    if not isinstance(node.value, dict):
        wrong = id_problem(node, what="an image set")
        if wrong:
            problems.append(wrong)
        return None if wrong else ListedImageSet(node.value, None, node)
    entries: dict[str, Entry] = node.value
    for key, entry in entries.items():
        if key not in ENTRY_KEYS:
            problems.append(
                entry.key.problem(f"unknown key {key}", suggest(key, ENTRY_KEYS, what="known keys"))
            )
    if "id" not in entries:
        problems.append(node.problem("id is missing"))
        return None
    version = positive_number(entries["version"].node, problems) if "version" in entries else None
    labels = label_entries(entries["labels"].node, problems) if "labels" in entries else ()
    if wrong := id_problem(entries["id"].node, what="an image set"):
        problems.append(wrong)
        return None
    return ListedImageSet(entries["id"].node.value, version, entries["id"].node, labels)


def label_entries(node: Node, problems: list[Problem]) -> tuple[tuple[str, Entry], ...]:
    """The labels in a mapping of audit.yaml, by name; values that can be no label are noted."""
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"labels takes a mapping, not {node.kind}"))
        return ()
    for name, entry in node.value.items():
        if entry.node.value is None:
            problems.append(
                entry.node.problem(f"the label {name} has no value", "leave it out, or write one")
            )
        elif isinstance(entry.node.value, dict | tuple):
            problems.append(entry.node.problem(f"the label {name} takes one value, not {entry.node.kind}"))
    return tuple(node.value.items())


def _refuse_duplicates(found: list[ListedImageSet], problems: list[Problem]) -> None:
    first: dict[tuple[str, int | None], ListedImageSet] = {}
    for cell in found:
        before = first.setdefault((cell.id, cell.version), cell)
        if before is not cell:
            version = "" if cell.version is None else f" version {cell.version}"
            message = f"the image set {cell.id}{version} is listed twice in this target"
            problems.append(cell.place.problem(message, f"the first one is at {before.place.where}"))
