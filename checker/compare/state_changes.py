"""Which findings come and go if nothing but time passes: every change of state up to an instant, of every rule.

Instants at which a row's state may change come from the engine's own expressions; its state at each of them, beside the
one before, says where it does. A waiver changes it where it begins and where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from checker.evaluation.change_instants import (
    AT,
    candidate_instants,
    distinct_ahead,
    instants_ahead,
    is_aggregate_rule,
    own_and_counted_leaves,
    reads_now,
)
from checker.evaluation.condition_compiler import CODES, tree
from checker.evaluation.engine import table
from checker.evaluation.finding_states import (
    KEY,
    STATES,
    WAIVED,
    EvaluationTerms,
    FindingState,
    state,
    subject_columns,
)
from checker.evaluation.open_findings import read_open_findings
from checker.evaluation.scope_tables import SUBJECT, read_table
from checker.evaluation.target_rows import row_verdict
from checker.evaluation.waiver_columns import reaches
from checker.instants import from_epoch_ms, round_ms
from checker.model import Rule, Subject, Verdict, Waiver
from checker.snapshot.writer import ROW, connect, duckdb_path
from checker.sql import (
    Connection,
    Expression,
    Relation,
    case,
    coalesce,
    col,
    false,
    func,
    lit,
    null,
    same,
    true,
)

MOST_COUNTS = 100
"""Instants at which the image sets of data stores are counted again, for each rule."""
SLICE = 20_000
FLIPS = "flips.parquet"

_NUMBER = "subject number"


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of one rule's state on one subject, at the first instant that has the new one."""

    rule: Rule
    subject: Subject
    at: datetime
    before: FindingState
    after: FindingState
    persisting: bool = False
    """Whether the run that is compared with had a fail of this identity, so that this one would not be new."""


@dataclass(frozen=True, slots=True)
class StateChangeCount:
    """How many subjects of a rule change their state in the same way at the same instant."""

    at: datetime
    rule: int
    before: FindingState
    after: FindingState
    persisting: bool
    number: int


@dataclass(frozen=True, slots=True)
class StateChanges:
    """The changes of state in a folder, and how far each rule was looked at where that is not the whole way."""

    folder: Path
    rules: Sequence[Rule]
    looked: dict[str, datetime]

    def flips(self, first: datetime | None = None, last: datetime | None = None) -> Iterator[StateChange]:
        """The changes by instant, rule, target, image set and version; those between two instants, which are included."""
        with connect() as connection:
            rows = connection.read_parquet(duckdb_path(self.folder / FLIPS))
            for given, compare in ((first, ">="), (last, "<=")):
                if given is not None:
                    at = lit(round_ms(given))
                    rows = rows.filter(col("at") >= at if compare == ">=" else col("at") <= at)
            columns = ("n", "rule", *SUBJECT, "at", "before", "after", "persisting")
            for row in _in_order(rows.select(*map(col, columns))):
                yield self._flip(row[1:])

    def _flip(self, row: Sequence[Any]) -> StateChange:
        who, rest = row[1 : 1 + len(SUBJECT)], row[1 + len(SUBJECT) :]
        at, before, after, persisting = rest
        return StateChange(
            self.rules[row[0]], Subject(*who), from_epoch_ms(at), STATES[before], STATES[after], persisting
        )

    def kinds(self) -> list[tuple[Rule, FindingState, FindingState, int, datetime]]:
        """How many changes of each kind there are, by rule, and the first instant of one."""
        keys = ("rule", "before", "after")
        with connect() as connection:
            rows = connection.read_parquet(duckdb_path(self.folder / FLIPS))
            counted = [func("count_star").alias("number"), func("min", col("at")).alias("first")]
            found = rows.aggregate([*map(col, keys), *counted]).order(", ".join(keys)).fetchall()
        return [
            (self.rules[rule], STATES[before], STATES[after], number, from_epoch_ms(at))
            for rule, before, after, number, at in found
        ]

    def steps(self) -> Iterator[StateChangeCount]:
        """The changes counted by instant, rule and kind, in the order of time."""
        keys = ("at", "rule", "before", "after", "persisting")
        with connect() as connection:
            rows = connection.read_parquet(duckdb_path(self.folder / FLIPS))
            counted = rows.aggregate([*map(col, keys), func("count_star").alias("number")])
            number = func("row_number").over(order_by=[col(name) for name in keys]).alias("n")
            counted.select(number, *map(col, counted.columns)).to_table("steps")
            for _, at, rule, before, after, persisting, many in _in_order(connection.table("steps")):
                yield StateChangeCount(
                    from_epoch_ms(at), rule, STATES[before], STATES[after], persisting, many
                )


