"""When one verdict changes if nothing but time does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from checker.evaluation.aggregates import datastore_rows
from checker.evaluation.change_instants import (
    AT,
    candidate_instants,
    distinct_ahead,
    is_aggregate_rule,
    own_and_counted_leaves,
    reads_now,
)
from checker.evaluation.condition_compiler import CODES
from checker.evaluation.scope_tables import read_table
from checker.evaluation.target_rows import row_verdict
from checker.instants import from_epoch_ms, round_ms
from checker.model import Rule, Verdict
from checker.policy.literals import MEAN_MONTH
from checker.snapshot.writer import ROW
from checker.sql import Connection, Relation, col, func, lit

YEARS = 200
"""How far ahead is looked."""
MOST_COUNTS = 100
"""Instants at which a data store's image sets are counted again."""
_MOST = 1_000_000
LAST = round_ms(datetime(9999, 12, 31, tzinfo=UTC))
"""The last instant that is looked at."""


@dataclass(frozen=True, slots=True)
class VerdictForecast:
    """The next verdict and the first instant that has it; neither where there is none up to `until`. That is None
    where the rule does not read the time at all."""

    at: datetime | None = None
    verdict: Verdict | None = None
    until: datetime | None = None


def verdict_forecast(
    connection: Connection, folder: Path, rule: Rule, row: int, *, as_of: datetime, now: Verdict
) -> VerdictForecast:
    """What becomes of a verdict with time alone.

    Args:
        connection: a connection.
        folder: a folder that `write_snapshot` filled.
        rule: a rule with bound parameters.
        row: the number of the subject's row.
        as_of: the instant of the verdict.
        now: the verdict.
    """
    if not reads_now(rule):
        return VerdictForecast()
    start = round_ms(as_of)
    end = min(start + YEARS * 12 * MEAN_MONTH, LAST)
    rows = read_table(connection, folder, rule.scope).filter(col(ROW) == lit(row))
    own, counted = own_and_counted_leaves(rule)
    asked = [(rows, candidate_instants(own, as_of))]
    if counted:
        asked.append((_counted(connection, folder, rows), candidate_instants(counted, as_of)))
    most = MOST_COUNTS if is_aggregate_rule(rule) else _MOST
    ahead = distinct_ahead(asked, start, end, most)
    if is_aggregate_rule(rule):
        changed = _counted_again(connection, folder, rule, row, ahead=ahead[:most], now=now)
        end = ahead[most - 1] if len(ahead) > most else end
    else:
        changed = _first_other(rows, rule, ahead, now)
    if changed is None:
        return VerdictForecast(until=from_epoch_ms(end))
    return VerdictForecast(from_epoch_ms(changed[0]), changed[1], from_epoch_ms(end))


def _first_other(
    rows: Relation, rule: Rule, ahead: Sequence[int], now: Verdict
) -> tuple[int, Verdict] | None:
    """The first of the instants at which the row's verdict is another one, with that one."""
    if not ahead:
        return None
    instants = func("list_value", *map(lit, ahead)).cast("BIGINT[]")
    spread = rows.select(*map(col, rows.columns), func("unnest", instants).alias(AT))
    code = row_verdict(rule, func("make_timestamp_ms", col(AT))).alias("code")
    judged = spread.select(col(AT), code).filter(col("code") != lit(CODES[now]))
    first = judged.order(f'"{AT}"').limit(1).fetchall()
    return (first[0][0], list(CODES)[first[0][1]]) if first else None


def _counted_again(
    connection: Connection, folder: Path, rule: Rule, row: int, *, ahead: Iterable[int], now: Verdict
) -> tuple[int, Verdict] | None:
    for at in ahead:
        moment = from_epoch_ms(at)
        rows, columns = datastore_rows(connection, folder, [rule], moment)
        judged = rows.filter(col(ROW) == lit(row)).select(row_verdict(rule, moment, columns))
        then = list(CODES)[judged.fetchall()[0][0]]
        if then is not now:
            return at, then
    return None


def _counted(connection: Connection, folder: Path, store: Relation) -> Relation:
    """The image sets of a data store."""
    target, datastore = store.select(col("target"), col("datastoreId")).fetchall()[0]
    same = col("datastoreId").isnull() if datastore is None else col("datastoreId") == lit(datastore)
    return read_table(connection, folder, "image_set").filter((col("target") == lit(target)) & same)
