"""Random policies of every scope, and random worlds for them: see scope_oracle.py for what a world is."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.language import scope_oracle, strategies
from tests.language.strategies import IDS, ORDER, STORES, TARGETS, UNLISTED, Param

TAGS = {".Owner": "Owner", '["Cost Centre"]': "Cost Centre"}
KEYS = list(TAGS.values())
LABELS = strategies.LABELS | {
    "superseded_by": {"type": "string"},
    "kept": {"type": "duration", "required": True},
    "owner": {"type": "string", "required": True},
}
for scope in ("image_set", "version", "datastore"):
    strategies.add_vocabulary(scope, scope_oracle.catalogue(scope, LABELS, TAGS))

RATIOS = ["0%", "10%", "25%", "33.3%", "50%", "66.7%", "75%", "99.5%", "100%"]
UNREAD = ["ResourceNotFoundException", "AccessDeniedException", "ThrottlingException"]
KEY_ARNS = ["arn:aws:kms:us-east-1:111122223333:key/a", "a"]


# Policies


@st.composite
def aggregates(draw) -> dict[str, Any]:
    """`count: matcher` or `ratio: matcher`."""
    kind = draw(st.sampled_from(["count", "ratio"]))
    number = st.integers(0, 7) if kind == "count" else st.sampled_from(RATIOS)
    if kind == "count" and draw(st.integers(0, 7)) == 0:
        return {kind: draw(number)}
    inner = st.one_of(strategies.leaves("image_set"), likely(), strategies.conditions("image_set"))
    matcher: dict[str, Any] = {}
    if kind == "ratio" or draw(st.integers(0, 3)):
        matcher["of"] = draw(inner)
    if kind == "ratio" and draw(st.booleans()):
        matcher["among"] = draw(inner)
    names = ["eq", "ne", "in", "not_in", *ORDER, *ORDER, *(["exists"] if kind == "ratio" else [])]
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)):
        matcher[name] = draw(comparisons(kind, name, number))
    if kind == "ratio" and draw(st.integers(0, 2)) == 0:
        matcher["if_absent"] = draw(st.sampled_from(["match", "no_match", "unknown"]))
    return {kind: matcher}


@st.composite
def comparisons(draw, kind: str, name: str, number: st.SearchStrategy[Any]) -> Any:
    """The value of an operator of an aggregate."""
    typed = "integer" if kind == "count" else "ratio"
    if name == "exists":
        return draw(st.booleans())
    value = st.one_of(number, number, number.map(lambda item: Param(typed, item)))
    if name in ("in", "not_in"):
        items = draw(st.lists(number, min_size=1, max_size=3, unique=True))
        return draw(st.sampled_from([items, Param(typed, tuple(items))]))
    if name == "between":
        pair = draw(st.tuples(number, number))
        return sorted(pair, key=lambda raw: Fraction(str(raw).removesuffix("%")))
    return draw(value)


def likely() -> st.SearchStrategy[dict[str, Any]]:
    """Conditions that are true of some image sets and false of others."""
    return st.sampled_from(
        [
            {"isPrimary": False},
            {"isPrimary": True},
            {"imageSetState": "ACTIVE"},
            {"imageSetState": {"ne": "ACTIVE"}},
            {"found": True},
            {"overrides.forced": True},
            {"labels.hold": True},
            {"labels.owner": "a"},
            {"tags.Owner": {"exists": True}},
            {"message": {"exists": False}},
            {"successor.imageSetState": "ACTIVE"},
            {"known": True},
            {"known": False},
            {"previous.imageSetState": "ACTIVE"},
        ]
    )


@cache
def conditions(scope: str) -> st.SearchStrategy[dict[str, Any]]:
    if scope == "image_set":
        return st.one_of(strategies.conditions(scope), strategies.nested(of_earlier_runs()))
    if scope == "version":
        return st.one_of(strategies.conditions(scope), strategies.nested(of_versions()))
    return strategies.nested(st.one_of(aggregates(), aggregates(), strategies.leaves(scope)))


@st.composite
def of_earlier_runs(draw) -> dict[str, Any]:
    """A leaf that compares an image set with what earlier runs saw of it."""
    path = draw(st.sampled_from([*scope_oracle.EARLIER_FIELDS]))
    name = path.removeprefix("previous.")
    kind = scope_oracle.EARLIER_FIELDS[path]
    choices: list[dict[str, Any]] = [
        {"known": draw(st.booleans())},
        {"previous.found": draw(st.booleans())},
        {name: {"field": path}},
        {name: {"ne": {"field": path}}},
        {path: draw(strategies.values(kind.type, path, "image_set"))},
    ]
    if isinstance(kind.absent, scope_oracle.Gap):
        absent = draw(st.sampled_from(["match", "no_match", "unknown"]))
        choices += [
            {path: {"exists": draw(st.booleans())}},
            {path: {"ne": {"field": name}, "if_absent": absent}},
        ]
    if kind.type in ("time", "integer"):
        value = draw(strategies.spans() if kind.type == "time" else st.sampled_from([-1, 0, 1]))
        choices += [{f"{name} - {path}": {draw(st.sampled_from(["eq", "gte", "lt"])): value}}] * 2
    return draw(st.sampled_from(choices))


@st.composite
def earlier(draw, store: str, image_set_id: str, version: int | None) -> dict[str, Any]:
    """What earlier runs saw of an image set, or of a pinned version; nothing where it is new."""
    kinds = ["answer", "answer", "answer", "gone", "unread", "new"] + (["event"] if version is None else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "event":
        number, primary = draw(st.sampled_from(["2", "10"])), draw(st.sampled_from([True, False, None]))
        said = {"imageSetState": "DELETED", "imageSetWorkflowStatus": "DELETED", "versionId": number}
        return {"event": said | ({} if primary is None else {"isPrimary": primary})}
    if kind != "answer":
        return {} if kind == "new" else {kind: True}
    answer = draw(strategies.answers())
    number = answer["versionId"] if version is None else str(version)
    answer |= {"datastoreId": store, "imageSetId": image_set_id, "versionId": number}
    made = {"answer": answer}
    if draw(st.booleans()):
        made["collectedAt"] = strategies.iso(draw(strategies.moments()))
    return made


@st.composite
def of_versions(draw) -> dict[str, Any]:
    """A leaf that compares a version with the one before it."""
    path = draw(st.sampled_from([*scope_oracle.PREVIOUS_FIELDS]))
    name = path.removeprefix("previous_version.")
    kind = scope_oracle.PREVIOUS_FIELDS[path].type
    choices: list[dict[str, Any]] = [
        {name: {"field": path}},
        {name: {"ne": {"field": path}}},
        {path: {"exists": draw(st.booleans())}},
        {path: draw(strategies.values(kind, path, "version"))},
        {path: {"ne": {"field": name}, "if_absent": draw(st.sampled_from(["match", "no_match", "unknown"]))}},
    ]
    if name == "versionId":
        choices += [{f"{name} - {path}": {draw(st.sampled_from(["eq", "ne", "gt"])): 1}}] * 3
    if kind == "time":
        choices += [
            {f"{name} - {path}": {draw(st.sampled_from(["eq", "gte", "lt"])): draw(strategies.spans())}}
        ]
    return draw(st.sampled_from(choices))


@st.composite
def policies(draw, rules: int = 6, scopes: tuple[str, ...] = ("image_set", "version", "datastore")) -> Any:
    """A policy, and values of parameters as `--param` gives them."""
    policy: dict[str, Any] = {"version": 1, "pack": strategies.PACK, "labels": LABELS, "rules": []}
    flags: dict[str, str] = {}
    for index in range(rules):
        scope = draw(st.sampled_from(scopes))
        rule: dict[str, Any] = {"id": f"r{index}", "title": f"Rule {index}", "severity": "high"}
        if scope != "image_set" or draw(st.booleans()):
            rule["scope"] = scope
        rule[draw(st.sampled_from(["deny", "require"]))] = draw(conditions(scope))
        if draw(st.booleans()):
            rule["when"] = draw(conditions(scope))
        policy["rules"].append(rule)
    return strategies.declared(policy, flags, draw), flags


# Worlds


def outcome(
    name: str, answer: st.SearchStrategy[Any], *, received: int = 8
) -> st.SearchStrategy[dict[str, Any]]:
    """The answer of a call, its error, or nothing where the call was not made."""
    error = {"answer": "error", "properties": "error"}.get(name, f"{name} error")
    return st.sampled_from([name] * received + UNREAD + [""]).flatmap(
        lambda what: (
            answer.map(lambda value: {name: value})
            if what == name
            else st.just({error: what} if what else {})
        )
    )


@cache
def labels() -> st.SearchStrategy[dict[str, Any]]:
    more = {
        "superseded_by": strategies.maybe(st.sampled_from(IDS[:12])),
        "kept": strategies.maybe(strategies.spans()),
        "owner": strategies.maybe(st.sampled_from(["a", "b"])),
    }
    drawn = st.tuples(strategies.labels(), st.fixed_dictionaries(more))
    return drawn.map(
        lambda pair: {k: v for k, v in (pair[0] | pair[1]).items() if v is not ... and v is not None}
    )


@cache
def tags() -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from([*KEYS, "Other"]), st.sampled_from(strategies.TEXTS), max_size=2)


@st.composite
def version_lists(draw, image_set_id: str) -> list[dict[str, Any]]:
    """Answers of ListImageSetVersions, in any order."""
    numbers = draw(
        st.sampled_from(
            [["1"], ["1", "2"], ["1", "2", "3"], ["3", "2", "1"], ["2"], ["1", "3"], ["10", "9", "2"]]
        )
    )
    listed = []
    for number in numbers:
        answer = draw(strategies.answers())
        for name in ("datastoreId", "imageSetArn", "lastAccessedAt", "storageTier"):
            answer.pop(name, None)
        if "imageSetWorkflowStatus" in answer:
            answer["ImageSetWorkflowStatus"] = answer.pop("imageSetWorkflowStatus")
        if listed and draw(st.booleans()):
            answer["createdAt"] = listed[-1].get("createdAt")
        listed.append(answer | {"imageSetId": image_set_id, "versionId": number})
    return listed


@st.composite
def sets(draw, image_set_id: str, stores: list[tuple[str, str]], *, pinned: bool) -> dict[str, Any]:
    target, store = draw(st.sampled_from(stores))
    item: dict[str, Any] = {
        "target": target,
        "datastoreId": store,
        "imageSetId": image_set_id,
        "labels": draw(labels()),
    }
    version = draw(st.sampled_from([None, None, None, 1, 2, 3])) if pinned else None
    if version is not None:
        item["pinned"] = version
    if draw(st.booleans()):
        item["collectedAt"] = strategies.iso(draw(strategies.moments()))
    answer = draw(outcome("answer", strategies.answers()))
    if "answer" in answer:
        number = answer["answer"]["versionId"] if version is None else str(version)
        answer["answer"] |= {"datastoreId": store, "imageSetId": image_set_id, "versionId": number}
    elif not answer:
        answer = {"error": "ThrottlingException"}
    item["earlier"] = draw(earlier(store, image_set_id, version))
    return (
        item | answer | draw(outcome("versions", version_lists(image_set_id))) | draw(outcome("tags", tags()))
    )


@st.composite
def properties(draw, store: str) -> dict[str, Any]:
    """GetDatastore's."""
    optional = {
        "kmsKeyArn": st.sampled_from(KEY_ARNS),
        "lambdaAuthorizerArn": st.sampled_from(KEY_ARNS),
        "losslessStorageFormat": st.sampled_from([*scope_oracle.FORMATS, UNLISTED]),
        "datastoreArn": st.sampled_from(["arn:a", "a"]),
        "createdAt": strategies.wire_times(),
        "updatedAt": strategies.wire_times(),
    }
    status = draw(st.sampled_from([*scope_oracle.STORE_STATUSES, UNLISTED]))
    required = {
        "datastoreId": store,
        "datastoreName": draw(st.sampled_from(["a", "archive"])),
        "datastoreStatus": status,
    }
    drawn = draw(st.fixed_dictionaries({name: strategies.maybe(pool) for name, pool in optional.items()}))
    return required | {name: value for name, value in drawn.items() if value is not ... and value is not None}


@st.composite
def worlds(draw, size: int = 10, *, pinned: bool = True) -> dict[str, Any]:
    """Image sets of a few data stores."""
    pairs = [(TARGETS[0], STORES[0]), (TARGETS[0], STORES[1]), (TARGETS[1], STORES[0])]
    stores = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=3, unique=True))
    drawn = []
    for target, store in stores:
        domain = {
            "target": target,
            "datastoreId": store,
            "complete": draw(st.sampled_from([True, True, True, False])),
        }
        answer = draw(outcome("properties", properties(store)))
        if not answer:
            domain["complete"] = False
        drawn.append(domain | answer | draw(outcome("tags", tags())))
    count = draw(st.integers(size // 2, size))
    made = [draw(sets(image_set_id, stores, pinned=pinned)) for image_set_id in IDS[:count]]
    runs = draw(st.sampled_from([True, True, True, False]))
    if not runs:  # a first run knows of events alone
        for domain in made:
            domain["earlier"] = {name: value for name, value in domain["earlier"].items() if name == "event"}
    return {"sets": made, "stores": drawn, "earlier": runs}
