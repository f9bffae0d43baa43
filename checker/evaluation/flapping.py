"""Which findings come and go from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.causes import ENTRY
from checker.evaluation.change import is_one
from checker.evaluation.compile import tree
from checker.evaluation.finding_states import FINDINGS, KEY, kept_states
from checker.evaluation.open_findings import same
from checker.model import Category

TWICE = 2
"""How often a finding must have come up to be called flapping."""
_IDENTITY = (ENTRY, *KEY)


def with_flapping(
    connection: DuckDBPyConnection,
    changes: DuckDBPyRelation,
    names: Sequence[str],
    before: Sequence[tuple[Path, frozenset[str]]],
    between: Sequence[tuple[Path, frozenset[str]]],
) -> DuckDBPyRelation:
    """The changes with the column `flapping`: those that are new or fixed are where they came up more than once.

    Args:
        connection: a connection.
        changes: what `compare` found.
        names: the names of the rules, by entry.
        before: the findings of the runs before the old one, oldest first, each with the rules that it judged.
        between: those of the runs between the two.
    """
    runs = [*before, *between]
    if not runs:
        return changes.select(*map(Column, changes.columns), Constant(value=False).alias("flapping"))
    may = changes.filter(is_one("category", Category.NEW, Category.FIXED)).set_alias("changes")
    places = _places(names, before, between)
    parts = []
    for number, (path, _) in enumerate(runs):
        place = Function("list_extract", _list(places[number]), Column(ENTRY) + Constant(1))
        rows = kept_states(connection, path, names).set_alias("kept")
        # a bit for each run, in order
        parts.append(
            rows.join(may, same("kept", "changes", _IDENTITY), how="semi").select(
                *map(Column, _IDENTITY), place.alias("bit")
            )
        )
    seen = tree(lambda left, right: left.union(right), parts).filter(Column("bit").isnotnull())
    bits = seen.aggregate(
        [*map(Column, _IDENTITY), Function("bit_or", Column("bit")).alias("bits")],
        ", ".join(f'"{name}"' for name in _IDENTITY),
    ).set_alias("seen")
    joined = changes.set_alias("changes").join(bits, same("changes", "seen", _IDENTITY), how="left")
    old, new = (
        Function("list_extract", _list(places[len(runs) + side]), Column("changes", ENTRY) + Constant(1))
        for side in (0, 1)
    )
    found = Coalesce(Column("seen", "bits"), Constant(0))
    for bit, column in ((old, "was"), (new, "now")):
        found = found + Case(_in(("changes", column), FINDINGS), bit).otherwise(Constant(0))
    twice = _came_up(found.cast("BIGINT")) >= Constant(TWICE)
    moves = is_one(("changes", "category"), Category.NEW, Category.FIXED)
    kept = [Column("changes", name).alias(name) for name in changes.columns]
    return joined.select(*kept, (moves & twice).alias("flapping"))


def _places(
    names: Sequence[str],
    before: Sequence[tuple[Path, frozenset[str]]],
    between: Sequence[tuple[Path, frozenset[str]]],
) -> list[list[int | None]]:
    """For each run, and at the end for the old and the new one, the bit of each entry; None where the run did not judge
    the rule, which says nothing of whether it came up."""
    order = [*range(len(before)), -2, *range(len(before), len(before) + len(between)), -1]
    runs = [*before, *between]
    places: list[list[int | None]] = [[] for _ in range(len(runs) + 2)]
    for name in names:
        bit = 1
        for number in order:
            judged = number < 0 or name in runs[number][1]
            places[number].append(bit if judged else None)
            bit *= 2 if judged else 1
    return places


def _came_up(bits: Expression) -> Expression:
    """How often a bit is set and the one before it is not."""
    before = Function("&", bits, bits * Constant(2))
    return Function("bit_count", Function("xor", bits, before))


def _list(values: Sequence[int | None]) -> Expression:
    return Function("list_value", *map(Constant, values)).cast("BIGINT[]")


def _column(name: str | tuple[str, str]) -> Expression:
    return Column(name) if isinstance(name, str) else Column(*name)


def _in(column: str | tuple[str, str], codes: Sequence[int]) -> Expression:
    return Coalesce(_column(column).isin(*map(Constant, codes)), Constant(value=False))
