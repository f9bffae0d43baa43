"""The findings of each image set and of each data store, counted by severity, and by what the gate counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from checker.evaluation.finding_order import GateTerms, is_gated
from checker.evaluation.finding_reader import read_findings
from checker.evaluation.waiver_columns import WAIVER
from checker.model import FindingCounts, Severity, Verdict
from checker.snapshot.writer import connect
from checker.sql import Expression, Relation, col, func, lit

OF_SETS = ("target", "datastoreId", "imageSetId")
OF_STORES = ("target", "datastoreId")
_GATED = "gated"


Totals = tuple[tuple[str | None, ...], dict[Severity, FindingCounts]]
"""What findings are counted of, as the values of the columns that name it, with their numbers by severity."""


def finding_totals(
    folder: Path, gate: GateTerms, names: Sequence[str], *, most: int | None = None
) -> Iterator[Totals]:
    """The counts of all image sets, or data stores, that have a fail or an unknown; the worst first: by the fails of the
    gravest severity that the gate counts, by its unknowns that the gate counts, by its others, then of the next severity.
    Findings of a target of which no data store is known are those of the data store None.

    Args:
        folder: what `evaluate` wrote into.
        gate: which findings count.
        names: the columns that name what is counted of: `OF_SETS` or `OF_STORES`.
        most: how many of the first; all of them unless given.
    """
    with connect() as connection:
        rows = read_findings(connection, folder)
        rows = rows.select(*map(col, (*names, "severity", "verdict", WAIVER)), is_gated(gate).alias(_GATED))
        if "imageSetId" in names:
            rows = rows.filter(col("imageSetId").isnotnull())
        columns = {
            f"{severity.value} {name}": func("count_if", (col("severity") == lit(severity.value)) & condition)
            for severity in reversed(Severity)
            for name, condition in _kinds().items()
        }
        each = rows.aggregate(
            [*map(col, names), *(number.alias(name) for name, number in columns.items())],
            ", ".join(f'"{name}"' for name in names),
        )
        yield from (_total(row, len(names)) for row in _worst(each, names, most).fetchall())


def _kinds() -> dict[str, Expression]:
    """What is counted of each severity, by the names of `FindingCounts`."""
    fail, unknown = (col("verdict") == lit(word.value) for word in (Verdict.FAIL, Verdict.UNKNOWN))
    free, gated = col(WAIVER).isnull(), col(_GATED)
    return {
        "fail": fail & free,
        "unknown": unknown,
        "waived": fail & ~free,
        "gated_fail": fail & gated,
        "gated_unknown": unknown & gated,
    }


def _worst(each: Relation, names: Sequence[str], most: int | None) -> Relation:
    keys = [
        col(f"{severity.value} {kind}").desc()
        for severity in reversed(Severity)
        for kind in ("gated_fail", "gated_unknown", "fail", "unknown")
    ]
    ordered = each.sort(*keys, *(col(name).asc().nulls_first() for name in names))
    return ordered if most is None else ordered.limit(most)


def _total(row: Sequence[object], names: int) -> Totals:
    numbers = [int(str(number)) for number in row[names:]]
    kinds = len(FindingCounts._fields)
    counts = {
        severity: FindingCounts(*numbers[place * kinds : (place + 1) * kinds])
        for place, severity in enumerate(reversed(Severity))
    }
    return tuple(None if name is None else str(name) for name in row[:names]), counts
