"""A condition as YAML writes it, to the tree that is evaluated: each name and value typed, each problem placed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from checker.model import Absence, Condition, Field, Group, Leaf, Operand, Source, Type
from checker.policy import hints
from checker.policy.aggregates import AGGREGATES, read_aggregate
from checker.policy.condition_scope import Scope
from checker.policy.condition_tree import fields_of
from checker.policy.matchers import OperandType, read_matcher
from checker.policy.operators import OPERATORS
from checker.yaml_nodes import Entry, Node

_MINUS = re.compile(r" - (?![^\[]*\])")
"""A minus between operands, not one in the quoted key of a tag."""


def parse_condition(node: Node, scope: Scope) -> Condition | None:
    """The condition at a node; None, with the problems noted in the scope, where it has any."""
    members = _members(node, scope)
    if members is None:
        return None
    return members[0] if len(members) == 1 else Group("all", members)


def _members(node: Node, scope: Scope) -> tuple[Condition, ...] | None:
    if not isinstance(node.value, dict):
        hint = hints.for_condition(node, scope.catalogue)
        scope.error(node, f"a condition is a mapping of fields to values, not {node.kind}", hint)
        return None
    if not node.value:
        scope.error(node, "an empty condition", "name a field, or leave the key out")
        return None
    before = len(scope.problems)
    parsed = [_entry(name, entry, scope) for name, entry in node.value.items()]
    if len(scope.problems) == before:
        _refuse_twice(node, parsed, scope)
    if len(scope.problems) > before:
        return None
    return None if None in parsed else tuple(member for member in parsed if member)


def _refuse_twice(node: Node, parsed: Sequence[Condition | None], scope: Scope) -> None:
    """Notes an operand that stands in a mapping under two spellings."""
    first: dict[Operand, Node] = {}
    for entry, member in zip(node.value.values(), parsed, strict=True):
        if not isinstance(member, Leaf):
            continue
        if member.operand in first:
            hint = f"the first one is in line {first[member.operand].where.line}: put the operators into one mapping"
            scope.error(entry.key, f"{member.operand} stands twice", hint)
        first.setdefault(member.operand, entry.key)


def _entry(name: str, entry: Entry, scope: Scope) -> Condition | None:
    if name in ("all", "any", "none"):
        return _group(name, entry, scope)
    if name in AGGREGATES:
        return read_aggregate(name, entry, scope, parse_condition)
    if name == "not":
        before = len(scope.problems)
        if isinstance(entry.node.value, tuple):
            scope.error(entry.node, "`not` takes one entry, not a list", "write `none: [..]`")
            return None
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
    operand = parse_operand(name, entry.key, scope, entry.node)
    if operand is None:
        return None
    before = len(scope.problems)
    compared = OperandType(str(operand), operand.type, operand.left.members)
    tests, if_absent = read_matcher(compared, entry.node, scope)
    if len(scope.problems) > before:
        return None
    leaf = Leaf(operand, tests, if_absent, entry.key.where)
    return leaf if _may_ask_for_absence(leaf, entry.node, scope) else None


def parse_operand(name: str, key: Node, scope: Scope, value: Node | None = None) -> Operand | None:
    """`path`, or `a - b` of two times or of two integers; `value` is what it is compared with, for hints."""
    names = [part.strip() for part in _MINUS.split(name)]
    if len(names) > 2:
        scope.error(key, f"`{name}` subtracts more than once", "an operand is a field, or `a - b`")
        return None
    label = "date" if len(names) == 2 else hints.label_type(value)
    left, right = (*(scope.find(path, key, label) for path in names), None)[:2]
    if left is None or (len(names) == 2 and right is None):
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


def _may_ask_for_absence(leaf: Leaf, node: Node, scope: Scope) -> bool:
    """Whether `exists` and `if_absent` stand on something that can be absent; else a mistake, which is noted."""
    operands = [part for part in (leaf.operand.left, leaf.operand.right) if part]
    asked = [(test.operator, operands) for test in leaf.tests if OPERATORS[test.operator].takes == "flag"]
    if leaf.if_absent:
        asked.append(("if_absent", list(fields_of(leaf))))
    for name, read in asked:
        if all(is_always_present(part) for part in read):
            path, hint = leaf.operand.left.path, "drop it"
            if path == "imageSetId":
                hint = "to ask whether the image set is there, write `found: true`"
            elif leaf.operand.left.absence is Absence.FALSE:
                hint = f"left out means false: write `{path}: false`"
            message = f"{name} on {leaf.operand}, which an answer always has"
            scope.error(node.value[name].key, message, hint)
            return False
    return True


def is_always_present(field: Field) -> bool:
    """Whether an answer that was received always has a value for it: the version before may not be there at all."""
    return field.absence in (Absence.NEVER, Absence.FALSE) and field.source is not Source.PREVIOUS_VERSION
