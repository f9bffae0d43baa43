"""Why a run takes the image sets of a target for all that there are: the owner of the audit says so, or a search listed
them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checker.evidence.runfolder import DATASTORES, SNAPSHOT, VERSIONS
from checker.evidence.tables import LISTED_SINCE, connect, duckdb_path
from checker.values import iso

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Place = tuple[str, str | None]
"""A target and its data store."""


def claims(folder: Path, known_since: datetime | None = None) -> tuple[str, ...]:
    """What the owner of an audit says of its evidence, and nothing shows, as texts.

    Args:
        folder: a folder with the tables of a snapshot.
        known_since: from when on the owner says that every deletion is known.
    """
    with connect() as connection:
        told = [one for one in _complete(connection, folder) if one not in _listed(connection, folder)]
    since = f"every image set that was deleted since {iso(known_since)} is known" if known_since else ""
    texts = [f"{since} (collect.deletions_known_since)"] if since else []
    texts += [
        f"{target}: its image sets are all those of the data store {store or '(not named)'} (complete: true)"
        for target, store in told
    ]
    return tuple(texts)


def searched(folder: Path) -> tuple[str, ...]:
    """The targets of a run folder whose image sets a search listed, as texts."""
    with connect() as connection:
        found = _listed(connection, folder)
    return tuple(
        f"{target}: SearchImageSets listed its image sets in the data store {store or '(not named)'}; AWS does not say "
        "whether it lists LOCKED or DELETED ones"
        for target, store in found
    )


def _complete(connection: DuckDBPyConnection, folder: Path) -> list[Place]:
    """Where every image set of the data store is listed."""
    from duckdb import ColumnExpression as Column

    file = folder / DATASTORES
    if not file.exists():
        return []
    rows = connection.read_parquet(duckdb_path(file)).filter(Column("complete"))
    return rows.select(Column("target"), Column("datastoreId")).order('"target", "datastoreId"').fetchall()


def _listed(connection: DuckDBPyConnection, folder: Path) -> list[Place]:
    """Where a search came to its end."""
    from duckdb import ColumnExpression as Column

    file = next(filter(Path.exists, (folder / SNAPSHOT, folder / VERSIONS)), None)
    if file is None:
        return []
    rows = connection.read_parquet(duckdb_path(file))
    if LISTED_SINCE not in rows.columns:  # an earlier version searched nothing
        return []
    rows = rows.filter(Column("imageSetId").isnull() & Column(LISTED_SINCE).isnotnull())
    return rows.select(Column("target"), Column("datastoreId")).order('"target", "datastoreId"').fetchall()
