from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from moto import mock_aws

from checker import simulator
from checker.simulator.stories import STORIES

from .helpers import DENIED, NOT_FOUND, Store, failure

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.fixture(scope="module")
def seeded(session):
    """The demo, read once: the data store, its inventory, and GetImageSet's and ListImageSetVersions' answers."""
    with mock_aws():
        demo = simulator.seed_demo(NOW)
        store = Store(session.client("medical-imaging"), demo.datastore_id)
        hidden = {*demo.vanished_ids, *demo.unreadable_ids}
        sets = {one: store.get(one) for one in demo.image_set_ids if one not in hidden}
        versions = {one: store.versions(one) for one in demo.image_set_ids if one not in demo.vanished_ids}
        failures = {one: failure(store.get, image_set=one) for one in hidden}
        yield demo, sets, versions, failures, store.search()


@pytest.fixture(autouse=True)
def clean():
    """In place of the folder's own: the module's mock has to last."""


def test_who_is_there(seeded):
    demo, sets, versions, failures, _ = seeded
    assert (demo.account, demo.region) == ("123456789012", "us-east-1")
    assert len(demo.image_set_ids) == len(set(demo.image_set_ids)) == 242
    assert all(re.fullmatch("[0-9a-z]{32}", one) for one in (demo.datastore_id, *demo.image_set_ids))
    assert (len(sets), len(versions)) == (238, 240)
    assert failures == dict.fromkeys(demo.vanished_ids, NOT_FOUND) | dict.fromkeys(
        demo.unreadable_ids, DENIED
    )
    assert len(failures) == 4
    told = Counter(one.story for one in demo.inventory)
    assert told == {name: story.sets for name, story in STORIES.items()} | {"vanished": 2}
    assert 0.7 <= told["healthy"] / 240 <= 0.8


def test_every_documented_pairing_occurs(seeded):
    _, sets, _, _, _ = seeded
    assert {(one["imageSetState"], one["imageSetWorkflowStatus"]) for one in sets.values()} == {
        ("ACTIVE", "CREATED"),
        ("ACTIVE", "COPIED"),
        ("ACTIVE", "UPDATED"),
        ("ACTIVE", "COPY_FAILED"),
        ("ACTIVE", "UPDATE_FAILED"),
        ("LOCKED", "COPYING"),
        ("LOCKED", "UPDATING"),
        ("LOCKED", "DELETING"),
        ("LOCKED", "COPYING_WITH_READ_ONLY_ACCESS"),
        ("DELETED", "DELETED"),
    }


def test_healthy_sets_have_nothing_to_find(seeded):
    demo, sets, versions, _, _ = seeded
    for one in demo.inventory:
        if one.story == "healthy":
            answer = sets[one.id]
            assert (answer["imageSetState"], answer["isPrimary"]) == ("ACTIVE", True)
            assert answer["imageSetWorkflowStatus"] in ("CREATED", "COPIED", "UPDATED")
            assert "message" not in answer
            assert not any("overrides" in version for version in versions[one.id])
            quiet = NOW - answer["lastAccessedAt"]
            assert (answer["storageTier"] == "FREQUENT_ACCESS") == (quiet < timedelta(days=30))
            assert quiet < timedelta(days=365)


def test_times_make_sense_everywhere(seeded):
    demo, sets, _, _, _ = seeded
    for one in sets.values():
        assert one["createdAt"] <= one["updatedAt"] <= NOW
        assert one["createdAt"] <= one["lastAccessedAt"] <= NOW
        assert ("deletedAt" in one) == (one["imageSetState"] == "DELETED")
        if "deletedAt" in one:
            assert one["createdAt"] < one["deletedAt"] <= NOW
    for row in demo.inventory:
        if row.id in sets:
            assert date.fromisoformat(row.labels["study_date"]) <= sets[row.id]["createdAt"].date()


