"""A rule to DuckDB expressions. Three-valued logic is SQL's: true, false, and null for unknown.

User text gets into an expression as a constant or a column's name, both of which the library quotes; no SQL text is
ever made of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar

from checker.aws.actions import ACTIONS
from checker.evaluation.field_expressions import (
    FALSE,
    NULL,
    TRUE,
    is_absent,
    is_received,
    raw_value,
    text_value,
)
from checker.fields import FOUND_FIELD, NOW
from checker.model import (
    Absence,
    Aggregate,
    Condition,
    Duration,
    Field,
    Group,
    Leaf,
    Operand,
    ParamRef,
    Rule,
    Scalar,
    Source,
    Test,
    Type,
    Verdict,
)
from checker.policy.condition_tree import fields_of, walk
from checker.policy.conditions import is_always_present
from checker.policy.literals import MEAN_MONTH, comparable
from checker.policy.operators import OPERATORS, Operator
from checker.sql import Expression, case, coalesce, col, func, lit

T = TypeVar("T")

CODES = {verdict: code for code, verdict in enumerate(Verdict)}
"""Verdicts as the small integers that the verdict column holds."""


_CALLS = {
    **{source: name for name, action in ACTIONS.items() for source in action.sources},
    Source.SUCCESSOR: "successor",
    Source.HISTORY: "",  # no call: its reasons stand alone
    Source.PREVIOUS_VERSION: "",
}

Columns = Mapping[Aggregate | str, str]
"""The columns that hold the truth of aggregates, under `NAME reason` why there is none, under `NAME numbers` the
numbers as JSON; and by the names of rules those of `targets.with_firsts`."""
NO_AGGREGATES: Columns = MappingProxyType({})


def verdict(rule: Rule, as_of: datetime | Expression, aggregates: Columns = NO_AGGREGATES) -> Expression:
    """The verdict of a rule with bound parameters on each row, as a code of `CODES`; `as_of` may be a column."""
    compiler = Compiler(as_of, aggregates)
    truth = compiler.condition(rule.condition)
    violated = truth if rule.deny else ~truth
    if rule.when is None:
        code = case(~violated, _code(Verdict.PASS)).when(violated, _code(Verdict.FAIL))
    else:
        when = compiler.condition(rule.when)
        code = case(~when, _code(Verdict.NOT_APPLICABLE)).when(~violated, _code(Verdict.PASS))
        code = code.when(violated & when, _code(Verdict.FAIL))
    return code.otherwise(_code(Verdict.UNKNOWN)).cast("TINYINT")


def reason(rule: Rule, as_of: datetime, aggregates: Columns = NO_AGGREGATES) -> Expression:
    """Why a verdict is unknown: the code of the failed call, else the fields that were absent or unlisted.

    A field is named where a leaf that reads it has no truth: one that `exists` or `if_absent` settles is no reason.
    """
    compiler = Compiler(as_of, aggregates)
    undecided: dict[Field, list[Expression]] = {}
    failed: dict[Source, list[Expression]] = {}
    missing: list[Expression] = []
    asked: list[Expression] = []
    for leaf in dict.fromkeys((*walk(rule.when), *walk(rule.condition))):
        truth = compiler.leaf(leaf).isnull()
        if isinstance(leaf, Aggregate):
            missing.append(case(truth, col(f"{aggregates[leaf]} reason")))
            continue
        for field in dict.fromkeys(fields_of(leaf)):
            undecided.setdefault(field, []).append(truth)
            if field.source in _CALLS:
                gap = truth & ~is_received(field) if field.source is Source.HISTORY else truth
                failed.setdefault(field.source, []).append(gap)
            if field.answer or field == FOUND_FIELD:
                asked.append(truth)
    missing += [_failure(source, truths) for source, truths in failed.items()]
    missing += [
        case(tree(operator.or_, truths), _why(field))
        for field, truths in undecided.items()
        if field.absence is not Absence.FALSE or field.source is Source.PREVIOUS_VERSION
    ]
    fields: Expression = func("concat_ws", lit(", "), *missing) if missing else lit("")
    if not asked:
        return fields
    failed_itself = col("error.code").isnotnull() & tree(operator.or_, asked)
    return case(failed_itself, col("error.code")).otherwise(fields)


def _failure(source: Source, truths: Sequence[Expression]) -> Expression:
    """The failed call of its own that fields come from, where that left a leaf undecided."""
    failed = col(f"{source}.error").isnotnull() & tree(operator.or_, truths)
    if not _CALLS[source]:
        return case(failed, col(f"{source}.error"))
    return case(failed, func("concat", lit(f"{_CALLS[source]} "), col(f"{source}.error")))


def _why(field: Field) -> Expression:
    """Why a field of an answer that was received has no value that counts; null where it has one."""
    why = case(raw_value(field).isnull(), lit(f"{field.path} absent"))
    if field.members:
        why = why.when(~_listed(field), lit(f"{field.path} unlisted"))
    if field.source is Source.HISTORY:
        return case(is_received(field), why)
    return case(col(f"{field.source}.error").isnull(), why) if field.source in _CALLS else why


def tree(join: Callable[[T, T], T], items: Sequence[T]) -> T:
    """The items joined as a balanced tree: one as deep as a list is long would end Python's stack, and DuckDB's."""
    while len(items) > 1:
        items = [
            join(*items[at : at + 2]) if at + 1 < len(items) else items[at] for at in range(0, len(items), 2)
        ]
    return items[0]


def _code(value: Verdict) -> Expression:
    return lit(CODES[value])


def _listed(field: Field) -> Expression:
    return col(field.path).isin(*(lit(member) for member in field.members))


class Compiler:
    """Conditions to nullable booleans, for one instant: a datetime, or a column that holds it."""

    def __init__(self, as_of: datetime | Expression, aggregates: Columns = NO_AGGREGATES) -> None:
        self.now = as_of if isinstance(as_of, Expression) else _constant(as_of)
        self.aggregates = aggregates

    def condition(self, condition: Condition) -> Expression:
        """The truth of a condition on each row; null where it is unknown."""
        if not isinstance(condition, Group):
            return self.leaf(condition)
        members = [self.condition(member) for member in condition.members]
        if condition.kind == "all":
            return tree(operator.and_, members)
        held = tree(operator.or_, members)
        return ~held if condition.kind == "none" else held

    def leaf(self, leaf: Leaf | Aggregate) -> Expression:
        """The truth of a leaf; of an aggregate it is in a column already."""
        if isinstance(leaf, Aggregate):
            return col(self.aggregates[leaf])
        truth = tree(operator.and_, [self.test(leaf.operand, test) for test in leaf.tests])
        if leaf.if_absent is None:
            return truth
        read = list(dict.fromkeys(fields_of(leaf)))
        there = [coalesce(is_received(field), FALSE) for field in read]
        may_lack = [item for item, field in zip(there, read, strict=True) if not is_always_present(field)]
        if not may_lack:
            return truth
        gaps = [self.value(field, listed=False).isnull() for field in read if not is_always_present(field)]
        absent = tree(operator.or_, [item & gap for item, gap in zip(may_lack, gaps, strict=True)])
        word = {"match": TRUE, "no_match": FALSE, "unknown": NULL}[leaf.if_absent].cast("BOOLEAN")
        # what was not received is no absence; yet it may turn out to be one, so that only what holds either way is known
        either = {"match": truth | NULL, "no_match": truth & NULL, "unknown": NULL}[leaf.if_absent]
        unread = ~tree(operator.and_, there) & (absent | ~tree(operator.and_, may_lack))
        return case(unread, either.cast("BOOLEAN")).when(absent, word).otherwise(truth)

    def value(self, field: Field, *, listed: bool = True) -> Expression:
        """A field's value; null where it is absent or unknown, and where the model does not list it."""
        if field == NOW:
            return self.now
        if field.absence is Absence.FALSE:
            return text_value(field)
        raw = raw_value(field)
        return case(_listed(field), raw) if listed and field.members else raw

    def test(self, operand: Operand, test: Test) -> Expression:
        known, value = OPERATORS[test.operator], test.value
        if known.negates:
            return ~self.test(operand, Test(known.negates, value))
        if known.takes == "flag":
            present = self.exists(operand)
            if isinstance(value, Field):
                return present == self.value(value)
            return present if value else ~present
        values = value if isinstance(value, tuple) else (value,)
        if known.takes == "list":
            return self.among(operand, OPERATORS[known.parts[0]], values)
        if known.parts:
            both = values if len(values) == len(known.parts) else values * len(known.parts)
            parts = zip(known.parts, both, strict=True)
            return tree(operator.and_, [self.compare(operand, OPERATORS[part], item) for part, item in parts])
        return self.compare(operand, known, values[0])

    def exists(self, operand: Operand) -> Expression:
        parts = [part for part in (operand.left, operand.right) if part and part != NOW]
        return tree(operator.and_, [self._present(part) for part in parts])

    def _present(self, field: Field) -> Expression:
        present = self.value(field, listed=False).isnotnull()
        return present if field.source is Source.OWN else case(is_received(field), present)

    def among(
        self, operand: Operand, equal: Operator, items: tuple[Scalar | Field | ParamRef, ...]
    ) -> Expression:
        """Equal to one of the items; literals are looked up at once, since lists of ids are long."""
        plain = operand.right is None and operand.type is not Type.DURATION
        literals = [item for item in items if plain and not isinstance(item, Field | ParamRef)]
        others = [item for item in items if not plain or isinstance(item, Field | ParamRef)]
        truths = [self.compare(operand, equal, item) for item in others]
        if literals:
            found = self.value(operand.left).isin(*(_constant(item) for item in literals))
            truths.append(self._where_none(operand, found, FALSE))
        return tree(operator.or_, truths)

    def compare(self, operand: Operand, known: Operator, value: Scalar | Field | ParamRef) -> Expression:
        """One comparison; where the operand is definitely none, it is false."""
        assert not isinstance(value, ParamRef), f"${value.name} was not bound"
        none: Expression = FALSE
        if isinstance(value, Field) and value != NOW:
            none = case(self.value(value).isnotnull(), none)
        return self._where_none(operand, self._compare(operand, known, value), none)

    def _where_none(self, operand: Operand, truth: Expression, none: Expression) -> Expression:
        """The truth, but `none` where the operand is a field of which there is definitely none."""
        absent = None if operand.right is not None else is_absent(operand.left)
        return truth if absent is None else case(absent, none).otherwise(truth)

    def _compare(self, operand: Operand, known: Operator, value: Scalar | Field) -> Expression:
        left, compare = self.value(operand.left), known.sql
        assert compare is not None, f"{known.name} has no expression"
        if known.takes == "age":
            return compare(self.later(left, value), self.now)
        if known.of_text:
            return compare(left, self.operand_value(value))
        if operand.right is not None:
            right = self.value(operand.right)
            if operand.type is Type.DURATION:
                return compare(left, self.later(right, value))
            # two 64-bit integers may differ by more than 64 bits hold
            difference = left.cast("HUGEINT") - right.cast("HUGEINT")
            return compare(difference, self.operand_value(value))
        if operand.type is Type.DURATION:
            length = _length(self.value(value)) if isinstance(value, Field) else lit(comparable(value))
            return compare(_length(left), length)
        return compare(left, self.operand_value(value))

    def operand_value(self, value: Scalar | Field) -> Expression:
        return self.value(value) if isinstance(value, Field) else _constant(value)

    def later(self, instant: Expression, duration: Scalar | Field) -> Expression:
        """The instant plus a duration: calendar months first, then milliseconds."""
        if isinstance(duration, Duration):
            if duration.months:
                instant = instant + func("to_months", lit(duration.months))
            return _plus(instant, lit(duration.milliseconds)) if duration.milliseconds else instant
        assert isinstance(duration, Field)
        months, milliseconds = _parts(self.value(duration))
        return _plus(instant + func("to_months", months), milliseconds)


def _plus(instant: Expression, milliseconds: Expression) -> Expression:
    # By numbers, not by an interval: DuckDB takes the intervals of 30 days and of one month for equal, and where both
    # are added to one column in a query it computes only one of the two sums.
    return func("make_timestamp_ms", func("epoch_ms", instant) + milliseconds)


def _parts(duration: Expression) -> tuple[Expression, Expression]:
    months, milliseconds = (
        func("struct_extract", duration, lit(name)) for name in ("months", "milliseconds")
    )
    return months, milliseconds


def _length(duration: Expression) -> Expression:
    months, milliseconds = _parts(duration)
    return months.cast("BIGINT") * lit(MEAN_MONTH) + milliseconds


def _constant(value: Scalar) -> Expression:
    if isinstance(value, datetime):
        return lit(value.astimezone(UTC).replace(tzinfo=None))
    return lit(value)
