"""The rows of data stores: one for each that records name in a target."""

from __future__ import annotations

from checker.aws.actions import GET_DATASTORE, LIST_ACCOUNTS, LIST_DATASTORES
from checker.snapshot.columns import (
    ERROR_CODE,
    ERROR_MESSAGE,
    TARGET_ACCOUNT,
    TARGET_REGION,
    member,
)
from checker.snapshot.record_table import RecordTable
from checker.snapshot.records import NOT_RECORDED
from checker.sql import Expression, Relation, case, coalesce, col, false, func, lit, null, true


def datastore_rows(records: RecordTable) -> Relation:
    """A row for each data store: whether GetDatastore was received, and whether the target covers the whole store.

    Image sets whose data store no record names have a row too; beside them no other data store of their target is
    covered, since they may belong to it.
    """
    rows = _named(records.of())
    stores = rows.aggregate(
        [
            col("target").alias("of"),
            func("count_star").alias("stores"),
            func("count_if", col("datastoreId").isnull()).alias("nameless"),
        ],
        '"target"',
    )
    joined = rows.join(stores.set_alias("stores"), col("target") == col("of"))
    several = col("stores") > lit(1)
    missing = coalesce(col("code"), lit(NOT_RECORDED))
    return joined.select(
        col("target"),
        col(TARGET_ACCOUNT),
        col(TARGET_REGION),
        col("datastoreId"),
        null("VARCHAR").alias("imageSetId"),
        case(col("received"), true()).alias("found"),
        case(~col("received"), missing).alias(ERROR_CODE),
        case(~col("received"), col("message")).alias(ERROR_MESSAGE),
        col("collectedAt"),
        (col("whole") & ~(several & (col("nameless") > lit(0)))).alias("complete"),
        several.alias("exact"),
    )


def _named(lines: Relation) -> Relation:
    """The data stores that records of whatever call name, with what GetDatastore's say."""
    action = coalesce(col("action"), lit(""))
    asked = action == lit(GET_DATASTORE)
    # where data stores could not be listed, that is all that is known of them
    failed = action.isin(*map(lit, (LIST_DATASTORES, LIST_ACCOUNTS)))

    def said(value: Expression) -> Expression:
        return func("max", case(asked | failed, value))

    received = func("bool_or", asked & member(ERROR_CODE).isnull())
    return lines.aggregate(
        [
            col("target"),
            col("datastoreId"),
            func("max", col("targetAccount")).alias(TARGET_ACCOUNT),
            func("max", col("targetRegion")).alias(TARGET_REGION),
            received.alias("received"),
            said(member(ERROR_CODE)).alias("code"),
            said(member(ERROR_MESSAGE)).alias("message"),
            said(col("collectedAt")).alias("collectedAt"),
            func("bool_or", asked & coalesce(col("complete"), false())).alias("whole"),
        ],
        '"target", "datastoreId"',
    )
