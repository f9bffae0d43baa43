"""The nouns of the checker. Frozen values; nothing here reads a file, a clock or the network, but for `utc_now`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal


def utc_now() -> datetime:
    """The present instant in UTC, to the millisecond: the one place that reads the clock."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Verdict(StrEnum):
    """What a rule says of a subject (XCCDF: pass, fail, error and notapplicable; AWS Config's
    INSUFFICIENT_DATA is `unknown`)."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class Severity(StrEnum):
    """How much a fail matters, from the least to the most."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info to 4 for critical."""
        return list(Severity).index(self)


class Type(StrEnum):
    """The types that a field, a parameter or a label can have. An enum is a string with listed members."""

    STRING = "string"
    ENUM = "enum"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DURATION = "duration"
    TIME = "time"


class Absence(StrEnum):
    """What it means that an answer which was received leaves a field out."""

    NEVER = "never"  # an answer always has it
    NOT_REPORTED = "not_reported"  # it may have a value that we do not see
    NONE = "none"  # there is definitely none
    FALSE = "false"  # overrides.forced: left out where no force was used


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file: the path as shown to the user, line and column from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Duration:
    """Calendar months and whole milliseconds; months are added first, as calendars do."""

    months: int = 0
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """Something a policy may name: its path, type and what its absence means.

    `answer` says that it comes from GetImageSet's answer, so that it is unknown unless `found` is true.
    """

    path: str
    type: Type
    absence: Absence
    answer: bool
    doc: str
    members: tuple[str, ...] = ()
    day: bool = False
    """A time that was declared as a date, and is shown as one."""


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


@dataclass(frozen=True, slots=True)
class ParamRef:
    """`$name` in a policy, until it is bound to a value."""

    name: str


Scalar = str | bool | int | Duration | datetime
"""A literal of the policy language; a time is an aware datetime in UTC."""

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
class Group:
    """`all`, `any` or `none` of its members (`not` is `none` of one)."""

    kind: Literal["all", "any", "none"]
    members: tuple[Leaf | Group, ...]


Condition = Leaf | Group


@dataclass(frozen=True, slots=True)
class Case:
    """A test written inside a rule: what differs from a healthy answer, and the verdict it must get."""

    name: str
    given: Mapping[str, object]
    labels: Mapping[str, Scalar]
    params: Mapping[str, object]
    as_of: datetime
    expect: Verdict
    where: Location
    found: bool = True
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement. It is violated where `deny` holds, or where `require` does not."""

    id: str
    pack: str
    title: str
    severity: Severity
    condition: Condition
    deny: bool
    when: Condition | None
    where: Location
    why: str = ""
    fix: str = ""
    caveat: str = ""
    message: str = ""
    scope: str = "image_set"
    controls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    params: Mapping[str, Param] = field(default_factory=dict)
    tests: tuple[Case, ...] = ()
    fields: tuple[Field, ...] = ()
    """Every field that `when` and the condition read, in the order in which they are written."""
    message_fields: tuple[Field, ...] = ()

    @property
    def name(self) -> str:
        """`pack/rule`, unique in a run."""
        return f"{self.pack}/{self.id}"


@dataclass(frozen=True, slots=True)
class Pack:
    """A policy file: its rules, and what they may name."""

    name: str
    title: str
    path: str
    sha256: str
    source: bytes
    rules: tuple[Rule, ...]
    params: Mapping[str, Param]
    labels: Mapping[str, Label]
    revision: str = ""
    owner: str = ""
    approved_by: str = ""
    review_by: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Image sets of one data store that are audited together, and how to reach them."""

    name: str
    region: str
    datastore: str
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    image_sets: tuple[ImageSetRef, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageSetRef:
    """An image set as the configuration lists it; `version` where one is pinned."""

    id: str
    version: int | None = None
    labels: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many subjects of a rule got which verdict. `fail` leaves out those that are waived."""

    subjects: int = 0
    passed: int = 0
    fail: int = 0
    waived: int = 0
    unknown: int = 0
    not_applicable: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """The six numbers in the order of the attributes."""
        return (self.subjects, self.passed, self.fail, self.waived, self.unknown, self.not_applicable)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what was listed was read: expected = evaluated + unreadable; a set that is not there
    was evaluated."""

    expected: int = 0
    not_found: int = 0
    unreadable: int = 0
    unreadable_targets: int = 0
    """Targets of which no image set was read."""

    @property
    def evaluated(self) -> int:
        """Sets whose answer, or whose absence, was received."""
        return self.expected - self.unreadable


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule judged: an image set, or one version of it."""

    target: str
    account: str | None
    region: str | None
    datastore_id: str | None
    image_set_id: str
    version_id: int | None
    pinned: bool = False

    @property
    def name(self) -> str:
        """`target/imageSetId`, with `@vN` for a pinned version."""
        return f"{self.target}/{self.image_set_id}" + (f"@v{self.version_id}" if self.pinned else "")


@dataclass(frozen=True, slots=True)
class Finding:
    """A fail or an unknown of one rule on one subject."""

    rule: Rule
    subject: Subject
    verdict: Verdict
    reason: str | None
    observed: Mapping[str, object]
    message: str
    gated: bool
    waived: bool = False


class Outcome(StrEnum):
    """What a gate makes of a run."""

    PASSED = "passed"
    VIOLATION = "violation"
    INCOMPLETE = "incomplete"
    INVALID = "invalid"
    UNDELIVERED = "undelivered"

    @property
    def exit_code(self) -> int:
        """The process's exit code for it."""
        return {"passed": 0, "violation": 1, "invalid": 2, "incomplete": 3, "undelivered": 4}[self.value]
