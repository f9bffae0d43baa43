"""What became of each finding since an earlier run, and why: the one definition that the gate, the reports, `diff` and
`trend` share. And since when each finding is open.

States are those of `states`: the code of a verdict, `WAIVED` added where a waiver lets it go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.causes import ENTRY, Entry, Factor, restated
from checker.evaluation.compile import CODES
from checker.evaluation.finding_states import FOUND, KEY, NO_FINDING, WAIVED, Way
from checker.evaluation.open_findings import (
    CHANGE,
    DEFINITION,
    FIRST,
    IDENTITY,
    JUDGED,
    TERMS,
    identified,
    instant,
    read_open_findings,
    same,
)
from checker.evaluation.waiver_columns import WAIVER
from checker.fields import EARLIER
from checker.layout import FINDINGS, HISTORY, PRIOR
from checker.model import Category, Rule, Severity, Tally, Verdict
from checker.snapshot.history import read_history
from checker.snapshot.writer import connect, duckdb_path

CATEGORY, CAUSES = CHANGE
SLICE = 20_000
_FINDING_CODES = (*FOUND, *(code + WAIVED for code in FOUND))
_FAIL, _UNKNOWN = CODES[Verdict.FAIL], CODES[Verdict.UNKNOWN]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a run is compared with: the file of the findings that were open after another one, and the name and instant of
    that."""

    file: Path
    as_of: datetime
    run: str


def rank(category: Category) -> int:
    """The code of a category, which is its place in reports."""
    return list(Category).index(category)


def is_one(column: str | tuple[str, str], *categories: Category) -> Expression:
    """Whether a column, or one of a table, has the code of one of these."""
    where = Column(column) if isinstance(column, str) else Column(*column)
    return where.isin(*(Constant(rank(one)) for one in categories))


def category_of(was: str, now: str, same_terms: Expression) -> Expression:
    """The code of what became of a finding.

    Args:
        was: the column of the earlier state.
        now: the column of the present state; of the two at least one is a finding.
        same_terms: whether a fail is of the same version, by the same definition of its rule and at no higher severity than
            then: else it is another finding, and new.
    """
    failed, fails = _is(was, _FAIL), _is(now, _FAIL)
    unknown, both = _is(now, _UNKNOWN), (failed & fails) | (_is(was, _UNKNOWN) & _is(now, _UNKNOWN))
    was_waived, is_waived = (
        _in(one, [code for code in _FINDING_CODES if code >= WAIVED]) for one in (was, now)
    )
    cases = [
        (Column(now).isnull(), Category.NOT_JUDGED),
        (unknown & failed, Category.UNDECIDED),
        # what a waiver covers from its first day on is no news to anybody
        (is_waived & ~(both & was_waived), Category.WAIVED),
        (both & is_waived, Category.PERSISTING),
        (both & ~was_waived & (unknown | same_terms), Category.PERSISTING),
        (fails | unknown, Category.NEW),
        (failed, Category.FIXED),
    ]
    first, *rest = ((test, Constant(rank(word))) for test, word in cases)
    case = Case(*first)
    for test, code in rest:
        case = case.when(test, code)
    return case.otherwise(Constant(rank(Category.DECIDED))).cast("TINYINT")


def unchanged() -> Expression:
    """Whether the terms of now are those of then, in columns after `was_`: the version, the definition of the rule, and a
    severity that is no higher."""
    return ~_other_version() & ~_other_rule() & ~_graver()


def other_terms() -> Expression:
    """Which of its terms make a fail that was there another finding, as text: `policy,severity`."""
    causes = [
        (_in("was", [code + WAIVED for code in FOUND]), Factor.WAIVER),
        (_other_rule(), Factor.POLICY),
        (_graver(), Factor.SEVERITY),
        (_other_version(), Factor.VERSION),
    ]
    named = (Case(test, Constant(factor.value)) for test, factor in causes)
    return Function("concat_ws", Constant(","), *named)


def flipped() -> Expression:
    """Whether a verdict is another one than then, so that judging again says why: it was judged on both sides, and is a
    finding on one."""
    none_then = Column("was").isnotnull() & ~_in("was", _FINDING_CODES)
    return (is_one(CATEGORY, Category.NEW) & none_then) | is_one(CATEGORY, Category.FIXED, Category.DECIDED)


def plain_causes(has_rule: Expression) -> Expression:
    """Why each is what it is called, where no judging says so; `has_rule` is whether the later run has the rule."""
    told = Coalesce(Column("was_judged_before"), Constant(value=False))
    came_out = _is("was", _UNKNOWN) & _is("now", _FAIL)
    first_judged = (Column("was").isnull() & ~Column("looked_at")) | (came_out & ~told)
    not_judged = is_one(CATEGORY, Category.NOT_JUDGED)
    case = Case(is_one(CATEGORY, Category.PERSISTING), Constant(""))
    case = case.when(not_judged & ~has_rule, Constant(Factor.POLICY.value))
    case = case.when(not_judged | is_one(CATEGORY, Category.UNDECIDED), Constant(Factor.DATA.value))
    case = case.when(is_one(CATEGORY, Category.WAIVED), Constant(Factor.WAIVER.value))
    case = case.when(first_judged, Constant(Factor.FIRST_JUDGED.value))
    return case.when(Column("was").isnull() | came_out, Constant(Factor.DATA.value)).otherwise(other_terms())


