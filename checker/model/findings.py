"""What a rule says of a subject: findings, and what people say of them: waivers, acceptances, new names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from checker.model.language import Scalar
from checker.model.policy import Rule
from checker.model.targets import UNNAMED
from checker.model.vocabulary import Duration, Location, Severity, Verdict


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
        return f"{self.matched:,}" if self.kind == "count" else f"{100 * self.matched / self.among:.4g}%"

    @property
    def brief(self) -> str:
        """The number, and how many image sets could change it: `3`, `2.5% (1 undecided)`."""
        return f"{self.number} ({self.undecided:,} undecided)" if self.undecided else self.number

    def plain(self) -> dict[str, object]:
        """As JSON holds it."""
        return {
            "matched": self.matched,
            "among": self.among,
            "undecided": self.undecided,
            "examples": list(self.examples),
        }

    def __str__(self) -> str:
        parts = [] if self.kind == "count" else [f"{self.matched:,} of {self.among:,}"]
        parts += [f"{self.undecided:,} undecided"] if self.undecided else []
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
    arn: str | None = None
    """The ARN of its image set or data store, as an answer of the service gave it."""

    @property
    def new(self) -> bool | None:
        """Whether the run that this one is compared with lacked it; None where there is no such run."""
        return None if self.change is None else self.change is Category.NEW


Sort = Literal["severity", "age", "rule", "image-set"]
"""What a sample of findings begins with: the worst, the oldest, the first rules by name, the worst image sets."""


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


@dataclass(frozen=True, slots=True)
class ChangeNumbers:
    """How many findings of which severity became what between two runs: the numbers that every report has. The severity is
    that of the rule as the later run had it, else as the earlier one had."""

    counts: Mapping[Severity, Mapping[Category, int]] = field(default_factory=dict)

    def number(self, category: Category) -> int:
        """Of all severities."""
        return sum(own.get(category, 0) for own in self.counts.values())

    @property
    def totals(self) -> dict[Category, int]:
        """Of all severities, each category that has any, in the order of reports."""
        return {category: number for category in Category if (number := self.number(category))}

    @property
    def severities(self) -> dict[Severity, dict[Category, int]]:
        """Each severity that has any, the worst first, with all categories in the order of reports."""
        return {
            severity: {category: own.get(category, 0) for category in Category}
            for severity in reversed(Severity)
            if any((own := self.counts.get(severity, {})).values())
        }

    @property
    def changed(self) -> int:
        """How many findings are not what they were."""
        return sum(number for category, number in self.totals.items() if category is not Category.PERSISTING)


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
