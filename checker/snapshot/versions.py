"""The rows of versions: one for each that ListImageSetVersions gave, beside the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from checker.fields import PREVIOUS, VERSION_SPELLING, model
from checker.model import Label, Needs
from checker.snapshot.columns import (
    CALL,
    ERROR_CODE,
    ERROR_MESSAGE,
    LABELS,
    LISTED_SINCE,
    PINNED,
    REFERENCE,
    SET,
    found_by,
    label_columns,
    member,
    member_types,
    read_lines,
    reference,
    settled,
    struct,
    without,
)
from checker.snapshot.image_sets import target_rows
from checker.snapshot.records import (
    GET_IMAGE_SET,
    LIST_VERSIONS,
    NO_VERSION,
    NOT_FOUND,
    NOT_RECORDED,
    VERSIONS,
    VERSIONS_NOT_RECORDED,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

PREVIOUS_NOT_RECORDED = "previous_version not recorded"
"""Why nothing is known of the version before one, where a file leaves its number out."""
_OF_THE_SET = ("datastoreId", "imageSetId")
_API = {ours: spelling for spelling, ours in VERSION_SPELLING.items()}


def version_rows(
    connection: DuckDBPyConnection, records: Path, labels: Mapping[str, Label], needs: Needs
) -> DuckDBPyRelation:
    """A row for each version of the records, and one for each image set whose versions are not known.

    A pinned version comes from the list where there is one, else from what GetImageSet said of it.
    """
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    paths = [path for path in model().fields if path in model().versions and path not in _OF_THE_SET]
    lists = read_lines(connection, records, _columns(paths), LIST_VERSIONS)
    answers = read_lines(
        connection, records, {**REFERENCE, **member_types(model().fields), **LABELS}, GET_IMAGE_SET
    )
    answers = settled(connection, without(answers, lists, PINNED), records)
    listed = settled(connection, _listed(lists, labels, paths), records)
    rows = listed.union(_answered(answers, labels, paths, needs))
    searched = target_rows(connection, records, labels)
    if searched is not None:
        # by name: a row of a target has nothing of a version
        null = Constant(None)
        same = zip(rows.columns, rows.types, strict=True)
        rows = rows.union(
            searched.select(
                *(
                    Column(name) if name in searched.columns else null.cast(kind).alias(name)
                    for name, kind in same
                )
            )
        )
    pinned = rows.filter(Column(PINNED).isnotnull())
    if not pinned.limit(1).fetchall():
        return rows
    # a version that is pinned beside its whole image set is one subject, and what was said of it holds
    named = pinned.select(*map(Column, SET), Column(PINNED).alias("versionId"))
    return without(rows.filter(Column(PINNED).isnull()), named, "versionId").union(pinned)


def _columns(paths: list[str]) -> dict[str, str]:
    types = member_types({path: model().fields[path] for path in paths})
    spelled = {_API.get(name, name): kind for name, kind in types.items()}
    # lists are sorted by the first member
    first = {"versionId": spelled.pop("versionId")}
    return {**REFERENCE, VERSIONS: struct(first | spelled) + "[]", "gaps": "BIGINT[]", **LABELS}


def _listed(lists: DuckDBPyRelation, labels: Mapping[str, Label], paths: list[str]) -> DuckDBPyRelation:
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    ordered = Function("list_sort", Column(VERSIONS))
    before = Function("list_prepend", Constant(None), ordered)
    pairs = Function("list_zip", ordered, before, Constant(value=True))
    number = member("versionId", Function("struct_extract", Column("pair"), Constant(1)))
    wanted = duckdb.LambdaExpression("pair", number == Column(PINNED))
    pairs = duckdb.CaseExpression(Column(PINNED).isnull(), pairs).otherwise(
        Function("list_filter", pairs, wanted)
    )
    kept = [Column(name) for name in lists.columns if name != VERSIONS]
    rows = lists.select(*kept, pairs.alias("pairs"))
    # a set without a list, without the version asked for, or with a list that is not whole, is a row too
    nothing = Constant(None)
    some = duckdb.CaseExpression(Function("len", Column("pairs")) > Constant(0), Column("pairs"))
    some = some.otherwise(Function("list_value", nothing))
    some = duckdb.CaseExpression(_not_whole(), Function("list_append", some, nothing)).otherwise(some)
    rows = rows.select(*kept, Function("unnest", some).alias("pair"))
    now, earlier = (Function("struct_extract", Column("pair"), Constant(at)) for at in (1, 2))
    # of what is missing from a file nobody knows how it was
    gap = Function("list_contains", Column("gaps"), _version(now, "versionId"))
    unrecorded = duckdb.CaseExpression(gap, Constant(PREVIOUS_NOT_RECORDED))
    earlier = duckdb.CaseExpression(unrecorded.isnull(), earlier)
    missing = _version(now, "versionId").isnull()
    left_out = missing & _not_whole()
    ours = duckdb.CaseExpression(left_out, Constant(VERSIONS_NOT_RECORDED)).when(
        missing, Constant(NO_VERSION)
    )
    code = duckdb.CoalesceOperator(member(ERROR_CODE), ours)
    message = duckdb.CoalesceOperator(member(ERROR_MESSAGE), duckdb.CaseExpression(left_out, _before()))
    return rows.select(
        *reference(found_by(code), code, message),
        duckdb.CaseExpression(found_by(code).isnotnull(), Constant(LIST_VERSIONS)).alias(CALL),
        Constant(None).cast("TIMESTAMP").alias(LISTED_SINCE),
        *map(Column, _OF_THE_SET),
        *(_version(now, path).alias(path) for path in paths),
        *(_version(earlier, path).alias(PREVIOUS + path) for path in paths),
        unrecorded.alias(f"{PREVIOUS}error"),
        *label_columns(labels),
    )


def _not_whole() -> Expression:
    """Whether versions are missing from a recorded list of all of an image set's."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    return (Function("len", Column("gaps")) > Constant(0)) & Column(PINNED).isnull()


def _before() -> Expression:
    """What is missing from a list that is not whole, as text."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    numbers = Function("array_to_string", Column("gaps").cast("VARCHAR[]"), Constant(", "))
    return Function("concat", Constant("not recorded: the version right before "), numbers)


def _version(pair: Expression, path: str) -> Expression:
    head, dot, rest = path.partition(".")
    return member(f"{_API.get(head, head)}{dot}{rest}", pair)


def _answered(
    answers: DuckDBPyRelation, labels: Mapping[str, Label], paths: list[str], needs: Needs
) -> DuckDBPyRelation:
    """GetImageSet's answers of which no list was recorded: all that is known of a version that was pinned; where more is
    asked for, that the set is there does not help."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    given = member(ERROR_CODE)
    code = duckdb.CaseExpression(given == Constant(NOT_FOUND), given)
    if not needs.previous_version:
        code = code.when(Column(PINNED).isnotnull(), given)
    code = code.otherwise(Constant(NOT_RECORDED))
    read = found_by(code)
    null = Constant(None)
    return answers.select(
        *reference(read, code, member(ERROR_MESSAGE)),
        duckdb.CaseExpression(read.isnotnull(), Constant(GET_IMAGE_SET)).alias(CALL),
        null.cast("TIMESTAMP").alias(LISTED_SINCE),
        *map(Column, _OF_THE_SET),
        *(duckdb.CaseExpression(read, member(path)).alias(path) for path in paths),
        *(duckdb.CaseExpression(null.cast("BOOLEAN"), member(path)).alias(PREVIOUS + path) for path in paths),
        null.cast("VARCHAR").alias(f"{PREVIOUS}error"),
        *label_columns(labels),
    )
