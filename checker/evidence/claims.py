"""What the owner of an audit says of its evidence, and nothing shows."""

from __future__ import annotations

from pathlib import Path

from checker.evidence.runfolder import DATASTORES
from checker.evidence.tables import connect, duckdb_path


def claims(folder: Path) -> tuple[str, ...]:
    """The targets of a run folder of which it is said that they list every image set of their data store, as texts."""
    from duckdb import ColumnExpression as Column

    file = folder / DATASTORES
    if not file.exists():
        return ()
    with connect() as connection:
        rows = connection.read_parquet(duckdb_path(file)).filter(Column("complete"))
        found = rows.select(Column("target"), Column("datastoreId")).order("target, datastoreId").fetchall()
    return tuple(
        f"{target}: its image sets are all those of the data store {store or '(not named)'} (complete: true)"
        for target, store in found
    )
