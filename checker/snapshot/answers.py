"""What the service answers, as records hold it: checked against the API's model, unknown members left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from checker import instants, values
from checker.aws.actions import ACTIONS, LIST_VERSIONS, SEARCH, Action, Form
from checker.fields import DICOM, answer_fields, model
from checker.model import Absence, Field, Type
from checker.snapshot.records import DICOM_TAGS, VERSIONS, arn_parts, clean

_VERSION = re.compile("[0-9]{1,19}")  # int() refuses thousands of digits
_ARN = re.compile("datastore/([0-9a-z]{32})/imageset/([0-9a-z]{32})$")
_ID = re.compile("[0-9a-z]{32}")  # the model's pattern
_VERSIONS = ACTIONS[LIST_VERSIONS]


class BadAnswerError(ValueError):
    """What came is no answer: a required member is missing, is of another type, or is for something else."""


def normalise(
    answer: Mapping[str, Any],
    *,
    required: frozenset[str] | None = None,
    datastore_id: str | None = None,
    image_set_id: str | None = None,
    version: int | None = None,
) -> dict[str, Any]:
    """GetImageSet's answer as records hold it: nulls and unknown members left out, times as ISO 8601 text in UTC.

    Args:
        answer: the members as botocore or the AWS CLI gives them; times as datetime, epoch seconds or ISO 8601.
        required: members without which it is no answer; the model's unless given.
        datastore_id: the data store asked for.
        image_set_id: the image set asked for.
        version: the version asked for.

    Raises:
        BadAnswerError: a required member is missing, a member is of another type or spelled in another case, or the
            answer is for another data store, image set or version than asked for.
    """
    refuse_other_case(answer)
    known = _known(answer, model().fields, model().required if required is None else required)
    _refuse_another(known, datastoreId=datastore_id, imageSetId=image_set_id, versionId=version)
    _refuse_arn_of_another(known)
    return known | arn_parts(known.get("imageSetArn", ""))


def normalise_versions(items: Any, *, image_set_id: str | None = None) -> dict[str, Any]:
    """ListImageSetVersions' answer, all its pages in one, as records hold it: sorted by version.

    Args:
        items: what its `imageSetPropertiesList` holds; each like an answer of GetImageSet.
        image_set_id: the image set asked for; that of the first item unless given.

    Raises:
        BadAnswerError: it is no list, there is none in it, or one of them is no such answer, is of another image set, or
            is of the same version as another one.
    """
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise BadAnswerError(f"{VERSIONS} is no list of objects")
    if not items:
        raise BadAnswerError(f"{VERSIONS} is empty")
    required = model().required - {"datastoreId"}
    by_version: dict[int, dict[str, Any]] = {}
    for item in items:
        known = normalise(our_spelling(item), required=required, image_set_id=image_set_id)
        image_set_id = known["imageSetId"]
        number = int(known["versionId"])
        if number in by_version:
            raise BadAnswerError(f"version {number} is there twice")
        by_version[number] = {
            _VERSIONS.names.get(name, name): value for name, value in known.items() if name in _listed()
        }
    return {VERSIONS: [by_version[number] for number in sorted(by_version)]}


def our_spelling(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of ListImageSetVersions with its members spelled as GetImageSet spells them."""
    return {
        _VERSIONS.spelling[name]
        if name in _VERSIONS.spelling and _VERSIONS.spelling[name] not in item
        else name: value
        for name, value in item.items()
    }


def normalise_answer(name: str, answer: Mapping[str, Any], **asked: str) -> dict[str, Any]:
    """The answer of an action as records hold it, all its pages in one.

    Args:
        name: the action.
        answer: the members as botocore or the AWS CLI gives them.
        asked: what it was asked of, such as `datastoreId`: an answer that says so must be of the same.

    Raises:
        BadAnswerError: as `normalise`.
        KeyError: nothing is recorded of the action.
    """
    action = ACTIONS[name]
    result = answer.get(action.result) if action.result else answer
    return _CHECKS[action.form](action, result, asked)


