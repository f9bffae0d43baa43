"""What is malformed in the files of a kept run, each fault with its file and line. A run writes no such file: somebody did,
and made the hashes fit. It is looked for where all is verified, and where something could not be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker.aws.actions import GET_IMAGE_SET, RECORDED
from checker.layout import BASELINE, DATASTORES, FINDINGS, HISTORY, NAMED, PRIOR, RECORDS, SNAPSHOT, STARTED
from checker.layout import VERSIONS as VERSIONS_TABLE
from checker.problems import Problem
from checker.runs.first_difference import oversized
from checker.runs.manifest_form import started_error, trend_error
from checker.runs.table_faults import impossible_value
from checker.snapshot.answer_reader import form_of
from checker.snapshot.answers import BadAnswerError, error_member, id_member, our_spelling, version_number
from checker.snapshot.columns import ROW, connect, duckdb_path
from checker.snapshot.history import columns as history_columns
from checker.snapshot.records import VERSIONS
from checker.values import STRICT_JSON, BadValueError, parse_time

if TYPE_CHECKING:
    from checker.model import Label

MOST = 20
"""Faults of one file that are named."""
TREND = "trend.json"
_TEXT, _NUMBER, _FLAG = "VARCHAR", "BIGINT", "BOOLEAN"
_SUBJECT = dict.fromkeys(("rule", "target", "datastoreId", "imageSetId"), _TEXT) | {"versionId": _NUMBER}
_JUDGED = dict.fromkeys(("verdict", "severity", "definition"), _TEXT)
_SINCE = {"first_at": "TIMESTAMP", "first_run": _TEXT}
_FINDINGS = {
    **_SUBJECT,
    **_JUDGED,
    **_SINCE,
    **dict.fromkeys(("account", "region", "reason", "fields", "category", "causes"), _TEXT),
    "exact": _FLAG,
    "waiver": "INTEGER",
    "lapsed": "INTEGER",
}
_OPEN = {
    **_SUBJECT,
    **_JUDGED,
    **_SINCE,
    "named": _NUMBER,
    "unwaived": _FLAG,
    "unknown_at": "TIMESTAMP",
    "unknown_run": _TEXT,
    "judged_at": "TIMESTAMP",
    "judged_run": _TEXT,
}


def file_faults(folder: Path, files: Collection[str], labels: Mapping[str, Label]) -> Iterator[Problem]:
    """What is malformed in the files of a run that a run is judged by again or compared with.

    Args:
        folder: the run's folder.
        files: the names of its files.
        labels: the labels that its policies declare.
    """
    if RECORDS in files:
        yield from islice(_records(folder / RECORDS, labels), MOST)
    alone = {name: {ROW: _NUMBER} for name in (SNAPSHOT, VERSIONS_TABLE, DATASTORES)}
    tables = {FINDINGS: _FINDINGS, PRIOR: _OPEN, BASELINE: _OPEN, NAMED: _OPEN, **alone}
    for name, wanted in tables.items():
        if name in files:
            yield from _table(folder / name, wanted, needed=True)
    if HISTORY in files:
        yield from _table(folder / HISTORY, history_columns(), needed=False)
    if TREND in files:
        yield from _json(folder / TREND, trend_error)
    if STARTED in files and (folder / STARTED).exists():  # which is not fetched to judge a run again
        yield from _json(folder / STARTED, lambda said: started_error(said) or _of_another(said, folder))


def _records(path: Path, labels: Mapping[str, Label]) -> Iterator[Problem]:
    check = form_of(labels)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                where = f"{path.as_posix()}:{number}"
                try:
                    _record(json.loads(line.decode("utf-8"), **STRICT_JSON), where, check)
                except (BadAnswerError, BadValueError) as error:
                    yield Problem(where, str(error), _HINT)
                except (ValueError, RecursionError):
                    yield Problem(where, "the line is no record: it is no JSON in UTF-8", _HINT)
    except OSError as error:
        yield Problem(path.as_posix(), f"cannot be read: {(error.strerror or str(error)).lower()}")


_HINT = "no run writes such a line: the file was altered before the run was sealed"


def _record(document: Any, where: str, check: Any) -> None:
    """Raises what is wrong with a record."""
    if not isinstance(document, dict):
        raise BadAnswerError("the line is no object")
    _beside(document)
    if "error" not in document:
        answers = list(check(document, where))
        said = document.get(VERSIONS, [document])
        for item, answer in zip(said, answers, strict=True):
            _as_written(our_spelling(item) if VERSIONS in document else item, answer)
        return
    error_member(document["error"])
    if not isinstance(document["error"].get("message"), str):
        raise BadAnswerError("error has no message")
    for name in ("datastoreId", "imageSetId"):
        id_member(document, name)


def _as_written(said: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Raises what is of another type than records hold it as: recorded answers may have times as numbers, records not."""
    for name, value in answer.items():
        if name not in said:
            continue
        if isinstance(value, dict) and isinstance(said[name], dict):
            _as_written(said[name], value)
        elif type(said[name]) is not type(value):
            raise BadAnswerError(
                f"{name} is {json.dumps(said[name])[:80]}, which is no {_WORDS.get(type(value), 'null')}"
            )


