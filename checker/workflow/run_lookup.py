"""Runs as arguments of commands, which find them in the store that audit.yaml names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from checker.layout import FINDINGS, MANIFEST, PRUNED
from checker.problems import InvalidInputError, Problem
from checker.runs import prune_statements, run_reader
from checker.runs.first_difference import oversized
from checker.runs.integrity import alteration
from checker.runs.local_store import LocalStore, Store, open_store
from checker.runs.run_names import is_run_path, locate
from checker.runs.run_reader import RecordedRun
from checker.workflow.options import DEFAULT_CONFIG
from checker.workflow.stages import configure

if TYPE_CHECKING:
    from checker.compare.diff import Earlier
    from checker.config import AuditConfig
    from checker.runs.authenticity import Keys


class RunLocation(NamedTuple):
    """Where the runs of the audit at hand are: the store, what its path is relative to, and the audit's name."""

    runs: str | None = None
    root: Path | None = None
    audit: str = ""


def find(
    run: str, config: AuditConfig | None = None, runs: str | None = None, keys: Keys | None = None
) -> tuple[Store, RecordedRun]:
    """A run and the store that it is in: every command that takes a run finds it here.

    Args:
        run: its path, `s3://BUCKET/PREFIX/RUN`, or, in the store of the audit, whatever `name_in` takes.
        config: the audit at hand; that of the present folder unless given.
        runs: the store, where no audit.yaml names one.
        keys: those of which one must have signed it.

    Raises:
        InvalidInputError: there is no such complete run, there are several, it was altered, or it is not signed with any
            of the keys.
    """
    store, name = locate(run, *run_location(run, config, runs))
    if store.has(name, PRUNED):
        prune_statements.refuse_false_prunings(store)
    folder = Path(run)
    # a folder says better than its parent what is wrong with it
    return store, run_reader.reopen(folder, keys=keys) if folder.is_dir() else run_reader.comparison_run(
        store, name, keys
    )


def run_location(run: str, config: AuditConfig | None = None, runs: str | None = None) -> RunLocation:
    """The audit whose runs a text may name; none where it says itself where the run is."""
    if is_run_path(run):
        return RunLocation()
    if config is None or config.runs is None:
        config = config_in_force(None, needed=True)
    return (
        RunLocation(config.runs.path, config.root, config.name)
        if config and config.runs
        else RunLocation(runs)
    )


def config_in_force(config: AuditConfig | str | Path | None, *, needed: bool) -> AuditConfig | None:
    """The audit.yaml that is named, or the one that is here where something is to be read from it."""
    if config is None:
        return configure(DEFAULT_CONFIG) if needed and Path(DEFAULT_CONFIG).is_file() else None
    return configure(config) if isinstance(config, str | Path) else config


def store_of(where: str | None, config: AuditConfig | None) -> Store:
    """The store that is named, else that of an audit.

    Raises:
        InvalidInputError: neither names one, or there is no folder of runs.
    """
    if where is None:
        if config is None or config.runs is None:
            hint = "name the folder, or s3://BUCKET/PREFIX"
            raise InvalidInputError(Problem("RUNS", "nothing says where the runs are", hint))
        return open_store(config.runs.path, config.root)
    store = open_store(where)
    if isinstance(store, LocalStore):
        if not store.folder.is_dir():
            raise InvalidInputError(Problem(where, "there is no such folder"))
        if (store.folder / MANIFEST).is_file():
            hint = "name the folder that it is in"
            raise InvalidInputError(Problem(where, "this is the folder of one run", hint))
    return store


def neighbour_runs(
    store: Store, old: RecordedRun, new: RecordedRun, most: int
) -> tuple[list[Earlier], list[Earlier]]:
    """Other runs of the same audit in the store of the new one, the latest of them: those before the old run and those
    between the two, oldest first."""
    prune_statements.refuse_false_prunings(store)
    facts = list(run_reader.manifests_before(store, new.audit)) if old.audit == new.audit else []
    names = [str(fact.get("run")) for fact in facts]
    if old.name not in names or new.name not in names or names.index(old.name) < names.index(new.name):
        return [], []
    last, first = names.index(new.name), names.index(old.name)
    between = range(last + 1, first)[:most]
    before = range(first + 1, len(names))[: most - len(between)]
    return _kept(store, facts, before), _kept(store, facts, between)


def _kept(store: Store, facts: Sequence[Mapping[str, Any]], chosen: range) -> list[Earlier]:
    """The findings of some runs as they wrote them, oldest first; those that are gone or altered are left out."""
    found = []
    for item in (facts[index] for index in reversed(chosen)):
        name = str(item["run"])
        if not store.has(name, FINDINGS):
            continue
        folder = store.fetch(name, FINDINGS)
        if alteration(folder, FINDINGS, item.get("files", {})) is None and not [
            *oversized([folder / FINDINGS])
        ]:
            run_reader.read(folder, FINDINGS)
            found.append((folder / FINDINGS, frozenset(map(str, item.get("rules", ())))))
    return found
