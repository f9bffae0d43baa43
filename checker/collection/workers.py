"""The threads of a collection: lanes of targets that share credentials and a Region, each read at its quota."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from checker.aws import Access, Sessions, UnusableError
from checker.collection import discovery, image_set_reader
from checker.collection.call_assignment import CallAssignment
from checker.collection.call_errors import CallFailure, ErrorKind
from checker.collection.rate_limit import Limiter, StoppedError
from checker.collection.search import Search
from checker.collection.target_expansion import Patterns
from checker.collection.target_session import RenewableClients, TargetSession
from checker.snapshot.records import Record

MOST_LANES = 16
"""Lanes read at once; each has its own quota and threads."""
MOST_WAITING = 1000
"""Records between the threads and the sink: memory does not grow with the number of image sets."""
GRACE_SECONDS = 1.0
"""How long a stopped run waits for answers on their way."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Targets that share credentials and a Region, and so clients and a quota."""

    access: Access
    region: str
    sites: list[TargetSession]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read at once, and how many image sets are done with it."""

    records: Sequence[Record]
    done: int = 0


@dataclass(frozen=True, slots=True)
class _Crash:
    """An exception of our own in a thread, to be raised where the caller sees it."""

    error: BaseException


class Workers:
    """The threads of a run. They are daemons: one that hangs in a call cannot keep the process from ending."""

    def __init__(self, door: Sessions, limiter: Limiter, workers: int, stop: threading.Event) -> None:
        self.door = door
        self.limiter = limiter
        self.workers = workers
        self.stop = stop
        self.closed = threading.Event()
        self.listed: list[Lane] = []
        """Lanes of which every image set is known."""
        self.sites: list[TargetSession] = []
        self.patterns = Patterns(())
        self.results: queue.Queue[_Read | _Crash | None] = queue.Queue(MOST_WAITING)

    def run(
        self, lanes: list[Lane], sink: Callable[[Record], object], progress: Callable[[int], object]
    ) -> int:
        """Gives every record to the sink; returns how many image sets are done."""
        self.sites += [site for lane in lanes for site in lane.sites]
        self.patterns = Patterns(site.target for site in self.sites)
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

    def _runner(self, waiting: Iterator[Lane], lock: threading.Lock) -> None:
        """Reads lanes until none is waiting, then says so: after whatever went wrong in them."""
        self._guarded(lambda: self._lanes(waiting, lock))
        self._put(None)

    def _lanes(self, waiting: Iterator[Lane], lock: threading.Lock) -> None:
        while not self._ended:
            with lock:
                lane = next(waiting, None)
            if lane is None:
                return
            self._lane(lane)

    @property
    def _ended(self) -> bool:
        return self.stop.is_set() or self.closed.is_set()

    def _lane(self, lane: Lane) -> None:
        self._connect(lane)
        sites = list(self._with_stores(lane))
        for site in sites:
            self._keep(site.look_up(), done=0)
        # what is found is asked about while more is being found: the quotas are of different calls
        every = chain.from_iterable(site.jobs(lambda: self._ended) for site in sites)
        jobs = CallAssignment(every, self.limiter.rates)
        threads = [self._start(partial(self._read, jobs, turn)) for turn in range(self._hands(sites))]
        self._search(sites)
        self.listed.append(lane)
        for thread in threads:
            thread.join()
        self._close(lane, sites)

    def _close(self, lane: Lane, sites: list[TargetSession]) -> None:
        """Frees what a lane holds that is read: there may be thousands of accounts. One that was stopped is still at work,
        and is left to the end of the run."""
        self.door.release(lane.access, lane.region)
        for site in (*lane.sites, *sites):
            site.signed = None
            if site.found is not None:
                site.found.close()

    def _with_stores(self, lane: Lane) -> Iterator[TargetSession]:
        """The sites of a lane, those of data stores by name each in the place of the target that names the pattern."""
        for site in lane.sites:
            if site.target.datastores is None:
                yield site
                continue
            found, unknown = self.patterns.expand(site)
            self.sites += found
            yield from found
            self._keep(iter(unknown), done=0)

    def _hands(self, sites: list[TargetSession]) -> int:
        """Threads for the image sets of sites: no more than there are, so far as that is known."""
        if any(site.found is not None for site in sites):
            return self.workers
        return min(self.workers, expected_sets(sites))

    def _search(self, sites: list[TargetSession]) -> None:
        """Finds the image sets of sites."""
        left: list[TargetSession] = []
        for site in sites:
            for before in discovery.found_before(site):
                self._put(_Read(*discovery.record_discovery(site, before)))
            if site.found is None or site.reuse.searched is not None:
                self._found(site)
            else:
                left.append(site)

        def keep(site: TargetSession, found: list[Any] | CallFailure) -> None:
            own = found if isinstance(found, CallFailure) else discovery.members(site, found)
            self._put(_Read(*discovery.record_discovery(site, own)))

        def keep_again(site: TargetSession, found: list[Any]) -> None:
            self._put(_Read(discovery.repeated_search(site, found)))

        search = Search(left, keep, keep_again, self._found, lambda: self._ended)
        threads = [self._start(search.work) for _ in range(self.workers if left else 0)]
        for thread in threads:
            thread.join()
        if left and self.stop.is_set():
            raise StoppedError

    def _found(self, site: TargetSession) -> None:
        """Every image set of a site that can be found is."""
        self._keep(discovery.end_of_search(site), done=0)
        if site.found is not None:
            site.found.end()

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

    def _read(self, jobs: CallAssignment, turn: int) -> None:
        """Reads image sets."""
        while not self._ended and (taken := jobs.take(turn)) is not None:
            (site, refs, left, said), call = taken
            self._keep(image_set_reader.read(site, refs, call, left, said), len(refs))

    def _connect(self, lane: Lane) -> None:
        """Clients and identity of a lane; without them its targets are lost."""
        account = lane.access.role_arn.split(":")[4] if lane.access.role_arn else None
        try:
            self.door.sign_in(lane.access, lane.region)
            identity = self.door.caller_identity(lane.access, lane.region)
            account = account or identity.account
            known_as = account or f"{lane.access.profile or ''}/{lane.access.role_arn or ''}"
            watch = self.limiter.watch(known_as, lane.region)
            clients = self.door.clients(lane.access, lane.region, watch)
        except UnusableError as error:
            for site in lane.sites:
                site.account = account
                site.line.lost = CallFailure(ErrorKind.CREDENTIALS, error.code, str(error))
            return
        signed = RenewableClients(clients, lambda: self.door.anew(lane.access, lane.region, watch))
        for site in lane.sites:
            site.signed, site.account, site.arn = signed, account, identity.arn
            if identity.note:
                site.notes.append(f"{site.target.name}: {identity.note}")
            if clients.endpoint:
                where = f"asked at {clients.endpoint}, which was configured in place of AWS's own endpoint"
                site.notes.append(f"{site.target.name}: {where}.")


def expected_sets(sites: Iterable[TargetSession]) -> int:
    """How many image sets there are to read, so far as it is known."""
    return sum(map(_expected, sites))


def _expected(site: TargetSession) -> int:
    if site.found is not None:
        return site.found.count
    return len(site.target.image_sets) if site.plan.each else 0
