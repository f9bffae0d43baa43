"""Text to values and back: durations, instants, numbers. One place each way, for policies, labels and flags."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from checker.instants import (
    CALENDAR,
    DAY,
    LONGEST_MILLISECONDS,
    LONGEST_MONTHS,
    UNITS,
    from_epoch_ms,
    iso,
    round_ms,
    show_duration,
)
from checker.model import Duration, Scalar, Type

INTEGERS = range(-(2**63), 2**63)

# at most 15 digits: int() refuses thousands of them, and the longest duration in seconds has 12
_SHORT = re.compile(r"(\d{1,15})(s|min|mo|h|d|w|y)")
_ISO = re.compile(
    r"P(?=\d|T\d)(?:(\d{1,15})Y)?(?:(\d{1,15})M)?(?:(\d{1,15})W)?(?:(\d{1,15})D)?"
    r"(?:T(?=\d)(?:(\d{1,15})H)?(?:(\d{1,15})M)?(?:(\d{1,15})(?:\.(\d{1,3}))?S)?)?"
)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)([Zz]|[+-]\d\d:?\d\d))?", re.ASCII
)
_UNIT_WORDS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "wk", "week", "weeks"),
    "mo": ("mo", "mon", "mth", "month", "months"),
    "y": ("y", "yr", "yrs", "year", "years"),
}
_DAYS = {
    r"(\d{4})(\d\d)(\d\d)": (1, 2, 3),
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})": (1, 2, 3),
    r"(\d{1,2})\.(\d{1,2})\.(\d{4})": (3, 2, 1),
}
"""Ways to write a day of which there is one reading only, each with the places of year, month and day."""
_RATIO = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s?%", re.ASCII)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?:/+|(?<=[sS]3:))")
_VARIABLE = re.compile(r"\$(?:\{[^}]*\}|\([^)]*\)|[A-Za-z_]\w*)|%[A-Za-z_]\w*%")
# braces as templates have them, and dates as strftime has them
_PLACEHOLDER = re.compile(r"\{+ *[A-Za-z_][\w.:% -]*\}+|%[YmdHMSFTjs](?![0-9A-Za-z])")
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,18})", re.ASCII)


class BadValueError(ValueError):
    """Text that is no value of the type; the message says why, `hint` what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def parse_path(text: str, *, remote: bool = False) -> str:
    """A path, `~` at its beginning replaced by the home folder; with `remote` also a place in S3, as it is.

    Raises:
        BadValueError: the path has a variable or a placeholder in it, which nobody replaces, names no home folder, or is
            somewhere else than on this machine.
    """
    if (scheme := _SCHEME.match(text)) and not (remote and scheme[0] == "s3://"):
        if scheme[1].lower() == "s3" and remote:
            raise BadValueError(f"`{text}` is no place in S3", f"write s3://{text[scheme.end() :]}")
        if remote:
            raise BadValueError("runs are kept in a folder or in s3://BUCKET/PREFIX")
        message = f"paths in {scheme[1].lower()}:// are not available yet"
        raise BadValueError(message, "write a path on this machine")
    if variable := _VARIABLE.search(text):
        before, after = text[: variable.start()], text[variable.end() :]
        home = not before and variable[0].strip("${}%") in ("HOME", "USERPROFILE")
        hint = f"write ~{after}" if home else "write the path itself; `~` alone stands for the home folder"
        raise BadValueError(f"{variable[0]} is not replaced in a path", hint)
    if placeholder := _PLACEHOLDER.search(text):
        hint = "write a name that stays the same; a command's path may have $(date +%F) in it, which the shell replaces"
        raise BadValueError(f"{placeholder[0]} is not replaced in a path", hint)
    if not text.startswith("~"):
        return text
    found = os.path.expanduser(text)  # noqa: PTH111 - pathlib's raises where there is none, and drops a slash at the end
    if found == text:
        head = text.partition("/")[0]
        raise BadValueError(f"there is no home folder {head}", f"a file or folder of this name is ./{text}")
    return found


def parse_duration(text: str) -> Duration:
    """`90s 15min 12h 30d 8w 6mo 7y`, or ISO 8601 such as `P30D`, `PT12H`, `P7Y`.

    Raises:
        BadValueError: not a duration, a bare `m`, or longer than 10,000 years.
    """
    months = milliseconds = 0
    if match := _SHORT.fullmatch(text):
        number, unit = int(match[1]), match[2]
        months, milliseconds = number * CALENDAR.get(unit, 0), number * UNITS.get(unit, 0)
    elif match := _ISO.fullmatch(text):
        years, month, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:7])
        months = years * 12 + month
        milliseconds = (weeks * 7 + days) * DAY + hours * 3_600_000 + minutes * 60_000 + seconds * 1000
        milliseconds += int((match[8] or "").ljust(3, "0"))
    elif re.fullmatch(r"\d+m", text):
        raise BadValueError(f"`{text}`: a bare m may mean minutes or months", "write `min` or `mo`")
    else:
        raise BadValueError(f"`{text}` is not a duration", _meant_duration(text))
    if months > LONGEST_MONTHS or milliseconds > LONGEST_MILLISECONDS:
        raise BadValueError(f"`{text}` is longer than 10,000 years")
    return Duration(months, milliseconds)


