"""The image sets of records of which two answers cannot both be true (`contradiction`), and their rows: unread ones.

DuckDB finds those of which the answers are not all alike, which are few; what is said of each of these is compared one by
one, by what the collection compares them by.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from checker.snapshot.columns import (
    COLLECTED,
    ERROR_CODE,
    ERROR_MESSAGE,
    LABEL_PLACES,
    PINNED,
    REFERENCE,
    REUSED,
    SET,
    TARGET_ACCOUNT,
    TARGET_REGION,
    duckdb_path,
    member,
    read_lines,
)
from checker.snapshot.contradiction import Statement, contradiction, versions_of
from checker.snapshot.records import (
    CONTRADICTORY,
    GET_IMAGE_SET,
    LIST_VERSIONS,
    NO_VERSION,
    NOT_FOUND,
    SEARCH,
    VERSIONS,
    WITNESS,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

SOME = 1000
"""Rows of candidates in memory at a time."""
_FORCED = "STRUCT(forced BOOLEAN)"
_SHAPE = {
    **REFERENCE,
    WITNESS: "BOOLEAN",
    "versionId": "BIGINT",
    "version": "BIGINT",
    "createdAt": "TIMESTAMP",
    "imageSetState": "VARCHAR",
    "imageSetArn": "VARCHAR",
    "overrides": _FORCED,
    VERSIONS: f'STRUCT("versionId" BIGINT, "imageSetState" VARCHAR, "createdAt" TIMESTAMP, "overrides" {_FORCED})[]',
}
_SAID = ("versionId", "version", "createdAt", "imageSetState", "imageSetArn", "overrides", VERSIONS)
_KEPT = frozenset(
    {
        *SET, TARGET_ACCOUNT, TARGET_REGION, PINNED, ERROR_CODE, ERROR_MESSAGE, COLLECTED, REUSED, LABEL_PLACES,
    }
)  # fmt: skip
"""Columns that say which image set a row is of, and why it is unread."""
_LABELS = "labels."
_STORE, _ID, _WHY = "doubt.store", "doubt.id", "doubt.message"


def doubts(connection: DuckDBPyConnection, records: Path) -> DuckDBPyRelation | None:
    """The image sets whose answers contradict each other, each with a text that names two of them; None where there are
    none."""
    lines = read_lines(connection, records, _SHAPE, GET_IMAGE_SET, LIST_VERSIONS, SEARCH, witnesses=True)
    facts = _facts(lines)
    unlike = [one for (one,) in _unlike(facts).fetchall()]
    return _kept(connection, _compared(connection, facts, unlike)) if unlike else None


def _facts(lines: DuckDBPyRelation) -> DuckDBPyRelation:
    """The answers on image sets, with a number that stands for the image set."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    code = member(ERROR_CODE)
    told = code.isnull() | code.isin(Constant(NOT_FOUND), Constant(NO_VERSION))
    store = duckdb.CoalesceOperator(Column("datastoreId"), Constant(""))
    return lines.filter(Column("imageSetId").isnotnull() & told).select(
        Function("hash", store, Column("imageSetId")).alias("number"),
        duckdb.CoalesceOperator(Column("action"), Constant(GET_IMAGE_SET)).alias("call"),
        store.alias(_STORE),
        Column("imageSetId"),
        Column("target"),
        Column(PINNED),
        code.alias("code"),
        Column(COLLECTED),
        duckdb.CoalesceOperator(Column(WITNESS), Constant(value=False)).alias(WITNESS),
        *map(Column, _SAID),
    )


