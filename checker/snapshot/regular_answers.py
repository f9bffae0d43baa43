"""Recorded answers that are regular, in bulk: DuckDB reads a large file of them and writes their records as text.

Which are is in `regular_query`; they are also the only ones of their image set. Everything else is read value by value
(`recorded_answers`), with its problem and place.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from checker import temporary_files
from checker.input_files import LARGEST_TABLE
from checker.snapshot.columns import MEMORY_TO_COLLECT, SMALLEST_OBJECT, connect, duckdb_path
from checker.snapshot.regular_query import regular_query
from checker.sql import Connection

LEAST_SIZE = 1 << 18
"""Bytes of a file from which on it is read so: before, to begin takes longer than to read it value by value."""
BATCH = 10_000
_LINES = "newline_delimited"


@dataclass(slots=True)
class RegularAnswers:
    """The regular answers of files. `others` has, by file, the numbers of the values that are not regular, from 0 on; a file
    that it does not name is read value by value as a whole. `lines` are the files of which each value has a line of its own."""

    connection: Connection | None = None
    others: dict[str, set[int]] = field(default_factory=dict)
    lines: set[str] = field(default_factory=set)

    def leave_out(self, image_sets: Iterable[str]) -> bool:
        """Has no answers of some image sets any more: they are among the others. Whether there were any."""
        if self.connection is None:
            return False
        names = "SELECT unnest($1::VARCHAR[])"
        places = self.connection.execute(
            f"SELECT file, place, image_set FROM answers WHERE image_set IN ({names})",  # noqa: S608 - ours
            [[*image_sets]],
        ).fetchall()
        self.connection.execute(f"INSERT INTO left_out {names}", [[name for *_, name in places]])
        for file, place, _ in places:
            self.others[file].add(place)
        return bool(places)

    def datastores(self) -> set[str | None]:
        """The ids of their data stores, and None where a list of versions does not say its own."""
        if self.connection is None:
            return set()
        rows = self.connection.execute("SELECT DISTINCT datastore FROM answers").fetchall()
        return {store for (store,) in rows}

    def write(self, path: Path, others: Sequence[tuple[str, str, str]]) -> None:
        """Writes the lines of their records and of others, sorted by the ids of data store and image set.

        Args:
            path: where to.
            others: the ids and the line of each, sorted.
        """
        if self.connection is not None and not others:
            lines = self.connection.sql(
                "SELECT line FROM answers ORDER BY coalesce(datastore, ''), image_set"
            )
            lines.write_csv(str(path.resolve()), header=False, sep="\x1f", quotechar="", escapechar="")
            return
        merged = heapq.merge(self._lines(), others, key=lambda item: item[:2])
        with path.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(f"{line}\n" for _, _, line in merged)

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        if self.connection is None:
            return
        rows = self.connection.execute(
            "SELECT coalesce(datastore, ''), image_set, line FROM answers ORDER BY coalesce(datastore, ''), image_set"
        )
        while batch := rows.fetchmany(BATCH):
            yield from batch


@contextmanager
def regular_answers(files: Sequence[str], *, versions: bool = False) -> Iterator[RegularAnswers]:
    """The regular answers of the files that are large enough, in a database of their own.

    Args:
        files: paths; `-` is standard input.
        versions: whether to give records of the lists of versions, too.
    """
    large = [file for file in dict.fromkeys(files) if _is_large(file) and files.count(file) == 1]
    if not large:
        yield RegularAnswers()
        return
    with temporary_files.temporary_folder() as folder:
        others: dict[str, set[int]] = {}
        lines = set()
        for file, kind, places in _parts(large, folder, versions=versions):
            others[file] = places
            if kind == _LINES:
                lines.add(file)
        if not others:
            yield RegularAnswers()
            return
        with connect(MEMORY_TO_COLLECT, threads=1, preserve_insertion_order=False) as connection:
            connection.execute("CREATE TABLE left_out (image_set VARCHAR)")
            parts = [duckdb_path(part) for part in folder.iterdir()]
            connection.read_parquet(parts).create_view("parts")
            connection.execute(
                "CREATE VIEW answers AS FROM parts WHERE line IS NOT NULL AND image_set NOT IN (FROM left_out)"
            )
            found = RegularAnswers(connection, others, lines)
            twice = connection.execute("SELECT image_set FROM answers GROUP BY ALL HAVING count(*) > 1")
            found.leave_out([name for (name,) in twice.fetchall()])
            yield found


def _parts(files: Iterable[str], folder: Path, *, versions: bool) -> Iterator[tuple[str, str, set[int]]]:
    """Makes a Parquet file of each file that can be read so; its name, how it holds JSON, and the numbers of what is not
    regular."""
    # two threads would hold twice as much
    with connect(MEMORY_TO_COLLECT, threads=1) as connection:
        for number, file in enumerate(files):
            part = folder / f"{number}.parquet"
            if kind := _written(connection, file, part, versions=versions):
                places = (
                    connection.read_parquet(duckdb_path(part))
                    .filter("line IS NULL")
                    .select("place")
                    .fetchall()
                )
                yield file, kind, {place for (place,) in places}


def _written(connection: Connection, file: str, part: Path, *, versions: bool) -> str:
    """How a file holds JSON, as DuckDB calls it, of which a Parquet file was made; nothing where none could be."""
    import duckdb

    for kind in _formats(file):
        given = [file, duckdb_path(Path(file)), kind, SMALLEST_OBJECT]
        try:
            rows = connection.sql(regular_query(versions=versions), params=given)
            rows.write_parquet(str(part), compression="lz4", row_group_size=BATCH)
        except duckdb.Error:  # what is wrong, and where, is found value by value
            part.unlink(missing_ok=True)
        else:
            return kind
    return ""


def _is_large(file: str) -> bool:
    """Whether a file is worth it: a plain one of this machine, no larger than others may be."""
    path = Path(file)
    try:
        return file != "-" and path.is_file() and LEAST_SIZE <= path.stat().st_size <= LARGEST_TABLE
    except (OSError, ValueError):
        return False


def _formats(file: str) -> Collection[str]:
    """The ways in which a file may hold JSON, by its beginning, as DuckDB calls them."""
    try:
        with Path(file).open("rb") as stream:
            first = stream.read(1 << 10).lstrip(b" \t\r\n")[:1]
    except OSError:
        return ()
    kinds = {b"{": (_LINES, "unstructured"), b"[": ("array",)}.get(first, ())
    return () if kinds and _has_odd_space(file) else kinds


def _has_odd_space(file: str) -> bool:
    """Whether a file has a character that DuckDB takes for space between values, and JSON does not."""
    with Path(file).open("rb") as stream:
        return any(b"\v" in chunk or b"\f" in chunk for chunk in iter(lambda: stream.read(1 << 20), b""))
