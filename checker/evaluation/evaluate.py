"""One pass of every rule over the snapshot: tallies, and a Parquet file of the fails and unknowns."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.compile import CODES, reason, shown, verdict
from checker.evidence.snapshot import PINNED, ROW, TARGET_ACCOUNT, TARGET_REGION, connect
from checker.model import Field, Rule, Tally, Type, Verdict

SLICE = 20_000
"""Findings in a row group, and in memory at a time."""

_FOUND_OUT = (Verdict.FAIL, Verdict.UNKNOWN)


def evaluate(rules: Sequence[Rule], snapshot: Path, as_of: datetime, findings: Path) -> tuple[Tally, ...]:
    """Judges every row of a snapshot by every rule.

    Args:
        rules: rules with bound parameters, in the order of the report.
        snapshot: what `write_snapshot` wrote.
        as_of: the instant against which ages are measured.
        findings: the Parquet file to write: fails and unknowns by rule, target, image set, version.

    Returns:
        A tally for each rule, in their order.
    """
    with connect() as connection:
        rows = connection.read_parquet(str(snapshot))
        names = [f"v{index}" for index in range(len(rules))]
        verdicts = [verdict(rule, as_of).alias(name) for rule, name in zip(rules, names, strict=True)]
        rows.select(Column(ROW), *verdicts).to_table("judged")
        judged = connection.table("judged")
        tallies = _tallies(judged, names)
        # what findings show is read for the rows that have one, and once for all rules
        some = judged.filter(reduce(operator.or_, (_is_finding(name) for name in names))).set_alias("judged")
        wanted = [name for name in rows.columns if name != ROW]
        joined = some.join(rows.set_alias("rows"), f"judged.{ROW} = rows.{ROW}")
        hot = joined.select(
            Column("judged", ROW), *map(Column, names), *(Column("rows", name) for name in wanted)
        )
        hot.order(ROW).to_table("hot")
        _write(connection, rules, names, as_of, findings)
    return tallies


def _tallies(judged: DuckDBPyRelation, names: Sequence[str]) -> tuple[Tally, ...]:
    counters = [
        Function("count_if", Column(name) == Constant(CODES[code])) for name in names for code in Verdict
    ]
    # over no rows a count is null
    counts = (count or 0 for count in judged.aggregate(counters).fetchall()[0])
    tallies = []
    for _ in names:
        count = {code: next(counts) for code in Verdict}
        tallies.append(
            Tally(
                subjects=sum(count.values()),
                passed=count[Verdict.PASS],
                fail=count[Verdict.FAIL],
                unknown=count[Verdict.UNKNOWN],
                not_applicable=count[Verdict.NOT_APPLICABLE],
            )
        )
    return tuple(tallies)


def _write(
    connection: DuckDBPyConnection,
    rules: Sequence[Rule],
    names: Sequence[str],
    as_of: datetime,
    findings: Path,
) -> None:
    hot = connection.table("hot")
    parts = [
        hot.filter(_is_finding(name)).select(
            Constant(rule.name).alias("rule"),
            Constant(rule.severity.value).alias("severity"),
            *details(rule, Column(name), as_of),
        )
        for rule, name in zip(rules, names, strict=True)
    ]
    numbered = reduce(lambda left, right: left.union(right), parts)
    numbered = numbered.select(Function("row_number").over().alias("finding"), *map(Column, numbered.columns))
    numbered.write_parquet(str(findings), compression="zstd", row_group_size=SLICE)


def details(rule: Rule, code: Expression, as_of: datetime) -> list[Expression]:
    """The columns of a finding: its subject, the verdict, the reason of an unknown, and the fields as JSON."""
    unknown = code == Constant(CODES[Verdict.UNKNOWN])
    word = Case(unknown, Constant(Verdict.UNKNOWN.value)).otherwise(Constant(Verdict.FAIL.value))
    shown_fields = dict.fromkeys((*rule.fields, *rule.message_fields))
    pairs = [part for field in shown_fields for part in (Constant(field.path), _json(field))]
    return [
        *subject(),
        word.alias("verdict"),
        Case(unknown, reason(rule, as_of)).alias("reason"),
        Function("json_object", *pairs).cast("VARCHAR").alias("fields"),
    ]


def subject() -> list[Expression]:
    """The columns that name a subject; Account and Region are the answer's own before the target's."""
    return [
        Column("target"),
        Coalesce(Column("account"), Column(TARGET_ACCOUNT)).alias("account"),
        Coalesce(Column("region"), Column(TARGET_REGION)).alias("region"),
        Column("datastoreId"),
        Column("imageSetId"),
        Coalesce(Column("versionId"), Column(PINNED)).alias("versionId"),
        Column(PINNED).isnotnull().alias("pinned"),
    ]


def _is_finding(name: str) -> Expression:
    return Column(name).isin(*(Constant(CODES[one]) for one in _FOUND_OUT))


def _json(field: Field) -> Expression:
    value = shown(field)
    return (
        Function("strftime", value, Constant("%Y-%m-%dT%H:%M:%S.%gZ")) if field.type is Type.TIME else value
    )
