"""The JSON Schemas of results as they are published, which are open, and as the tests hold what is written to them: closed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource

_DOCS = Path(__file__).parents[2] / "docs"


def _read(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(_DOCS.joinpath(name).read_text(encoding="utf-8"))
    return schema


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A published schema for what this version of the checker writes: readers of it must take what a later version adds, but
    this one writes no member and no value that the schema does not name."""
    found = copy.deepcopy(schema)
    for node in nodes(found):
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        if "examples" in node:
            node["enum"] = node.pop("examples")
    return found


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and the schemas in it, but for those that only ask (`if`)."""
    if isinstance(schema, dict):
        yield schema
        for name, value in schema.items():
            if name == "if":
                continue
            # the names in these are those of members
            inner = value.values() if name in ("properties", "$defs") else [value]
            for item in inner:
                yield from nodes(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from nodes(item)


def promises(schema: dict[str, Any]) -> Iterator[str]:
    """What a schema promises of each member: its path, whether it is required, and what its value may be."""
    named = {"": schema, **schema["$defs"]}
    for root, definition in named.items():
        for path, node in _members(definition, root):
            yield f"{path}: {json.dumps(node, sort_keys=True)}"


def _members(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return
    needed = schema.get("required", [])
    for name, item in schema.get("properties", {}).items():
        own = f"{path}.{name}"
        yield own, {"required": name in needed} | _plain(item)
        yield from _members(item, own)
    for name in ("items", "additionalProperties"):
        yield from _members(schema.get(name), f"{path}[]")
    for number, item in enumerate(schema.get("oneOf", [])):
        yield from _members(item, f"{path}|{number}")


def _plain(schema: Any) -> Any:
    """A schema without its texts and without the members of what is in it, which have lines of their own."""
    if isinstance(schema, dict):
        left_out = ("description", "examples", "properties", "required")
        return {name: _plain(item) for name, item in schema.items() if name not in left_out}
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema


def validator(schema: dict[str, Any], *others: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """What holds documents to a schema, which may refer to others."""
    jsonschema.Draft202012Validator.check_schema(schema)
    registry = Registry().with_resources([(item["$id"], Resource.from_contents(item)) for item in others])
    return jsonschema.Draft202012Validator(
        schema, registry=registry, format_checker=jsonschema.FormatChecker()
    )


RESULTS = _read("results-1.schema.json")
LINE = _read("results-ndjson-1.schema.json")
OPEN, CLOSED = validator(RESULTS), validator(closed(RESULTS))
OPEN_LINE, CLOSED_LINE = validator(LINE, RESULTS), validator(closed(LINE), closed(RESULTS))
