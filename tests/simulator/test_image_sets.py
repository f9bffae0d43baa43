from __future__ import annotations

import json
from datetime import timedelta

import pytest
from moto.moto_api import state_manager

from checker.simulator import PlacedVersion
from checker.simulator.medicalimaging.imagesets import STATE_MODEL

from .helpers import ACCOUNT, CONFLICT, INVALID, NOT_FOUND, REGION, T0, failure, metadata

NAMED = {"updatableAttributes": json.dumps({"Patient": {"DICOM": {"PatientName": "ROE^JANE"}}}).encode()}
MOVED = {"updatableAttributes": json.dumps({"Study": {"DICOM": {"StudyInstanceUID": "9.9"}}}).encode()}


def test_a_set_that_was_never_touched(store):
    image_set = store.put(last_accessed_at=T0)
    assert store.get(image_set) == {
        "datastoreId": store.id,
        "imageSetId": image_set,
        "versionId": "1",
        "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED",
        "createdAt": T0,
        "updatedAt": T0,
        "imageSetArn": f"arn:aws:medical-imaging:{REGION}:{ACCOUNT}:datastore/{store.id}/imageset/{image_set}",
        "isPrimary": True,
        "lastAccessedAt": T0,
        "storageTier": "FREQUENT_ACCESS",
    }
    # no updatedAt, as in the published sample of the first version
    assert store.versions(image_set) == [
        {
            "imageSetId": image_set,
            "versionId": "1",
            "imageSetState": "ACTIVE",
            "ImageSetWorkflowStatus": "CREATED",
            "createdAt": T0,
            "isPrimary": True,
        }
    ]


def test_an_update_locks_the_set_and_makes_a_version(store, clock):
    image_set = store.put(PlacedVersion(metadata=metadata()), storage_tier="ARCHIVE_INSTANT_ACCESS")
    later = clock.forward(days=1)

    answer = store.update(image_set, "1", {"DICOMUpdates": NAMED})

    assert (answer["latestVersionId"], answer["imageSetState"], answer["imageSetWorkflowStatus"]) == (
        "2",
        "LOCKED",
        "UPDATING",
    )
    after = store.get(image_set)
    assert (after["versionId"], after["imageSetState"], after["imageSetWorkflowStatus"]) == (
        "2",
        "ACTIVE",
        "UPDATED",
    )
    assert (after["createdAt"], after["updatedAt"], after["lastAccessedAt"]) == (T0, later, later)
    assert after["storageTier"] == "FREQUENT_ACCESS"
    assert "overrides" not in after
    assert store.search()[0]["DICOMTags"]["DICOMPatientName"] == "ROE^JANE"
    assert store.get(image_set, versionId="1")["updatedAt"] == T0
    assert failure(store.get, image_set=image_set, versionId="3") == NOT_FOUND
    assert failure(store.get, image_set=image_set, versionId="one") == INVALID


def test_versions_are_listed_newest_first_and_by_number(store):
    image_set = store.put(PlacedVersion(), *[PlacedVersion(status="UPDATED", updated_at=T0)] * 11)
    assert [version["versionId"] for version in store.versions(image_set)] == [
        str(number) for number in range(12, 0, -1)
    ]
    pages = store.client.get_paginator("list_image_set_versions").paginate(
        datastoreId=store.id, imageSetId=image_set, PaginationConfig={"PageSize": 5}
    )
    assert [len(page["imageSetPropertiesList"]) for page in pages] == [5, 5, 2]


def test_force_is_told_of_the_version_that_used_it_alone(store):
    image_set = store.put(PlacedVersion(metadata=metadata()), is_primary=False)

    store.update(image_set, "1", {"DICOMUpdates": MOVED}, force=True)
    assert store.get(image_set)["overrides"] == {"forced": True}

    store.update(image_set, "2", {"revertToVersionId": "1"})
    assert "overrides" not in store.get(image_set)
    assert [version.get("overrides") for version in store.versions(image_set)] == [
        None,
        {"forced": True},
        None,
    ]
    assert store.search()[0]["DICOMTags"]["DICOMStudyInstanceUID"] == "1.2.3"


