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
from itertools import dropwhile, islice
from typing import Any, Literal

from checker.instants import iso
from checker.judgement.gate import Gate
from checker.judgement.seal import gate_of
from checker.layout import PRUNED
from checker.model import Acceptance, Outcome, Severity
from checker.problems import InvalidInputError, Problem
from checker.runs import run_reader
from checker.runs.authenticity import Keys, unsigned
from checker.runs.run_folder import Key, is_statement, signed, statement
from checker.runs.run_reader import Kept
from checker.runs.store import Store
from checker.values import BadValueError, parse_time

SCHEMA = "imageset-checker/baseline/1"
_PRUNED_HINT = "it says when the run was pruned"
ACCEPT = "imageset-checker baseline accept RUN --reason TEXT --by NAME"


@dataclass(frozen=True)
class Baseline:
    """The baseline of an audit: the run, and who accepted it where its gate did not pass. `carries` says whether what it
    was compared with stands too. Without a run, `laxer` is the last one whose gate passed that counted less than the
    present one, if there is any, and `revoked` whether somebody accepted a run and took that back."""

    run: Kept | None = None
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
    known: Kept | None = None,
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
    every = run_reader.newest(store, audit, real=True)
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
        kept = known if known and known.name == name else run_reader.reopened(store, name, keys)
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
        path, where = store.fetch(run, name) / name, f"{store.shown}/{run}/{name}"
        if path.is_symlink():
            raise InvalidInputError(Problem(where, "is a link, and no run has any"))
        content = path.read_bytes()
        try:
            document = json.loads(content)
            item = _read(document, run, len(found) + 1, hashlib.sha256(content).hexdigest())
        except (ValueError, KeyError, TypeError, BadValueError, RecursionError):
            hint = "`baseline accept` and `baseline revoke` write such files"
            raise InvalidInputError(Problem(where, "this is no statement on a baseline", hint)) from None
        manifest = hashlib.sha256(store.manifest(run) or b"").hexdigest()
        if document["manifest"] != manifest or document["previous"] != (found[-1].sha256 if found else None):
            message = "it does not fit the run, or the statement before it: one of them was altered"
            raise InvalidInputError(Problem(where, message))
        found.append(item)
    return tuple(found)


def all_statements(store: Store) -> tuple[Acceptance, ...]:
    """What was said of the runs of a store as baselines, by run, oldest first.

    Raises:
        InvalidInputError: a statement cannot be read, or does not fit the run or the one before it.
    """
    first = statement(1)
    return tuple(
        item
        for name, files in sorted(store.contents().items())
        if first in files
        for item in statements(store, name)
    )


def unsigned_statements(store: Store, keys: Keys, *, of: str = "") -> list[Problem]:
    """The statements of a store, or `of` one run, that are not signed with any of the keys, but for those that a run names:
    its signature holds for them too.

    Raises:
        InvalidInputError: a statement cannot be read, or does not fit the run or the one before it.
    """
    named = {
        (item.get("run"), item.get("number"), item.get("sha256"))
        for run in store.complete()
        for item in run.facts.get("statements", ())
    }
    problems = []
    for item in statements(store, of) if of else all_statements(store):
        if (item.run, item.number, item.sha256) in named:
            continue
        name = statement(item.number)
        document = json.loads((store.fetch(item.run, name) / name).read_bytes())
        problems.append(unsigned(f"{store.shown}/{item.run}/{name}", document, keys))
    return [problem for problem in problems if problem]


def lost_statements(store: Store, facts: Mapping[str, Any], where: str) -> list[Problem]:
    """What a run's manifest names of what was said of baselines and of pruned runs, and what is gone or another one now.

    Args:
        store: where the runs are.
        facts: what the manifest of the run says.
        where: what to call the run.
    """
    named = facts.get("statements")
    wanted, problems = [], []
    for item in named if isinstance(named, list) else []:
        run, number = (item.get("run"), item.get("number")) if isinstance(item, dict) else (None, None)
        if not isinstance(run, str) or not isinstance(number, int):
            problems.append(Problem(where, "the manifest names a statement on a baseline that is none"))
            continue
        wanted.append((run, statement(number), item.get("sha256"), "it says whether a baseline is accepted"))
    wanted += [(item["run"], PRUNED, item["sha256"], _PRUNED_HINT) for item in facts.get("pruned") or ()]
    names = store.names() if wanted else ()
    for run, name, digest, hint in wanted:
        if run not in names:
            continue
        there = store.has(run, name)
        content = (store.fetch(run, name) / name).read_bytes() if there else b""
        if not there or hashlib.sha256(content).hexdigest() != digest:
            message = f"{run}/{name} is {'not the one that was there' if there else 'not there any more'}"
            problems.append(Problem(where, message, hint))
    return problems


def strange_statements(store: Store, run: str, keys: Keys | None = None) -> list[Problem]:
    """What is wrong with the files beside a run that are called as statements on a baseline are; with keys also that one is
    not signed with any of them."""
    try:
        number = len(statements(store, run))
        other = unsigned_statements(store, keys, of=run) if keys and number else []
    except InvalidInputError as error:
        return list(error.problems)
    named = {statement(item + 1) for item in range(number)}
    files = store.contents().get(run, frozenset())
    return other + [
        Problem(f"{store.shown}/{run}/{name}", "was added after the run", "it is no statement on a baseline")
        for name in sorted(files)
        if is_statement(name) and name not in named
    ]


def declare(
    store: Store,
    run: str,
    action: Literal["accept", "revoke"],
    *,
    reason: str,
    by: str,
    at: datetime,
    key: Key | None = None,
) -> Acceptance:
    """Puts a statement beside a run.

    Args:
        store: where the run is.
        run: its name.
        action: whether its findings are let stand from now on.
        reason: why.
        by: who says so.
        at: the present instant.
        key: signs the statement; on a run that is signed nothing can be said without one.

    Raises:
        InvalidInputError: there is no such complete run, it says so already, it is none that can be a baseline, or it is
            signed and there is no key.
        RunFolderError: the file could not be written.
    """
    facts, manifest = (
        run_reader.manifest_of(store, run),
        hashlib.sha256(store.manifest(run) or b"").hexdigest(),
    )
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
    if facts.get("public_key") and key is None:
        hint = "name the private key that signs it"
        problems.append(Problem("--sign", "the run is signed, and so is what is said of it", hint))
    said = statements(store, run)
    if (said[-1].action if said else "revoke") == action:
        problems.append(Problem(run, "it is accepted already" if said else "nobody has accepted it"))
    if problems:
        raise InvalidInputError(problems)
    document = {
        "schema": SCHEMA, "action": action, "run": run, "manifest": manifest, "reason": reason.strip(), "by": by.strip(),
        "at": iso(at), "previous": said[-1].sha256 if said else None,
    }  # fmt: skip
    content = (json.dumps(signed(document, key), indent=2, ensure_ascii=False) + "\n").encode()
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


def as_strict(facts: Mapping[str, Any], gate: Gate) -> bool:
    """Whether the gate of a run counted fails of each severity that another gate counts, if only beyond a maximum."""
    try:
        own = gate_of(facts["gate"])
    except (KeyError, ValueError, TypeError, AttributeError, BadValueError):
        return False
    return all(own.reaches(severity) for severity in Severity if gate.reaches(severity))
