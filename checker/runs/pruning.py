"""Pruning, and the statement on a run that it leaves: `pruned.json`.

A statement names the manifest of its run, when the run was pruned, how long it was to be kept and what was removed. It is
signed where the run is, and the next run that is sealed names it. A file that only looks like one excuses no missing
evidence: by `decide`, which pruning goes by, the run must have been one that could go at that instant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checker import __version__
from checker.instants import iso
from checker.layout import PRUNED, PRUNED_SIGNATURE
from checker.model import Duration
from checker.problems import CheckerError, InvalidInputError, Problem
from checker.runs.retention import Decision, RunState, StoredRun, prune_reason
from checker.runs.run_folder import RunFolderError, SealKey
from checker.runs.store import Store
from checker.values import show

SCHEMA = "imageset-checker/pruned/2"


class HeldError(CheckerError):
    """A run that may go is locked. `exit_code` is that of a run folder that could not be written."""

    exit_code = 4


def with_key(decisions: Sequence[Decision], key: SealKey | None) -> tuple[Decision, ...]:
    """What goes where one key is at hand: what is said of a signed run is signed by the key of the run, or the run stays.

    Raises:
        InvalidInputError: there is no key, and signed runs go.
    """
    signed = [decision for decision in decisions if decision.goes and _to_sign(decision.run)]
    if signed and key is None:
        number = f"run {signed[0].run.name}" + (f" and {len(signed) - 1} more" if signed[1:] else "")
        message = f"{number} would go, and what says so of a signed run must be signed too"
        raise InvalidInputError(Problem("--sign", message, "add --sign KEY.pem, the key that signed the run"))
    return tuple(_keyed(decision, key) for decision in decisions)


def _keyed(decision: Decision, key: SealKey | None) -> Decision:
    declared = decision.run.fact("public_key")
    if not decision.goes or key is None or declared in ("", key.public) or not _to_sign(decision.run):
        return decision
    return replace(decision, goes=False, reason=f"it is signed by another key, {declared}: --sign that one")


def _to_sign(run: StoredRun) -> bool:
    """Whether a run that goes was signed, and nothing says yet that it goes."""
    return run.state is RunState.SEALED and (run.signed or bool(run.fact("public_key")))


def prune(
    store: Store, decision: Decision, keep: Duration, now: datetime, key: SealKey | None = None
) -> None:
    """Removes a run but for its manifest and what says who signed it and accepted it. `pruned.json` is written before
    anything goes, so that what a crash left is known for what it is, and goes at the next time.

    Args:
        store: where the run is.
        decision: `decide`'s, of a run that goes.
        keep: how long runs are kept of which the manifest does not say it.
        now: the present instant.
        key: signs the statement, see `keyed`.

    Raises:
        RunFolderError: a file could not be removed, or is locked.
        InvalidInputError: the store cannot be read.
    """
    run = decision.run
    going = sorted(run.rest & run.own)
    if held := store.held(run.name, going):
        raise HeldError(f"{store.shown}/{run.name}: error: {held}")
    if run.state is RunState.SEALED:
        content = _document(run, run.keep or keep, going, now)
        if PRUNED_SIGNATURE in run.files:  # pruning that was cut short before it said anything
            store.remove(run.name, [PRUNED_SIGNATURE])
        if key:
            _put(store, run.name, PRUNED_SIGNATURE, key.sign(content))
        _put(store, run.name, PRUNED, content)
    store.remove(run.name, going)


def _put(store: Store, name: str, file: str, content: bytes) -> None:
    """Adds a file to a run, unless another process is faster."""
    store.put(name, file, content)
    if (store.fetch(name, file) / file).read_bytes() != content:
        raise RunFolderError(f"{store.shown}/{name}", f"another process has just written {file}")


def _document(run: StoredRun, keep: Duration, going: Iterable[str], now: datetime) -> bytes:
    assert run.sealed
    return json_bytes(
        {
            "schema": SCHEMA,
            "run": run.name,
            "manifest": run.sealed.sha256,
            "at": iso(now),
            "keep": show(keep),
            "reason": prune_reason(run.sealed.sealed_at, keep),
            "removed": list(going),
            "tool_version": __version__,
        }
    )


def json_bytes(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()
