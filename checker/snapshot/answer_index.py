"""The answers in the records of runs, found by target and image set: what an interrupted run has already, what an earlier run
was told.

DuckDB reads the records, as for every table that is made of them, and says where in its file each line is. There may be
millions of lines, and a query for each image set would take half a millisecond: so their places are in a file, sorted by a
hash of target and image set, in which one is found by a few reads.
"""

from __future__ import annotations

import hashlib
import json
import threading
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, count
from pathlib import Path
from struct import Struct
from typing import IO, Any, NamedTuple

from checker import temporary_files
from checker.aws.actions import FINDING, GET_IMAGE_SET
from checker.snapshot.columns import duckdb_path, interruptible, object_size
from checker.snapshot.duckdb_pool import file_database
from checker.snapshot.records import LISTED_SINCE, NO_LONGER_LISTED

BATCH = 10_000
Document = Mapping[str, Any]
Key = tuple[str, int | None]
"""What tells the answers on one image set apart: the call, and the version asked for."""

_PLACE = Struct("<QHQI")
"""A hash of target and image set, the number of a file, where in it a line begins, and how long it is."""
_BUCKETS, _SHIFT = 1 << 16, 48
"""The places are found by the first bits of the hash: so many numbers are in memory, however many answers there are."""
_SCHEMA = """
CREATE TABLE answers (target VARCHAR, image_set VARCHAR, file USMALLINT, place UBIGINT, size UINTEGER);
CREATE TABLE listed (target VARCHAR, image_set VARCHAR);
CREATE TABLE named (store VARCHAR, image_set VARCHAR);
"""
_SHAPE = json.dumps(
    {
        "target": "VARCHAR",
        "imageSetId": "VARCHAR",
        "action": "VARCHAR",
        "witness": "BOOLEAN",
        LISTED_SINCE: "VARCHAR",
        "error": {"code": "VARCHAR"},
        "datastoreProperties": {"datastoreName": "VARCHAR"},
    }
)
_READ = f"""
CREATE OR REPLACE TABLE lines AS
SELECT said.target AS target, said.imageSetId AS image_set, said.action AS action, said.witness IS NOT NULL AS witness,
    said.{LISTED_SINCE} IS NOT NULL AS ends, said.error IS NOT NULL AS failed,
    coalesce(said.error.code = '{NO_LONGER_LISTED}', false) AS lost,
    CASE WHEN said.datastoreProperties IS NOT NULL
        THEN coalesce(said.datastoreProperties.datastoreName, 'None') END AS called,
    sum(size) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - size AS place, size
FROM (
    SELECT json_transform(json, '{_SHAPE}') AS said, strlen(json) + 1 AS size
    FROM read_ndjson_objects($1, maximum_object_size = $2)
)
"""  # noqa: S608 - our own text


class PriorAnswer(NamedTuple):
    """An answer as a run has it in its records, the run, and whether it may stand for a new one."""

    document: Document
    run: str
    reusable: bool

    @property
    def key(self) -> Key:
        """What tells it from other answers on the image set."""
        version = self.document.get("requestedVersionId")
        return self.document.get("action", GET_IMAGE_SET), None if version is None else int(version)


