"""The order in which findings are told, everywhere: the worst first."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Literal, Protocol

from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.compile import FALSE, tree
from checker.evaluation.open_findings import CHANGE, FIRST
from checker.evaluation.waiver_columns import WAIVER
from checker.model import Category, Rule, Severity, Verdict

Order = Literal["worst", "rule"]
"""Across all rules, or rule by rule."""
NUMBER = "finding"
"""The number of a finding by rule, target, image set, version."""
PLACE = "place"


class Gated(Protocol):
    """Which findings the gate counts."""

    def counts(
        self, verdict: Verdict, severity: Severity, *, waived: bool = False, new: bool | None = None
    ) -> bool:
        """Whether a finding decides the exit code."""
        ...


def grave_first() -> Expression:
    """The severities as a list, the gravest first."""
    return Function("list_value", *(Constant(one.value) for one in reversed(Severity)))


def places(findings: DuckDBPyRelation, rules: Sequence[Rule], gate: Gated, order: Order) -> DuckDBPyRelation:
    """The findings' numbers with their places, from 1 on: by severity, then what the gate counts, then how long each has
    been one, fails before unknowns, then policy order, target, image set, version.

    Args:
        findings: what `evaluate` wrote.
        rules: the rules of the run; where findings are told rule by rule, in the order in which rules are.
        gate: which findings count.
        order: across rules, or rule by rule.
    """
    names = Function("list_value", *(Constant(rule.name) for rule in rules))
    first = Column(FIRST[0])
    head = {
        "worst": Function("list_position", grave_first(), Column("severity")),
        "rule": Function("list_position", names, Column("rule")),
    }
    keys = {
        "head": head[order],
        "uncounted": ~counted(gate),
        "first": first,
        "unknown": Column("verdict") == Constant(Verdict.UNKNOWN.value),
        NUMBER: Column(NUMBER),
    }
    # narrow, since all of it is sorted
    narrow = findings.select(*(value.alias(name) for name, value in keys.items()))
    by = [Column(name).asc().nulls_last() for name in keys]
    return narrow.select(Column(NUMBER), Function("row_number").over(order_by=by).alias(PLACE))


def counted(gate: Gated) -> Expression:
    """Whether the gate counts a finding: what it says of each kind of them."""
    change, new = Column(CHANGE[0]), Constant(Category.NEW.value)
    news = {True: change == new, False: change != new, None: change.isnull()}
    kinds = [
        (Column("severity") == Constant(severity.value))
        & (Column("verdict") == Constant(verdict.value))
        & said
        for severity in Severity
        for verdict in (Verdict.FAIL, Verdict.UNKNOWN)
        for new, said in news.items()
        if gate.counts(verdict, severity, new=new)
    ]
    one_of = tree(operator.or_, kinds) if kinds else FALSE
    return Column(WAIVER).isnull() & Coalesce(one_of, FALSE)
