"""The load server as boto3 meets it: over HTTP, compared with botocore's model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.session import get_session
from load_server import SyntheticStore, WireFault, serve_load
from load_server.actions import OWN
from load_server.errors import status_of
from load_server.iam import Policy

from checker.simulator import DOCUMENTED_QUOTAS, Fault, ModelError, RawAnswer

from .test_conformance import unknown

MODEL = get_session().get_service_model("medical-imaging")
ID = "0" * 32
STORE = SyntheticStore(
    ID, 300, seed=1, deleted=0.1, forced=0.9, tags={"Retention": "10"}, kms_key_arn="arn:k"
)
OTHER = SyntheticStore("1" * 32, 5, account="999999999999", region="eu-west-1", name="other")
LATER = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def serving():
    running = []

    def serve(stores=(STORE, OTHER), **options):
        running.append(serve_load(stores, **({"latency": 0, "quotas": None} | options)))
        return running[-1]

    yield serve
    for item in running:
        item.stop()


def connect(url, key="testing", region="us-east-1", service="medical-imaging", **config):
    session = boto3.Session(key, "secret", region_name=region)
    options = {"retries": {"total_max_attempts": 1}, "inject_host_prefix": False} | config
    return session.client(service, endpoint_url=url, config=Config(**options))


@pytest.fixture
def server(serving):
    return serving()


@pytest.fixture
def client(server):
    return connect(server.url)


def first(client, at=0):
    return client.search_image_sets(datastoreId=ID)["imageSetsMetadataSummaries"][at]["imageSetId"]


def code_of(call):
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status_of(answer["Error"]["Code"])
    return answer["Error"]["Code"]


def test_routes_are_the_models_and_every_answer_has_its_members(client):
    seen = []
    client.meta.events.register(
        "before-parse.medical-imaging",
        lambda operation_model, response_dict, **_: seen.append(
            (operation_model.name, json.loads(response_dict["body"]))
        ),
    )
    for number in range(300):
        item = {"datastoreId": ID, "imageSetId": STORE.id_of(number)}
        client.get_image_set(**item)
        client.list_image_set_versions(**item)
    client.search_image_sets(datastoreId=ID)
    client.get_datastore(datastoreId=ID)
    client.list_datastores()
    client.list_tags_for_resource(resourceArn=STORE.arn)
    assert {name for name, _ in seen} == set(OWN)
    said = {}
    for name, answer in seen:
        shape = MODEL.operation_model(name).output_shape
        assert unknown(shape, answer) == []
        assert set(shape.required_members) <= set(answer)
        said.setdefault(name, set()).update(answer)
    assert said["GetImageSet"] == set(MODEL.shape_for("GetImageSetResponse").members)
    assert said["SearchImageSets"] == set(MODEL.shape_for("SearchImageSetsResponse").members)
    answers = dict(seen)
    summaries = answers["SearchImageSets"]["imageSetsMetadataSummaries"]
    assert set(summaries[0]) == set(MODEL.shape_for("ImageSetsMetadataSummary").members)
    assert set(summaries[0]["DICOMTags"]) == set(MODEL.shape_for("DICOMTags").members)
    versions = {
        name for _, answer in seen for item in answer.get("imageSetPropertiesList", ()) for name in item
    }
    assert versions == set(MODEL.shape_for("ImageSetProperties").members)


def test_search_get_and_list_agree(client):
    pages = client.get_paginator("search_image_sets").paginate(
        datastoreId=ID, searchCriteria={"sort": {"sortField": "createdAt", "sortOrder": "ASC"}}
    )
    found = [item for page in pages for item in page["imageSetsMetadataSummaries"]]
    assert [explanation["imageSetId"] for explanation in found] == [
        STORE.id_of(number) for number in range(300) if not STORE.image_set(number).deleted
    ]
    for item in found[::10]:
        here = {"datastoreId": ID, "imageSetId": item["imageSetId"]}
        got = client.get_image_set(**here)
        for name in ("createdAt", "updatedAt", "lastAccessedAt", "storageTier", "isPrimary"):
            assert got[name] == item[name]
        assert got["versionId"] == str(item["version"])
        assert got["imageSetState"] in ("ACTIVE", "LOCKED")
        listed = client.list_image_set_versions(**here)["imageSetPropertiesList"]
        assert [version["versionId"] for version in listed] == [
            str(version) for version in range(item["version"], 0, -1)
        ]
        for version in listed:
            got = client.get_image_set(**here, versionId=version["versionId"])
            assert got["imageSetWorkflowStatus"] == version["ImageSetWorkflowStatus"]
            assert got.get("overrides") == version.get("overrides")


def test_a_time_range_is_searched_by_boto3(client):
    low, high = (datetime(2024, month, 1, tzinfo=UTC) for month in (3, 6))
    values = [{"createdAt": low}, {"createdAt": high}]
    answer = client.search_image_sets(
        datastoreId=ID,
        searchCriteria={
            "filters": [{"values": values, "operator": "BETWEEN"}],
            "sort": {"sortField": "createdAt", "sortOrder": "DESC"},
        },
    )
    times = [item["createdAt"] for item in answer["imageSetsMetadataSummaries"]]
    assert len(times) > 20
    assert times == sorted(times, reverse=True)
    assert low <= times[-1] <= times[0] <= high


def test_pages_of_versions(client):
    number = next(n for n in range(300) if STORE.image_set(n).version == 4)
    pages = client.get_paginator("list_image_set_versions").paginate(
        datastoreId=ID, imageSetId=STORE.id_of(number), PaginationConfig={"PageSize": 3}
    )
    assert [len(page["imageSetPropertiesList"]) for page in pages] == [3, 1]


def test_a_deleted_image_set_answers_or_is_not_found(serving):
    number = next(n for n in range(300) if STORE.image_set(n).deleted)
    here = {"datastoreId": ID, "imageSetId": STORE.id_of(number)}
    answer = connect(serving().url).get_image_set(**here)
    assert (answer["imageSetState"], answer["imageSetWorkflowStatus"]) == ("DELETED", "DELETED")
    assert answer["deletedAt"]
    silent = SyntheticStore(ID, 300, seed=1, deleted=0.1, deleted_found=False)
    gone = connect(serving([silent]).url)
    assert code_of(lambda: gone.get_image_set(**here)) == "ResourceNotFoundException"


def test_what_is_wrong_is_refused_in_the_models_words(client):
    item = first(client)
    refused = {
        "ResourceNotFoundException": [
            lambda: client.get_image_set(datastoreId=ID, imageSetId="a" * 32),
            lambda: client.get_image_set(datastoreId=ID, imageSetId=item, versionId="99"),
            lambda: client.get_datastore(datastoreId=OTHER.datastore_id),
            lambda: client.list_tags_for_resource(resourceArn=OTHER.arn),
        ],
        "ValidationException": [
            lambda: client.get_image_set(datastoreId="x", imageSetId=item),
            lambda: client.get_image_set(datastoreId=ID, imageSetId=item, versionId="one"),
            lambda: client.search_image_sets(datastoreId=ID, maxResults=51),
            lambda: client.search_image_sets(datastoreId=ID, nextToken="x"),
            lambda: client.list_datastores(nextToken="x"),
            lambda: client.list_tags_for_resource(resourceArn="arn"),
        ],
        "NotSimulated": [lambda: client.delete_datastore(datastoreId=ID)],
    }
    for code, calls in refused.items():
        for call in calls:
            assert code_of(call) == code


def test_accounts_and_regions_have_data_stores_of_their_own(server):
    here = connect(server.url).list_datastores()["datastoreSummaries"]
    assert [target["datastoreId"] for target in here] == [ID]
    role = connect(server.url, service="sts").assume_role(
        RoleArn="arn:aws:iam::999999999999:role/audit", RoleSessionName="session"
    )
    key = role["Credentials"]["AccessKeyId"]
    assert (
        connect(server.url, key, "eu-west-1").list_datastores()["datastoreSummaries"][0]["datastoreName"]
        == "other"
    )
    assert connect(server.url, key).list_datastores()["datastoreSummaries"] == []
    assert connect(server.url, key, service="sts").get_caller_identity()["Account"] == "999999999999"
    assert connect(server.url, service="sts").get_caller_identity()["Account"] == "123456789012"


def test_an_organization_lists_its_accounts_page_by_page(serving):
    every = {f"{number:012}": "ACTIVE" for number in range(1, 48)} | {"9" * 12: "SUSPENDED"}
    seen = []
    client = connect(serving(organization=every).url, service="organizations")
    client.meta.events.register(
        "before-parse.organizations",
        lambda response_dict, **_: seen.append(json.loads(response_dict["body"])),
    )
    pages = client.get_paginator("list_accounts").paginate()
    assert {item["Id"]: item["State"] for page in pages for item in page["Accounts"]} == every
    model = get_session().get_service_model("organizations")
    shape = model.operation_model("ListAccounts").output_shape
    assert len(seen) == 3
    assert [found for answer in seen for found in unknown(shape, answer)] == []
    assert len(client.list_accounts(MaxResults=7)["Accounts"]) == 7


def test_the_accounts_of_the_data_stores_are_an_organization_unless_told_otherwise(server):
    listed = connect(server.url, service="organizations").list_accounts()["Accounts"]
    assert [(waiver["Id"], waiver["State"]) for waiver in listed] == [
        ("123456789012", "ACTIVE"),
        ("999999999999", "ACTIVE"),
    ]


def test_accounts_are_listed_to_whom_the_policy_lets(serving):
    def policy(action):
        return {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}

    server = serving(policy=policy("organizations:ListAccounts"))
    client = connect(server.url, service="organizations")
    assert client.list_accounts()["Accounts"]
    server.ask(lambda service: setattr(service, "policy", Policy(policy("medical-imaging:*"))))
    with pytest.raises(ClientError, match="not authorized") as caught:
        client.list_accounts()
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    with pytest.raises(ClientError) as caught:
        connect(server.url, service="organizations").list_roots()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_tags(client):
    assert client.list_tags_for_resource(resourceArn=STORE.arn)["tags"] == {"Retention": "10"}
    arn = f"{STORE.arn}/imageset/{first(client)}"
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def test_quotas_are_of_each_action_account_and_region(serving):
    server = serving(quotas=DOCUMENTED_QUOTAS | {"GetImageSet": (0.001, 50)})
    client = connect(server.url)
    with ThreadPoolExecutor(8) as crew:
        codes = list(crew.map(lambda _: _outcome(client), range(120)))
    throttled = codes.count("ThrottlingException")
    assert throttled == 70
    assert codes.count("") + throttled == 120
    assert connect(server.url, "AKIA111111111111XXXX").list_datastores() is not None
    counts = server.counts()
    assert counts["GetImageSet"] == {"received": 120, "served": 120 - throttled, "throttled": throttled}
    assert server.counts("111111111111") == {"ListDatastores": {"received": 1, "served": 1, "throttled": 0}}


def _outcome(client):
    try:
        client.get_image_set(datastoreId=ID, imageSetId=STORE.id_of(0))
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_faults_of_the_model_and_below_http(serving):
    server = serving(
        faults=[
            Fault("GetDatastore", ModelError("ConflictException"), on={1}),
            WireFault("GetDatastore", breaks="reset", times=1),
            WireFault("GetDatastore", breaks="truncate", times=1),
            WireFault("GetDatastore", breaks="hang", times=1),
            Fault("GetDatastore", RawAnswer(503, b"<html>"), times=1),
        ]
    )
    client = connect(server.url, read_timeout=0.3)

    def get():
        return client.get_datastore(datastoreId=ID)

    assert code_of(get) == "ConflictException"
    with pytest.raises(ConnectionClosedError):
        get()
    # botocore counts neither the body's bytes nor minds that they are no JSON
    assert set(get()) == {"ResponseMetadata"}
    with pytest.raises(ReadTimeoutError):
        get()
    with pytest.raises(ClientError, match="503"):
        get()
    assert get()["datastoreProperties"]["kmsKeyArn"] == "arn:k"
    refused = server.ask(lambda service: service.gate.to_json())["123456789012/us-east-1"]["GetDatastore"][
        "refused"
    ]
    assert refused == {"ConflictException": 1, "reset": 1, "truncate": 1, "hang": 1, "503": 1}


def test_faults_by_chance_strike_the_same_calls_again(serving):
    def run():
        fault = Fault("GetImageSet", ModelError("InternalServerException"), probability=0.3, seed=5)
        client = connect(serving(faults=[fault]).url)
        return [_outcome(client) for _ in range(40)]

    outcome = run()
    assert 4 < outcome.count("InternalServerException") < 24
    assert outcome == run()


def test_a_policy_is_enforced_on_both_arns(serving):
    item = STORE.id_of(0)
    here = {"datastoreId": ID, "imageSetId": item}
    statement = {"Effect": "Allow", "Action": ["medical-imaging:get*"], "Resource": [STORE.arn]}
    narrow = {"Statement": statement}
    wide = {"Statement": [{**statement, "Resource": [STORE.arn, f"{STORE.arn}/imageset/*"]}]}
    deny = {"Statement": [*wide["Statement"], {"Effect": "Deny", "Action": "*", "Resource": f"*/{item}"}]}
    for policy, allowed in ((narrow, False), (wide, True), (deny, False)):
        client = connect(serving(policy=policy).url)
        assert client.get_datastore(datastoreId=ID)
        assert (
            code_of(lambda client=client: client.search_image_sets(datastoreId=ID)) == "AccessDeniedException"
        )
        if allowed:
            assert client.get_image_set(**here)
        else:
            assert code_of(lambda client=client: client.get_image_set(**here)) == "AccessDeniedException"
    with pytest.raises(ValueError, match="Condition"):
        serving(policy={"Statement": {**statement, "Condition": {}}})


def test_a_role_is_assumed_by_whom_the_policy_lets(serving):
    role = {"RoleArn": "arn:aws:iam::123456789012:role/A", "RoleSessionName": "audit"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/A"}
    client = connect(serving(policy={"Statement": statement}).url, service="sts")
    assert client.assume_role(**role)["Credentials"]
    other = {**role, "RoleArn": "arn:aws:iam::123456789012:role/B"}
    with pytest.raises(ClientError, match="AccessDenied"):
        client.assume_role(**other)
    assert client.get_caller_identity()["Account"]


def control(url, **members):
    data = json.dumps(members).encode() if members else None
    with urllib.request.urlopen(f"{url}/__control", data) as answer:
        return json.load(answer)


def test_control_from_another_process(serving):
    server = serving(clock=lambda: LATER)
    client = connect(server.url)
    item = first(client)
    assert control(server.url)["calls"]["123456789012/us-east-1"]["SearchImageSets"]["served"] == 1
    stores = control(server.url, change={"share": 1, "gone": 0, "added": 3, "datastore_id": ID})["stores"]
    assert stores[ID] == {"sets": 303, "changes": 1}
    assert stores[OTHER.datastore_id]["changes"] == 0
    assert client.get_image_set(datastoreId=ID, imageSetId=item)["updatedAt"] == LATER
    at = (LATER + timedelta(days=1)).isoformat()
    control(server.url, change={"share": 0.1, "at": at}, reset=True)
    assert control(server.url)["calls"] == {}
    control(server.url, faults=[{"action": "*", "answer": {"code": "ConflictException"}, "times": 1}])
    assert code_of(lambda: first(client)) == "ConflictException"
    control(server.url, quotas={"SearchImageSets": [1, 1]})
    first(client)
    assert code_of(lambda: first(client)) == "ThrottlingException"
    control(server.url, quotas=None, policy={"Statement": []}, latency=0.1, jitter=0.01)
    assert code_of(lambda: first(client)) == "AccessDeniedException"
    with pytest.raises(urllib.error.HTTPError, match="400"):
        control(server.url, change={"share": 0.1, "at": at})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        control(server.url, faults=[{"action": "*", "breaks": "dance"}])
    with pytest.raises(urllib.error.HTTPError, match="400"):
        control(server.url, colour=1)


def test_latency_is_waited_for_side_by_side(serving):
    client = connect(serving(latency=0.2).url, max_pool_connections=20)
    started = time.monotonic()
    with ThreadPoolExecutor(20) as crew:
        assert {*crew.map(lambda _: _outcome(client), range(20))} == {""}
    assert 0.2 <= time.monotonic() - started < 2


def test_a_process_of_its_own(tmp_path):
    place = tmp_path / "url"
    command = [
        sys.executable,
        "-m",
        "load_server",
        "--sets",
        "1000000",
        "--stores",
        "2",
        "--url-file",
        place,
    ]
    command += ["--accounts", "123456789012", "999999999999", "--now", "2026-02-01", "--faults", "[]"]
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, env=path, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 20
            while not place.exists() and time.monotonic() < until:
                time.sleep(0.05)
            client = connect(place.read_text())
            found = client.list_datastores()["datastoreSummaries"]
            assert [explanation["datastoreName"] for explanation in found] == ["synthetic-0", "synthetic-1"]
            assert control(place.read_text(), change={"share": 0.01})["stores"][ID]["changes"] == 1
            assert len(client.search_image_sets(datastoreId=ID)["imageSetsMetadataSummaries"]) == 50
        finally:
            process.terminate()


def test_it_is_an_order_of_magnitude_faster_than_moto():
    from load_server import LoadService
    from load_server.messages import Request

    service = LoadService([STORE], quotas=None, latency=0)
    requests = [Request("POST", f"/datastore/{ID}/imageSet/{STORE.id_of(n)}/getImageSet") for n in range(300)]
    started = time.process_time()
    assert {service.handle(request).status for request in requests} == {200}
    assert time.process_time() - started < 300 / 2000
