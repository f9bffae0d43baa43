"""What a new run takes from those before it: what they saw, what it is compared with, and how their numbers went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from checker.audit.baseline import Baseline, find_baseline
from checker.audit.gate import Gate
from checker.audit.keeping import trend_point
from checker.audit.run import Compared, Predecessors
from checker.evidence import past
from checker.evidence.events import Event
from checker.evidence.past import MOST_EARLIER, Kept
from checker.evidence.runfolder import BASELINE, HISTORY, MANIFEST, NAMED, PRIOR, RECORDS
from checker.evidence.runnames import run_in
from checker.evidence.storing import Store
from checker.model import NO_RENAMES, Acceptance, Renames, Rule, RuleScope
from checker.problems import InvalidInputError, Problem

if TYPE_CHECKING:
    from checker.evaluation.open_findings import JudgedRun


@dataclass(frozen=True)
class Past:
    """Earlier runs of an audit.

    `last` is the last complete one, `prior` the last one that was not hypothetical, `baseline` what the gate let stand,
    `named` the run that the configuration names to compare with. With `new_only` a run is compared with its baseline, else
    with the run before it. `trend` has the numbers of a few runs, oldest first.
    """

    last: Kept | None = None
    prior: Kept | None = None
    baseline: Baseline = field(default_factory=Baseline)
    named: Kept | None = None
    new_only: bool = False
    trend: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[Problem, ...] = ()
    """What is odd about the store: runs that are not there any more, folders that no run is called as."""
    notes: tuple[str, ...] = ()
    """The same as reports say it."""

    @property
    def compared(self) -> Compared | None:
        """The run to compare with, as reports name it."""
        if self.named is not None:
            return compared_with(self.named, "named")
        return self.candidates["baseline" if self.new_only else "last"]

    @property
    def candidates(self) -> dict[str, Compared | None]:
        """The runs that this one may be compared with when it is judged again: the last one and the baseline."""
        run, accepted = self.baseline.run, self.baseline.acceptance
        kind = "accepted" if accepted else "passed"
        return {
            "last": compared_with(self.prior, "last") if self.prior else None,
            "baseline": compared_with(run, kind, accepted) if run else None,
        }

    @property
    def told(self) -> Predecessors:
        """What a new run tells of them."""
        missing = self.new_only and self.compared is None
        notes = (self.baseline.missing(),) if missing else ()
        return Predecessors(self.compared, self.candidates, self.trend, notes)


def compared_with(kept: Kept, kind: str, acceptance: Acceptance | None = None) -> Compared:
    """A run as the one to compare with."""
    return Compared(kept.name, kept.as_of, kept.sha256, kind, acceptance)  # type: ignore[arg-type]


def past_of(store: Store, audit: str, gate: Gate, named: str | None = None, *, strict: bool = False) -> Past:
    """Earlier runs of an audit.

    Args:
        store: where they are.
        audit: the audit's name.
        gate: the gate of the new run: a baseline passed one that is no laxer.
        named: the run to compare with, where the user names one.
        strict: whether a run that was removed since is an error.

    Raises:
        InvalidInputError: a run that is needed was altered, or is not there.
    """
    warnings, notes = _removed(store, strict=strict)
    last = past.last(store, audit)
    # what would be at another time is nothing that anybody found
    prior = past.last(store, audit, real=True) if last and last.facts.get("hypothetical") else last
    points = islice(past.earlier(store, audit), MOST_EARLIER)
    return Past(
        last,
        prior,
        find_baseline(store, audit, gate, known=prior),
        past.named(*run_in(store, named, audit)) if named else None,
        gate.new_only,
        tuple(trend_point(one) for one in points)[::-1],
        (*warnings, *store.strangers()),
        notes,
    )


def _removed(store: Store, *, strict: bool) -> tuple[list[Problem], tuple[str, ...]]:
    """The runs that another one names and that are not there any more, as warnings and as notes.

    Raises:
        InvalidInputError: the store was altered; with `strict`, there is such a run.
    """
    gone = past.check_links(store)
    found = [
        Problem(
            f"{store.shown}/{name}",
            f"the run before it, {one}, is not there any more",
            past.REMOVED,
            warning=not strict,
        )
        for name, one in gone
    ]
    if strict and found:
        raise InvalidInputError(found)
    return found, tuple(
        f"Run {one} is not there any more: {name} names it as the one before it." for name, one in gone
    )


def remember(
    folder: Path,
    earlier: Past,
    events: Sequence[Event],
    started: datetime,
    *,
    rules: Sequence[Rule] = (),
    renames: Renames = NO_RENAMES,
) -> Predecessors:
    """Puts what earlier runs and events saw, and the findings to compare with, beside evidence.

    Args:
        folder: the folder of the evidence: the files are written there.
        earlier: the earlier runs.
        events: deletion events that came before the run.
        started: the start of the run.
        rules: the rules of the run.
        renames: what is called otherwise now.

    Returns:
        What the run tells of them.
    """
    from checker.evaluation.open_findings import write_open_findings
    from checker.evaluation.renaming import renaming_notes

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
    # a baseline is what runs that passed have judged: what a failed one between them found is not let stand
    files = (
        (PRIOR, PRIOR, earlier.prior),
        (BASELINE, BASELINE, earlier.baseline.run),
        (NAMED, PRIOR, earlier.named),
    )
    for name, before, kept in files:
        if kept is not None:
            write_open_findings(judged_run(kept, before), folder / name, renames)
    if earlier.prior is None:
        return earlier.told
    notes = renaming_notes(folder / PRIOR, rules, folder / RECORDS)
    return replace(earlier.told, notes=(*earlier.told.notes, *notes))


def judged_run(kept: Kept, before: str) -> JudgedRun:
    """A kept run as one whose findings are open after it; `before` is the name of the file of those open before it.

    Raises:
        InvalidInputError: the manifest does not say by which rules it judged.
    """
    from checker.evaluation.open_findings import JudgedRule, JudgedRun

    try:
        judged = [
            JudgedRule(str(one["rule"]), _scope(one["scope"]), str(one["definition"]), str(one["severity"]))
            for one in kept.facts["summary"]["rules"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        where = (kept.folder / MANIFEST).as_posix()
        message = f"the manifest is damaged: {type(error).__name__}: {error}"
        raise InvalidInputError(Problem(where, message)) from None
    return JudgedRun(
        kept.folder, kept.name, kept.as_of, judged, kept.folder / before if kept.has(before) else None
    )


def _scope(text: object) -> RuleScope:
    if text not in get_args(RuleScope):
        raise ValueError(f"there is no scope {text}")
    return text  # type: ignore[return-value]
