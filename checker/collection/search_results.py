"""What searches found of a target, on disk: there may be millions of image sets, and they are found faster than asked about."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import Enum

from checker import instants, values
from checker.aws.actions import SEARCH
from checker.model import Discovery, ImageSetRef
from checker.snapshot.contradiction import AnswerFacts, Facts

IN_MEMORY = 1 << 16
"""Bytes of a target's list that are kept off the disk."""
_SOME = 1 << 16
_WAIT = 0.2
_NEVER = "-"


class RemainingCalls(Enum):
    """What is left to ask about an image set that was found."""

    NOTHING = "nothing"
    TAGS = "tags"
    ALL = "all"
    VANISHED = "vanished"
    """Whether it is there at all: no search lists it any more."""


class SearchResults:
    """The ids of the image sets that a target's searches found, in the order of arrival."""

    def __init__(self, discovery: Discovery) -> None:
        self.discovery = discovery
        self.count = 0
        self.unmatched = set(discovery.listed)
        """Ids to which the inventory gives labels and that were not found."""
        self.since: datetime | None = None
        """When the searches began: what was deleted before that, they cannot find."""
        self.failed = False
        """Whether a search failed, so that there may be more."""
        self._whole = False
        # a file only where there are many: each target has one, and a run may have thousands
        self._lines = tempfile.SpooledTemporaryFile(IN_MEMORY, prefix="imageset-checker-")  # noqa: SIM115
        self._changed = threading.Condition()

    def add(self, refs: Sequence[tuple[ImageSetRef, RemainingCalls, AnswerFacts]]) -> None:
        """Takes image sets that belong to the target, each with what is left to ask about it, and what the search said."""
        lines = [
            f"{ref.id} {left.value} {_written(said)}\n".encode()
            for ref, left, said in refs
            if left is not RemainingCalls.NOTHING
        ]
        with self._changed:
            self._lines.seek(0, os.SEEK_END)
            self._lines.writelines(lines)
            self.count += len(refs)
            self._changed.notify()

    def matched(self, ids: Iterable[str]) -> None:
        """Takes the ids of all image sets that a search found, whether they belong to the target or not."""
        with self._changed:
            self.unmatched.difference_update(ids)

    def fail(self) -> bool:
        """Takes note that a search failed; whether it is the first one that did."""
        with self._changed:
            first, self.failed = not self.failed, True
        return first

    def end(self) -> None:
        """All searches have ended."""
        with self._changed:
            self._whole = True
            self._changed.notify()

    def refs(
        self, stopped: Callable[[], bool], target: str
    ) -> Iterator[tuple[ImageSetRef, RemainingCalls, AnswerFacts]]:
        """Every image set of which something is left to ask, with what the search of the target said, as they are found,
        until all searches have ended or the run is `stopped`."""
        at = 0
        while not stopped():
            with self._changed:
                self._lines.seek(at)
                lines = self._lines.readlines(_SOME)
                at = self._lines.tell()
                if not lines:
                    if self._whole:
                        return
                    self._changed.wait(_WAIT)
            for line in lines:
                name, left, *said = line.decode().split()
                yield self.discovery.ref(name), RemainingCalls(left), _read(target, *said)

    def close(self) -> None:
        """Frees the disk."""
        self._lines.close()


def _written(said: AnswerFacts) -> str:
    created = said.newest.created
    times = (instants.iso(instant) if instant else _NEVER for instant in (said.at, created))
    return " ".join([str(said.highest), *times])


def _read(target: str, version: str, at: str, created: str) -> AnswerFacts:
    when, made = (None if item == _NEVER else values.parse_time(item) for item in (at, created))
    versions = {int(version): Facts(made)} if version != "0" else {}
    return AnswerFacts(SEARCH, target, when, versions=versions)
