"""The tests written inside a rule: what differs from a healthy answer, and the verdict it must get."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from checker.model import Absence, Case, Field, Location, Param, Scalar, Type, Verdict
from checker.policy import hints
from checker.policy.declarations import typed
from checker.policy.literals import literal
from checker.policy.scope import Scope
from checker.policy.shape import Shape
from checker.problems import Problem, suggest
from checker.values import BadValueError, parse_time
from checker.yamlsource import Entry, Node

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
"""The instant of a test that names none."""
BESIDE = ("labels", "params", "as_of")
"""What may stand beside `given` as well as in it."""
NOT_FOUND = "ResourceNotFoundException"


def read_cases(
    node: Node,
    path: str,
    catalogue: Mapping[str, Field],
    params: Mapping[str, Param],
    problems: list[Problem],
) -> tuple[Case, ...]:
    """The tests in a list.

    Args:
        node: the list.
        path: the file's path as reports show it.
        catalogue: the fields that a test may give.
        params: the parameters that the rule reads.
        problems: where problems are noted.
    """
    if not isinstance(node.value, tuple):
        problems.append(node.problem(f"tests is a list, not {node.kind}", "each begins with `- name: ..`"))
        return ()
    cases: list[Case] = []
    for item in node.value:
        case = _read(item, path, catalogue, params, problems)
        if case is not None and case.name in {other.name for other in cases}:
            problems.append(item.problem(f"two tests are called {case.name}", "give each a name of its own"))
        elif case is not None:
            cases.append(case)
    return tuple(cases)


def _read(
    node: Node,
    path: str,
    catalogue: Mapping[str, Field],
    params: Mapping[str, Param],
    problems: list[Problem],
) -> Case | None:
    before = len(problems)
    shape = Shape(node, "the test", problems)
    if not shape.keys(("name", "given", "expect"), BESIDE):
        return None
    given = shape.get("given")
    if given is not None and not isinstance(given.value, dict):
        shape.error(given, f"given is a mapping, not {given.kind}", "`given: {}` is a healthy answer")
        return None
    case = _Given(Scope(catalogue, params, problems))
    if given is not None:
        case.take(given)
    for key in BESIDE:
        if key in node.value:
            case.take_one(key, node.value[key])
    name, expect = (
        shape.text("name"),
        shape.choice("expect", list(Verdict), noun="verdict", aliases=hints.VERDICTS),
    )
    if len(problems) > before:
        return None
    return Case(
        name=name,
        given=case.fields,
        labels=case.labels,
        params=case.params,
        as_of=case.as_of,
        expect=Verdict(expect),
        where=Location(path, node.where.line, node.where.column),
        found=case.found,
        error=case.error,
    )


class _Given:
    """What a test gives, sorted into fields, labels, parameters and the rest."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.fields: dict[str, object] = {}
        self.labels: dict[str, Scalar] = {}
        self.params: dict[str, object] = {}
        self.as_of = AS_OF
        self.found = True
        self.error: str | None = None

    def take(self, node: Node, prefix: str = "") -> None:
        """Nested mappings are dotted paths: `{overrides: {forced: true}}` is `overrides.forced`."""
        for name, entry in node.value.items():
            self.take_one(prefix + name, entry)

    def take_one(self, path: str, entry: Entry) -> None:
        node = entry.node
        members = [name for name in self.scope.catalogue if name.startswith(f"{path}.")]
        if path == "found":
            found = literal(Type.BOOLEAN, (), node, self.scope, what=path)
            self.found = bool(found)
        elif path == "error":
            self._error(node)
        elif path == "as_of":
            self._as_of(node)
        elif isinstance(node.value, dict) and (node.value or members or path in ("params", "labels")):
            self.take(node, f"{path}.")
        elif members and node.value is None:
            self.fields |= dict.fromkeys(name for name in members if not name.startswith("labels."))
        elif path.startswith("params."):
            self._param(path.removeprefix("params."), entry)
        else:
            self._field(path, entry)

    def _error(self, node: Node) -> None:
        if not isinstance(node.value, str) or not node.value:
            self.scope.error(
                node, f"error is a code as text, not {node.kind}", "such as AccessDeniedException"
            )
        elif node.value == NOT_FOUND:
            self.scope.error(
                node, f"{node.value} says that there is no such image set", "write `found: false`"
            )
        else:
            self.error = node.value

    def _as_of(self, node: Node) -> None:
        try:
            self.as_of = parse_time(str(node.value))
        except BadValueError as error:
            self.scope.error(node, str(error), error.hint)

    def _param(self, name: str, entry: Entry) -> None:
        param = self.scope.params.get(name)
        if param is None:
            hint = suggest(name, self.scope.params, what="it reads")
            self.scope.error(entry.key, f"the rule reads no parameter {name}", hint)
            return
        self.params[name] = typed(param, entry.node, self.scope.problems)

    def _field(self, path: str, entry: Entry) -> None:
        known = self.scope.find(path, entry.key)
        if known is None:
            return
        label = path.startswith("labels.")
        if not known.answer and not label:
            self.scope.error(entry.key, f"{path} cannot be given in a test")
            return
        if entry.node.value is None:
            if known.absence is Absence.NEVER:
                hint = "write `found: false` for a set that is not there"
                self.scope.error(entry.node, f"an answer always has {path}", hint)
            elif not label:
                self.fields[path] = None
            return
        # any text is taken for an enum, so that a test can show what an unlisted value does
        value: Any = literal(known.type, known.members if label else (), entry.node, self.scope, what=path)
        if label:
            self.labels[path.removeprefix("labels.")] = value
        else:
            self.fields[path] = value
