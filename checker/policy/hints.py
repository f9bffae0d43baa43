"""What authors write in place of the language's own words, and what to tell them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from checker.fields import FIRST_BOTOCORE_MEMBER, model
from checker.model import Field, Type
from checker.policy.operators import BARE, NUMBERS, OPERATORS, TIMES, aliases, timed
from checker.problems import nearest, suggest
from checker.values import BadValueError, parse_duration, parse_time, show
from checker.yaml_nodes import Node

CONNECTIVES = {"or": "any", "and": "all", "nor": "none", "any_of": "any", "all_of": "all", "none_of": "none"}
KEYS: Mapping[str, tuple[str, ...]] = {
    "if": ("when",), "where": ("when",), "only_if": ("when",), "assert": ("require",), "must": ("require",),
    "allow": ("require",), "expect_that": ("require",), "forbid": ("deny",), "violation": ("deny",),
    "name": ("id", "title"), "rule_id": ("id",), "description": ("why", "title"), "rationale": ("why",),
    "reason": ("why",), "remediation": ("fix",), "level": ("severity",), "priority": ("severity",),
    "policy": ("pack",), "policies": ("rules",), "input": ("given",), "expected": ("expect",), "then": ("expect",),
    "value": ("default",), "values": ("one_of",), "enum": ("one_of",), "options": ("one_of",), "kind": ("type",),
}  # fmt: skip
"""What may be meant by a key, in the order of likelihood: the first that may stand there and does not yet."""
OTHER_KEYS = {
    "unless": "write `when: {none: [{..}]}`: `when` says where the rule applies, the opposite of unless",
    "condition": "write `deny` for what is a violation, or `require` for what must hold",
    "check": "write `deny` for what is a violation, or `require` for what must hold",
    "conditions": "write `deny` for what is a violation, or `require` for what must hold",
}
MISSING: Mapping[str | tuple[str, str], str] = {
    ("a control", "rules"): "list the rules that support it, as PACK/RULE",
    ("a control", "id"): "write `id: ID`, as the framework numbers it",
    ("a control", "title"): "say what the control demands",
    "version": "write `version: 1`",
    "pack": "write `pack: NAME`, in a-z, 0-9 and -",
    "rules": "write `rules:`, and below it each rule as `- id: NAME`",
    "id": "write `id: NAME`, in a-z, 0-9 and -",
    "title": "say in one sentence what the rule demands",
    "severity": "write one of info, low, medium, high, critical",
    "name": "write `name: ..`",
    "given": "write `given: {}` for a healthy answer",
    "expect": "write one of pass, fail, unknown, not_applicable",
    "type": "write `type: string`, or another type",
}
"""What to write for a key that is missing, of a certain mapping or of any."""
NO_VALUE = frozenset(
    {"missing", "absent", "null", "none", "is_null", "empty", "not_exists", "is_missing", "unset"}
)
_PATTERNS = {
    "missing )": "close the bracket, or write \\( for one in the text",
    "unexpected )": "open the bracket, or write \\) for one in the text",
    "no argument for repetition": "for any text write .*",
    "bad repetition": "write one of + and *, not two",
    "missing ]": "close it with ], or write \\[ for one in the text",
    "invalid character class": "write a - first or last within [ ]",
    "invalid escape sequence: \\1": "RE2 has no back-references",
    "invalid escape sequence": "write \\\\ for a backslash in the text",
    "trailing \\": "write \\\\ for a backslash in the text",
    "invalid perl operator": "RE2 has no look-around",
    "invalid repetition size": "a repetition has at most 1000",
}
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
SHORTEST_ENDING, MOST_ENDINGS = 4, 3
_SENTENCE = re.compile(r"([\w.]+) ?(==|=|!=|>=|<=|>|<|:) ?([^\s=]+)")
_SIGNED = re.compile(r"(==|=|!=|>=|<=|>|<)\s*(\S.*)")
_NOT = re.compile(r"(?:not\s+|!\s*)(\S.*)", re.IGNORECASE)
_AGO = re.compile(r"now ?- ?(\S+)")
_TRUTH = {"yes": True, "on": True, "y": True, "no": False, "off": False, "n": False}


def a_type(kind: Type) -> str:
    """`a time`, `an integer`."""
    return f"an {kind}" if kind in (Type.ENUM, Type.INTEGER) else f"a {kind}"


def scalar_text(node: Node) -> str:
    """A scalar as the author wrote it, for messages."""
    if isinstance(node.value, dict | tuple):
        return "..."
    return node.written if isinstance(node.value, int | float) else show(node.value)


def for_pattern(wrong: str) -> str:
    """What to write in place of a pattern that RE2 does not take, by what RE2 says."""
    return next((hint for words, hint in _PATTERNS.items() if words in wrong), "")


def for_field(path: str, catalogue: Mapping[str, Field], words: Iterable[str]) -> str:
    """What to write in place of a field that is not known."""
    if path.casefold() in CONNECTIVES:
        return f"write `{CONNECTIVES[path.casefold()]}: [..]`"
    left, minus, right = path.partition("-")
    if minus and {left.strip(), right.strip()} <= catalogue.keys():
        return f"write `{left.strip()} - {right.strip()}`, with spaces round the minus"
    if found := re.match(r"(data_?store\.)?tags?(\.[^\[]+)?(\[.*)?$", path, re.IGNORECASE):
        item = f"{'datastore.' if found[1] else ''}tags{found[2] or '.Owner'}"
        return f'name one tag: {item}, or tags["a,b"] where the key has a comma, a semicolon or a <'
    if path in ("count", "ratio"):
        return "a message shows what the rule counts, and it does not count that"
    members = [name for name in catalogue if name.startswith(f"{path}.")]
    if path == "labels":
        return f"name one label: {members[0] if members else 'labels.NAME'}"
    if members:
        return f"it has members: write {', '.join(members)}"
    return (
        nearest(path, (*catalogue, *words))
        or _ending(path, catalogue)
        or "docs/policies.md has a table of the fields"
    )


def _ending(path: str, catalogue: Iterable[str]) -> str:
    """The fields whose names end so, as DICOM's attributes do by their keywords."""
    ends = [name for name in catalogue if name.casefold().endswith(path.casefold())]
    few = ends if len(path) >= SHORTEST_ENDING and len(ends) <= MOST_ENDINGS else []
    return f"did you mean {' or '.join(few)}?" if few else ""


