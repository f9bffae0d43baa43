"""The image sets that could not be read, each with what rules say of it all the same."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path

from checker.evaluation.finding_reader import slices
from checker.evaluation.scope_tables import SUBJECT, TABLES, read_table, subject
from checker.evaluation.waiver_columns import WAIVER
from checker.layout import FINDINGS
from checker.model import RuleScope, Severity, Subject, UnreadableSet, Verdict
from checker.snapshot.writer import (
    ERROR_CODE,
    ERROR_MESSAGE,
    ROW,
    connect,
    duckdb_path,
    search_failed,
)
from checker.sql import Connection, Relation, col, func, lit, same

Row = tuple[Subject, str, str, UnreadableSet | None]
"""An image set, the error's code and message, and what rules say of it; None where an earlier row is of the same one, or no
image set is named."""

_SCOPES: tuple[RuleScope, ...] = ("image_set", "version")
_SAME = 'rows."target" = listed."target" AND rows."imageSetId" = listed."imageSetId"'
_SET = ("datastoreId", "imageSetId")
_PLACE = "place"
_FIRST = "first"
_WAIVED = "waived"


def unreadable_sets(folder: Path) -> Iterator[Row]:
    """The image sets that could not be read, from a folder with a snapshot and its findings; then those of which only the list
    of versions could not be. Of a target whose image sets could not all be found one row names none."""
    with connect() as connection:
        rows = _rows(connection, folder)
        if rows is None:
            return
        _with_findings(connection, folder, rows).to_table("unread")
        columns = [*SUBJECT, ERROR_CODE, ERROR_MESSAGE, _FIRST, _WAIVED, *Severity]
        for row in slices(connection.table("unread"), _PLACE, [col(name) for name in columns]):
            who, code, message, first, *said = row[: len(SUBJECT)], *row[len(SUBJECT) :]
            yield Subject(*who), code, message or "", _said(said) if first else None


def count_unreadable(folder: Path) -> dict[UnreadableSet, int]:
    """How many image sets could not be read, by what rules say of them, from a folder with a snapshot and its findings."""
    with connect() as connection:
        rows = _rows(connection, folder)
        if rows is None:
            return {}
        names = ", ".join(f'"{name}"' for name in (_WAIVED, *Severity))
        each = _with_findings(connection, folder, rows).filter(col(_FIRST))
        counts = each.aggregate(f"{names}, count(*)", names).fetchall()
    return {_said(said): number for *said, number in counts}


def _said(flags: list[bool | None]) -> UnreadableSet:
    waived, *unknown = flags
    return UnreadableSet(
        frozenset(item for item, is_so in zip(Severity, unknown, strict=True) if is_so), bool(waived)
    )


def _rows(connection: Connection, folder: Path) -> Relation | None:
    """The rows of the tables that could not be read, numbered; None where there is no table of image sets."""
    tables = {
        scope: read_table(connection, folder, scope) for scope in _SCOPES if (folder / TABLES[scope]).exists()
    }
    parts = []
    for number, (scope, every) in enumerate(tables.items()):
        # a search that came to its end is nothing unread
        unread = col("found").isnull() & (col("imageSetId").isnotnull() | search_failed())
        rows = every.filter(unread)
        if number:
            listed = tables["image_set"].filter(col("found").isnull())
            rows = rows.set_alias("rows").join(listed.set_alias("listed"), _SAME, how="anti")
        named = [lit(number).alias("table"), col(ROW), *subject(scope)]
        parts.append(rows.select(*named, col(ERROR_CODE), col(ERROR_MESSAGE)))
    if not parts:
        return None
    rows = reduce(lambda left, right: left.union(right), parts)
    by = [col("table"), col(ROW)]
    place = func("row_number").over(order_by=by).alias(_PLACE)
    of_set = func("row_number").over(partition_by=[col(name) for name in _SET], order_by=by)
    first = (col("imageSetId").isnotnull() & (of_set == lit(1))).alias(_FIRST)
    return rows.select(place, first, *map(col, (*SUBJECT, ERROR_CODE, ERROR_MESSAGE)))


def _with_findings(connection: Connection, folder: Path, rows: Relation) -> Relation:
    """Rows with whether rules of each severity are unknown to the image set, and whether a waiver covers some of that."""
    found = connection.read_parquet(duckdb_path(folder / FINDINGS))
    unknown = found.filter((col("verdict") == lit(Verdict.UNKNOWN.value)) & col("imageSetId").isnotnull())
    free, names = col(WAIVER).isnull(), ", ".join(f'"{name}"' for name in _SET)
    flags = [
        func("bool_or", free & (col("severity") == lit(severity.value))).alias(severity.value)
        for severity in Severity
    ]
    waived = func("bool_or", ~free).alias(_WAIVED)
    said = unknown.aggregate([*map(col, _SET), waived, *flags], names)
    joined = rows.set_alias("rows").join(said.set_alias("said"), same("rows", "said", _SET), how="left")
    own = [col("rows", name).alias(name) for name in rows.columns]
    return joined.select(*own, *map(col, (_WAIVED, *Severity)))
