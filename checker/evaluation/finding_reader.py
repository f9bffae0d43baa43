"""Findings back from Parquet, a slice at a time, with their messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checker.evaluation.condition_compiler import CODES, Columns
from checker.evaluation.engine import SLICE, UNRECEIVED, details, table
from checker.evaluation.finding_arns import ARN
from checker.evaluation.finding_order import (
    NUMBER,
    PLACE,
    GateTerms,
    Order,
    is_gated,
    places,
    sample_places,
)
from checker.evaluation.finding_rows import NO_WAIVERS, Reader, Waivers
from checker.evaluation.open_findings import CHANGE, FIRST
from checker.evaluation.provenance import ANSWERS
from checker.evaluation.scope_tables import SUBJECT
from checker.evaluation.target_rows import row_verdict
from checker.evaluation.waiver_columns import LAPSED, WAIVER
from checker.layout import FINDINGS
from checker.model import Finding, Rule, RuleScope, Severity, Sort, Subject, Verdict
from checker.snapshot.columns import COLLECTED, spill_rows
from checker.snapshot.writer import ROW, connect, duckdb_path
from checker.sql import Connection, Expression, Relation, col, func, lit, null


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


EVERY: GateTerms = _Every()

NOTHING_EARLIER = (None,) * len((*CHANGE, *FIRST, ARN))
"""In a row of `Reader.finding`, what an earlier run says of a finding, and its ARN, where nothing is asked of one."""

_DETAILS = (*SUBJECT, "verdict", "reason", "fields", WAIVER, LAPSED)
_MORE = (UNRECEIVED, *CHANGE, *FIRST, ARN, *ANSWERS)
_FOUND_OUT = (Verdict.FAIL, Verdict.UNKNOWN)

Judged = tuple[Subject, Verdict, Finding | None]
"""A subject, the verdict on it, and the finding where it is a fail or unknown."""


def findings(
    folder: Path,
    rules: Sequence[Rule],
    gate: GateTerms,
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
        rows = read_findings(connection, folder)
        where = places(rows.filter(is_gated(gate)) if gated else rows, rules, gate, order)
        if most is not None:
            where = where.filter(col(PLACE) <= lit(most))
        readers = [Reader(rule, gate, waivers, phi=phi, run=run) for rule in rules]
        yield from _placed(connection, rows, where, readers)


def finding_sample(
    folder: Path,
    rules: Sequence[Rule],
    gate: GateTerms,
    waivers: Waivers = NO_WAIVERS,
    *,
    sort: Sort,
    most: int,
    phi: bool = False,
    run: str | None = None,
) -> Iterator[Finding]:
    """A sample of the findings that the gate counts (see `order.sample_places`); the arguments are those of `findings`."""
    with connect() as connection:
        rows = read_findings(connection, folder)
        where = sample_places(rows.filter(is_gated(gate)), sort, most)
        readers = [Reader(rule, gate, waivers, phi=phi, run=run) for rule in rules]
        yield from _placed(connection, rows, where, readers)


def _placed(
    connection: Connection, rows: Relation, where: Relation, readers: Iterable[Reader]
) -> Iterator[Finding]:
    """The findings that have a place, in the order of their places."""
    where.to_table("places")
    numbered = connection.table("places").set_alias("places")
    # a relation cannot be read bit by bit: sorted once, then a slice at a time
    joined = rows.set_alias("rows").join(numbered, f"rows.{NUMBER} = places.{NUMBER}")
    columns = [col("rows", name).alias(name) for name in rows.columns]
    ordered = joined.select(*columns, col(PLACE))
    if numbered.aggregate([func("count_star")]).fetchall()[0][0] > SLICE:
        ordered = spill_rows(connection, ordered.order(PLACE), row_group_size=SLICE)
    yield from _findings(ordered, PLACE, readers)


def read_findings(connection: Connection, folder: Path) -> Relation:
    """The findings in a folder. An earlier version of the checker did not write all columns; what it did not is null."""
    rows = connection.read_parquet(duckdb_path(folder / FINDINGS))
    missing = [name for name in _MORE if name not in rows.columns]
    kinds = dict.fromkeys((FIRST[0], COLLECTED), "TIMESTAMP")
    none = [null(kinds.get(name, "VARCHAR")).alias(name) for name in missing]
    return rows.select(*map(col, rows.columns), *none)


def _findings(
    rows: Relation, number: str, readers: Iterable[Reader], *, few: bool = False
) -> Iterator[Finding]:
    """Findings by the number that a column has."""
    by_rule = {reader.rule.name: reader for reader in readers}
    for row in slices(rows, number, [col("rule"), *map(col, (*_DETAILS, *_MORE))], few=few):
        yield by_rule[row[0]].finding(row[1:])


def _by_rule(folder: Path, readers: Iterable[Reader]) -> Iterator[Iterator[Finding]]:
    """For each rule its findings by target, image set, version; they have to be read before the next rule's are asked for."""
    with connect() as connection:
        every = read_findings(connection, folder)
        few = _are_few(every)
        for reader in readers:
            own = every.filter(col("rule") == lit(reader.rule.name))
            yield _findings(own, NUMBER, [reader], few=few)


