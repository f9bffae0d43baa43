"""Recorded answers on one image set that cannot all be true: nothing can be asked again, so that it is unknown at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checker.aws.actions import LIST_VERSIONS
from checker.model import Needs
from checker.problems import InvalidInputError
from checker.snapshot.recorded_answers import read_recorded
from checker.snapshot.records import CONTRADICTORY, Record

STORE, ONE = "d" * 32, "1" * 32
CREATED = "2025-01-01T00:00:00Z"
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def got(number: int, **more: Any) -> dict[str, Any]:
    given = {"datastoreId": STORE, "imageSetId": ONE, "versionId": str(number), "imageSetState": "ACTIVE"}
    return given | {"createdAt": CREATED} | more


def listed(*numbers: int, **more: Any) -> dict[str, Any]:
    items = [
        {"imageSetId": ONE, "versionId": str(number), "imageSetState": "ACTIVE", "createdAt": CREATED}
        for number in numbers
    ]
    return {"imageSetPropertiesList": items} | more


def read(folder: Path, *answers: dict[str, Any]) -> list[Record]:
    path = folder / "answers.json"
    path.write_text("\n".join(map(json.dumps, answers)))
    return read_recorded([str(path)], {}, needs=Needs(versions=True))


@pytest.mark.parametrize(
    "answers",
    [
        [got(3), listed(1, 2)],
        [listed(1, 2), got(3)],
        [got(3, collectedAt=EARLY), listed(1, 2, collectedAt=LATE)],
        [got(2, collectedAt=LATE), got(3, collectedAt=EARLY)],
        [got(3, createdAt=LATE, collectedAt=LATE), listed(1, 2, collectedAt=EARLY)],
        [got(3, witness=True, collectedAt=EARLY), got(2, collectedAt=LATE)],
    ],
)
def test_what_cannot_be_true_is_unknown(tmp_path: Path, answers: list[dict[str, Any]]) -> None:
    item, versions = read(tmp_path, *answers)
    assert item.error is not None
    assert item.error[0] == CONTRADICTORY
    assert "version 3" in item.error[1]
    assert (item.answer, item.image_set_id, item.datastore_id) == (None, ONE, STORE)
    assert (versions.action, versions.error) == (LIST_VERSIONS, item.error)


@pytest.mark.parametrize(
    ("answers", "latest"),
    [
        ([got(3), listed(1, 2, 3)], "3"),
        ([got(2), listed(1, 2, 3)], "3"),  # it may have been asked for by its version
        ([got(1), got(3)], "3"),
        (
            [got(3), listed(1, 2), listed(1, 2, 3)],
            "3",
        ),  # without times the first list may be an old one, or a page
        ([got(2, collectedAt=EARLY), listed(1, 2, 3, collectedAt=LATE)], "3"),
        ([got(3, collectedAt=LATE), got(2, collectedAt=LATE, requestedVersionId="2")], "3"),
    ],
)
def test_what_may_be_true_is_judged(tmp_path: Path, answers: list[dict[str, Any]], latest: str) -> None:
    item, versions = read(tmp_path, *answers)
    assert item.answer is not None
    assert item.answer["versionId"] == latest
    assert not versions.error or versions.error[0] != CONTRADICTORY


def test_what_another_sdk_may_have_dropped_is_taken_from_the_list(tmp_path: Path) -> None:
    forced = listed(1)
    forced["imageSetPropertiesList"][0]["overrides"] = {"forced": True}
    item, _ = read(tmp_path, got(1), forced)
    assert item.answer is not None
    assert item.answer["overrides"] == {"forced": True}


def test_one_version_that_is_told_of_in_two_ways_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="two different answers"):
        read(tmp_path, got(1), got(1, createdAt=LATE))