def _other_version() -> Expression:
    return Coalesce(Column("versionId"), Constant(0)) != Coalesce(Column("was_versionId"), Constant(0))


def _other_rule() -> Expression:
    return Coalesce(Column(DEFINITION) != Column(f"was_{DEFINITION}"), Constant(value=False))


def _graver() -> Expression:
    words = Function("list_value", *(Constant(one.value) for one in Severity))
    now, then = (Function("list_position", words, Column(name)) for name in ("severity", "was_severity"))
    return Coalesce(now > then, Constant(value=False))


def _is(column: str, code: int) -> Expression:
    return _in(column, (code, code + WAIVED))


def _in(column: str, codes: Sequence[int]) -> Expression:
    return Coalesce(Column(column).isin(*map(Constant, codes)), Constant(value=False))


def record_change(
    folder: Path,
    rules: Sequence[Rule],
    as_of: datetime,
    reference: Reference | None,
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
        changed.select(Column("finding"), *map(Column, made)).to_table("changed")
        joined = findings.set_alias("findings").join(
            connection.table("changed").set_alias("changed"), "findings.finding = changed.finding"
        )
        kept = [Column("findings", name).alias(name) for name in findings.columns if name not in made]
        kept += [Column("changed", name).alias(name) for name in made]
        joined.select(*kept).order("finding").write_parquet(
            str(draft.resolve()), compression="zstd", row_group_size=SLICE
        )
        draft.replace(path)
        return _counted(connection, path, rules, tallies)


def _counted(
    connection: DuckDBPyConnection, path: Path, rules: Sequence[Rule], tallies: Sequence[Tally]
) -> tuple[Tally, ...]:
    rows = connection.read_parquet(duckdb_path(path))
    old = (
        (Column("verdict") == Constant(Verdict.FAIL.value))
        & (Column(CATEGORY) == Constant(Category.PERSISTING.value))
        & Column(WAIVER).isnull()
    )
    numbers = dict(rows.filter(old).aggregate([Column("rule"), Function("count_star")]).fetchall())
    return tuple(
        replace(tally, persisting=numbers.get(rule.name, 0))
        for rule, tally in zip(rules, tallies, strict=True)
    )


def _terms(
    connection: DuckDBPyConnection,
    findings: DuckDBPyRelation,
    reference: Reference | None,
    rules: Sequence[Rule],
) -> DuckDBPyRelation:
    """The findings by identity, with their terms, the state of now, and that of then as far as the file tells it."""
    code = _code(Column("verdict"))
    state = Case(Column(WAIVER).isnotnull(), code + Constant(WAIVED)).otherwise(code).cast("TINYINT")
    listed = Function("list_value", *(Constant(rule.name) for rule in rules))
    entry = (Function("list_position", listed, Column("rule")) - Constant(1)).cast("INTEGER").alias(ENTRY)
    own = [Column(name) for name in (*IDENTITY, "verdict", "versionId", DEFINITION, "severity")]
    rows = identified(findings).select(Column("finding"), entry, *own, state.alias("now")).set_alias("found")
    if reference is None:
        return rows
    before = read_open_findings(connection, reference.file)
    opened = before.filter(Column("verdict") != Constant(JUDGED)).set_alias("before")
    judged = before.filter(Column("verdict") == Constant(JUDGED)).set_alias("judged")
    joined = rows.join(opened, same("found", "before"), how="left")
    terms = [Column("before", name).alias(f"was_{name}") for name in TERMS]
    rows = joined.select(*(Column("found", name).alias(name) for name in rows.columns), *terms)
    joined = rows.set_alias("found").join(judged, same("found", "judged", ("rule", "target")), how="left")
    return joined.select(
        *(Column("found", name).alias(name) for name in rows.columns),
        Column("judged", DEFINITION).alias("judged_by"),
    )


def _with_first(
    connection: DuckDBPyConnection, rows: DuckDBPyRelation, prior: Path, as_of: datetime
) -> DuckDBPyRelation:
    """With the instant and the run since which each is open; no run where it is this one."""
    moment = instant(as_of)
    columns = [Column(name) for name in rows.columns]
    if not prior.exists():
        return rows.select(
            *columns, moment.alias("first_at"), Constant(None).cast("VARCHAR").alias("first_run")
        )
    before = read_open_findings(connection, prior).filter(Column("verdict") != Constant(JUDGED))
    joined = rows.set_alias("found").join(before.set_alias("before"), same("found", "before"), how="left")
    alike = Column("found", "verdict") == Column("before", "verdict")
    # a fail that could not be found out last time is unknown since then
    doubtful = (Column("found", "verdict") == Constant(Verdict.UNKNOWN.value)) & Column("before", "unknown_at").isnotnull()  # fmt: skip
    values = []
    for kind, none in (("at", moment), ("run", Constant(None).cast("VARCHAR"))):
        value = Case(alike, Column("before", f"first_{kind}")).when(
            doubtful, Column("before", f"unknown_{kind}")
        )
        values.append(value.otherwise(none).alias(f"first_{kind}"))
    return joined.select(*(Column("found", name).alias(name) for name in rows.columns), *values)


def _with_category(
    connection: DuckDBPyConnection,
    rows: DuckDBPyRelation,
    folder: Path,
    rules: Sequence[Rule],
    reference: Reference | None,
) -> DuckDBPyRelation:
    """With what became of each, and why; both null where there is nothing to compare with."""
    columns = [Column(name) for name in rows.columns]
    if reference is None:
        none = Constant(None).cast("VARCHAR")
        return rows.select(*columns, none.alias(CATEGORY), none.alias(CAUSES))
    was, code = Column("was_verdict"), _code(Column("was_verdict"))
    looked_at = Column("judged_by").isnotnull() & Column("known")
    seen = looked_at.alias("looked_at")
    state = Case(was.isnotnull(), Case(Column("was_unwaived"), code).otherwise(code + Constant(WAIVED)))
    state = state.when(looked_at, Constant(NO_FINDING)).cast("TINYINT").alias("was")
    known = with_known(connection, rows, folder)
    stated = known.select(*map(Column, known.columns), state, seen)
    category = category_of("was", "now", unchanged()).alias(CATEGORY)
    stated.select(*map(Column, stated.columns), category).to_table("categories")
    table = connection.table("categories")
    same_rule = Coalesce(Column("judged_by") == Column(DEFINITION), Constant(value=False))
    wanted = table.filter(flipped() & _is("now", _FAIL) & same_rule)
    passed = _passed_then(connection, wanted, folder, rules, reference)
    joined = table.set_alias("t").join(passed.set_alias("passed"), "t.finding = passed.number", how="left")
    words = Function("list_value", *(Constant(one.value) for one in Category))
    word = Function("list_extract", words, Column(CATEGORY) + Constant(1))
    return joined.select(*columns, word.alias(CATEGORY), _causes(same_rule).alias(CAUSES))


def _causes(same_rule: Expression) -> Expression:
    """Why each is what it is called. What the rule of then would say of the answers of now is not asked: where the rule
    is another one, that is the cause."""
    flip = flipped()
    by_rule = Case(~same_rule, Constant(Factor.POLICY.value))
    by_time = Coalesce(Column("passed_then"), Constant(value=False))
    by_judging = by_rule.when(by_time, Constant(Factor.CLOCK.value)).otherwise(Constant(Factor.DATA.value))
    return Case(flip, by_judging).otherwise(plain_causes(Constant(value=True)))


def _passed_then(
    connection: DuckDBPyConnection,
    wanted: DuckDBPyRelation,
    folder: Path,
    rules: Sequence[Rule],
    reference: Reference,
) -> DuckDBPyRelation:
    """Of some fails, by number, whether the answers of now would not have failed at the instant of then."""
    way = Way(folder, rules, reference.as_of)
    entries = [Entry(rule.name, rule.scope, frozenset()) for rule in rules]
    named = wanted.select(Column("finding"), Column(ENTRY), *map(Column, KEY))
    rows = restated(connection, named, way, entries, "then")
    passed = Coalesce(Column("then") != Constant(_FAIL), Constant(value=False))
    return rows.select(Column("finding").alias("number"), passed.alias("passed_then"))


def with_known(connection: DuckDBPyConnection, rows: DuckDBPyRelation, folder: Path) -> DuckDBPyRelation:
    """With whether an earlier run knew the image set, and its version where that is part of the name; what is no image set
    was there if its target was."""
    columns = [Column("found", name).alias(name) for name in rows.columns]
    if not (folder / HISTORY).exists():
        return rows.select(*map(Column, rows.columns), Constant(value=True).alias("known"))
    history = read_history(connection, folder / HISTORY).filter(Column("known"))
    keys = ("datastoreId", "imageSetId")
    last = Function("max", Column(f"{EARLIER}versionId")).alias("last")
    sets = history.aggregate([*map(Column, keys), last], ", ".join(f'"{one}"' for one in keys))
    joined = rows.set_alias("found").join(
        sets.set_alias("history"), same("found", "history", keys), how="left"
    )
    later = Coalesce(Column("found", "named") > Column("history", "last"), Constant(value=False))
    known = Column("history", "imageSetId").isnotnull() & ~later
    return joined.select(*columns, (Column("found", "imageSetId").isnull() | known).alias("known"))


def _code(verdict: Expression) -> Expression:
    return Case(verdict == Constant(Verdict.FAIL.value), Constant(_FAIL)).otherwise(Constant(_UNKNOWN))
