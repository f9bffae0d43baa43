"""Instants at which a verdict may change if nothing but time does.

A leaf that reads `now` changes its truth where `now` passes an instant that the leaf compares it with, or a millisecond
after. The engine's own expressions give those instants, and its verdict at each of them says which one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from checker.evaluation.condition_compiler import Compiler
from checker.fields import NOW
from checker.instants import DAY
from checker.model import Aggregate, Duration, Field, Leaf, Operand, Rule, Type, Value
from checker.policy.condition_tree import walk
from checker.policy.literals import MEAN_MONTH
from checker.policy.operators import OPERATORS
from checker.policy.params import rule_leaves
from checker.sql import Expression, Relation, case, col, func, lit

AT = "judged at"
"""The column of an instant, in epoch milliseconds; no field is called so."""
AROUND = 16
"""Days to each side of where calendar months end by the mean month: as far as they may be off, and one more."""


def own_and_counted_leaves(rule: Rule) -> tuple[list[Leaf], list[Leaf]]:
    """The leaves of a rule that are judged on its own subjects, and those on the image sets that it counts."""
    own = [
        condition
        for part in (rule.when, rule.condition)
        for condition in walk(part)
        if isinstance(condition, Leaf)
    ]
    every = [condition for condition in rule_leaves(rule) if isinstance(condition, Leaf)]
    return own, [leaf for leaf in every if not any(leaf is other for other in own)]


def is_aggregate_rule(rule: Rule) -> bool:
    """Whether a rule counts image sets."""
    return any(isinstance(leaf, Aggregate) for leaf in rule_leaves(rule))


def reads_now(rule: Rule) -> bool:
    """Whether a rule's verdict may depend on the time at all."""
    own, counted = own_and_counted_leaves(rule)
    return any(_reads_now(leaf) for leaf in (*own, *counted))


def candidate_instants(judging: Iterable[Leaf], as_of: datetime) -> list[Expression]:
    """Where leaves may change their truth on a row: each expression is a list of instants in epoch milliseconds, or
    null."""
    compiler = Compiler(as_of)
    return [
        found
        for leaf in judging
        for test in leaf.tests
        if OPERATORS[test.operator].takes != "flag"
        for value in _flat(test.value)
        if (found := _candidates(leaf.operand, test.operator, value, compiler)) is not None
    ]


def instants_ahead(
    rows: Relation, number: str, found: Iterable[Expression], start: int, end: int
) -> Iterator[Relation]:
    """Of each list of instants the rows' numbers with those of (start, end] in the column `AT`: an instant itself, and
    the millisecond after it."""
    at = col(AT)
    for instants in found:
        spread = rows.select(col(number), func("unnest", instants).alias(AT))
        # before they are doubled: most instants are not within reach
        near = spread.filter((at >= lit(start)) & (at <= lit(end)))
        both = func("unnest", func("list_value", at, at + lit(1))).alias(AT)
        here = near.select(col(number), both)
        yield here.filter((at > lit(start)) & (at <= lit(end)))


def distinct_ahead(
    rows: Sequence[tuple[Relation, Iterable[Expression]]],
    start: int,
    end: int,
    most: int,
) -> list[int]:
    """The first of all instants ahead, sorted: one more than `most` where there are so many."""
    every: set[int] = set()
    for relation, found in rows:
        numbered = relation.select(lit(0).alias("number"), *map(col, relation.columns))
        for part in instants_ahead(numbered, "number", found, start, end):
            first = part.select(col(AT)).distinct().order(f'"{AT}"').limit(most + 1)
            every |= {item[0] for item in first.fetchall()}
    return sorted(every)[: most + 1]


def _reads_now(leaf: Leaf) -> bool:
    values = [value for test in leaf.tests for value in _flat(test.value)]
    ages = any(OPERATORS[test.operator].takes == "age" for test in leaf.tests)
    return ages or NOW in (leaf.operand.left, leaf.operand.right, *values)


def _flat(value: Value) -> Sequence[Value]:
    return value if isinstance(value, tuple) else (value,)


def _candidates(operand: Operand, name: str, value: Value, compiler: Compiler) -> Expression | None:
    if operand.right == NOW and operand.left != NOW:
        return _on_the_way(operand, value, compiler)
    instant = _boundary(operand, name, value, compiler)
    return None if instant is None else func("list_value", func("epoch_ms", instant))


def _boundary(operand: Operand, name: str, value: Value, compiler: Compiler) -> Expression | None:
    """The instant with which a test compares `now`; None where it does not."""
    assert not isinstance(value, tuple)
    left, right = operand.left, operand.right
    if OPERATORS[name].takes == "age":
        return None if left == NOW else compiler.later(compiler.value(left), value)  # type: ignore[arg-type]
    if right is not None:
        if left != NOW or right == NOW:
            return None
        return compiler.later(compiler.value(right), value)  # type: ignore[arg-type]
    if left == NOW and value != NOW:
        return compiler.operand_value(value)  # type: ignore[arg-type]
    return compiler.value(left) if value == NOW and left.type is Type.TIME and left != NOW else None


def _on_the_way(operand: Operand, value: Value, compiler: Compiler) -> Expression | None:
    """Where `field - now` may pass a duration.

    `now` plus calendar months goes back by a day at the midnights that end a month which is shorter: there and at the
    same time of day it may pass the field several times.
    """
    end = func("epoch_ms", compiler.value(operand.left))
    if isinstance(value, Duration):
        exact = end - lit(value.milliseconds)
        if not value.months:
            return func("list_value", exact)
        return _days_around(exact, lit(value.months))
    if not isinstance(value, Field):
        return None
    length = compiler.value(value)
    months, milliseconds = (func("struct_extract", length, lit(name)) for name in ("months", "milliseconds"))
    exact = end - milliseconds
    plain = func("list_value", exact)
    return case(months == lit(0), plain).otherwise(_days_around(exact, months))


def _days_around(exact: Expression, months: Expression) -> Expression:
    """The midnights, and the times of day of `exact`, where it may be so many calendar months on."""
    day, around = lit(DAY), lit(AROUND * DAY)
    near = exact - months.cast("BIGINT") * lit(MEAN_MONTH)
    midnight = near - near % day
    first, last = midnight - around, midnight + around
    # the remainder of an instant before 1970 is negative, which is a day off, and no more
    daily = exact % day
    every = [
        func("range", item, other, day) for item, other in ((first, last), (first + daily, last + daily))
    ]
    # a range over null is empty, and epoch_ms of what is absent is null
    return func("list_concat", *every)
