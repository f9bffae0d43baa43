"""How fast a run may ask: a token bucket (GCRA) for each account, Region and action, turned down when the service
throttles and slowly up again (AIMD). One lock, no thread of its own; callers are served in order.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from checker.aws.actions import (
    ACTIONS,
    SEARCH,
)
from checker.collection.plan import Plan
from checker.config import Rate

PUBLISHED: Mapping[str, Rate] = {name: Rate(*item.quota) for name, item in ACTIONS.items() if item.quota}
"""Calls a second and burst, per account and Region; adjustable, so audit.yaml's `rates` may say otherwise."""

# Measured against a token bucket of the published numbers: with these shares no call was throttled (benchmarks/README.md).
# The rest is room for answers and clocks that are not even.
SHARE = 0.98
BURST_SHARE = 0.9

CUT = 0.8
HOLD_SECONDS = 1.0
"""A throttle turns the rate down to four fifths, at most once in this time: calls in flight are throttled together."""
CLIMB = 1.0
"""Calls a second that a second without throttles gives back, up to the ceiling."""
FLOOR = 1.0
"""The least, so that those who wait for their turn when the service lets calls through again do not wait for minutes."""

THROTTLED_STATUS = 429
_THROTTLES = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
)
CALL_SECONDS = 0.4
"""What a call may take for the quota to be used up nevertheless."""

LEAST, MOST = 4, 32
"""Threads of a set of credentials and a Region."""


class StoppedError(Exception):
    """The run is being stopped: whoever waited for a slot does not get it."""


def is_throttle(code: str | None, status: int | None) -> bool:
    """Whether an error's code or HTTP status says "too many calls"."""
    return code in _THROTTLES or status == THROTTLED_STATUS


def workers_for(plans: Iterable[Plan], rates: Mapping[str, Rate]) -> int:
    """Threads that use up the quota: an image set takes a call of each action, and the slowest of them sets the pace."""
    return max((_workers(plan, rates) for plan in plans), default=LEAST)


def _workers(plan: Plan, rates: Mapping[str, Rate]) -> int:
    wanted = [LEAST]
    if plan.search:
        wanted.append(math.ceil(rates[SEARCH].rate * CALL_SECONDS))
    if plan.each:
        pace = min(rates[action].rate for action in plan.each)
        calls = len(plan.each) + len(plan.state[1:])
        wanted.append(math.ceil(pace * CALL_SECONDS * calls))
    return min(MOST, max(wanted))


class TokenBucket:
    """Slots of one action. `rate` is what it is now, `ceiling` what it may climb to; both in calls a second."""

    def __init__(self, rate: float, burst: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = self.ceiling = rate
        self.burst = max(1.0, burst)
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0  # GCRA's theoretical arrival time: when the bucket will be full again
        self._cut_at = float("-inf")

    def reserve(self) -> float:
        """Takes the next slot; the seconds to wait for it."""
        with self._lock:
            now = self._clock()
            due = max(self._next, now)
            self._next = due + 1 / self.rate
            return max(0.0, due - (self.burst - 1) / self.rate - now)

    def succeeded(self) -> None:
        """A call went through: climbs a little."""
        with self._lock:
            self.rate = min(self.ceiling, self.rate + CLIMB / self.rate)

    def throttled(self) -> None:
        """A call was refused: somebody else spends from this quota, so turns down and bursts no more."""
        with self._lock:
            now = self._clock()
            self.burst = 1.0
            if now - self._cut_at > HOLD_SECONDS:
                self._cut_at = now
                self.rate = max(min(FLOOR, self.ceiling), self.rate * CUT)
                self._next = max(self._next, now + 1 / self.rate)


@dataclass
class Meter:
    """What a run did: attempts by action, those that were throttled, and seconds spent waiting for a slot."""

    calls: Counter[str] = field(default_factory=Counter)
    throttled: int = 0
    waited: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Limiter:
    """The buckets of a run. `share` is how much of each quota it may use: the rest is left to others, such as viewers.
    `wait` sleeps for so many seconds and says whether the run is being stopped; `meter` counts."""

    def __init__(
        self,
        rates: Mapping[str, Rate] | None = None,
        *,
        share: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
        meter: Meter | None = None,
    ) -> None:
        quotas = {**PUBLISHED, **(rates or {})}
        self.rates = {
            action: Rate(item.rate * share, max(1.0, item.burst * share)) for action, item in quotas.items()
        }
        self.meter = meter or Meter()
        self._clock = clock
        self._wait = wait or threading.Event().wait
        self._buckets: dict[tuple[str, str, str], TokenBucket] = {}
        self._lock = threading.Lock()

    def bucket(self, account: str, region: str, action: str) -> TokenBucket | None:
        """The bucket that every caller of an action in an account and Region shares; None for an action without quota.

        `account` is what is known of it: the account's id, else the text that stands for the credentials.
        """
        if action not in self.rates and ACTIONS[action].quota is None:
            return None
        key = (account, region, action)
        with self._lock:
            if key not in self._buckets:
                rate = self.rates[action]
                self._buckets[key] = TokenBucket(
                    rate.rate * SHARE, rate.burst * BURST_SHARE, clock=self._clock
                )
            return self._buckets[key]

    @property
    def stopped(self) -> bool:
        """Whether the run is being stopped."""
        return self._wait(0.0)

    def watch(self, account: str, region: str) -> Pace:
        """What the clients of an account and Region are watched by: see `checker.aws.Watch`."""
        return Pace(self, account, region)

    def acquire(self, account: str, region: str, action: str) -> None:
        """Waits for the slot of an attempt.

        Raises:
            StoppedError: the run is being stopped.
        """
        bucket = self.bucket(account, region, action)
        seconds = bucket.reserve() if bucket else 0.0
        if self._wait(seconds):
            raise StoppedError
        with self.meter.lock:
            self.meter.waited += seconds


@dataclass(frozen=True, slots=True)
class Pace:
    """The limiter as the clients of one account and Region see it."""

    limiter: Limiter
    account: str
    region: str

    def before(self, action: str) -> None:
        """Waits for a slot; once for each attempt."""
        self.limiter.acquire(self.account, self.region, action)

    def sent(self, action: str) -> None:
        """Counts the attempt."""
        with self.limiter.meter.lock:
            self.limiter.meter.calls[action] += 1

    def after(self, action: str, code: str | None, status: int | None) -> bool:
        """Turns the rate up or down by what came back; says whether botocore may try again: not in a stopped run."""
        bucket = self.limiter.bucket(self.account, self.region, action)
        if is_throttle(code, status):
            with self.limiter.meter.lock:
                self.limiter.meter.throttled += 1
            if bucket:
                bucket.throttled()
        elif code is None and bucket:
            bucket.succeeded()
        return not self.limiter.stopped
