"""The run whose findings the gate of `new_only` lets stand: accepted, revoked, and which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from checker.judgement.baseline import Baseline, find_baseline
from checker.judgement.baseline_statements import all_statements, declare
from checker.judgement.gate import Gate, gate
from checker.judgement.previous_runs import verify_store_links
from checker.judgement.seal import gate_of
from checker.model import Acceptance, utc_now
from checker.runs import prune_statements, run_reader
from checker.runs.authenticity import read_keys
from checker.runs.run_names import collected_runs
from checker.runs.signature import signing_key
from checker.workflow.comparison import Warn, audit_name, ignore
from checker.workflow.run_lookup import config_in_force, find, store_of

if TYPE_CHECKING:
    from checker.config import AuditConfig


@dataclass(frozen=True)
class BaselineState:
    """The baseline of an audit, and all that was said of runs of its store as baselines, oldest first. `statement` is what was
    just said, if anything was."""

    baseline: Baseline
    statements: tuple[Acceptance, ...]
    statement: Acceptance | None = None


def declare_baseline(
    run: str,
    action: Literal["accept", "revoke"],
    *,
    reason: str,
    by: str,
    config: AuditConfig | str | Path | None = None,
    sign: str | None = None,
    warn: Warn = ignore,
) -> BaselineState:
    """Says beside a kept run that its findings are let stand, or not any more.

    Args:
        run: its path, or how its store calls it.
        action: `accept` or `revoke`.
        reason: why.
        by: who says so.
        config: audit.yaml, or its path; that of the present folder unless given.
        sign: the file of the private key that signs what is said: that of the run, where it is signed.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: there is no such run, it was altered, or the key is not its own.
    """
    own = config_in_force(config, needed=True)
    key = signing_key(Path(sign)) if sign else None
    keys = read_keys(key)
    store, kept = find(run, own, keys=keys)
    if keys is not None:
        warn(verify_store_links(store, keys=keys)[0])
    prune_statements.refuse_false_prunings(store)
    said = declare(store, kept.name, action, reason=reason, by=by, at=utc_now(), key=key)
    asked = gate(own) if own is not None and own.name == kept.audit else gate_of(kept.facts["gate"])
    return BaselineState(find_baseline(store, kept.audit, asked), tuple(all_statements(store)), said)


def baseline_state(
    runs: str | None = None, *, name: str | None = None, config: AuditConfig | str | Path | None = None
) -> BaselineState:
    """The baseline of an audit, and what was said of it.

    Args:
        runs: where the runs are; the store of audit.yaml unless given.
        name: the audit, where the store has runs of several.
        config: audit.yaml, or its path; that of the present folder unless `runs` is given.

    Raises:
        InvalidInputError: nothing says where the runs are, or there is no complete run of the audit.
    """
    own = config_in_force(config, needed=runs is None)
    store = store_of(runs, own)
    prune_statements.refuse_false_prunings(store)
    wanted = audit_name(collected_runs(store), name, own, store.shown)
    last = next(run_reader.newest_manifests(store, wanted, real=True), None)
    recorded = gate_of(last["gate"]) if last else Gate()
    asked = gate(own) if own is not None and own.name == wanted else recorded
    return BaselineState(find_baseline(store, wanted, asked), tuple(all_statements(store)))
