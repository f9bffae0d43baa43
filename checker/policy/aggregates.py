"""`count` and `ratio` of `scope: datastore`: how many of a data store's image sets a condition holds for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from checker.fields import catalogue
from checker.model import Absence, Aggregate, Condition, Field, Source, Type
from checker.policy.condition_scope import Scope
from checker.policy.condition_tree import walk
from checker.policy.matchers import OperandType, read_matcher
from checker.policy.operators import OPERATORS
from checker.yaml_nodes import Entry, Node

AGGREGATES = ("count", "ratio")


def aggregates(*conditions: Condition | None) -> dict[str, Aggregate]:
    """The different aggregates of a rule by name: `count`, `ratio`, and `count 2` for a second count."""
    named: dict[str, Aggregate] = {}
    for leaf in dict.fromkeys(leaf for condition in conditions for leaf in walk(condition)):
        if isinstance(leaf, Aggregate):
            number = sum(other.kind == leaf.kind for other in named.values()) + 1
            named[leaf.kind if number == 1 else f"{leaf.kind} {number}"] = leaf
    return named


def aggregate_fields(*conditions: Condition | None, broken: bool) -> dict[str, Field]:
    """What a message may show of a rule's aggregates, by name. Where the conditions are `broken`, so that it is not known
    what they count, it may show either."""
    if broken:
        return {name: Field(name, Type.INTEGER, Absence.NEVER, Source.OWN, "") for name in AGGREGATES}
    return {
        name: Field(name, item.type, Absence.NEVER, Source.OWN, f"The {item.kind} as a number.")
        for name, item in aggregates(*conditions).items()
    }


def read_aggregate(
    name: str, entry: Entry, scope: Scope, parse: Callable[[Node, Scope], Condition | None]
) -> Aggregate | None:
    """The aggregate at a `count` or `ratio` entry; None, with the problems noted in the scope, where it has any.

    Args:
        name: `count` or `ratio`.
        entry: the entry.
        scope: what the rule may name.
        parse: reads the conditions that image sets are counted by.
    """
    before = len(scope.problems)
    node = entry.node
    if scope.rule_scope != "datastore":
        hint = "write `scope: datastore`; a rule of another scope judges one image set at a time"
        if scope.counted:
            hint = "what is counted are single image sets"
        scope.error(entry.key, f"{name} is over all image sets of a data store", hint)
        return None
    kind = Type.INTEGER if name == "count" else Type.RATIO
    parts = ("of",) if name == "count" else ("of", "among")
    given = node.value if isinstance(node.value, dict) else {}
    if name == "ratio" and "of" not in given:
        scope.error(node, "ratio does not say of which image sets", "write `ratio: {of: {..}, gt: 1%}`")
    if name == "count" and "among" in given:
        scope.error(given["among"].key, "count has no `among`", "put the condition into `of`")
        parts = ("of", "among")
    inner = replace(scope, catalogue=catalogue(scope.labels), rule_scope="image_set", counted=True)
    conditions = {part: parse(given[part].node, inner) for part in parts if part in given}
    tests, if_absent = read_matcher(OperandType(name, kind), node, scope, parts)
    for test in tests:
        values = test.value if isinstance(test.value, tuple) else (test.value,)
        if any(isinstance(value, Field) for value in values):
            scope.error(node, f"{name} is compared with a number or a parameter, not with a field")
        if name == "count" and OPERATORS[test.operator].takes == "flag":
            message = f"{test.operator} on count, which there always is"
            scope.error(given[test.operator].key, message, "write `gt: 0`")
    if name == "count" and if_absent:
        scope.error(given["if_absent"].key, "if_absent on count, which there always is", "drop it")
    if len(scope.problems) > before:
        return None
    return Aggregate(
        name,  # type: ignore[arg-type]
        conditions.get("of"),
        conditions.get("among"),
        tests,
        if_absent,
        entry.key.where,
    )
