"""What a rule asks, as a digest: equal wherever the rule stands and whatever its texts are."""

from __future__ import annotations

import hashlib

from checker.model import Aggregate, Condition, Field, Group, Rule, Value


def rule_digest(rule: Rule) -> str:
    """Sixteen hex digits of what the verdicts of a rule with bound parameters rest on: scope, condition, `when`."""
    parts = (rule.scope, rule.deny, _condition(rule.when), _condition(rule.condition))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _condition(condition: Condition | None) -> object:
    if condition is None:
        return None
    if isinstance(condition, Group):
        return (condition.kind, *(_condition(member) for member in condition.members))
    tests = tuple((test.operator, _value(test.value)) for test in condition.tests)
    if isinstance(condition, Aggregate):
        among = (_condition(condition.of), _condition(condition.among))
        return (condition.kind, *among, tests, condition.if_absent)
    return (str(condition.operand), tests, condition.if_absent)


def _value(value: Value) -> object:
    if isinstance(value, tuple):
        return tuple(_value(item) for item in value)
    return ("field", value.path) if isinstance(value, Field) else value
