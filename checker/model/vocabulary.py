"""Words that every stage uses, each with its few values; instants and lengths of time; a place in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, get_args


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


class Gap(StrEnum):
    """Why a finding shows no value of a field though nobody knows that there is none."""

    NOT_RECEIVED = "(not received)"


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


FAIL_ON = (*(severity.value for severity in Severity), "never")
"""From which severity on a gate counts fails; `never` counts none."""


JUnitPasses = Literal["auto", "full", "aggregate", "none"]
"""How JUnit shows what passed: `full` has a case for each, `aggregate` one for all of a rule, `none` leaves them out where a
rule has findings. `auto` is `full` up to 1,000 cases, and `aggregate` above."""
JUnitSkipped = Literal["all", "waived", "none"]
"""Which skipped cases JUnit has: all of them, those of waived findings alone, or none."""
JUnitFor = Literal["strict", "jenkins", "gitlab", "github", "azure"]
"""Who reads JUnit; `strict` is whoever holds it to the schemas."""
JUNIT_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "junit_passes": get_args(JUnitPasses),
    "junit_skipped": get_args(JUnitSkipped),
    "junit_for": get_args(JUnitFor),
}
"""The options of JUnit, by the one name that each has everywhere, and what they take, the usual one first."""


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
    HISTORY = "previous"  # earlier complete runs of the same audit, and deletion events
    SUCCESSOR = "successor"  # GetImageSet of the image set that the label superseded_by names
    DICOM = "dicom"  # SearchImageSets
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
