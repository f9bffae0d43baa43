"""What a subject is to a rule, as one small number: its verdict, and whether a waiver lets it go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.compile import CODES, NO_AGGREGATES, Columns
from checker.evaluation.engine import table
from checker.evaluation.scope_tables import SUBJECT, subject
from checker.evaluation.target_rows import OF_TARGET
from checker.evaluation.target_rows import judged as verdict
from checker.evaluation.waiver_columns import WAIVER, waiver_columns
from checker.model import Label, Rule, RuleScope, Verdict, Waiver
from checker.snapshot.writer import duckdb_path

WAIVED = 4
"""What a waiver adds to the code of a verdict."""
NO_FINDING = 9
"""The state of what a run's findings do not name: it may have passed, or the rule did not apply."""
FOUND = (CODES[Verdict.FAIL], CODES[Verdict.UNKNOWN])
FINDINGS = (*FOUND, *(code + WAIVED for code in FOUND))
"""The states that are findings."""
KEY = ("target", "datastoreId", "imageSetId", "named")
"""What a subject is known by in two runs; `named` is its version where that is part of its name."""


@dataclass(frozen=True, slots=True)
class State:
    """A verdict and whether it is waived; without a verdict `judged` says whether there was one at all."""

    verdict: Verdict | None
    waived: bool = False
    judged: bool = True

    @property
    def words(self) -> str:
        """As reports say it: `fail`, `fail (waived)`, `no finding`, `not judged`."""
        if self.verdict is None:
            return "no finding" if self.judged else "not judged"
        return f"{self.verdict.value.replace('_', ' ')}{' (waived)' if self.waived else ''}"


STATES: Mapping[int | None, State] = {
    None: State(None, judged=False),
    NO_FINDING: State(None),
    **{code: State(word) for word, code in CODES.items()},
    **{code + WAIVED: State(word, waived=True) for word, code in CODES.items()},
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to judge: by which rules and waivers, at which instant. `folder` has the snapshot that the rules need, with
    these labels."""

    folder: Path
    rules: Sequence[Rule]
    as_of: datetime
    waivers: Sequence[Waiver] = ()
    labels: Mapping[str, Label] = field(default_factory=dict)
    reference: Path | None = None


def state(rule: Rule, way: Way, columns: Columns = NO_AGGREGATES) -> Expression:
    """The state of each row."""
    code = verdict(rule, way.as_of, columns)
    if rule.scope != "datastore":
        # a target of which nothing is left open was looked at
        code = Case(OF_TARGET & code.isnull(), Constant(NO_FINDING)).otherwise(code).cast("TINYINT")
    own = [one for one in way.waivers if one.rule == rule.name and one.in_force(way.as_of)]
    if not own:
        return code
    covered = waiver_columns(rule, code, way.as_of, own, way.labels)[0]
    return Case(covered.isnotnull(), code + Constant(WAIVED)).otherwise(code).cast("TINYINT")


def states(
    connection: DuckDBPyConnection, way: Way, scope: RuleScope, chosen: Mapping[int, Rule], prefix: str
) -> DuckDBPyRelation:
    """A row for each subject of a scope: who it is, and its state by each rule in a column of the rule's number, all of
    them after a prefix."""
    rows, columns = table(connection, way.folder, scope, chosen.values(), way.as_of)
    judged = [state(rule, way, columns).alias(f"{prefix}{index}") for index, rule in chosen.items()]
    return rows.select(*(one.alias(prefix + name) for name, one in who(scope).items()), *judged)


def who(scope: RuleScope) -> dict[str, Expression]:
    """The columns of a subject by name, and the version that is part of its name."""
    columns = dict(zip(SUBJECT, subject(scope), strict=True))
    return columns | {"named": Case(columns["exact"], columns["versionId"]).alias("named")}


def kept_states(
    connection: DuckDBPyConnection, findings: Path, names: Iterable[str], more: Iterable[str] = ()
) -> DuckDBPyRelation:
    """The findings that a run kept, by the rule's place among names, with their states and some more columns."""
    rows = connection.read_parquet(duckdb_path(findings))
    listed = Function("list_value", *map(Constant, names))
    number = Function("list_position", listed, Column("rule")) - Constant(1)
    waived = Column(WAIVER).isnotnull() if WAIVER in rows.columns else Constant(value=False)
    code = Case(Column("verdict") == Constant(Verdict.FAIL.value), Constant(FOUND[0])).otherwise(
        Constant(FOUND[1])
    )
    coded = Case(waived, code + Constant(WAIVED)).otherwise(code).cast("TINYINT").alias("code")
    named = Case(Column("exact"), Column("versionId")).alias("named")
    there = set(rows.columns)
    # an earlier version of the checker did not write all of them
    others = [Column(name) if name in there else Constant(None).alias(name) for name in more]
    return rows.select(number.cast("INTEGER").alias("entry"), coded, *map(Column, SUBJECT), named, *others)
