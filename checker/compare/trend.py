"""How the numbers of an audit went from run to run, from the manifests alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from checker.model import Category, ChangeNumbers, Coverage, Outcome, Severity, Tally
from checker.values import BadValueError, parse_time

_TALLY = ("subjects", "passed", "fail", "waived", "unknown", "not_applicable", "unknown_waived", "persisting")
_COVERAGE = ("expected", "not_found", "unreadable", "unreadable_targets", "unlisted_targets")
LATE = 1.75
"""How many times as long as usual the time between two runs must be to say that runs are missing."""
SHORTEST, LEEWAY, REGULAR = timedelta(hours=1), 0.25, 2 / 3
"""Runs come regularly where the time between them is usually that long, and so many of these times are nearly the same."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as its manifest sums it up; `tallies` are those of its rules by name, `severities` those of each severity,
    the worst first."""

    run: str
    as_of: datetime
    outcome: Outcome
    hypothetical: bool
    coverage: Coverage
    tallies: Mapping[str, Tally]
    change: Mapping[Category, int] | None = None
    """How many findings became what since the run that it was compared with; None where there was none."""
    oldest: datetime | None = None
    """Since when its oldest unwaived fail was open."""
    severities: Mapping[Severity, Tally] = field(default_factory=dict)
    numbers: ChangeNumbers | None = None
    """`change` by severity; None where there was no such run, or the manifest is of a version that did not say so."""
    compared: str = ""
    """The run that it was compared with, where that is known."""

    @property
    def total(self) -> Tally:
        """The rules' tallies added up."""
        return sum(self.tallies.values(), Tally())

    @property
    def partial(self) -> bool:
        """Whether something was not read, so that there may be more fails than it found."""
        coverage = self.coverage
        return bool(coverage.unreadable or coverage.unreadable_targets or coverage.unlisted_targets)


@dataclass(frozen=True, slots=True)
class RunGap:
    """A time without runs that is longer than usual: the runs before and after it, and how many there would usually have
    been."""

    after: RunSummary
    before: RunSummary
    usual: timedelta
    number: int

    @property
    def length(self) -> timedelta:
        """From the one run to the other."""
        return self.before.as_of - self.after.as_of


@dataclass(frozen=True, slots=True)
class Trend:
    """Runs of an audit, oldest first."""

    name: str
    runs: tuple[RunSummary, ...]

    @property
    def gaps(self) -> tuple[RunGap, ...]:
        """The times without runs that are longer than usual."""
        return run_gaps(self.runs)


def run_gaps(runs: Sequence[RunSummary]) -> tuple[RunGap, ...]:
    """Where runs, oldest first, are further apart than usual. Nothing is usual where they do not come regularly, as those of an
    audit do that is made at each commit."""
    steps = [later.as_of - earlier.as_of for earlier, later in pairwise(runs)]
    if not steps:
        return ()
    usual = sorted(steps)[(len(steps) - 1) // 2]
    alike = sum(abs(step - usual) <= LEEWAY * usual for step in steps)
    if usual < SHORTEST or alike < max(2, REGULAR * len(steps)):
        return ()
    return tuple(
        RunGap(earlier, later, usual, round(step / usual) - 1)
        for step, (earlier, later) in zip(steps, pairwise(runs), strict=True)
        if step / usual >= LATE
    )


def run_summary(facts: Mapping[str, Any]) -> RunSummary | None:
    """A run by what its manifest says, or what another run kept of that; None where it has no numbers that can be read.

    Args:
        facts: the manifest, or what `seal.trend_point` keeps of one.
    """
    try:
        summary, baseline = facts["summary"], facts.get("baseline")
        rules = [(str(rule["rule"]), Severity(rule["severity"]), _tally(rule)) for rule in summary["rules"]]
        return RunSummary(
            str(facts["run"]),
            parse_time(facts["as_of"]),
            Outcome(facts["outcome"]),
            bool(facts.get("hypothetical")),
            Coverage(**_numbers(summary["coverage"], _COVERAGE)),
            {name: tally for name, _, tally in rules},
            _change(summary.get("change")),
            parse_time(summary["oldest"]) if summary.get("oldest") else None,
            tallies_by_severity((severity, tally) for _, severity, tally in rules),
            _change_numbers(facts.get("change_by_severity")),
            str(baseline["run"]) if baseline else "",
        )
    except (KeyError, TypeError, AttributeError, ValueError, BadValueError):
        return None


def tallies_by_severity(tallies: Iterable[tuple[Severity, Tally]]) -> dict[Severity, Tally]:
    """The tallies of rules added up by severity, the worst first."""
    found: dict[Severity, Tally] = {}
    for severity, tally in tallies:
        found[severity] = found.get(severity, Tally()) + tally
    return {severity: found[severity] for severity in reversed(Severity) if severity in found}


def run_summaries(many: Iterable[Mapping[str, Any]]) -> tuple[RunSummary, ...]:
    """Those runs that can be read, by instant; of one run that is named twice the first."""
    found: dict[str, RunSummary] = {}
    for facts in many:
        run = run_summary(facts)
        if run is not None:
            found.setdefault(run.run, run)
    return tuple(sorted(found.values(), key=lambda item: (item.as_of, item.run)))


def _change(plain: Mapping[str, int] | None) -> dict[Category, int] | None:
    return None if plain is None else {Category(word): int(number) for word, number in plain.items()}


def _change_numbers(plain: Mapping[str, Mapping[str, int]] | None) -> ChangeNumbers | None:
    if plain is None:
        return None
    return ChangeNumbers({Severity(name): _change(counts) or {} for name, counts in plain.items()})


def _tally(plain: Mapping[str, Any]) -> Tally:
    return Tally(**_numbers(plain, _TALLY))


def _numbers(plain: Mapping[str, Any], names: Iterable[str]) -> dict[str, int]:
    return {name: int(plain[name]) for name in names if name in plain}
