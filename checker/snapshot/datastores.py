"""The rows of data stores: one for each that records name in a target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from checker.snapshot.columns import (
    ERROR_CODE,
    ERROR_MESSAGE,
    REFERENCE,
    TARGET_ACCOUNT,
    TARGET_REGION,
    member,
    read_lines,
)
from checker.snapshot.records import GET_DATASTORE, LIST_ACCOUNTS, LIST_DATASTORES, NOT_RECORDED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression


def datastore_rows(connection: DuckDBPyConnection, records: Path) -> DuckDBPyRelation:
    """A row for each data store: whether GetDatastore was received, and whether the target covers the whole store.

    Image sets whose data store no record names have a row too; beside them no other data store of their target is
    covered, since they may belong to it.
    """
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    rows = _named(read_lines(connection, records, {**REFERENCE, "complete": "BOOLEAN"}))
    stores = rows.aggregate(
        [
            Column("target").alias("of"),
            Function("count_star").alias("stores"),
            Function("count_if", Column("datastoreId").isnull()).alias("nameless"),
        ],
        '"target"',
    )
    joined = rows.join(stores.set_alias("stores"), Column("target") == Column("of"))
    several = Column("stores") > Constant(1)
    missing = duckdb.CoalesceOperator(Column("code"), Constant(NOT_RECORDED))
    return joined.select(
        Column("target"),
        Column(TARGET_ACCOUNT),
        Column(TARGET_REGION),
        Column("datastoreId"),
        Constant(None).cast("VARCHAR").alias("imageSetId"),
        duckdb.CaseExpression(Column("received"), Constant(value=True)).alias("found"),
        duckdb.CaseExpression(~Column("received"), missing).alias(ERROR_CODE),
        duckdb.CaseExpression(~Column("received"), Column("message")).alias(ERROR_MESSAGE),
        Column("collectedAt"),
        (Column("whole") & ~(several & (Column("nameless") > Constant(0)))).alias("complete"),
        several.alias("exact"),
    )


def _named(lines: DuckDBPyRelation) -> DuckDBPyRelation:
    """The data stores that records of whatever call name, with what GetDatastore's say."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    action = duckdb.CoalesceOperator(Column("action"), Constant(""))
    asked = action == Constant(GET_DATASTORE)
    # where data stores could not be listed, that is all that is known of them
    failed = action.isin(*map(Constant, (LIST_DATASTORES, LIST_ACCOUNTS)))

    def said(value: Expression) -> Expression:
        return Function("max", duckdb.CaseExpression(asked | failed, value))

    received = Function("bool_or", asked & member(ERROR_CODE).isnull())
    return lines.aggregate(
        [
            Column("target"),
            Column("datastoreId"),
            Function("max", Column("targetAccount")).alias(TARGET_ACCOUNT),
            Function("max", Column("targetRegion")).alias(TARGET_REGION),
            received.alias("received"),
            said(member(ERROR_CODE)).alias("code"),
            said(member(ERROR_MESSAGE)).alias("message"),
            said(Column("collectedAt")).alias("collectedAt"),
            Function(
                "bool_or", asked & duckdb.CoalesceOperator(Column("complete"), Constant(value=False))
            ).alias("whole"),
        ],
        '"target", "datastoreId"',
    )
