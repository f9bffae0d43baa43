"""The snapshot: records as Parquet files with one row per image set, per version and per data store, as rules need them.

A column is named like the field it holds. Instants are UTC without a zone, whole milliseconds; a duration is a struct
of months and milliseconds. What an answer left out is null: what that means is the evaluation's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from checker.layout import DATASTORES, HISTORY, SNAPSHOT, VERSIONS
from checker.model import Coverage, Label, Needs
from checker.snapshot.columns import (
    CALL,
    ERROR_CODE,
    ERROR_MESSAGE,
    LABEL_PLACES,
    LISTED_SINCE,
    PINNED,
    ROW,
    TARGET_ACCOUNT,
    TARGET_REGION,
    connect,
    duckdb_path,
    more_memory,
    search_failed,
    write,
)
from checker.snapshot.contradictory_sets import as_unread
from checker.snapshot.datastores import datastore_rows
from checker.snapshot.image_sets import image_set_rows
from checker.snapshot.joins import (
    with_datastore,
    with_dicom,
    with_history,
    with_successor,
    with_tags,
    with_targets,
)
from checker.snapshot.record_table import RecordTable, record_table
from checker.snapshot.records import Record
from checker.snapshot.versions import version_rows
from checker.sql import Connection, Expression, Relation, col, false, func, lit

__all__ = [
    "CALL",
    "ERROR_CODE",
    "ERROR_MESSAGE",
    "LABEL_PLACES",
    "LISTED_SINCE",
    "PINNED",
    "ROW",
    "TARGET_ACCOUNT",
    "TARGET_REGION",
    "answered_by",
    "connect",
    "duckdb_path",
    "search_failed",
    "write_records",
    "write_snapshot",
]


_ORDER = ("target", "imageSetId", PINNED, "versionId", "datastoreId")


def write_records(records: Iterable[Record], path: Path) -> None:
    """Writes records as JSON lines."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for record in records:
            lines.write(record.to_json() + "\n")


def write_snapshot(
    records: Path,
    folder: Path,
    labels: Mapping[str, Label],
    needs: Needs = Needs(),  # noqa: B008 - frozen
    *,
    one_service: bool = True,
) -> Coverage:
    """Turns a records.jsonl into the tables that rules need; what they cover.

    Args:
        records: the JSON lines. `history.parquet` may stand beside them, or in the folder, which is looked into first.
        folder: where the tables go: image_sets.parquet, versions.parquet, datastores.parquet.
        labels: the labels to keep, each a column of its type.
        needs: what the rules read: which tables there are, and which columns from other calls they have.
        one_service: whether all records are of the same image sets, so that those on one may contradict each other. Tests
            inside rules have a world each.
    """
    with record_table(records) as table:
        return write_tables(table, folder, labels, needs, one_service=one_service)


def write_tables(
    records: RecordTable,
    folder: Path,
    labels: Mapping[str, Label],
    needs: Needs,
    *,
    one_service: bool = True,
) -> Coverage:
    """The same of records that are a table already."""
    from duckdb import OutOfMemoryException

    try:
        return _written(records, folder, labels, needs, one_service=one_service)
    except OutOfMemoryException:  # rather than no tables at all
        with more_memory(records.connection):
            return _written(records, folder, labels, needs, one_service=one_service)


def _written(
    records: RecordTable, folder: Path, labels: Mapping[str, Label], needs: Needs, *, one_service: bool
) -> Coverage:
    written: list[Path] = []
    judged = needs.image_sets or needs.versions
    contradictory = records.contradictory if one_service and judged else None
    if needs.image_sets:
        rows = as_unread(image_set_rows(records, labels, needs), contradictory)
        rows = _with_calls(rows, records, needs)
        if needs.dicom:
            rows = with_dicom(rows, records, needs.dicom, contradictory)
        if needs.successor:
            rows = with_successor(rows)
        if needs.history:
            # a replay has its own beside its tables
            places = [place / HISTORY for place in (folder, records.file.parent)]
            rows = with_history(records.connection, rows, next(filter(Path.exists, places), None))
            rows = with_targets(records.settled(rows))
        written.append(folder / SNAPSHOT)
        write(records.settled(rows), _ORDER, written[-1])
    if needs.versions:
        rows = as_unread(version_rows(records, labels, needs), contradictory)
        rows = records.settled(_with_calls(rows, records, needs))
        written.append(folder / VERSIONS)
        write(rows, ("target", "imageSetId", "versionId", "datastoreId", PINNED), written[-1])
    if needs.datastores:
        rows = with_datastore(datastore_rows(records), records)
        if needs.datastore_tags:
            rows = with_tags(rows, records, needs.datastore_tags, of="datastore")
        write(rows, ("target", "datastoreId"), folder / DATASTORES)
    if written:
        return _coverage(records.connection, written)
    if not needs.datastores:
        return Coverage()
    unread = _unread(records, folder, labels, needs)
    stores = _stores_coverage(records.connection, folder / DATASTORES)
    return replace(stores, expected=unread, unreadable=unread)


