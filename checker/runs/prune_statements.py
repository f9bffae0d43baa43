"""`pruned.json`: what it says of a pruned run, and whether that is so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from checker.instants import add_duration, iso
from checker.layout import PRUNED, PRUNED_SIGNATURE
from checker.model import Duration, utc_now
from checker.problems import InvalidInputError, Problem
from checker.runs.pruning import SCHEMA, json_bytes
from checker.runs.retention import RunState, StoredRun, listing, prune_decisions, prune_reason
from checker.runs.run_folder import is_statement
from checker.runs.store import Store
from checker.values import BadValueError, parse_duration, parse_time, show

_MEMBERS = ("schema", "run", "manifest", "at", "keep", "reason", "removed", "tool_version")

_LARGEST = 64 << 20

_OVERLAP_MS = 10 * 60_000
"""How long before a run was sealed a statement may have been written that it does not name: both may have been under way."""

_NOT_OURS = "this is not what `runs prune` writes"

_OTHERWISE = "files were removed otherwise"


@dataclass(frozen=True, slots=True)
class PruneStatement:
    """What `pruned.json` says of a run; `sha256` is that of the file."""

    run: str
    manifest: str
    at: datetime
    keep: Duration
    reason: str
    removed: frozenset[str]
    sha256: str


class PrunedRuns:
    """The runs of a store, what the statements on pruned ones say, and which runs name these."""

    def __init__(self, store: Store, runs: Iterable[StoredRun] | None = None) -> None:
        """Reads them; `runs` is what `listing` returned.

        Raises:
            InvalidInputError: the store cannot be read.
        """
        self.store = store
        self.runs = tuple(listing(store) if runs is None else runs)
        self.read = {run.name: _read(store, run) for run in self.runs if run.state is RunState.PRUNED}
        self.named = {
            (str(item["run"]), str(item["sha256"])): run.name
            for run in self.runs
            if run.sealed
            for item in run.sealed.facts.get("pruned") or ()
        }
        self._accepted = dict(_said_of_baselines(store, self.runs)) if self.read else {}

    def of(self, name: str) -> PruneStatement | None:
        """What is said of a run; None where nothing is that can be read."""
        found = self.read.get(name)
        return found if isinstance(found, PruneStatement) else None

    def unnamed(self) -> list[dict[str, str]]:
        """The statements that no run names yet, each with its sha256, but for those with which something is wrong."""
        return [
            {"run": run.name, "sha256": said.sha256}
            for run in self.runs
            if (said := self.of(run.name))
            and (run.name, said.sha256) not in self.named
            and not self.problems_of(run)
        ]

    def problems(self) -> list[Problem]:
        """What is wrong with what is said of pruned runs: no command takes such a run for one that was pruned."""
        pruned = [
            problem for run in self.runs if run.state is RunState.PRUNED for problem in self.problems_of(run)
        ]
        bare = {run.name for run in self.runs if PRUNED not in run.files}
        lost = [
            Problem(self._where(name), f"is not there any more, and run {by} names it", "it was removed")
            for (name, _), by in self.named.items()
            if name in bare
        ]
        return [*pruned, *lost]

    def problems_of(self, run: StoredRun) -> list[Problem]:
        """The same of one run."""
        found = self.read[run.name]
        if isinstance(found, Problem):
            return [found]
        assert run.sealed
        wrong = [*_misfits(found, run), *self._out_of_time(found, run), *self._unchained(found, run)]
        if (run.signed or run.fact("public_key")) and PRUNED_SIGNATURE not in run.files:
            wrong.append(("is not signed, and the run is", "`runs prune --sign` signs what it writes"))
        return [Problem(self._where(run.name), message, hint) for message, hint in wrong]

    def left(self, run: StoredRun) -> list[Problem]:
        """The files of a pruned run that are there and ought not to be."""
        found, problems = self.of(run.name), []
        for name in sorted(run.rest):
            if found and name in found.removed & run.own:
                message, hint = (
                    f"is still there, and {PRUNED} says that it was removed",
                    "`runs prune --delete`",
                )
            else:
                message, hint = "was added after the run: the manifest does not name it", ""
            problems.append(Problem(f"{self.store.shown}/{run.name}/{name}", message, hint))
        return problems

    def _where(self, name: str) -> str:
        return f"{self.store.shown}/{name}/{PRUNED}"

    def _out_of_time(self, said: PruneStatement, run: StoredRun) -> Iterator[tuple[str, str]]:
        assert run.sealed
        if said.at > utc_now():
            yield f"says that the run was pruned on {iso(said.at)}, which is not yet", _OTHERWISE
        elif said.at < run.sealed.sealed_at:
            yield f"says that the run was pruned on {iso(said.at)}, before it was sealed", _OTHERWISE
        else:
            then = next(
                decision
                for decision in prune_decisions(self._then(said), said.keep, said.at)
                if decision.run.name == run.name
            )
            if not then.goes:
                yield (
                    f"`runs prune` would not have removed the run on {iso(said.at)}: {then.reason}",
                    _OTHERWISE,
                )

    def _then(self, said: PruneStatement) -> Iterator[StoredRun]:
        """The runs as they were just before the one was pruned."""
        for run in self.runs:
            if run.sealed is None or run.sealed.sealed_at > said.at:
                continue
            other = self.of(run.name)
            gone = run.name != said.run and other is not None and other.at < said.at
            baselines = {name for name, at in self._accepted.get(run.name, ()) if at <= said.at}
            files = frozenset(baselines) if gone else frozenset(baselines) | run.sealed.facts["files"].keys()
            yield replace(run, state=RunState.PRUNED if gone else RunState.SEALED, files=files)

    def _unchained(self, said: PruneStatement, run: StoredRun) -> Iterator[tuple[str, str]]:
        """Whether later runs name another statement, or none though this one is said to be older."""
        if (run.name, said.sha256) in self.named:
            return
        if other := next((by for (name, _), by in self.named.items() if name == run.name), None):
            yield f"is not the one that was there: run {other} names another", "it was altered or replaced"
            return
        since = add_duration(said.at, Duration(0, _OVERLAP_MS))
        for row in self.runs:
            if row.sealed and "pruned" in row.sealed.facts and row.sealed.sealed_at > since:
                message = f"says that the run was pruned on {iso(said.at)}"
                yield (
                    f"{message}, and run {row.name}, which was sealed later, knows nothing of it",
                    _OTHERWISE,
                )
                return


def refuse_false_prunings(store: Store) -> None:
    """Nothing is made of a store in which a run is said to have been pruned that was not.

    Raises:
        InvalidInputError: there is such a run, or the store cannot be read.
    """
    if problems := PrunedRuns(store).problems():
        raise InvalidInputError(problems)


def _read(store: Store, run: StoredRun) -> PruneStatement | Problem:
    """The statement on a run, or why there is none that can be read."""
    where = f"{store.shown}/{run.name}/{PRUNED}"
    path = store.fetch(run.name, PRUNED) / PRUNED
    if odd := odd_file(path):
        return Problem(where, odd)
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
        document = json.loads(content)
        # as it was written, byte for byte: no member twice, no other line ends
        if tuple(document) != _MEMBERS or json_bytes(document) != content or document["schema"] != SCHEMA:
            return Problem(where, _NOT_OURS, _OTHERWISE)
        texts = [document[name] for name in ("run", "manifest", "at", "keep", "reason", "tool_version")]
        removed, keep, at = document["removed"], parse_duration(document["keep"]), parse_time(document["at"])
        if not all(isinstance(item, str) for item in (*texts, *removed)) or not isinstance(removed, list):
            return Problem(where, _NOT_OURS, _OTHERWISE)
        if (iso(at), show(keep), sorted(set(removed))) != (document["at"], document["keep"], removed):
            return Problem(where, _NOT_OURS, _OTHERWISE)
    except OSError as error:
        return Problem(where, f"cannot be read: {(error.strerror or str(error)).lower()}")
    except (ValueError, KeyError, TypeError, AttributeError, BadValueError, RecursionError):
        return Problem(where, _NOT_OURS, _OTHERWISE)
    digest = hashlib.sha256(content).hexdigest()
    return PruneStatement(
        document["run"], document["manifest"], at, keep, document["reason"], frozenset(removed), digest
    )


def odd_file(path: Path) -> str:
    """Why what is there is no file of a run; empty where it is one."""
    if path.is_symlink():
        return "is a link, and no run has any"
    return "" if path.is_file() else "is no file"


def _misfits(said: PruneStatement, run: StoredRun) -> Iterator[tuple[str, str]]:
    """What of a statement does not fit its run."""
    assert run.sealed
    if said.run != run.name:
        yield f"is of another run, {said.run}", "it was put here"
    elif said.manifest != run.sealed.sha256:
        yield "names another manifest than that of the run", "one of the two was altered"
    if run.keep and said.keep != run.keep:
        message = f"says that the run was to be kept for {show(said.keep)}"
        yield f"{message}, and its manifest says {show(run.keep)}", _OTHERWISE
    elif add_duration(run.sealed.sealed_at, said.keep) <= run.sealed.sealed_at:
        yield f"says that the run was to be kept for {show(said.keep)}, which is no time", _OTHERWISE
    elif said.reason != prune_reason(run.sealed.sealed_at, said.keep):
        yield "gives a reason that `runs prune` does not", _OTHERWISE
    for name in sorted(set(run.sealed.facts["files"]) - said.removed):
        yield f"does not say that {name} was removed", _OTHERWISE
    for name in sorted(said.removed - run.own):
        yield f"says that {name} was removed, which the run never had", _OTHERWISE


def _said_of_baselines(
    store: Store, runs: Iterable[StoredRun]
) -> Iterator[tuple[str, list[tuple[str, datetime]]]]:
    """By run, the statements on it as a baseline, and when each was made; one that does not say when counts from ever."""
    for run in runs:
        names = sorted(name for name in run.files if is_statement(name))
        if names and run.sealed:
            folder = store.fetch(run.name, *names)
            yield run.name, [(name, _said_at(folder / name, run.sealed.sealed_at)) for name in names]


def _said_at(path: Path, otherwise: datetime) -> datetime:
    if odd_file(path):
        return otherwise
    try:
        return parse_time(json.loads(path.read_bytes())["at"])
    except (OSError, ValueError, KeyError, TypeError, BadValueError, RecursionError):
        return otherwise
