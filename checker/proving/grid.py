"""Answers to try: every combination of the values worth trying, as a table that rules can judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import product
from math import prod
from typing import Any

from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

from checker.fields import EARLIER, KNOWN, PREVIOUS, SUCCESSOR, SUPERSEDED_BY, column
from checker.model import Duration, Field, RuleScope, Scalar, Source, Type
from checker.policy.given import NOT_FOUND, always_given
from checker.proving.domains import Domain
from checker.proving.records import SUCCESSOR_ID

MOST = 200_000
"""Rows of a table; of more combinations a sample is tried, which proves nothing by what it does not show."""
KEY = "key"
"""The column that numbers answers, those first that differ least from a healthy one."""
FAILED = "AccessDeniedException"
_SQL = {
    Type.TIME: "TIMESTAMP",
    Type.BOOLEAN: "BOOLEAN",
    Type.INTEGER: "BIGINT",
    Type.DURATION: "STRUCT(months INTEGER, milliseconds BIGINT)",
}
_NO_VALUES = ("found", f"{SUCCESSOR}found", KNOWN.path, f"{EARLIER}found")
"""What says by itself what was received."""
_HISTORIES = {"unknown": (None, None), "read": (True, True), "new": (False, None), "gone": (True, False)}
"""`known` and `previous.found`."""
_LABEL = f"labels.{SUPERSEDED_BY}"
_CALLS = (Source.DICOM, Source.TAGS, Source.DATASTORE, Source.DATASTORE_TAGS)
_DIFFERENT = 100
_MASKS = 1000  # more than there are of what may be received
_SPREAD = 10**9  # above every number of an answer

Mask = Mapping[str, Any]
"""What was received: `found`, `previous`, `successor`, `history` and calls by source."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of answers: `rows` has a column for each field, and `key`. `sampled` says that combinations were left out;
    `partial` names fields whose values do not stand for all."""

    rows: DuckDBPyRelation
    fields: tuple[Field, ...]
    sampled: bool
    partial: frozenset[str]

    def proves(self, read: Iterable[Field]) -> bool:
        """Whether what no answer shows of these fields is true of none."""
        return not self.sampled and not any(one.path in self.partial for one in read)


@dataclass(frozen=True, slots=True)
class _Values:
    table: str
    size: int


def grid(
    connection: DuckDBPyConnection,
    domains: Sequence[Domain],
    healthy: Mapping[str, Scalar],
    scope: RuleScope,
    *,
    most: int = MOST,
    name: str = "grid",
) -> Grid:
    """The answers of some fields' domains.

    Args:
        connection: where the table is made.
        domains: the fields with their values.
        healthy: the fields' values in an answer with which nothing is wrong.
        scope: what the answers are on.
        most: rows, beyond which a sample is taken.
        name: of the table; a word.
    """
    tables = [
        _table(connection, domain, healthy.get(domain.field.path), f"{name}_{index}")
        for index, domain in enumerate(domains)
    ]
    fields = [domain.field for domain in domains]
    masks = list(_masks(fields, scope))
    sampled = False
    parts: list[DuckDBPyRelation] = []
    for number, mask in enumerate(masks):
        active = [index for index, field in enumerate(fields) if _active(field, mask)]
        total = prod(tables[index].size for index in active)
        limit = most if total > most else None
        sampled |= limit is not None
        rows = _product(connection, {index: tables[index] for index in active}, limit)
        parts.append(rows.select(*_columns(fields, active, mask, number, scope)))
    whole = reduce(lambda left, right: left.union(right), parts)
    numbers = [Column("versionId"), Column(f"{PREVIOUS}versionId")]
    if scope == "version" and {"versionId", f"{PREVIOUS}versionId"} <= set(whole.columns):
        whole = whole.filter(Coalesce(numbers[0] > numbers[1], Constant(value=True)))
    whole.to_table(name)
    partial = frozenset(domain.field.path for domain in domains if not domain.every)
    return Grid(connection.table(name), tuple(fields), sampled, partial)


def _table(connection: DuckDBPyConnection, domain: Domain, usual: Scalar | None, name: str) -> _Values:
    """A table of a field's values: `c` the value, `d` its cost, `k` its number."""
    known = domain.field
    values: list[Scalar | None] = list(domain.values)
    if (known.source is Source.OWN and known.path.startswith("labels.")) or not always_given(known):
        values.append(None)
    costs = [0 if value == usual else _DIFFERENT + min(at, 99) for at, value in enumerate(values)]
    kind = _SQL.get(known.type, "VARCHAR")
    # table and type are words of ours; values go in as parameters
    connection.execute(
        f"CREATE TEMP TABLE {name} AS SELECT unnest($1::{kind}[]) AS c, unnest($2::BIGINT[]) AS d, "
        "unnest(range($3::BIGINT)) AS k",
        [[_wire(value) for value in values], costs, len(values)],
    )
    return _Values(name, len(values))


def _wire(value: Scalar | None) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, Duration):
        return {"months": value.months, "milliseconds": value.milliseconds}
    return value


