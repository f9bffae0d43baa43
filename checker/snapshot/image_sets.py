"""The rows of image sets: each from the call that says most of it, and no row from a call that cannot answer the rules.

GetImageSet says all, of what its record says: an image set that it could not read is unread. Where it was not asked, the
latest version of a ListImageSetVersions answer will do if the rules read nothing that it leaves out, else what
SearchImageSets said, if that is all that they read. A field that the call of a row never answers would look absent, and an
absent `overrides.forced` means false: so where the rules read such a field, the row is unread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_

from checker.aws.actions import ACTIONS, FINDING, GET_IMAGE_SET, LIST_VERSIONS, SEARCH
from checker.fields import MOVING, model
from checker.model import Label, Needs
from checker.snapshot.columns import (
    CALL,
    ERROR_CODE,
    ERROR_MESSAGE,
    FILLED_AT,
    LISTED_SINCE,
    PINNED,
    SEARCHED_AT,
    SET,
    SQL_TYPES,
    exclude_rows,
    is_found_code,
    label_columns,
    member,
    reference,
)
from checker.snapshot.record_table import LATEST, RecordTable, of_version
from checker.snapshot.records import DELETED_NOT_LISTED, NO_VERSION, NOT_RECORDED
from checker.snapshot.records import LISTED_SINCE as SINCE
from checker.sql import Expression, Relation, case, coalesce, col, lit, null

FILLED = "updatedAt"
"""What ListImageSetVersions leaves out of version 1 in published samples, and a search of the same version has."""
_OWN = frozenset({"found", "collectedAt", "target"})
_OF_THE_SET = ("datastoreId", "imageSetId")
_SPELLED = ACTIONS[SEARCH].names


def image_set_rows(records: RecordTable, labels: Mapping[str, Label], needs: Needs) -> Relation:
    """A row for each image set and each pinned version, and for each target of which some may be missing one without an
    id."""
    settle, asked = records.settled, records.of(GET_IMAGE_SET)
    lists = settle(exclude_rows(settle(records.latest_versions()), asked, PINNED))
    rows = _row(asked, labels, {path: member(path) for path in model().fields}, GET_IMAGE_SET)
    every = records.of(*FINDING)
    if not every.limit(1).fetchall():
        return rows.union(_listed(lists, labels, known=_answers(needs, model().versions)))
    searched = every.filter(col("imageSetId").isnotnull())
    rows = settle(_with_moving(rows, searched))
    known = _answers(needs, model().versions | model().searched)
    rows = rows.union(settle(_beside_search(_listed(lists, labels, known=known), searched)))
    alone = settle(exclude_rows(settle(exclude_rows(searched, asked)), lists))
    rows = rows.union(_searched(alone, labels, known=_answers(needs, model().searched)))
    return settle(rows.union(_targets(every, labels)))


def target_rows(records: RecordTable, labels: Mapping[str, Label]) -> Relation | None:
    """The rows of targets of which some image sets may be missing; None where none is searched."""
    every = records.of(*FINDING)
    return _targets(every, labels) if every.limit(1).fetchall() else None


def _targets(every: Relation, labels: Mapping[str, Label]) -> Relation:
    missing = every.filter(col("imageSetId").isnull())
    return _row(missing, labels, {}, SEARCH, since=col(SINCE))


def _answers(needs: Needs, known: frozenset[str]) -> bool:
    """Whether the rules read nothing but these fields."""
    return needs.fields is not None and needs.fields <= known | _OWN


def _row(
    lines: Relation,
    labels: Mapping[str, Label],
    values: Mapping[str, Expression],
    call: str,
    *,
    known: bool = True,
    since: Expression | None = None,
) -> Relation:
    """Lines as rows of the table. Unless `known`, the call does not say what the rules read; `since` is for the rows of
    targets: from when on their image sets are known, where that is all that there is to say."""
    code = member(ERROR_CODE)
    if call == LIST_VERSIONS:
        unlisted = case(col(LATEST).isnull(), lit(NO_VERSION))
        code = coalesce(code, unlisted)
    if not known:
        values = {}
        code = coalesce(code, lit(NOT_RECORDED))
    if since is not None:
        code = coalesce(code, lit(DELETED_NOT_LISTED))
    types = {path: kind for path, kind in _types().items() if path not in values}
    filled = {**values, **{path: null(kind) for path, kind in types.items()}}
    for name in ("datastoreId", "imageSetId"):
        filled[name] = col(name)
    own = {name: col(name) if call == GET_IMAGE_SET else null("VARCHAR") for name in ("account", "region")}
    return lines.select(
        *reference(is_found_code(code), code, member(ERROR_MESSAGE)),
        # that it is not there is an answer too
        case(is_found_code(code).isnotnull(), lit(call)).alias(CALL),
        *(null("TIMESTAMP").alias(name) for name in (SEARCHED_AT, FILLED_AT)),
        (null("TIMESTAMP") if since is None else since).alias(LISTED_SINCE),
        *(own[name].alias(name) for name in own),
        *(filled[path].alias(path) for path in model().fields),
        *label_columns(labels),
    )


def _listed(lines: Relation, labels: Mapping[str, Label], *, known: bool) -> Relation:
    """The latest version, or the pinned one, of the lists."""
    paths = [path for path in model().fields if path in model().versions and path not in _OF_THE_SET]
    values = {path: of_version(path) for path in paths}
    return _row(lines, labels, values, LIST_VERSIONS, known=known)


def _searched(lines: Relation, labels: Mapping[str, Label], *, known: bool) -> Relation:
    paths = [path for path in model().fields if path in model().searched and path not in _OF_THE_SET]
    values = {path: col(_SPELLED.get(path, path)) for path in paths}
    return _row(lines, labels, values, SEARCH, known=known)


def _with_moving(rows: Relation, searched: Relation) -> Relation:
    """The rows of answers with what a later search says of the fields that change without a new version."""
    return _overlaid(rows, searched, sorted(MOVING), later=True)


def _beside_search(rows: Relation, searched: Relation) -> Relation:
    """The rows of lists with what only a search says of an image set."""
    paths = [path for path in model().fields if path in model().searched and path not in model().versions]
    return _overlaid(rows, searched, [*paths, FILLED], later=False)


def _overlaid(rows: Relation, searched: Relation, paths: Sequence[str], *, later: bool) -> Relation:
    right = searched.select(
        *(col(name).alias(f"search.{name}") for name in SET),
        col("collectedAt").alias("search.at"),
        col("version").alias("search.version"),
        *(col(path).alias(f"search.{path}") for path in paths),
    )
    same = reduce(and_, [col(name) == col(f"search.{name}") for name in SET])
    same = same & col(PINNED).isnull() & col("found")
    if later:
        same = same & (col("search.at") > col("collectedAt"))
    joined = rows.set_alias("rows").join(right.set_alias("search"), same, how="left")
    given = col("search.imageSetId").isnotnull()
    same_version = given & col(FILLED).isnull() & (col("search.version") == col("versionId"))

    def value(name: str) -> Expression:
        if name == SEARCHED_AT:
            return col("search.at").alias(name)
        if name == FILLED_AT and FILLED in paths:
            return case(same_version, col("search.at")).alias(name)
        if name not in paths:
            return col(name)
        taken = same_version if name == FILLED else given
        return case(taken, col(f"search.{name}")).otherwise(col(name)).alias(name)

    return joined.select(*map(value, rows.columns))


def _types() -> dict[str, str]:
    return {path: SQL_TYPES.get(spec.type, "VARCHAR") for path, spec in model().fields.items()}
