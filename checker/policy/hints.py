"""What authors write in place of the language's own words, and what to tell them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from checker.fields import FIRST_BOTOCORE_MEMBER, model
from checker.model import Field, Type
from checker.problems import nearest, suggest
from checker.values import BadValueError, parse_duration, show
from checker.yamlsource import Node

OPERATORS = {
    "==": "eq", "=": "eq", "equals": "eq", "is": "eq", "!=": "ne", "not": "ne", "not_eq": "ne", "neq": "ne",
    "<": "lt", "less_than": "lt", "<=": "lte", "le": "lte", ">": "gt", "greater_than": "gt", ">=": "gte", "ge": "gte",
    "regex": "matches", "match": "matches", "like": "contains", "includes": "contains", "one_of": "in",
    "not-in": "not_in", "notin": "not_in", "nin": "not_in", "present": "exists", "startswith": "starts_with",
    "endswith": "ends_with", "range": "between", "newer_than": "younger_than", "older": "older_than",
    "younger": "younger_than", "less": "lt", "below": "lt", "under": "lt", "more": "gt", "greater": "gt", "above": "gt",
    "over": "gt", "at_least": "gte", "min": "gte", "at_most": "lte", "max": "lte",
}  # fmt: skip
CONNECTIVES = {"or": "any", "and": "all", "nor": "none", "any_of": "any", "all_of": "all", "none_of": "none"}
KEYS = {
    "if": "when", "where": "when", "unless": "when", "assert": "require", "must": "require", "forbid": "deny",
    "name": "title", "description": "why", "rationale": "why", "remediation": "fix", "level": "severity",
}  # fmt: skip
VERDICTS = {
    "error": "unknown",
    "incomplete": "unknown",
    "skip": "not_applicable",
    "na": "not_applicable",
    "ok": "pass",
}
SCOPES = {
    "imageset": "image_set", "image-set": "image_set", "set": "image_set", "image_sets": "image_set",
    "versions": "version", "image_set_version": "version", "store": "datastore", "data_store": "datastore",
    "data-store": "datastore", "datastores": "datastore",
}  # fmt: skip
_TRUTH = {"yes": True, "on": True, "y": True, "no": False, "off": False, "n": False}


def a_type(kind: Type) -> str:
    """`a time`, `an integer`."""
    return f"an {kind}" if kind in (Type.ENUM, Type.INTEGER) else f"a {kind}"


def shown(node: Node) -> str:
    """A scalar as the author wrote it, for messages."""
    if isinstance(node.value, dict | tuple):
        return "..."
    return node.written if isinstance(node.value, int | float) else show(node.value)


def for_field(path: str, catalogue: Mapping[str, Field], words: Iterable[str]) -> str:
    """What to write in place of a field that is not known."""
    if path in CONNECTIVES:
        return f"write `{CONNECTIVES[path]}: [..]`"
    left, minus, right = path.partition("-")
    if minus and {left.strip(), right.strip()} <= catalogue.keys():
        return f"write `{left.strip()} - {right.strip()}`, with spaces round the minus"
    if re.match(r"(datastore\.)?tags\b", path):
        return 'name one tag: tags.Owner, or tags["a,b"] where the key has a comma, a semicolon or a <'
    if path in ("count", "ratio"):
        return "a message shows what the rule counts, and it does not count that"
    members = [name for name in catalogue if name.startswith(f"{path}.")]
    if members and path != "labels":
        return f"it has members: write {', '.join(members)}"
    return nearest(path, (*catalogue, *words))


def for_operator(name: str, kind: Type, table: Iterable[str]) -> str:
    """What to write in place of an operator that the type does not have."""
    known = list(table)
    if OPERATORS.get(name) in known:
        return f"did you mean {OPERATORS[name]}?"
    if kind is Type.TIME and OPERATORS.get(name, name) in ("lt", "lte", "gt", "gte", "between"):
        return "of an instant write before or after; of its age, older_than or younger_than"
    if kind is Type.DURATION and name in ("older_than", "younger_than", "before", "after"):
        return "a difference is a duration: write gt, gte, lt or lte"
    return suggest(name, known, what=f"{kind} has")


def for_enum(raw: str, members: tuple[str, ...]) -> str:
    """What to write in place of a value that the model does not list."""
    if first := FIRST_BOTOCORE_MEMBER.get(raw):
        return f"{raw} needs botocore {first} or later; {model().botocore_version} is installed"
    return suggest(raw, members, what="it is one of")


def for_text(raw: str, kind: Type, names: Iterable[str], params: Iterable[str]) -> str:
    """What to write in place of text that is no value of the type; nothing where the parser's own hint is better."""
    if raw in names:
        return f"to compare with a field, write `{{field: {raw}}}`"
    if raw in params:
        return f"did you mean ${raw}?"
    try:
        if kind is Type.DURATION and raw.startswith("-"):
            parse_duration(raw[1:])
            return "a duration is not negative: swap the two fields of the difference"
        if kind is Type.TIME:
            parse_duration(raw)
            return f"that is a duration: write `older_than: {raw}` or `younger_than: {raw}`"
    except BadValueError:
        pass
    return ""


def for_kind(kind: Type, node: Node) -> str:
    """What to write in place of a value of another kind."""
    if isinstance(node.value, tuple):
        return "write `{in: [..]}` to compare with several values"
    if node.value is None:
        return "to ask for absence, write {exists: false}"
    if kind is Type.BOOLEAN:
        truth = _TRUTH.get(str(node.value).lower())
        return "write true or false" if truth is None else f"{node.value} is text here; write {show(truth)}"
    if kind in (Type.STRING, Type.ENUM) and node.kind in ("a number", "a boolean"):
        return f'put it in quotes: "{shown(node)}"'
    if kind is Type.DURATION:
        return "write a number and a unit, such as 30d or 7y"
    if kind is Type.RATIO:
        return "write it in percent, such as 1% or 0.5%"
    if kind is Type.INTEGER and isinstance(node.value, str) and node.value.endswith("%"):
        return "of a share write `ratio` in place of `count`"
    if kind is Type.INTEGER and isinstance(node.value, str) and node.value.isdigit():
        return "write it without quotes and without a leading zero"
    return ""
