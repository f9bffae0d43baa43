"""Instants and lengths of time: to and from epoch milliseconds, sums, ISO 8601."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from checker.model import Duration

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DAY = 86_400_000

FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999
"""The first and the last instant of the years 1 to 9999, in epoch milliseconds: there are no others."""

UNITS = {"s": 1000, "min": 60_000, "h": 3_600_000, "d": DAY, "w": 7 * DAY}

CALENDAR = {"mo": 1, "y": 12}

LONGEST_MONTHS = 120_000  # 10,000 years: DuckDB's timestamps reach further, so no sum can overflow

LONGEST_MILLISECONDS = 3_652_500 * DAY


def round_ms(instant: datetime) -> int:
    """Epoch milliseconds of an aware datetime, rounded to the nearest (half to even)."""
    milliseconds, over = divmod((instant - EPOCH) // timedelta(microseconds=1), 1000)
    return milliseconds + (over > 500 or (over == 500 and milliseconds % 2))


def from_epoch_ms(milliseconds: int) -> datetime:
    """The aware UTC datetime of epoch milliseconds.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    return EPOCH + timedelta(milliseconds=milliseconds)


def add_duration(instant: datetime, duration: Duration) -> datetime:
    """The instant a duration after another: calendar months first, to the last day of a shorter month. After the year
    9999, which Python does not know, its last millisecond."""
    years, month = divmod(instant.month - 1 + duration.months, 12)
    try:
        day = min(instant.day, monthrange(instant.year + years, month + 1)[1])
        moved = instant.replace(year=instant.year + years, month=month + 1, day=day)
        return moved + timedelta(milliseconds=duration.milliseconds)
    except (ValueError, OverflowError):
        return from_epoch_ms(LAST_MS)


def shift_instant(instant: datetime, by: timedelta) -> datetime | None:
    """The instant so much later, or earlier where `by` is negative; None outside the years 1 to 9999."""
    try:
        return instant + by
    except OverflowError:
        return None


def iso(instant: datetime) -> str:
    """ISO 8601 in UTC with `Z`; milliseconds only where there are any."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    text = instant.isoformat(timespec="milliseconds" if instant.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z"


def iso_duration(duration: Duration) -> str:
    """ISO 8601 of a duration, in months and seconds: `P84M`, `PT2592000S`, `P1MT0.500S`."""
    seconds, milliseconds = divmod(duration.milliseconds, 1000)
    months = f"{duration.months}M" if duration.months else ""
    fraction = f".{milliseconds:03}" if milliseconds else ""
    time = f"T{seconds}{fraction}S" if duration.milliseconds or not months else ""
    return f"P{months}{time}"


def show_duration(duration: Duration) -> str:
    """The shortest form an author would write: `30d`, `7y`, else ISO 8601."""
    if duration.months and not duration.milliseconds:
        return f"{duration.months // 12}y" if duration.months % 12 == 0 else f"{duration.months}mo"
    if not duration.months:
        for unit, size in (("d", DAY), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
            if duration.milliseconds % size == 0:
                return f"{duration.milliseconds // size}{unit}"
    return iso_duration(duration)
