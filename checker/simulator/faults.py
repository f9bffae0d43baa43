"""Rehearsing trouble: quotas, faults, and the record of the calls received. Knows nothing of moto.

Every simulated account and Region has one `Rehearsal` (see `checker.simulator.backend`). It sees a call
before the service does, so a test can make any call slow, throttled, refused or garbled, and can prove
afterwards which calls were made. What lies below HTTP (a reset connection, a body shorter than its
Content-Length) cannot be made here.
"""

from __future__ import annotations

import random
import time
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from checker.aws.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

ANY_ACTION = "*"

DOCUMENTED_QUOTAS: dict[str, tuple[float, float]] = {
    **{name: action.quota for name, action in ACTIONS.items() if action.quota},
    "CopyImageSet": (0.25, 1),
    "UpdateImageSetMetadata": (0.25, 1),
    "DeleteImageSet": (0.25, 1),
    "CreateDatastore": (0.085, 1),
    "DeleteDatastore": (0.085, 1),
    "TagResource": (10, 20),
    "UntagResource": (10, 20),
}
"""Calls per second, and burst, of each action, per account and Region (developer guide, "Throttling")."""


@dataclass(frozen=True)
class ModelError:
    """An error of the service's model, such as `ThrottlingException`; the model has its HTTP status."""

    code: str
    message: str = "rehearsed"


@dataclass(frozen=True)
class RawAnswer:
    """Any HTTP answer, to the byte: truncated JSON under 200, a proxy's HTML under 503, an empty body."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


Answer = ModelError | RawAnswer


@dataclass(frozen=True)
class Call:
    """One call as it was received: the action and its parameters, named as in botocore's model."""

    action: str
    params: Mapping[str, Any]


class TokenBucket:
    """The service's own limit: `rate` tokens a second, at most `burst` of them saved up."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def take(self) -> bool:
        """Spend one token; False when there is none (the call is throttled and costs nothing)."""
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass
class Fault:
    """What goes wrong, and when.

    Attributes:
        action: the action's name in the model, or `ANY_ACTION`.
        answer: given in place of the service's own answer; None with `delay` only makes the call slow.
        match: parameters that must be equal for a call to match; all calls match an empty one.
        times: how often the fault strikes before it is spent; None is for ever.
        on: the ordinal numbers (from 1) of the matching calls it strikes, such as `{1, 3}` or `range(5, 9)`.
        probability: the share of those that it strikes, by a generator of its own, started with `seed`.
        delay: seconds to wait first.
    """

    action: str
    answer: Answer | None = None
    match: Mapping[str, Any] = field(default_factory=dict)
    times: int | None = None
    on: Container[int] | None = None
    probability: float = 1.0
    seed: int = 0
    delay: float = 0.0
    _matched: int = field(default=0, init=False, repr=False)
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # not for secrets: the same seed must give the same run
        self._dice = random.Random(self.seed)  # noqa: S311

    def strikes(self, call: Call) -> bool:
        """Whether this call is hit; counts the call and spends one of `times` if so."""
        if self.action not in (ANY_ACTION, call.action) or self.times == 0:
            return False
        if any(call.params.get(name) != value for name, value in self.match.items()):
            return False
        self._matched += 1
        if self.on is not None and self._matched not in self.on:
            return False
        if self._dice.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Rehearsal:
    """The hooks of one account and Region.

    Attributes:
        quotas: a `TokenBucket` per action; an action without one is not limited.
        faults: tried in order; the first one that strikes decides.
        calls: the last `remembered` calls, oldest first, also those that were refused.
    """

    def __init__(self, remembered: int = 100_000) -> None:
        self.quotas: dict[str, TokenBucket] = {}
        self.faults: list[Fault] = []
        # bounded, because a demo server may run for weeks
        self.calls: deque[Call] = deque(maxlen=remembered)
        self._lock = Lock()

    def limit_as_documented(self) -> None:
        """Throttle every action at the quota AWS documents."""
        self.quotas.update({action: TokenBucket(*quota) for action, quota in DOCUMENTED_QUOTAS.items()})

    def receive(self, call: Call) -> tuple[float, Answer | None]:
        """Record a call; the seconds to wait, and the answer that takes the place of the service's own."""
        with self._lock:
            self.calls.append(call)
            bucket = self.quotas.get(call.action)
            if bucket is not None and not bucket.take():
                return 0.0, ModelError("ThrottlingException", "Rate exceeded")
            for fault in self.faults:
                if fault.strikes(call):
                    return fault.delay, fault.answer
            return 0.0, None
