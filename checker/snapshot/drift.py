"""How the image sets of a run stand to those that earlier runs of the audit saw: new, changed, unchanged, vanished.

It comes from the records of the run and the `history.parquet` beside them, so that a kept run says the same for ever. An
image set that was not read, now or then, is in none of the numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from checker.fields import EARLIER, KNOWN
from checker.model import Moved
from checker.snapshot.columns import PINNED, REFERENCE, REUSED, connect, read_lines
from checker.snapshot.history import known_of_others, read_history
from checker.snapshot.last_answers import last_answers
from checker.snapshot.records import LISTED_SINCE, SEARCH

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

FACTS = ("versionId", "updatedAt", "imageSetState")
"""What another answer says of an image set that has changed."""
_DELETED = "DELETED"


def moved(records: Path, history: Path | None) -> Moved | None:
    """The numbers of a run; None where no earlier run saw anything, or it is not kept what they saw.

    Args:
        records: the records of the run.
        history: its `history.parquet`.
    """
    from duckdb import ColumnExpression as Column
    from duckdb import FunctionExpression as Function

    if history is None:
        return None
    with connect() as connection:
        # what is counted is in no order
        connection.execute("SET preserve_insertion_order = false")
        kept = read_history(connection, history)
        if known_of_others(kept) is None:  # no run has looked
            return None
        rows = _beside(_now(connection, records), kept.filter(Column("imageSetId").isnotnull()))
        counters = [Function("count_if", condition) for condition in _kinds()]
        return Moved(*(count or 0 for count in rows.aggregate(counters).fetchall()[0]))


def _kinds() -> list[Expression]:
    """Which rows are new, changed, unchanged, not asked for again, vanished, in the order of `Moved`."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    false = Constant(value=False)

    def sure(condition: Expression) -> Expression:
        return duckdb.CoalesceOperator(condition, false)

    known, here = sure(Column("then.known")), Column("there")
    was_there = known & sure(Column("then.found")) & ~sure(Column("then.imageSetState") == Constant(_DELETED))
    other = false
    for name in FACTS:
        other = other | sure(Column(name) != Column(f"then.{name}"))
    other = other | sure(~Column("then.found"))
    unknown = Column("then.known").isnotnull() & ~Column("then.known")
    new = here & (Column("then.id").isnull() | unknown)
    return [
        new,
        here & known & other,
        here & known & ~other,
        here & known & Column("reused"),
        ~here & Column("gone") & was_there,
    ]


def _now(connection: DuckDBPyConnection, records: Path) -> DuckDBPyRelation:
    """A row for each image set of a run: whether it is `there`, or `gone`, and what was last said of it."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    lines = read_lines(connection, records, {**REFERENCE, LISTED_SINCE: "TIMESTAMP"})
    searched = lines.filter(Column(LISTED_SINCE).isnotnull()).select(Column("target").alias("of")).distinct()
    listed = duckdb.CoalesceOperator(Column("action") == Constant(SEARCH), Constant(value=False))
    said = lines.filter(Column("imageSetId").isnotnull()).aggregate(
        [
            _store("datastoreId").alias("its.store"),
            Column("imageSetId").alias("its.id"),
            Function("bool_or", listed).alias("listed"),
            Function("bool_or", Column(REUSED).isnotnull()).alias("reused"),
        ],
        'coalesce("datastoreId", \'\'), "imageSetId"',
    )
    last = last_answers(connection, records).filter(Column(PINNED).isnull()).set_alias("last")
    same = (_store("datastoreId") == Column("its.store")) & (Column("imageSetId") == Column("its.id"))
    joined = last.join(said.set_alias("its"), same).set_alias("both")
    joined = joined.join(searched.set_alias("searched"), Column("target") == Column("of"), how="left")
    # of a target that was searched, what no search lists has vanished, whatever is known of it
    unlisted = Column("of").isnotnull() & ~Column("listed")
    found = Column("found")
    return joined.select(
        Column("its.store"),
        Column("its.id"),
        Column("reused"),
        duckdb.CoalesceOperator(found & ~unlisted, Constant(value=False)).alias("there"),
        duckdb.CoalesceOperator(~found | (found & unlisted), Constant(value=False)).alias("gone"),
        *map(Column, FACTS),
    )


def _beside(now: DuckDBPyRelation, kept: DuckDBPyRelation) -> DuckDBPyRelation:
    """The rows beside what earlier runs saw of the same image set."""
    from duckdb import ColumnExpression as Column

    then = kept.filter(Column(PINNED).isnull()).select(
        _store("datastoreId").alias("then.store"),
        Column("imageSetId").alias("then.id"),
        Column(KNOWN.path).alias("then.known"),
        *(Column(f"{EARLIER}{name}").alias(f"then.{name}") for name in ("found", *FACTS)),
    )
    same = (Column("its.store") == Column("then.store")) & (Column("its.id") == Column("then.id"))
    return now.set_alias("now").join(then.set_alias("then"), same, how="left")


def _store(name: str) -> Expression:
    """A data store to join by; one that is not known is one of its own."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    return duckdb.CoalesceOperator(Column(name), Constant(""))
