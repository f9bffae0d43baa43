"""One pass of every rule over the snapshot: tallies, and a Parquet file of the fails and unknowns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.compile import CODES, reason, shown, tree, verdict
from checker.evidence.snapshot import PINNED, ROW, TARGET_ACCOUNT, TARGET_REGION, connect, duckdb_path
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
        rows = connection.read_parquet(duckdb_path(snapshot))
        names = [f"v{index}" for index in range(len(rules))]
        verdicts = [verdict(rule, as_of).alias(name) for rule, name in zip(rules, names, strict=True)]
        rows.select(Column(ROW), *verdicts).to_table("judged")
        tallies = _tallies(connection.table("judged"), names)
        _number(connection, names)
        # the snapshot is read again for what findings show: cheaper than keeping it of every row
        numbered = connection.table("numbered").set_alias("numbered")
        joined = rows.set_alias("rows").join(numbered, f"rows.{ROW} = numbered.{ROW}")
        sorted_findings = joined.select(*_columns(rules, as_of)).order("finding")
        sorted_findings.write_parquet(str(findings.resolve()), compression="zstd", row_group_size=SLICE)
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


def _number(connection: DuckDBPyConnection, names: Sequence[str]) -> None:
    """The table `numbered`: which row a finding is of, by rule and row. It is narrow, since all of it is sorted.

    An explicit order is what numbers them: a union gives its parts' rows in no order that may be counted on.
    """
    judged = connection.table("judged")
    parts = [
        judged.filter(Column(name).isin(*(Constant(CODES[one]) for one in _FOUND_OUT))).select(
            Constant(index).cast("INTEGER").alias("rule_index"), Column(name).alias("code"), Column(ROW)
        )
        for index, name in enumerate(names)
    ]
    every = tree(lambda left, right: left.union(right), parts)
    number = Function("row_number").over(order_by=[Column("rule_index"), Column(ROW)]).alias("finding")
    every.select(number, *map(Column, every.columns)).to_table("numbered")


def _columns(rules: Sequence[Rule], as_of: datetime) -> list[Expression]:
    """The columns of every rule's findings; what a rule says is computed for its own rows only."""
    index, code = Column("rule_index"), Column("code")

    def one_of(texts: Iterable[str]) -> Expression:
        return Function("list_extract", Function("list_value", *map(Constant, texts)), index + Constant(1))

    def by_rule(values: Iterable[Expression]) -> Expression:
        first, *rest = ((index == Constant(number), value) for number, value in enumerate(values))
        return reduce(lambda case, branch: case.when(*branch), rest, Case(*first))

    return [
        Column("finding"),
        one_of(rule.name for rule in rules).alias("rule"),
        one_of(rule.severity.value for rule in rules).alias("severity"),
        *subject(),
        _word(code).alias("verdict"),
        # few are unknown: to ask that first spares most rows the choice of a rule
        Case(_unknown(code), by_rule(reason(rule, as_of) for rule in rules)).alias("reason"),
        by_rule(_fields(rule) for rule in rules).alias("fields"),
    ]


def details(rule: Rule, code: Expression, as_of: datetime) -> list[Expression]:
    """The columns of a finding: its subject, the verdict, the reason of an unknown, and the fields as JSON."""
    return [
        *subject(),
        _word(code).alias("verdict"),
        Case(_unknown(code), reason(rule, as_of)).alias("reason"),
        _fields(rule).alias("fields"),
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


def _word(code: Expression) -> Expression:
    return Case(_unknown(code), Constant(Verdict.UNKNOWN.value)).otherwise(Constant(Verdict.FAIL.value))


def _unknown(code: Expression) -> Expression:
    return code == Constant(CODES[Verdict.UNKNOWN])


def _fields(rule: Rule) -> Expression:
    shown_fields = dict.fromkeys((*rule.fields, *rule.message_fields))
    pairs = [part for field in shown_fields for part in (Constant(field.path), _json(field))]
    return Function("json_object", *pairs).cast("VARCHAR")


def _json(field: Field) -> Expression:
    value = shown(field)
    return (
        Function("strftime", value, Constant("%Y-%m-%dT%H:%M:%S.%gZ")) if field.type is Type.TIME else value
    )
