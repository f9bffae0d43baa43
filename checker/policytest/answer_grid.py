"""Answers to try: every combination of the values worth trying, as a table that rules can judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import prod
from typing import Any

from checker.fields import PREVIOUS, column
from checker.model import Duration, Field, RuleScope, Scalar, Source, Type
from checker.policy.test_input import is_always_given
from checker.policytest.answer_kinds import LABEL, NAMED, NUMBER, AnswerKind, Cells, answer_kinds
from checker.policytest.comparisons import Domain
from checker.sql import Connection, Expression, Relation, coalesce, col, lit, true

MOST = 200_000
"""Rows of a table; of more combinations a sample is tried, which proves nothing by what it does not show."""
MOST_WORK = 20_000_000
"""Rows times what is judged of each."""
KEY = "key"
"""The column that numbers answers, those first that differ least from a healthy one."""
_SQL = {
    Type.TIME: "TIMESTAMP",
    Type.BOOLEAN: "BOOLEAN",
    Type.INTEGER: "BIGINT",
    Type.DURATION: "STRUCT(months INTEGER, milliseconds BIGINT)",
}
_DIFFERENT = 100
_KINDS = 1000  # more than there are
_SPREAD = 10**9  # above every number of an answer


@dataclass(frozen=True, slots=True)
class AnswerGrid:
    """A table of answers: `rows` has a column for each field, and `key`. `tried` are their number and `total` that of all
    combinations; `partial` names fields whose values do not stand for all."""

    rows: Relation
    fields: tuple[Field, ...]
    kinds: tuple[AnswerKind, ...]
    tried: int
    total: int
    partial: frozenset[str]

    @property
    def sampled(self) -> bool:
        """Whether combinations were left out."""
        return self.tried < self.total

    def proves(self, read: Iterable[Field]) -> bool:
        """Whether what no answer shows of these fields is true of none."""
        return not self.sampled and not any(field.path in self.partial for field in read)

    def answer(self, key: int) -> tuple[AnswerKind, dict[Field, Any]]:
        """The answer of that number: its kind, and the fields' values as policies have them."""
        row = self.rows.filter(col(KEY) == lit(key)).limit(1)
        cells = dict(zip(row.columns, row.fetchall()[0], strict=True))
        return self.kinds[key % _KINDS], {field: _value(cells[column(field)]) for field in self.fields}


def grid(
    connection: Connection,
    domains: Sequence[Domain],
    healthy: Mapping[str, Scalar],
    scope: RuleScope,
    *,
    most: int = MOST,
    name: str = "grid",
) -> AnswerGrid:
    """The answers of some fields' domains.

    Args:
        connection: where the table is made.
        domains: the fields with their values.
        healthy: the fields' values in an answer with which nothing is wrong.
        scope: what the answers are on.
        most: rows, beyond which a sample is taken.
        name: of the table; a word.
    """
    fields = [domain.field for domain in domains]
    known = tuple(answer_kinds(fields, scope))
    totals = _totals(domains, known)
    # all combinations, or as many of each kind as there is room for
    each = max(totals) if sum(totals) <= most else max(most // len(totals), 1)
    limits = [min(total, each) for total in totals]
    cells = [
        kind.columns(number, fields, scope) | _places(kind, domains, limits[number], totals[number])
        for number, kind in enumerate(known)
    ]
    for index, domain in enumerate(domains):
        _value_table(connection, domain, healthy.get(domain.field.path), f"{name}_{index}")
    _kind_table(connection, cells, f"{name}_kinds")
    ours = {NUMBER, NAMED, *_places(known[0], domains, 0, 0)}
    same = [cell for cell in cells[0] if cell not in ours]
    rows = _product(connection, domains, name).select(*_columns(fields, same, named=NAMED in cells[0]))
    numbers = [col("versionId"), col(f"{PREVIOUS}versionId")]
    if scope == "version" and {"versionId", f"{PREVIOUS}versionId"} <= set(rows.columns):
        rows = rows.filter(coalesce(numbers[0] > numbers[1], true()))
    rows.to_table(name)
    partial = frozenset(domain.field.path for domain in domains if not domain.every)
    return AnswerGrid(connection.table(name), tuple(fields), known, sum(limits), sum(totals), partial)


def combinations(domains: Sequence[Domain], scope: RuleScope) -> int:
    """How many answers there are of domains."""
    return sum(_totals(domains, answer_kinds([domain.field for domain in domains], scope)))


def _totals(domains: Sequence[Domain], known: Iterable[AnswerKind]) -> list[int]:
    """How many answers there are of each kind."""
    return [prod(_width(domain) for domain in domains if kind.has(domain.field)) for kind in known]


def _width(domain: Domain) -> int:
    """How many values of a field are tried: being absent is one where it may be."""
    return len(domain.values) + _may_be_absent(domain.field)


def _may_be_absent(field: Field) -> bool:
    return (field.source is Source.OWN and field.path.startswith("labels.")) or not is_always_given(field)


def _value_table(connection: Connection, domain: Domain, usual: Scalar | None, name: str) -> None:
    """A table of a field's values: `c` the value, `d` its cost, `k` its number."""
    values: list[Scalar | None] = [*domain.values, *([None] if _may_be_absent(domain.field) else ())]
    costs = [0 if value == usual else _DIFFERENT + min(at, 99) for at, value in enumerate(values)]
    kind = _SQL.get(domain.field.type, "VARCHAR")
    # table and type are words of ours; values go in as parameters
    connection.execute(
        f"CREATE TEMP TABLE {name} AS SELECT unnest($1::{kind}[]) AS c, unnest($2::BIGINT[]) AS d, "
        "unnest(range($3::BIGINT)) AS k",
        [[_cell(value) for value in values], costs, len(values)],
    )


def _cell(value: Scalar | None) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, Duration):
        return {"months": value.months, "milliseconds": value.milliseconds}
    return value


