"""Rules and their mutants on the answers worth trying."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from duckdb import ColumnExpression as Column
from duckdb import DuckDBPyConnection

from checker.fields import FOUND, NOW
from checker.model import Aggregate, Condition, Field, Leaf, Rule, Scalar, Source
from checker.policy.params import leaves
from checker.policy.tree import fields_of, walk
from checker.proving.domains import domains
from checker.proving.grid import KEY, MOST, Grid, grid
from checker.proving.records import healthy_values

Hints = Mapping[str, Iterable[str]]
"""Texts worth trying, by field."""


def hints(rules: Iterable[Rule]) -> dict[str, list[str]]:
    """The texts that the tests of rules give."""
    found: dict[str, list[str]] = {}
    for rule in rules:
        for case in rule.tests:
            given = {**case.given, **{f"labels.{name}": value for name, value in case.labels.items()}}
            for path, value in given.items():
                if isinstance(value, str):
                    found.setdefault(path, []).append(value)
    return found


def answers(
    connection: DuckDBPyConnection,
    rules: Sequence[Rule],
    as_of: datetime,
    texts: Hints,
    *,
    most: int = MOST,
    name: str = "grid",
    fixed: Iterable[str] = (),
) -> Grid:
    """The answers that tell apart what rules of one scope, with bound parameters, tell apart.

    Args:
        connection: where the table is made.
        rules: the rules.
        as_of: the instant against which ages are measured.
        texts: texts worth trying.
        most: rows at most, each time something else was received.
        name: of the table; a word.
        fixed: fields that have their healthy value only.
    """
    conditions = [part for rule in rules for part in (rule.when, rule.condition) if part is not None]
    return of_conditions(connection, conditions, rules[0].scope, as_of, texts, most=most, name=name, fixed=fixed)


def of_conditions(
    connection: DuckDBPyConnection,
    conditions: Sequence[Condition],
    scope: Any,
    as_of: datetime,
    texts: Hints,
    *,
    most: int = MOST,
    name: str = "grid",
    fixed: Iterable[str] = (),
) -> Grid:
    """The answers that tell apart what conditions tell apart."""
    healthy = usual(scope, as_of)
    read = [one for part in conditions for one in fields_of(part) if one not in (FOUND, NOW)]
    every = [leaf for part in conditions for leaf in walk(part) if isinstance(leaf, Leaf)]
    made = domains(read, every, as_of, healthy, texts)
    kept = frozenset(fixed)
    made = [_fixed(one, healthy) if one.field.path in kept else one for one in made if one.field != FOUND]
    return grid(connection, made, healthy, scope, most=most, name=name)
