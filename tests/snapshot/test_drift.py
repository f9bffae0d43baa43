"""How the image sets of a run stand to those that earlier runs saw."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checker.aws.actions import LIST_VERSIONS, SEARCH
from checker.layout import HISTORY
from checker.model import Drift
from checker.snapshot.deletion_events import Event
from checker.snapshot.drift import drift
from checker.snapshot.history import write_history
from checker.snapshot.record_table import record_table
from checker.snapshot.records import LISTED_SINCE, NOT_FOUND, VERSIONS, Record
from checker.snapshot.writer import write_records

STORE, ONE = "d" * 32, "1" * 32
THEN, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def got(state: str = "ACTIVE", version: str = "3", **more: Any) -> Record:
    answer = {"datastoreId": STORE, "imageSetId": ONE, "versionId": version, "imageSetState": state}
    return Record("t", ONE, STORE, answer=answer, **more)


def versions(number: int) -> Record:
    item = {"imageSetId": ONE, "versionId": str(number), "imageSetState": "ACTIVE"}
    return Record("t", ONE, STORE, action=LIST_VERSIONS, answer={VERSIONS: [item]})


def found(version: int = 3) -> Record:
    return Record("t", ONE, STORE, action=SEARCH, answer={"imageSetId": ONE, "version": version})


def failed(code: str) -> Record:
    return Record("t", ONE, STORE, error=(code, "no"))


ENDED = Record("t", None, STORE, action=SEARCH, answer={LISTED_SINCE: "2026-01-01T00:00:00Z"})


def between(
    folder: Path, then: list[Record] | None, now: list[Record], events: tuple[Event, ...] = ()
) -> Drift | None:
    if then is not None:
        write_records(then, folder / "then.jsonl")
    write_records(now, folder / "records.jsonl")
    earlier = None if then is None else folder / "then.jsonl"
    write_history(folder, records=earlier, before=None, events=events, started=NOW)
    with record_table(folder / "records.jsonl") as records:
        return drift(records, folder / HISTORY)


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ([], [got()], Drift(new=1)),
        ([got()], [got()], Drift(unchanged=1)),
        ([got()], [got(version="4")], Drift(changed=1)),
        ([got()], [got("LOCKED")], Drift(changed=1)),
        ([got()], [found(), got(reused_from="RUN"), ENDED], Drift(unchanged=1, reused=1)),
        # a search and a list of versions say less, and what they say is compared
        ([found()], [got()], Drift(unchanged=1)),
        ([found()], [found(4), ENDED], Drift(changed=1)),
        ([versions(3)], [versions(3)], Drift(unchanged=1)),
        ([versions(3)], [versions(4)], Drift(changed=1)),
        # what no search lists has vanished whatever is said of it, and does so once
        ([found(), got()], [got("DELETED"), ENDED], Drift(vanished=1)),
        ([found(), got()], [got(), ENDED], Drift(vanished=1)),
        ([got("DELETED"), ENDED], [got("DELETED"), ENDED], Drift()),
        ([got()], [failed(NOT_FOUND)], Drift(vanished=1)),
        ([failed(NOT_FOUND)], [failed(NOT_FOUND)], Drift()),
        ([failed(NOT_FOUND)], [got()], Drift(new=1)),
        # of a listed target an image set that is DELETED is there, and has changed
        ([got()], [got("DELETED")], Drift(changed=1)),
        # what was not read is in no number
        ([got()], [failed("AccessDeniedException")], Drift()),
        ([failed("AccessDeniedException")], [got()], Drift()),
        ([got()], [], Drift()),
    ],
)
def test_image_sets_are_new_changed_unchanged_or_gone(
    tmp_path: Path, then: list[Record], now: list[Record], expected: Drift
) -> None:
    assert between(tmp_path, then, now) == expected


def test_without_an_earlier_run_there_is_nothing_to_say(tmp_path: Path) -> None:
    told = Event(STORE, ONE, THEN, None, None, "events.json:1")
    assert between(tmp_path, None, [got()], (told,)) is None
    with record_table(tmp_path / "records.jsonl") as records:
        assert drift(records, None) is None
