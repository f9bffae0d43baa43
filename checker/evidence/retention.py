"""How long runs are kept: which of them may go, why each other one stays, and pruning.

A run may go once the time to keep it is over, and so is that of every policy in it. A policy is kept from when it was last in
effect (45 CFR 164.316(b)(2)(i)): from when a later run of its audit was first judged without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from checker import __version__
from checker.evidence.past import POLICIES
from checker.evidence.runfolder import (
    DIGEST,
    MANIFEST,
    PRUNED,
    SIGNATURE,
    STARTED,
    Sealed,
    is_statement,
    read_manifest,
)
from checker.evidence.storing import Store
from checker.model import Duration
from checker.problems import CheckerError
from checker.values import iso, later, show

SCHEMA = "imageset-checker/pruned/1"
LEFT = frozenset({MANIFEST, DIGEST, SIGNATURE, PRUNED})
"""What stays of a pruned run: the chain can still be checked, and who signed it."""


_Over = dict[tuple[str, str], datetime | None]


class State(StrEnum):
    """What there is of a run."""

    SEALED = "sealed"
    INTERRUPTED = "interrupted"
    PRUNED = "pruned"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Listed:
    """A run of a store; `sealed` is None unless its manifest can be read."""

    name: str
    state: State
    files: frozenset[str]
    sealed: Sealed | None = None
    started: Mapping[str, Any] = field(default_factory=dict)
    """What an interrupted run said of itself as it began."""

    @property
    def signed(self) -> bool:
        """Whether it has a signature, be it valid or not."""
        return SIGNATURE in self.files

    def fact(self, name: str) -> str:
        """What the manifest says under a name, as text, or the beginning of a run without one; empty where they say nothing."""
        value = (self.sealed.facts if self.sealed else self.started).get(name)
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a run goes, and why it does or does not."""

    run: Listed
    goes: bool
    reason: str


def listing(store: Store) -> tuple[Listed, ...]:
    """Every run, complete ones in the order in which they were sealed, then the others by name.

    Raises:
        InvalidInputError: the store cannot be read.
    """
    contents = store.contents()
    manifests = store.manifests(name for name, files in contents.items() if MANIFEST in files)
    runs = [
        _listed(name, files, manifests.get(name)) if MANIFEST in files else _interrupted(store, name, files)
        for name, files in contents.items()
    ]
    complete = sorted((run for run in runs if run.sealed), key=lambda one: (_sealed(one), one.name))
    return (*complete, *sorted((run for run in runs if not run.sealed), key=lambda one: one.name))


def decide(runs: Iterable[Listed], keep: Duration, now: datetime) -> tuple[Decision, ...]:
    """What pruning would do with each run of a store.

    Args:
        runs: what `listing` returned.
        keep: how long runs are kept, and policies since they were last in effect.
        now: the present instant.
    """
    every = tuple(runs)
    staying = _Plan([run for run in every if run.sealed], keep, now).staying()
    return tuple(_decision(run, staying, keep) for run in every)


def prune(store: Store, decision: Decision, keep: Duration, now: datetime) -> None:
    """Removes a run but for its manifest. `pruned.json` is written before anything goes, so that what a crash left is known
    for what it is, and goes at the next time.

    Args:
        store: where the run is.
        decision: `decide`'s, of a run that goes.
        keep: how long runs are kept.
        now: the present instant.

    Raises:
        RunFolderError: a file could not be removed, or is locked.
        InvalidInputError: the store cannot be read.
    """
    run = decision.run
    going = sorted(run.files - LEFT)
    if held := store.held(run.name, going):
        raise HeldError(f"{store.shown}/{run.name}: error: {held}")
    if run.state is State.SEALED:
        document = {
            "schema": SCHEMA,
            "run": run.name,
            "at": iso(now),
            "keep": show(keep),
            "reason": decision.reason,
            "tool_version": __version__,
        }
        store.put(run.name, PRUNED, (json.dumps(document, indent=2) + "\n").encode())
    store.remove(run.name, going)


class HeldError(CheckerError):
    """A run that may go is locked. `exit_code` is that of a run folder that could not be written."""

    exit_code = 4


def _interrupted(store: Store, name: str, files: frozenset[str]) -> Listed:
    started: object = None
    if STARTED in files:
        with suppress(OSError, ValueError):
            started = json.loads((store.fetch(name, STARTED) / STARTED).read_bytes())
    return Listed(name, State.INTERRUPTED, files, started=started if isinstance(started, dict) else {})


def _listed(name: str, files: frozenset[str], manifest: bytes | None) -> Listed:
    if manifest is None:
        return Listed(name, State.INTERRUPTED, files)
    sealed = read_manifest(name, manifest)
    if sealed is None:
        return Listed(name, State.DAMAGED, files)
    return Listed(name, State.PRUNED if PRUNED in files else State.SEALED, files, sealed)


def _sealed(run: Listed) -> datetime:
    assert run.sealed
    return run.sealed.sealed_at