def find_state_changes(way: EvaluationTerms, until: datetime, out: Path) -> StateChanges:
    """Every change of state after the instant of `way`, up to `until`.

    Args:
        way: the rules, the evidence and the waivers, and what the run is compared with.
        until: the last instant.
        out: a folder; `flips.parquet` is written there.

    Returns:
        The changes; of a rule that counts image sets only up to the instant that `looked` has, where there are too many
        instants at which it may change.
    """
    start, end = round_ms(way.as_of), round_ms(until)
    looked: dict[str, datetime] = {}
    with connect() as connection:
        parts = []
        for index, rule in enumerate(way.rules):
            own = [waiver for waiver in way.waivers if waiver.rule == rule.name]
            turns = [at for finding in own for at in _turns(finding) if start < at <= end]
            if not turns and not reads_now(rule):
                continue
            if is_aggregate_rule(rule):
                found, last = _stores(connection, way, rule, turns, (start, end))
                looked |= {rule.name: from_epoch_ms(last)} if last is not None else {}
            else:
                found = _rows(connection, way, rule, index, (start, end))
            if found is not None:
                found.select(lit(index).cast("INTEGER").alias("rule"), *map(col, found.columns)).to_table(
                    f"flips_{index}"
                )
                parts.append(connection.table(f"flips_{index}"))
        every = tree(lambda left, right: left.union(right), parts) if parts else _none(connection)
        _write(_compared(connection, every, way), out)
    return StateChanges(out, tuple(way.rules), looked)


def _turns(waiver: Waiver) -> tuple[int, int]:
    """The instants at which a waiver begins and ends."""
    return round_ms(waiver.created), round_ms(waiver.ends)


def _rows(
    connection: Connection, way: EvaluationTerms, rule: Rule, index: int, span: tuple[int, int]
) -> Relation | None:
    """The changes of a rule that judges each row by itself."""
    start, end = span
    rows = read_table(connection, way.folder, rule.scope)
    own, _ = own_and_counted_leaves(rule)
    parts = list(instants_ahead(rows, ROW, candidate_instants(own, way.as_of), start, end))
    for waiver in way.waivers:
        turns = [at for at in _turns(waiver) if start < at <= end]
        if waiver.rule == rule.name and turns:
            instants = func("list_value", *map(lit, turns)).cast("BIGINT[]")
            reached = rows.filter(reaches(waiver, rule.scope, way.as_of, way.labels))
            parts.append(reached.select(col(ROW), func("unnest", instants).alias(AT)))
    if not parts:
        return None
    asked = tree(lambda left, right: left.union(right), parts)
    asked.select(col(ROW), col(AT)).distinct().to_table(f"asked_{index}")
    found = connection.table(f"asked_{index}")
    begin = found.select(col(ROW), lit(start).cast("BIGINT").alias(AT)).distinct()
    every = found.union(begin).select(col(ROW).alias(_NUMBER), col(AT)).set_alias("asked")
    joined = rows.set_alias("rows").join(every, f'rows."{ROW}" = asked."{_NUMBER}"')
    code = _state_at(rule, way)
    judged = joined.select(col(_NUMBER), col(AT), *subject_columns(rule.scope).values(), code.alias("after"))
    return _changes(judged)


def _state_at(rule: Rule, way: EvaluationTerms) -> Expression:
    """The state of each row at the instant in its column `AT`."""
    code = row_verdict(rule, func("make_timestamp_ms", col(AT)))
    own = [waiver for waiver in way.waivers if waiver.rule == rule.name]
    if not own:
        return code
    covered = [
        reaches(finding, rule.scope, way.as_of, way.labels)
        & (code == lit(CODES[finding.covers]))
        & (col(AT) >= lit(_turns(finding)[0]))
        & (col(AT) < lit(_turns(finding)[1]))
        for finding in own
    ]
    waived = coalesce(tree(lambda left, right: left | right, covered), false())
    return case(waived, code + lit(WAIVED)).otherwise(code).cast("TINYINT")


