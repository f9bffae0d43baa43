"""The order in which findings are told, everywhere: the worst first."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Literal, Protocol

from checker.evaluation.condition_compiler import tree
from checker.evaluation.field_expressions import FALSE
from checker.evaluation.open_findings import CHANGE, FIRST
from checker.evaluation.waiver_columns import WAIVER
from checker.model import Category, Rule, Severity, Sort, Verdict
from checker.sql import Expression, Relation, case, coalesce, col, func, lit

Order = Literal["worst", "rule"]
"""Across all rules, or rule by rule."""
NUMBER = "finding"
"""The number of a finding by rule, target, image set, version."""
PLACE = "place"
_OF = ("rule", "target", "datastoreId", "imageSetId")


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


def sample_places(findings: Relation, sort: Sort, most: int) -> Relation:
    """The numbers of a sample of findings with their places. By severity, and by rule, at most a quarter of them are of one rule,
    and half of them where others leave room: no rule crowds out the others.

    Args:
        findings: those of which it is a sample.
        sort: which come first.
        most: how many.
    """
    head = func("list_position", severities_worst_first(), col("severity"))
    unknown = col("verdict") == lit(Verdict.UNKNOWN.value)
    narrow = findings.select(
        head.alias("head"), col(FIRST[0]).alias("first"), unknown.alias("unknown"), *map(col, (NUMBER, *_OF))
    )
    worst = [col(name).asc().nulls_last() for name in ("head", "first", "unknown", NUMBER)]
    share = func("row_number").over(partition_by=[col("rule")], order_by=worst)
    image_set = [col(name) for name in _OF[1:]]
    ranked = narrow.select(
        *map(col, narrow.columns),
        case(share <= lit(max(most // 4, 1)), lit(1))
        .when(share <= lit(max(most // 2, 1)), lit(2))
        .otherwise(lit(3))
        .alias("share"),
        func("min", col("head")).over(partition_by=image_set).alias("set_head"),
        (-func("count_star").over(partition_by=image_set)).alias("set_number"),
    )
    order = {
        "severity": ("share",),
        "age": ("first",),
        "rule": ("share", "rule"),
        "image-set": ("set_head", "set_number", *_OF[1:]),
    }
    by = [*(col(name).asc().nulls_last() for name in order[sort]), *worst]
    few = ranked.filter(col("share") < lit(3)) if "share" in order[sort] else ranked
    placed = few.select(col(NUMBER), func("row_number").over(order_by=by).alias(PLACE))
    return placed.filter(col(PLACE) <= lit(most))


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
