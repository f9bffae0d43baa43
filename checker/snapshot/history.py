"""What earlier runs of an audit and deletion events saw, as `history.parquet`: an input of a run, complete in itself, so
that the run can be judged again without those before it.

A row is an image set of a data store (an unknown data store is one of its own) as it was last seen; a version that was
pinned has a row of its own beside it, since an old version tells nothing of the latest one. Only of an image set of
which nothing else was ever asked the highest pinned version stands for it, until more is known (`ofVersion`).

- `known`: an earlier complete run has found it, or a deletion event has; false where earlier runs asked and did not find
  it, null where one could not read it.
- `unread`: an earlier run could not read it.
- `seenAt`: when it was last found, or said to be deleted.
- `answered`: whether there is an answer behind `previous.*`; a deletion event alone names few fields.
- `event.*`: the last deletion event. It holds over an answer that was received before it was sent.
- `previous.*`: the fields of the last answer, changed by the event.

The row without an image set stands for all image sets that have none: `known` is false in it where there was an earlier
complete run, and null where there were events only. A row with a target and no image set says that an earlier run has
looked at that target of a data store: a search of it came to its end, or one of its listed image sets was answered for.
Only of such a target it is known that no earlier run has seen the image sets that have no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from checker.fields import EARLIER
from checker.layout import HISTORY
from checker.snapshot.columns import (
    ERROR_CODE,
    PINNED,
    REFERENCE,
    connect,
    duckdb_path,
    found_by,
    member,
    read_lines,
)
from checker.snapshot.deletion_events import Event
from checker.snapshot.last_answers import KEY, SEARCHED, first, last_answers, state_types
from checker.snapshot.records import FINDING, GET_IMAGE_SET, LIST_VERSIONS, LISTED_SINCE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

_SET = ("datastoreId", "imageSetId")
TARGET = "target"
"""The column of the target that an earlier run has looked at."""
_EVENT = {"event.at": "TIMESTAMP", "event.versionId": "BIGINT", "event.isPrimary": "BOOLEAN"}


def columns() -> dict[str, str]:
    """The columns of the file, and their types."""
    key = {"datastoreId": "VARCHAR", "imageSetId": "VARCHAR", PINNED: "BIGINT"}
    flags = {"known": "BOOLEAN", "unread": "BOOLEAN", "seenAt": "TIMESTAMP"}
    how = {"answered": "BOOLEAN", "ofVersion": "BOOLEAN"}
    return {
        TARGET: "VARCHAR",
        **key,
        **flags,
        **how,
        **_EVENT,
        **{EARLIER + path: kind for path, kind in state_types().items()},
    }


def write_history(
    folder: Path, *, records: Path | None, before: Path | None, events: Sequence[Event], started: datetime
) -> None:
    """Writes what is known before a run: what its last run knew, what that saw, and what events say.

    Args:
        folder: where `history.parquet` goes.
        records: the records of the last run; None where there is none.
        before: the last run's own history; None where it had none.
        events: deletion events, those of earlier runs again or not.
        started: the start of the run; events that are not before it do not count.
    """
    from duckdb import ColumnExpression as Column

    # what is written is sorted, and millions of rows in the order in which they were read fill the memory
    with connect(preserve_insertion_order=False) as connection:
        sent = [event for event in events if event.at < started]
        told = _told(connection, sent, before)
        parts = [_sighted(told)]
        if before is not None:
            parts.append(_carried(connection, before))
        if records is not None:
            answers = last_answers(connection, records)
            parts += [_candidates(answers, latest=False), _candidates(answers, latest=True)]
        rows = _last(reduce(lambda left, right: left.union(right), parts))
        rows = _with_events(rows, told)
        others = _others(connection, earlier=records is not None)
        others = others.union(_targets(connection, records, before))
        order = [Column(name).asc().nulls_first() for name in ("imageSetId", "datastoreId", PINNED, TARGET)]
        rows.union(others).sort(*order).write_parquet(str((folder / HISTORY).resolve()), compression="zstd")


def _others(connection: DuckDBPyConnection, *, earlier: bool) -> DuckDBPyRelation:
    """The row for image sets that have none."""
    from duckdb import ConstantExpression as Constant

    row = connection.values([1])
    known = Constant(value=False) if earlier else Constant(None)
    return row.select(
        *(
            (known if name == "known" else Constant(None)).cast(kind).alias(name)
            for name, kind in columns().items()
        )
    )


def _targets(connection: DuckDBPyConnection, records: Path | None, before: Path | None) -> DuckDBPyRelation:
    """A row for each target that an earlier run has looked at."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    key = [Column(TARGET), Column("datastoreId")]
    seen = _others(connection, earlier=True).select(*key).filter(Constant(value=False))
    if before is not None:
        seen = seen.union(read_history(connection, before).filter(Column(TARGET).isnotnull()).select(*key))
    if records is not None:
        seen = seen.union(_looked_at(connection, records).select(*key))
    values = {name: Column(name) for name in (TARGET, "datastoreId")} | {"known": Constant(value=False)}
    return seen.distinct().select(
        *(values.get(name, Constant(None)).cast(kind).alias(name) for name, kind in columns().items())
    )


