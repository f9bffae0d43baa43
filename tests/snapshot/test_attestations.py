"""What is said of evidence beside the verdicts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from checker.model import Needs
from checker.snapshot.attestations import BEST_EFFORT, attestations, force_flag_remark
from checker.snapshot.writer import write_snapshot

ODD = "with `forced: false`, such as 11111111111111111111111111111111: the API reference says"


def answer(digit: str, **more: Any) -> dict[str, Any]:
    common = {"datastoreId": "d" * 32, "imageSetId": digit * 32, "target": "t", "imageSetState": "ACTIVE"}
    return {**common, "versionId": "1", **more}


def listed(digit: str, *flags: bool) -> dict[str, Any]:
    versions = [
        {"versionId": str(number), "imageSetState": "ACTIVE", "overrides": {"forced": flag}}
        for number, flag in enumerate(flags, start=1)
    ]
    return answer(digit, action="ListImageSetVersions", imageSetPropertiesList=versions)


def written(folder, records, **needs):
    (folder / "records.jsonl").write_text(
        "".join(json.dumps(record) + "\n" for record in records), encoding="utf-8"
    )
    write_snapshot(folder / "records.jsonl", folder, {}, Needs(**needs))
    return force_flag_remark(folder)


def test_a_force_flag_that_is_there_and_false_is_told_with_the_first_image_set_that_has_it(tmp_path):
    flags = {"1": {"forced": False}, "2": {}, "3": {"forced": True}, "4": {"forced": False}}
    (said,) = written(tmp_path, [answer(digit, overrides=flag) for digit, flag in flags.items()])
    assert said.startswith(f"2 image sets answer {ODD}")


def test_of_versions_it_is_told_too(tmp_path):
    (said,) = written(tmp_path, [listed("1", True, False, False)], image_sets=False, versions=True)
    assert said.startswith(f"1 image set answers {ODD}")


@pytest.mark.parametrize(
    "flag", [{}, {"overrides": {}}, {"overrides": {"forced": None}}, {"overrides": {"forced": True}}]
)
def test_a_flag_that_is_not_there_or_true_is_nothing_odd(tmp_path, flag):
    assert written(tmp_path, [answer("1", **flag)]) == ()


def test_that_deletions_are_known_is_said_with_how_events_are_delivered(tmp_path):
    written(tmp_path, [answer("1")])
    (said,) = attestations(tmp_path, datetime(2026, 1, 1, tzinfo=UTC))
    assert said.startswith(
        "every image set that was deleted since 2026-01-01T00:00:00Z is known (collect.deletions_known_since)"
    )
    assert said.endswith(BEST_EFFORT)
    assert "best effort" in BEST_EFFORT
