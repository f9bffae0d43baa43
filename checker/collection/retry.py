"""One question to the service, asked again within bounds where that may help."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from checker.aws import DEADLINES, RefusedActionError
from checker.collection.call_errors import EXPIRED, CallFailure, ErrorKind, call_failure
from checker.collection.rate_limit import StoppedError

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed call is asked again, and the seconds before that: the first wait, doubled up to the longest."""

    again: float
    first: float
    longest: float


# Each of these comes on top of botocore's own attempts, except for conflicts and bad answers, which it does not retry.
PATIENCE: Mapping[ErrorKind, RetryPolicy] = {
    ErrorKind.THROTTLED: RetryPolicy(math.inf, 0.5, 20.0),
    ErrorKind.CONFLICT: RetryPolicy(4, 0.25, 2.0),
    ErrorKind.BROKEN: RetryPolicy(3, 0.1, 1.0),
    ErrorKind.SERVER: RetryPolicy(3, 0.5, 2.0),
    ErrorKind.CONNECTION: RetryPolicy(3, 0.5, 2.0),
}

STANDSTILL = 3600.0
"""Seconds without one call of an action that is not throttled, after which no more of them are made for a target. As long as
some get through, a throttled call waits: the limiter turns the rate down meanwhile."""
RENEWALS = 2
"""How often a call is made again with new credentials; it is lost, with its target, where those are refused as well."""
SILENT_AT_FIRST = 8
SILENT_LATER = 100
"""Failed connections in a row after which an endpoint is given up: if it has never answered, and if it has."""
SILENT_CALLS = 2
ENDLESS_CALLS = 8
"""Calls of an action in a row that got no answer in all their time, or one without end, after which no more of it are made:
one image set alone may be to blame for one."""


class CircuitBreaker:
    """What the targets of a run know of the hosts that they ask: one that answers nobody is given up for all of them."""

    def __init__(self) -> None:
        self._answered: dict[str, float] = {}
        self._silent: dict[str, CallFailure] = {}
        self._lock = threading.Lock()

    def answered(self, host: str, now: float) -> None:
        """A host has answered."""
        with self._lock:
            self._answered[host] = now

    def give_up(self, host: str, wrong: CallFailure, since: float) -> None:
        """A host has not answered a target since then; it is given up, unless it has answered another one."""
        with self._lock:
            if host and self._answered.get(host, -math.inf) < since:
                self._silent.setdefault(host, wrong)

    def why(self, host: str) -> CallFailure | None:
        """Why a host is not asked any more."""
        with self._lock:
            return self._silent.get(host)


@dataclass
class TargetHealth:
    """What all calls to one target share: whether anything answers, and why the target was given up, if it was; `stuck` has
    the actions of which no more calls are made, since for long nothing came but throttles, or nothing at all, and
    `silent` the hosts that are not asked any more. A call is not repeated once it has waited `seconds` for answers."""

    pause: Callable[[float], bool]
    clock: Callable[[], float] = time.monotonic
    seconds: float = DEADLINES.call
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    lost: CallFailure | None = None
    asked: Counter[str] = field(default_factory=Counter)
    stuck: dict[str, CallFailure] = field(default_factory=dict)
    silent: dict[str, CallFailure] = field(default_factory=dict)
    _throttled_since: dict[str, float] = field(default_factory=dict)
    _answered: bool = False
    _unanswered: Counter[str] = field(default_factory=Counter)
    _refused: int = 0
    _refused_since: float = math.inf
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of_another(self) -> TargetHealth:
        """The line of another target of the same run."""
        return TargetHealth(self.pause, self.clock, self.seconds, self.breaker)

    def given_up(self, host: str) -> CallFailure | None:
        """Why the target, or the host that a call is for, is not asked any more."""
        if (why := self.breaker.why(host)) is not None:
            self.silent[host] = why
        return self.lost or why

    def ask(
        self,
        action: str,
        call: Callable[[], Answer],
        renew: Callable[[], object] | None = None,
        host: str = "",
    ) -> Answer | CallFailure:
        """What `call` returns, or why it gave nothing. Where its credentials have expired, `renew` has them asked for anew;
        `host` is the one that is asked.

        Raises:
            StoppedError: the run is being stopped.
        """
        failed: Counter[ErrorKind] = Counter()
        waited = 0.0
        with self._lock:
            self.asked[action] += 1
            if stuck := self.stuck.get(action):
                return stuck
        while True:
            began = self.clock()
            try:
                answer = call()
            except (RefusedActionError, StoppedError):
                raise
            except Exception as error:  # noqa: BLE001 - botocore lets any exception out of its parsers
                wrong = call_failure(error, action)
            else:
                self._note(action, None, began)
                self.breaker.answered(host, self.clock())
                return answer
            failed[wrong.kind] += 1
            if renew is not None and wrong.code in EXPIRED and failed[wrong.kind] <= RENEWALS:
                renew()
                continue
            self._note(action, wrong, began)
            waited += self.clock() - began if wrong.kind is ErrorKind.CONNECTION else 0.0
            if waited >= self.seconds or wrong.kind is ErrorKind.ENDLESS:
                self._give_up(action, wrong, began, host)
                return wrong
            patience = PATIENCE.get(wrong.kind)
            if patience is None or failed[wrong.kind] > patience.again or self.lost or action in self.stuck:
                return wrong
            if self.pause(min(patience.longest, patience.first * 2 ** min(failed[wrong.kind] - 1, 10))):
                raise StoppedError

    def _note(self, action: str, wrong: CallFailure | None, began: float) -> None:
        with self._lock:
            kind, given_up = wrong.kind if wrong else None, False
            if kind is ErrorKind.THROTTLED:
                since = self._throttled_since.setdefault(action, self.clock())
                if wrong and self.clock() - since >= STANDSTILL:
                    self.stuck[action] = wrong
            elif kind is ErrorKind.CONNECTION:
                self._refused, self._refused_since = self._refused + 1, min(self._refused_since, began)
                given_up = self._refused >= (SILENT_LATER if self._answered else SILENT_AT_FIRST)
            else:
                self._throttled_since.pop(action, None)
                given_up = kind is ErrorKind.CREDENTIALS
            if kind not in (ErrorKind.CONNECTION, ErrorKind.ENDLESS, ErrorKind.CREDENTIALS):
                self._answered, self._refused, self._refused_since = True, 0, math.inf
                self._unanswered.pop(action, None)
            if given_up:
                self.lost = self.lost or wrong
        if given_up and wrong and kind is ErrorKind.CONNECTION:
            self.breaker.give_up(wrong.host, wrong, self._refused_since)

    def _give_up(self, action: str, wrong: CallFailure, began: float, host: str) -> None:
        """A call got no answer in all its time: no more of its action are made where others of it got none either, and none
        at all of a host that has answered nothing meanwhile."""
        with self._lock:
            self._unanswered[action] += 1
            silent = SILENT_CALLS if self._answered else 1
            if self._unanswered[action] < (ENDLESS_CALLS if wrong.kind is ErrorKind.ENDLESS else silent):
                return
            self.stuck.setdefault(action, wrong)
            if (
                wrong.kind is ErrorKind.CONNECTION and wrong.host != host
            ):  # the way to credentials, which every call takes
                self.lost = self.lost or wrong
        self.breaker.give_up(wrong.host, wrong, began)
