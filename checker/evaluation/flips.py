"""When a verdict changes if nothing but time does.

A leaf that reads `now` changes its truth where `now` passes an instant that the leaf compares it with, or a millisecond
after. The engine's own expressions give those instants, and its verdict at each of them says which one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.aggregates import stores
from checker.evaluation.compile import CODES, Compiler, verdict
from checker.evaluation.tables import read_table
from checker.evidence.snapshot import ROW
from checker.fields import NOW
from checker.model import Aggregate, Duration, Field, Leaf, Operand, Rule, Type, Value, Verdict
from checker.policy.literals import MEAN_MONTH
from checker.policy.params import leaves
from checker.policy.tree import walk
from checker.values import DAY, from_epoch_ms, round_ms

YEARS = 200
"""How far ahead is looked."""
MOST_COUNTS = 100
"""Instants at which a data store's image sets are counted again."""

_LAST = round_ms(datetime(9999, 12, 31, tzinfo=UTC))
_AT = "explained at"


@dataclass(frozen=True, slots=True)
class Outlook:
    """The next verdict and the first instant that has it; neither where there is none up to `until`. That is None
    where the rule does not read the time at all."""

    at: datetime | None = None
    verdict: Verdict | None = None
    until: datetime | None = None


def outlook(
    connection: DuckDBPyConnection, folder: Path, rule: Rule, row: int, *, as_of: datetime, now: Verdict
) -> Outlook:
    """What becomes of a verdict with time alone.

    Args:
        connection: a connection.
        folder: a folder that `write_snapshot` filled.
        rule: a rule with bound parameters.
        row: the number of the subject's row.
        as_of: the instant of the verdict.
        now: the verdict.
    """
    start = round_ms(as_of)
    end = min(start + YEARS * 12 * MEAN_MONTH, _LAST)
    rows = read_table(connection, folder, rule.scope).filter(Column(ROW) == Constant(row))
    own = [leaf for part in (rule.when, rule.condition) for leaf in walk(part) if isinstance(leaf, Leaf)]
    every = [leaf for leaf in leaves(rule) if isinstance(leaf, Leaf)]
    if not any(_reads_now(leaf) for leaf in every):
        return Outlook()
    found = set(_instants(rows, own, as_of))
    if len(every) > len(own):
        counted = [leaf for leaf in every if not any(leaf is other for other in own)]
        found |= set(_instants(_counted(connection, folder, rows), counted, as_of))
    # at an instant itself, and right after it
    ahead = sorted({at for one in found for at in (one, one + 1) if start < at <= end})
    if any(isinstance(leaf, Aggregate) for leaf in leaves(rule)):
        changed = _counted_again(connection, folder, rule, row, ahead=ahead[:MOST_COUNTS], now=now)
        end = ahead[MOST_COUNTS - 1] if len(ahead) > MOST_COUNTS else end
    else:
        changed = _first_other(rows, rule, ahead, now)
    if changed is None:
        return Outlook(until=from_epoch_ms(end))
    return Outlook(from_epoch_ms(changed[0]), changed[1], from_epoch_ms(end))


def _first_other(
    rows: DuckDBPyRelation, rule: Rule, ahead: Sequence[int], now: Verdict
) -> tuple[int, Verdict] | None:
    """The first of the instants at which the row's verdict is another one, with that one."""
    if not ahead:
        return None
    instants = Function("list_value", *map(Constant, ahead)).cast("BIGINT[]")
    spread = rows.select(*map(Column, rows.columns), Function("unnest", instants).alias(_AT))
    code = verdict(rule, Function("make_timestamp_ms", Column(_AT))).alias("code")
    judged = spread.select(Column(_AT), code).filter(Column("code") != Constant(CODES[now]))
    first = judged.order(f'"{_AT}"').limit(1).fetchall()
    return (first[0][0], list(CODES)[first[0][1]]) if first else None


