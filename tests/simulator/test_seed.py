from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from moto import mock_aws

from checker import simulator
from checker.simulator.sample_histories import STORIES

from .helpers import DENIED, NOT_FOUND, Store, failure

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.fixture(scope="module")
def seeded(session):
    """The demo, read once: the data store, its inventory, and GetImageSet's and ListImageSetVersions' answers."""
    with mock_aws():
        demo = simulator.seed_demo(NOW)
        store = Store(session.client("medical-imaging"), demo.datastore_id)
        hidden = {*demo.vanished_ids, *demo.unreadable_ids}
        sets = {id_: store.get(id_) for id_ in demo.image_set_ids if id_ not in hidden}
        versions = {id_: store.versions(id_) for id_ in demo.image_set_ids if id_ not in demo.vanished_ids}
        failures = {item: failure(store.get, image_set=item) for item in hidden}
        yield demo, sets, versions, failures, store.search()


@pytest.fixture(autouse=True)
def clean():
    """In place of the folder's own: the module's mock has to last."""


def test_who_is_there(seeded):
    demo, sets, versions, failures, _ = seeded
    assert (demo.account, demo.region) == ("123456789012", "us-east-1")
    assert len(demo.image_set_ids) == len(set(demo.image_set_ids)) == 242
    assert all(re.fullmatch("[0-9a-z]{32}", id_) for id_ in (demo.datastore_id, *demo.image_set_ids))
    assert (len(sets), len(versions)) == (238, 240)
    assert failures == dict.fromkeys(demo.vanished_ids, NOT_FOUND) | dict.fromkeys(
        demo.unreadable_ids, DENIED
    )
    assert len(failures) == 4
    told = Counter(item.story for item in demo.inventory)
    assert told == {name: story.sets for name, story in STORIES.items()} | {"vanished": 2}
    assert 0.7 <= told["healthy"] / 240 <= 0.8


def test_every_documented_pairing_occurs(seeded):
    _, sets, _, _, _ = seeded
    assert {
        (image_set["imageSetState"], image_set["imageSetWorkflowStatus"]) for image_set in sets.values()
    } == {
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
    for item in demo.inventory:
        if item.story == "healthy":
            answer = sets[item.id]
            assert (answer["imageSetState"], answer["isPrimary"]) == ("ACTIVE", True)
            assert answer["imageSetWorkflowStatus"] in ("CREATED", "COPIED", "UPDATED")
            assert "message" not in answer
            assert not any("overrides" in version for version in versions[item.id])
            quiet = NOW - answer["lastAccessedAt"]
            assert (answer["storageTier"] == "FREQUENT_ACCESS") == (quiet < timedelta(days=30))
            assert quiet < timedelta(days=365)


def test_times_make_sense_everywhere(seeded):
    demo, sets, _, _, _ = seeded
    for image_set in sets.values():
        assert image_set["createdAt"] <= image_set["updatedAt"] <= NOW
        assert image_set["createdAt"] <= image_set["lastAccessedAt"] <= NOW
        assert ("deletedAt" in image_set) == (image_set["imageSetState"] == "DELETED")
        if "deletedAt" in image_set:
            assert image_set["createdAt"] < image_set["deletedAt"] <= NOW
    for row in demo.inventory:
        if row.id in sets:
            assert date.fromisoformat(row.labels["study_date"]) <= sets[row.id]["createdAt"].date()


def test_each_story_shows_what_it_is_there_for(seeded):
    demo, sets, versions, _, _ = seeded
    by_story = {}
    for item in demo.inventory:
        by_story.setdefault(item.story, []).append(item)
    day = timedelta(days=1)

    def answers(story):
        return [sets[item.id] for item in by_story[story]]

    for story in ("forced-update", "forced-copy"):
        assert all(answer["overrides"] == {"forced": True} for answer in answers(story))
    for item in by_story["forced-before"] + by_story["many-versions"]:
        assert "overrides" not in sets[item.id]
        assert sum("overrides" in version for version in versions[item.id]) == 1
    assert {answer["versionId"] for answer in answers("many-versions")} == {"12"}
    assert all(answer["message"] for answer in answers("copy-failed") + answers("update-failed"))
    text = "".join(answer["message"] for answer in answers("hostile-message"))
    assert "<script>" in text
    assert "\x00" in text
    assert all(NOW - answer["updatedAt"] < day for answer in answers("locked"))
    assert all(NOW - answer["updatedAt"] > 2 * day for answer in answers("stuck"))
    assert len({answer["imageSetWorkflowStatus"] for answer in answers("stuck")}) == 4
    assert all(NOW - answer["deletedAt"] < 30 * day for answer in answers("deleted-recently"))
    assert all(NOW - answer["deletedAt"] > 180 * day for answer in answers("deleted-long-ago"))
    assert all(answer["deletedAt"] - answer["createdAt"] < 30 * day for answer in answers("deleted-at-once"))
    assert all(item.labels["legal_hold"] == "true" for item in by_story["deleted-on-hold"])
    assert all(item.labels["class"] == "mammography" for item in by_story["mammogram-deleted"])
    assert all(not answer["isPrimary"] for answer in answers("conflict-young") + answers("conflict-old"))
    assert all(NOW - answer["createdAt"] < 7 * day for answer in answers("conflict-young"))
    assert all(NOW - answer["createdAt"] > 90 * day for answer in answers("conflict-old"))
    assert all(NOW - answer["lastAccessedAt"] > 6 * 365 * day for answer in answers("forgotten"))
    assert all(answer["storageTier"] == "FREQUENT_ACCESS" for answer in answers("wrong-tier"))


def test_labels_are_those_of_an_inventory_file(seeded):
    demo, *_ = seeded
    for item in demo.inventory:
        assert set(item.labels) == {"class", "legal_hold", "study_date"}
        assert item.labels["legal_hold"] in ("true", "false")
    assert {item.labels["class"] for item in demo.inventory} == {"adult", "paediatric", "mammography"}
    assert sum(item.labels["legal_hold"] == "true" for item in demo.inventory if item.story == "healthy") >= 3


def test_search_finds_all_but_the_deleted(seeded):
    _, sets, _, _, found = seeded
    deleted = sum(image_set["imageSetState"] == "DELETED" for image_set in sets.values())
    assert len(found) == 240 - deleted
    assert all(explanation["DICOMTags"]["DICOMPatientId"].startswith("DEMO-") for explanation in found)


def test_the_same_instant_gives_the_same_demo_and_another_one_moves_it(seeded, session):
    demo, sets, *_ = seeded
    client = session.client("medical-imaging")
    tokyo = timezone(timedelta(hours=9))
    assert simulator.seed_demo(NOW.astimezone(tokyo)) == demo
    store = Store(client, demo.datastore_id)
    assert all(store.get(item) == answer for item, answer in list(sets.items())[::20])
    assert len(simulator.backend().rehearsal.faults) == 2

    later = simulator.seed_demo(NOW + timedelta(days=400))
    assert later.image_set_ids == demo.image_set_ids
    item = next(iter(sets))
    assert store.get(item)["createdAt"] - sets[item]["createdAt"] == timedelta(days=400)
    simulator.seed_demo(NOW)


def test_now_needs_a_zone():
    with pytest.raises(ValueError, match="zone"):
        simulator.seed_demo(datetime(2026, 1, 1))


def test_the_seeds_by_name():
    assert {"demo": simulator.seed_demo} == simulator.SEEDS
