"""Waivers as columns: which of them covers a finding, and which subjects each one reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import Expression

from checker.evaluation.compile import CODES, Compiler, tree
from checker.fields import catalogue
from checker.model import Label, Operand, Rule, RuleScope, Test, Waiver
from checker.policy.operators import BARE
from checker.snapshot.writer import PINNED

WAIVER = "waiver"
LAPSED = "lapsed"


def no_number() -> Expression:
    """The number of no waiver. Made anew each time: a type that a module holds is told as a leak when Python ends."""
    return Constant(None).cast("INTEGER")


def waiver_columns(
    rule: Rule, code: Expression, as_of: datetime, waivers: Sequence[Waiver], labels: Mapping[str, Label]
) -> tuple[Expression, Expression]:
    """The number of the first waiver in force that covers a row's verdict, and of the first that would if it were in
    force; each null where there is none."""
    own = [one for one in waivers if one.rule == rule.name]
    here = [one for one in own if one.in_force(as_of)]
    return (
        _first(rule.scope, code, here, as_of, labels).alias(WAIVER),
        _first(rule.scope, code, [one for one in own if one not in here], as_of, labels).alias(LAPSED),
    )


def reaches(waiver: Waiver, scope: RuleScope, as_of: datetime, labels: Mapping[str, Label]) -> Expression:
    """Whether a waiver is about the subject of a row."""
    parts = []
    if waiver.image_sets:
        parts.append(Column("imageSetId").isin(*map(Constant, waiver.image_sets)))
    if waiver.target is not None:
        parts.append(Column("target") == Constant(waiver.target))
    if waiver.labels:
        fields, compiler = catalogue(labels, scope), Compiler(as_of)
        for name, value in waiver.labels.items():
            operand = Operand(fields[f"labels.{name}"])
            parts.append(compiler.test(operand, Test(BARE, value)))
    if waiver.version is not None:
        parts.append(Coalesce(Column("versionId"), Column(PINNED)) == Constant(waiver.version))
    return tree(lambda left, right: left & right, parts)


def _first(
    scope: RuleScope,
    code: Expression,
    waivers: Sequence[Waiver],
    as_of: datetime,
    labels: Mapping[str, Label],
) -> Expression:
    if not waivers:
        return no_number()
    branches = [
        (reaches(one, scope, as_of, labels) & (code == Constant(CODES[one.covers])), Constant(one.number))
        for one in waivers
    ]
    first, *rest = branches
    return reduce(lambda case, branch: case.when(*branch), rest, Case(*first)).cast("INTEGER")
