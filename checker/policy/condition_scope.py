"""What a condition may name, and the problems found while reading it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from checker import fields
from checker.model import Field, Label, Param, RuleScope, Source
from checker.policy import hints
from checker.policy.operators import OPERATORS, aliases
from checker.problems import Problem, nearest
from checker.yaml_nodes import Node


@dataclass
class Scope:
    """What a condition may name, the problems found so far, and the parameters that were used.

    `broken` are parameters whose declaration is a problem already: their use is not another one.
    """

    catalogue: Mapping[str, Field]
    params: Mapping[str, Param]
    problems: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    broken: frozenset[str] = frozenset()
    broken_labels: frozenset[str] = frozenset()
    """Labels whose declaration is a problem already; an empty name stands for all of them."""
    labels: Mapping[str, Label] = field(default_factory=dict)
    rule_scope: RuleScope = "image_set"
    """Of what the fields are: inside `count` and `ratio` of image sets, whatever the rule's own scope."""
    counted: bool = False
    """Whether this is inside `count` or `ratio`."""
    words: tuple[str, ...] = ("all", "any", "none", "not")
    """What may stand beside fields."""

    def error(self, node: Node, message: str, hint: str = "") -> None:
        """Notes a problem at a value or a key."""
        self.problems.append(node.problem(message, hint))

    def find(self, path: str, node: Node, label: str = "string") -> Field | None:
        """The field of a path; None, with the problem noted, where a policy may not name it. `label` is the type that a
        label seems to have."""
        if path in self.catalogue:
            return self.catalogue[path]
        tag = fields.tag_field(path)
        if tag is not None and (self.rule_scope != "datastore" or tag.source is Source.DATASTORE_TAGS):
            return tag
        if reason := fields.unknown_field_hint(path, self.rule_scope, self.labels):
            self.error(node, reason)
        elif self.rule_scope == "datastore" and (tag or path in fields.catalogue(self.labels)):
            hint = f"count image sets: `count: {{of: {{{path}: ..}}, gt: 0}}`"
            if tag is not None:
                hint = f"of the data store's own tags write datastore.{path}; else {hint}"
            self.error(node, f"{path} is a field of image sets, and the rule judges data stores", hint)
        elif path.startswith("labels."):
            labels = [name for name in self.catalogue if name.startswith("labels.")]
            hint = nearest(path, labels) or f"declare it: `labels: {{{path[7:]}: {{type: {label}}}}}`"
            if path[7:] in self.broken_labels or "" in self.broken_labels:
                return None
            self.error(node, f"the label {path[7:]} is not declared", hint)
        elif path in OPERATORS or path in aliases():
            hint = f"write `field: {{{path}: value}}`"
            self.error(node, f"the operator {path} stands where a field belongs", hint)
        else:
            self.error(node, f"unknown field {path}", hints.for_field(path, self.catalogue, self.words))
        return None
