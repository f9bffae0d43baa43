"""What a collection would ask: calls, the time that they take at the quota, and the size of their answers."""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from checker.aws import Access
from checker.aws.actions import (
    ACTIONS,
    GET_DATASTORE,
    GET_IMAGE_SET,
    LIST_ACCOUNTS,
    LIST_DATASTORES,
    LIST_TAGS,
    LIST_VERSIONS,
    RECORDED,
    SEARCH,
)
from checker.collection.plan import EvidenceKind, Plan, pinned, plan
from checker.collection.rate_limit import BURST_SHARE, SHARE, Limiter
from checker.collection.workers import MOST_LANES
from checker.config import Rate
from checker.model import Needs, Target

UNKNOWN_SETS = 1000
"""Image sets that a target is taken to have where nobody knows."""

Place = tuple[Access, str]
"""As whom and in which Region targets are read: those that share it have one quota, and are read together."""
Stores = Mapping[str, Sequence[int]]
"""How many image sets each data store of a target has, by account; "" is an account whose id is not known."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls of one action, the seconds that they take at the rate used, and about how many bytes their answers have."""

    action: str
    calls: int
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one target takes.

    `known` says where the number of its image sets comes from: `listed` in audit.yaml, the name of a run, `given`, or
    nothing where it is assumed; `known_stores` the same of its data stores and their `accounts`. `lanes` are the calls of
    each place, `rates` what is used of the quotas, `share` how much of them that is. `remembers`: image sets that no search
    lists may be known all the same, from earlier runs or from events.
    """

    target: Target
    plan: Plan
    sets: int
    known: str
    costs: tuple[Cost, ...]
    accounts: int = 1
    stores: int = 1
    known_stores: str = "listed"
    lanes: Mapping[Place, Mapping[str, int]] = field(default_factory=dict)
    rates: Mapping[str, Rate] = field(default_factory=dict)
    share: float = SHARE
    remembers: bool = False


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
    remembers: bool = False,
) -> tuple[Estimate, ...]:
    """What targets take, each asked for in full: a run after another one asks for less.

    Args:
        targets: what would be collected.
        needs: what the rules read.
        evidence: see `inventory.plan`.
        rates: quotas that differ from the published ones, by action.
        share: how much of each quota is used.
        sizes: how many image sets targets had in a run, by name. An organization, and data stores by name, are taken to be
            those that it had.
        run: the name of that run.
        sets: how many image sets a target is to be taken to have whose image sets are not listed.
        remembers: see `Estimate`.
    """
    used = {
        action: Rate(item.rate * SHARE, item.burst * BURST_SHARE)
        for action, item in Limiter(rates, share=share).rates.items()
    }
    found = []
    for target in targets:
        calls = plan(target, needs, evidence)
        seen = _seen(target, sizes or {})
        stores, known = _stores(target, seen, run, sets)
        lanes = {
            (_access(target, account), target.region): _calls(target, calls, needs, counts, used)
            for account, counts in stores.items()
        }
        found.append(
            Estimate(
                target,
                calls,
                sum(map(sum, stores.values())),
                known,
                tuple(_costs(target, lanes, used)),
                accounts=len(stores),
                stores=sum(map(len, stores.values())),
                known_stores=(run if seen else "") if _found_later(target) else "listed",
                lanes=lanes,
                rates=used,
                share=share * SHARE,
                remembers=remembers,
            )
        )
    return tuple(found)


def duration(estimates: Sequence[Estimate]) -> float:
    """The seconds that it takes: so many places at once as `crew` reads, actions side by side, and the calls of one
    action in a place one after the other."""
    lanes: dict[Place, Counter[str]] = {}
    for item in estimates:
        for place, calls in item.lanes.items():
            lanes.setdefault(place, Counter()).update(calls)
    return _together(lanes.values(), estimates[0].rates) if estimates else 0.0


def _together(lanes: Iterable[Mapping[str, int]], rates: Mapping[str, Rate]) -> float:
    """The seconds until the last lane is read, each begun in its turn as soon as another one is done."""
    ends = [0.0] * MOST_LANES
    for calls in lanes:
        took = max((_seconds(number, rates.get(action)) for action, number in calls.items()), default=0.0)
        heapq.heapreplace(ends, ends[0] + took)
    return max(ends)


def _costs(
    target: Target, lanes: Mapping[Place, Mapping[str, int]], rates: Mapping[str, Rate]
) -> Iterable[Cost]:
    asked = {LIST_ACCOUNTS: _pages(LIST_ACCOUNTS, len(lanes))} if target.organization else {}
    totals = sum((Counter(calls) for calls in lanes.values()), Counter(asked))
    for action in RECORDED:
        if number := totals[action]:
            took = _together(({action: calls.get(action, 0)} for calls in lanes.values()), rates)
            yield Cost(action, number, took, number * ACTIONS[action].bytes)


def _found_later(target: Target) -> bool:
    return target.organization or target.datastores is not None


def _access(target: Target, account: str) -> Access:
    role = target.role_arn
    if role and account:
        role = role.replace("{account}", account)
    return Access(target.profile, role, target.external_id)


def _seen(target: Target, sizes: Mapping[str, int]) -> Stores:
    """What a target had in a run, by the names of its parts: see `inventory.expand`. Nothing where it had no data store."""
    head, *rest = target.name.split("/", 1)
    account = "/([0-9]{12})" if target.organization else "()"
    store = "(/[0-9a-z]{32})?" if target.datastores is not None else "()"
    part = re.compile("".join([re.escape(head), account, *(f"/{re.escape(more)}" for more in rest), store]))
    found: dict[str, list[int]] = {}
    for name, count in sizes.items():
        if match := part.fullmatch(name):
            # a part without a store is an account whose data stores could not be listed
            found.setdefault(match[1], []).extend([count] if match[2] is not None else [])
    return found if any(found.values()) else {}


def _stores(target: Target, seen: Stores, run: str, sets: int | None) -> tuple[Stores, str]:
    """The data stores of a target, and where the number of their image sets comes from."""
    several = seen or {"": [UNKNOWN_SETS]}
    if target.discovery is None:
        each = len({image_set.id for image_set in target.image_sets})
        return {account: [each] * len(stores) for account, stores in several.items()}, "listed"
    if sets is None:
        return several, run if seen else ""
    whole = sum(map(len, several.values()))
    parts = iter([sets // whole + (number < sets % whole) for number in range(whole)])
    return {account: [next(parts) for _ in stores] for account, stores in several.items()}, "given"


def _calls(
    target: Target, calls: Plan, needs: Needs, stores: Sequence[int], rates: Mapping[str, Rate]
) -> dict[str, int]:
    """The calls of each action for data stores of one account with so many image sets; those that are made again because
    they failed are beside the point."""
    sets = sum(stores)
    found = dict.fromkeys(RECORDED, 0)
    if target.datastores is not None:
        found[LIST_DATASTORES] = _pages(LIST_DATASTORES, len(stores))
    found |= dict.fromkeys((GET_DATASTORE, *needs.calls), len(stores))
    found[LIST_TAGS] = (len(stores) if needs.datastore_tags else 0) + (sets if calls.tags else 0)
    found[SEARCH] = sum(_pages(SEARCH, store) for store in stores) if calls.search else 0
    if len(calls.state) > 1:
        whole = sum(rates[action].rate for action in calls.state)
        left = sets
        for action in calls.state[1:]:
            found[action] = round(sets * rates[action].rate / whole)
            left -= found[action]
        found[calls.state[0]] = left
    else:
        for action in calls.each:
            if action != LIST_TAGS:
                found[action] = sets
        found.update(_of_versions(target, calls, needs, len(stores)))
    return {action: number for action, number in found.items() if number}


def _pages(action: str, items: int) -> int:
    """The calls that it takes to list so many items: one at least."""
    paging = ACTIONS[action].paging
    return max(1, math.ceil(items / paging.most)) if paging else 1


def _of_versions(target: Target, calls: Plan, needs: Needs, stores: int) -> Mapping[str, int]:
    """The calls for image sets that a target lists, where it pins versions of some."""
    alone = pinned(target, calls, needs)
    refs = [
        image_set for image_set in target.image_sets if GET_IMAGE_SET in calls.state or image_set.id in alone
    ]
    listed = len({image_set.id for image_set in target.image_sets} - alone)
    found = {GET_IMAGE_SET: len(refs) * stores} if refs else {}
    return {**found, LIST_VERSIONS: listed * stores} if alone else found


def _seconds(calls: int, rate: Rate | None) -> float:
    """At a rate, of which a burst comes at once."""
    return 0.0 if rate is None else max(0.0, calls - rate.burst) / rate.rate
