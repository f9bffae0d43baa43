"""The data stores of a run with what was found in each, the worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from checker.judgement.gate_text import number_by_severity
from checker.judgement.run import Run
from checker.model import FindingCounts, Severity
from checker.reporting.page_address import findings_address
from checker.snapshot.datastore_coverage import DatastoreCoverage

Counts = Mapping[Severity, FindingCounts]


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
    return (
        FindingCounts(*map(sum, zip(*counts.values(), strict=True)))
        if counts
        else FindingCounts(0, 0, 0, 0, 0)
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