def test_an_update_that_needs_force_fails_later_and_uses_up_a_version(store):
    image_set = store.put(PlacedVersion(metadata=metadata()), is_primary=False)
    assert store.update(image_set, "1", {"DICOMUpdates": MOVED})["imageSetState"] == "LOCKED"
    after = store.get(image_set)
    assert (after["versionId"], after["imageSetState"], after["imageSetWorkflowStatus"]) == (
        "2",
        "ACTIVE",
        "UPDATE_FAILED",
    )
    assert "force" in after["message"]


def test_updates_that_are_refused_at_once(store):
    image_set = store.put(PlacedVersion(metadata=metadata()))
    revert = {"revertToVersionId": "1"}
    assert failure(store.update, image_set=image_set, latest="2", updates=revert) == CONFLICT
    assert (
        failure(store.update, image_set=image_set, latest="1", updates={"revertToVersionId": "5"}) == INVALID
    )
    # force is for sets that are not primary
    assert failure(store.update, image_set=image_set, latest="1", updates=revert, force=True) == INVALID
    assert (
        failure(store.update, image_set=image_set, latest="1", updates=revert, includeStudyImageSets=True)
        == INVALID
    )
    for blob in (b"{", b"[]"):
        updates = {"DICOMUpdates": {"updatableAttributes": blob}}
        assert failure(store.update, image_set=image_set, latest="1", updates=updates) == INVALID
    assert len(store.versions(image_set)) == 1


def test_attributes_are_removed(store):
    image_set = store.put(PlacedVersion(metadata=metadata()))
    removed = json.dumps({"Study": {"DICOM": {"AccessionNumber": ""}}}).encode()
    store.update(image_set, "1", {"DICOMUpdates": {"removableAttributes": removed}})
    assert "DICOMAccessionNumber" not in store.search()[0]["DICOMTags"]


def test_a_deletion(store, clock):
    image_set = store.put()
    later = clock.forward(days=40)

    answer = store.delete(image_set)

    assert (answer["imageSetState"], answer["imageSetWorkflowStatus"]) == ("LOCKED", "DELETING")
    after = store.get(image_set)
    assert (after["imageSetState"], after["imageSetWorkflowStatus"]) == ("DELETED", "DELETED")
    assert (after["versionId"], after["deletedAt"], after["updatedAt"]) == ("1", later, later)
    assert store.versions(image_set)[0]["deletedAt"] == later
    assert store.search() == []


def test_deleted_sets_can_be_gone_instead(store, backend):
    image_set = store.put()
    store.delete(image_set)
    backend.deleted_sets = "not_found"
    assert failure(store.get, image_set=image_set) == NOT_FOUND
    assert failure(store.versions, image_set=image_set) == NOT_FOUND


def test_a_copy_into_a_new_set(store, clock):
    source = store.put(PlacedVersion(metadata=metadata()))
    later = clock.forward(hours=1)

    answer = store.copy(source)

    made, ours = answer["destinationImageSetProperties"], answer["sourceImageSetProperties"]
    assert (ours["imageSetId"], ours["imageSetState"], ours["imageSetWorkflowStatus"]) == (
        source,
        "LOCKED",
        "COPYING_WITH_READ_ONLY_ACCESS",
    )
    assert (made["latestVersionId"], made["imageSetState"], made["imageSetWorkflowStatus"]) == (
        "1",
        "LOCKED",
        "COPYING",
    )
    assert made["createdAt"] == later
    after = store.get(made["imageSetId"])
    assert (after["imageSetWorkflowStatus"], after["isPrimary"]) == ("COPIED", False)
    assert store.state(source) == ("ACTIVE", "CREATED")
    assert store.get(source)["lastAccessedAt"] == later
    promoted = store.copy(source, promoteToPrimary=True)["destinationImageSetProperties"]["imageSetId"]
    assert store.get(promoted)["isPrimary"] is True


def test_a_copy_of_strangers_fails_later_without_force(store):
    source = store.put(PlacedVersion(metadata=metadata()))
    for other, level in (
        (metadata(patient="P2"), "Patient"),
        (metadata(accession="A2"), "Study"),
        (metadata(series=("7.7",)), "Series"),
    ):
        destination = store.put(PlacedVersion(metadata=other))
        assert store.copy(source, destination)["destinationImageSetProperties"]["latestVersionId"] == "2"
        after = store.get(destination)
        assert (after["versionId"], after["imageSetState"]) == ("2", "ACTIVE")
        assert after["imageSetWorkflowStatus"] == "COPY_FAILED"
        assert after["message"] == (
            f"INVALID_REQUEST:  {level} of SourceImageSet and DestinationImageSet don't match."
        )

        store.copy(source, destination, latest=("1", "2"), force=True)
        forced = store.get(destination)
        assert (forced["imageSetWorkflowStatus"], forced["overrides"]) == ("COPIED", {"forced": True})
        assert "message" not in forced


