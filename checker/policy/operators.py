"""The one table of operators: which types have them, and what value they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from checker.model import Type

Takes = Literal["one", "list", "pair", "flag", "text", "pattern", "age"]
"""one value of the operand's type; several; low and high; a boolean; text; RE2; a duration."""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: what value it takes, and its meaning for documentation."""

    takes: Takes
    doc: str


_ALL = {
    "eq": Operator("one", "equal to the value; a bare value means it"),
    "ne": Operator("one", "not equal to the value"),
    "in": Operator("list", "equal to one of the values"),
    "not_in": Operator("list", "equal to none of the values"),
    "exists": Operator("flag", "the answer has a value (true), or has none (false)"),
}
_TEXT = {
    "contains": Operator("text", "has the text in it"),
    "starts_with": Operator("text", "begins with the text"),
    "ends_with": Operator("text", "ends with the text"),
    "matches": Operator("pattern", "the RE2 pattern is found in it; anchor with ^ and $"),
}
_ORDER = {
    "lt": Operator("one", "less than the value"),
    "lte": Operator("one", "less than the value or equal to it"),
    "gt": Operator("one", "greater than the value"),
    "gte": Operator("one", "greater than the value or equal to it"),
    "between": Operator("pair", "from low to high, both included"),
}
_TIME = {
    "before": Operator("one", "earlier than the instant"),
    "after": Operator("one", "later than the instant"),
    "older_than": Operator("age", "the instant plus the duration is before now"),
    "younger_than": Operator("age", "the instant plus the duration is after now; so is every future instant"),
}

OPERATORS: Mapping[Type, Mapping[str, Operator]] = {
    Type.STRING: _ALL | _TEXT,
    Type.ENUM: _ALL | _TEXT,
    Type.BOOLEAN: _ALL,
    Type.INTEGER: _ALL | _ORDER,
    Type.DURATION: _ALL | _ORDER,
    Type.RATIO: _ALL | _ORDER,
    Type.TIME: _ALL | _TIME,
}

EVERY = tuple(dict.fromkeys(name for table in OPERATORS.values() for name in table))
IF_ABSENT = ("match", "no_match", "unknown")
