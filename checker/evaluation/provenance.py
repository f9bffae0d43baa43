"""Which answers of the service a verdict rests on: the calls that gave what its rule read, when the oldest of their answers
was received, and the earlier run that asked for it, if one did."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checker.aws.actions import ACTIONS, GET_IMAGE_SET, LIST_VERSIONS, SEARCH
from checker.evaluation.condition_compiler import Columns, tree
from checker.fields import FOUND_FIELD, MOVING
from checker.model import Aggregate, Field, Rule, Source
from checker.policy.aggregates import aggregates
from checker.policy.condition_tree import fields_of
from checker.snapshot.columns import CALL, COLLECTED, FILLED_AT, LISTED_SINCE, REUSED, SEARCHED_AT
from checker.snapshot.image_sets import FILLED
from checker.sql import Expression, case, col, false, func, lit, null

CALLS = "calls"
ANSWERS = (CALLS, COLLECTED, REUSED)
"""The columns of findings that say what they rest on."""
BETWEEN = ", "
"""What stands between the calls in a column of them."""
OLDEST = "oldest"
"""The column of the oldest answer that an aggregate rests on."""
_OF_SETS = (GET_IMAGE_SET, LIST_VERSIONS, SEARCH)
_BESIDE = {
    **{source: name for name, action in ACTIONS.items() for source in action.sources},
}
_SEARCHED = {**dict.fromkeys(sorted(MOVING), SEARCHED_AT), FILLED: FILLED_AT}
EVERY = tuple(sorted({*_OF_SETS, *_BESIDE.values()}))
"""The calls that verdicts may rest on."""


@dataclass(frozen=True, slots=True)
class ReadFields:
    """What is read, so far as it decides on which answers that rests. `own`: something of the answer on the subject itself;
    `searched`: the columns of what a search may have said beside it; `beside`: what came from other calls."""

    own: bool
    searched: tuple[str, ...]
    beside: frozenset[Source]
    counted: tuple[Aggregate, ...] = ()

    @classmethod
    def of(cls, fields: Iterable[Field], counted: Iterable[Aggregate] = ()) -> ReadFields:
        """What it takes to know fields and aggregates."""
        every = tuple(fields)
        return cls(
            any(field.answer or field == FOUND_FIELD for field in every),
            tuple(dict.fromkeys(_SEARCHED[field.path] for field in every if field.path in _SEARCHED)),
            frozenset(field.source for field in every) & {*_BESIDE, Source.SUCCESSOR},
            tuple(counted),
        )

    @classmethod
    def by(cls, rule: Rule) -> ReadFields:
        """What a rule reads of its subject, and what it counts."""
        return cls.of(rule.fields, aggregates(rule.when, rule.condition).values())

    @classmethod
    def counting(cls, aggregate: Aggregate) -> ReadFields:
        """What an aggregate reads of each image set."""
        return cls.of(field for part in (aggregate.of, aggregate.among) for field in fields_of(part))


def calls(read: ReadFields, columns: Columns) -> Mapping[str, Expression]:
    """The calls that may have given what is read, each with whether it has."""
    found: dict[str, list[Expression]] = {}

    def put(call: str, condition: Expression) -> None:
        found.setdefault(call, []).append(condition)

    for call in _OF_SETS:
        if read.own:
            put(call, col(CALL) == lit(call))
        if Source.SUCCESSOR in read.beside:
            put(call, col(f"{Source.SUCCESSOR}.{CALL}") == lit(call))
    if read.own:
        put(SEARCH, col(LISTED_SINCE).isnotnull())  # of a target that was searched
    for column in read.searched:
        put(SEARCH, col(column).isnotnull())
    for source in read.beside & _BESIDE.keys():
        put(_BESIDE[source], col(f"{source}.received"))
    for aggregate in read.counted:
        for call in EVERY:
            put(call, func("contains", col(f"{columns[aggregate]} {CALLS}"), lit(call)))
    return {call: tree(operator.or_, conditions) for call, conditions in sorted(found.items())}


def call_names(truths: Mapping[str, Expression]) -> Expression:
    """The calls of which something holds, as a text."""
    some = [case(truth, lit(call)) for call, truth in truths.items()]
    return func("concat_ws", lit(BETWEEN), *some) if some else lit("")


def oldest(read: ReadFields, columns: Columns) -> Expression:
    """Of the answers that give what is read the oldest: when it was received, and the earlier run that asked for it. Null
    where there is none."""
    none = null("VARCHAR")
    every = []
    if read.own:
        received = col(CALL).isnotnull() | col(LISTED_SINCE).isnotnull()
        every.append(_answer(received, col(COLLECTED), col(REUSED)))
    every += [_answer(col(column).isnotnull(), col(column), none) for column in read.searched]
    for source in sorted(read.beside):
        given = col(f"{source}.received"), col(f"{source}.{COLLECTED}")
        every.append(_answer(*given, col(f"{source}.{REUSED}") if source is Source.SUCCESSOR else none))
    every += [col(f"{columns[aggregate]} {OLDEST}") for aggregate in read.counted]
    if not every:
        return _answer(false(), null("TIMESTAMP"), none)
    return every[0] if len(every) == 1 else func("least", *every)


def _answer(received: Expression, at: Expression, run: Expression) -> Expression:
    return case(received & at.isnotnull(), func("struct_pack", at.alias("at"), run.alias("run")))


def rests_on(read: ReadFields, columns: Columns) -> list[Expression]:
    """The columns `CALLS`, `COLLECTED` and `REUSED` of a verdict."""
    expression = oldest(read, columns)
    at, run = (func("struct_extract", expression, lit(name)) for name in ("at", "run"))
    return [call_names(calls(read, columns)), at, run]
