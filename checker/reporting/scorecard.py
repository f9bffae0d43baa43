"""The data stores of a run with what was found in each, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checker.judgement.gate_text import number_by_severity
from checker.judgement.run import Run
from checker.model import FindingCounts, Severity
from checker.reporting.page_address import findings_address
from checker.snapshot.datastore_coverage import DatastoreCoverage

Counts = Mapping[Severity, FindingCounts]
NONE = FindingCounts(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class StoreScore:
    """A data store of a target with its findings by severity."""

    store: DatastoreCoverage
    counts: Counts

    @property
    def state(self) -> str:
        """The worst that is said of it: fail, unknown, waived, or pass where nothing is."""
        total = summed(self.counts)
        unknown = total.unknown or self.store.unreadable
        states = {"fail": total.fail, "unknown": unknown, "waived": total.waived}
        return next((name for name, number in states.items() if number), "pass")

    @property
    def address(self) -> str:
        """Its findings on the page."""
        return findings_address(target=self.store.target)


def scorecard(run: Run) -> list[StoreScore]:
    """The data stores that were reached for: those that have findings, the worst first, then those of which most image sets
    were not read, then the others by name."""
    counts = {(name or "", store): found for (name, store), found in run.datastore_totals()}
    places = {key: place for place, key in enumerate(counts)}

    def place(score: StoreScore) -> tuple[int, int, str, str]:
        store = score.store
        at = places.get((store.target, store.datastore), len(places))
        return at, -store.unreadable, store.target, store.datastore or ""

    scores = [
        StoreScore(store, counts.get((store.target, store.datastore), {})) for store in run.provenance.reached
    ]
    return sorted(scores, key=place)


def summed(counts: Counts) -> FindingCounts:
    """The counts of all severities added up."""
    return FindingCounts(*map(sum, zip(NONE, *counts.values(), strict=True)))


def added(counts: Iterable[Counts]) -> Counts:
    """The counts of several, added up for each severity."""
    found: dict[Severity, list[FindingCounts]] = {}
    for own in counts:
        for severity, numbers in own.items():
            found.setdefault(severity, []).append(numbers)
    return {
        severity: FindingCounts(*map(sum, zip(*numbers, strict=True))) for severity, numbers in found.items()
    }


def severity_place(counts: Counts) -> tuple[int, ...]:
    """Where something stands among others by its findings, as `evaluation.finding_totals` orders them: the worst first."""
    worst_first = [counts.get(severity, NONE) for severity in reversed(Severity)]
    return tuple(
        -number
        for own in worst_first
        for number in (own.gated_fail, own.gated_unknown, own.fail, own.unknown)
    )


def by_severity(counts: Counts, kind: str) -> str:
    """How many of a kind there are of each severity: `critical 2, high 1`."""
    numbers = {
        severity: getattr(counts[severity], kind) for severity in reversed(Severity) if severity in counts
    }
    return ", ".join(f"{severity} {number:,}" for severity, number in numbers.items() if number)


def counts_text(counts: Counts) -> str:
    """Fails, unknowns and waived fails in words: `3 fails (critical 2, high 1), 1 unknown (high)`."""
    kinds = (("fail", "fail", "s"), ("unknown", "unknown", "s"), ("waived", "waived fail", "s"))
    texts = (
        number_by_severity({severity: getattr(own, kind) for severity, own in counts.items()}, what, plural)
        for kind, what, plural in kinds
        if any(getattr(own, kind) for own in counts.values())
    )
    return ", ".join(texts)
