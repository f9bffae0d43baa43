"""What of `image_sets: {where: CONDITION}` the service can apply itself: bounds of createdAt and updatedAt.

The bounds are wider than the condition, never narrower: the condition itself is judged of whatever comes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from checker.fields import NOW
from checker.model import Condition, Duration, Test, Value
from checker.policy.condition_tree import conjuncts
from checker.policy.operators import OPERATORS, Side

SECOND = timedelta(seconds=1)
"""The service is asked in whole seconds: what is on the edge of one is let in."""
_LONGEST_MONTH, _SHORTEST_MONTH = timedelta(days=31), timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between these lies a time, where they are given."""

    after: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self.after is not None or self.until is not None

    def exclude(self, time: datetime | None) -> bool:
        """Whether a time, if it is known, does not lie between them."""
        if time is None:
            return False
        return (self.after is not None and time < self.after) or (
            self.until is not None and time > self.until
        )

    def __and__(self, other: Bounds) -> Bounds:
        lows = [instant for instant in (self.after, other.after) if instant is not None]
        highs = [instant for instant in (self.until, other.until) if instant is not None]
        return Bounds(max(lows, default=None), min(highs, default=None))


OPEN = Bounds()


def bounds(where: Condition | None, path: str, as_of: datetime) -> Bounds:
    """Between what a time lies in every image set of which a condition is true.

    Args:
        where: the condition.
        path: the time's field.
        as_of: the instant against which ages are measured.
    """
    found = OPEN
    for leaf in conjuncts(where):
        if leaf.operand.left.path != path or leaf.operand.right is not None or leaf.if_absent == "match":
            continue
        for test in leaf.tests:
            found &= _of(test, as_of)
    return found


def _of(test: Test, as_of: datetime) -> Bounds:
    known, value = OPERATORS[test.operator], test.value
    if known.side is None:
        return OPEN
    if known.takes == "age":
        return _of_age(known.side, value, as_of)
    at = _instant(value, as_of)
    return _whole(None, at) if known.side == "below" else _whole(at, None)


def _of_age(side: Side, value: Value, as_of: datetime) -> Bounds:
    """Months differ in length, so each counts for what makes the bound wider."""
    if not isinstance(value, Duration):
        return OPEN
    rest = timedelta(milliseconds=value.milliseconds)
    try:
        if side == "below":
            return _whole(None, as_of - value.months * _SHORTEST_MONTH - rest)
        return _whole(as_of - value.months * _LONGEST_MONTH - rest, None)
    except OverflowError:  # before the first year there is
        return OPEN


def _whole(low: datetime | None, high: datetime | None) -> Bounds:
    try:
        return Bounds(
            None if low is None else low.replace(microsecond=0) - SECOND,
            None if high is None else high.replace(microsecond=0) + 2 * SECOND,
        )
    except OverflowError:
        return OPEN


def _instant(value: object, as_of: datetime) -> datetime | None:
    if value == NOW:
        return as_of
    return value if isinstance(value, datetime) else None
