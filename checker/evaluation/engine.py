"""One pass of the rules over the table of their scope: tallies, and a Parquet file of the fails and unknowns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from pathlib import Path
from types import MappingProxyType

from checker.evaluation.aggregates import datastore_rows
from checker.evaluation.condition_compiler import CODES, Columns, tree
from checker.evaluation.field_expressions import is_received, text_value
from checker.evaluation.finding_arns import arn, with_arns
from checker.evaluation.open_findings import CHANGE, DEFINITION, FIRST, instant
from checker.evaluation.provenance import ANSWERS, ReadFields, rests_on
from checker.evaluation.scope_tables import read_table, subject
from checker.evaluation.target_rows import row_reason, row_verdict, with_firsts
from checker.evaluation.waiver_columns import LAPSED, WAIVER, no_number, waiver_columns
from checker.fields import FOUND_FIELD
from checker.layout import FINDINGS
from checker.model import Field, Label, Rule, RuleScope, Source, Tally, Type, Verdict, Waiver
from checker.policy.aggregates import aggregates
from checker.policy.rule_digest import rule_digest
from checker.snapshot.writer import ROW, connect, duckdb_path
from checker.sql import Connection, Expression, Relation, case, coalesce, col, false, func, lit, null

SLICE = 20_000
"""Findings in a row group, and in memory at a time."""

UNRECEIVED = "unreceived"
"""The column of findings that names the fields of answers that were not received."""
_FOUND_OUT = (Verdict.FAIL, Verdict.UNKNOWN)
NO_LABELS: Mapping[str, Label] = MappingProxyType({})


def evaluate(
    rules: Sequence[Rule],
    folder: Path,
    as_of: datetime,
    waivers: Sequence[Waiver] = (),
    labels: Mapping[str, Label] = NO_LABELS,
) -> tuple[Tally, ...]:
    """Judges every row of a snapshot's tables by every rule of its scope.

    Args:
        rules: rules with bound parameters, in the order of the report.
        folder: the folder that `write_snapshot` filled; `findings.parquet` is written beside the tables: fails and
            unknowns by rule, target, image set, version.
        as_of: the instant against which ages are measured.
        waivers: those that may cover findings.
        labels: the labels that the snapshot has, which waivers may name.

    Returns:
        A tally for each rule, in their order.
    """
    by_scope: dict[RuleScope, dict[int, Rule]] = {}
    for index, rule in enumerate(rules):
        by_scope.setdefault(rule.scope, {})[index] = rule
    tallies: dict[int, Tally] = {}
    with connect() as connection:
        tables = {
            scope: table(connection, folder, scope, chosen.values(), as_of)
            for scope, chosen in by_scope.items()
        }
        for scope, chosen in by_scope.items():
            rows, columns = tables[scope]
            verdicts = [
                row_verdict(rule, as_of, columns).alias(f"v{index}") for index, rule in chosen.items()
            ]
            rows.select(col(ROW), *verdicts).to_table(f"judged_{scope}")
            tallies |= _tallies(connection.table(f"judged_{scope}"), chosen)
        _number(connection, by_scope)
        # the snapshot is read again for what findings show: cheaper than keeping it of every row
        lenient = _Lenient(waivers, labels)
        findings = [
            _findings(connection, tables[scope], rules, chosen, as_of, lenient=lenient, folder=folder)
            for scope, chosen in by_scope.items()
        ]
        every = _alone(tree(lambda left, right: left.union(right), findings), as_of)
        path = str((folder / FINDINGS).resolve())
        every.order("finding").write_parquet(path, compression="zstd", row_group_size=SLICE)
        counted = [tallies[index] for index in range(len(rules))]
        if waivers:
            return _counted_out(connection, folder, rules, counted)
        return tuple(counted)


@dataclass(frozen=True, slots=True)
class _Lenient:
    """What may let a finding go: waivers, and the labels that they may name."""

    waivers: Sequence[Waiver]
    labels: Mapping[str, Label]


def _counted_out(
    connection: Connection, folder: Path, rules: Sequence[Rule], tallies: Sequence[Tally]
) -> tuple[Tally, ...]:
    """The tallies with what is waived taken out of their fails."""
    rows = connection.read_parquet(duckdb_path(folder / FINDINGS)).filter(col(WAIVER).isnotnull())
    found = rows.aggregate([col("rule"), col("verdict"), func("count_star")]).fetchall()
    counts = {(name, word): number for name, word, number in found}
    counted = []
    for rule, tally in zip(rules, tallies, strict=True):
        fails, unknown = (counts.get((rule.name, word.value), 0) for word in _FOUND_OUT)
        counted.append(replace(tally, fail=tally.fail - fails, waived=fails, unknown_waived=unknown))
    return tuple(counted)


def _alone(findings: Relation, as_of: datetime) -> Relation:
    """Findings of which nothing earlier is known: each is first seen now."""
    since = (instant(as_of), null("VARCHAR"))
    first = [value.alias(name) for name, value in zip(FIRST, since, strict=True)]
    none = [null("VARCHAR").alias(name) for name in CHANGE]
    return findings.select(*map(col, findings.columns), *first, *none)


def table(
    connection: Connection, folder: Path, scope: RuleScope, rules: Iterable[Rule], as_of: datetime
) -> tuple[Relation, Columns]:
    """The rows that rules of a scope judge, and the columns of the rules' aggregates, or of what is unknown together."""
    if scope == "datastore":
        return datastore_rows(connection, folder, rules, as_of)
    return with_firsts(read_table(connection, folder, scope), rules, as_of)


