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

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.compile import tree
from checker.evaluation.scope_tables import SUBJECT, TABLES, read_table, subject
from checker.evaluation.waiver_columns import WAIVER
from checker.layout import FINDINGS
from checker.model import NO_RENAMES, Category, Renames, RuleScope, Verdict
from checker.snapshot.writer import connect, duckdb_path

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
class JudgedRule:
    """A rule that a run judged by: its name, its scope, the digest of its definition, its severity."""

    name: str
    scope: RuleScope
    definition: str
    severity: str


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run that judged: its folder with its findings and tables, its name and instant, and its rules. `before` is the
    file of the findings that were open before it. Of the severities in `within` its gate let through a number of fails,
    whichever they were: those that were new are not let stand."""

    folder: Path
    name: str
    as_of: datetime
    rules: Sequence[JudgedRule]
    before: Path | None = None
    within: frozenset[str] = frozenset()


def write_open_findings(run: JudgedRun, out: Path, renames: Renames = NO_RENAMES) -> None:
    """Writes the findings that are open after a run.

    Args:
        run: the run.
        out: the Parquet file.
        renames: names are written as they are now.
    """
    with connect() as connection:
        found = _found(connection, run)
        before = read_open_findings(connection, run.before) if run.before else _nothing(connection)
        earlier = before.filter(Column("verdict") != Constant(JUDGED))
        parts = [
            found.filter(Column("verdict") == Constant(Verdict.FAIL.value)),
            _unknown(found, earlier),
            _not_judged(connection, run, found, earlier),
            *_rules(connection, run, before),
        ]
        rows = tree(lambda left, right: left.union(right), [part.select(*_columns()) for part in parts])
        _write(rows, out, renames)


def settle(state: Path, run: JudgedRun, out: Path, renames: Renames = NO_RENAMES) -> None:
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
        found = identified(connection.read_parquet(duckdb_path(run.folder / FINDINGS)))
        earlier = before.filter(Column("verdict") != Constant(JUDGED))
        still = earlier.set_alias("before").join(
            found.set_alias("found"), same("before", "found"), how="semi"
        )
        rest = _not_judged(connection, run, found, earlier)
        rows = still.union(rest.select(*map(Column, still.columns)))
        rows = rows.union(before.filter(Column("verdict") == Constant(JUDGED)))
        _write(rows, draft, renames)
    draft.replace(out)


def read_open_findings(connection: DuckDBPyConnection, path: Path) -> DuckDBPyRelation:
    """The rows of a file of open findings; a column that an earlier version did not write is null."""
    rows = connection.read_parquet(duckdb_path(path))
    there = set(rows.columns)
    return rows.select(
        *(
            (Column(name) if name in there else Constant(None)).cast(kind).alias(name)
            for name, kind in _TYPES.items()
        )
    )


def identified(findings: DuckDBPyRelation) -> DuckDBPyRelation:
    """Findings with the version that is part of the subject's name, null where none is."""
    named: Expression = Case(Column("exact"), Column("versionId"))
    return findings.select(*map(Column, findings.columns), named.alias("named"))


def same(left: str, right: str, names: Sequence[str] = IDENTITY) -> str:
    """That two relations have the same values in columns of our own names."""
    return " AND ".join(f'{left}."{name}" IS NOT DISTINCT FROM {right}."{name}"' for name in names)


def _write(rows: DuckDBPyRelation, out: Path, renames: Renames) -> None:
    named = _renamed(rows, renames) if renames else rows
    order = ", ".join(f'"{name}"' for name in (*IDENTITY, "verdict"))
    named.order(order).write_parquet(str(out.resolve()), compression="zstd")


def judged_subjects(
    connection: DuckDBPyConnection, folder: Path, scope: RuleScope, *names: str
) -> DuckDBPyRelation:
    """The subjects of a scope that a run judged, each once, by columns of their identity: all of them unless some are
    named; none where the run has no such table."""
    wanted = names or _SUBJECT
    if not (folder / TABLES[scope]).exists():
        return _nothing(connection).select(*map(Column, wanted))
    columns = dict(zip(SUBJECT, subject(scope), strict=True))
    columns["named"] = Case(columns["exact"], columns["versionId"])
    rows = read_table(connection, folder, scope)
    return rows.select(*(columns[name].alias(name) for name in wanted)).distinct()


