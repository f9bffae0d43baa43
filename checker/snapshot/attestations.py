"""Why a run takes the image sets of a target for all that there are: the owner of the audit says so, or a search listed
them."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from pathlib import Path

from checker.instants import iso
from checker.layout import DATASTORES, SNAPSHOT, VERSIONS
from checker.snapshot.columns import LISTED_SINCE, connect, duckdb_path
from checker.sql import Connection, col, false, func

BEST_EFFORT = (
    "so far as that rests on EventBridge's events, AWS's reference of events calls their delivery best effort, and its "
    "developer guide durable"
)
"""What is to be said beside every claim that rests on events."""
Place = tuple[str, str | None]
"""A target and its data store."""


def attestations(folder: Path, known_since: datetime | None = None) -> tuple[str, ...]:
    """What the owner of an audit says of its evidence, and nothing shows, as texts.

    Args:
        folder: a folder with the tables of a snapshot.
        known_since: from when on the owner says that every deletion is known.
    """
    with connect() as connection:
        told = [item for item in _complete(connection, folder) if item not in _listed(connection, folder)]
    since = f"every image set that was deleted since {iso(known_since)} is known" if known_since else ""
    texts = [f"{since} (collect.deletions_known_since); {BEST_EFFORT}"] if since else []
    texts += [
        f"{target}: its image sets are all those of the data store {store or '(not named)'} (complete: true)"
        for target, store in told
    ]
    return tuple(texts)


def force_flag_remark(folder: Path) -> tuple[str, ...]:
    """A remark where answers have a force flag that is false, as a text: the API reference has it there where force was
    used."""
    flag = "overrides.forced"
    key = [col(name) for name in ("datastoreId", "imageSetId")]
    places = [path for path in (folder / SNAPSHOT, folder / VERSIONS) if path.exists()]
    with connect() as connection:
        tables = [connection.read_parquet(duckdb_path(path)) for path in places]
        parts = [relation.filter(col(flag) == false()).select(*key) for relation in tables]
        if not parts:
            return ()
        found = reduce(lambda left, right: left.union(right), parts).distinct()
        numbers = [func("count_star"), func("min", col("imageSetId"))]
        number, first = found.aggregate(numbers).fetchall()[0]
    if not number:
        return ()
    sets = "1 image set answers" if number == 1 else f"{number:,} image sets answer"
    meaning = "the API reference says that the flag is there where force was used"
    read = "It was read as not forced; ask AWS what it means."
    return (f"{sets} with `forced: false`, such as {first}: {meaning}. {read}",)


def search_complete_targets(folder: Path) -> tuple[str, ...]:
    """The targets of a run folder whose image sets a search listed, as texts."""
    with connect() as connection:
        found = _listed(connection, folder)
    return tuple(
        f"{target}: SearchImageSets listed its image sets in the data store {store or '(not named)'}; AWS does not say "
        "whether it lists LOCKED or DELETED ones"
        for target, store in found
    )


def _complete(connection: Connection, folder: Path) -> list[Place]:
    """Where every image set of the data store is listed."""
    file = folder / DATASTORES
    if not file.exists():
        return []
    rows = connection.read_parquet(duckdb_path(file)).filter(col("complete"))
    return rows.select(col("target"), col("datastoreId")).order('"target", "datastoreId"').fetchall()


def _listed(connection: Connection, folder: Path) -> list[Place]:
    """Where a search came to its end."""
    file = next(filter(Path.exists, (folder / SNAPSHOT, folder / VERSIONS)), None)
    if file is None:
        return []
    rows = connection.read_parquet(duckdb_path(file))
    if LISTED_SINCE not in rows.columns:  # an earlier version searched nothing
        return []
    rows = rows.filter(col("imageSetId").isnull() & col(LISTED_SINCE).isnotnull())
    return rows.select(col("target"), col("datastoreId")).order('"target", "datastoreId"').fetchall()
