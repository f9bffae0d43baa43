"""What a control demands of the parameters of a rule, and whether a run's values meet it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checker.model import ControlRequirement, Duration, Param, Rule, Scalar, Shortfall, Test
from checker.policy.condition_scope import Scope
from checker.policy.literals import comparable
from checker.policy.matchers import OperandType, read_matcher
from checker.policy.operators import OPERATORS, Operator, holds, timed
from checker.problems import Problem, suggest
from checker.yaml_nodes import Node

_ALWAYS = "a parameter always has a value"


def operator_error(operator: Operator) -> str:
    """Why a control cannot demand this of a parameter; nothing where it can."""
    if operator.takes == "flag":
        return _ALWAYS
    if operator.takes == "age" and operator.side is not None:
        return f"a demand does not change with time; write `{timed(operator.side, age=False)}`"
    return ""


def read_demands(
    node: Node | None, whose: str, params: Mapping[str, Param], problems: list[Problem]
) -> tuple[ControlRequirement, ...]:
    """The demands of a `requires:` mapping; problems are noted.

    Args:
        node: parameters, each with a matcher.
        whose: the rule whose parameters they are, for messages.
        params: the parameters that the rule reads.
        problems: where problems are noted.
    """
    if node is None:
        return ()
    if not isinstance(node.value, dict) or not node.value:
        kind = "an empty mapping" if isinstance(node.value, dict) else node.kind
        hint = "write `requires: {retention: {gte: 10y}}`"
        problems.append(
            node.problem(f"requires maps parameters to what is demanded of them, not {kind}", hint)
        )
        return ()
    demands = []
    for name, entry in node.value.items():
        if name not in params:
            hint = suggest(name, params, what="it reads") or "it reads no parameter"
            problems.append(entry.key.problem(f"{whose} reads no parameter {name}", hint))
            continue
        tests = _tests(params[name], entry.node, problems)
        if tests:
            demands.append(ControlRequirement(name, tests))
    return tuple(demands)


def _tests(param: Param, node: Node, problems: list[Problem]) -> tuple[Test, ...]:
    before = len(problems)
    refused = {name: why for name, item in OPERATORS.items() if (why := operator_error(item))}
    refused["if_absent"] = _ALWAYS
    for operator, why in refused.items():
        if isinstance(node.value, dict) and operator in node.value:
            problems.append(node.value[operator].key.problem(f"`{operator}` cannot be demanded", why))
    if len(problems) > before:
        return ()
    what = OperandType(f"the parameter {param.name}", param.type, param.members)
    tests, _ = read_matcher(what, node, Scope({}, {}, problems), without=refused)
    return tests if len(problems) == before else ()


def shortfalls(rule: Rule, values: Mapping[str, Scalar | tuple[Scalar, ...]]) -> Iterator[Shortfall]:
    """The demands of a rule's controls that the values of its parameters do not meet, each with one unmet test."""
    for control in rule.controls:
        for demand in control.requires:
            value = values[demand.param]
            several = value if isinstance(value, tuple) else (value,)
            for test in demand.tests:
                if not all(meets(test, item) for item in several):
                    yield Shortfall(rule.name, control, ControlRequirement(demand.param, (test,)), value)


def meets(test: Test, value: Scalar) -> bool:
    """Whether a value passes a test with a literal. Durations compare with the calendar's mean month."""
    wanted = tuple(map(_number, test.value)) if isinstance(test.value, tuple) else _number(test.value)
    return holds(test.operator, _number(value), wanted)


def _number(value: Any) -> Any:
    return comparable(value) if isinstance(value, Duration) else value
