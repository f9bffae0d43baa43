"""What the design says of versions, data stores, tags, successors and required labels, each worked out by hand: for the
engine and the oracle.

A claim is a rule and the evidence of one target, with the verdict on each of its subjects: `a@v2` is version 2 of the
image set a, `` the data store. All are judged at once, so that they are each other's bystanders.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from checker.model import Numbers
from tests.language.engine import Judged, judge_world
from tests.language.scope_oracle import ScopeOracle

NOW = "2026-01-01T00:00:00Z"
LABELS = {
    "class": {"type": "string"},
    "owner": {"type": "string", "required": True},
    "superseded_by": {"type": "string"},
}
TAGS = {".Owner": "Owner", '["Cost Centre"]': "Cost Centre"}
DENIED, GONE = "AccessDeniedException", "ResourceNotFoundException"

Sets = list[dict[str, Any]]
CLAIMS: list[tuple[str, dict[str, Any], Sets, dict[str, Any] | None, dict[str, str]]] = []


def a(name: str = "a", **parts: Any) -> dict[str, Any]:
    """An image set with what is said of it; what is no call's is a member of GetImageSet's answer."""
    calls = {"error", "versions", "versions error", "tags", "tags error", "labels", "pinned"}
    given = {key.replace("_error", " error"): value for key, value in parts.items()}
    answer = {
        "versionId": "1",
        "imageSetState": "ACTIVE",
        **{k: v for k, v in given.items() if k not in calls},
    }
    item = {"imageSetId": name * 32, "labels": {}, **{k: v for k, v in given.items() if k in calls}}
    return item if "error" in item else item | {"answer": answer}


def versions(*changes: dict[str, Any]) -> Sets:
    """An image set with these versions: from 1 on, unless numbered."""
    numbered = [
        {"versionId": str(at), "imageSetState": "ACTIVE", **change} for at, change in enumerate(changes, 1)
    ]
    return [a(versions=numbered)]


def store(**parts: Any) -> dict[str, Any]:
    """A data store that is covered, with what is said of it; what is no call's is a member of GetDatastore's answer."""
    calls = {"error", "tags", "tags_error", "complete"}
    properties = {"datastoreName": "x", "datastoreStatus": "ACTIVE"}
    properties |= {key: value for key, value in parts.items() if key not in calls}
    given = {key.replace("_error", " error"): value for key, value in parts.items() if key in calls}
    return {"complete": True, **given} | ({} if "error" in given else {"properties": properties})


def claim(
    said: str,
    rule: dict[str, Any],
    sets: Sets,
    expected: dict[str, str] | str,
    its: dict[str, Any] | None = None,
) -> None:
    CLAIMS.append((said, rule, sets, its, {"": expected} if isinstance(expected, str) else expected))


def of_versions(**rule: Any) -> dict[str, Any]:
    return {"scope": "version", **rule}


def counted(kind: str, **matcher: Any) -> dict[str, Any]:
    return {"scope": "datastore", "deny": {kind: matcher}}


# Versions

FORCED: dict[str, Any] = {"overrides": {"forced": True}}
NO_FORCE = {"deny": {"overrides.forced": True}}
claim(
    "a force is found under a later clean version",
    of_versions(**NO_FORCE),
    versions({}, FORCED, {}),
    {"a@v1": "pass", "a@v2": "fail", "a@v3": "pass"},
)
claim("which the latest version hides", NO_FORCE, versions({}, FORCED, {}), {"a": "pass"})
claim(
    "a gap in the numbers is seen against the version before, wherever in the list it stands",
    of_versions(
        when={"previous_version.versionId": {"exists": True}},
        require={"versionId - previous_version.versionId": 1},
    ),
    versions({"versionId": "4"}, {"versionId": "1"}, {"versionId": "2"}),
    {"a@v1": "not_applicable", "a@v2": "pass", "a@v4": "fail"},
)
EARLIER, LATER = {"createdAt": "2025-01-01T00:00:00Z"}, {"createdAt": "2025-01-02T00:00:00Z"}
CHANGED = {"ne": {"field": "previous_version.createdAt"}}
claim(
    "createdAt changed; the first version has no value to compare with, which is unknown",
    of_versions(deny={"createdAt": CHANGED}),
    versions(EARLIER, EARLIER, LATER),
    {"a@v1": "unknown", "a@v2": "pass", "a@v3": "fail"},
)
claim(
    "or what if_absent says; so is a time that the version before does not report",
    of_versions(deny={"createdAt": {**CHANGED, "if_absent": "no_match"}}),
    versions({}, EARLIER, LATER),
    {"a@v1": "pass", "a@v2": "pass", "a@v3": "fail"},
)
claim(
    "DELETED returns",
    of_versions(deny={"previous_version.imageSetState": "DELETED", "imageSetState": {"ne": "DELETED"}}),
    versions({}, {"imageSetState": "DELETED"}, {"imageSetState": "DELETED"}, {}),
    {"a@v1": "pass", "a@v2": "pass", "a@v3": "pass", "a@v4": "fail"},
)
for said, condition, first, second in [
    ("exists is false", {"previous_version.versionId": {"exists": True}}, "pass", "fail"),
    ("eq is false", {"previous_version.imageSetState": "ACTIVE"}, "pass", "fail"),
    ("ne is true", {"previous_version.imageSetState": {"ne": "ACTIVE"}}, "fail", "pass"),
    ("not_in is true", {"previous_version.versionId": {"not_in": [1]}}, "fail", "pass"),
    ("order is false", {"previous_version.versionId": {"gte": 0}}, "pass", "fail"),
    ("text is false", {"previous_version.imageSetState": {"starts_with": "A"}}, "pass", "fail"),
    ("not even force is false", {"previous_version.overrides.forced": False}, "pass", "fail"),
    ("a difference is unknown", {"versionId - previous_version.versionId": {"gt": 0}}, "unknown", "fail"),
    ("if_absent applies to it", {"previous_version.overrides.forced": {"eq": True, "if_absent": "match"}}, "fail", "pass"),
    ("what the one before leaves out is not none", {"previous_version.isPrimary": {"ne": True}}, "fail", "unknown"),
    ("but its message is", {"previous_version.message": {"ne": "x"}}, "fail", "fail"),
]:  # fmt: skip
    claim(
        f"the first version has none before it: {said}",
        of_versions(deny=condition),
        versions({}, {}),
        {"a@v1": first, "a@v2": second},
    )
for said, condition, verdict in [
    ("unknown", {"imageSetState": "ACTIVE"}, "unknown"),
    ("exists does not apply", {"previous_version.versionId": {"exists": False}}, "unknown"),
    ("nor does if_absent", {"deletedAt": {"before": NOW, "if_absent": "match"}}, "unknown"),
    ("labels stay known", {"labels.class": "x"}, "pass"),
]:
    claim(
        f"a set whose versions could not be listed is one subject: {said}",
        of_versions(deny=condition),
        [a(versions_error=DENIED)],
        {"a": verdict},
    )
claim(
    "a set that is not there is one subject",
    of_versions(deny={"found": False}),
    [a(error=GONE, versions_error=GONE)],
    {"a": "fail"},
)
claim(
    "a pinned version is one subject, and knows the one before it",
    of_versions(deny={"versionId - previous_version.versionId": 1}),
    [versions({}, {}, {})[0] | {"pinned": 2}],
    {"a@v2": "fail"},
)
claim(
    "a pinned version that is not listed is unknown, not missing",
    of_versions(deny={"found": False}),
    [versions({}, {})[0] | {"pinned": 3}],
    {"a@v3": "unknown"},
)

# Counts and shares

NOT_PRIMARY = {"isPrimary": False}
TWO_AND_UNREAD = [
    a("a", isPrimary=False),
    a("b", isPrimary=False),
    a("c", isPrimary=True),
    a("d", error=DENIED),
]
for said, matcher, verdict in [
    ("decided where it cannot change the answer: reached", {"gte": 2}, "fail"),
    ("decided: out of reach", {"gte": 4}, "pass"),
    ("decided: other than", {"ne": 4}, "fail"),
    ("decided: both outcomes are listed", {"in": [2, 3]}, "fail"),
    ("decided: between", {"between": [2, 3]}, "fail"),
    ("undecided: it could be the third", {"gte": 3}, "unknown"),
    ("undecided: exactly", {"eq": 2}, "unknown"),
    ("undecided: not in", {"not_in": [3, 5]}, "unknown"),
    ("each comparison is decided for itself", {"gte": 3, "lte": 1}, "pass"),
]:
    claim(
        f"a count with an unread set, {said}",
        counted("count", of=NOT_PRIMARY, **matcher),
        TWO_AND_UNREAD,
        verdict,
        store(),
    )
claim(
    "a label is known of a set that was not read",
    counted("count", of={"labels.class": "x"}, eq=1),
    [a(error=DENIED, labels={"class": "x"})],
    "fail",
    store(),
)
claim(
    "without `of` every set counts, read or not",
    {"scope": "datastore", "deny": {"count": 2}},
    [a("a"), a("b", error=DENIED)],
    "fail",
    store(),
)
claim("over no sets a count is 0", {"scope": "datastore", "deny": {"count": 0}}, [], "fail", store())

SHARE = {"of": NOT_PRIMARY, "among": {"imageSetState": "ACTIVE"}}
HALF_AND_UNREAD = [a("a", isPrimary=False), a("b", isPrimary=True), a("c", error=DENIED)]
for said, matcher, verdict in [
    ("1 of 2, 1 of 3 and 2 of 3 are above 1%", {"gt": "1%"}, "fail"),
    ("and none of them below 33%", {"lt": "33%"}, "pass"),
    ("undecided at 50%", {"gt": "50%"}, "unknown"),
    ("undecided where one outcome is equal", {"eq": "50%"}, "unknown"),
    ("decided where none is", {"eq": "40%"}, "pass"),
    ("there is a share, whatever the set is", {"exists": True}, "fail"),
]:
    claim(
        f"a share with an unread set: {said}",
        counted("ratio", **SHARE, **matcher),
        HALF_AND_UNREAD,
        verdict,
        store(),
    )
claim(
    "exactly 25% is not above it",
    counted("ratio", of={"labels.class": "x"}, gt="25%"),
    [a("a", labels={"class": "x"}), *(a(name, error=DENIED) for name in "bcd")],
    "pass",
    store(),
)
DELETED = [a("a", imageSetState="DELETED", isPrimary=False), a("b", isPrimary=True)]
claim("among narrows what it is a share of", counted("ratio", **SHARE, gt="0%"), DELETED, "pass", store())
claim("without it the share is of all", counted("ratio", of=NOT_PRIMARY, eq="50%"), DELETED, "fail", store())
for said, matcher, verdict in [
    ("unknown", {"lte": "100%"}, "unknown"),
    ("unknown also of ne", {"ne": "1%"}, "unknown"),
    ("exists is false", {"exists": False}, "fail"),
    ("if_absent decides", {"lte": "100%", "if_absent": "no_match"}, "pass"),
    ("of exists too", {"exists": False, "if_absent": "no_match"}, "pass"),
]:
    claim(
        f"there is no share of no sets: {said}",
        counted("ratio", **SHARE, **matcher),
        DELETED[:1],
        verdict,
        store(),
    )
for said, matcher, verdict in [
    ("unknown, where the unread set may be the only one", {"gte": "0%"}, "unknown"),
    ("exists is unknown", {"exists": True}, "unknown"),
    ("if_absent decides where the share would agree", {"gte": "0%", "if_absent": "match"}, "fail"),
    ("and not where it would not", {"gte": "0%", "if_absent": "no_match"}, "unknown"),
]:
    claim(
        f"a share of perhaps no sets: {said}",
        counted("ratio", **SHARE, **matcher),
        [a(error=DENIED)],
        verdict,
        store(),
    )
for said, its in [("that is not covered", store(complete=False)), ("that no call was made of", None)]:
    claim(
        f"of a store {said} nothing is counted, though there are enough",
        counted("count", gte=0),
        TWO_AND_UNREAD,
        "unknown",
        its,
    )
    claim(
        f"of a store {said} there is no share",
        counted("ratio", of=NOT_PRIMARY, exists=True, if_absent="match"),
        TWO_AND_UNREAD,
        "unknown",
        its,
    )
claim(
    "a count needs no GetDatastore",
    counted("count", of=NOT_PRIMARY, gte=2),
    TWO_AND_UNREAD,
    "fail",
    store(error=DENIED),
)
claim(
    "a whole rule: when false",
    {"scope": "datastore", "when": {"count": {"gt": 9}}, "deny": {"count": {"gt": 0}}},
    DELETED,
    "not_applicable",
    store(),
)
claim(
    "tags that could not be listed leave a set undecided",
    counted("count", of={"tags.Owner": {"exists": False}}, gt=0),
    [a("a", tags={"Owner": "x"}), a("b", tags_error=DENIED)],
    "unknown",
    store(),
)

# Calls of their own

NO_KEY: dict[str, Any] = {"datastore.kmsKeyArn": {"exists": False}}
for scope, subject in (("image_set", "a"), ("version", "a@v1"), ("datastore", "")):
    here = {"scope": scope}
    for said, condition, its, verdict in [
        ("a store without a key has none", NO_KEY, store(), "fail"),
        ("nor another one", {"datastore.kmsKeyArn": {"ne": "arn:x"}}, store(), "fail"),
        ("a store with a key", NO_KEY, store(kmsKeyArn="arn:x"), "pass"),
        ("after a denied GetDatastore nobody knows", NO_KEY, store(error=DENIED), "unknown"),
        ("nor whether it is another one", {"datastore.kmsKeyArn": {"ne": "arn:x"}}, store(error=DENIED), "unknown"),
        ("and if_absent does not apply", {"datastore.kmsKeyArn": {"eq": "x", "if_absent": "match"}}, store(error=DENIED), "unknown"),
        ("no GetDatastore is as good as a denied one", NO_KEY, None, "unknown"),
        ("a format that is left out is not reported", {"datastore.losslessStorageFormat": {"ne": "HTJ2K"}}, store(), "unknown"),
        ("a tag that the store does not have", {"datastore.tags.Owner": {"ne": "x"}}, store(tags={}), "fail"),
        ("tags of the store that were denied", {"datastore.tags.Owner": {"exists": False}}, store(tags_error=DENIED), "unknown"),
    ]:  # fmt: skip
        claim(f"{scope}: {said}", {**here, "deny": condition}, versions({}), {subject: verdict}, its)
for said, condition, parts, verdict in [
    ("a tag that is missing is none", {"tags.Owner": {"exists": False}}, {"tags": {"owner": "x"}}, "fail"),
    ("and is other than every text", {'tags["Cost Centre"]': {"ne": "1"}}, {"tags": {}}, "fail"),
    ("a tag in quotes", {'tags["Cost Centre"]': "1"}, {"tags": {"Cost Centre": "1"}}, "fail"),
    ("tags that were denied are unknown", {"tags.Owner": {"exists": False}}, {"tags_error": DENIED}, "unknown"),
    ("whatever if_absent says", {"tags.Owner": {"eq": "x", "if_absent": "match"}}, {"tags_error": DENIED}, "unknown"),
    ("tags that nobody asked for too", {"tags.Owner": {"ne": "x"}}, {}, "unknown"),
    ("tags stay known of a set that was not read", {"tags.Owner": "x"}, {"error": DENIED, "tags": {"Owner": "x"}}, "fail"),
    ("a required label that is missing is unknown", {"labels.owner": {"ne": "x"}}, {}, "unknown"),
    ("that it is missing is known", {"labels.owner": {"exists": False}}, {}, "fail"),
    ("and if_absent applies", {"labels.owner": {"eq": "x", "if_absent": "match"}}, {}, "fail"),
    ("another label that is missing is none", {"labels.class": {"ne": "x"}}, {}, "fail"),
]:  # fmt: skip
    claim(said, {"deny": condition}, [a(**parts)], {"a": verdict})

# Successors

BY_B = {"labels": {"superseded_by": "b" * 32}}
REPLACED = {
    "when": {"labels.superseded_by": {"exists": True}},
    "require": {"successor.found": True, "successor.imageSetState": {"ne": "DELETED"}},
}
for said, others, verdict in [
    ("listed and there", [a("b")], "pass"),
    ("not listed: unknown", [a("c")], "unknown"),
    ("listed and deleted", [a("b", imageSetState="DELETED")], "fail"),
    ("not there", [a("b", error=GONE)], "fail"),
    ("not read: unknown", [a("b", error=DENIED)], "unknown"),
    ("a pinned version does not say what became of it: unknown", [a("b", pinned=1)], "unknown"),
]:
    pinned = "pinned" in others[0]
    name = others[0]["imageSetId"][0] + ("@v1" if pinned else "")
    claim(
        f"the successor is {said}",
        REPLACED,
        [a("a", **BY_B), *others],
        {"a": verdict, name: "not_applicable"},
    )
claim(
    "a set without the label has no successor",
    {"deny": {"successor.found": {"ne": True}, "successor.imageSetState": {"exists": False}}},
    [a()],
    {"a": "fail"},
)
claim(
    "whether one that is not listed is there, if_absent does not say",
    {"deny": {"successor.found": {"eq": True, "if_absent": "match"}}},
    [a(**BY_B)],
    {"a": "unknown"},
)
claim(
    "one that is not there has no state that is known",
    {"deny": {"successor.imageSetState": {"exists": False}}},
    [a("a", **BY_B), a("b", error=GONE)],
    {"a": "unknown", "b": "fail"},
)
claim(
    "successors are known while counting",
    counted("count", of={"successor.imageSetState": "DELETED"}, eq=1),
    [a("a", **BY_B), a("b", imageSetState="DELETED")],
    "fail",
    store(),
)


def world_of(number: int, sets: Sets, its: dict[str, Any] | None) -> dict[str, Any]:
    place = {"target": f"t{number}", "datastoreId": f"{number:032x}"}
    placed = []
    for cell in sets:
        ids = {"imageSetId": cell["imageSetId"]}
        placed.append({**cell, **place})
        if "answer" in cell:
            placed[-1]["answer"] = {**cell["answer"], **ids, "datastoreId": place["datastoreId"]}
        if "versions" in cell:
            placed[-1]["versions"] = [{**version, **ids} for version in cell["versions"]]
    stores = []
    if its is not None:
        stores.append({**its, **place})
        if "properties" in its:
            stores[0]["properties"] = {**its["properties"], "datastoreId": place["datastoreId"]}
    return {"sets": placed, "stores": stores}


TOGETHER = 60


@cache
def judged(group: int) -> tuple[Judged, dict[str, dict[str, str]]]:
    """What the engine and the oracle say of some rules on every subject."""
    numbers = range(group * TOGETHER, min(len(CLAIMS), (group + 1) * TOGETHER))
    worlds = [world_of(number, *CLAIMS[number][2:4]) for number in numbers]
    world = {part: [item for each in worlds for item in each[part]] for part in ("sets", "stores")}
    rules = [{"id": f"r{n}", "title": "R", "severity": "low", **CLAIMS[n][1]} for n in numbers]
    policy = {"version": 1, "pack": "scopes", "labels": LABELS, "rules": rules}
    oracle = ScopeOracle(policy, NOW, tags=TAGS)
    said = {rule["id"]: oracle.verdicts(rule, each) for rule, each in zip(rules, worlds, strict=True)}
    return judge_world(policy, world, NOW), said


@pytest.mark.parametrize(
    "number", range(len(CLAIMS)), ids=[f"{at} {claim[0]}" for at, claim in enumerate(CLAIMS)]
)
def test_claim(number: int) -> None:
    said, rule, *_, expected = CLAIMS[number]
    engine, oracle = judged(number // TOGETHER)
    id_, target = f"r{number}", f"t{number}"
    wanted = {
        target + (f"/{name[0] * 32}{name[1:]}" if name else ""): verdict for name, verdict in expected.items()
    }
    assert oracle[id_] == wanted, f"the oracle: {said}: {rule}"
    its = {
        name: verdict
        for (of, name), verdict in engine.verdicts.items()
        if of == id_ and name.partition("/")[0] == target
    }
    assert its == wanted, f"the engine: {said}: {rule}"


def judge_one(rule: dict[str, Any], world: dict[str, Any]) -> Judged:
    whole = {"id": "r", "title": "R", "severity": "low", **rule}
    return judge_world({"version": 1, "pack": "one", "labels": LABELS, "rules": [whole]}, world, NOW)


def test_a_finding_on_a_data_store_names_the_target_the_numbers_and_examples():
    rule = {**counted("ratio", **SHARE, gt="1%"), "when": {"datastore.kmsKeyArn": {"exists": False}}}
    (finding,) = judge_one(rule, world_of(0, HALF_AND_UNREAD, store())).findings
    assert (finding.subject.name, finding.subject.image_set_id) == ("t0", None)
    numbers = Numbers("ratio", matched=1, among=2, undecided=1, examples=("a" * 32,))
    assert finding.observed == {"datastore.kmsKeyArn": None, "ratio": numbers}


def test_the_data_stores_of_one_target_are_subjects_each():
    worlds = [world_of(0, HALF_AND_UNREAD, store()), world_of(1, [a("e", isPrimary=True)], store())]
    world = {
        part: [{**item, "target": "t"} for each in worlds for item in each[part]]
        for part in ("sets", "stores")
    }
    said = judge_one(counted("count", of=NOT_PRIMARY, gt=0), world).verdicts
    assert said == {("r", f"t/{0:032x}"): "fail", ("r", f"t/{1:032x}"): "pass"}


def test_a_pinned_version_without_a_list_is_what_get_image_set_said_of_it():
    world = world_of(0, [a(pinned=2, versionId="2", overrides={"forced": True})], None)
    assert judge_one(of_versions(**NO_FORCE), world).verdicts == {("r", f"t0/{'a' * 32}@v2"): "fail"}


def test_the_version_before_it_is_then_unknown():
    world = world_of(0, [a(pinned=2, versionId="2")], None)
    rule = of_versions(deny={"previous_version.versionId": {"exists": False}})
    assert judge_one(rule, world).verdicts == {("r", f"t0/{'a' * 32}@v2"): "unknown"}


def test_a_set_that_is_listed_whole_and_pinned_counts_once():
    world = world_of(0, [a(versionId="2"), a(pinned=1)], store())
    assert judge_one({"scope": "datastore", "deny": {"count": 1}}, world).verdicts == {("r", "t0"): "fail"}
