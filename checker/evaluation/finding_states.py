"""What a subject is to a rule, as one small number: its verdict, and whether a waiver lets it go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from pathlib import Path

from checker.evaluation.condition_compiler import CODES, NO_AGGREGATES, Columns, tree
from checker.evaluation.engine import table
from checker.evaluation.scope_tables import SUBJECT, subject
from checker.evaluation.target_rows import OF_TARGET, row_verdict
from checker.evaluation.waiver_columns import WAIVER, waiver_columns
from checker.model import Factor, Label, Rule, RuleScope, Verdict, Waiver
from checker.snapshot.writer import ROW, duckdb_path
from checker.sql import Connection, Expression, Relation, case, col, false, func, lit, null, same

WAIVED = 4
"""What a waiver adds to the code of a verdict."""
NO_FINDING = 9
"""The state of what a run's findings do not name: it may have passed, or the rule did not apply."""
FOUND = (CODES[Verdict.FAIL], CODES[Verdict.UNKNOWN])
FINDINGS = (*FOUND, *(code + WAIVED for code in FOUND))
"""The states that are findings."""
KEY = ("target", "datastoreId", "imageSetId", "named")
"""What a subject is known by in two runs; `named` is its version where that is part of its name."""


ENTRY = "entry"
"""The column with a rule's place among the entries."""
_NUMBER = "subject number"


@dataclass(frozen=True, slots=True)
class FindingState:
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


STATES: Mapping[int | None, FindingState] = {
    None: FindingState(None, judged=False),
    NO_FINDING: FindingState(None),
    **{code: FindingState(word) for word, code in CODES.items()},
    **{code + WAIVED: FindingState(word, waived=True) for word, code in CODES.items()},
}


@dataclass(frozen=True, slots=True)
class EvaluationTerms:
    """One way to judge: by which rules and waivers, at which instant. `folder` has the snapshot that the rules need, with
    these labels."""

    folder: Path
    rules: Sequence[Rule]
    as_of: datetime
    waivers: Sequence[Waiver] = ()
    labels: Mapping[str, Label] = field(default_factory=dict)
    reference: Path | None = None


@dataclass(frozen=True, slots=True)
class ComparedRule:
    """A rule of either run, and the factors in which the runs differ for it."""

    name: str
    scope: RuleScope
    factors: frozenset[Factor]

    def rule(self, way: EvaluationTerms) -> Rule | None:
        """The rule as one way has it; None where it has none of this name and scope."""
        return next((item for item in way.rules if (item.name, item.scope) == (self.name, self.scope)), None)


def state(rule: Rule, way: EvaluationTerms, columns: Columns = NO_AGGREGATES) -> Expression:
    """The state of each row."""
    code = row_verdict(rule, way.as_of, columns)
    if rule.scope != "datastore":
        # a target of which nothing is left open was looked at
        code = case(OF_TARGET & code.isnull(), lit(NO_FINDING)).otherwise(code).cast("TINYINT")
    own = [waiver for waiver in way.waivers if waiver.rule == rule.name and waiver.in_force(way.as_of)]
    if not own:
        return code
    covered = waiver_columns(rule, code, way.as_of, own, way.labels)[0]
    return case(covered.isnotnull(), code + lit(WAIVED)).otherwise(code).cast("TINYINT")


def states(
    connection: Connection, way: EvaluationTerms, scope: RuleScope, chosen: Mapping[int, Rule], prefix: str
) -> Relation:
    """A row for each subject of a scope: who it is, and its state by each rule in a column of the rule's number, all of
    them after a prefix."""
    rows, columns = table(connection, way.folder, scope, chosen.values(), way.as_of)
    judged = [state(rule, way, columns).alias(f"{prefix}{index}") for index, rule in chosen.items()]
    return rows.select(*(item.alias(prefix + name) for name, item in subject_columns(scope).items()), *judged)


