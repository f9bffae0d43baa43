"""Conditions in words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from checker import values
from checker.model import Aggregate, Condition, Field, Group, Leaf, ParamRef, Rule, Target, Test, Value
from checker.policy.operators import OPERATORS

_PLAIN = re.compile(r"[\w.:+/@-]+")


def expected(rule: Rule) -> str:
    """What a rule asks of a subject: the condition of `require`, or the opposite of `deny`, and where it asks it."""
    text = phrase(rule.condition, negated=rule.deny)
    return f"{text}; this applies where {phrase(rule.when)}" if rule.when else text


def excluded_sets(targets: Iterable[Target]) -> tuple[str, ...]:
    """Which image sets of targets a condition leaves out, by the names that audit.yaml gives them."""
    texts = (
        f"image sets of {target.name.partition('/')[0]} but those where {phrase(target.discovery.where)}"
        for target in targets
        if target.discovery is not None and target.discovery.where is not None
    )
    return tuple(dict.fromkeys(texts))


def phrase(condition: Condition, *, negated: bool = False) -> str:
    """A condition in words, or its opposite (De Morgan)."""
    if isinstance(condition, Leaf) and (there := _is_there(condition)) is not None:
        return f"the image set is {'' if there is not negated else 'not '}there"
    if not isinstance(condition, Group):
        tests = [test_text(test, negated=negated) for test in condition.tests]
        absent = f" [if_absent: {condition.if_absent}]" if condition.if_absent else ""
        what = condition.operand if isinstance(condition, Leaf) else _aggregate(condition)
        return f"{what} {(' or ' if negated else ' and ').join(tests)}{absent}"
    inner = negated is not (condition.kind == "none")
    word = "or" if (condition.kind == "any") is not negated else "and"
    parts = [phrase(member, negated=inner) for member in condition.members]
    if len(parts) == 1:
        return parts[0]
    nested = [isinstance(member, Group) and len(member.members) > 1 for member in condition.members]
    return f" {word} ".join(f"({part})" if deep else part for part, deep in zip(parts, nested, strict=True))


def _is_there(leaf: Leaf) -> bool | None:
    """Whether a condition on `found` asks for an image set that is there, or for one that is not; None of any other."""
    match leaf.tests:
        case (Test(operator="eq", value=bool(value)),) if str(leaf.operand) == "found":
            return value
    return None


def _aggregate(aggregate: Aggregate) -> str:
    """A count or ratio in words; commas close what it is of, so that the comparison is not read as a part of it."""
    of = f" where {phrase(aggregate.of)}" if aggregate.of else ""
    among = f", among those where {phrase(aggregate.among)}" if aggregate.among else ""
    number = "the number" if aggregate.kind == "count" else "the share"
    return f"{number} of image sets{of}{among}{',' if of or among else ''}"


def test_text(test: Test, *, negated: bool) -> str:
    known = OPERATORS[test.operator]
    if known.takes == "flag":
        return known.words[(test.value is True) is negated]
    return f"{known.words[negated]} {_value(test.value, ' and ' if known.takes == 'pair' else ', ')}"


def _value(value: Value, between: str) -> str:
    if isinstance(value, tuple):
        return between.join(_parts(value))
    return _one(value)


def _parts(several: Iterable[Value]) -> list[str]:
    return [_value(item, ", ") for item in several]


def _one(value: object) -> str:
    if isinstance(value, Field):
        return value.path
    if isinstance(value, ParamRef):
        return f"${value.name}"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return f'"{value}"'
    return values.show(value)
