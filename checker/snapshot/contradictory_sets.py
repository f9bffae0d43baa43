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
from typing import Any
from uuid import uuid4

from checker.aws.actions import GET_IMAGE_SET, LIST_VERSIONS, SEARCH
from checker.snapshot.columns import (
    COLLECTED,
    ERROR_CODE,
    ERROR_MESSAGE,
    LABEL_PLACES,
    PINNED,
    REUSED,
    SET,
    TARGET_ACCOUNT,
    TARGET_REGION,
    duckdb_path,
    member,
)
from checker.snapshot.contradiction import AnswerFacts, contradiction, versions_of
from checker.snapshot.records import CONTRADICTORY, NO_VERSION, NOT_FOUND, VERSIONS, WITNESS
from checker.sql import (
    Connection,
    Expression,
    Relation,
    case,
    coalesce,
    col,
    false,
    func,
    lit,
    null,
    or_empty,
)

SOME = 1000
"""Rows of candidates in memory at a time."""
_CALLS = (GET_IMAGE_SET, LIST_VERSIONS, SEARCH)
_SAID = ("versionId", "version", "createdAt", "imageSetState", "imageSetArn", "overrides", VERSIONS)
_KEPT = frozenset(
    {
        *SET, TARGET_ACCOUNT, TARGET_REGION, PINNED, ERROR_CODE, ERROR_MESSAGE, COLLECTED, REUSED, LABEL_PLACES,
    }
)  # fmt: skip
"""Columns that say which image set a row is of, and why it is unread."""
_LABELS = "labels."
_STORE, _ID, _WHY = "doubt.store", "doubt.id", "doubt.message"


def contradictory_sets(connection: Connection, records: Relation) -> Relation | None:
    """The image sets whose answers contradict each other, each with a text that names two of them; None where there are
    none.

    Args:
        connection: the database of the records.
        records: all of them, those too that are only there to be compared.
    """
    facts = _facts(records.filter(coalesce(col("action"), lit(GET_IMAGE_SET)).isin(*map(lit, _CALLS))))
    unlike = [number for (number,) in _unlike(facts).fetchall()]
    return _written(connection, _compared(connection, facts, unlike)) if unlike else None


def _facts(lines: Relation) -> Relation:
    """The answers on image sets, with a number that stands for the image set."""
    code = member(ERROR_CODE)
    told = code.isnull() | code.isin(lit(NOT_FOUND), lit(NO_VERSION))
    store = or_empty("datastoreId")
    return lines.filter(col("imageSetId").isnotnull() & told).select(
        func("hash", store, col("imageSetId")).alias("number"),
        coalesce(col("action"), lit(GET_IMAGE_SET)).alias("call"),
        store.alias(_STORE),
        col("imageSetId"),
        col("target"),
        col(PINNED),
        code.alias("code"),
        col(COLLECTED),
        coalesce(col(WITNESS), false()).alias(WITNESS),
        *map(col, _SAID),
    )


def _unlike(facts: Relation) -> Relation:
    """The numbers of image sets of which not all answers say the same, or which were asked for by a version."""
    # lists are sorted by the first member
    last = func("list_extract", func("list_sort", col(VERSIONS)), lit(-1))

    def newest(name: str) -> Expression:
        return coalesce(col(name), func("struct_extract", last, lit(name)))

    forced = coalesce(member("overrides.forced"), member("overrides.forced", last), false())
    exact = col("call") != lit(SEARCH)
    deleted = coalesce(newest("imageSetState") == lit("DELETED"), false())
    told = facts.select(
        col("number"),
        col("code").isnotnull().alias("missing"),
        (col(PINNED).isnotnull() | col(WITNESS)).alias("special"),
        coalesce(newest("versionId"), col("version")).alias("version"),
        newest("createdAt").alias("created"),
        # numbers: of texts the memory would be full where image sets are many
        case(exact, func("hash", forced, deleted)).alias("state"),
        case(col("imageSetArn").isnotnull(), func("hash", col("imageSetArn"))).alias("arn"),
        # of two lists each version counts
        case(col(VERSIONS).isnotnull(), func("hash", func("list_sort", col(VERSIONS)))).alias("list"),
    )
    names = ("version", "created", "state", "arn", "list")
    ends = [func(end, col(name)).alias(f"{end} {name}") for name in names for end in ("min", "max")]
    flags = [func("bool_or", col(name)).alias(name) for name in ("missing", "special")]
    sets = told.aggregate([col("number"), func("count_star").alias("answers"), *flags, *ends], "number")
    differs = col("missing") | col("special")
    for name in names:
        differs = differs | coalesce(col(f"min {name}") != col(f"max {name}"), false())
    return sets.filter((col("answers") > lit(1)) & differs).select("number")


