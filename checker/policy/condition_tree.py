"""Walks over a condition: its leaves, and the fields that they read."""

from __future__ import annotations

from collections.abc import Iterator

from checker.fields import NOW
from checker.model import Aggregate, Condition, Field, Group, Leaf


def walk(condition: Condition | None) -> Iterator[Leaf | Aggregate]:
    """The leaves and aggregates of a condition in the order of writing, not what is inside aggregates."""
    if isinstance(condition, Group):
        for member in condition.members:
            yield from walk(member)
    elif condition is not None:
        yield condition


def walk_all(condition: Condition | None) -> Iterator[Leaf | Aggregate]:
    """The leaves and aggregates of a condition in the order of writing, and what is inside aggregates."""
    for leaf in walk(condition):
        yield leaf
        if isinstance(leaf, Aggregate):
            yield from walk_all(leaf.of)
            yield from walk_all(leaf.among)


def conjuncts(condition: Condition | None) -> Iterator[Leaf]:
    """Leaves that are true wherever the condition is."""
    if isinstance(condition, Leaf):
        yield condition
    elif isinstance(condition, Group) and condition.kind == "all":
        for member in condition.members:
            yield from conjuncts(member)


def fields_of(condition: Condition | None) -> Iterator[Field]:
    """Every field that a condition reads of its subject, in the order of writing, `now` left out."""
    for leaf in walk(condition):
        if isinstance(leaf, Leaf):
            operand = leaf.operand
            yield from (part for part in (operand.left, operand.right) if part and part != NOW)
            for test in leaf.tests:
                values = test.value if isinstance(test.value, tuple) else (test.value,)
                yield from (value for value in values if isinstance(value, Field) and value != NOW)


def counted_fields_of(condition: Condition | None) -> Iterator[Field]:
    """Every field of image sets that a condition's aggregates read."""
    for leaf in walk(condition):
        if isinstance(leaf, Aggregate):
            yield from fields_of(leaf.of)
            yield from fields_of(leaf.among)
