"""What tests describe, as the records that a collection would have written, and those of the runs before it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checker.aws.actions import ACTIONS, GET_DATASTORE, LIST_TAGS, LIST_VERSIONS, SEARCH
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
from checker.instants import iso
from checker.model import Case, CaseSets, RuleScope, Scalar
from checker.policytest.healthy_answers import STORE, SUCCESSOR_ID, healthy, healthy_store
from checker.snapshot.records import (
    DICOM_TAGS,
    EVER,
    LISTED_SINCE,
    NOT_FOUND,
    PROPERTIES,
    TAGS,
    VERSIONS,
    Record,
    arn_parts,
)

_DATASTORE = "datastore."
_API = ACTIONS[LIST_VERSIONS].names
_NOT_READ = "AccessDeniedException"


def case_target(index: int) -> str:
    """The target of a test; each has one of its own, which keeps their rows apart."""
    return f"test-{index:04}"


def case_subject(case: Case, index: int, scope: RuleScope) -> tuple[str | None, int | None]:
    """The image set and version that a test is about; None where the rule judges data stores, or all versions failed."""
    if scope == "datastore":
        return None, None
    image_set_id = str(case.given.get("imageSetId") or f"{index:032}")
    if scope == "image_set" or case.error or not case.found:
        return image_set_id, None
    return image_set_id, _version(case)


def case_records(case: Case, index: int, scope: RuleScope, dicom: Collection[str] = ()) -> Iterator[Record]:
    """What a collection would have recorded of what a test describes; of image sets with these DICOM attributes."""
    store = _Calls(case, index, case)
    yield store.datastore(scope)
    yield store.tags("datastore.tags[")
    for calls in _image_sets(case, index, scope):
        if scope == "version":
            yield calls.versions(case)
            yield calls.tags("tags[")
        else:
            yield from calls.image_set(dicom)


def earlier_records(case: Case, index: int, scope: RuleScope, *, later: bool) -> Iterator[Record]:
    """What two runs before it would have recorded: one that saw what is known, and a `later` one that did not find what
    is gone since."""
    for calls in _image_sets(case, index, scope) if scope != "version" else ():
        given = calls.given
        if later and given.given.get(f"{EARLIER}found") is False:
            yield calls.record(None, NOT_FOUND)
        elif not later and given.known:
            yield calls.answer(calls.under(EARLIER))
        elif not later and given.known is False:
            # a run looked, and it was not there
            yield calls.record({LISTED_SINCE: iso(EVER)}, action=SEARCH, image_set_id=None)
        elif not later:
            # seen by no run, and one could not read it: nothing is known
            yield calls.record(None, _NOT_READ)


def _image_sets(case: Case, index: int, scope: RuleScope) -> Iterator[_Calls]:
    if scope == "datastore":
        every = (sets for sets in case.image_sets for _ in range(sets.count))
        yield from (_Calls(case, index, sets, f"{number:032}") for number, sets in enumerate(every))
    else:
        yield _Calls(case, index, case, case_subject(case, index, scope)[0] or "")


@dataclass(frozen=True, slots=True)
class _Calls:
    """The calls on an image set of a test, or on its data store where there is no id; `given` is what it says of it."""

    case: Case
    index: int
    given: Case | CaseSets
    image_set_id: str | None = None

    def record(self, answer: Mapping[str, Any] | None, failed: str | None = None, **more: Any) -> Record:
        """A call with its answer, or with the code with which it failed."""
        said: dict[str, Any] = {"error": (failed, "")} if failed else {"answer": answer}
        common = {"image_set_id": self.image_set_id, "datastore_id": self._datastore_id}
        return Record(**{"target": case_target(self.index), **common, **said, **more})

    def answer(self, changed: Mapping[str, Any], **more: Any) -> Record:
        """GetImageSet's answer: a healthy one but for what is changed."""
        answer = self._healthy(changed)
        moment = answer.pop("collectedAt", None)
        answer.pop("found", None)
        return self.record(
            _nested(answer), collected_at=moment if isinstance(moment, datetime) else None, **more
        )

    def under(self, prefix: str) -> dict[str, Any]:
        """What is given below a prefix."""
        return {
            path.removeprefix(prefix): value
            for path, value in self.given.given.items()
            if path.startswith(prefix)
        }

    def datastore(self, scope: RuleScope) -> Record:
        code = self.case.errors.get(GET_DATASTORE) or (self.case.error if scope == "datastore" else None)
        given = {_DATASTORE + path: value for path, value in self.under(_DATASTORE).items()}
        answer = _nested(healthy_store(self.case.as_of) | given, _DATASTORE)
        answer.pop(TAGS, None)
        complete = scope == "datastore" and self.case.complete
        return self.record({PROPERTIES: answer}, code, action=GET_DATASTORE, complete=complete)

    def tags(self, prefix: str) -> Record:
        given = self.given.given
        fields = {path: tag_field(path) for path in given if path.startswith(prefix)}
        tags = {
            tag_key(known): str(given[path])
            for path, known in fields.items()
            if known and given[path] is not None
        }
        return self.record({TAGS: tags}, self.given.errors.get(LIST_TAGS), action=LIST_TAGS)

    def image_set(self, dicom: Collection[str]) -> Iterator[Record]:
        labels: Mapping[str, Scalar] = self.given.labels
        if self.given.successor and SUPERSEDED_BY not in labels:
            labels = {**labels, SUPERSEDED_BY: SUCCESSOR_ID}
        if self._failed:
            yield self.record(None, self._failed, labels=labels)
        else:
            changed = _answered(self.given.given)
            arn = self._healthy(changed)["imageSetArn"] or ""
            yield self.answer(arn_parts(arn) | changed, labels=labels)
        yield self.tags("tags[")
        if dicom:
            tags = {name: _attribute(self.given.given.get(DICOM + name)) for name in dicom}
            yield self.record({DICOM_TAGS: tags}, self.given.errors.get(SEARCH), action=SEARCH)
        if self.given.successor and labels[SUPERSEDED_BY] != self.image_set_id:
            yield self._successor(str(labels[SUPERSEDED_BY]))

    def versions(self, case: Case) -> Record:
        """ListImageSetVersions: the version that the test is about, and the one before it."""
        common: dict[str, Any] = {"action": LIST_VERSIONS, "labels": case.labels}
        if self._failed:
            return self.record(None, self._failed, **common)
        number, answer = _version(case), healthy(self.image_set_id or "", case.as_of)
        listed = [_listed({**answer, **_answered(case.given), "versionId": number})]
        if case.previous:
            listed.append(_listed(answer | {"versionId": number - 1} | self.under(PREVIOUS)))
        moment = case.given.get("collectedAt")
        return self.record(
            {VERSIONS: listed}, collected_at=moment if isinstance(moment, datetime) else None, **common
        )

    def _successor(self, image_set_id: str) -> Record:
        changed = self.under(SUCCESSOR)
        if changed.pop("found", None) is False:
            return self.record(None, NOT_FOUND, image_set_id=image_set_id)
        answer = {**healthy(image_set_id, self.case.as_of), "datastoreId": self._datastore_id, **changed}
        return self.record(_nested(answer), image_set_id=image_set_id)

    def _healthy(self, changed: Mapping[str, Any]) -> dict[str, Any]:
        answer = healthy(self.image_set_id or "", self.case.as_of)
        return {**answer, "datastoreId": self._datastore_id, **changed}

    @property
    def _failed(self) -> str | None:
        return self.given.error or (None if self.given.found else NOT_FOUND)

    @property
    def _datastore_id(self) -> str:
        return str(self.case.given.get("datastoreId") or STORE)


def _attribute(value: object) -> object:
    """A DICOM attribute as a search gives it."""
    return value.date().isoformat().replace("-", "") if isinstance(value, datetime) else value


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
    listed = _nested({path: value for path, value in answer.items() if path in known})
    return {_API.get(name, name): value for name, value in listed.items()}


def _answered(given: Mapping[str, object]) -> dict[str, object]:
    """What was given of the answer on the subject itself."""
    own = {*model().fields, "account", "region", "collectedAt"}
    return {path: value for path, value in given.items() if path in own}


def _nested(answer: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
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
