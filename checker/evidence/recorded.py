"""Recorded answers: files with what the AWS CLI prints, to records.

A file is any sequence of JSON values: `get-image-set` answers, arrays of them, `list-image-set-versions` answers, and
objects with an `error` for sets that could not be read, so that a records.jsonl can be read too.
"""

from __future__ import annotations

import codecs
import difflib
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from checker.evidence.records import (
    BESIDE,
    NOT_FOUND,
    BadAnswerError,
    Record,
    error_member,
    id_member,
    normalise,
    refuse_other_case,
    version_number,
)
from checker.fields import model
from checker.model import Label, Location, Scalar
from checker.problems import InvalidInputError, Problem, suggest
from checker.values import STRICT_JSON, BadValueError, parse_scalar, parse_time, show

TARGET = "recorded"
VERSIONS = "imageSetPropertiesList"
SEARCH = "imageSetsMetadataSummaries"
_WHITE = " \t\r\n"
_STATUS = "imageSetWorkflowStatus"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A record and its place. `version` is None for what was learnt of the image set as a whole: it is not there, or
    its latest version could not be read."""

    record: Record
    where: str
    listed: bool  # in list-image-set-versions, which leaves members out
    pinned: bool  # asked for by its version

    @property
    def version(self) -> int | None:
        answer = self.record.answer
        return int(answer["versionId"]) if answer else self.record.version


def read_recorded(
    paths: Sequence[str], labels: Mapping[str, Label], warnings: list[Problem] | None = None
) -> list[Record]:
    """The records in the files, one for each image set: of several versions the highest. Sorted, so that the order of
    the files does not matter.

    Args:
        paths: the files as the user wrote them; `-` is standard input.
        labels: the declared labels, which an answer may carry under `labels`.
        warnings: takes what is odd but no error: labels that are not declared, files without an image set.

    Raises:
        InvalidInputError: with every record that is malformed, or that contradicts another one.
    """
    problems: list[Problem] = []
    reader = _Reader(labels, [] if warnings is None else warnings)
    seen: dict[str, list[_Seen]] = {}
    for path in paths:
        for where, value in _values(path, problems, reader.warnings):
            try:
                for one in reader.read(value, where):
                    seen.setdefault(one.record.image_set_id, []).append(one)
            except (BadAnswerError, BadValueError) as error:
                problems.append(Problem(where, str(error), getattr(error, "hint", "")))
    records = [record for _, same_id in sorted(seen.items()) for record in _merged(same_id, problems)]
    if problems:
        raise InvalidInputError(problems)
    return sorted(records, key=lambda record: (record.datastore_id or "", record.image_set_id))


def _values(path: str, problems: list[Problem], warnings: list[Problem]) -> Iterator[tuple[str, Any]]:
    """Each JSON value of a file with its place; the items of an array each."""
    shown = "<stdin>" if path == "-" else Path(path).as_posix()
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        text = _decode(raw)
    except OSError as error:
        problems.append(Problem(shown, f"cannot be read: {(error.strerror or str(error)).lower()}"))
        return
    except UnicodeDecodeError as error:
        message = f"byte 0x{raw[error.start]:02x} at offset {error.start} is not UTF-8"
        problems.append(Problem(shown, message, "save the file as UTF-8"))
        return
    decoder = json.JSONDecoder(**STRICT_JSON)
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
            if not value:
                warnings.append(Problem(where, "records no image set", warning=True))
            yield from ((f"{where}: [{index}]", item) for index, item in enumerate(value))
        else:
            yield str(where), value
    if not count:
        hint = "it should hold what `aws medical-imaging get-image-set` prints"
        problems.append(Problem(shown, "the file is empty", hint))


def _decode(raw: bytes) -> str:
    """Text of UTF-8, or of UTF-16 with its mark, which is what PowerShell's `>` writes."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    return raw.decode("utf-8-sig")


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
    if isinstance(error, BadValueError):
        return Problem(where, str(error))
    return Problem(where, f"not JSON: {str(error) or 'nested too deeply'}")


