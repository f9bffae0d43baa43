"""What other calls and earlier runs said, beside the rows it belongs to: tags, the data store, the successor of an image
set, its history."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from checker.fields import DICOM, EARLIER, KNOWN, SUCCESSOR, SUPERSEDED_BY, model, tag_column
from checker.model import Source, Type
from checker.snapshot.columns import (
    CALL,
    COLLECTED,
    ERROR_CODE,
    PINNED,
    REFERENCE,
    REUSED,
    TARGET_ACCOUNT,
    TARGET_REGION,
    map_value,
    member,
    member_types,
    read_lines,
    struct,
)
from checker.snapshot.contradictory_sets import trusted
from checker.snapshot.history import TARGET, known_of_others, names_targets, read_history
from checker.snapshot.last_answers import state_types
from checker.snapshot.records import (
    CONTRADICTORY,
    DICOM_TAGS,
    GET_DATASTORE,
    LIST_TAGS,
    NOT_RECORDED,
    NOT_SEARCHED,
    PROPERTIES,
    SEARCH,
    TAGS,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

NO_EARLIER_RUN = "no earlier run yet; this one is the first"
NOT_LOOKED_AT = "no earlier run yet; this one is the first to read all of this target"
FIRST = (NO_EARLIER_RUN, NOT_LOOKED_AT)
"""Why nothing is known of the past of image sets, where that is so of all of their target."""
_STORE = ("target", "datastoreId")
_SET = (*_STORE, "imageSetId")
_DATASTORE = "datastore."


def with_tags(
    connection: DuckDBPyConnection,
    rows: DuckDBPyRelation,
    records: Path,
    keys: Sequence[str],
    *,
    of: Literal["image set", "datastore"],
) -> DuckDBPyRelation:
    """The rows with the tags of their image set or of their data store, a column for each key."""
    from duckdb import ColumnExpression as Column

    lines = read_lines(connection, records, {**REFERENCE, TAGS: "MAP(VARCHAR, VARCHAR)"}, LIST_TAGS)
    whole = Column("imageSetId").isnull()
    on, head = (_SET, TAGS) if of == "image set" else (_STORE, _DATASTORE + TAGS)
    source = Source.TAGS if of == "image set" else Source.DATASTORE_TAGS
    columns = {tag_column(source, key): map_value(TAGS, key) for key in keys}
    lines = lines.filter(~whole if of == "image set" else whole)
    return _beside(rows, lines, on, head, columns)


def with_dicom(
    connection: DuckDBPyConnection,
    rows: DuckDBPyRelation,
    records: Path,
    names: Sequence[str],
    found: DuckDBPyRelation | None = None,
) -> DuckDBPyRelation:
    """The rows of image sets with DICOM attributes, where a search found them and these were read; not those that are `found`
    to be contradictory."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    lines = read_lines(connection, records, {**REFERENCE, DICOM_TAGS: "MAP(VARCHAR, VARCHAR)"}, SEARCH)
    keys = duckdb.CoalesceOperator(Function("map_keys", Column(DICOM_TAGS)), Function("list_value"))
    whole = Function("list_has_all", keys, Function("list_value", *map(Constant, names)))
    lines = trusted(lines.filter(Column("imageSetId").isnotnull() & whole), found)
    columns = {DICOM + name: _attribute(name) for name in names}
    doubtful = duckdb.CoalesceOperator(Column(ERROR_CODE) == Constant(CONTRADICTORY), Constant(value=False))
    missing = _case(doubtful, Constant(CONTRADICTORY)).otherwise(Constant(NOT_SEARCHED))
    return _beside(rows, lines, _SET, Source.DICOM, columns, missing=missing)


def _attribute(name: str) -> Expression:
    """A DICOM attribute as a value of its field's type."""
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    text = map_value(DICOM_TAGS, name)
    kind = model().dicom[DICOM + name].type
    if kind is Type.TIME:
        day = Function("regexp_full_match", text, Constant("[0-9]{8}"))
        return Function("try_strptime", _case(day, text), Constant("%Y%m%d"))
    return text.try_cast("BIGINT") if kind is Type.INTEGER else text


def with_datastore(connection: DuckDBPyConnection, rows: DuckDBPyRelation, records: Path) -> DuckDBPyRelation:
    """The rows with what GetDatastore said of their data store."""
    fields = {path.removeprefix(_DATASTORE): spec for path, spec in model().datastore.items()}
    lines = read_lines(
        connection, records, {**REFERENCE, PROPERTIES: struct(member_types(fields))}, GET_DATASTORE
    )
    columns = {_DATASTORE + path: member(f"{PROPERTIES}.{path}") for path in fields}
    return _beside(rows, lines, _STORE, "datastore", columns)


