"""A second reading of the policy language, to hold the engine against: plain Python over plain data.

It was written from the design's text, not from the engine, and shares nothing with it: no DuckDB, its own catalogue,
its own calendar. A policy is the mapping that its YAML says; a record is what the AWS CLI prints, or an error:

    {"answer": {"imageSetId": .., "createdAt": 1679592510.753, ..}, "labels": {"class": "adult"}}
    {"error": "ResourceNotFoundException", "labels": {..}}

Truth is True, False or None (unknown). A time is epoch milliseconds, a duration `(months, milliseconds)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, NamedTuple

STATES = ("ACTIVE", "LOCKED", "DELETED")
STATUSES = (
    "CREATED", "COPIED", "COPYING", "COPYING_WITH_READ_ONLY_ACCESS", "COPY_FAILED", "UPDATING",
    "UPDATING_FOR_STUDY_CONSISTENCY", "UPDATED", "UPDATE_FAILED", "DELETING", "DELETED", "IMPORTING", "IMPORTED",
    "IMPORT_FAILED",
)  # fmt: skip
TIERS = ("FREQUENT_ACCESS", "ARCHIVE_INSTANT_ACCESS")


class Gap(Enum):
    """Why there is no value to compare."""

    UNREAD = "the answer was not received"
    NOT_REPORTED = "the answer leaves it out, and it may have a value"
    NONE = "the answer leaves it out, and there is definitely none"
    UNLISTED = "it has a value that the model does not list"


ABSENT = (Gap.NOT_REPORTED, Gap.NONE)  # the two kinds of absence in an answer that was received


class Kind(NamedTuple):
    """What the language knows of a field."""

    type: str
    absent: Any = None  # what leaving it out means: a Gap, or the value that it then has
    members: tuple[str, ...] = ()
    answer: bool = True  # a field of the answer, so that it needs one


FIELDS = {
    "found": Kind("boolean", answer=False),
    "now": Kind("time", answer=False),
    "target": Kind("string", answer=False),
    "collectedAt": Kind("time", Gap.NOT_REPORTED),
    "account": Kind("string", Gap.NOT_REPORTED),
    "region": Kind("string", Gap.NOT_REPORTED),
    "datastoreId": Kind("string"),
    "imageSetId": Kind("string"),
    "versionId": Kind("integer"),
    "imageSetState": Kind("enum", members=STATES),
    "imageSetWorkflowStatus": Kind("enum", Gap.NOT_REPORTED, STATUSES),
    "createdAt": Kind("time", Gap.NOT_REPORTED),
    "updatedAt": Kind("time", Gap.NOT_REPORTED),
    "deletedAt": Kind("time", Gap.NOT_REPORTED),
    "message": Kind("string", Gap.NONE),
    "imageSetArn": Kind("string", Gap.NOT_REPORTED),
    "overrides.forced": Kind("boolean", absent=False),
    "isPrimary": Kind("boolean", Gap.NOT_REPORTED),
    "lastAccessedAt": Kind("time", Gap.NOT_REPORTED),
    "storageTier": Kind("enum", Gap.NOT_REPORTED, TIERS),
}


def labels_of(declared: Mapping[str, Any]) -> dict[str, Kind]:
    """The fields of declared labels: that an inventory leaves a required one out says nothing."""
    kinds = {"date": "time"}
    return {
        f"labels.{name}": Kind(
            kinds.get(label["type"], label["type"]),
            Gap.NOT_REPORTED if label.get("required") else Gap.NONE,
            answer=False,
        )
        for name, label in declared.items()
    }


# Truth: Kleene's three values


def both(truths: Iterable[bool | None]) -> bool | None:
    """AND: one false decides, else one unknown."""
    seen = list(truths)
    return False if False in seen else None if None in seen else True


def negated(truth: bool | None) -> bool | None:
    """NOT."""
    return None if truth is None else not truth


def either(truths: Iterable[bool | None]) -> bool | None:
    """OR, by De Morgan."""
    return negated(both(negated(truth) for truth in truths))


# Literals and the calendar

UNITS = {"s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
ISO = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")
MEAN_MONTH = 146_097 * UNITS["d"] // 4800  # 400 years have 4800 months and 146,097 days


def duration(text: str) -> tuple[int, int]:
    """`30d`, `7y` or ISO 8601, as months and milliseconds."""
    number, unit = re.match(r"(\d*)(.*)", text).groups()
    if number:
        return {"y": (12 * int(number), 0), "mo": (int(number), 0)}.get(
            unit, (0, int(number) * UNITS.get(unit, 0))
        )
    years, months, weeks, days, hours, minutes, seconds = (
        Decimal(part or 0) for part in ISO.fullmatch(text).groups()
    )
    return int(12 * years + months), int(
        1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * (days + 7 * weeks))))
    )


def instant(raw: str | float) -> int:
    """Epoch seconds, ISO 8601 with a zone, or a date (its midnight UTC), to the nearest millisecond."""
    if isinstance(raw, str):
        moment = datetime.fromisoformat(raw)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
        raw = Decimal(passed.days * 86_400 + passed.seconds) + Decimal(passed.microseconds) / 1_000_000
    return int((Decimal(str(raw)) * 1000).to_integral_value(ROUND_HALF_EVEN))


def later(moment: int, by: tuple[int, int]) -> int:
    """Months first, to the month's last day where the day is past it; then milliseconds."""
    days, time_of_day = divmod(moment, UNITS["d"])
    start = date.fromordinal(days + date(1970, 1, 1).toordinal())
    year, month = divmod(start.year * 12 + start.month - 1 + by[0], 12)
    first, following = day_number(year, month), day_number(year + (month == 11), (month + 1) % 12)
    day = min(start.day, following - first)
    return (first + day - 1 - day_number(1970, 0)) * UNITS["d"] + time_of_day + by[1]


