"""A finding has the ARN that an answer gave of its image set or data store, and none where no answer did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import checker
from checker.aws.actions import GET_DATASTORE, GET_IMAGE_SET
from checker.snapshot.records import PROPERTIES, Record
from tests.answers import STORE, answer, failure, image_set_id
from tests.evaluation.test_provenance import KEY, STATE, found, got, listed, record, store
from tests.evaluation.test_provenance import findings as judged

ONE, TWO, THREE = map(image_set_id, (1, 2, 3))
ARN = "arn:aws-us-gov:medical-imaging:us-gov-west-1:111122223333:datastore/"


def arns(rule: dict[str, Any], *records: Record, others: Sequence[dict[str, Any]] = ()) -> list[str | None]:
    return [finding.arn for finding in judged(rule, records, others=others) if finding.rule.id == "r"]


def named(said: Record, **members: Any) -> Record:
    """A record of GetImageSet with these members too."""
    assert said.answer is not None
    return record(GET_IMAGE_SET, 1, said.image_set_id, {**said.answer, **members})


def test_it_is_that_of_the_answer_and_none_is_made_of_its_parts() -> None:
    arn = f"{ARN}{'d' * 32}/imageset/{'1' * 32}"
    assert arns(STATE, named(got(1), imageSetArn=arn)) == [arn]
    assert arns(STATE, got(1)) == [None]
    # a search says none
    assert arns({"deny": {"isPrimary": True}}, found(1)) == [None]
    assert arns(STATE, record(GET_IMAGE_SET, 1, error=("AccessDeniedException", "no"))) == [None]


def test_a_version_has_that_of_its_image_set() -> None:
    rule = {"scope": "version", **STATE}
    arn = f"{ARN}{'d' * 32}/imageset/{'1' * 32}"
    records = [named(got(1), imageSetArn=arn), listed(1), listed(1, "2" * 32)]
    # where there are rules on image sets, so that these are in the snapshot
    assert arns(rule, *records, others=[STATE]) == [arn, None]
    assert arns(rule, listed(1)) == [None]


def test_a_data_store_has_its_own() -> None:
    said = store(1)
    assert said.answer is not None
    properties = {**said.answer[PROPERTIES], "datastoreArn": ARN + "d" * 32}
    rule = {"scope": "datastore", **KEY}
    assert arns(rule, record(GET_DATASTORE, 1, None, {PROPERTIES: properties}), got(1)) == [ARN + "d" * 32]
    assert arns(rule, said, got(1)) == [None]


def test_reports_of_recorded_answers_have_it_and_both_forms_of_the_results_say_the_same(
    tmp_path: Path,
) -> None:
    rule = {"id": "r", "title": "t", "severity": "low", "deny": {"imageSetState": "ACTIVE"}}
    (tmp_path / "p.yaml").write_text(
        json.dumps({"version": 1, "pack": "p", "owner": "PACS", "rules": [rule]})
    )
    arn = f"{ARN}{STORE}/imageset/{ONE}"
    (tmp_path / "a.json").write_text(json.dumps([answer(ONE, imageSetArn=arn), answer(TWO), failure(THREE)]))
    policies = checker.load([str(tmp_path / "p.yaml")])
    rules = checker.choose(policies)
    evidence = checker.recorded([str(tmp_path / "a.json")], policies, needs=rules.needs)
    run = checker.evaluate(rules, evidence)
    checker.report(run, {"json": tmp_path / "r.json", "ndjson": tmp_path / "r.ndjson"})
    found = json.loads((tmp_path / "r.json").read_bytes())["findings"]
    assert {item["imageSetId"]: item["arn"] for item in found} == {ONE: arn, TWO: None, THREE: None}
    assert {item["owner"] for item in found} == {"PACS"}
    lines = [json.loads(line) for line in (tmp_path / "r.ndjson").read_bytes().splitlines()]
    assert [line["finding"] for line in lines if line["type"] == "finding"] == found
