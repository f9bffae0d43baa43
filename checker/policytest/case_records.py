"""What tests describe, as the records that a collection would have written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from checker.aws.actions import ACTIONS, GET_DATASTORE, GET_IMAGE_SET, LIST_TAGS, LIST_VERSIONS, SEARCH
from checker.fields import (
    DICOM,
    EARLIER,
    PREVIOUS,
    SUCCESSOR,
    SUPERSEDED_BY,
    model,
    tag_field,
    tag_key,
)
from checker.model import Case, CaseSets, RuleScope, Scalar
from checker.snapshot.records import DICOM_TAGS, NOT_FOUND, PROPERTIES, TAGS, VERSIONS, Record, arn_parts
from checker.values import iso, shifted

STORE = "0123456789abcdef0123456789abcdef"
SUCCESSOR_ID = "5cce550a" * 4
"""The image set that replaced one, where a test does not say which."""
_PREFIX = "arn:aws:medical-imaging:us-east-1:123456789012:datastore/"
_DATASTORE = "datastore."
_API = ACTIONS[LIST_VERSIONS].names


def healthy(image_set_id: str, as_of: datetime) -> dict[str, Any]:
    """The answer for an image set with which nothing is wrong, by path."""
    yesterday = shifted(as_of, -timedelta(days=1)) or as_of
    return {
        "datastoreId": STORE,
        "imageSetId": image_set_id,
        "versionId": 1,
        "createdAt": yesterday,
        "updatedAt": yesterday,
        "lastAccessedAt": yesterday,
        "imageSetArn": f"{_PREFIX}{STORE}/imageset/{image_set_id}",
        **ACTIONS[GET_IMAGE_SET].healthy,
    }


def healthy_store(as_of: datetime) -> dict[str, Any]:
    """GetDatastore's answer for a data store with which nothing is wrong, by path."""
    created = as_of.replace(year=max(as_of.year - 1, 1), day=min(as_of.day, 28))
    return {
        f"{_DATASTORE}datastoreId": STORE,
        **{f"{_DATASTORE}{path}": value for path, value in ACTIONS[GET_DATASTORE].healthy.items()},
        f"{_DATASTORE}datastoreArn": f"{_PREFIX}{STORE}",
        f"{_DATASTORE}createdAt": created,
        f"{_DATASTORE}updatedAt": created,
    }


def healthy_values(scope: RuleScope, as_of: datetime) -> dict[str, Any]:
    """The value of each field of a healthy subject, of its data store, of its previous version and its successor."""
    answer = healthy(f"{0:032}", as_of)
    values = healthy_store(as_of) | answer | arn_parts(answer["imageSetArn"])
    values |= {f"{SUCCESSOR}found": True}
    values |= {SUCCESSOR + path: value for path, value in answer.items()}
    values |= {PREVIOUS + path: value for path, value in answer.items()}
    values |= {f"{EARLIER}found": True, **{EARLIER + path: value for path, value in answer.items()}}
    return values | ({"versionId": 2} if scope == "version" else {})


def wanted(case: Case, index: int, scope: RuleScope) -> tuple[str | None, int | None]:
    """The image set and version that a test is about; None where the rule judges data stores, or all versions failed."""
    if scope == "datastore":
        return None, None
    image_set_id = str(case.given.get("imageSetId") or f"{index:032}")
    if scope == "image_set" or case.error or not case.found:
        return image_set_id, None
    return image_set_id, _version(case)


def target(index: int) -> str:
    """The target of a test; each has one of its own, which keeps their rows apart."""
    return f"test-{index:04}"


def records(case: Case, index: int, scope: RuleScope, dicom: Collection[str] = ()) -> Iterator[Record]:
    """What a collection would have recorded of what a test describes; of image sets with these DICOM attributes."""
    yield from _store(case, index, scope)
    if scope == "datastore":
        number = 0
        for sets in case.image_sets:
            for _ in range(sets.count):
                yield from _image_set(sets, f"{number:032}", case, index, dicom)
                number += 1
        return
    image_set_id = wanted(case, index, scope)[0] or ""
    if scope == "version":
        yield _versions(case, image_set_id, index)
        yield from _tags(case, image_set_id, case, index)
    else:
        yield from _image_set(case, image_set_id, case, index, dicom)


def _store(case: Case, index: int, scope: RuleScope) -> Iterator[Record]:
    common: dict[str, Any] = {"target": target(index), "image_set_id": None, "datastore_id": _store_id(case)}
    given = {path: value for path, value in case.given.items() if path.startswith(_DATASTORE)}
    code = case.errors.get(GET_DATASTORE) or (case.error if scope == "datastore" else None)
    answer = nested(healthy_store(case.as_of) | given, _DATASTORE)
    answer.pop(TAGS, None)
    complete = scope == "datastore" and case.complete
    yield Record(
        **common,
        action=GET_DATASTORE,
        answer=None if code else {PROPERTIES: answer},
        error=(code, "") if code else None,
        complete=complete,
    )
    failed = case.errors.get(LIST_TAGS)
    tags = _tag_values(case.given, "datastore.tags[")
    yield Record(
        **common,
        action=LIST_TAGS,
        answer=None if failed else {TAGS: tags},
        error=(failed, "") if failed else None,
    )


