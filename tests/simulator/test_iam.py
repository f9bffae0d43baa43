"""Policies of the caller, with moto's IAM enforcement on."""

from __future__ import annotations

import json

import pytest
from moto.core.authorization import disable_iam_authentication, enable_iam_authentication

from .helpers import ACCOUNT, DENIED, REGION, failure


@pytest.fixture
def user(connect):
    """Makes a client of a user with the given statements."""

    def make(*statements):
        with disable_iam_authentication():
            iam = connect("iam")
            iam.create_user(UserName="auditor")
            key = iam.create_access_key(UserName="auditor")["AccessKey"]
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName="auditor", PolicyName="p", PolicyDocument=document)
        return connect(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    return make


def allow(actions, *resources, effect="Allow"):
    return {
        "Effect": effect,
        "Action": [f"medical-imaging:{action}" for action in actions],
        "Resource": list(resources) or ["*"],
    }


def test_a_reader_reads_and_does_not_write(store, user):
    image_set, other = store.put(), store.client.create_datastore()["datastoreId"]
    arn = store.get(image_set)["imageSetArn"].partition("/imageset/")[0]
    reader = user(
        allow(["Get*", "ListImageSetVersions"], arn, f"{arn}/imageset/*"), allow(["ListDatastores"])
    )
    names = {"datastoreId": store.id, "imageSetId": image_set}
    with enable_iam_authentication():
        assert reader.get_image_set(**names)["imageSetState"] == "ACTIVE"
        assert reader.list_image_set_versions(**names)["imageSetPropertiesList"]
        assert len(reader.list_datastores()["datastoreSummaries"]) == 2
        assert failure(reader.get_datastore, datastoreId=other) == DENIED
        assert failure(reader.search_image_sets, datastoreId=store.id) == DENIED
        assert failure(reader.delete_image_set, **names) == DENIED
        assert failure(reader.list_tags_for_resource, resourceArn=arn) == DENIED
    assert store.state(image_set) == ("ACTIVE", "CREATED")


def test_a_call_on_an_image_set_needs_both_resources(store, user):
    image_set = store.put()
    arn = f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{store.id}"
    half = user(allow(["GetImageSet"], arn))
    with enable_iam_authentication(), pytest.raises(half.exceptions.AccessDeniedException) as caught:
        half.get_image_set(datastoreId=store.id, imageSetId=image_set)
    assert caught.value.response["Error"]["Message"] == (
        f"User: arn:aws:iam::{ACCOUNT}:user/auditor is not authorized to perform: "
        f"medical-imaging:GetImageSet on resource: {arn}/imageset/{image_set}"
    )


def test_a_copy_needs_the_destination_too(store, user):
    source, destination = store.put(), store.put()
    arn = f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{store.id}"
    copier = user(allow(["CopyImageSet"], arn, f"{arn}/imageset/{source}"))
    with enable_iam_authentication():
        assert failure(store._replace(client=copier).copy, source=source, destination=destination) == DENIED
        store._replace(client=copier).copy(source)


def test_a_denial_beats_a_permission(store, user):
    image_set = store.put()
    reader = user(allow(["*"]), allow(["GetImageSet"], effect="Deny"))
    with enable_iam_authentication():
        assert failure(reader.get_image_set, datastoreId=store.id, imageSetId=image_set) == DENIED
        reader.get_datastore(datastoreId=store.id)


def test_unknown_credentials(store, connect):
    stranger = connect(aws_access_key_id="AKIA" + "X" * 16, aws_secret_access_key="x")
    with enable_iam_authentication():
        assert failure(stranger.list_datastores) == DENIED
    assert stranger.list_datastores()["datastoreSummaries"]
