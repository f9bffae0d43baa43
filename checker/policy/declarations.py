"""Parameters and labels as a pack declares them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from checker.fields import catalogue
from checker.model import Label, Param, Type
from checker.policy.condition_scope import Scope
from checker.policy.hints import label_type
from checker.policy.literals import read_literal
from checker.policy.mapping_shape import Shape, assert_whole
from checker.problems import Problem, suggest
from checker.yaml_nodes import Entry, Node

TYPES = {
    "string": Type.STRING,
    "integer": Type.INTEGER,
    "boolean": Type.BOOLEAN,
    "duration": Type.DURATION,
    "date": Type.TIME,
    "time": Type.TIME,
    "ratio": Type.RATIO,
}
LABEL_TYPES = tuple(name for name, kind in TYPES.items() if kind is not Type.RATIO)
_PARAM = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_params(node: Node | None, problems: list[Problem]) -> dict[str, Param]:
    """The parameters that a `params:` mapping declares."""
    before = len(problems)
    params = {
        param.name: param
        for name, entry in _entries(node, "params", problems)
        if (param := _param(name, entry, problems))
    }
    if len(problems) == before:
        assert_whole(node, params)
    return params


def declared_names(node: Node | None) -> frozenset[str]:
    """The names that a `params:` or `labels:` mapping declares, rightly or not; an empty one where it is no mapping, so
    that nobody knows."""
    if node is None:
        return frozenset()
    return frozenset(node.value) if isinstance(node.value, dict) else frozenset({""})


def read_labels(node: Node | None, problems: list[Problem]) -> dict[str, Label]:
    """The labels that a `labels:` mapping declares."""
    labels: dict[str, Label] = {}
    folded: dict[str, str] = {}
    before = len(problems)
    for name, entry in _entries(node, "labels", problems):
        # a snapshot's columns do not tell names apart by their case
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            message = f"the labels {other} and {name} differ in case alone"
            problems.append(entry.key.problem(message, "give one of them another name"))
        shape = Shape(entry.node, f"the label {name}", problems)
        word = entry.node.value if entry.node.value in LABEL_TYPES else "string"
        if not shape.keys(
            ["type"], ["one_of", "required", "description"], f"write `{name}: {{type: {word}}}`"
        ):
            continue
        kind = shape.choice("type", LABEL_TYPES)
        one_of = shape.names("one_of")
        if one_of and kind not in ("string", ""):
            shape.error(entry.node.value["one_of"].key, f"one_of goes with strings, not with {kind}")
        if kind:
            labels[name] = Label(
                name,
                TYPES[kind],
                one_of,
                shape.text("description"),
                entry.key.where,
                day=kind == "date",
                required=_flag(shape, "required"),
            )
    if len(problems) == before:
        assert_whole(node, labels)
    return labels


def _flag(shape: Shape, name: str) -> bool:
    node = shape.get(name)
    if node is None:
        return False
    return read_literal(Type.BOOLEAN, (), node, Scope({}, {}, shape.problems), what=name) is True


def _entries(node: Node | None, what: str, problems: list[Problem]) -> Iterable[tuple[str, Entry]]:
    if node is None:
        return
    if not isinstance(node.value, dict):
        hint = f"write `{what}: {{NAME: {{type: string}}}}`"
        problems.append(node.problem(f"{what} is a mapping of names, not {node.kind}", hint))
        return
    for name, entry in node.value.items():
        if _PARAM.fullmatch(name):
            yield name, entry
        else:
            problems.append(entry.key.problem(f"`{name}` is no name", "use letters, digits and _"))


def _param(name: str, entry: Entry, problems: list[Problem]) -> Param | None:
    shape = Shape(entry.node, f"the parameter {name}", problems)
    word = str(entry.node.value)
    hint = f"write `{name}: {{type: {label_type(entry.node)}, default: {word}}}`"
    if word in TYPES:
        hint = f"write `{name}: {{type: {word}}}`"
    if not shape.keys(["type"], ["default", "description"], hint):
        return None
    node = shape.get("type")
    several = node is not None and isinstance(node.value, dict) and set(node.value) == {"list"}
    kind = _type(node.value["list"].node if node and several else node, problems) if node else None
    if kind is None:
        return None
    param = Param(name, *kind[:1], several, kind[1], None, shape.text("description"), entry.key.where)
    default = shape.get("default")
    if default is None:
        return param
    return dataclasses.replace(param, default=typed_value(param, default, problems))


def _type(node: Node, problems: list[Problem]) -> tuple[Type, tuple[str, ...]] | None:
    if isinstance(node.value, dict) and set(node.value) == {"field"}:
        path = node.value["field"].node
        known = catalogue().get(path.value) if isinstance(path.value, str) else None
        if known is None or known.type is not Type.ENUM:
            enums = [field.path for field in catalogue().values() if field.type is Type.ENUM]
            problems.append(path.problem(f"{path.value} is no enum field", f"enums are {', '.join(enums)}"))
            return None
        return known.type, known.members
    if isinstance(node.value, str) and node.value in TYPES:
        return TYPES[node.value], ()
    hint = suggest(str(node.value), [*TYPES, "{list: TYPE}", "{field: PATH}"], what="types are")
    problems.append(node.problem("unknown type of parameter", hint))
    return None


def typed_value(param: Param, node: Node, problems: list[Problem]) -> object:
    """A node as the parameter's value; None with the problem noted."""
    scope = Scope({}, {}, problems)
    if not param.list:
        return read_literal(param.type, param.members, node, scope, what=f"the parameter {param.name}")
    if not isinstance(node.value, tuple) or not node.value:
        hint = "write `[..]`, also for one value"
        problems.append(node.problem(f"the parameter {param.name} is a list with at least one value", hint))
        return None
    values = [
        read_literal(param.type, param.members, item, scope, what=f"the parameter {param.name}")
        for item in node.value
    ]
    return None if None in values else tuple(values)
