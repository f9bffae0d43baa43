"""Synthetic data stores and their search, without the server."""

from __future__ import annotations

import random
import re
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from load_server import SyntheticStore
from load_server.errors import RefusedError
from load_server.search import search

STORE = SyntheticStore("0" * 32, 400, seed=7, deleted=0.05, forced=0.5)
LATER = datetime(2026, 1, 1, tzinfo=UTC)
CHANGED = STORE.changed(0.1, LATER, gone=0.3, added=20).changed(0.05, LATER + timedelta(days=1))


def everything(store, body, page=50):
    found, token = [], None
    while True:
        part, _, token = search(store, body, page, token)
        found += part
        if token is None:
            return found
        assert len(part) == page


def all_of(store):
    return [item for item in map(store.image_set, range(store.count)) if not item.deleted]


def by(field, order="ASC", *filters):
    return {"sort": {"sortField": field, "sortOrder": order}} | ({"filters": [*filters]} if filters else {})


def between(name, low, high):
    return {"values": [{name: low / 1000}, {name: high / 1000}], "operator": "BETWEEN"}


def test_an_image_set_is_the_same_whenever_it_is_asked_for():
    assert [STORE.image_set(n) for n in range(400)] == [replace(STORE).image_set(n) for n in range(400)]
    assert STORE.image_set(3) != replace(STORE, seed=8).image_set(3)


def test_ids_have_the_services_form_and_give_the_number_back():
    store = replace(STORE, sets=1_000_000)
    ids = [store.id_of(number) for number in range(0, 1_000_000, 997)]
    assert len({*ids}) == len(ids)
    assert all(re.fullmatch("[0-9a-z]{32}", id_) for id_ in ids)
    assert [store.index_of(id_) for id_ in ids] == list(range(0, 1_000_000, 997))
    assert store.index_of(ids[5][:-1] + ("0" if ids[5][-1] != "0" else "1")) is None
    assert store.index_of("z" * 32) is None
    assert STORE.index_of(store.id_of(400)) is None


def test_the_mix_is_near_the_shares_asked_for():
    found = [replace(STORE, sets=20_000).image_set(number) for number in range(20_000)]
    assert 0.04 < sum(explanation.deleted for explanation in found) / 20_000 < 0.06
    assert 0.89 < sum(explanation.primary for explanation in found) / 20_000 < 0.91
    assert {"COPY_FAILED", "COPYING", "CREATED", "UPDATED", "COPIED", "DELETED"} <= {
        explanation.status for explanation in found
    }
    forced = [explanation for explanation in found if explanation.forced_version]
    assert any(item.forced_version == item.version for item in forced)
    assert any(item.forced_version < item.version for item in forced)
    assert {explanation.version for explanation in found} == {1, 2, 3, 4}


def test_created_at_grows_with_the_number():
    times = [CHANGED.created(number) for number in range(CHANGED.count)]
    assert times == sorted(times)
    assert len({*times[:400]}) == 400


@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize("field", ["createdAt", "updatedAt"])
@pytest.mark.parametrize("store", [STORE, CHANGED], ids=["fresh", "changed"])
def test_search_gives_every_image_set_once_and_in_order(store, field, order):
    found = everything(store, by(field, order), 7)
    time = (lambda item: item.created) if field == "createdAt" else (lambda item: item.updated)
    assert found == sorted(all_of(store), key=lambda item: (time(item), item.number), reverse=order == "DESC")


def test_searches_by_time_and_primary_find_what_a_scan_finds():
    dice = random.Random(1)
    for _ in range(150):
        field, name = dice.choice(["createdAt", "updatedAt"]), dice.choice(["createdAt", "updatedAt"])
        low, high = sorted(getattr(dice.choice(all_of(CHANGED)), name[:-2]) for _ in range(2))
        filters = [between(name, low, high)]
        primary = dice.choice([True, False, None])
        if primary is not None:
            filters.append({"values": [{"isPrimary": primary}], "operator": "EQUAL"})
        found = everything(
            CHANGED, by(field, dice.choice(["ASC", "DESC"]), *filters), dice.choice([1, 10, 50])
        )
        assert {explanation.number for explanation in found} == {
            item.number
            for item in all_of(CHANGED)
            if low <= getattr(item, name[:-2]) <= high and primary in (None, item.primary)
        }
        assert len({explanation.id for explanation in found}) == len(found)


def test_equal_takes_either_of_two_values():
    item, other = all_of(STORE)[3], all_of(STORE)[200]
    values = [{"createdAt": item.created / 1000}, {"createdAt": other.created / 1000}]
    assert everything(STORE, by("createdAt", "ASC", {"values": values, "operator": "EQUAL"})) == [item, other]


def test_a_change_moves_the_share_asked_for_and_no_other_image_set():
    old = replace(STORE, sets=20_000, deleted=0.0)
    new = old.changed(0.01, LATER, gone=0.2)
    pairs = [(old.image_set(number), new.image_set(number)) for number in range(20_000)]
    moved = [(before, after) for before, after in pairs if before != after]
    assert 150 < len(moved) < 250
    gone = [after for _, after in moved if after.deleted]
    assert 20 < len(gone) < 60
    for before, after in moved:
        assert after.updated == LATER.timestamp() * 1000 > before.updated
        assert after.deleted or after.version == before.version + 1


def test_a_change_must_be_later_than_what_was():
    with pytest.raises(ValueError, match="later"):
        STORE.changed(0.1, STORE.created_to)
    with pytest.raises(ValueError, match="later"):
        CHANGED.changed(0.1, LATER)


@pytest.mark.parametrize(
    "body",
    [
        {"filters": []},
        {"filters": [between("createdAt", 0, 1)] * 3},
        {"filters": [{"values": [{"createdAt": 1}], "operator": "BETWEEN"}]},
        {"filters": [{"values": [{"createdAt": 1, "updatedAt": 1}], "operator": "EQUAL"}]},
        {"filters": [{"values": [{"createdAt": "x"}], "operator": "EQUAL"}]},
        {"filters": [{"values": [{"isPrimary": True}, {"isPrimary": False}], "operator": "BETWEEN"}]},
        {"filters": [{"values": [{"createdAt": 1}], "operator": "LIKE"}]},
        {"filters": ["x"]},
        {"sort": {"sortField": "size", "sortOrder": "ASC"}},
    ],
)
def test_criteria_that_make_no_sense_are_refused(body):
    with pytest.raises(RefusedError) as caught:
        search(STORE, body, 50, None)
    assert caught.value.code == "ValidationException"


def test_a_token_belongs_to_its_search():
    _, _, token = search(STORE, by("createdAt"), 10, None)
    for wrong in (token + "0", "x", "1-2", "1-2-3"):
        with pytest.raises(RefusedError):
            search(STORE, by("createdAt"), 10, wrong)
    with pytest.raises(RefusedError):
        search(STORE, by("updatedAt"), 10, token)


def test_a_million_image_sets_can_be_read_anywhere_without_being_kept():
    store = replace(STORE, sets=1_000_000).changed(0.01, LATER)
    dice = random.Random(2)

    def read():
        at = store.created(dice.randrange(1_000_000))
        body = by("createdAt", "ASC", between("createdAt", at, at + 10**12))
        _, _, token = search(store, body, 50, None)
        assert len(search(store, body, 50, token)[0]) > 0
        search(store, by("updatedAt", "DESC", between("updatedAt", at, at + 10**9)), 50, None)

    read()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            read()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000
    assert peak < 2_000_000
