"""A world (see scope_oracle.py) as the records that a collection writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checker.aws.actions import GET_DATASTORE, GET_IMAGE_SET, LIST_TAGS, LIST_VERSIONS
from checker.model import Label, Scalar, Type
from checker.snapshot.answers import normalise, normalise_answer, normalise_versions
from checker.snapshot.deletion_events import Event
from checker.snapshot.history import write_history
from checker.snapshot.records import Record
from checker.snapshot.writer import write_records
from checker.values import parse_date, parse_scalar, parse_time, show


def records(world: Mapping[str, Any], labels: Mapping[str, Label]) -> list[Record]:
    """The records in the order in which a collection might write them."""
    return [record for store in world["stores"] for record in _store(store)] + [
        record for image_set in world["sets"] for record in _set(image_set, labels)
    ]


def write_earlier(world: Mapping[str, Any], folder: Path) -> None:
    """The history of a world, as two earlier runs leave it: the first saw everything, the last missed what is gone."""
    sets = [image_set for image_set in world["sets"] if image_set.get("earlier")]
    sent = datetime(2026, 1, 1, tzinfo=UTC)
    events = [
        Event(
            cell["datastoreId"], cell["imageSetId"], sent, int(said["versionId"]), said.get("isPrimary"), ""
        )
        for cell in sets
        if (said := cell["earlier"].get("event"))
    ]
    if not world.get("earlier") and not events:
        return
    before: Path | None = None
    for number in range(2 if world.get("earlier") else 0):
        run = folder / f"run-{number}"
        run.mkdir()
        write_records((record for cell in sets for record in _earlier(cell, number)), run / "records.jsonl")
        write_history(run, records=run / "records.jsonl", before=before, events=(), started=sent)
        before = run / "history.parquet"
    if before is None:
        write_history(folder, records=None, before=None, events=events, started=sent + timedelta(1))
    else:
        again = folder / "run-1" / "records.jsonl"
        write_history(folder, records=again, before=before, events=events, started=sent + timedelta(1))


def _earlier(item: Mapping[str, Any], number: int) -> Iterator[Record]:
    seen = item["earlier"]
    common = {
        "target": item["target"],
        "image_set_id": item["imageSetId"],
        "datastore_id": item["datastoreId"],
        "version": item.get("pinned"),
    }
    if number == 0 and "unread" in seen:
        yield Record(**common, error=("AccessDeniedException", ""))
    elif number == 0 and ("answer" in seen or "gone" in seen):
        healthy = {"imageSetId": item["imageSetId"], "versionId": "1", "imageSetState": "ACTIVE"}
        answer = seen.get("answer", healthy | {"datastoreId": item["datastoreId"]})
        moment = parse_time(seen["collectedAt"]) if "collectedAt" in seen else None
        yield Record(**common, answer=normalise(answer), collected_at=moment)
    elif number == 1 and "gone" in seen:
        yield Record(**common, error=("ResourceNotFoundException", ""))


def _store(item: Mapping[str, Any]) -> Iterator[Record]:
    common = {"target": item["target"], "image_set_id": None, "datastore_id": item["datastoreId"]}
    # normalise_answer takes what the API answers
    for call in _called(item, "properties", "error"):
        if "answer" in call:
            call["answer"] = normalise_answer("GetDatastore", {"datastoreProperties": call["answer"]})
        yield Record(**common, action=GET_DATASTORE, complete=item.get("complete", False), **call)
    yield from _tags(item, common)


def _set(item: Mapping[str, Any], labels: Mapping[str, Label]) -> Iterator[Record]:
    common = {
        "target": item["target"],
        "image_set_id": item["imageSetId"],
        "datastore_id": item["datastoreId"],
    }
    beside = {
        "version": item.get("pinned"),
        "collected_at": parse_time(item["collectedAt"]) if "collectedAt" in item else None,
        "labels": {
            name: _label(labels[name], value)
            for name, value in item.get("labels", {}).items()
            if name in labels
        },
    }
    for call in _called(item, "answer", "error"):
        if "answer" in call:
            call["answer"] = normalise(call["answer"])
        yield Record(**common, **beside, action=GET_IMAGE_SET, **call)
    for call in _called(item, "versions", "versions error"):
        if "answer" in call:
            call["answer"] = normalise_versions(call["answer"])
        yield Record(**common, **beside, action=LIST_VERSIONS, **call)
    yield from _tags(item, common)


def _tags(item: Mapping[str, Any], common: Mapping[str, Any]) -> Iterator[Record]:
    for call in _called(item, "tags", "tags error"):
        if "answer" in call:
            call["answer"] = normalise_answer("ListTagsForResource", {"tags": call["answer"]})
        yield Record(**common, action=LIST_TAGS, **call)


def _called(item: Mapping[str, Any], answer: str, error: str) -> Iterator[dict[str, Any]]:
    """The answer of a call or its error, if it was made."""
    if answer in item:
        yield {"answer": item[answer]}
    elif error in item:
        yield {"error": (item[error], "synthetic")}


def _label(label: Label, value: Any) -> Scalar:
    if label.type is Type.TIME and label.day:
        return parse_date(value)
    return parse_scalar(show(value), label.type)