def oldest_open(
    folder: Path,
    rules: Sequence[Rule],
    gate: GateTerms,
    waivers: Waivers = NO_WAIVERS,
    *,
    verdict: Verdict = Verdict.FAIL,
    phi: bool = False,
    run: str | None = None,
) -> Finding | None:
    """The unwaived fail in a folder, or the unwaived unknown, that is open for the longest time, of several the worst; None
    where nothing says since when any is open."""
    with connect() as connection:
        rows = read_findings(connection, folder)
        free = rows.filter((col("verdict") == lit(verdict.value)) & col(WAIVER).isnull())
        (first,) = free.aggregate([func("min", col(FIRST[0]))]).fetchall()[0]
        if first is None:
            return None
        oldest = free.filter(col(FIRST[0]) == lit(first))
        where = places(oldest, rules, gate, "worst").filter(col(PLACE) == lit(1))
        joined = oldest.set_alias("rows").join(where.set_alias("places"), f"rows.{NUMBER} = places.{NUMBER}")
        columns = [col("rows", name).alias(name) for name in oldest.columns]
        readers = [Reader(rule, gate, waivers, phi=phi, run=run) for rule in rules]
        return next(_findings(joined.select(*columns, col(PLACE)), PLACE, readers), None)


def oldest_finding(folder: Path) -> datetime | None:
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
    few: dict[RuleScope, bool] = {}
    with connect() as connection:
        for rule in rules:
            judged = table(connection, folder, rule.scope, [rule], as_of)
            if rule.scope not in few:
                few[rule.scope] = _are_few(judged[0])
            yield _verdicts(rule, judged, as_of, each=each, few=few[rule.scope])


def _verdicts(
    rule: Rule, judged: tuple[Relation, Columns], as_of: datetime, *, each: bool, few: bool
) -> Iterator[tuple[Subject, Verdict, str | None]]:
    rows, columns = judged
    words = list(CODES)
    code = row_verdict(rule, as_of, columns, each=each)
    for row in slices(rows, ROW, details(rule, code, as_of, columns), few=few):
        if row[-2] is not None:
            yield Subject(*row[:-2]), words[row[-2]], row[-1]


def subjects(
    rules: Sequence[Rule],
    folder: Path,
    as_of: datetime,
    gate: GateTerms,
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
    readers = [Reader(rule, gate, waivers, phi=phi, run=run) for rule in rules]
    found = _by_rule(folder, readers)
    for every, own in zip(verdicts(rules, folder, as_of), found, strict=True):
        yield _with_findings(every, own)


def _with_findings(
    every: Iterator[tuple[Subject, Verdict, str | None]], found: Iterator[Finding]
) -> Iterator[Judged]:
    for who, word, _ in every:
        finding = next(found, None) if word in _FOUND_OUT else None
        if word in _FOUND_OUT and (finding is None or (finding.subject, finding.verdict) != (who, word)):
            raise RuntimeError(f"the finding of {who.name} is missing")
        yield who, word, finding


def _are_few(rows: Relation) -> bool:
    """Whether all rows of a relation are no more than a slice."""
    return bool(rows.aggregate([func("count_star")]).fetchall()[0][0] <= SLICE)


def slices(
    rows: Relation, number: str, columns: list[Expression], *, few: bool = False
) -> Iterator[tuple[Any, ...]]:
    """The rows of a relation, numbered from 1 by a column, in order, a slice in memory at a time; where it is known that they
    are `few`, all at once."""
    named = [column.alias(f"c{index}") for index, column in enumerate(columns)]
    if few:
        yield from (row[1:] for row in rows.select(col(number).alias("n"), *named).order("n").fetchall())
        return
    ends = [func(name, col(number)) for name in ("min", "max")]
    first, last = (end or 0 for end in rows.aggregate(ends).fetchall()[0])
    for start in range(max(first - 1, 0), last, SLICE):
        here = (col(number) > lit(start)) & (col(number) <= lit(start + SLICE))
        part = rows.filter(here).select(col(number).alias("n"), *named).order("n")
        yield from (row[1:] for row in part.fetchall())
