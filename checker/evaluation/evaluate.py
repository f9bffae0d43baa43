"""One pass of the rules over the table of their scope: tallies, and a Parquet file of the fails and unknowns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.aggregates import stores
from checker.evaluation.compile import CODES, NO_AGGREGATES, Columns, reason, shown, tree, verdict
from checker.evaluation.tables import read_table, subject
from checker.evidence.runfolder import FINDINGS
from checker.evidence.snapshot import ROW, connect
from checker.model import Field, Rule, RuleScope, Tally, Type, Verdict
from checker.policy.aggregates import aggregates

SLICE = 20_000
"""Findings in a row group, and in memory at a time."""

_FOUND_OUT = (Verdict.FAIL, Verdict.UNKNOWN)


def evaluate(rules: Sequence[Rule], folder: Path, as_of: datetime) -> tuple[Tally, ...]:
    """Judges every row of a snapshot's tables by every rule of its scope.

    Args:
        rules: rules with bound parameters, in the order of the report.
        folder: the folder that `write_snapshot` filled; `findings.parquet` is written beside the tables: fails and
            unknowns by rule, target, image set, version.
        as_of: the instant against which ages are measured.

    Returns:
        A tally for each rule, in their order.
    """
    by_scope: dict[RuleScope, dict[int, Rule]] = {}
    for index, rule in enumerate(rules):
        by_scope.setdefault(rule.scope, {})[index] = rule
    tallies: dict[int, Tally] = {}
    with connect() as connection:
        tables = {
            scope: table(connection, folder, scope, chosen.values(), as_of)
            for scope, chosen in by_scope.items()
        }
        for scope, chosen in by_scope.items():
            rows, columns = tables[scope]
            verdicts = [verdict(rule, as_of, columns).alias(f"v{index}") for index, rule in chosen.items()]
            rows.select(Column(ROW), *verdicts).to_table(f"judged_{scope}")
            tallies |= _tallies(connection.table(f"judged_{scope}"), chosen)
        _number(connection, by_scope)
        # the snapshot is read again for what findings show: cheaper than keeping it of every row
        findings = [
            _findings(connection, tables[scope], rules, chosen, as_of) for scope, chosen in by_scope.items()
        ]
        sorted_findings = tree(lambda left, right: left.union(right), findings).order("finding")
        path = str((folder / FINDINGS).resolve())
        sorted_findings.write_parquet(path, compression="zstd", row_group_size=SLICE)
    return tuple(tallies[index] for index in range(len(rules)))


def table(
    connection: DuckDBPyConnection, folder: Path, scope: RuleScope, rules: Iterable[Rule], as_of: datetime
) -> tuple[DuckDBPyRelation, Columns]:
    """The rows that rules of a scope judge, and the columns of the rules' aggregates."""
    if scope == "datastore":
        return stores(connection, folder, rules, as_of)
    return read_table(connection, folder, scope), NO_AGGREGATES


def _tallies(judged: DuckDBPyRelation, rules: Iterable[int]) -> dict[int, Tally]:
    indexes = list(rules)
    counters = [
        Function("count_if", Column(f"v{index}") == Constant(CODES[code]))
        for index in indexes
        for code in Verdict
    ]
    # over no rows a count is null
    counts = (count or 0 for count in judged.aggregate(counters).fetchall()[0])
    tallies = {}
    for index in indexes:
        count = {code: next(counts) for code in Verdict}
        tallies[index] = Tally(
            subjects=sum(count.values()),
            passed=count[Verdict.PASS],
            fail=count[Verdict.FAIL],
            unknown=count[Verdict.UNKNOWN],
            not_applicable=count[Verdict.NOT_APPLICABLE],
        )
    return tallies


def _number(connection: DuckDBPyConnection, by_scope: Mapping[RuleScope, Iterable[int]]) -> None:
    """The table `numbered`: which row a finding is of, by rule and row. It is narrow, since all of it is sorted.

    An explicit order is what numbers them: a union gives its parts' rows in no order that may be counted on.
    """
    parts = [
        connection.table(f"judged_{scope}")
        .filter(Column(f"v{index}").isin(*(Constant(CODES[one]) for one in _FOUND_OUT)))
        .select(
            Constant(index).cast("INTEGER").alias("rule_index"),
            Column(f"v{index}").alias("code"),
            Column(ROW),
        )
        for scope, rules in by_scope.items()
        for index in rules
    ]
    every = tree(lambda left, right: left.union(right), parts)
    number = Function("row_number").over(order_by=[Column("rule_index"), Column(ROW)]).alias("finding")
    every.select(number, *map(Column, every.columns)).to_table("numbered")


def _findings(
    connection: DuckDBPyConnection,
    judged: tuple[DuckDBPyRelation, Columns],
    rules: Sequence[Rule],
    chosen: Mapping[int, Rule],
    as_of: datetime,
) -> DuckDBPyRelation:
    """The findings of the rules of one scope, by their place in the run; what a rule says is computed for its own rows only."""
    rows, columns = judged
    index, code = Column("rule_index"), Column("code")
    numbered = connection.table("numbered").filter(index.isin(*map(Constant, chosen))).set_alias("numbered")
    joined = rows.set_alias("rows").join(numbered, f"rows.{ROW} = numbered.{ROW}")

    def one_of(texts: Iterable[str]) -> Expression:
        return Function("list_extract", Function("list_value", *map(Constant, texts)), index + Constant(1))

    def by_rule(values: Iterable[Expression]) -> Expression:
        first, *rest = (
            (index == Constant(number), value) for number, value in zip(chosen, values, strict=True)
        )
        return reduce(lambda case, branch: case.when(*branch), rest, Case(*first))

    return joined.select(
        Column("finding"),
        one_of(rule.name for rule in rules).alias("rule"),
        one_of(rule.severity.value for rule in rules).alias("severity"),
        *subject(next(iter(chosen.values())).scope),
        _word(code).alias("verdict"),
        # few are unknown: to ask that first spares most rows the choice of a rule
        Case(_unknown(code), by_rule(reason(rule, as_of, columns) for rule in chosen.values())).alias(
            "reason"
        ),
        by_rule(_fields(rule, columns) for rule in chosen.values()).alias("fields"),
    )


def details(rule: Rule, code: Expression, as_of: datetime, columns: Columns) -> list[Expression]:
    """The columns of a finding: its subject, the verdict, the reason of an unknown, and the fields as JSON."""
    return [
        *subject(rule.scope),
        _word(code).alias("verdict"),
        Case(_unknown(code), reason(rule, as_of, columns)).alias("reason"),
        _fields(rule, columns).alias("fields"),
    ]


def _word(code: Expression) -> Expression:
    return Case(_unknown(code), Constant(Verdict.UNKNOWN.value)).otherwise(Constant(Verdict.FAIL.value))


def _unknown(code: Expression) -> Expression:
    return code == Constant(CODES[Verdict.UNKNOWN])


def _fields(rule: Rule, columns: Columns) -> Expression:
    counted = aggregates(rule.when, rule.condition)
    shown_fields = dict.fromkeys((*rule.fields, *rule.message_fields))
    pairs = [
        part
        for field in shown_fields
        if field.path not in counted
        for part in (Constant(field.path), _json(field))
    ]
    for name, aggregate in counted.items():
        pairs += [Constant(name), Column(f"{columns[aggregate]} numbers")]
    return Function("json_object", *pairs).cast("VARCHAR")


def _json(field: Field) -> Expression:
    value = shown(field)
    return (
        Function("strftime", value, Constant("%Y-%m-%dT%H:%M:%S.%gZ")) if field.type is Type.TIME else value
    )
