"""What audit.yaml changes of the packs' rules: another severity, or a rule that is switched off."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from checker.model import Rule, Severity, Tailoring
from checker.policy.mapping_shape import Shape
from checker.problems import Problem, suggest
from checker.yaml_nodes import Node

HINT = "write `{severity: low}`, or `{off: WHY}`"


@dataclass(frozen=True, slots=True, eq=False)
class Override:
    """An entry of `rules:` in audit.yaml: a severity, or None where the rule is switched off; `key` and `value` are
    the places."""

    rule: str
    severity: Severity | None
    reason: str
    key: Node
    value: Node


def read_overrides(node: Node | None, problems: list[Problem]) -> tuple[Override, ...]:
    """The entries of a `rules:` mapping; problems are noted."""
    if node is None:
        return ()
    if not isinstance(node.value, dict):
        hint = "write `rules: {PACK/RULE: {severity: low}}`"
        problems.append(node.problem(f"rules maps rules to what is changed of them, not {node.kind}", hint))
        return ()
    found = [_override(name, entry.key, entry.node, problems) for name, entry in node.value.items()]
    return tuple(override for override in found if override)


def _override(name: str, key: Node, node: Node, problems: list[Problem]) -> Override | None:
    before = len(problems)
    shape = Shape(node, f"the change of {name}", problems)
    if name.count("/") != 1:
        problems.append(key.problem(f"{name} names no rule", "write PACK/RULE"))
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"{shape.what} is a mapping, not {node.kind}", HINT))
        return None
    shape.keys((), ("severity", "off", "reason"))
    off, severity = shape.get("off"), shape.get("severity")
    if off and severity:
        shape.error(node.value["severity"].key, "severity of a rule that is switched off", "drop one of them")
    elif not off and not severity and len(problems) == before:
        shape.error(node, f"{shape.what} says nothing", HINT)
    if off and shape.get("reason"):
        shape.error(node.value["reason"].key, "reason stands twice", "`off` is the reason: `{off: WHY}`")
    if off and not _is_text(off):
        hint = 'write `{off: "why it does not apply here"}`'
        shape.error(off, f"off takes the reason as text, not {off.kind}", hint)
    word = shape.choice("severity", list(Severity), default="info")
    reason = shape.text("reason") if shape.get("reason") else ""
    if len(problems) > before:
        return None
    if off:
        return Override(name, None, str(off.value).strip(), key, off)
    assert severity is not None
    return Override(name, Severity(word), reason, key, severity)


def _is_text(node: Node) -> bool:
    return isinstance(node.value, str) and bool(node.value.strip())


def tailor(
    rules: Sequence[Rule], overrides: Sequence[Override], problems: list[Problem]
) -> tuple[dict[str, Rule], tuple[Tailoring, ...]]:
    """The rules that are left, by name and with their severities, and every change in the order of the rules.

    Problems are noted: rules that no policy has, and, as warnings, severities that change nothing.
    """
    names = {rule.name for rule in rules}
    for override in overrides:
        if override.rule not in names:
            hint = suggest(override.rule, [rule.name for rule in rules], what="rules are")
            problems.append(override.key.problem(f"no loaded rule is called {override.rule}", hint))
    by_name = {override.rule: override for override in overrides}
    left: dict[str, Rule] = {}
    changes = []
    for rule in rules:
        found = by_name.get(rule.name)
        if found is None:
            left[rule.name] = rule
            continue
        if found.severity is rule.severity:
            message = f"the severity of {rule.name} is {rule.severity} anyway"
            problems.append(found.value.problem(message, "drop the entry", warning=True))
        if found.severity is not None:
            left[rule.name] = dataclasses.replace(rule, severity=found.severity)
        if found.severity is not rule.severity:
            what = f"severity {rule.severity} -> {found.severity}" if found.severity else "off"
            changes.append(Tailoring(rule, what, found.reason, found.key.where))
    return left, tuple(changes)