def with_successor(rows: DuckDBPyRelation) -> DuckDBPyRelation:
    """The rows of image sets with the state of the one that the label superseded_by names, from its own row.

    A row of a pinned version does not say what became of the image set, so that it is none to look up.
    """
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    label = Column(f"labels.{SUPERSEDED_BY}")
    named = rows.filter(label.isnotnull()).select(
        _key("datastoreId").alias("named.store"), label.alias("named.id")
    )
    wanted = (_key("datastoreId") == Column("named.store")) & (Column("imageSetId") == Column("named.id"))
    sets = rows.filter(Column(PINNED).isnull()).join(named.set_alias("named"), wanted, how="semi")
    names = ("found", "imageSetState", "imageSetWorkflowStatus", "isPrimary")
    answer = (CALL, COLLECTED, REUSED)
    # a set that several targets list: one that was read tells more, and the first target's is as good as another
    unread = Function("concat", Column("found").isnull().cast("VARCHAR"), Column("target"))
    best = Function(
        "arg_min",
        Function(
            "struct_pack",
            *(Column(name).alias(name) for name in (*names, *answer)),
            Column(ERROR_CODE).alias("code"),
        ),
        unread,
    )
    found = sets.aggregate(
        [_key("datastoreId").alias("its.store"), Column("imageSetId").alias("its.id"), best.alias("its")],
        'coalesce("datastoreId", \'\'), "imageSetId"',
    )
    same = (_key("datastoreId") == Column("its.store")) & (label == Column("its.id"))
    joined = rows.join(found.set_alias("its"), same, how="left")
    its = {
        name: Function("struct_extract", Column("its"), Constant(name)) for name in (*names, *answer, "code")
    }
    return joined.select(
        *map(Column, rows.columns),
        _case(its["found"].isnotnull(), Constant(value=True)).alias(f"{SUCCESSOR}received"),
        _case(label.isnotnull() & Column("its.id").isnull(), Constant(NOT_RECORDED))
        .otherwise(_case(its["found"].isnull(), its["code"]))
        .alias(f"{SUCCESSOR}error"),
        *(its[name].alias(SUCCESSOR + name) for name in (*names, *answer)),
    )


def with_history(
    connection: DuckDBPyConnection, rows: DuckDBPyRelation, history: Path | None
) -> DuckDBPyRelation:
    """The rows of image sets with what earlier runs and events saw of them; None where there were none.

    A row of a pinned version is compared with the same version, since an old one says nothing of the latest.
    """
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    if history is None:
        return _without_history(rows)
    kept = read_history(connection, history)
    general = known_of_others(kept)
    joined = _seen_before(rows, kept.filter(Column("imageSetId").isnotnull()))
    joined = _looked_at(joined, kept.filter(Column(TARGET).isnotnull()))
    in_none = Column("its.id").isnull()
    of_others = Constant(general).cast("BOOLEAN")
    if names_targets(connection, history):
        never = Column("looked.target").isnull()
        of_others = _case(~never, of_others)
    else:
        never = in_none if general is None else Constant(value=False)
    known = _case(in_none, of_others).otherwise(Column("its.known"))
    found = Column(f"earlier.{EARLIER}found")
    first = Constant(NO_EARLIER_RUN if general is None else NOT_LOOKED_AT)
    error = _case(known.isnull() & never, first)
    for missing, why in (
        (known.isnull(), "unread in earlier runs"),
        (~known, "not seen by an earlier run"),
        (found.isnull(), "this version not read by an earlier run"),
        (~found, "not there in the last run that asked"),
        (~Column("answered"), "seen by a search or a deletion event only"),
    ):
        error = error.when(missing, Constant(why))
    return joined.select(
        *map(Column, rows.columns),
        known.alias(KNOWN.path),
        _case(known & found.isnotnull(), Constant(value=True)).alias(f"{EARLIER}received"),
        error.alias(f"{EARLIER}error"),
        Column("answered").alias(f"{EARLIER}answered"),
        *(_case(known, Column(f"earlier.{EARLIER}{path}")).alias(EARLIER + path) for path in state_types()),
    )


def _looked_at(rows: DuckDBPyRelation, targets: DuckDBPyRelation) -> DuckDBPyRelation:
    """The rows beside the target that an earlier run has looked at, as `looked.target`."""
    from duckdb import ColumnExpression as Column

    seen = targets.select(Column(TARGET).alias("looked.target"), _key("datastoreId").alias("looked.store"))
    same = (Column("target") == Column("looked.target")) & (_key("datastoreId") == Column("looked.store"))
    return rows.set_alias("rows").join(seen.set_alias("looked"), same, how="left")


