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

from checker.aws.actions import FINDING, GET_IMAGE_SET, LIST_VERSIONS
from checker.fields import EARLIER
from checker.layout import HISTORY
from checker.snapshot.columns import (
    ERROR_CODE,
    PINNED,
    connect,
    duckdb_path,
    is_found_code,
    member,
)
from checker.snapshot.deletion_events import Event
from checker.snapshot.last_answers import KEY, SEARCHED, first, last_answers, state_types
from checker.snapshot.record_table import RecordTable, read_records
from checker.snapshot.records import LISTED_SINCE
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
    same,
    true,
)

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
    # what is written is sorted, and millions of rows in the order in which they were read fill the memory
    with connect(preserve_insertion_order=False) as connection:
        sent = [event for event in events if event.at < started]
        told = _told(connection, sent, before)
        parts = [_sighted(told)]
        if before is not None:
            parts.append(_carried(connection, before))
        table = read_records(connection, records) if records is not None else None
        if table is not None:
            answers = last_answers(table)
            parts += [_candidates(answers, latest=False), _candidates(answers, latest=True)]
        rows = _last(reduce(lambda left, right: left.union(right), parts))
        rows = _with_events(rows, told)
        others = _others(connection, earlier=records is not None)
        others = others.union(_targets(connection, table, before))
        order = [col(name).asc().nulls_first() for name in ("imageSetId", "datastoreId", PINNED, TARGET)]
        rows.union(others).sort(*order).write_parquet(str((folder / HISTORY).resolve()), compression="zstd")


def _others(connection: Connection, *, earlier: bool) -> Relation:
    """The row for image sets that have none."""
    row = connection.values([1])
    known = false() if earlier else lit(None)
    return row.select(
        *(
            (known if name == "known" else lit(None)).cast(kind).alias(name)
            for name, kind in columns().items()
        )
    )


def _targets(connection: Connection, records: RecordTable | None, before: Path | None) -> Relation:
    """A row for each target that an earlier run has looked at."""
    key = [col(TARGET), col("datastoreId")]
    seen = _others(connection, earlier=True).select(*key).filter(false())
    if before is not None:
        seen = seen.union(read_history(connection, before).filter(col(TARGET).isnotnull()).select(*key))
    if records is not None:
        seen = seen.union(_looked_at(records).select(*key))
    values = {name: col(name) for name in (TARGET, "datastoreId")} | {"known": false()}
    return seen.distinct().select(
        *(values.get(name, lit(None)).cast(kind).alias(name) for name, kind in columns().items())
    )


def _looked_at(records: RecordTable) -> Relation:
    """The targets, each with its data store, of which a run could tell which image sets they have: where some had to be
    found, the search came to its end; else the service answered for one that is listed."""
    action = coalesce(col("action"), lit(GET_IMAGE_SET))
    found = action.isin(*map(lit, FINDING))
    asked = action.isin(lit(GET_IMAGE_SET), lit(LIST_VERSIONS))
    answered = asked & is_found_code(member(ERROR_CODE)).isnotnull()
    truths = {"ended": col(LISTED_SINCE).isnotnull(), "searched": found, "answered": answered}
    said = records.of().aggregate(
        [
            col(TARGET),
            col("datastoreId"),
            *(func("bool_or", truth).alias(name) for name, truth in truths.items()),
        ],
        f'"{TARGET}", "datastoreId"',
    )
    return said.filter(col("ended") | (col("answered") & ~col("searched")))


def _told(connection: Connection, events: Iterable[Event], before: Path | None) -> Relation:
    """The last deletion event on each image set, of these and of those that earlier runs knew; `carried` is when the
    latter was sent."""
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
    told = connection.table("told").select("*", null("TIMESTAMP").alias("carried"))
    if before is not None:
        old = read_history(connection, before).filter(col("event.at").isnotnull())
        told = told.union(old.select(*map(col, (*_SET, *_EVENT)), col("event.at").alias("carried")))
    every_carried = _over("max", col("carried"), _SET).alias("carried")
    told = told.select(*map(col, (*_SET, *_EVENT)), every_carried)
    order = [col(name).desc().nulls_last() for name in _EVENT]
    return first(told, _SET, order)


def _sighted(told: Relation) -> Relation:
    """An event as a candidate: the image set is known by it, and nothing is said of its state yet."""
    return _candidate(
        told, {"rank": lit(9), "seen": true(), "unread": false(), "answered": false(), "ofVersion": false()}
    )


def _carried(connection: Connection, before: Path) -> Relation:
    rows = read_history(connection, before).filter(col("imageSetId").isnotnull())
    rank = case(col(f"{EARLIER}found").isnull(), lit(9))
    rank = rank.when(col("ofVersion"), lit(3)).otherwise(lit(1))
    kept = {name: col(name) for name in ("unread", "seenAt", "answered", "ofVersion")}
    state = {EARLIER + path: col(EARLIER + path) for path in state_types()}
    seen = coalesce(col("known"), false())
    return _candidate(rows, {PINNED: col(PINNED), "rank": rank, "seen": seen, **kept, **state})


