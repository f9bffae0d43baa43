"""The nouns of the checker. Frozen values; nothing here reads a file, a clock or the network, but for `utc_now`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
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
    RATIO = "ratio"


class Source(StrEnum):
    """Where a field comes from: what has to be received before it is known, and which call asks for it."""

    OWN = "own"  # known whatever was answered
    ANSWER = "answer"  # GetImageSet, or ListImageSetVersions in scope `version`
    PREVIOUS_VERSION = "previous_version"  # the version before, of the same ListImageSetVersions
    SUCCESSOR = "successor"  # GetImageSet of the image set that the label superseded_by names
    TAGS = "tags"  # ListTagsForResource of the image set
    DATASTORE = "datastore"  # GetDatastore
    DATASTORE_TAGS = "datastore.tags"  # ListTagsForResource of the data store


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


@dataclass(frozen=True, slots=True)
class CaseSets:
    """Image sets of the data store that a test describes: `count` of them, all alike."""

    count: int
    given: Mapping[str, object]
    labels: Mapping[str, Scalar]
    found: bool = True
    error: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    successor: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A test written inside a rule: what differs from a healthy answer, and the verdict it must get.

    `error` is the code of the call on the subject itself, `errors` those of other calls by action. `previous` says that
    there is a version before, `successor` that the image set that `superseded_by` names is among the listed ones.
    `image_sets` and `complete` are those of a data store.
    """

    name: str
    given: Mapping[str, object]
    labels: Mapping[str, Scalar]
    params: Mapping[str, object]
    as_of: datetime
    expect: Verdict
    where: Location
    found: bool = True
    error: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    previous: bool = False
    successor: bool = False
    image_sets: tuple[CaseSets, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Demand:
    """What a control demands of a parameter of a rule: every test holds of its value, of each one of a list."""

    param: str
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a framework that a rule is mapped to, what it demands of the rule's parameters, and what a pass
    leaves open."""

    framework: str
    id: str
    title: str = ""
    requires: tuple[Demand, ...] = ()
    does_not_prove: str = ""
    where: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Framework:
    """A file that maps the controls of a framework to rules. `key` is what `controls:` calls the framework, `controls`
    are the ids in the file's order, `content` its bytes."""

    key: str
    title: str
    path: str
    sha256: str
    source: str = ""
    note: str = ""
    controls: tuple[str, ...] = ()
    content: bytes = field(default=b"", repr=False)


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
    scope: RuleScope = "image_set"
    controls: tuple[Control, ...] = ()
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
class Change:
    """What audit.yaml changed of a rule, which is as its pack has it here: `what` is `off`, or as in
    `severity high -> low`."""

    rule: Rule
    what: str
    reason: str
    where: Location

    @property
    def off(self) -> bool:
        """Whether the rule was not run."""
        return self.what == "off"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A control's demand that the value of a rule's parameter does not meet."""

    rule: str
    control: Control
    demand: Demand
    value: object


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
    complete: bool = False
    """The user says that these are all the image sets of the data store."""


@dataclass(frozen=True, slots=True)
class ImageSetRef:
    """An image set as the configuration lists it; `version` where one is pinned."""

    id: str
    version: int | None = None
    labels: Mapping[str, Scalar] = field(default_factory=dict)
    label_places: Mapping[str, str] = field(default_factory=dict)
    """Where each label was given, as `file:line` or `file:line:column`."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the rules of a run read: which calls a collection makes and which tables a snapshot has.

    `image_sets`: GetImageSet for each image set. `versions`: ListImageSetVersions for each; `previous_version` says
    that a rule compares a version with the one before, so that a pinned version needs the list too. `datastores`: a rule
    judges data stores. `datastore`: a rule reads `datastore.*`. `tags` and `datastore_tags` are the tag keys read;
    `successor` says that a rule reads what became of `labels.superseded_by`.
    """

    image_sets: bool = True
    versions: bool = False
    previous_version: bool = False
    datastores: bool = False
    datastore: bool = False
    tags: tuple[str, ...] = ()
    datastore_tags: tuple[str, ...] = ()
    successor: bool = False


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
    """What a rule judged: an image set, one version of it, or (`image_set_id` None) a data store.

    `exact` says that the name needs more than usual: the version of an image set (it was pinned, or the scope is
    `version`), the id of a data store (the target has several).
    """

    target: str
    account: str | None
    region: str | None
    datastore_id: str | None
    image_set_id: str | None
    version_id: int | None
    exact: bool = False

    @property
    def name(self) -> str:
        """`target/imageSetId`, with `@vN` where the version is part of it; `target` for a data store."""
        if self.image_set_id is None:
            return f"{self.target}/{self.datastore_id}" if self.exact else self.target
        version = "" if self.version_id is None else f"@v{self.version_id}"
        return f"{self.target}/{self.image_set_id}" + (version if self.exact else "")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What an aggregate came to: `matched` image sets of `among` others, and how many `undecided` ones could change it."""

    kind: Literal["count", "ratio"]
    matched: int
    among: int
    undecided: int = 0
    examples: tuple[str, ...] = ()
    """Ids of a few that matched."""

    @property
    def number(self) -> str:
        """The number alone: `3`, `2.5%`."""
        if self.kind == "ratio" and not self.among:
            return "no share"
        return str(self.matched) if self.kind == "count" else f"{100 * self.matched / self.among:.4g}%"

    @property
    def brief(self) -> str:
        """The number, and how many image sets could change it: `3`, `2.5% (1 undecided)`."""
        return f"{self.number} ({self.undecided} undecided)" if self.undecided else self.number

    def plain(self) -> dict[str, object]:
        """As JSON holds it."""
        return {
            "matched": self.matched,
            "among": self.among,
            "undecided": self.undecided,
            "examples": list(self.examples),
        }

    def __str__(self) -> str:
        parts = [] if self.kind == "count" else [f"{self.matched} of {self.among}"]
        parts += [f"{self.undecided} undecided"] if self.undecided else []
        beside = f" ({', '.join(parts)})" if parts else ""
        examples = f"; for example {', '.join(self.examples)}" if self.examples else ""
        return f"{self.number}{beside}{examples}"


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