def with_targets(rows: DuckDBPyRelation) -> DuckDBPyRelation:
    """The rows of image sets with one for each target, which has no image set. `previous.error` of such a row is why nothing
    is known of the past of the target, null where something is."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    why, whole = f"{EARLIER}error", Column("imageSetId").isnull()
    first = _case(Column(why).isin(*map(Constant, FIRST)), Column(why))
    ends = [Function(name, _key("datastoreId")) for name in ("min", "max")]
    facts = {
        # answers of several data stores may be recorded
        "datastoreId": _case((ends[0] == ends[1]) & (ends[0] != Constant("")), ends[0]),
        **{name: Function("min", Column(name)) for name in (TARGET_ACCOUNT, TARGET_REGION)},
        why: Function("min", first),
    }
    gathered = [value.alias(f"of.{name}") for name, value in facts.items()]
    targets = rows.filter(~whole).aggregate([Column("target").alias("of.target"), *gathered], "target")
    joined = rows.set_alias("rows").join(
        targets.set_alias("of"), Column("target") == Column("of.target"), how="left"
    )
    of_itself = _case(whole, Column(f"of.{why}")).otherwise(Column(why)).alias(why)
    there = joined.select(*(of_itself if name == why else Column(name) for name in rows.columns))
    searched = rows.filter(whole).select(Column("target").alias("searched.target")).distinct()
    alone = targets.set_alias("of").join(
        searched.set_alias("searched"), Column("of.target") == Column("searched.target"), how="anti"
    )
    kinds = dict(zip(rows.columns, rows.types, strict=True))
    own = {name: Column(f"of.{name}") for name in ("target", *facts)}
    more = alone.select(
        *(own.get(name, Constant(None)).cast(kind).alias(name) for name, kind in kinds.items())
    )
    return there.union(more)


def _without_history(rows: DuckDBPyRelation) -> DuckDBPyRelation:
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    kinds = {**state_types(), "answered": "BOOLEAN", "received": "BOOLEAN", "error": "VARCHAR"}
    return rows.select(
        *map(Column, rows.columns),
        Constant(None).cast("BOOLEAN").alias(KNOWN.path),
        *(
            Constant(NO_EARLIER_RUN if name == "error" else None).cast(kind).alias(EARLIER + name)
            for name, kind in kinds.items()
        ),
    )


def _seen_before(rows: DuckDBPyRelation, kept: DuckDBPyRelation) -> DuckDBPyRelation:
    """The rows beside what is known of their image set, `its`, and what was last seen of their version, `earlier`."""
    from duckdb import ColumnExpression as Column

    def same(head: str) -> Expression:
        named = Column("imageSetId") == Column(f"{head}.id")
        return (_key("datastoreId") == Column(f"{head}.store")) & named

    def key(head: str) -> list[Expression]:
        return [_key("datastoreId").alias(f"{head}.store"), Column("imageSetId").alias(f"{head}.id")]

    whole = kept.filter(Column(PINNED).isnull()).select(*key("its"), Column(KNOWN.path).alias("its.known"))
    state = kept.select(
        *key("earlier"),
        _version().alias("earlier.version"),
        Column("answered"),
        *(Column(EARLIER + path).alias(f"earlier.{EARLIER}{path}") for path in state_types()),
    )
    both = rows.set_alias("rows").join(whole.set_alias("its"), same("its"), how="left").set_alias("both")
    this = same("earlier") & (_version() == Column("earlier.version"))
    return both.join(state.set_alias("earlier"), this, how="left")


def _version() -> Expression:
    """A pinned version to join by; 0 where none is."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    return duckdb.CoalesceOperator(Column(PINNED), Constant(0))


def _beside(
    rows: DuckDBPyRelation,
    lines: DuckDBPyRelation,
    on: Sequence[str],
    head: str,
    columns: dict[str, Expression],
    *,
    missing: Expression | None = None,
) -> DuckDBPyRelation:
    """The rows with columns of the lines that have the same key; `head` names whether and why not they were received.
    `missing` is the reason where there is no line."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    code = member(ERROR_CODE)
    right = lines.select(
        *(_key(name).alias(f"beside.{name}") for name in on),
        _case(code.isnull(), Constant(value=True)).alias(f"{head}.received"),
        code.alias("beside.error"),
        Column(COLLECTED).alias(f"{head}.{COLLECTED}"),
        *(value.alias(name) for name, value in columns.items()),
    )
    same = reduce(and_, [_key(name) == Column(f"beside.{name}") for name in on])
    none = Constant(NOT_RECORDED) if missing is None else missing
    reason = _case(Column("beside.target").isnull(), none).otherwise(Column("beside.error"))
    return rows.join(right.set_alias(f"{head}.beside"), same, how="left").select(
        *map(Column, rows.columns),
        Column(f"{head}.received"),
        reason.alias(f"{head}.error"),
        Column(f"{head}.{COLLECTED}"),
        *map(Column, columns),
    )


def _key(name: str) -> Expression:
    """A column to join by; a data store that is not known is one of its own."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    return duckdb.CoalesceOperator(Column(name), Constant("")) if name == "datastoreId" else Column(name)


def _case(condition: Expression, value: Expression) -> Expression:
    import duckdb

    return duckdb.CaseExpression(condition, value)