def _looked_at(connection: DuckDBPyConnection, records: Path) -> DuckDBPyRelation:
    """The targets, each with its data store, of which a run could tell which image sets they have: where some had to be
    found, the search came to its end; else the service answered for one that is listed."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    lines = read_lines(connection, records, {**REFERENCE, LISTED_SINCE: "TIMESTAMP"})
    action = duckdb.CoalesceOperator(Column("action"), Constant(GET_IMAGE_SET))
    found = action.isin(*map(Constant, FINDING))
    asked = action.isin(Constant(GET_IMAGE_SET), Constant(LIST_VERSIONS))
    answered = asked & found_by(member(ERROR_CODE)).isnotnull()
    truths = {"ended": Column(LISTED_SINCE).isnotnull(), "searched": found, "answered": answered}
    said = lines.aggregate(
        [
            Column(TARGET),
            Column("datastoreId"),
            *(Function("bool_or", truth).alias(name) for name, truth in truths.items()),
        ],
        f'"{TARGET}", "datastoreId"',
    )
    return said.filter(Column("ended") | (Column("answered") & ~Column("searched")))


def _told(connection: DuckDBPyConnection, events: Iterable[Event], before: Path | None) -> DuckDBPyRelation:
    """The last deletion event on each image set, of these and of those that earlier runs knew; `carried` is when the
    latter was sent."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    every = list(events)
    connection.execute(
        'CREATE TEMP TABLE told AS SELECT unnest($1::VARCHAR[]) AS "datastoreId", '
        'unnest($2::VARCHAR[]) AS "imageSetId", unnest($3::TIMESTAMP[]) AS "event.at", '
        'unnest($4::BIGINT[]) AS "event.versionId", unnest($5::BOOLEAN[]) AS "event.isPrimary"',
        [
            [event.datastore_id for event in every],
            [event.image_set_id for event in every],
            [event.at.astimezone(UTC).replace(tzinfo=None) for event in every],
            [event.version_id for event in every],
            [event.is_primary for event in every],
        ],
    )
    told = connection.table("told").select("*", Constant(None).cast("TIMESTAMP").alias("carried"))
    if before is not None:
        old = read_history(connection, before).filter(Column("event.at").isnotnull())
        told = told.union(old.select(*map(Column, (*_SET, *_EVENT)), Column("event.at").alias("carried")))
    every_carried = _over("max", Column("carried"), _SET).alias("carried")
    told = told.select(*map(Column, (*_SET, *_EVENT)), every_carried)
    order = [Column(name).desc().nulls_last() for name in _EVENT]
    return first(told, _SET, order)


def _sighted(told: DuckDBPyRelation) -> DuckDBPyRelation:
    """An event as a candidate: the image set is known by it, and nothing is said of its state yet."""
    from duckdb import ConstantExpression as Constant

    true, false = Constant(value=True), Constant(value=False)
    return _candidate(
        told, {"rank": Constant(9), "seen": true, "unread": false, "answered": false, "ofVersion": false}
    )


def _carried(connection: DuckDBPyConnection, before: Path) -> DuckDBPyRelation:
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    rows = read_history(connection, before).filter(Column("imageSetId").isnotnull())
    rank = duckdb.CaseExpression(Column(f"{EARLIER}found").isnull(), Constant(9))
    rank = rank.when(Column("ofVersion"), Constant(3)).otherwise(Constant(1))
    kept = {name: Column(name) for name in ("unread", "seenAt", "answered", "ofVersion")}
    state = {EARLIER + path: Column(EARLIER + path) for path in state_types()}
    seen = duckdb.CoalesceOperator(Column("known"), Constant(value=False))
    return _candidate(rows, {PINNED: Column(PINNED), "rank": rank, "seen": seen, **kept, **state})


def _candidates(answers: DuckDBPyRelation, *, latest: bool) -> DuckDBPyRelation:
    """The last run's answers. With `latest` those on pinned versions once more, for the image set as a whole."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    if latest:
        answers = answers.filter(Column(PINNED).isnotnull())
    found = Column("found")
    seen = duckdb.CoalesceOperator(found, Constant(value=False))
    rank = duckdb.CaseExpression(found.isnull(), Constant(9)).otherwise(Constant(2 if latest else 0))
    return _candidate(
        answers,
        {
            PINNED: Constant(None) if latest else Column(PINNED),
            "rank": rank,
            "seen": seen,
            "unread": found.isnull(),
            "seenAt": duckdb.CaseExpression(found, Column("collectedAt")),
            # a search says as little as a deletion event
            "answered": seen & (Column("action") != Constant(SEARCHED)),
            "ofVersion": found.isnotnull() & Constant(latest),
            # what was not received says nothing, nor when it was asked for
            **{
                EARLIER + path: duckdb.CaseExpression(found.isnotnull(), Column(path))
                for path in state_types()
            },
        },
    )


def _candidate(rows: DuckDBPyRelation, values: dict[str, Expression]) -> DuckDBPyRelation:
    """Rows to choose the last state of each image set from; the lower their `rank`, the sooner."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    kinds = {**columns(), "rank": "INTEGER", "seen": "BOOLEAN"}
    names = [name for name in kinds if name not in (*_SET, *_EVENT, "known")]
    made = [values.get(name, Constant(None)).cast(kinds[name]).alias(name) for name in names]
    return rows.select(*map(Column, _SET), *made)


