"""Recorded answers: files with what the AWS CLI prints, to records.

A file is any sequence of JSON values: `get-image-set` answers, arrays of them, `list-image-set-versions` answers, and
objects with an `error` for sets that could not be read, so that a records.jsonl can be read too.
"""

from __future__ import annotations

import codecs
import difflib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from checker.evidence.records import BadAnswerError, Record, normalise
from checker.fields import model
from checker.model import Label, Location, Scalar
from checker.problems import InvalidInputError, Problem, suggest
from checker.values import BadValueError, parse_scalar, parse_time, show

TARGET = "recorded"
VERSIONS = "imageSetPropertiesList"
SEARCH = "imageSetsMetadataSummaries"
_WHITE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class _Seen:
    record: Record
    where: str
    listed: bool  # in list-image-set-versions, which leaves members out


@dataclass(slots=True)
class _Versions:
    """What was recorded of one image set, by version: None where it could not be read."""

    datastore_id: str | None
    seen: dict[int | None, _Seen]

    @property
    def highest(self) -> Record:
        return self.seen[max(self.seen, key=lambda version: version or 0)].record


def read_recorded(paths: Sequence[str], labels: Mapping[str, Label]) -> list[Record]:
    """The records in the files, one for each image set: of several versions the highest.

    Args:
        paths: the files as the user wrote them; `-` is standard input.
        labels: the declared labels, which an answer may carry under `labels`.

    Raises:
        InvalidInputError: with every record that is malformed, or that contradicts another one.
    """
    problems: list[Problem] = []
    seen: dict[str, list[_Versions]] = {}
    for path in paths:
        for where, value in _values(path, problems):
            try:
                for record, listed in _records(value, labels):
                    _keep(seen, _Seen(record, where, listed), problems)
            except (BadAnswerError, BadValueError) as error:
                problems.append(Problem(where, str(error), getattr(error, "hint", "")))
    if problems:
        raise InvalidInputError(problems)
    return [versions.highest for same_id in seen.values() for versions in same_id]


def _values(path: str, problems: list[Problem]) -> Iterator[tuple[str, Any]]:
    """Each JSON value of a file with its place; the items of an array each."""
    shown = "<stdin>" if path == "-" else Path(path).as_posix()
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        text = _decode(raw)
    except OSError as error:
        problems.append(Problem(shown, f"cannot be read: {(error.strerror or str(error)).lower()}"))
        return
    except UnicodeDecodeError as error:
        problems.append(
            Problem(
                shown,
                f"byte 0x{raw[error.start]:02x} at offset {error.start} is not UTF-8",
                "save the file as UTF-8",
            )
        )
        return
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    position = line = 0
    count = 0
    while (start := _skip(text, position)) < len(text):
        line += text.count("\n", position, start)
        where = Location(shown, line + 1, start - (text.rfind("\n", 0, start) + 1) + 1)
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            problems.append(_not_json(shown, where, error, text))
            return
        line += text.count("\n", start, end)
        position = end
        count += 1
        if isinstance(value, list):
            yield from ((f"{where}: [{index}]", item) for index, item in enumerate(value))
        else:
            yield str(where), value
    if not count:
        problems.append(
            Problem(
                shown, "the file is empty", "it should hold what `aws medical-imaging get-image-set` prints"
            )
        )


