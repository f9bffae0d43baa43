"""Values in a policy: literals, `$params` and `{field: path}`, each of the type that belongs there."""

from __future__ import annotations

from functools import cache

from checker import fields
from checker.model import Duration, Field, Operand, ParamRef, Scalar, Type
from checker.policy.scope import Scope
from checker.problems import nearest, suggest
from checker.values import INTEGERS, BadValueError, parse_duration, parse_time, show
from checker.yamlsource import Node

MEAN_MONTH = 2_629_746_000
"""Milliseconds of the mean Gregorian month: 146,097 days in 400 years."""


def one_value(
    kind: Type, members: tuple[str, ...], node: Node, scope: Scope, *, what: str
) -> Scalar | Field | ParamRef | None:
    """A literal of the type, `$param` or `{field: path}`; None with the problem noted."""
    raw = node.value
    if isinstance(raw, dict) and set(raw) == {"field"}:
        return _reference(kind, raw["field"].node, scope, what=what)
    if isinstance(raw, str) and raw.startswith("$") and not raw.startswith("$$"):
        return param_value(kind, node, scope, several=False)
    return literal(kind, members, node, scope, what=what)


def literal(kind: Type, members: tuple[str, ...], node: Node, scope: Scope, *, what: str) -> Scalar | None:
    """A literal of the type; None with the problem noted."""
    raw = node.value
    if isinstance(raw, str) and raw.startswith("$$"):
        raw = raw[1:]
    if kind in (Type.STRING, Type.ENUM) and isinstance(raw, str):
        if kind is Type.ENUM and members and raw not in members:
            scope.error(node, f"{what} is never {raw}", _enum_hint(raw, members))
            return None
        return raw
    if kind is Type.BOOLEAN and isinstance(raw, bool):
        return raw
    if kind is Type.INTEGER and isinstance(raw, int) and not isinstance(raw, bool) and raw in INTEGERS:
        return raw
    try:
        if kind is Type.DURATION and isinstance(raw, str):
            return parse_duration(raw)
        if kind is Type.TIME and isinstance(raw, str):
            return parse_time(raw)
    except BadValueError as error:
        scope.error(node, str(error), error.hint)
        return None
    scope.error(node, f"{what} takes {a_type(kind)}, not {node.kind}", _type_hint(kind, node))
    return None


def _reference(kind: Type, node: Node, scope: Scope, *, what: str) -> Field | None:
    if not isinstance(node.value, str):
        scope.error(node, f"`field` takes a field's name, not {node.kind}")
        return None
    known = scope.find(node.value, node)
    if known is None:
        return None
    if _text_like(known.type) != _text_like(kind):
        scope.error(node, f"{what} is compared with {a_type(kind)}, but {known.path} is {a_type(known.type)}")
        return None
    return known


def param_value(kind: Type, node: Node, scope: Scope, *, several: bool) -> ParamRef | None:
    """`$name` where `several` values or one of the type belong; None with the problem noted."""
    name = node.value[1:]
    if name not in scope.params:
        hint = (
            nearest(name, scope.params)
            or f"declare it under params; text that begins with $ is written $${name}"
        )
        scope.error(node, f"unknown parameter ${name}", hint)
        return None
    scope.used.add(name)
    param = scope.params[name]
    if param.list != several:
        message = f"${name} is a list" if param.list else f"${name} is one value"
        scope.error(
            node,
            f"{message}, but {'a list' if several else 'one value'} belongs here",
            "" if param.list else "write `[$" + name + "]`",
        )
        return None
    if kind is Type.ENUM and param.type is Type.STRING:
        scope.error(
            node, f"${name} is a string, but an enum belongs here", "declare its type as {field: PATH}"
        )
        return None
    if _text_like(param.type) != _text_like(kind):
        scope.error(node, f"${name} is {a_type(param.type)}, but {a_type(kind)} belongs here")
        return None
    return ParamRef(name)


def text_value(operand: Operand, name: str, value: str, node: Node, scope: Scope) -> str | None:
    """A literal of a text operator; None with the problem noted."""
    if name == "matches" and (wrong := bad_pattern(value)):
        scope.error(node, f"not an RE2 pattern: {wrong}", "RE2 has no look-around and no back-references")
        return None
    if operand.type is Type.ENUM and not any(
        text_test(name, member, value) for member in operand.left.members
    ):
        scope.error(
            node,
            f"no value of {operand} {name} {value}",
            f"{operand} is one of {', '.join(operand.left.members)}",
        )
        return None
    return value


def text_test(name: str, text: str, value: str) -> bool:
    """A text operator on two strings."""
    if name == "matches":
        return _matches(text, value)
    return {
        "contains": value in text,
        "starts_with": text.startswith(value),
        "ends_with": text.endswith(value),
    }[name]


@cache
def bad_pattern(pattern: str) -> str:
    """What RE2 says against a pattern; nothing where it takes it."""
    import duckdb

    try:
        _matches("", pattern)
    except duckdb.Error as error:
        return str(error).splitlines()[0].partition(": ")[2]
    return ""


def _matches(text: str, pattern: str) -> bool:
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute("SELECT regexp_matches($1, $2)", [text, pattern]).fetchall()
    return bool(found[0][0])


def _enum_hint(raw: str, members: tuple[str, ...]) -> str:
    if first := fields.FIRST_BOTOCORE_MEMBER.get(raw):
        return f"{raw} needs botocore {first} or later; {fields.model().botocore_version} is installed"
    return suggest(raw, members, what="it is one of")


def _type_hint(kind: Type, node: Node) -> str:
    if node.value is None:
        return "to ask for absence, write {exists: false}"
    if kind is Type.BOOLEAN:
        return "write true or false"
    if kind in (Type.STRING, Type.ENUM) and node.kind in ("a number", "a boolean"):
        return f'put it in quotes: "{shown(node)}"'
    if kind is Type.DURATION:
        return "write a number and a unit, such as 30d or 7y"
    if kind is Type.INTEGER and isinstance(node.value, str) and node.value.isdigit():
        return "write it without quotes and without a leading zero"
    return ""


def shown(node: Node) -> str:
    """A scalar as the author wrote it, for messages."""
    return show(node.value) if not isinstance(node.value, dict | tuple) else "..."


def _text_like(kind: Type) -> Type:
    return Type.STRING if kind is Type.ENUM else kind


def a_type(kind: Type) -> str:
    """`a time`, `an integer`."""
    return f"an {kind}" if kind in (Type.ENUM, Type.INTEGER) else f"a {kind}"


def comparable(value: Scalar) -> float:
    """A number by which integers, and durations, compare: a calendar month counts as the mean one."""
    if isinstance(value, Duration):
        return value.months * MEAN_MONTH + value.milliseconds
    return value  # type: ignore[return-value]
