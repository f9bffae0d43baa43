"""What a new run takes from those before it: what they saw, what it is compared with, and how their numbers went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from checker.judgement.baseline import Baseline, find_baseline
from checker.judgement.baseline_statements import all_statements, lost_statements, unsigned_statements
from checker.judgement.gate import Gate
from checker.judgement.run import BaselineStatement, PreviousRuns, ReferenceRun
from checker.judgement.seal import trend_point
from checker.layout import BASELINE, HISTORY, MANIFEST, NAMED, PRIOR, RECORDS
from checker.model import NO_RENAMES, Acceptance, Renames, Rule, RuleScope
from checker.problems import InvalidInputError, Problem
from checker.runs import prune_statements, run_reader
from checker.runs.authenticity import Keys, authenticity_note, check_links, unsigned_prunings
from checker.runs.run_names import find_run
from checker.runs.run_reader import MOST_EARLIER, RecordedRun
from checker.runs.store import Store
from checker.snapshot.deletion_events import Event

if TYPE_CHECKING:
    from checker.evaluation.open_findings import RunFindings


@dataclass(frozen=True)
class EarlierRuns:
    """Earlier runs of an audit.

    `last` is the last complete one, `prior` the last one that was not hypothetical, `baseline` what the gate let stand,
    `named` the run that the configuration names to compare with. With `new_only` a run is compared with its baseline, else
    with the run before it. `trend` has the numbers of a few runs, oldest first.
    """

    last: RecordedRun | None = None
    prior: RecordedRun | None = None
    baseline: Baseline = field(default_factory=Baseline)
    named: RecordedRun | None = None
    new_only: bool = False
    trend: tuple[Mapping[str, Any], ...] = ()
    between: tuple[RecordedRun, ...] = ()
    """The runs after the baseline, oldest first, which may have found fixed what it let stand."""
    statements: tuple[Acceptance, ...] = ()
    """What was said of runs as baselines."""
    stands: bool = True
    """Of evidence that is judged again: whether the baseline that its run had is one still."""
    warnings: tuple[Problem, ...] = ()
    """What is odd about the store: runs that are not there any more, folders that no run is called as."""
    notes: tuple[str, ...] = ()
    """The same as reports say it, and whether anybody has authenticated what the runs say."""
    keys: Keys | None = None
    """Those whose signatures were asked for."""
    authentic: bool = True
    """Whether one of them has signed all of it; so it is where there is nothing."""

    @property
    def compared(self) -> ReferenceRun | None:
        """The run to compare with, as reports name it."""
        if self.named is not None:
            return reference_run(self.named, "named")
        return self.candidates["baseline" if self.new_only else "last"]

    @property
    def candidates(self) -> dict[str, ReferenceRun | None]:
        """The runs that this one may be compared with when it is judged again: the last one and the baseline."""
        run, accepted = self.baseline.run, self.baseline.acceptance
        kind = "accepted" if accepted else "passed"
        return {
            "last": reference_run(self.prior, "last") if self.prior else None,
            "baseline": reference_run(run, kind, accepted) if run else None,
        }

    def told(self, *notes: str) -> PreviousRuns:
        """What a new run tells of them, with more notes."""
        missing = self.new_only and self.compared is None
        return PreviousRuns(
            self.compared,
            self.candidates,
            self.trend,
            tuple(
                BaselineStatement(statement.run, statement.number, statement.sha256)
                for statement in self.statements
            ),
            self.authentic,
            self.notes,
            (*((self.baseline.missing(),) if missing else ()), *notes),
        )


def reference_run(kept: RecordedRun, kind: str, acceptance: Acceptance | None = None) -> ReferenceRun:
    """A run as the one to compare with."""
    return ReferenceRun(kept.name, kept.as_of, kept.sha256, kind, acceptance)  # type: ignore[arg-type]


def earlier_runs(
    store: Store,
    audit: str,
    gate: Gate,
    named: str | None = None,
    *,
    strict: bool = False,
    keys: Keys | None = None,
) -> EarlierRuns:
    """Earlier runs of an audit.

    Args:
        store: where they are.
        audit: the audit's name.
        gate: the gate of the new run: a baseline passed one that is no laxer.
        named: the run to compare with, where one is named; else it is the baseline with `new_only`, and the last run without.
        strict: whether a run that was removed since is an error.
        keys: those of which one must have signed every run of the store, and what was said of them, see `keys_of`; without
            them the new run says that nobody has authenticated what it takes from earlier ones.

    Raises:
        InvalidInputError: a run that is needed was altered, or is not there; one is said to have been pruned that was not;
            with keys, one is not signed with any of them.
    """
    warnings, notes = verify_store_links(store, strict=strict, keys=keys)
    last = run_reader.last_run(store, audit, keys=keys)
    # what would be at another time is nothing that anybody found
    hypothetical = last is not None and last.facts.get("hypothetical")
    prior = run_reader.last_run(store, audit, real=True, keys=keys) if hypothetical else last
    points = tuple(islice(run_reader.manifests_before(store, audit), MOST_EARLIER))
    lost = lost_statements(store, prior.facts, f"{store.shown}/{prior.name}") if prior else ()
    if lost:
        raise InvalidInputError(lost)
    baseline = find_baseline(store, audit, gate, known=prior, keys=keys)
    other = run_reader.comparison_run(*find_run(store, named, audit), keys) if named else None
    statements = all_statements(store)
    authentic = keys is not None or not (points or other or statements)
    return EarlierRuns(
        last=last,
        prior=prior,
        baseline=baseline,
        named=other,
        new_only=gate.new_only,
        trend=tuple(trend_point(point) for point in points)[::-1],
        between=_between(store, audit, baseline, prior, keys),
        statements=statements,
        warnings=(*warnings, *store.strangers()),
        notes=notes if authentic else (*notes, authenticity_note("Earlier runs")),
        keys=keys,
        authentic=authentic,
    )


def verify_store_links(
    store: Store, *, strict: bool = False, keys: Keys | None = None
) -> tuple[list[Problem], tuple[str, ...]]:
    """Looks at every run of a store before anything of it is used, or anything comes to it: the runs that another one names
    and that are not there any more, as warnings and as notes.

    Args:
        store: the runs.
        strict: whether a run that was removed since is an error.
        keys: those of which one must have signed every run of the store, and what was said of them.

    Raises:
        InvalidInputError: a run was altered, or is not signed with any of the keys.
    """
    prune_statements.refuse_false_prunings(store)
    found = _removed(store, strict=strict, keys=keys)
    if keys is not None and (
        problems := [*unsigned_statements(store, keys), *unsigned_prunings(store, keys)]
    ):
        raise InvalidInputError(problems)
    return found


def _between(
    store: Store, audit: str, baseline: Baseline, prior: RecordedRun | None, keys: Keys | None
) -> tuple[RecordedRun, ...]:
    """The runs after a baseline, oldest first; the last one alone where it kept what the baseline lets stand."""
    run = baseline.run
    if run is None or prior is None or run.name == prior.name:
        return ()
    if _kept_baseline(prior, baseline):
        return (prior,)
    newest = takewhile(
        lambda item: item["run"] != run.name, run_reader.newest_manifests(store, audit, real=True)
    )
    later = [str(facts["run"]) for facts in newest][::-1]
    return tuple(prior if name == prior.name else run_reader.open_run(store, name, keys) for name in later)


def _kept_baseline(prior: RecordedRun, baseline: Baseline) -> bool:
    """Whether a run has beside it what its baseline lets stand, and the baseline is this one."""
    candidates = prior.facts.get("candidates")
    named = candidates.get("baseline") if isinstance(candidates, dict) else None
    if not isinstance(named, dict) or baseline.run is None or not prior.has(BASELINE):
        return False
    accepted = named.get("kind") == "accepted"
    return named.get("run") == baseline.run.name and accepted == (baseline.acceptance is not None)


def _removed(store: Store, *, strict: bool, keys: Keys | None) -> tuple[list[Problem], tuple[str, ...]]:
    """The runs that another one names and that are not there any more, as warnings and as notes.

    Raises:
        InvalidInputError: the store was altered; with `strict`, there is such a run.
    """
    gone = check_links(store, keys)
    found = [
        Problem(
            f"{store.shown}/{name}",
            f"the run before it, {item}, is not there any more",
            run_reader.REMOVED,
            warning=not strict,
        )
        for name, item in gone
    ]
    if strict and found:
        raise InvalidInputError(found)
    return found, tuple(
        f"Run {item} is not there any more: {name} names it as the one before it." for name, item in gone
    )


def write_history(
    folder: Path,
    earlier: EarlierRuns,
    events: Sequence[Event],
    started: datetime,
    *,
    rules: Sequence[Rule] = (),
    renames: Renames = NO_RENAMES,
) -> PreviousRuns:
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
    from checker.evaluation.renames import renaming_notes

    last = earlier.last
    if last is not None or events:
        from checker.snapshot.history import write_history

        write_history(
            folder,
            records=last.folder / RECORDS if last else None,
            before=last.folder / HISTORY if last and last.has(HISTORY) else None,
            events=events,
            started=started,
        )
    if earlier.baseline.run is not None:
        _let_stand(folder / BASELINE, earlier, renames)
    for name, before, kept in ((PRIOR, PRIOR, earlier.prior), (NAMED, PRIOR, earlier.named)):
        if kept is not None:
            write_open_findings(run_findings(kept, before), folder / name, renames)
    renamed = renaming_notes(folder / PRIOR, rules, folder / RECORDS) if earlier.prior else ()
    return earlier.told(*renamed)


def _let_stand(out: Path, earlier: EarlierRuns, renames: Renames) -> None:
    """Writes the findings that the baseline lets stand: those that were open after it, but for what a later run found
    fixed. What a later one found beside them it does not let stand."""
    from checker.evaluation.open_findings import reduce_open_findings, write_open_findings

    baseline, between = earlier.baseline, earlier.between
    assert baseline.run is not None
    if between and _kept_baseline(between[-1], baseline):
        last = between[-1]
        reduce_open_findings(last.folder / BASELINE, run_findings(last, BASELINE), out, renames)
        return
    before = BASELINE if baseline.carries else ""
    write_open_findings(run_findings(baseline.run, before, passed=not baseline.acceptance), out, renames)
    for kept in between:
        reduce_open_findings(out, run_findings(kept, BASELINE), out, renames)


def run_findings(kept: RecordedRun, before: str, *, passed: bool = False) -> RunFindings:
    """A kept run as one whose findings are open after it; `before` is the name of the file of those open before it.

    Raises:
        InvalidInputError: the manifest does not say by which rules it judged.
    """
    from checker.evaluation.open_findings import RuleOfRun, RunFindings

    try:
        judged = [
            RuleOfRun(
                str(rule["rule"]), _scope(rule["scope"]), str(rule["definition"]), str(rule["severity"])
            )
            for rule in kept.facts["summary"]["rules"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        where = (kept.folder / MANIFEST).as_posix()
        message = f"the manifest is damaged: {type(error).__name__}: {error}"
        raise InvalidInputError(Problem(where, message)) from None
    gate = kept.facts.get("gate")
    within = gate.get("max") if passed and isinstance(gate, dict) else None
    file = kept.folder / before if kept.has(before) else None
    return RunFindings(kept.folder, kept.name, kept.as_of, judged, file, frozenset(map(str, within or ())))


def _scope(text: object) -> RuleScope:
    if text not in get_args(RuleScope):
        raise ValueError(f"there is no scope {text}")
    return text  # type: ignore[return-value]
