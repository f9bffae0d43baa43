"""Random policies that load, and random records, as plain data. Values come from small pools, so that they meet: an
instant is often a duration away from as_of or from another one, or a millisecond beside that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.language import oracle
from tests.language.oracle import FIELDS, STATES, STATUSES, TIERS, Gap, Kind

PACK = "random"
TARGETS = ("archive", "recorded")
STORES = ("0123456789abcdef0123456789abcdef", "f" * 32)
IDS = [f"{number:032x}" for number in range(64)]
ACCOUNTS, REGIONS = ("111122223333", "000000000000"), ("us-east-1", "eu-west-2")
# of no image set that there is: an ARN of another one is no answer
ARNS = [f"arn:aws:medical-imaging:{r}:{a}:datastore/x/imageset/y" for r in REGIONS for a in ACCOUNTS]
UNLISTED = "FROZEN_SOLID"
TEXTS = ["", "a", "ab", "b", "A", "a%b", "%", "_", "ü", "e\u0301", "$x", "it's", "back\\slash", "two\nlines", "ab\n", " a ", "null", "true", "3", "ACTIVE", "DELETED"]  # fmt: skip
PATTERNS = ["a", "^a", "b$", "^$", "^[a-z]+$", "a.b", r"\\", "(?i)^A", "[0-9]", "ACTIVE|DELETED", "."]
INTEGERS = [-1, 0, 1, 2, 3, 9, 10, 11, 2**31, 2**63 - 1, -(2**63)]
VERSIONS = ["1", "2", "3", "9", "10", "11", str(2**63 - 1)]
SPANS = [
    "0s", "1s", "PT0.001S", "90s", "15min", "12h", "24h", "1d", "28d", "29d", "30d", "31d", "P30D", "8w", "360d", "365d", "366d",
    "1mo", "6mo", "12mo", "11mo", "1y", "P1Y", "4y", "7y", "P1M1D", "P1Y2M3DT4H5M6.007S", "1461d",
]  # fmt: skip
LONG = ["10000y", "3652500d", "9000y"]
MOMENTS = [
    "2026-01-01", "2024-02-29", "2023-02-28", "2023-03-01", "2025-02-28T23:59:59.999Z", "2024-03-31T12:00:00.500Z",
    "2020-02-29T12:00:00Z", "2023-01-31", "2024-01-31T01:00:00+01:00", "2024-12-31T23:59:59.999Z", "1970-01-01",
]  # fmt: skip
FAR = ["0001-01-01", "9999-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z", "1900-02-28"]
AS_OF = ["2026-01-01T00:00:00Z", "2024-02-29T00:00:00Z", "2025-02-28T00:00:00Z", "2026-03-31T12:00:00.500Z", "2024-12-31T23:59:59.999Z"]  # fmt: skip

LABELS = {
    "class": {"type": "string", "one_of": ["a", "ab", "ACTIVE"]},
    "note": {"type": "string"},
    "hold": {"type": "boolean"},
    "flag": {"type": "boolean"},
    "count": {"type": "integer"},
    "base": {"type": "integer"},
    "study_date": {"type": "date"},
    "until": {"type": "time"},
    "retention": {"type": "duration"},
    "grace": {"type": "duration"},
}
VOCABULARIES: dict[str, Mapping[str, Kind]] = {"answer": FIELDS | oracle.labels_of(LABELS)}
"""The fields that a condition may name, by where it stands."""
KINDS = dict(VOCABULARIES["answer"])
CAN_BE_ABSENT = {path for path, kind in KINDS.items() if isinstance(kind.absent, Gap)}


def add_vocabulary(name: str, kinds: Mapping[str, Kind]) -> None:
    """More fields to draw from. A field has one type wherever it may be named."""
    VOCABULARIES[name] = kinds
    KINDS.update(kinds)
    CAN_BE_ABSENT.update(path for path, kind in kinds.items() if isinstance(kind.absent, Gap))


ALL = ["eq", "ne", "in", "not_in", "exists"]
TEXT = ["contains", "icontains", "starts_with", "ends_with", "matches"]
ORDER = ["lt", "lte", "gt", "gte", "between"]
OPERATORS = {
    "string": ALL + TEXT,
    "enum": ALL + TEXT,
    "boolean": ALL,
    "integer": ALL + ORDER,
    "duration": ALL + ORDER,
    "time": [*ALL, "before", "after", "older_than", "younger_than"],
}


@dataclass(frozen=True)
class Param:
    """A parameter where it is used, until the policy declares it."""

    type: str | tuple[str, str]
    value: Any  # a tuple for a list


def iso(moment: int, *, hours: int = 0) -> str:
    zone = UTC if not hours else None
    text = datetime(1970, 1, 1) + timedelta(milliseconds=moment, hours=hours)
    return text.isoformat(timespec="milliseconds") + ("Z" if zone else f"{hours:+03d}:00")


@st.composite
def moments(draw) -> int:
    """An instant that is likely to be a duration of the pool away from as_of or from another instant."""
    start = oracle.instant(draw(st.sampled_from(AS_OF + MOMENTS)))
    months, milliseconds = oracle.duration(draw(st.sampled_from(["0s", *SPANS])))
    away = draw(st.sampled_from([-1, -1, 1]))
    beside = draw(st.sampled_from([0, 0, 0, 1, -1]))
    return oracle.later(start, (away * months, away * milliseconds)) + beside


@cache
def times() -> st.SearchStrategy[str]:
    """An instant as a policy writes it."""
    written = st.builds(iso, moments()) | st.builds(lambda moment: iso(moment, hours=-7), moments())
    return st.one_of(st.sampled_from(MOMENTS), written, st.sampled_from(MOMENTS + FAR))


@cache
def spans() -> st.SearchStrategy[str]:
    return st.sampled_from(SPANS * 4 + LONG)


@cache
def texts(path: str) -> st.SearchStrategy[str]:
    pools = {
        "target": [*TARGETS, "a"], "account": [*ACCOUNTS, "1"], "region": [*REGIONS, "us"], "datastoreId": [*STORES, "f"],
        "imageSetId": [*IDS[:8], "0"], "imageSetArn": [*ARNS, "arn:"], "labels.class": ["a", "ab", "ACTIVE"],
    }  # fmt: skip
    return st.sampled_from(pools.get(path, TEXTS))


@cache
def literals(kind: str, path: str) -> st.SearchStrategy[Any]:
    """A value that may be compared with the field."""
    members = KINDS[path].members if path in KINDS else ()
    return {
        "string": texts(path),
        "enum": st.sampled_from(members or ("",)),
        "boolean": st.booleans(),
        "integer": st.sampled_from(INTEGERS),
        "duration": spans(),
        "time": times(),
    }[kind]


def fields(kind: str, words: str) -> list[str]:
    text = ("string", "enum")
    return [path for path, known in VOCABULARIES[words].items() if known.type == kind or (known.type in text and kind in text)]  # fmt: skip


def written(value: Any) -> Any:
    """Text that begins with $ is doubled; only in a policy."""
    return "$" + value if isinstance(value, str) and value.startswith("$") else value


@st.composite
def values(draw, kind: str, path: str, words: str) -> Any:
    """A literal, `$param` or `{field: path}`."""
    others = any(name != path for name in fields(kind, words))
    how = draw(st.sampled_from(["literal", "literal", "literal", "param", "field" if others else "param"]))
    if how == "field":
        return {"field": draw(st.sampled_from([name for name in fields(kind, words) if name != path]))}
    value = draw(literals(kind, path))
    if how == "param":
        return Param(param_type(kind, path), value)
    return written(value)


def param_type(kind: str, path: str) -> str | tuple[str, str]:
    # the catalogue names an enum once, whose version or image set it may be
    if kind != "enum":
        return kind
    return "field", path.removeprefix("previous_version.").removeprefix("previous.").removeprefix(
        "successor."
    )


@st.composite
def tests(draw, name: str, kind: str, path: str, words: str) -> Any:
    """The value of an operator."""
    if name == "exists":
        return draw(values("boolean", "", words))
    if name in ("older_than", "younger_than"):
        return draw(values("duration", "", words))
    if name in ("in", "not_in"):
        if draw(st.integers(0, 3)) == 0:
            items = draw(st.lists(literals(kind, path), min_size=1, max_size=3))
            return Param(param_type(kind, path), tuple(items))
        return unique(draw(st.lists(values(kind, path, words), min_size=1, max_size=3)), kind)
    if name == "between":
        pair = draw(st.tuples(literals(kind, path), literals(kind, path)))
        low, high = sorted(pair, key=lambda raw: comparable(kind, raw))
        names = fields(kind, words)
        how = draw(
            st.sampled_from(["literals", "literals", "params", *(["low", "high", "fields"] if names else [])])
        )
        other, another = ({"field": draw(st.sampled_from(names or [""]))} for _ in range(2))
        return {
            "literals": [low, high],
            "params": [Param(kind, low), Param(kind, high)],
            "low": [other, high],
            "high": [low, other],
            "fields": [other, another],
        }[how]
    if name == "matches" or (name in TEXT and kind == "enum"):
        return draw(patterns(name, KINDS[path].members if kind == "enum" else ()))
    return draw(values("string" if name in TEXT else kind, path, words))


def comparable(kind: str, raw: Any) -> int:
    return oracle.length(oracle.duration(raw)) if kind == "duration" else raw


@st.composite
def patterns(draw, name: str, members: tuple[str, ...]) -> Any:
    """Text of which a member of the enum, where it is one, has a part."""
    if not members:
        value = draw(st.sampled_from(PATTERNS))
    else:
        member = draw(st.sampled_from(members))
        value = draw(st.sampled_from({
            "contains": [member, member[1:3], "E", ""], "icontains": [member.lower(), member[1:3].title(), "e", ""], "starts_with": [member, member[:2], ""], "ends_with": [member, member[-2:], ""],
            "matches": [f"^{member}$", member[:3], f"^{member[:3]}.*{member[-1]}$"],
        }[name]))  # fmt: skip
    return Param("string", value) if draw(st.integers(0, 5)) == 0 else value


KINDS_OF_OPERANDS = ["string", "enum", "enum", "boolean", "integer", "duration", "time", "time", "- time", "- integer"]  # fmt: skip


def typed(kind: str, words: str) -> list[str]:
    return [path for path, known in VOCABULARIES[words].items() if known.type == kind.removeprefix("- ")]


@st.composite
def operands(draw, words: str) -> tuple[str, str, str, list[str]]:
    """A field or a difference, its type, the field whose pool its values are from, and the fields it reads."""
    kind = draw(
        st.sampled_from(KINDS_OF_OPERANDS).filter(lambda kind: len(typed(kind, words)) > kind.startswith("-"))
    )
    difference, kind = kind.startswith("- "), kind.removeprefix("- ")
    path = draw(st.sampled_from(typed(kind, words)))
    read, operand = [path], path
    if difference:
        read.append(draw(st.sampled_from([name for name in fields(kind, words) if name != path])))
        operand, kind, path = " - ".join(read), {"time": "duration"}.get(kind, kind), ""
    return operand, kind, path, read


@st.composite
def matchers(draw, words: str = "answer") -> tuple[str, dict[str, Any]]:
    """An operand with up to four operators, without `exists` and `if_absent`."""
    operand, kind, path, _ = draw(operands(words))
    names = st.lists(st.sampled_from([name for name in OPERATORS[kind] if name != "exists"]), min_size=1, max_size=4, unique=True)  # fmt: skip
    return operand, {name: draw(tests(name, kind, path, words)) for name in draw(names)}


@st.composite
def leaves(draw, words: str = "answer") -> dict[str, Any]:
    """`operand: matcher`."""
    operand, kind, path, read = draw(operands(words))
    may = [name for name in OPERATORS[kind] if name != "exists" or CAN_BE_ABSENT & {*read}]
    if draw(st.integers(0, 3)) == 0:
        return {operand: draw(values(kind, path, words))}
    names = draw(st.lists(st.sampled_from(may), min_size=1, max_size=2, unique=True))
    matcher = {name: draw(tests(name, kind, path, words)) for name in names}
    read += oracle.named(list(matcher.values()))
    if CAN_BE_ABSENT & {*read} and draw(st.integers(0, 2)) == 0:
        matcher["if_absent"] = draw(st.sampled_from(["match", "no_match", "unknown"]))
    return {operand: matcher}


def groups(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions made of others; a condition stands once in a group."""
    several = st.lists(inner, min_size=1, max_size=3, unique_by=canonical)
    group = st.builds(lambda name, members: {name: members}, st.sampled_from(["all", "any", "none"]), several)
    negation = inner.map(
        lambda condition: {"not": condition if len(condition) == 1 else {"all": [condition]}}
    )
    entries = st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1])
    return group | negation | entries