def test_each_story_shows_what_it_is_there_for(seeded):
    demo, sets, versions, _, _ = seeded
    by_story = {}
    for one in demo.inventory:
        by_story.setdefault(one.story, []).append(one)
    day = timedelta(days=1)

    def answers(story):
        return [sets[one.id] for one in by_story[story]]

    for story in ("forced-update", "forced-copy"):
        assert all(one["overrides"] == {"forced": True} for one in answers(story))
    for one in by_story["forced-before"] + by_story["many-versions"]:
        assert "overrides" not in sets[one.id]
        assert sum("overrides" in version for version in versions[one.id]) == 1
    assert {one["versionId"] for one in answers("many-versions")} == {"12"}
    assert all(one["message"] for one in answers("copy-failed") + answers("update-failed"))
    text = "".join(one["message"] for one in answers("hostile-message"))
    assert "<script>" in text
    assert "\x00" in text
    assert all(NOW - one["updatedAt"] < day for one in answers("locked"))
    assert all(NOW - one["updatedAt"] > 2 * day for one in answers("stuck"))
    assert len({one["imageSetWorkflowStatus"] for one in answers("stuck")}) == 4
    assert all(NOW - one["deletedAt"] < 30 * day for one in answers("deleted-recently"))
    assert all(NOW - one["deletedAt"] > 180 * day for one in answers("deleted-long-ago"))
    assert all(one["deletedAt"] - one["createdAt"] < 30 * day for one in answers("deleted-at-once"))
    assert all(one.labels["legal_hold"] == "true" for one in by_story["deleted-on-hold"])
    assert all(one.labels["class"] == "mammography" for one in by_story["mammogram-deleted"])
    assert all(not one["isPrimary"] for one in answers("conflict-young") + answers("conflict-old"))
    assert all(NOW - one["createdAt"] < 7 * day for one in answers("conflict-young"))
    assert all(NOW - one["createdAt"] > 90 * day for one in answers("conflict-old"))
    assert all(NOW - one["lastAccessedAt"] > 6 * 365 * day for one in answers("forgotten"))
    assert all(one["storageTier"] == "FREQUENT_ACCESS" for one in answers("wrong-tier"))


def test_labels_are_those_of_an_inventory_file(seeded):
    demo, *_ = seeded
    for one in demo.inventory:
        assert set(one.labels) == {"class", "legal_hold", "study_date"}
        assert one.labels["legal_hold"] in ("true", "false")
    assert {one.labels["class"] for one in demo.inventory} == {"adult", "paediatric", "mammography"}
    assert sum(one.labels["legal_hold"] == "true" for one in demo.inventory if one.story == "healthy") >= 3


def test_search_finds_all_but_the_deleted(seeded):
    _, sets, _, _, found = seeded
    deleted = sum(one["imageSetState"] == "DELETED" for one in sets.values())
    assert len(found) == 240 - deleted
    assert all(one["DICOMTags"]["DICOMPatientId"].startswith("DEMO-") for one in found)


def test_the_same_instant_gives_the_same_demo_and_another_one_moves_it(seeded, session):
    demo, sets, *_ = seeded
    client = session.client("medical-imaging")
    tokyo = timezone(timedelta(hours=9))
    assert simulator.seed_demo(NOW.astimezone(tokyo)) == demo
    store = Store(client, demo.datastore_id)
    assert all(store.get(one) == answer for one, answer in list(sets.items())[::20])
    assert len(simulator.backend().rehearsal.faults) == 2

    later = simulator.seed_demo(NOW + timedelta(days=400))
    assert later.image_set_ids == demo.image_set_ids
    one = next(iter(sets))
    assert store.get(one)["createdAt"] - sets[one]["createdAt"] == timedelta(days=400)
    simulator.seed_demo(NOW)


def test_now_needs_a_zone():
    with pytest.raises(ValueError, match="zone"):
        simulator.seed_demo(datetime(2026, 1, 1))


def test_the_seeds_by_name():
    assert {"demo": simulator.seed_demo} == simulator.SEEDS