def _candidates(answers: Relation, *, latest: bool) -> Relation:
    """The last run's answers. With `latest` those on pinned versions once more, for the image set as a whole."""
    if latest:
        answers = answers.filter(col(PINNED).isnotnull())
    found = col("found")
    seen = coalesce(found, false())
    rank = case(found.isnull(), lit(9)).otherwise(lit(2 if latest else 0))
    return _candidate(
        answers,
        {
            PINNED: lit(None) if latest else col(PINNED),
            "rank": rank,
            "seen": seen,
            "unread": found.isnull(),
            "seenAt": case(found, col("collectedAt")),
            # a search says as little as a deletion event
            "answered": seen & (col("action") != lit(SEARCHED)),
            "ofVersion": found.isnotnull() & lit(latest),
            # what was not received says nothing, nor when it was asked for
            **{EARLIER + path: case(found.isnotnull(), col(path)) for path in state_types()},
        },
    )


def _candidate(rows: Relation, values: dict[str, Expression]) -> Relation:
    """Rows to choose the last state of each image set from; the lower their `rank`, the sooner."""
    kinds = {**columns(), "rank": "INTEGER", "seen": "BOOLEAN"}
    names = [name for name in kinds if name not in (*_SET, *_EVENT, "known")]
    made = [values.get(name, lit(None)).cast(kinds[name]).alias(name) for name in names]
    return rows.select(*map(col, _SET), *made)


def _last(candidates: Relation) -> Relation:
    """One row for each key: the last state, and what all of them say of whether it was seen."""
    gathered = {name: ("max" if name == "seenAt" else "bool_or") for name in ("seen", "unread", "seenAt")}
    rows = candidates.select(
        *(col(name) for name in candidates.columns if name not in gathered),
        *(_over(function, col(name), KEY).alias(name) for name, function in gathered.items()),
    )
    # of pinned versions the highest stands for its image set
    # after the version the time, then whatever tells two of them apart: the choice is the same each time
    ties = ("versionId", "collectedAt", *state_types())
    order = [col(EARLIER + name).desc().nulls_last() for name in dict.fromkeys(ties)]
    return first(rows, KEY, [col("rank").asc(), *order])


def _with_events(rows: Relation, told: Relation) -> Relation:
    """The rows, those of image sets as a whole changed by events later than the last answer."""
    names = {name: f"told.{name}" for name in told.columns}
    right = told.select(*(col(name).alias(new) for name, new in names.items()))
    whole = f'{same("rows", "its.told.", _SET)} AND rows."{PINNED}" IS NULL'
    joined = rows.set_alias("rows").join(right.set_alias("its"), whole, how="left")
    at, collected = col("told.event.at"), col(f"{EARLIER}collectedAt")
    # without its time an answer is later than what was known when it was asked for
    fresh = col("told.carried").isnull() | (at > col("told.carried"))
    later = case(col(f"{EARLIER}found").isnull(), true())
    later = later.when(collected.isnotnull(), at > collected).otherwise(fresh)
    told_so = at.isnotnull() & later
    says = {
        "found": true(),
        "imageSetState": lit("DELETED"),
        "imageSetWorkflowStatus": lit("DELETED"),
        "versionId": col("told.event.versionId"),
        "isPrimary": col("told.event.isPrimary"),
    }
    known = case(col("seen"), true()).when(~col("unread"), false())
    values: dict[str, Expression] = {name: col(name) for name in columns() if name in joined.columns}
    values |= {"known": known, "seenAt": func("greatest", col("seenAt"), at)}
    values["answered"] = coalesce(col("answered"), false())
    values["ofVersion"] = coalesce(col("ofVersion"), false())
    values |= {name: col(f"told.{name}") for name in _EVENT}
    for path, value in says.items():
        values[EARLIER + path] = case(told_so & value.isnotnull(), value).otherwise(col(EARLIER + path))
    return joined.select(*(values[name].cast(kind).alias(name) for name, kind in columns().items()))


def names_targets(connection: Connection, file: Path) -> bool:
    """Whether a history says which targets were looked at; those of earlier versions of the checker do not."""
    return TARGET in connection.read_parquet(duckdb_path(file)).columns


def known_of_others(history: Relation) -> bool | None:
    """Whether it is known of image sets that have no row that no earlier run has seen them: false where there was an earlier
    run, null where there was none."""
    others = history.filter(col("imageSetId").isnull() & col(TARGET).isnull()).select("known").fetchall()
    return others[0][0] if others else None


def read_history(connection: Connection, file: Path) -> Relation:
    """An earlier history; a column that it does not have yet is null."""
    rows = connection.read_parquet(duckdb_path(file))
    there = set(rows.columns)
    return rows.select(
        *(
            (col(name) if name in there else lit(None)).cast(kind).alias(name)
            for name, kind in columns().items()
        )
    )


def _over(function: str, value: Expression, key: Sequence[str]) -> Expression:
    return func(function, value).over(partition_by=list(map(col, key)))
