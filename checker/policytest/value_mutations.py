"""Small changes of operators and values: what a mutant has in place of what the author wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial

from checker.instants import DAY, LONGEST_MILLISECONDS, LONGEST_MONTHS, shift_instant
from checker.model import Duration, Scalar, Test, Type
from checker.policy.operators import OPERATORS, operators_of
from checker.values import INTEGERS

NEVER = r"[^\s\S]"
"""A pattern that no text matches."""
CHANGED = "~"
"""What is appended to a text."""
_UNITS = (DAY, 3_600_000, 60_000, 1000, 1)

Bindable = Scalar | tuple[Scalar, ...]
Step = Callable[[Bindable], Bindable | None]
"""A change of a value; None where it cannot be changed that way."""


def other_operators(test: Test, kind: Type) -> Iterator[Test]:
    """The test with each operator that is easily taken for its own."""
    known, every = OPERATORS[test.operator], operators_of(kind)
    yield from (Test(name, test.value) for name in known.neighbours if name in every)
    if known.takes == "pair" and isinstance(test.value, tuple):
        yield from map(Test, known.parts, test.value)


def steps(operator: str, kind: Type, members: tuple[str, ...], *, several: bool = False) -> dict[str, Step]:
    """The changes of one value of an operator, by what they are called.

    Args:
        operator: its name.
        kind: the type of what is compared.
        members: those of an enum.
        several: whether the value is a list.
    """
    pattern = OPERATORS[operator].takes == "pattern"
    up, down = (partial(_stepped, by=by, pattern=pattern, members=members) for by in (1, -1))
    if several:
        return {"with its first item dropped or changed": up, "with its last item dropped or changed": down}
    if kind in (Type.INTEGER, Type.DURATION, Type.RATIO, Type.TIME):
        return {"one unit more": up, "one unit less": down}
    return {"with another value": up}


def _stepped(value: Bindable, *, by: int, pattern: bool, members: tuple[str, ...]) -> Bindable | None:
    """The value one step up or down; a list with one item fewer from either end, or with its only one changed."""
    if isinstance(value, tuple):
        if len(value) > 1:
            return value[1:] if by > 0 else value[:-1]
        item = _stepped(value[0], by=by, pattern=pattern, members=members)
        return None if item is None or isinstance(item, tuple) else (item,)
    if isinstance(value, bool):
        return not value if by > 0 else None
    if isinstance(value, int):
        return value + by if value + by in INTEGERS else None
    if isinstance(value, Fraction):
        places = next((places for places in range(2, 9) if (value * 10**places).denominator == 1), 8)
        fraction = value + Fraction(by, 10**places)
        return fraction if fraction >= 0 else None
    if isinstance(value, Duration):
        return _duration(value, by)
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return shift_instant(value, by * (timedelta(days=1) if midnight else timedelta(milliseconds=1)))
    if by < 0:
        return None
    if value in members and len(members) > 1 and not pattern:
        return members[(members.index(value) + 1) % len(members)]
    return NEVER if pattern else value + CHANGED


def _duration(value: Duration, by: int) -> Duration | None:
    """One more or less of the unit in which an author would have written it."""
    if value.months and not value.milliseconds:
        months = value.months + by * (12 if value.months % 12 == 0 else 1)
        return Duration(months) if 0 <= months <= LONGEST_MONTHS else None
    unit = next(unit for unit in _UNITS if value.milliseconds % unit == 0) if value.milliseconds else DAY
    milliseconds = value.milliseconds + by * unit
    return Duration(value.months, milliseconds) if 0 <= milliseconds <= LONGEST_MILLISECONDS else None
