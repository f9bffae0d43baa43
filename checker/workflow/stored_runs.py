"""The runs of a store: which there are, how long they are kept, and whether they are what they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from checker.file_modes import private
from checker.instants import add_duration
from checker.judgement.replay import replay
from checker.judgement.run import Run
from checker.model import Duration, utc_now
from checker.problems import CheckerError, InvalidInputError, Problem
from checker.reporting.report_options import Options
from checker.reporting.reproduction import junit_options
from checker.runs.local_store import open_store
from checker.runs.prune_statements import PrunedRuns
from checker.runs.pruning import prune, with_key
from checker.runs.retention import Decision, RunState, StoredRun, listing, prune_decisions
from checker.runs.run_folder import SealKey
from checker.runs.s3_keys import S3
from checker.runs.signature import signing_key
from checker.runs.store import Store
from checker.values import show
from checker.workflow.comparison import Warn, ignore
from checker.workflow.run_keeping import verify
from checker.workflow.run_lookup import config_in_force, find, run_location, store_of

if TYPE_CHECKING:
    from checker.config import AuditConfig
    from checker.judgement.verification import Verification


@dataclass(frozen=True)
class RunListing:
    """The runs of a store: sealed ones in the order in which they were sealed, then the others. `states` are their states in
    words, `problems` say which are said to have been pruned and were not."""

    runs: tuple[StoredRun, ...]
    states: tuple[str, ...]
    problems: tuple[Problem, ...]


def list_runs(
    runs: str | None = None, *, config: AuditConfig | str | Path | None = None, warn: Warn = ignore
) -> RunListing:
    """The runs of a store.

    Args:
        runs: where they are; the store of audit.yaml unless given.
        config: audit.yaml, or its path; that of the present folder unless `runs` is given.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: nothing says where the runs are, or there is no such folder.
    """
    store = store_of(runs, config_in_force(config, needed=runs is None))
    warn(store.strangers())
    prunings = PrunedRuns(store)
    states = tuple(_state(run, prunings) for run in prunings.runs)
    return RunListing(tuple(prunings.runs), states, tuple(prunings.problems()))


def _state(run: StoredRun, prunings: PrunedRuns) -> str:
    if run.state is not RunState.PRUNED:
        return run.state.value
    if prunings.problems_of(run):
        return RunState.DAMAGED.value
    return "pruned in part" if run.rest else run.state.value


@dataclass(frozen=True)
class Pruning:
    """A run that was to go: `error` says why it could not."""

    decision: Decision
    error: CheckerError | None = None


@dataclass(frozen=True)
class PrunePlan:
    """What goes of a store, and why each other run stays. `keep` is how long runs are kept."""

    keep: Duration
    decisions: tuple[Decision, ...]
    _store: Store = field(repr=False)
    _key: SealKey | None = field(repr=False)

    def delete(self) -> Iterator[Pruning]:
        """Removes each run that goes, as the iterator comes to it, but for its manifest and what says who signed and accepted
        it. Where one cannot go, the others may."""
        for decision in self.decisions:
            if decision.goes:
                try:
                    prune(self._store, decision, self.keep, utc_now(), self._key)
                except CheckerError as error:
                    yield Pruning(decision, error)
                else:
                    yield Pruning(decision)


def plan_pruning(
    runs: str | None = None,
    *,
    keep: Duration | None = None,
    config: AuditConfig | str | Path | None = None,
    sign: str | None = None,
    signs: bool = False,
    warn: Warn = ignore,
) -> PrunePlan:
    """What goes of a store, and why each other run stays. Nothing is removed yet: `delete` of the plan does that.

    Args:
        runs: where they are; the store of audit.yaml unless given.
        keep: how long runs are kept; as audit.yaml says unless given.
        config: audit.yaml, or its path; that of the present folder unless `runs` and `keep` are given.
        sign: the file of the private key that signs what is said of pruned runs.
        signs: whether a run that is signed stays where there is no key: what is said of it would have to be signed.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: nothing says where the runs are or how long they are kept, or a run is said to have been pruned that
            was not.
    """
    key = signing_key(Path(sign)) if sign else None
    own = config_in_force(config, needed=runs is None or keep is None)
    time = _retention(keep, own)
    store = store_of(runs, own)
    now = utc_now()
    warn(store.strangers())
    there = listing(store)
    if problems := PrunedRuns(store, there).problems():
        raise InvalidInputError(problems)
    decisions: Sequence[Decision] = prune_decisions(there, time, now)
    return PrunePlan(time, tuple(with_key(decisions, key) if signs or key else decisions), store, key)


def _retention(keep: Duration | None, config: AuditConfig | None) -> Duration:
    """How long runs are kept: no default, since a law or a contract says so and not the checker."""
    if keep is None:
        if config is None or config.runs is None or config.runs.keep is None:
            hint = "add --keep 6y, or write `runs: {path: ..., keep: 6y}` into audit.yaml"
            raise InvalidInputError(Problem("--keep", "nothing says how long runs are kept", hint))
        return config.runs.keep
    if add_duration(now := utc_now(), keep) <= now:
        raise InvalidInputError(Problem("--keep", f"`{show(keep)}` would keep nothing"))
    return keep


@dataclass(frozen=True)
class ReplayedRun:
    """A kept run as it was, by format the paths of the reports that were kept with it, and how it wrote JUnit."""

    run: Run
    reports: Mapping[str, str]
    junit: Options = Options()  # noqa: RUF009 - frozen


@contextmanager
def open_replay(run: str, *, config: AuditConfig | str | Path | None = None) -> Iterator[ReplayedRun]:
    """A kept run as it was: every verdict is reached again from its evidence. At the end of the block its files go.

    Args:
        run: its path, or how its store calls it.
        config: audit.yaml, or its path, whose store has the run; that of the present folder where the run is no path.

    Raises:
        InvalidInputError: there is no such run, or it was altered.
    """
    with private():
        store, kept = find(run, config_in_force(config, needed=False))
        reports = {
            kind: f"{store.shown}/{kept.name}/reports/{kind}/{name}" for kind, name in kept.reports.items()
        }
        with replay(kept) as result:
            yield ReplayedRun(result, reports, junit_options(kept.facts.get("reports")))


@private()
def verify_runs(
    runs: Sequence[str] = (),
    *,
    config: AuditConfig | str | Path | None = None,
    keys: Sequence[str | Path] = (),
    progress: Callable[[int, int], None] | None = None,
    warn: Warn = ignore,
) -> tuple[tuple[Verification, ...], ...]:
    """What verifying runs found, by the places that were named: a run, or every run of a folder.

    Args:
        runs: runs and folders of them; the store of audit.yaml unless any is given.
        config: audit.yaml, or its path; that of the present folder where a run is no path.
        keys: files of public keys of which one must have signed each run.
        progress: told how many runs are done, of how many.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: there is no such run, or a key cannot be read.
    """
    own = config_in_force(config, needed=not runs)
    public = [Path(key) for key in keys]
    found = []
    for name in runs or [store_of(None, own).shown]:
        verified = verify(name, *run_location(name, own), key=public, progress=progress)
        if not any(item.run == PurePath(name).name for item in verified) and (
            name.startswith(S3) or Path(name).is_dir()
        ):
            warn(open_store(name).strangers())
        found.append(verified)
    return tuple(found)
