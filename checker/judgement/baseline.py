"""The baseline of `new_only`: the last run of an audit whose gate passed, or one that somebody accepted.

Who accepts a run, or takes that back, says so in a file beside it: `baseline-1.json`, `baseline-2.json` and so on, each
with the sha256 of the one before; the last one counts. Nothing of the run itself changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import dropwhile, islice
from typing import Any

from checker.judgement.baseline_statements import acceptance, all_statements
from checker.judgement.gate import Gate
from checker.judgement.seal import gate_of
from checker.model import Acceptance, Outcome, Severity
from checker.runs import run_reader
from checker.runs.authenticity import Keys
from checker.runs.run_reader import RecordedRun
from checker.runs.store import Store
from checker.values import BadValueError

ACCEPT = "imageset-checker baseline accept RUN --reason TEXT --by NAME"


@dataclass(frozen=True)
class Baseline:
    """The baseline of an audit: the run, and who accepted it where its gate did not pass. `carries` says whether what it
    was compared with stands too. Without a run, `laxer` is the last one whose gate passed that counted less than the
    present one, if there is any, and `revoked` whether somebody accepted a run and took that back."""

    run: RecordedRun | None = None
    acceptance: Acceptance | None = None
    laxer: str = ""
    carries: bool = True
    revoked: bool = False

    def missing(self) -> str:
        """What there is to say where there is none."""
        why = "no run of this audit has passed its gate, and none was accepted"
        if self.laxer:
            why = f"the gate of run {self.laxer} passed, but it counted less than this one"
        elif self.revoked:
            why = "no run of this audit has passed its gate, and it was taken back that one was accepted"
        return f"No baseline yet, so all findings count: {why}. To accept those of a run: `{ACCEPT}`."


def find_baseline(
    store: Store,
    audit: str,
    gate: Gate,
    known: RecordedRun | None = None,
    *,
    before: str = "",
    keys: Keys | None = None,
) -> Baseline:
    """The baseline of an audit.

    Args:
        store: where its runs are.
        audit: the audit's name.
        gate: the present gate: a run that passed one which counted less has not shown that it passes this one.
        known: a run that was reopened already.
        before: the run whose baseline it is; the next one's unless given.
        keys: those of which one must have signed it.

    Raises:
        InvalidInputError: the baseline was altered, or is not signed with any of the keys, or a statement on a run cannot be read.
    """
    laxer = ""
    every = run_reader.newest_manifests(store, audit, real=True)
    if before:
        every = islice(dropwhile(lambda facts: facts["run"] != before, every), 1, None)
    for facts in every:
        name = str(facts["run"])
        accepted = acceptance(store, name)
        if accepted is None and not _stands(store, facts):
            continue
        if accepted is None and not as_strict(facts, gate):
            laxer = laxer or name
            continue
        kept = known if known and known.name == name else run_reader.open_run(store, name, keys)
        return Baseline(kept, accepted, carries=still_stands(store, facts, gate))
    said = all_statements(store)
    return Baseline(laxer=laxer, revoked=any(item.action == "revoke" for item in said))


def _stands(store: Store, facts: Mapping[str, Any] | None) -> bool:
    """Whether the gate of a run passed, and so did those of the runs that it was compared with, unless somebody accepts
    them: what was let stand because of a run that does not stand has not passed."""
    seen = set()
    while facts is not None and facts.get("outcome") == Outcome.PASSED.value and facts["run"] not in seen:
        seen.add(facts["run"])
        before = _part(facts, "baseline")
        if not _part(facts, "gate").get("new_only") or not before:
            return True
        run = str(before.get("run", ""))
        if acceptance(store, run) is not None:
            return True
        then = run_reader.manifest_of(store, run) if before.get("kind") != "accepted" else None
        # a run that a user names has passed its own gate, which may have counted less
        if then is None or (before.get("kind") == "named" and not _as_strict_as(then, facts)):
            return False
        facts = {**then, "run": run}
    return False


def _as_strict_as(facts: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    try:
        return as_strict(facts, gate_of(other["gate"]))
    except (KeyError, ValueError, TypeError, AttributeError, BadValueError):
        return False


def still_stands(store: Store, facts: Mapping[str, Any], gate: Gate) -> bool:
    """Whether the baseline that a run had is one still, for a gate of now; so it is taken to be where it is not in the
    store.

    Args:
        store: where the run is.
        facts: what its manifest says.
        gate: the gate that its evidence is judged by.
    """
    named = _part(_part(facts, "candidates"), "baseline")
    run = str(named.get("run", ""))
    then = run_reader.manifest_of(store, run) if run in store.names() else None
    if then is None or acceptance(store, run) is not None:
        return True
    return named.get("kind") != "accepted" and _stands(store, {**then, "run": run}) and as_strict(then, gate)


def _part(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a manifest; nothing where there is none, or it is damaged."""
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def as_strict(facts: Mapping[str, Any], gate: Gate) -> bool:
    """Whether the gate of a run counted fails of each severity that another gate counts, if only beyond a maximum."""
    try:
        own = gate_of(facts["gate"])
    except (KeyError, ValueError, TypeError, AttributeError, BadValueError):
        return False
    return all(own.reaches(severity) for severity in Severity if gate.reaches(severity))
