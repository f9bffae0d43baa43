"""What rules on earlier runs say where there is none: unknown once for each target, and never a pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checker.aws.actions import GET_DATASTORE, GET_IMAGE_SET, SEARCH
from checker.instants import iso
from checker.model import Label
from checker.snapshot.deletion_events import Event
from checker.snapshot.history import write_history
from checker.snapshot.records import EVER, LISTED_SINCE, PROPERTIES, Record
from checker.snapshot.writer import write_records
from tests.language import engine

STORE, OTHER = "d" * 32, "e" * 32
AT = datetime(2026, 2, 1, tzinfo=UTC)
AS_OF = "2026-03-01T00:00:00Z"
FIRST = "no earlier run yet; this one is the first"
NOT_LOOKED_AT = "no earlier run yet; this one is the first to read all of this target"
CANNOT = "image sets deleted before 2026-02-01T00:00:00Z cannot be discovered"
DENIED = ("AccessDeniedException", "no")

RISEN = {
    "when": {"found": True, "known": True, "previous.found": True},
    "require": {"versionId - previous.versionId": {"gte": 0}},
}


def image_set(number: int, target: str = "t", error: tuple[str, str] | None = None, **changed: Any) -> Record:
    name, store = f"{number:032}", changed.pop("store", STORE)
    answer = {
        "datastoreId": store, "imageSetId": name, "versionId": "1", "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED", "createdAt": "2025-01-01T00:00:00Z", "isPrimary": True,
    }  # fmt: skip
    said = {"error": error} if error else {"answer": {**answer, **changed}}
    return Record(target, name, store, action=GET_IMAGE_SET, collected_at=AT, **said)  # type: ignore[arg-type]


def ended(since: datetime = AT, target: str = "t") -> Record:
    return Record(target, None, STORE, action=SEARCH, answer={LISTED_SINCE: iso(since)})


def store() -> Record:
    answer = {
        PROPERTIES: {
            "datastoreId": STORE, "datastoreName": "archive", "datastoreStatus": "ACTIVE",
            "createdAt": "2024-01-01T00:00:00Z", "updatedAt": "2024-01-01T00:00:00Z",
        }
    }  # fmt: skip
    return Record("t", None, STORE, action=GET_DATASTORE, answer=answer, complete=True)


def judged(
    rule: Mapping[str, Any],
    *records: Record,
    earlier: tuple[Record, ...] | None = None,
    told: tuple[Event, ...] = (),
) -> dict[str, str]:
    """The verdicts by subject; of an unknown the reason. `earlier` are the records of the run before."""
    pack = {
        "version": 1,
        "pack": "p",
        "title": "P",
        "rules": [{"id": "r", "title": "R", "severity": "high", **rule}],
    }

    def gather(folder: Path, _labels: Mapping[str, Label]) -> list[Record]:
        run = folder / "earlier"
        run.mkdir()
        if earlier is not None:
            write_records(earlier, run / "records.jsonl")
        if earlier is not None or told:
            before = run / "records.jsonl" if earlier is not None else None
            write_history(folder, records=before, before=None, events=told, started=AT)
        return list(records)

    found = engine._judged(pack, AS_OF, None, True, gather, engine._name)
    tally = found.tallies["r"]
    assert tally.subjects == tally.passed + tally.fail + tally.unknown + tally.not_applicable
    assert tally.subjects == len(found.verdicts)
    reasons = {
        finding.subject.name: finding.reason
        for finding in found.findings
        if finding.verdict.value == "unknown"
    }
    return {name: reasons.get(name) or verdict for (_, name), verdict in found.verdicts.items()}


def name(number: int, target: str = "t") -> str:
    return f"{target}/{number:032}"


@pytest.mark.parametrize("searched", [False, True])
def test_on_the_first_run_a_rule_on_earlier_ones_is_unknown_once_for_each_target(searched):
    ends = [ended(EVER), ended(EVER, "u")] if searched else []
    verdicts = judged(RISEN, *map(image_set, range(1, 9)), image_set(9, "u"), *ends)
    assert verdicts == {"t": FIRST, "u": FIRST}


def test_what_other_fields_decide_is_decided_on_the_first_run_too():
    gone = image_set(2, error=("ResourceNotFoundException", ""))
    assert judged(RISEN, image_set(1), gone) == {"t": FIRST, name(2): "not_applicable"}
    assert judged(RISEN, gone) == {name(2): "not_applicable"}
    still_there = {"when": {"known": True, "previous.imageSetState": "ACTIVE"}, "require": {"found": True}}
    assert judged(still_there, image_set(1)) == {name(1): "pass"}
    assert judged(still_there, image_set(1), gone) == {name(1): "pass", "t": FIRST}


def test_an_image_set_that_is_unknown_for_another_reason_too_stands_by_itself():
    rule = {"when": {"known": True}, "deny": {"isPrimary": False}}
    assert judged(rule, image_set(1, isPrimary=False), image_set(2, isPrimary=None)) == {
        "t": FIRST,
        name(2): f"{FIRST}, isPrimary absent",
    }
    assert judged(RISEN, image_set(1), image_set(2, error=DENIED)) == {"t": FIRST, name(2): DENIED[0]}


def test_what_is_compared_with_an_earlier_run_may_be_absent_on_the_first():
    rule = {"when": {"previous.deletedAt": {"exists": True}}, "require": {"deletedAt": {"eq": {"field": "previous.deletedAt"}}}}  # fmt: skip
    assert judged(rule, image_set(1), image_set(2)) == {"t": FIRST}
    rule = {"require": {"updatedAt - previous.updatedAt": {"gte": "0s"}}}
    assert judged(rule, image_set(1), image_set(2)) == {"t": FIRST}
    assert judged(rule, image_set(1), earlier=(image_set(1),)) == {
        name(1): "updatedAt absent, previous.updatedAt absent"
    }


def test_beside_deletions_that_cannot_be_discovered_the_target_is_still_unknown_once():
    rule = {"when": {"found": True, "known": True}, "deny": {"deletedAt": {"exists": True}}}
    first = {"deny": {"known": True, "imageSetState": "DELETED"}}
    assert judged(first, image_set(1, imageSetState="DELETED"), ended()) == {"t": f"{CANNOT}, {FIRST}"}
    assert judged(rule, image_set(1), ended()) == {"t": CANNOT, name(1): "pass"}


def test_a_search_that_failed_is_the_reason_before_that_there_was_no_run():
    failed = Record("t", None, STORE, action=SEARCH, error=DENIED)
    assert judged(RISEN, image_set(1), failed) == {"t": DENIED[0]}


def test_a_target_that_is_new_to_an_old_audit_is_unknown_once():
    verdicts = judged(RISEN, image_set(1), image_set(2, "u"), image_set(3, "u"), earlier=(image_set(1),))
    assert verdicts == {name(1): "pass", "u": NOT_LOOKED_AT}
    moved = judged(RISEN, image_set(1, store=OTHER), earlier=(image_set(1),))
    assert moved == {"t": NOT_LOOKED_AT}


def test_an_image_set_that_is_new_to_a_target_that_was_looked_at_is_not_judged():
    assert judged(RISEN, image_set(1), image_set(2), earlier=(image_set(1),)) == {
        name(1): "pass",
        name(2): "not_applicable",
    }
    assert judged(RISEN, image_set(1), ended(EVER), earlier=(ended(EVER),)) == {name(1): "not_applicable"}


def test_a_run_that_could_read_nothing_of_a_target_is_none():
    refused = tuple(image_set(number, error=DENIED) for number in (1, 2))
    assert judged(RISEN, image_set(1), image_set(2), earlier=refused) == {"t": NOT_LOOKED_AT}
    failed = Record("t", None, STORE, action=SEARCH, error=DENIED)
    assert judged(RISEN, image_set(1), image_set(2), ended(EVER), earlier=(failed,)) == {"t": NOT_LOOKED_AT}


def test_one_image_set_that_an_earlier_run_could_not_read_stands_by_itself():
    before = (image_set(1), image_set(2, error=DENIED))
    assert judged(RISEN, image_set(1), image_set(2), earlier=before) == {
        name(1): "pass",
        name(2): "unread in earlier runs",
    }


def test_deletion_events_alone_are_no_earlier_run():
    event = Event(STORE, f"{1:032}", datetime(2026, 1, 1, tzinfo=UTC), 1, None, "")
    returned = {
        "when": {"known": True, "previous.imageSetState": "DELETED"},
        "require": {"imageSetState": "DELETED"},
    }
    assert judged(returned, image_set(1), image_set(2), image_set(3), told=(event,)) == {
        name(1): "fail",
        "t": FIRST,
    }


def test_a_number_of_image_sets_says_that_there_was_no_earlier_run():
    rule = {"scope": "datastore", "deny": {"count": {"of": {"previous.imageSetState": "DELETED"}, "gt": 5}}}
    verdicts = judged(rule, *map(image_set, range(1, 9)), store())
    assert verdicts == {"t": f"count: 8 image sets could not be judged ({FIRST})"}
    few = judged(rule, image_set(1), store())
    assert few == {"t": "pass"}
