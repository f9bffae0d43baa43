"""A JSON value of a recorded file, to the records that it holds."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from checker.aws.actions import (
    ACTIONS,
    FINDING,
    GET_DATASTORE,
    GET_IMAGE_SET,
    IMAGE_SET,
    LIST_VERSIONS,
    RECORDED,
)
from checker.fields import DICOM, model
from checker.instants import iso
from checker.model import Label, Scalar
from checker.problems import Problem, suggest
from checker.snapshot.answers import (
    BadAnswerError,
    error_member,
    id_member,
    normalise,
    normalise_answer,
    normalise_search,
    normalise_versions,
    our_spelling,
    refuse_other_case,
    version_number,
)
from checker.snapshot.duplicate_answers import PlacedAnswer
from checker.snapshot.foreign_json import foreign_json_error
from checker.snapshot.json_files import kind_of
from checker.snapshot.member_names import unknown_members, unknown_properties
from checker.snapshot.records import (
    BESIDE,
    DICOM_TAGS,
    LISTED_SINCE,
    NOT_FOUND,
    PROPERTIES,
    SEARCHED_SINCE,
    TAGS,
    VERSIONS,
    WITNESS,
    Record,
    arn_parts,
)
from checker.snapshot.version_pages import Page, token_of
from checker.values import BadValueError, other_case, parse_scalar, parse_time, show

TARGET = "recorded"


@dataclass(slots=True)
class AnswerReader:
    """JSON values to records."""

    labels: Mapping[str, Label]
    warnings: list[Problem]
    dicom: tuple[str, ...] = ()
    undeclared: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    pages: list[Page] = field(default_factory=list)

    def read(self, value: Any, where: str) -> Iterator[PlacedAnswer]:
        if not isinstance(value, dict):
            raise BadAnswerError(f"an answer is an object, not {kind_of(value)}")
        if "action" not in value and (other := foreign_json_error(value)):
            raise BadValueError(*other)
        action = _action(value)
        if action in FINDING:
            yield self.found(value, where, action)
            return
        self.tell_unknown(value, where, action)
        if action == GET_IMAGE_SET:
            # a record without a data store is one that was read from a list of versions
            yield self.seen(value, where, listed="target" in value and value.get("datastoreId") is None)
        elif action == LIST_VERSIONS:
            yield from self.versions(value, where)
        else:
            yield self.other(value, where, action)

    def tell_unknown(self, value: dict[str, Any], where: str, action: str) -> None:
        """Warns of members that are not read; of each once."""
        if action == GET_IMAGE_SET:
            names = unknown_members(value)
        elif action == LIST_VERSIONS:
            items = value.get(VERSIONS)
            every = (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()
            spelling = ACTIONS[LIST_VERSIONS].spelling
            names = chain(
                unknown_members(value, VERSIONS), *(unknown_members(item, *spelling) for item in every)
            )
        else:
            names = unknown_properties(action, value)
        for name in names:
            if name not in self.unknown:
                self.unknown.add(name)
                message = f"{name} is no member that the API has: it is not read, here and elsewhere"
                self.warnings.append(Problem(where, message, warning=True))

    def versions(self, value: dict[str, Any], where: str) -> Iterator[PlacedAnswer]:
        if "error" in value:
            yield self.failed_list(value, where)
            return
        items = value.get(VERSIONS)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise BadAnswerError(f"{VERSIONS} is no list of objects")
        token = token_of(value)
        if not items and token:
            self.pages.append(Page(where, None, None, (), token))
            return
        if not items:
            self.warnings.append(Problem(where, "records no image set", warning=True))
            return
        normalise_versions(items, image_set_id=id_member(value, "imageSetId"))
        numbers = tuple(int(item["versionId"]) for item in items)
        store = id_member(value, "datastoreId")
        self.pages.append(Page(where, store, items[0]["imageSetId"], numbers, token))
        refuse_other_case(value, BESIDE | {VERSIONS})
        beside: dict[str, Any] = {
            name: value[name]
            for name in ("datastoreId", "collectedAt", "labels", "labelPlaces", WITNESS)
            if name in value
        }
        # a record of this program, and no list that it read from a file
        asked = "action" in value and not value.get("gaps") and value.get("target") != TARGET
        for item in items:
            seen = self.seen({**our_spelling(item), **beside}, where, listed=True, whole=True)
            yield replace(seen, asked=asked)

    def seen(self, value: dict[str, Any], where: str, *, listed: bool, whole: bool = False) -> PlacedAnswer:
        common, version = self.common(value, where)
        if "error" in value:
            error = error_member(value["error"])
            # that the set is not there holds for each of its versions
            record = Record(**common, error=error, version=None if error[0] == NOT_FOUND else version)
        else:
            required = model().required - {"datastoreId"} if listed else None
            record = Record(**common, answer=normalise(value, required=required))
        return PlacedAnswer(record, where, listed, version is not None, whole)

    def failed_list(self, value: dict[str, Any], where: str) -> PlacedAnswer:
        common, version = self.common(value, where)
        record = Record(**common, action=LIST_VERSIONS, error=error_member(value["error"]))
        return PlacedAnswer(record, where, listed=False, pinned=version is not None)

    def common(self, value: dict[str, Any], where: str) -> tuple[dict[str, Any], int | None]:
        """What records of an image set have beside the answer, and the version asked for."""
        image_set_id = id_member(value, "imageSetId")
        if image_set_id is None:
            near = difflib.get_close_matches("imagesetid", [key.lower() for key in value], n=1, cutoff=0.8)
            shape = "an answer is what `aws medical-imaging get-image-set` prints"
            hint = "members are spelled as in the API: imageSetId" if near else shape
            raise BadValueError("imageSetId is missing", hint)
        refuse_other_case(value, BESIDE)
        asked = value.get("requestedVersionId")
        places = value.get("labelPlaces")
        typed = self.typed(value.get("labels"), where)
        return {
            "target": TARGET,
            "image_set_id": image_set_id,
            "datastore_id": id_member(value, "datastoreId"),
            "collected_at": _collected(value),
            "labels": typed,
            "witness": value.get(WITNESS) is True,
            "label_places": {name: str(places[name]) for name in typed if name in places}
            if isinstance(places, dict)
            else {},
        }, None if asked is None else version_number("requestedVersionId", asked)

    def other(self, value: dict[str, Any], where: str, action: str) -> PlacedAnswer:
        """What was said of a data store, of tags, or by any other call."""
        answer = None if "error" in value else normalise_answer(action, value)
        properties = (answer or {}).get(PROPERTIES, {})
        store = id_member(value, "datastoreId") or properties.get("datastoreId")
        if store is None:
            raise BadValueError("datastoreId is missing", "it says which data store this is about")
        if action == GET_DATASTORE and answer:
            normalise_answer(action, value, datastoreId=store)
        known = arn_parts(properties.get("datastoreArn", ""))
        record = Record(
            TARGET,
            id_member(value, "imageSetId") if IMAGE_SET in ACTIONS[action].resources else None,
            store,
            account=known.get("account"),
            region=known.get("region"),
            action=action,
            answer=answer,
            error=error_member(value["error"]) if "error" in value else None,
            collected_at=_collected(value),
        )
        return PlacedAnswer(record, where, listed=False, pinned=False)

    def found(self, value: dict[str, Any], where: str, action: str) -> PlacedAnswer:
        """What a search of this program found: an image set, or that the search came to its end, or that it failed."""
        name = id_member(value, "imageSetId")
        answer: dict[str, Any] | None = None
        if "error" not in value and name is None:
            if not isinstance(value.get(LISTED_SINCE), str):
                raise BadValueError(
                    f"the record of {action} names no image set", "it is no record of this program"
                )
            answer = {LISTED_SINCE: iso(parse_time(value[LISTED_SINCE]))}
            if isinstance(value.get(SEARCHED_SINCE), str):
                answer[SEARCHED_SINCE] = iso(parse_time(value[SEARCHED_SINCE]))
        elif "error" not in value:
            members = {key: item for key, item in value.items() if key not in BESIDE and key != "datastoreId"}
            kept = [name for name in self.dicom if name in (members.get(DICOM_TAGS) or ())]
            answer = normalise_search(members, store=id_member(value, "datastoreId") or "", dicom=kept)
        common = self.common(value, where)[0] if name else {"target": TARGET, "image_set_id": None}
        common |= {"datastore_id": id_member(value, "datastoreId"), "collected_at": _collected(value)}
        error = error_member(value["error"]) if answer is None else None
        record = Record(**common, action=action, answer=answer, error=error)
        return PlacedAnswer(record, where, listed=False, pinned=False)

    def typed(self, given: Any, where: str) -> dict[str, Scalar]:
        if given is None:
            return {}
        if not isinstance(given, dict):
            raise BadAnswerError("labels is no object")
        typed = {}
        for name, value in given.items():
            if isinstance(value, dict | list):
                raise BadAnswerError(
                    f"the label {name} is {value!r:.80}, which is no text, number or boolean"
                )
            label = self.labels.get(name)
            if label is None and name not in self.undeclared:
                self.undeclared.add(name)
                hint = suggest(name, self.labels, what="declared are")
                self.warnings.append(
                    Problem(where, f"no policy declares the label {name}", hint, warning=True)
                )
            if label is None or value is None:
                continue
            text = show(value)
            if label.one_of and text not in label.one_of:
                raise BadValueError(
                    f"the label {name} is never {text}", suggest(text, label.one_of, what="it is one of")
                )
            typed[name] = parse_scalar(text, label.type)
        return typed


def _action(value: dict[str, Any]) -> str:
    """The call that a JSON value is an answer of: as a record says it, else by its members."""
    given = value.get("action")
    if given is not None:
        if given not in RECORDED:
            raise BadValueError(
                f"the action {show(given):.80} is none that is recorded",
                suggest(str(given), RECORDED, what="it is one of"),
            )
        return str(given)
    if wrong := other_case(value, {VERSIONS, PROPERTIES}):
        raise BadAnswerError("{} is spelled {} in the API".format(*wrong))
    if PROPERTIES in value:
        return GET_DATASTORE
    if TAGS in value and "imageSetId" not in value:
        raise BadValueError(
            "list-tags-for-resource does not say whose tags these are",
            'add "action": "ListTagsForResource", "datastoreId" and, for those of an image set, "imageSetId"',
        )
    return LIST_VERSIONS if VERSIONS in value else GET_IMAGE_SET


def _collected(value: Mapping[str, Any]) -> Any:
    collected = value.get("collectedAt")
    return parse_time(collected) if isinstance(collected, str) else None


def form_of(labels: Mapping[str, Label]) -> Callable[[dict[str, Any], str], Iterator[Mapping[str, Any]]]:
    """What reads a record, given with its place, back as recorded answers, one for each version: their members as records
    hold them. It raises BadAnswerError or BadValueError where that is no answer of the service."""
    reader = AnswerReader(labels, [], tuple(name.removeprefix(DICOM) for name in model().dicom))
    return lambda document, where: (answer.record.answer or {} for answer in reader.read(document, where))
