"""Targets -> records: lanes of targets that share credentials and a Region, each read by a few threads at its quota."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from checker.aws import ATTEMPTS, Access, Door, UnusableError
from checker.config import Rate
from checker.evidence.records import Record
from checker.inventory.asking import Line
from checker.inventory.failures import Failure, Kind
from checker.inventory.limits import Limiter, StoppedError, workers_for
from checker.inventory.site import Refs, Site
from checker.model import Needs, Target, utc_now

MOST_LANES = 16
"""Lanes read at once; each has its own quota and threads."""
MOST_WAITING = 1000
"""Records between the threads and the sink: memory does not grow with the number of image sets."""
GRACE_SECONDS = 1.0
"""How long a stopped run waits for answers on their way."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to collect.

    `rates` are quotas that differ from the published ones, by action. `workers` are threads for each set of
    credentials and Region (None: what the quota needs at 0.4 s a call). `attempts` are botocore's for one call. `pause`
    sleeps before a failed call is asked again, and says whether the run is being stopped.
    """

    rates: Mapping[str, Rate] = field(default_factory=dict)
    endpoint_url: str | None = None
    runtime_endpoint_url: str | None = None
    workers: int | None = None
    attempts: int = ATTEMPTS
    pause: Callable[[float], bool] | None = None


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
    interrupted: bool = False


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
    limiter = Limiter(chosen.rates, wait=halt.wait)
    workers = chosen.workers or workers_for(needs, limiter.rates)
    door = Door(
        chosen.endpoint_url,
        chosen.runtime_endpoint_url,
        watch=limiter.watch("", ""),
        connections=workers,
        attempts=chosen.attempts,
    )
    sites = [Site(target, Line(chosen.pause or halt.wait), now, needs) for target in targets]
    lanes: dict[tuple[Access, str], _Lane] = {}
    for site in sites:
        access = Access(site.target.profile, site.target.role_arn, site.target.external_id)
        door.check(access)
        lanes.setdefault((access, site.target.region), _Lane(access, site.target.region, [])).sites.append(
            site
        )
    crew = _Crew(door, limiter, workers, halt)
    expected = sum(len(refs) for site in sites for _, refs in site.refs())
    try:
        done = crew.run(
            list(lanes.values()), sink, lambda count: progress(count, expected) if progress else None
        )
    finally:
        door.close()
    return _collection(sites, limiter, interrupted=halt.is_set() and done < expected)


def _collection(sites: list[Site], limiter: Limiter, *, interrupted: bool) -> Collection:
    meter = limiter.meter
    asked: Counter[str] = sum((site.line.asked for site in sites), Counter())
    with meter.lock:
        calls = dict(sorted(meter.calls.items()))
        return Collection(
            notes=tuple(dict.fromkeys(note for site in sites for note in site.all_notes())),
            calls=calls,
            throttled=meter.throttled,
            retried=sum(max(0, calls.get(action, 0) - count) for action, count in asked.items()),
            waited_seconds=meter.waited,
            identities={site.target.name: site.arn for site in sites if site.arn},
            interrupted=interrupted,
        )


@dataclass(frozen=True, slots=True)
class _Lane:
    """Targets that share credentials and a Region, and so clients and a quota."""

    access: Access
    region: str
    sites: list[Site]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read at once, and how many image sets are done with it."""

    records: Sequence[Record]
    done: int = 0


@dataclass(frozen=True, slots=True)
class _Crash:
    """An exception of our own in a thread, to be raised where the caller sees it."""

    error: BaseException


