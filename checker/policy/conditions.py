"""A condition as YAML writes it, to the tree that is evaluated: each name and value typed, each problem placed."""

from __future__ import annotations

from collections.abc import Iterator

from checker.fields import NOW
from checker.model import (
    Absence,
    Condition,
    Field,
    Group,
    IfAbsent,
    Leaf,
    Operand,
    ParamRef,
    Scalar,
    Test,
    Type,
    Value,
)
from checker.policy import hints
from checker.policy.hints import a_type, shown
from checker.policy.literals import comparable, one_value, param_value, text_value
from checker.policy.operators import EVERY, IF_ABSENT, OPERATORS, Operator
from checker.policy.scope import Scope
from checker.problems import nearest
from checker.yamlsource import Entry, Node


def parse_condition(node: Node, scope: Scope) -> Condition | None:
    """The condition at a node; None, with the problems noted in the scope, where it has any."""
    members = _members(node, scope)
    if members is None:
        return None
    return members[0] if len(members) == 1 else Group("all", members)


def _members(node: Node, scope: Scope) -> tuple[Condition, ...] | None:
    if not isinstance(node.value, dict):
        scope.error(
            node, f"a condition is a mapping of fields to values, not {node.kind}", "write `field: value`"
        )
        return None
    if not node.value:
        scope.error(node, "an empty condition", "name a field, or leave the key out")
        return None
    parsed = [_entry(name, entry, scope) for name, entry in node.value.items()]
    return None if None in parsed else tuple(member for member in parsed if member)


def _entry(name: str, entry: Entry, scope: Scope) -> Condition | None:
    if name in ("all", "any", "none"):
        return _group(name, entry, scope)
    if name == "not":
        before = len(scope.problems)
        members = _members(entry.node, scope)
        if isinstance(entry.node.value, dict) and len(entry.node.value) > 1:
            scope.problems[before:] = []
            hint = "write `none: [..]` or `not: {all: [..]}`"
            scope.error(entry.key, "`not` takes one entry; it is not clear what several mean", hint)
            return None
        return Group("none", members) if members else None
    return _leaf(name, entry, scope)


def _group(name: str, entry: Entry, scope: Scope) -> Condition | None:
    node = entry.node
    if not isinstance(node.value, tuple):
        hint = f"write `{name}: [{{field: value}}, ..]`"
        scope.error(node, f"`{name}` takes a list of conditions, not {node.kind}", hint)
        return None
    if not node.value:
        scope.error(node, f"`{name}` of an empty list", "list at least one condition")
        return None
    seen: dict[Condition, None] = {}
    for item in node.value:
        condition = parse_condition(item, scope)
        if condition is not None and condition in seen:
            scope.error(item, f"the same condition stands twice in `{name}`", "drop one of them")
        elif condition is not None:
            seen[condition] = None
    if len(seen) < len(node.value):
        return None
    return Group(name, tuple(seen))  # type: ignore[arg-type]


def _leaf(name: str, entry: Entry, scope: Scope) -> Leaf | None:
    operand = parse_operand(name, entry.key, scope)
    if operand is None:
        return None
    before = len(scope.problems)
    node = entry.node
    if isinstance(node.value, dict) and "field" not in node.value:
        tests, if_absent = _matcher(operand, node, scope)
    else:
        value = _value(operand, "eq", OPERATORS[operand.type]["eq"], node, scope)
        tests, if_absent = (() if value is None else (Test("eq", value),)), None
    if len(scope.problems) > before:
        return None
    leaf = Leaf(operand, tests, if_absent, entry.key.where)
    return leaf if _may_ask_for_absence(leaf, node, scope) else None


def parse_operand(name: str, key: Node, scope: Scope) -> Operand | None:
    """`path`, or `a - b` of two times or of two integers."""
    left_name, minus, right_name = (part.strip() for part in name.partition(" - "))
    if " - " in right_name:
        scope.error(key, f"`{name}` subtracts more than once", "an operand is a field, or `a - b`")
        return None
    left = scope.find(left_name, key)
    right = scope.find(right_name, key) if minus else None
    if left is None or (minus and right is None):
        return None
    if right is None:
        return Operand(left)
    if left.type != right.type or left.type not in (Type.TIME, Type.INTEGER):
        message = f"cannot subtract {right.path} ({right.type}) from {left.path} ({left.type})"
        scope.error(key, message, "subtract a time from a time, or an integer from an integer")
        return None
    if left == right:
        scope.error(key, f"`{name}` subtracts a field from itself")
        return None
    return Operand(left, right)


