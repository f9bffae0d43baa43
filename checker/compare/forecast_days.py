"""What time alone will change, by day and by severity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from checker.compare.state_changes import StateChangeCount
from checker.evaluation.finding_states import FindingState
from checker.model import Severity, Verdict, Waiver


@dataclass(frozen=True, slots=True)
class ForecastNumbers:
    """How many findings of which severity come, and how many go; how many verdicts change beside those. A finding comes
    where a subject gets a fail or an unknown that is not waived, or a fail in the place of an unknown; it goes where there is
    none any more."""

    come: Mapping[Severity, int] = field(default_factory=dict)
    go: Mapping[Severity, int] = field(default_factory=dict)
    other: int = 0

    @property
    def severities(self) -> list[Severity]:
        """Those of which findings come or go, the worst first."""
        return [item for item in reversed(Severity) if self.come.get(item) or self.go.get(item)]


@dataclass(frozen=True, slots=True)
class ForecastDay:
    """A day, UTC, on which verdicts change, or at whose beginning waivers are no longer in force."""

    day: date
    change: ForecastNumbers
    ended: tuple[Waiver, ...] = ()


def is_open(state: FindingState) -> bool:
    """Whether it is a finding that is not waived."""
    return state.verdict in (Verdict.FAIL, Verdict.UNKNOWN) and not state.waived


def forecast_numbers(counts: Iterable[tuple[Severity, StateChangeCount]]) -> ForecastNumbers:
    """Counts of changes added up."""
    come, go, other = Counter[Severity](), Counter[Severity](), 0
    for severity, count in counts:
        if is_open(count.after) and (not is_open(count.before) or count.after.verdict is Verdict.FAIL):
            come[severity] += count.number
        elif is_open(count.before) and not is_open(count.after):
            go[severity] += count.number
        else:
            other += count.number
    return ForecastNumbers(dict(come), dict(go), other)


def forecast_days(
    counts: Iterable[tuple[Severity, StateChangeCount]], ended: Sequence[Waiver]
) -> list[ForecastDay]:
    """The days of changes, which stand in order of time, and of the ends of waivers."""
    changes = {
        day: forecast_numbers(group) for day, group in groupby(counts, key=lambda pair: pair[1].at.date())
    }
    by_day: dict[date, list[Waiver]] = {}
    for waiver in ended:
        by_day.setdefault(waiver.ends.date(), []).append(waiver)
    return [
        ForecastDay(day, changes.get(day, ForecastNumbers()), tuple(by_day.get(day, ())))
        for day in sorted({*changes, *by_day})
    ]
