"""Values of ordered fields (instants, numbers) that meet every combination of comparisons that any values meet.

A comparison bounds a field by a constant, or by another field plus something. Each combination that can hold has a
greatest solution below a common top, and in it every field is at a bound of its own or at one that another field's value
gives. So it is enough to follow the bounds from field to field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from checker.evaluation.condition_compiler import Compiler
from checker.instants import DAY, EPOCH, FIRST_MS, LAST_MS
from checker.model import Duration
from checker.sql import Connection, Expression, col, func, lit

Plus = Callable[[Iterable[int]], set[int]]

MOST_VALUES = 4_000
"""Values of all fields together, beyond which bounds are followed no further."""
_CYCLE, _CYCLE_DAYS = 946_684_800_000, 146_097
"""2000-01-01, and the days after which the calendar repeats itself."""
_AROUND = range(-1, 5)
"""Days about the one that so many months before gives: a longer month's last days end at a shorter one's last."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The field `x` is compared with `plus` of the field `y`; `minus` gives the `y` beside which `plus` passes an `x`.
    `calendar` says that how much is added hangs on the day."""

    x: str
    y: str
    plus: Plus
    minus: Plus
    calendar: bool = False


@dataclass(frozen=True, slots=True)
class BoundClosure:
    """The values of each field; `every` says that the bounds were followed to the end."""

    values: Mapping[str, set[int]]
    every: bool


def close_bounds(
    variables: Iterable[str],
    bounds: Mapping[str, set[int]],
    edges: Iterable[Edge],
    top: int,
    *,
    rounds: int,
) -> BoundClosure:
    """The values of each field.

    Args:
        variables: the fields.
        bounds: for each the values on both sides of what it is compared with, and those that are equal to it.
        edges: comparisons of two fields.
        top: above whatever any of them may have to be, or the last value that there can be.
        rounds: over how many fields a bound is followed.
    """
    edges = tuple(edges)
    values = {name: {top, *bounds.get(name, ())} for name in variables}
    for _ in range(rounds):
        more = {name: set(found) for name, found in values.items()}
        for edge in edges:
            above = edge.plus(values[edge.y])
            more[edge.x] |= above | {value - 1 for value in above}
            more[edge.y] |= edge.minus(values[edge.x])
        if sum(map(len, more.values())) > MOST_VALUES:
            return BoundClosure(values, every=False)
        values = more
    return BoundClosure(values, every=True)


class InstantSums:
    """Instants, in epoch milliseconds, plus durations. The evaluation's own expression adds them: proofs have no other
    arithmetic."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def later(self, instants: Iterable[int], length: Duration) -> list[int]:
        """Each instant plus the duration; it may be after the year 9999."""
        wanted = list(instants)
        if not length.months or not wanted:
            return [instant + length.milliseconds for instant in wanted]
        return self._moved(wanted, lambda instant: Compiler(EPOCH).later(instant, length))

    def beside(self, instants: Iterable[int], length: Duration, *, after: bool = True) -> set[int]:
        """For each instant those which, with the duration added, are the last before it, equal to it, and the first
        after it unless `after` is false."""
        wanted = [instant - length.milliseconds for instant in dict.fromkeys(instants)]
        if not length.months:
            return {instant + by for instant in wanted for by in range(-1, 1 + after)}
        months = Duration(length.months)
        back = self._moved(wanted, lambda instant: instant - func("to_months", lit(months.months)))
        tried = [(at, item) for at, before in zip(wanted, back, strict=True) for item in _near(at, before)]
        found: dict[tuple[int, int], int] = {}
        for (at, item), moved in zip(tried, self.later([item for _, item in tried], months), strict=True):
            sign = (moved > at) - (moved < at)
            best = max if sign < 1 else min
            if after or sign < 1:
                found[at, sign] = best(found.get((at, sign), item), item)
        return set(found.values())

    def reaches(self, length: Duration) -> bool:
        """Whether two instants can be so far apart."""
        return self.later([FIRST_MS], length)[0] <= LAST_MS

    def lengths(self, durations: Sequence[Duration]) -> dict[tuple[int, ...], int]:
        """How long durations are together, in milliseconds, and the first instant of this calendar's 400 years from which
        they are: they hang on the day from which they are counted."""
        compiler, day = Compiler(EPOCH), func("make_timestamp_ms", col("instant"))
        days = self.connection.sql(
            "SELECT $1::BIGINT + range * $2::BIGINT AS instant FROM range($3)",
            params=[_CYCLE, DAY, _CYCLE_DAYS],
        )
        ends = [
            (func("epoch_ms", compiler.later(day, item)) - col("instant")).alias(f"d{at}")
            for at, item in enumerate(durations)
        ]
        groups = ", ".join(f"d{at}" for at in range(len(durations)))
        found = days.select(col("instant"), *ends).aggregate(f"min(instant) AS least, {groups}", groups)
        return {tuple(row[1:]): row[0] for row in found.order("least").fetchall()}

    def _moved(self, instants: Sequence[int], by: Callable[[Expression], Expression]) -> list[int]:
        rows = self.connection.sql(
            "SELECT unnest($1::BIGINT[]) AS instant, unnest(range($2)) AS place",
            params=[instants, len(instants)],
        )
        moved = func("epoch_ms", by(func("make_timestamp_ms", col("instant")))).alias("moved")
        return [row[1] for row in rows.select(col("place"), moved).order("place").fetchall()]


def _near(instant: int, before: int) -> Iterable[int]:
    """Instants of which some are where, with months added that lead from `before` to about `instant`, they pass it: days
    lead to days, and the time of day stays."""
    time, day = instant % DAY, before - before % DAY
    for number in _AROUND:
        begin = day + number * DAY
        yield from (begin - 1, begin, begin + time - 1, begin + time, begin + time + 1)


def instants(values: Iterable[int]) -> list[int]:
    """Those of the values that are instants of the years 1 to 9999, sorted."""
    return sorted(value for value in values if FIRST_MS <= value <= LAST_MS)
