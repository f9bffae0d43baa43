"""Data stores whose image sets are computed when they are asked for.

Image set `i` is a function of the store's seed and `i` alone. Its id hides `i` (it can be had back from the id), its
`createdAt` grows with `i`, and each change of the store moves a share of the image sets that is as fixed as they are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from checker.simulator.state_setup import DEFAULT_ACCOUNT, DEFAULT_REGION

STEP = 24 * 3600 * 1000
"""Milliseconds from one version of an image set to the next one."""

STATUSES: Mapping[str, float] = {
    "COPYING": 0.001,
    "UPDATING": 0.001,
    "COPY_FAILED": 0.004,
    "UPDATE_FAILED": 0.002,
    "UPDATING_FOR_STUDY_CONSISTENCY": 0.001,
}
"""Share of the image sets in each status that is not the plain one of its version."""

_LOCKED = frozenset({"COPYING", "COPYING_WITH_READ_ONLY_ACCESS", "UPDATING", "DELETING", "IMPORTING"})
_LOCKED |= {"UPDATING_FOR_STUDY_CONSISTENCY"}

_MASK = (1 << 64) - 1
_ODD = 0x9E3779B97F4A7C15
_ODD_INVERSE = pow(_ODD, -1, 1 << 64)
_TO_UNIT = 2.0**-64


def _mixed(value: int) -> int:
    """A bijection of 64 bits in which every bit of the answer depends on every bit of the value (splitmix64)."""
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
    return value ^ value >> 31


def _hidden(index: int, key: int) -> int:
    value = ((index ^ key) * _ODD) & _MASK
    value ^= value >> 32
    return (value * _ODD) & _MASK


def _shown(value: int, key: int) -> int:
    value = (value * _ODD_INVERSE) & _MASK
    value ^= value >> 32
    return ((value * _ODD_INVERSE) & _MASK) ^ key


def milliseconds(when: datetime) -> int:
    """Since 1970, as the wire has times to the millisecond."""
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


class ImageSet(NamedTuple):
    """What there is to know of an image set as it is now; times are milliseconds since 1970."""

    number: int
    id: str
    created: int
    updated: int
    base_versions: int
    moves: tuple[int, ...]
    status: str
    deleted: bool
    primary: bool
    archived: bool
    accessed: int
    forced_version: int

    @property
    def version(self) -> int:
        """The latest one."""
        return self.base_versions + len(self.moves)

    def updated_in(self, version: int) -> int:
        """When a version was made."""
        if version <= self.base_versions:
            return self.created + (version - 1) * STEP
        return self.moves[version - self.base_versions - 1]

    def status_in(self, version: int) -> str:
        """The workflow status of a version."""
        if version == self.version:
            return self.status
        return plain_status(version, version > self.base_versions)


def state_of(status: str) -> str:
    """The state that goes with a workflow status."""
    return "DELETED" if status == "DELETED" else "LOCKED" if status in _LOCKED else "ACTIVE"


def plain_status(version: int, moved: bool = False) -> str:
    """The status of a version to which nothing special happened."""
    return "CREATED" if version == 1 else "UPDATED" if moved or version % 2 == 0 else "COPIED"


@dataclass(frozen=True)
class Change:
    """What happened to a data store at one instant.

    Attributes:
        share: of the image sets, that got a new version or vanished.
        at: when.
        gone: of those, the share that vanished.
        added: how many image sets are new.
        before: how many image sets there were.
    """

    share: float
    at: datetime
    gone: float = 0.1
    added: int = 0
    before: int = 0


@dataclass(frozen=True)
class SyntheticStore:
    """A data store of `sets` image sets.

    Attributes:
        datastore_id: 32 characters of `[0-9a-z]`.
        sets: how many image sets it was made with; `count` has also those that changes added.
        seed: two stores of the same seed have the same image sets.
        created_from: `createdAt` of the first image set; those of the others are evenly spread up to
        created_to: this instant.
        statuses: the share of the image sets in each unusual workflow status.
        versions: the most that an image set is made with; six of ten have one.
        forced: share of the image sets of several versions of which one was forced, often not the latest.
        primary: share of the primary image sets.
        archived: share of those in ARCHIVE_INSTANT_ACCESS.
        deleted: share of those that are DELETED; search does not list them.
        deleted_found: whether GetImageSet answers for these; ResourceNotFoundException if not. Neither is documented.
        changes: what happened since, oldest first; see `changed`.
    """

    datastore_id: str
    sets: int
    seed: int = 0
    created_from: datetime = datetime(2023, 7, 26, tzinfo=UTC)
    created_to: datetime = datetime(2025, 7, 1, tzinfo=UTC)
    name: str = "synthetic"
    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    status: str = "ACTIVE"
    tags: Mapping[str, str] = field(default_factory=dict)
    kms_key_arn: str | None = None
    statuses: Mapping[str, float] = field(default_factory=lambda: STATUSES)
    versions: int = 4
    forced: float = 0.02
    primary: float = 0.9
    archived: float = 0.4
    deleted: float = 0.01
    deleted_found: bool = True
    changes: tuple[Change, ...] = ()

    @property
    def arn(self) -> str:
        """The data store's; `/imageset/` and an id follow it in an image set's."""
        return f"arn:aws:medical-imaging:{self.region}:{self.account}:datastore/{self.datastore_id}"

    @cached_property
    def count(self) -> int:
        """Image sets that were ever made."""
        return self.sets + sum(change.added for change in self.changes)

    def changed(self, share: float, at: datetime, gone: float = 0.1, added: int = 0) -> SyntheticStore:
        """The store after one more change, the same for the same seed and number of changes.

        Raises:
            ValueError: `at` is not after all that happened before.
        """
        last = milliseconds(self.changes[-1].at) if self.changes else self._to + (self.versions - 1) * STEP
        if milliseconds(at) <= last:
            raise ValueError("a change must be later than the versions and changes before it")
        return replace(self, changes=(*self.changes, Change(share, at, gone, added, self.count)))

    def index_of(self, image_set_id: str) -> int | None:
        """The number of an image set; None for an id that is none of this store's."""
        try:
            hidden = int(image_set_id[:16], 16)
        except ValueError:
            return None
        index = _shown(hidden, self._key)
        return index if index < self.count and self.id_of(index) == image_set_id else None

    def id_of(self, index: int) -> str:
        """The id of an image set: its number, hidden, and a check of it."""
        hidden = _hidden(index, self._key)
        return f"{hidden:016x}{_mixed(hidden ^ self._key):016x}"

    def created(self, index: int) -> int:
        """`createdAt` of an image set; never less than that of the one before."""
        if index < self.sets:
            return self._from + (self._to - self._from) * index // max(self.sets - 1, 1)
        return milliseconds(
            next(change.at for change in self.changes if index < change.before + change.added)
        )

    def between(self, low: int | None, high: int | None) -> range:
        """The numbers of the image sets created in a range of time, both ends included; None leaves an end open."""
        numbers = range(self.count)
        start = 0 if low is None else bisect_left(numbers, low, key=self.created)
        stop = self.count if high is None else bisect_right(numbers, high, key=self.created)
        return range(start, max(start, stop))

    def moves(self, index: int, change: int) -> bool:
        """Whether a change of the store, by its number, met an image set (which may have vanished before)."""
        item = self.changes[change]
        return index < item.before and self._draw(index, 100 + 2 * change) < item.share

    def base_versions(self, index: int) -> int:
        """How many versions an image set was made with."""
        draw = self._draw(index, 1)
        if draw < 0.6 or self.versions < 2 or index >= self.sets:
            return 1
        return 2 + int((draw - 0.6) / 0.4 * (self.versions - 1))

    def image_set(self, index: int) -> ImageSet:
        """An image set as it is after all changes."""
        created, base = self.created(index), self.base_versions(index)
        deleted = index < self.sets and self._draw(index, 2) < self.deleted
        updated, moves = created + (base - 1) * STEP, []
        for number, at in enumerate(self.change_times):
            if deleted:
                break
            if self.moves(index, number):
                updated = at
                deleted = self._draw(index, 101 + 2 * number) < self.changes[number].gone
                if not deleted:
                    moves.append(at)
        special = self._special(index) if not moves else ""
        return ImageSet(
            number=index,
            id=self.id_of(index),
            created=created,
            updated=updated,
            base_versions=base,
            moves=tuple(moves),
            status="DELETED" if deleted else special or plain_status(base + len(moves), bool(moves)),
            deleted=deleted,
            primary=self._draw(index, 4) < self.primary,
            archived=self._draw(index, 5) < self.archived,
            accessed=created + int(self._draw(index, 6) * (updated - created)),
            forced_version=self._forced(index, base),
        )

    def _special(self, index: int) -> str:
        draw = self._draw(index, 3)
        for status, share in self.statuses.items():
            if draw < share:
                return status
            draw -= share
        return ""

    def _forced(self, index: int, base: int) -> int:
        """The version that was forced; 0 where none was."""
        draw = self._draw(index, 7)
        if base < 2 or draw >= self.forced:
            return 0
        return 2 + int(draw / self.forced * (base - 1))

    def _draw(self, index: int, salt: int) -> float:
        return _mixed((index * _ODD + salt * 0xD1342543DE82EF95 ^ self._key) & _MASK) * _TO_UNIT

    @cached_property
    def _key(self) -> int:
        return _mixed(self.seed * _ODD + 1 & _MASK)

    @cached_property
    def _from(self) -> int:
        return milliseconds(self.created_from)

    @cached_property
    def _to(self) -> int:
        return milliseconds(self.created_to)

    @cached_property
    def change_times(self) -> tuple[int, ...]:
        """When the changes happened, in milliseconds since 1970."""
        return tuple(milliseconds(change.at) for change in self.changes)
