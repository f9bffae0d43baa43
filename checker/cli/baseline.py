"""`baseline accept|revoke|show`: the run whose findings the gate of `new_only` lets stand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from checker.cli.console import print_line, print_warnings
from checker.instants import iso
from checker.judgement.baseline import Baseline, find_baseline
from checker.judgement.baseline_statements import all_statements, declare
from checker.judgement.gate import Gate
from checker.judgement.gate import gate as gate_in
from checker.judgement.previous_runs import verify_store_links
from checker.judgement.seal import gate_of
from checker.model import Acceptance, Outcome, utc_now
from checker.problems import InvalidInputError, Problem, one_line, suggest
from checker.runs import prune_statements, run_reader
from checker.runs.authenticity import read_keys
from checker.runs.run_names import collected_runs, own_audit
from checker.runs.signature import signing_key
from checker.runs.store import Store
from checker.workflow.run_lookup import config_in_force, find, store_of


def change(
    run: str,
    action: Literal["accept", "revoke"],
    config: str | None,
    *,
    reason: str,
    by: str,
    sign: str | None,
) -> int:
    """Says beside a run that its findings are let stand, or not any more; then what the baseline is."""
    own = config_in_force(config, needed=True)
    key = signing_key(Path(sign)) if sign else None
    keys = read_keys(key)
    store, kept = find(run, own, keys=keys)
    if keys is not None:
        print_warnings(verify_store_links(store, keys=keys)[0])
    prune_statements.refuse_false_prunings(store)
    said = declare(store, kept.name, action, reason=reason, by=by, at=utc_now(), key=key)
    print_line(
        f"{'accepted' if action == 'accept' else 'revoked'}  {kept.name}, by {one_line(said.by)}: {one_line(said.reason)}"
    )
    gate = gate_in(own) if own is not None and own.name == kept.audit else gate_of(kept.facts["gate"])
    found = find_baseline(store, kept.audit, gate)
    for line in _shown(store, found):
        print_line(line)
    if action == "accept" and found.run is not None and found.run.name != kept.name:
        print_line(f"note: run {found.run.name} is later, and its gate passed: that one is the baseline")
    return 0


def show(runs: str | None, name: str | None, config: str | None) -> int:
    """Prints the baseline of an audit, and what was said of it."""
    own = config_in_force(config, needed=runs is None)
    store = store_of(runs, own)
    prune_statements.refuse_false_prunings(store)
    there = collected_runs(store)
    names = sorted({str(run.facts.get("name", "")) for run in there})
    if name is not None and name not in names:
        hint = suggest(name, names, what="there are")
        raise InvalidInputError(Problem("--name", f"there is no complete run of {name}", hint))
    wanted = name if name is not None else own_audit(there, own.name if own else "", store.shown)
    last = next(run_reader.newest_manifests(store, wanted, real=True), None)
    gate = (
        gate_in(own) if own is not None and own.name == wanted else gate_of(last["gate"]) if last else Gate()
    )
    for line in _shown(store, find_baseline(store, wanted, gate)):
        print_line(line)
    return 0


def _shown(store: Store, found: Baseline) -> list[str]:
    said = [_said(acceptance) for acceptance in all_statements(store)]
    if found.run is None:
        return [found.missing(), *said]
    kept = found.run
    fails = sum(rule.get("fail", 0) for rule in kept.facts.get("summary", {}).get("rules", ()))
    why = "it was accepted" if found.acceptance else "its gate passed"
    lines = [f"baseline  {kept.name}, as of {iso(kept.as_of)}: {why}; {_count(fails)}"]
    if kept.facts.get("outcome") == Outcome.INCOMPLETE.value:
        lines.append(
            "note      not everything could be found out in it: of the rest stands what stood before it"
        )
    return [*lines, *said]


def _count(fails: int) -> str:
    return "1 unwaived fail of its own" if fails == 1 else f"{fails} unwaived fails of its own"


def _said(acceptance: Acceptance) -> str:
    word = "accepted" if acceptance.action == "accept" else "revoked "
    return f"{word}  {acceptance.run}, {iso(acceptance.at)}, by {one_line(acceptance.by)}: {one_line(acceptance.reason)}"
