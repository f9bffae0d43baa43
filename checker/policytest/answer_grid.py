"""Answers to try: every combination of the values worth trying, as a table that rules can judge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from math import prod
from typing import Any

from checker.fields import EARLIER, KNOWN, PREVIOUS, SUCCESSOR, SUPERSEDED_BY, column
from checker.model import Duration, Field, RuleScope, Scalar, Source, Type
from checker.policy.test_input import NOT_FOUND, always_given
from checker.policytest.case_records import SUCCESSOR_ID
from checker.policytest.domains import Domain
from checker.sql import Connection, Expression, Relation, coalesce, col, lit, true

MOST = 200_000
"""Rows of a table; of more combinations a sample is tried, which proves nothing by what it does not show."""
MOST_WORK = 20_000_000
"""Rows times what is judged of each."""
KEY = "key"
"""The column that numbers answers, those first that differ least from a healthy one."""
FAILED = "AccessDeniedException"
NUMBER, _NAMED = "kind", "named successor"
_PLACE = re.compile(r"p\d+")
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
    """A table of answers: `rows` has a column for each field, and `key`. `tried` are their number and `total` that of all
    combinations; `partial` names fields whose values do not stand for all."""

    rows: Relation
    fields: tuple[Field, ...]
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


@dataclass(frozen=True, slots=True)
class _Values:
    table: str
    size: int


def grid(
    connection: Connection,
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
    totals = [
        prod(tables[at].size for at, item in enumerate(fields) if _active(item, mask)) for mask in masks
    ]
    limits = _limits(totals, most)
    kinds = [
        _mask_columns(mask, number, fields, scope)
        | _places(mask, fields, [table.size for table in tables], limits[number], totals[number])
        for number, mask in enumerate(masks)
    ]
    _mask_table(connection, kinds, f"{name}_masks")
    whole = _product(connection, tables, f"{name}_masks").select(*_columns(fields, kinds[0]))
    numbers = [col("versionId"), col(f"{PREVIOUS}versionId")]
    if scope == "version" and {"versionId", f"{PREVIOUS}versionId"} <= set(whole.columns):
        whole = whole.filter(coalesce(numbers[0] > numbers[1], true()))
    whole.to_table(name)
    partial = frozenset(domain.field.path for domain in domains if not domain.every)
    return Grid(connection.table(name), tuple(fields), sum(limits), sum(totals), partial)


def width(domain: Domain) -> int:
    """How many values of a field are tried: being absent is one where it may be."""
    return len(domain.values) + _may_be_absent(domain.field)


def combinations(widths: Sequence[tuple[Field, int]], scope: RuleScope) -> int:
    """How many answers there are of fields with so many values."""
    masks = _masks([field for field, _ in widths], scope)
    return sum(prod(number for field, number in widths if _active(field, mask)) for mask in masks)


def _may_be_absent(field: Field) -> bool:
    return (field.source is Source.OWN and field.path.startswith("labels.")) or not always_given(field)


def _limits(totals: Sequence[int], most: int) -> list[int]:
    """How many combinations are tried of each kind of answer: all of them, or as many of each as there is room for."""
    if sum(totals) <= most:
        return list(totals)
    each = max(most // len(totals), 1)
    return [min(total, each) for total in totals]


def _table(connection: Connection, domain: Domain, usual: Scalar | None, name: str) -> _Values:
    """A table of a field's values: `c` the value, `d` its cost, `k` its number."""
    known = domain.field
    values: list[Scalar | None] = list(domain.values)
    if _may_be_absent(known):
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


def _product(connection: Connection, tables: Sequence[_Values], masks: str) -> Relation:
    """The combinations of values of each kind of answer: the columns of the kind, `c0`, `c1`.. with the values, `cost`
    and `id`. Names in the text are ours."""
    joins = [
        f"LEFT JOIN {values.table} t{index} ON t{index}.k = CASE WHEN m.sampled AND m.p{index} IS NOT NULL "
        f"THEN (hash(m.id, {index}) % {values.size})::BIGINT ELSE (m.id // m.p{index}) % {values.size} END"
        for index, values in enumerate(tables)
    ]
    cost = " + ".join(["0", *(f"coalesce(t{index}.d, 0)" for index in range(len(tables)))])
    selected = ", ".join(["m.*", *(f"t{index}.c AS c{index}" for index in range(len(tables)))])
    kinds = f"(SELECT *, unnest(range(tried)) AS id FROM {masks}) m"  # noqa: S608
    return connection.sql(f"SELECT {selected}, ({cost})::BIGINT AS cost FROM {kinds} {' '.join(joins)}")  # noqa: S608


