from __future__ import annotations

from datetime import timedelta

import pytest

from checker.simulator import PlacedVersion

from .helpers import INVALID, NOT_FOUND, T0, failure, metadata

# botocore sends the bounds of a time filter in whole seconds
START = T0.replace(microsecond=0)


def equal(**value):
    return {"operator": "EQUAL", "values": [value]}


def between(low, high):
    return {"operator": "BETWEEN", "values": [low, high]}


@pytest.fixture
def filled(store):
    for number in range(120):
        document = metadata(
            patient=f"P{number % 3}",
            study=f"1.{number}",
            series=(f"1.{number}.1",),
            accession=f"A{number}",
            date=f"2024{1 + number % 12:02}01",
        )
        updated = START + timedelta(days=200 - number)
        store.put(
            PlacedVersion(metadata=document, updated_at=updated if number % 4 == 0 else None),
            created_at=START + timedelta(hours=number),
            is_primary=number % 2 == 0,
        )
    return store


def test_everything_is_found_in_pages_of_at_most_fifty(filled):
    found = filled.search()
    assert len({explanation["imageSetId"] for explanation in found}) == len(found) == 120
    pages = filled.client.get_paginator("search_image_sets").paginate(datastoreId=filled.id)
    assert [len(page["imageSetsMetadataSummaries"]) for page in pages] == [50, 50, 20]
    few = filled.client.search_image_sets(datastoreId=filled.id, maxResults=7)
    assert len(few["imageSetsMetadataSummaries"]) == 7


@pytest.mark.parametrize(
    "filters, count",
    [
        ([equal(DICOMPatientId="P1")], 40),
        ([equal(DICOMPatientId="P1"), equal(isPrimary=True)], 20),
        ([equal(isPrimary=False)], 60),
        (
            [
                {
                    "operator": "EQUAL",
                    "values": [{"DICOMAccessionNumber": "A3"}, {"DICOMAccessionNumber": "A4"}],
                }
            ],
            2,
        ),
        ([equal(DICOMStudyInstanceUID="1.77")], 1),
        ([equal(DICOMSeriesInstanceUID="1.77.1")], 1),
        ([equal(DICOMStudyId="S1")], 120),
        ([equal(DICOMStudyId="S2")], 0),
        ([equal(createdAt=START)], 1),
        ([between({"createdAt": START}, {"createdAt": START + timedelta(hours=9)})], 10),
        (
            [between({"updatedAt": START + timedelta(days=190)}, {"updatedAt": START + timedelta(days=300)})],
            3,
        ),
        (
            [
                between(
                    {"DICOMStudyDateAndTime": {"DICOMStudyDate": "20240301"}},
                    {"DICOMStudyDateAndTime": {"DICOMStudyDate": "20240401", "DICOMStudyTime": "235959"}},
                )
            ],
            20,
        ),
        ([equal(DICOMStudyDateAndTime={"DICOMStudyDate": "20240301", "DICOMStudyTime": "101500"})], 10),
    ],
)
def test_filters(filled, filters, count):
    assert len(filled.search(*filters)) == count


def test_order(filled):
    newest_first = [item["updatedAt"] for item in filled.search()]
    assert newest_first == sorted(newest_first, reverse=True)
    for field in ("updatedAt", "createdAt"):
        for order, reverse in (("ASC", False), ("DESC", True)):
            seen = [item[field] for item in filled.search(sort=(field, order))]
            assert seen == sorted(seen, reverse=reverse)
    dates = [
        item["DICOMTags"]["DICOMStudyDate"] for item in filled.search(sort=("DICOMStudyDateAndTime", "ASC"))
    ]
    assert dates == sorted(dates)


def test_a_summary(store):
    image_set = store.put(
        PlacedVersion(metadata=metadata()),
        PlacedVersion(status="UPDATED", updated_at=T0),
        last_accessed_at=T0,
    )
    assert store.search() == [
        {
            "imageSetId": image_set,
            "version": 2,
            "createdAt": T0,
            "updatedAt": T0,
            "lastAccessedAt": T0,
            "storageTier": "FREQUENT_ACCESS",
            "isPrimary": True,
            "DICOMTags": {
                "DICOMPatientId": "P1",
                "DICOMPatientName": "DOE^JANE",
                "DICOMStudyInstanceUID": "1.2.3",
                "DICOMStudyId": "S1",
                "DICOMNumberOfStudyRelatedSeries": 1,
                "DICOMNumberOfStudyRelatedInstances": 2,
                "DICOMAccessionNumber": "A1",
                "DICOMSeriesInstanceUID": "1.2.3.4",
                "DICOMSeriesModality": "CT",
                "DICOMSeriesNumber": 3,
                "DICOMStudyDate": "20240105",
                "DICOMStudyTime": "101500",
            },
        }
    ]


def test_a_search_sees_what_was_written_since(store):
    first = store.put()
    assert len(store.search()) == 1
    second = store.put()
    assert len(store.search()) == 2
    store.delete(first)
    assert [item["imageSetId"] for item in store.search()] == [second]


def test_a_scan_neither_repeats_nor_skips_when_sets_come_and_go(filled):
    oldest_first = {"sort": {"sortField": "createdAt", "sortOrder": "ASC"}}
    first = filled.client.search_image_sets(datastoreId=filled.id, searchCriteria=oldest_first)
    seen = [item["imageSetId"] for item in first["imageSetsMetadataSummaries"]]
    filled.delete(seen[0])
    filled.put(created_at=START - timedelta(days=1))
    filled.put(created_at=START - timedelta(days=2))
    token = first["nextToken"]
    while token:
        page = filled.client.search_image_sets(
            datastoreId=filled.id, searchCriteria=oldest_first, nextToken=token
        )
        seen += [item["imageSetId"] for item in page["imageSetsMetadataSummaries"]]
        token = page.get("nextToken")
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize(
    "criteria",
    [
        {"filters": [equal(isPrimary=True)] * 3},
        {"filters": []},
        {"filters": [{"operator": "EQUAL", "values": []}]},
        {"filters": [{"operator": "EQUAL", "values": [{"isPrimary": True}] * 3}]},
        {"filters": [{"operator": "LIKE", "values": [{"isPrimary": True}]}]},
        {"filters": [{"operator": "EQUAL", "values": [{"isPrimary": True}, {"DICOMPatientId": "P1"}]}]},
        {"filters": [between({"DICOMPatientId": "P1"}, {"DICOMPatientId": "P2"})]},
        {"filters": [{"operator": "BETWEEN", "values": [{"createdAt": T0}]}]},
        {"sort": {"sortField": "imageSetId", "sortOrder": "ASC"}},
    ],
)
def test_what_makes_no_sense_is_refused(store, lax_client, criteria):
    store.put()
    assert failure(lax_client.search_image_sets, datastoreId=store.id, searchCriteria=criteria) == INVALID


def test_a_token_belongs_to_its_request(filled):
    token = filled.client.search_image_sets(datastoreId=filled.id)["nextToken"]
    other = {"filters": [equal(isPrimary=True)]}
    call = filled.client.search_image_sets
    assert failure(call, datastoreId=filled.id, searchCriteria=other, nextToken=token) == INVALID
    assert failure(call, datastoreId=filled.id, nextToken="bm90IG91cnM=") == INVALID
    assert failure(call, datastoreId="0" * 32) == NOT_FOUND
