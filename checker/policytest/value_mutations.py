"""Small changes of operators and values: what a mutant has in place of what the author wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction

from checker.model import Duration, Scalar, Test, Type
from checker.policy.operators import OPERATORS, operators_of
from checker.values import DAY, INTEGERS, LONGEST_MILLISECONDS, LONGEST_MONTHS, shifted

NEVER = r"[^\s\S]"
"""A pattern that no text matches."""
CHANGED = "~"
"""What is appended to a text."""

_ORDERED = (Type.INTEGER, Type.DURATION, Type.RATIO)
_UNITS = (DAY, 3_600_000, 60_000, 1000, 1)

Bindable = Scalar | tuple[Scalar, ...]
Step = Callable[[Bindable], Bindable | None]
"""A change of a value; None where it cannot be changed that way."""


def other_operators(test: Test, kind: Type) -> Iterator[Test]:
    """The test with each operator that is easily taken for its own."""
    known, every = OPERATORS[test.operator], operators_of(kind)
    for name in known.neighbours:
        if name in every:
            yield Test(name, test.value)
    if known.takes == "pair" and isinstance(test.value, tuple):
        for name, value in zip(known.parts, test.value, strict=True):
            yield Test(name, value)


def steps(test: Test, kind: Type, members: tuple[str, ...], *, several: bool = False) -> dict[str, Step]:
    """The changes of one value of a test, by what they are called.

    Args:
        test: the operator and its value.
        kind: the type of what is compared.
        members: those of an enum.
        several: whether the value is a list.
    """

    def up(value: Bindable) -> Bindable | None:
        return _moved(value, 1, test.operator, members)

    def down(value: Bindable) -> Bindable | None:
        return _moved(value, -1, test.operator, members)

    if several:
        return {"with its first item dropped or changed": up, "with its last item dropped or changed": down}
    if kind in (*_ORDERED, Type.TIME):
        return {"one unit more": up, "one unit less": down}
    return {"with another value": up}


def _moved(value: Bindable, by: int, operator: str, members: tuple[str, ...]) -> Bindable | None:
    if isinstance(value, tuple):
        return _list(value, by, operator, members)
    if isinstance(value, bool):
        return not value if by > 0 else None
    if isinstance(value, int):
        return value + by if value + by in INTEGERS else None
    if isinstance(value, Fraction):
        return _fraction(value, by)
    if isinstance(value, Duration):
        return _duration(value, by)
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return shifted(value, by * (timedelta(days=1) if midnight else timedelta(milliseconds=1)))
    return _text(value, operator, members) if by > 0 else None


def _list(value: tuple[Scalar, ...], by: int, operator: str, members: tuple[str, ...]) -> Bindable | None:
    """One item of several fewer, from either end; another item in place of the only one."""
    if len(value) > 1:
        return value[1:] if by > 0 else value[:-1]
    item = _moved(value[0], by, operator, members)
    return None if item is None or isinstance(item, tuple) else (item,)


def _text(value: str, operator: str, members: tuple[str, ...]) -> str:
    if OPERATORS[operator].takes == "pattern":
        return NEVER
    if value in members and len(members) > 1:
        return members[(members.index(value) + 1) % len(members)]
    return value + CHANGED


def _fraction(value: Fraction, by: int) -> Fraction | None:
    places = next((places for places in range(2, 9) if (value * 10**places).denominator == 1), 8)
    moved = value + Fraction(by, 10**places)
    return moved if moved >= 0 else None


def _duration(value: Duration, by: int) -> Duration | None:
    """One more or less of the unit in which an author would have written it."""
    if value.months and not value.milliseconds:
        months = value.months + by * (12 if value.months % 12 == 0 else 1)
        return Duration(months) if 0 <= months <= LONGEST_MONTHS else None
    unit = next(unit for unit in _UNITS if value.milliseconds % unit == 0) if value.milliseconds else DAY
    milliseconds = value.milliseconds + by * unit
    return Duration(value.months, milliseconds) if 0 <= milliseconds <= LONGEST_MILLISECONDS else None
