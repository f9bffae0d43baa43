"""Runs that are kept: begun, sealed, resumed where they were interrupted, reopened and verified."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checker.file_modes import private as owner_only
from checker.instants import iso
from checker.judgement.previous_runs import EarlierRuns
from checker.judgement.resumption import input_hashes, refuse_other
from checker.judgement.run import Run
from checker.judgement.run_evaluation import run_id
from checker.judgement.seal import write_terms
from checker.model import Duration
from checker.policy.rule_selection import Rules
from checker.reporting import Options
from checker.reporting.reproduction import options_plain
from checker.runs import run_folder
from checker.runs.authenticity import KeyFiles, Keys, authentic_heads, read_keys, same_key
from checker.runs.local_store import LocalStore, PendingRun, Store, open_store
from checker.runs.prune_statements import PrunedRuns
from checker.runs.run_folder import InterruptedRun, SealKey
from checker.runs.run_names import locate
from checker.runs.run_reader import RecordedRun, collected_runs_of, open_run
from checker.values import show

if TYPE_CHECKING:
    from checker.judgement.verification import Verification


def reopen(
    run: str | Path,
    runs: str | None = None,
    root: Path | None = None,
    audit: str = "",
    keys: Keys | None = None,
) -> RecordedRun:
    """A kept run: the path of its folder, `s3://BUCKET/PREFIX/RUN`; where it is known where runs are, its name, the beginning
    of it, `latest`, `previous` or `latest~2`, which count the runs of one audit. With `keys` one of them must have signed it.

    Raises:
        InvalidInputError: there is no such run, it was not completed, or it was altered.
    """
    store, name = locate(str(run), runs, root, audit)
    return open_run(store, name, keys)


def collected_runs(store: Store, audit: str, known: EarlierRuns) -> Iterator[RecordedRun]:
    """An audit's complete runs that asked the service, from the last one back.

    Args:
        store: where they are kept.
        audit: the audit's name.
        known: what `past` returned.

    Raises:
        InvalidInputError: the next one was altered.
    """
    return collected_runs_of(store, audit, known.last, known.keys)


def interrupted_run(
    run: str, runs: str | None = None, root: Path | None = None, key: SealKey | None = None
) -> tuple[Store, InterruptedRun]:
    """A run that was interrupted, and where it is: named as `reopen` takes it, but that `latest` is the last one of those.
    `key` is that with which it was begun, if it was with one.

    Raises:
        InvalidInputError: there is none, it is complete, or it was begun with another key.
    """
    store, name = locate(run, runs, root, begun=True)
    if not isinstance(store, LocalStore):
        store.reclaim(name)
    return store, same_key(run_folder.interrupted_run(store.fetch(name)), key)


def resume(
    store: Store,
    begun: InterruptedRun,
    rules: Rules,
    asked: str,
    as_of: datetime,
    *,
    by: Mapping[str, str] | None = None,
) -> PendingRun:
    """Takes up an interrupted run again.

    Args:
        store: where it is kept.
        begun: the run.
        rules: what `choose` returned.
        asked: `inputs` of the audit.
        as_of: the instant against which ages are measured.
        by: `criteria`, as for `begin`.

    Raises:
        InvalidInputError: it was begun with something else, or another process is at work on it.
    """
    refuse_other(begun, input_hashes(rules, asked) | dict(by or {}), run_id(rules, asked, as_of), as_of)
    return store.reclaim(begun.name)


def begin(
    store: Store,
    rules: Rules,
    asked: str,
    as_of: datetime,
    name: str = "",
    *,
    hypothetical: bool = False,
    key: SealKey | None = None,
    judged_by: Mapping[str, str] | None = None,
) -> PendingRun:
    """A new run in a store: collect into its folder, or move recorded evidence there with `move`; `seal` completes it.

    Args:
        store: where it is kept.
        rules: what `choose` returned.
        asked: `inputs` of a live audit, `evidence.digest` of a recorded one.
        as_of: the instant against which ages are measured.
        name: the audit's name.
        hypothetical: the instant was given.
        key: signs what is said of the run as it begins: that of `collect` and `seal`.
        judged_by: `criteria`: its gate, waivers and baseline, which it must have again where it is resumed.

    Raises:
        InvalidInputError: no run can be kept there.
    """
    said = input_hashes(rules, asked) | dict(judged_by or {})
    facts = {"name": name, "as_of": iso(as_of), "hypothetical": hypothetical, "given": said}
    with owner_only(when=bool(rules.needs.dicom)):
        return store.claim(run_id(rules, asked, as_of), facts, key)


def seal(
    run: Run,
    working: PendingRun,
    *,
    files: Mapping[str, bytes] | None = None,
    reports: Collection[tuple[str, str]] = (),
    retention: Duration | None = None,
    private: bool = False,
    key: SealKey | None = None,
    keys: Keys | None = None,
    options: Options | None = None,
) -> str:
    """Completes a run: what it was judged by and its reports beside the evidence, then the manifest; what to call it.

    Args:
        run: a run whose evidence is in the folder.
        working: what `claim` returned.
        files: what else the run was judged by, by name: audit.yaml, waivers.yaml, events.
        reports: formats and paths of reports to copy into it; what is no regular file is left out.
        retention: how long the run is to be kept, where that is known: `runs prune` removes it no earlier.
        private: whether it holds values of DICOM attributes of earlier runs; of its own it is known.
        key: signs the manifest, see `signing_key`. A run is not signed that rests on what nobody has authenticated.
        keys: those whose signatures count in the store, see `keys_of`; that of `key` unless given.
        options: how the reports were written; not said in the manifest unless given, and `verify` tries every way.

    Raises:
        InvalidInputError: the run has waivers, and `files` has no waivers.yaml; or it is to be signed, and nobody has
            authenticated what it takes from earlier runs.
        RunFolderError: something could not be written.
    """
    facts = write_terms(run, working.folder, files or {}, reports, signed=key is not None)
    facts |= {"reports": options_plain(options, dict(reports))} if options else {}
    facts |= {"keep": show(retention) if retention else None, "private": private or bool(run.dicom)}
    store = working.store
    previous, pruned = authentic_heads(store, keys or read_keys(key)), PrunedRuns(store).unnamed()
    run_folder.seal(working.folder, facts, previous=previous, pruned=pruned, key=key)
    return working.store.publish(working)


def verify(
    run: str,
    runs: str | None = None,
    root: Path | None = None,
    audit: str = "",
    *,
    key: KeyFiles = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Verification, ...]:
    """Recomputes every hash of a run and its link to the run before, and makes its findings, tables and reports again; of every
    run, where a folder of runs is named.

    Args:
        run: a run as `reopen` takes it; or a folder of runs.
        runs: where the runs are whose names are given.
        root: what `runs` is relative to; the present folder unless given.
        audit: the audit whose runs `latest` counts.
        key: the public key that a run must be signed with, or several of which it must be one.
        progress: told how many runs are done, of how many.

    Raises:
        InvalidInputError: there is no such run, or the key cannot be read.
    """
    from checker.judgement.verification import verify as check
    from checker.judgement.verification import verify_all
    from checker.reporting.reproduction import report_differences

    keys = read_keys(None, [key] if isinstance(key, Path) else key or ())
    store, name = locate(run, runs, root, audit)
    if store.manifest(name) is None and (below := open_store(run)).names():
        return tuple(verify_all(below, keys=keys, reports=report_differences, progress=progress))
    return (check(store, name, keys=keys, reports=report_differences),)
