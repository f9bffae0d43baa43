"""What every store of runs offers, whether it is a folder or in S3."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from checker.problems import InvalidInputError, Problem
from checker.runs.manifest_form import RUN_NAME
from checker.runs.run_folder import SealKey
from checker.runs.sealed_run import SealedRun, previous_runs, read_manifest, sort_runs


@dataclass(frozen=True, slots=True, eq=False)
class PendingRun:
    """A run that has its name and is not complete yet: `folder` is where it is put together, on this machine, and
    `shown` what to call the place where it will be. `token` is what a store needs to know its own again. Until the end of a
    `with` block the file `lock`, where there is one, keeps other processes away."""

    name: str
    folder: Path
    shown: str
    store: Store
    token: str = ""
    lock: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.lock is not None:
            os.close(self.lock)


class Store(ABC):
    """Where runs are kept. `shown` is how messages call it."""

    shown: str

    @abstractmethod
    def folders(self) -> Iterable[str]:
        """What may be a run, whatever it is called.

        Raises:
            InvalidInputError: the store cannot be read; so from every method that reads.
        """

    def names(self) -> tuple[str, ...]:
        """Every run, also those that were interrupted, sorted."""
        return tuple(sorted(name for name in self.folders() if RUN_NAME.fullmatch(name)))

    def strangers(self) -> tuple[Problem, ...]:
        """Warnings of what is called as no run is: nothing is read of it, and nothing written."""
        return tuple(
            Problem(f"{self.shown}/{name}", "no run has such a name: it is left out", warning=True)
            for name in sorted(self.folders())
            if not RUN_NAME.fullmatch(name)
        )

    @abstractmethod
    def contents(self) -> Mapping[str, frozenset[str]]:
        """The names of the files of every run."""

    @abstractmethod
    def manifest(self, name: str) -> bytes | None:
        """The manifest of a run; None where it has none."""

    @abstractmethod
    def signature(self, name: str) -> bytes | None:
        """The signature of a run's manifest; None where it has none."""

    @abstractmethod
    def has(self, name: str, file: str) -> bool:
        """Whether a run has a file."""

    @abstractmethod
    def fetch(self, name: str, *files: str) -> Path:
        """A folder on this machine with these files of a run, all of them unless some are named. What the run has not is
        not there. It lasts until `close`, or the end of the process."""

    @abstractmethod
    def claim(self, run_id: str, started: Mapping[str, Any], key: SealKey | None = None) -> PendingRun:
        """Takes a name for a new run, which no other run can then have, before anything is collected.

        Args:
            run_id: the run's id; a name that is taken gets `-2` and so on.
            started: what is known of the run by now: its audit's name, as_of.
            key: signs that.

        Raises:
            InvalidInputError: no run can be kept here.
        """

    def reclaim(self, name: str) -> PendingRun:
        """Takes up a run again that was interrupted: what it has collected is in its folder.

        Raises:
            InvalidInputError: another process is at work on it, or it cannot be taken up here.
        """
        hint = "begin a new run; one that is kept in a folder can be resumed"
        raise InvalidInputError(
            Problem(f"{self.shown}/{name}", "a run that is kept in S3 is not resumed", hint)
        )

    @abstractmethod
    def publish(self, working: PendingRun) -> str:
        """Brings a run whose folder is sealed to its place, the manifest last; what to call it.

        Raises:
            RunFolderError: it cannot be brought there. The folder on this machine has everything.
        """

    @abstractmethod
    def abandon(self, working: PendingRun) -> None:
        """Gives a name back, of a run that collected nothing."""

    @abstractmethod
    def put(self, name: str, file: str, content: bytes) -> None:
        """Adds a small file to a run, whole or not at all, unless it is there.

        Raises:
            RunFolderError: it cannot be written.
        """

    @abstractmethod
    def held(self, name: str, files: Iterable[str]) -> str:
        """Why these files of a run cannot be removed now, as text; empty where nothing is known to hold them."""

    @abstractmethod
    def remove(self, name: str, files: Iterable[str]) -> None:
        """Removes files of a run.

        Raises:
            RunFolderError: one could not be removed.
        """

    def close(self) -> None:  # noqa: B027 - a folder has nothing to close
        """Removes what the store put onto this machine for a time; else that goes with the process."""

    def complete(self) -> tuple[SealedRun, ...]:
        """The runs whose manifest can be read, each after those that it names; pruned ones too."""
        read = [read_manifest(name, content) for name, content in self.manifests(self.names()).items()]
        return sort_runs(run for run in read if run)

    def sealed(self) -> tuple[str, ...]:
        """The names of `complete`."""
        return tuple(run.name for run in self.complete())

    def heads(self) -> list[dict[str, str]]:
        """The runs that no other names, each with the sha256 of its manifest: what the next one names as `previous`. There
        is one, but for runs that were sealed at the same time."""
        runs = self.complete()
        named = {name for run in runs for name in previous_runs(run)}
        return [{"run": run.name, "sha256": run.sha256} for run in runs if run.name not in named]

    def manifests(self, names: Iterable[str]) -> dict[str, bytes]:
        """The manifests of those of the runs that have one."""
        return self._several(self.manifest, names)

    def signatures(self, names: Iterable[str]) -> dict[str, bytes]:
        """The signatures of those of the runs that have one."""
        return self._several(self.signature, names)

    def _several(self, read: Callable[[str], bytes | None], names: Iterable[str]) -> dict[str, bytes]:
        """What is read of each of the runs that have it."""
        found = ((name, read(name)) for name in names)
        return {name: content for name, content in found if content is not None}
