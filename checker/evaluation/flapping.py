"""What became of a finding between two runs, in a word; and which of them come and go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.causes import ENTRY, same
from checker.evaluation.compile import CODES, tree
from checker.evaluation.states import FINDINGS, KEY, WAIVED, kept_states
from checker.model import Category, Verdict

TWICE = 2
"""How often a finding must have come up to be called flapping."""
_IDENTITY = (ENTRY, *KEY)


def rank(category: Category) -> int:
    """The code of a category, which is its place in reports."""
    return list(Category).index(category)


def is_one(column: str | tuple[str, str], *categories: Category) -> Expression:
    """Whether a column, or one of a table, has the code of one of these."""
    return _column(column).isin(*(Constant(rank(one)) for one in categories))


def category_of(was: str, now: str) -> Expression:
    """The code of the category of two states, of which at least one is a finding."""
    failed, fails = _is(was, Verdict.FAIL), _is(now, Verdict.FAIL)
    before, unknown = _in(was, FINDINGS), _is(now, Verdict.UNKNOWN)
    was_waived, is_waived = (_in(one, [code for code in FINDINGS if code >= WAIVED]) for one in (was, now))
    same_verdict = (failed & fails) | (_is(was, Verdict.UNKNOWN) & unknown)

    def code(category: Category) -> Expression:
        return Constant(rank(category))

    case = Case(Column(now).isnull(), code(Category.NOT_JUDGED))
    case = case.when(same_verdict & is_waived & ~was_waived, code(Category.WAIVED))
    case = case.when(same_verdict & was_waived & ~is_waived, code(Category.WAIVER_ENDED))
    case = case.when(same_verdict, code(Category.PERSISTING))
    case = case.when(unknown & failed, code(Category.UNDECIDED))
    # a fail that was unknown before is new: nobody has seen it yet
    case = case.when(fails | (unknown & ~before), code(Category.NEW))
    return case.when(failed, code(Category.FIXED)).otherwise(code(Category.DECIDED)).cast("TINYINT")


def with_flapping(
    connection: DuckDBPyConnection,
    changes: DuckDBPyRelation,
    names: Sequence[str],
    before: Sequence[tuple[Path, frozenset[str]]],
    between: Sequence[tuple[Path, frozenset[str]]],
) -> DuckDBPyRelation:
    """The changes, of which those that are new or fixed are flapping where they came up more than once.

    Args:
        connection: a connection.
        changes: what `compare` found.
        names: the names of the rules, by entry.
        before: the findings of the runs before the old one, oldest first, each with the rules that it judged.
        between: those of the runs between the two.
    """
    runs = [*before, *between]
    if not runs:
        return changes
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
    category = Case(moves & twice, Constant(rank(Category.FLAPPING))).otherwise(Column("changes", "category"))
    return joined.select(
        *(
            category.cast("TINYINT").alias(name)
            if name == "category"
            else Column("changes", name).alias(name)
            for name in changes.columns
        )
    )


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


def _is(column: str, verdict: Verdict) -> Expression:
    return _in(column, (CODES[verdict], CODES[verdict] + WAIVED))


def _column(name: str | tuple[str, str]) -> Expression:
    return Column(name) if isinstance(name, str) else Column(*name)


def _in(column: str | tuple[str, str], codes: Sequence[int]) -> Expression:
    return Coalesce(_column(column).isin(*map(Constant, codes)), Constant(value=False))
