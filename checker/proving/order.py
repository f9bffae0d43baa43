"""Values of ordered fields (instants, numbers) that meet every combination of comparisons that any values meet.

A comparison bounds a field by a constant, or by another field plus something. Each combination that can hold has a
greatest solution below a common top, and in it every field is at a bound of its own or at one that another field's value
gives. So it is enough to follow the bounds from field to field.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from checker.model import Duration
from checker.values import DAY, EPOCH, from_epoch_ms, round_ms

Plus = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Edge:
    """The field `x` is compared with `plus` of the field `y`; `minus` gives the greatest `y` whose `plus` is not above."""

    x: str
    y: str
    plus: Plus
    minus: Plus


def closed(
    variables: Iterable[str],
    bounds: Mapping[str, set[int]],
    edges: Iterable[Edge],
    top: int,
    *,
    rounds: int,
) -> dict[str, set[int]]:
    """The values of each field.

    Args:
        variables: the fields.
        bounds: the constants that each is compared with.
        edges: comparisons of two fields.
        top: above whatever any of them may have to be.
        rounds: over how many fields a bound is followed.
    """
    edges = tuple(edges)
    values = {
        name: {top, *(bound + by for bound in bounds.get(name, ()) for by in (-1, 0, 1))}
        for name in variables
    }
    for _ in range(rounds):
        more = {name: set(found) for name, found in values.items()}
        for edge in edges:
            above = {edge.plus(y) for y in values[edge.y]}
            more[edge.x] |= above | {value - 1 for value in above}
            more[edge.y] |= {edge.minus(x) for x in values[edge.x]}
            more[edge.y] |= {edge.minus(x - 1) for x in values[edge.x]}
        values = more
    return values


def later(milliseconds: int, duration: Duration) -> int:
    """The instant plus a duration, months first, as the evaluation adds them."""
    if duration.months:
        instant = from_epoch_ms(milliseconds)
        years, month = divmod(instant.month - 1 + duration.months, 12)
        year = instant.year + years
        day = min(instant.day, calendar.monthrange(year, month + 1)[1])
        milliseconds = round_ms(instant.replace(year=year, month=month + 1, day=day))
    return milliseconds + duration.milliseconds


def earlier(milliseconds: int, duration: Duration) -> int:
    """The last instant which, with the duration added, is not after the given one."""
    if not duration.months:
        return milliseconds - duration.milliseconds
    low = milliseconds - duration.milliseconds - (duration.months * 31 + 2) * DAY
    high = milliseconds - duration.milliseconds - (duration.months * 28 - 2) * DAY
    while high - low > 1:
        middle = (low + high) // 2
        if later(middle, duration) <= milliseconds:
            low = middle
        else:
            high = middle
    return low


def epoch_ms(instant: datetime) -> int:
    """Epoch milliseconds of an instant."""
    return round_ms(instant)


LEAST, MOST = round_ms(EPOCH.replace(year=2)), round_ms(EPOCH.replace(year=9000))
"""Instants within which sums stay instants."""


def spread(durations: Iterable[Duration]) -> list[tuple[int, int]]:
    """How long each duration is at least and at most, by length."""
    return sorted(
        {
            (one.months * 28 * DAY + one.milliseconds, one.months * 31 * DAY + one.milliseconds)
            if one.months % 12
            else (
                one.months // 12 * 365 * DAY + one.milliseconds,
                one.months // 12 * 366 * DAY + one.milliseconds,
            )
            for one in durations
        }
    )
