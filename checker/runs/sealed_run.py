"""Complete runs as their manifests describe them, and the order in which they were sealed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import Any

from checker.runs.manifest_form import manifest_error
from checker.runs.run_folder import SCHEMA
from checker.values import STRICT_JSON, parse_time


@dataclass(frozen=True, slots=True)
class SealedRun:
    """A complete run as its manifest describes it: its name in the store, when it was sealed, the sha256 of the manifest,
    and what the manifest says."""

    name: str
    sealed_at: datetime
    sha256: str
    facts: Mapping[str, Any]


def read_manifest(name: str, content: bytes) -> SealedRun | None:
    """A manifest of a run called `name`; None where it is none of ours, or damaged: `damage` says how."""
    if manifest_damage(content):
        return None
    facts = json.loads(content)
    return SealedRun(name, parse_time(facts["sealed_at"]), hashlib.sha256(content).hexdigest(), facts)


def manifest_damage(content: bytes) -> str:
    """What is wrong with a manifest; empty where nothing is."""
    try:
        # of a name that is there twice other readers take the first one
        facts = json.loads(content.decode("utf-8"), **STRICT_JSON)
    except (ValueError, RecursionError):
        return "it is no JSON in UTF-8 with each name once"
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        return f"it is of no schema {SCHEMA}"
    return manifest_error(facts).removeprefix(".")


def previous_runs(run: SealedRun) -> dict[str, str]:
    """The runs that a run names as those before it, each with the sha256 of its manifest."""
    named = run.facts.get("previous")
    entries = named if isinstance(named, list) else []
    return {
        str(entry["run"]): str(entry["sha256"])
        for entry in entries
        if isinstance(entry, dict) and len(entry) == 2
    }


def sort_runs(runs: Iterable[SealedRun]) -> tuple[SealedRun, ...]:
    """Runs after those that they name; where that leaves a choice by the time at which they were sealed. The links come
    first, since a clock may be wrong."""
    left = {run.name: run for run in runs}
    links = {name: [item for item in previous_runs(run) if item in left] for name, run in left.items()}
    order, ready = TopologicalSorter(links), list[tuple[datetime, str]]()
    found: list[SealedRun] = []
    try:
        order.prepare()
    except CycleError:  # runs that name one another in a circle were forged
        return tuple(sorted(left.values(), key=lambda run: (run.sealed_at, run.name)))
    while order.is_active():
        for name in order.get_ready():
            heappush(ready, (left[name].sealed_at, name))
        _, name = heappop(ready)
        found.append(left[name])
        order.done(name)
    return tuple(found)
