"""The engine, driven through its stages: a policy's YAML is loaded, records are recorded, and each rule judges each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

import checker
from checker.evaluation import engine, finding_reader
from checker.model import Finding, Label, Subject, Tally
from checker.policy.needs import needs
from checker.snapshot.recorded_answers import read_recorded
from checker.snapshot.records import Record
from checker.snapshot.writer import write_records, write_snapshot
from checker.values import parse_time
from tests.language import evidence


@dataclass(frozen=True)
class Judged:
    """What the engine says: a verdict by rule and image set, the tallies by rule and the findings."""

    verdicts: Mapping[tuple[str, str], str]
    tallies: Mapping[str, Tally]
    findings: tuple[Finding, ...]


def judge(
    policy: Mapping[str, Any],
    records: Iterable[Mapping[str, Any]],
    as_of: str,
    flags: Mapping[str, str] | None = None,
    *,
    every: bool = True,
) -> Judged:
    """Every rule of the policy on every record. Reading back passes too is slow: without `every` they are only counted."""
    listed = list(records)
    return _judged(
        policy, as_of, flags, every, lambda folder, labels: recorded(listed, folder, labels), _image_set
    )


def judge_world(
    policy: Mapping[str, Any],
    world: Mapping[str, Any],
    as_of: str,
    flags: Mapping[str, str] | None = None,
    *,
    every: bool = True,
) -> Judged:
    """As `judge`, of evidence that a collection wrote (see scope_oracle.py), by the subject's name."""

    def gather(folder: Path, labels: Mapping[str, Label]) -> list[Record]:
        evidence.write_earlier(world, folder)
        return evidence.records(world, labels)

    return _judged(policy, as_of, flags, every, gather, _name)


def _image_set(subject: Subject) -> str:
    return str(subject.image_set_id)


def _name(subject: Subject) -> str:
    return subject.name


def _judged(
    policy: Mapping[str, Any],
    as_of: str,
    flags: Mapping[str, str] | None,
    every: bool,
    gather: Callable[[Path, Mapping[str, Label]], list[Record]],
    key: Callable[[Subject], str],
) -> Judged:
    moment = parse_time(as_of)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "policy.yaml").write_text(
            yaml.safe_dump(dict(policy), allow_unicode=True), encoding="utf-8"
        )
        policies = checker.load([str(folder / "policy.yaml")])
        rules = checker.choose(policies, params=flags).rules
        write_records(gather(folder, policies.labels), folder / "records.jsonl")
        # worlds are random: what is said of one image set is not held against the rest of it
        write_snapshot(folder / "records.jsonl", folder, policies.labels, needs(rules), one_service=False)
        tallies = engine.evaluate(rules, folder, moment)
        found = list(finding_reader.findings(folder, rules, finding_reader.EVERY))
        judged = [(explanation.rule, explanation.subject, explanation.verdict) for explanation in found]
        if every:
            read_back = finding_reader.subjects(rules, folder, moment, finding_reader.EVERY)
            rows = [(rule, *row) for rule, its in zip(rules, read_back, strict=True) for row in its]
            judged = [(rule, subject, verdict) for rule, subject, verdict, _ in rows]
            # what findings.parquet holds is what each subject says of itself, in whatever order they are told
            own = {(item.rule.name, item.subject): item for *_, item in rows if item is not None}
            assert {(explanation.rule.name, explanation.subject): explanation for explanation in found} == own
            assert len(found) == len(own)
    verdicts = {(rule.id, key(subject)): verdict.value for rule, subject, verdict in judged}
    assert len(verdicts) == len(judged)
    return Judged(
        verdicts, {rule.id: tally for rule, tally in zip(rules, tallies, strict=True)}, tuple(found)
    )


def recorded(records: Sequence[Mapping[str, Any]], folder: Path, labels: Mapping[str, Label]) -> list[Record]:
    """The records as the checker reads them from what the AWS CLI prints."""
    lines = [json.dumps(document(record)) for record in records]
    (folder / "recorded.json").write_text("\n".join(lines), encoding="utf-8")
    targets = {record["imageSetId"]: record.get("target", "recorded") for record in records}
    read_back = read_recorded([str(folder / "recorded.json")], labels)
    return [replace(record, target=targets[record.image_set_id]) for record in read_back]


def document(record: Mapping[str, Any]) -> dict[str, Any]:
    """One JSON value: GetImageSet's answer or an error, with the labels beside it."""
    beside = {key: record[key] for key in ("imageSetId", "labels", "collectedAt") if key in record}
    if "answer" in record:
        return {**record["answer"], **beside}
    return {"error": {"code": record["error"], "message": "synthetic"}, **beside}
