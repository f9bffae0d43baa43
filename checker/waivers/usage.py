"""What waivers have to do with a run: what each covers, what it reaches, and what could not be told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from checker.evaluation.condition_compiler import CODES, Columns
from checker.evaluation.engine import table
from checker.evaluation.target_rows import OF_TARGET, may_be_unknown, row_verdict
from checker.evaluation.waiver_columns import LAPSED, WAIVER, reaches
from checker.layout import FINDINGS
from checker.model import Label, Rule, Verdict, Waiver
from checker.snapshot.writer import connect, duckdb_path
from checker.sql import Connection, Expression, Relation, coalesce, col, func, lit


@dataclass(frozen=True, slots=True)
class Usage:
    """What a waiver has to do with the subjects of its rule.

    `used` is how many findings it covers, or would if it were in force; `reached` how many subjects it reaches. `undecided`
    is how many it may cover once they can be judged: their verdict is unknown, where it is about fails, or it could not be
    found out whether it reaches them. `absent` are the image sets that it names, or the target, which the evidence has none of.
    """

    used: int
    reached: int
    undecided: int = 0
    absent: tuple[str, ...] = ()


def usage(
    folder: Path,
    rules: Sequence[Rule],
    waivers: Sequence[Waiver],
    as_of: datetime,
    labels: Mapping[str, Label],
) -> dict[int, Usage]:
    """The use of each waiver of one of the rules, by number.

    Args:
        folder: the folder with the snapshot and the findings.
        rules: the rules of the run.
        waivers: the waivers; those of other rules are left out.
        as_of: the instant of the run.
        labels: the labels that the snapshot has.
    """
    found: dict[int, Usage] = {}
    if not waivers:
        return found
    with connect() as connection:
        used = _used(connection, folder)
        for rule in rules:
            own = [waiver for waiver in waivers if waiver.rule == rule.name]
            if own:
                judged = table(connection, folder, rule.scope, [rule], as_of)
                found |= _usage(judged, rule, own, as_of, labels=labels, used=used)
    return found


def _usage(
    judged: tuple[Relation, Columns],
    rule: Rule,
    waivers: Sequence[Waiver],
    as_of: datetime,
    *,
    labels: Mapping[str, Label],
    used: Mapping[int, int],
) -> dict[int, Usage]:
    """The use of the waivers of one rule."""
    rows, columns = judged
    if rule.scope != "datastore":
        rows = rows.filter(~OF_TARGET | may_be_unknown(rows.columns))
    unknown = row_verdict(rule, as_of, columns, each=True) == lit(CODES[Verdict.UNKNOWN])
    counts: list[Expression] = []
    for waiver in waivers:
        reach = reaches(waiver, rule.scope, as_of, labels)
        counts += [func("count_if", reach), func("count_if", unknown & _perhaps(waiver, rule, reach))]
    numbers = iter([number or 0 for number in rows.aggregate(counts).fetchall()[0]])
    ids = _there(rows, "imageSetId", {name for waiver in waivers for name in waiver.image_sets})
    targets = _there(rows, "target", {waiver.target for waiver in waivers if waiver.target is not None})
    found = {}
    for waiver in waivers:
        absent = [f"image set {name}" for name in waiver.image_sets if name not in ids]
        absent += (
            [f"target {waiver.target}"] if waiver.target is not None and waiver.target not in targets else []
        )
        reached, undecided = next(numbers), next(numbers)
        found[waiver.number] = Usage(used.get(waiver.number, 0), reached, undecided, tuple(absent))
    return found


def _perhaps(waiver: Waiver, rule: Rule, reach: Expression) -> Expression:
    """Whether a waiver may cover what is unknown of a row, once that can be judged."""
    perhaps = reach.isnull()
    if rule.scope != "datastore":
        # an image set that no search has listed may have the labels; which of those by name are not there is told apart
        perhaps = perhaps | OF_TARGET if waiver.labels else perhaps & ~OF_TARGET
    return perhaps | reach if waiver.covers is Verdict.FAIL else perhaps


def _there(rows: Relation, column: str, names: Collection[str]) -> set[str]:
    """The names that a column has."""
    if not names:
        return set()
    found = rows.filter(col(column).isin(*map(lit, sorted(names)))).select(col(column)).distinct()
    return {name for (name,) in found.fetchall()}


def _used(connection: Connection, folder: Path) -> dict[int, int]:
    rows = connection.read_parquet(duckdb_path(folder / FINDINGS))
    named = rows.select(coalesce(col(WAIVER), col(LAPSED)).alias("number"))
    counts = named.filter(col("number").isnotnull()).aggregate([col("number"), func("count_star")])
    return dict(counts.fetchall())
