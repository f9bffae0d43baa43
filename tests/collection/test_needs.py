"""What the rules need decides which calls are made, each once for its subject."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest

from checker.collection.collector import Collection, Options, collect
from checker.config import Rate
from checker.model import ImageSetRef, Needs, Target
from checker.snapshot.records import Record
from collection.service import DATASTORE, OTHER, Service, answer, image_set_id, version

ACTIONS = ("GetImageSet", "ListImageSetVersions", "GetDatastore", "ListTagsForResource")
FAST = {action: Rate(10_000, 10_000) for action in ACTIONS}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VERSIONS = Needs(image_sets=False, versions=True)
BEFORE = Needs(image_sets=False, versions=True, previous_version=True)
STORE_ARN = f"arn:aws:medical-imaging:us-east-1:111122223333:datastore/{DATASTORE}"


def target(*refs: ImageSetRef, **other: object) -> Target:
    listed = refs or tuple(ImageSetRef(image_set_id(n)) for n in range(3))
    return Target("archive", "us-east-1", other.pop("datastore", DATASTORE), image_sets=listed, **other)


def run(needs: Needs, *targets: Target, **options: object) -> tuple[list[Record], Collection]:
    chosen = Options(**({"rates": FAST, "attempts": 1, "pause": lambda seconds: False} | options))
    records: list[Record] = []
    done = collect(targets or (target(),), records.append, needs=needs, options=chosen, now=lambda: NOW)
    return sorted(
        records, key=lambda record: (record.image_set_id or "", record.action, record.version or 0)
    ), done


def of(records: list[Record], action: str) -> list[Record]:
    return [record for record in records if record.action == action]


def history(count: int, of: int) -> list[dict[str, object]]:
    """Versions as the service lists them: the newest first."""
    return [version(number, of) for number in range(count, 0, -1)]


@pytest.mark.parametrize(
    ("needs", "calls"),
    [
        (Needs(), {"GetImageSet": 3}),
        (VERSIONS, {"ListImageSetVersions": 3}),
        (Needs(versions=True), {"GetImageSet": 3, "ListImageSetVersions": 3}),
        (BEFORE, {"ListImageSetVersions": 3}),
        (Needs(tags=("Owner",)), {"GetImageSet": 3, "ListTagsForResource": 3}),
        (Needs(image_sets=False, versions=True, tags=("A", "B")), {"ListImageSetVersions": 3, "ListTagsForResource": 3}),
        (Needs(datastore=True, datastore_tags=("Owner",)), {"GetImageSet": 3, "ListTagsForResource": 1}),
        (Needs(image_sets=False, datastores=True), {}),
        (Needs(image_sets=False, datastores=True, datastore_tags=("A",)), {"ListTagsForResource": 1}),
    ],
)  # fmt: skip
def test_exactly_the_calls_that_are_needed(service: Service, needs: Needs, calls: dict[str, int]) -> None:
    told: list[tuple[int, int]] = []
    records: list[Record] = []
    done = collect(
        [target()],
        records.append,
        needs=needs,
        options=Options(rates=FAST),
        progress=lambda *n: told.append(n),
    )
    assert done.calls == {"GetCallerIdentity": 1, "GetDatastore": 1, **calls}
    assert Counter(record.action for record in records) == {"GetDatastore": 1, **calls}
    assert not [record for record in records if record.error]
    expected = 3 if needs.image_sets or needs.versions else 0
    assert (told[0], told[-1]) == ((0, expected), (expected, expected))
    assert not done.interrupted


@pytest.mark.parametrize(
    ("needs", "calls"),
    [
        (VERSIONS, {"GetImageSet": 2}),
        (Needs(versions=True), {"GetImageSet": 2}),
        (BEFORE, {"ListImageSetVersions": 1}),
        (Needs(versions=True, previous_version=True), {"GetImageSet": 2, "ListImageSetVersions": 1}),
        (
            Needs(versions=True, tags=("Owner",)),
            {"GetImageSet": 2, "ListTagsForResource": 1},
        ),
    ],
)
def test_pinned_versions(service: Service, needs: Needs, calls: dict[str, int]) -> None:
    service.histories[image_set_id(1)] = history(5, 1)
    refs = (
        ImageSetRef(image_set_id(1), 2, {"class": "a"}, {"class": "x.csv:3"}),
        ImageSetRef(image_set_id(1), 4),
    )
    records, done = run(needs, target(*refs))
    assert done.calls == {"GetCallerIdentity": 1, "GetDatastore": 1, **calls}
    for action in ("GetImageSet", "ListImageSetVersions"):
        found = of(records, action)
        assert [explanation.version for explanation in found] == ([2, 4] if action in calls else [])
        if found:
            assert (found[0].labels, found[0].label_places) == ({"class": "a"}, {"class": "x.csv:3"})


def test_a_set_that_is_listed_whole_and_pinned_is_listed_by_one_call(service: Service) -> None:
    service.histories[image_set_id(1)] = history(5, 1)
    records, done = run(VERSIONS, target(ImageSetRef(image_set_id(1), 2), ImageSetRef(image_set_id(1))))
    assert done.calls["ListImageSetVersions"] == 1
    assert "GetImageSet" not in done.calls
    assert [item.version for item in of(records, "ListImageSetVersions")] == [None, 2]


def test_a_pinned_version_that_the_list_lacks_is_unreadable(service: Service) -> None:
    service.histories[image_set_id(1)] = history(5, 1)
    records, _ = run(BEFORE, target(ImageSetRef(image_set_id(1), 9)))
    (item,) = of(records, "ListImageSetVersions")
    assert (item.found, item.error) == (
        None,
        ("VersionNotFound", "version 9 was not found; the latest one is 5"),
    )


def test_every_page_is_read_and_kept_in_the_apis_spelling(service: Service) -> None:
    service.page = 4
    service.histories[image_set_id(1)] = history(10, 1)
    service.histories[image_set_id(1)][0] |= {"overrides": {"forced": True}, "newMember": 1}
    records, done = run(VERSIONS, target(ImageSetRef(image_set_id(1))))
    (entry,) = of(records, "ListImageSetVersions")
    items = entry.answer["imageSetPropertiesList"]
    assert [item["versionId"] for item in items] == [str(number) for number in range(1, 11)]
    assert items[9] == {
        "imageSetId": image_set_id(1), "versionId": "10", "imageSetState": "ACTIVE",
        "ImageSetWorkflowStatus": "UPDATED", "createdAt": "2023-03-23T17:28:30.753Z", "overrides": {"forced": True},
    }  # fmt: skip
    assert (done.calls["ListImageSetVersions"], done.retried) == (3, 0)


def test_a_version_written_between_two_pages_is_read_in_another_reading(service: Service) -> None:
    name = image_set_id(1)
    service.page = 3
    service.histories[name] = history(5, 1)

    def grow(asked: str, attempt: int) -> None:
        if attempt == 2:
            service.histories[name] = history(6, 1)

    service.list_fault = grow
    records, done = run(VERSIONS, target(ImageSetRef(name)))
    (item,) = of(records, "ListImageSetVersions")
    assert len(item.answer["imageSetPropertiesList"]) == 6
    assert done.calls["ListImageSetVersions"] == 4


NO_LIST = [
    "truncated", "html", "empty", "list", "text", "null", "no items", "null item", "items as object", "items of another",
    "item without version", "item twice", "item in another case", "item with text for forced", "token as number",
    "not utf-8", "404 under 500", "404 under 200", "201", "204", "206", "300",
]  # fmt: skip


@pytest.mark.parametrize("fault", NO_LIST)
def test_what_is_no_list_is_asked_again_then_unreadable(service: Service, fault: str) -> None:
    service.list_fault = lambda name, attempt: fault
    records, _ = run(VERSIONS, target(ImageSetRef(image_set_id(1))))
    (item,) = of(records, "ListImageSetVersions")
    assert (item.found, item.error[0]) == (None, "BadAnswer")
    service.list_fault = lambda name, attempt: fault if attempt == 1 else None
    service.attempts.clear()
    records, _ = run(VERSIONS, target(ImageSetRef(image_set_id(1))))
    assert of(records, "ListImageSetVersions")[0].found is True


def test_pages_without_end_are_no_list(service: Service) -> None:
    service.histories[image_set_id(1)] = history(2, 1)
    service.list_fault = lambda name, attempt: "page again"
    records, done = run(VERSIONS, target(ImageSetRef(image_set_id(1))))
    (item,) = of(records, "ListImageSetVersions")
    assert item.error[0] == "BadAnswer"
    assert done.calls["ListImageSetVersions"] < 20


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("403", "AccessDeniedException"), ("500", "InternalServerException"),
        ("409", "ConflictException"), ("reset", "ConnectionClosedError"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("action", ["ListImageSetVersions", "ListTagsForResource"])
def test_a_failed_call_is_a_record_of_that_call(service: Service, action: str, fault: str, code: str) -> None:
    def fail(name: str, attempt: int) -> str | None:
        return fault if name.endswith(image_set_id(1)) else None

    service.list_fault, service.tags_fault = (
        (fail, service.tags_fault) if action.endswith("Versions") else (service.list_fault, fail)
    )
    records, _ = run(Needs(versions=True, tags=("Owner",)))
    failed = [record for record in records if record.error]
    assert [(item.action, item.image_set_id, item.error[0], item.found) for item in failed] == [
        (action, image_set_id(1), code, None)
    ]
    assert len(records) == 1 + 3 * 3


def test_a_set_that_is_not_there_has_no_tags_to_ask_for(service: Service) -> None:
    gone = target(ImageSetRef(image_set_id(77)))
    records, done = run(Needs(versions=True, tags=("Owner",)), gone)
    assert [(record.action, record.found) for record in records if record.image_set_id] == [
        ("GetImageSet", False),
        ("ListImageSetVersions", False),
    ]
    assert "ListTagsForResource" not in done.calls


def test_versions_that_were_not_found_are_in_doubt_with_their_data_store(service: Service) -> None:
    service.stores[DATASTORE] = "DELETING"
    records, _ = run(VERSIONS, target(ImageSetRef(image_set_id(77))))
    (item,) = of(records, "ListImageSetVersions")
    assert (item.found, item.error[0]) == (None, "NotConfirmed")


NO_TAGS = ["truncated", "list", "null", "no tags", "tag as number", "tag as null", "tags as list", "tag twice",
           "tags in another case", "206"]  # fmt: skip


@pytest.mark.parametrize("fault", NO_TAGS)
def test_what_are_no_tags_is_unreadable(service: Service, fault: str) -> None:
    service.tags_fault = lambda name, attempt: fault
    records, _ = run(Needs(tags=("Owner",)), target(ImageSetRef(image_set_id(1))))
    (item,) = of(records, "ListTagsForResource")
    assert item.error[0] == "BadAnswer"
    assert of(records, "GetImageSet")[0].found is True


def asked_arns(service: Service) -> list[str]:
    return sorted(
        unquote(path.removeprefix("/tags/")) for path in service.paths() if path.startswith("/tags/")
    )


def test_tags_are_asked_for_by_the_arn_that_an_answer_gives(service: Service) -> None:
    name = image_set_id(1)
    given = f"arn:aws-cn:medical-imaging:us-east-1:999988887777:datastore/{DATASTORE}/imageset/{name}"
    service.sets[name] = answer(1, imageSetArn=given)
    service.tags[given] = {"Owner": "radiology", "Cost Centre": ""}
    records, _ = run(Needs(tags=("Owner",)), target(ImageSetRef(name)))
    assert asked_arns(service) == [given]
    (item,) = of(records, "ListTagsForResource")
    assert item.answer == {"tags": {"Owner": "radiology", "Cost Centre": ""}}
    assert json.loads(item.to_json())["tags"] == item.answer["tags"]


def test_an_arn_of_another_image_set_is_not_asked_for(service: Service) -> None:
    service.sets[image_set_id(1)] = answer(1, imageSetArn=f"{STORE_ARN}/imageset/{OTHER}")
    run(Needs(tags=("Owner",)), target(ImageSetRef(image_set_id(1))))
    assert asked_arns(service) == [f"{STORE_ARN}/imageset/{image_set_id(1)}"]


def test_an_arn_that_no_answer_gives_is_built(service: Service) -> None:
    run(Needs(tags=("Owner",), datastore_tags=("Owner",)), target(ImageSetRef(image_set_id(1))))
    assert asked_arns(service) == [STORE_ARN, f"{STORE_ARN}/imageset/{image_set_id(1)}"]


def test_an_arn_is_built_by_that_of_the_data_store(service: Service) -> None:
    service.sts_fault = "403"
    given = STORE_ARN.replace("111122223333", "444455556666")
    service.store_more = {"datastoreArn": given}
    run(Needs(tags=("Owner",), datastore_tags=("Owner",)), target(ImageSetRef(image_set_id(1))))
    assert asked_arns(service) == [given, f"{given}/imageset/{image_set_id(1)}"]


def test_without_an_account_no_arn_is_guessed(service: Service) -> None:
    service.sts_fault = "403"
    records, done = run(Needs(tags=("Owner",), datastore_tags=("Owner",)))
    tags = of(records, "ListTagsForResource")
    assert len(tags) == 4
    assert {(tag.error[0], tag.found, tag.collected_at) for tag in tags} == {("ArnNotKnown", None, None)}
    assert "ListTagsForResource" not in done.calls


def test_the_data_store_is_a_record(service: Service) -> None:
    service.store_more = {"createdAt": 1.679592510753e9, "kmsKeyArn": "arn:aws:kms:x", "newMember": 1}
    records, _ = run(Needs(), target(complete=True))
    item = records[0]
    assert (item.action, item.image_set_id, item.datastore_id, item.complete) == (
        "GetDatastore", None, DATASTORE, True,
    )  # fmt: skip
    assert item.answer == {
        "datastoreProperties": {
            "datastoreId": DATASTORE, "datastoreName": "archive", "datastoreStatus": "ACTIVE",
            "createdAt": "2023-03-23T17:28:30.753Z", "kmsKeyArn": "arn:aws:kms:x",
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "code"), [("403", "AccessDeniedException"), ("404", "ResourceNotFoundException")]
)
def test_a_data_store_that_is_not_known_is_a_record_too(service: Service, fault: str, code: str) -> None:
    service.store_fault = lambda name, attempt: fault
    records, _ = run(Needs(versions=True, tags=("Owner",)), target(ImageSetRef(image_set_id(1))))
    assert (records[0].action, records[0].error[0]) == ("GetDatastore", code)
    lost = {record.action: record.error[0] for record in records[1:] if record.error}
    expected = dict.fromkeys(
        ("GetImageSet", "ListImageSetVersions", "ListTagsForResource"), "TargetUnreadable"
    )
    assert lost == (expected if fault == "404" else {})


def test_a_lost_target_has_every_record_and_makes_no_call(service: Service, aws_env) -> None:
    aws_env.delenv("AWS_ACCESS_KEY_ID")
    records, done = run(Needs(versions=True, tags=("Owner",), datastore_tags=("Owner",)))
    assert Counter(record.action for record in records) == {
        "GetDatastore": 1, "GetImageSet": 3, "ListImageSetVersions": 3, "ListTagsForResource": 4,
    }  # fmt: skip
    assert {(record.error[0], record.collected_at) for record in records} == {("NoCredentialsError", None)}
    assert done.calls == {}
