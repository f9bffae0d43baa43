"""The oracle for everything beside GetImageSet: versions, data stores, tags, successors, earlier runs. Read from the design too, and
sharing nothing with the engine.

A world is the evidence as plain data, in the API's spelling:

    {"sets": [{"target": .., "datastoreId": .., "imageSetId": .., "pinned": 3, "labels": {..},
               "answer": {..} or "error": CODE,                       # GetImageSet
               "versions": [{..}] or "versions error": CODE,          # ListImageSetVersions
               "tags": {..} or "tags error": CODE,
               "earlier": {"answer": {..}, "collectedAt": ..},        # by the last run that got an answer
                          or {"gone": True},                          # seen by one, not found by the last
                          or {"unread": True}                         # no run could read it
                          or {"event": {..}}}],                       # a deletion event's detail, and nothing else
     "earlier": True,                                                 # whether there was an earlier run
     "stores": [{"target": .., "datastoreId": .., "complete": True,
                 "properties": {..} or "error": CODE,                 # GetDatastore
                 "tags": {..} or "tags error": CODE}]}

Where neither an answer nor an error stands, the call was not made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.language.oracle import FIELDS, Gap, Kind, Oracle, both, either, labels_of, negated

STORE_STATUSES = ("CREATING", "CREATE_FAILED", "ACTIVE", "DELETING", "DELETED")
FORMATS = ("HTJ2K", "JPEG_2000_LOSSLESS")
NOT_OF_A_VERSION = ("imageSetArn", "storageTier", "lastAccessedAt", "account", "region")
NOT_OF_THE_ONE_BEFORE = (
    *NOT_OF_A_VERSION,
    "found",
    "now",
    "target",
    "collectedAt",
    "datastoreId",
    "imageSetId",
)

STORE_FIELDS = {
    "datastore.datastoreId": Kind("string"),
    "datastore.datastoreName": Kind("string"),
    "datastore.datastoreStatus": Kind("enum", members=STORE_STATUSES),
    "datastore.kmsKeyArn": Kind("string", Gap.NONE),
    "datastore.lambdaAuthorizerArn": Kind("string", Gap.NONE),
    "datastore.losslessStorageFormat": Kind("enum", Gap.NOT_REPORTED, FORMATS),
    "datastore.datastoreArn": Kind("string", Gap.NOT_REPORTED),
    "datastore.createdAt": Kind("time", Gap.NOT_REPORTED),
    "datastore.updatedAt": Kind("time", Gap.NOT_REPORTED),
}
SUCCESSOR_FIELDS = {
    f"successor.{name}": FIELDS[name]
    for name in ("found", "imageSetState", "isPrimary", "imageSetWorkflowStatus")
}
PREVIOUS_FIELDS = {
    f"previous_version.{name}": kind for name, kind in FIELDS.items() if name not in NOT_OF_THE_ONE_BEFORE
}
EARLIER_FIELDS = {
    f"previous.{name}": kind
    for name, kind in FIELDS.items()
    if name not in ("now", "target", "account", "region", "datastoreId", "imageSetId", "imageSetArn")
}
OF_EVENTS = ("found", "versionId", "imageSetState", "imageSetWorkflowStatus", "isPrimary")
TAG = Kind("string", Gap.NONE)


def catalogue(scope: str, labels: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Kind]:
    """What a rule of a scope may name; `tags` are the keys, by how a policy writes them."""
    of_store = STORE_FIELDS | {f"datastore.tags{written}": TAG for written in tags}
    if scope == "datastore":
        return of_store | {name: FIELDS[name] for name in ("now", "target")}
    known = FIELDS | labels_of(labels) | of_store | {f"tags{written}": TAG for written in tags}
    if scope == "version":
        return {
            name: kind for name, kind in (known | PREVIOUS_FIELDS).items() if name not in NOT_OF_A_VERSION
        }
    known |= EARLIER_FIELDS | {"known": Kind("boolean", answer=False)}
    return known | (SUCCESSOR_FIELDS if "superseded_by" in labels else {})


def tag_key(path: str) -> str:
    """Of `tags.Owner` or `tags["Cost Centre"]`, with `datastore.` before it or not."""
    written = path.partition("tags")[2]
    return written[1:] if written[0] == "." else json.loads(written[1:-1])


class ScopeOracle(Oracle):
    """Judges the subjects of a policy's rules in a world at one instant."""

    def __init__(
        self,
        policy: Mapping[str, Any],
        as_of: str,
        flags: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(policy, as_of, flags)
        for scope in ("image_set", "version", "datastore"):
            self.fields |= catalogue(scope, policy.get("labels", {}), tags or {})

    def verdicts(self, rule: Mapping[str, Any], world: Mapping[str, Any]) -> dict[str, str]:
        """The verdict on each subject of the rule, by its name."""
        named = subjects(rule.get("scope", "image_set"), world)
        return {name: self.verdict(rule, record) for name, record in named.items()}

    def firsts(self, world: Mapping[str, Any]) -> dict[str, str]:
        """The image sets of whose past nobody knows anything, since no earlier run looked at their target; each with it."""
        found = {}
        for name, record in subjects("image_set", world).items():
            self.record = record
            if not record["looked at"] and self.read("known") is Gap.UNREAD:
                found[name] = record["target"]
        return found

    def entry(self, key: str, value: Any) -> bool | None:
        return self.aggregate(key, value) if key in ("count", "ratio") else super().entry(key, value)

    def read(self, path: str) -> Any:
        head, _, rest = path.partition(".")
        if path.startswith(("tags", "datastore.tags")):
            source = self.record if path.startswith("tags") else self.record["store"]
            return source["tags"].get(tag_key(path), Gap.NONE) if "tags" in source else Gap.UNREAD
        if head == "datastore":
            return self.member(path, rest, self.record["store"].get("properties"))
        if head == "previous_version":
            before = self.record["before"] if "answer" in self.record else Gap.UNREAD
            return before if isinstance(before, Gap) else self.member(path, rest, before)
        if head == "successor":
            return self.successor(rest)
        if head in ("known", "previous"):
            return self.earlier(path, rest)
        return super().read(path)

    def member(self, path: str, name: str, answer: Mapping[str, Any] | None) -> Any:
        """A field of another answer than the subject's own, read as if it were that."""
        kind, subject = self.fields[path], self.record
        self.fields[name], own = kind, self.fields.get(name)
        self.record = {"answer": answer} if answer is not None else {}
        try:
            return super().read(name)
        finally:
            self.record = subject
            self.fields.pop(name) if own is None else self.fields.update({name: own})

    def earlier(self, path: str, name: str) -> Any:
        """What earlier runs, or a deletion event, saw."""
        seen = self.record.get("earlier", {})
        if path == "known":
            if "unread" in seen or not (seen or self.record["looked at"]):
                return Gap.UNREAD
            return bool(seen)
        if name == "found":
            return "gone" not in seen if seen and "unread" not in seen else Gap.UNREAD
        if "event" in seen:
            return self.member(path, name, seen["event"]) if name in OF_EVENTS else Gap.UNREAD
        if "answer" not in seen:
            return Gap.UNREAD
        subject, value = self.record, None
        if name == "collectedAt":
            self.record = seen
            value = self.fields[path].absent if "collectedAt" not in seen else super().read("collectedAt")
            self.record = subject
            return value
        return self.member(path, name, seen["answer"])

    def successor(self, name: str) -> Any:
        """What became of the image set of the same data store that the label names."""
        wanted, subject = self.record.get("labels", {}).get("superseded_by"), self.record
        if wanted is None:
            return Gap.NONE
        for other in subject["others"]:
            same = other["imageSetId"] == wanted and other["datastoreId"] == subject["datastoreId"]
            if same and "pinned" not in other:
                self.record = other
                value = super().read(name)
                self.record = subject
                return value
        return Gap.UNREAD

    # Aggregates

    def aggregate(self, kind: str, matcher: Any) -> bool | None:
        """Each comparison is decided where every outcome of the image sets that are not decided agrees."""
        matcher = matcher if isinstance(matcher, Mapping) else {"eq": matcher}
        store = self.record
        if not store["complete"]:
            return None
        possible = {(0, 0)}  # how many matched, of how many
        for image_set in store["sets"]:
            self.record = image_set
            inside, matches = (self.outcomes(matcher.get(part)) for part in ("among", "of"))
            adds = {(within and match, within) for within in inside for match in matches}
            possible = {(a + match, b + within) for a, b in possible for match, within in adds}
        self.record = store
        numbers = {
            Gap.NOT_REPORTED
            if kind == "ratio" and not among
            else Fraction(matched, among if kind == "ratio" else 1)
            for matched, among in possible
        }
        truths = []
        for name in matcher.keys() - {"of", "among", "if_absent"}:
            said = {self.compared(kind, name, matcher, number) for number in numbers}
            truths.append(said.pop() if len(said) == 1 else None)
        return both(truths)

    def outcomes(self, condition: Mapping[str, Any] | None) -> set[bool]:
        truth = True if condition is None else self.condition(condition)
        return {True, False} if truth is None else {truth}

    def compared(self, kind: str, name: str, matcher: Mapping[str, Any], number: Any) -> bool | None:
        """One comparison with one outcome."""
        raw, absent = matcher[name], isinstance(number, Gap)
        if absent and "if_absent" in matcher:
            return {"match": True, "no_match": False, "unknown": None}[matcher["if_absent"]]
        if name == "exists":
            return self.value("boolean", raw) is not absent
        if absent:
            return None
        if name in ("ne", "not_in"):
            return negated(self.compared(kind, name.removeprefix("not_") if name == "not_in" else "eq", {"in": raw, "eq": raw}, number))  # fmt: skip
        if name == "in":
            return either(self.compared(kind, "eq", {"eq": item}, number) for item in self.items(raw))
        if name == "between":
            ends = zip(("gte", "lte"), raw, strict=True)
            return both(self.compared(kind, end, {end: value}, number) for end, value in ends)
        return self.compare(kind, name, number, self.value("integer" if kind == "count" else "ratio", raw))


# Who is judged


def subjects(scope: str, world: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The records of a scope's subjects, by name."""
    if scope == "datastore":
        return dict(_stores(world))
    found: dict[str, dict[str, Any]] = {}
    for item in map(dict, _sets(world)):
        for record in [item] if scope == "image_set" else _versions(item):
            version = record["answer"]["versionId"] if "answer" in record else None
            version = item.get("pinned") if scope == "image_set" or "pinned" in item else version
            name = f"{item['target']}/{item['imageSetId']}" + (f"@v{version}" if version is not None else "")
            assert name not in found
            found[name] = record
    return found


def _sets(world: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    stores = {(store["target"], store["datastoreId"]): store for store in world["stores"]}
    looked = {
        (image_set["target"], image_set["datastoreId"])
        for image_set in world["sets"]
        if world.get("earlier") and image_set.get("earlier", {}).keys() & {"answer", "gone"}
    }
    for image_set in world["sets"]:
        place = image_set["target"], image_set["datastoreId"]
        at = {"store": stores.get(place, {}), "looked at": place in looked}
        yield {**image_set, **at, "others": world["sets"]}


def _stores(world: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    records = [*world["stores"], *world["sets"]]
    keys = dict.fromkeys((record["target"], record["datastoreId"]) for record in records)
    for target, store in keys:
        sets = [
            image_set
            for image_set in _sets(world)
            if (image_set["target"], image_set["datastoreId"]) == (target, store)
        ]
        its = next((item for item in world["stores"] if (item["target"], item["datastoreId"]) == (target, store)), {})  # fmt: skip
        several = sum(other == target for other, _ in keys) > 1
        yield (
            f"{target}/{store}" if several else target,
            {"target": target, "store": its, "sets": sets, "complete": its.get("complete", False)},
        )


def _versions(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A record for each version; one for a set whose versions are not known, or which is not there."""
    unread = {name: value for name, value in item.items() if name not in ("answer", "error")}
    if "versions" not in item:
        code = item.get("versions error") or (item.get("error") if item.get("error") == "ResourceNotFoundException" else "")  # fmt: skip
        yield {**unread, "error": code}
        return
    ordered = sorted(item["versions"], key=lambda version: int(version["versionId"]))
    pairs = pairwise([None, *map(_spelled, ordered)])
    chosen = [(before, version) for before, version in pairs if item.get("pinned") in (None, int(version["versionId"]))]  # fmt: skip
    for before, version in chosen:
        answer = {**version, "datastoreId": item["datastoreId"]}
        yield {**unread, "answer": answer, "before": Gap.NONE if before is None else before}
    if not chosen:  # the set is there, but not the version that was asked for
        yield {**unread, "error": "VersionNotFound"}


def _spelled(version: Mapping[str, Any]) -> dict[str, Any]:
    """ListImageSetVersions spells one member with a capital."""
    other = {"ImageSetWorkflowStatus": "imageSetWorkflowStatus"}
    return {other.get(name, name): value for name, value in version.items()}
