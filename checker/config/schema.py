"""The shape of audit.yaml: pydantic's models of it, and its errors as problems with their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from checker.model import FAIL_ON, JUNIT_OPTIONS
from checker.problems import Problem, nearest, suggest
from checker.yaml_nodes import Entry, Node

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Loc = tuple[str | int, ...]

ON_UNKNOWN = ("incomplete", "violation", "ignore")
EVIDENCE = ("exact", "economical")
OBJECT_LOCK = ("governance", "compliance")
_WORDS = {
    "fail_on": FAIL_ON,
    "object_lock": OBJECT_LOCK,
    "evidence": EVIDENCE,
    "on_unknown": ON_UNKNOWN,
    **JUNIT_OPTIONS,
}
"""What a key takes that takes one of a few words."""

_KINDS = {
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
}
# Where a path alone will do.
_SHORT = {"waivers": "waivers.yaml", "runs": "runs/", "events": "events.jsonl"}
_MISSING = {
    "version": "write `version: 1`",
    "image_sets": "write a list of ids, {file: sets.csv}, `all`, or {where: CONDITION}",
    "path": "write `runs: {path: runs/}`",
    "burst": "how many calls may come at once, as in {rate: 25, burst: 50}",
    "rate": "calls a second in the long run, as in {rate: 25, burst: 50}",
}
_OTHERS = {"pack": "a pack of policies", "framework": "a file that maps controls", "imageSetId": "an answer"}
_EXAMPLES = {
    "gate": "write `gate: {fail_on: high}`",
    "reports": "write `reports: {html: report.html}`",
    "rates": "write `rates: {GetImageSet: {rate: 25, burst: 50}}`",
    "targets": "each begins with `- name: NAME`",
    "max": "write `max: {critical: 0}`",
    "params": "write `params: {PACK.parameter: VALUE}`",
    "defaults": "write `defaults: {region: us-east-1}`",
    "collect": "write `collect: {evidence: exact}`",
}
_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_UNITS: Mapping[object, str] = {
    "max_duration": "30d",
    "soon": "14d",
    "keep": "6y",
    "min_coverage": "99.5%",
    "recheck_deleted": "30d",
}


def validate(root: Node) -> tuple[BaseModel | None, list[Problem]]:
    """The file's content as `Audit` (see `models`), or None; with every problem of its shape."""
    from pydantic import ValidationError

    if not isinstance(root.value, dict):
        message = "the file is empty" if root.value is None else f"audit.yaml is a mapping, not {root.kind}"
        return None, [root.problem(message, "`imageset-checker init` writes one to start from")]
    if what := next(
        (what for key, what in _OTHERS.items() if key in root.value and "targets" not in root.value), ""
    ):
        hint = "name an audit.yaml, or write one with `imageset-checker init`"
        return None, [root.problem(f"this is {what}, and no audit.yaml", hint)]
    if empty := [
        _empty(root, key) for key in _SHORT if key in root.value and root.value[key].node.value is None
    ]:
        return None, empty
    unnamed = list(_unnamed_reports(root))
    try:
        checked: BaseModel = models().Audit.model_validate(_long(root))
    except ValidationError as error:
        found = error.errors(include_url=False)
        meant = {
            (*item["loc"][:-1], _meant(item["loc"])) for item in found if item["type"] == "extra_forbidden"
        }
        # a mistyped key is one problem, not also a missing one
        found = [item for item in found if item["type"] != "missing" or item["loc"] not in meant]
        return None, [*unnamed, *(_problem(root, item) for item in found)]
    return checked, unnamed


def _unnamed_reports(root: Node) -> Iterator[Problem]:
    """Keys of `reports` that can be no format: pydantic does not look at those that a model does not name."""
    reports = root.value["reports"].node.value if "reports" in root.value else None
    for name, entry in reports.items() if isinstance(reports, dict) else ():
        if not name:
            yield entry.key.problem("the key is empty")
        elif not name.isprintable():
            yield entry.key.problem("line breaks and control characters are not allowed here")


def _empty(root: Node, key: str) -> Problem:
    """A key with nothing after it, which a lone `~` is in YAML."""
    entry: Entry = root.value[key]
    hint = f"leave it out, or write `{key}: {_SHORT[key]}`"
    home = '; the home folder is written "~/"' if key == "runs" else ""
    return entry.key.problem(f"{key} has no value", hint + home)


def models() -> ModuleType:
    """The models, imported on first use: pydantic takes long to import."""
    from checker.config import models as made

    return made


def _long(root: Node) -> dict[str, Any]:
    """The content with short forms written out."""
    plain: dict[str, Any] = root.plain()
    for key, long in (("waivers", "file"), ("runs", "path")):
        if isinstance(plain.get(key), str):
            plain[key] = {long: plain[key]}
    if isinstance(plain.get("events"), str):
        plain["events"] = [plain["events"]]
    return plain


