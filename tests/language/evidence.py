"""A world (see scope_oracle.py) as the records that a collection writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checker.model import Label, Scalar, Type
from checker.snapshot.answers import normalise, normalise_datastore, normalise_tags, normalise_versions
from checker.snapshot.deletion_events import Event
from checker.snapshot.history import write_history
from checker.snapshot.records import GET_DATASTORE, GET_IMAGE_SET, LIST_TAGS, LIST_VERSIONS, Record
from checker.snapshot.writer import write_records
from checker.values import parse_date, parse_scalar, parse_time, show


def records(world: Mapping[str, Any], labels: Mapping[str, Label]) -> list[Record]:
    """The records in the order in which a collection might write them."""
    return [record for one in world["stores"] for record in _store(one)] + [
        record for one in world["sets"] for record in _set(one, labels)
    ]


def write_earlier(world: Mapping[str, Any], folder: Path) -> None:
    """The history of a world, as two earlier runs leave it: the first saw everything, the last missed what is gone."""
    sets = [one for one in world["sets"] if one.get("earlier")]
    sent = datetime(2026, 1, 1, tzinfo=UTC)
    events = [
        Event(one["datastoreId"], one["imageSetId"], sent, int(said["versionId"]), said.get("isPrimary"), "")
        for one in sets
        if (said := one["earlier"].get("event"))
    ]
    if not world.get("earlier") and not events:
        return
    before: Path | None = None
    for number in range(2 if world.get("earlier") else 0):
        run = folder / f"run-{number}"
        run.mkdir()
        write_records((record for one in sets for record in _earlier(one, number)), run / "records.jsonl")
        write_history(run, records=run / "records.jsonl", before=before, events=(), started=sent)
        before = run / "history.parquet"
    if before is None:
        write_history(folder, records=None, before=None, events=events, started=sent + timedelta(1))
    else:
        again = folder / "run-1" / "records.jsonl"
        write_history(folder, records=again, before=before, events=events, started=sent + timedelta(1))


def _earlier(one: Mapping[str, Any], number: int) -> Iterator[Record]:
    seen = one["earlier"]
    common = {
        "target": one["target"],
        "image_set_id": one["imageSetId"],
        "datastore_id": one["datastoreId"],
        "version": one.get("pinned"),
    }
    if number == 0 and "unread" in seen:
        yield Record(**common, error=("AccessDeniedException", ""))
    elif number == 0 and ("answer" in seen or "gone" in seen):
        healthy = {"imageSetId": one["imageSetId"], "versionId": "1", "imageSetState": "ACTIVE"}
        answer = seen.get("answer", healthy | {"datastoreId": one["datastoreId"]})
        moment = parse_time(seen["collectedAt"]) if "collectedAt" in seen else None
        yield Record(**common, answer=normalise(answer), collected_at=moment)
    elif number == 1 and "gone" in seen:
        yield Record(**common, error=("ResourceNotFoundException", ""))


def _store(one: Mapping[str, Any]) -> Iterator[Record]:
    common = {"target": one["target"], "image_set_id": None, "datastore_id": one["datastoreId"]}
    # normalise_datastore takes what the API answers
    for call in _called(one, "properties", "error"):
        if "answer" in call:
            call["answer"] = normalise_datastore({"datastoreProperties": call["answer"]})
        yield Record(**common, action=GET_DATASTORE, complete=one.get("complete", False), **call)
    yield from _tags(one, common)


def _set(one: Mapping[str, Any], labels: Mapping[str, Label]) -> Iterator[Record]:
    common = {
        "target": one["target"],
        "image_set_id": one["imageSetId"],
        "datastore_id": one["datastoreId"],
    }
    beside = {
        "version": one.get("pinned"),
        "collected_at": parse_time(one["collectedAt"]) if "collectedAt" in one else None,
        "labels": {
            name: _label(labels[name], value)
            for name, value in one.get("labels", {}).items()
            if name in labels
        },
    }
    for call in _called(one, "answer", "error"):
        if "answer" in call:
            call["answer"] = normalise(call["answer"])
        yield Record(**common, **beside, action=GET_IMAGE_SET, **call)
    for call in _called(one, "versions", "versions error"):
        if "answer" in call:
            call["answer"] = normalise_versions(call["answer"])
        yield Record(**common, **beside, action=LIST_VERSIONS, **call)
    yield from _tags(one, common)


def _tags(one: Mapping[str, Any], common: Mapping[str, Any]) -> Iterator[Record]:
    for call in _called(one, "tags", "tags error"):
        if "answer" in call:
            call["answer"] = normalise_tags({"tags": call["answer"]})
        yield Record(**common, action=LIST_TAGS, **call)


def _called(one: Mapping[str, Any], answer: str, error: str) -> Iterator[dict[str, Any]]:
    """The answer of a call or its error, if it was made."""
    if answer in one:
        yield {"answer": one[answer]}
    elif error in one:
        yield {"error": (one[error], "synthetic")}


def _label(label: Label, value: Any) -> Scalar:
    if label.type is Type.TIME and label.day:
        return parse_date(value)
    return parse_scalar(show(value), label.type)
