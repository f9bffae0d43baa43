"""The simulator against botocore's model: nothing that the model lacks, nothing missing that it has."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from moto.core.utils import get_service_model

from checker import simulator
from checker.simulator import PlacedDatastore, PlacedVersion
from checker.simulator.medicalimaging.actions import HANDLERS, OWN
from checker.simulator.medicalimaging.documents import PATIENT_TAGS, SERIES_TAGS, STUDY_TAGS
from checker.simulator.medicalimaging.imagesets import STATE_OF_STATUS
from checker.simulator.medicalimaging.search import _VALUES
from checker.simulator.medicalimaging.validate import model_actions

from .helpers import ACCOUNT, REGION, T0, metadata

MODEL = get_service_model("medical-imaging")

NOT_SIMULATED = {
    "GetImageFrame": {
        "datastoreId": "0" * 32,
        "imageSetId": "0" * 32,
        "imageFrameInformation": {"imageFrameId": "0" * 32},
    },
    "GetImageSetMetadata": {"datastoreId": "0" * 32, "imageSetId": "0" * 32},
    "StartDICOMImportJob": {
        "datastoreId": "0" * 32,
        "dataAccessRoleArn": "arn:aws:iam::123456789012:role/r",
        "inputS3Uri": "s3://bucket/in/",
        "outputS3Uri": "s3://bucket/out/",
    },
    "GetDICOMImportJob": {"datastoreId": "0" * 32, "jobId": "0" * 32},
    "ListDICOMImportJobs": {"datastoreId": "0" * 32},
}


def members(name):
    return set(MODEL.shape_for(name).members)


def unknown(shape, value, path=""):
    """The members of a wire answer that its shape does not have."""
    if shape.type_name == "list":
        return [entry for item in value for entry in unknown(shape.member, item, path + "[]")]
    if shape.type_name != "structure":
        return []
    found = [f"{path}.{name}" for name in value if name not in shape.members]
    inner = ((name, item) for name, item in value.items() if name in shape.members)
    return found + [
        entry for name, item in inner for entry in unknown(shape.members[name], item, f"{path}.{name}")
    ]


@pytest.fixture
def wire(client):
    """Every answer as (action, its JSON), before botocore drops what it does not know."""
    seen = []

    client.meta.events.register(
        "before-parse.medical-imaging",
        lambda operation_model, response_dict, **_: seen.append(
            (operation_model.name, json.loads(response_dict["body"] or b"{}"))
        ),
    )
    return seen


@pytest.fixture
def full_set(store):
    document = metadata()
    document["Patient"]["DICOM"] |= {"PatientBirthDate": "19700101", "PatientSex": "F"}
    document["Study"]["DICOM"]["StudyDescription"] = "x"
    document["Study"]["Series"]["1.2.3.4"]["DICOM"]["BodyPartExamined"] = "CHEST"
    common = {"updated_at": T0, "message": "m", "overrides": {"forced": True}, "metadata": document}
    gone = store.put(PlacedVersion(status="DELETED", deleted_at=T0, **common), last_accessed_at=T0)
    kept = store.put(PlacedVersion(**common), last_accessed_at=T0)
    return gone, kept


def test_the_reading_actions_give_every_member_of_the_model(store, client, wire, full_set):
    gone, _ = full_set
    store.get(gone)
    store.versions(gone)
    store.search()
    store_id = simulator.put_datastore(
        ACCOUNT,
        REGION,
        PlacedDatastore(name="full", created_at=T0, kms_key_arn="arn:k", lambda_authorizer_arn="arn:l"),
    )
    client.get_datastore(datastoreId=store_id)
    answers = dict(wire)
    assert set(answers["GetImageSet"]) == members("GetImageSetResponse")
    assert set(answers["GetImageSet"]["overrides"]) == members("Overrides")
    (version,) = answers["ListImageSetVersions"]["imageSetPropertiesList"]
    assert set(version) == members("ImageSetProperties")
    (summary,) = answers["SearchImageSets"]["imageSetsMetadataSummaries"]
    assert set(summary) == members("ImageSetsMetadataSummary")
    assert set(summary["DICOMTags"]) == members("DICOMTags")
    assert set(answers["SearchImageSets"]) | {"nextToken"} == members("SearchImageSetsResponse")
    assert set(answers["GetDatastore"]["datastoreProperties"]) == members("DatastoreProperties")


def test_no_answer_has_a_member_that_the_model_lacks_and_all_have_the_required_ones(
    store, client, wire, full_set
):
    _, kept = full_set
    free = store.put(PlacedVersion(metadata=metadata()), created_at=T0 - timedelta(days=1))
    arn = store.get(kept)["imageSetArn"]
    store.versions(kept)
    store.search()
    store.copy(free)
    store.update(free, "1", {"revertToVersionId": "1"})
    store.delete(kept)
    client.tag_resource(resourceArn=arn, tags={"A": "b"})
    client.list_tags_for_resource(resourceArn=arn)
    client.untag_resource(resourceArn=arn, tagKeys=["A"])
    client.get_datastore(datastoreId=store.id)
    client.list_datastores()
    client.delete_datastore(datastoreId=client.create_datastore()["datastoreId"])

    assert {name for name, _ in wire} == set(OWN)
    for name, answer in wire:
        shape = MODEL.operation_model(name).output_shape
        assert unknown(shape, answer) == [], name
        assert set(shape.required_members) <= set(answer), name


def test_what_is_not_simulated_says_so(client):
    assert set(NOT_SIMULATED) | set(HANDLERS) == set(model_actions()) == set(MODEL.operation_names)
    methods = {action: method for method, action in client.meta.method_to_api_mapping.items()}
    for name in NOT_SIMULATED.keys() - HANDLERS:
        parameters = NOT_SIMULATED[name]
        with pytest.raises(client.exceptions.ClientError) as caught:
            getattr(client, methods[name])(**parameters)
        answer = caught.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert answer["Error"]["Code"] == "NotSimulated"
        assert answer["Error"]["Message"].startswith(f"{name} is not simulated; these are: CreateDatastore, ")


def test_the_tables_are_the_models():
    assert set(STATE_OF_STATUS) == set(MODEL.shape_for("ImageSetWorkflowStatus").enum)
    assert set(STATE_OF_STATUS.values()) == set(MODEL.shape_for("ImageSetState").enum)
    assert set(_VALUES) == members("SearchByAttributeValue")
    counted = {"DICOMNumberOfStudyRelatedSeries", "DICOMNumberOfStudyRelatedInstances"}
    tags = {*PATIENT_TAGS.values(), *STUDY_TAGS.values(), *SERIES_TAGS.values()}
    assert tags | counted == members("DICOMTags")
