"""The versions that image sets have in a snapshot, and what their labels are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from checker.layout import SNAPSHOT, VERSIONS
from checker.snapshot.columns import SET, duckdb_path
from checker.snapshot.writer import connect
from checker.sql import Relation, col, null

ImageSetKey = tuple[str, str | None, str | None]
"""Target, data store and image set."""
_MEMBERS = (
    "imageSetState",
    "imageSetWorkflowStatus",
    "createdAt",
    "updatedAt",
    "deletedAt",
    "overrides.forced",
)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an image set, as a list of versions has it."""

    number: int
    state: str | None
    workflow_status: str | None
    created: datetime | None
    updated: datetime | None
    deleted: datetime | None
    forced: bool | None


def version_histories(folder: Path, image_sets: Collection[str]) -> dict[ImageSetKey, list[Version]]:
    """The versions of those of the image sets of which the evidence lists them, the first one first."""
    found: dict[ImageSetKey, list[Version]] = {}
    for key, row in _rows(folder / VERSIONS, image_sets, ("versionId", *_MEMBERS)):
        if row[0] is not None:
            found.setdefault(key, []).append(Version(*row))
    for history in found.values():
        history.sort(key=lambda version: version.number)
    return found


def label_values(
    folder: Path, image_sets: Collection[str], names: Sequence[str]
) -> dict[ImageSetKey, tuple[object, ...]]:
    """What labels the image sets have, in the order of the names."""
    paths = tuple(f"labels.{name}" for name in names)
    return dict(_rows(folder / SNAPSHOT, image_sets, paths)) if names else {}


def _rows(
    file: Path, image_sets: Collection[str], columns: Sequence[str]
) -> Iterator[tuple[ImageSetKey, tuple[Any, ...]]]:
    """Columns of the rows of image sets; null where the file has not got one."""
    if not image_sets or not file.exists():
        return
    with connect() as connection:
        rows: Relation = connection.read_parquet(duckdb_path(file)).set_alias("rows")
        there = [
            col("rows", name) if name in rows.columns else null("VARCHAR").alias(name) for name in columns
        ]
        connection.execute("CREATE TEMP TABLE wanted AS SELECT unnest(?) AS id", [sorted(image_sets)])
        own = rows.join(connection.table("wanted").set_alias("wanted"), "rows.imageSetId = wanted.id")
        for row in own.select(*(col("rows", name) for name in SET), *there).fetchall():
            yield row[: len(SET)], row[len(SET) :]