class _Crew:
    """The threads of a run. They are daemons: one that hangs in a call cannot keep the process from ending."""

    def __init__(self, door: Door, limiter: Limiter, workers: int, stop: threading.Event) -> None:
        self.door = door
        self.limiter = limiter
        self.workers = workers
        self.stop = stop
        self.closed = threading.Event()
        self.results: queue.Queue[_Read | _Crash | None] = queue.Queue(MOST_WAITING)

    def run(
        self, lanes: list[_Lane], sink: Callable[[Record], object], progress: Callable[[int], object]
    ) -> int:
        """Gives every record to the sink; returns how many image sets are done."""
        waiting, lock = iter(lanes), threading.Lock()
        runners = min(MOST_LANES, len(lanes))
        for _ in range(runners):
            self._start(lambda: self._runner(waiting, lock))
        done, deadline = 0, math.inf
        progress(done)
        try:
            while runners and time.monotonic() < deadline:
                if self.stop.is_set() and deadline == math.inf:
                    deadline = time.monotonic() + GRACE_SECONDS
                try:
                    item = self.results.get(timeout=0.1)
                except queue.Empty:
                    continue
                if isinstance(item, _Crash):
                    raise item.error
                if item is None:
                    runners -= 1
                    continue
                for record in item.records:
                    sink(record)
                done += item.done
                progress(done)
        finally:
            self.closed.set()
        return done

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(work,), name="collect", daemon=True)
        thread.start()
        return thread

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._put(_Crash(error))

    def _put(self, item: _Read | _Crash | None) -> None:
        while not self.closed.is_set():
            try:
                return self.results.put(item, timeout=0.2)
            except queue.Full:
                continue
        return None

    def _runner(self, waiting: Iterator[_Lane], lock: threading.Lock) -> None:
        """Reads lanes until none is waiting, then says so: after whatever went wrong in them."""
        self._guarded(lambda: self._lanes(waiting, lock))
        self._put(None)

    def _lanes(self, waiting: Iterator[_Lane], lock: threading.Lock) -> None:
        while not self._ended:
            with lock:
                lane = next(waiting, None)
            if lane is None:
                return
            self._lane(lane)

    @property
    def _ended(self) -> bool:
        return self.stop.is_set() or self.closed.is_set()

    def _lane(self, lane: _Lane) -> None:
        self._connect(lane)
        for site in lane.sites:
            self._keep(site.look_up(), done=0)
        jobs, lock = chain.from_iterable(site.refs() for site in lane.sites), threading.Lock()
        total = sum(len(site.target.image_sets) for site in lane.sites)
        threads = [self._start(lambda: self._read(jobs, lock)) for _ in range(min(self.workers, total))]
        for thread in threads:
            thread.join()

    def _keep(self, records: Iterator[Record], done: int) -> None:
        """Hands records over together, and those of a run that is being stopped so far as they go."""
        read: list[Record] = []
        try:
            for record in records:
                read.append(record)  # noqa: PERF402 - what came before an exception is kept
        except StoppedError:
            self._put(_Read(read))
            raise
        self._put(_Read(read, done))

    def _read(self, jobs: Iterator[tuple[Site, Refs]], lock: threading.Lock) -> None:
        while not self._ended:
            with lock:
                job = next(jobs, None)
            if job is None:
                return
            site, refs = job
            self._keep(site.read(refs), len(refs))

    def _connect(self, lane: _Lane) -> None:
        """Clients and identity of a lane; without them its targets are lost."""
        account = lane.access.role_arn.split(":")[4] if lane.access.role_arn else None
        try:
            self.door.sign_in(lane.access, lane.region)
            identity = self.door.caller_identity(lane.access, lane.region)
            account = account or identity.account
            known_as = account or f"{lane.access.profile or ''}/{lane.access.role_arn or ''}"
            clients = self.door.clients(lane.access, lane.region, self.limiter.watch(known_as, lane.region))
        except UnusableError as error:
            for site in lane.sites:
                site.account = account
                site.line.lost = Failure(Kind.CREDENTIALS, error.code, str(error))
            return
        for site in lane.sites:
            site.clients, site.account, site.arn = clients, account, identity.arn
            if identity.note:
                site.notes.append(f"{site.target.name}: {identity.note}")
            if clients.endpoint:
                where = f"asked at {clients.endpoint}, which was configured in place of AWS's own endpoint"
                site.notes.append(f"{site.target.name}: {where}.")