def _changes(judged: Relation) -> Relation:
    """Of states by instant those that differ from the one before."""
    before = func("lag", col("after")).over(partition_by=[col(_NUMBER)], order_by=[col(AT)])
    beside = judged.select(*map(col, judged.columns), before.alias("before"))
    columns = [*map(col, (*SUBJECT, "named")), col(AT).alias("at"), col("before"), col("after")]
    return beside.filter(col("before") != col("after")).select(*columns)


def _stores(
    connection: Connection, way: EvaluationTerms, rule: Rule, turns: Sequence[int], span: tuple[int, int]
) -> tuple[Relation | None, int | None]:
    """The changes of a rule that counts image sets, which are counted again at each instant; the last of them where
    there are more than that."""
    start, end = span
    own, counted = own_and_counted_leaves(rule)
    sides = [
        (read_table(connection, way.folder, "datastore"), candidate_instants(own, way.as_of)),
        (read_table(connection, way.folder, "image_set"), candidate_instants(counted, way.as_of)),
    ]
    found = sorted({*distinct_ahead(sides, start, end, MOST_COUNTS), *turns})
    last = found[MOST_COUNTS - 1] if len(found) > MOST_COUNTS else None
    parts = []
    for at in (start, *found[:MOST_COUNTS]):
        then = replace(way, as_of=from_epoch_ms(at))
        rows, columns = table(connection, way.folder, rule.scope, [rule], then.as_of)
        parts.append(
            rows.select(
                col(ROW).alias(_NUMBER),
                lit(at).cast("BIGINT").alias(AT),
                *subject_columns(rule.scope).values(),
                state(rule, then, columns).alias("after"),
            )
        )
    return _changes(tree(lambda left, right: left.union(right), parts)), last


def _none(connection: Connection) -> Relation:
    """No changes at all, as rows of the same columns."""
    texts = ("target", "account", "region", "datastoreId", "imageSetId")
    kinds = {
        "rule": "INTEGER",
        **dict.fromkeys(texts, "VARCHAR"),
        "versionId": "BIGINT",
        "exact": "BOOLEAN",
        "named": "BIGINT",
        "at": "BIGINT",
        **dict.fromkeys(("before", "after"), "TINYINT"),
    }
    item = connection.values([0])
    columns = [null(kind).alias(name) for name, kind in kinds.items()]
    return item.select(*columns).filter(false())


def _compared(connection: Connection, flips: Relation, way: EvaluationTerms) -> Relation:
    """The changes, and whether the run compared with had a fail of the same identity."""
    columns = [col("flips", name).alias(name) for name in flips.columns]
    if way.reference is None or not way.rules:
        return flips.select(*map(col, flips.columns), false().alias("persisting"))
    rows = read_open_findings(connection, way.reference)
    failed = rows.filter(col("unwaived") & (col("verdict") == lit(Verdict.FAIL.value)))
    listed = func("list_value", *(lit(rule.name) for rule in way.rules))
    number = (func("list_position", listed, col("rule")) - lit(1)).cast("INTEGER").alias("rule")
    before = failed.select(number, *map(col, KEY)).distinct()
    before = before.select(*map(col, before.columns), true().alias("there"))
    joined = flips.set_alias("flips").join(
        before.set_alias("before"), same("flips", "before", ("rule", *KEY)), how="left"
    )
    there = coalesce(col("before", "there"), false()).alias("persisting")
    return joined.select(*columns, there)


def _write(flips: Relation, out: Path) -> None:
    order = ("at", "rule", "target", "imageSetId", "named", "datastoreId")
    number = func("row_number").over(order_by=[col(name).asc().nulls_first() for name in order])
    numbered = flips.select(number.alias("n"), *map(col, flips.columns)).order("n")
    numbered.write_parquet(str((out / FLIPS).resolve()), compression="zstd", row_group_size=SLICE)


def _in_order(rows: Relation) -> Iterator[tuple[Any, ...]]:
    """Rows by their number `n`, a slice in memory at a time."""
    ends = rows.aggregate([func("min", col("n")), func("max", col("n"))]).fetchall()[0]
    if ends[0] is None:
        return
    for begin in range(ends[0], ends[1] + 1, SLICE):
        here = (col("n") >= lit(begin)) & (col("n") < lit(begin + SLICE))
        yield from rows.filter(here).order("n").fetchall()
