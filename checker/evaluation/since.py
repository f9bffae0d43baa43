"""What became of the findings of the run that this one is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.baseline import IDENTITY, NEW
from checker.evaluation.flapping import category_of, is_one, rank
from checker.evaluation.states import FINDINGS as FINDING_STATES
from checker.evaluation.states import FOUND, KEY, NO_FINDING, WAIVED, kept_states, who
from checker.evaluation.tables import read_table
from checker.evidence.runfolder import BASELINE, FINDINGS
from checker.evidence.snapshot import connect, duckdb_path
from checker.model import Category, Rule, RuleScope, Subject, Verdict

GONE = (Category.NOT_JUDGED, Category.UNDECIDED, Category.FIXED)
"""What is gone: what nobody has looked at and what could not be found out come first."""


MOST = 100
"""How many of them are named; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A finding of the earlier run that is not one any more, or is not the same."""

    rule: str
    subject: Subject
    category: Category


@dataclass(frozen=True, slots=True)
class Since:
    """How many findings of each rule became what, and the first of those that are gone, of `total`. A rule of the earlier
    run may be one that this run does not have."""

    counts: Mapping[str, Mapping[Category, int]] = field(default_factory=dict)
    gone: tuple[Gone, ...] = ()
    total: int = 0

    def number(self, category: Category) -> int:
        """Of all rules."""
        return sum(one.get(category, 0) for one in self.counts.values())


def since(folder: Path, rules: Sequence[Rule], most: int = MOST) -> Since | None:
    """What became of the findings in a folder's baseline, in the words that a comparison of two runs uses.

    A fail of another version than then is new, as it is to the gate: somebody has written to the image set since.

    Args:
        folder: the folder with the snapshot, the findings, and the baseline; None is returned where it has none.
        rules: the rules of the run.
        most: how many of those that are gone to name.
    """
    if not (folder / BASELINE).exists():
        return None
    with connect() as connection:
        rows = _rows(connection, folder, rules)
        sorted_out = rows.select(*map(Column, rows.columns), category_of("was", "now").alias("category"))
        sorted_out.select(*map(Column, IDENTITY), _category().alias("category")).to_table("since")
        table = connection.table("since")
        counts: dict[str, dict[Category, int]] = {}
        words = list(Category)
        found = table.aggregate([Column("rule"), Column("category"), Function("count_star")])
        for name, code, number in found.order("rule, category").fetchall():
            counts.setdefault(name, {})[words[code]] = number
        gone = table.filter(is_one("category", *GONE))
        total = gone.aggregate([Function("count_star")]).fetchall()[0][0]
        place = Function("list_position", _list([rank(one) for one in GONE]), Column("category"))
        order = 'place, rule, target, "datastoreId", "imageSetId", named'
        named = gone.select(*map(Column, (*IDENTITY, "category")), place.alias("place"))
        first = named.order(order).limit(most).fetchall()
        return Since(counts, tuple(_gone(row[:-1], words) for row in first), total)


def _category() -> Expression:
    """The code of the category, where this run's own words for new and waived go before those of a comparison."""
    waived = Coalesce(Column("now") >= Constant(WAIVED), Constant(value=False))
    finding = Coalesce(Column("now").isin(*map(Constant, FINDING_STATES)), Constant(value=False))
    new = Coalesce(Column(NEW), Constant(value=False)) & finding
    written = is_one("category", Category.PERSISTING) & new & ~waived
    # what a waiver covers from its first day on is no news to anybody
    covered = is_one("category", Category.NEW) & finding & waived
    case = Case(written, Constant(rank(Category.NEW))).when(covered, Constant(rank(Category.WAIVED)))
    return case.otherwise(Column("category")).cast("TINYINT")


def _list(values: Sequence[int]) -> Expression:
    return Function("list_value", *map(Constant, values))


def _gone(row: tuple[Any, ...], words: Sequence[Category]) -> Gone:
    rule, target, store, image_set, version, code = row
    return Gone(
        rule, Subject(target, None, None, store, image_set, version, version is not None), words[code]
    )


def _rows(connection: DuckDBPyConnection, folder: Path, rules: Sequence[Rule]) -> DuckDBPyRelation:
    """Each finding of either run with the states `was` and `now`."""
    names = [rule.name for rule in rules]
    listed = Function("list_value", *map(Constant, names))
    found = kept_states(connection, folder / FINDINGS, names, (NEW,))
    name = Function("list_extract", listed, Column("entry") + Constant(1))
    now = found.select(name.alias("rule"), *map(Column, (*KEY, NEW)), Column("code").alias("now"))
    fail = Case(Column("verdict") == Constant(Verdict.FAIL.value), Constant(FOUND[0])).otherwise(
        Constant(FOUND[1])
    )
    was = Case(Column("unwaived"), fail).otherwise(fail + Constant(WAIVED)).cast("TINYINT")
    baseline = connection.read_parquet(duckdb_path(folder / BASELINE))
    before = baseline.select(*map(Column, IDENTITY), was.alias("was"))
    on = " AND ".join(f'before."{one}" IS NOT DISTINCT FROM after."{one}"' for one in IDENTITY)
    both = before.set_alias("before").join(now.set_alias("after"), on, how="outer")
    there = Column("before", "was").isnotnull()
    paired = both.select(
        *(Case(there, Column("before", one)).otherwise(Column("after", one)).alias(one) for one in IDENTITY),
        Coalesce(Column("before", "was"), Constant(NO_FINDING)).cast("TINYINT").alias("was"),
        *(Column("after", one).alias(one) for one in ("now", NEW)),
    )
    return _judged(connection, folder, rules, paired)


def _judged(
    connection: DuckDBPyConnection, folder: Path, rules: Sequence[Rule], rows: DuckDBPyRelation
) -> DuckDBPyRelation:
    """What has no finding now was judged and found in order, or was not looked at."""
    scopes: dict[RuleScope, list[str]] = {}
    for rule in rules:
        scopes.setdefault(rule.scope, []).append(rule.name)
    for scope, names in scopes.items():
        columns = who(scope)
        subjects = read_table(connection, folder, scope).select(*(columns[one].alias(one) for one in KEY))
        known = subjects.distinct().select(*map(Column, KEY), Constant(value=True).alias("judged"))
        on = " AND ".join(f'rows."{one}" IS NOT DISTINCT FROM known."{one}"' for one in KEY)
        joined = rows.set_alias("rows").join(known.set_alias("known"), on, how="left")
        silent = Column("known", "judged") & Column("rows", "rule").isin(*map(Constant, names))
        rows = joined.select(
            *(Column("rows", one).alias(one) for one in (*IDENTITY, "was", NEW)),
            Coalesce(Column("rows", "now"), Case(silent, Constant(NO_FINDING).cast("TINYINT"))).alias("now"),
        )
    return rows