def with_cover(rows: DuckDBPyRelation, findings: DuckDBPyRelation) -> DuckDBPyRelation:
    """Rows by identity with the column `covered`: whether a run could not find out of all of a target, or of all versions
    of an image set, of which the row is one.

    Args:
        rows: what is looked for.
        findings: the run's findings, with their identity.
    """
    unknown = findings.filter(Column("verdict") == Constant(Verdict.UNKNOWN.value))
    whole = unknown.filter(Column("imageSetId").isnull()).select(Column("rule"), Column("target")).distinct()
    lists = unknown.filter(Column("imageSetId").isnotnull() & Column("named").isnull())
    sets = lists.select(*map(Column, IDENTITY[:-1])).distinct()
    columns = rows.columns
    joined = rows.set_alias("rows").join(
        whole.set_alias("whole"), same("rows", "whole", ("rule", "target")), how="left"
    )
    of_target = Column("whole", "rule").isnotnull().alias("of_target")
    rows = joined.select(*(Column("rows", name).alias(name) for name in columns), of_target)
    joined = rows.set_alias("rows").join(
        sets.set_alias("sets"), same("rows", "sets", IDENTITY[:-1]), how="left"
    )
    of_list = Column("sets", "rule").isnotnull() & Column("rows", "named").isnotnull()
    covered = (Column("rows", "of_target") | of_list).alias("covered")
    return joined.select(*(Column("rows", name).alias(name) for name in columns), covered)


def with_lists(
    connection: DuckDBPyConnection, rows: DuckDBPyRelation, folder: Path, names: Sequence[str]
) -> DuckDBPyRelation:
    """Rows by identity with the column `listed`: whether a run judged versions of the image set of a row that is of all of
    them.

    Args:
        connection: a connection.
        rows: what is looked for.
        folder: the run's folder.
        names: the names of the run's rules on versions.
    """
    columns = [Column("rows", name).alias(name) for name in rows.columns]
    if not names:
        return rows.select(*map(Column, rows.columns), Constant(value=False).alias("listed"))
    keys = IDENTITY[1:-1]
    sets = judged_subjects(connection, folder, "version", *keys).distinct().set_alias("sets")
    joined = rows.set_alias("rows").join(sets, same("rows", "sets", keys), how="left")
    own = Column("rows", "rule").isin(*map(Constant, names)) & Column("rows", "named").isnull()
    there = Column("sets", "target").isnotnull() & Column("rows", "imageSetId").isnotnull()
    return joined.select(*columns, (own & there).alias("listed"))


def _nothing(connection: DuckDBPyConnection) -> DuckDBPyRelation:
    none = connection.values([1]).filter(Constant(value=False))
    return none.select(*(Constant(None).cast(kind).alias(name) for name, kind in _TYPES.items()))


def _columns() -> list[Expression]:
    return [Column(name).cast(kind).alias(name) for name, kind in _TYPES.items()]


def _found(connection: DuckDBPyConnection, run: JudgedRun) -> DuckDBPyRelation:
    """The run's own findings."""
    rows = identified(connection.read_parquet(duckdb_path(run.folder / FINDINGS)))
    there = set(rows.columns)
    if run.within:
        rows = rows.filter(~_let_through(there, run.within))
    name, moment = Constant(run.name), instant(run.as_of)
    values: dict[str, Expression] = {
        "unwaived": Column(WAIVER).isnull() if WAIVER in there else Constant(value=True),
        "first_at": Coalesce(Column("first_at"), moment) if "first_at" in there else moment,
        # the run that wrote it did not know yet what it would be called
        "first_run": Coalesce(Column("first_run"), name) if "first_run" in there else name,
        "unknown_at": Constant(None),
        "unknown_run": Constant(None),
        "judged_at": moment,
        "judged_run": name,
        "judged_before": _judged_before(there),
    }
    return rows.select(
        *(values.get(column, Column(column)).cast(kind).alias(column) for column, kind in _TYPES.items())
    )


def _judged_before(columns: Collection[str]) -> Expression:
    """Whether an unknown of a run was judged in the run that it was compared with."""
    if CHANGE[0] not in columns:
        return Constant(None)
    new = Column(CHANGE[0]) == Constant(Category.NEW.value)
    return Coalesce(new & (Column(CHANGE[1]) != Constant(FIRST_JUDGED)), Constant(value=False))


def _let_through(columns: Collection[str], severities: Collection[str]) -> Expression:
    """Whether a finding is a fail that a gate let through within a maximum, and not because it was there before."""
    fail = Column("verdict") == Constant(Verdict.FAIL.value)
    among = Column("severity").isin(*map(Constant, sorted(severities)))
    new = Constant(value=True)
    if CHANGE[0] in columns:
        new = Coalesce(Column(CHANGE[0]) == Constant(Category.NEW.value), Constant(value=True))
    unwaived = Column(WAIVER).isnull() if WAIVER in columns else Constant(value=True)
    return fail & among & new & unwaived


