"""The shape of audit.yaml: pydantic's models of it, and its errors as problems with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

from checker.aws import COLLECTED
from checker.model import Duration, Severity
from checker.problems import Problem, suggest
from checker.values import BadValueError, parse_duration, parse_ratio
from checker.yamlsource import Entry, Node

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Loc = tuple[str | int, ...]

FAIL_ON = (*(severity.value for severity in Severity), "never")
ON_UNKNOWN = ("incomplete", "violation", "ignore")
OBJECT_LOCK = ("governance", "compliance")

# By level of the file ("*" is any item of a list): keys of the language that this version does not know yet.
NOT_YET: Mapping[Loc, Mapping[str, str]] = {
    (): {
        "collect": "`collect` is not available yet",
    },
    ("targets", "*"): {
        "accounts": "targets over several accounts (`accounts`) are not available yet",
        "organization": "targets over an organization (`organization`) are not available yet",
    },
}

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
_DATASTORE = re.compile(r"[0-9a-z]{32}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+")
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_PARAM = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)?\.[A-Za-z_][A-Za-z0-9_-]*")

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
# What stands in place of a mapping with that one key.
_SHORT = {"waivers": "waivers.yaml", "runs": "runs/"}
_UNITS: Mapping[object, str] = {"max_duration": "30d", "soon": "14d", "keep": "6y", "min_coverage": "99.5%"}


def validate(root: Node) -> tuple[BaseModel | None, list[Problem]]:
    """The file's content as `Audit` (see `models`), or None; with every problem of its shape."""
    from pydantic import ValidationError

    if not isinstance(root.value, dict):
        message = "the file is empty" if root.value is None else f"audit.yaml is a mapping, not {root.kind}"
        return None, [root.problem(message, "`imageset-checker init` writes one to start from")]
    problems = list(_not_yet(root))
    plain = _without_not_yet(root)
    try:
        checked: BaseModel = models().Audit.model_validate(plain)
    except ValidationError as error:
        return None, problems + [_problem(root, one) for one in error.errors(include_url=False)]
    return checked, problems


