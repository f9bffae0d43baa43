"""Records on disk, found by target and image set: what an interrupted run has already, what an earlier run saw. There may
be millions, so an index of them is on disk too.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from checker import temporary_files
from checker.file_modes import private
from checker.snapshot.records import (
    FINDING,
    GET_IMAGE_SET,
    LISTED_SINCE,
    NO_LONGER_LISTED,
    PROPERTIES,
    WITNESS,
)

BATCH = 10_000
Document = Mapping[str, Any]
Key = tuple[str, int | None]
"""What tells the records of one image set apart: the call, and the version asked for."""

_SCHEMA = """
CREATE TABLE targets (number INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE records (target INTEGER, image_set TEXT, file INTEGER, at INTEGER, size INTEGER);
CREATE TABLE seen (target INTEGER, image_set TEXT, PRIMARY KEY (target, image_set)) WITHOUT ROWID;
CREATE TABLE named (store TEXT, image_set TEXT, PRIMARY KEY (store, image_set)) WITHOUT ROWID;
"""
_INDEX = "CREATE INDEX IF NOT EXISTS by_set ON records (target, image_set)"


class Saved(NamedTuple):
    """A record as it was written, the run that wrote it, and whether its answer may stand for a new one."""

    document: Document
    run: str
    reusable: bool

    @property
    def key(self) -> Key:
        """What tells it from other records of the image set."""
        asked = self.document.get("requestedVersionId")
        return self.document.get("action", GET_IMAGE_SET), None if asked is None else int(asked)


class Stored:
    """Records of runs, and image sets that are to be compared with them. Any thread may ask."""

    def __init__(self) -> None:
        self._folder = temporary_files.scratch_folder()
        with private():
            self._base = sqlite3.connect(self._folder / "index", check_same_thread=False)
            self._base.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_SCHEMA}")
        self._files: list[tuple[Any, str, bool]] = []
        self._lock = threading.Lock()
        self._targets: dict[str, int] = {}
        self._ends: dict[str, Document] = {}
        self._runs: dict[str, str] = {}
        self._lost: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self.whole = True
        """Whether every search of the runs came to its end."""

    def add(self, path: Path, run: str = "", *, reusable: bool = True) -> None:
        """Takes the records of a run, but of targets of which a run that was added before knows every image set."""
        number, done = len(self._files), set(self._ends)
        self._files.append((path.open("rb"), run, reusable))
        self.whole = True
        with closing(self._base.cursor()) as cursor:
            rows: list[tuple[object, ...]] = []
            for at, line in _lines(path):
                document = json.loads(line)
                target = document["target"]
                self._note(target, document, run)
                if target in done:
                    continue
                if WITNESS in document:
                    continue
                if document.get("action") in FINDING and "error" in document:
                    self.whole = False
                if LISTED_SINCE in document:
                    self._ends[target] = document
                name = document.get("imageSetId")
                if name is not None:
                    rows.append((self._target(target), name, number, at, len(line)))
                if len(rows) == BATCH:
                    cursor.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
                    rows.clear()
            cursor.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
            cursor.execute(_INDEX)

    def name(self, store: str, image_sets: Iterable[str]) -> None:
        """Takes image sets that are known to have been in a data store, of which there need be no record."""
        with self._lock:
            rows = [(store, one) for one in image_sets]
            self._base.executemany("INSERT OR IGNORE INTO named VALUES (?, ?)", rows)

    def see(self, target: str, image_sets: Iterable[str]) -> None:
        """Takes image sets that a search of a target has listed now."""
        with self._lock:
            number = self._target(target)
            rows = [(number, one) for one in image_sets]
            self._base.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", rows)

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

    def of(self, target: str, image_set_id: str) -> dict[Key, Saved]:
        """The records of an image set."""
        number = self._targets.get(target)
        if number is None:
            return {}
        found: dict[Key, Saved] = {}
        # the last run comes first, and of two records of the same kind the first one counts
        query = "SELECT file, at, size FROM records WHERE target = ? AND image_set = ? ORDER BY file, at DESC"
        with self._lock:
            for file, at, size in self._base.execute(query, (number, image_set_id)).fetchall():
                lines, run, reusable = self._files[file]
                lines.seek(at)
                one = Saved(json.loads(lines.read(size)), run, reusable)
                found.setdefault(one.key, one)
        return found

    def named(self, store: str, image_set_id: str) -> bool:
        """Whether an image set is known to have been in a data store, whatever records say."""
        query = "SELECT 1 FROM named WHERE store = ? AND image_set = ?"
        with self._lock:
            return self._base.execute(query, (store, image_set_id)).fetchone() is not None

    def image_sets(self, target: str) -> Iterator[str]:
        """Every image set of a target of which there is a record."""
        return self._pages("SELECT DISTINCT image_set FROM records WHERE target = :target", target, "")

    def unseen(self, target: str, store: str) -> Iterator[str]:
        """Image sets of a target, or that are known to have been in its data store, which no search has listed now."""
        both = """
            SELECT image_set FROM (
                SELECT image_set FROM records WHERE target = :target
                UNION SELECT image_set FROM named WHERE store = :store
            ) AS known
            WHERE NOT EXISTS (
                SELECT 1 FROM seen WHERE seen.target = :target AND seen.image_set = known.image_set
            )"""
        return self._pages(both, target, store)

    def _note(self, target: str, document: Document, run: str) -> None:
        """Takes note that a run had a target."""
        if document.get("error", {}).get("code") == NO_LONGER_LISTED:
            self._lost[target] = run
        else:
            self._runs.setdefault(target, run)
        if PROPERTIES in document:
            self._names.setdefault(target, str(document[PROPERTIES].get("datastoreName")))

    def _pages(self, query: str, target: str, store: str) -> Iterator[str]:
        with self._lock:
            number = self._target(target)
        last = ""
        while True:
            asked = {"target": number, "store": store, "last": last}
            page = f"SELECT image_set FROM ({query}) WHERE image_set > :last ORDER BY image_set LIMIT {BATCH}"  # noqa: S608 - our own text
            with self._lock:
                found = [one for (one,) in self._base.execute(page, asked)]
            yield from found
            if len(found) < BATCH:
                return
            last = found[-1]

    def _target(self, name: str) -> int:
        if name not in self._targets:
            self._targets[name] = len(self._targets)
        return self._targets[name]

    def close(self) -> None:
        """Frees the disk."""
        with self._lock:
            for file, _, _ in self._files:
                file.close()
            self._base.close()
            temporary_files.discard(self._folder)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    at = 0
    with path.open("rb") as lines:
        for line in lines:
            yield at, line
            at += len(line)
