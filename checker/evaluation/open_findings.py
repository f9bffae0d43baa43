"""The findings that are open after a run, per rule and subject as the last run told that could tell: what the run found,
and of earlier runs what it did not look at or could not find out.

The file has a row for each open finding, known by `IDENTITY`. `verdict` is fail or unknown; a fail that could not be
found out since is a fail, unknown since `unknown_at`. `first_at` and `first_run` are the instant and the name of the run
since which it is open without a break that was judged, `judged_at` and `judged_run` those of the last run that found it
open or could not find out. Of an unknown `judged_before` says whether an earlier run had judged it. A row with the verdict `judged` and no subject says which
definition of a rule a target was last judged by, and in which run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from checker.evaluation.condition_compiler import tree
from checker.evaluation.scope_tables import SUBJECT, TABLES, read_table, subject
from checker.evaluation.waiver_columns import WAIVER
from checker.layout import FINDINGS
from checker.model import NO_RENAMES, Category, Renames, RuleScope, Verdict
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

IDENTITY = ("rule", "target", "datastoreId", "imageSetId", "named")
"""What makes two findings of two runs the same one; the version is part of it where it is part of the subject's name."""
JUDGED = "judged"
DEFINITION = "definition"
TERMS = ("verdict", "versionId", DEFINITION, "severity", "unwaived", "judged_before")
"""What else of a finding a later run compares."""
FIRST = ("first_at", "first_run")
"""The columns of findings that say since when they are open."""
FIRST_JUDGED = "first judged"
CHANGE = ("category", "causes")
"""Those that say what became of them since the run compared with, and why."""
_SUBJECT = IDENTITY[1:]
_TYPES = {
    "rule": "VARCHAR", "target": "VARCHAR", "datastoreId": "VARCHAR", "imageSetId": "VARCHAR", "named": "BIGINT",
    "verdict": "VARCHAR", "versionId": "BIGINT", DEFINITION: "VARCHAR", "severity": "VARCHAR", "unwaived": "BOOLEAN",
    "first_at": "TIMESTAMP", "first_run": "VARCHAR", "unknown_at": "TIMESTAMP", "unknown_run": "VARCHAR",
    "judged_at": "TIMESTAMP", "judged_run": "VARCHAR", "judged_before": "BOOLEAN",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleOfRun:
    """A rule that a run judged by: its name, its scope, the digest of its definition, its severity."""

    name: str
    scope: RuleScope
    definition: str
    severity: str


@dataclass(frozen=True, slots=True)
class RunFindings:
    """A run that judged: its folder with its findings and tables, its name and instant, and its rules. `before` is the
    file of the findings that were open before it. Of the severities in `within` its gate let through a number of fails,
    whichever they were: those that were new are not let stand."""

    folder: Path
    name: str
    as_of: datetime
    rules: Sequence[RuleOfRun]
    before: Path | None = None
    within: frozenset[str] = frozenset()


def write_open_findings(run: RunFindings, out: Path, renames: Renames = NO_RENAMES) -> None:
    """Writes the findings that are open after a run.

    Args:
        run: the run.
        out: the Parquet file.
        renames: names are written as they are now.
    """
    with connect() as connection:
        found = _found(connection, run)
        before = read_open_findings(connection, run.before) if run.before else _nothing(connection)
        earlier = before.filter(col("verdict") != lit(JUDGED))
        parts = [
            found.filter(col("verdict") == lit(Verdict.FAIL.value)),
            _unknown(found, earlier),
            _not_judged(connection, run, found, earlier),
            *_rules(connection, run, before),
        ]
        rows = tree(lambda left, right: left.union(right), [part.select(*_columns()) for part in parts])
        _write(rows, out, renames)


def reduce_open_findings(state: Path, run: RunFindings, out: Path, renames: Renames = NO_RENAMES) -> None:
    """Writes open findings without those that a run found fixed; what it found beside them is left out.

    Args:
        state: the file of the findings.
        run: the run.
        out: where they go, which may be that file.
        renames: names are written as they are now.
    """
    draft = out.with_name(f"{out.name}.part")
    with connect() as connection:
        before = read_open_findings(connection, state)
        found = with_identity(connection.read_parquet(duckdb_path(run.folder / FINDINGS)))
        earlier = before.filter(col("verdict") != lit(JUDGED))
        still = earlier.set_alias("before").join(
            found.set_alias("found"), same("before", "found", IDENTITY), how="semi"
        )
        rest = _not_judged(connection, run, found, earlier)
        rows = still.union(rest.select(*map(col, still.columns)))
        rows = rows.union(before.filter(col("verdict") == lit(JUDGED)))
        _write(rows, draft, renames)
    draft.replace(out)


def read_open_findings(connection: Connection, path: Path) -> Relation:
    """The rows of a file of open findings; a column that an earlier version did not write is null."""
    rows = connection.read_parquet(duckdb_path(path))
    there = set(rows.columns)
    return rows.select(
        *((col(name) if name in there else lit(None)).cast(kind).alias(name) for name, kind in _TYPES.items())
    )


def with_identity(findings: Relation) -> Relation:
    """Findings with the version that is part of the subject's name, null where none is."""
    named: Expression = case(col("exact"), col("versionId"))
    return findings.select(*map(col, findings.columns), named.alias("named"))


def _write(rows: Relation, out: Path, renames: Renames) -> None:
    named = _renamed(rows, renames) if renames else rows
    order = ", ".join(f'"{name}"' for name in (*IDENTITY, "verdict"))
    named.order(order).write_parquet(str(out.resolve()), compression="zstd")


def run_subjects(connection: Connection, folder: Path, scope: RuleScope, *names: str) -> Relation:
    """The subjects of a scope that a run judged, each once, by columns of their identity: all of them unless some are
    named; none where the run has no such table."""
    wanted = names or _SUBJECT
    if not (folder / TABLES[scope]).exists():
        return _nothing(connection).select(*map(col, wanted))
    columns = dict(zip(SUBJECT, subject(scope), strict=True))
    columns["named"] = case(columns["exact"], columns["versionId"])
    rows = read_table(connection, folder, scope)
    return rows.select(*(columns[name].alias(name) for name in wanted)).distinct()


def with_cover(rows: Relation, findings: Relation) -> Relation:
    """Rows by identity with the column `covered`: whether a run could not find out of all of a target, or of all versions
    of an image set, of which the row is one.

    Args:
        rows: what is looked for.
        findings: the run's findings, with their identity.
    """
    unknown = findings.filter(col("verdict") == lit(Verdict.UNKNOWN.value))
    whole = unknown.filter(col("imageSetId").isnull()).select(col("rule"), col("target")).distinct()
    lists = unknown.filter(col("imageSetId").isnotnull() & col("named").isnull())
    sets = lists.select(*map(col, IDENTITY[:-1])).distinct()
    columns = rows.columns
    joined = rows.set_alias("rows").join(
        whole.set_alias("whole"), same("rows", "whole", ("rule", "target")), how="left"
    )
    of_target = col("whole", "rule").isnotnull().alias("of_target")
    rows = joined.select(*(col("rows", name).alias(name) for name in columns), of_target)
    joined = rows.set_alias("rows").join(
        sets.set_alias("sets"), same("rows", "sets", IDENTITY[:-1]), how="left"
    )
    of_list = col("sets", "rule").isnotnull() & col("rows", "named").isnotnull()
    covered = (col("rows", "of_target") | of_list).alias("covered")
    return joined.select(*(col("rows", name).alias(name) for name in columns), covered)


def with_lists(connection: Connection, rows: Relation, folder: Path, names: Sequence[str]) -> Relation:
    """Rows by identity with the column `listed`: whether a run judged versions of the image set of a row that is of all of
    them.

    Args:
        connection: a connection.
        rows: what is looked for.
        folder: the run's folder.
        names: the names of the run's rules on versions.
    """
    columns = [col("rows", name).alias(name) for name in rows.columns]
    if not names:
        return rows.select(*map(col, rows.columns), false().alias("listed"))
    keys = IDENTITY[1:-1]
    sets = run_subjects(connection, folder, "version", *keys).distinct().set_alias("sets")
    joined = rows.set_alias("rows").join(sets, same("rows", "sets", keys), how="left")
    own = col("rows", "rule").isin(*map(lit, names)) & col("rows", "named").isnull()
    there = col("sets", "target").isnotnull() & col("rows", "imageSetId").isnotnull()
    return joined.select(*columns, (own & there).alias("listed"))


def _nothing(connection: Connection) -> Relation:
    none = connection.values([1]).filter(false())
    return none.select(*(null(kind).alias(name) for name, kind in _TYPES.items()))


def _columns() -> list[Expression]:
    return [col(name).cast(kind).alias(name) for name, kind in _TYPES.items()]


def _found(connection: Connection, run: RunFindings) -> Relation:
    """The run's own findings."""
    rows = with_identity(connection.read_parquet(duckdb_path(run.folder / FINDINGS)))
    there = set(rows.columns)
    if run.within:
        rows = rows.filter(~_let_through(there, run.within))
    name, moment = lit(run.name), instant(run.as_of)
    values: dict[str, Expression] = {
        "unwaived": col(WAIVER).isnull() if WAIVER in there else true(),
        "first_at": coalesce(col("first_at"), moment) if "first_at" in there else moment,
        # the run that wrote it did not know yet what it would be called
        "first_run": coalesce(col("first_run"), name) if "first_run" in there else name,
        "unknown_at": lit(None),
        "unknown_run": lit(None),
        "judged_at": moment,
        "judged_run": name,
        "judged_before": _judged_before(there),
    }
    return rows.select(
        *(values.get(column, col(column)).cast(kind).alias(column) for column, kind in _TYPES.items())
    )


def _judged_before(columns: Collection[str]) -> Expression:
    """Whether an unknown of a run was judged in the run that it was compared with."""
    if CHANGE[0] not in columns:
        return lit(None)
    new = col(CHANGE[0]) == lit(Category.NEW.value)
    return coalesce(new & (col(CHANGE[1]) != lit(FIRST_JUDGED)), false())


def _let_through(columns: Collection[str], severities: Collection[str]) -> Expression:
    """Whether a finding is a fail that a gate let through within a maximum, and not because it was there before."""
    fail = col("verdict") == lit(Verdict.FAIL.value)
    among = col("severity").isin(*map(lit, sorted(severities)))
    new = true()
    if CHANGE[0] in columns:
        new = coalesce(col(CHANGE[0]) == lit(Category.NEW.value), true())
    unwaived = col(WAIVER).isnull() if WAIVER in columns else true()
    return fail & among & new & unwaived


def _unknown(found: Relation, earlier: Relation) -> Relation:
    """What the run could not find out: a fail that was open before stays one."""
    unknown = found.filter(col("verdict") == lit(Verdict.UNKNOWN.value)).set_alias("found")
    joined = unknown.join(earlier.set_alias("before"), same("found", "before", IDENTITY), how="left")
    failed = coalesce(col("before", "verdict") == lit(Verdict.FAIL.value), false())
    values = {name: case(failed, col("before", name)).otherwise(col("found", name)) for name in _TYPES}
    for kind in ("at", "run"):
        values[f"unknown_{kind}"] = case(failed, col("found", f"first_{kind}"))
        values[f"judged_{kind}"] = col("found", f"judged_{kind}")
    values["judged_before"] = coalesce(col("before", "judged_before"), col("found", "judged_before"))
    return joined.select(*(value.alias(name) for name, value in values.items()))


def _not_judged(connection: Connection, run: RunFindings, found: Relation, earlier: Relation) -> Relation:
    """What was open before, and the run did not look at."""
    rows = earlier.set_alias("before").join(
        found.set_alias("found"), same("before", "found", IDENTITY), how="anti"
    )
    for scope, names in _by_scope(run.rules).items():
        judged = run_subjects(connection, run.folder, scope).set_alias("judged")
        here = col("rule").isin(*map(lit, names))
        looked_at = rows.filter(here).set_alias("before").join(judged, same("before", "judged", _SUBJECT), how="anti")  # fmt: skip
        rows = rows.filter(~here).union(looked_at)
    lists = with_lists(connection, rows, run.folder, _by_scope(run.rules).get("version", []))
    return lists.filter(~col("listed")).select(*map(col, rows.columns))


def _rules(connection: Connection, run: RunFindings, before: Relation) -> list[Relation]:
    """By which definition each target was judged last."""
    earlier = before.filter(col("verdict") == lit(JUDGED))
    own = []
    for scope in _by_scope(run.rules):
        targets = run_subjects(connection, run.folder, scope, "target")
        for rule in (item for item in run.rules if item.scope == scope):
            said = {
                "rule": lit(rule.name), "target": col("target"), "verdict": lit(JUDGED),
                DEFINITION: lit(rule.definition), "severity": lit(rule.severity),
                "judged_at": instant(run.as_of), "judged_run": lit(run.name),
            }  # fmt: skip
            own.append(
                targets.select(
                    *(said.get(name, lit(None)).cast(kind).alias(name) for name, kind in _TYPES.items())
                )
            )
    if not own:
        return [earlier]
    judged = tree(lambda left, right: left.union(right), own)
    names = ("rule", "target")
    others = earlier.set_alias("before").join(
        judged.set_alias("judged"), same("before", "judged", names), how="anti"
    )
    return [judged, others]


def _by_scope(rules: Sequence[RuleOfRun]) -> dict[RuleScope, list[str]]:
    found: dict[RuleScope, list[str]] = {}
    for rule in rules:
        found.setdefault(rule.scope, []).append(rule.name)
    return found


def _renamed(rows: Relation, renames: Renames) -> Relation:
    """The rows by the names of now. Where both names have one, that of now goes."""
    rule, target = col("rule"), col("target")
    whole: list[tuple[Expression, Expression]] = [
        (rule == lit(old), lit(new)) for new, old in renames.rules.items()
    ]
    for new, old in renames.packs.items():
        tail = func("substr", rule, lit(len(old) + 1))
        whole.append((func("starts_with", rule, lit(f"{old}/")), func("concat", lit(new), tail)))
    parts: list[tuple[Expression, Expression]] = []
    for new, old in renames.targets.items():
        parts.append((target == lit(old), lit(new)))
        tail = func("substr", target, lit(len(old) + 1))
        parts.append((func("starts_with", target, lit(f"{old}/")), func("concat", lit(new), tail)))
    changed = {"rule": _choose(rule, whole), "target": _choose(target, parts)}
    is_new = (changed["rule"] == rule) & (changed["target"] == target)
    named = rows.select(
        *(changed.get(name, col(name)).alias(name) for name in _TYPES), is_new.alias("is_new")
    )
    keys = [*map(col, IDENTITY), col("verdict") == lit(JUDGED)]
    since = [
        func("first_value", col(name)).over(partition_by=keys, order_by=[col("first_at").asc()]).alias(name)
        for name in FIRST
    ]
    place = func("row_number").over(partition_by=keys, order_by=[col("is_new").desc(), col("verdict").asc(), col("first_at").asc()])  # fmt: skip
    columns = [col(name) for name in _TYPES if name not in FIRST]
    placed = named.select(*columns, *since, place.alias("place")).filter(col("place") == lit(1))
    return placed.select(*_columns())


def _choose(otherwise: Expression, cases: Sequence[tuple[Expression, Expression]]) -> Expression:
    if not cases:
        return otherwise
    first, *rest = cases
    value = case(*first)
    for pair in rest:
        value = value.when(*pair)
    return value.otherwise(otherwise)


def instant(moment: datetime) -> Expression:
    """An instant as DuckDB has it: UTC without a zone."""
    return lit(moment.astimezone(UTC).replace(tzinfo=None)).cast("TIMESTAMP")
