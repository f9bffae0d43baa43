"""What searches found of a target, on disk: there may be millions of image sets, and each is asked about later."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import Enum

from checker.model import Discovery, ImageSetRef


class Left(Enum):
    """What is left to ask about an image set that was found."""

    NOTHING = "nothing"
    TAGS = "tags"
    ALL = "all"
    VANISHED = "vanished"
    """Whether it is there at all: no search lists it any more."""


class Found:
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
        self._lines = tempfile.TemporaryFile("w+", encoding="ascii", prefix="imageset-checker-")  # noqa: SIM115
        self._lock = threading.Lock()

    def add(self, refs: Sequence[tuple[ImageSetRef, Left]]) -> None:
        """Takes image sets that belong to the target, each with what is left to ask about it."""
        with self._lock:
            self._lines.writelines(
                f"{ref.id} {left.value}\n" for ref, left in refs if left is not Left.NOTHING
            )
            self.count += len(refs)

    def matched(self, ids: Iterable[str]) -> None:
        """Takes the ids of all image sets that a search found, whether they belong to the target or not."""
        with self._lock:
            self.unmatched.difference_update(ids)

    def fail(self) -> bool:
        """Takes note that a search failed; whether it is the first one that did."""
        with self._lock:
            first, self.failed = not self.failed, True
        return first

    def refs(self) -> Iterator[tuple[ImageSetRef, Left]]:
        """Every image set of which something is left to ask, once all searches have ended."""
        self._lines.seek(0)
        for line in self._lines:
            name, left = line.split()
            yield self.discovery.ref(name), Left(left)

    def close(self) -> None:
        """Frees the disk."""
        self._lines.close()
