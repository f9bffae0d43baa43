"""Values in a policy: literals, `$params` and `{field: path}`, each of the type that belongs there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from checker.model import Duration, Field, ParamRef, Scalar, Type
from checker.policy import hints
from checker.policy.condition_scope import Scope
from checker.policy.hints import a_type
from checker.problems import nearest
from checker.values import INTEGERS, BadValueError, parse_duration, parse_ratio, parse_time
from checker.yaml_nodes import Node

MEAN_MONTH = 2_629_746_000
"""Milliseconds of the mean Gregorian month: 146,097 days in 400 years."""

_PARSERS: Mapping[Type, Callable[[str], Scalar]] = {
    Type.DURATION: parse_duration,
    Type.TIME: parse_time,
    Type.RATIO: parse_ratio,
}


_LABELS = {Type.TIME: "date", Type.DURATION: "duration", Type.INTEGER: "integer", Type.BOOLEAN: "boolean"}


def read_value(
    kind: Type, members: tuple[str, ...], node: Node, scope: Scope, *, what: str
) -> Scalar | Field | ParamRef | None:
    """A literal of the type, `$param` or `{field: path}`; None with the problem noted."""
    raw = node.value
    if isinstance(raw, dict) and set(raw) == {"field"}:
        return _reference(kind, raw["field"].node, scope, what=what)
    if isinstance(raw, str) and raw.startswith("$") and not raw.startswith("$$"):
        return read_param(kind, members, node, scope, several=False)
    return read_literal(kind, members, node, scope, what=what)


def read_literal(
    kind: Type, members: tuple[str, ...], node: Node, scope: Scope, *, what: str
) -> Scalar | None:
    """A literal of the type; None with the problem noted."""
    raw = node.value
    if isinstance(raw, str) and raw.startswith("$$"):
        raw = raw[1:]
    if kind in (Type.STRING, Type.ENUM) and isinstance(raw, str):
        if members and raw not in members:
            scope.error(node, f"{what} is never {raw}", hints.for_enum(raw, members))
            return None
        return raw
    if kind is Type.BOOLEAN and isinstance(raw, bool):
        return raw
    if kind is Type.INTEGER and isinstance(raw, int) and not isinstance(raw, bool) and raw in INTEGERS:
        return raw
    if kind in _PARSERS and isinstance(raw, str):
        try:
            return _PARSERS[kind](raw)
        except BadValueError as error:
            better = hints.for_text(raw, kind, scope.catalogue, scope.params)
            scope.error(node, str(error), better or error.hint)
            return None
    kinds = "one value" if isinstance(raw, tuple) else a_type(kind)
    got = node.written if isinstance(raw, float) and kind is Type.INTEGER else node.kind
    scope.error(node, f"{what} takes {kinds}, not {got}", hints.for_kind(kind, node))
    return None


def _reference(kind: Type, node: Node, scope: Scope, *, what: str) -> Field | None:
    if not isinstance(node.value, str):
        scope.error(node, f"`field` takes a field's name, not {node.kind}")
        return None
    known = scope.find(node.value, node, _LABELS.get(kind, "string"))
    if known is None:
        return None
    if _text_like(known.type) != _text_like(kind):
        scope.error(node, f"{what} is compared with {a_type(kind)}, but {known.path} is {a_type(known.type)}")
        return None
    return known


def read_param(
    kind: Type, members: tuple[str, ...], node: Node, scope: Scope, *, several: bool
) -> ParamRef | None:
    """`$name` where `several` values or one of the type belong; None with the problem noted."""
    name = node.value[1:]
    if name in scope.broken or "" in scope.broken:
        return None
    if name not in scope.params:
        near = nearest(name, scope.params).replace("mean ", "mean $")
        if name[:1] + name[-1:] == "{}":
            near = f"write ${name[1:-1]}"
        elif name in scope.catalogue:
            near = f"to compare with a field, write `{{field: {name}}}`"
        scope.error(
            node,
            f"unknown parameter ${name}",
            near or f"declare it under params; the text {node.value} is written ${node.value}",
        )
        return None
    scope.used.add(name)
    param = scope.params[name]
    if param.list != several:
        have, need = ("a list", "one value") if param.list else ("one value", "a list")
        hint = f"write `{{in: {node.value}}}`" if param.list else f"write `[{node.value}]`"
        scope.error(node, f"{node.value} is {have}, but {need} belongs here", hint)
    elif kind is Type.ENUM and param.members != members:
        scope.error(
            node, f"{node.value} may have values that do not belong here", "declare its type as {field: PATH}"
        )
    elif _text_like(param.type) != _text_like(kind):
        scope.error(node, f"{node.value} is {a_type(param.type)}, but {a_type(kind)} belongs here")
    else:
        return ParamRef(name)
    return None


def _text_like(kind: Type) -> Type:
    return Type.STRING if kind is Type.ENUM else kind


def comparable(value: Scalar) -> float:
    """A number by which integers, ratios, and durations, compare: a calendar month counts as the mean one."""
    if isinstance(value, Duration):
        return value.months * MEAN_MONTH + value.milliseconds
    return value  # type: ignore[return-value]
