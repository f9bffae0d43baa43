"""A record: what was learnt of one image set. As JSON it is GetImageSet's answer with a few members beside it, so that
a `records.jsonl` can be read back as recorded answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from checker import values
from checker.fields import INTEGERS, model
from checker.model import Duration, Field, Scalar, Type

NOT_FOUND = "ResourceNotFoundException"
BESIDE = frozenset(
    {"target", "targetAccount", "targetRegion", "requestedVersionId", "collectedAt", "labels", "error"}
)
"""What a record's JSON has beside GetImageSet's members."""
_VERSION = re.compile("[0-9]{1,19}")  # int() refuses thousands of digits
_ID = re.compile("[0-9a-z]{32}")  # the model's pattern
_ARN = re.compile(r"arn:[^:]*:medical-imaging:([^:]+):(\d+):")
_SURROGATES = re.compile("[\ud800-\udfff]")


class BadAnswerError(ValueError):
    """What came is no answer: a required member is missing, is of another type, or is for something else."""


@dataclass(frozen=True, slots=True)
class Record:
    """One image set (or one version of it) as the service answered, or why it could not be read.

    `answer` has GetImageSet's members with times as ISO 8601 text. Without an answer `error` is its code and message.
    `version` is the one asked for, where one was. Account and Region are the target's, so far as they are known.
    """

    target: str
    image_set_id: str
    datastore_id: str | None = None
    version: int | None = None
    account: str | None = None
    region: str | None = None
    answer: Mapping[str, Any] | None = None
    error: tuple[str, str] | None = None
    collected_at: datetime | None = None
    labels: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def found(self) -> bool | None:
        """Whether the image set is there: None where the service did not say."""
        if self.answer is not None:
            return True
        return False if self.error and self.error[0] == NOT_FOUND else None

    def to_json(self) -> str:
        """One line of records.jsonl, without its line end."""
        document: dict[str, Any] = {
            "target": self.target,
            "targetAccount": self.account,
            "targetRegion": self.region,
            "datastoreId": self.datastore_id,
            "imageSetId": self.image_set_id,
            "requestedVersionId": None if self.version is None else str(self.version),
        }
        document |= self.answer or {}
        if self.error:
            document["error"] = {"code": clean(self.error[0]), "message": clean(self.error[1])}
        if self.collected_at:
            document["collectedAt"] = values.iso(self.collected_at)
        if self.labels:
            document["labels"] = {name: label_text(value) for name, value in self.labels.items()}
        kept = {key: value for key, value in document.items() if value is not None}
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


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
    known: dict[str, Any] = {}
    refuse_other_case(answer)
    for name in sorted(model().required if required is None else required):
        if answer.get(name) is None:
            raise BadAnswerError(f"{name} is missing")
    for spec in model().fields.values():
        value = _member(answer, spec.path)
        if value is not None:
            _put(known, spec.path, _convert(spec, value))
    asked = (("datastoreId", datastore_id), ("imageSetId", image_set_id), ("versionId", version))
    for name, wanted in asked:
        if wanted is not None and known.get(name) != str(wanted):
            raise BadAnswerError(f"{name} is {known.get(name)}, but {wanted} was asked for")
    return known | arn_parts(known.get("imageSetArn", ""))


def refuse_other_case(answer: Mapping[str, Any], beside: frozenset[str] = frozenset()) -> None:
    """Refuses an answer with a member that is known but for its case: it would be dropped without a word.

    Args:
        answer: the members, those of its objects too.
        beside: members that may stand beside GetImageSet's.

    Raises:
        BadAnswerError: there is such a member.
    """
    for path, names in _names().items():
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
    raise BadAnswerError(f"{name} is {text!r:.80}, which is no integer")


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
def _names() -> dict[str, frozenset[str]]:
    """The names of GetImageSet's members, and of those of each object in it."""
    paths = [path.partition(".") for path in model().fields]
    nested = {head: frozenset(tail for one, _, tail in paths if one == head) for head, dot, _ in paths if dot}
    return {"": model().members} | nested


def arn_parts(arn: str) -> dict[str, str]:
    """The Region and account in an image set's ARN; nothing where it has none."""
    match = _ARN.match(arn)
    return {"region": match[1], "account": match[2]} if match else {}


def clean(text: str) -> str:
    """Text that UTF-8 can hold: JSON's escapes may bring half a surrogate pair."""
    return _SURROGATES.sub("\ufffd", text)


def label_text(value: Scalar) -> str:
    """A label's value as records hold it: canonical text, so that equal values have equal text."""
    return values.iso_duration(value) if isinstance(value, Duration) else clean(values.show(value))


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
        return values.iso(_instant(spec.path, value))
    if spec.type is Type.BOOLEAN:
        if isinstance(value, bool):
            return value
    elif spec.path in INTEGERS:
        return str(version_number(spec.path, value))
    elif isinstance(value, str):
        if not value and spec.type is Type.ENUM:
            raise BadAnswerError(f"{spec.path} is empty")
        return clean(value)
    raise BadAnswerError(f"{spec.path} is {value!r:.80}, which is no {spec.type}")


def _instant(path: str, value: Any) -> datetime:
    try:
        if isinstance(value, datetime):
            return values.from_epoch_ms(values.round_ms(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return values.from_epoch_ms(round(value * 1000))
        return values.parse_time(str(value))
    except (ValueError, OverflowError) as error:
        raise BadAnswerError(
            f"{path} is {value!r:.80}, which is no time (epoch seconds or ISO 8601)"
        ) from error
