"""Runs to compare, each judged for real: a policy, image sets, waivers and an instant in a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from checker.compare.diff import ComparedRun
from checker.evaluation.engine import evaluate
from checker.model import Location, Verdict, Waiver
from checker.policy.load import load
from checker.policy.rule_selection import choose
from checker.snapshot.recorded_answers import read_recorded
from checker.snapshot.writer import write_records, write_snapshot
from checker.values import parse_date, parse_time
from tests.language.engine import document
from tests.language.strategies import IDS, STORES

PACK = "p"
LABELS = {"kind": {"type": "string"}}


def rule(name: str = "forced", **members: Any) -> dict[str, Any]:
    """A rule; no forced version unless told otherwise."""
    found = {"id": name, "title": name, "severity": "high", "message": "said {{ versionId }}"} | members
    return found if {"deny", "require"} & set(found) else found | {"deny": {"overrides.forced": True}}


def image_set(number: int = 0, *, error: str = "", labels: Any = None, **members: Any) -> dict[str, Any]:
    """A record of one image set, which is in order unless told otherwise."""
    item = {"imageSetId": IDS[number], "target": "archive", "labels": labels or {}}
    if error:
        return item | {"error": error}
    answer = {
        "datastoreId": STORES[0],
        "imageSetId": IDS[number],
        "versionId": "1",
        "imageSetState": "ACTIVE",
        "createdAt": "2026-01-01T00:00:00Z",
    }
    return item | {"answer": answer | members}


FORCED = {"overrides": {"forced": True}}


def waiver(name: str = "forced", **members: Any) -> Waiver:
    """A waiver of the first image set."""
    given = {
        "number": 1,
        "rule": f"{PACK}/{name}",
        "reason": "agreed",
        "owner": "a",
        "approved_by": "b",
        "created": parse_date("2026-01-01"),
        "expires": parse_date("2026-12-31"),
        "where": Location("waivers.yaml", 2, 5),
        "image_sets": (IDS[0],),
        "covers": Verdict.FAIL,
    }
    return Waiver(**(given | members))


def ran(
    folder: Path,
    records: Sequence[dict[str, Any]],
    rules: Sequence[dict[str, Any]] = (),
    as_of: str = "2026-01-10T00:00:00Z",
    waivers: Sequence[Waiver] = (),
    flags: dict[str, str] | None = None,
    params: dict[str, Any] | None = None,
) -> ComparedRun:
    """A run in a folder, with its findings."""
    folder.mkdir(parents=True)
    policy = {"version": 1, "pack": PACK, "labels": LABELS, "rules": list(rules or [rule()])}
    if params:
        policy["params"] = params
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
    policies = load([str(folder / "policy.yaml")])
    chosen = choose(policies, params=flags)
    documents = [
        document(record) | ({"datastoreId": STORES[0]} if "error" in record else {}) for record in records
    ]
    (folder / "recorded.json").write_text("\n".join(map(json.dumps, documents)), encoding="utf-8")
    read = read_recorded([str(folder / "recorded.json")], policies.labels)
    write_records([replace(field, target="archive") for field in read], folder / "records.jsonl")
    write_snapshot(folder / "records.jsonl", folder, policies.labels, chosen.needs)
    moment = parse_time(as_of)
    evaluate(chosen.rules, folder, moment, waivers, policies.labels)
    digest = hashlib.sha256((folder / "records.jsonl").read_bytes()).hexdigest()
    return ComparedRun(
        folder.name, "archive", folder, digest, chosen.rules, policies.labels, tuple(waivers), moment, "1"
    )
