"""What goes over the wire, read without botocore."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
import urllib3

from checker import simulator
from checker.simulator import PlacedVersion

from .helpers import ACCOUNT, REGION, T0, metadata

# moto goes by the names in the credential scope and checks no signature
SIGNED = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential=testing/20250301/{REGION}/medical-imaging/aws4_request, Signature=x"
}


@pytest.fixture
def ask(server):
    pool = urllib3.PoolManager()

    def send(method, path, body=None, headers=SIGNED):
        answer = pool.request(method, server.url + path, body=body, headers=headers, retries=False)
        return answer.status, answer.headers, answer.data

    yield send
    pool.clear()


@pytest.fixture
def store_id():
    placed = simulator.PlacedDatastore(name="archive", created_at=T0, datastore_id="d" * 32)
    return simulator.put_datastore(ACCOUNT, REGION, placed)


def put(store_id, *versions, **more):
    return simulator.put_image_set(ACCOUNT, REGION, store_id, created_at=T0, versions=versions, **more)


def test_get_image_set(ask, store_id):
    image_set = put(store_id, PlacedVersion(), last_accessed_at=T0)
    status, headers, body = ask("POST", f"/datastore/{store_id}/imageSet/{image_set}/getImageSet")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert headers["x-amzn-requestid"]
    assert json.loads(body) == {
        "datastoreId": store_id,
        "imageSetId": image_set,
        "versionId": "1",
        "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED",
        "createdAt": 1740830400.123,
        "updatedAt": 1740830400.123,
        "imageSetArn": f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{store_id}/imageset/{image_set}",
        "isPrimary": True,
        "lastAccessedAt": 1740830400.123,
        "storageTier": "FREQUENT_ACCESS",
    }
    assert b'"createdAt": 1740830400.123' in body


def test_the_version_is_asked_for_as_a_query_parameter(ask, store_id):
    image_set = put(store_id, PlacedVersion(), PlacedVersion(status="COPIED", overrides={"forced": True}))
    path = f"/datastore/{store_id}/imageSet/{image_set}/getImageSet"
    latest, first = json.loads(ask("POST", path)[2]), json.loads(ask("POST", f"{path}?version=1")[2])
    assert (latest["versionId"], latest["overrides"]) == ("2", {"forced": True})
    assert first["versionId"] == "1"
    assert "overrides" not in first


def test_list_image_set_versions_has_the_capital_i(ask, store_id):
    deleted = PlacedVersion(status="DELETED", updated_at=T0, deleted_at=T0)
    image_set = put(store_id, PlacedVersion(), deleted)
    status, _, body = ask("POST", f"/datastore/{store_id}/imageSet/{image_set}/listImageSetVersions")
    assert status == 200
    first, second = json.loads(body)["imageSetPropertiesList"][::-1]
    assert set(first) == {
        "imageSetId",
        "versionId",
        "imageSetState",
        "ImageSetWorkflowStatus",
        "createdAt",
        "isPrimary",
    }
    assert second["deletedAt"] == second["updatedAt"] == 1740830400.123


def test_search_has_version_as_a_number(ask, store_id):
    put(store_id, PlacedVersion(metadata=metadata()))
    for body in (None, b"{}"):
        status, _, answer = ask("POST", f"/datastore/{store_id}/searchImageSets", body=body)
        assert status == 200
        (summary,) = json.loads(answer)["imageSetsMetadataSummaries"]
        assert summary["version"] == 1
        assert summary["createdAt"] == 1740830400.123
        assert summary["DICOMTags"]["DICOMSeriesNumber"] == 3


def test_the_code_of_an_error_is_in_a_header(ask, store_id):
    image_set = put(store_id, PlacedVersion(status="UPDATING"))
    path = f"/datastore/{store_id}/imageSet/{image_set}/deleteImageSet"
    status, headers, body = ask("POST", path)
    assert (status, headers["x-amzn-errortype"]) == (409, "ConflictException")
    assert "LOCKED" in json.loads(body)["message"]

    status, headers, _ = ask("GET", f"/datastore/{'0' * 32}")
    assert (status, headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")


def test_an_arn_in_a_path(ask, store_id):
    arn = f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{store_id}"
    for path in (quote(arn, safe=""), quote(arn)):
        assert json.loads(ask("GET", f"/tags/{path}")[2]) == {"tags": {}}


@pytest.mark.parametrize(
    "path, body",
    [
        ("/datastore/{store}/searchImageSets?maxResults=many", None),
        ("/datastore/{store}/searchImageSets?maxResults=0", None),
        ("/datastore/{store}/searchImageSets", b"[1, 2]"),
        ("/datastore/{store}/searchImageSets", b'{"filters": 7}'),
        ("/datastore/{store}/searchImageSets", b'{"filters": [{"operator": "EQUAL"}]}'),
        ("/datastore/{store}/searchImageSets", b'{"sort": {"sortField": "createdAt"}}'),
        (
            "/datastore/{store}/searchImageSets",
            b'{"filters": [{"operator": 5, "values": [{"isPrimary": true}]}]}',
        ),
        ("/datastore", b'{"datastoreName": 1, "clientToken": "x"}'),
        ("/datastore", b"{}"),
    ],
)
def test_a_malformed_request_is_a_validation_exception(ask, store_id, path, body):
    status, headers, answer = ask("POST", path.format(store=store_id), body=body)
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException"), answer


def test_a_path_that_is_no_action(ask):
    status, headers, _ = ask("GET", "/nowhere/at/all")
    assert (status, headers["x-amzn-errortype"]) == (404, "UnknownOperationException")


def test_hostile_text_arrives_as_it_was_placed(ask, store_id):
    text = "<b>&\"' \x00\x1b[31m \u202e \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")
    image_set = put(store_id, PlacedVersion(status="UPDATE_FAILED", message=text))
    body = ask("POST", f"/datastore/{store_id}/imageSet/{image_set}/getImageSet")[2]
    assert json.loads(body)["message"] == text
