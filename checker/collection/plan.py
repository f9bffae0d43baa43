"""Which calls answer what the rules read: as few as will do, and no call whose answer nobody judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from checker.aws.actions import GET_IMAGE_SET, LIST_TAGS, LIST_VERSIONS
from checker.fields import MOVING, model
from checker.model import Needs, Target

OWN = frozenset({"found", "collectedAt"})
EvidenceKind = Literal["exact", "economical"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls for each image set of a target.

    `search`: image sets are found by SearchImageSets. `state`: the calls of which one gives the latest state of an image
    set; none where the search's own answer will do, or where nothing but versions is read. `versions`: the whole list of
    versions is read too. `tags`: the tags of each image set are. `fresh`: an earlier answer will not do, since what moves
    without a new version is read from it.
    """

    search: bool = False
    state: tuple[str, ...] = ()
    versions: bool = False
    tags: bool = False
    fresh: bool = False

    @property
    def each(self) -> tuple[str, ...]:
        """The calls that every image set takes; of several that give its state, the first stands for all."""
        calls = self.state[:1]
        if self.versions and LIST_VERSIONS not in calls:
            calls += (LIST_VERSIONS,)
        return calls + ((LIST_TAGS,) if self.tags else ())


def plan(target: Target, needs: Needs, evidence: EvidenceKind | None = None) -> Plan:
    """The calls of a target.

    Args:
        target: what to read.
        needs: what the rules read.
        evidence: `exact` asks for every image set itself, and for all that rules read of it; `economical` lets SearchImageSets answer where it can, which is
            eventually consistent and of which AWS does not say whether it lists LOCKED or DELETED image sets. Unless given,
            listed image sets are asked for by GetImageSet, and those that a search finds economically.
    """
    searched = target.discovery is not None
    versions, tags = needs.versions, bool(needs.tags)
    if not needs.image_sets:
        return Plan(searched and (versions or tags), (), versions, tags)
    if not searched and evidence is None:
        return Plan(searched, (GET_IMAGE_SET,), versions, tags)
    exact = evidence == "exact"
    fresh = exact and not _within(needs, frozenset(model().fields) - MOVING | OWN)
    if searched and not exact and _within(needs, model().searched):
        return Plan(searched, (), versions, tags)
    beside = model().searched if searched and not exact else OWN
    if not _within(needs, beside | model().versions):
        return Plan(searched, (GET_IMAGE_SET,), versions, tags, fresh)
    if versions:
        return Plan(searched, (LIST_VERSIONS,), versions, tags)
    # the quotas of both calls serve, side by side
    return Plan(searched, (GET_IMAGE_SET, LIST_VERSIONS), versions, tags)


def pinned(target: Target, calls: Plan, needs: Needs) -> frozenset[str]:
    """The image sets of a target of which certain versions are read, each by itself, where versions are judged: of any
    other one the list of all versions is."""
    listing = LIST_VERSIONS in calls.state or needs.previous_version
    refs = target.image_sets if calls.versions and not listing else ()
    latest = {image_set.id for image_set in refs if image_set.version is None}
    return frozenset(image_set.id for image_set in refs if image_set.id not in latest)


def _within(needs: Needs, known: frozenset[str]) -> bool:
    return needs.fields is not None and needs.fields <= known