def test_a_copy_of_some_instances(store):
    source = store.put(PlacedVersion(metadata=metadata(series=("1.1", "1.2"))))
    item = {"Study": {"Series": {"1.2": {"Instances": {"1.2.0": {}}}}}}
    made = store.copy(source, copies=json.dumps(item))["destinationImageSetProperties"]["imageSetId"]
    tags = {found["imageSetId"]: found["DICOMTags"] for found in store.search()}
    assert tags[source]["DICOMNumberOfStudyRelatedInstances"] == 4
    assert (
        tags[made]["DICOMNumberOfStudyRelatedSeries"],
        tags[made]["DICOMNumberOfStudyRelatedInstances"],
    ) == (1, 1)

    none = {"Study": {"Series": {"1.2": {"Instances": {"5.5": {}}}}}}
    failed = store.copy(source, copies=json.dumps(none))["destinationImageSetProperties"]["imageSetId"]
    assert store.state(failed) == ("ACTIVE", "COPY_FAILED")


def test_copies_that_are_refused_at_once(store):
    source, other = store.put(), store.put()
    assert failure(store.copy, source=source, latest=("2", "1")) == CONFLICT
    assert failure(store.copy, source=source, destination=other, latest=("1", "9")) == CONFLICT
    assert failure(store.copy, source=source, destination=source) == INVALID
    assert failure(store.copy, source=source, destination="0" * 32) == NOT_FOUND
    assert failure(store.copy, source="0" * 32) == NOT_FOUND
    assert len(store.search()) == 2


@pytest.mark.parametrize(
    "status", ["COPYING", "UPDATING", "DELETING", "COPYING_WITH_READ_ONLY_ACCESS", "DELETED"]
)
def test_nothing_is_written_to_a_set_that_is_not_active(store, status):
    image_set, free = store.put(PlacedVersion(status=status, updated_at=T0)), store.put()
    before = store.state(image_set)
    assert failure(store.delete, image_set=image_set) == CONFLICT
    assert (
        failure(store.update, image_set=image_set, latest="1", updates={"revertToVersionId": "1"}) == CONFLICT
    )
    assert failure(store.copy, source=image_set) == CONFLICT
    assert failure(store.copy, source=free, destination=image_set) == CONFLICT
    # what the back door has locked stays locked
    assert store.state(image_set) == before
    assert store.state(free) == ("ACTIVE", "CREATED")


def test_how_long_a_set_stays_locked_is_up_to_motos_state_manager(store):
    state_manager.set_transition(STATE_MODEL, {"progression": "manual", "times": 3})
    image_set = store.put()
    store.delete(image_set)
    assert failure(store.delete, image_set=image_set) == CONFLICT
    seen = [store.state(image_set)[0] for _ in range(4)]
    assert seen == ["LOCKED", "LOCKED", "DELETED", "DELETED"]


def test_a_locked_set_is_searched_and_comes_to_rest_in_a_search_too(store):
    state_manager.set_transition(STATE_MODEL, {"progression": "time", "seconds": 3600})
    image_set = store.put()
    store.delete(image_set)
    assert [item["imageSetId"] for item in store.search()] == [image_set]
    state_manager.set_transition(STATE_MODEL, {"progression": "immediate"})
    assert store.search() == []


def test_missing_sets_and_stores(store, client):
    image_set = store.put()
    for names in (
        {"datastoreId": "0" * 32, "imageSetId": image_set},
        {"datastoreId": store.id, "imageSetId": "0" * 32},
    ):
        assert failure(client.get_image_set, **names) == NOT_FOUND
        assert failure(client.list_image_set_versions, **names) == NOT_FOUND
        assert failure(client.delete_image_set, **names) == NOT_FOUND


def test_times_are_exact_to_the_millisecond(store):
    instants = [
        T0 + timedelta(days=days, milliseconds=item) for days in (-9000, 0, 900) for item in (0, 1, 377, 876)
    ]
    for instant in instants:
        assert store.get(store.put(created_at=instant))["createdAt"] == instant
