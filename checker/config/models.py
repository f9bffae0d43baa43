"""The shape of audit.yaml as pydantic's models. Imported where a file is read: pydantic takes long to import."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

from checker.aws.actions import COLLECTED
from checker.instants import DAY
from checker.model import LONGEST, SOON, Duration, JUnitFor, JUnitPasses, JUnitSkipped, Severity
from checker.problems import nearest, suggest
from checker.values import BadValueError, parse_duration, parse_path, parse_ratio, parse_time

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
_DATASTORE = re.compile(r"[0-9a-z]{32}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}|\{account\}):role/\S+")
_ACCOUNT = re.compile(r"[0-9]{12}")
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_PARAM = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)?\.[A-Za-z_][A-Za-z0-9_-]*")

ENDPOINT_HINT = "write it as https://HOST or http://HOST:PORT"
RECHECK = Duration(0, 30 * DAY)
"""How often image sets that were seen DELETED are asked for again, unless audit.yaml says otherwise."""
LEAST_SHARE = 0.01
"""Of a quota: a call in four seconds, of those with the highest one."""


def _refuse(message: str, hint: str = "") -> NoReturn:
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
    if text == "all":
        return text
    if any(character in text for character in "*?["):
        _refuse("a data store is named by its id here", f'write `datastores: "{text}"` to choose by name')
    if not _DATASTORE.fullmatch(text):
        hint = f"an id has 32 characters, each one of 0-9 and a-z; this one has {len(text)}"
        hint = nearest(text, ("all",)) or hint
        _refuse(f"`{text}` is not a data store id", hint)
    return text


def _names(text: str) -> str:
    if text == "all":
        _refuse("datastores takes a pattern of names", "write `datastore: all` for every data store")
    if _DATASTORE.fullmatch(text):
        _refuse("datastores goes by names, and this is an id", f"write `datastore: {text}`")
    return text


def _role(text: str) -> str:
    if not _ROLE.fullmatch(text):
        _refuse(f"`{text}` is not the ARN of a role", "write it as arn:aws:iam::123456789012:role/NAME")
    return text


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        _refuse(f"`{text}` is not the id of an account", "an id has 12 digits")
    return text


def _retired(text: str) -> str:
    if not _DATASTORE.fullmatch(text) and not _ACCOUNT.fullmatch(text):
        hint = (
            "a data store's id has 32 characters, each one of 0-9 and a-z, that of an account has 12 digits"
        )
        _refuse(f"`{text}` is neither the id of a data store nor that of an account", hint)
    return text


def is_endpoint(text: str) -> bool:
    """Whether a text is the URL of an endpoint: `https://HOST`, `http://HOST:PORT`, or one with a path."""
    return _URL.fullmatch(text) is not None


def _url(text: str) -> str:
    if not is_endpoint(text):
        _refuse(f"`{text}` is not an endpoint", ENDPOINT_HINT)
    if "@" in text:
        _refuse("the endpoint has a user name or password", "leave it out: audit.yaml is kept with every run")
    return text


def _local(text: str) -> str:
    try:
        return parse_path(text)
    except BadValueError as error:
        _refuse(str(error), error.hint)


def _store(text: str) -> str:
    try:
        return parse_path(text, remote=True)
    except BadValueError as error:
        _refuse(str(error), error.hint)


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


def _part(given: object) -> float:
    share = float(given) if isinstance(given, int | float) and not isinstance(given, bool) else None
    if isinstance(given, str):
        if re.fullmatch(r"[0-9]*\.?[0-9]+", given):
            _refuse("share takes a number or a percentage, not text", f"without quotes: `share: {given}`")
        share = float(_share(given))
    if share is None or not LEAST_SHARE <= share <= 1:
        hint = f"below {LEAST_SHARE} a run would take weeks; " if share is not None and 0 < share < 1 else ""
        _refuse(f"share takes a number from {LEAST_SHARE} to 1", f"{hint}write `share: 0.4` or `share: 40%`")
    return share


def _instant(text: str) -> datetime:
    try:
        return parse_time(text)
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


def _least(given: object) -> Severity | None:
    if not isinstance(given, str) or given not in (*Severity, "never"):
        raise PydanticKnownError("literal_error", {"expected": "a severity"})
    return None if given == "never" else Severity(given)


def _text(read: Callable[[str], Any], default: object = None) -> PlainValidator:
    """A validator that reads a text; `~` is the default, where there is one."""

    def validate(given: object) -> Any:
        if given is None and default is not None:
            return default
        if not isinstance(given, str):
            raise PydanticKnownError("string_type")
        return read(given)

    return PlainValidator(validate)


def _param(text: str) -> str:
    if not _PARAM.fullmatch(text):
        _refuse(f"{text} names no parameter", "write PACK.parameter, or PACK/RULE.parameter")
    return text


def _action(text: str) -> str:
    if text not in COLLECTED:
        _refuse(f"unknown action {text}", suggest(text, sorted(COLLECTED), what="known actions"))
    return text


text = Annotated[str, Field(min_length=1), AfterValidator(_one_line)]
a_region = Annotated[text, AfterValidator(_region)]
a_role = Annotated[text, AfterValidator(_role)]
an_account = Annotated[text, AfterValidator(_account)]
a_url = Annotated[text, AfterValidator(_url)]
a_path = Annotated[text, AfterValidator(_local)]
a_severity = Annotated[Severity, _text(_severity)]
a_duration = Annotated[Duration, _text(_duration)]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Reach(Strict):
    profile: text | None = None
    role_arn: a_role | None = None
    external_id: text | None = None
    region: a_region | None = None
    regions: Annotated[list[a_region], Field(min_length=1)] | None = None
    accounts: Annotated[list[an_account], Field(min_length=1)] | None = None
    organization: bool = False


class Defaults(Reach):
    endpoint_url: a_url | None = None
    runtime_endpoint_url: a_url | None = None


class Target(Reach):
    name: text
    datastore: Annotated[text, AfterValidator(_datastore)] | None = None
    datastores: Annotated[text, AfterValidator(_names)] | None = None
    image_sets: Any  # `listing` reads these two: it knows better messages, and 100,000 of them are quicker
    labels: Any = None
    labels_from: text | None = None
    complete: bool = False
    retired: list[Annotated[text, AfterValidator(_retired)]] = Field(default_factory=list)


class Gate(Strict):
    """What the gate counts; `fail_on` is None for `never`, `new_only` may name a run."""

    fail_on: Annotated[Severity | None, PlainValidator(_least)] = Severity.LOW
    on_unknown: Literal["incomplete", "violation", "ignore"] = "incomplete"
    new_only: Annotated[bool | str, PlainValidator(_new_only)] = False
    max: dict[a_severity, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    min_coverage: Annotated[Fraction, _text(_share)] | None = None


class Reports(Strict):
    """A path for each format, of which others than this module know the names, and how JUnit is written."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, a_path] = Field(init=False)

    junit_passes: JUnitPasses = "auto"
    junit_skipped: JUnitSkipped = "all"
    junit_for: JUnitFor = "strict"


