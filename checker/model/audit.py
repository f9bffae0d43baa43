"""What is audited and what comes of it: targets, subjects, findings, counts, the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from checker.model.language import Condition, Scalar
from checker.model.policy import Rule
from checker.model.vocabulary import Duration, Location, Severity, Verdict

UNNAMED = "(store not named)"
"""In place of the id of a data store that recorded answers do not name."""


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
    discovery: Discovery | None = None
    """How image sets are found, where they are not listed."""
    datastores: str | None = None
    """In place of `datastore`, which is empty then: the pattern that the names of the data stores to read match, as in a
    shell; `*` for all."""
    organization: bool = False
    """Every active account of the organization is read, each through `role_arn`, whose `{account}` is its id."""
    only: tuple[str, ...] = ()
    """Where not all of its parts are read: patterns of the names of those that are."""
    account_name: str = ""
    """What the organization calls the account, where the target is one of its accounts."""
    retired: tuple[str, ...] = ()
    """Ids of data stores and of accounts of which the owner says that they are gone for good."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """Image sets that SearchImageSets finds: all, or those of which `where` is true.

    `labels` are those of every image set of the target; `listed` has those that an inventory gives to image sets, by id.
    """

    where: Condition | None = None
    labels: Mapping[str, Scalar] = field(default_factory=dict)
    label_places: Mapping[str, str] = field(default_factory=dict)
    listed: Mapping[str, ImageSetRef] = field(default_factory=dict)

    def ref(self, image_set_id: str) -> ImageSetRef:
        """An image set with its labels: those of the whole target, and over them its own."""
        own = self.listed.get(image_set_id, ImageSetRef(image_set_id))
        labels, places = {**self.labels, **own.labels}, {**self.label_places, **own.label_places}
        return ImageSetRef(image_set_id, None, labels, places)


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
    `successor` says that a rule reads what became of `labels.superseded_by`, `history` that one reads what earlier runs
    saw: `known` or `previous.*`. `dicom` are the DICOM attributes read, by their names in the API. `calls` are further actions, asked
    once of each data store. `fields` are the paths of GetImageSet's answer that are read of image sets, which
    say what calls can answer: None stands for all.
    """

    image_sets: bool = True
    versions: bool = False
    previous_version: bool = False
    datastores: bool = False
    datastore: bool = False
    tags: tuple[str, ...] = ()
    datastore_tags: tuple[str, ...] = ()
    successor: bool = False
    history: bool = False
    dicom: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    fields: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many subjects of a rule got which verdict. `fail` leaves out those that are waived.

    The last two are parts of others: of `unknown` those that a waiver covers, which stay unknown, and of `fail` those
    that the run compared with had too.
    """

    subjects: int = 0
    passed: int = 0
    fail: int = 0
    waived: int = 0
    unknown: int = 0
    not_applicable: int = 0
    unknown_waived: int = 0
    persisting: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in Tally.__slots__))

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """The first six numbers, of which the last five add up to `subjects`."""
        return (self.subjects, self.passed, self.fail, self.waived, self.unknown, self.not_applicable)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what was listed was read: expected = evaluated + unreadable; a set that is not there
    was evaluated."""

    expected: int = 0
    not_found: int = 0
    unreadable: int = 0
    unreadable_targets: int = 0
    """Targets of which no image set was read, or not every one could be found."""
    versions_unread: int = 0
    """Of the unreadable image sets those that were read themselves, but not the list of their versions."""
    unlisted_targets: int = 0
    """Of the unreadable targets those of which it is not known which image sets there are: there may be more than are
    expected."""
    found: int = 0
    """Of the expected image sets those of targets whose image sets a search found; the others are listed."""

    @property
    def word(self) -> str:
        """How the image sets came into the audit."""
        if not self.found:
            return "listed"
        return "found" if self.found >= self.expected else "listed or found"

    @property
    def evaluated(self) -> int:
        """Sets whose answer, or whose absence, was received."""
        return self.expected - self.unreadable