def _counted_again(
    connection: DuckDBPyConnection, folder: Path, rule: Rule, row: int, *, ahead: Iterable[int], now: Verdict
) -> tuple[int, Verdict] | None:
    for at in ahead:
        moment = from_epoch_ms(at)
        rows, columns = stores(connection, folder, [rule], moment)
        judged = rows.filter(Column(ROW) == Constant(row)).select(verdict(rule, moment, columns))
        then = list(CODES)[judged.fetchall()[0][0]]
        if then is not now:
            return at, then
    return None


def _counted(connection: DuckDBPyConnection, folder: Path, store: DuckDBPyRelation) -> DuckDBPyRelation:
    """The image sets of a data store."""
    target, datastore = store.select(Column("target"), Column("datastoreId")).fetchall()[0]
    same = (
        Column("datastoreId").isnull() if datastore is None else Column("datastoreId") == Constant(datastore)
    )
    return read_table(connection, folder, "image_set").filter((Column("target") == Constant(target)) & same)


def _reads_now(leaf: Leaf) -> bool:
    values = [value for test in leaf.tests for value in _flat(test.value)]
    ages = any(test.operator in ("older_than", "younger_than") for test in leaf.tests)
    return ages or NOW in (leaf.operand.left, leaf.operand.right, *values)


def _flat(value: Value) -> Sequence[Value]:
    return value if isinstance(value, tuple) else (value,)


def _instants(rows: DuckDBPyRelation, judging: Iterable[Leaf], as_of: datetime) -> Iterator[int]:
    """Where leaves may change their truth, on any of the rows, in epoch milliseconds."""
    compiler = Compiler(as_of)
    for leaf in judging:
        for test in leaf.tests:
            for value in _flat(test.value) if test.operator != "exists" else ():
                if _until(leaf.operand):
                    yield from _on_the_way(rows, leaf.operand, value, compiler)
                elif (instant := _boundary(leaf.operand, test.operator, value, compiler)) is not None:
                    found = rows.select(Function("epoch_ms", instant).alias("at")).distinct()
                    yield from (one[0] for one in found.fetchall() if one[0] is not None)


def _until(operand: Operand) -> bool:
    """Whether it is `field - now`."""
    return operand.right == NOW and operand.left != NOW


def _boundary(operand: Operand, name: str, value: Value, compiler: Compiler) -> Expression | None:
    """The instant with which a test compares `now`; None where it does not."""
    assert not isinstance(value, tuple)
    left, right = operand.left, operand.right
    if name in ("older_than", "younger_than"):
        return None if left == NOW else compiler.later(compiler.value(left), value)  # type: ignore[arg-type]
    if right is not None:
        if left != NOW or right == NOW:
            return None
        return compiler.later(compiler.value(right), value)  # type: ignore[arg-type]
    if left == NOW and value != NOW:
        return compiler.operand_value(value)  # type: ignore[arg-type]
    return compiler.value(left) if value == NOW and left.type is Type.TIME and left != NOW else None


def _on_the_way(rows: DuckDBPyRelation, operand: Operand, value: Value, compiler: Compiler) -> Iterator[int]:
    """Where `field - now` may pass a duration.

    `now` plus calendar months goes back by a day at the midnights that end a month which is shorter: there and at the
    same time of day it may pass the field several times.
    """
    end = Function("epoch_ms", compiler.value(operand.left)).alias("end")
    length = (
        compiler.value(value).alias("length") if isinstance(value, Field) else Constant(None).alias("length")
    )
    for found, raw in rows.select(end, length).distinct().fetchall():
        duration = Duration(**raw) if raw else value
        if found is None or not isinstance(duration, Duration):
            continue
        exact = found - duration.milliseconds
        if not duration.months:
            yield exact
            continue
        # the mean month may be a few days off
        day = (exact - duration.months * MEAN_MONTH) // DAY
        for midnight in range((day - 15) * DAY, (day + 16) * DAY, DAY):
            yield midnight
            yield midnight + exact % DAY
