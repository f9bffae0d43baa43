"""Runs the tests inside rules through the same engine as an audit: records, snapshot, evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from checker.evaluation import read
from checker.evidence.records import NOT_FOUND, Record, arn_parts
from checker.evidence.snapshot import write_records, write_snapshot
from checker.model import Case, Label, Rule, Verdict
from checker.policy.load import Policies
from checker.policy.params import Bound, bind, used
from checker.values import iso

STORE = "0123456789abcdef0123456789abcdef"
ARN = f"arn:aws:medical-imaging:us-east-1:123456789012:datastore/{STORE}/imageset/"


@dataclass(frozen=True, slots=True)
class Proved:
    """A test of a rule with the verdict it got; `missing` names parameters that neither it nor the policy gives."""

    rule: Rule
    case: Case
    verdict: Verdict | None
    reason: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.verdict is self.case.expect


def run_cases(policies: Policies) -> list[Proved]:
    """Every test of every rule, in order.

    Raises:
        InvalidInputError: a test gives parameters that do not fit each other.
    """
    proved = []
    for pack in policies.packs:
        for rule in pack.rules:
            given = {name: param.default for name, param in {**pack.params, **rule.params}.items()}
            groups: dict[tuple[datetime, str], list[int]] = {}
            for index, case in enumerate(rule.tests):
                groups.setdefault((case.as_of, repr(sorted(case.params.items()))), []).append(index)
            results: dict[int, Proved] = {}
            for (as_of, _), indexes in groups.items():
                cases = [rule.tests[index] for index in indexes]
                results |= zip(
                    indexes,
                    _prove(rule, cases, {**given, **cases[0].params}, as_of, pack.labels),
                    strict=True,
                )
            proved += [results[index] for index in sorted(results)]
    return proved


def _prove(
    rule: Rule,
    cases: Sequence[Case],
    values: Mapping[str, object],
    as_of: datetime,
    labels: Mapping[str, Label],
) -> Iterable[Proved]:
    missing = tuple(name for name in used(rule) if values.get(name) is None)
    if missing:
        return [Proved(rule, case, None, missing=missing) for case in cases]
    bound: Bound = {name: values[name] for name in used(rule)}  # type: ignore[misc]
    ready = bind(rule, bound)
    with TemporaryDirectory(prefix="imageset-checker-") as folder:
        records, snapshot = Path(folder) / "records.jsonl", Path(folder) / "image_sets.parquet"
        described = [record(case, index) for index, case in enumerate(cases)]
        order = sorted(range(len(cases)), key=lambda index: (described[index].image_set_id, index))
        write_records(described, records)
        write_snapshot(records, snapshot, labels)
        results = {}
        for judged in read.subjects([ready], snapshot, as_of, lambda _verdict, _severity: True):
            for index, (_, verdict, finding) in zip(order, judged, strict=True):
                results[index] = Proved(rule, cases[index], verdict, finding.reason if finding else None)
    return [results[index] for index in range(len(cases))]


def record(case: Case, index: int) -> Record:
    """The record that a test describes: a healthy answer with what `given` changes. The index keeps rows apart."""
    given = {path: _wire(value) for path, value in case.given.items()}
    image_set_id = given.get("imageSetId") or f"{index:032}"
    common: dict[str, Any] = {
        "target": "test",
        "image_set_id": image_set_id,
        "datastore_id": STORE,
        "version": index,
        "labels": case.labels,
    }
    if case.error or not case.found:
        return Record(**common, error=(case.error or NOT_FOUND, ""))
    answer = healthy(image_set_id, case.as_of) | given
    answer = arn_parts(answer.get("imageSetArn") or "") | answer
    nested: dict[str, Any] = {}
    for path, value in answer.items():
        head, _, rest = path.partition(".")
        if value is not None:
            nested[head] = {**nested.get(head, {}), rest: value} if rest else value
    collected = case.given.get("collectedAt")
    return Record(
        **common, answer=nested, collected_at=collected if isinstance(collected, datetime) else None
    )


def healthy(image_set_id: str, as_of: datetime) -> dict[str, Any]:
    """The answer for an image set with which nothing is wrong, by path."""
    yesterday = iso(as_of - timedelta(days=1))
    return {
        "datastoreId": STORE,
        "imageSetId": image_set_id,
        "versionId": "1",
        "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED",
        "createdAt": yesterday,
        "updatedAt": yesterday,
        "lastAccessedAt": yesterday,
        "imageSetArn": ARN + image_set_id,
        "isPrimary": True,
        "storageTier": "FREQUENT_ACCESS",
    }


def _wire(value: object) -> Any:
    """A typed value as an answer's JSON holds it."""
    if isinstance(value, datetime):
        return iso(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
