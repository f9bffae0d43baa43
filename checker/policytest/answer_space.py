"""Answers on which rules of one scope can be tried, and each answer as a test would give it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Self

from checker.evaluation.compile import NO_AGGREGATES, Columns
from checker.fields import FOUND, NOW
from checker.model import Aggregate, Condition, Field, Leaf, Rule, RuleScope, Scalar
from checker.policy.condition_tree import fields_of, walk
from checker.policy.test_input import MOST_SETS
from checker.policytest.answer_grid import MOST, MOST_WORK, Grid, combinations, grid
from checker.policytest.bounds import Sums
from checker.policytest.comparisons import Domain
from checker.policytest.counterexample import given
from checker.policytest.datastores import Stores
from checker.policytest.domains import domains
from checker.policytest.healthy_answers import healthy_values
from checker.sql import Connection, Relation

LEAST_ROWS = 1_000
"""Answers that are tried of even the largest rule."""

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


def parts(rules: Iterable[Rule]) -> list[Condition]:
    """What rules judge by: each `when` and each condition."""
    return [part for rule in rules for part in (rule.when, rule.condition) if part is not None]


def weight(condition: Condition) -> int:
    """How much of an answer a condition judges: its comparisons."""
    return sum(
        weight(part)
        for leaf in walk(condition)
        if isinstance(leaf, Aggregate)
        for part in (leaf.of, leaf.among)
        if part is not None
    ) + sum(
        len(test.value) if isinstance(test.value, tuple) else 1
        for leaf in walk(condition)
        for test in leaf.tests
    )


class AnswerSpace:
    """The answers that tell apart what rules of one scope, with bound parameters, tell apart.

    `rows` has a row for each answer, numbered by `KEY`; `columns` are those of the rules' aggregates. Its tables last as
    long as its `with`.
    """

    def __init__(
        self,
        connection: Connection,
        rules: Sequence[Rule],
        as_of: datetime,
        texts: Hints,
        *,
        most: int = MOST,
        most_sets: int = MOST_SETS,
        name: str = "answers",
    ) -> None:
        self.as_of = as_of
        self.scope = rules[0].scope
        self.connection = connection
        self.name = name
        try:
            self._fill(rules, texts, min(most, _most(rules)), most_sets)
        except BaseException:
            _drop(connection, name)
            raise

    def _fill(self, rules: Sequence[Rule], texts: Hints, most: int, most_sets: int) -> None:
        connection, as_of, name, every = self.connection, self.as_of, self.name, parts(rules)
        self.grid = conditions_grid(connection, every, self.scope, as_of, texts, most=most, name=name)
        self.rows: Relation = self.grid.rows
        self.columns: Columns = NO_AGGREGATES
        self.stores: Stores | None = None
        self.inner: Grid | None = None
        aggregates = dict.fromkeys(
            leaf for part in every for leaf in walk(part) if isinstance(leaf, Aggregate)
        )
        if aggregates:
            inner = [
                part
                for aggregate in aggregates
                for part in (aggregate.of, aggregate.among)
                if part is not None
            ]
            self.inner = conditions_grid(
                connection, inner, "image_set", as_of, texts, most=most, name=f"{name}_inner"
            )
            self.stores = Stores(
                connection,
                self.inner,
                tuple(aggregates),
                as_of,
                name=f"{name}_stores",
                most_sets=most_sets,
            )
            self.rows, self.columns = self.stores.beside(self.grid.rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _drop(self.connection, self.name)

    @property
    def sampled(self) -> bool:
        """Whether combinations were left out."""
        return self.grid.sampled or bool(self.stores and not self.stores.every)

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The tables of answers: on the rules' own subjects, and on what they count."""
        return (self.grid,) if self.inner is None else (self.grid, self.inner)

    def proves(self, read: Iterable[Field]) -> bool:
        """Whether what no answer shows of these fields is true of none."""
        return not self.sampled and self.grid.proves(read)

    def given(self, key: int) -> dict[str, object]:
        """The answer of that number as `given` of a test, with what stands beside it."""
        outer = key % self.stores.base if self.stores else key
        made = given(*self.grid.answer(outer), self.scope, self.as_of)
        if self.stores is None or self.inner is None:
            return made
        sets, complete = self.stores.mixed(key)
        listed = [
            {
                **({"count": count} if count > 1 else {}),
                **given(*self.inner.answer(number), "image_set", self.as_of),
            }
            for number, count in sets
        ]
        return {
            **made,
            **({"image_sets": listed} if listed else {}),
            **({} if complete else {"complete": False}),
        }


def provable(connection: Connection, rules: Sequence[Rule], as_of: datetime, texts: Hints) -> bool:
    """Whether all answers that tell apart what rules read of their own subjects can be tried."""
    scope, read = rules[0].scope, {field for rule in rules for field in rule.fields}
    found = conditions_domains(connection, parts(rules), scope, as_of, texts)
    return combinations(found, scope) <= _most(rules) and all(
        domain.every for domain in found if domain.field in read
    )


def conditions_domains(
    connection: Connection,
    conditions: Sequence[Condition],
    scope: RuleScope,
    as_of: datetime,
    texts: Hints,
) -> list[Domain]:
    """The values of each field that tell apart what conditions with bound parameters tell apart."""
    healthy: Mapping[str, Scalar] = healthy_values(scope, as_of)
    read = [field for part in conditions for field in fields_of(part) if field not in (FOUND, NOW)]
    leaves = [leaf for part in conditions for leaf in walk(part) if isinstance(leaf, Leaf)]
    every = domains([*read, FOUND], leaves, as_of, healthy, texts, sums=Sums(connection))
    return [domain for domain in every if domain.field != FOUND]


def conditions_grid(
    connection: Connection,
    conditions: Sequence[Condition],
    scope: RuleScope,
    as_of: datetime,
    texts: Hints,
    *,
    most: int = MOST,
    name: str = "grid",
) -> Grid:
    """The answers that tell apart what conditions with bound parameters tell apart."""
    made = conditions_domains(connection, conditions, scope, as_of, texts)
    return grid(connection, made, healthy_values(scope, as_of), scope, most=most, name=name)


def _most(rules: Sequence[Rule]) -> int:
    """How many answers are tried of rules: fewer of those that compare much."""
    work = len(rules) + sum(map(weight, parts(rules)))
    return max(min(MOST, MOST_WORK // work), LEAST_ROWS)


def _drop(connection: Connection, name: str) -> None:
    """Drops the tables whose names begin so."""
    found = connection.sql(
        "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, $1)", params=[name]
    )
    for (table,) in found.fetchall():
        connection.execute(f"DROP TABLE {table}")  # the name is a word of ours
