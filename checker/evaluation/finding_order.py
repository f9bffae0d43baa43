"""The order in which findings are told, everywhere: the worst first."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Literal, Protocol

from checker.evaluation.condition_compiler import tree
from checker.evaluation.field_expressions import FALSE
from checker.evaluation.open_findings import CHANGE, FIRST
from checker.evaluation.waiver_columns import WAIVER
from checker.model import Category, Rule, Severity, Verdict
from checker.sql import Expression, Relation, coalesce, col, func, lit

Order = Literal["worst", "rule"]
"""Across all rules, or rule by rule."""
NUMBER = "finding"
"""The number of a finding by rule, target, image set, version."""
PLACE = "place"


class GateTerms(Protocol):
    """Which findings the gate counts."""

    def counts(
        self, verdict: Verdict, severity: Severity, *, waived: bool = False, new: bool | None = None
    ) -> bool:
        """Whether a finding decides the exit code."""
        ...


def severities_worst_first() -> Expression:
    """The severities as a list, the gravest first."""
    return func("list_value", *(lit(severity.value) for severity in reversed(Severity)))


def places(findings: Relation, rules: Sequence[Rule], gate: GateTerms, order: Order) -> Relation:
    """The findings' numbers with their places, from 1 on: by severity, then what the gate counts, then how long each has
    been one, fails before unknowns, then policy order, target, image set, version.

    Args:
        findings: what `evaluate` wrote.
        rules: the rules of the run; where findings are told rule by rule, in the order in which rules are.
        gate: which findings count.
        order: across rules, or rule by rule.
    """
    names = func("list_value", *(lit(rule.name) for rule in rules))
    first = col(FIRST[0])
    head = {
        "worst": func("list_position", severities_worst_first(), col("severity")),
        "rule": func("list_position", names, col("rule")),
    }
    keys = {
        "head": head[order],
        "uncounted": ~is_gated(gate),
        "first": first,
        "unknown": col("verdict") == lit(Verdict.UNKNOWN.value),
        NUMBER: col(NUMBER),
    }
    # narrow, since all of it is sorted
    narrow = findings.select(*(value.alias(name) for name, value in keys.items()))
    by = [col(name).asc().nulls_last() for name in keys]
    return narrow.select(col(NUMBER), func("row_number").over(order_by=by).alias(PLACE))


def is_gated(gate: GateTerms) -> Expression:
    """Whether the gate counts a finding: what it says of each kind of them."""
    change, new = col(CHANGE[0]), lit(Category.NEW.value)
    news = {True: change == new, False: change != new, None: change.isnull()}
    kinds = [
        (col("severity") == lit(severity.value)) & (col("verdict") == lit(verdict.value)) & said
        for severity in Severity
        for verdict in (Verdict.FAIL, Verdict.UNKNOWN)
        for new, said in news.items()
        if gate.counts(verdict, severity, new=new)
    ]
    one_of = tree(operator.or_, kinds) if kinds else FALSE
    return col(WAIVER).isnull() & coalesce(one_of, FALSE)
