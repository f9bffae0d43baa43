"""The tests written inside a rule: what differs from a healthy answer, and the verdict it must get."""

from __future__ import annotations

from datetime import UTC, datetime

from checker.model import Case, Location, Verdict
from checker.policy import hints
from checker.policy.condition_scope import Scope
from checker.policy.mapping_shape import Shape, assert_whole
from checker.policy.test_input import BESIDE, TestInput
from checker.problems import Problem
from checker.yaml_nodes import Node

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
"""The instant of a test that names none."""


def read_cases(node: Node, path: str, scope: Scope) -> tuple[Case, ...]:
    """The tests in a list.

    Args:
        node: the list.
        path: the file's path as reports show it.
        scope: the fields that a test may give, the parameters that the rule reads, and where problems are noted.
    """
    if not isinstance(node.value, tuple):
        scope.error(node, f"tests is a list, not {node.kind}", "each begins with `- name: ..`")
        return ()
    cases: list[Case] = []
    before = len(scope.problems)
    for item in node.value:
        case = _read(item, path, scope)
        if case is not None and case.name in {other.name for other in cases}:
            scope.error(item, f"two tests are called {case.name}", "give each a name of its own")
        elif case is not None:
            cases.append(case)
    if len(scope.problems) == before:
        assert_whole(node, cases)
    return tuple(cases)


def _read(node: Node, path: str, scope: Scope) -> Case | None:
    problems: list[Problem] = scope.problems
    before = len(problems)
    shape = Shape(node, "the test", problems)
    if not shape.keys(("name", "given", "expect"), BESIDE):
        return None
    given = shape.get("given")
    if given is not None and not isinstance(given.value, dict):
        shape.error(given, f"given is a mapping, not {given.kind}", "`given: {}` is a healthy answer")
        return None
    case = TestInput(scope)
    if given is not None:
        case.take(given)
    for key in BESIDE:
        if key in node.value:
            case.take_one(key, node.value[key])
    if given is not None:
        case.agree(given)
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
        as_of=case.as_of or AS_OF,
        expect=Verdict(expect),
        where=Location(path, node.where.line, node.where.column),
        found=case.found,
        error=case.error,
        errors=case.errors,
        previous=case.previous,
        successor=case.successor,
        known=case.before,
        image_sets=tuple(case.image_sets),
        complete=case.complete,
    )