def _product(
    connection: DuckDBPyConnection, tables: Mapping[int, _Values], limit: int | None
) -> DuckDBPyRelation:
    """The combinations of values: columns `c0`, `c1`.., `cost` and `id`. Names in the text are ours."""
    selected = [f"t{index}.c AS c{index}" for index in tables]
    cost = " + ".join(["0", *(f"t{index}.d" for index in tables)])
    if limit is None:
        number = "0"
        for index, values in tables.items():
            number = f"({number}) * {values.size} + t{index}.k"
        joined = ", ".join(["(SELECT 0)", *(f"{values.table} t{index}" for index, values in tables.items())])
        where = ""
    else:
        number = "n.range"
        joined = ", ".join(
            [f"range({limit}) n", *(f"{values.table} t{index}" for index, values in tables.items())]
        )
        where = " WHERE " + " AND ".join(
            f"t{index}.k = (hash(n.range, {index}) % {values.size})::BIGINT"
            for index, values in tables.items()
        )
    columns = ", ".join([*selected, f"({cost})::BIGINT AS cost", f"({number})::BIGINT AS id"])
    return connection.sql(f"SELECT {columns} FROM {joined}{where}")  # noqa: S608


def _masks(fields: Sequence[Field], scope: RuleScope) -> Iterator[Mask]:
    sources = {field.source for field in fields}
    choices: dict[str, tuple[Any, ...]] = {"found": (True, False, None)}
    if scope == "datastore":
        choices["found"] = (True,)
    choices["previous"] = (False, True) if Source.PREVIOUS_VERSION in sources else (False,)
    choices["successor"] = ("none", "read", "gone", "unread") if Source.SUCCESSOR in sources else ("",)
    choices["history"] = tuple(_HISTORIES) if Source.HISTORY in sources else ("",)
    for source in _CALLS:
        choices[source.value] = (True, None) if source in sources else (True,)
    for values in product(*choices.values()):
        mask = dict(zip(choices, values, strict=True))
        # one call for both kinds of tags, as tests say it
        tags = {mask[source.value] for source in (Source.TAGS, Source.DATASTORE_TAGS) if source in sources}
        if (mask["found"] is True or not mask["previous"]) and len(tags) < 2:
            yield mask


def _active(field: Field, mask: Mask) -> bool:
    """Whether a field may have a value where this was received."""
    if field.path in _NO_VALUES:
        return False
    if field.path == _LABEL:
        return bool(mask["successor"] != "none")
    if field.source is Source.ANSWER:
        return mask["found"] is True
    if field.source is Source.PREVIOUS_VERSION:
        return mask["found"] is True and bool(mask["previous"])
    if field.source is Source.SUCCESSOR:
        return bool(mask["successor"] == "read")
    if field.source is Source.HISTORY:
        return bool(mask["history"] == "read")
    return field.source is Source.OWN or mask[field.source.value] is True


def _columns(
    fields: Sequence[Field], active: Sequence[int], mask: Mask, number: int, scope: RuleScope
) -> list[Expression]:
    found, successor = mask["found"], mask["successor"]
    if scope == "datastore":
        found = mask[Source.DATASTORE.value]
    code = {True: None, False: NOT_FOUND, None: FAILED}[found]
    number_in = Column("id") * Constant(_MASKS) + Constant(number)
    columns = [
        ((Column("cost") + Constant(number * _DIFFERENT)) * Constant(_SPREAD) + number_in).alias(KEY),
        Constant(found).cast("BOOLEAN").alias("found"),
        Constant(code).cast("VARCHAR").alias("error.code"),
    ]
    for source in _CALLS:
        there = mask[source.value]
        columns.append(Constant(there).cast("BOOLEAN").alias(f"{source.value}.received"))
        columns.append(Constant(None if there else FAILED).cast("VARCHAR").alias(f"{source.value}.error"))
    answered = {"read": True, "gone": True}.get(successor)
    columns.append(Constant(answered).cast("BOOLEAN").alias(f"{SUCCESSOR}received"))
    there = {"read": True, "gone": False}.get(successor)
    columns.append(Constant(there).cast("BOOLEAN").alias(f"{SUCCESSOR}found"))
    if successor and not any(field.path == _LABEL for field in fields):
        label = None if successor == "none" else SUCCESSOR_ID
        columns.append(Constant(label).cast("VARCHAR").alias(_LABEL))
    columns += _history(mask)
    for index, field in enumerate(fields):
        if field.path in _NO_VALUES:
            continue
        value: Expression = Column(f"c{index}") if index in active else Constant(None)
        if field.path == _LABEL and successor not in ("", "none"):
            value = Coalesce(value, Constant(SUCCESSOR_ID))
        columns.append(value.cast(_SQL.get(field.type, "VARCHAR")).alias(column(field)))
    if any(field.path.startswith(PREVIOUS) for field in fields):
        columns.append(Constant(None).cast("VARCHAR").alias(f"{PREVIOUS}error"))
        number_of = f"{PREVIOUS}versionId"
        if not any(field.path == number_of for field in fields):
            there = 1 if mask["previous"] else None
            columns.append(Constant(there).cast("BIGINT").alias(number_of))
    return columns


def _history(mask: Mask) -> list[Expression]:
    """What earlier runs saw, where a rule reads it."""
    if not mask["history"]:
        return []
    known, found = _HISTORIES[mask["history"]]
    received = None if found is None else True
    truths = {"received": received, "found": found, "answered": received}
    return [
        Constant(known).cast("BOOLEAN").alias(KNOWN.path),
        *(Constant(truth).cast("BOOLEAN").alias(EARLIER + name) for name, truth in truths.items()),
        Constant(None if found else FAILED).cast("VARCHAR").alias(f"{EARLIER}error"),
    ]
