"""What comes of a run: tallies of verdicts, how much was read, and the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from checker.model.vocabulary import Severity


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


class FindingCounts(NamedTuple):
    """Fails that are not waived, unknowns and waived fails; and how many of the fails and of the unknowns the gate counts."""

    fail: int
    unknown: int
    waived: int
    gated_fail: int
    gated_unknown: int


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
class UnreadableSet:
    """What rules say of an image set that could not be read: the severities of those that it is unknown to, but for what a
    waiver covers, and whether one covers some of it."""

    unknown: frozenset[Severity] = frozenset()
    waived: bool = False


@dataclass(frozen=True, slots=True)
class Drift:
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