class Waivers(Strict):
    """The file of waivers, and what they are held to."""

    file: a_path
    max_duration: Annotated[
        dict[a_severity, a_duration], AfterValidator(lambda given: {**LONGEST, **given})
    ] = Field(default_factory=lambda: dict(LONGEST))
    soon: Annotated[Duration, _text(_duration, SOON)] = SOON


class Runs(Strict):
    """Where runs are kept, which may be in S3, for how long, and the mode in which S3 locks them."""

    path: Annotated[text, AfterValidator(_store)]
    keep: Annotated[a_duration, AfterValidator(_some_time)] | None = None
    object_lock: Literal["governance", "compliance"] | None = None


class Renamed(Strict):
    packs: dict[text, text] = Field(default_factory=dict)
    rules: dict[text, text] = Field(default_factory=dict)
    targets: dict[text, text] = Field(default_factory=dict)


class Rate(Strict):
    rate: Annotated[float, Field(gt=0)]
    burst: Annotated[float, Field(ge=1)]


class Collect(Strict):
    """How answers are collected.

    `evidence` says what may answer: `exact`, `economical`, or as suits the target. `share` is how much of each quota is
    used. Unless `incremental`, what an earlier run saw is asked for again; image sets that were seen DELETED are asked for
    again every `recheck_deleted`. The user says that image sets which were deleted from `deletions_known_since` on are
    known all the same.
    """

    evidence: Literal["exact", "economical"] | None = None
    share: Annotated[float, PlainValidator(_part)] = 1.0
    incremental: bool = True
    recheck_deleted: Annotated[Duration, _text(_duration, RECHECK)] = RECHECK
    deletions_known_since: Annotated[datetime, _text(_instant)] | None = None


class Audit(Strict):
    version: Literal[1]
    name: text = "audit"
    policies: Annotated[list[text], Field(min_length=1)]
    params: dict[Annotated[text, AfterValidator(_param)], Any] = Field(default_factory=dict)
    rules: Any = None  # `policy.changes` reads it
    defaults: Defaults = Defaults()
    targets: Annotated[list[Target], Field(min_length=1)]
    gate: Gate = Gate()
    reports: Reports = Reports()
    waivers: Waivers | None = None
    events: list[a_path] = Field(default_factory=list)
    runs: Runs | None = None
    renamed: Renamed = Renamed()
    collect: Collect = Collect()
    rates: dict[Annotated[text, AfterValidator(_action)], Rate] = Field(default_factory=dict)
