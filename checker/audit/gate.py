"""The gate: which findings count, the outcome, and the sentence that says so. It judges a run, never compliance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from checker.model import Coverage, Outcome, Severity, Tally, Verdict

FAIL_ON = (*(severity.value for severity in Severity), "never")
"""What `fail_on` may be."""

OnUnknown = Literal["incomplete", "violation", "ignore"]


@dataclass(frozen=True, slots=True)
class Gate:
    """`fail_on` is the least severity that counts; None is `never`."""

    fail_on: Severity | None = Severity.LOW
    on_unknown: OnUnknown = "incomplete"

    @property
    def threshold(self) -> str:
        """`fail_on` as the configuration writes it."""
        return self.fail_on.value if self.fail_on else "never"

    def reaches(self, severity: Severity) -> bool:
        """Whether a severity is at or above `fail_on`."""
        return self.fail_on is not None and severity.rank >= self.fail_on.rank

    def counts(self, verdict: Verdict, severity: Severity, *, waived: bool = False) -> bool:
        """Whether a finding decides the exit code."""
        if waived or not self.reaches(severity):
            return False
        return verdict is Verdict.FAIL or (verdict is Verdict.UNKNOWN and self.on_unknown != "ignore")


def something_evaluated(tallies: Iterable[Tally], coverage: Coverage) -> bool:
    """Whether an image set was read, or a verdict was reached without any, as rules on data stores may."""
    return coverage.evaluated > 0 or any(tally.subjects > tally.unknown for tally in tallies)


def judge(
    gate: Gate, tallies: Iterable[tuple[Severity, Tally]], coverage: Coverage, *, interrupted: bool = False
) -> Outcome:
    """The outcome of a run (design: exit codes).

    A run that was stopped before its end, or that read nothing of a target, is incomplete whatever `fail_on` says:
    there may be something that nobody looked at.
    """
    pairs = list(tallies)
    counted = [tally for severity, tally in pairs if gate.reaches(severity)]
    unknown = sum(tally.unknown for tally in counted)
    if any(tally.fail for tally in counted) or (unknown and gate.on_unknown == "violation"):
        return Outcome.VIOLATION
    nothing = not something_evaluated((tally for _, tally in pairs), coverage)
    unread = interrupted or coverage.unreadable_targets or nothing
    if unread or (unknown and gate.on_unknown == "incomplete"):
        return Outcome.INCOMPLETE
    return Outcome.PASSED


def sentence(
    gate: Gate, outcome: Outcome, tallies: Iterable[tuple[Severity, Tally]], coverage: Coverage
) -> str:
    """What the gate says, in one line for people."""
    pairs = list(tallies)
    above = sum(tally.fail for severity, tally in pairs if gate.reaches(severity))
    below = sum(tally.fail for severity, tally in pairs if not gate.reaches(severity))
    waived = sum(tally.waived for _, tally in pairs)
    unknown = sum(tally.unknown for _, tally in pairs)
    level = f"at {gate.threshold} or above" if gate.fail_on else "counted (fail_on: never)"
    head = {
        Outcome.PASSED: f"Gate passed: no unwaived fail {level}.",
        Outcome.VIOLATION: f"Gate failed: {_fails(above)} {level}.",
        Outcome.INCOMPLETE: f"Gate undecided: no unwaived fail {level}, but not everything could be found out.",
    }.get(outcome, f"Gate: {outcome}.")
    if outcome is Outcome.VIOLATION and not above:
        head = "Gate failed: unknown verdicts count as violations (on_unknown: violation)."
    something = something_evaluated((tally for _, tally in pairs), coverage)
    if outcome is Outcome.INCOMPLETE and not something:
        head = "Gate undecided: nothing was evaluated."
    if pairs and all(tally.subjects == tally.not_applicable for _, tally in pairs) and something:
        head += " No rule applied to any image set." if coverage.expected else " No rule applied to anything."
    listed = f"{coverage.evaluated} of {coverage.expected} listed image sets read"
    if something and not coverage.expected:
        listed = "no image set was needed"
    return f"{head} {_fails(below)} below the gate, {waived} waived, {unknown} unknown; {listed}."


def _fails(number: int) -> str:
    return f"{number} fail" if number == 1 else f"{number} fails"
