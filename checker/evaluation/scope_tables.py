"""The tables of a snapshot by scope, and the columns that name a subject in each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from checker.model import RuleScope
from checker.snapshot.columns import (
    CALL,
    FILLED_AT,
    LISTED_SINCE,
    PINNED,
    REUSED,
    SEARCHED_AT,
    TARGET_ACCOUNT,
    TARGET_REGION,
    duckdb_path,
)
from checker.sql import Connection, Expression, Relation, coalesce, col, lit, null, true

TABLES: Mapping[RuleScope, str] = {
    "image_set": "image_sets.parquet",
    "version": "versions.parquet",
    "datastore": "datastores.parquet",
}
SUBJECT = ("target", "account", "region", "datastoreId", "imageSetId", "versionId", "exact")
"""The columns of a subject, in the order of `Subject`."""


def read_table(connection: Connection, folder: Path, scope: RuleScope) -> Relation:
    """The rows that rules of a scope judge, from a folder that `write_snapshot` filled."""
    rows = connection.read_parquet(duckdb_path(folder / TABLES[scope]))
    if scope == "datastore":
        return rows
    # a list of versions is by no search, and an earlier version of the checker searched nothing
    kinds = dict.fromkeys((LISTED_SINCE, SEARCHED_AT, FILLED_AT), "TIMESTAMP")
    kinds |= {CALL: "VARCHAR", REUSED: "VARCHAR"}
    missing = {name: kind for name, kind in kinds.items() if name not in rows.columns}
    none = [null(kind).alias(name) for name, kind in missing.items()]
    return rows.select(*map(col, rows.columns), *none)


def subject(scope: RuleScope) -> list[Expression]:
    """The columns `SUBJECT`. Account and Region are the answer's own before the target's."""
    account, region = col(TARGET_ACCOUNT), col(TARGET_REGION)
    image_set: Expression = col("imageSetId")
    version = col("versionId") if scope != "datastore" else lit(None)
    exact: Expression = true()
    if scope == "image_set":
        account, region = coalesce(col("account"), account), coalesce(col("region"), region)
        exact = col(PINNED).isnotnull()
    if scope == "datastore":
        image_set, exact = null("VARCHAR"), col("exact")
    else:
        version = coalesce(version, col(PINNED))
    values = (
        col("target"),
        account,
        region,
        col("datastoreId"),
        image_set,
        version.cast("BIGINT"),
        exact,
    )
    return [value.alias(name) for value, name in zip(values, SUBJECT, strict=True)]
