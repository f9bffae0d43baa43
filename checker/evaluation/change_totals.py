"""What became of the findings of the run that this one is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checker.evaluation.change_category import change_numbers
from checker.evaluation.condition_compiler import CODES
from checker.evaluation.finding_change import ReferenceFindings
from checker.evaluation.finding_order import severities_worst_first
from checker.evaluation.finding_states import ENTRY, KEY, ComparedRule, EvaluationTerms, with_state
from checker.evaluation.open_findings import (
    CHANGE,
    DEFINITION,
    FIRST,
    IDENTITY,
    JUDGED,
    read_open_findings,
    run_subjects,
    with_cover,
    with_identity,
    with_lists,
)
from checker.layout import FINDINGS
from checker.model import Category, ChangeNumbers, Factor, Rule, RuleScope, Severity, Subject, Verdict
from checker.policy.rule_digest import rule_digest
from checker.snapshot.writer import connect, duckdb_path
from checker.sql import Connection, Expression, Relation, case, coalesce, col, false, func, lit, same

GONE = (Category.NOT_JUDGED, Category.UNDECIDED, Category.FIXED)
"""What is gone: what nobody has looked at and what could not be found out come first."""


MOST = 100
"""How many of them are named; all of them are counted."""


@dataclass(frozen=True, slots=True)
class ClosedFinding:
    """A finding of the earlier run that is not one any more, or is not the same, with why, and since when it was open."""

    rule: str
    subject: Subject
    category: Category
    causes: tuple[str, ...] = ()
    first_seen: datetime | None = None
    first_run: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSince:
    """How many findings of each rule became what, and the first of those that are gone, of `total`. A rule of the earlier
    run may be one that this run does not have. `causes` says of the findings of each category how many have which causes."""

    counts: Mapping[str, Mapping[Category, int]] = field(default_factory=dict)
    gone: tuple[ClosedFinding, ...] = ()
    total: int = 0
    causes: Mapping[Category, Mapping[tuple[str, ...], int]] = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Of each rule."""

    @property
    def numbers(self) -> ChangeNumbers:
        """How many findings of which severity became what."""
        return change_numbers(
            (self.severities[name], category, number)
            for name, counts in self.counts.items()
            for category, number in counts.items()
        )

    def number(self, category: Category) -> int:
        """Of all rules."""
        return self.numbers.number(category)


def change_since(
    folder: Path, rules: Sequence[Rule], reference: ReferenceFindings, most: int = MOST
) -> ChangeSince:
    """What became of the findings that were open in the run compared with, in the words that `diff` uses.

    Args:
        folder: the folder with the tables and the findings, in which `record_change` wrote what became of them.
        rules: the rules of the run.
        reference: the run compared with.
        most: how many of those that are gone to name.
    """
    with connect() as connection:
        findings = with_identity(connection.read_parquet(duckdb_path(folder / FINDINGS)))
        kept = [col(name) for name in (*IDENTITY, *CHANGE, *FIRST)]
        own = findings.select(*kept, col("severity"))
        own.union(_gone(connection, folder, rules, reference, findings)).to_table("since")
        table = connection.table("since")
        counts: dict[str, dict[Category, int]] = {}
        causes: dict[Category, dict[tuple[str, ...], int]] = {}
        severities = {rule.name: rule.severity for rule in rules}
        found = table.aggregate(
            [col("rule"), *map(col, CHANGE), func("count_star"), func("max", col("severity"))]
        )
        for name, word, said, number, severity in found.order("rule, category, causes").fetchall():
            category = Category(word)
            severities.setdefault(name, Severity(severity))
            here = counts.setdefault(name, {})
            here[category] = here.get(category, 0) + number
            why = causes.setdefault(category, {})
            why[factors(said)] = why.get(factors(said), 0) + number
        gone = table.filter(col("category").isin(*(lit(item.value) for item in GONE)))
        total = gone.aggregate([func("count_star")]).fetchall()[0][0]
        words = func("list_value", *(lit(item.value) for item in GONE))
        place = func("list_position", words, col("category")).alias("place")
        grave = func("list_position", severities_worst_first(), col("severity")).alias("grave")
        order = 'place, grave, first_at, rule, target, "datastoreId", "imageSetId", named'
        first = gone.select(*kept, place, grave).order(order).limit(most).fetchall()
        named = tuple(_named(row[: len(kept)]) for row in first)
        own_severities = {name: severities[name] for name in counts}
        return ChangeSince(counts, named, total, causes, own_severities)


def factors(text: str | None) -> tuple[str, ...]:
    """The causes that a column of them holds."""
    return tuple(filter(None, (text or "").split(",")))


