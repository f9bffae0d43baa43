"""The gate: which findings count, the outcome, and the sentence that says so. It judges a run, never compliance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from checker.model import Coverage, Finding, Outcome, Severity, Tally, UnreadableSet, Verdict
from checker.values import show

if TYPE_CHECKING:
    from checker.config import AuditConfig

"""What `fail_on` may be."""

OnUnknown = Literal["incomplete", "violation", "ignore"]
Exemption = Literal["below the gate", "persisting", "ignored", "within max"]
"""Why a gate does not count a finding that is not waived, no two of which begin alike: its severity is too low, the run compared
with had it too, unknowns do not count, or so many are let through."""
Tallies = Sequence[tuple[Severity, Tally]]
"""The severity of each rule, and how its subjects were judged."""
UnreadSets = Mapping[UnreadableSet, int]
"""How many image sets could not be read, by what rules say of them."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate is asked to let through.

    `fail_on` is the least severity of which a fail counts; None is `never`. `most` says of some severities how many
    fails are let through, whatever `fail_on` says. With `new_only` a fail that the run compared with had too does not
    count. `min_coverage` is the share of the listed image sets that must be read.
    """

    fail_on: Severity | None = Severity.LOW
    on_unknown: OnUnknown = "incomplete"
    new_only: bool = False
    most: Mapping[Severity, int] = field(default_factory=dict)
    min_coverage: Fraction | None = None

    @property
    def threshold(self) -> str:
        """`fail_on` as the configuration writes it."""
        return self.fail_on.value if self.fail_on else "never"

    def reaches(self, severity: Severity) -> bool:
        """Whether one fail of a severity can make the gate fail: it is at or above `fail_on`, or has a maximum."""
        at_or_above = self.fail_on is not None and severity.rank >= self.fail_on.rank
        return at_or_above or severity in self.most

    def plain(self) -> dict[str, object]:
        """As the configuration writes it; what it leaves out is left out."""
        document: dict[str, object] = {"fail_on": self.threshold, "on_unknown": self.on_unknown}
        if self.new_only:
            document["new_only"] = True
        if self.most:
            document["max"] = {severity.value: number for severity, number in self.most.items()}
        if self.min_coverage is not None:
            document["min_coverage"] = show(self.min_coverage)
        return document


def gate(config: AuditConfig) -> Gate:
    """The gate of an audit.yaml, all of it: `fail_on`, `on_unknown`, `new_only`, `max` and `min_coverage`."""
    given = config.gate
    return Gate(given.fail_on, given.on_unknown, given.new_only is not False, given.max, given.min_coverage)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a gate made of a run: the severities whose fails count, and those whose unknowns could change the outcome.

    A maximum is exceeded, or not, by all fails of a severity together: so all of them count, or none.
    """

    gate: Gate
    outcome: Outcome
    failing: frozenset[Severity]
    doubtful: frozenset[Severity]
    uncovered: bool = False
    """Fewer image sets were read than `min_coverage` asks for, or it is not known of how many."""
    open_ended: bool = False
    """It is not known how many image sets there are."""
    unread: int = 0
    """How many image sets that could not be read count by themselves."""

    def counts(
        self, verdict: Verdict, severity: Severity, *, waived: bool = False, new: bool | None = None
    ) -> bool:
        """Whether a finding decides the exit code."""
        if waived:
            return False
        if verdict is Verdict.FAIL:
            return severity in self.failing and not (self.gate.new_only and new is False)
        return verdict is Verdict.UNKNOWN and severity in self.doubtful and self.gate.on_unknown != "ignore"

    def counted(self, severity: Severity, tally: Tally) -> tuple[int, int]:
        """How many fails and unknowns of a rule decide the exit code."""
        fails = tally.fail - (tally.persisting if self.gate.new_only else 0)
        unknown = tally.unknown - tally.unknown_waived
        return (
            fails if self.counts(Verdict.FAIL, severity) else 0,
            unknown if self.counts(Verdict.UNKNOWN, severity) else 0,
        )

    def counts_unread(self, image_set: UnreadableSet) -> bool:
        """Whether an image set that could not be read decides the exit code by itself."""
        return _alone(self.gate, self.doubtful, image_set)

    def exemption(self, finding: Finding) -> Exemption:
        """Why the gate does not count a finding that is not waived."""
        severity = finding.rule.severity
        if not self.gate.reaches(severity):
            return "below the gate"
        if finding.verdict is Verdict.FAIL and self.gate.new_only and finding.new is False:
            return "persisting"
        if finding.verdict is Verdict.UNKNOWN and self.gate.on_unknown == "ignore":
            return "ignored"
        return "within max"


