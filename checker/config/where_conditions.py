"""`image_sets: {where: CONDITION}`: the condition that says which of the image sets that are found belong to a target.

It is read of what SearchImageSets answers, so that no call is made for an image set of somebody else. An image set for
which it is unknown belongs to the target: what cannot be told apart is not left unaudited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checker.fields import NOW, catalogue, model, tag_field
from checker.model import Condition, Field, Label
from checker.policy.aggregates import AGGREGATES
from checker.policy.condition_scope import Scope
from checker.policy.conditions import parse_condition
from checker.problems import Problem
from checker.yaml_nodes import Node

_TARGET = "target"
_LATER = ("datastore", "dicom", "previous", "previous_version", "successor", "tags")
"""Families of fields of which some are known in other scopes, or with a label."""


def read_where(node: Node, labels: Mapping[str, Label], problems: list[Problem]) -> Condition | None:
    """The condition at a node; None, with every problem noted, where it has any."""
    parameters = list(_parameters(node))
    broken = frozenset(
        parameter.value[1:] for parameter in parameters
    )  # each is noted here, with the right hint
    scope = _Scope(_readable(labels), {}, labels=labels, broken=broken)
    condition = parse_condition(node, scope)
    for parameter in parameters:
        hint = f"write the value itself; the text {parameter.value} is written ${parameter.value}"
        scope.error(parameter, f"{parameter.value} is a parameter, of which `where` has none", hint)
    problems += scope.problems
    return None if scope.problems else condition


def _answered() -> frozenset[str]:
    return model().searched - {"found", "collectedAt"}


def _readable(labels: Mapping[str, Label]) -> dict[str, Field]:
    """The fields that it may name, by path."""
    every = catalogue(labels)
    own = {f"labels.{name}" for name in labels} | {_TARGET, NOW.path}
    return {path: field for path, field in every.items() if path in _answered() or path in own}


class _Scope(Scope):
    """A policy's scope, without what is known only after more calls or of many image sets."""

    def find(self, path: str, node: Node, label: str = "string") -> Field | None:
        head = path.partition(".")[0]
        later = tag_field(path) or head in _LATER or path in catalogue(self.labels)
        if path in self.catalogue or not later:
            return super().find(path, node, label)
        answered = ", ".join(name for name in self.catalogue if name in _answered())
        hint = f"it may read {answered}, {_TARGET} and labels; leave the rest to the rules"
        self.error(node, f"{path} is not known when image sets are chosen", hint)
        return None

    def error(self, node: Node, message: str, hint: str = "") -> None:
        if node.value in AGGREGATES and message.startswith(f"{node.value} is over"):
            hint = "`where` chooses image sets one by one"
        super().error(node, message, hint)


def _parameters(node: Node) -> Iterator[Node]:
    """The texts in a condition that would be parameters in a policy."""
    if isinstance(node.value, dict):
        for name, entry in node.value.items():
            if name != "field":
                yield from _parameters(entry.node)
    elif isinstance(node.value, tuple):
        for item in node.value:
            yield from _parameters(item)
    elif isinstance(node.value, str) and node.value.startswith("$") and not node.value.startswith("$$"):
        yield node
