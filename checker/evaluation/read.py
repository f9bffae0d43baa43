"""Findings back from Parquet, a slice at a time, with their messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyRelation, Expression

from checker.evaluation.compile import CODES, verdict
from checker.evaluation.evaluate import SLICE, details, subject
from checker.evidence.records import NOT_FOUND
from checker.evidence.snapshot import ERROR_CODE, ERROR_MESSAGE, ROW, connect, duckdb_path
from checker.model import Duration, Field, Finding, Rule, Severity, Subject, Type, Verdict
from checker.policy.messages import render_message
from checker.values import parse_time, show

Counts = Callable[[Verdict, Severity], bool]
"""Whether the gate counts a verdict of a rule of that severity."""

_SUBJECT = ("target", "account", "region", "datastoreId", "imageSetId", "versionId", "pinned")
_DETAILS = (*_SUBJECT, "verdict", "reason", "fields")


Judged = tuple[Subject, Verdict, Finding | None]
"""A subject, the verdict on it, and the finding where it is a fail or unknown."""


def findings(file: Path, rules: Sequence[Rule], counts: Counts) -> Iterator[Finding]:
    """Fails and unknowns by rule order, target, image set, version, from what `evaluate` wrote."""
    by_name = {rule.name: rule for rule in rules}
    with connect() as connection:
        rows = connection.read_parquet(duckdb_path(file))
        for row in _slices(rows, "finding", [Column("rule"), *map(Column, _DETAILS)]):
            yield _finding(by_name[row[0]], row[1:], counts)


def subjects(
    rules: Iterable[Rule], snapshot: Path, as_of: datetime, counts: Counts
) -> Iterator[Iterator[Judged]]:
    """For each rule with bound parameters every subject, by target, image set, version.

    One rule's subjects have to be read before the next rule's are asked for.
    """
    with connect() as connection:
        rows = connection.read_parquet(duckdb_path(snapshot))
        for rule in rules:
            yield _subjects(rule, rows, as_of, counts)


def _subjects(rule: Rule, rows: DuckDBPyRelation, as_of: datetime, counts: Counts) -> Iterator[Judged]:
    code = verdict(rule, as_of)
    words = list(CODES)
    for row in _slices(rows, ROW, [code, *details(rule, code, as_of)]):
        judged = words[row[0]]
        finding = _finding(rule, row[1:], counts) if judged in (Verdict.FAIL, Verdict.UNKNOWN) else None
        yield Subject(*row[1 : 1 + len(_SUBJECT)]), judged, finding


def unread(snapshot: Path) -> Iterator[tuple[Subject, str, str]]:
    """The image sets that could not be read, each with the error's code and message."""
    columns = [Column("found").isnull(), *subject(), Column(ERROR_CODE), Column(ERROR_MESSAGE)]
    with connect() as connection:
        for row in _slices(connection.read_parquet(duckdb_path(snapshot)), ROW, columns):
            if row[0]:
                yield Subject(*row[1:-2]), row[-2], row[-1] or ""


def _slices(rows: DuckDBPyRelation, number: str, columns: list[Expression]) -> Iterator[tuple[Any, ...]]:
    """The rows of a relation numbered from 1, in order, a slice in memory at a time."""
    total = rows.aggregate("count(*)").fetchall()[0][0]
    named = [column.alias(f"c{index}") for index, column in enumerate(columns)]
    for start in range(0, total, SLICE):
        here = (Column(number) > Constant(start)) & (Column(number) <= Constant(start + SLICE))
        part = rows.filter(here).select(Column(number).alias("n"), *named).order("n")
        yield from (row[1:] for row in part.fetchall())


def _finding(rule: Rule, row: tuple[Any, ...], counts: Counts) -> Finding:
    who = Subject(*row[: len(_SUBJECT)])
    word, reason, fields = row[len(_SUBJECT) :]
    judged = Verdict(word)
    shown = _values(rule, json.loads(fields))
    observed = {field.path: shown[field.path] for field in rule.fields}
    if judged is Verdict.FAIL:
        message = render_message(rule.message, shown) if rule.message else _default(observed)
    else:
        message = _unknown(reason)
    gated = counts(judged, rule.severity)
    return Finding(rule, who, judged, reason, observed, message, gated)


def _values(rule: Rule, raw: Mapping[str, Any]) -> dict[str, object]:
    return {field.path: _value(field, raw[field.path]) for field in (*rule.fields, *rule.message_fields)}


def _value(field: Field, raw: Any) -> object:
    if raw is None:
        return None
    if field.type is Type.TIME:
        instant = parse_time(raw)
        return instant.date().isoformat() if field.day else instant
    return Duration(**raw) if field.type is Type.DURATION else raw


def _default(observed: Mapping[str, object]) -> str:
    return ", ".join(
        f"{path} is {'absent' if value is None else show(value)}" for path, value in observed.items()
    )


def _unknown(reason: str) -> str:
    if reason == NOT_FOUND:
        return f"could not find out: the image set is not there ({reason})"
    if " " in reason:
        return f"could not find out: {reason}"
    return f"could not find out: the image set could not be read ({reason})"
