from __future__ import annotations

import pytest

from .helpers import CONFLICT, INVALID, NOT_FOUND, T0, failure

KEY = "arn:aws:kms:us-east-1:123456789012:key/1f0c8b9e-1d5b-4f3b-9a01-0123456789ab"


def test_a_data_store_is_created_and_described(client, clock):
    made = client.create_datastore(datastoreName="archive", kmsKeyArn=KEY, tags={"Env": "test"})
    assert made["datastoreStatus"] == "CREATING"

    properties = client.get_datastore(datastoreId=made["datastoreId"])["datastoreProperties"]

    arn = f"arn:aws:medical-imaging:us-east-1:123456789012:datastore/{made['datastoreId']}"
    assert properties == {
        "datastoreId": made["datastoreId"],
        "datastoreName": "archive",
        "datastoreStatus": "ACTIVE",
        "kmsKeyArn": KEY,
        "losslessStorageFormat": "HTJ2K",
        "datastoreArn": arn,
        "createdAt": T0,
        "updatedAt": T0,
    }
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"Env": "test"}


def test_one_client_token_makes_one_data_store(client):
    first, second = (client.create_datastore(clientToken="same")["datastoreId"] for _ in range(2))
    assert first == second


def test_data_stores_are_listed_in_pages_and_by_status(client):
    ids = [client.create_datastore(datastoreName=f"s{number}")["datastoreId"] for number in range(5)]
    client.delete_datastore(datastoreId=ids[1])

    pages = list(client.get_paginator("list_datastores").paginate(PaginationConfig={"PageSize": 2}))
    assert [[item["datastoreId"] for item in page["datastoreSummaries"]] for page in pages] == [
        ids[:2],
        ids[2:4],
        ids[4:],
    ]
    deleted = client.list_datastores(datastoreStatus="DELETED")["datastoreSummaries"]
    assert [item["datastoreId"] for item in deleted] == [ids[1]]
    assert set(deleted[0]) == {
        "datastoreId",
        "datastoreName",
        "datastoreStatus",
        "datastoreArn",
        "createdAt",
        "updatedAt",
    }


def test_a_data_store_is_deleted_when_its_image_sets_are(client, store):
    image_set = store.put()
    assert failure(client.delete_datastore, datastoreId=store.id) == CONFLICT

    client.delete_image_set(datastoreId=store.id, imageSetId=image_set)

    assert client.delete_datastore(datastoreId=store.id)["datastoreStatus"] == "DELETING"
    properties = client.get_datastore(datastoreId=store.id)["datastoreProperties"]
    assert properties["datastoreStatus"] == "DELETED"
    assert failure(client.search_image_sets, datastoreId=store.id) == CONFLICT


def test_accounts_and_regions_do_not_see_each_other(connect, client, store):
    assert connect(region_name="eu-west-1").list_datastores()["datastoreSummaries"] == []

    role = connect("sts").assume_role(RoleArn="arn:aws:iam::222222222222:role/Audit", RoleSessionName="audit")
    key = role["Credentials"]
    other = connect(
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )
    assert other.list_datastores()["datastoreSummaries"] == []
    theirs = other.create_datastore()["datastoreId"]
    arn = other.get_datastore(datastoreId=theirs)["datastoreProperties"]["datastoreArn"]
    assert ":222222222222:" in arn
    assert failure(client.get_datastore, datastoreId=theirs) == NOT_FOUND


def test_a_region_without_the_service_is_refused(connect):
    far = connect(region_name="eu-north-1")
    assert failure(far.list_datastores) == INVALID


@pytest.mark.parametrize(
    "action, parameters",
    [
        ("get_datastore", {"datastoreId": "TOO-SHORT"}),
        ("get_datastore", {"datastoreId": "A" * 32}),
        ("list_datastores", {"maxResults": 0}),
        ("list_datastores", {"maxResults": 51}),
        ("list_datastores", {"datastoreStatus": "GONE"}),
        ("list_datastores", {"nextToken": "not one of ours"}),
        ("create_datastore", {"datastoreName": "no blanks"}),
        ("create_datastore", {"kmsKeyArn": "arn:aws:kms:us-east-1:1:key/x"}),
        ("create_datastore", {"clientToken": ""}),
        ("create_datastore", {"tags": {"aws:mine": "x"}}),
        ("create_datastore", {"tags": {f"t{'x' * at}": "" for at in range(51)}}),
    ],
)
def test_what_the_model_does_not_allow_is_refused(lax_client, action, parameters):
    assert failure(getattr(lax_client, action), **parameters) == INVALID


def test_errors_are_typed(client):
    with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
        client.get_datastore(datastoreId="0" * 32)
    assert caught.value.response["Error"]["Message"] == f"Data store {'0' * 32} does not exist"


def test_tags_of_stores_and_sets(client, store):
    image_set = store.put(tags={"Env": "x"})
    arn = store.get(image_set)["imageSetArn"]
    client.tag_resource(resourceArn=arn, tags={"Owner": "me", "Env": "y"})
    client.untag_resource(resourceArn=arn, tagKeys=["Owner", "Absent"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"Env": "y"}

    store_arn = arn.partition("/imageset/")[0]
    client.tag_resource(resourceArn=store_arn, tags={"Env": "z"})
    assert client.list_tags_for_resource(resourceArn=store_arn)["tags"] == {"Env": "z"}

    many = {f"t{'x' * at}": "" for at in range(50)}
    assert failure(client.tag_resource, resourceArn=arn, tags=many) == INVALID
    for wrong in (
        store_arn[:-1] + ("0" if store_arn[-1] != "0" else "1"),
        arn.replace("us-east-1", "us-west-2"),
    ):
        assert failure(client.list_tags_for_resource, resourceArn=wrong) == NOT_FOUND