def _object(action: Action, value: Any, asked: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise BadAnswerError(f"{action.result} is {'missing' if value is None else 'not an object'}")
    fields = answer_fields(action.name)
    if wrong := values.other_case(value, fields):
        raise BadAnswerError("{} is spelled {} in the API".format(*wrong))
    required = frozenset(name for name, spec in fields.items() if spec.absence is Absence.NEVER)
    known = _known(value, fields, required)
    _refuse_another(known, **{name: wanted for name, wanted in asked.items() if name in fields})
    return {action.result: known}


def _list(action: Action, items: Any, asked: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(items, list):
        raise BadAnswerError(f"{action.result} is {'missing' if items is None else 'no list of objects'}")
    return {action.result: [_object(action, item, asked)[action.result] for item in items]}


def _map(action: Action, texts: Any, _: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(texts, Mapping):
        raise BadAnswerError(f"{action.result} is {'missing' if texts is None else 'not an object'}")
    for key, value in texts.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise BadAnswerError(f"the tag {key!s:.80} is {value!r:.80}, which is no string")
    return {action.result: {clean(key): clean(value) for key, value in sorted(texts.items())}}


_CHECKS: Mapping[Form | None, Callable[[Action, Any, Mapping[str, str]], dict[str, Any]]] = {
    Form.STATE: lambda _, answer, asked: normalise(
        answer, datastore_id=asked.get("datastoreId"), image_set_id=asked.get("imageSetId")
    ),
    Form.VERSIONS: lambda _, items, asked: normalise_versions(items, image_set_id=asked.get("imageSetId")),
    Form.SUMMARIES: lambda action, items, asked: {
        action.result: [normalise_search(item, store=asked["datastoreId"]) for item in items]
    },
    Form.OBJECT: _object,
    Form.LIST: _list,
    Form.MAP: _map,
}


@cache
def _search_members() -> tuple[str, ...]:
    """The members of an image set as SearchImageSets answers it that GetImageSet has too; beside imageSetId and version. The
    others, DICOMTags, are protected health information."""
    return tuple(name for name in answer_fields(SEARCH) if name in model().searched - {"imageSetId"})


def normalise_search(item: Mapping[str, Any], *, store: str, dicom: Collection[str] = ()) -> dict[str, Any]:
    """One image set of SearchImageSets' answer as records hold it: without its DICOM attributes, but for those that rules
    read. An attribute that the answer leaves out is null, since one that was not read is not there.

    Args:
        item: an item of `imageSetsMetadataSummaries`.
        store: the data store that was searched.
        dicom: the names of the DICOM attributes to keep.

    Raises:
        BadAnswerError: its id or version is missing or none, or a member is of another type.
    """
    if not isinstance(item, Mapping):
        raise BadAnswerError(f"an image set in the data store {store} is no object")
    names = frozenset({"imageSetId", "version", *_search_members()})
    if wrong := values.other_case(item, names):
        raise BadAnswerError("{} is spelled {} in the API".format(*wrong))
    known: dict[str, Any] = {"imageSetId": id_member(item, "imageSetId")}
    if known["imageSetId"] is None:
        raise BadAnswerError("imageSetId is missing")
    version = item.get("version")
    if version is not None:
        if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version < 2**31:
            raise BadAnswerError(f"version is {version!r:.80}, which is no version: they begin at 1")
        known["version"] = version
    for name in _search_members():
        if item.get(name) is not None:
            known[name] = _convert(model().fields[name], item[name])
    if dicom:
        known[DICOM_TAGS] = _dicom(item.get(DICOM_TAGS), dicom)
    return known


def _dicom(tags: Any, names: Collection[str]) -> dict[str, Any]:
    """DICOM attributes, null where there is none. What is wrong with them is said without their values, which are of patients."""
    if tags is not None and not isinstance(tags, Mapping):
        raise BadAnswerError(f"{DICOM_TAGS} is not an object")
    known: dict[str, Any] = {}
    for name in sorted(names):
        value: Any = (tags or {}).get(name)
        kind: type = int if model().dicom[DICOM + name].type is Type.INTEGER else str
        if isinstance(value, bool) or not isinstance(value, kind | None):
            raise BadAnswerError(f"{DICOM_TAGS}.{name} is no {kind.__name__}")
        known[name] = clean(value) or None if isinstance(value, str) else value
    return known


def _known(
    answer: Mapping[str, Any], fields: Mapping[str, Field], required: frozenset[str]
) -> dict[str, Any]:
    """The members that the model has, converted."""
    known: dict[str, Any] = {}
    for name in sorted(required):
        if answer.get(name) is None:
            raise BadAnswerError(f"{name} is missing")
    for spec in fields.values():
        value = _member(answer, spec.path)
        if value is not None:
            _put(known, spec.path, _convert(spec, value))
    return known


def _refuse_another(known: Mapping[str, Any], **asked: object) -> None:
    for name, wanted in asked.items():
        if wanted is not None and known.get(name) != str(wanted):
            raise BadAnswerError(f"{name} is {known.get(name)}, but {wanted} was asked for")


def _refuse_arn_of_another(known: Mapping[str, Any]) -> None:
    """Account and Region are those of the ARN: one of another image set says nothing of this one."""
    found = _ARN.search(known.get("imageSetArn", ""))
    for name, given in zip(("datastoreId", "imageSetId"), found.groups() if found else (), strict=False):
        if known.get(name, given) != given:
            raise BadAnswerError(f"imageSetArn is of the {name} {given}, but the answer of {known[name]}")


@cache
def _listed() -> frozenset[str]:
    """The members of an item of ListImageSetVersions."""
    return frozenset(path.partition(".")[0] for path in model().versions) - {"datastoreId"}


def refuse_other_case(answer: Mapping[str, Any], beside: frozenset[str] = frozenset()) -> None:
    """Refuses an answer with a member that is known but for its case: it would be dropped without a word.

    Args:
        answer: the members, those of its objects too.
        beside: members that may stand beside GetImageSet's.

    Raises:
        BadAnswerError: there is such a member.
    """
    for path, names in member_names().items():
        value = answer.get(path) if path else answer
        if isinstance(value, Mapping) and (
            wrong := values.other_case(value, names if path else names | beside)
        ):
            raise BadAnswerError("{} is spelled {} in the API".format(*wrong))


def version_number(name: str, text: Any) -> int:
    """The number of a version, which the API has as text.

    Raises:
        BadAnswerError: it is none: versions begin at 1.
    """
    if isinstance(text, str) and _VERSION.fullmatch(text) and int(text) in values.INTEGERS:
        if int(text) == 0:
            raise BadAnswerError(f"{name} is {text!r}, but versions begin at 1")
        return int(text)
    number = isinstance(text, int) and not isinstance(text, bool)
    what = f'no string: the API writes "{text!s:.20}"' if number else "no integer"
    raise BadAnswerError(f"{name} is {text!r:.80}, which is {what}")


def id_member(value: Mapping[str, Any], name: str) -> str | None:
    """A member that is an id of the service.

    Raises:
        BadAnswerError: it is none.
    """
    text = value.get(name)
    if text is not None and not (isinstance(text, str) and _ID.fullmatch(text)):
        raise BadAnswerError(f"{name} is {text!r:.80}, which is no id of 32 digits and small letters")
    return text


def error_member(error: Any) -> tuple[str, str]:
    """The code and message of an error, as `Record.to_json` writes it.

    Raises:
        BadValueError: it has no code.
    """
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, str) or not code:
        raise values.BadValueError(
            "error has no code", 'write {"error": {"code": "ThrottlingException", "message": ".."}}'
        )
    return code, str(error.get("message") or "")


@cache
def member_names() -> dict[str, frozenset[str]]:
    """The names of GetImageSet's members, and of those of each object in it."""
    paths = [path.partition(".") for path in model().fields]
    nested = {
        head: frozenset(tail for item, _, tail in paths if item == head) for head, dot, _ in paths if dot
    }
    return {"": model().members} | nested


def _member(answer: Mapping[str, Any], path: str) -> Any:
    value: Any = answer
    for step in path.split("."):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise BadAnswerError(f"{path.partition('.')[0]} is not an object")
        value = value.get(step)
    return value


def _put(known: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        known = known.setdefault(parent, {})
    known[last] = value


def _convert(spec: Field, value: Any) -> Any:
    if spec.type is Type.TIME:
        return instants.iso(_instant(spec.path, value))
    if spec.type is Type.BOOLEAN:
        if isinstance(value, bool):
            return value
    elif spec.path == "versionId":
        return str(version_number(spec.path, value))
    elif spec.type is Type.INTEGER:
        if isinstance(value, int) and not isinstance(value, bool) and value in values.INTEGERS:
            return value
    elif isinstance(value, str):
        if not value and spec.type is Type.ENUM:
            raise BadAnswerError(f"{spec.path} is empty")
        return clean(value)
    kind = Type.STRING if spec.type is Type.ENUM else spec.type
    raise BadAnswerError(f"{spec.path} is {value!r:.80}, which is no {kind}")


def _instant(path: str, value: Any) -> datetime:
    try:
        if isinstance(value, datetime):
            return instants.from_epoch_ms(instants.round_ms(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return instants.from_epoch_ms(round(value * 1000))
        return values.parse_time(str(value))
    except (ValueError, OverflowError) as error:
        raise BadAnswerError(
            f"{path} is {value!r:.80}, which is no time (epoch seconds or ISO 8601)"
        ) from error