@cache
def conditions(words: str = "answer") -> st.SearchStrategy[dict[str, Any]]:
    """A leaf, or groups of them, at most three deep."""
    return nested(leaves(words))


def nested(zero: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    item = zero | groups(zero)
    return zero | item | groups(item) | groups(item | groups(item))


def canonical(condition: Mapping[str, Any]) -> Any:
    """Equal for conditions that the language takes for the same one."""
    members = tuple(_entry(key, value) for key, value in condition.items())
    return members[0] if len(members) == 1 else ("all", members)


def _entry(key: str, value: Any) -> Any:
    if key in ("all", "any", "none"):
        return key, tuple(canonical(item) for item in value)
    if key == "not":
        return "none", (canonical(value),)
    if key in ("count", "ratio"):
        return _aggregate(key, value)
    kind = KINDS[key.split(" - ", maxsplit=1)[0]].type
    kind = {"time": "duration"}.get(kind, kind) if " - " in key else kind
    matcher = value if isinstance(value, dict) and "field" not in value else {"eq": value}
    takes = {"exists": "boolean", "if_absent": "string", "older_than": "duration", "younger_than": "duration"}
    return key, tuple((name, _key(takes.get(name, kind), raw)) for name, raw in matcher.items())


def _aggregate(kind: str, matcher: Any) -> Any:
    matcher = matcher if isinstance(matcher, dict) else {"eq": matcher}
    takes = {"exists": "boolean", "if_absent": "string", "count": "integer"}
    return kind, tuple(
        (
            name,
            canonical(raw) if name in ("of", "among") else _key(takes.get(name, takes.get(kind, kind)), raw),
        )
        for name, raw in matcher.items()
    )


def _key(kind: str, raw: Any) -> Any:
    if isinstance(raw, list):
        return tuple(_key(kind, item) for item in raw)
    if isinstance(raw, dict):
        return ("field", raw["field"])
    return raw if isinstance(raw, Param) else (type(raw).__name__, oracle.literal(kind, raw))


def unique(items: Iterable[Any], kind: str) -> list[Any]:
    return list({_key(kind, item): item for item in items}.values())


@st.composite
def policies(draw, rules: int = 6) -> tuple[dict[str, Any], dict[str, str]]:
    """A policy, and values of parameters as `--param` gives them."""
    policy: dict[str, Any] = {"version": 1, "pack": PACK, "labels": LABELS, "params": {}, "rules": []}
    flags: dict[str, str] = {}
    for index in range(rules):
        rule: dict[str, Any] = {"id": f"r{index}", "title": f"Rule {index}", "severity": "high"}
        rule[draw(st.sampled_from(["deny", "require"]))] = draw(conditions())
        if draw(st.booleans()):
            rule["when"] = draw(conditions())
        policy["rules"].append(rule)
    return declared(policy, flags, draw), flags


def declared(policy: dict[str, Any], flags: dict[str, str] | None = None, draw: Any = None) -> dict[str, Any]:
    """The policy with every `Param` declared, in the pack or the rule; without `draw` in the pack, with a default."""
    policy["params"] = {}
    for index, rule in enumerate(policy["rules"]):
        own: dict[str, Any] = {}
        naming = Naming((policy["params"], own), f"p{index}_", {} if flags is None else flags, draw)
        policy["rules"][index] = {key: naming.named(part) for key, part in rule.items()}
        if own:
            policy["rules"][index]["params"] = own
    return {key: value for key, value in policy.items() if value != {}}


@dataclass(frozen=True)
class Naming:
    """Puts `$names` in place of parameters, and declares them."""

    scopes: tuple[dict[str, Any], dict[str, Any]]
    prefix: str
    flags: dict[str, str]
    draw: Any

    def named(self, part: Any) -> Any:
        if isinstance(part, dict):
            return {key: self.named(value) for key, value in part.items()}
        if isinstance(part, list):
            return [self.named(item) for item in part]
        return self.declare(part) if isinstance(part, Param) else part

    def declare(self, param: Param) -> str:
        name = f"{self.prefix}{sum(map(len, self.scopes))}"
        kind: Any = {"field": param.type[1]} if isinstance(param.type, tuple) else param.type
        several = isinstance(param.value, tuple)
        values = list(param.value) if several else [param.value]
        how, scope = "default", 0
        if self.draw is not None and all(map(_fits_a_flag, values)):
            how = self.draw(st.sampled_from(["default", "default", "flag", "both"]))
            scope = self.draw(st.sampled_from([0, 1]))
        spec: dict[str, Any] = {"type": {"list": kind} if several else kind}
        if how != "flag":
            default = [written(value) for value in (values[:1] if how == "both" else values)]
            spec["default"] = default if several else default[0]
        if how != "default":  # which beats the default
            self.flags[name] = ",".join(map(_flag, values))
        self.scopes[scope][name] = spec
        return "$" + name


def _flag(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fits_a_flag(value: Any) -> bool:
    """Whether a flag's text comes through as it is: it is stripped and split, and `$` is the oracle's."""
    return not isinstance(value, str) or (value == value.strip() and not value.startswith("$"))


ALIKE = ["1mo", "30d", "720h", "P1M", "31d", "12mo", "1y", "360d", "365d", "7y", "2520d"]
"""Durations that are easily taken for one another: to DuckDB an interval of a month is equal to one of 30 days."""


@st.composite
def ages(draw) -> dict[str, Any]:
    """A leaf on one of few operands."""
    operand = draw(st.sampled_from(["createdAt", "deletedAt - createdAt", "now - createdAt"]))
    names = ["eq", "lt", "lte", "gt", "gte"] if " - " in operand else ["older_than", "younger_than"]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    return {operand: {name: draw(st.sampled_from(ALIKE)) for name in chosen}}


@st.composite
def age_policies(draw, rules: int = 12) -> dict[str, Any]:
    """A policy whose rules add durations to the same fields."""
    leaf = st.fixed_dictionaries({"deny": ages()})
    drawn = draw(st.lists(leaf, min_size=rules, max_size=rules))
    numbered = [
        {"id": f"r{index}", "title": "R", "severity": "low", **rule} for index, rule in enumerate(drawn)
    ]
    return {"version": 1, "pack": PACK, "labels": LABELS, "rules": numbered}


# Records


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value, None for null, or `...` for a member that is left out."""
    return st.one_of(st.just(...), strategy, strategy, st.sampled_from([None, ...]))


@st.composite
def wire_times(draw) -> str | float:
    """An instant as an answer gives it: epoch seconds or ISO 8601, at times with parts of a millisecond."""
    moment = draw(moments())
    how = draw(st.sampled_from(["float", "float", "iso", "zone", "finer", "finer float", "far"]))
    if how == "far":
        return draw(st.sampled_from(FAR))
    if how == "finer":
        return iso(moment)[:-1] + draw(st.sampled_from(["400Z", "600Z"]))
    if how == "finer float":
        return moment / 1000 + draw(st.sampled_from([0.0004, -0.0004]))
    return {"float": moment / 1000, "iso": iso(moment), "zone": iso(moment, hours=-7)}[how]


@cache
def labels() -> st.SearchStrategy[dict[str, Any]]:
    pools: dict[str, st.SearchStrategy[Any]] = {
        "class": st.sampled_from(["a", "ab", "ACTIVE"]),
        "note": st.sampled_from(TEXTS),
        "hold": st.booleans(),
        "flag": st.booleans(),
        "count": st.sampled_from(INTEGERS),
        "base": st.sampled_from(INTEGERS),
        "study_date": st.sampled_from(["2024-02-29", "2023-02-28", "2026-01-01", "2019-01-31", "2020-02-29"]),
        "until": times(),
        "retention": spans(),
        "grace": spans(),
    }
    return st.fixed_dictionaries({name: maybe(pool) for name, pool in pools.items()}).map(_left_out)


def _left_out(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not ...}


@cache
def answers() -> st.SearchStrategy[dict[str, Any]]:
    optional = {
        "imageSetWorkflowStatus": st.sampled_from([*STATUSES, UNLISTED]),
        "createdAt": wire_times(),
        "updatedAt": wire_times(),
        "deletedAt": wire_times(),
        "lastAccessedAt": wire_times(),
        "message": st.sampled_from(TEXTS),
        "imageSetArn": st.sampled_from(ARNS),
        "overrides": st.sampled_from([{}, {"forced": True}, {"forced": False}, {"forced": None}]),
        "isPrimary": st.booleans(),
        "storageTier": st.sampled_from([*TIERS, UNLISTED]),
    }
    required = {
        "datastoreId": st.sampled_from(STORES),
        "versionId": st.sampled_from(VERSIONS),
        "imageSetState": st.sampled_from([*STATES, *STATES, UNLISTED]),
    }
    members = required | {name: maybe(pool) for name, pool in optional.items()}
    return st.fixed_dictionaries(members).map(_left_out)


@st.composite
def records(draw) -> dict[str, Any]:
    """An answer or an error, with labels; `imageSetId` is for the caller to set."""
    record: dict[str, Any] = {"target": draw(st.sampled_from(TARGETS)), "labels": draw(labels())}
    what = draw(st.sampled_from(["answer"] * 8 + ["ResourceNotFoundException", "AccessDeniedException"]))
    if what == "answer":
        record["answer"] = draw(answers())
    else:
        record["error"] = what
    if what == "answer" and draw(st.booleans()):
        record["collectedAt"] = iso(draw(moments()))
    return record


@st.composite
def populations(draw, size: int = 16) -> list[dict[str, Any]]:
    """Records with an id each."""
    drawn = draw(st.lists(records(), min_size=size, max_size=size))
    for image_set_id, record in zip(IDS, drawn, strict=False):
        record["imageSetId"] = image_set_id
        if "answer" in record:
            record["answer"]["imageSetId"] = image_set_id
    return drawn


@st.composite
def aged(draw, as_of: str, size: int = 24) -> list[dict[str, Any]]:
    """Answers whose times are one of those durations apart, or nearly."""
    drawn = []
    for image_set_id in IDS[:size]:
        months, milliseconds = oracle.duration(draw(st.sampled_from(ALIKE)))
        ends = [oracle.instant(as_of), *map(oracle.instant, MOMENTS)]
        created = oracle.later(draw(st.sampled_from(ends)), (-months, -milliseconds)) + draw(
            st.sampled_from([0, 1, -1])
        )
        span = oracle.duration(draw(st.sampled_from(ALIKE)))
        deleted = oracle.later(created, span) + draw(st.sampled_from([0, 1, -1]))
        members = {"createdAt": iso(created), "deletedAt": deleted / 1000, "imageSetState": "DELETED"}
        answer = {"datastoreId": STORES[0], "imageSetId": image_set_id, "versionId": "1", **members}
        drawn.append({"imageSetId": image_set_id, "target": TARGETS[0], "labels": {}, "answer": answer})
    return drawn


@cache
def as_ofs() -> st.SearchStrategy[str]:
    return st.sampled_from(AS_OF)
