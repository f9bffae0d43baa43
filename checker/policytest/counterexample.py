"""A row of answers to `given` of a test: what differs from a healthy answer, in the words of a policy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from checker.aws.actions import GET_DATASTORE, LIST_TAGS, SEARCH
from checker.fields import EARLIER, KNOWN, PREVIOUS, SUCCESSOR, SUPERSEDED_BY, column, tag_key
from checker.model import Duration, Field, RuleScope, Source
from checker.policytest.answer_grid import FAILED
from checker.policytest.case_records import SUCCESSOR_ID, healthy_values
from checker.values import show

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True, slots=True)
class Described:
    """A row: the fields' values, and what was received."""

    fields: Mapping[Field, Any]
    columns: Mapping[str, Any]


def described(fields: Sequence[Field], columns: Mapping[str, Any]) -> Described:
    """A row of a table of answers, its values as policies have them."""
    return Described({field: _value(columns[column(field)]) for field in fields}, columns)


def given(row: Described, scope: RuleScope, as_of: datetime) -> dict[str, object]:
    """What a test gives for the row, nested."""
    healthy = healthy_values(scope, as_of)
    columns = row.columns
    made: dict[str, object] = {}
    if scope != "datastore" and columns["found"] is False:
        made["found"] = False
    elif scope != "datastore" and columns["found"] is None:
        made["error"] = FAILED
    previous = columns.get(f"{PREVIOUS}versionId") is not None
    if previous:
        made["previous_version"] = {}
    healthy["versionId"] = 2 if previous else 1
    here = next((value for field, value in row.fields.items() if field.path == "versionId"), None)
    before = columns.get(f"{PREVIOUS}versionId")
    # of a version that is not given a test makes the next one after the given one before it
    healthy[f"{PREVIOUS}versionId"] = here - 1 if here is not None else None if before != 1 else before
    _calls(row, made)
    answered = columns.get(f"{SUCCESSOR}received")
    if answered:
        made["successor"] = {} if columns[f"{SUCCESSOR}found"] else {"found": False}
    made |= _history(columns)
    for field, value in row.fields.items():
        if not _received(field, columns):
            continue
        if field.source is Source.OWN and not field.path.startswith("labels."):
            continue
        usual = healthy.get(field.path)
        if answered and field.path == f"labels.{SUPERSEDED_BY}":
            usual = SUCCESSOR_ID
        if value != usual:
            _put(made, field, value)
    return made


def _history(columns: Mapping[str, Any]) -> dict[str, object]:
    """What earlier runs saw."""
    if columns.get(f"{EARLIER}received"):
        return {"previous": {} if columns[f"{EARLIER}found"] else {"found": False}}
    known = columns.get(KNOWN.path)
    return {} if known is None else {KNOWN.path: known}


def _calls(row: Described, made: dict[str, object]) -> None:
    """The calls that failed."""
    sources = {field.source for field in row.fields}
    failed: dict[str, object] = {}
    for source, action in (
        (Source.DICOM, SEARCH), (Source.DATASTORE, GET_DATASTORE), (Source.TAGS, LIST_TAGS), (Source.DATASTORE_TAGS, LIST_TAGS),
    ):  # fmt: skip
        if source in sources and not row.columns[f"{source.value}.received"]:
            failed[action] = FAILED
    if failed:
        made["errors"] = failed


def _received(field: Field, columns: Mapping[str, Any]) -> bool:
    if field.source is Source.ANSWER:
        return columns["found"] is True
    if field.source is Source.PREVIOUS_VERSION:
        return columns.get(f"{PREVIOUS}versionId") is not None
    if field.source is Source.SUCCESSOR:
        answered = columns.get(f"{SUCCESSOR}received")
        return bool(answered and columns[f"{SUCCESSOR}found"] and field.path != f"{SUCCESSOR}found")
    if field.source is Source.HISTORY:
        return bool(columns[f"{EARLIER}found"]) and field.path not in (KNOWN.path, f"{EARLIER}found")
    return field.source is Source.OWN or bool(columns[f"{field.source.value}.received"])


def _put(made: dict[str, object], field: Field, value: object) -> None:
    steps = field.path.split(".")
    if field.source in (Source.TAGS, Source.DATASTORE_TAGS):
        steps = [*field.source.value.split("."), tag_key(field)]
    elif field.path.startswith("labels."):
        steps = ["labels", field.path.removeprefix("labels.")]
    here = made
    for step in steps[:-1]:
        here = here.setdefault(step, {})  # type: ignore[assignment]
    here[steps[-1]] = value


def _value(raw: Any) -> Any:
    if isinstance(raw, datetime):
        return raw.replace(tzinfo=UTC)
    return Duration(**raw) if isinstance(raw, dict) else raw


def flow(value: object) -> str:
    """A value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(name)}: {flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool | int):
        return show(value)
    if isinstance(value, Fraction | Duration):
        return show(value)
    if isinstance(value, datetime):
        return f'"{show(value)}"'
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # a text that begins with $ would be a parameter's name
    return json.dumps("$" + text if text.startswith("$") else text, ensure_ascii=False)


def _key(name: object) -> str:
    text = str(name)
    return (
        text
        if _PLAIN.fullmatch(text) and text.lower() not in _WORDS
        else json.dumps(text, ensure_ascii=False)
    )
