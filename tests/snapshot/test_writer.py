"""Records to tables: which rows and columns there are, and what stands in them."""

import json
from datetime import datetime

import pytest

from checker.aws.actions import GET_DATASTORE, LIST_TAGS, LIST_VERSIONS
from checker.fields import column, tag_field
from checker.model import Coverage, Duration, Label, Location, Needs, Type
from checker.snapshot.records import PROPERTIES, VERSIONS, Record
from checker.snapshot.writer import connect, duckdb_path, write_records, write_snapshot

STORE, OTHER = "1" * 32, "2" * 32
A, B, C = "a" * 32, "b" * 32, "c" * 32
CREATED = datetime(2026, 1, 1)
ALL = Needs(versions=True, datastores=True)
HERE = Location("p.yaml", 1, 1)
LABELS = {
    "superseded_by": Label("superseded_by", Type.STRING, (), "", HERE),
    "retention": Label("retention", Type.DURATION, (), "", HERE),
}


@pytest.fixture
def tables(tmp_path):
    """Writes records and their snapshot; the rows of each table by name."""

    def write(needs, *records):
        write_records(records, tmp_path / "records.jsonl")
        coverage = write_snapshot(tmp_path / "records.jsonl", tmp_path, LABELS, needs)
        found = {"coverage": coverage}
        for path in sorted(tmp_path.glob("*.parquet")):
            with connect() as connection:
                rows = connection.read_parquet(duckdb_path(path)).order("row")
                found[path.stem] = [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]
        return found

    return write


def given(row, *names):
    return tuple(row[name] for name in names)


def answer(image_set_id=A, version="2", **changed):
    return {
        "datastoreId": STORE, "imageSetId": image_set_id, "versionId": version, "imageSetState": "ACTIVE", **changed,
    }  # fmt: skip


def image_set(image_set_id=A, *, target="t", **more):
    more.setdefault("answer", None if "error" in more else answer(image_set_id))
    return Record(target, image_set_id, STORE, **more)


def item(number, image_set_id=A, **changed):
    return {
        "imageSetId": image_set_id, "versionId": str(number), "imageSetState": "ACTIVE",
        "ImageSetWorkflowStatus": "UPDATED", "createdAt": "2026-01-01T00:00:00Z", **changed,
    }  # fmt: skip


def versions(*numbers, image_set_id=A, target="t", **more):
    items = [number if isinstance(number, dict) else item(number, image_set_id) for number in numbers]
    return Record(
        target, image_set_id, STORE, action=LIST_VERSIONS, answer={VERSIONS: items} if items else None, **more
    )


def datastore(store=STORE, *, target="t", **more):
    properties = {"datastoreId": store, "datastoreName": "n", "datastoreStatus": "ACTIVE"}
    properties |= more.pop("properties", {})
    more.setdefault("answer", None if "error" in more else {PROPERTIES: properties})
    return Record(target, None, store, action=GET_DATASTORE, account="1", region="r", **more)


def tags(image_set_id=None, **more):
    more.setdefault("answer", None)
    return Record("t", image_set_id, STORE, action=LIST_TAGS, **more)


DENIED = ("AccessDeniedException", "no")
GONE = ("ResourceNotFoundException", "no")


def test_only_the_tables_and_columns_that_are_needed(tables):
    records = (image_set(), versions(1, 2), datastore(), tags(A, answer={"tags": {}}))
    found = tables(Needs(), *records)
    assert found.keys() == {"coverage", "image_sets"}
    assert not [
        name for name in found["image_sets"][0] if name.startswith(("tags", "datastore.", "successor"))
    ]
    assert found["coverage"] == Coverage(expected=1)


def test_each_version_stands_beside_the_one_before(tables):
    found = tables(
        Needs(image_sets=False, versions=True), versions(10, item(9, overrides={"forced": True}), 2)
    )
    assert found.keys() == {"coverage", "versions"}
    names = ("row", "versionId", "previous_version.versionId", "found", "overrides.forced",
             "previous_version.overrides.forced", "previous_version.createdAt", "imageSetWorkflowStatus")  # fmt: skip
    assert [given(row, *names) for row in found["versions"]] == [
        (1, 2, None, True, None, None, None, "UPDATED"),
        (2, 9, 2, True, True, None, CREATED, "UPDATED"),
        (3, 10, 9, True, None, True, CREATED, "UPDATED"),
    ]
    absent = {
        "imageSetArn",
        "storageTier",
        "lastAccessedAt",
        "account",
        "region",
        "previous_version.datastoreId",
    }
    assert not absent & found["versions"][0].keys()
    assert found["coverage"] == Coverage(expected=1)


def test_versions_that_were_not_read_are_one_row(tables):
    lost = versions(image_set_id=B, error=DENIED, labels={"retention": Duration(12)})
    found = tables(Needs(versions=True), image_set(), image_set(B), versions(1, 2), lost)
    row = found["versions"][2]
    assert given(row, "imageSetId", "versionId", "found", "error.code", "labels.retention") == (
        B, None, None, "AccessDeniedException", {"months": 12, "milliseconds": 0},
    )  # fmt: skip
    assert found["coverage"] == Coverage(expected=2, unreadable=1, versions_unread=1)