def _unlike(facts: DuckDBPyRelation) -> DuckDBPyRelation:
    """The numbers of image sets of which not all answers say the same, or which were asked for by a version."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    # lists are sorted by the first member
    last = Function("list_extract", Function("list_sort", Column(VERSIONS)), Constant(-1))

    def newest(name: str) -> Expression:
        return duckdb.CoalesceOperator(Column(name), Function("struct_extract", last, Constant(name)))

    forced = duckdb.CoalesceOperator(
        member("overrides.forced"), member("overrides.forced", last), Constant(value=False)
    )
    exact = Column("call") != Constant(SEARCH)
    deleted = duckdb.CoalesceOperator(newest("imageSetState") == Constant("DELETED"), Constant(value=False))
    told = facts.select(
        Column("number"),
        Column("code").isnotnull().alias("missing"),
        (Column(PINNED).isnotnull() | Column(WITNESS)).alias("special"),
        duckdb.CoalesceOperator(newest("versionId"), Column("version")).alias("version"),
        newest("createdAt").alias("created"),
        # numbers: of texts the memory would be full where image sets are many
        duckdb.CaseExpression(exact, Function("hash", forced, deleted)).alias("state"),
        duckdb.CaseExpression(
            Column("imageSetArn").isnotnull(), Function("hash", Column("imageSetArn"))
        ).alias("arn"),
        # of two lists each version counts
        duckdb.CaseExpression(
            Column(VERSIONS).isnotnull(), Function("hash", Function("list_sort", Column(VERSIONS)))
        ).alias("list"),
    )
    names = ("version", "created", "state", "arn", "list")
    ends = [Function(end, Column(name)).alias(f"{end} {name}") for name in names for end in ("min", "max")]
    flags = [Function("bool_or", Column(name)).alias(name) for name in ("missing", "special")]
    sets = told.aggregate(
        [Column("number"), Function("count_star").alias("answers"), *flags, *ends], "number"
    )
    differs = Column("missing") | Column("special")
    for name in names:
        differs = differs | duckdb.CoalesceOperator(
            Column(f"min {name}") != Column(f"max {name}"), Constant(value=False)
        )
    return sets.filter((Column("answers") > Constant(1)) & differs).select("number")


def _compared(
    connection: DuckDBPyConnection, facts: DuckDBPyRelation, unlike: list[int]
) -> Iterator[tuple[str, str, str]]:
    """Of the image sets with these numbers those whose answers contradict each other, and how."""
    from duckdb import ColumnExpression as Column

    connection.execute(
        "CREATE OR REPLACE TEMP TABLE unlike AS SELECT unnest($1::UBIGINT[]) AS number", [unlike]
    )
    here = facts.set_alias("facts").join(connection.table("unlike").set_alias("unlike"), "number", how="semi")
    order = [Column(name).asc().nulls_first() for name in (_STORE, "imageSetId")]
    here.sort(*order).to_table("compared")
    rows = _rows(connection)
    for (store, name), same in groupby(rows, lambda row: (row[0], row[1])):
        if (why := contradiction(_statement(row[2:]) for row in same)) is not None:
            yield store, name, why
    connection.execute("DROP TABLE compared")


def _rows(connection: DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """The rows of the table `compared` in its order, some in memory at a time."""
    columns = f'"{_STORE}", "imageSetId", call, target, "{PINNED}", code, "{COLLECTED}", {WITNESS}'
    said = ", ".join(f'"{name}"' for name in _SAID)
    table = connection.table("compared")
    total = table.aggregate("count(*)").fetchall()[0][0]
    for start in range(0, total, SOME):
        part = table.filter(f"rowid >= {start} AND rowid < {start + SOME}").select(
            f"rowid, {columns}, {said}"
        )
        yield from (row[1:] for row in part.order("rowid").fetchall())


def _statement(row: tuple[Any, ...]) -> Statement:
    call, target, asked, code, at, witness, *said = row
    versions = {} if code else versions_of(call, _zoned(dict(zip(_SAID, said, strict=True))))
    when = at.replace(tzinfo=UTC) if at else None
    return Statement(call, target, when, asked, versions, gone=code == NOT_FOUND, witness=witness)


def _zoned(answer: dict[str, Any]) -> dict[str, Any]:
    for one in (answer, *(answer[VERSIONS] or ())):
        if one["createdAt"] is not None:
            one["createdAt"] = one["createdAt"].replace(tzinfo=UTC)
    return answer


def _kept(connection: DuckDBPyConnection, found: Iterable[tuple[str, str, str]]) -> DuckDBPyRelation | None:
    """The image sets from a file: there may be many."""
    ((spill,),) = connection.sql("SELECT current_setting('temp_directory')").fetchall()
    Path(spill).mkdir(exist_ok=True)
    file = Path(spill) / f"{uuid4().hex}.jsonl"
    names = (_STORE, _ID, _WHY)
    count = 0
    with file.open("w", encoding="utf-8") as lines:
        for one in found:
            lines.write(json.dumps(dict(zip(names, one, strict=True))) + "\n")
            count += 1
    if not count:
        return None
    shape = dict.fromkeys(names, "VARCHAR")
    return connection.read_json(duckdb_path(file), columns=shape, format="newline_delimited")


def doubted(rows: DuckDBPyRelation, found: DuckDBPyRelation | None) -> DuckDBPyRelation:
    """The rows of image sets or versions; those of an image set whose answers contradict each other are unread, one for
    itself and one for each version that was asked for."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    if found is None:
        return rows
    others = trusted(rows, found)
    joined = rows.set_alias("rows").join(found.set_alias("doubt"), _same())
    key = [Column(name) for name in ("target", "datastoreId", "imageSetId", PINNED)]
    number = Function("row_number").over(partition_by=key, order_by=[Column(COLLECTED).desc().nulls_last()])
    first = joined.select(*map(Column, (*rows.columns, _WHY)), number.alias("its number"))
    first = first.filter(Column("its number") == Constant(1))
    kinds = dict(zip(rows.columns, rows.types, strict=True))

    def value(name: str) -> Expression:
        if name == ERROR_CODE:
            return Constant(CONTRADICTORY).alias(name)
        if name == ERROR_MESSAGE:
            return Column(_WHY).alias(name)
        if name in _KEPT or name.startswith(_LABELS):
            return Column(name)
        return Constant(None).cast(kinds[name]).alias(name)

    return others.union(first.select(*map(value, rows.columns)))


def trusted(lines: DuckDBPyRelation, found: DuckDBPyRelation | None) -> DuckDBPyRelation:
    """Records but for those of image sets whose answers contradict each other."""
    return lines if found is None else lines.join(found.set_alias("doubt"), _same(), how="anti")


def unsaid(answers: DuckDBPyRelation, found: DuckDBPyRelation | None) -> DuckDBPyRelation:
    """Answers on image sets, of which those that contradict each other say nothing, not even whether it is there."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    if found is None:
        return answers
    of = (*SET, PINNED, "action", COLLECTED)
    kinds = dict(zip(answers.columns, answers.types, strict=True))
    rest = answers.set_alias("answers").join(found.set_alias("doubt"), _same(), how="semi")
    none = (
        Column(name) if name in of else Constant(None).cast(kind).alias(name) for name, kind in kinds.items()
    )
    return trusted(answers.set_alias("answers"), found).union(rest.select(*none))


def _same() -> Expression:
    """Whether a record or a row is of an image set whose answers contradict each other."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    store = duckdb.CoalesceOperator(Column("datastoreId"), Constant(""))
    return (store == Column(_STORE)) & (Column("imageSetId") == Column(_ID))
