"""What other calls and earlier runs said, beside the rows it belongs to: tags, the data store, the successor of an image
set, its history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from checker.aws.actions import GET_DATASTORE, LIST_TAGS, SEARCH
from checker.fields import DICOM, EARLIER, KNOWN, SUCCESSOR, SUPERSEDED_BY, answer_fields, model, tag_column
from checker.model import Source, Type
from checker.snapshot.columns import (
    CALL,
    COLLECTED,
    ERROR_CODE,
    PINNED,
    REUSED,
    TARGET_ACCOUNT,
    TARGET_REGION,
    map_value,
    member,
)
from checker.snapshot.contradictory_sets import consistent_records
from checker.snapshot.history import TARGET, known_of_others, names_targets, read_history
from checker.snapshot.last_answers import KEY, state_types
from checker.snapshot.record_table import RecordTable
from checker.snapshot.records import CONTRADICTORY, DICOM_TAGS, NOT_RECORDED, NOT_SEARCHED, PROPERTIES, TAGS
from checker.sql import (
    Connection,
    Expression,
    Relation,
    case,
    coalesce,
    col,
    false,
    func,
    lit,
    null,
    or_empty,
    same,
    true,
)

NO_EARLIER_RUN = "no earlier run yet; this one is the first"
NOT_LOOKED_AT = "no earlier run yet; this one is the first to read all of this target"
FIRST = (NO_EARLIER_RUN, NOT_LOOKED_AT)
"""Why nothing is known of the past of image sets, where that is so of all of their target."""
_STORE = ("target", "datastoreId")
_SET = (*_STORE, "imageSetId")
_DATASTORE = "datastore."


def with_tags(
    rows: Relation, records: RecordTable, keys: Sequence[str], *, of: Literal["image set", "datastore"]
) -> Relation:
    """The rows with the tags of their image set or of their data store, a column for each key."""
    lines = records.of(LIST_TAGS)
    whole = col("imageSetId").isnull()
    on, head = (_SET, TAGS) if of == "image set" else (_STORE, _DATASTORE + TAGS)
    source = Source.TAGS if of == "image set" else Source.DATASTORE_TAGS
    columns = {tag_column(source, key): map_value(TAGS, key) for key in keys}
    lines = lines.filter(~whole if of == "image set" else whole)
    return _beside(rows, lines, on, head, columns)


def with_dicom(
    rows: Relation, records: RecordTable, names: Sequence[str], contradictory: Relation | None
) -> Relation:
    """The rows of image sets with DICOM attributes, where a search found them and these were read; not those that are
    contradictory."""
    keys = coalesce(func("map_keys", col(DICOM_TAGS)), func("list_value"))
    whole = func("list_has_all", keys, func("list_value", *map(lit, names)))
    lines = consistent_records(
        records.of(SEARCH).filter(col("imageSetId").isnotnull() & whole), contradictory
    )
    columns = {DICOM + name: _attribute(name) for name in names}
    doubtful = coalesce(col(ERROR_CODE) == lit(CONTRADICTORY), false())
    missing = case(doubtful, lit(CONTRADICTORY)).otherwise(lit(NOT_SEARCHED))
    return _beside(rows, lines, _SET, Source.DICOM, columns, missing=missing)


def _attribute(name: str) -> Expression:
    """A DICOM attribute as a value of its field's type."""
    text = map_value(DICOM_TAGS, name)
    kind = model().dicom[DICOM + name].type
    if kind is Type.TIME:
        day = func("regexp_full_match", text, lit("[0-9]{8}"))
        return func("try_strptime", case(day, text), lit("%Y%m%d"))
    return text.try_cast("BIGINT") if kind is Type.INTEGER else text


def with_datastore(rows: Relation, records: RecordTable) -> Relation:
    """The rows with what GetDatastore said of their data store."""
    columns = {_DATASTORE + path: member(f"{PROPERTIES}.{path}") for path in answer_fields(GET_DATASTORE)}
    return _beside(rows, records.of(GET_DATASTORE), _STORE, "datastore", columns)


