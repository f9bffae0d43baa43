"""`baseline accept|revoke|show`: the run whose findings the gate of `new_only` lets stand."""

from __future__ import annotations

from typing import Literal

from checker import api
from checker.cli.console import print_line, print_warnings
from checker.model import Acceptance, Outcome
from checker.problems import one_line


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
    state = api.declare_baseline(
        run, action, reason=reason, by=by, config=config, sign=sign, warn=print_warnings
    )
    said, found = state.statement, state.baseline.run
    assert said is not None
    word = "accepted" if action == "accept" else "revoked"
    print_line(f"{word}  {said.run}, by {one_line(said.by)}: {one_line(said.reason)}")
    _show(state)
    if action == "accept" and found is not None and found.name != said.run:
        print_line(f"note: run {found.name} is later, and its gate passed: that one is the baseline")
    return 0


def show(runs: str | None, name: str | None, config: str | None) -> int:
    """Prints the baseline of an audit, and what was said of it."""
    _show(api.baseline_state(runs, name=name, config=config))
    return 0


def _show(state: api.BaselineState) -> None:
    found = state.baseline
    if found.run is None:
        print_line(found.missing())
    else:
        fails = sum(rule.get("fail", 0) for rule in found.run.facts.get("summary", {}).get("rules", ()))
        why = "it was accepted" if found.acceptance else "its gate passed"
        print_line(f"baseline  {found.run.name}, as of {api.iso(found.run.as_of)}: {why}; {_count(fails)}")
        if found.run.facts.get("outcome") == Outcome.INCOMPLETE.value:
            print_line(
                "note      not everything could be found out in it: of the rest stands what stood before it"
            )
    for acceptance in state.statements:
        print_line(_said(acceptance))


def _count(fails: int) -> str:
    return "1 unwaived fail of its own" if fails == 1 else f"{fails:,} unwaived fails of its own"


def _said(acceptance: Acceptance) -> str:
    word = "accepted" if acceptance.action == "accept" else "revoked "
    return f"{word}  {acceptance.run}, {api.iso(acceptance.at)}, by {one_line(acceptance.by)}: {one_line(acceptance.reason)}"
