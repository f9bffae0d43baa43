"""Runs as arguments of commands: a run folder, an address in S3, or a name in the store that audit.yaml names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from checker import api
from checker.audit.compare import Earlier
from checker.cli.options import DEFAULT_CONFIG
from checker.evidence import past
from checker.evidence.past import Kept
from checker.evidence.runfolder import FINDINGS
from checker.evidence.store import Store, locate


def find(run: str) -> tuple[Store, Kept]:
    """A run and the store that it is in.

    Raises:
        InvalidInputError: there is no such complete run, or it was altered.
    """
    store, name = locate(run, *configured(run))
    folder = Path(run)
    # a folder says better than its parent what is wrong with it
    return store, past.reopen(folder) if folder.is_dir() else past.named(store, name)


def configured(run: str) -> tuple[str | None, Path | None]:
    """The store of audit.yaml in the present folder, and what it is relative to, where a name is all that is given."""
    path = Path(DEFAULT_CONFIG)
    if "://" in run or Path(run).is_dir() or not path.is_file():
        return None, None
    config = api.configure(path)
    return config.runs, config.root


def around(store: Store, old: Kept, new: Kept, most: int) -> tuple[list[Earlier], list[Earlier]]:
    """Other runs of the same audit in the store of the new one, the latest of them: those before the old run and those
    between the two, oldest first."""
    facts = list(past.earlier(store, new.audit)) if old.audit == new.audit else []
    names = [str(one.get("run")) for one in facts]
    if old.name not in names or new.name not in names or names.index(old.name) < names.index(new.name):
        return [], []
    last, first = names.index(new.name), names.index(old.name)
    between = range(last + 1, first)[:most]
    before = range(first + 1, len(names))[: most - len(between)]
    return _kept(store, facts, before), _kept(store, facts, between)


def _kept(store: Store, facts: Sequence[Mapping[str, Any]], chosen: range) -> list[Earlier]:
    """The findings of some runs as they wrote them, oldest first; those that are gone or altered are left out."""
    found = []
    for one in (facts[index] for index in reversed(chosen)):
        name = str(one["run"])
        if not store.has(name, FINDINGS):
            continue
        folder = store.fetch(name, FINDINGS)
        if past.altered(folder, FINDINGS, one.get("files", {})) is None:
            found.append((folder / FINDINGS, frozenset(map(str, one.get("rules", ())))))
    return found