def _value(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=UTC)
    return Duration(**cell) if isinstance(cell, dict) else cell


def _kind_table(connection: Connection, known: Sequence[Cells], name: str) -> None:
    """A row for each kind of answer: what was received, and which of the fields' values it has. Names are ours."""
    columns = [
        f'unnest(${at}::{kind}[]) AS "{cell}"' for at, (cell, (kind, _)) in enumerate(known[0].items(), 1)
    ]
    values = [[cells[cell][1] for cells in known] for cell in known[0]]
    connection.execute(f"CREATE TEMP TABLE {name} AS SELECT {', '.join(columns)}", values)


def _places(kind: AnswerKind, domains: Sequence[Domain], tried: int, total: int) -> Cells:
    """How the number of an answer of a kind gives the number of each field's value: the quotient by this, modulo the
    number of values; null of a field that has none. Of a sample a hash gives it."""
    found: Cells = {"tried": ("BIGINT", tried), "sampled": ("BOOLEAN", tried < total)}
    step = 1
    for at, domain in reversed([*enumerate(domains)]):
        active = kind.has(domain.field)
        # of a sample the quotient is not needed, and may not fit
        found[f"p{at}"] = ("BIGINT", (step if tried == total else 1) if active else None)
        step *= _width(domain) if active else 1
    return found


def _product(connection: Connection, domains: Sequence[Domain], name: str) -> Relation:
    """The combinations of values of each kind of answer: the columns of the kind, `c0`, `c1`.. with the values, `cost`
    and `id`. Names in the text are ours."""
    joins = [
        f"LEFT JOIN {name}_{at} t{at} ON t{at}.k = CASE WHEN m.sampled AND m.p{at} IS NOT NULL "
        f"THEN (hash(m.id, {at}) % {_width(domain)})::BIGINT ELSE (m.id // m.p{at}) % {_width(domain)} END"
        for at, domain in enumerate(domains)
    ]
    cost = " + ".join(["0", *(f"coalesce(t{at}.d, 0)" for at in range(len(domains)))])
    selected = ", ".join(["m.*", *(f"t{at}.c AS c{at}" for at in range(len(domains)))])
    numbered = f"(SELECT *, unnest(range(tried)) AS id FROM {name}_kinds) m"  # noqa: S608
    return connection.sql(f"SELECT {selected}, ({cost})::BIGINT AS cost FROM {numbered} {' '.join(joins)}")  # noqa: S608


def _columns(fields: Sequence[Field], same: Iterable[str], *, named: bool) -> list[Expression]:
    number = col(NUMBER)
    spread = (col("cost") + number * lit(_DIFFERENT)) * lit(_SPREAD)
    columns = [(spread + col("id") * lit(_KINDS) + number).alias(KEY), *map(col, same)]
    if named and not any(field.path == LABEL for field in fields):
        columns.append(col(NAMED).alias(LABEL))
    for at, field in enumerate(fields):
        value: Expression = col(f"c{at}")
        if field.path == LABEL and named:
            value = coalesce(value, col(NAMED))
        if column(field) not in same:
            columns.append(value.cast(_SQL.get(field.type, "VARCHAR")).alias(column(field)))
    return columns
