"""How long runs are kept: which of them may go, why each other one stays, and pruning.

A run may go once the time to keep it is over, and so is that of every policy in it. A policy is kept from when it was last in
effect (45 CFR 164.316(b)(2)(i)): from when a later run of its audit was first judged without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from checker import __version__
from checker.evidence.past import POLICIES, PRUNED
from checker.evidence.runfolder import MANIFEST, SIGNATURE, STARTED, Sealed, read_manifest
from checker.evidence.storing import Store
from checker.model import Duration
from checker.problems import CheckerError
from checker.values import iso, later, show

SCHEMA = "imageset-checker/pruned/1"
LEFT = frozenset({MANIFEST, SIGNATURE, PRUNED})
"""What stays of a pruned run: the chain can still be checked, and who signed it."""


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

    @property
    def signed(self) -> bool:
        """Whether it has a signature, be it valid or not."""
        return SIGNATURE in self.files

    def fact(self, name: str) -> str:
        """What the manifest says under a name, as text; empty where it says nothing."""
        value = self.sealed.facts.get(name) if self.sealed else None
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
    runs = [_listed(name, files, manifests.get(name)) for name, files in contents.items()]
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
    complete = [run for run in every if run.sealed]
    over = _over(complete)
    staying: dict[str, str] = {}
    candidates: list[Listed] = []
    for run in complete:
        if run.state is State.SEALED:
            if reason := _too_early(run, complete, keep, now):
                staying[run.name] = reason
            else:
                candidates.append(run)
    # from the newest: of runs that hold the same policy, the newest one holds it for the others
    candidates.reverse()
    while True:
        found = _first_held(candidates, staying, complete, over, keep, now)
        if found is None:
            break
        staying[found[0].name] = found[1]
        candidates.remove(found[0])
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


def _too_early(run: Listed, complete: list[Listed], keep: Duration, now: datetime) -> str:
    """Why a run stays whatever the others do; empty where nothing says so."""
    until = later(_sealed(run), keep)
    if until >= now:
        return f"it is kept until {iso(until)}"
    same = [one for one in complete if one.state is State.SEALED and one.fact("name") == run.fact("name")]
    seen = [one for one in same if not one.fact("replay_of")] or same
    return f"it is the last run of the audit {run.fact('name')}" if run is seen[-1] else ""


def _first_held(
    candidates: list[Listed],
    staying: Mapping[str, str],
    complete: list[Listed],
    over: Mapping[tuple[str, str], datetime | None],
    keep: Duration,
    now: datetime,
) -> tuple[Listed, str] | None:
    """The newest run that has to stay because of one that stays, or of a policy that nothing that stays holds."""
    kept = [run for run in complete if run.name in staying]
    held = {digest for run in kept for digest in _policies(run)}
    named = {_baseline(run): run.name for run in kept}
    for run in candidates:
        if run.name in named:
            return run, f"the run {named[run.name]} was compared with it"
        for digest, file in _policies(run).items():
            if digest not in held and (reason := _in_effect(run, digest, file, over, keep, now)):
                return run, reason
    return None


def _in_effect(
    run: Listed,
    digest: str,
    file: str,
    over: Mapping[tuple[str, str], datetime | None],
    keep: Duration,
    now: datetime,
) -> str:
    ended = over[run.fact("name"), digest]
    if ended is None:
        return f"{file} is still in effect"
    until = later(ended, keep)
    if until >= now:
        return f"{file} was in effect until {iso(ended)}, and is kept until {iso(until)}"
    return ""


def _over(complete: list[Listed]) -> dict[tuple[str, str], datetime | None]:
    """By audit and sha256 of a policy, when it was last in effect: when the first run was sealed after the last one that
    was judged by it. None while it is in effect. Pruned runs say so too.

    A run that judged kept evidence again puts no policy into effect, nor out of it.
    """
    over: dict[tuple[str, str], datetime | None] = {}
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
    if run.state is State.PRUNED:
        rest = len(run.files - LEFT)
        reason = f"pruning it was begun; {rest} of its files are still there" if rest else "it was pruned"
        return Decision(run, goes=bool(rest), reason=reason)
    if run.name in staying:
        return Decision(run, goes=False, reason=staying[run.name])
    sealed = iso(_sealed(run))
    return Decision(run, goes=True, reason=f"it was sealed on {sealed}, and runs are kept for {show(keep)}")
