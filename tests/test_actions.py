"""Every action is one record, which says all that is read of one: as botocore's model does, and as AWS publishes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session
from load_server import LoadService, SyntheticStore
from load_server.messages import Request
from simulator.test_conformance import unknown

from checker.aws.actions import (
    ACTIONS,
    ANY,
    COLLECTED,
    IMAGE_SET,
    PERMITTED,
    RECORDED,
    STORE,
    Action,
    Form,
    on_runs,
)
from checker.collection.rate_limit import PUBLISHED, Limiter
from checker.config import Rate
from checker.model import Source
from checker.policy import needs
from checker.policy.load import load
from checker.simulator.medicalimaging.actions import HANDLERS
from checker.snapshot import answers, columns
from checker.snapshot.records import Record
from checker.snapshot.writer import connect, write_records

# AWS HealthImaging developer guide, "Throttling limits": calls a second, and burst
QUOTAS = {
    "GetImageSet": (25, 50),
    "ListImageSetVersions": (25, 50),
    "GetDatastore": (10, 20),
    "ListTagsForResource": (10, 20),
    "SearchImageSets": (25, 50),
    "ListDatastores": (5, 10),
}
DATASTORE = SyntheticStore("0" * 32, 20, seed=1, tags={"Owner": "x"})
ASKED = {
    "datastoreId": DATASTORE.datastore_id,
    "imageSetId": DATASTORE.id_of(0),
    "resourceArn": DATASTORE.arn,
}


@cache
def operation(name: str) -> Any:
    return get_session().get_service_model(ACTIONS[name].service).operation_model(name)


def answer(name: str) -> dict[str, Any]:
    """What a service with which nothing is wrong answers."""
    method, path = ACTIONS[name].request.split()
    service = LoadService([DATASTORE], quotas=None, latency=0)
    reply = service.handle(Request(method, path.format_map(ASKED)))
    assert reply.status == 200, reply.body
    return dict(json.loads(reply.body))


def asked(name: str) -> dict[str, str]:
    return {parameter: ASKED[parameter] for parameter in ACTIONS[name].parameters}


def structure(action: Action) -> Any:
    """The structure in an answer by botocore's model, of a list the one of its items."""
    whole = operation(action.name).output_shape
    inner = whole.members[action.result] if action.result else whole
    return inner.member if inner.type_name == "list" else inner


def test_only_reading_actions_are_permitted() -> None:
    assert {*QUOTAS, "GetCallerIdentity", "AssumeRole", "ListAccounts"} == PERMITTED


def test_the_quotas_are_those_that_aws_publishes() -> None:
    assert {name: Rate(*quota) for name, quota in QUOTAS.items()} == PUBLISHED


def test_runs_are_fetched_and_read_by_reading_and_kept_without_deleting() -> None:
    assert on_runs("fetch") == {"GetObject", "HeadBucket"}
    assert on_runs("read") == {"GetObject", "HeadObject", "HeadBucket", "ListObjectsV2"}
    assert on_runs("write") == on_runs("read") | {"PutObject", "PutObjectRetention"}
    assert on_runs("remove") == on_runs("read") | {"PutObject", "ListObjectVersions", "DeleteObject"}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_a_record_agrees_with_botocores_model(action: Action) -> None:
    model = operation(action.name)
    assert action.method == xform_name(action.name)
    if action.request:
        assert action.request == f"{model.http['method']} {model.http['requestUri']}"
        assert action.host == (model.endpoint or {}).get("hostPrefix", "")
    if action.paging:
        assert action.paging.token in model.output_shape.members
        assert action.paging.token in model.input_shape.members
        assert action.paging.limit in {"", *model.input_shape.members}
    if action.shape:
        assert structure(action).name == action.shape
        assert action.spelling.keys() <= structure(action).members.keys()
        repeated = {name for name in action.parameters if name in structure(action).members}
        assert {*action.healthy, *repeated} <= structure(action).members.keys()


@pytest.mark.parametrize("action", [ACTIONS[name] for name in COLLECTED], ids=lambda action: action.name)
def test_what_a_collection_asks_for_has_all_that_it_takes(action: Action) -> None:
    assert action.request, "how is it asked for?"
    assert action.quota, "what does AWS publish of its quota?"
    assert action.bytes, "how long is an answer?"
    assert {*action.resources} <= {ANY, STORE, IMAGE_SET}
    assert action.resources, "on what does IAM permit it?"
    assert action.form, "what is its answer?"
    assert bool(action.paging) == bool(operation(action.name).output_shape.members.get("nextToken"))
    assert action.name in HANDLERS


@pytest.mark.parametrize("name", COLLECTED)
def test_an_answer_has_the_models_members_and_is_one_as_records_hold_it(name: str) -> None:
    given, shape = answer(name), operation(name).output_shape
    assert unknown(shape, given) == []
    assert {*shape.required_members} <= given.keys()
    assert answers.normalise_answer(name, given, **asked(name))
    example = ACTIONS[name].example(asked(name))
    assert {*example} <= {*shape.members}


def test_every_form_has_a_check_and_columns_or_tables_of_its_own() -> None:
    image_sets = {Form.STATE, Form.SUMMARIES}
    assert {*answers._CHECKS} == {*Form} == {*columns._COLUMNS, *image_sets}


@pytest.mark.parametrize("name", [name for name in COLLECTED if ACTIONS[name].form in columns._COLUMNS])
def test_the_records_of_an_action_are_read_as_rows(name: str, tmp_path: Any) -> None:
    held = answers.normalise_answer(name, answer(name), **asked(name))
    path = tmp_path / "records.jsonl"
    write_records([Record("t", None, DATASTORE.datastore_id, action=name, answer=held)], path)
    with connect() as connection:
        (member,) = read = columns.answer_columns(name)
        lines = columns.read_lines(connection, path, {**columns.REFERENCE, **read}, name)
        ((row,),) = lines.select(member).fetchall()
    assert filled(row) == len(held[ACTIONS[name].result])


def filled(value: Any) -> int:
    """Items of a list, or members that are there."""
    return len(
        [item for item in (value.values() if isinstance(value, Mapping) else value) if item is not None]
    )


def test_an_action_is_asked_of_each_data_store_where_rules_read_what_it_answers(
    tmp_path: Any, monkeypatch: Any
) -> None:
    rule = "{id: a, title: A, severity: low, deny: {datastore.datastoreName: {eq: x}}}"
    (tmp_path / "p.yaml").write_text(f"{{version: 1, pack: p, rules: [{rule}]}}")
    rules = load(["p.yaml"], base=tmp_path).rules
    assert needs.needs(rules).calls == ()
    jobs = replace(
        ACTIONS["ListDatastores"], name="ListJobs", per_datastore=True, sources=(Source.DATASTORE,)
    )
    monkeypatch.setattr(needs, "ACTIONS", {**ACTIONS, "ListJobs": jobs})
    assert needs.needs(rules).calls == ("ListJobs",)


def test_nothing_is_taken_for_granted_of_an_action_that_has_no_record() -> None:
    for ask in (
        lambda: Limiter().bucket("1", "us-east-1", "DeleteImageSet"),
        lambda: answers.normalise_answer("DeleteImageSet", {}),
        lambda: columns.answer_columns("DeleteImageSet"),
    ):
        with pytest.raises(KeyError, match="DeleteImageSet"):
            ask()


def test_an_action_of_which_nothing_is_recorded_has_no_answer_to_record() -> None:
    assert "AssumeRole" not in RECORDED
    with pytest.raises(KeyError):
        answers.normalise_answer("AssumeRole", {})
