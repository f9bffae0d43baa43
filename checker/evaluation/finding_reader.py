"""Findings back from Parquet, a slice at a time, with their messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from checker.evaluation.compile import CODES, Columns
from checker.evaluation.engine import SLICE, UNRECEIVED, details, table
from checker.evaluation.finding_order import NUMBER, PLACE, Gated, Order, counted, places
from checker.evaluation.open_findings import CHANGE, FIRST
from checker.evaluation.provenance import ANSWERS, BETWEEN
from checker.evaluation.scope_tables import SUBJECT
from checker.evaluation.target_rows import judged as verdict
from checker.evaluation.waiver_columns import LAPSED, WAIVER
from checker.layout import FINDINGS
from checker.model import (
    Category,
    Duration,
    Field,
    Finding,
    Gap,
    Numbers,
    Rule,
    RuleScope,
    Severity,
    Source,
    Subject,
    Type,
    Verdict,
    Waiver,
)
from checker.policy.aggregates import aggregates
from checker.policy.messages import render_message, shown_params
from checker.snapshot.columns import COLLECTED, spilled
from checker.snapshot.records import NOT_FOUND
from checker.snapshot.writer import ROW, connect, duckdb_path
from checker.sql import Connection, Expression, Relation, col, func, lit, null
from checker.values import parse_time, show


class _Every:
    """A gate that counts everything."""

    def counts(
        self,
        verdict: Verdict,  # noqa: ARG002
        severity: Severity,  # noqa: ARG002
        *,
        waived: bool = False,
        new: bool | None = None,  # noqa: ARG002
    ) -> bool:
        return not waived


EVERY: Gated = _Every()

Waivers = Mapping[int, Waiver]
"""The waivers of a run by number."""
NO_WAIVERS: Waivers = MappingProxyType({})
NOTHING_EARLIER = (None,) * len((*CHANGE, *FIRST))
"""In a row of `Reader.finding`, what an earlier run says of a finding, where nothing is asked of one."""

_DETAILS = (*SUBJECT, "verdict", "reason", "fields", WAIVER, LAPSED)
_MORE = (UNRECEIVED, *CHANGE, *FIRST, *ANSWERS)
REDACTED = "(redacted)"
"""What is shown in the place of data of patients."""
_FOUND_OUT = (Verdict.FAIL, Verdict.UNKNOWN)

Judged = tuple[Subject, Verdict, Finding | None]
"""A subject, the verdict on it, and the finding where it is a fail or unknown."""


def findings(
    folder: Path,
    rules: Sequence[Rule],
    gate: Gated,
    waivers: Waivers = NO_WAIVERS,
    *,
    order: Order = "worst",
    most: int | None = None,
    gated: bool = False,
    phi: bool = False,
    run: str | None = None,
) -> Iterator[Finding]:
    """Fails and unknowns, from what `evaluate` wrote into a folder, the worst first (see `order.places`).

    Args:
        folder: the folder.
        rules: the rules of the run; where findings are told rule by rule, in the order in which rules are.
        gate: which findings count.
        waivers: the waivers by number.
        order: across rules, or rule by rule.
        most: how many of the first; all of them unless given.
        gated: whether those alone that the gate counts.
        phi: whether to show data of patients.
        run: the run's name, for what is first seen in it.
    """
    with connect() as connection:
        rows = _rows(connection, folder)
        where = places(rows.filter(counted(gate)) if gated else rows, rules, gate, order)
        if most is not None:
            where = where.filter(col(PLACE) <= lit(most))
        where.to_table("places")
        numbered = connection.table("places").set_alias("places")
        # a relation cannot be read bit by bit: sorted once, then a slice at a time
        joined = rows.set_alias("rows").join(numbered, f"rows.{NUMBER} = places.{NUMBER}")
        columns = [col("rows", name).alias(name) for name in rows.columns]
        ordered = joined.select(*columns, col(PLACE))
        if numbered.aggregate([func("count_star")]).fetchall()[0][0] > SLICE:
            ordered = spilled(connection, ordered.order(PLACE), row_group_size=SLICE)
        yield from _findings(
            ordered, PLACE, [Reader(rule, gate, waivers, phi=phi, run=run) for rule in rules]
        )


def _rows(connection: Connection, folder: Path) -> Relation:
    """The findings in a folder. An earlier version of the checker did not write all columns; what it did not is null."""
    rows = connection.read_parquet(duckdb_path(folder / FINDINGS))
    missing = [name for name in _MORE if name not in rows.columns]
    kinds = dict.fromkeys((FIRST[0], COLLECTED), "TIMESTAMP")
    none = [null(kinds.get(name, "VARCHAR")).alias(name) for name in missing]
    return rows.select(*map(col, rows.columns), *none)


def _findings(rows: Relation, number: str, readers: Iterable[Reader]) -> Iterator[Finding]:
    """Findings by the number that a column has."""
    by_rule = {reader.rule.name: reader for reader in readers}
    for row in slices(rows, number, [col("rule"), *map(col, (*_DETAILS, *_MORE))]):
        yield by_rule[row[0]].finding(row[1:])


def _of_rule(folder: Path, reader: Reader) -> Iterator[Finding]:
    """The findings of one rule by target, image set, version."""
    with connect() as connection:
        own = _rows(connection, folder).filter(col("rule") == lit(reader.rule.name))
        yield from _findings(own, NUMBER, [reader])


def oldest(folder: Path) -> datetime | None:
    """Since when the oldest unwaived fail in a folder is open; None where there is none."""
    with connect() as connection:
        rows = connection.read_parquet(duckdb_path(folder / FINDINGS))
        if FIRST[0] not in rows.columns:
            return None
        fails = rows.filter((col("verdict") == lit(Verdict.FAIL.value)) & col(WAIVER).isnull())
        (first,) = fails.aggregate([func("min", col(FIRST[0]))]).fetchall()[0]
        return first.replace(tzinfo=UTC) if first else None


def verdicts(
    rules: Iterable[Rule], folder: Path, as_of: datetime, *, each: bool = False
) -> Iterator[Iterator[tuple[Subject, Verdict, str | None]]]:
    """For each rule with bound parameters every subject with the verdict, and the reason of an unknown, by target, image
    set, version; with `each` those image sets too that are unknown once for their target.

    One rule's subjects have to be read before the next rule's are asked for.
    """
    with connect() as connection:
        for rule in rules:
            yield _verdicts(rule, table(connection, folder, rule.scope, [rule], as_of), as_of, each=each)


def _verdicts(
    rule: Rule, judged: tuple[Relation, Columns], as_of: datetime, *, each: bool
) -> Iterator[tuple[Subject, Verdict, str | None]]:
    rows, columns = judged
    words = list(CODES)
    code = verdict(rule, as_of, columns, each=each)
    for row in slices(rows, ROW, details(rule, code, as_of, columns)):
        if row[-2] is not None:
            yield Subject(*row[:-2]), words[row[-2]], row[-1]


def subjects(
    rules: Sequence[Rule],
    folder: Path,
    as_of: datetime,
    gate: Gated,
    waivers: Waivers = NO_WAIVERS,
    *,
    phi: bool = False,
    run: str | None = None,
) -> Iterator[Iterator[Judged]]:
    """For each rule with bound parameters every subject, with its finding where `evaluate` wrote one, as `findings` has it;
    in the order of `verdicts`, and to be read like it.

    Raises:
        RuntimeError: a fail or unknown has no finding, or another one's (our own bug).
    """
    for rule, every in zip(rules, verdicts(rules, folder, as_of), strict=True):
        yield _with_findings(every, _of_rule(folder, Reader(rule, gate, waivers, phi=phi, run=run)))


def _with_findings(
    every: Iterator[tuple[Subject, Verdict, str | None]], found: Iterator[Finding]
) -> Iterator[Judged]:
    for who, word, _ in every:
        finding = next(found, None) if word in _FOUND_OUT else None
        if word in _FOUND_OUT and (finding is None or (finding.subject, finding.verdict) != (who, word)):
            raise RuntimeError(f"the finding of {who.name} is missing")
        yield who, word, finding


def slices(rows: Relation, number: str, columns: list[Expression]) -> Iterator[tuple[Any, ...]]:
    """The rows of a relation, numbered from 1 by a column, in order, a slice in memory at a time."""
    ends = [func(name, col(number)) for name in ("min", "max")]
    first, last = (end or 0 for end in rows.aggregate(ends).fetchall()[0])
    named = [column.alias(f"c{index}") for index, column in enumerate(columns)]
    for start in range(max(first - 1, 0), last, SLICE):
        here = (col(number) > lit(start)) & (col(number) <= lit(start + SLICE))
        part = rows.filter(here).select(col(number).alias("n"), *named).order("n")
        yield from (row[1:] for row in part.fetchall())


class Reader:
    """Rows to findings of one rule; unless `phi`, without data of patients."""

    def __init__(
        self,
        rule: Rule,
        gate: Gated,
        waivers: Waivers = NO_WAIVERS,
        *,
        phi: bool = False,
        run: str | None = None,
    ) -> None:
        self.rule = rule
        self.run = run
        self.phi = phi
        self.gate = gate
        self.waivers = waivers
        self.counted = aggregates(rule.when, rule.condition)
        self.fields = [
            field for field in (*rule.fields, *rule.message_fields) if field.path not in self.counted
        ]
        # what only the message shows is no part of what the rule judged by
        self.observed = [*(field.path for field in rule.fields), *self.counted]

    def finding(self, row: tuple[Any, ...]) -> Finding:
        who = Subject(*row[: len(SUBJECT)])
        word, reason, fields, waiver, lapsed, *more = row[len(SUBJECT) :]
        unread, change, causes, first_at, first_run, *answers = more
        judged = Verdict(word)
        shown = self.values(json.loads(fields)) | dict.fromkeys((unread or "").splitlines(), Gap.NOT_RECEIVED)
        observed = {name: shown[name] for name in self.observed}
        if judged is not Verdict.FAIL:
            message = _unknown(reason, self.rule.scope, who)
        elif self.rule.message:
            params = shown_params(self.rule.message_params)
            message = render_message(self.rule.message, {**_briefly(shown), **params})
        else:
            message = _default(observed)
        waived = waiver is not None
        became = Category(change) if change else None
        new = None if became is None else became is Category.NEW
        gated = self.gate.counts(judged, self.rule.severity, waived=waived, new=new)
        named = self.waivers.get(waiver if waived else lapsed)
        return Finding(
            self.rule,
            who,
            judged,
            reason,
            observed,
            message,
            gated,
            waived,
            named,
            became,
            tuple(causes.split(",")) if causes else (),
            *_rests_on(*answers),
            first_at.replace(tzinfo=UTC) if first_at else None,
            first_run or (self.run if first_at else None),
        )

    def values(self, raw: Mapping[str, Any]) -> dict[str, object]:
        values: dict[str, object] = {field.path: self.value(field, raw[field.path]) for field in self.fields}
        for name, aggregate in self.counted.items():
            numbers = raw[name]
            values[name] = Numbers(aggregate.kind, **{**numbers, "examples": tuple(numbers["examples"])})
        return values

    def value(self, field: Field, raw: Any) -> object:
        hidden = field.source is Source.DICOM and not self.phi and raw is not None
        return REDACTED if hidden else _value(field, raw)


def _rests_on(
    calls: str | None = None, collected: datetime | None = None, run: str | None = None
) -> tuple[tuple[str, ...], datetime | None, str | None]:
    """What a finding rests on, of what its columns say."""
    named = tuple(calls.split(BETWEEN)) if calls else ()
    # to the second: a page of 100,000 findings has no room for more, and every report says the same
    return named, collected.replace(microsecond=0, tzinfo=UTC) if collected else None, run


def _briefly(shown: Mapping[str, object]) -> dict[str, object]:
    return {name: value.brief if isinstance(value, Numbers) else value for name, value in shown.items()}


def _value(field: Field, raw: Any) -> object:
    if raw is None:
        return None
    if field.type is Type.TIME:
        instant = parse_time(raw)
        return instant.date().isoformat() if field.day else instant
    return Duration(**raw) if field.type is Type.DURATION else raw


def _default(observed: Mapping[str, object]) -> str:
    return ", ".join(f"{path} {_said(value)}" for path, value in observed.items())


def _said(value: object) -> str:
    if value is Gap.NOT_RECEIVED:
        return "was not received"
    return "is absent" if value is None else f"is {show(value)}"


def _unknown(reason: str, scope: RuleScope, who: Subject) -> str:
    if scope != "datastore" and who.image_set_id is None and " " not in reason:
        return f"could not find out: not every image set could be found ({reason})"
    what = {"image_set": "image set", "version": "list of versions", "datastore": "data store"}[scope]
    if reason == NOT_FOUND:
        return f"could not find out: the image set is not there ({reason})"
    if " " in reason:
        return f"could not find out: {reason}"
    return f"could not find out: the {what} could not be read ({reason})"