def _compared(connection: Connection, facts: Relation, unlike: list[int]) -> Iterator[tuple[str, str, str]]:
    """Of the image sets with these numbers those whose answers contradict each other, and how."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE unlike AS SELECT unnest($1::UBIGINT[]) AS number", [unlike]
    )
    here = facts.set_alias("facts").join(connection.table("unlike").set_alias("unlike"), "number", how="semi")
    order = [col(name).asc().nulls_first() for name in (_STORE, "imageSetId")]
    here.sort(*order).to_table("compared")
    rows = _rows(connection)
    for (store, name), same in groupby(rows, lambda row: (row[0], row[1])):
        if (why := contradiction(_statement(row[2:]) for row in same)) is not None:
            yield store, name, why
    connection.execute("DROP TABLE compared")


def _rows(connection: Connection) -> Iterator[tuple[Any, ...]]:
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


def _statement(row: tuple[Any, ...]) -> AnswerFacts:
    call, target, asked, code, at, witness, *said = row
    versions = {} if code else versions_of(call, _zoned(dict(zip(_SAID, said, strict=True))))
    when = at.replace(tzinfo=UTC) if at else None
    return AnswerFacts(call, target, when, asked, versions, gone=code == NOT_FOUND, witness=witness)


def _zoned(answer: dict[str, Any]) -> dict[str, Any]:
    for item in (answer, *(answer[VERSIONS] or ())):
        if item["createdAt"] is not None:
            item["createdAt"] = item["createdAt"].replace(tzinfo=UTC)
    return answer


def _written(connection: Connection, found: Iterable[tuple[str, str, str]]) -> Relation | None:
    """The image sets from a file: there may be many."""
    ((spill,),) = connection.sql("SELECT current_setting('temp_directory')").fetchall()
    Path(spill).mkdir(exist_ok=True)
    file = Path(spill) / f"{uuid4().hex}.jsonl"
    names = (_STORE, _ID, _WHY)
    count = 0
    with file.open("w", encoding="utf-8") as lines:
        for explanation in found:
            lines.write(json.dumps(dict(zip(names, explanation, strict=True))) + "\n")
            count += 1
    if not count:
        return None
    shape = dict.fromkeys(names, "VARCHAR")
    return connection.read_json(duckdb_path(file), columns=shape, format="newline_delimited")


def as_unread(rows: Relation, found: Relation | None) -> Relation:
    """The rows of image sets or versions; those of an image set whose answers contradict each other are unread, one for
    itself and one for each version that was asked for."""
    if found is None:
        return rows
    others = consistent_records(rows, found)
    joined = rows.set_alias("rows").join(found.set_alias("doubt"), _same())
    key = [col(name) for name in ("target", "datastoreId", "imageSetId", PINNED)]
    number = func("row_number").over(partition_by=key, order_by=[col(COLLECTED).desc().nulls_last()])
    first = joined.select(*map(col, (*rows.columns, _WHY)), number.alias("its number"))
    first = first.filter(col("its number") == lit(1))
    kinds = dict(zip(rows.columns, rows.types, strict=True))

    def value(name: str) -> Expression:
        if name == ERROR_CODE:
            return lit(CONTRADICTORY).alias(name)
        if name == ERROR_MESSAGE:
            return col(_WHY).alias(name)
        if name in _KEPT or name.startswith(_LABELS):
            return col(name)
        return null(kinds[name]).alias(name)

    return others.union(first.select(*map(value, rows.columns)))


def consistent_records(lines: Relation, found: Relation | None) -> Relation:
    """Records but for those of image sets whose answers contradict each other."""
    return lines if found is None else lines.join(found.set_alias("doubt"), _same(), how="anti")


def as_unknown(answers: Relation, found: Relation | None) -> Relation:
    """Answers on image sets, of which those that contradict each other say nothing, not even whether it is there."""
    if found is None:
        return answers
    of = (*SET, PINNED, "action", COLLECTED)
    kinds = dict(zip(answers.columns, answers.types, strict=True))
    rest = answers.set_alias("answers").join(found.set_alias("doubt"), _same(), how="semi")
    none = (col(name) if name in of else null(kind).alias(name) for name, kind in kinds.items())
    return consistent_records(answers.set_alias("answers"), found).union(rest.select(*none))


def _same() -> Expression:
    """Whether a record or a row is of an image set whose answers contradict each other."""
    store = or_empty("datastoreId")
    return (store == col(_STORE)) & (col("imageSetId") == col(_ID))
