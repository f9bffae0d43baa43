"""A finding names every call that its verdict rests on, the oldest answer among them, and the run that asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checker.aws.actions import GET_DATASTORE, GET_IMAGE_SET, LIST_TAGS, LIST_VERSIONS, SEARCH
from checker.model import Finding, Label
from checker.snapshot.records import LISTED_SINCE, NOT_FOUND, PROPERTIES, TAGS, VERSIONS, Record
from tests.language import engine

STORE, ONE, TWO = "d" * 32, "1" * 32, "2" * 32
DAYS = [datetime(2026, 2, day, tzinfo=UTC) for day in range(1, 6)]
RUN = "20260201T000000Z-1a2b3c4d"
GET, LISTED, FOUND, DATASTORE, TAGGED = GET_IMAGE_SET, LIST_VERSIONS, SEARCH, GET_DATASTORE, LIST_TAGS


def record(
    action: str, day: int, name: str | None = ONE, answer: Mapping[str, Any] | None = None, **more: Any
) -> Record:
    return Record("t", name, STORE, action=action, answer=answer, collected_at=DAYS[day], **more)


def version(name: str = ONE, number: str = "1") -> dict[str, Any]:
    return {
        "imageSetId": name, "versionId": number, "imageSetState": "ACTIVE", "imageSetWorkflowStatus": "CREATED",
        "createdAt": "2025-01-01T00:00:00Z", "isPrimary": True,
    }  # fmt: skip


def got(day: int, name: str = ONE, **more: Any) -> Record:
    answer = {**version(name), "datastoreId": STORE, "storageTier": "FREQUENT_ACCESS"}
    return record(GET, day, name, answer, **more)


def listed(day: int, name: str = ONE, **more: Any) -> Record:
    return record(LISTED, day, name, {VERSIONS: [version(name)]}, **more)


def found(day: int, name: str = ONE) -> Record:
    return record(
        FOUND,
        day,
        name,
        {
            "imageSetId": name,
            "version": 1,
            "updatedAt": "2025-01-01T00:00:00Z",
            "storageTier": "FREQUENT_ACCESS",
            "isPrimary": True,
            "DICOMTags": {"DICOMStudyDescription": "CT"},
        },
    )


def ended(day: int) -> Record:
    return record(FOUND, day, None, {LISTED_SINCE: "2026-02-01T00:00:00Z"})


def store(day: int, *, complete: bool = False) -> Record:
    times = dict.fromkeys(("createdAt", "updatedAt"), "2024-01-01T00:00:00Z")
    properties = {"datastoreId": STORE, "datastoreName": "archive", "datastoreStatus": "ACTIVE", **times}
    return record(DATASTORE, day, None, {PROPERTIES: properties}, complete=complete)


def tags(day: int, name: str | None = ONE) -> Record:
    return record(TAGGED, day, name, {TAGS: {"owner": "nobody"}})


def failed(day: int, code: str, action: str = GET) -> Record:
    return record(action, day, error=(code, "no"))


def findings(
    rule: Mapping[str, Any], records: Sequence[Record], others: Sequence[Mapping[str, Any]] = (), **pack: Any
) -> list[Finding]:
    """The findings of a rule, `r`, and of others beside it."""
    named = {"r": rule, **{f"other-{number}": other for number, other in enumerate(others)}}
    rules = [{"id": name, "title": "R", "severity": "high", **said} for name, said in named.items()]

    def gather(_folder: Path, _labels: Mapping[str, Label]) -> Sequence[Record]:
        return records

    policy = {"version": 1, "pack": "p", "title": "P", **pack, "rules": rules}
    return list(engine._judged(policy, "2026-03-01T00:00:00Z", None, True, gather, engine._name).findings)  # type: ignore[arg-type]


STATE = {"deny": {"imageSetState": "ACTIVE"}}
TIER = {"deny": {"storageTier": "FREQUENT_ACCESS"}}
BOTH = {"deny": {"all": [{"imageSetState": "ACTIVE"}, {"storageTier": "FREQUENT_ACCESS"}]}}
KEY = {"deny": {"datastore.kmsKeyArn": {"exists": False}}}


@pytest.mark.parametrize(
    ("rule", "records", "calls", "day"),
    [
        (STATE, [got(0)], [GET], 0),
        (STATE, [found(1), listed(2)], [LISTED], 2),
        (TIER, [found(1)], [FOUND], 1),
        # of two answers on what moves without a new version the later one holds
        (STATE, [got(0), found(1)], [GET], 0),
        (BOTH, [got(0), found(1)], [GET, FOUND], 0),
        (BOTH, [found(0), got(1)], [GET], 1),
        (BOTH, [found(0), listed(1)], [LISTED, FOUND], 0),
        # a list of versions leaves out when version 1 was updated, and the search says it
        ({"deny": {"updatedAt": {"before": "2030-01-01"}}}, [found(0), listed(1)], [LISTED, FOUND], 0),
        (STATE, [found(0), listed(1)], [LISTED], 1),
        # what other calls said
        ({"deny": {"dicom.DICOMStudyDescription": "CT"}}, [found(0), got(1)], [FOUND], 0),
        (KEY, [store(2), got(1)], [DATASTORE], 2),
        ({"deny": {"tags.owner": "nobody"}}, [got(0), tags(3)], [TAGGED], 3),
        ({"deny": {"datastore.tags.owner": "nobody"}}, [got(0), tags(4, None)], [TAGGED], 4),
        ({"deny": {"all": [*BOTH["deny"]["all"], KEY["deny"]]}}, [store(2), got(1), found(3)], [DATASTORE, GET, FOUND], 1),
        # that it is not there is an answer, that it could not be read is none
        ({"require": {"found": True}}, [failed(2, NOT_FOUND)], [GET], 2),
        (STATE, [failed(2, "AccessDeniedException")], [], None),
        (KEY, [record(DATASTORE, 2, None, error=("AccessDeniedException", "no")), got(1)], [], None),
        ({"scope": "version", "deny": {"imageSetState": "ACTIVE"}}, [found(0), listed(1)], [LISTED], 1),
        ({"scope": "datastore", **KEY}, [store(2), got(1)], [DATASTORE], 2),
    ],
)  # fmt: skip
def test_a_verdict_rests_on_the_calls_that_gave_what_its_rule_reads(
    rule: Mapping[str, Any], records: Sequence[Record], calls: list[str], day: int | None
) -> None:
    (item,) = findings(rule, records)
    assert list(item.calls) == calls
    assert item.collected_at == (None if day is None else DAYS[day])


def test_the_inventory_is_no_call() -> None:
    labels = {"labels": {"class": {"type": "string"}}}
    (item,) = findings({"deny": {"labels.class": {"exists": False}}}, [got(0)], **labels)
    assert (item.calls, item.collected_at) == ((), None)


def test_a_successor_is_read_by_a_call_of_its_own() -> None:
    labels = {"labels": {"superseded_by": {"type": "string"}}}
    first = found(0)
    records = [
        Record("t", ONE, STORE, action=FOUND, answer=first.answer, collected_at=DAYS[0], labels={"superseded_by": TWO}),
        got(1, TWO, reused_from=RUN),
    ]  # fmt: skip
    (item,) = findings(
        {"deny": {"successor.imageSetState": "ACTIVE"}, "when": {"imageSetId": ONE}}, records, **labels
    )
    assert (item.calls, item.collected_at) == ((GET,), DAYS[1])


COUNT = {"scope": "datastore", "deny": {"count": {"of": {"imageSetState": "ACTIVE"}, "gt": 0}}}
SHARE = {"scope": "datastore", "deny": {"ratio": {"of": {"storageTier": "FREQUENT_ACCESS"}, "gt": "0%"}}}


def test_a_count_rests_on_the_calls_of_what_it_counts_and_on_the_search_that_listed_them() -> None:
    sets = [got(1), listed(2, TWO, reused_from=RUN)]
    (item,) = findings(COUNT, [store(0, complete=True), *sets])
    assert (item.calls, item.collected_at, item.reused_from) == ((GET, LISTED), DAYS[1], None)
    (item,) = findings(COUNT, [store(0, complete=True), *sets, found(3), found(3, TWO), ended(4)])
    assert item.calls == (GET, LISTED, FOUND)
    (item,) = findings(SHARE, [store(0, complete=True), found(3), found(3, TWO), ended(4)])
    assert (item.calls, item.collected_at) == ((FOUND,), DAYS[3])


def test_the_earlier_run_is_that_of_the_oldest_answer() -> None:
    (item,) = findings(BOTH, [got(0, reused_from=RUN), found(3)])
    assert (item.calls, item.collected_at, item.reused_from) == ((GET, FOUND), DAYS[0], RUN)
    (item,) = findings(COUNT, [store(4, complete=True), got(0, reused_from=RUN), got(3, TWO)])
    assert (item.collected_at, item.reused_from) == (DAYS[0], RUN)


def test_what_a_search_may_have_missed_rests_on_the_search() -> None:
    (item,) = findings({"deny": {"imageSetState": "DELETED"}}, [got(0), found(0), ended(2)])
    assert item.subject.image_set_id is None
    assert (item.calls, item.collected_at) == ((FOUND,), DAYS[2])