def with_successor(rows: Relation) -> Relation:
    """The rows of image sets with the state of the one that the label superseded_by names, from its own row.

    A row of a pinned version does not say what became of the image set, so that it is none to look up.
    """
    label = col(f"labels.{SUPERSEDED_BY}")
    named = rows.filter(label.isnotnull()).select(
        or_empty("datastoreId").alias("named.store"), label.alias("named.id")
    )
    wanted = (or_empty("datastoreId") == col("named.store")) & (col("imageSetId") == col("named.id"))
    sets = rows.filter(col(PINNED).isnull()).join(named.set_alias("named"), wanted, how="semi")
    names = ("found", "imageSetState", "imageSetWorkflowStatus", "isPrimary")
    answer = (CALL, COLLECTED, REUSED)
    # a set that several targets list: one that was read tells more, and the first target's is as good as another
    unread = func("concat", col("found").isnull().cast("VARCHAR"), col("target"))
    best = func(
        "arg_min",
        func(
            "struct_pack",
            *(col(name).alias(name) for name in (*names, *answer)),
            col(ERROR_CODE).alias("code"),
        ),
        unread,
    )
    found = sets.aggregate(
        [or_empty("datastoreId").alias("its.store"), col("imageSetId").alias("its.id"), best.alias("its")],
        'coalesce("datastoreId", \'\'), "imageSetId"',
    )
    of_label = (or_empty("datastoreId") == col("its.store")) & (label == col("its.id"))
    joined = rows.join(found.set_alias("its"), of_label, how="left")
    its = {name: func("struct_extract", col("its"), lit(name)) for name in (*names, *answer, "code")}
    return joined.select(
        *map(col, rows.columns),
        case(its["found"].isnotnull(), true()).alias(f"{SUCCESSOR}received"),
        case(label.isnotnull() & col("its.id").isnull(), lit(NOT_RECORDED))
        .otherwise(case(its["found"].isnull(), its["code"]))
        .alias(f"{SUCCESSOR}error"),
        *(its[name].alias(SUCCESSOR + name) for name in (*names, *answer)),
    )


def with_history(connection: Connection, rows: Relation, history: Path | None) -> Relation:
    """The rows of image sets with what earlier runs and events saw of them; None where there were none.

    A row of a pinned version is compared with the same version, since an old one says nothing of the latest.
    """
    if history is None:
        return _without_history(rows)
    kept = read_history(connection, history)
    general = known_of_others(kept)
    joined = _seen_before(rows, kept.filter(col("imageSetId").isnotnull()))
    joined = _looked_at(joined, kept.filter(col(TARGET).isnotnull()))
    in_none = col("its.imageSetId").isnull()
    of_others = lit(general).cast("BOOLEAN")
    if names_targets(connection, history):
        never = col("looked.target").isnull()
        of_others = case(~never, of_others)
    else:
        never = in_none if general is None else false()
    known = case(in_none, of_others).otherwise(col("its.known"))
    found = col(f"earlier.{EARLIER}found")
    first = lit(NO_EARLIER_RUN if general is None else NOT_LOOKED_AT)
    error = case(known.isnull() & never, first)
    for missing, why in (
        (known.isnull(), "unread in earlier runs"),
        (~known, "not seen by an earlier run"),
        (found.isnull(), "this version not read by an earlier run"),
        (~found, "not there in the last run that asked"),
        (~col("answered"), "seen by a search or a deletion event only"),
    ):
        error = error.when(missing, lit(why))
    return joined.select(
        *map(col, rows.columns),
        known.alias(KNOWN.path),
        case(known & found.isnotnull(), true()).alias(f"{EARLIER}received"),
        error.alias(f"{EARLIER}error"),
        col("answered").alias(f"{EARLIER}answered"),
        *(case(known, col(f"earlier.{EARLIER}{path}")).alias(EARLIER + path) for path in state_types()),
    )


def _looked_at(rows: Relation, targets: Relation) -> Relation:
    """The rows beside the target that an earlier run has looked at, as `looked.target`."""
    seen = targets.select(*(col(name).alias(f"looked.{name}") for name in _STORE)).set_alias("looked")
    return rows.set_alias("rows").join(seen, same("rows", "looked.looked.", _STORE), how="left")


