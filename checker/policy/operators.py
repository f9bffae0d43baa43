"""Operators: each is one record, and whoever must know something of an operator reads it there.

A record whose `domain` is None is judged like any other, and no proof rests on it: `rules validate` does not claim that a
rule with it can never fail.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from checker.model import Type
from checker.sql import Expression, func, lit

Takes = Literal["one", "list", "pair", "flag", "text", "pattern", "age"]
"""one value of the operand's type; several; low and high; a boolean; text; RE2; a duration."""
Side = Literal["below", "above"]
"""On which side of its value an operator holds."""
Domain = Literal["edges", "start", "end", "part", "any case", "pattern"]
"""What values tell an operator's truths apart: those beside the value; texts that begin with it, end with it, or have it in
them, as it is or whatever the case; texts that a pattern matches."""

BARE = "eq"
"""What a value without an operator means."""
IF_ABSENT = ("match", "no_match", "unknown")

STRINGS = frozenset({Type.STRING, Type.ENUM})
NUMBERS = frozenset({Type.INTEGER, Type.DURATION, Type.RATIO})
TIMES = frozenset({Type.TIME})


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator is.

    Attributes:
        name: as policies write it.
        types: of the operands that have it.
        takes: the kind of its value.
        doc: where it holds, for documentation: "holds where the operand is ..".
        words: how a message says that it holds, and that it does not.
        domain: the values by which proofs try it out; None where no proof knows how.
        truth: whether it holds of a value that is there and its own value, in Python. Of an age the value is the instant plus
            the age, and the other one is now.
        sql: the same of two expressions.
        parts: what it is made of, in place of `truth` and `sql`: of a pair the operators of low and of high, which both
            hold; of a list that of the items, of which it holds for one.
        negates: the operator whose opposite it is, in place of `truth` and `sql`; where there is definitely no value, it holds.
        side: on which side of its value it holds; None where it is no question of order.
        neighbours: operators that are easily taken for it, and take the same kind of value. Mutation tries those that the type
            has.
        aliases: what other languages call it.
        fault: what is wrong with a value of it, which cannot be seen from the value's type; nothing where it may be used.
    """

    name: str
    types: frozenset[Type]
    takes: Takes
    doc: str
    words: tuple[str, str]
    domain: Domain | None
    truth: Callable[[Any, Any], bool] | None = None
    sql: Callable[[Expression, Expression], Expression] | None = None
    parts: tuple[str, ...] = ()
    negates: str = ""
    side: Side | None = None
    neighbours: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    fault: Callable[[str], str] | None = None

    @property
    def of_text(self) -> bool:
        """Whether it takes a part of a text, or a pattern, and not a whole value."""
        return self.takes in ("text", "pattern")


def _function(name: str, *more: str) -> Callable[[Expression, Expression], Expression]:
    """A function of DuckDB's on the operand and the value."""

    def build(left: Expression, right: Expression) -> Expression:
        return func(name, left, right, *map(lit, more))

    return build


def _any_case(left: Expression, right: Expression) -> Expression:
    pattern = func("regexp_escape", right)
    return func("regexp_matches", left, pattern, lit("i"))


def _ask(query: str, *values: str) -> bool:
    """DuckDB's own word on texts, so that no other library may think otherwise."""
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute(query, list(values)).fetchall()
    return bool(found[0][0])


def _matches(text: str, pattern: str) -> bool:
    return _ask("SELECT regexp_matches($1, $2)", text, pattern)


def _contains_any_case(text: str, part: str) -> bool:
    return _ask("SELECT regexp_matches($1, regexp_escape($2), 'i')", text, part)


def _refusal(search: Callable[[str, str], bool]) -> Callable[[str], str]:
    """What RE2 says against the value of an operator that rests on it; nothing where it takes it."""

    @cache
    def fault(value: str) -> str:
        import duckdb

        try:
            search("", value)
        except duckdb.Error as error:
            return str(error).splitlines()[0].partition(": ")[2]
        return ""

    return fault


