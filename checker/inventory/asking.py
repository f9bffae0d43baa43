"""One question to the service, asked again within bounds where that may help."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from checker.aws import RefusedActionError
from checker.inventory.failures import EXPIRED, Failure, Kind, failure
from checker.inventory.limits import StoppedError

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a failed call is asked again, and the seconds before that: the first wait, doubled up to the longest."""

    again: float
    first: float
    longest: float


# Each of these comes on top of botocore's own attempts, except for conflicts and bad answers, which it does not retry.
PATIENCE: Mapping[Kind, Patience] = {
    Kind.THROTTLED: Patience(math.inf, 0.5, 20.0),
    Kind.CONFLICT: Patience(4, 0.25, 2.0),
    Kind.BROKEN: Patience(3, 0.1, 1.0),
    Kind.SERVER: Patience(3, 0.5, 2.0),
    Kind.CONNECTION: Patience(3, 0.5, 2.0),
}

STANDSTILL = 3600.0
"""Seconds without one call of an action that is not throttled, after which no more of them are made for a target. As long as
some get through, a throttled call waits: the limiter turns the rate down meanwhile."""
RENEWALS = 2
"""How often a call is made again with new credentials; it is lost, with its target, where those are refused as well."""
SILENT_AT_FIRST = 8
SILENT_LATER = 100
"""Failed connections in a row after which an endpoint is given up: if it has never answered, and if it has."""


@dataclass
class Line:
    """What all calls to one target share: whether anything answers, and why the target was given up, if it was; `stuck` has
    the actions of which no more calls are made, since nothing but throttles came for long."""

    pause: Callable[[float], bool]
    clock: Callable[[], float] = time.monotonic
    lost: Failure | None = None
    asked: Counter[str] = field(default_factory=Counter)
    stuck: dict[str, Failure] = field(default_factory=dict)
    _throttled_since: dict[str, float] = field(default_factory=dict)
    _answered: bool = False
    _silent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(
        self, action: str, call: Callable[[], Answer], renew: Callable[[], object] | None = None
    ) -> Answer | Failure:
        """What `call` returns, or why it gave nothing. Where its credentials have expired, `renew` has them asked for anew.

        Raises:
            StoppedError: the run is being stopped.
        """
        failed: Counter[Kind] = Counter()
        with self._lock:
            self.asked[action] += 1
            if stuck := self.stuck.get(action):
                return stuck
        while True:
            try:
                answer = call()
            except (RefusedActionError, StoppedError):
                raise
            except Exception as error:  # noqa: BLE001 - botocore lets any exception out of its parsers
                wrong = failure(error, action)
            else:
                self._note(action, None)
                return answer
            failed[wrong.kind] += 1
            if renew is not None and wrong.code in EXPIRED and failed[wrong.kind] <= RENEWALS:
                renew()
                continue
            self._note(action, wrong)
            patience = PATIENCE.get(wrong.kind)
            if patience is None or failed[wrong.kind] > patience.again or self.lost or action in self.stuck:
                return wrong
            if self.pause(min(patience.longest, patience.first * 2 ** min(failed[wrong.kind] - 1, 10))):
                raise StoppedError

    def _note(self, action: str, wrong: Failure | None) -> None:
        with self._lock:
            kind, given_up = wrong.kind if wrong else None, False
            if kind is Kind.THROTTLED:
                since = self._throttled_since.setdefault(action, self.clock())
                if wrong and self.clock() - since >= STANDSTILL:
                    self.stuck[action] = wrong
            elif kind is Kind.CONNECTION:
                self._silent += 1
                given_up = self._silent >= (SILENT_LATER if self._answered else SILENT_AT_FIRST)
            else:
                self._throttled_since.pop(action, None)
                given_up = kind is Kind.CREDENTIALS
            if kind is not Kind.CONNECTION and kind is not Kind.CREDENTIALS:
                self._answered, self._silent = True, 0
            if given_up:
                self.lost = self.lost or wrong