def _matcher(operand: Operand, node: Node, scope: Scope) -> tuple[tuple[Test, ...], IfAbsent | None]:
    tests: list[Test] = []
    if_absent: IfAbsent | None = None
    table = OPERATORS[operand.type]
    for name, entry in node.value.items():
        if name == "if_absent":
            if_absent = _if_absent(entry, scope)
        elif name in table:
            value = _value(operand, name, table[name], entry.node, scope)
            if value is not None:
                tests.append(Test(name, value))
        else:
            known = f"{operand} is {a_type(operand.type)}, which has no operator {name}"
            message = known if name in EVERY else f"unknown operator {name}"
            scope.error(entry.key, message, hints.for_operator(name, operand.type, table))
    if not any(name != "if_absent" for name in node.value):
        scope.error(node, f"no operator for {operand}", f"{operand.type} has: {', '.join(table)}")
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


def _may_ask_for_absence(leaf: Leaf, node: Node, scope: Scope) -> bool:
    """Whether `exists` and `if_absent` stand on something that can be absent; else a mistake, which is noted."""
    operands = [part for part in (leaf.operand.left, leaf.operand.right) if part]
    asked = [("exists", operands)] if any(test.operator == "exists" for test in leaf.tests) else []
    if leaf.if_absent:
        asked.append(("if_absent", list(fields_of(leaf))))
    for name, read in asked:
        if all(part.absence in (Absence.NEVER, Absence.FALSE) for part in read):
            path, hint = leaf.operand.left.path, "drop it"
            if path == "imageSetId":
                hint = "to ask whether the image set is there, write `found: true`"
            elif leaf.operand.left.absence is Absence.FALSE:
                hint = f"left out means false: write `{path}: false`"
            message = f"{name} on {leaf.operand}, which an answer always has"
            scope.error(node.value[name].key, message, hint)
            return False
    return True


def _value(operand: Operand, name: str, operator: Operator, node: Node, scope: Scope) -> Value | None:
    takes = operator.takes
    if takes == "list":
        return _list(operand, name, node, scope)
    if takes == "pair":
        return _pair(operand, name, node, scope)
    if takes == "flag":
        return one_value(Type.BOOLEAN, (), node, scope, what=name)
    kind = {"text": Type.STRING, "pattern": Type.STRING, "age": Type.DURATION}.get(takes, operand.type)
    members = operand.left.members if takes == "one" else ()
    value = one_value(kind, members, node, scope, what=str(operand) if takes == "one" else name)
    if takes == "pattern" and isinstance(value, Field):
        scope.error(node, "a pattern is text or a parameter, not a field")
        return None
    if isinstance(value, str) and takes in ("text", "pattern"):
        return text_value(operand, name, value, node, scope)
    return value


def _list(operand: Operand, name: str, node: Node, scope: Scope) -> Value | None:
    if isinstance(node.value, str) and node.value.startswith("$") and not node.value.startswith("$$"):
        return param_value(operand.type, operand.left.members, node, scope, several=True)
    if not isinstance(node.value, tuple):
        scope.error(node, f"`{name}` takes a list, not {node.kind}", f"write `{name}: [{shown(node)}]`")
        return None
    if not node.value:
        scope.error(node, f"`{name}` of an empty list", "list at least one value")
        return None
    values: dict[Scalar | Field | ParamRef, None] = {}
    for item in node.value:
        value = one_value(operand.type, operand.left.members, item, scope, what=str(operand))
        if value is not None and value in values:
            scope.error(item, f"{shown(item)} stands twice", "drop one of them")
        elif value is not None:
            values[value] = None
    return tuple(values) if len(values) == len(node.value) else None


def _pair(operand: Operand, name: str, node: Node, scope: Scope) -> Value | None:
    if not isinstance(node.value, tuple) or len(node.value) != 2:
        scope.error(
            node, f"`{name}` takes a list of two values, low and high", f"write `{name}: [low, high]`"
        )
        return None
    low, high = (one_value(operand.type, (), item, scope, what=str(operand)) for item in node.value)
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


def fields_of(condition: Condition | None) -> Iterator[Field]:
    """Every field a condition reads, in the order of writing, `now` left out."""
    if isinstance(condition, Group):
        for member in condition.members:
            yield from fields_of(member)
    elif condition is not None:
        operand = condition.operand
        yield from (part for part in (operand.left, operand.right) if part and part != NOW)
        for test in condition.tests:
            values = test.value if isinstance(test.value, tuple) else (test.value,)
            yield from (value for value in values if isinstance(value, Field) and value != NOW)