_EVERY = (
    Operator(
        "eq", frozenset(Type), "one", "equal to the value; a bare value means it", ("is", "is not"), "edges",
        truth=operator.eq, sql=operator.eq, neighbours=("ne", "gte", "lte", "before", "after"),
        aliases=("==", "=", "equals", "is"),
    ),
    Operator(
        "ne", frozenset(Type), "one", "not equal to the value", ("is not", "is"), "edges",
        negates="eq", neighbours=("eq",), aliases=("!=", "not", "not_eq", "neq"),
    ),
    Operator(
        "in", frozenset(Type), "list", "equal to one of the values", ("is one of", "is none of"), "edges",
        parts=("eq",), neighbours=("not_in",), aliases=("one_of",),
    ),
    Operator(
        "not_in", frozenset(Type), "list", "equal to none of the values", ("is none of", "is one of"), "edges",
        negates="in", neighbours=("in",), aliases=("not-in", "notin", "nin"),
    ),
    Operator(
        "exists", frozenset(Type), "flag", "the answer has a value (true), or has none (false)",
        ("is present", "is absent"), "edges", aliases=("present",),
    ),
    Operator(
        "contains", STRINGS, "text", "has the text in it", ("contains", "does not contain"), "part",
        truth=operator.contains, sql=_function("contains"), neighbours=("starts_with", "ends_with"),
        aliases=("like", "includes"),
    ),
    Operator(
        "icontains", STRINGS, "text", "has the text in it, whatever the case of letters (RE2's folding of Unicode)",
        ("contains, whatever the case,", "does not contain, whatever the case,"), "any case",
        truth=_contains_any_case, sql=_any_case, neighbours=("contains",),
        aliases=("ilike", "contains_ignore_case", "contains_any_case"), fault=_refusal(_contains_any_case),
    ),
    Operator(
        "starts_with", STRINGS, "text", "begins with the text", ("starts with", "does not start with"), "start",
        truth=str.startswith, sql=_function("starts_with"), neighbours=("contains", "ends_with"),
        aliases=("startswith",),
    ),
    Operator(
        "ends_with", STRINGS, "text", "ends with the text", ("ends with", "does not end with"), "end",
        truth=str.endswith, sql=_function("ends_with"), neighbours=("contains", "starts_with"),
        aliases=("endswith",),
    ),
    Operator(
        "matches", STRINGS, "pattern", "the RE2 pattern is found in it; anchor with ^ and $",
        ("matches", "does not match"), "pattern", truth=_matches, sql=_function("regexp_matches"),
        aliases=("regex", "match"), fault=_refusal(_matches),
    ),
    Operator(
        "lt", NUMBERS, "one", "less than the value", ("is below", "is at least"), "edges",
        truth=operator.lt, sql=operator.lt, side="below", neighbours=("lte", "gte"),
        aliases=("<", "less_than", "less", "below", "under"),
    ),
    Operator(
        "lte", NUMBERS, "one", "less than the value or equal to it", ("is at most", "is above"), "edges",
        truth=operator.le, sql=operator.le, side="below", neighbours=("lt", "gt"),
        aliases=("<=", "le", "at_most", "max"),
    ),
    Operator(
        "gt", NUMBERS, "one", "greater than the value", ("is above", "is at most"), "edges",
        truth=operator.gt, sql=operator.gt, side="above", neighbours=("gte", "lte"),
        aliases=(">", "greater_than", "more", "greater", "above", "over"),
    ),
    Operator(
        "gte", NUMBERS, "one", "greater than the value or equal to it", ("is at least", "is below"), "edges",
        truth=operator.ge, sql=operator.ge, side="above", neighbours=("gt", "lt"),
        aliases=(">=", "ge", "at_least", "min"),
    ),
    Operator(
        "between", NUMBERS, "pair", "from low to high, both included", ("is between", "is not between"), "edges",
        parts=("gte", "lte"), aliases=("range",),
    ),
    Operator(
        "before", TIMES, "one", "earlier than the instant", ("is before", "is not before"), "edges",
        truth=operator.lt, sql=operator.lt, side="below", neighbours=("after",),
    ),
    Operator(
        "after", TIMES, "one", "later than the instant", ("is after", "is not after"), "edges",
        truth=operator.gt, sql=operator.gt, side="above", neighbours=("before",),
    ),
    Operator(
        "older_than", TIMES, "age", "the instant plus the duration is before now",
        ("is older than", "is not older than"), "edges", truth=operator.lt, sql=operator.lt, side="below",
        neighbours=("younger_than",), aliases=("older",),
    ),
    Operator(
        "younger_than", TIMES, "age", "the instant plus the duration is after now; so is every future instant",
        ("is younger than", "is not younger than"), "edges", truth=operator.gt, sql=operator.gt, side="above",
        neighbours=("older_than",), aliases=("newer_than", "younger"),
    ),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {entry.name: entry for entry in _EVERY}
"""Every operator, by name."""


def operators_of(kind: Type) -> dict[str, Operator]:
    """The operators that operands of a type have, by name."""
    return {name: item for name, item in OPERATORS.items() if kind in item.types}


def aliases() -> dict[str, str]:
    """The names of operators by what other languages call them."""
    return {alias: item.name for item in OPERATORS.values() for alias in item.aliases}


def holds(name: str, value: Any, wanted: Any) -> bool:
    """Whether an operator holds of a value that is there: numbers, instants and texts as Python compares them.

    Args:
        name: the operator; none that takes a flag, which asks whether there is a value.
        value: the operand's value.
        wanted: the operator's own value, a tuple where it takes several.
    """
    known = OPERATORS[name]
    if known.negates:
        return not holds(known.negates, value, wanted)
    if known.takes == "list":
        return any(holds(known.parts[0], value, item) for item in wanted)
    if known.parts:
        return all(holds(part, value, item) for part, item in zip(known.parts, wanted, strict=True))
    assert known.truth is not None, f"{name} has no truth of values"
    return known.truth(value, wanted)


def timed(side: Side, *, age: bool) -> str:
    """The operator of instants that holds on a side of an instant, or of an age; the older lie below."""
    takes = "age" if age else "one"
    return next(
        item.name
        for item in OPERATORS.values()
        if item.types == TIMES and (item.takes, item.side) == (takes, side)
    )
