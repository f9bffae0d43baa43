"""What rules say of image sets that a search may not have listed: unknown, once for the target, and never a pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checker.aws.actions import GET_DATASTORE, GET_IMAGE_SET, SEARCH
from checker.instants import iso
from checker.model import Label
from checker.snapshot.records import EVER, LISTED_SINCE, PROPERTIES, Record
from tests.language import engine

STORE, ONE = "d" * 32, "1" * 32
AS_OF = "2026-03-01T00:00:00Z"
SEARCHED_AT = datetime(2026, 2, 1, tzinfo=UTC)
CANNOT = "image sets deleted before 2026-02-01T00:00:00Z cannot be discovered"


def image_set(**changed: Any) -> Record:
    answer = {
        "datastoreId": STORE, "imageSetId": ONE, "versionId": "1", "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED", "createdAt": "2025-01-01T00:00:00Z", "isPrimary": True,
    }  # fmt: skip
    return Record(
        "t", ONE, STORE, action=GET_IMAGE_SET, answer={**answer, **changed}, collected_at=SEARCHED_AT
    )


def ended(since: datetime = SEARCHED_AT) -> Record:
    return Record("t", None, STORE, action=SEARCH, answer={LISTED_SINCE: iso(since)})


def failed() -> Record:
    return Record("t", None, STORE, action=SEARCH, error=("AccessDeniedException", "no"))


def store(*, complete: bool = True) -> Record:
    answer = {
        PROPERTIES: {
            "datastoreId": STORE, "datastoreName": "archive", "datastoreStatus": "ACTIVE",
            "createdAt": "2024-01-01T00:00:00Z", "updatedAt": "2024-01-01T00:00:00Z",
        }
    }  # fmt: skip
    return Record("t", None, STORE, action=GET_DATASTORE, answer=answer, complete=complete)


def judged(rule: Mapping[str, Any], *records: Record) -> dict[str, str]:
    """The verdicts by subject; of an unknown the reason."""
    pack = {
        "version": 1,
        "pack": "p",
        "title": "P",
        "rules": [{"id": "r", "title": "R", "severity": "high", **rule}],
    }

    def gather(_folder: Path, _labels: Mapping[str, Label]) -> list[Record]:
        return list(records)

    found = engine._judged(pack, AS_OF, None, True, gather, engine._name)
    reasons = {
        finding.subject.name: finding.reason
        for finding in found.findings
        if finding.verdict.value == "unknown"
    }
    return {name: reasons.get(name) or verdict for (_, name), verdict in found.verdicts.items()}


@pytest.mark.parametrize(
    "rule",
    [
        {"deny": {"imageSetState": "DELETED"}},
        {"require": {"imageSetState": "ACTIVE"}},
        {"deny": {"imageSetState": {"starts_with": "DELE"}}},
        {"deny": {"imageSetState": {"ne": "ACTIVE"}}},
        {"deny": {"imageSetState": {"not_in": ["ACTIVE", "LOCKED"]}}},
        {"deny": {"not": {"imageSetState": "ACTIVE"}}},
        {"deny": {"imageSetWorkflowStatus": {"matches": "^DEL.*D$"}}},
        {"require": {"any": [{"imageSetState": "ACTIVE"}, {"isPrimary": True}]}},
        {"deny": {"imageSetWorkflowStatus": "DELETED"}},
        {"deny": {"deletedAt": {"older_than": "7d"}}},
        {"require": {"found": True}},
        {"when": {"deletedAt": {"exists": True}}, "require": {"isPrimary": True}},
        {"deny": {"any": [{"deletedAt": {"younger_than": "7d"}}, {"isPrimary": False}]}},
    ],
)
def test_a_rule_that_names_deleted_image_sets_is_unknown_of_the_target(rule: dict[str, Any]) -> None:
    verdicts = judged(rule, image_set(), ended())
    assert verdicts.pop("t") == CANNOT
    assert set(verdicts) == {f"t/{ONE}"}


@pytest.mark.parametrize(
    "rule",
    [
        {"require": {"isPrimary": True}},
        {"require": {"imageSetState": {"in": ["ACTIVE", "DELETED"]}}},
        {"deny": {"imageSetState": "LOCKED"}},
        {"deny": {"any": [{"imageSetState": "LOCKED"}, {"isPrimary": False}]}},
        {"when": {"found": True}, "deny": {"isPrimary": False}},
        {"deny": {"all": [{"found": True}, {"isPrimary": False}]}},
        {"require": {"any": [{"found": False}, {"isPrimary": True}]}},
        {"when": {"imageSetState": "ACTIVE"}, "deny": {"deletedAt": {"exists": True}}},
        {"deny": {"deletedAt": {"younger_than": "7d"}}},
        {"when": {"deletedAt": {"after": "2026-02-02T00:00:00Z"}}, "deny": {"isPrimary": True}},
    ],
)
def test_a_rule_that_they_cannot_concern_says_nothing_of_the_target(rule: dict[str, Any]) -> None:
    assert set(judged(rule, image_set(), ended())) == {f"t/{ONE}"}


def test_the_period_that_is_known_ends_the_doubt() -> None:
    rule = {"deny": {"all": [{"imageSetState": "DELETED"}, {"deletedAt": {"younger_than": "90d"}}]}}
    assert judged(rule, image_set(), ended())["t"] == CANNOT
    assert set(judged(rule, image_set(), ended(datetime(2025, 11, 1, tzinfo=UTC)))) == {f"t/{ONE}"}


@pytest.mark.parametrize("rule", [{"deny": {"imageSetState": "DELETED"}}, {"require": {"found": True}}])
def test_where_all_that_was_ever_deleted_is_known_there_is_no_doubt(rule: dict[str, Any]) -> None:
    assert set(judged(rule, image_set(), ended(EVER))) == {f"t/{ONE}"}


@pytest.mark.parametrize("rule", [{"require": {"isPrimary": True}}, {"deny": {"imageSetState": "DELETED"}}])
def test_of_a_search_that_failed_every_rule_is_unknown(rule: dict[str, Any]) -> None:
    assert judged(rule, image_set(), failed())["t"] == "AccessDeniedException"
    assert judged(rule, failed()) == {"t": "AccessDeniedException"}


def counted(of: Mapping[str, Any]) -> dict[str, Any]:
    return {"scope": "datastore", "deny": {"count": {"of": of, "gt": 5}}}


def test_a_number_of_image_sets_that_may_be_missing_is_unknown() -> None:
    assert judged(counted({"isPrimary": True}), image_set(), store(), ended()) == {"t": "pass"}
    verdicts = judged(counted({"imageSetState": "DELETED"}), image_set(), store(), ended())
    assert verdicts["t"] not in ("pass", "fail")
    verdicts = judged(counted({"isPrimary": True}), image_set(), store(complete=False), failed())
    assert verdicts["t"] not in ("pass", "fail")
