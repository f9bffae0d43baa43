"""What a run saw of each image set last: one answer for each, of the call that says most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from checker.aws.actions import ACTIONS, GET_IMAGE_SET, LIST_VERSIONS, SEARCH
from checker.fields import earlier_paths, model
from checker.snapshot.columns import (
    ERROR_CODE,
    PINNED,
    REFERENCE,
    SQL_TYPES,
    found_by,
    member,
    member_types,
    read_lines,
    struct,
)
from checker.snapshot.contradictory_sets import doubts, unsaid
from checker.snapshot.records import VERSIONS
from checker.sql import Connection, Expression, Relation, case, col, func, lambda_, lit, true

SEARCHED = 2
"""The `action` of an answer of SearchImageSets; those of calls that say more are lower."""
NO_COLUMNS: Mapping[str, str] = MappingProxyType({})
KEY = ("datastoreId", "imageSetId", PINNED)
_API = ACTIONS[LIST_VERSIONS].names


def state_types() -> dict[str, str]:
    """The fields that are kept, and their types."""
    own = {"found": "BOOLEAN", "collectedAt": "TIMESTAMP"}
    return own | {path: SQL_TYPES.get(model().fields[path].type, "VARCHAR") for path in earlier_paths()}


def last_answers(connection: Connection, records: Path) -> Relation:
    """The best answer of a run on each image set and each pinned version: one that was received, the latest. Answers that
    contradict each other are none."""
    rows = _asked(connection, records).union(_listed(connection, records))
    rows = unsaid(rows.union(_searched(connection, records)), doubts(connection, records))
    order = [
        col("found").isnull().asc(),
        col("action").asc(),
        col("collectedAt").desc().nulls_last(),
        *(col(name).asc().nulls_last() for name in ("target", "found")),
    ]
    return first(rows, KEY, order)


def _asked(connection: Connection, records: Path) -> Relation:
    """The answers of GetImageSet."""
    lines = read_lines(connection, records, {**REFERENCE, **member_types(model().fields)}, GET_IMAGE_SET)
    return lines.select(
        *map(col, ("target", *KEY)),
        lit(0).alias("action"),
        found_by(member(ERROR_CODE)).alias("found"),
        col("collectedAt"),
        *(member(path).alias(path) for path in earlier_paths()),
    )


def latest_version(connection: Connection, records: Path, more: Mapping[str, str] = NO_COLUMNS) -> Relation:
    """The answers of ListImageSetVersions with the highest version of each, or the pinned one, as the column `one`: null
    where there is none. `more` are further members and their types."""
    known = {path: field for path, field in model().fields.items() if path in model().versions}
    types = {_API.get(name, name): kind for name, kind in member_types(known).items()}
    for name in REFERENCE:
        types.pop(name, None)
    # lists are sorted by the first member
    shape = struct({"versionId": types.pop("versionId")} | types) + "[]"
    lines = read_lines(connection, records, {**REFERENCE, VERSIONS: shape, **more}, LIST_VERSIONS)
    versions = func("list_sort", col(VERSIONS))
    wanted = lambda_("one", member("versionId", col("one")) == col(PINNED))
    versions = case(col(PINNED).isnull(), versions).otherwise(func("list_filter", versions, wanted))
    expression = func("list_extract", versions, lit(-1)).alias("one")
    return lines.select(*(col(name) for name in lines.columns if name != VERSIONS), expression)


def _listed(connection: Connection, records: Path) -> Relation:
    """The highest version of each answer of ListImageSetVersions, or the pinned one."""
    lines = latest_version(connection, records)
    missing = member(ERROR_CODE).isnull() & of_version("versionId").isnull()
    found = case(~missing, found_by(member(ERROR_CODE)))
    empty = lit(None)
    return lines.select(
        *map(col, ("target", *KEY)),
        lit(1).alias("action"),
        found.alias("found"),
        col("collectedAt"),
        *(
            (of_version(path) if path in model().versions else empty.cast(state_types()[path])).alias(path)
            for path in earlier_paths()
        ),
    )


def _searched(connection: Connection, records: Path) -> Relation:
    """The image sets that SearchImageSets listed: they are there."""
    paths = [path for path in earlier_paths() if path in model().searched]
    types = {path: state_types()[path] for path in paths if path not in (*REFERENCE, "versionId")}
    lines = read_lines(connection, records, {**REFERENCE, **types, "version": "BIGINT"}, SEARCH)
    empty = lit(None)
    return lines.filter(col("imageSetId").isnotnull()).select(
        *map(col, ("target", *KEY)),
        lit(SEARCHED).alias("action"),
        true().alias("found"),
        col("collectedAt"),
        *(
            (
                col("version" if path == "versionId" else path)
                if path in paths
                else empty.cast(state_types()[path])
            ).alias(path)
            for path in earlier_paths()
        ),
    )


def of_version(path: str) -> Expression:
    """A field of the version in the column `one`."""
    head, dot, rest = path.partition(".")
    return member(f"{_API.get(head, head)}{dot}{rest}", col("one"))


def first(rows: Relation, key: Sequence[str], order: Sequence[Expression]) -> Relation:
    """Of the rows of each key the one that comes first."""
    number = func("row_number").over(partition_by=list(map(col, key)), order_by=list(order))
    numbered = rows.select(*map(col, rows.columns), number.alias("its number"))
    kept = numbered.filter(col("its number") == lit(1))
    return kept.select(*(col(name) for name in rows.columns))
