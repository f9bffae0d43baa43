"""What people said of runs as baselines: accepted, or revoked; files beside a run, each signed where the run is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from checker.instants import iso
from checker.layout import PRUNED
from checker.model import Acceptance
from checker.problems import InvalidInputError, Problem
from checker.runs import run_reader
from checker.runs.authenticity import Keys, signature_error
from checker.runs.run_folder import SealKey, is_statement, sign_document, statement_name
from checker.runs.store import Store
from checker.values import BadValueError, parse_time

SCHEMA = "imageset-checker/baseline/1"

_PRUNED_HINT = "it says when the run was pruned"


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
    while store.has(run, name := statement_name(len(found) + 1)):
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
    first = statement_name(1)
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
        name = statement_name(item.number)
        document = json.loads((store.fetch(item.run, name) / name).read_bytes())
        problems.append(signature_error(f"{store.shown}/{item.run}/{name}", document, keys))
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
        wanted.append(
            (run, statement_name(number), item.get("sha256"), "it says whether a baseline is accepted")
        )
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
    named = {statement_name(item + 1) for item in range(number)}
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
    key: SealKey | None = None,
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
    content = (json.dumps(sign_document(document, key), indent=2, ensure_ascii=False) + "\n").encode()
    store.put(run, statement_name(len(said) + 1), content)
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