def subject_columns(scope: RuleScope) -> dict[str, Expression]:
    """The columns of a subject by name, and the version that is part of its name."""
    columns = dict(zip(SUBJECT, subject(scope), strict=True))
    return columns | {"named": case(columns["exact"], columns["versionId"]).alias("named")}


def recorded_states(
    connection: Connection, findings: Path, names: Iterable[str], more: Iterable[str] = ()
) -> Relation:
    """The findings that a run kept, by the rule's place among names, with their states and some more columns."""
    rows = connection.read_parquet(duckdb_path(findings))
    listed = func("list_value", *map(lit, names))
    number = func("list_position", listed, col("rule")) - lit(1)
    waived = col(WAIVER).isnotnull() if WAIVER in rows.columns else false()
    code = case(col("verdict") == lit(Verdict.FAIL.value), lit(FOUND[0])).otherwise(lit(FOUND[1]))
    coded = case(waived, code + lit(WAIVED)).otherwise(code).cast("TINYINT").alias("code")
    named = case(col("exact"), col("versionId")).alias("named")
    there = set(rows.columns)
    # an earlier version of the checker did not write all of them
    others = [col(name) if name in there else lit(None).alias(name) for name in more]
    return rows.select(number.cast("INTEGER").alias("entry"), coded, *map(col, SUBJECT), named, *others)


def with_state(
    connection: Connection,
    wanted: Relation,
    way: EvaluationTerms,
    entries: Sequence[ComparedRule],
    column: str,
) -> Relation:
    """Entries and subjects with their state by some way of judging in one more column: null where the rule does not
    judge the subject."""
    asked = {row[0] for row in wanted.select(col(ENTRY)).distinct().fetchall()}
    rules = {index: rule for index in asked if (rule := entries[index].rule(way)) is not None}
    none = [index for index in asked if index not in rules]
    state_column = null("TINYINT").alias(column)
    rest = wanted.filter(_any(none)).select(*map(col, wanted.columns), state_column)
    parts = [rest]
    for scope in dict.fromkeys(rule.scope for rule in rules.values()):
        here = {index: rule for index, rule in rules.items() if rule.scope == scope}
        parts.append(_restated(connection, wanted.filter(_any(here)), way, here, column))
    tree(lambda left, right: left.union(right), parts).to_table(f"with_{column}")
    return connection.table(f"with_{column}")


def _restated(
    connection: Connection,
    wanted: Relation,
    way: EvaluationTerms,
    rules: Mapping[int, Rule],
    column: str,
) -> Relation:
    """As `restated`, of the rules of one scope, which judge the wanted subjects alone."""
    scope = next(iter(rules.values())).scope
    rows, aggregates = table(connection, way.folder, scope, rules.values(), way.as_of)
    subjects = wanted.select(*map(col, KEY)).distinct().set_alias("wanted")
    keys = [item.alias(f"k {name}") for name, item in subject_columns(scope).items() if name in KEY]
    keyed = rows.select(col(ROW).alias(_NUMBER), *keys).set_alias("keyed")
    numbers = keyed.join(subjects, same("keyed.k ", "wanted", KEY), how="semi").set_alias("numbers")
    joined = rows.set_alias("rows").join(numbers, f'rows."{ROW}" = numbers."{_NUMBER}"')
    judged = [state(rule, way, aggregates).alias(f"s{index}") for index, rule in rules.items()]
    known = joined.select(*(col(f"k {name}") for name in KEY), *judged).set_alias("known")
    beside = wanted.set_alias("wanted").join(known, same("wanted", "known.k ", KEY), how="left")
    first, *others = ((col(ENTRY) == lit(index), col(f"s{index}")) for index in rules)
    said = reduce(lambda case, branch: case.when(*branch), others, case(*first))
    return beside.select(*map(col, wanted.columns), said.cast("TINYINT").alias(column))


def _any(indexes: Iterable[int]) -> Expression:
    every = [lit(index) for index in indexes]
    return col(ENTRY).isin(*every) if every else false()
