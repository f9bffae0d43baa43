"""Answers on which rules of one scope can be tried, and each answer as a test would give it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Self

from checker.evaluation.condition_compiler import NO_AGGREGATES, Columns
from checker.fields import FOUND_FIELD
from checker.model import Aggregate, Condition, Field, Leaf, Rule, RuleScope
from checker.policy.condition_tree import fields_of, walk
from checker.policy.params import rule_leaves
from checker.policy.test_input import MOST_SETS
from checker.policytest.answer_grid import MOST, MOST_WORK, AnswerGrid, combinations, grid
from checker.policytest.bound_closure import InstantSums
from checker.policytest.comparisons import Domain
from checker.policytest.counterexample import test_input
from checker.policytest.datastore_mixtures import DatastoreMixtures
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
        def grid_of(conditions: Sequence[Condition], scope: RuleScope, name: str) -> AnswerGrid:
            found = _domains(self.connection, conditions, scope, self.as_of, texts)
            return grid(
                self.connection, found, healthy_values(scope, self.as_of), scope, most=most, name=name
            )

        every = _parts(rules)
        self.grid = grid_of(every, self.scope, self.name)
        self.rows: Relation = self.grid.rows
        self.columns: Columns = NO_AGGREGATES
        self.stores: DatastoreMixtures | None = None
        self.inner: AnswerGrid | None = None
        found = dict.fromkeys(leaf for part in every for leaf in walk(part))
        aggregates = tuple(leaf for leaf in found if isinstance(leaf, Aggregate))
        if aggregates:
            counted = [part for leaf in aggregates for part in (leaf.of, leaf.among) if part is not None]
            self.inner = grid_of(counted, "image_set", f"{self.name}_inner")
            self.stores = DatastoreMixtures(
                self.connection,
                self.inner,
                aggregates,
                self.as_of,
                name=f"{self.name}_stores",
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
    def grids(self) -> tuple[AnswerGrid, ...]:
        """The tables of answers: on the rules' own subjects, and on what they count."""
        return (self.grid,) if self.inner is None else (self.grid, self.inner)

    def proves(self, read: Iterable[Field]) -> bool:
        """Whether what no answer shows of these fields is true of none."""
        return not self.sampled and self.grid.proves(read)

    def given(self, key: int) -> dict[str, object]:
        """The answer of that number as `given` of a test, with what stands beside it."""
        outer = key % self.stores.base if self.stores else key
        made = test_input(*self.grid.answer(outer), self.scope, self.as_of)
        if self.stores is None or self.inner is None:
            return made
        sets, complete = self.stores.mixed(key)
        listed = [
            {
                **({"count": count} if count > 1 else {}),
                **test_input(*self.inner.answer(number), "image_set", self.as_of),
            }
            for number, count in sets
        ]
        return {
            **made,
            **({"image_sets": listed} if listed else {}),
            **({} if complete else {"complete": False}),
        }


def answers_needed(
    connection: Connection, rules: Sequence[Rule], as_of: datetime, texts: Hints
) -> int | None:
    """How many answers tell apart what rules read of their own subjects; None where they cannot all be tried."""
    scope, read = rules[0].scope, {field for rule in rules for field in rule.fields}
    found = _domains(connection, _parts(rules), scope, as_of, texts)
    number = combinations(found, scope)
    every = all(domain.every for domain in found if domain.field in read)
    return number if every and number <= _most(rules) else None


def _domains(
    connection: Connection, conditions: Sequence[Condition], scope: RuleScope, as_of: datetime, texts: Hints
) -> list[Domain]:
    """The values of each field that tell apart what conditions with bound parameters tell apart."""
    read = [field for part in conditions for field in fields_of(part)]
    compared = [leaf for part in conditions for leaf in walk(part) if isinstance(leaf, Leaf)]
    every = domains(
        [*read, FOUND_FIELD],
        compared,
        as_of,
        healthy_values(scope, as_of),
        texts,
        sums=InstantSums(connection),
    )
    return [domain for domain in every if domain.field != FOUND_FIELD]


def _parts(rules: Iterable[Rule]) -> list[Condition]:
    """What rules judge by: each `when` and each condition."""
    return [part for rule in rules for part in (rule.when, rule.condition) if part is not None]


def _most(rules: Sequence[Rule]) -> int:
    """How many answers are tried of rules: fewer of those that compare much."""
    values = [test.value for rule in rules for leaf in rule_leaves(rule) for test in leaf.tests]
    work = len(rules) + sum(len(value) if isinstance(value, tuple) else 1 for value in values)
    return max(min(MOST, MOST_WORK // work), LEAST_ROWS)


def _drop(connection: Connection, name: str) -> None:
    """Drops the tables whose names begin so."""
    found = connection.sql(
        "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, $1)", params=[name]
    )
    for (table,) in found.fetchall():
        connection.execute(f"DROP TABLE {table}")  # the name is a word of ours
