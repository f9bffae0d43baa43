"""What a run saw of each image set last: one answer for each, of the call that says most."""

from __future__ import annotations

from collections.abc import Sequence

from checker.aws.actions import GET_IMAGE_SET, SEARCH
from checker.fields import earlier_paths, model
from checker.snapshot.columns import (
    ERROR_CODE,
    PINNED,
    SQL_TYPES,
    is_found_code,
    member,
)
from checker.snapshot.contradictory_sets import as_unknown
from checker.snapshot.record_table import RecordTable, of_version
from checker.sql import Expression, Relation, case, col, func, lit, null, true

SEARCHED = 2
"""The `action` of an answer of SearchImageSets; those of calls that say more are lower."""
KEY = ("datastoreId", "imageSetId", PINNED)


def state_types() -> dict[str, str]:
    """The fields that are kept, and their types."""
    own = {"found": "BOOLEAN", "collectedAt": "TIMESTAMP"}
    return own | {path: SQL_TYPES.get(model().fields[path].type, "VARCHAR") for path in earlier_paths()}


def last_answers(records: RecordTable) -> Relation:
    """The best answer of a run on each image set and each pinned version: one that was received, the latest. Answers that
    contradict each other are none."""
    rows = _answered(records).union(_listed(records)).union(_searched(records))
    rows = as_unknown(rows, records.contradictory)
    order = [
        col("found").isnull().asc(),
        col("action").asc(),
        col("collectedAt").desc().nulls_last(),
        *(col(name).asc().nulls_last() for name in ("target", "found")),
    ]
    return first(rows, KEY, order)


def _answered(records: RecordTable) -> Relation:
    """The answers of GetImageSet."""
    return records.of(GET_IMAGE_SET).select(
        *map(col, ("target", *KEY)),
        lit(0).alias("action"),
        is_found_code(member(ERROR_CODE)).alias("found"),
        col("collectedAt"),
        *(member(path).alias(path) for path in earlier_paths()),
    )


def _listed(records: RecordTable) -> Relation:
    """The highest version of each answer of ListImageSetVersions, or the pinned one."""
    missing = member(ERROR_CODE).isnull() & of_version("versionId").isnull()
    found = case(~missing, is_found_code(member(ERROR_CODE)))
    return records.latest_versions().select(
        *map(col, ("target", *KEY)),
        lit(1).alias("action"),
        found.alias("found"),
        col("collectedAt"),
        *(
            (of_version(path) if path in model().versions else null(state_types()[path])).alias(path)
            for path in earlier_paths()
        ),
    )


def _searched(records: RecordTable) -> Relation:
    """The image sets that SearchImageSets listed: they are there."""
    paths = [path for path in earlier_paths() if path in model().searched]
    return (
        records.of(SEARCH)
        .filter(col("imageSetId").isnotnull())
        .select(
            *map(col, ("target", *KEY)),
            lit(SEARCHED).alias("action"),
            true().alias("found"),
            col("collectedAt"),
            *(
                (
                    col("version" if path == "versionId" else path)
                    if path in paths
                    else null(state_types()[path])
                ).alias(path)
                for path in earlier_paths()
            ),
        )
    )


def first(rows: Relation, key: Sequence[str], order: Sequence[Expression]) -> Relation:
    """Of the rows of each key the one that comes first."""
    number = func("row_number").over(partition_by=list(map(col, key)), order_by=list(order))
    numbered = rows.select(*map(col, rows.columns), number.alias("its number"))
    kept = numbered.filter(col("its number") == lit(1))
    return kept.select(*(col(name) for name in rows.columns))