def _meant_duration(text: str) -> str:
    """What to write in place of a duration in words, in capitals, or in parts."""
    found = re.fullmatch(r"(\d{1,15})\s*([a-z]+)", text.strip().lower())
    unit = next((short for short, words in _UNIT_WORDS.items() if found and found[2] in words), "")
    if found and unit:
        return f"write {found[1]}{unit}"
    parts = re.fullmatch(r"(?:(\d{1,4})y)? ?(?:(\d{1,4})mo)?", text.strip())
    if parts and parts[1] and parts[2]:
        return f"write P{parts[1]}Y{parts[2]}M"
    return "write a number and a unit: 90s 15min 12h 30d 8w 6mo 7y, or P30D"


def _meant_day(text: str) -> str:
    """What to write in place of a date in another order or without its zeros; nothing where that is not certain."""
    for pattern, order in _DAYS.items():
        if found := re.fullmatch(pattern, text.strip()):
            year, month, day = (int(found[place]) for place in order)
            try:
                return f"write {date(year, month, day).isoformat()}"
            except ValueError:
                return ""
    return ""


def parse_time(text: str) -> datetime:
    """ISO 8601 with a zone, or a date, which is its midnight UTC. Rounded to whole milliseconds.

    Raises:
        BadValueError: no such instant, or a time of day without a zone.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        if _TIME.fullmatch(text + "Z"):
            raise BadValueError(f"`{text}` has no time zone", f"add one, as in {text}Z")
        hint = "write a date (2026-01-31) or a time with a zone (2026-01-31T12:00:00Z)"
        raise BadValueError(f"`{text}` is not a time", _meant_day(text) or hint)
    try:
        if match[2] is None:
            return datetime.combine(date.fromisoformat(match[1]), datetime.min.time(), UTC)
        zone = match[3].upper()
        return from_epoch_ms(round_ms(datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}")))
    except (ValueError, OverflowError) as error:
        raise BadValueError(f"`{text}` is not a time: {error}") from None


def parse_date(text: str) -> datetime:
    """A date, as its midnight UTC.

    Raises:
        BadValueError: not a date, or one with a time of day.
    """
    if len(text) != len("2026-01-31"):
        raise BadValueError(f"`{text}` is not a date", _meant_day(text) or "write it as 2026-01-31")
    return parse_time(text)


def parse_integer(text: str) -> int:
    """A whole number that fits 64 bits.

    Raises:
        BadValueError: anything else.
    """
    if not _INTEGER.fullmatch(text) or int(text) not in INTEGERS:
        raise BadValueError(f"`{text}` is not a whole number")
    return int(text)


def parse_boolean(text: str) -> bool:
    """`true` or `false`, in any case.

    Raises:
        BadValueError: anything else: `yes` and `1` are refused rather than guessed.
    """
    if text.lower() not in ("true", "false"):
        raise BadValueError(f"`{text}` is not a boolean", "write true or false")
    return text.lower() == "true"


def parse_ratio(text: str) -> Fraction:
    """A share in percent: `1%`, `0.5%`, `100%`.

    Raises:
        BadValueError: anything else; a bare number may mean 1 % or all of it.
    """
    match = _RATIO.fullmatch(text)
    if match is None:
        raise BadValueError(f"`{text}` is not a ratio", "write it in percent: 1% or 0.5%")
    ratio = Fraction(match[1]) / 100
    if ratio > 1:
        raise BadValueError(f"`{text}` is more than all of it", "a ratio goes from 0% to 100%")
    return ratio


def parse_scalar(text: str, kind: Type) -> Scalar:
    """Text from a flag or a CSV cell as a value of the type.

    Raises:
        BadValueError: the text is no value of it.
    """
    if kind is Type.DURATION:
        return parse_duration(text)
    if kind is Type.TIME:
        return parse_time(text)
    if kind is Type.INTEGER:
        return parse_integer(text)
    if kind is Type.BOOLEAN:
        return parse_boolean(text)
    if kind is Type.RATIO:
        return parse_ratio(text)
    return text


def other_case(members: Collection[str], known: Collection[str]) -> tuple[str, str] | None:
    """The first member that is not known but for its case, and the known spelling."""
    strange = [name for name in members if name not in known]
    if not strange:
        return None
    spelling = {name.casefold(): name for name in known}
    return next(((name, spelling[name.casefold()]) for name in strange if name.casefold() in spelling), None)


def show(value: object) -> str:
    """A value as reports and messages print it: true, 3, 2026-01-31T12:00:00Z, P84M, text as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Duration):
        return show_duration(value)
    if isinstance(value, Fraction):
        return f"{float(100 * value):.12g}%"
    return str(value)


def _unique_members(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise BadValueError(f"the member {name:.80} is there twice")
        members[name] = value
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


STRICT_JSON: Mapping[str, Any] = {"object_pairs_hook": _unique_members, "parse_constant": _no_constant}
"""How `json` is to read: without the NaN that Python allows, and no name twice in an object, of which it would take the
last one without a word."""
