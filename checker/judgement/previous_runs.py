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
from checker.judgement.run import Compared, Predecessors, Statement
from checker.judgement.seal import trend_point
from checker.layout import BASELINE, HISTORY, MANIFEST, NAMED, PRIOR, RECORDS
from checker.model import NO_RENAMES, Acceptance, Renames, Rule, RuleScope
from checker.problems import InvalidInputError, Problem
from checker.runs import prune_statements, run_reader
from checker.runs.authenticity import Keys, check_links, unauthenticated, unsigned_prunings
from checker.runs.run_names import run_in
from checker.runs.run_reader import MOST_EARLIER, Kept
from checker.runs.store import Store
from checker.snapshot.deletion_events import Event

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
    between: tuple[Kept, ...] = ()
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

    def told(self, *notes: str) -> Predecessors:
        """What a new run tells of them, with more notes."""
        missing = self.new_only and self.compared is None
        return Predecessors(
            self.compared,
            self.candidates,
            self.trend,
            tuple(
                Statement(statement.run, statement.number, statement.sha256) for statement in self.statements
            ),
            self.authentic,
            self.notes,
            (*((self.baseline.missing(),) if missing else ()), *notes),
        )


def compared_with(kept: Kept, kind: str, acceptance: Acceptance | None = None) -> Compared:
    """A run as the one to compare with."""
    return Compared(kept.name, kept.as_of, kept.sha256, kind, acceptance)  # type: ignore[arg-type]


def earlier_runs(
    store: Store,
    audit: str,
    gate: Gate,
    named: str | None = None,
    *,
    strict: bool = False,
    keys: Keys | None = None,
) -> Past:
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
    warnings, notes = look_over(store, strict=strict, keys=keys)
    last = run_reader.last(store, audit, keys=keys)
    # what would be at another time is nothing that anybody found
    hypothetical = last is not None and last.facts.get("hypothetical")
    prior = run_reader.last(store, audit, real=True, keys=keys) if hypothetical else last
    points = tuple(islice(run_reader.earlier(store, audit), MOST_EARLIER))
    lost = lost_statements(store, prior.facts, f"{store.shown}/{prior.name}") if prior else ()
    if lost:
        raise InvalidInputError(lost)
    baseline = find_baseline(store, audit, gate, known=prior, keys=keys)
    other = run_reader.named(*run_in(store, named, audit), keys) if named else None
    statements = all_statements(store)
    authentic = keys is not None or not (points or other or statements)
    return Past(
        last=last,
        prior=prior,
        baseline=baseline,
        named=other,
        new_only=gate.new_only,
        trend=tuple(trend_point(point) for point in points)[::-1],
        between=_between(store, audit, baseline, prior, keys),
        statements=statements,
        warnings=(*warnings, *store.strangers()),
        notes=notes if authentic else (*notes, unauthenticated("Earlier runs")),
        keys=keys,
        authentic=authentic,
    )


def look_over(
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
    prune_statements.refuse(store)
    found = _removed(store, strict=strict, keys=keys)
    if keys is not None and (
        problems := [*unsigned_statements(store, keys), *unsigned_prunings(store, keys)]
    ):
        raise InvalidInputError(problems)
    return found


def _between(
    store: Store, audit: str, baseline: Baseline, prior: Kept | None, keys: Keys | None
) -> tuple[Kept, ...]:
    """The runs after a baseline, oldest first; the last one alone where it kept what the baseline lets stand."""
    run = baseline.run
    if run is None or prior is None or run.name == prior.name:
        return ()
    if _kept_baseline(prior, baseline):
        return (prior,)
    newest = takewhile(lambda item: item["run"] != run.name, run_reader.newest(store, audit, real=True))
    later = [str(facts["run"]) for facts in newest][::-1]
    return tuple(prior if name == prior.name else run_reader.reopened(store, name, keys) for name in later)


def _kept_baseline(prior: Kept, baseline: Baseline) -> bool:
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
            write_open_findings(judged_run(kept, before), folder / name, renames)
    renamed = renaming_notes(folder / PRIOR, rules, folder / RECORDS) if earlier.prior else ()
    return earlier.told(*renamed)


def _let_stand(out: Path, earlier: Past, renames: Renames) -> None:
    """Writes the findings that the baseline lets stand: those that were open after it, but for what a later run found
    fixed. What a later one found beside them it does not let stand."""
    from checker.evaluation.open_findings import settle, write_open_findings

    baseline, between = earlier.baseline, earlier.between
    assert baseline.run is not None
    if between and _kept_baseline(between[-1], baseline):
        last = between[-1]
        settle(last.folder / BASELINE, judged_run(last, BASELINE), out, renames)
        return
    before = BASELINE if baseline.carries else ""
    write_open_findings(judged_run(baseline.run, before, passed=not baseline.acceptance), out, renames)
    for kept in between:
        settle(out, judged_run(kept, BASELINE), out, renames)


def judged_run(kept: Kept, before: str, *, passed: bool = False) -> JudgedRun:
    """A kept run as one whose findings are open after it; `before` is the name of the file of those open before it.

    Raises:
        InvalidInputError: the manifest does not say by which rules it judged.
    """
    from checker.evaluation.open_findings import JudgedRule, JudgedRun

    try:
        judged = [
            JudgedRule(
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
    return JudgedRun(kept.folder, kept.name, kept.as_of, judged, file, frozenset(map(str, within or ())))


def _scope(text: object) -> RuleScope:
    if text not in get_args(RuleScope):
        raise ValueError(f"there is no scope {text}")
    return text  # type: ignore[return-value]
