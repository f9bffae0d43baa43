"""One entry of `rules:` to a Rule, with the tests written inside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from checker.fields import catalogue
from checker.model import Case, Condition, Field, Label, Location, Param, Rule, Scalar, Severity, Verdict
from checker.policy.conditions import fields_of, parse_condition
from checker.policy.declarations import read_params, typed
from checker.policy.literals import literal
from checker.policy.messages import read_message
from checker.policy.scope import Scope
from checker.policy.shape import Shape
from checker.problems import Problem
from checker.values import BadValueError, parse_time
from checker.yamlsource import Node

TEXTS = ("why", "fix", "caveat")
OPTIONAL = ("deny", "require", "when", *TEXTS, "scope", "message", "controls", "tags", "params", "tests")
SCOPES = ("image_set", "version", "datastore")
TESTED_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
CASE_KEYS = ("labels", "params", "as_of")


class RuleReader:
    """Reads the rules of one pack; problems and used parameters are gathered over all of them."""

    def __init__(
        self,
        pack: str,
        path: str,
        params: Mapping[str, Param],
        labels: Mapping[str, Label],
        problems: list[Problem],
    ) -> None:
        self.pack = pack
        self.path = path
        self.params = params
        self.labels = labels
        self.problems = problems
        self.catalogue = catalogue(labels)
        self.used: set[str] = set()

    def read(self, node: Node) -> Rule | None:
        """The rule at a node; None, with the problems noted, where it has any."""
        before = len(self.problems)
        shape = Shape(node, "the rule", self.problems)
        if not shape.keys(("id", "title", "severity"), OPTIONAL):
            return None
        own = read_params(shape.get("params"), self.problems)
        for name in own.keys() & self.params.keys():
            key = node.value["params"].node.value[name].key
            shape.error(key, f"the parameter {name} hides the pack's", "give it another name")
        scope = Scope(self.catalogue, {**self.params, **own}, self.problems)
        deny, condition = self._condition(shape, scope)
        when_node = shape.get("when")
        when = parse_condition(when_node, scope) if when_node else None
        message, message_fields = read_message(shape.get("message"), scope)
        for name in own.keys() - scope.used:
            shape.error(node.value["params"].node.value[name].key, f"the parameter {name} is not used")
        self.used |= scope.used
        rule_id, severity = shape.name("id"), shape.choice("severity", list(Severity), default="info")
        rule_scope = self._scope(shape)
        tests = self._tests(shape, scope.params)
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
            scope=rule_scope,
            controls=self._controls(shape),
            tags=shape.names("tags"),
            params=own,
            tests=tests,
            fields=tuple(dict.fromkeys((*fields_of(when), *fields_of(condition)))),
            message_fields=message_fields,
        )

    def _condition(self, shape: Shape, scope: Scope) -> tuple[bool, Condition | None]:
        deny, require = shape.get("deny"), shape.get("require")
        if deny and require:
            key = shape.node.value["require"].key
            shape.error(key, "a rule has `deny` or `require`, not both", "make two rules of it")
        elif not deny and not require:
            shape.error(
                shape.node, "the rule has neither `deny` nor `require`", "add the condition it judges by"
            )
        node = deny or require
        return deny is not None, parse_condition(node, scope) if node else None

    def _scope(self, shape: Shape) -> str:
        scope, node = shape.choice("scope", SCOPES, default="image_set"), shape.get("scope")
        if node is not None and scope != "image_set":
            shape.error(
                node, f"scope {scope} is not available yet", "only `scope: image_set` is, the default"
            )
        return scope

    def _controls(self, shape: Shape) -> dict[str, tuple[str, ...]]:
        node = shape.get("controls")
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            shape.error(node, f"controls maps a framework to control ids, not {node.kind}")
            return {}
        return {name: shape.texts(entry.node, f"controls.{name}") for name, entry in node.value.items()}

    def _tests(self, shape: Shape, params: Mapping[str, Param]) -> tuple[Case, ...]:
        node = shape.get("tests")
        if node is None:
            return ()
        if not isinstance(node.value, tuple):
            shape.error(node, f"tests is a list, not {node.kind}")
            return ()
        cases = [case for item in node.value if (case := self._case(item, params))]
        names: set[str] = set()
        for case, item in zip(cases, node.value, strict=False):
            if case.name in names:
                shape.error(item, f"two tests are called {case.name!r}")
            names.add(case.name)
        return tuple(cases)

    def _case(self, node: Node, params: Mapping[str, Param]) -> Case | None:
        before = len(self.problems)
        shape = Shape(node, "the test", self.problems)
        if not shape.keys(("name", "given", "expect"), CASE_KEYS):
            return None
        given_node = node.value["given"].node if "given" in node.value else None
        if given_node is None or not isinstance(given_node.value, dict):
            if given_node is not None:
                shape.error(
                    given_node,
                    f"given is a mapping, not {given_node.kind}",
                    "`given: {}` is a healthy answer",
                )
            return None
        given = _flat(given_node)
        # labels, params and as_of may stand beside `given` or in it
        for key in CASE_KEYS:
            if (beside := shape.get(key)) is not None:
                given |= _flat(beside, f"{key}.") if isinstance(beside.value, dict) else {key: beside}
        case = _Given(self.catalogue, params, self.problems)
        case.take(given)
        expect = shape.choice("expect", list(Verdict))
        name = shape.text("name")
        if len(self.problems) > before:
            return None
        where = Location(self.path, node.where.line, node.where.column)
        return Case(
            name,
            case.fields,
            case.labels,
            case.params,
            case.as_of,
            Verdict(expect),
            where,
            case.found,
            case.error,
        )


class _Given:
    """What a test says of the answer, sorted into fields, labels, parameters and the rest."""

    def __init__(
        self, known: Mapping[str, Field], params: Mapping[str, Param], problems: list[Problem]
    ) -> None:
        self.scope = Scope(known, params, problems)
        self.fields: dict[str, object] = {}
        self.labels: dict[str, Scalar] = {}
        self.params: dict[str, object] = {}
        self.as_of = TESTED_AS_OF
        self.found = True
        self.error: str | None = None

    def take(self, given: Mapping[str, Node]) -> None:
        for path, node in given.items():
            if path == "found" and isinstance(node.value, bool):
                self.found = node.value
            elif path == "error" and isinstance(node.value, str):
                self.error = node.value
            elif path == "as_of":
                self._as_of(node)
            elif path.startswith("params."):
                self._param(path[7:], node)
            else:
                self._field(path, node)

    def _as_of(self, node: Node) -> None:
        try:
            self.as_of = parse_time(str(node.value))
        except BadValueError as error:
            self.scope.error(node, str(error), error.hint)

    def _param(self, name: str, node: Node) -> None:
        param = self.scope.params.get(name)
        if param is None:
            self.scope.error(node, f"unknown parameter {name}")
            return
        self.params[name] = typed(param, node, self.scope.problems)

    def _field(self, path: str, node: Node) -> None:
        known = self.scope.find(path, node)
        if known is None:
            return
        if not known.answer and not path.startswith("labels."):
            self.scope.error(node, f"{path} cannot be given in a test")
            return
        # any text is taken for an enum, so that a test can show what an unlisted value does
        value: Any = None if node.value is None else literal(known.type, (), node, self.scope, what=path)
        if not path.startswith("labels."):
            self.fields[path] = value
        elif value is not None:
            self.labels[path[7:]] = value


def _flat(node: Node, prefix: str = "") -> dict[str, Node]:
    """Nested mappings as dotted paths: `{overrides: {forced: true}}` is `overrides.forced`."""
    flat: dict[str, Node] = {}
    for name, entry in node.value.items():
        path = prefix + name
        if isinstance(entry.node.value, dict) and entry.node.value:
            flat |= _flat(entry.node, f"{path}.")
        else:
            flat[path] = entry.node
    return flat