def _named(row: tuple[Any, ...]) -> ClosedFinding:
    rule, target, store, image_set, version, word, causes, first_at, first_run = row
    subject = Subject(target, None, None, store, image_set, version, version is not None)
    first = first_at.replace(tzinfo=UTC) if first_at else None
    return ClosedFinding(rule, subject, Category(word), factors(causes), first, first_run)


def _gone(
    connection: Connection,
    folder: Path,
    rules: Sequence[Rule],
    reference: ReferenceFindings,
    findings: Relation,
) -> Relation:
    """What was open then and is no finding now: it was judged and found in order, or was not looked at."""
    before = read_open_findings(connection, reference.file).filter(col("verdict") != lit(JUDGED))
    listed = func("list_value", *(lit(rule.name) for rule in rules))
    entry = (func("list_position", listed, col("rule")) - lit(1)).cast("INTEGER").alias(ENTRY)
    asks = func("list_value", *(lit(rule_digest(rule)) for rule in rules))
    other = func("list_extract", asks, col(ENTRY) + lit(1)) != col(DEFINITION)
    absent = before.set_alias("before").join(
        findings.set_alias("found"), same("before", "found", IDENTITY), how="anti"
    )
    rows = absent.select(
        entry, *map(col, (*IDENTITY, "verdict", DEFINITION, "severity", *FIRST, "judged_run"))
    )
    rows = rows.select(*map(col, rows.columns), other.alias("other_rule"))
    rows = with_cover(_with_judged(connection, folder, rules, rows), findings)
    # what that run did not look at either has not changed
    rows.filter(col("judged") | (col("judged_run") == lit(reference.run))).to_table("gone")
    gone = connection.table("gone")
    fails = col("verdict") == lit(Verdict.FAIL.value)
    still = _fails_then(connection, gone.filter(col("judged") & fails & ~col("other_rule")), folder, rules, reference)  # fmt: skip
    joined = gone.set_alias("gone").join(
        still.set_alias("still"), same("gone", "still", IDENTITY), how="left"
    )
    fixed = case(fails, lit(Category.FIXED.value)).otherwise(lit(Category.DECIDED.value))
    category = case(col("judged"), fixed)
    undecided = case(fails, lit(Category.UNDECIDED.value)).otherwise(lit(Category.PERSISTING.value))
    category = category.when(col("covered"), undecided).otherwise(lit(Category.NOT_JUDGED.value))
    no_rule = col(ENTRY).isnull() | coalesce(col("other_rule") & col("judged"), false())
    causes = case(no_rule, lit(Factor.POLICY.value))
    by_time = coalesce(col("fails_then"), false())
    causes = causes.when(by_time, lit(Factor.CLOCK.value)).otherwise(lit(Factor.DATA.value))
    own = {name: col("gone", name) for name in (*IDENTITY, *FIRST)}
    shown: dict[str, Expression] = own | {"category": category, "causes": causes}
    told = [shown[name].alias(name) for name in (*IDENTITY, *CHANGE, *FIRST)]
    return joined.select(*told, col("gone", "severity").alias("severity"))


def _with_judged(connection: Connection, folder: Path, rules: Sequence[Rule], rows: Relation) -> Relation:
    """With whether this run has judged each."""
    scopes: dict[RuleScope, list[str]] = {}
    for rule in rules:
        scopes.setdefault(rule.scope, []).append(rule.name)
    columns = rows.columns
    rows = rows.select(*map(col, columns), false().alias("judged"))
    for scope, names in scopes.items():
        known = run_subjects(connection, folder, scope).set_alias("known")
        joined = rows.set_alias("rows").join(known, same("rows", "known", KEY), how="left")
        here = col("rows", "rule").isin(*map(lit, names)) & col("known", "target").isnotnull()
        rows = joined.select(
            *(col("rows", name).alias(name) for name in columns),
            (col("rows", "judged") | here).alias("judged"),
        )
    rows = with_lists(connection, rows, folder, scopes.get("version", []))
    judged = (col("judged") | col("listed")).alias("judged")
    return rows.select(*map(col, columns), judged)


def _fails_then(
    connection: Connection,
    wanted: Relation,
    folder: Path,
    rules: Iterable[Rule],
    reference: ReferenceFindings,
) -> Relation:
    """Of some that are gone, whether the answers of now would still have failed at the instant of then."""
    chosen = list(rules)
    entries = [ComparedRule(rule.name, rule.scope, frozenset()) for rule in chosen]
    named = wanted.select(col(ENTRY), *map(col, IDENTITY))
    rows = with_state(connection, named, EvaluationTerms(folder, chosen, reference.as_of), entries, "then")
    failed = col("then") == lit(CODES[Verdict.FAIL])
    return rows.select(*map(col, IDENTITY), failed.alias("fails_then"))