def with_targets(rows: Relation) -> Relation:
    """The rows of image sets with one for each target, which has no image set. `previous.error` of such a row is why nothing
    is known of the past of the target, null where something is."""
    why, whole = f"{EARLIER}error", col("imageSetId").isnull()
    first = case(col(why).isin(*map(lit, FIRST)), col(why))
    ends = [func(name, or_empty("datastoreId")) for name in ("min", "max")]
    facts = {
        # answers of several data stores may be recorded
        "datastoreId": case((ends[0] == ends[1]) & (ends[0] != lit("")), ends[0]),
        **{name: func("min", col(name)) for name in (TARGET_ACCOUNT, TARGET_REGION)},
        why: func("min", first),
    }
    gathered = [value.alias(f"of.{name}") for name, value in facts.items()]
    targets = rows.filter(~whole).aggregate([col("target").alias("of.target"), *gathered], "target")
    joined = rows.set_alias("rows").join(
        targets.set_alias("of"), col("target") == col("of.target"), how="left"
    )
    of_itself = case(whole, col(f"of.{why}")).otherwise(col(why)).alias(why)
    there = joined.select(*(of_itself if name == why else col(name) for name in rows.columns))
    searched = rows.filter(whole).select(col("target").alias("searched.target")).distinct()
    alone = targets.set_alias("of").join(
        searched.set_alias("searched"), col("of.target") == col("searched.target"), how="anti"
    )
    kinds = dict(zip(rows.columns, rows.types, strict=True))
    own = {name: col(f"of.{name}") for name in ("target", *facts)}
    more = alone.select(*(own.get(name, lit(None)).cast(kind).alias(name) for name, kind in kinds.items()))
    return there.union(more)


def _without_history(rows: Relation) -> Relation:
    kinds = {**state_types(), "answered": "BOOLEAN", "received": "BOOLEAN", "error": "VARCHAR"}
    return rows.select(
        *map(col, rows.columns),
        null("BOOLEAN").alias(KNOWN.path),
        *(
            lit(NO_EARLIER_RUN if name == "error" else None).cast(kind).alias(EARLIER + name)
            for name, kind in kinds.items()
        ),
    )


def _seen_before(rows: Relation, kept: Relation) -> Relation:
    """The rows beside what is known of their image set, `its`, and what was last seen of their version, `earlier`."""
    whole = kept.filter(col(PINNED).isnull()).select(
        *(col(name).alias(f"its.{name}") for name in KEY[:2]), col(KNOWN.path).alias("its.known")
    )
    state = kept.select(
        *(col(name).alias(f"earlier.{name}") for name in KEY),
        col("answered"),
        *(col(EARLIER + path).alias(f"earlier.{EARLIER}{path}") for path in state_types()),
    )
    both = rows.set_alias("rows").join(whole.set_alias("its"), same("rows", "its.its.", KEY[:2]), how="left")
    return both.set_alias("both").join(
        state.set_alias("earlier"), same("both", "earlier.earlier.", KEY), how="left"
    )


def _beside(
    rows: Relation,
    lines: Relation,
    on: Sequence[str],
    head: str,
    columns: dict[str, Expression],
    *,
    missing: Expression | None = None,
) -> Relation:
    """The rows with columns of the lines that have the same key; `head` names whether and why not they were received.
    `missing` is the reason where there is no line."""
    code = member(ERROR_CODE)
    right = lines.select(
        *(col(name).alias(f"beside.{name}") for name in on),
        case(code.isnull(), true()).alias(f"{head}.received"),
        code.alias("beside.error"),
        col(COLLECTED).alias(f"{head}.{COLLECTED}"),
        *(value.alias(name) for name, value in columns.items()),
    )
    none = lit(NOT_RECORDED) if missing is None else missing
    reason = case(col("beside.target").isnull(), none).otherwise(col("beside.error"))
    joined = rows.set_alias("rows").join(
        right.set_alias("said"), same("rows", "said.beside.", on), how="left"
    )
    return joined.select(
        *map(col, rows.columns),
        col(f"{head}.received"),
        reason.alias(f"{head}.error"),
        col(f"{head}.{COLLECTED}"),
        *map(col, columns),
    )
