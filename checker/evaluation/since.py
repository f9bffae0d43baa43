"""What became of the findings of the run that this one is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.causes import ENTRY, Entry, Factor, restated
from checker.evaluation.change import Reference
from checker.evaluation.compile import CODES
from checker.evaluation.finding_order import grave_first
from checker.evaluation.finding_states import KEY, Way
from checker.evaluation.open_findings import (
    CHANGE,
    DEFINITION,
    FIRST,
    IDENTITY,
    JUDGED,
    identified,
    judged_subjects,
    read_open_findings,
    same,
    with_cover,
    with_lists,
)
from checker.layout import FINDINGS
from checker.model import Category, Rule, RuleScope, Subject, Verdict
from checker.policy.rule_digest import definition
from checker.snapshot.writer import connect, duckdb_path

GONE = (Category.NOT_JUDGED, Category.UNDECIDED, Category.FIXED)
"""What is gone: what nobody has looked at and what could not be found out come first."""


MOST = 100
"""How many of them are named; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A finding of the earlier run that is not one any more, or is not the same, with why, and since when it was open."""

    rule: str
    subject: Subject
    category: Category
    causes: tuple[str, ...] = ()
    first_seen: datetime | None = None
    first_run: str | None = None


@dataclass(frozen=True, slots=True)
class Since:
    """How many findings of each rule became what, and the first of those that are gone, of `total`. A rule of the earlier
    run may be one that this run does not have. `causes` says of the findings of each category how many have which causes."""

    counts: Mapping[str, Mapping[Category, int]] = field(default_factory=dict)
    gone: tuple[Gone, ...] = ()
    total: int = 0
    causes: Mapping[Category, Mapping[tuple[str, ...], int]] = field(default_factory=dict)

    def number(self, category: Category) -> int:
        """Of all rules."""
        return sum(one.get(category, 0) for one in self.counts.values())

    @property
    def numbers(self) -> dict[Category, int]:
        """Of all rules, each category that has any, in the order of reports."""
        return {one: number for one in Category if (number := self.number(one))}


def since(folder: Path, rules: Sequence[Rule], reference: Reference, most: int = MOST) -> Since:
    """What became of the findings that were open in the run compared with, in the words that `diff` uses.

    Args:
        folder: the folder with the tables and the findings, in which `record_change` wrote what became of them.
        rules: the rules of the run.
        reference: the run compared with.
        most: how many of those that are gone to name.
    """
    with connect() as connection:
        findings = identified(connection.read_parquet(duckdb_path(folder / FINDINGS)))
        kept = [Column(name) for name in (*IDENTITY, *CHANGE, *FIRST)]
        own = findings.select(*kept, Column("severity"))
        own.union(_gone(connection, folder, rules, reference, findings)).to_table("since")
        table = connection.table("since")
        counts: dict[str, dict[Category, int]] = {}
        causes: dict[Category, dict[tuple[str, ...], int]] = {}
        found = table.aggregate([Column("rule"), *map(Column, CHANGE), Function("count_star")])
        for name, word, said, number in found.order("rule, category, causes").fetchall():
            category = Category(word)
            here = counts.setdefault(name, {})
            here[category] = here.get(category, 0) + number
            why = causes.setdefault(category, {})
            why[factors(said)] = why.get(factors(said), 0) + number
        gone = table.filter(Column("category").isin(*(Constant(one.value) for one in GONE)))
        total = gone.aggregate([Function("count_star")]).fetchall()[0][0]
        words = Function("list_value", *(Constant(one.value) for one in GONE))
        place = Function("list_position", words, Column("category")).alias("place")
        grave = Function("list_position", grave_first(), Column("severity")).alias("grave")
        order = 'place, grave, first_at, rule, target, "datastoreId", "imageSetId", named'
        first = gone.select(*kept, place, grave).order(order).limit(most).fetchall()
        return Since(counts, tuple(_named(row[: len(kept)]) for row in first), total, causes)


def factors(text: str | None) -> tuple[str, ...]:
    """The causes that a column of them holds."""
    return tuple(filter(None, (text or "").split(",")))


def _named(row: tuple[Any, ...]) -> Gone:
    rule, target, store, image_set, version, word, causes, first_at, first_run = row
    subject = Subject(target, None, None, store, image_set, version, version is not None)
    first = first_at.replace(tzinfo=UTC) if first_at else None
    return Gone(rule, subject, Category(word), factors(causes), first, first_run)


def _gone(
    connection: DuckDBPyConnection,
    folder: Path,
    rules: Sequence[Rule],
    reference: Reference,
    findings: DuckDBPyRelation,
) -> DuckDBPyRelation:
    """What was open then and is no finding now: it was judged and found in order, or was not looked at."""
    before = read_open_findings(connection, reference.file).filter(Column("verdict") != Constant(JUDGED))
    listed = Function("list_value", *(Constant(rule.name) for rule in rules))
    entry = (Function("list_position", listed, Column("rule")) - Constant(1)).cast("INTEGER").alias(ENTRY)
    asks = Function("list_value", *(Constant(definition(rule)) for rule in rules))
    other = Function("list_extract", asks, Column(ENTRY) + Constant(1)) != Column(DEFINITION)
    absent = before.set_alias("before").join(findings.set_alias("found"), same("before", "found"), how="anti")
    rows = absent.select(
        entry, *map(Column, (*IDENTITY, "verdict", DEFINITION, "severity", *FIRST, "judged_run"))
    )
    rows = rows.select(*map(Column, rows.columns), other.alias("other_rule"))
    rows = with_cover(_with_judged(connection, folder, rules, rows), findings)
    # what that run did not look at either has not changed
    rows.filter(Column("judged") | (Column("judged_run") == Constant(reference.run))).to_table("gone")
    gone = connection.table("gone")
    fails = Column("verdict") == Constant(Verdict.FAIL.value)
    still = _fails_then(connection, gone.filter(Column("judged") & fails & ~Column("other_rule")), folder, rules, reference)  # fmt: skip
    joined = gone.set_alias("gone").join(still.set_alias("still"), same("gone", "still"), how="left")
    fixed = Case(fails, Constant(Category.FIXED.value)).otherwise(Constant(Category.DECIDED.value))
    category = Case(Column("judged"), fixed)
    undecided = Case(fails, Constant(Category.UNDECIDED.value)).otherwise(Constant(Category.PERSISTING.value))
    category = category.when(Column("covered"), undecided).otherwise(Constant(Category.NOT_JUDGED.value))
    no_rule = Column(ENTRY).isnull() | Coalesce(
        Column("other_rule") & Column("judged"), Constant(value=False)
    )
    causes = Case(no_rule, Constant(Factor.POLICY.value))
    by_time = Coalesce(Column("fails_then"), Constant(value=False))
    causes = causes.when(by_time, Constant(Factor.CLOCK.value)).otherwise(Constant(Factor.DATA.value))
    own = {name: Column("gone", name) for name in (*IDENTITY, *FIRST)}
    shown: dict[str, Expression] = own | {"category": category, "causes": causes}
    told = [shown[name].alias(name) for name in (*IDENTITY, *CHANGE, *FIRST)]
    return joined.select(*told, Column("gone", "severity").alias("severity"))


def _with_judged(
    connection: DuckDBPyConnection, folder: Path, rules: Sequence[Rule], rows: DuckDBPyRelation
) -> DuckDBPyRelation:
    """With whether this run has judged each."""
    scopes: dict[RuleScope, list[str]] = {}
    for rule in rules:
        scopes.setdefault(rule.scope, []).append(rule.name)
    columns = rows.columns
    rows = rows.select(*map(Column, columns), Constant(value=False).alias("judged"))
    for scope, names in scopes.items():
        known = judged_subjects(connection, folder, scope).set_alias("known")
        joined = rows.set_alias("rows").join(known, same("rows", "known", KEY), how="left")
        here = Column("rows", "rule").isin(*map(Constant, names)) & Column("known", "target").isnotnull()
        rows = joined.select(
            *(Column("rows", name).alias(name) for name in columns),
            (Column("rows", "judged") | here).alias("judged"),
        )
    rows = with_lists(connection, rows, folder, scopes.get("version", []))
    judged = (Column("judged") | Column("listed")).alias("judged")
    return rows.select(*map(Column, columns), judged)


def _fails_then(
    connection: DuckDBPyConnection,
    wanted: DuckDBPyRelation,
    folder: Path,
    rules: Iterable[Rule],
    reference: Reference,
) -> DuckDBPyRelation:
    """Of some that are gone, whether the answers of now would still have failed at the instant of then."""
    chosen = list(rules)
    entries = [Entry(rule.name, rule.scope, frozenset()) for rule in chosen]
    named = wanted.select(Column(ENTRY), *map(Column, IDENTITY))
    rows = restated(connection, named, Way(folder, chosen, reference.as_of), entries, "then")
    failed = Column("then") == Constant(CODES[Verdict.FAIL])
    return rows.select(*map(Column, IDENTITY), failed.alias("fails_then"))