def test_a_set_that_is_not_there_is_one_row(tables):
    found = tables(Needs(versions=True), image_set(error=GONE), versions(error=GONE))
    assert [given(row, "versionId", "found") for row in found["versions"]] == [(None, False)]
    assert found["coverage"] == Coverage(expected=1, not_found=1)


def test_without_a_record_of_the_list_nothing_is_known_of_versions(tables):
    found = tables(Needs(versions=True), image_set(), image_set(B, error=GONE), image_set(C, error=DENIED))
    names = ("found", "error.code", "versionId", "imageSetState")
    assert [given(row, *names) for row in found["versions"]] == [
        (None, "NotRecorded", None, None), (False, "ResourceNotFoundException", None, None),
        (None, "NotRecorded", None, None),
    ]  # fmt: skip
    assert found["coverage"].unreadable == 2


def test_a_pinned_version_comes_from_the_list_where_there_is_one(tables):
    entry = versions(1, 2, 3, version=2, label_places={"retention": "x.csv:2"})
    found = tables(Needs(versions=True, previous_version=True), image_set(version=2), entry)
    names = ("requestedVersionId", "versionId", "previous_version.versionId")
    assert [given(row, *names) for row in found["versions"]] == [(2, 2, 1)]
    assert found["versions"][0]["labels.places"] == {"retention": "x.csv:2"}


def test_a_pinned_version_comes_from_its_own_answer_where_no_list_was_needed(tables):
    lost = image_set(B, version=5, error=DENIED)
    found = tables(Needs(image_sets=False, versions=True), image_set(version=2), lost)
    names = ("requestedVersionId", "versionId", "found", "error.code")
    assert [given(row, *names) for row in found["versions"]] == [
        (2, 2, True, None),
        (5, None, None, "AccessDeniedException"),
    ]


def test_what_was_before_a_pinned_version_is_not_known_without_the_list(tables):
    found = tables(Needs(versions=True, previous_version=True), image_set(version=2))
    assert [given(row, "found", "error.code") for row in found["versions"]] == [(None, "NotRecorded")]


def test_a_pinned_version_that_the_list_lacks_is_a_row(tables):
    found = tables(Needs(versions=True, previous_version=True), versions(1, 2, version=7))
    names = ("requestedVersionId", "versionId", "found", "error.code")
    assert [given(row, *names) for row in found["versions"]] == [(7, None, None, "VersionNotFound")]


def test_a_version_that_is_pinned_beside_its_set_is_one_row(tables):
    pinned = versions(1, 2, 3, version=2, labels={"retention": Duration(12)})
    found = tables(Needs(image_sets=False, versions=True), versions(1, 2, 3), pinned)
    assert [given(row, "versionId", "requestedVersionId") for row in found["versions"]] == [
        (1, None),
        (2, 2),
        (3, None),
    ]
    assert found["versions"][1]["labels.retention"] == {"months": 12, "milliseconds": 0}


@pytest.mark.parametrize("key", ["Owner", "Cost Centre", 'a"b', "kosten/größe", "a'b", "\\"])
def test_tags_have_the_columns_of_their_fields(tables, key):
    name = column(tag_field(f"tags[{json.dumps(key)}]"))
    needs = Needs(versions=True, tags=(key,), datastore_tags=(key,))
    records = (image_set(), image_set(B), image_set(C), versions(1), versions(1, image_set_id=B))
    said = (
        tags(A, answer={"tags": {key: "x", key + "2": "y"}}),
        tags(B, answer={"tags": {}}),
        tags(error=DENIED),
    )
    found = tables(needs, *records, *said)
    wanted = [(True, None, "x"), (True, None, None), (None, "NotRecorded", None)]
    got = [given(row, "tags.received", "tags.error", name) for row in found["image_sets"]]
    assert got == wanted
    assert [given(row, "tags.received", "tags.error", name) for row in found["versions"][:2]] == wanted[:2]
    own = ("datastore.tags.received", "datastore.tags.error", f"datastore.{name}")
    assert given(found["image_sets"][0], *own) == (None, "AccessDeniedException", None)


def test_the_data_store_stands_beside_its_image_sets(tables):
    more = {"kmsKeyArn": "arn", "createdAt": "2026-01-01T00:00:00Z"}
    elsewhere = Record("u", A, OTHER, answer=answer() | {"datastoreId": OTHER})
    found = tables(Needs(datastore=True), image_set(), elsewhere, datastore(properties=more))
    names = ("datastore.received", "datastore.error", "datastore.kmsKeyArn", "datastore.createdAt",
             "datastore.losslessStorageFormat")  # fmt: skip
    assert [given(row, *names) for row in found["image_sets"]] == [
        (True, None, "arn", CREATED, None),
        (None, "NotRecorded", None, None, None),
    ]
    lost = tables(Needs(datastore=True), image_set(), datastore(error=DENIED))
    assert given(lost["image_sets"][0], *names[:2]) == (None, "AccessDeniedException")


