"""Answers that never come, or never end: each call has a deadline and a size, and a host that is silent is given up."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable

import pytest

from checker.aws import Deadlines
from checker.collection import requests
from checker.collection.collector import Collection, Options, collect
from checker.model import ImageSetRef, Needs, Target
from checker.snapshot.answers import BadAnswerError
from checker.snapshot.records import Record
from collection.service import DATASTORE, ENDLESS, OTHER, Service, answer, image_set_id
from tests.collection.test_search import FAST, FORCED, NOW, fill, found
from tests.collection.test_search import target as whole

QUICK = Deadlines(connect=1, answer=0.3, read=0.3, call=0.5, size=1 << 20)
STATE = Needs(fields=frozenset({"imageSetState"}))
POISONED = image_set_id(3)


def target(count: int, name: str = "archive", datastore: str = DATASTORE) -> Target:
    refs = tuple(ImageSetRef(image_set_id(n)) for n in range(count))
    return Target(name, "us-east-1", datastore, image_sets=refs)


def run(*targets: Target, needs: Needs = STATE, **options: object) -> tuple[list[Record], Collection]:
    records: list[Record] = []
    given = {"rates": FAST, "pause": lambda seconds: False, "deadlines": QUICK, "workers": 4} | options
    done = collect(targets, records.append, needs=needs, options=Options(**given), now=lambda: NOW)
    return records, done


def codes(records: list[Record]) -> Counter[str]:
    of_sets = [record for record in records if record.image_set_id]
    return Counter(image_set.error[0] if image_set.error else "" for image_set in of_sets)


WRONG = {"ReadTimeoutError", "BadAnswer", "HTTPClientError", "ConnectionClosedError", "ProtocolError"}


@pytest.mark.parametrize(
    "fault", ["deep", "long number", "infinite", "surrogate", "not utf-8", "not a number", "gzip"]
)
def test_an_answer_that_no_parser_likes_is_an_unread_set_and_the_others_are_read(
    service: Service, fault: str
) -> None:
    service.fault = lambda name, attempt: fault if name == POISONED else None
    records, _ = run(target(5))
    assert codes(records)[""] >= 4
    assert {record.image_set_id for record in records if record.error} <= {POISONED}
    assert {record.error[0] for record in records if record.error} <= WRONG


@pytest.mark.parametrize("fault", ["301", "302", "307", "308"])
def test_no_answer_leads_to_another_host(service: Service, fault: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        service.elsewhere = f"http://127.0.0.1:{other.getsockname()[1]}/"
        for name in ("fault", "store_fault", "search_fault"):
            setattr(service, name, lambda name, attempt: fault)
        records, _ = run(target(2), whole(), deadlines=Deadlines())
        assert not [record for record in records if record.image_set_id and record.answer]
        assert [record.error for record in records if record.error]
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.mark.parametrize("fault", ENDLESS)
def test_an_answer_that_never_ends_is_an_unread_set_and_the_others_are_read(
    service: Service, fault: str
) -> None:
    service.fault = lambda name, attempt: fault if name == POISONED else None
    records, done = run(target(20))
    assert (codes(records) - Counter({"": 19})).keys() <= WRONG
    assert codes(records)[""] == 19
    assert [record.image_set_id for record in records if record.error] == [POISONED]
    assert not [note for note in done.notes if "given up" in note or "no more" in note]


def test_an_answer_that_is_too_large_is_asked_for_once(service: Service) -> None:
    service.fault = lambda name, attempt: "huge"
    records, done = run(target(1))
    (error,) = [record.error for record in records if record.image_set_id and record.error]
    assert error[0] == "BadAnswer"
    assert "it is larger than 1,048,576 bytes" in error[1]
    assert done.calls["GetImageSet"] == 1


@pytest.mark.parametrize("fault", ["silent", "trickle"])
def test_a_host_that_never_answers_is_given_up_after_one_call_for_every_target(
    service: Service, fault: str
) -> None:
    service.stores[OTHER] = "ACTIVE"
    service.store_fault = lambda name, attempt: fault
    service.fault = lambda name, attempt: fault
    service.sts_fault = "500"
    began = time.monotonic()
    records, done = run(target(500), target(500, "other", OTHER))
    assert time.monotonic() - began < 10
    assert codes(records) == {"ReadTimeoutError": 1000}
    assert done.calls["GetDatastore"] == 2
    assert "GetImageSet" not in done.calls
    assert any("was not asked any more, since it does not answer" in note for note in done.notes)


@pytest.mark.parametrize("fault", ["huge", "continue"])
def test_an_action_whose_answers_have_no_end_is_given_up(service: Service, fault: str) -> None:
    service.fault = lambda name, attempt: fault
    records, done = run(target(500))
    assert codes(records).total() == 500
    assert codes(records)[""] == 0
    assert done.calls["GetImageSet"] < 20
    assert any("no more GetImageSet calls were made: n" in note for note in done.notes)


def test_an_action_that_is_never_answered_is_given_up_and_the_others_go_on(service: Service) -> None:
    fill(service, 200)
    service.fault = service.list_fault = lambda name, attempt: "silent"
    records, done = run(whole(), needs=FORCED)
    assert found(records).total() == 200
    unread = [record for record in records if record.action in ("GetImageSet", "ListImageSetVersions")]
    assert {item.error[0] for item in unread if item.error} == {"ReadTimeoutError"}
    assert len(unread) == 200
    assert sum(done.calls[action] for action in ("GetImageSet", "ListImageSetVersions")) < 60
    assert any(
        "no more GetImageSet calls were made: none was answered any more" in note for note in done.notes
    )


def test_a_search_that_is_never_answered_leaves_its_target_open_and_the_others_are_read(
    service: Service,
) -> None:
    service.search_fault = lambda name, attempt: "trickle"
    records, done = run(whole(), target(20))
    assert found(records) == Counter([None])
    assert len([record for record in records if record.target == "archive" and record.answer]) == 21
    assert any(note.startswith("all: not every image set was found: ReadTimeoutError") for note in done.notes)


PAGES = {
    "nothing": {
        "SearchImageSets": {"imageSetsMetadataSummaries": []},
        "ListImageSetVersions": {"imageSetPropertiesList": []},
        "ListDatastores": {"datastoreSummaries": []},
    },
    "the same": {
        "SearchImageSets": {"imageSetsMetadataSummaries": [{"imageSetId": POISONED, "createdAt": 1.7e9}]},
        "ListImageSetVersions": {
            "imageSetPropertiesList": [
                {"imageSetId": POISONED, "versionId": "1", "imageSetState": "ACTIVE", "createdAt": 1.7e9}
            ]
        },
        "ListDatastores": {
            "datastoreSummaries": [
                {"datastoreId": DATASTORE, "datastoreName": "archive", "datastoreStatus": "ACTIVE"}
            ]
        },
    },
    "undated": {"SearchImageSets": {"imageSetsMetadataSummaries": [{"imageSetId": POISONED}]}},
}
ENDLESS_LISTS = [(kind, action) for kind, pages in PAGES.items() for action in pages]


@pytest.mark.parametrize(("kind", "action"), ENDLESS_LISTS)
def test_pages_without_an_end_that_bring_nothing_are_given_up(
    service: Service, kind: str, action: str
) -> None:
    service.endless[action] = PAGES[kind][action]
    service.sets = {POISONED: answer(3)}
    if action == "ListImageSetVersions":
        refs = (ImageSetRef(POISONED),)
        needs, asked = Needs(versions=True), Target("archive", "us-east-1", DATASTORE, image_sets=refs)
    elif action == "SearchImageSets":
        needs, asked = STATE, whole()
    else:
        needs, asked = STATE, whole(datastore="", datastores="arch*")
    records, done = run(asked, needs=needs, deadlines=Deadlines(), workers=1)
    failed = [record for record in records if record.action == action and record.error]
    assert failed
    assert {item.error[0] for item in failed if item.error} == {"BadAnswer"}
    assert "pages in a row bring nothing new" in failed[0].error[1]
    assert done.calls[action] <= 4 * (requests.MOST_IDLE + 1)


def listed_version(number: int) -> dict[str, object]:
    return {"imageSetId": POISONED, "versionId": str(number), "imageSetState": "ACTIVE", "createdAt": 1.7e9}


EVER_NEW: dict[str, Callable[[int], dict[str, object]]] = {
    "SearchImageSets": lambda page: {
        "imageSetsMetadataSummaries": [{"imageSetId": image_set_id(page), "createdAt": 1.7e9}]
    },
    "ListImageSetVersions": lambda page: {"imageSetPropertiesList": [listed_version(page)]},
    "ListDatastores": lambda page: {
        "datastoreSummaries": [
            {"datastoreId": image_set_id(page), "datastoreName": "other", "datastoreStatus": "ACTIVE"}
        ]
    },
}


@pytest.mark.parametrize("action", EVER_NEW)
def test_pages_without_an_end_that_bring_ever_new_things_are_given_up(
    service: Service, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_PAGES", 12)
    service.endless[action] = EVER_NEW[action]
    service.sets = {POISONED: answer(3)}
    needs, asked = STATE, whole()
    if action == "ListImageSetVersions":
        refs = (ImageSetRef(POISONED),)
        needs, asked = Needs(versions=True), Target("archive", "us-east-1", DATASTORE, image_sets=refs)
    elif action == "ListDatastores":
        asked = whole(datastore="", datastores="arch*")
    records, done = run(asked, needs=needs, deadlines=Deadlines(), workers=1)
    failed = [record for record in records if record.action == action and record.error]
    assert failed
    assert "there is no end to it within 12 pages" in failed[0].error[1]  # type: ignore[index]
    assert done.calls[action] <= 4 * 13


class Accounts:
    """A client of Organizations whose list of accounts has no end."""

    def __init__(self, *ids: str) -> None:
        self.ids, self.pages = ids, 0

    def list_accounts(self, **asked: str) -> dict[str, object]:
        self.pages += 1
        accounts = [{"Id": id_, "State": "ACTIVE"} for id_ in self.ids]
        return {"Accounts": accounts, "NextToken": f"token {self.pages}"}


@pytest.mark.parametrize("ids", [(), ("111122223333",)])
def test_accounts_without_an_end_are_given_up(ids: tuple[str, ...]) -> None:
    client = Accounts(*ids)
    with pytest.raises(BadAnswerError, match="bring nothing new"):
        requests.accounts(client)
    assert client.pages <= requests.MOST_IDLE + 1
