"""A hostile service: nothing passes that was not seen. `benchmarks/hostile.py` tries many more faults."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pytest

from checker.collection.retry import TargetHealth
from checker.snapshot.answers import BadAnswerError, normalise
from collection import hostile
from collection.service import DATASTORE, OTHER, Service, answer, image_set_id


@pytest.fixture
def hard(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """What the policies of `hostile` judge, without waits between attempts."""

    def patient(_pause: object, **given: Any) -> TargetHealth:
        return TargetHealth(lambda _seconds: False, **given)

    monkeypatch.setattr("checker.collection.collector.TargetHealth", patient)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: threading.Event().wait(0.001))
    hostile.truth(service)
    return service


def audited(service: Service, folder: Path, faults: dict[str, hostile.Fault], target: str) -> list[str]:
    hostile.spoil(service, faults)
    wrong = hostile.judged(folder, hostile.POLICY, target)
    hostile.spoil(service, faults)
    right = hostile.judged(folder, hostile.opposite(hostile.POLICY), target)
    return list(hostile.suspicions(faults, wrong, right))


def test_no_rule_passes_of_what_a_fault_in_the_answers_on_an_image_set_has_hidden(
    hard: Service, tmp_path: Path
) -> None:
    dice, good = random.Random(20), hostile.good_answers(hard)
    faults = {item: hostile.fault(dice, hostile.OF_ONE, good, alone=False) for item in hostile.SETS}
    assert audited(hard, tmp_path, faults, "listed") == []


@pytest.mark.parametrize("target", hostile.TARGETS)
def test_no_rule_passes_of_what_a_fault_in_the_answers_on_a_data_store_has_hidden(
    hard: Service, tmp_path: Path, target: str
) -> None:
    dice, good = random.Random(f"{target} 1"), hostile.good_answers(hard)
    actions = [item for item in hostile.OF_ALL if item not in hostile.OF_ONE]
    fault = hostile.fault(dice, actions[: 2 if target == "searched" else 3], good, alone=True)
    assert audited(hard, tmp_path, {"": fault}, target) == []


def test_a_truthful_service_fails_everywhere_and_passes_everywhere(hard: Service, tmp_path: Path) -> None:
    wrong = hostile.judged(tmp_path, hostile.POLICY, "listed")
    right = hostile.judged(tmp_path, hostile.opposite(hostile.POLICY), "listed")
    assert (wrong.code, wrong.passed, wrong.unknown, wrong.wrong) == (1, frozenset(), {}, "")
    assert (right.code, right.unknown, right.unread, right.wrong) == (0, {}, 0, "")
    assert len(right.passed) > 15 * len(hostile.SETS)


@pytest.mark.parametrize(
    ("store", "image_set", "told"),
    [(OTHER, image_set_id(1), "datastoreId"), (DATASTORE, image_set_id(2), "imageSetId")],
)
def test_the_arn_of_another_image_set_is_none_of_this_one(store: str, image_set: str, told: str) -> None:
    given = f"arn:aws:medical-imaging:us-east-1:111122223333:datastore/{store}/imageset/{image_set}"
    with pytest.raises(BadAnswerError, match=f"imageSetArn is of the {told}"):
        normalise(answer(1, imageSetArn=given))
