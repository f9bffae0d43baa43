"""What a collection would ask: calls, the time that they take at the quota, and the size of their answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from checker.config import Rate
from checker.evidence.records import (
    GET_DATASTORE,
    GET_IMAGE_SET,
    LIST_ACCOUNTS,
    LIST_DATASTORES,
    LIST_TAGS,
    LIST_VERSIONS,
    SEARCH,
)
from checker.inventory.limits import PUBLISHED, SHARE
from checker.inventory.plan import EvidenceKind, Plan, plan
from checker.inventory.questions import PAGE
from checker.model import Needs, Target

BYTES: Mapping[str, int] = {
    SEARCH: 50 * 700,
    GET_IMAGE_SET: 700,
    LIST_VERSIONS: 2 * 300,
    GET_DATASTORE: 500,
    LIST_DATASTORES: 400,
    LIST_TAGS: 100,
    LIST_ACCOUNTS: 500,
}
"""About how long the body of an answer is: by the members in botocore's model, two versions to an image set, and pages that
are full. AWS publishes no sizes."""
UNKNOWN_SETS = 1000
"""Image sets that a target is taken to have where nobody knows."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls of one action, the seconds that they take at the rate used, and about how many bytes their answers have."""

    action: str
    calls: int
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one target takes. `known` says where the number of its image sets comes from: `listed` in audit.yaml, the name
    of a run, `given`, or nothing where it is assumed."""

    target: Target
    plan: Plan
    sets: int
    known: str
    costs: tuple[Cost, ...]


def estimate(
    targets: Iterable[Target],
    needs: Needs,
    *,
    evidence: EvidenceKind | None = None,
    rates: Mapping[str, Rate] | None = None,
    share: float = 1.0,
    sizes: Mapping[str, int] | None = None,
    run: str = "",
    sets: int | None = None,
) -> tuple[Estimate, ...]:
    """What targets take, each asked for in full: a run after another one asks for less.

    Args:
        targets: what would be collected.
        needs: what the rules read.
        evidence: see `inventory.plan`.
        rates: quotas that differ from the published ones, by action.
        share: how much of each quota is used.
        sizes: how many image sets targets had in a run, by name.
        run: the name of that run.
        sets: how many image sets a target is to be taken to have whose image sets are not listed.
    """
    limits = {**PUBLISHED, **(rates or {})}
    found = []
    for target in targets:
        calls = plan(target, needs, evidence)
        count, known = _size(target, sizes or {}, run, sets)
        costs = tuple(
            Cost(action, number, _seconds(number, limits.get(action), share), number * BYTES[action])
            for action, number in _calls(target, calls, needs, count, limits).items()
            if number
        )
        found.append(Estimate(target, calls, count, known, costs))
    return tuple(found)


def duration(estimates: Sequence[Estimate]) -> float:
    """The seconds that it takes: accounts and Regions side by side, actions side by side, and the calls of one action in a
    Region of an account one after the other."""
    lanes: dict[tuple[str | None, str | None, str, str], float] = {}
    for one in estimates:
        for cost in one.costs:
            lane = (one.target.profile, one.target.role_arn, one.target.region, cost.action)
            lanes[lane] = lanes.get(lane, 0.0) + cost.seconds
    return max(lanes.values(), default=0.0)


def _size(target: Target, sizes: Mapping[str, int], run: str, sets: int | None) -> tuple[int, str]:
    if target.discovery is None:
        return len({one.id for one in target.image_sets}), "listed"
    if sets is not None:
        return sets, "given"
    seen = [
        count for name, count in sizes.items() if name == target.name or name.startswith(f"{target.name}/")
    ]
    return (sum(seen), run) if seen else (UNKNOWN_SETS, "")


def _calls(
    target: Target, calls: Plan, needs: Needs, sets: int, limits: Mapping[str, Rate]
) -> dict[str, int]:
    """The calls of each action; those that are made again because they failed are beside the point."""
    found = dict.fromkeys(
        (LIST_ACCOUNTS, LIST_DATASTORES, GET_DATASTORE, SEARCH, GET_IMAGE_SET, LIST_VERSIONS, LIST_TAGS), 0
    )
    found[LIST_ACCOUNTS] = int(target.organization)
    found[LIST_DATASTORES] = int(target.datastores is not None)
    found[GET_DATASTORE] = 1
    found[LIST_TAGS] = int(bool(needs.datastore_tags)) + (sets if calls.tags else 0)
    found[SEARCH] = math.ceil(sets / PAGE) if calls.search else 0
    if len(calls.state) > 1:
        whole = sum(limits[action].rate for action in calls.state)
        left = sets
        for action in calls.state[1:]:
            found[action] = round(sets * limits[action].rate / whole)
            left -= found[action]
        found[calls.state[0]] = left
    else:
        for action in calls.each:
            if action != LIST_TAGS:
                found[action] = sets
    versions = sum(one.version is not None for one in target.image_sets)
    found[GET_IMAGE_SET] += max(0, versions - sets) if GET_IMAGE_SET in calls.each else 0
    return found


def _seconds(calls: int, rate: Rate | None, share: float) -> float:
    """At the rate that is used of a quota, of which a burst comes at once."""
    if rate is None:
        return 0.0
    return max(0.0, calls - rate.burst * share) / (rate.rate * share * SHARE)