def _unknown(found: DuckDBPyRelation, earlier: DuckDBPyRelation) -> DuckDBPyRelation:
    """What the run could not find out: a fail that was open before stays one."""
    unknown = found.filter(Column("verdict") == Constant(Verdict.UNKNOWN.value)).set_alias("found")
    joined = unknown.join(earlier.set_alias("before"), same("found", "before"), how="left")
    failed = Coalesce(Column("before", "verdict") == Constant(Verdict.FAIL.value), Constant(value=False))
    values = {name: Case(failed, Column("before", name)).otherwise(Column("found", name)) for name in _TYPES}
    for kind in ("at", "run"):
        values[f"unknown_{kind}"] = Case(failed, Column("found", f"first_{kind}"))
        values[f"judged_{kind}"] = Column("found", f"judged_{kind}")
    values["judged_before"] = Coalesce(Column("before", "judged_before"), Column("found", "judged_before"))
    return joined.select(*(value.alias(name) for name, value in values.items()))


def _not_judged(
    connection: DuckDBPyConnection, run: JudgedRun, found: DuckDBPyRelation, earlier: DuckDBPyRelation
) -> DuckDBPyRelation:
    """What was open before, and the run did not look at."""
    rows = earlier.set_alias("before").join(found.set_alias("found"), same("before", "found"), how="anti")
    for scope, names in _by_scope(run.rules).items():
        judged = judged_subjects(connection, run.folder, scope).set_alias("judged")
        here = Column("rule").isin(*map(Constant, names))
        looked_at = rows.filter(here).set_alias("before").join(judged, same("before", "judged", _SUBJECT), how="anti")  # fmt: skip
        rows = rows.filter(~here).union(looked_at)
    lists = with_lists(connection, rows, run.folder, _by_scope(run.rules).get("version", []))
    return lists.filter(~Column("listed")).select(*map(Column, rows.columns))


def _rules(
    connection: DuckDBPyConnection, run: JudgedRun, before: DuckDBPyRelation
) -> list[DuckDBPyRelation]:
    """By which definition each target was judged last."""
    earlier = before.filter(Column("verdict") == Constant(JUDGED))
    own = []
    for scope in _by_scope(run.rules):
        targets = judged_subjects(connection, run.folder, scope, "target")
        for rule in (one for one in run.rules if one.scope == scope):
            said = {
                "rule": Constant(rule.name), "target": Column("target"), "verdict": Constant(JUDGED),
                DEFINITION: Constant(rule.definition), "severity": Constant(rule.severity),
                "judged_at": instant(run.as_of), "judged_run": Constant(run.name),
            }  # fmt: skip
            own.append(
                targets.select(
                    *(said.get(name, Constant(None)).cast(kind).alias(name) for name, kind in _TYPES.items())
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


def _by_scope(rules: Sequence[JudgedRule]) -> dict[RuleScope, list[str]]:
    found: dict[RuleScope, list[str]] = {}
    for rule in rules:
        found.setdefault(rule.scope, []).append(rule.name)
    return found


def _renamed(rows: DuckDBPyRelation, renames: Renames) -> DuckDBPyRelation:
    """The rows by the names of now. Where both names have one, that of now goes."""
    rule, target = Column("rule"), Column("target")
    whole: list[tuple[Expression, Expression]] = [
        (rule == Constant(old), Constant(new)) for new, old in renames.rules.items()
    ]
    for new, old in renames.packs.items():
        tail = Function("substr", rule, Constant(len(old) + 1))
        whole.append(
            (Function("starts_with", rule, Constant(f"{old}/")), Function("concat", Constant(new), tail))
        )
    parts: list[tuple[Expression, Expression]] = []
    for new, old in renames.targets.items():
        parts.append((target == Constant(old), Constant(new)))
        tail = Function("substr", target, Constant(len(old) + 1))
        parts.append(
            (Function("starts_with", target, Constant(f"{old}/")), Function("concat", Constant(new), tail))
        )
    changed = {"rule": _choose(rule, whole), "target": _choose(target, parts)}
    is_new = (changed["rule"] == rule) & (changed["target"] == target)
    named = rows.select(
        *(changed.get(name, Column(name)).alias(name) for name in _TYPES), is_new.alias("is_new")
    )
    keys = [*map(Column, IDENTITY), Column("verdict") == Constant(JUDGED)]
    since = [
        Function("first_value", Column(name))
        .over(partition_by=keys, order_by=[Column("first_at").asc()])
        .alias(name)
        for name in FIRST
    ]
    place = Function("row_number").over(partition_by=keys, order_by=[Column("is_new").desc(), Column("verdict").asc(), Column("first_at").asc()])  # fmt: skip
    columns = [Column(name) for name in _TYPES if name not in FIRST]
    placed = named.select(*columns, *since, place.alias("place")).filter(Column("place") == Constant(1))
    return placed.select(*_columns())


def _choose(otherwise: Expression, cases: Sequence[tuple[Expression, Expression]]) -> Expression:
    if not cases:
        return otherwise
    first, *rest = cases
    case = Case(*first)
    for one in rest:
        case = case.when(*one)
    return case.otherwise(otherwise)


def instant(moment: datetime) -> Expression:
    """An instant as DuckDB has it: UTC without a zone."""
    return Constant(moment.astimezone(UTC).replace(tzinfo=None)).cast("TIMESTAMP")
