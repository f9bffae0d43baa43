"""What a run saw of each image set last: one answer for each, of the call that says most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from checker.fields import SEARCHED as SEARCH_FIELDS
from checker.fields import VERSION_SPELLING, earlier_paths, model
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
from checker.snapshot.records import GET_IMAGE_SET, LIST_VERSIONS, SEARCH, VERSIONS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

SEARCHED = 2
"""The `action` of an answer of SearchImageSets; those of calls that say more are lower."""
NO_COLUMNS: Mapping[str, str] = MappingProxyType({})
KEY = ("datastoreId", "imageSetId", PINNED)
_API = {ours: spelling for spelling, ours in VERSION_SPELLING.items()}


def state_types() -> dict[str, str]:
    """The fields that are kept, and their types."""
    own = {"found": "BOOLEAN", "collectedAt": "TIMESTAMP"}
    return own | {path: SQL_TYPES.get(model().fields[path].type, "VARCHAR") for path in earlier_paths()}


def last_answers(connection: DuckDBPyConnection, records: Path) -> DuckDBPyRelation:
    """The best answer of a run on each image set and each pinned version: one that was received, the latest. Answers that
    contradict each other are none."""
    from duckdb import ColumnExpression as Column

    rows = _asked(connection, records).union(_listed(connection, records))
    rows = unsaid(rows.union(_searched(connection, records)), doubts(connection, records))
    order = [
        Column("found").isnull().asc(),
        Column("action").asc(),
        Column("collectedAt").desc().nulls_last(),
        *(Column(name).asc().nulls_last() for name in ("target", "found")),
    ]
    return first(rows, KEY, order)


def _asked(connection: DuckDBPyConnection, records: Path) -> DuckDBPyRelation:
    """The answers of GetImageSet."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    lines = read_lines(connection, records, {**REFERENCE, **member_types(model().fields)}, GET_IMAGE_SET)
    return lines.select(
        *map(Column, ("target", *KEY)),
        Constant(0).alias("action"),
        found_by(member(ERROR_CODE)).alias("found"),
        Column("collectedAt"),
        *(member(path).alias(path) for path in earlier_paths()),
    )


def latest_version(
    connection: DuckDBPyConnection, records: Path, more: Mapping[str, str] = NO_COLUMNS
) -> DuckDBPyRelation:
    """The answers of ListImageSetVersions with the highest version of each, or the pinned one, as the column `one`: null
    where there is none. `more` are further members and their types."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    known = {path: field for path, field in model().fields.items() if path in model().versions}
    types = {_API.get(name, name): kind for name, kind in member_types(known).items()}
    for name in REFERENCE:
        types.pop(name, None)
    # lists are sorted by the first member
    shape = struct({"versionId": types.pop("versionId")} | types) + "[]"
    lines = read_lines(connection, records, {**REFERENCE, VERSIONS: shape, **more}, LIST_VERSIONS)
    versions = Function("list_sort", Column(VERSIONS))
    wanted = duckdb.LambdaExpression("one", member("versionId", Column("one")) == Column(PINNED))
    versions = duckdb.CaseExpression(Column(PINNED).isnull(), versions).otherwise(
        Function("list_filter", versions, wanted)
    )
    one = Function("list_extract", versions, Constant(-1)).alias("one")
    return lines.select(*(Column(name) for name in lines.columns if name != VERSIONS), one)


def _listed(connection: DuckDBPyConnection, records: Path) -> DuckDBPyRelation:
    """The highest version of each answer of ListImageSetVersions, or the pinned one."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    lines = latest_version(connection, records)
    missing = member(ERROR_CODE).isnull() & of_version("versionId").isnull()
    found = duckdb.CaseExpression(~missing, found_by(member(ERROR_CODE)))
    empty = Constant(None)
    return lines.select(
        *map(Column, ("target", *KEY)),
        Constant(1).alias("action"),
        found.alias("found"),
        Column("collectedAt"),
        *(
            (of_version(path) if path in model().versions else empty.cast(state_types()[path])).alias(path)
            for path in earlier_paths()
        ),
    )


def _searched(connection: DuckDBPyConnection, records: Path) -> DuckDBPyRelation:
    """The image sets that SearchImageSets listed: they are there."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    paths = [path for path in earlier_paths() if path in SEARCH_FIELDS]
    types = {path: state_types()[path] for path in paths if path not in (*REFERENCE, "versionId")}
    lines = read_lines(connection, records, {**REFERENCE, **types, "version": "BIGINT"}, SEARCH)
    empty = Constant(None)
    return lines.filter(Column("imageSetId").isnotnull()).select(
        *map(Column, ("target", *KEY)),
        Constant(SEARCHED).alias("action"),
        Constant(value=True).alias("found"),
        Column("collectedAt"),
        *(
            (
                Column("version" if path == "versionId" else path)
                if path in paths
                else empty.cast(state_types()[path])
            ).alias(path)
            for path in earlier_paths()
        ),
    )


def of_version(path: str) -> Expression:
    """A field of the version in the column `one`."""
    from duckdb import ColumnExpression as Column

    head, dot, rest = path.partition(".")
    return member(f"{_API.get(head, head)}{dot}{rest}", Column("one"))


def first(rows: DuckDBPyRelation, key: Sequence[str], order: Sequence[Expression]) -> DuckDBPyRelation:
    """Of the rows of each key the one that comes first."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    number = Function("row_number").over(partition_by=list(map(Column, key)), order_by=list(order))
    numbered = rows.select(*map(Column, rows.columns), number.alias("its number"))
    kept = numbered.filter(Column("its number") == Constant(1))
    return kept.select(*(Column(name) for name in rows.columns))