def _problem(root: Node, error: ErrorDetails) -> Problem:
    """An error of pydantic as a problem: an unknown key at the key, a bad value at the value."""
    loc, kind, context = error["loc"], error["type"], error.get("ctx", {})
    if loc[-1] == "[key]":
        key = _key(root, loc[:-1])
        return key.problem(context.get("message", "the key is empty"), context.get("hint", ""))
    if kind == "extra_forbidden":
        hint = suggest(str(loc[-1]), _known_keys(loc[:-1]), what="known keys")
        if len(loc) > 1 and loc[-1] in models().Audit.model_fields:
            hint = f"{loc[-1]} stands at the top of the file"
        return _key(root, loc).problem(f"unknown key {loc[-1]}", hint)
    if kind == "missing":
        return root.at(loc[:-1]).problem(f"{loc[-1]} is missing", _missing_hint(loc))
    node = root.at(loc)
    name = next((step for step in reversed(loc) if isinstance(step, str)), "")
    if kind == "ours":
        return node.problem(context["message"], context["hint"])
    if kind in _KINDS:
        return _kind_problem(node, name, kind, loc)
    if kind == "literal_error":
        return _literal_problem(node, name)
    if kind in ("greater_than", "greater_than_equal"):
        least = f"above {context['gt']:g}" if kind == "greater_than" else f"at least {context['ge']:g}"
        return node.problem(f"{name} must be {least}, not {node.value}")
    if kind.endswith("too_short"):
        return node.problem(f"{name} is empty")
    return node.problem(f"{name}: {error['msg'][:1].lower()}{error['msg'][1:]}")


def _meant(loc: Loc) -> str:
    """The known key that a mistyped one is nearest to."""
    return nearest(str(loc[-1]), _known_keys(loc[:-1])).removeprefix("did you mean ").removesuffix("?")


def _key(root: Node, loc: Loc) -> Node:
    entry: Entry = root.at(loc[:-1]).value[loc[-1]]
    return entry.key


def _kind_problem(node: Node, name: str, kind: str, loc: Loc) -> Problem:
    takes, hint = _KINDS[kind], _kind_hint(kind, node, name)
    if isinstance(loc[-1], int):
        return node.problem(f"each of {name} is {takes}, not {node.kind}", hint)
    if kind == "string_type" and node.kind == "a number":
        units = (f"write it with its unit, such as {_UNITS[step]}" for step in loc if step in _UNITS)
        hint = next(units, hint)
    elif name in _SHORT and len(loc) == 1:
        takes, hint = f"a path or {takes}", f"write `{name}: {_SHORT[name]}`"
    hint = hint or _EXAMPLES.get(name, _EXAMPLES["rates"] if loc[:1] == ("rates",) else "")
    what = str(node.value) if kind == "int_type" and node.kind == "a number" else node.kind
    return node.problem(f"{name} takes {takes}, not {what}", hint)


def _literal_problem(node: Node, name: str) -> Problem:
    if name == "version" and node.value == "1":
        return node.problem("version takes a number, not text", "write `version: 1`")
    if name == "version":
        return node.problem(f"version {node.plain()} of audit.yaml is not known", "write `version: 1`")
    known = _WORDS[name]
    if not isinstance(node.value, str):
        return node.problem(f"{name} takes text, not {node.kind}", f"it is one of: {', '.join(known)}")
    return node.problem(f"{name} is never {node.value}", suggest(node.value, known, what="it is one of"))


def _known_keys(loc: Loc) -> list[str]:
    made = models()
    by_first = {
        "targets": made.Target,
        "defaults": made.Defaults,
        "gate": made.Gate,
        "rates": made.Rate,
        "waivers": made.Waivers,
        "runs": made.Runs,
        "collect": made.Collect,
    }
    chosen = made.Audit if not loc else by_first[str(loc[0])]
    return list(chosen.model_fields)


def _missing_hint(loc: Loc) -> str:
    return _MISSING.get(str(loc[-1]), "")


def _kind_hint(kind: str, node: Node, name: str) -> str:
    if kind == "string_type" and node.kind in ("a number", "a boolean"):
        return f'put it in quotes: "{node.written}"'
    if kind == "bool_type" and str(node.value).lower() in {*_BOOLEANS, *_BOOLEANS.values()}:
        word = str(node.value).lower()
        return f"write {_BOOLEANS.get(word, word)}"
    if kind == "list_type" and name == "accounts" and node.kind in ("text", "a number"):
        written = node.line[node.where.column - 1 :][: node.width].strip("\"'")
        return f'write ["{written}"]'
    if kind == "list_type" and name == "regions" and node.value == "all":
        return "name the Regions, as in [us-east-1, eu-west-2]"
    if kind == "list_type" and isinstance(node.value, str):
        return f"write [{node.value}]"
    return ""