def _mask_table(connection: Connection, kinds: Sequence[Mapping[str, tuple[str, Any]]], name: str) -> None:
    """A row for each kind of answer: what was received, and which of the fields' values it has. Names are ours."""
    columns = [
        f'unnest(${at}::{kind}[]) AS "{column}"' for at, (column, (kind, _)) in enumerate(kinds[0].items(), 1)
    ]
    values = [[item[column][1] for item in kinds] for column in kinds[0]]
    connection.execute(f"CREATE TEMP TABLE {name} AS SELECT {', '.join(columns)}", values)


def _places(
    mask: Mask, fields: Sequence[Field], sizes: Sequence[int], tried: int, total: int
) -> dict[str, tuple[str, Any]]:
    """How the number of an answer of a kind gives the number of each field's value: the quotient by this, modulo the
    number of values; null of a field that has none. Of a sample a hash gives it."""
    found: dict[str, tuple[str, Any]] = {
        "tried": ("BIGINT", tried),
        "sampled": ("BOOLEAN", tried < total),
    }
    step = 1
    for at in reversed(range(len(fields))):
        active = _active(fields[at], mask)
        # of a sample the quotient is not needed, and may not fit
        found[f"p{at}"] = ("BIGINT", (step if tried == total else 1) if active else None)
        step *= sizes[at] if active else 1
    return found


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


def _mask_columns(
    mask: Mask, number: int, fields: Sequence[Field], scope: RuleScope
) -> dict[str, tuple[str, Any]]:
    """What is the same in all answers of a kind: the type and the value of each column."""
    found, successor = mask["found"], mask["successor"]
    if scope == "datastore":
        found = mask[Source.DATASTORE.value]
    code = {True: None, False: NOT_FOUND, None: FAILED}[found]
    columns: dict[str, tuple[str, Any]] = {
        NUMBER: ("BIGINT", number),
        "found": ("BOOLEAN", found),
        "error.code": ("VARCHAR", code),
        "error.message": ("VARCHAR", None),
    }
    for source in _CALLS:
        there = mask[source.value]
        columns[f"{source.value}.received"] = ("BOOLEAN", there)
        columns[f"{source.value}.error"] = ("VARCHAR", None if there else FAILED)
    columns[f"{SUCCESSOR}received"] = ("BOOLEAN", {"read": True, "gone": True}.get(successor))
    columns[f"{SUCCESSOR}found"] = ("BOOLEAN", {"read": True, "gone": False}.get(successor))
    if successor:
        columns[_NAMED] = ("VARCHAR", None if successor == "none" else SUCCESSOR_ID)
    columns |= _history(mask)
    if any(field.path.startswith(PREVIOUS) for field in fields):
        columns[f"{PREVIOUS}error"] = ("VARCHAR", None)
        number_of = f"{PREVIOUS}versionId"
        if not any(field.path == number_of for field in fields):
            columns[number_of] = ("BIGINT", 1 if mask["previous"] else None)
    return columns


def _columns(fields: Sequence[Field], kind: Mapping[str, Any]) -> list[Expression]:
    number, label = col(NUMBER), any(field.path == _LABEL for field in fields)
    spread = (col("cost") + number * lit(_DIFFERENT)) * lit(_SPREAD)
    columns = [(spread + col("id") * lit(_MASKS) + number).alias(KEY)]
    ours = (NUMBER, _NAMED, "tried", "sampled")
    columns += [col(name) for name in kind if name not in ours and not _PLACE.fullmatch(name)]
    if _NAMED in kind and not label:
        columns.append(col(_NAMED).alias(_LABEL))
    for index, field in enumerate(fields):
        if field.path in _NO_VALUES:
            continue
        value: Expression = col(f"c{index}")
        if field.path == _LABEL and _NAMED in kind:
            value = coalesce(value, col(_NAMED))
        columns.append(value.cast(_SQL.get(field.type, "VARCHAR")).alias(column(field)))
    return columns


def _history(mask: Mask) -> dict[str, tuple[str, Any]]:
    """What earlier runs saw, where a rule reads it."""
    if not mask["history"]:
        return {}
    known, found = _HISTORIES[mask["history"]]
    received = None if found is None else True
    truths = {"received": received, "found": found, "answered": received}
    return {
        KNOWN.path: ("BOOLEAN", known),
        **{EARLIER + name: ("BOOLEAN", truth) for name, truth in truths.items()},
        f"{EARLIER}error": ("VARCHAR", None if found else FAILED),
    }