@dataclass(frozen=True, slots=True)
class SeverityTotal:
    """What the rules of one severity came to: unwaived fails, unknowns and waived fails; how many of the fails and of the
    unknowns the gate counts; and how many subjects passed, or were none of a rule's."""

    severity: Severity
    fail: int
    unknown: int
    waived: int
    gated_fail: int
    gated_unknown: int
    passed: int = 0
    not_applicable: int = 0


@dataclass(frozen=True, slots=True)
class GateCount:
    """How many fails and unknowns the gate counts."""

    fail: int
    unknown: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.fail + self.unknown


def totals(ruling: Ruling, tallies: Tallies) -> tuple[SeverityTotal, ...]:
    """The findings of each severity that a rule has, the gravest first."""
    found = []
    for severity in reversed(Severity):
        own = [tally for item, tally in tallies if item is severity]
        if not own:
            continue
        counted = [ruling.counted(severity, tally) for tally in own]
        found.append(
            SeverityTotal(
                severity,
                fail=sum(tally.fail for tally in own),
                unknown=sum(tally.unknown for tally in own),
                waived=sum(tally.waived for tally in own),
                gated_fail=sum(fails for fails, _ in counted),
                gated_unknown=sum(unknown for _, unknown in counted),
                passed=sum(tally.passed for tally in own),
                not_applicable=sum(tally.not_applicable for tally in own),
            )
        )
    return tuple(found)


def something_evaluated(tallies: Iterable[Tally], coverage: Coverage) -> bool:
    """Whether an image set was read, or a verdict was reached without any, as rules on data stores may."""
    return coverage.evaluated > 0 or any(tally.subjects > tally.unknown for tally in tallies)


def judge(
    gate: Gate,
    tallies: Tallies,
    coverage: Coverage,
    unread: UnreadSets | None = None,
    *,
    interrupted: bool = False,
) -> Ruling:
    """The outcome of a run (design: exit codes).

    A run that was stopped before its end, or that read nothing of a target, is incomplete whatever `fail_on` says:
    there may be something that nobody looked at. So it is where an image set could not be read, which is an unknown whatever
    rules say of it: `on_unknown` says what becomes of that. Unknowns leave a maximum undecided where they could exceed it. No
    share of the image sets is known to be read where it is not known how many there are.

    Args:
        gate: what it is asked to let through.
        tallies: how each rule judged.
        coverage: what was read.
        unread: what rules say of the image sets that could not be; nothing unless given.
        interrupted: the run was stopped before its end.
    """
    if unread is None:
        unread = {UnreadableSet(): coverage.unreadable}
    fails, unknown = counted_fails(gate, tallies), _unknown(tallies)
    failing = frozenset(severity for severity in Severity if fails[severity] > _let_through(gate, severity))
    doubtful = frozenset(
        severity
        for severity in Severity
        if unknown[severity] and fails[severity] + unknown[severity] > _let_through(gate, severity)
    )
    open_ended = interrupted or coverage.unlisted_targets > 0
    least = gate.min_coverage
    uncovered = least is not None and (open_ended or coverage.evaluated < least * coverage.expected)
    nothing = not something_evaluated((tally for _, tally in tallies), coverage)
    missing = interrupted or coverage.unreadable_targets or nothing or uncovered
    alone = sum(number for item, number in unread.items() if _alone(gate, doubtful, item))
    outcome = Outcome.PASSED
    if failing or ((doubtful or alone) and gate.on_unknown == "violation"):
        outcome = Outcome.VIOLATION
    elif missing or ((doubtful or alone) and gate.on_unknown == "incomplete"):
        outcome = Outcome.INCOMPLETE
    return Ruling(gate, outcome, failing, doubtful, uncovered, open_ended, alone)


def _alone(gate: Gate, doubtful: frozenset[Severity], image_set: UnreadableSet) -> bool:
    """Whether an image set that could not be read is an unknown of its own: that of no rule stands for it, because the gate
    counts it, or because a waiver covers all of them."""
    waived = image_set.waived and not image_set.unknown
    return gate.on_unknown != "ignore" and not waived and not image_set.unknown & doubtful


def _let_through(gate: Gate, severity: Severity) -> float:
    """How many fails of a severity the gate lets through."""
    if severity in gate.most:
        return gate.most[severity]
    return 0 if gate.reaches(severity) else math.inf


def counted_fails(gate: Gate, tallies: Tallies) -> dict[Severity, int]:
    """The fails that may count, by severity."""
    found = dict.fromkeys(Severity, 0)
    for severity, tally in tallies:
        found[severity] += tally.fail - (tally.persisting if gate.new_only else 0)
    return found


def _unknown(tallies: Tallies) -> dict[Severity, int]:
    found = dict.fromkeys(Severity, 0)
    for severity, tally in tallies:
        found[severity] += tally.unknown - tally.unknown_waived
    return found
