"""Stores of runs: a folder on this machine here, S3 in `s3store`; and which one a text means."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from checker import layout
from checker.file_modes import private
from checker.layout import MANIFEST, SIGNATURE, STARTED
from checker.model import Duration
from checker.problems import InvalidInputError, Problem
from checker.runs import run_folder
from checker.runs.manifest_form import RUN_NAME
from checker.runs.run_folder import RunFolderError, SealKey
from checker.runs.s3_keys import S3, bucket_and_prefix
from checker.runs.s3_store import S3Store
from checker.runs.store import PendingRun, Store

__all__ = ["LocalStore", "PendingRun", "Store", "open_store"]

_LINK, _ELSEWHERE = "is a link, and no run has any", "nothing is written where it leads"
_LARGEST_MANIFEST = 64 << 20
_LARGEST_SIGNATURE = 64 << 10


def open_store(
    where: str, root: Path | None = None, *, keep: Duration | None = None, object_lock: str | None = None
) -> Store:
    """The store that a text means: `s3://BUCKET/PREFIX`, or a folder, which need not be there yet.

    Args:
        where: the text.
        root: what a path is relative to; the present folder unless given.
        keep: how long runs are kept.
        object_lock: the mode, governance or compliance, in which S3 is to lock each file for that long.

    Raises:
        InvalidInputError: it names no place in S3, or asks for a lock that the place cannot have.
    """
    remote = where.startswith(S3)
    if not remote and "://" in where:
        raise InvalidInputError(Problem(where, "runs are kept in a folder or in s3://BUCKET/PREFIX"))
    if object_lock and not remote:
        raise InvalidInputError(Problem(where, "a folder has no object lock", "s3://BUCKET/PREFIX has"))
    if object_lock and keep is None:
        hint = "say for how long, as in `keep: 6y`"
        raise InvalidInputError(Problem(where, "object lock needs the time to keep runs", hint))
    if remote:
        bucket, prefix = bucket_and_prefix(where)
        return S3Store(bucket, prefix, keep=keep, object_lock=object_lock)
    return LocalStore((root or Path()) / where)


class LocalStore(Store):
    """Runs as folders of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown = folder.as_posix()

    def folders(self) -> tuple[str, ...]:
        """The folders that are a run's by their name or by what is in them."""
        try:
            with os.scandir(self.folder) as entries:
                found = [entry.name for entry in entries if _is_folder(entry)]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unreadable(self.folder, error) from None
        marks = (MANIFEST, STARTED)
        return tuple(
            name
            for name in found
            if RUN_NAME.fullmatch(name) or any((self.folder / name / mark).is_file() for mark in marks)
        )

    def contents(self) -> Mapping[str, frozenset[str]]:
        """The names of the files of every run."""
        return {name: frozenset(self._files(self.folder / name)) for name in self.names()}

    def manifest(self, name: str) -> bytes | None:
        """The manifest of a run; None where it has none. What is no file in its place is read as an empty one."""
        return self._small(self.folder / name / MANIFEST, _LARGEST_MANIFEST)

    def signature(self, name: str) -> bytes | None:
        """The signature of a run's manifest; None where it has none. What is no file in its place is read as an empty one."""
        path = self.folder / name / SIGNATURE
        return b"" if path.is_symlink() else self._small(path, _LARGEST_SIGNATURE)

    def _small(self, path: Path, most: int) -> bytes | None:
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                return b""  # of a pipe nothing may ever come
            with path.open("rb") as file:
                return file.read(most)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(path, error) from None

    def has(self, name: str, file: str) -> bool:
        """Whether a run has a file."""
        return (self.folder / name / file).is_file()

    def fetch(self, name: str, *files: str) -> Path:  # noqa: ARG002 - all of them are there
        """The run's folder itself."""
        return self.folder / name

    def claim(self, run_id: str, started: Mapping[str, Any], key: SealKey | None = None) -> PendingRun:
        """Makes the run's folder, which one process alone can."""
        folder = run_folder.make(self.folder, run_id, started, key)
        return self._held(folder)

    def reclaim(self, name: str) -> PendingRun:
        """Takes up a run again that was interrupted."""
        folder = self.folder / name
        if folder.is_symlink():
            raise InvalidInputError(Problem(folder.as_posix(), _LINK, _ELSEWHERE))
        try:
            return self._held(folder)
        except OSError as error:
            raise self._unreadable(folder, error) from None

    def _held(self, folder: Path) -> PendingRun:
        """The run of a folder, taken for as long as it is worked on."""
        return PendingRun(folder.name, folder, folder.as_posix(), self, lock=run_folder.lock(folder))

    def publish(self, working: PendingRun) -> str:
        """Nothing: it is where it belongs, and its manifest made it complete."""
        return working.shown

    def abandon(self, working: PendingRun) -> None:
        """Removes the folder of a run that collected nothing."""
        shutil.rmtree(working.folder, ignore_errors=True)

    def put(self, name: str, file: str, content: bytes) -> None:
        """Adds a small file to a run, whole or not at all, unless it is there."""
        path = self.folder / name / file
        self._refuse_links(name, file)
        try:
            if not path.exists():
                with private(when=not path.parent.stat().st_mode & 0o077):  # as the run is
                    layout.write(path, content)
        except OSError as error:
            raise RunFolderError(path.parent, error) from None

    def held(self, name: str, files: Iterable[str]) -> str:  # noqa: ARG002 - folders know no locks
        """Nothing is known before it is tried."""
        return ""

    def remove(self, name: str, files: Iterable[str]) -> None:
        """Removes files of a run, and folders in it that become empty."""
        folder = self.folder / name
        wanted = list(files)
        for file in wanted:
            self._refuse_links(name, file)
        try:
            for file in wanted:
                path = folder / file
                path.unlink(missing_ok=True)
                for above in list(path.parents)[: len(Path(file).parts) - 1]:
                    if not any(above.iterdir()):
                        above.rmdir()
            layout.sync_folder(folder)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RunFolderError(folder, f"it could not be pruned: {reason}") from None

    def _refuse_links(self, name: str, file: str) -> None:
        """A link on the way to a file of a run would have another one written, or removed, than the run's."""
        path = self.folder / name / file
        for parent in list(path.parents)[: len(Path(name, file).parts) - 1]:
            if parent.is_symlink():
                raise RunFolderError(parent, _LINK, _ELSEWHERE)

    def _files(self, folder: Path) -> list[str]:
        try:
            return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
        except OSError as error:
            raise self._unreadable(folder, error) from None

    def _unreadable(self, path: Path, error: OSError) -> InvalidInputError:
        reason = "it is no folder" if isinstance(error, NotADirectoryError) else error.strerror or str(error)
        return InvalidInputError(Problem(path.as_posix(), f"cannot be read: {reason.lower()}"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is one itself; a link that leads nowhere is none, unless a run is called so."""
    try:
        return entry.is_dir()
    except OSError:
        return RUN_NAME.fullmatch(entry.name) is not None