def _unread(records: RecordTable, folder: Path, labels: Mapping[str, Label], needs: Needs) -> int:
    """How many image sets were asked for and not read, where these rules need none: the evidence may be of a run whose rules
    did, or recorded. They alone have rows then, and a table where there are any."""
    every = image_set_rows(records, labels, needs)
    rows = records.settled(every.filter(col("imageSetId").isnotnull() & col("found").isnull()))
    if not rows.limit(1).fetchall():
        return 0
    write(rows, _ORDER, folder / SNAPSHOT)
    return _coverage(records.connection, [folder / SNAPSHOT]).unreadable


def answered_by(folder: Path) -> dict[str, int]:
    """How many image sets, or versions where no rule judges image sets, each call answered for, by the tables in a folder."""
    tables = [folder / name for name in (SNAPSHOT, VERSIONS)]
    with connect() as connection:
        for table in filter(Path.exists, tables):
            rows = connection.read_parquet(duckdb_path(table)).filter(col(CALL).isnotnull())
            return dict(rows.aggregate(f'"{CALL}", count(*)', f'"{CALL}"').order(f'"{CALL}"').fetchall())
    return {}


def _with_calls(rows: Relation, records: RecordTable, needs: Needs) -> Relation:
    """The rows of image sets or versions with what calls of their own said, where a rule reads it."""
    if needs.tags:
        rows = with_tags(rows, records, needs.tags, of="image set")
    if needs.datastore:
        rows = with_datastore(rows, records)
    if needs.datastore_tags:
        rows = with_tags(rows, records, needs.datastore_tags, of="datastore")
    return rows


def _coverage(connection: Connection, tables: list[Path]) -> Coverage:
    """How many distinct image sets there are, and how many of them were read."""
    names = ("target", "datastoreId", "imageSetId", "found", LISTED_SINCE, ERROR_CODE)
    columns = [col(name) for name in names]
    every, *more = (
        connection.read_parquet(duckdb_path(table)).select(
            *columns, lit(table.name == SNAPSHOT).alias("itself")
        )
        for table in tables
    )
    for other in more:
        every = every.union(other)
    rows = every.filter(col("imageSetId").isnotnull())
    unread, gone = col("found").isnull(), col("found") == false()
    # an image set that two targets list is one image set
    said = {
        "unread": unread,
        "gone": gone,
        "itself": col("itself"),
        "not_itself": col("itself") & unread,
    }
    of_target = col("imageSetId").isnull()
    said["searched"] = _of_search(every.filter(of_target & col(LISTED_SINCE).isnotnull()))
    per_set = rows.aggregate(
        [func("bool_or", truth).alias(name) for name, truth in said.items()],
        '"datastoreId", "imageSetId"',
    )
    counts = per_set.aggregate(
        [
            func("count_star"),
            func("count_if", ~col("unread") & col("gone")),
            func("count_if", col("unread")),
            func("count_if", col("unread") & col("itself") & ~col("not_itself")),
            func("count_if", col("searched")),
        ]
    ).fetchall()[0]
    expected, not_found, unreadable, lists, found = (count or 0 for count in counts)
    # a search that failed may have missed any number of image sets
    missed = func("bool_or", of_target & search_failed())
    nothing = func("bool_and", unread) & func("bool_or", ~of_target)
    per_target = every.aggregate([(missed | nothing).alias("unread"), missed.alias("missed")], '"target"')
    counters = [func("count_if", col(name)) for name in ("unread", "missed")]
    targets, unlisted = (count or 0 for count in per_target.aggregate(counters).fetchall()[0])
    return Coverage(expected, not_found, unreadable, targets, lists, unlisted, found)


def _of_search(ends: Relation) -> Expression:
    """Whether a search found the image set of a row, by the rows of targets whose search came to its end."""
    targets = [lit(name) for (name,) in ends.select(col("target")).distinct().fetchall()]
    return col("target").isin(*targets) if targets else false()


def _stores_coverage(connection: Connection, table: Path) -> Coverage:
    """The coverage of rules that read no image set: a target is unreadable where its data store is."""
    rows = connection.read_parquet(duckdb_path(table))
    per_target = rows.aggregate([func("bool_and", col("found").isnull()).alias("unread")], '"target"')
    count = per_target.aggregate([func("count_if", col("unread"))]).fetchall()[0][0]
    return Coverage(unreadable_targets=count or 0)