def day_number(year: int, month: int) -> int:
    """Of the first of a month (from 0). The calendar repeats every 400 years, so no year is too late for it."""
    return date(2000 + year % 400, month + 1, 1).toordinal() + (year // 400 - 5) * 146_097


def length(span: tuple[int, int]) -> int:
    """By which two durations compare that are not measured from an instant: a month is the mean one."""
    return span[0] * MEAN_MONTH + span[1]


def literal(kind: str, raw: Any) -> Any:
    """A value as a policy, a label or a `--param` flag writes it."""
    if kind in ("time", "date"):
        return instant(raw)
    if kind == "duration":
        return duration(raw)
    if kind == "integer":
        return int(raw)
    if kind == "boolean":
        return raw if isinstance(raw, bool) else raw == "true"
    if kind == "ratio":
        return Fraction(raw.removesuffix("%")) / 100
    return raw


# One rule on one record


class Oracle:
    """Judges the records of one policy at one instant. `flags` are `--param` values, as text."""

    def __init__(self, policy: Mapping[str, Any], as_of: str, flags: Mapping[str, str] | None = None) -> None:
        self.policy, self.now, self.flags = policy, instant(as_of), flags or {}
        self.params: Mapping[str, Any] = {}
        self.record: Mapping[str, Any] = {}
        self.fields = FIELDS | labels_of(policy.get("labels", {}))

    def verdict(self, rule: Mapping[str, Any], record: Mapping[str, Any]) -> str:
        """`when` false: not applicable. Not violated: pass. Violated and `when` true: fail. Otherwise: unknown."""
        self.params, self.record = self.policy.get("params", {}) | rule.get("params", {}), record
        when = self.condition(rule["when"]) if "when" in rule else True
        violated = (
            self.condition(rule["deny"]) if "deny" in rule else negated(self.condition(rule["require"]))
        )
        if when is False:
            return "not_applicable"
        if violated is False:
            return "pass"
        return "fail" if violated and when else "unknown"

    def condition(self, entries: Mapping[str, Any]) -> bool | None:
        """Every entry holds."""
        return both(self.entry(key, value) for key, value in entries.items())

    def entry(self, key: str, value: Any) -> bool | None:
        if key == "all":
            return both(map(self.condition, value))
        if key == "any":
            return either(map(self.condition, value))
        if key == "none":
            return negated(either(map(self.condition, value)))
        if key == "not":
            return negated(self.condition(value))
        return self.leaf(key, value)

    def leaf(self, operand: str, matcher: Any) -> bool | None:
        if not isinstance(matcher, Mapping) or "field" in matcher:
            matcher = {"eq": matcher}
        if "if_absent" in matcher:
            names = [*operand.split(" - "), *named(list(matcher.values()))]
            word = {"match": True, "no_match": False, "unknown": None}[matcher["if_absent"]]
            gaps = [self.read(name) for name in names]
            absent = any(gap in ABSENT for gap in gaps)
            unread = [name for name, gap in zip(names, gaps, strict=True) if gap is Gap.UNREAD]
            if unread and (absent or any(map(self.may_be_absent, unread))):
                # were it read, the tests might decide, or `if_absent`: only what both say is known
                truth = self.tests(operand, matcher)
                return truth if truth == word else None
            if absent:
                return word
        return self.tests(operand, matcher)

    def tests(self, operand: str, matcher: Mapping[str, Any]) -> bool | None:
        """Every operator holds."""
        return both(self.test(operand, name, value) for name, value in matcher.items() if name != "if_absent")

    def may_be_absent(self, name: str) -> bool:
        """Whether an answer may leave a field out; there may be no version before, and nothing that took one's place."""
        others = ("previous_version.", "successor.")
        return isinstance(self.fields[name].absent, Gap) or name.startswith(others)

    def test(self, operand: str, name: str, raw: Any) -> bool | None:
        """One operator. Several are made of others."""
        if name == "ne":
            return negated(self.test(operand, "eq", raw))
        if name == "not_in":
            return negated(self.test(operand, "in", raw))
        if name == "in":
            return either(self.test(operand, "eq", item) for item in self.items(raw))
        if name == "between":
            return both((self.test(operand, "gte", raw[0]), self.test(operand, "lte", raw[1])))
        left, minus, right = operand.partition(" - ")
        gaps = [gap for gap in (self.read(left), self.read(right) if minus else None) if isinstance(gap, Gap)]
        if name == "exists":
            there = False if any(gap in ABSENT for gap in gaps) else None if Gap.UNREAD in gaps else True
            wanted = self.value("boolean", raw)
            return None if there is None or isinstance(wanted, Gap) else there == wanted
        kind = self.fields[left].type
        takes = {"older_than": "duration", "younger_than": "duration"}.get(name, kind)
        value = self.value("duration" if minus and kind == "time" else takes, raw)
        if isinstance(value, Gap):  # `{field: ..}` without a value is always unknown
            return None
        if gaps:
            return False if gaps == [Gap.NONE] and not minus else None
        if minus:
            return self.difference(kind, name, self.read(left), self.read(right), value)
        return self.compare(kind, name, self.read(left), value)

    def difference(self, kind: str, name: str, left: int, right: int, value: Any) -> bool:
        """`a - b: {gte: 7y}` means `a >= b + 7y`."""
        return order(name, left, later(right, value)) if kind == "time" else order(name, left - right, value)

    def compare(self, kind: str, name: str, left: Any, value: Any) -> bool:
        if name in ("older_than", "younger_than"):
            return order("lt" if name == "older_than" else "gt", later(left, value), self.now)
        if name in TEXT:
            return TEXT[name](left, value)
        if kind == "duration":
            return order(name, length(left), length(value))
        return order({"before": "lt", "after": "gt"}.get(name, name), left, value)

    def value(self, kind: str, raw: Any) -> Any:
        """A literal of the type, `$param` or `{field: path}`."""
        if isinstance(raw, Mapping):
            return self.read(raw["field"])
        if isinstance(raw, str) and raw.startswith("$$"):
            return raw[1:]
        if isinstance(raw, str) and raw.startswith("$"):
            raw = self.given(raw[1:])
        return literal(kind, raw)

    def items(self, raw: Any) -> list[Any]:
        """What `in` lists: itself, or a parameter of a list type, which a flag separates by commas."""
        given = raw if isinstance(raw, list) else self.given(raw[1:])
        return given.split(",") if isinstance(given, str) else given

    def given(self, name: str) -> Any:
        """A flag beats the default."""
        return self.flags.get(name, self.params[name].get("default"))

    def gap(self, path: str, record: Mapping[str, Any]) -> Any:
        """What is read of a field of a record: its value, or why it has none."""
        self.record = record
        return self.read(path)

    def read(self, path: str) -> Any:
        """The value of a field, or why it has none."""
        spec, answer = self.fields[path], self.record.get("answer")
        if path == "now":
            return self.now
        if path == "found":
            gone = self.record.get("error") == "ResourceNotFoundException"
            return True if answer is not None else False if gone else Gap.UNREAD
        if spec.answer and answer is None:
            return Gap.UNREAD
        raw = self.raw(path)
        if raw is None:
            return spec.absent
        if spec.members and raw not in spec.members:
            return Gap.UNLISTED
        return literal(spec.type, raw)

    def raw(self, path: str) -> Any:
        if path in ("target", "collectedAt"):
            return self.record.get(path)
        if path.startswith("labels."):
            return self.record.get("labels", {}).get(path.removeprefix("labels."))
        if path in ("account", "region"):
            parts = (self.record["answer"].get("imageSetArn") or "").split(":")
            return parts[{"region": 3, "account": 4}[path]] if len(parts) > 4 else None
        value: Any = self.record["answer"]
        for step in path.split("."):
            value = value.get(step) if value is not None else None
        return value


TEXT = {
    "contains": lambda text, part: part in text,
    # the letters that tests draw from fold alike in RE2 and in Python
    "icontains": lambda text, part: part.lower() in text.lower(),
    "starts_with": lambda text, part: text.startswith(part),
    "ends_with": lambda text, part: text.endswith(part),
    "matches": lambda text, pattern: re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None,
}


def order(name: str, left: Any, right: Any) -> bool:
    if name == "eq":
        return left == right
    return {"lt": left < right, "lte": left <= right, "gt": left > right, "gte": left >= right}[name]


def named(values: Iterable[Any]) -> list[str]:
    """The fields that a matcher's values name, `{field: path}`, also within lists."""
    found = []
    for value in values:
        if isinstance(value, Mapping):
            found.append(value["field"])
        elif isinstance(value, list):
            found += named(value)
    return found
