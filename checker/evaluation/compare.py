"""Two runs' findings side by side: what became of each, columnar, and written as one row for each change.

What makes two findings the same is the rule, the target, the data store, the image set, and the version where that is
part of the subject's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.causes import Factor, with_causes
from checker.evaluation.compile import CODES, tree
from checker.evaluation.restate import ENTRY, Entry, restated, same
from checker.evaluation.states import FINDINGS, FOUND, KEY, NO_FINDING, WAIVED, Way, kept_states, states
from checker.evaluation.tables import SUBJECT
from checker.evidence.snapshot import connect, duckdb_path
from checker.model import RuleScope, Verdict

SLICE = 20_000
_IDENTITY = (ENTRY, *KEY)


class Category(StrEnum):
    """What became of a finding. `fixed` is said of a fail alone, and only where the rule has judged the subject again."""

    NEW = "new"
    FLAPPING = "flapping"
    WAIVER_ENDED = "waiver ended"
    UNDECIDED = "undecided"
    NOT_JUDGED = "not judged any more"
    FIXED = "fixed"
    DECIDED = "decided"
    WAIVED = "waived"
    PERSISTING = "persisting"


@dataclass(frozen=True, slots=True)
class Counted:
    """How many findings of a rule have a category and the same causes."""

    entry: int
    category: Category
    causes: tuple[Factor, ...]
    number: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What runs kept of their findings: of the old and the new one, and of those before, oldest first, each with the
    names of the rules that it judged."""

    old: Path
    new: Path
    earlier: Sequence[tuple[Path, frozenset[str]]] = ()


def compare(
    ways: Callable[[frozenset[Factor]], Way],
    factors: frozenset[Factor],
    entries: Sequence[Entry],
    kept: Kept,
    out: Path,
) -> list[Counted]:
    """Compares two runs, and writes what changed.

    Args:
        ways: how the old run judged, with some factors as the new one had them: none of them for the old run itself,
            all of them for the new one.
        factors: those in which the runs differ.
        entries: the rules of both.
        kept: the findings that the runs kept.
        out: the Parquet file for the changes, by category, rule, target, image set and version.

    Returns:
        The counts, of what persists too.
    """
    old, new = ways(frozenset()), ways(factors)
    with connect() as connection:
        _pairs(connection, entries, old, new)
        _with_kept(connection, entries, (old, new), kept)
        found = connection.table("pairs")
        found.select(*map(Column, found.columns), _category().alias("category")).to_table("sorted")
        changes = connection.table("sorted").filter(Column("category") != Constant(_rank(Category.PERSISTING)))
        _numbered(changes).to_table("changes")
        with_causes(connection, ways, factors, entries)
        _flapping(connection, entries, kept)
        counted = _counts(connection)
        _write(connection, kept, entries, out)
    return counted


def _rank(category: Category) -> int:
    return list(Category).index(category)


def _pairs(connection: DuckDBPyConnection, entries: Sequence[Entry], old: Way, new: Way) -> None:
    """The table `pairs`: every subject and rule that is a finding on one side at least, with the state on both."""
    parts = []
    for scope in dict.fromkeys(entry.scope for entry in entries):
        indexes = [index for index, entry in enumerate(entries) if entry.scope == scope]
        sides = {
            "o": (old, {i: rule for i in indexes if (rule := entries[i].old) is not None}),
            "n": (new, {i: rule for i in indexes if (rule := entries[i].new) is not None}),
        }
        wide = _beside(connection, scope, sides)
        for index in indexes:
            was, now = (
                Column(f"{side}{index}") if index in rules else Constant(None)
                for side, (_, rules) in sides.items()
            )
            was, now = (one.cast("TINYINT") for one in (was, now))
            chosen = wide.select(
                Constant(index).cast("INTEGER").alias(ENTRY),
                *map(Column, (*SUBJECT, "named")),
                was.alias("was_again"),
                now.alias("now_again"),
            )
            parts.append(chosen.filter(_is_finding("was_again") | _is_finding("now_again")))
    every = tree(lambda left, right: left.union(right), parts)
    every.select(
        *map(Column, every.columns), Column("was_again").alias("was"), Column("now_again").alias("now")
    ).to_table("pairs")


