"""Targets -> records: what is asked of whom, and what a collection says of itself. `crew` has the threads that ask."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from checker.aws import ATTEMPTS, DEADLINES, Access, Deadlines, Sessions
from checker.collection.collection_notes import fold_notes
from checker.collection.plan import EvidenceKind, plan
from checker.collection.rate_limit import Limiter, Meter, StoppedError, workers_for
from checker.collection.retry import CircuitBreaker, TargetHealth
from checker.collection.reuse import PriorAnswers
from checker.collection.search_filters import bounds
from checker.collection.search_results import SearchResults
from checker.collection.target_expansion import account_names, accounts_of
from checker.collection.target_session import NOTHING_KNOWN, Belongs, TargetSession
from checker.collection.workers import Lane, Workers, expected_sets
from checker.config import Rate
from checker.model import Needs, Target, utc_now
from checker.snapshot.records import Record


@dataclass(frozen=True, slots=True)
class Options:
    """How to collect.

    `rates` are quotas that differ from the published ones, by action. `workers` are threads for each set of
    credentials and Region (None: what the quota needs at 0.4 s a call). `attempts` are botocore's for one call, which
    `deadlines` bound.
    `evidence` says what may answer (`inventory.plan`), `share` how much of each quota is used. `pause` sleeps before a
    failed call is asked again, and says whether the run is being stopped. `belongs` says which of the image sets that are
    found belong to a target; `as_of` is the instant against which its ages are measured, now unless given. `prior` is what need not be asked;
    `meter` counts what is.
    """

    rates: Mapping[str, Rate] = field(default_factory=dict)
    endpoint_url: str | None = None
    runtime_endpoint_url: str | None = None
    workers: int | None = None
    attempts: int = ATTEMPTS
    deadlines: Deadlines = DEADLINES
    evidence: EvidenceKind | None = None
    share: float = 1.0
    pause: Callable[[float], bool] | None = None
    belongs: Belongs | None = None
    as_of: datetime | None = None
    prior: PriorAnswers = NOTHING_KNOWN
    meter: Meter | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """What a collection did. `notes` are sentences for the report; `calls` counts every attempt by action.

    `retried` are attempts beyond the first of a call, `throttled` those the service refused as too many,
    `waited_seconds` the time that all threads spent waiting for the limiter. `identities` are ARNs by target.
    """

    notes: tuple[str, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)
    throttled: int = 0
    retried: int = 0
    waited_seconds: float = 0.0
    identities: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Those of `data_stores` by target, and of `accounts` by id."""
    interrupted: bool = False

    @property
    def traffic(self) -> dict[str, float]:
        """What the calls came to, beside their number."""
        waited = round(self.waited_seconds, 1)
        return {"throttled": self.throttled, "retried": self.retried, "waited_seconds": waited}


def collect(
    targets: Sequence[Target],
    sink: Callable[[Record], object],
    *,
    needs: Needs = Needs(),  # noqa: B008 - frozen
    options: Options | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[int, int], object] | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Collection:
    """Reads the targets' data stores, and of their image sets what is needed; each answer becomes one record, in the
    order of arrival.

    Args:
        targets: what to read, and how to reach it.
        sink: takes each record; called from the caller's thread only.
        needs: what the rules read: no call is made that they do not need, but for GetDatastore, without which nothing
            is known to be missing.
        options: how to collect.
        stop: once set, the run ends within about a second: what was read has been given to the sink.
        progress: told how many image sets are done, of how many; called from the caller's thread only.
        now: the instant at which an answer is received.

    Raises:
        InvalidInputError: a profile is unknown or AWS's configuration files cannot be read; before any call.
    """
    chosen, halt = options or Options(), stop or threading.Event()
    limiter = Limiter(chosen.rates, share=chosen.share, wait=halt.wait, meter=chosen.meter)
    plans = [plan(target, needs, chosen.evidence) for target in targets]
    workers = chosen.workers or workers_for(plans, limiter.rates)
    door = Sessions(
        chosen.endpoint_url,
        chosen.runtime_endpoint_url,
        watch=limiter.watch("", ""),
        connections=2 * workers,  # for those who search, and those who read
        attempts=chosen.attempts,
        deadlines=chosen.deadlines,
    )
    crew = Workers(door, limiter, workers, halt)
    tell = progress or (lambda _done, _of: None)
    line = TargetHealth(chosen.pause or halt.wait, seconds=chosen.deadlines.call, breaker=CircuitBreaker())
    notes: list[str] = []
    done, planned = 0, 1
    try:
        every, unread, notes = accounts_of(targets, door, line, now, chosen.prior)
        for record in unread:
            sink(record)
        lanes = _lanes(every, door, lambda target: _site(target, needs, chosen, line.of_another(), now))
        planned = len(lanes)
        done = crew.run(lanes, sink, lambda count: tell(count, expected_sets(crew.sites)))
    except StoppedError:
        pass
    finally:
        door.close()
        for site in crew.sites:
            if site.found is not None:
                site.found.close()
    left = (
        len(crew.listed) < planned
        or done < expected_sets(crew.sites)
        or any(session.unsure for session in crew.sites)
    )
    stopped = halt.is_set() and left
    return _collection(crew.sites, limiter, notes, interrupted=stopped)


def _site(
    target: Target,
    needs: Needs,
    options: Options,
    line: TargetHealth,
    now: Callable[[], datetime],
) -> TargetSession:
    calls = plan(target, needs, options.evidence)
    found = (
        SearchResults(target.discovery)
        if target.discovery and calls.search and target.datastores is None
        else None
    )
    where, as_of = target.discovery.where if target.discovery else None, options.as_of or now()
    return TargetSession(
        target,
        line,
        now,
        needs,
        calls,
        found,
        prior=options.prior,
        belongs=options.belongs if where else None,
        created=bounds(where, "createdAt", as_of),
        updated=bounds(where, "updatedAt", as_of),
    )


def _lanes(
    targets: Sequence[Target], door: Sessions, site_of: Callable[[Target], TargetSession]
) -> list[Lane]:
    lanes: dict[tuple[Access, str], Lane] = {}
    for target in targets:
        access = Access(target.profile, target.role_arn, target.external_id)
        door.check(access)
        lane = lanes.setdefault((access, target.region), Lane(access, target.region, []))
        lane.sites.append(site_of(target))
    return list(lanes.values())


def _collection(
    sites: list[TargetSession], limiter: Limiter, notes: list[str], *, interrupted: bool
) -> Collection:
    meter = limiter.meter
    asked: Counter[str] = sum((site.line.asked for site in sites), Counter())
    with meter.lock:
        calls = dict(sorted(meter.calls.items()))
        return Collection(
            notes=fold_notes([*notes, *(note for site in sites for note in site.all_notes())]),
            calls=calls,
            throttled=meter.throttled,
            retried=sum(max(0, calls.get(action, 0) - count) for action, count in asked.items()),
            waited_seconds=meter.waited,
            identities={site.target.name: site.arn for site in sites if site.arn},
            names={
                "data_stores": {site.target.name: site.store_name for site in sites if site.store_name},
                "accounts": account_names(site.target for site in sites),
            },
            interrupted=interrupted,
        )
