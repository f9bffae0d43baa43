"""How the numbers of an audit went from run to run, from the manifests alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checker.model import Coverage, Outcome, Tally
from checker.values import BadValueError, parse_time

_TALLY = ("subjects", "passed", "fail", "waived", "unknown", "not_applicable", "unknown_waived", "persisting")
_COVERAGE = ("expected", "not_found", "unreadable", "unreadable_targets", "unlisted_targets")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as its manifest sums it up; `tallies` are those of its rules by name."""

    run: str
    as_of: datetime
    outcome: Outcome
    hypothetical: bool
    coverage: Coverage
    tallies: Mapping[str, Tally]
    change: Mapping[str, int] | None = None
    """How many findings became what since the run that it was compared with; None where there was none."""
    oldest: datetime | None = None
    """Since when its oldest unwaived fail was open."""

    @property
    def total(self) -> Tally:
        """The rules' tallies added up."""
        return sum(self.tallies.values(), Tally())


@dataclass(frozen=True, slots=True)
class Trend:
    """Runs of an audit, oldest first."""

    name: str
    runs: tuple[RunSummary, ...]


def run_summary(facts: Mapping[str, Any]) -> RunSummary | None:
    """A run by what its manifest says, or what another run kept of that; None where it has no numbers that can be read.

    Args:
        facts: the manifest, or what `keeping.trend_point` keeps of one.
    """
    try:
        summary = facts["summary"]
        return RunSummary(
            str(facts["run"]),
            parse_time(facts["as_of"]),
            Outcome(facts["outcome"]),
            bool(facts.get("hypothetical")),
            Coverage(**_numbers(summary["coverage"], _COVERAGE)),
            {str(rule["rule"]): Tally(**_numbers(rule, _TALLY)) for rule in summary["rules"]},
            None if summary.get("change") is None else {str(k): int(n) for k, n in summary["change"].items()},
            parse_time(summary["oldest"]) if summary.get("oldest") else None,
        )
    except (KeyError, TypeError, AttributeError, ValueError, BadValueError):
        return None


def run_summaries(many: Iterable[Mapping[str, Any]]) -> tuple[RunSummary, ...]:
    """Those runs that can be read, by instant; of one run that is named twice the first."""
    found: dict[str, RunSummary] = {}
    for facts in many:
        run = run_summary(facts)
        if run is not None:
            found.setdefault(run.run, run)
    return tuple(sorted(found.values(), key=lambda item: (item.as_of, item.run)))


def _numbers(plain: Mapping[str, Any], names: Iterable[str]) -> dict[str, int]:
    return {name: int(plain[name]) for name in names if name in plain}
