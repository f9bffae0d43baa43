"""What a new run takes from those before it: what they saw, what it is compared with, and how their numbers went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from checker.audit.keeping import trend_point
from checker.audit.run import Compared
from checker.evidence import past
from checker.evidence.events import Event
from checker.evidence.past import MOST_EARLIER, Kept
from checker.evidence.runfolder import HISTORY, RECORDS
from checker.evidence.runnames import run_in
from checker.evidence.storing import Store


@dataclass(frozen=True)
class Past:
    """Earlier runs of an audit: the last complete one, the one to compare with, and the numbers of a few, oldest first."""

    last: Kept | None = None
    baseline: Kept | None = None
    named: bool = False
    """Whether the configuration names the one to compare with; else it is the last one."""
    trend: tuple[Mapping[str, Any], ...] = ()

    @property
    def compared(self) -> Compared | None:
        """The run to compare with, as reports name it."""
        one = self.baseline
        return Compared(one.name, one.as_of, one.sha256, self.named) if one else None


def past_of(
    store: Store,
    audit: str,
    baseline: str | None = None,
    *,
    asked: Collection[str] = (),
    left_out: Collection[str] = (),
) -> Past:
    """Earlier runs of an audit.

    Args:
        store: where they are.
        audit: the audit's name.
        baseline: the run to compare with; unless given the last one that is not hypothetical, and that looked at all that
            this one does.
        asked: the targets and rules of this run, as `past.looked_at` takes them.
        left_out: what this run leaves out.

    Raises:
        InvalidInputError: a run that is needed was altered, or is not there.
    """
    past.check_links(store)
    last = past.last(store, audit)
    named = past.named(*run_in(store, baseline, audit)) if baseline else None
    # what would be at another time, or nobody looked at, is nothing that a gate has let stand
    fit = last is None or (not last.facts.get("hypothetical") and past.looked_at(last.facts, asked, left_out))
    real = last if fit else past.last(store, audit, real=True, asked=asked, left_out=left_out)
    points = islice(past.earlier(store, audit), MOST_EARLIER)
    trend = tuple(trend_point(one) for one in points)[::-1]
    return Past(last, named or real, named is not None, trend)


def remember(folder: Path, earlier: Past, events: Sequence[Event], started: datetime) -> None:
    """Puts what earlier runs and events saw, and the findings to compare with, beside evidence.

    Args:
        folder: the folder of the evidence: history.parquet and baseline.parquet are written there.
        earlier: the earlier runs.
        events: deletion events that came before the run.
        started: the start of the run.
    """
    from checker.evaluation.baseline import write_baseline

    last = earlier.last
    if last is not None or events:
        from checker.evidence.history import write_history

        write_history(
            folder,
            records=last.folder / RECORDS if last else None,
            before=last.folder / HISTORY if last and last.has(HISTORY) else None,
            events=events,
            started=started,
        )
    if earlier.baseline is not None:
        write_baseline(earlier.baseline.folder, folder)
