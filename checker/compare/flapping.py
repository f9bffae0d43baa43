"""Which findings come and go from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from checker.evaluation.change_category import is_category
from checker.evaluation.condition_compiler import tree
from checker.evaluation.finding_states import ENTRY, FINDINGS, KEY, recorded_states
from checker.model import Category
from checker.sql import Connection, Expression, Relation, case, coalesce, col, false, func, lit, same

TWICE = 2
"""How often a finding must have come up to be called flapping."""
_IDENTITY = (ENTRY, *KEY)


def with_flapping(
    connection: Connection,
    changes: Relation,
    names: Sequence[str],
    before: Sequence[tuple[Path, frozenset[str]]],
    between: Sequence[tuple[Path, frozenset[str]]],
) -> Relation:
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
        return changes.select(*map(col, changes.columns), false().alias("flapping"))
    may = changes.filter(is_category("category", Category.NEW, Category.FIXED)).set_alias("changes")
    places = _places(names, before, between)
    parts = []
    for number, (path, _) in enumerate(runs):
        place = func("list_extract", _list(places[number]), col(ENTRY) + lit(1))
        rows = recorded_states(connection, path, names).set_alias("kept")
        # a bit for each run, in order
        parts.append(
            rows.join(may, same("kept", "changes", _IDENTITY), how="semi").select(
                *map(col, _IDENTITY), place.alias("bit")
            )
        )
    seen = tree(lambda left, right: left.union(right), parts).filter(col("bit").isnotnull())
    bits = seen.aggregate(
        [*map(col, _IDENTITY), func("bit_or", col("bit")).alias("bits")],
        ", ".join(f'"{name}"' for name in _IDENTITY),
    ).set_alias("seen")
    joined = changes.set_alias("changes").join(bits, same("changes", "seen", _IDENTITY), how="left")
    old, new = (
        func("list_extract", _list(places[len(runs) + side]), col("changes", ENTRY) + lit(1))
        for side in (0, 1)
    )
    found = coalesce(col("seen", "bits"), lit(0))
    for bit, column in ((old, "was"), (new, "now")):
        found = found + case(_in(("changes", column), FINDINGS), bit).otherwise(lit(0))
    twice = _came_up(found.cast("BIGINT")) >= lit(TWICE)
    moves = is_category(("changes", "category"), Category.NEW, Category.FIXED)
    kept = [col("changes", name).alias(name) for name in changes.columns]
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
    before = func("&", bits, bits * lit(2))
    return func("bit_count", func("xor", bits, before))


def _list(values: Sequence[int | None]) -> Expression:
    return func("list_value", *map(lit, values)).cast("BIGINT[]")


def _column(name: str | tuple[str, str]) -> Expression:
    return col(name) if isinstance(name, str) else col(*name)


def _in(column: str | tuple[str, str], codes: Sequence[int]) -> Expression:
    return coalesce(_column(column).isin(*map(lit, codes)), false())
