"""Image sets that are found by SearchImageSets, over real HTTP."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from checker.collection.collector import Collection, Options, collect
from checker.config import Rate
from checker.model import Discovery, ImageSetRef, Needs, Target
from checker.snapshot.records import LISTED_SINCE, Record
from collection.service import DATASTORE, OTHER, Service, answer, image_set_id, mixed, version

QUICK = Rate(10_000, 10_000)
FAST = dict.fromkeys(
    ("GetImageSet", "GetDatastore", "SearchImageSets", "ListImageSetVersions", "ListDatastores"), QUICK
)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TIER = Needs(fields=frozenset({"storageTier", "createdAt"}))
STATE = Needs(fields=frozenset({"imageSetState"}))
FORCED = Needs(fields=frozenset({"overrides.forced"}))
PRIMARY = Needs(fields=frozenset({"imageSetState", "lastAccessedAt"}))


def summary(number: int, **changed: object) -> dict[str, object]:
    return {
        "imageSetId": image_set_id(number),
        "version": 1,
        "createdAt": 1.7e9 + number,
        "updatedAt": 1.7e9 + number + 1,
        "lastAccessedAt": 1.7e9 + number + 2,
        "storageTier": "FREQUENT_ACCESS",
        "isPrimary": True,
        "DICOMTags": {"DICOMPatientName": "DOE^JANE"},
    } | changed


def fill(service: Service, count: int, store: str = DATASTORE, first: int = 0) -> None:
    service.listed[store] = [summary(n) for n in range(first, first + count)]
    service.sets |= {
        image_set_id(n): answer(n, imageSetId=image_set_id(n), createdAt=1.7e9 + n)
        for n in range(first, first + count)
    }


def target(name: str = "all", **other: object) -> Target:
    given: dict[str, object] = {"discovery": Discovery(), "complete": True, "datastore": DATASTORE}
    return Target(name, "us-east-1", **(given | other))


def run(
    service: Service, *targets: Target, needs: Needs = TIER, **options: object
) -> tuple[list[Record], Collection]:
    records: list[Record] = []
    chosen = Options(**({"rates": FAST, "attempts": 1, "pause": lambda seconds: False} | options))
    done = collect(targets, records.append, needs=needs, options=chosen, now=lambda: NOW)
    return records, done


def found(records: list[Record], action: str = "SearchImageSets") -> Counter[str | None]:
    """How often each image set was found; None for a search that failed."""
    ends = [
        record
        for record in records
        if record.action == action and record.answer and LISTED_SINCE in record.answer
    ]
    return Counter(
        record.image_set_id for record in records if record.action == action and record not in ends
    )


def every(count: int) -> Counter[str]:
    return Counter(image_set_id(n) for n in range(count))


def test_a_search_that_answers_all_is_the_only_call(service: Service) -> None:
    fill(service, 120)
    records, done = run(service, target())
    assert found(records) == every(120)
    assert set(done.calls) == {"GetCallerIdentity", "GetDatastore", "SearchImageSets"}
    item = next(record for record in records if record.image_set_id == image_set_id(7))
    assert item.answer == {
        "imageSetId": image_set_id(7), "version": 1, "createdAt": "2023-11-14T22:13:27Z",
        "updatedAt": "2023-11-14T22:13:28Z", "lastAccessedAt": "2023-11-14T22:13:29Z",
        "storageTier": "FREQUENT_ACCESS", "isPrimary": True,
    }  # fmt: skip
    (store,) = [record for record in records if record.action == "GetDatastore"]
    assert store.complete


def test_dicom_attributes_are_in_no_record(service: Service) -> None:
    fill(service, 60)
    records, _ = run(service, target(), needs=FORCED)
    assert "DOE" not in "".join(map(repr, records))


@pytest.mark.parametrize(
    "tags",
    [
        {"DICOMPatientId": 9227465},
        {"DICOMPatientName": {"Alphabetic": "9227465"}},
        "9227465",
        ["9227465"],
        {"DICOMSeriesNumber": "9227465"},
        {"DICOMNumberOfStudyRelatedSeries": True},
        {"DICOMPatientid": "9227465"},
    ],
)
def test_odd_dicom_attributes_are_dropped_and_in_no_message(service: Service, tags: object) -> None:
    fill(service, 2)
    service.listed[DATASTORE][0]["DICOMTags"] = tags
    records, done = run(service, target())
    assert found(records) == every(2)
    assert not [record.error for record in records if record.error]
    assert "9227465" not in "".join(map(repr, records)) + "".join(done.notes)


@pytest.mark.parametrize("page", [1, 7, 50])
@pytest.mark.parametrize("seed", range(4))
def test_ranges_lose_and_repeat_nothing(service: Service, page: int, seed: int) -> None:
    """Clusters, ties at the same instant, and gaps of years."""
    dice = random.Random(seed)
    clusters = [dice.uniform(1.3e9, 1.76e9) for _ in range(dice.randint(1, 5))]
    times = [
        round(dice.choice(clusters) + dice.choice([0, 0.001, dice.uniform(0, 1e5)]), 3) for _ in range(400)
    ]
    service.page = page
    service.listed[DATASTORE] = [summary(n, createdAt=at) for n, at in enumerate(times)]
    records, _ = run(service, target(), workers=8)
    assert found(records) == every(400)


def test_the_same_audit_reads_an_image_set_by_the_same_call(service: Service) -> None:
    fill(service, 300)
    by_call = []
    for _ in range(2):
        records, _ = run(service, target(), needs=STATE, workers=8)
        by_call.append(
            {
                record.image_set_id: record.action
                for record in records
                if record.action in ("GetImageSet", "ListImageSetVersions")
            }
        )
    assert by_call[0] == by_call[1]
    assert 100 < sum(call == "GetImageSet" for call in by_call[0].values()) < 200


def test_several_threads_share_a_search(service: Service) -> None:
    fill(service, 2000)
    records, done = run(service, target(), workers=8)
    assert found(records) == every(2000)
    filtered = [body for path, body, _ in service.requests if "search" in path and "BETWEEN" in body]
    assert filtered
    assert done.calls["SearchImageSets"] <= 2000 / 50 * 1.5 + 8


def test_an_order_that_is_not_kept_is_no_whole_answer(service: Service) -> None:
    fill(service, 200)
    service.unsorted = True
    service.listed[DATASTORE].reverse()
    records, done = run(service, target())
    (whole,) = [
        record for record in records if record.action == "SearchImageSets" and record.image_set_id is None
    ]
    assert whole.error[0] == "SearchNotSorted"
    assert any("not every image set was found" in note for note in done.notes)
    assert not next(record for record in records if record.action == "GetDatastore").complete


def test_a_filter_that_is_not_kept_is_no_whole_answer(service: Service) -> None:
    fill(service, 2000)
    service.unfiltered = True
    records, _ = run(service, target(), workers=8)
    assert {record.error[0] for record in records if record.image_set_id is None and record.error} == {
        "SearchNotFiltered"
    }
    assert not next(record for record in records if record.action == "GetDatastore").complete


def test_a_search_that_is_denied_makes_the_target_unread(service: Service) -> None:
    fill(service, 20)
    service.search_fault = lambda name, attempt: "403"
    records, _ = run(service, target())
    assert found(records) == {None: 1}
    assert next(record for record in records if record.image_set_id is None and record.error).error[0] == (
        "AccessDeniedException"
    )
    assert not next(record for record in records if record.action == "GetDatastore").complete


def test_faults_in_between_lose_nothing(service: Service) -> None:
    fill(service, 700)
    service.search_fault = mixed(3, 0.3)
    service.fault = service.list_fault = mixed(4, 0.3)
    records, done = run(service, target(), needs=FORCED, workers=8)
    assert found(records) == every(700)
    assert found(records, "GetImageSet") + found(records, "ListImageSetVersions") == every(700)
    assert not [record for record in records if record.error]
    assert done.retried


@pytest.mark.parametrize(
    ("needs", "evidence", "calls"),
    [
        (TIER, None, {"SearchImageSets"}),
        (TIER, "exact", {"SearchImageSets", "GetImageSet"}),
        (STATE, "exact", {"SearchImageSets", "GetImageSet", "ListImageSetVersions"}),
        (STATE, None, {"SearchImageSets", "GetImageSet", "ListImageSetVersions"}),
        (PRIMARY, "economical", {"SearchImageSets", "GetImageSet", "ListImageSetVersions"}),
        (FORCED, None, {"SearchImageSets", "GetImageSet", "ListImageSetVersions"}),
        (Needs(fields=frozenset({"imageSetArn"})), None, {"SearchImageSets", "GetImageSet"}),
        (Needs(), None, {"SearchImageSets", "GetImageSet"}),
        (
            Needs(versions=True, fields=frozenset({"imageSetState"})),
            None,
            {"SearchImageSets", "ListImageSetVersions"},
        ),
        (
            Needs(versions=True, fields=frozenset({"imageSetArn"})),
            None,
            {"SearchImageSets", "GetImageSet", "ListImageSetVersions"},
        ),
        (Needs(image_sets=False, datastores=True), None, set()),
    ],
)
def test_as_few_calls_as_the_fields_need(
    service: Service, needs: Needs, evidence: str | None, calls: set[str]
) -> None:
    fill(service, 300)
    records, done = run(service, target(), needs=needs, evidence=evidence, workers=4)
    assert set(done.calls) == {"GetCallerIdentity", "GetDatastore"} | calls
    asked = found(records, "GetImageSet") + found(records, "ListImageSetVersions")
    if calls and calls != {"SearchImageSets"}:
        assert set(asked) == set(every(300))
    assert next(record for record in records if record.action == "GetDatastore").complete == bool(calls)
    if not needs.versions and calls:
        assert done.calls.get("GetImageSet", 0) + done.calls.get("ListImageSetVersions", 0) in (0, 300)


def test_listed_image_sets_are_asked_by_get_image_set_unless_told_otherwise(service: Service) -> None:
    fill(service, 40)
    refs = tuple(ImageSetRef(image_set_id(n)) for n in range(40))
    listed = target(discovery=None, image_sets=refs)
    assert "ListImageSetVersions" not in run(service, listed, needs=STATE)[1].calls
    done = run(service, listed, needs=STATE, evidence="economical", workers=4)[1]
    assert done.calls["GetImageSet"] + done.calls["ListImageSetVersions"] == 40
    assert done.calls["ListImageSetVersions"] > 0


def test_labels_of_the_inventory_are_those_of_what_was_found(service: Service) -> None:
    fill(service, 3)
    listed = {
        image_set_id(1): ImageSetRef(image_set_id(1), None, {"site": "north"}),
        image_set_id(9): ImageSetRef(image_set_id(9), None, {"site": "gone"}),
    }
    records, done = run(service, target(discovery=Discovery(labels={"owner": "lab"}, listed=listed)))
    labels = {
        record.image_set_id: dict(record.labels)
        for record in records
        if record.action == "SearchImageSets" and record.image_set_id
    }
    assert labels == {
        image_set_id(0): {"owner": "lab"},
        image_set_id(1): {"owner": "lab", "site": "north"},
        image_set_id(2): {"owner": "lab"},
    }
    assert any(
        f"1 image set that is not among those found, such as {image_set_id(9)}" in note for note in done.notes
    )


def test_data_stores_by_name_are_targets_of_their_own(service: Service) -> None:
    second, third = "2" * 32, "3" * 32
    service.stores |= {second: "ACTIVE", third: "ACTIVE"}
    service.names = {DATASTORE: "radiology-a", second: "radiology-b", third: "test"}
    fill(service, 3)
    fill(service, 2, second, first=10)
    records, done = run(service, target("site", datastore="", datastores="radiology-*"))
    sets = Counter(
        record.target for record in records if record.action == "SearchImageSets" and record.image_set_id
    )
    assert sets == {f"site/{DATASTORE}": 3, f"site/{second}": 2}
    assert done.calls["ListDatastores"] == 1
    assert set(done.identities) == {"site", f"site/{DATASTORE}", f"site/{second}"}


def test_data_stores_that_cannot_be_listed_are_an_unread_target(service: Service) -> None:
    service.stores_fault = lambda name, attempt: "403"
    fill(service, 3)
    records, _ = run(
        service, target("site", datastore="", datastores="*"), target("other", datastore=DATASTORE)
    )
    (lost,) = [record for record in records if record.action == "ListDatastores"]
    assert (lost.target, lost.error[0], lost.account) == ("site", "AccessDeniedException", "111122223333")
    assert found([record for record in records if record.target == "other"]) == every(3)


def test_no_data_store_by_that_name_is_noted(service: Service) -> None:
    _, done = run(service, target("site", datastore="", datastores="nothing-*"))
    assert any("no data store is called nothing-*" in note for note in done.notes)


def test_stores_that_are_gone_are_not_searched(service: Service) -> None:
    service.stores = {OTHER: "DELETING"}
    fill(service, 3)
    records, _ = run(service, target())
    assert [record.error[0] for record in records if record.error and record.action == "SearchImageSets"]
    assert not next(record for record in records if record.action == "GetDatastore").complete


def test_a_list_of_versions_of_what_was_found_is_one_call_for_each(service: Service) -> None:
    fill(service, 30)
    service.histories = {
        image_set_id(n): [version(k, of=n, createdAt=1.7e9 + n) for k in range(1, 4)] for n in range(30)
    }
    records, done = run(service, target(), needs=Needs(versions=True, fields=frozenset({"imageSetState"})))
    assert found(records, "ListImageSetVersions") == every(30)
    assert done.calls["ListImageSetVersions"] == 30


def test_a_data_store_that_is_not_there_is_told_of_once(service: Service) -> None:
    records, done = run(service, target(datastore="9" * 32))
    assert {record.error[0] for record in records if record.error} <= {
        "ResourceNotFoundException",
        "TargetUnreadable",
    }
    (note,) = [item for item in done.notes if "asked at" not in item]
    assert f"all: the data store {'9' * 32} was not found in us-east-1" in note
