"""A matcher: a value, or operators with their values, each of the type that it is compared with."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from checker.model import Field, IfAbsent, ParamRef, Scalar, Test, Type, Value
from checker.policy import hints
from checker.policy.condition_scope import Scope
from checker.policy.hints import a_type, scalar_text
from checker.policy.literals import comparable, read_param, read_value
from checker.policy.operators import BARE, IF_ABSENT, OPERATORS, Operator, holds, operators_of
from checker.problems import nearest
from checker.yaml_nodes import Entry, Node


@dataclass(frozen=True, slots=True)
class OperandType:
    """What a matcher is about: its name in messages, its type, and the members of an enum."""

    name: str
    type: Type
    members: tuple[str, ...] = ()


def read_matcher(
    what: OperandType,
    node: Node,
    scope: Scope,
    beside: Collection[str] = (),
    without: Collection[str] = (),
) -> tuple[tuple[Test, ...], IfAbsent | None]:
    """The tests of a matcher and its `if_absent`; problems are noted in the scope.

    Args:
        what: what is compared.
        node: a scalar, which means `eq`, or a mapping of operators.
        scope: what may be named.
        beside: keys of the mapping that are somebody else's.
        without: operators of the type that are none here.
    """
    if not isinstance(node.value, dict) or "field" in node.value:
        value = _value(what, OPERATORS[BARE], node, scope)
        return (() if value is None else (Test(BARE, value),)), None
    tests: list[Test] = []
    if_absent: IfAbsent | None = None
    table = {name: item for name, item in operators_of(what.type).items() if name not in without}
    for name, entry in node.value.items():
        if name in beside:
            continue
        if name == "if_absent":
            if_absent = _if_absent(entry, scope)
        elif name in table:
            value = _value(what, table[name], entry.node, scope)
            if value is not None:
                tests.append(Test(name, value))
        else:
            known = f"{what.name} is {a_type(what.type)}, which has no operator {name}"
            message = known if name in OPERATORS else f"unknown operator {name}"
            scope.error(entry.key, message, hints.for_operator(name, what.type, [*beside, *table]))
    if not any(name != "if_absent" and name not in beside for name in node.value):
        scope.error(node, f"no operator for {what.name}", f"{what.type} has: {', '.join(table)}")
    return tuple(tests), if_absent


def _if_absent(entry: Entry, scope: Scope) -> IfAbsent | None:
    word = entry.node.value
    if word not in IF_ABSENT:
        hint = (
            nearest(str(word), IF_ABSENT)
            or "match counts an absent value as if the matcher held, no_match as if not"
        )
        scope.error(entry.node, f"if_absent is one of {', '.join(IF_ABSENT)}", hint)
        return None
    return word  # type: ignore[no-any-return]


def _value(what: OperandType, operator: Operator, node: Node, scope: Scope) -> Value | None:
    name, takes = operator.name, operator.takes
    if takes == "list":
        return _list(what, name, node, scope)
    if takes == "pair":
        return _pair(what, name, node, scope)
    if takes == "flag":
        return read_value(Type.BOOLEAN, (), node, scope, what=name)
    kind = {"text": Type.STRING, "pattern": Type.STRING, "age": Type.DURATION}.get(takes, what.type)
    members = what.members if takes == "one" else ()
    value = read_value(kind, members, node, scope, what=what.name if takes == "one" else name)
    if takes == "pattern" and isinstance(value, Field):
        scope.error(node, "a pattern is text or a parameter, not a field")
        return None
    if isinstance(value, str) and operator.of_text:
        return _text(what, operator, value, node, scope)
    return value


def _list(what: OperandType, name: str, node: Node, scope: Scope) -> Value | None:
    if isinstance(node.value, str) and node.value.startswith("$") and not node.value.startswith("$$"):
        return read_param(what.type, what.members, node, scope, several=True)
    if not isinstance(node.value, tuple):
        scope.error(node, f"`{name}` takes a list, not {node.kind}", f"write `{name}: [{scalar_text(node)}]`")
        return None
    if not node.value:
        scope.error(node, f"`{name}` of an empty list", "list at least one value")
        return None
    values: dict[Scalar | Field | ParamRef, None] = {}
    for item in node.value:
        value = read_value(what.type, what.members, item, scope, what=what.name)
        if value is not None and value in values:
            scope.error(item, f"{scalar_text(item)} stands twice", "drop one of them")
        elif value is not None:
            values[value] = None
    return tuple(values) if len(values) == len(node.value) else None


def _bounds(name: str, node: Node) -> str:
    found = (
        re.fullmatch(r"(\S+?)\s*(?:-|\.\.|to|and|,)\s*(\S+)", node.value)
        if isinstance(node.value, str)
        else None
    )
    return f"write `{name}: [{found[1]}, {found[2]}]`" if found else f"write `{name}: [low, high]`"


def _pair(what: OperandType, name: str, node: Node, scope: Scope) -> Value | None:
    if not isinstance(node.value, tuple) or len(node.value) != 2:
        scope.error(node, f"`{name}` takes a list of two values, low and high", _bounds(name, node))
        return None
    low, high = (read_value(what.type, (), item, scope, what=what.name) for item in node.value)
    if low is None or high is None:
        return None
    if (
        not isinstance(low, Field | ParamRef)
        and not isinstance(high, Field | ParamRef)
        and comparable(low) > comparable(high)
    ):
        scope.error(node, f"`{name}` with low above high", "no value lies between them; swap them")
        return None
    return (low, high)


def _text(what: OperandType, operator: Operator, value: str, node: Node, scope: Scope) -> str | None:
    if operator.fault and (wrong := operator.fault(value)):
        what_is_wrong = (
            "not an RE2 pattern" if operator.takes == "pattern" else f"{operator.name} cannot look for it"
        )
        scope.error(node, f"{what_is_wrong}: {wrong}", hints.for_pattern(wrong))
        return None
    if what.members and not any(holds(operator.name, member, value) for member in what.members):
        hint = f"{what.name} is one of {', '.join(what.members)}"
        scope.error(node, f"no value of {what.name} {operator.name} {value}", hint)
        return None
    return value
