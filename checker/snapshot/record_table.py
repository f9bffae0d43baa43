"""The records of a run as one table with a column for each member, read once, however many tables are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from checker.aws.actions import ACTIONS, GET_IMAGE_SET, LIST_VERSIONS, RECORDED, SEARCH
from checker.fields import model
from checker.snapshot.columns import (
    LABELS,
    MEMORY_TO_COLLECT,
    PINNED,
    REFERENCE,
    answer_columns,
    connect,
    member,
    member_types,
    read_lines,
    spill_rows,
)
from checker.snapshot.contradictory_sets import contradictory_sets
from checker.snapshot.records import DICOM_TAGS, LISTED_SINCE, VERSIONS, WITNESS
from checker.sql import Connection, Expression, Relation, case, coalesce, col, func, lambda_, lit

LARGE = 64 << 20
"""Bytes of records from which on what is made of them is kept on the disk."""
_SPELLING = ACTIONS[LIST_VERSIONS].names


@dataclass(frozen=True)
class RecordTable:
    """The records in a file as rows. `every` has those too that are only there to be compared."""

    file: Path
    connection: Connection
    every: Relation
    large: bool

    def of(self, *actions: str) -> Relation:
        """The records of some calls that stand, of all unless any is named."""
        standing = self.every.filter(col(WITNESS).isnull())
        if not actions:
            return standing
        return standing.filter(coalesce(col("action"), lit(GET_IMAGE_SET)).isin(*map(lit, actions)))

    @cached_property
    def contradictory(self) -> Relation | None:
        """The image sets whose answers contradict each other (`contradictory_sets`); None where there are none."""
        return contradictory_sets(self.connection, self.every)

    def settled(self, rows: Relation) -> Relation:
        """The same rows, made once and for all where the records are many: DuckDB would hold every step of a long query at
        the same time."""
        return spill_rows(self.connection, rows) if self.large else rows

    def latest_versions(self) -> Relation:
        """The answers of ListImageSetVersions with the highest version of each, or the pinned one, as the column `LATEST`:
        null where there is none."""
        versions = func("list_sort", col(VERSIONS))
        wanted = lambda_("listed", member("versionId", col("listed")) == col(PINNED))
        versions = case(col(PINNED).isnull(), versions).otherwise(func("list_filter", versions, wanted))
        latest = func("list_extract", versions, lit(-1)).alias(LATEST)
        return self.of(LIST_VERSIONS).select(*map(col, (*REFERENCE, *LABELS)), latest)


LATEST = "latest"
"""The column of a version in `latest_versions`."""


def of_version(path: str, version: Expression | None = None) -> Expression:
    """A field of a version as ListImageSetVersions gives it: of the one in the column `LATEST`, unless another is given."""
    head, dot, rest = path.partition(".")
    return member(f"{_SPELLING.get(head, head)}{dot}{rest}", col(LATEST) if version is None else version)


@contextmanager
def record_table(records: Path) -> Iterator[RecordTable]:
    """The records in a file as a table, with a database of its own."""
    # what is made of them is sorted, and millions of rows in the order in which they were read fill the memory
    with connect(MEMORY_TO_COLLECT, preserve_insertion_order=False) as connection:
        yield read_records(connection, records)


def read_records(connection: Connection, records: Path) -> RecordTable:
    """The records in a file as a table of a database."""
    lines = read_lines(connection, records, _members(), witnesses=True)
    large = records.stat().st_size >= LARGE
    if large:
        rows = spill_rows(connection, lines)
    else:
        name = f"records_{uuid4().hex}"
        lines.to_table(name)
        rows = connection.table(name)
    return RecordTable(records, connection, rows, large)


def _members() -> dict[str, str]:
    """The members of records and their types."""
    known = model()
    others = [name for name in RECORDED if ACTIONS[name].sources and name != SEARCH]
    return {
        **dict.fromkeys(("account", "region"), "VARCHAR"),
        **member_types(known.fields),
        **REFERENCE,
        **LABELS,
        "version": "BIGINT",
        "complete": "BOOLEAN",
        "gaps": "BIGINT[]",
        LISTED_SINCE: "TIMESTAMP",
        **answer_columns(LIST_VERSIONS),
        DICOM_TAGS: "MAP(VARCHAR, VARCHAR)",
        WITNESS: "BOOLEAN",
        **{member: kind for name in others for member, kind in answer_columns(name).items()},
    }
