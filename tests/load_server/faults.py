"""What goes wrong with a call, also below HTTP, and the quotas of accounts and Regions."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from checker.simulator.faults import DOCUMENTED_QUOTAS, Fault, ModelError, RawAnswer, TokenBucket

Break = Literal["", "reset", "truncate", "hang"]

Place = tuple[str, str]
"""An account and a Region."""

Quotas = Mapping[str, tuple[float, float]]
"""Calls per second, and burst, of each action."""


@dataclass
class WireFault(Fault):
    """A fault that may also break the connection.

    Attributes:
        breaks: "reset" closes it instead of an answer, "truncate" after half of the answer's body, "hang" never
            answers.
    """

    breaks: Break = field(default="", kw_only=True)


def fault(document: Mapping[str, Any]) -> WireFault:
    """A fault as JSON has it: `answer` is `{"code": ..., "message": ...}` or `{"status": ..., "body": ...}`.

    Raises:
        ValueError: it has a member that faults do not have, or one of the wrong kind.
    """
    if not isinstance(document, Mapping):
        raise ValueError(f'{document!r} is no fault: write it as {{"action": ..., ...}}')  # noqa: TRY004 - of JSON
    given = dict(document)
    known = [item.name for item in fields(WireFault) if item.init]
    for name in given:
        if name not in known:
            raise ValueError(f"a fault has no member {name}; it has {', '.join(known)}")
    if "action" not in given:
        raise ValueError("a fault needs an action")
    answer = given.pop("answer", None)
    if answer is not None and not (isinstance(answer, Mapping) and {"status", "code"} & answer.keys()):
        raise ValueError('answer is {"code": ..., "message": ...} or {"status": ..., "body": ...}')
    if answer is not None and "status" in answer:
        given["answer"] = RawAnswer(int(answer["status"]), str(answer.get("body", "")).encode())
    elif answer is not None:
        given["answer"] = ModelError(answer["code"], answer.get("message", "rehearsed"))
    if given.get("breaks", "") not in ("", "reset", "truncate", "hang"):
        raise ValueError("breaks must be reset, truncate or hang")
    try:
        return WireFault(**given)
    except TypeError as error:
        raise ValueError(str(error)) from None


@dataclass
class Count:
    """The calls of one action in one account and Region.

    Attributes:
        received: all of them.
        served: those answered with what was asked for.
        refused: the others, by error code or by how the connection was broken.
        peak: the most received in one second.
    """

    received: int = 0
    served: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    peak: int = 0
    _second: int = field(default=0, repr=False)
    _in_second: int = field(default=0, repr=False)

    def receive(self, now: float) -> None:
        """Counts a call."""
        self.received += 1
        if int(now) != self._second:
            self._second, self._in_second = int(now), 0
        self._in_second += 1
        self.peak = max(self.peak, self._in_second)

    def to_json(self) -> dict[str, Any]:
        """The counts; `throttled` is one of the refusals, there also where it is 0."""
        return {
            "received": self.received,
            "served": self.served,
            "throttled": self.refused["ThrottlingException"],
            "refused": dict(self.refused),
            "peak": self.peak,
        }


class Gate:
    """Counts the calls, throttles them at the quotas, and picks the fault that strikes."""

    def __init__(
        self,
        quotas: Quotas | None = DOCUMENTED_QUOTAS,
        faults: Iterable[Fault] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.faults = list(faults)
        self._clock = clock
        self._counts: dict[Place, dict[str, Count]] = {}
        self.limit(quotas)

    def limit(self, quotas: Quotas | None) -> None:
        """New quotas, with full buckets; None has none."""
        self._quotas = dict(quotas or {})
        self._buckets: dict[tuple[Place, str], TokenBucket] = {}

    def count(self, place: Place, action: str) -> Count:
        """The counts of an action."""
        return self._counts.setdefault(place, {}).setdefault(action, Count())

    def receive(self, place: Place, action: str) -> bool:
        """Counts a call; whether its quota allows it."""
        self.count(place, action).receive(self._clock())
        quota = self._quotas.get(action)
        if quota is None:
            return True
        bucket = self._buckets.get((place, action))
        if bucket is None:
            bucket = self._buckets[place, action] = TokenBucket(*quota, self._clock)
        return bucket.take()

    def reset(self) -> None:
        """Forgets the counts."""
        self._counts.clear()

    def to_json(self) -> dict[str, dict[str, Any]]:
        """The counts of every action by "account/Region"."""
        return {
            "/".join(place): {action: count.to_json() for action, count in sorted(counts.items())}
            for place, counts in sorted(self._counts.items())
        }