class AnswerIndex:
    """Records of runs, and image sets that are to be compared with them. Any thread may ask."""

    def __init__(self) -> None:
        self._folder = temporary_files.make_temporary_folder()
        self._base = file_database(self._folder)
        self._base.execute(_SCHEMA)
        self._files: list[tuple[IO[bytes], str, bool]] = []
        self._places: IO[bytes] | None = None
        self._starts = array("Q")
        self._listed: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self._numbers = count()
        self._ends: dict[str, Document] = {}
        self._runs: dict[str, str] = {}
        self._lost: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self.whole = True
        """Whether every search of the runs came to its end."""

    @interruptible()
    def add(self, path: Path, run: str = "", *, reusable: bool = True) -> None:
        """Takes the records of a run, but of targets of which a run that was added before knows every image set."""
        number = len(self._files)
        self._files.append((path.open("rb"), run, reusable))
        base = self._base
        base.execute(_READ, [duckdb_path(path), object_size(path)])
        self._take_targets(run)
        base.execute(
            "CREATE OR REPLACE TABLE done AS SELECT unnest($1::VARCHAR[]) AS target", [[*self._ends]]
        )
        base.execute("DELETE FROM lines WHERE witness OR target IN (FROM done)")
        finding = [*FINDING]
        failed = "SELECT count(*) FROM lines WHERE failed AND action IN (SELECT unnest($1::VARCHAR[]))"
        self.whole = not base.execute(failed, [finding]).fetchall()[0][0]
        ends = "SELECT max(place), arg_max(size, place) FROM lines WHERE ends GROUP BY target"
        for place, size in base.execute(ends).fetchall():
            document = self._document(number, place, size)
            self._ends[document["target"]] = document
        base.execute(
            "INSERT INTO answers SELECT target, image_set, $1, place, size FROM lines WHERE image_set IS NOT NULL "
            "ORDER BY target, image_set",
            [number],
        )
        base.execute("DROP TABLE lines")
        if self._places is not None:
            self._places.close()
            self._places = None

    def _take_targets(self, run: str) -> None:
        """Takes note of the targets that a run had, and what their data stores were called."""
        targets = "SELECT target, bool_or(lost), bool_or(NOT lost), arg_min(called, place) FROM lines GROUP BY target"
        for target, lost, there, called in self._base.execute(targets).fetchall():
            if lost:
                self._lost[target] = run
            if there:
                self._runs.setdefault(target, run)
            if called is not None:
                self._names.setdefault(target, called)

    def _sorted_places(self) -> IO[bytes]:
        """The places of all answers: of one image set those of the last run first, and the last one of a run."""
        rows = self._base.execute(
            "SELECT md5_number_lower(target || '/' || image_set) AS hash, file, place, size FROM answers "
            "ORDER BY hash, file, place DESC"
        )
        places = (self._folder / f"places-{next(self._numbers)}").open("w+b")
        sizes = array("Q", bytes(_BUCKETS * array("Q").itemsize))
        while some := rows.fetchmany(BATCH):
            places.write(b"".join(_PLACE.pack(*row) for row in some))
            for row in some:
                sizes[row[0] >> _SHIFT] += 1
        self._starts = array("Q", accumulate(sizes, initial=0))
        return places

    @interruptible()
    def name(self, store: str, image_sets: Iterable[str]) -> None:
        """Takes image sets that are known to have been in a data store, of which there need be no record."""
        with self._lock:
            self._base.execute(
                "INSERT INTO named SELECT $1, unnest($2::VARCHAR[])", [store, list(image_sets)]
            )

    def see(self, target: str, image_sets: Iterable[str]) -> None:
        """Takes image sets that a search of a target has listed now."""
        with self._lock:
            self._listed += ((target, image_set) for image_set in image_sets)
            if len(self._listed) >= BATCH:
                self._write_listed()

    def end(self, target: str) -> Document | None:
        """The record that a target's search came to its end with, if it did."""
        return self._ends.get(target)

    def parts(self, target: str) -> Iterator[tuple[str, str]]:
        """The targets that are parts of one, each as what follows its name and a slash, and the last run that had it: not
        those that say of it only that it is not listed any more, unless there are no others."""
        start = f"{target}/"
        every = {**self._lost, **self._runs}
        for name in sorted(name for name in every if name.startswith(start)):
            yield name.removeprefix(start), every[name]

    def called(self, target: str) -> str | None:
        """What the data store of a target was called by the last run that knew it."""
        return self._names.get(target)

    def of(self, target: str, image_set_id: str) -> dict[Key, PriorAnswer]:
        """The answers on an image set: of several to the same call the one that counts."""
        found: dict[Key, PriorAnswer] = {}
        with self._lock:
            for file, place, size in self._places_of(target, image_set_id):
                document = self._document(file, place, size)
                if (document["target"], document["imageSetId"]) == (target, image_set_id):
                    answer = PriorAnswer(document, *self._files[file][1:])
                    found.setdefault(answer.key, answer)
        return found

    def image_sets(self, target: str) -> Iterator[str]:
        """Every image set of a target of which there is a record."""
        query = "SELECT DISTINCT image_set FROM answers WHERE target = $1"
        return (name for (name,) in self._pages(query, [target]))

    def unseen(self, target: str, store: str) -> Iterator[tuple[str, bool]]:
        """Image sets of a target, or that are known to have been in its data store, which no search has listed now; and
        whether they are known to have been in it."""
        with self._lock:
            self._write_listed()
        query = """
            SELECT image_set, bool_or(named) FROM (
                SELECT image_set, false AS named FROM answers WHERE target = $1
                UNION ALL SELECT image_set, true FROM named WHERE store = $2
            ) WHERE image_set NOT IN (SELECT image_set FROM listed WHERE target = $1) GROUP BY image_set"""
        return self._pages(query, [target, store])

    def close(self) -> None:
        """Frees the disk."""
        with self._lock:
            for file in (*(lines for lines, _, _ in self._files), *filter(None, [self._places])):
                file.close()
            self._base.close()
            temporary_files.discard(self._folder)

    def _write_listed(self) -> None:
        columns = [list(column) for column in zip(*self._listed, strict=True)]
        if columns:
            self._base.execute(
                "INSERT INTO listed SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[])", columns
            )
        self._listed.clear()

    def _pages(self, query: str, values: list[str]) -> Iterator[Any]:
        """The rows of a query, sorted by the first column, some in memory at a time."""
        table = f"rows_{next(self._numbers)}"
        with self._lock:
            self._base.execute(f"CREATE TABLE {table} AS {query} ORDER BY 1", values)
        for start in count(0, BATCH):
            page = f"SELECT * FROM {table} WHERE rowid BETWEEN $1 AND $2 ORDER BY rowid"  # noqa: S608 - our own text
            with self._lock:
                rows = self._base.execute(page, [start, start + BATCH - 1]).fetchall()
            yield from rows
            if len(rows) < BATCH:
                break
        with self._lock:
            self._base.execute(f"DROP TABLE {table}")

    def _places_of(self, target: str, image_set_id: str) -> Iterator[tuple[int, int, int]]:
        """The files, places and sizes of the lines on an image set, and of others that have the same hash."""
        if self._places is None:
            self._places = self._sorted_places()
        digest = hashlib.md5(f"{target}/{image_set_id}".encode(), usedforsecurity=False).digest()
        wanted = int.from_bytes(digest[8:], "little")
        first, end = self._starts[wanted >> _SHIFT], self._starts[(wanted >> _SHIFT) + 1]
        self._places.seek(first * _PLACE.size)
        for found, *place in _PLACE.iter_unpack(self._places.read((end - first) * _PLACE.size)):
            if found == wanted:
                yield tuple(place)

    def _document(self, file: int, place: int, size: int) -> Document:
        lines = self._files[file][0]
        lines.seek(place)
        document: Document = json.loads(lines.read(size))
        return document
