"""How the image sets of a run stand to those that earlier runs of the audit saw: new, changed, unchanged, vanished.

It comes from the records of the run and the `history.parquet` beside them, so that a kept run says the same for ever. An
image set that was not read, now or then, is in none of the numbers.
"""

from __future__ import annotations

from pathlib import Path

from checker.aws.actions import SEARCH
from checker.fields import EARLIER, KNOWN
from checker.model import Drift
from checker.snapshot.columns import PINNED, REUSED
from checker.snapshot.history import known_of_others, read_history
from checker.snapshot.last_answers import last_answers
from checker.snapshot.record_table import RecordTable
from checker.snapshot.records import LISTED_SINCE
from checker.sql import Expression, Relation, coalesce, col, false, func, lit, same

FACTS = ("versionId", "updatedAt", "imageSetState")
"""What another answer says of an image set that has changed."""
_DELETED = "DELETED"
_SET = ("datastoreId", "imageSetId")


def drift(records: RecordTable, history: Path | None) -> Drift | None:
    """The numbers of a run; None where no earlier run saw anything, or it is not kept what they saw.

    Args:
        records: the records of the run.
        history: its `history.parquet`.
    """
    if history is None:
        return None
    earlier = read_history(records.connection, history)
    if known_of_others(earlier) is None:  # no run has looked
        return None
    rows = _with_earlier(_now(records), earlier.filter(col("imageSetId").isnotnull()))
    counters = [func("count_if", condition) for condition in _kinds()]
    return Drift(*(count or 0 for count in rows.aggregate(counters).fetchall()[0]))


def _kinds() -> list[Expression]:
    """Which rows are new, changed, unchanged, not asked for again, vanished, in the order of `Moved`."""

    def sure(condition: Expression) -> Expression:
        return coalesce(condition, false())

    known, here = sure(col("then.known")), col("there")
    was_there = known & sure(col("then.found")) & ~sure(col("then.imageSetState") == lit(_DELETED))
    other = false()
    for name in FACTS:
        other = other | sure(col(name) != col(f"then.{name}"))
    other = other | sure(~col("then.found"))
    unknown = col("then.known").isnotnull() & ~col("then.known")
    new = here & (col("then.imageSetId").isnull() | unknown)
    return [
        new,
        here & known & other,
        here & known & ~other,
        here & known & col("reused"),
        ~here & col("gone") & was_there,
    ]


def _now(records: RecordTable) -> Relation:
    """A row for each image set of a run: whether it is `there`, or `gone`, and what was last said of it."""
    lines = records.of()
    searched = lines.filter(col(LISTED_SINCE).isnotnull()).select(col("target").alias("of")).distinct()
    listed = coalesce(col("action") == lit(SEARCH), false())
    said = lines.filter(col("imageSetId").isnotnull()).aggregate(
        [
            *(col(name).alias(f"its.{name}") for name in _SET),
            func("bool_or", listed).alias("listed"),
            func("bool_or", col(REUSED).isnotnull()).alias("reused"),
        ],
        '"datastoreId", "imageSetId"',
    )
    last = last_answers(records).filter(col(PINNED).isnull()).set_alias("last")
    joined = last.join(said.set_alias("its"), same("last", "its.its.", _SET)).set_alias("both")
    joined = joined.join(searched.set_alias("searched"), col("target") == col("of"), how="left")
    # of a target that was searched, what no search lists has vanished, whatever is known of it
    unlisted = col("of").isnotnull() & ~col("listed")
    found = col("found")
    return joined.select(
        *(col(f"its.{name}") for name in _SET),
        col("reused"),
        coalesce(found & ~unlisted, false()).alias("there"),
        coalesce(~found | (found & unlisted), false()).alias("gone"),
        *map(col, FACTS),
    )


def _with_earlier(now: Relation, earlier: Relation) -> Relation:
    """The rows beside what earlier runs saw of the same image set."""
    then = earlier.filter(col(PINNED).isnull()).select(
        *(col(name).alias(f"then.{name}") for name in _SET),
        col(KNOWN.path).alias("then.known"),
        *(col(f"{EARLIER}{name}").alias(f"then.{name}") for name in ("found", *FACTS)),
    )
    return now.set_alias("now").join(then.set_alias("then"), same("now.its.", "then.then.", _SET), how="left")