@dataclass(frozen=True, slots=True)
class UnreadSet:
    """What rules say of an image set that could not be read: the severities of those that it is unknown to, but for what a
    waiver covers, and whether one covers some of it."""

    unknown: frozenset[Severity] = frozenset()
    waived: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """The image sets of a run beside those that earlier runs of the audit saw.

    `new` ones no earlier run saw; `changed` ones have another version, time of update or state, or were not there before;
    `vanished` ones were there, and no search lists them, or the service says that they are not there. Of image sets that
    are known still `reused` ones were not asked for again.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    reused: int = 0
    vanished: int = 0


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
            return f"{self.target}/{self.datastore_id or UNNAMED}" if self.exact else self.target
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


_DAY = 86_400_000
LONGEST: Mapping[Severity, Duration] = MappingProxyType(
    {
        Severity.CRITICAL: Duration(0, 30 * _DAY),
        Severity.HIGH: Duration(0, 90 * _DAY),
        Severity.MEDIUM: Duration(0, 180 * _DAY),
        Severity.LOW: Duration(12),
        Severity.INFO: Duration(12),
    }
)
"""How long a waiver may last from `created` on, by the severity of its rule, unless audit.yaml says otherwise."""

SOON = Duration(0, 14 * _DAY)
"""How long before its end a waiver is listed as ending soon, unless audit.yaml says otherwise."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """Findings of one rule that somebody answers for, until a day.

    `number` counts the waivers of a file from 1. Exactly one of `image_sets`, `target` and `labels` says what is
    covered; with `version` only while the subject is at that version. `covers` is fail or unknown. `created` and
    `expires` are the first and the last valid day, each as its midnight UTC.
    """

    number: int
    rule: str
    reason: str
    owner: str
    approved_by: str
    created: datetime
    expires: datetime
    where: Location
    image_sets: tuple[str, ...] = ()
    target: str | None = None
    labels: Mapping[str, Scalar] = field(default_factory=dict)
    version: int | None = None
    covers: Verdict = Verdict.FAIL

    @property
    def ends(self) -> datetime:
        """The first instant at which it is not valid any more."""
        try:
            return self.expires + timedelta(days=1)
        except OverflowError:  # there is no day after it
            return datetime.max.replace(tzinfo=UTC)

    def in_force(self, as_of: datetime) -> bool:
        """Whether it holds at an instant."""
        return self.created <= as_of < self.ends


@dataclass(frozen=True, slots=True)
class Finding:
    """A fail or an unknown of one rule on one subject.

    `waiver` is the one that covers it; where it is not `waived`, one that would if it were in force. `change` says what
    became of it since the run that this one is compared with, and `causes` why; None where there is no such run. `calls`
    are those whose answers the verdict rests on, `collected_at` the second at which the oldest of them was received,
    `reused_from` the earlier run that asked for it. Since `first_seen`, the as_of of `first_run`, the rule has failed (or
    been unknown) without a break that was judged.
    """

    rule: Rule
    subject: Subject
    verdict: Verdict
    reason: str | None
    observed: Mapping[str, object]
    message: str
    gated: bool
    waived: bool = False
    waiver: Waiver | None = None
    change: Category | None = None
    causes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    collected_at: datetime | None = None
    reused_from: str | None = None
    first_seen: datetime | None = None
    first_run: str | None = None

    @property
    def new(self) -> bool | None:
        """Whether the run that this one is compared with lacked it; None where there is no such run."""
        return None if self.change is None else self.change is Category.NEW


@dataclass(frozen=True, slots=True)
class Renames:
    """What is called otherwise now than in earlier runs, by the name of now: packs, rules as PACK/RULE, targets."""

    packs: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.packs or self.rules or self.targets)


NO_RENAMES = Renames()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Somebody's word that the findings of a run are let stand (`accept`), or not any more (`revoke`). `number` counts the
    statements on one run from 1, `sha256` is that of the file that has it."""

    action: Literal["accept", "revoke"]
    run: str
    reason: str
    by: str
    at: datetime
    number: int
    sha256: str


class Category(StrEnum):
    """What became of a finding between two runs. It is `new` where it was none then, or another one: of another version of
    the image set, of a rule that asked something else or was less severe, or waived. `fixed` is said of a fail alone, and
    only where the rule has judged the subject again."""

    NEW = "new"
    UNDECIDED = "undecided"
    NOT_JUDGED = "not judged any more"
    FIXED = "fixed"
    DECIDED = "decided"
    WAIVED = "waived"
    PERSISTING = "persisting"


class Factor(StrEnum):
    """Why a finding is not what it was. `severity` is that of the rule, `version` that of the image set, of which the one
    that failed was another; `first judged` is what nobody had judged then. `tool` is the program: judging a kept run again
    gives something else than it kept."""

    DATA = "data"
    POLICY = "policy"
    SEVERITY = "severity"
    WAIVER = "waiver"
    CLOCK = "clock"
    VERSION = "version"
    FIRST_JUDGED = "first judged"
    TOOL = "tool"


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
