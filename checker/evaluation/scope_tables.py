"""The tables of a snapshot by scope, and the columns that name a subject in each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

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

TABLES: Mapping[RuleScope, str] = {
    "image_set": "image_sets.parquet",
    "version": "versions.parquet",
    "datastore": "datastores.parquet",
}
SUBJECT = ("target", "account", "region", "datastoreId", "imageSetId", "versionId", "exact")
"""The columns of a subject, in the order of `Subject`."""


def read_table(connection: DuckDBPyConnection, folder: Path, scope: RuleScope) -> DuckDBPyRelation:
    """The rows that rules of a scope judge, from a folder that `write_snapshot` filled."""
    rows = connection.read_parquet(duckdb_path(folder / TABLES[scope]))
    if scope == "datastore":
        return rows
    # a list of versions is by no search, and an earlier version of the checker searched nothing
    kinds = dict.fromkeys((LISTED_SINCE, SEARCHED_AT, FILLED_AT), "TIMESTAMP")
    kinds |= {CALL: "VARCHAR", REUSED: "VARCHAR"}
    missing = {name: kind for name, kind in kinds.items() if name not in rows.columns}
    none = [Constant(None).cast(kind).alias(name) for name, kind in missing.items()]
    return rows.select(*map(Column, rows.columns), *none)


def subject(scope: RuleScope) -> list[Expression]:
    """The columns `SUBJECT`. Account and Region are the answer's own before the target's."""
    account, region = Column(TARGET_ACCOUNT), Column(TARGET_REGION)
    image_set: Expression = Column("imageSetId")
    version = Column("versionId") if scope != "datastore" else Constant(None)
    exact: Expression = Constant(value=True)
    if scope == "image_set":
        account, region = Coalesce(Column("account"), account), Coalesce(Column("region"), region)
        exact = Column(PINNED).isnotnull()
    if scope == "datastore":
        image_set, exact = Constant(None).cast("VARCHAR"), Column("exact")
    else:
        version = Coalesce(version, Column(PINNED))
    values = (
        Column("target"),
        account,
        region,
        Column("datastoreId"),
        image_set,
        version.cast("BIGINT"),
        exact,
    )
    return [value.alias(name) for value, name in zip(values, SUBJECT, strict=True)]
