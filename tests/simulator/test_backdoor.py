from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from moto import mock_aws

from checker import simulator
from checker.simulator import PlacedDatastore, PlacedVersion

from .helpers import ACCOUNT, CONFLICT, REGION, T0, failure


def test_a_set_with_a_past(store):
    deleted = T0 - timedelta(days=3)
    image_set = store.put(
        PlacedVersion(),
        PlacedVersion(status="COPIED", updated_at=T0 - timedelta(days=9), overrides={"forced": True}),
        PlacedVersion(status="DELETED", updated_at=deleted, deleted_at=deleted, message="why"),
        created_at=T0 - timedelta(days=900),
        image_set_id="a" * 32,
        is_primary=False,
        storage_tier="ARCHIVE_INSTANT_ACCESS",
        last_accessed_at=T0 - timedelta(days=800),
    )
    assert image_set == "a" * 32
    answer = store.get(image_set)
    assert (answer["versionId"], answer["imageSetState"], answer["message"]) == ("3", "DELETED", "why")
    assert (answer["deletedAt"], answer["createdAt"]) == (deleted, T0 - timedelta(days=900))
    assert (answer["isPrimary"], answer["storageTier"]) == (False, "ARCHIVE_INSTANT_ACCESS")
    assert store.get(image_set, versionId="2")["overrides"] == {"forced": True}


def test_members_can_be_left_out(store):
    image_set = store.put(omit={"updatedAt", "isPrimary", "createdAt"}, storage_tier=None)
    assert set(store.get(image_set)) == {
        "datastoreId",
        "imageSetId",
        "versionId",
        "imageSetState",
        "imageSetWorkflowStatus",
        "imageSetArn",
    }
    assert set(store.search()[0]) == {"imageSetId", "version", "DICOMTags"}


@pytest.mark.parametrize("overrides", [{}, {"forced": False}])
def test_overrides_that_aws_may_never_send(store, overrides):
    assert store.get(store.put(PlacedVersion(overrides=overrides)))["overrides"] == overrides


def test_statuses_of_tomorrow_and_gaps_in_the_numbers(store):
    image_set = store.put(PlacedVersion(), PlacedVersion(status="SHREDDING", state="HIDDEN", number=5))
    answer = store.get(image_set)
    assert (answer["versionId"], answer["imageSetState"], answer["imageSetWorkflowStatus"]) == (
        "5",
        "HIDDEN",
        "SHREDDING",
    )


def test_placing_again_replaces(store):
    for status in ("DELETED", "COPIED"):
        image_set = store.put(PlacedVersion(status=status), image_set_id="b" * 32)
    assert store.state(image_set) == ("ACTIVE", "COPIED")
    assert len(store.search()) == 1


def test_a_data_store_with_a_past(client):
    placed = PlacedDatastore(
        name="old",
        created_at=T0,
        datastore_id="e" * 32,
        status="CREATE_FAILED",
        lossless_storage_format="JPEG_2000_LOSSLESS",
        tags={"Env": "x"},
    )
    assert simulator.put_datastore(ACCOUNT, REGION, placed) == "e" * 32
    properties = client.get_datastore(datastoreId="e" * 32)["datastoreProperties"]
    assert (properties["datastoreStatus"], properties["createdAt"]) == ("CREATE_FAILED", T0)
    assert properties["losslessStorageFormat"] == "JPEG_2000_LOSSLESS"
    assert failure(client.search_image_sets, datastoreId="e" * 32) == CONFLICT


def test_times_of_any_zone_are_kept_to_the_millisecond(store):
    tokyo = timezone(timedelta(hours=9))
    image_set = store.put(created_at=datetime(2024, 7, 1, 3, 0, 0, 123999, tzinfo=tokyo))
    assert store.get(image_set)["createdAt"].timestamp() == 1719770400.123


def test_what_cannot_be_placed(store):
    for error, arguments in (
        (ValueError, {"created_at": datetime(2024, 1, 1)}),
        (ValueError, {"last_accessed_at": datetime(2024, 1, 1)}),
        (ValueError, {"image_set_id": "short"}),
    ):
        with pytest.raises(error):
            store.put(**arguments)
    with pytest.raises(ValueError, match="SHREDDING"):
        store.put(PlacedVersion(status="SHREDDING"))
    with pytest.raises(ValueError, match="at least one version"):
        simulator.put_image_set(ACCOUNT, REGION, store.id, created_at=T0, versions=())
    with pytest.raises(LookupError):
        simulator.put_image_set(ACCOUNT, REGION, "0" * 32, created_at=T0)
    assert store.search() == []


def test_mock_aws_starts_empty():
    simulator.put_datastore(ACCOUNT, REGION, PlacedDatastore(name="x", created_at=T0))
    with mock_aws():
        assert simulator.backend().datastores == {}
