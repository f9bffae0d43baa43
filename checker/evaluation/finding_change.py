"""What became of each finding since an earlier run, and why: the one definition that the gate, the reports, `diff` and
`trend` share. And since when each finding is open.

States are those of `states`: the code of a verdict, `WAIVED` added where a waiver lets it go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from checker.evaluation.change_category import (
    _FAIL,
    _UNKNOWN,
    CATEGORY,
    CAUSES,
    _is,
    category_of,
    has_same_terms,
    stated_causes,
    verdict_changed,
)
from checker.evaluation.finding_states import (
    ENTRY,
    KEY,
    NO_FINDING,
    WAIVED,
    ComparedRule,
    EvaluationTerms,
    with_state,
)
from checker.evaluation.open_findings import (
    CHANGE,
    DEFINITION,
    FIRST,
    IDENTITY,
    JUDGED,
    TERMS,
    instant,
    read_open_findings,
    with_identity,
)
from checker.evaluation.waiver_columns import WAIVER
from checker.fields import EARLIER
from checker.layout import FINDINGS, HISTORY, PRIOR
from checker.model import Category, Factor, Rule, Tally, Verdict
from checker.snapshot.history import read_history
from checker.snapshot.writer import connect, duckdb_path
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

SLICE = 20_000


@dataclass(frozen=True, slots=True)
class ReferenceFindings:
    """What a run is compared with: the file of the findings that were open after another one, and the name and instant of
    that."""

    file: Path
    as_of: datetime
    run: str


def record_change(
    folder: Path,
    rules: Sequence[Rule],
    as_of: datetime,
    reference: ReferenceFindings | None,
    tallies: Sequence[Tally],
) -> tuple[Tally, ...]:
    """Writes into the findings of a folder since when each is open, and what became of it since the run compared with.

    Args:
        folder: the folder with the tables, the findings, and the findings that were open before, if any.
        rules: the rules of the run, bound.
        as_of: the run's instant.
        reference: what the run is compared with, if anything.
        tallies: those of the rules.

    Returns:
        The tallies, with the fails among them that are not new.
    """
    prior = folder / PRIOR
    if reference is None and not prior.exists():
        return tuple(tallies)
    path, draft = folder / FINDINGS, folder / f"{FINDINGS}.part"
    with connect() as connection:
        findings = connection.read_parquet(duckdb_path(path))
        made = (*FIRST, *CHANGE)
        terms = _terms(connection, findings, reference, rules)
        changed = _with_first(connection, terms, prior, as_of)
        changed = _with_category(connection, changed, folder, rules, reference)
        changed.select(col("finding"), *map(col, made)).to_table("changed")
        joined = findings.set_alias("findings").join(
            connection.table("changed").set_alias("changed"), "findings.finding = changed.finding"
        )
        kept = [col("findings", name).alias(name) for name in findings.columns if name not in made]
        kept += [col("changed", name).alias(name) for name in made]
        joined.select(*kept).order("finding").write_parquet(
            str(draft.resolve()), compression="zstd", row_group_size=SLICE
        )
        draft.replace(path)
        return _counted(connection, path, rules, tallies)


def _counted(
    connection: Connection, path: Path, rules: Sequence[Rule], tallies: Sequence[Tally]
) -> tuple[Tally, ...]:
    rows = connection.read_parquet(duckdb_path(path))
    old = (
        (col("verdict") == lit(Verdict.FAIL.value))
        & (col(CATEGORY) == lit(Category.PERSISTING.value))
        & col(WAIVER).isnull()
    )
    numbers = dict(rows.filter(old).aggregate([col("rule"), func("count_star")]).fetchall())
    return tuple(
        replace(tally, persisting=numbers.get(rule.name, 0))
        for rule, tally in zip(rules, tallies, strict=True)
    )


def _terms(
    connection: Connection,
    findings: Relation,
    reference: ReferenceFindings | None,
    rules: Sequence[Rule],
) -> Relation:
    """The findings by identity, with their terms, the state of now, and that of then as far as the file tells it."""
    code = _code(col("verdict"))
    state = case(col(WAIVER).isnotnull(), code + lit(WAIVED)).otherwise(code).cast("TINYINT")
    listed = func("list_value", *(lit(rule.name) for rule in rules))
    entry = (func("list_position", listed, col("rule")) - lit(1)).cast("INTEGER").alias(ENTRY)
    own = [col(name) for name in (*IDENTITY, "verdict", "versionId", DEFINITION, "severity")]
    rows = with_identity(findings).select(col("finding"), entry, *own, state.alias("now")).set_alias("found")
    if reference is None:
        return rows
    before = read_open_findings(connection, reference.file)
    opened = before.filter(col("verdict") != lit(JUDGED)).set_alias("before")
    judged = before.filter(col("verdict") == lit(JUDGED)).set_alias("judged")
    joined = rows.join(opened, same("found", "before", IDENTITY), how="left")
    terms = [col("before", name).alias(f"was_{name}") for name in TERMS]
    rows = joined.select(*(col("found", name).alias(name) for name in rows.columns), *terms)
    joined = rows.set_alias("found").join(judged, same("found", "judged", ("rule", "target")), how="left")
    return joined.select(
        *(col("found", name).alias(name) for name in rows.columns),
        col("judged", DEFINITION).alias("judged_by"),
    )


def _with_first(connection: Connection, rows: Relation, prior: Path, as_of: datetime) -> Relation:
    """With the instant and the run since which each is open; no run where it is this one."""
    moment = instant(as_of)
    columns = [col(name) for name in rows.columns]
    if not prior.exists():
        return rows.select(*columns, moment.alias("first_at"), null("VARCHAR").alias("first_run"))
    before = read_open_findings(connection, prior).filter(col("verdict") != lit(JUDGED))
    joined = rows.set_alias("found").join(
        before.set_alias("before"), same("found", "before", IDENTITY), how="left"
    )
    alike = col("found", "verdict") == col("before", "verdict")
    # a fail that could not be found out last time is unknown since then
    doubtful = (col("found", "verdict") == lit(Verdict.UNKNOWN.value)) & col("before", "unknown_at").isnotnull()  # fmt: skip
    values = []
    for kind, none in (("at", moment), ("run", null("VARCHAR"))):
        value = case(alike, col("before", f"first_{kind}")).when(doubtful, col("before", f"unknown_{kind}"))
        values.append(value.otherwise(none).alias(f"first_{kind}"))
    return joined.select(*(col("found", name).alias(name) for name in rows.columns), *values)


def _with_category(
    connection: Connection,
    rows: Relation,
    folder: Path,
    rules: Sequence[Rule],
    reference: ReferenceFindings | None,
) -> Relation:
    """With what became of each, and why; both null where there is nothing to compare with."""
    columns = [col(name) for name in rows.columns]
    if reference is None:
        none = null("VARCHAR")
        return rows.select(*columns, none.alias(CATEGORY), none.alias(CAUSES))
    was, code = col("was_verdict"), _code(col("was_verdict"))
    looked_at = col("judged_by").isnotnull() & col("known")
    seen = looked_at.alias("looked_at")
    state = case(was.isnotnull(), case(col("was_unwaived"), code).otherwise(code + lit(WAIVED)))
    state = state.when(looked_at, lit(NO_FINDING)).cast("TINYINT").alias("was")
    known = with_earlier_knowledge(connection, rows, folder)
    stated = known.select(*map(col, known.columns), state, seen)
    category = category_of("was", "now", has_same_terms()).alias(CATEGORY)
    stated.select(*map(col, stated.columns), category).to_table("categories")
    table = connection.table("categories")
    same_rule = coalesce(col("judged_by") == col(DEFINITION), false())
    wanted = table.filter(verdict_changed() & _is("now", _FAIL) & same_rule)
    passed = _passed_then(connection, wanted, folder, rules, reference)
    joined = table.set_alias("t").join(passed.set_alias("passed"), "t.finding = passed.number", how="left")
    words = func("list_value", *(lit(item.value) for item in Category))
    word = func("list_extract", words, col(CATEGORY) + lit(1))
    return joined.select(*columns, word.alias(CATEGORY), _causes(same_rule).alias(CAUSES))


def _causes(same_rule: Expression) -> Expression:
    """Why each is what it is called. What the rule of then would say of the answers of now is not asked: where the rule
    is another one, that is the cause."""
    flip = verdict_changed()
    by_rule = case(~same_rule, lit(Factor.POLICY.value))
    by_time = coalesce(col("passed_then"), false())
    by_judging = by_rule.when(by_time, lit(Factor.CLOCK.value)).otherwise(lit(Factor.DATA.value))
    return case(flip, by_judging).otherwise(stated_causes(true()))


def _passed_then(
    connection: Connection,
    wanted: Relation,
    folder: Path,
    rules: Sequence[Rule],
    reference: ReferenceFindings,
) -> Relation:
    """Of some fails, by number, whether the answers of now would not have failed at the instant of then."""
    way = EvaluationTerms(folder, rules, reference.as_of)
    entries = [ComparedRule(rule.name, rule.scope, frozenset()) for rule in rules]
    named = wanted.select(col("finding"), col(ENTRY), *map(col, KEY))
    rows = with_state(connection, named, way, entries, "then")
    passed = coalesce(col("then") != lit(_FAIL), false())
    return rows.select(col("finding").alias("number"), passed.alias("passed_then"))


def with_earlier_knowledge(connection: Connection, rows: Relation, folder: Path) -> Relation:
    """With whether an earlier run knew the image set, and its version where that is part of the name; what is no image set
    was there if its target was."""
    columns = [col("found", name).alias(name) for name in rows.columns]
    if not (folder / HISTORY).exists():
        return rows.select(*map(col, rows.columns), true().alias("known"))
    history = read_history(connection, folder / HISTORY).filter(col("known"))
    keys = ("datastoreId", "imageSetId")
    last = func("max", col(f"{EARLIER}versionId")).alias("last")
    sets = history.aggregate([*map(col, keys), last], ", ".join(f'"{key}"' for key in keys))
    joined = rows.set_alias("found").join(
        sets.set_alias("history"), same("found", "history", keys), how="left"
    )
    later = coalesce(col("found", "named") > col("history", "last"), false())
    known = col("history", "imageSetId").isnotnull() & ~later
    return joined.select(*columns, (col("found", "imageSetId").isnull() | known).alias("known"))


def _code(verdict: Expression) -> Expression:
    return case(verdict == lit(Verdict.FAIL.value), lit(_FAIL)).otherwise(lit(_UNKNOWN))
