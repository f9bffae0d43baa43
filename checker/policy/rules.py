"""One entry of `rules:` to a Rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import get_args

from checker.fields import catalogue
from checker.model import Case, Condition, Label, Location, Param, ParamRef, Rule, RuleScope, Severity
from checker.policy import hints
from checker.policy.aggregates import aggregate_fields
from checker.policy.condition_scope import Scope
from checker.policy.condition_tree import fields_of
from checker.policy.conditions import parse_condition
from checker.policy.controls import read_controls
from checker.policy.declarations import declared_names, read_params
from checker.policy.hints import OTHER_KEYS
from checker.policy.mapping_shape import Shape
from checker.policy.messages import literal_placeholders, read_message
from checker.policy.rule_tests import read_cases
from checker.problems import Problem
from checker.yaml_nodes import Node

TEXTS = ("why", "fix", "caveat")
OPTIONAL = ("deny", "require", "when", *TEXTS, "scope", "message", "controls", "tags", "params", "tests")
SCOPES: tuple[RuleScope, ...] = get_args(RuleScope)


class RuleReader:
    """Reads the rules of one pack; problems and used parameters are gathered over all of them."""

    def __init__(
        self,
        pack: str,
        path: str,
        params: Mapping[str, Param],
        labels: Mapping[str, Label],
        problems: list[Problem],
        *,
        broken: frozenset[str] = frozenset(),
        broken_labels: frozenset[str] = frozenset(),
    ) -> None:
        self.pack = pack
        self.path = path
        self.params = params
        self.labels = labels
        self.problems = problems
        self.broken = broken
        self.broken_labels = broken_labels
        self.catalogues = {scope: catalogue(labels, scope) for scope in SCOPES}
        self.used: set[str] = set()
        self.warnings: list[Problem] = []
        self.frameworks: dict[str, Node] = {}

    def read(self, node: Node) -> Rule | None:
        """The rule at a node; None, with the problems noted, where it has any."""
        before = len(self.problems)
        shape = Shape(node, "the rule", self.problems)
        below = (*self.catalogues["image_set"].keys() - {"message"}, "all", "any", "none", "not")
        if not shape.keys(("id", "title", "severity"), OPTIONAL, "each rule begins with `- id: NAME`", below):
            return None
        own, scope = self._scope(shape)
        deny, condition = self._condition(shape, scope)
        when_node = shape.get("when")
        when = parse_condition(when_node, scope) if when_node else None
        beside = aggregate_fields(when, condition, broken=len(self.problems) > before)
        message, message_fields, shown = read_message(shape.get("message"), scope, beside)
        self.warnings += literal_placeholders(shape.get("message"), scope)
        self.warnings += _placeholders_elsewhere(shape)
        for name in own.keys() - scope.used if len(self.problems) == before else ():
            shape.error(node.value["params"].node.value[name].key, f"the parameter {name} is not used")
        self.used |= scope.used
        rule_id, severity = shape.name("id"), shape.choice("severity", list(Severity), default="info")
        tests = self._tests(shape, scope)
        read = {name: param for name, param in scope.params.items() if name in scope.used}
        self._name_frameworks(shape.get("controls"))
        controls = read_controls(shape.get("controls"), self.path, read, self.problems)
        if len(self.problems) > before or condition is None:
            return None
        return Rule(
            id=rule_id,
            pack=self.pack,
            title=shape.text("title"),
            severity=Severity(severity),
            condition=condition,
            deny=deny,
            when=when,
            where=Location(self.path, node.where.line, node.where.column),
            **{name: shape.text(name) for name in TEXTS},
            message=message,
            scope=scope.rule_scope,
            controls=controls,
            tags=shape.names("tags"),
            params=own,
            tests=tests,
            fields=tuple(dict.fromkeys((*fields_of(when), *fields_of(condition)))),
            message_fields=message_fields,
            message_params={name: ParamRef(name) for name in shown},
        )

    def _name_frameworks(self, node: Node | None) -> None:
        if node is not None and isinstance(node.value, dict):
            self.frameworks = {name: entry.key for name, entry in node.value.items()} | self.frameworks

    def _condition(self, shape: Shape, scope: Scope) -> tuple[bool, Condition | None]:
        deny, require = shape.get("deny"), shape.get("require")
        if deny and require:
            key = shape.node.value["require"].key
            shape.error(key, "a rule has `deny` or `require`, not both", "make two rules of it")
        elif not deny and not require:
            unknown = shape.meant(("deny", "require"))
            if not {"deny", "require"} & {*unknown.values()} and not OTHER_KEYS.keys() & unknown.keys() - {
                "unless"
            }:
                hint = "add the condition it judges by"
                shape.error(shape.node, "the rule has neither `deny` nor `require`", hint)
        node = deny or require
        return deny is not None, parse_condition(node, scope) if node else None

    def _scope(self, shape: Shape) -> tuple[dict[str, Param], Scope]:
        """The rule's own parameters, and what its conditions may name."""
        own = read_params(shape.get("params"), self.problems)
        for name in own.keys() & self.params.keys():
            key = shape.node.value["params"].node.value[name].key
            shape.error(key, f"the parameter {name} hides the pack's", "give it another name")
        word = shape.choice("scope", SCOPES, default="image_set", aliases=hints.SCOPES)
        rule_scope = next(scope for scope in SCOPES if scope == word)
        return own, Scope(
            self.catalogues[rule_scope],
            {**self.params, **own},
            self.problems,
            broken=self.broken | (declared_names(shape.get("params")) - own.keys()),
            broken_labels=self.broken_labels,
            labels=self.labels,
            rule_scope=rule_scope,
        )

    def _tests(self, shape: Shape, scope: Scope) -> tuple[Case, ...]:
        node = shape.get("tests")
        if node is None:
            return ()
        read = {name: param for name, param in scope.params.items() if name in scope.used}
        return read_cases(node, self.path, replace(scope, params=read))


def _placeholders_elsewhere(shape: Shape) -> Iterator[Problem]:
    """Warnings of texts that show fields as only a message does."""
    for name in ("title", *TEXTS):
        node = shape.get(name)
        if node is not None and isinstance(node.value, str) and "{{" in node.value:
            message = f"{name} is printed as it is written, with its {{{{ }}}}"
            yield node.problem(message, "only `message` shows fields", warning=True)