@dataclass(slots=True)
class _Reader:
    """JSON values to records."""

    labels: Mapping[str, Label]
    warnings: list[Problem]
    undeclared: set[str] = field(default_factory=set)

    def read(self, value: Any, where: str) -> Iterator[_Seen]:
        if not isinstance(value, dict):
            raise BadAnswerError(f"an answer is an object, not {json.dumps(value)[:40]}")
        if SEARCH in value:
            raise BadValueError(
                "search-image-sets answers have no imageSetState, overrides or deletedAt, so rules cannot be judged on them",
                "record get-image-set, or list-image-set-versions",
            )
        if VERSIONS not in value:
            # a record without a data store is one that was read from a list of versions
            yield self.seen(value, where, listed="target" in value and value.get("datastoreId") is None)
            return
        items = value[VERSIONS]
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise BadAnswerError(f"{VERSIONS} is no list of objects")
        if value.get("nextToken"):
            raise BadValueError(
                "the list of versions is cut off (nextToken)",
                "record it without --no-paginate and --max-items",
            )
        if not items:
            self.warnings.append(Problem(where, "records no image set", warning=True))
        for item in items:
            # ListImageSetVersions spells this one member with a capital
            if _STATUS not in item and "ImageSetWorkflowStatus" in item:
                item[_STATUS] = item.pop("ImageSetWorkflowStatus")
            yield self.seen(item, where, listed=True)

    def seen(self, value: dict[str, Any], where: str, *, listed: bool) -> _Seen:
        image_set_id = id_member(value, "imageSetId")
        if image_set_id is None:
            near = difflib.get_close_matches("imagesetid", [key.lower() for key in value], n=1, cutoff=0.8)
            hint = "members are spelled as in the API: imageSetId" if near else ""
            raise BadValueError(
                "imageSetId is missing",
                hint or "an answer is what `aws medical-imaging get-image-set` prints",
            )
        refuse_other_case(value, BESIDE)
        collected, asked = value.get("collectedAt"), value.get("requestedVersionId")
        version = None if asked is None else version_number("requestedVersionId", asked)
        common: dict[str, Any] = {
            "target": TARGET,
            "image_set_id": image_set_id,
            "datastore_id": id_member(value, "datastoreId"),
            "collected_at": parse_time(collected) if isinstance(collected, str) else None,
            "labels": self.typed(value.get("labels"), where),
        }
        if "error" in value:
            error = error_member(value["error"])
            # that the set is not there holds for each of its versions
            record = Record(**common, error=error, version=None if error[0] == NOT_FOUND else version)
        else:
            required = model().required - {"datastoreId"} if listed else None
            record = Record(**common, answer=normalise(value, required=required))
        return _Seen(record, where, listed, version is not None)

    def typed(self, given: Any, where: str) -> dict[str, Scalar]:
        if given is None:
            return {}
        if not isinstance(given, dict):
            raise BadAnswerError("labels is no object")
        typed = {}
        for name, value in given.items():
            if isinstance(value, dict | list):
                raise BadAnswerError(
                    f"the label {name} is {value!r:.80}, which is no text, number or boolean"
                )
            label = self.labels.get(name)
            if label is None and name not in self.undeclared:
                self.undeclared.add(name)
                hint = suggest(name, self.labels, what="declared are")
                self.warnings.append(
                    Problem(where, f"no policy declares the label {name}", hint, warning=True)
                )
            if label is None or value is None:
                continue
            text = show(value)
            if label.one_of and text not in label.one_of:
                raise BadValueError(
                    f"the label {name} is never {text}", suggest(text, label.one_of, what="it is one of")
                )
            typed[name] = parse_scalar(text, label.type)
        return typed


def _merged(same_id: list[_Seen], problems: list[Problem]) -> Iterator[Record]:
    """The image sets of an id, one for each data store. What names none, such as a list of versions, joins it."""
    stores = sorted({one.record.datastore_id for one in same_id if one.record.datastore_id})
    if len(stores) > 1:
        problems += [
            Problem(one.where, f"which data store's {one.record.image_set_id} this is, is not said")
            for one in same_id
            if one.record.datastore_id is None
        ]
    for store in stores or (None,):
        kept: dict[int | None, _Seen] = {}
        for new in same_id:
            if new.record.datastore_id in (store, None):
                _keep(kept, new, problems)
        highest = kept[max(kept, key=lambda version: math.inf if version is None else version)]
        yield replace(highest.record, datastore_id=store)


def _keep(kept: dict[int | None, _Seen], new: _Seen, problems: list[Problem]) -> None:
    """Adds a record: the same version twice counts once where the answers agree, and is a problem else."""
    beside = kept.values() if new.version is None else filter(None, map(kept.get, (new.version, None)))
    for other in beside:
        if what := _contradiction(other, new):
            message = f"two different {what}s for the image set {new.record.image_set_id}"
            problems.append(Problem(new.where, message, f"the other {what} is at {other.where}"))
            return
    pair = [kept.get(new.version, new), new]
    best = min(pair, key=lambda one: (bool(one.record.error), one.listed, one.pinned, one.record.to_json()))
    labels = dict(sorted({**pair[0].record.labels, **new.record.labels}.items()))
    kept[new.version] = replace(best, record=replace(best.record, labels=labels))


def _contradiction(one: _Seen, two: _Seen) -> str:
    """What of two records cannot both be true, if anything. When they were collected does not matter."""
    if one.version != two.version:
        whole, version = (one, two) if one.version is None else (two, one)
        # the latest version could not be read, one asked for by its number could
        both = version.record.error or (version.pinned and whole.record.found is None)
        return "" if both else "answer"
    first, second = one.record.labels, two.record.labels
    if any(first[name] != second[name] for name in first.keys() & second.keys()):
        return "label"
    if one.record.answer is None or two.record.answer is None:
        # a version that could be read once is read
        codes = {seen.record.error[0] for seen in (one, two) if seen.record.error}
        return "answer" if len(codes) > 1 else ""
    mine, other = one.record.answer, two.record.answer
    # members that ListImageSetVersions never gives are no contradiction
    names = mine.keys() & other.keys() if one.listed or two.listed else mine.keys() | other.keys()
    return "answer" if any(mine.get(name) != other.get(name) for name in names) else ""