def label_type(node: Node | None) -> str:
    """The type of a label that is compared with what stands at a node, as far as that says it."""
    if node is None:
        return "string"
    if isinstance(node.value, dict):
        named = {name: OPERATORS.get(name) for name in node.value}
        if any(operator is not None and operator.types == TIMES for operator in named.values()):
            return "date"
        flags = [name for name, item in named.items() if item is not None and item.takes == "flag"]
        first = next(
            (entry.node for name, entry in node.value.items() if name not in (*flags, "if_absent")), None
        )
        return label_type(first) if first is not None and "field" not in node.value else "string"
    if isinstance(node.value, tuple):
        return label_type(node.value[0]) if node.value else "string"
    if isinstance(node.value, bool):
        return "boolean"
    if isinstance(node.value, int):
        return "integer"
    for name, parse in (("duration", parse_duration), ("date", parse_time)):
        try:
            parse(str(node.value))
        except BadValueError:
            continue
        return name
    return "string"


def for_condition(node: Node, catalogue: Mapping[str, Field]) -> str:
    """What to write in place of what is no condition."""
    if isinstance(node.value, tuple):
        return "write `all: [..]` where each of them must hold, `any: [..]` where one of them does"
    text = node.value.strip() if isinstance(node.value, str) else ""
    found = _SENTENCE.fullmatch(text)
    if found and found[1] in catalogue:
        name = aliases().get(found[2], found[2])
        return (
            f"write `{found[1]}: {found[3]}`"
            if name in (BARE, ":")
            else f"write `{found[1]}: {{{name}: {found[3]}}}`"
        )
    if text in catalogue and catalogue[text].type is Type.BOOLEAN:
        return f"write `{text}: true`"
    return "write `field: value`"


