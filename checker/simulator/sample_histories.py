"""What happened to the image sets of the demo: one function per story, all relative to one instant.

Nothing here is random: what varies is drawn from a hash of the story's name and number, so that the demo is
the same on every machine, and only moves with the clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .state_setup import PlacedVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FREQUENT = "FREQUENT_ACCESS"
ARCHIVE = "ARCHIVE_INSTANT_ACCESS"
FORCED = {"forced": True}

HOSTILE_MESSAGES = (
    "<script>alert('demo')</script><img src=x onerror=alert(1)> & \"quoted\"",
    "control characters: \x00 \x07 \x1b[31mred\x1b[0m \x7f \u202e ]]> \ufffe",
    '=HYPERLINK("https://example.invalid","look")\r\n{{ 7 * 7 }} {% include \'x\' %} ${HOME} ' + "long " * 60,
)
"""Texts that a report must show without obeying."""


@dataclass(frozen=True)
class Scene:
    """An image set about to be told: its story's name, its number in it, and now."""

    story: str
    number: int
    now: datetime

    def pick(self, what: str, low: int, high: int) -> int:
        """A number from `low` to `high`, both included, always the same one for the same thing."""
        digest = hashlib.sha256(f"{self.story}/{self.number}/{what}".encode()).digest()
        return low + int.from_bytes(digest[:8], "big") % (high - low + 1)

    def ago(self, low: float, high: float, what: str = "ago") -> datetime:
        """A time between `low` and `high` days before now."""
        second = 86400
        return self.now - timedelta(seconds=self.pick(what, int(low * second), int(high * second)))

    def after(self, moment: datetime, low: float, high: float, what: str = "after") -> datetime:
        """A time between `low` and `high` days after `moment`."""
        second = 86400
        return moment + timedelta(seconds=self.pick(what, int(low * second), int(high * second)))


@dataclass(frozen=True)
class Told:
    """An image set as it is placed, and what the inventory says about it beside the usual."""

    created_at: datetime
    versions: tuple[PlacedVersion, ...]
    last_accessed_at: datetime
    storage_tier: str = ARCHIVE
    is_primary: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


def healthy(scene: Scene) -> Told:
    """Nothing to find: active, primary, never forced, in the tier that its last access asks for."""
    created = scene.ago(150, 2500, "created")
    updated = scene.after(created, 0.1, 30, "updated")
    first = PlacedVersion(status="COPIED" if scene.number % 9 == 4 else "CREATED")
    versions = (
        (first, PlacedVersion(status="UPDATED", updated_at=updated)) if scene.number % 5 == 2 else (first,)
    )
    if scene.number % 3 == 0:
        return Told(created, versions, scene.ago(0.5, 25, "accessed"), FREQUENT)
    return Told(created, versions, scene.ago(35, 119, "accessed"))


def forced_update(scene: Scene) -> Told:
    """The latest version was written with force; that is possible on sets that are not primary."""
    created = scene.ago(200, 900, "created")
    forced = scene.after(created, 1, 60, "forced")
    versions = (PlacedVersion(), PlacedVersion(status="UPDATED", updated_at=forced, overrides=FORCED))
    return Told(created, versions, scene.ago(40, 100, "accessed"), is_primary=False)


def forced_copy(scene: Scene) -> Told:
    """Someone's instances were copied in although patient, study or series differ."""
    created = scene.ago(200, 900, "created")
    forced = scene.after(created, 1, 60, "forced")
    versions = (PlacedVersion(), PlacedVersion(status="COPIED", updated_at=forced, overrides=FORCED))
    return Told(created, versions, scene.ago(40, 100, "accessed"))


def forced_before(scene: Scene) -> Told:
    """Forced once, and hidden from GetImageSet by an ordinary update since."""
    created = scene.ago(300, 1200, "created")
    forced = scene.after(created, 1, 60, "forced")
    since = scene.after(forced, 0.1, 20, "since")
    versions = (
        PlacedVersion(),
        PlacedVersion(status="COPIED", updated_at=forced, overrides=FORCED),
        PlacedVersion(status="UPDATED", updated_at=since),
    )
    return Told(created, versions, scene.ago(40, 100, "accessed"))


def many_versions(scene: Scene) -> Told:
    """Twelve versions, the ninth forced: as text, "9" would be the latest."""
    created = scene.ago(400, 500, "created")
    later = tuple(
        PlacedVersion(
            status="UPDATED",
            updated_at=created + timedelta(days=number),
            overrides=FORCED if number == 9 else None,
        )
        for number in range(2, 13)
    )
    return Told(created, (PlacedVersion(), *later), scene.ago(40, 100, "accessed"))


def copy_failed(scene: Scene) -> Told:
    """A copy failed, which leaves the set ACTIVE; the text is that of aws-cli's example."""
    message = "INVALID_REQUEST:  Series of SourceImageSet and DestinationImageSet don't match."
    return _failed(scene, "COPY_FAILED", message)


def update_failed(scene: Scene) -> Told:
    """An update failed, which leaves the set ACTIVE."""
    return _failed(
        scene, "UPDATE_FAILED", "INVALID_REQUEST: StudyInstanceUID can be changed with force only."
    )