@dataclass
class _Plan:
    """The complete runs of a store, in the order in which they were sealed, and what holds them."""

    complete: list[Listed]
    keep: Duration
    now: datetime

    def staying(self) -> dict[str, str]:
        """The runs that stay, with the reasons."""
        staying: dict[str, str] = {}
        candidates: list[Listed] = []
        for run in self.complete:
            if reason := self._too_early(run):
                staying[run.name] = reason
            elif run.files - LEFT:
                candidates.append(run)
        over = _over(self.complete)
        # from the newest: of runs that hold the same policy, the newest one holds it for the others
        candidates.reverse()
        while found := self._held(candidates, staying, over):
            staying[found[0].name] = found[1]
            candidates.remove(found[0])
        return staying

    def _too_early(self, run: Listed) -> str:
        """Why a run stays whatever the others do; empty where nothing says so."""
        until = later(_sealed(run), self.keep)
        if until >= self.now and run.files - LEFT:
            return f"it is kept until {iso(until)}"
        if run.state is State.PRUNED:
            return ""
        same = [one for one in self.complete if one.fact("name") == run.fact("name")]
        whole = [one for one in same if one.state is State.SEALED]
        seen = [one for one in whole if not one.fact("replay_of")] or whole
        if run is seen[-1]:
            return f"it is the last run of the audit {run.fact('name')}"
        # a statement that accepts a run comes before the one that takes it back, so an odd number of them accepts it
        accepted = [one for one in seen if sum(map(is_statement, one.files)) % 2]
        passed = [one for one in seen if one.fact("outcome") == "passed"] if _new_only(seen[-1]) else []
        if run in (*accepted[-1:], *passed[-1:]):
            return f"it is a baseline of the audit {run.fact('name')}"
        return ""

    def _held(
        self, candidates: list[Listed], staying: Mapping[str, str], over: _Over
    ) -> tuple[Listed, str] | None:
        """The newest run that a staying one needs, or whose policies must be kept and are in no run that stays."""
        kept = [run for run in self.complete if run.name in staying and run.state is State.SEALED]
        held = {digest for run in kept for digest in _policies(run)}
        named = {_baseline(run): run.name for run in kept}
        for run in candidates:
            if run.name in named:
                return run, f"the run {named[run.name]} was compared with it"
            for digest, file in _policies(run).items():
                there = file in run.files  # it may be gone, where pruning was begun
                if (
                    there
                    and digest not in held
                    and (reason := self._in_effect(over[run.fact("name"), digest], file))
                ):
                    return run, reason
        return None

    def _in_effect(self, ended: datetime | None, file: str) -> str:
        if ended is None:
            return f"{file} is still in effect"
        until = later(ended, self.keep)
        if until >= self.now:
            return f"{file} was in effect until {iso(ended)}, and is kept until {iso(until)}"
        return ""


def _over(complete: list[Listed]) -> _Over:
    """By audit and sha256 of a policy, when it was last in effect: when the first run was sealed after the last one that
    was judged by it. None while it is in effect. Pruned runs say so too.

    A run that judged kept evidence again puts no policy into effect, nor out of it.
    """
    over: _Over = {}
    for run in complete:
        audit = run.fact("name")
        policies = _policies(run)
        if run.fact("replay_of"):
            for digest in policies:
                over.setdefault((audit, digest), _sealed(run))
            continue
        for known in [key for key, ended in over.items() if key[0] == audit and ended is None]:
            if known[1] not in policies:
                over[known] = _sealed(run)
        over.update({(audit, digest): None for digest in policies})
    return over


def _policies(run: Listed) -> dict[str, str]:
    """The files of policies and of mappings that a run was judged by: sha256 to name."""
    assert run.sealed
    files = run.sealed.facts["files"]
    return {str(digest): name for name, digest in files.items() if name.startswith(POLICIES)}


def _new_only(run: Listed) -> bool:
    """Whether the gate of a run counted what its baseline lacked."""
    gate = run.sealed.facts.get("gate") if run.sealed else None
    return isinstance(gate, dict) and bool(gate.get("new_only"))


def _baseline(run: Listed) -> str:
    assert run.sealed
    baseline = run.sealed.facts.get("baseline")
    return str(baseline.get("run")) if isinstance(baseline, dict) else ""


def _decision(run: Listed, staying: Mapping[str, str], keep: Duration) -> Decision:
    if run.state is State.INTERRUPTED:
        known = "it has no manifest" if STARTED in run.files else "it has no manifest and hardly began"
        return Decision(run, goes=False, reason=f"{known}: it was interrupted, or is being made")
    if run.state is State.DAMAGED:
        return Decision(run, goes=False, reason="its manifest cannot be read")
    rest = len(run.files - LEFT)
    begun = f"pruning it was begun, and {rest} of its files are still there"
    if run.name in staying:
        reason = staying[run.name]
        return Decision(run, goes=False, reason=f"{begun}; {reason}" if run.state is State.PRUNED else reason)
    if run.state is State.PRUNED:
        return Decision(run, goes=bool(rest), reason=begun if rest else "it was pruned")
    sealed = iso(_sealed(run))
    return Decision(run, goes=True, reason=f"it was sealed on {sealed}, and runs are kept for {show(keep)}")
