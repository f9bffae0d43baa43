"""What of earlier runs stands in the place of a call, and what does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checker.collection.plan import Plan
from checker.collection.reuse import PriorAnswers, Reuse
from checker.model import Discovery, Needs, Target
from checker.snapshot.answer_index import AnswerIndex

STORE, OTHER, ONE = "d" * 32, "e" * 32, "1" * 32
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TARGET = Target("t", "us-east-1", STORE, discovery=Discovery())
STATE = Plan(search=True, state=("GetImageSet", "ListImageSetVersions"))
ITEM = {
    "imageSetId": ONE, "version": 2, "createdAt": "2025-01-01T00:00:00Z", "updatedAt": "2025-02-01T00:00:00Z",
    "isPrimary": True,
}  # fmt: skip


def document(**more: Any) -> dict[str, Any]:
    return {"target": "t", "targetRegion": "us-east-1", "datastoreId": STORE, "imageSetId": ONE, **more}


def searched(**more: Any) -> dict[str, Any]:
    return document(action="SearchImageSets", **{**ITEM, **more})


def asked(**more: Any) -> dict[str, Any]:
    return document(
        **{
            "versionId": "2",
            "imageSetState": "ACTIVE",
            "collectedAt": "2026-02-01T00:00:00Z",
            **more,
        }
    )


Remember = Callable[..., Reuse]


@pytest.fixture
def recall(tmp_path: Path) -> Iterator[Remember]:
    """What is known by runs, of which the last one comes first."""
    earlier = AnswerIndex()

    def remember(*runs: list[dict[str, Any]], target: Target = TARGET) -> Reuse:
        for number, records in enumerate(runs):
            path = tmp_path / f"{number}.jsonl"
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
            earlier.add(path, f"run-{number}")
        return Reuse.of(PriorAnswers(earlier=earlier), target, None)

    yield remember
    earlier.close()


def test_an_answer_on_the_version_that_is_listed_stands(recall: Remember) -> None:
    (answer,) = recall([searched(), asked()]).reusable(ITEM, STATE, NOW) or ()
    assert (answer.run, answer.document["versionId"]) == ("run-0", "2")


@pytest.mark.parametrize(
    "then",
    [
        [searched(version=None), asked()],
        [searched(), asked(versionId="1")],
        [searched(), asked(imageSetState="LOCKED")],
        [searched(updatedAt="2025-03-01T00:00:00Z"), asked()],
        [searched(isPrimary=False), asked()],
        [asked()],
        [searched(), document(error={"code": "AccessDeniedException", "message": ""})],
        [searched(), document(error={"code": "ResourceNotFoundException", "message": ""})],
    ],
)
def test_an_answer_does_not_stand(recall: Remember, then: list[dict[str, Any]]) -> None:
    assert recall(then).reusable(ITEM, STATE, NOW) is None


def test_where_a_search_says_no_version_nothing_shows_that_an_answer_stands(recall: Remember) -> None:
    item = {name: value for name, value in ITEM.items() if name not in ("version", "updatedAt")}
    then = [searched(version=None, updatedAt=None), asked()]
    assert recall(then).reusable(item, STATE, NOW) is None


def test_a_search_and_an_answer_of_two_runs_say_nothing_together(recall: Remember) -> None:
    assert recall([searched()], [searched(), asked()]).reusable(ITEM, STATE, NOW) is None


def test_of_two_runs_the_last_one_counts(recall: Remember) -> None:
    old = [searched(version=1), asked(versionId="1")]
    (answer,) = recall([searched(), asked()], old).reusable(ITEM, STATE, NOW) or ()
    assert answer.document["versionId"] == "2"


def test_what_moves_without_a_new_version_is_asked_for_where_it_is_to_be_exact(recall: Remember) -> None:
    from checker.collection.plan import plan

    exact = plan(TARGET, Needs(fields=frozenset({"storageTier"})), "exact")
    assert exact.state == ("GetImageSet",)
    known = recall([searched(), asked()])
    assert known.reusable(ITEM, exact, NOW) is None
    state = plan(TARGET, Needs(fields=frozenset({"imageSetState"})), "exact")
    assert known.reusable(ITEM, state, NOW)


def test_what_was_in_another_data_store_has_not_vanished_from_this_one(recall: Remember) -> None:
    moved = Target("t", "us-east-1", OTHER, discovery=Discovery())
    assert list(recall([searched(), asked()]).vanished(STATE)) == [ONE]
    assert not list(recall(target=moved).vanished(STATE))


def test_what_an_interrupted_run_found_and_an_earlier_one_knew_is_asked_about_once(
    recall: Remember, tmp_path: Path
) -> None:
    known = recall([searched(), asked()])
    own = AnswerIndex()
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(searched()) + "\n")
    own.add(path)
    both = Reuse.of(PriorAnswers(own=own, earlier=known.prior.earlier), TARGET, None)
    assert list(both.vanished(STATE)) == [ONE]
    own.close()


def test_a_deletion_event_names_an_image_set_whatever_records_say(recall: Remember) -> None:
    known = recall([])
    assert known.prior.earlier is not None
    known.prior.earlier.name(STORE, [ONE])
    assert list(known.vanished(STATE)) == [ONE]


@pytest.mark.parametrize("whole", [True, False])
def test_only_a_search_for_all_says_which_image_sets_there_were(recall: Remember, *, whole: bool) -> None:
    end = {
        "action": "SearchImageSets", "target": "t", "targetRegion": "us-east-1", "datastoreId": STORE,
        "listedSince": "2020-01-01T00:00:00Z", **({"searchedSince": "2026-01-01T00:00:00Z"} if whole else {}),
    }  # fmt: skip
    since = recall([searched(), asked(), end]).searched_since(NOW)
    assert since == (datetime(2026, 1, 1, tzinfo=UTC) if whole else NOW)
