"""What a condition is made of: fields, values, operators, and how they are put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Literal

from checker.model.vocabulary import Absence, Duration, Location, Source, Type


@dataclass(frozen=True, slots=True)
class Field:
    """Something a policy may name: its path, type, what its absence means, and where it comes from."""

    path: str
    type: Type
    absence: Absence
    source: Source
    doc: str
    members: tuple[str, ...] = ()
    day: bool = False
    """A time that was declared as a date, and is shown as one."""

    @property
    def answer(self) -> bool:
        """Whether it comes from the answer on the subject itself, so that it is unknown unless `found` is true."""
        return self.source in (Source.ANSWER, Source.PREVIOUS_VERSION)


@dataclass(frozen=True, slots=True)
class Param:
    """A declared parameter: `list` where it holds several values, `members` where it is an enum."""

    name: str
    type: Type
    list: bool
    members: tuple[str, ...]
    default: object
    description: str
    where: Location


@dataclass(frozen=True, slots=True)
class Label:
    """What an inventory may say of an image set: declared by a pack."""

    name: str
    type: Type
    one_of: tuple[str, ...]
    description: str
    where: Location
    day: bool = False
    """A time that was declared as a date, and is shown as one."""
    required: bool = False
    """A set without it is unknown to rules that read it; otherwise it has definitely none."""


@dataclass(frozen=True, slots=True)
class ParamRef:
    """`$name` in a policy, until it is bound to a value."""

    name: str


Scalar = str | bool | int | Duration | datetime | Fraction
"""A literal of the policy language; a time is an aware datetime in UTC, a ratio a fraction of 1."""

Value = Scalar | Field | ParamRef | tuple[Scalar | Field | ParamRef, ...]
"""What an operator compares with: `in` and `between` take several."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A field, or the difference of two: of two times a duration, of two integers an integer."""

    left: Field
    right: Field | None = None

    @property
    def type(self) -> Type:
        """The type that operators are looked up by."""
        if self.right is not None and self.left.type is Type.TIME:
            return Type.DURATION
        return self.left.type

    def __str__(self) -> str:
        return f"{self.left.path} - {self.right.path}" if self.right else self.left.path


@dataclass(frozen=True, slots=True)
class Test:
    """One operator of a matcher with its value."""

    __test__ = False  # pytest would take it for a test

    operator: str
    value: Value


IfAbsent = Literal["match", "no_match", "unknown"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """`operand: matcher`: every test holds."""

    operand: Operand
    tests: tuple[Test, ...]
    if_absent: IfAbsent | None = None
    where: Location = field(default=Location("", 0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`count: matcher` or `ratio: matcher` over a data store's image sets: every test holds of their number or share.

    `of` is what an image set must meet to count, None where each does; `among` narrows what a ratio is a share of.
    """

    kind: Literal["count", "ratio"]
    of: Condition | None
    among: Condition | None
    tests: tuple[Test, ...]
    if_absent: IfAbsent | None = None
    where: Location = field(default=Location("", 0, 0), compare=False)

    @property
    def type(self) -> Type:
        """The type that operators are looked up by."""
        return Type.INTEGER if self.kind == "count" else Type.RATIO


@dataclass(frozen=True, slots=True)
class Group:
    """`all`, `any` or `none` of its members (`not` is `none` of one)."""

    kind: Literal["all", "any", "none"]
    members: tuple[Leaf | Aggregate | Group, ...]


Condition = Leaf | Aggregate | Group

RuleScope = Literal["image_set", "version", "datastore"]
"""What a rule judges: the version that GetImageSet returns, every version, or a data store as a whole."""
