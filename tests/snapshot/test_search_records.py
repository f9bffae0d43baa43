"""Rows of image sets that a search found, beside what other calls said of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.aws.actions import GET_IMAGE_SET, LIST_ACCOUNTS, LIST_DATASTORES, LIST_VERSIONS, SEARCH
from checker.fields import model
from checker.model import Coverage, Needs
from checker.snapshot.records import DELETED_NOT_LISTED, LISTED_SINCE, VERSIONS, Record
from checker.snapshot.writer import write_records, write_snapshot
from tests.budgets import examples

STORE = "1" * 32
A, B = "a" * 32, "b" * 32
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
TIER = Needs(fields=frozenset({"storageTier", "lastAccessedAt"}))
STATE = Needs(fields=frozenset({"imageSetState"}))
DENIED = ("AccessDeniedException", "no")


def searched(name=A, at=EARLY, **more):
    answer = {"imageSetId": name, "version": 1, "storageTier": "FREQUENT_ACCESS", **more}
    return Record("t", name, STORE, action=SEARCH, answer=answer, collected_at=at)


def asked(name=A, at=EARLY, error=None, **more):
    answer = {
        "datastoreId": STORE,
        "imageSetId": name,
        "versionId": "2",
        "imageSetState": "ACTIVE",
        "storageTier": "ARCHIVE_INSTANT_ACCESS",
        **more,
    }
    return Record("t", name, STORE, answer=None if error else answer, error=error, collected_at=at)


def listed(name=A, at=EARLY, error=None):
    items = [
        {
            "imageSetId": name,
            "versionId": str(n),
            "imageSetState": "ACTIVE",
            "imageSetWorkflowStatus": "CREATED",
        }
        for n in (1, 2)
    ]
    answer = None if error else {VERSIONS: items}
    return Record("t", name, STORE, action=LIST_VERSIONS, answer=answer, error=error, collected_at=at)


def whole(since=EARLY, error=None, action=SEARCH):
    answer = None if error else {LISTED_SINCE: since.isoformat()}
    store = STORE if action == SEARCH else None
    return Record("t", None, store, action=action, answer=answer, error=error, collected_at=since)


@pytest.fixture(params=["few", "many"])
def table(tmp_path, request, monkeypatch):
    """Tables of records, which are read once and for all where they are many."""
    if request.param == "many":
        monkeypatch.setattr("checker.snapshot.record_table.LARGE", 0)

    def build(needs, *records):
        write_records(records, tmp_path / "records.jsonl")
        coverage = write_snapshot(tmp_path / "records.jsonl", tmp_path, {}, needs)
        name = "image_sets" if needs.image_sets else "versions"
        rows = duckdb.sql(f"SELECT * FROM '{tmp_path / name}.parquet' ORDER BY row")
        found = [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]
        return found, coverage

    return build


def calls(rows):
    return [(row["imageSetId"], row["call"], row["error.code"]) for row in rows]


def test_a_search_alone_answers_what_it_answers_and_nothing_else(table):
    rows, coverage = table(TIER, searched(), whole())
    assert calls(rows) == [(None, None, DELETED_NOT_LISTED), (A, SEARCH, None)]
    assert (rows[1]["storageTier"], rows[1]["versionId"], rows[1]["found"]) == ("FREQUENT_ACCESS", 1, True)
    assert coverage == Coverage(expected=1, found=1)
    rows, coverage = table(STATE, searched(), whole())
    assert calls(rows)[1:] == [(A, None, "NotRecorded")]
    assert rows[1]["found"] is None
    assert coverage == Coverage(expected=1, unreadable=1, unreadable_targets=1, found=1)


def test_unless_it_is_known_what_rules_read_a_search_answers_nothing(table):
    rows, _ = table(Needs(), searched())
    assert calls(rows) == [(A, None, "NotRecorded")]


def test_get_image_set_stands_before_the_search_even_where_it_failed(table):
    rows, _ = table(TIER, searched(), asked(), searched(B), asked(B, error=DENIED))
    assert calls(rows) == [(A, GET_IMAGE_SET, None), (B, None, DENIED[0])]


@pytest.mark.parametrize(("at", "tier"), [(EARLY, "ARCHIVE_INSTANT_ACCESS"), (LATE, "FREQUENT_ACCESS")])
def test_what_moves_without_a_new_version_is_taken_from_the_later_answer(table, at, tier):
    rows, _ = table(TIER, asked(at=EARLY), searched(at=at))
    assert rows[0]["storageTier"] == tier
    assert rows[0]["versionId"] == 2


@pytest.mark.parametrize(("version", "filled"), [(2, True), (1, False)])
def test_a_list_that_leaves_out_when_the_version_was_made_has_it_from_a_search_of_that_version(
    table, version, filled
):
    """ListImageSetVersions leaves `updatedAt` out of version 1 in published samples."""
    updated = Needs(fields=frozenset({"imageSetState", "updatedAt"}))
    rows, _ = table(updated, searched(version=version, updatedAt="2025-05-05T00:00:00Z"), listed())
    assert calls(rows) == [(A, LIST_VERSIONS, None)]
    assert rows[0]["updatedAt"] == (datetime(2025, 5, 5) if filled else None)


def test_a_list_of_versions_answers_the_latest_state_and_the_search_what_it_leaves_out(table):
    needs = Needs(fields=frozenset({"imageSetState", "storageTier", "overrides.forced"}))
    rows, _ = table(needs, listed(), searched())
    assert calls(rows) == [(A, LIST_VERSIONS, None)]
    assert (rows[0]["imageSetState"], rows[0]["storageTier"]) == ("ACTIVE", "FREQUENT_ACCESS")
    rows, _ = table(needs, listed())
    assert calls(rows) == [(A, None, "NotRecorded")]
    rows, _ = table(STATE, listed(error=DENIED), searched())
    assert calls(rows) == [(A, None, DENIED[0])]


@pytest.mark.parametrize("action", [SEARCH, LIST_DATASTORES, LIST_ACCOUNTS])
@pytest.mark.parametrize("needs", [TIER, Needs(image_sets=False, versions=True)])
def test_a_target_that_was_not_searched_whole_has_a_row_and_is_unreadable(table, action, needs):
    rows, coverage = table(needs, searched(), listed(), whole(error=DENIED, action=action))
    assert calls(rows)[0] == (None, None, DENIED[0])
    assert coverage.unreadable_targets == 1


def test_an_empty_data_store_that_was_searched_is_not_unreadable(table):
    rows, coverage = table(TIER, whole())
    assert calls(rows) == [(None, None, DELETED_NOT_LISTED)]
    assert coverage == Coverage()


PATHS = sorted(model().fields)


@settings(max_examples=examples(12, 100))
@given(
    fields=st.none() | st.frozensets(st.sampled_from(PATHS), max_size=3),
    has=st.sets(st.sampled_from(["get", "failed", "list", "search"]), min_size=1),
)
def test_no_row_rests_on_a_call_that_does_not_answer_a_field_that_is_read(tmp_path_factory, fields, has):
    made = {"get": asked(), "failed": asked(error=DENIED), "list": listed(), "search": searched()}
    if "get" in has:
        has = has - {"failed"}
    folder = tmp_path_factory.mktemp("any")
    write_records([made[name] for name in sorted(has)], folder / "records.jsonl")
    write_snapshot(folder / "records.jsonl", folder, {}, Needs(fields=fields))
    rows = duckdb.sql(f"SELECT call, found FROM '{folder}/image_sets.parquet'").fetchall()
    answered = {
        GET_IMAGE_SET: frozenset(PATHS),
        LIST_VERSIONS: model().versions | (model().searched if "search" in has else frozenset()),
        SEARCH: model().searched,
    }
    assert len(rows) == 1
    for call, found in rows:
        assert found is (None if call is None else True)
        assert call is None or call == GET_IMAGE_SET or (fields is not None and fields <= answered[call])


def test_what_a_search_said_is_read_back_as_json(tmp_path):
    write_records([searched(), whole()], tmp_path / "records.jsonl")
    first, second = map(json.loads, (tmp_path / "records.jsonl").read_text().splitlines())
    assert first["action"] == SEARCH
    assert second[LISTED_SINCE]