def _beside(document: Mapping[str, Any]) -> None:
    """Raises what is wrong with what a record has beside the answer."""
    for name, kind in _BESIDE.items():
        value = document.get(name)
        if value is not None and not isinstance(value, kind):
            raise BadAnswerError(f"{name} is {json.dumps(value)[:80]}, which is no {_WORDS[kind]}")
    if not document.get("target"):
        raise BadAnswerError("target is missing")
    if (action := document.get("action", GET_IMAGE_SET)) not in RECORDED:
        raise BadAnswerError(f"the action {str(action)[:80]} is none that is recorded")
    if (at := document.get("collectedAt")) is not None:
        parse_time(at)
    if (version := document.get("requestedVersionId")) is not None:
        version_number("requestedVersionId", version)
    texts = {**(document.get("labels") or {}), **(document.get("labelPlaces") or {})}
    if wrong := [name for name, text in texts.items() if not isinstance(text, str)]:
        raise BadAnswerError(f"the label {wrong[0][:80]} is no text")
    if not all(type(gap) is int and gap > 0 for gap in document.get("gaps") or ()):
        raise BadAnswerError("gaps are no numbers of versions")


_BESIDE: Mapping[str, type] = {
    **dict.fromkeys(
        (
            "action",
            "target",
            "targetAccount",
            "targetRegion",
            "requestedVersionId",
            "reusedFrom",
            "collectedAt",
        ),
        str,
    ),
    **dict.fromkeys(("complete", "confirmed"), bool),
    **dict.fromkeys(("labels", "labelPlaces", "error"), dict),
    "gaps": list,
}
_WORDS = {str: "text", int: "integer", bool: "boolean", dict: "object", list: "list"}


def _table(path: Path, wanted: Mapping[str, str], *, needed: bool) -> Iterable[Problem]:
    """What is wrong with a Parquet file that is to have these columns, all of them where they are `needed`."""
    import duckdb

    hint = "no run writes such a table: the file was altered before the run was sealed"
    try:
        if too_many := list(oversized([path])):
            yield from too_many
            return
        with connect() as connection:
            rows = connection.read_parquet(duckdb_path(path))
            there = dict(zip(rows.columns, map(str, rows.types), strict=True))
            wrong = [*_columns(there, wanted, needed=needed)]
            yield from (Problem(path.as_posix(), item, hint) for item in wrong)
            # every value of it is read
            rows.aggregate("bit_xor(hash(COLUMNS(*)))").fetchall()
            if not wrong and (odd := impossible_value(rows, path.name)):
                yield Problem(path.as_posix(), odd, hint)
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException):
            hint = "reading it takes more memory than there is"
        yield Problem(path.as_posix(), f"cannot be read as Parquet: {str(error).splitlines()[0][:200]}", hint)


def _columns(there: Mapping[str, str], wanted: Mapping[str, str], *, needed: bool) -> Iterator[str]:
    """What is wrong with the columns of a table, by the types of those that are there."""
    for name, kind in wanted.items():
        if name not in there and needed:
            yield f"has no column {name}"
        elif there.get(name, kind) != kind:
            yield f"the column {name} is {there[name]}, not {kind}"


def _of_another(said: Any, folder: Path) -> str:
    return "" if said["run"] == folder.resolve().name else f" is of run {said['run']}: it was put here"


def _json(path: Path, misfit: Callable[[object], str]) -> Iterable[Problem]:
    try:
        wrong = misfit(json.loads(path.read_bytes().decode("utf-8"), **STRICT_JSON))
    except OSError as error:
        wrong = f" cannot be read: {(error.strerror or str(error)).lower()}"
    except (ValueError, RecursionError):
        wrong = " is no JSON"
    if wrong:
        yield Problem(
            path.as_posix(),
            wrong.strip().removeprefix("."),
            "no run writes it so: it was altered before the run was sealed",
        )