def for_comparison(raw: str, kind: Type) -> str:
    """What to write for text that says more than a value: a sign, a `not`, several values; nothing for other text."""
    if found := _SIGNED.fullmatch(raw):
        name, value = aliases()[found[1]], found[2]
        side = OPERATORS[name].side
        if kind is Type.TIME and side is not None:
            age = re.fullmatch(r"\d+ ?\w+|P.+", value) is not None
            # what has the lower age is the later instant
            name = timed("above" if (side == "below") is age else "below", age=age)
        return f"write {{{name}: {value}}}"
    if found := _NOT.fullmatch(raw):
        return f"write {{ne: {found[1]}}}"
    if found := _AGO.fullmatch(raw):
        return f"write {{older_than: {found[1]}}} or {{younger_than: {found[1]}}}"
    if kind is Type.ENUM and len(several := re.split(r"\s*(?:,|\||/|\bor\b)\s*", raw)) > 1:
        return f"write {{in: [{', '.join(several)}]}}"
    if raw.casefold() in NO_VALUE and kind is not Type.STRING:
        return "to ask for absence, write {exists: false}"
    if found := re.fullmatch(r"\$?\{+\s*(\w+)\s*\}+", raw):
        return f"a parameter is written ${found[1]}"
    return ""


def for_operator(name: str, kind: Type, table: Iterable[str]) -> str:
    """What to write in place of an operator that the type does not have."""
    known = list(table)
    if name in NO_VALUE and "exists" in known:
        return "write `exists: false`"
    meant = aliases().get(name, name)
    if meant != name and meant in known:
        return f"did you mean {meant}?"
    types = OPERATORS[meant].types if meant in OPERATORS else frozenset()
    if kind is Type.TIME and types == NUMBERS:
        return "of an instant write before or after; of its age, older_than or younger_than"
    if kind is Type.DURATION and types == TIMES and name in OPERATORS:
        return "a difference is a duration: write gt, gte, lt or lte"
    return suggest(name, known, what=f"{kind} has")


def for_enum(raw: str, members: tuple[str, ...]) -> str:
    """What to write in place of a value that the model does not list."""
    if first := FIRST_BOTOCORE_MEMBER.get(raw):
        return f"{raw} needs botocore {first} or later; {model().botocore_version} is installed"
    return for_comparison(raw, Type.ENUM) or suggest(raw, members, what="it is one of")


def for_text(raw: str, kind: Type, names: Iterable[str], params: Iterable[str]) -> str:
    """What to write in place of text that is no value of the type; nothing where the parser's own hint is better."""
    if better := for_comparison(raw, kind):
        return better
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
    if kind in (Type.STRING, Type.ENUM) and node.kind in ("a number", "a boolean"):
        return f'put it in quotes: "{node.written}"'
    if isinstance(node.value, str) and (better := for_comparison(node.value, kind)):
        return better
    return _BY_KIND[kind](node) if kind in _BY_KIND else ""


def _boolean(node: Node) -> str:
    word = str(node.value).lower()
    if word in ("true", "false", "0", "1"):
        return f"write {show(word in ('true', '1'))}, without quotes"
    return (
        f"{node.value} is text here; write {show(_TRUTH[word])}" if word in _TRUTH else "write true or false"
    )


def _time(node: Node) -> str:
    text = str(node.value)
    if len(text) == len("20260131") and text.isdigit():
        return f"write a date: {text[:4]}-{text[4:6]}-{text[6:]}"
    return "write a date, such as 2026-01-31"


def _integer(node: Node) -> str:
    text = node.written.strip("\"'")
    if text.endswith("%"):
        return "of a share write `ratio` in place of `count`"
    if text.isdigit():
        return "write it without quotes and without a leading zero"
    found = re.fullmatch(r"v?([\d,_]+)(?:\.0+)?", text)
    return f"write {re.sub('[,_]', '', found[1])}" if found else "write a whole number, such as 3"


_BY_KIND: Mapping[Type, Callable[[Node], str]] = {
    Type.BOOLEAN: _boolean,
    Type.TIME: _time,
    Type.INTEGER: _integer,
    Type.DURATION: lambda _: "write a number and a unit, such as 30d or 7y",
    Type.RATIO: lambda _: "write it in percent, such as 1% or 0.5%",
}