def _image_set(
    given: Case | CaseSets, image_set_id: str, case: Case, index: int, dicom: Collection[str]
) -> Iterator[Record]:
    common: dict[str, Any] = {
        "target": target(index),
        "datastore_id": _store_id(case),
        "image_set_id": image_set_id,
    }
    labels = _labels(given)
    if given.error or not given.found:
        yield Record(**common, labels=labels, error=(given.error or NOT_FOUND, ""))
    else:
        answer = healthy(image_set_id, case.as_of) | {"datastoreId": common["datastore_id"]}
        answer |= _answered(given.given)
        answer = arn_parts(answer["imageSetArn"] or "") | answer
        collected = given.given.get("collectedAt")
        moment = collected if isinstance(collected, datetime) else None
        answer.pop("collectedAt", None)
        yield Record(**common, labels=labels, answer=nested(answer), collected_at=moment)
    yield from _tags(given, image_set_id, case, index)
    if dicom:
        yield _searched(given, dicom, common)
    if given.successor and labels[SUPERSEDED_BY] != image_set_id:
        yield _successor(given, str(labels[SUPERSEDED_BY]), case, common)


def _searched(given: Case | CaseSets, dicom: Collection[str], common: Mapping[str, Any]) -> Record:
    """An image set as a search found it."""
    if failed := given.errors.get(SEARCH):
        return Record(**common, action=SEARCH, error=(failed, ""))
    tags = {name: _attribute(given.given.get(DICOM + name)) for name in dicom}
    return Record(**common, action=SEARCH, answer={DICOM_TAGS: tags})


def _attribute(value: object) -> object:
    """A DICOM attribute as a search gives it."""
    return value.date().isoformat().replace("-", "") if isinstance(value, datetime) else value


def _successor(given: Case | CaseSets, image_set_id: str, case: Case, common: Mapping[str, Any]) -> Record:
    names = {**common, "image_set_id": image_set_id}
    if given.given.get(f"{SUCCESSOR}found") is False:
        return Record(**names, error=(NOT_FOUND, ""))
    changed = {
        path.removeprefix(SUCCESSOR): value
        for path, value in given.given.items()
        if path.startswith(SUCCESSOR) and path != f"{SUCCESSOR}found"
    }
    answer = {**healthy(image_set_id, case.as_of), "datastoreId": common["datastore_id"], **changed}
    return Record(**names, answer=nested(answer))


def _versions(case: Case, image_set_id: str, index: int) -> Record:
    common: dict[str, Any] = {
        "target": target(index),
        "datastore_id": _store_id(case),
        "image_set_id": image_set_id,
        "action": LIST_VERSIONS,
        "labels": case.labels,
    }
    if case.error or not case.found:
        return Record(**common, error=(case.error or NOT_FOUND, ""))
    number = _version(case)
    item = {**healthy(image_set_id, case.as_of), **_answered(case.given), "versionId": number}
    listed = [_listed(item)]
    if case.previous:
        changed = {
            path.removeprefix(PREVIOUS): value
            for path, value in case.given.items()
            if path.startswith(PREVIOUS)
        }
        listed.append(_listed(healthy(image_set_id, case.as_of) | {"versionId": number - 1} | changed))
    collected = case.given.get("collectedAt")
    moment = collected if isinstance(collected, datetime) else None
    return Record(**common, answer={VERSIONS: listed}, collected_at=moment)


def _version(case: Case) -> int:
    given, before = case.given.get("versionId"), case.given.get(f"{PREVIOUS}versionId")
    if isinstance(given, int):
        return given
    if isinstance(before, int):
        return before + 1
    return 2 if case.previous else 1


def _listed(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A version as ListImageSetVersions spells it."""
    known = model().versions - {"datastoreId"}
    kept = {path: value for path, value in answer.items() if path in known}
    return {_API.get(name, name): value for name, value in nested(kept).items()}


def _tags(given: Case | CaseSets, image_set_id: str, case: Case, index: int) -> Iterator[Record]:
    failed = given.errors.get(LIST_TAGS)
    yield Record(
        target(index),
        image_set_id,
        _store_id(case),
        action=LIST_TAGS,
        answer=None if failed else {TAGS: _tag_values(given.given, "tags[")},
        error=(failed, "") if failed else None,
    )


def _tag_values(given: Mapping[str, object], prefix: str) -> dict[str, str]:
    fields = {path: tag_field(path) for path in given if path.startswith(prefix)}
    return {
        tag_key(known): str(given[path])
        for path, known in fields.items()
        if known and given[path] is not None
    }


def _labels(given: Case | CaseSets) -> Mapping[str, Scalar]:
    if given.successor and SUPERSEDED_BY not in given.labels:
        return {**given.labels, SUPERSEDED_BY: SUCCESSOR_ID}
    return given.labels


def _store_id(case: Case) -> str:
    return str(case.given.get("datastoreId") or STORE)


def _answered(given: Mapping[str, object]) -> dict[str, object]:
    """What was given of the answer on the subject itself."""
    own = {*model().fields, "account", "region", "collectedAt"}
    return {path: value for path, value in given.items() if path in own}


def nested(answer: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """An answer by path as the API has it: nested, what is absent left out."""
    made: dict[str, Any] = {}
    for path, value in answer.items():
        head, dot, rest = path.removeprefix(prefix).partition(".")
        if value is not None and "[" not in path:
            wire = _wire(value)
            made[head] = {**made.get(head, {}), rest: wire} if dot else wire
    return made


def _wire(value: object) -> Any:
    """A typed value as an answer's JSON holds it."""
    if isinstance(value, datetime):
        return iso(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