def _beside(
    connection: DuckDBPyConnection, scope: RuleScope, sides: Mapping[str, tuple[Way, Mapping[int, object]]]
) -> DuckDBPyRelation:
    """The subjects of a scope, with the states of both sides; those where no rule found anything are left out."""
    wide = {
        side: states(connection, way, scope, rules, side)  # type: ignore[arg-type]
        for side, (way, rules) in sides.items()
        if rules
    }
    columns = (*SUBJECT, "named")
    if len(wide) == 1:
        ((side, rows),) = wide.items()
        named = [Column(f"{side}{name}").alias(name) for name in columns]
        judged = [name for name in rows.columns if name not in {f"{side}{name}" for name in columns}]
        every = rows.select(*named, *map(Column, judged))
    else:
        on = " AND ".join(f'old."o{name}" IS NOT DISTINCT FROM new."n{name}"' for name in KEY)
        joined = wide["o"].set_alias("old").join(wide["n"].set_alias("new"), on, how="outer")
        # a row of one side only has nulls in place of the other's; its target tells whose
        both = [
            Case(Column("ntarget").isnotnull(), Column(f"n{name}")).otherwise(Column(f"o{name}")).alias(name)
            for name in columns
        ]
        own = {f"{side}{name}" for side in wide for name in columns}
        every = joined.select(*both, *(Column(name) for name in joined.columns if name not in own))
    judged = [name for name in every.columns if name not in columns]
    found = tree(lambda left, right: left | right, [_is_finding(name) for name in judged])
    name = f"beside_{scope}"
    every.filter(found).to_table(name)
    return connection.table(name)


def _is_finding(column: str) -> Expression:
    return Coalesce(Column(column).isin(*map(Constant, FINDINGS)), Constant(value=False))


def _with_kept(
    connection: DuckDBPyConnection, entries: Sequence[Entry], ways: tuple[Way, Way], kept: Kept
) -> None:
    """Puts what the runs kept in the place of what judging them again gives, where that is something else: another
    version of the program judged."""
    names = [entry.name for entry in entries]
    other = {
        side: _otherwise(connection, side, kept_states(connection, path, names), entries)
        for side, path in (("was", kept.old), ("now", kept.new))
    }
    if not any(table.limit(1).fetchall() for table in other.values()):
        return
    columns = (ENTRY, *SUBJECT, "named")
    every = tree(lambda left, right: left.union(right), list(other.values()))
    lacking = every.select(*map(Column, columns)).set_alias("other").join(
        connection.table("pairs").set_alias("pairs"), same("other", "pairs", _IDENTITY), how="anti"
    )
    lacking.select(*map(Column, columns)).distinct().to_table("lacking")
    again = connection.table("lacking")
    for side, way in (("was_again", ways[0]), ("now_again", ways[1])):
        again = restated(connection, again, way, entries, side, old=side == "was_again")
    pairs = connection.table("pairs").select(*map(Column, (*columns, "was_again", "now_again")))
    pairs = pairs.union(again.select(*map(Column, pairs.columns)))
    for side, table in other.items():
        joined = pairs.set_alias("pairs").join(table.set_alias("other"), same("pairs", "other", _IDENTITY), how="left")
        said = Coalesce(Column("other.code"), Column(f"pairs.{side}_again")).alias(side)
        pairs = joined.select(*(Column(f"pairs.{name}").alias(name) for name in pairs.columns), said)
    pairs.to_table("with_kept")
    connection.table("with_kept").to_view("pairs_kept")
    _replace(connection, "pairs", connection.table("with_kept"))


def _replace(connection: DuckDBPyConnection, name: str, rows: DuckDBPyRelation) -> None:
    connection.sql(f"DROP TABLE {name}")  # our own name
    rows.to_table(name)
