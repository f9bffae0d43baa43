"""The form of what a run says of itself in JSON: its manifest, and the numbers of earlier runs. What is of another form was
written by no run of this program, and is used by nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from checker.model import JUNIT_OPTIONS, Category, Outcome, Severity
from checker.values import INTEGERS, BadValueError, parse_duration, parse_time, show

RUN_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}(-[0-9]{1,9})?")
"""What `judging.run_id` makes. Nothing else is a run, whatever is in it: names come from stores that others write to."""

Form = Callable[[object], str]
"""What is wrong with a value, begun with the way to it; empty where nothing is."""


def manifest_error(facts: object) -> str:
    """What of a manifest is of another form than a run writes it, such as `.calls.GetImageSet is no integer`."""
    return _MANIFEST(facts)


def trend_error(points: object) -> str:
    """The same of the numbers of earlier runs that a run keeps."""
    return _TREND(points)


def started_error(facts: object) -> str:
    """The same of what a run says of itself as it begins."""
    return _STARTED(facts)


def _of(kind: type | tuple[type, ...], word: str) -> Form:
    def form(value: object) -> str:
        # a boolean is an int to Python
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        return f" is no {word}" if wrong else ""

    return form


def _integer(value: object) -> str:
    fits = isinstance(value, int) and not isinstance(value, bool) and value in INTEGERS
    return "" if fits else " is no integer"


def _time(value: object) -> str:
    try:
        return "" if isinstance(value, str) and parse_time(value) else " is no time"
    except BadValueError:
        return " is no time"


def _duration(value: object) -> str:
    try:
        fits = isinstance(value, str) and show(parse_duration(value)) == value
    except BadValueError:
        fits = False
    return "" if fits else " is no duration"


def _run(value: object) -> str:
    return "" if isinstance(value, str) and RUN_NAME.fullmatch(value) else " is no name of a run"


def _file(value: str) -> bool:
    """Whether a name is one of a file in the run's folder."""
    parts = value.split("/")
    return "" not in parts and not {".", ".."} & set(parts) and "\\" not in value and "\0" not in value


def _plain(value: object) -> str:
    fits = isinstance(value, str) and "/" not in value and _file(value)
    return "" if fits else " is no name of a file"


def _one_of(*words: str) -> Form:
    return lambda value: "" if value in words else f" is none of {', '.join(words)}"


def _perhaps(form: Form) -> Form:
    return lambda value: "" if value is None else form(value)


def _each(form: Form) -> Form:
    def whole(value: object) -> str:
        if not isinstance(value, list):
            return " is no list"
        found = ((number, form(item)) for number, item in enumerate(value))
        return next((f"[{number}]{wrong}" for number, wrong in found if wrong), "")

    return whole


def _by_name(form: Form, name: Callable[[str], bool] = bool) -> Form:
    def whole(value: object) -> str:
        if not isinstance(value, dict):
            return " is no object"
        for key, item in value.items():
            if not name(key):
                return f" has the member {key[:80]!r}"
            if wrong := form(item):
                return f".{key[:80]}{wrong}"
        return ""

    return whole


def _members(needed: Mapping[str, Form], *, other: Mapping[str, Form] | None = None) -> Form:
    """An object that has the needed members, and perhaps the others; what no version knows yet is left alone."""
    every = {**needed, **(other or {})}

    def whole(value: object) -> str:
        if not isinstance(value, dict):
            return " is no object"
        if missing := [name for name in needed if name not in value]:
            return f".{missing[0]} is missing"
        found = ((name, form(value[name])) for name, form in every.items() if name in value)
        return next((f".{name}{wrong}" for name, wrong in found if wrong), "")

    return whole


_TEXT = _of(str, "text")
_TEXTS = _each(_TEXT)
_FLAG = _of(bool, "boolean")
_NUMBER = _of((int, float), "number")
_LINK = _members({"run": _run, "sha256": _TEXT})
_COUNTS = _by_name(_integer)
_COMPARED = _members(
    {"run": _TEXT, "sha256": _TEXT},
    other={"as_of": _time, "kind": _TEXT, "accepted": _perhaps(_of(dict, "object"))},
)
_RULE = {"rule": _TEXT, "severity": _one_of(*Severity)}
_TALLY = ("subjects", "passed", "fail", "waived", "unknown", "not_applicable", "unknown_waived", "persisting")
_SUMMARY = _members(
    {
        "coverage": _COUNTS,
        "rules": _each(_members(_RULE, other=dict.fromkeys(_TALLY, _integer))),
    },
    other={"severities": _by_name(_COUNTS)},
)
_REPORTS = _members(
    {
        "junit_passes": _one_of(*JUNIT_OPTIONS["junit_passes"]),
        "color": _FLAG,
        "show_phi": _FLAG,
        "names": _by_name(_plain),
    },
    # runs of before there were these have `all` and `strict`
    other={name: _one_of(*JUNIT_OPTIONS[name]) for name in ("junit_skipped", "junit_for")},
)
_SAID: dict[str, Form] = {
    "run": _run,
    "name": _TEXT,
    "as_of": _time,
    "hypothetical": _FLAG,
    "outcome": _one_of(*Outcome),
    "summary": _SUMMARY,
    "change_by_severity": _perhaps(
        _by_name(_by_name(_integer, set(Category).__contains__), set(Severity).__contains__)
    ),
}
_OTHER: dict[str, Form] = {
    **_SAID,
    "source": _one_of("live", "recorded"),
    "replay_of": _perhaps(_TEXT),
    "tool_version": _TEXT,
    "botocore_version": _TEXT,
    "exit_code": _integer,
    "sentence": _TEXT,
    "policies": _each(_members({"pack": _TEXT, "path": _TEXT, "shipped": _FLAG}, other={"sha256": _TEXT})),
    "frameworks": _each(_members({"framework": _TEXT, "path": _TEXT}, other={"sha256": _TEXT})),
    "rules": _TEXTS,
    "params": _by_name(_of((str, int, list), "value of a parameter")),
    "audit": _perhaps(_TEXT),
    "gate": _members({}, other={"on_unknown": _one_of("incomplete", "violation", "ignore")}),
    "soon": _perhaps(_TEXT),
    "left_out": _TEXTS,
    "unread_targets": _integer,
    "notes": _TEXTS,
    "deletions_known_since": _perhaps(_time),
    "phi": _TEXTS,
    "inputs": _TEXT,
    "identities": _by_name(_TEXT),
    "calls": _COUNTS,
    "traffic": _perhaps(_by_name(_NUMBER)),
    "baseline": _perhaps(_COMPARED),
    "candidates": _by_name(_perhaps(_COMPARED)),
    "names": _by_name(_by_name(_TEXT)),
    "reports": _perhaps(_REPORTS),
    "public_key": _perhaps(_TEXT),
    "previous": _each(_LINK),
    "pruned": _each(_LINK),
    "private": _FLAG,
    "keep": _perhaps(_duration),
}
_MANIFEST = _members({"files": _by_name(_TEXT, _file), "sealed_at": _time}, other=_OTHER)
_STARTED = _members(
    {"schema": _one_of("imageset-checker/started/1"), "run": _run, "as_of": _time, "started_at": _time},
    other={
        "name": _TEXT,
        "hypothetical": _FLAG,
        "given": _by_name(_TEXT),
        "tool_version": _TEXT,
        "public_key": _TEXT,
        "signature": _TEXT,
    },
)
_TREND = _each(_members({"run": _run, "as_of": _time, "outcome": _SAID["outcome"]}, other=_SAID))