@cache
def models() -> SimpleNamespace:
    """The models, made on first use: pydantic takes long to import."""
    from pydantic import AfterValidator, BaseModel, ConfigDict, Field

    text = Annotated[str, Field(min_length=1), AfterValidator(_one_line)]
    a_region = Annotated[text, AfterValidator(_region)]
    a_role = Annotated[text, AfterValidator(_role)]
    a_url = Annotated[text, AfterValidator(_url)]
    a_path = Annotated[text, AfterValidator(_local)]
    a_severity = Annotated[str, AfterValidator(_severity)]
    a_duration = Annotated[str, AfterValidator(_duration)]

    class Strict(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    class Reach(Strict):
        profile: text | None = None
        role_arn: a_role | None = None
        external_id: text | None = None
        region: a_region | None = None

    class Defaults(Reach):
        endpoint_url: a_url | None = None
        runtime_endpoint_url: a_url | None = None

    class Target(Reach):
        name: text
        datastore: Annotated[text, AfterValidator(_datastore)]
        image_sets: (
            Any  # `listing` reads these two: it knows better messages, and 100,000 of them are quicker
        )
        labels: Any = None
        labels_from: text | None = None
        complete: bool = False

    class Gate(Strict):
        fail_on: Literal["info", "low", "medium", "high", "critical", "never"] = "low"
        on_unknown: Literal["incomplete", "violation", "ignore"] = "incomplete"
        new_only: Annotated[Any, AfterValidator(_new_only)] = False
        max: dict[a_severity, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
        min_coverage: Annotated[str, AfterValidator(_share)] | None = None

    class Waivers(Strict):
        file: a_path
        max_duration: dict[a_severity, a_duration] = Field(default_factory=dict)
        soon: a_duration | None = None

    class Runs(Strict):
        path: Annotated[text, AfterValidator(_store)]
        keep: Annotated[a_duration, AfterValidator(_some_time)] | None = None
        object_lock: Literal["governance", "compliance"] | None = None

    class Rate(Strict):
        rate: Annotated[float, Field(gt=0)]
        burst: Annotated[float, Field(ge=1)]

    class Audit(Strict):
        version: Literal[1]
        name: text = "audit"
        policies: Annotated[list[text], Field(min_length=1)]
        params: dict[Annotated[text, AfterValidator(_param)], Any] = Field(default_factory=dict)
        rules: Any = None  # `policy.changes` reads it
        defaults: Defaults = Defaults()
        targets: Annotated[list[Target], Field(min_length=1)]
        gate: Gate = Gate()
        reports: dict[text, a_path] = Field(default_factory=dict)
        waivers: Waivers | None = None
        events: list[a_path] = Field(default_factory=list)
        runs: Runs | None = None
        rates: dict[Annotated[text, AfterValidator(_action)], Rate] = Field(default_factory=dict)

    return SimpleNamespace(
        Audit=Audit, Target=Target, Defaults=Defaults, Gate=Gate, Rate=Rate, Waivers=Waivers, Runs=Runs
    )


def _refuse(message: str, hint: str = "") -> NoReturn:
    from pydantic_core import PydanticCustomError

    raise PydanticCustomError("ours", "{message}", {"message": message, "hint": hint})


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        _refuse("line breaks, control characters and surrounding blanks are not allowed here")
    return text


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        _refuse(f"`{text}` is not a Region", "write it as us-east-1")
    return text


def _datastore(text: str) -> str:
    if text == "all" or any(character in text for character in "*?["):
        _refuse("data stores by name pattern are not available yet", "give the id of one data store")
    if not _DATASTORE.fullmatch(text):
        hint = f"an id has 32 characters, each one of 0-9 and a-z; this one has {len(text)}"
        _refuse(f"`{text}` is not a data store id", hint)
    return text


def _role(text: str) -> str:
    if "{account}" in text:
        _refuse("{account} in a role is not available yet", "write the account's 12 digits")
    if not _ROLE.fullmatch(text):
        _refuse(f"`{text}` is not the ARN of a role", "write it as arn:aws:iam::123456789012:role/NAME")
    return text


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        _refuse(f"`{text}` is not an endpoint", "write it as https://HOST or http://HOST:PORT")
    return text


def _local(text: str) -> str:
    if "://" in text:
        scheme = text.partition("://")[0]
        _refuse(f"paths in {scheme}:// are not available yet", "write a path on this machine")
    return text


def _store(text: str) -> str:
    return text if text.startswith("s3://") else _local(text)


def _severity(text: str) -> Severity:
    if text not in list(Severity):
        _refuse(f"there is no severity {text}", suggest(text, list(Severity), what="it is one of"))
    return Severity(text)


def _new_only(value: object) -> bool | str:
    if isinstance(value, bool) or (isinstance(value, str) and value.strip()):
        return value
    _refuse("new_only takes true, false, or the name of a run")


def _share(text: str) -> Fraction:
    try:
        return parse_ratio(text)
    except BadValueError as error:
        _refuse(str(error), error.hint)


def _duration(text: str) -> Duration:
    try:
        return parse_duration(text)
    except BadValueError as error:
        _refuse(str(error), error.hint)


def _some_time(duration: Duration) -> Duration:
    if duration == Duration():
        _refuse("that would keep nothing", "say for how long, as in `keep: 6y`")
    return duration


def _param(text: str) -> str:
    if not _PARAM.fullmatch(text):
        _refuse(f"{text} names no parameter", "write PACK.parameter, or PACK/RULE.parameter")
    return text


def _action(text: str) -> str:
    if text not in COLLECTED:
        _refuse(f"unknown action {text}", suggest(text, sorted(COLLECTED), what="known actions"))
    return text


def _levels(root: Node) -> Iterator[tuple[Node, Mapping[str, str]]]:
    yield root, NOT_YET[()]
    targets = root.at(("targets",)).value
    for target in targets if isinstance(targets, tuple) else ():
        if isinstance(target.value, dict):
            yield target, NOT_YET["targets", "*"]


def _not_yet(root: Node) -> Iterator[Problem]:
    for node, keys in _levels(root):
        for key in node.value.keys() & keys.keys():
            yield node.value[key].key.problem(keys[key])


def _without_not_yet(root: Node) -> dict[str, Any]:
    plain: dict[str, Any] = root.plain()
    for key, long in (("waivers", "file"), ("runs", "path")):
        if isinstance(plain.get(key), str):
            plain[key] = {long: plain[key]}
    if isinstance(plain.get("events"), str):
        plain["events"] = [plain["events"]]
    for key in NOT_YET[()]:
        plain.pop(key, None)
    targets = plain.get("targets")
    for target in targets if isinstance(targets, list) else ():
        for key in NOT_YET["targets", "*"]:
            if isinstance(target, dict):
                target.pop(key, None)
    return plain


def _problem(root: Node, error: ErrorDetails) -> Problem:
    """An error of pydantic as a problem: an unknown key at the key, a bad value at the value."""
    loc, kind, context = error["loc"], error["type"], error.get("ctx", {})
    if loc[-1] == "[key]":
        key = _key(root, loc[:-1])
        return key.problem(context.get("message", "the key is empty"), context.get("hint", ""))
    if kind == "extra_forbidden":
        known = _known_keys(loc[:-1])
        return _key(root, loc).problem(
            f"unknown key {loc[-1]}", suggest(str(loc[-1]), known, what="known keys")
        )
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


def _key(root: Node, loc: Loc) -> Node:
    entry: Entry = root.at(loc[:-1]).value[loc[-1]]
    return entry.key


def _kind_problem(node: Node, name: str, kind: str, loc: Loc) -> Problem:
    takes, hint = _KINDS[kind], _kind_hint(kind, node)
    if isinstance(loc[-1], int):
        return node.problem(f"each of {name} is {takes}, not {node.kind}", hint)
    if kind == "string_type" and node.kind == "a number":
        units = (f"write it with its unit, such as {_UNITS[step]}" for step in loc if step in _UNITS)
        hint = next(units, hint)
    elif name in _SHORT and len(loc) == 1:
        takes, hint = "a path or a mapping", f"write `{name}: {_SHORT[name]}`"
    what = str(node.value) if kind == "int_type" and node.kind == "a number" else node.kind
    return node.problem(f"{name} takes {takes}, not {what}", hint)


def _literal_problem(node: Node, name: str) -> Problem:
    if name == "version" and node.value == "1":
        return node.problem("version takes a number, not text", "write `version: 1`")
    if name == "version":
        return node.problem(f"version {node.plain()} of audit.yaml is not known", "write `version: 1`")
    known = {"fail_on": FAIL_ON, "object_lock": OBJECT_LOCK}.get(name, ON_UNKNOWN)
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
    }
    chosen = made.Audit if not loc else by_first[str(loc[0])]
    return list(chosen.model_fields)


def _missing_hint(loc: Loc) -> str:
    return "write `version: 1`" if loc == ("version",) else ""


def _kind_hint(kind: str, node: Node) -> str:
    if kind == "string_type" and node.kind in ("a number", "a boolean"):
        return f'put it in quotes: "{node.line[node.where.column - 1 :][: node.width]}"'
    if kind == "list_type" and isinstance(node.value, str):
        return f"write [{node.value}]"
    return ""