def test_a_set_without_a_data_store_is_of_none_that_is_known(tables):
    entry = Record("recorded", A, None, answer={k: v for k, v in answer().items() if k != "datastoreId"})
    found = tables(Needs(datastore=True), entry, datastore(target="recorded"))
    assert given(found["image_sets"][0], "datastore.received", "datastore.error") == (None, "NotRecorded")


SUCCESSOR = ("successor.received", "successor.error", "successor.found", "successor.imageSetState",
             "successor.isPrimary")  # fmt: skip


def superseded(by, image_set_id=A, **more):
    return image_set(image_set_id, labels={"superseded_by": by}, **more)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([image_set(B, answer=answer(B, isPrimary=True))], (True, None, True, "ACTIVE", True)),
        ([image_set(B, error=GONE)], (True, None, False, None, None)),
        ([image_set(B, error=DENIED)], (None, "AccessDeniedException", None, None, None)),
        ([], (None, "NotRecorded", None, None, None)),
        ([image_set(B, version=1)], (None, "NotRecorded", None, None, None)),
        ([Record("t", B, OTHER, answer=answer(B) | {"datastoreId": OTHER})], (None, "NotRecorded", None, None, None)),
        ([image_set(B, error=DENIED), image_set(B, target="u")], (True, None, True, "ACTIVE", None)),
    ],
)  # fmt: skip
def test_the_successor_is_the_row_that_the_label_names(tables, others, expected):
    found = tables(Needs(successor=True), superseded(B), *others)
    rows = {
        given(row, "target", "imageSetId", "datastoreId"): given(row, *SUCCESSOR)
        for row in found["image_sets"]
    }
    assert len(found["image_sets"]) == 1 + len(others)
    assert rows["t", A, STORE] == expected
    assert {row for key, row in rows.items() if key[1] != A} <= {(None,) * 5}


def test_a_row_for_each_data_store_of_each_target(tables):
    records = (
        image_set(),
        datastore(complete=True),
        datastore(target="u", error=DENIED),
        image_set(target="v"),
        datastore(OTHER, target="v"),
        tags(answer={"tags": {"Owner": "x"}}),
    )
    found = tables(Needs(datastores=True, datastore_tags=("Owner",)), *records)
    names = ("row", "target", "datastoreId", "found", "error.code", "complete", "exact", "target.account",
             "datastore.received", "datastore.error", "datastore.datastoreName", column(tag_field("datastore.tags.Owner")))  # fmt: skip
    assert [given(row, *names) for row in found["datastores"]] == [
        (1, "t", STORE, True, None, True, False, "1", True, None, "n", "x"),
        (
            2,
            "u",
            STORE,
            None,
            "AccessDeniedException",
            False,
            False,
            "1",
            None,
            "AccessDeniedException",
            None,
            None,
        ),
        (3, "v", STORE, None, "NotRecorded", False, True, None, None, "NotRecorded", None, None),
        (4, "v", OTHER, True, None, False, True, "1", True, None, "n", None),
    ]


def test_a_data_store_that_was_not_found_is_not_read(tables):
    found = tables(Needs(image_sets=False, datastores=True), datastore(error=GONE))
    assert given(found["datastores"][0], "found", "error.code") == (None, "ResourceNotFoundException")
    assert found["coverage"] == Coverage(unreadable_targets=1)


def test_sets_of_no_known_data_store_leave_none_of_the_others_complete(tables):
    nameless = Record("t", B, None, answer={k: v for k, v in answer(B).items() if k != "datastoreId"})
    unknown = Record("t", None, None, action=GET_DATASTORE, error=("NotRecorded", ""), complete=True)
    alone = tables(Needs(datastores=True), nameless, unknown)
    assert [given(row, "datastoreId", "complete") for row in alone["datastores"]] == [(None, True)]
    both = tables(Needs(datastores=True), nameless, unknown, image_set(), datastore(complete=True))
    assert [row["complete"] for row in both["datastores"]] == [False, False]


def test_coverage_counts_a_set_once_over_the_tables(tables):
    records = (image_set(), versions(1, 2), image_set(B), versions(image_set_id=B, error=DENIED), datastore())
    assert tables(ALL, *records)["coverage"] == Coverage(expected=2, unreadable=1, versions_unread=1)


@pytest.mark.parametrize("needs", [ALL, Needs(versions=True, tags=("a",), datastore=True, successor=True)])
def test_no_record_gives_empty_tables(tables, needs):
    found = tables(needs)
    assert found["coverage"] == Coverage()
    assert not any(rows for name, rows in found.items() if name != "coverage")


def test_an_image_set_of_which_only_versions_were_asked_for_is_a_row_that_was_not_recorded(tables):
    rows = tables(Needs(), image_set(A), versions(1, 2, image_set_id=A), versions(1, 2, image_set_id=B))[
        "image_sets"
    ]
    assert [given(row, "imageSetId", "found", "error.code", "versionId") for row in rows] == [
        (A, True, None, 2),
        (B, None, "NotRecorded", None),
    ]
