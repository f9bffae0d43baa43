"""`count` and `ratio` of `scope: datastore`: image sets are counted in one pass, and the decisions put beside the rows
of their data stores.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from checker.aws.actions import SEARCH
from checker.evaluation.condition_compiler import NO_AGGREGATES, Columns, Compiler
from checker.evaluation.count_bounds import TruthCounts, decide
from checker.evaluation.deleted_sets import Case as Conditions
from checker.evaluation.field_expressions import TRUE
from checker.evaluation.provenance import BETWEEN, CALLS, OLDEST, ReadFields, call_names, calls, oldest
from checker.evaluation.scope_tables import read_table
from checker.evaluation.target_rows import OF_TARGET, may_miss_sets, not_found
from checker.fields import EARLIER
from checker.model import Aggregate, Numbers, Rule, Scalar, Source
from checker.policy.condition_tree import fields_of, walk
from checker.snapshot.writer import LISTED_SINCE, PINNED, ROW
from checker.sql import Connection, Expression, Relation, case, coalesce, col, func, lit, same

_SET = ("target", "datastoreId", "imageSetId")
EXAMPLES = 3
"""Image sets named in a finding."""


@dataclass(frozen=True, slots=True)
class AggregateResult:
    """What an aggregate came to in a data store: its counts, the first image sets that match, and the calls that it rests on,
    with the instant of the oldest answer and the earlier run that asked for it."""

    counts: TruthCounts = TruthCounts()  # noqa: RUF009 - frozen
    examples: Sequence[str] = ()
    calls: frozenset[str] = frozenset()
    at: datetime | None = None
    run: str | None = None

    def numbers(self, aggregate: Aggregate) -> Numbers:
        """As reports show it."""
        counts = self.counts
        return Numbers(aggregate.kind, counts.tt, counts.surely, counts.undecided, tuple(self.examples))


def datastore_rows(
    connection: Connection, folder: Path, rules: Iterable[Rule], as_of: datetime
) -> tuple[Relation, Columns]:
    """The rows of a snapshot's data stores with the truth of the rules' aggregates beside them.

    Args:
        connection: a connection.
        folder: a folder that `write_snapshot` filled.
        rules: rules of scope `datastore` with bound parameters.
        as_of: the instant against which ages are measured.

    Returns:
        The relation, and the column of each aggregate: its truth; under `NAME reason` why it has none, under
        `NAME numbers` the numbers as JSON, under `NAME calls` and `NAME oldest` the answers that it rests on.
    """
    rows = read_table(connection, folder, "datastore")
    every: dict[Aggregate, None] = dict.fromkeys(
        leaf for rule in rules for part in (rule.when, rule.condition) for leaf in walk(part)
        if isinstance(leaf, Aggregate)
    )  # fmt: skip
    names = {aggregate: f"aggregate {index}" for index, aggregate in enumerate(every)}
    if not names:
        return rows, {}
    keys = rows.select(col(ROW), col("target"), col("datastoreId"), col("complete")).order(ROW)
    numbered = keys.fetchall()
    counted = _count(connection, folder, list(names), as_of)
    unlisted = _unlisted(connection, folder, list(names), as_of)
    first = _first(connection, folder)
    columns: list[Expression] = [col(name) for name in rows.columns]
    for index, (aggregate, name) in enumerate(names.items()):
        found = [counted.get((key[1], key[2]), {}).get(index, AggregateResult()) for key in numbered]
        # that these are all image sets rests on the search that listed them
        found = [
            replace(item, calls=item.calls | {SEARCH}) if (key[1], key[2]) in unlisted else item
            for item, key in zip(found, numbered, strict=True)
        ]
        partly = [
            unlisted.get((key[1], key[2]), {}).get(index)
            if key[3]
            else "the target does not cover the whole data store"
            for key in numbered
        ]
        earlier = any(
            field.source is Source.HISTORY
            for part in (aggregate.of, aggregate.among)
            for field in fields_of(part)
        )
        past = [first.get(key[1], "") if earlier else "" for key in numbered]
        columns += _columns(aggregate, name, found, partly, past)
    return rows.select(*columns), dict(names.items())


def _columns(
    aggregate: Aggregate,
    name: str,
    found: Sequence[AggregateResult],
    partly: Sequence[str | None],
    past: Sequence[str],
) -> list[Expression]:
    truths = [
        None if why else decide(aggregate, item.counts) for item, why in zip(found, partly, strict=True)
    ]
    reasons = [
        f"{aggregate.kind}: {why}" if why else _reason(aggregate, item.counts, first)
        for item, why, first in zip(found, partly, past, strict=True)
    ]
    numbers = [json.dumps(count.numbers(aggregate).plain()) for count in found]

    def by_row(values: Sequence[Scalar | None], kind: str) -> Expression:
        return func("list_extract", func("list_value", *map(lit, values)), col(ROW)).cast(kind)

    answer = func(
        "struct_pack",
        by_row([count.at for count in found], "TIMESTAMP").alias("at"),
        by_row([count.run for count in found], "VARCHAR").alias("run"),
    )
    there = by_row([count.at is not None for count in found], "BOOLEAN")
    return [
        by_row(truths, "BOOLEAN").alias(name),
        by_row(reasons, "VARCHAR").alias(f"{name} reason"),
        by_row(numbers, "JSON").alias(f"{name} numbers"),
        by_row([BETWEEN.join(sorted(count.calls)) for count in found], "VARCHAR").alias(f"{name} {CALLS}"),
        case(there, answer).alias(f"{name} {OLDEST}"),
    ]


def _reason(aggregate: Aggregate, counts: TruthCounts, first: str) -> str:
    if aggregate.kind == "ratio" and not counts.surely + counts.undecided:
        return "ratio: there are no image sets to take a share of"
    sets = "image set" if counts.undecided == 1 else "image sets"
    return f"{aggregate.kind}: {counts.undecided} {sets} could not be judged" + (
        f" ({first})" if first else ""
    )


def _first(connection: Connection, folder: Path) -> Mapping[str, str]:
    """Why nothing is known of the past of targets, by their names; those of which something is are left out."""
    rows = read_table(connection, folder, "image_set")
    why = f"{EARLIER}error"
    if why not in rows.columns:
        return {}
    return dict(rows.filter(OF_TARGET & col(why).isnotnull()).select(col("target"), col(why)).fetchall())


def _count(
    connection: Connection, folder: Path, aggregates: Sequence[Aggregate], as_of: datetime
) -> Mapping[tuple[str, str | None], Mapping[int, AggregateResult]]:
    """What each aggregate comes to, by target and data store."""
    compiler = Compiler(as_of)
    rows = _one_each(read_table(connection, folder, "image_set").filter(~OF_TARGET))
    judged: list[Expression] = []
    counters: list[Expression] = []
    for index, aggregate in enumerate(aggregates):
        parts = {"of": aggregate.of, "among": aggregate.among}
        truths = {f"{name}{index}": compiler.condition(part) for name, part in parts.items() if part}
        judged += [truth.alias(name) for name, truth in truths.items()]
        of, among = (col(f"{name}{index}") if part else None for name, part in parts.items())
        read = ReadFields.counting(aggregate)
        given = calls(read, NO_AGGREGATES)
        judged += [truth.alias(f"{call}{index}") for call, truth in given.items()]
        judged.append(oldest(read, NO_AGGREGATES).alias(f"{OLDEST}{index}"))
        rests = call_names({call: func("bool_or", col(f"{call}{index}")) for call in given})
        counters += [*_counters(of, among), rests, func("min", col(f"{OLDEST}{index}"))]
    keys = [col("target"), col("datastoreId"), col("imageSetId")]
    grouped = rows.select(*keys, *judged).aggregate(
        [col("target"), col("datastoreId"), *counters], '"target", "datastoreId"'
    )
    return {
        (row[0], row[1]): {
            index: _counted(*row[2 + 4 * index : 6 + 4 * index]) for index in range(len(aggregates))
        }
        for row in grouped.fetchall()
    }


def _counted(
    counts: Sequence[int], examples: Sequence[str] | None, rests: str, answer: Mapping[str, Any] | None
) -> AggregateResult:
    known = frozenset(rests.split(BETWEEN)) if rests else frozenset()
    return AggregateResult(TruthCounts(*counts), examples or (), known, **(answer or {}))


def _unlisted(
    connection: Connection, folder: Path, aggregates: Sequence[Aggregate], as_of: datetime
) -> Mapping[tuple[str, str | None], Mapping[int, str]]:
    """Why a search may have left out what an aggregate counts, by target and data store."""
    rows = read_table(connection, folder, "image_set").filter(OF_TARGET & col(LISTED_SINCE).isnotnull())
    doubts = [may_miss_sets(*_asked(aggregate), as_of) for aggregate in aggregates]
    columns = [col("target"), col("datastoreId"), not_found(), *doubts]
    named = [column.alias(f"c{place}") for place, column in enumerate(columns)]
    return {
        (row[0], row[1]): {index: row[2] for index, doubt in enumerate(row[3:]) if doubt}
        for row in rows.select(*named).fetchall()
    }


def _asked(aggregate: Aggregate) -> tuple[list[Conditions], Conditions]:
    """What an aggregate asks of each image set, and what holds of all that it counts."""
    of, among = (aggregate.of, True), (aggregate.among, True)
    return ([[of]], [of]) if aggregate.kind == "count" else ([[of, among], [among]], [among])


def _one_each(rows: Relation) -> Relation:
    """One row for each image set: of one that is listed at a version too, that of the whole set, else of the latest."""
    pinned = rows.filter(col(PINNED).isnotnull()).set_alias("pinned")
    if not pinned.limit(1).fetchall():
        return rows
    # only the few sets that are pinned somewhere are sorted
    rows = rows.set_alias("rows")
    image_set = [col("target"), col("datastoreId"), col("imageSetId")]
    latest = [col(PINNED).desc().nulls_first(), col(ROW)]
    place = func("row_number").over(partition_by=image_set, order_by=latest).alias("place")
    numbered = rows.join(pinned, same("rows", "pinned", _SET), how="semi").select(col(ROW), place)
    more = numbered.filter(col("place") > lit(1)).set_alias("more")
    return rows.join(more, f'rows."{ROW}" = more."{ROW}"', how="anti")


def _counters(of: Expression | None, among: Expression | None) -> list[Expression]:
    """A list of the numbers of `Counts`, and a list of examples; `count_if` leaves out what is null, and is null
    itself where nothing else is there."""
    image_set = col("imageSetId")
    if of is None:
        # a count of all image sets: only a ratio has `among`, and it has `of`
        matched, groups = image_set, [TRUE]
    elif among is None:
        matched, groups = case(of, image_set), [of, ~of, of.isnull()]
    else:
        maybe, undecided = among.isnull(), of.isnull()
        matched = case(among & of, image_set)
        groups = [among & of, among & ~of, among & undecided, maybe & of, maybe & ~of, maybe & undecided]
    counts = func("list_value", *(coalesce(func("count_if", group), lit(0)) for group in groups))
    return [counts, func("min", matched, lit(EXAMPLES))]
