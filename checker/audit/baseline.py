"""The baseline of `new_only`: the last run of an audit whose gate passed, or one that somebody accepted.

Who accepts a run, or takes that back, says so in a file beside it: `baseline-1.json`, `baseline-2.json` and so on, each
with the sha256 of the one before; the last one counts. Nothing of the run itself changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from checker.audit.gate import Gate
from checker.audit.keeping import gate_of
from checker.evidence import past
from checker.evidence.past import Kept
from checker.evidence.runfolder import statement
from checker.evidence.storing import Store
from checker.model import Acceptance, Outcome, Severity
from checker.problems import InvalidInputError, Problem
from checker.values import BadValueError, iso, parse_time

SCHEMA = "imageset-checker/baseline/1"
ACCEPT = "imageset-checker baseline accept RUN --reason TEXT --by NAME"


@dataclass(frozen=True)
class Baseline:
    """The baseline of an audit: the run, and who accepted it where its gate did not pass. Without a run, `laxer` is the
    last one whose gate passed that counted less than the present one, if there is any."""

    run: Kept | None = None
    acceptance: Acceptance | None = None
    laxer: str = ""

    def missing(self) -> str:
        """What there is to say where there is none."""
        why = (
            f"the gate of run {self.laxer} passed, but it counted less than this one"
            if self.laxer
            else "no run of this audit has passed its gate, and none was accepted"
        )
        return f"No baseline yet, so all findings count: {why}. To accept those of a run: `{ACCEPT}`."


def find_baseline(store: Store, audit: str, gate: Gate, known: Kept | None = None) -> Baseline:
    """The baseline of an audit.

    Args:
        store: where its runs are.
        audit: the audit's name.
        gate: the present gate: a run that passed one which counted less has not shown that it passes this one.
        known: a run that was reopened already.

    Raises:
        InvalidInputError: the baseline was altered, or a statement on a run cannot be read.
    """
    laxer = ""
    for facts in past.newest(store, audit, real=True):
        name = str(facts["run"])
        accepted = acceptance(store, name)
        if accepted is None and facts.get("outcome") != Outcome.PASSED.value:
            continue
        if accepted is None and _revoked(store, facts):
            continue
        if accepted is None and not _as_strict(facts, gate):
            laxer = laxer or name
            continue
        kept = known if known and known.name == name else past.reopened(store, name)
        return Baseline(kept, accepted)
    return Baseline(laxer=laxer)


def _revoked(store: Store, facts: Mapping[str, Any] | None) -> bool:
    """Whether the gate of a run passed over findings of a run that nobody accepts any more."""
    while facts is not None and _part(facts, "gate").get("new_only"):
        before = _part(facts, "baseline")
        run = str(before.get("run", ""))
        if before.get("kind") == "accepted":
            return acceptance(store, run) is None
        facts = past.manifest_of(store, run) if before.get("kind") == "passed" else None
    return False


def _part(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a manifest; nothing where there is none, or it is damaged."""
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def acceptance(store: Store, run: str) -> Acceptance | None:
    """Who accepted a run; None where nobody has, or it was revoked.

    Raises:
        InvalidInputError: a statement on it cannot be read.
    """
    found = statements(store, run)
    return found[-1] if found and found[-1].action == "accept" else None


def statements(store: Store, run: str) -> tuple[Acceptance, ...]:
    """What was said of a run as a baseline, oldest first.

    Raises:
        InvalidInputError: a statement cannot be read, or does not fit the run or the one before it.
    """
    found: list[Acceptance] = []
    while store.has(run, name := statement(len(found) + 1)):
        content = (store.fetch(run, name) / name).read_bytes()
        where = f"{store.shown}/{run}/{name}"
        try:
            document = json.loads(content)
            one = _read(document, run, len(found) + 1, hashlib.sha256(content).hexdigest())
        except (ValueError, KeyError, TypeError, BadValueError, RecursionError):
            hint = "`baseline accept` and `baseline revoke` write such files"
            raise InvalidInputError(Problem(where, "this is no statement on a baseline", hint)) from None
        manifest = hashlib.sha256(store.manifest(run) or b"").hexdigest()
        if document["manifest"] != manifest or document["previous"] != (found[-1].sha256 if found else None):
            message = "it does not fit the run, or the statement before it: one of them was altered"
            raise InvalidInputError(Problem(where, message))
        found.append(one)
    return tuple(found)


def unaccepted(store: Store, facts: Mapping[str, Any], where: str) -> list[Problem]:
    """What is wrong with the word on the baseline that a run rests on: it is gone, or another one than it was.

    Args:
        store: where the runs are.
        facts: what the manifest of the run says.
        where: what to call the run.
    """
    said = _part(_part(facts, "baseline"), "accepted")
    if not said:
        return []
    run, number = str(said.get("run")), said.get("number")
    name = statement(number if isinstance(number, int) else 0)
    there = run in store.names() and store.has(run, name)
    content = (store.fetch(run, name) / name).read_bytes() if there else b""
    if there and hashlib.sha256(content).hexdigest() == said.get("sha256"):
        return []
    message = f"it rests on {run}/{name}, which is {'not the one that was there' if there else 'not there any more'}"
    return [Problem(where, message, "that says who accepted the baseline")]


def declare(
    store: Store, run: str, action: Literal["accept", "revoke"], *, reason: str, by: str, at: datetime
) -> Acceptance:
    """Puts a statement beside a run.

    Args:
        store: where the run is.
        run: its name.
        action: whether its findings are let stand from now on.
        reason: why.
        by: who says so.
        at: the present instant.

    Raises:
        InvalidInputError: there is no such complete run, it says so already, or it is none that can be a baseline.
        RunFolderError: the file could not be written.
    """
    facts, manifest = past.manifest_of(store, run), hashlib.sha256(store.manifest(run) or b"").hexdigest()
    if facts is None:
        raise InvalidInputError(Problem(run, f"there is no complete run {run} in {store.shown}"))
    problems = [
        Problem(flag, "says nothing")
        for flag, text in (("--reason", reason), ("--by", by))
        if not text.strip()
    ]
    for mark, why in (
        ("hypothetical", "its ages are those of another time"),
        ("replay_of", "it judged kept evidence again"),
    ):
        if facts.get(mark):
            problems.append(Problem(run, f"no baseline can rest on this run: {why}"))
    said = statements(store, run)
    if (said[-1].action if said else "revoke") == action:
        problems.append(Problem(run, "it is accepted already" if said else "nobody has accepted it"))
    if problems:
        raise InvalidInputError(problems)
    document = {
        "schema": SCHEMA, "action": action, "run": run, "manifest": manifest, "reason": reason.strip(), "by": by.strip(),
        "at": iso(at), "previous": said[-1].sha256 if said else None,
    }  # fmt: skip
    content = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    store.put(run, statement(len(said) + 1), content)
    return _read(document, run, len(said) + 1, hashlib.sha256(content).hexdigest())


def _read(document: Mapping[str, Any], run: str, number: int, digest: str) -> Acceptance:
    if (
        document["schema"] != SCHEMA
        or document["run"] != run
        or document["action"] not in ("accept", "revoke")
    ):
        raise ValueError
    reason, by = (str(document[name]) for name in ("reason", "by"))
    return Acceptance(document["action"], run, reason, by, parse_time(document["at"]), number, digest)


def _as_strict(facts: Mapping[str, Any], gate: Gate) -> bool:
    """Whether the gate of a run counted whatever the present one does."""
    try:
        own = gate_of(facts["gate"])
    except (KeyError, ValueError, TypeError, BadValueError):
        return False
    return all(own.reaches(one) for one in Severity if gate.reaches(one))
