"""JSON Schemas of the values in a policy: literals of each type, `$params`, `{field: path}`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checker.model import Type

Schema = dict[str, Any]

NAME = "[A-Za-z_][A-Za-z0-9_]*"
PARAM = rf"^\${NAME}$"
DURATION = (
    r"([0-9]{1,15}(s|min|mo|h|d|w|y)"
    r"|P(?=[0-9]|T[0-9])([0-9]{1,15}Y)?([0-9]{1,15}M)?([0-9]{1,15}W)?([0-9]{1,15}D)?"
    r"(T(?=[0-9])([0-9]{1,15}H)?([0-9]{1,15}M)?([0-9]{1,15}(\.[0-9]{1,3})?S)?)?)"
)
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = DATE + r"([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2}))?"
RATIO = r"[0-9]{1,3}(\.[0-9]{1,9})?\s?%"

PATTERNS = {Type.DURATION: DURATION, Type.TIME: TIME, Type.RATIO: RATIO}
WORDS = {
    Type.DURATION: "A duration: 90s 15min 12h 30d 8w 6mo 7y, or ISO 8601 such as P30D.",
    Type.TIME: "A time: 2026-01-31T12:00:00Z, or a date, which is its midnight UTC.",
    Type.RATIO: "A share in percent: 1% or 0.5%.",
}


def ref(name: str) -> Schema:
    """A reference to a definition of the same schema."""
    return {"$ref": f"#/$defs/{name}"}


def literal(kind: Type) -> Schema:
    """A literal of a type, as in the default of a parameter or a test: no `$param`, no field."""
    if kind in (Type.BOOLEAN, Type.INTEGER):
        return {"type": kind.value}
    if kind not in PATTERNS:
        return {"type": "string"}
    return {
        "type": "string",
        "pattern": f"^{PATTERNS[kind]}$",
        "patternErrorMessage": WORDS[kind],
    }


def scalar(kind: Type, members: tuple[str, ...] = ()) -> Schema:
    """A literal of a type, or a `$param`."""
    if kind is Type.BOOLEAN:
        return _or_param(["boolean", "string"], PARAM, "Write true, false or a $parameter.")
    if kind is Type.INTEGER:
        return _or_param(["integer", "string"], PARAM, "Write a number without quotes, or a $parameter.")
    if kind in PATTERNS:
        return _or_param("string", f"^{PATTERNS[kind]}$|{PARAM}", WORDS[kind] + " Or a $parameter.")
    if members:
        parameter = {"type": "string", "pattern": PARAM}
        return {"type": "string", "if": parameter, "else": {"enum": list(members)}}
    # text that begins with $ is written with two; another is the name of a parameter
    return _or_param(
        "string",
        rf"^([^$]|\$\$|$)|{PARAM}",
        "$ begins a parameter's name; write text that begins so with $$.",
    )


def _or_param(types: str | list[str], pattern: str, words: str) -> Schema:
    return {"type": types, "pattern": pattern, "patternErrorMessage": words}


def scalar_or_mapping(value: Schema, mapping: Schema, offered: Iterable[object] = ()) -> Schema:
    """A scalar or a mapping: decided by which of them is there, so that a mistake is told of that one alone.

    Editors offer what `anyOf` lists and not what `else` does, so values to offer stand there too; nothing fails by it.
    """
    made: Schema = {"if": {"type": "object"}, "then": mapping, "else": value}
    values = list(offered)
    return made | ({"anyOf": [{"enum": values}, {}]} if values else {})


def literal_values(kind: Type, members: tuple[str, ...] = ()) -> tuple[object, ...]:
    """The values of a type that can be listed."""
    return (True, False) if kind is Type.BOOLEAN else members


def list_of(item: Schema) -> Schema:
    """A list of values, or a `$param` that holds one."""
    return {
        "type": ["array", "string"],
        "pattern": PARAM,
        "minItems": 1,
        "uniqueItems": True,
        "items": item,
    }


def pair(item: Schema) -> Schema:
    """Low and high."""
    return {"type": "array", "minItems": 2, "maxItems": 2, "items": item}


def mapping(properties: Schema, required: tuple[str, ...] = (), **more: Any) -> Schema:
    """A mapping of these keys and no other."""
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return made | ({"required": list(required)} if required else {}) | more


def text(doc: str, **more: Any) -> Schema:
    """Text that is not blank; a number is taken as it is shown, so that `revision: 2026` works."""
    return {"type": ["string", "number"], "pattern": r"\S", "description": doc, **more}


def texts(doc: str) -> Schema:
    """A list of texts; one text is a list of one."""
    return {"type": ["array", "string"], "items": {"type": "string"}, "description": doc}


def referenced(schema: Schema, definitions: Schema) -> Schema:
    """The definitions that a schema refers to, directly or by others of them."""
    found: set[str] = set()
    todo: list[Any] = [schema]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            name = str(item.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                todo.append(definitions[name])
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return {name: item for name, item in definitions.items() if name in found}
