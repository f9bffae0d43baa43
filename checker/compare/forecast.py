"""What becomes of a run if nothing but time passes: which findings come and go, and when the gate's outcome gets worse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path

from checker.compare.forecast_days import (
    ForecastDay,
    ForecastNumbers,
    forecast_days,
    forecast_numbers,
    is_open,
)
from checker.compare.state_changes import StateChange, StateChangeCount, StateChanges, find_state_changes
from checker.evaluation.finding_states import EvaluationTerms, FindingState
from checker.judgement.gate import judge
from checker.judgement.run import Run
from checker.model import Outcome, Severity, Tally, Verdict, Waiver
from checker.temporary_files import Scratch, result_folder
from checker.waivers.status import WaiverUse

MOST_REASONS = 20
"""Findings that are named as what makes the gate's outcome worse."""
_WORSE = (Outcome.PASSED, Outcome.INCOMPLETE, Outcome.VIOLATION)

Judging = Callable[[Sequence[tuple[Severity, Tally]]], Outcome]
"""What a gate makes of the rules' tallies."""


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """The first instant at which the gate's outcome is a worse one, and the findings that come then: `number` of them,
    of which `because` are the first. `ended` are the waivers that end at that instant."""

    at: datetime
    outcome: Outcome
    number: int
    because: tuple[StateChange, ...]
    ended: tuple[Waiver, ...]


@dataclass(frozen=True)
class Forecast(Scratch):
    """The changes after a run's instant up to `until`. `turn` is None where the outcome does not get worse before that;
    `sure_until` is how far that is known, which is less where a rule could not be looked at to the end."""

    run: Run
    until: datetime
    flips: StateChanges
    turn: OutcomeChange | None
    sure_until: datetime
    folder: Path

    @property
    def number(self) -> int:
        """How many verdicts change."""
        return sum(number for *_, number, _ in self.flips.kinds())

    @property
    def total(self) -> ForecastNumbers:
        """How many findings of which severity come and go."""
        return forecast_numbers(self._counts())

    @property
    def days(self) -> list[ForecastDay]:
        """The days on which verdicts change or waivers end, in order."""
        return forecast_days(self._counts(), [use.waiver for use in self.ending])

    @property
    def ending(self) -> list[WaiverUse]:
        """The waivers that end in that time, in order."""
        uses = [use for use in self.run.waivers if self.run.as_of < use.waiver.ends <= self.until]
        return sorted(uses, key=lambda use: (use.waiver.ends, use.waiver.number))

    def _counts(self) -> Iterator[tuple[Severity, StateChangeCount]]:
        for count in self.flips.steps():
            yield self.flips.rules[count.rule].severity, count


def forecast_run(run: Run, until: datetime, judging: Judging | None = None) -> Forecast:
    """Lets time pass over a run.

    Args:
        run: a run whose folder has its snapshot.
        until: the last instant that is looked at.
        judging: the gate; that of the run unless given.
    """
    waivers = tuple(use.waiver for use in run.waivers)
    rules, before = [rule_result.rule for rule_result in run.judged], run.reference
    way = EvaluationTerms(run.folder, rules, run.as_of, waivers, run.labels, before.file if before else None)
    with result_folder() as folder:
        flips = find_state_changes(way, until, folder)
        turn = _turn(run, flips, judging or _gate(run))
        sure = min((until, *flips.looked.values()))
        return Forecast(run, until, flips, turn, sure, folder)


def _gate(run: Run) -> Judging:
    def judging(tallies: Sequence[tuple[Severity, Tally]]) -> Outcome:
        return judge(
            run.gate, tallies, run.coverage, run.unread_counts, interrupted=run.provenance.interrupted
        ).outcome

    return judging


def _turn(run: Run, flips: StateChanges, judging: Judging) -> OutcomeChange | None:
    tallies = [rule_result.tally for rule_result in run.judged]
    severities = [rule_result.rule.severity for rule_result in run.judged]
    now = _WORSE.index(judging(list(zip(severities, tallies, strict=True))))
    for at, steps in groupby(flips.steps(), key=lambda step: step.at):
        for step in steps:
            tallies[step.rule] = _moved(tallies[step.rule], step)
        outcome = judging(list(zip(severities, tallies, strict=True)))
        if _WORSE.index(outcome) > now:
            come = (flip for flip in flips.flips(at, at) if is_open(flip.after))
            because = tuple(islice(come, MOST_REASONS))
            number = len(because) + sum(1 for _ in come)
            ended = tuple(use.waiver for use in run.waivers if use.waiver.ends == at)
            return OutcomeChange(at, outcome, number, because, ended)
    return None


def _moved(tally: Tally, step: StateChangeCount) -> Tally:
    """A tally after some subjects changed their state."""
    before = _counted(step.before, persisting=step.persisting)
    after = _counted(step.after, persisting=step.persisting)
    names = dict.fromkeys((*before, *after))
    return replace(
        tally,
        **{name: getattr(tally, name) + step.number * ((name in after) - (name in before)) for name in names},
    )


def _counted(state: FindingState, *, persisting: bool) -> tuple[str, ...]:
    """The numbers of a tally that a subject in a state is counted in."""
    if state.verdict is Verdict.FAIL:
        if state.waived:
            return ("waived",)
        return ("fail", "persisting") if persisting else ("fail",)
    if state.verdict is Verdict.UNKNOWN:
        return ("unknown", "unknown_waived") if state.waived else ("unknown",)
    return ("passed",) if state.verdict is Verdict.PASS else ("not_applicable",)
