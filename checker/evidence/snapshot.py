"""The snapshot: records as a Parquet file, one row per image set, sorted by target, image set and version.

A column is named like the field it holds. Instants are UTC without a zone, whole milliseconds; a duration is a struct
of months and milliseconds. What an answer left out is null: what that means is the evaluation's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from checker.evidence.records import NOT_FOUND, Record
from checker.fields import model
from checker.model import Coverage, Label, Type

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

# Columns of the snapshot that are no fields, beside the error's code and message.
ROW = "row"
PINNED = "requestedVersionId"
TARGET_ACCOUNT = "target.account"
TARGET_REGION = "target.region"
ERROR_CODE = "error.code"
ERROR_MESSAGE = "error.message"

MEMORY_LIMIT = "700MB"
DEEPEST = 10_000
"""How deep DuckDB takes a query: 500 rules and long lists are deeper than its own 1,000."""

_SQL_TYPES = {Type.TIME: "TIMESTAMP", Type.BOOLEAN: "BOOLEAN", Type.INTEGER: "BIGINT"}
_TEXT_COLUMNS = ("target", "targetAccount", "targetRegion", "requestedVersionId", "account", "region")


@contextmanager
def connect() -> Iterator[DuckDBPyConnection]:
    """A DuckDB connection whose memory is bounded; what does not fit goes into a temporary folder."""
    import duckdb

    with TemporaryDirectory(prefix="imageset-checker-") as spill:
        config: dict[str, Any] = {
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": spill,
            "max_expression_depth": DEEPEST,
        }
        with duckdb.connect(config=config) as connection:
            yield connection


def duckdb_path(path: Path) -> str:
    """A path as DuckDB reads it: it would take `*`, `?` and `[` for patterns, and `~` for the home folder."""
    return re.sub(r"([*?\[])", r"[\1]", str(path.resolve()))


def write_records(records: Iterable[Record], path: Path) -> None:
    """Writes records as JSON lines."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for record in records:
            lines.write(record.to_json() + "\n")


def write_snapshot(records: Path, snapshot: Path, labels: Mapping[str, Label]) -> Coverage:
    """Turns a records.jsonl into a snapshot; what it covers.

    Args:
        records: the JSON lines.
        snapshot: the Parquet file to write.
        labels: the labels to keep, each a column of its type.
    """
    from duckdb import ColumnExpression as Column
    from duckdb import FunctionExpression as Function

    with connect() as connection:
        lines = connection.read_json(
            duckdb_path(records),
            columns=_json_columns(),
            format="newline_delimited",
            maximum_object_size=64 * 1024 * 1024,
        )
        rows = lines.select(*_columns(labels))
        order = [
            Column(name).asc().nulls_first()
            for name in ("target", "imageSetId", PINNED, "versionId", "datastoreId")
        ]
        # numbered by an explicit order: what an earlier sort did may not be counted on
        number = Function("row_number").over(order_by=order).alias(ROW)
        numbered = rows.select(number, *map(Column, rows.columns)).order(ROW)
        numbered.write_parquet(str(snapshot.resolve()), compression="zstd")
        return _coverage(connection.read_parquet(duckdb_path(snapshot)))


def _coverage(rows: DuckDBPyRelation) -> Coverage:
    """How many distinct image sets there are, and how many of them were read."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    unread, gone = Column("found").isnull(), Column("found") == Constant(value=False)
    # an image set that two targets list is one image set
    per_set = rows.aggregate(
        [Function("bool_or", unread).alias("unread"), Function("bool_or", gone).alias("gone")],
        '"datastoreId", "imageSetId"',
    )
    counts = per_set.aggregate(
        [
            Function("count_star"),
            Function("count_if", ~Column("unread") & Column("gone")),
            Function("count_if", Column("unread")),
        ]
    ).fetchall()[0]
    per_target = rows.aggregate([Function("bool_and", unread).alias("unread")], '"target"')
    targets = per_target.aggregate([Function("count_if", Column("unread"))]).fetchall()[0]
    return Coverage(*(count or 0 for count in (*counts, *targets)))


def _json_columns() -> dict[str, str]:
    """The members of a record and their types for DuckDB's JSON reader. None of it comes from a user."""
    columns = dict.fromkeys(_TEXT_COLUMNS, "VARCHAR")
    nested: dict[str, dict[str, str]] = {"error": {"code": "VARCHAR", "message": "VARCHAR"}}
    for field in model().fields.values():
        head, _, rest = field.path.partition(".")
        if rest:
            nested.setdefault(head, {})[rest] = _SQL_TYPES.get(field.type, "VARCHAR")
        else:
            columns[field.path] = _SQL_TYPES.get(field.type, "VARCHAR")
    for name, members in nested.items():
        columns[name] = f"STRUCT({', '.join(f'{member} {kind}' for member, kind in members.items())})"
    return columns | {"collectedAt": "TIMESTAMP", "labels": "MAP(VARCHAR, VARCHAR)"}


def _columns(labels: Mapping[str, Label]) -> list[Expression]:
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    def member(path: str) -> Expression:
        head, _, rest = path.partition(".")
        return Function("struct_extract", Column(head), Constant(rest)) if rest else Column(head)

    code = member(ERROR_CODE)
    return [
        Column("target"),
        Column("targetAccount").alias(TARGET_ACCOUNT),
        Column("targetRegion").alias(TARGET_REGION),
        Column("requestedVersionId").cast("BIGINT").alias(PINNED),
        _found(code).alias("found"),
        code.alias(ERROR_CODE),
        member(ERROR_MESSAGE).alias(ERROR_MESSAGE),
        Column("collectedAt"),
        Column("account"),
        Column("region"),
        *(member(path).alias(path) for path in model().fields),
        *(_label(label).alias(f"labels.{label.name}") for label in labels.values()),
    ]


def _found(code: Expression) -> Expression:
    import duckdb
    from duckdb import ConstantExpression as Constant

    found = duckdb.CaseExpression(code.isnull(), Constant(value=True))
    return found.when(code == Constant(NOT_FOUND), Constant(value=False))


def _label(label: Label) -> Expression:
    """A label's canonical text (records.label_text) as a column of its type."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    text = Function(
        "list_extract", Function("map_extract", Column("labels"), Constant(label.name)), Constant(1)
    )
    if label.type is not Type.DURATION:
        return text.cast(_SQL_TYPES.get(label.type, "VARCHAR"))
    import duckdb

    def number(pattern: str) -> Expression:
        found = Function("regexp_extract", text, Constant(pattern), Constant(1)).try_cast("DECIMAL(18,3)")
        return duckdb.CoalesceOperator(found, Constant(0))

    months = number(r"P(\d+)M").cast("INTEGER").alias("months")
    milliseconds = (number(r"T(\d+(?:\.\d+)?)S") * Constant(1000)).cast("BIGINT").alias("milliseconds")
    return duckdb.CaseExpression(text.isnotnull(), Function("struct_pack", months, milliseconds))
