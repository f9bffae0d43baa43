"""The rows of versions: one for each that ListImageSetVersions gave, beside the one before it."""

from __future__ import annotations

from collections.abc import Mapping

from checker.aws.actions import GET_IMAGE_SET, LIST_VERSIONS
from checker.fields import PREVIOUS, model
from checker.model import Label, Needs
from checker.snapshot.columns import (
    CALL,
    ERROR_CODE,
    ERROR_MESSAGE,
    LISTED_SINCE,
    PINNED,
    SET,
    exclude_rows,
    is_found_code,
    label_columns,
    member,
    reference,
)
from checker.snapshot.image_sets import target_rows
from checker.snapshot.record_table import RecordTable, of_version
from checker.snapshot.records import NO_VERSION, NOT_FOUND, NOT_RECORDED, VERSIONS, VERSIONS_NOT_RECORDED
from checker.sql import Expression, Relation, case, coalesce, col, func, lambda_, lit, null, true

PREVIOUS_NOT_RECORDED = "previous_version not recorded"
"""Why nothing is known of the version before one, where a file leaves its number out."""
_OF_THE_SET = ("datastoreId", "imageSetId")


def version_rows(records: RecordTable, labels: Mapping[str, Label], needs: Needs) -> Relation:
    """A row for each version of the records, and one for each image set whose versions are not known.

    A pinned version comes from the list where there is one, else from what GetImageSet said of it.
    """
    paths = [path for path in model().fields if path in model().versions and path not in _OF_THE_SET]
    lists = records.of(LIST_VERSIONS)
    answers = records.settled(exclude_rows(records.of(GET_IMAGE_SET), lists, PINNED))
    listed = records.settled(_listed(lists, labels, paths))
    rows = listed.union(_answered(answers, labels, paths, needs))
    searched = target_rows(records, labels)
    if searched is not None:
        # by name: a row of a target has nothing of a version
        same = zip(rows.columns, rows.types, strict=True)
        rows = rows.union(
            searched.select(
                *(col(name) if name in searched.columns else null(kind).alias(name) for name, kind in same)
            )
        )
    pinned = rows.filter(col(PINNED).isnotnull())
    if not pinned.limit(1).fetchall():
        return rows
    # a version that is pinned beside its whole image set is one subject, and what was said of it holds
    named = pinned.select(*map(col, SET), col(PINNED).alias("versionId"))
    return exclude_rows(rows.filter(col(PINNED).isnull()), named, "versionId").union(pinned)


def _listed(lists: Relation, labels: Mapping[str, Label], paths: list[str]) -> Relation:
    ordered = func("list_sort", col(VERSIONS))
    before = func("list_prepend", lit(None), ordered)
    pairs = func("list_zip", ordered, before, true())
    number = member("versionId", func("struct_extract", col("pair"), lit(1)))
    wanted = lambda_("pair", number == col(PINNED))
    pairs = case(col(PINNED).isnull(), pairs).otherwise(func("list_filter", pairs, wanted))
    kept = [col(name) for name in lists.columns if name != VERSIONS]
    rows = lists.select(*kept, pairs.alias("pairs"))
    # a set without a list, without the version asked for, or with a list that is not whole, is a row too
    nothing = lit(None)
    some = case(func("len", col("pairs")) > lit(0), col("pairs"))
    some = some.otherwise(func("list_value", nothing))
    some = case(_not_whole(), func("list_append", some, nothing)).otherwise(some)
    rows = rows.select(*kept, func("unnest", some).alias("pair"))
    now, earlier = (func("struct_extract", col("pair"), lit(at)) for at in (1, 2))
    # of what is missing from a file nobody knows how it was
    gap = func("list_contains", col("gaps"), of_version("versionId", now))
    unrecorded = case(gap, lit(PREVIOUS_NOT_RECORDED))
    earlier = case(unrecorded.isnull(), earlier)
    missing = of_version("versionId", now).isnull()
    left_out = missing & _not_whole()
    ours = case(left_out, lit(VERSIONS_NOT_RECORDED)).when(missing, lit(NO_VERSION))
    code = coalesce(member(ERROR_CODE), ours)
    message = coalesce(member(ERROR_MESSAGE), case(left_out, _before()))
    return rows.select(
        *reference(is_found_code(code), code, message),
        case(is_found_code(code).isnotnull(), lit(LIST_VERSIONS)).alias(CALL),
        null("TIMESTAMP").alias(LISTED_SINCE),
        *map(col, _OF_THE_SET),
        *(of_version(path, now).alias(path) for path in paths),
        *(of_version(path, earlier).alias(PREVIOUS + path) for path in paths),
        unrecorded.alias(f"{PREVIOUS}error"),
        *label_columns(labels),
    )


def _not_whole() -> Expression:
    """Whether versions are missing from a recorded list of all of an image set's."""
    return (func("len", col("gaps")) > lit(0)) & col(PINNED).isnull()


def _before() -> Expression:
    """What is missing from a list that is not whole, as text."""
    numbers = func("array_to_string", col("gaps").cast("VARCHAR[]"), lit(", "))
    return func("concat", lit("not recorded: the version right before "), numbers)


def _answered(answers: Relation, labels: Mapping[str, Label], paths: list[str], needs: Needs) -> Relation:
    """GetImageSet's answers of which no list was recorded: all that is known of a version that was pinned; where more is
    asked for, that the set is there does not help."""
    given = member(ERROR_CODE)
    code = case(given == lit(NOT_FOUND), given)
    if not needs.previous_version:
        code = code.when(col(PINNED).isnotnull(), given)
    code = code.otherwise(lit(NOT_RECORDED))
    read = is_found_code(code)
    return answers.select(
        *reference(read, code, member(ERROR_MESSAGE)),
        case(read.isnotnull(), lit(GET_IMAGE_SET)).alias(CALL),
        null("TIMESTAMP").alias(LISTED_SINCE),
        *map(col, _OF_THE_SET),
        *(case(read, member(path)).alias(path) for path in paths),
        *(case(null("BOOLEAN"), member(path)).alias(PREVIOUS + path) for path in paths),
        null("VARCHAR").alias(f"{PREVIOUS}error"),
        *label_columns(labels),
    )
