"""How long runs are kept: which of them may go, and why each other one stays.

A run may go once the time to keep it is over, and so is that of every policy in it. A policy is kept from when it was last in
effect (45 CFR 164.316(b)(2)(i)): from when a later run of its audit was first judged without it. `pruned` removes runs by
this, and judges by the same whether a run that is said to have been pruned could have been.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from checker.instants import add_duration, iso
from checker.layout import DIGEST, MANIFEST, POLICIES, PRUNED, PRUNED_SIGNATURE, SIGNATURE, STARTED, WORKING
from checker.model import Duration
from checker.runs.run_folder import is_statement
from checker.runs.sealed_run import SealedRun, read_manifest
from checker.runs.store import Store
from checker.values import parse_duration, show

_LEFT = frozenset({MANIFEST, DIGEST, SIGNATURE, PRUNED, PRUNED_SIGNATURE})
_COMPARED = " was compared with it"

_Over = dict[tuple[str, str], datetime | None]


class RunState(StrEnum):
    """What there is of a run."""

    SEALED = "sealed"
    INTERRUPTED = "interrupted"
    PRUNED = "pruned"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run of a store; `sealed` is None unless its manifest can be read."""

    name: str
    state: RunState
    files: frozenset[str]
    sealed: SealedRun | None = None
    started: Mapping[str, Any] = field(default_factory=dict)
    """What an interrupted run said of itself as it began."""

    @property
    def signed(self) -> bool:
        """Whether it has a signature, be it valid or not."""
        return SIGNATURE in self.files

    @property
    def rest(self) -> frozenset[str]:
        """Its files but for what stays of a pruned run, so that the chain can still be checked, and who signed it, and
        whether somebody accepted it as a baseline."""
        return frozenset(name for name in self.files - _LEFT if not is_statement(name))

    @property
    def own(self) -> frozenset[str]:
        """The files that pruning may remove, there or not: those that the manifest names, and what a run has until then. What
        else is there somebody added, which pruning must not hide."""
        return frozenset(self.sealed.facts["files"] if self.sealed else ()) | frozenset(WORKING)

    @property
    def keep(self) -> Duration | None:
        """How long it is to be kept, where its manifest says so."""
        said = self.fact("keep")
        return parse_duration(said) if said else None

    def fact(self, name: str) -> str:
        """What the manifest says under a name, as text, or the beginning of a run without one; empty where they say nothing."""
        value = (self.sealed.facts if self.sealed else self.started).get(name)
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a run goes, and why it does or does not."""

    run: StoredRun
    goes: bool
    reason: str


def listing(store: Store) -> tuple[StoredRun, ...]:
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
    complete = sorted((run for run in runs if run.sealed), key=lambda item: (_sealed(item), item.name))
    return (*complete, *sorted((run for run in runs if not run.sealed), key=lambda item: item.name))


def prune_decisions(runs: Iterable[StoredRun], keep: Duration, now: datetime) -> tuple[Decision, ...]:
    """What pruning would do with each run of a store.

    Args:
        runs: what `listing` returned.
        keep: how long runs are kept, and policies since they were last in effect. A run whose manifest says that it is kept
            for longer is kept for longer.
        now: the present instant. Runs that were sealed later, by a clock that was wrong, stay, and stand for no others.
    """
    every = tuple(runs)
    plan = _Plan([run for run in every if run.sealed], keep, now)
    staying = plan.staying()
    return tuple(_decision(run, staying, keep) for run in every)


def prune_reason(sealed: datetime, keep: Duration) -> str:
    """Why a run goes. Statements on pruned runs hold this text: a new wording takes a new schema of theirs."""
    return f"it was sealed on {iso(sealed)}, and runs are kept for {show(keep)}"


def _interrupted(store: Store, name: str, files: frozenset[str]) -> StoredRun:
    started: object = None
    if STARTED in files:
        with suppress(OSError, ValueError, RecursionError):
            started = json.loads((store.fetch(name, STARTED) / STARTED).read_bytes())
    return StoredRun(name, RunState.INTERRUPTED, files, started=started if isinstance(started, dict) else {})


def _listed(name: str, files: frozenset[str], manifest: bytes | None) -> StoredRun:
    if manifest is None:
        return StoredRun(name, RunState.INTERRUPTED, files)
    sealed = read_manifest(name, manifest)
    if sealed is None:
        return StoredRun(name, RunState.DAMAGED, files)
    return StoredRun(name, RunState.PRUNED if PRUNED in files else RunState.SEALED, files, sealed)


def _sealed(run: StoredRun) -> datetime:
    assert run.sealed
    return run.sealed.sealed_at


class _Plan:
    """The complete runs of a store, in the order in which they were sealed, and what holds them."""

    def __init__(self, complete: list[StoredRun], keep: Duration, now: datetime) -> None:
        self.complete = [run for run in complete if _sealed(run) <= now]
        self.ahead = [run for run in complete if _sealed(run) > now]
        self.keep = keep
        self.now = now

    def staying(self) -> dict[str, str]:
        """The runs that stay, with the reasons."""
        staying: dict[str, str] = {}
        candidates: list[StoredRun] = []
        spared = _spared(self.complete)
        for run in self.complete:
            if reason := self._too_early(run) or spared.get(run.name, "") or _gone(run):
                staying[run.name] = reason
            elif run.rest:
                candidates.append(run)
        over = _over(self.complete)
        # from the newest: of runs that hold the same policy, the newest one holds it for the others
        candidates.reverse()
        while found := self._held(candidates, staying, over):
            staying[found[0].name] = found[1]
            candidates.remove(found[0])
        return staying | {run.name: self._too_early(run) for run in self.ahead if run.rest}

    def _too_early(self, run: StoredRun) -> str:
        """Why a run stays whatever the others do: its time is not over. Empty where it is."""
        until = self._until(run, _sealed(run))
        if until < self.now or not run.rest:
            return ""
        longer = run.keep and until > add_duration(_sealed(run), self.keep)
        return f"it is kept until {iso(until)}" + (f": its manifest says {show(run.keep)}" if longer else "")

    def _until(self, run: StoredRun, since: datetime) -> datetime:
        return max(add_duration(since, keep) for keep in (self.keep, run.keep) if keep)

    def _held(
        self, candidates: list[StoredRun], staying: Mapping[str, str], over: _Over
    ) -> tuple[StoredRun, str] | None:
        """The newest run that a staying one needs, or whose policies must be kept and are in no run that stays."""
        kept = [run for run in self.complete if run.name in staying and run.state is RunState.SEALED]
        held = {digest for run in kept for digest in _policies(run)}
        # a run that stays for a comparison alone holds none: else each audit would hold all of its runs, back to the first
        own = [run for run in kept if not staying[run.name].endswith(_COMPARED)]
        named = {_baseline(run): run.name for run in (*own, *self.ahead)}
        for run in candidates:
            if run.name in named:
                return run, f"the run {named[run.name]}{_COMPARED}"
            for digest, file in _policies(run).items():
                there = file in run.files  # it may be gone, where pruning was begun
                if (
                    there
                    and digest not in held
                    and (reason := self._in_effect(run, over[run.fact("name"), digest], file))
                ):
                    return run, reason
        return None

    def _in_effect(self, run: StoredRun, ended: datetime | None, file: str) -> str:
        if ended is None:
            return f"{file} is still in effect"
        until = self._until(run, ended)
        if until >= self.now:
            return f"{file} was in effect until {iso(ended)}, and is kept until {iso(until)}"
        return ""


def _spared(complete: list[StoredRun]) -> dict[str, str]:
    """The runs that stay whatever their age, with the reasons: the last one of each audit, and its baselines."""
    audits: dict[str, list[StoredRun]] = {}
    for run in complete:
        if run.state is RunState.SEALED:
            audits.setdefault(run.fact("name"), []).append(run)
    spared: dict[str, str] = {}
    for audit, whole in audits.items():
        seen = [row for row in whole if not row.fact("replay_of")] or whole
        # a statement that accepts a run comes before the one that takes it back, so an odd number of them accepts it
        accepted = [row for row in seen if sum(map(is_statement, row.files)) % 2]
        passed = [row for row in seen if row.fact("outcome") == "passed"] if _new_only(seen[-1]) else []
        spared |= {
            row.name: f"it is a baseline of the audit {audit}" for row in (*accepted[-1:], *passed[-1:])
        }
        spared[seen[-1].name] = f"it is the last run of the audit {audit}"
    return spared


def _gone(run: StoredRun) -> str:
    """Why a run stays of which files are missing or were added: what was altered otherwise is not to look pruned. Empty where
    none is."""
    if run.state is not RunState.SEALED or not run.sealed:
        return ""
    gone = sorted(set(run.sealed.facts["files"]) - run.files)
    if gone:
        return f"{gone[0]} is not there any more, and was not pruned: `verify` says more"
    added = sorted(run.rest - run.own)
    return f"{added[0]} was added after the run: `verify` says more" if added else ""


def _over(complete: list[StoredRun]) -> _Over:
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


def _policies(run: StoredRun) -> dict[str, str]:
    """The files of policies and of mappings that a run was judged by: sha256 to name."""
    assert run.sealed
    files = run.sealed.facts["files"]
    return {str(digest): name for name, digest in files.items() if name.startswith(POLICIES)}


def _new_only(run: StoredRun) -> bool:
    """Whether the gate of a run counted what its baseline lacked."""
    gate = run.sealed.facts.get("gate") if run.sealed else None
    return isinstance(gate, dict) and bool(gate.get("new_only"))


def _baseline(run: StoredRun) -> str:
    assert run.sealed
    baseline = run.sealed.facts.get("baseline")
    return str(baseline.get("run")) if isinstance(baseline, dict) else ""


def _decision(run: StoredRun, staying: Mapping[str, str], keep: Duration) -> Decision:
    if run.state is RunState.INTERRUPTED:
        known = "it has no manifest" if STARTED in run.files else "it has no manifest and hardly began"
        return Decision(run, goes=False, reason=f"{known}: it was interrupted, or is being made")
    if run.state is RunState.DAMAGED:
        return Decision(run, goes=False, reason="its manifest cannot be read")
    rest = len(run.rest & run.own)
    begun = f"pruning it was begun, and {rest} of its files are still there"
    if run.name in staying:
        reason = staying[run.name]
        return Decision(
            run, goes=False, reason=f"{begun}; {reason}" if run.state is RunState.PRUNED else reason
        )
    if run.state is RunState.PRUNED:
        return Decision(run, goes=bool(rest), reason=begun if rest else "it was pruned")
    return Decision(run, goes=True, reason=prune_reason(_sealed(run), run.keep or keep))
