"""Waivers as columns: which of them covers a finding, and which subjects each one reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce

from checker.evaluation.condition_compiler import CODES, Compiler, tree
from checker.fields import catalogue
from checker.model import Label, Operand, Rule, RuleScope, Test, Waiver
from checker.policy.operators import BARE
from checker.snapshot.writer import PINNED
from checker.sql import Expression, case, coalesce, col, lit, null

WAIVER = "waiver"
LAPSED = "lapsed"


def no_number() -> Expression:
    """The number of no waiver. Made anew each time: a type that a module holds is told as a leak when Python ends."""
    return null("INTEGER")


def waiver_columns(
    rule: Rule, code: Expression, as_of: datetime, waivers: Sequence[Waiver], labels: Mapping[str, Label]
) -> tuple[Expression, Expression]:
    """The number of the first waiver in force that covers a row's verdict, and of the first that would if it were in
    force; each null where there is none."""
    own = [waiver for waiver in waivers if waiver.rule == rule.name]
    here = [waiver for waiver in own if waiver.in_force(as_of)]
    return (
        _first(rule.scope, code, here, as_of, labels).alias(WAIVER),
        _first(rule.scope, code, [waiver for waiver in own if waiver not in here], as_of, labels).alias(
            LAPSED
        ),
    )


def reaches(waiver: Waiver, scope: RuleScope, as_of: datetime, labels: Mapping[str, Label]) -> Expression:
    """Whether a waiver is about the subject of a row."""
    parts = []
    if waiver.image_sets:
        parts.append(col("imageSetId").isin(*map(lit, waiver.image_sets)))
    if waiver.target is not None:
        parts.append(col("target") == lit(waiver.target))
    if waiver.labels:
        fields, compiler = catalogue(labels, scope), Compiler(as_of)
        for name, value in waiver.labels.items():
            operand = Operand(fields[f"labels.{name}"])
            parts.append(compiler.test(operand, Test(BARE, value)))
    if waiver.version is not None:
        parts.append(coalesce(col("versionId"), col(PINNED)) == lit(waiver.version))
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
        (reaches(waiver, scope, as_of, labels) & (code == lit(CODES[waiver.covers])), lit(waiver.number))
        for waiver in waivers
    ]
    first, *rest = branches
    return reduce(lambda case, branch: case.when(*branch), rest, case(*first)).cast("INTEGER")