def _decode(raw: bytes) -> str:
    """Text of UTF-8, or of UTF-16 with its mark, which is what PowerShell's `>` writes."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    return raw.decode("utf-8-sig")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITE:
        position += 1
    return position


def _not_json(shown: str, where: Location, error: Exception, text: str) -> Problem:
    if isinstance(error, json.JSONDecodeError):
        where = Location(shown, error.lineno, error.colno)
        line = text.splitlines()[error.lineno - 1] if text.splitlines()[error.lineno - 1 :] else ""
        return Problem(
            where,
            f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            "print answers with --output json",
            line,
        )
    return Problem(where, f"not JSON: {str(error) or 'nested too deeply'}")


def _records(value: Any, labels: Mapping[str, Label]) -> Iterator[tuple[Record, bool]]:
    if not isinstance(value, dict):
        raise BadAnswerError(f"an answer is an object, not {json.dumps(value)[:40]}")
    if SEARCH in value:
        raise BadValueError(
            "search-image-sets answers have no imageSetState, overrides or deletedAt, so rules cannot be judged on them",
            "record get-image-set, or list-image-set-versions",
        )
    if VERSIONS not in value:
        yield _record(value, labels), False
        return
    items = value[VERSIONS]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadAnswerError(f"{VERSIONS} is no list of objects")
    if value.get("nextToken"):
        raise BadValueError(
            "the list of versions is cut off (nextToken)", "record it without --no-paginate and --max-items"
        )
    for item in items:
        # ListImageSetVersions spells this one member with a capital
        yield (
            _record(
                {"imageSetWorkflowStatus": item.get("ImageSetWorkflowStatus"), **item}, labels, listed=True
            ),
            True,
        )


def _record(value: dict[str, Any], labels: Mapping[str, Label], *, listed: bool = False) -> Record:
    image_set_id = value.get("imageSetId")
    if not isinstance(image_set_id, str) or not image_set_id:
        near = difflib.get_close_matches("imagesetid", [key.lower() for key in value], n=1, cutoff=0.8)
        hint = "members are spelled as in the API: imageSetId" if near and "imageSetId" not in value else ""
        raise BadValueError(
            "imageSetId is missing", hint or "an answer is what `aws medical-imaging get-image-set` prints"
        )
    collected = value.get("collectedAt")
    common: dict[str, Any] = {
        "target": TARGET,
        "image_set_id": image_set_id,
        "collected_at": parse_time(collected) if isinstance(collected, str) else None,
        "labels": _labels(value.get("labels"), labels),
    }
    if "error" in value:
        return Record(**common, datastore_id=_text(value, "datastoreId"), error=_error(value["error"]))
    required = model().required - {"datastoreId"} if listed else None
    answer = normalise(value, required=required)
    return Record(**common, datastore_id=answer.get("datastoreId"), answer=answer)


def _text(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise BadAnswerError(f"{name} is {text!r:.80}, which is no string")
    return text


def _error(error: Any) -> tuple[str, str]:
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, str) or not code:
        raise BadValueError(
            "error has no code", 'write {"error": {"code": "ThrottlingException", "message": ".."}}'
        )
    return code, str(error.get("message") or "")


def _labels(given: Any, declared: Mapping[str, Label]) -> dict[str, Scalar]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise BadAnswerError("labels is no object")
    typed = {}
    for name, value in given.items():
        label = declared.get(name)
        if label is None or value is None:
            continue
        text = show(value)
        if label.one_of and text not in label.one_of:
            raise BadValueError(
                f"the label {name} is never {text}", suggest(text, label.one_of, what="it is one of")
            )
        typed[name] = parse_scalar(text, label.type)
    return typed


def _keep(seen: dict[str, list[_Versions]], new: _Seen, problems: list[Problem]) -> None:
    """Adds a record: the same set and version twice counts once where the answers agree, and is a problem else."""
    record = new.record
    same_id = seen.setdefault(record.image_set_id, [])
    store = record.datastore_id
    # a list of versions does not name the data store: it joins the set of that id
    versions = next(
        (one for one in same_id if one.datastore_id == store or None in (store, one.datastore_id)), None
    )
    if versions is None:
        versions = _Versions(store, {})
        same_id.append(versions)
    versions.datastore_id = versions.datastore_id or store
    version = int(record.answer["versionId"]) if record.answer else None
    unread = version is None or None in versions.seen
    other = next(iter(versions.seen.values()), None) if unread else versions.seen.get(version)
    if other is None:
        versions.seen[version] = new
    elif _differ(other, new):
        hint = f"the other answer is at {other.where}"
        problems.append(
            Problem(new.where, f"two different answers for the image set {record.image_set_id}", hint)
        )
    elif other.listed and not new.listed:
        versions.seen[version] = new


def _differ(one: _Seen, two: _Seen) -> bool:
    if one.record.error or two.record.error:
        return one.record.error != two.record.error
    first, second = dict(one.record.answer or {}), dict(two.record.answer or {})
    if one.listed != two.listed:
        # members that ListImageSetVersions never gives are no contradiction
        shared = first.keys() & second.keys()
        return any(first[name] != second[name] for name in shared)
    return replace(one.record, target="") != replace(two.record, target="")
