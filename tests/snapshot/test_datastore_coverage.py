"""The data stores of a run: those that were not read are among them, and of none is said that all of it was where nobody knows
how much there is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from checker.aws.actions import GET_IMAGE_SET, SEARCH
from checker.model import Needs
from checker.snapshot.datastore_coverage import datastore_coverage
from checker.snapshot.records import Record
from checker.snapshot.writer import write_records, write_snapshot

AT = datetime(2026, 2, 1, tzinfo=UTC)
STORES = {"read": "a" * 32, "part": "b" * 32, "denied": "c" * 32}
NAMES = {"data_stores": {"read": "archive"}, "accounts": {"111122223333": "Branch"}}
DENIED = ("AccessDeniedException", "no")


def image_set(target: str, number: int, error=None) -> Record:
    answer = {
        "datastoreId": STORES[target], "imageSetId": f"{number:032}", "versionId": "1", "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED", "createdAt": "2025-01-01T00:00:00Z",
    }  # fmt: skip
    said = {"error": error} if error else {"answer": answer}
    return Record(
        target, f"{number:032}", STORES[target], action=GET_IMAGE_SET, collected_at=AT,
        account="111122223333", region="us-east-1", **said,
    )  # fmt: skip


def search(target: str) -> Record:
    return Record(target, None, STORES[target], action=SEARCH, collected_at=AT, error=DENIED)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    records = folder / "records.jsonl"
    found = [
        image_set("read", 1),
        image_set("read", 2, error=DENIED),
        image_set("part", 3),
        search("part"),
        search("denied"),
    ]
    write_records(found, records)
    write_snapshot(records, folder, {}, Needs())
    return {store.target: store for store in datastore_coverage(folder, NAMES)}


def test_each_data_store_that_was_reached_for_is_there_with_its_names(stores):
    assert {name: store.datastore for name, store in stores.items()} == {
        name: STORES[name] for name in ("read", "part", "denied")
    }
    read = stores["read"]
    assert (read.account, read.account_name, read.region, read.name) == (
        "111122223333",
        "Branch",
        "us-east-1",
        "archive",
    )


def test_image_sets_are_counted_and_what_may_be_more_is_said(stores):
    numbers = {
        name: (store.image_sets, store.unreadable, store.unlisted, store.reading)
        for name, store in stores.items()
    }
    unknown = "how many there are is not known"
    assert numbers == {
        "read": (2, 1, False, "1 not read"),
        "part": (1, 0, True, unknown),
        "denied": (0, 0, True, unknown),
    }


def test_of_recorded_answers_the_arn_says_account_and_region(tmp_path):
    records = tmp_path / "records.jsonl"
    arn = f"arn:aws:medical-imaging:eu-west-1:111122223333:datastore/{STORES['read']}/imageset/{1:032}"
    known = image_set("read", 1)
    own = {**known.answer, "imageSetArn": arn, "region": "eu-west-1", "account": "111122223333"}
    write_records([replace(known, account=None, region=None, answer=own)], records)
    write_snapshot(records, tmp_path, {}, Needs())
    (store,) = datastore_coverage(tmp_path, NAMES)
    assert (store.account, store.region, store.account_name) == ("111122223333", "eu-west-1", "Branch")