def _tallies(judged: Relation, rules: Iterable[int]) -> dict[int, Tally]:
    indexes = list(rules)
    counters = [
        func("count_if", col(f"v{index}") == lit(CODES[code])) for index in indexes for code in Verdict
    ]
    # over no rows a count is null
    counts = (count or 0 for count in judged.aggregate(counters).fetchall()[0])
    tallies = {}
    for index in indexes:
        count = {code: next(counts) for code in Verdict}
        tallies[index] = Tally(
            subjects=sum(count.values()),
            passed=count[Verdict.PASS],
            fail=count[Verdict.FAIL],
            unknown=count[Verdict.UNKNOWN],
            not_applicable=count[Verdict.NOT_APPLICABLE],
        )
    return tallies


def _number(connection: Connection, by_scope: Mapping[RuleScope, Iterable[int]]) -> None:
    """The table `numbered`: which row a finding is of, by rule and row. It is narrow, since all of it is sorted.

    An explicit order is what numbers them: a union gives its parts' rows in no order that may be counted on.
    """
    parts = [
        connection.table(f"judged_{scope}")
        .filter(col(f"v{index}").isin(*(lit(CODES[item]) for item in _FOUND_OUT)))
        .select(
            lit(index).cast("INTEGER").alias("rule_index"),
            col(f"v{index}").alias("code"),
            col(ROW),
        )
        for scope, rules in by_scope.items()
        for index in rules
    ]
    every = tree(lambda left, right: left.union(right), parts)
    number = func("row_number").over(order_by=[col("rule_index"), col(ROW)]).alias("finding")
    every.select(number, *map(col, every.columns)).to_table("numbered")