def _last(candidates: DuckDBPyRelation) -> DuckDBPyRelation:
    """One row for each key: the last state, and what all of them say of whether it was seen."""
    from duckdb import ColumnExpression as Column

    gathered = {name: ("max" if name == "seenAt" else "bool_or") for name in ("seen", "unread", "seenAt")}
    rows = candidates.select(
        *(Column(name) for name in candidates.columns if name not in gathered),
        *(_over(function, Column(name), KEY).alias(name) for name, function in gathered.items()),
    )
    # of pinned versions the highest stands for its image set
    # after the version the time, then whatever tells two of them apart: the choice is the same each time
    ties = ("versionId", "collectedAt", *state_types())
    order = [Column(EARLIER + name).desc().nulls_last() for name in dict.fromkeys(ties)]
    return first(rows, KEY, [Column("rank").asc(), *order])


def _with_events(rows: DuckDBPyRelation, told: DuckDBPyRelation) -> DuckDBPyRelation:
    """The rows, those of image sets as a whole changed by events later than the last answer."""
    import duckdb
    from duckdb import CaseExpression as Case
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    false = Constant(value=False)
    names = {name: f"told.{name}" for name in told.columns}
    right = told.select(*(Column(name).alias(new) for name, new in names.items()))
    same = (_or_empty("datastoreId") == _or_empty("told.datastoreId")) & (
        Column("imageSetId") == Column("told.imageSetId")
    )
    joined = rows.set_alias("rows").join(right.set_alias("its"), same & Column(PINNED).isnull(), how="left")
    at, collected = Column("told.event.at"), Column(f"{EARLIER}collectedAt")
    # without its time an answer is later than what was known when it was asked for
    fresh = Column("told.carried").isnull() | (at > Column("told.carried"))
    later = Case(Column(f"{EARLIER}found").isnull(), Constant(value=True))
    later = later.when(collected.isnotnull(), at > collected).otherwise(fresh)
    told_so = at.isnotnull() & later
    says = {
        "found": Constant(value=True),
        "imageSetState": Constant("DELETED"),
        "imageSetWorkflowStatus": Constant("DELETED"),
        "versionId": Column("told.event.versionId"),
        "isPrimary": Column("told.event.isPrimary"),
    }
    known = Case(Column("seen"), Constant(value=True)).when(~Column("unread"), false)
    values: dict[str, Expression] = {name: Column(name) for name in columns() if name in joined.columns}
    values |= {"known": known, "seenAt": Function("greatest", Column("seenAt"), at)}
    values["answered"] = duckdb.CoalesceOperator(Column("answered"), false)
    values["ofVersion"] = duckdb.CoalesceOperator(Column("ofVersion"), false)
    values |= {name: Column(f"told.{name}") for name in _EVENT}
    for path, value in says.items():
        values[EARLIER + path] = Case(told_so & value.isnotnull(), value).otherwise(Column(EARLIER + path))
    return joined.select(*(values[name].cast(kind).alias(name) for name, kind in columns().items()))


def names_targets(connection: DuckDBPyConnection, file: Path) -> bool:
    """Whether a history says which targets were looked at; those of earlier versions of the checker do not."""
    return TARGET in connection.read_parquet(duckdb_path(file)).columns


def known_of_others(history: DuckDBPyRelation) -> bool | None:
    """Whether it is known of image sets that have no row that no earlier run has seen them: false where there was an earlier
    run, null where there was none."""
    from duckdb import ColumnExpression as Column

    others = (
        history.filter(Column("imageSetId").isnull() & Column(TARGET).isnull()).select("known").fetchall()
    )
    return others[0][0] if others else None


def read_history(connection: DuckDBPyConnection, file: Path) -> DuckDBPyRelation:
    """An earlier history; a column that it does not have yet is null."""
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    rows = connection.read_parquet(duckdb_path(file))
    there = set(rows.columns)
    return rows.select(
        *(
            (Column(name) if name in there else Constant(None)).cast(kind).alias(name)
            for name, kind in columns().items()
        )
    )


def _over(function: str, value: Expression, key: Sequence[str]) -> Expression:
    from duckdb import ColumnExpression as Column
    from duckdb import FunctionExpression as Function

    return Function(function, value).over(partition_by=list(map(Column, key)))


def _or_empty(name: str) -> Expression:
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    return duckdb.CoalesceOperator(Column(name), Constant(""))