def hostile_message(scene: Scene) -> Told:
    """A failure whose message is out to harm whoever prints it."""
    return _failed(scene, "UPDATE_FAILED", HOSTILE_MESSAGES[scene.number % len(HOSTILE_MESSAGES)])


def _failed(scene: Scene, status: str, message: str) -> Told:
    created = scene.ago(100, 800, "created")
    failed = scene.after(created, 1, 30, "failed")
    versions = (PlacedVersion(), PlacedVersion(status=status, updated_at=failed, message=message))
    return Told(created, versions, scene.ago(35, 60, "accessed"))


_LOCKING = ("COPYING", "UPDATING", "DELETING", "COPYING_WITH_READ_ONLY_ACCESS")


def locked(scene: Scene) -> Told:
    """Being worked on, for minutes."""
    return _locked(scene, scene.ago(0.001, 0.02, "locked"))


def stuck(scene: Scene) -> Told:
    """Being worked on, for days: nothing will come of it."""
    return _locked(scene, scene.ago(3, 45, "locked"))


def _locked(scene: Scene, since: datetime) -> Told:
    created = scene.ago(200, 900, "created")
    version = PlacedVersion(status=_LOCKING[scene.number % len(_LOCKING)], updated_at=since)
    versions = (version,) if version.status in _LOCKING[2:] else (PlacedVersion(), version)
    return Told(created, versions, since, FREQUENT)


def deleted_recently(scene: Scene) -> Told:
    """Deleted within the last weeks, after years of keeping."""
    return _deleted(scene.ago(1500, 2500, "created"), scene.ago(0.5, 20, "deleted"))


def deleted_long_ago(scene: Scene) -> Told:
    """Deleted, years after it came and months before now."""
    return _deleted(scene.ago(2500, 3600, "created"), scene.ago(200, 700, "deleted"))


def deleted_at_once(scene: Scene) -> Told:
    """Deleted within hours or days of its creation: a correction, or a mistake. 30 days are charged anyway."""
    created = scene.ago(90, 400, "created")
    return _deleted(created, scene.after(created, 0.05, 12, "deleted"))


def deleted_on_hold(scene: Scene) -> Told:
    """Deleted although the inventory says that it is on legal hold."""
    return _deleted(scene.ago(800, 1200, "created"), scene.ago(50, 150, "deleted"), {"legal_hold": "true"})


def mammogram_deleted(scene: Scene) -> Told:
    """A mammogram that did not reach any of the periods that 21 CFR 900.12(c)(4)(i) names."""
    return _deleted(scene.ago(900, 1200, "created"), scene.ago(50, 150, "deleted"), {"class": "mammography"})


def _deleted(created: datetime, deleted: datetime, labels: Mapping[str, str] | None = None) -> Told:
    version = PlacedVersion(status="DELETED", updated_at=deleted, deleted_at=deleted)
    return Told(created, (version,), created, labels=labels or {})


def conflict_young(scene: Scene) -> Told:
    """Not primary, for days: someone may still be resolving it."""
    created = scene.ago(1, 6, "created")
    return Told(created, (PlacedVersion(),), created, FREQUENT, is_primary=False)


def conflict_old(scene: Scene) -> Told:
    """Not primary, for months: nobody is resolving it."""
    created = scene.ago(120, 600, "created")
    return Told(created, (PlacedVersion(),), scene.ago(40, 100, "accessed"), is_primary=False)


def forgotten(scene: Scene) -> Told:
    """Kept, and not looked at for more than six years."""
    created = scene.ago(2700, 3600, "created")
    return Told(created, (PlacedVersion(),), scene.ago(2300, 2600, "accessed"))


def wrong_tier(scene: Scene) -> Told:
    """In the dear tier, although the last access was months ago."""
    created = scene.ago(300, 900, "created")
    return Told(created, (PlacedVersion(),), scene.ago(90, 200, "accessed"), FREQUENT)


@dataclass(frozen=True)
class Story:
    """How many image sets of the demo have this history, and what it is."""

    tell: Callable[[Scene], Told]
    sets: int


STORIES: dict[str, Story] = {
    "healthy": Story(healthy, 177),
    "unreadable": Story(healthy, 2),
    "forced-update": Story(forced_update, 3),
    "forced-copy": Story(forced_copy, 3),
    "forced-before": Story(forced_before, 4),
    "many-versions": Story(many_versions, 1),
    "copy-failed": Story(copy_failed, 4),
    "update-failed": Story(update_failed, 3),
    "hostile-message": Story(hostile_message, 3),
    "locked": Story(locked, 4),
    "stuck": Story(stuck, 4),
    "deleted-recently": Story(deleted_recently, 5),
    "deleted-long-ago": Story(deleted_long_ago, 4),
    "deleted-at-once": Story(deleted_at_once, 4),
    "deleted-on-hold": Story(deleted_on_hold, 2),
    "mammogram-deleted": Story(mammogram_deleted, 2),
    "conflict-young": Story(conflict_young, 4),
    "conflict-old": Story(conflict_old, 5),
    "forgotten": Story(forgotten, 3),
    "wrong-tier": Story(wrong_tier, 3),
}
"""240 image sets. The inventory has two more, `vanished`, that the data store has never heard of."""