def _findings(
    connection: Connection,
    judged: tuple[Relation, Columns],
    rules: Sequence[Rule],
    chosen: Mapping[int, Rule],
    as_of: datetime,
    *,
    lenient: _Lenient,
    folder: Path,
) -> Relation:
    """The findings of the rules of one scope, by their place in the run; what a rule says is computed for its own rows only."""
    rows, columns = judged
    index, code = col("rule_index"), col("code")
    numbered = connection.table("numbered").filter(index.isin(*map(lit, chosen))).set_alias("numbered")
    joined = rows.set_alias("rows").join(numbered, f"rows.{ROW} = numbered.{ROW}")

    def one_of(texts: Iterable[str]) -> Expression:
        return func("list_extract", func("list_value", *map(lit, texts)), index + lit(1))

    def by_rule(values: Iterable[Expression]) -> Expression:
        first, *rest = ((index == lit(number), value) for number, value in zip(chosen, values, strict=True))
        return reduce(lambda case, branch: case.when(*branch), rest, case(*first))

    by_waiver = [
        waiver_columns(rule, code, as_of, lenient.waivers, lenient.labels) for rule in chosen.values()
    ]
    scope = next(iter(chosen.values())).scope
    found = joined.select(
        col("finding"),
        one_of(rule.name for rule in rules).alias("rule"),
        one_of(rule.severity.value for rule in rules).alias("severity"),
        one_of(rule_digest(rule) for rule in rules).alias(DEFINITION),
        *subject(scope),
        _word(code).alias("verdict"),
        # few are unknown: to ask that first spares most rows the choice of a rule
        case(_unknown(code), by_rule(row_reason(rule, as_of, columns) for rule in chosen.values())).alias(
            "reason"
        ),
        by_rule(fields_json(rule, columns) for rule in chosen.values()).alias("fields"),
        by_rule(missing_fields(rule) for rule in chosen.values()).alias(UNRECEIVED),
        *_answers(chosen, columns),
        arn(rows, scope),
        *(
            by_rule(pair[place] for pair in by_waiver).alias(name)
            if lenient.waivers
            else no_number().alias(name)
            for place, name in enumerate((WAIVER, LAPSED))
        ),
    )
    return with_arns(connection, folder, found, scope)


def _answers(chosen: Mapping[int, Rule], columns: Columns) -> list[Expression]:
    """What the findings of rules rest on. Many rules read alike, and need one case together."""
    alike: dict[ReadFields, list[int]] = {}
    for number, rule in chosen.items():
        alike.setdefault(ReadFields.by(rule), []).append(number)
    cases = [
        (col("rule_index").isin(*map(lit, numbers)), rests_on(read, columns))
        for read, numbers in alike.items()
    ]
    return [
        reduce(
            lambda case, item: case.when(item[0], item[1][place]),
            cases[1:],
            case(cases[0][0], cases[0][1][place]),
        ).alias(name)
        for place, name in enumerate(ANSWERS)
    ]


def details(rule: Rule, code: Expression, as_of: datetime, columns: Columns) -> list[Expression]:
    """The columns of a verdict: its subject, its code, and the reason of an unknown."""
    return [
        *subject(rule.scope),
        code,
        case(_unknown(code), row_reason(rule, as_of, columns)).alias("reason"),
    ]


def _word(code: Expression) -> Expression:
    return case(_unknown(code), lit(Verdict.UNKNOWN.value)).otherwise(lit(Verdict.FAIL.value))


def _unknown(code: Expression) -> Expression:
    return code == lit(CODES[Verdict.UNKNOWN])


def fields_json(rule: Rule, columns: Columns) -> Expression:
    """The fields that a rule shows, as JSON."""
    counted = aggregates(rule.when, rule.condition)
    shown_fields = dict.fromkeys((*rule.fields, *rule.message_fields))
    pairs = [
        part
        for field in shown_fields
        if field.path not in counted
        for part in (lit(field.path), _json(field))
    ]
    for name, aggregate in counted.items():
        pairs += [lit(name), col(f"{columns[aggregate]} numbers")]
    return func("json_object", *pairs).cast("VARCHAR")


def missing_fields(rule: Rule) -> Expression:
    """The paths of the fields without a value that are in no answer that was received, one a line."""
    gaps = [
        case(~coalesce(is_received(field), false()) & text_value(field).isnull(), lit(field.path))
        for field in dict.fromkeys((*rule.fields, *rule.message_fields))
        if field.source is not Source.OWN or field == FOUND_FIELD
    ]
    return func("concat_ws", lit("\n"), *gaps) if gaps else lit("")


def _json(field: Field) -> Expression:
    value = text_value(field)
    return func("strftime", value, lit("%Y-%m-%dT%H:%M:%S.%gZ")) if field.type is Type.TIME else value
