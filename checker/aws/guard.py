"""What watches every client: which actions it may call, whether an answer has the model's types, how fast it goes."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from checker.aws.actions import ACTIONS, PERMITTED, SEARCH, SERVICE
from checker.aws.transport import may_retry, start_attempt
from checker.redaction import redact
from checker.values import STRICT_JSON, other_case, parse_time

_log = logging.getLogger(__name__)

DICOM_TAGS = "DICOMTags"
"""The member of a search's answer with the DICOM attributes of an image set."""

_PYTHON_TYPES: Mapping[str, Any] = {
    "structure": dict, "list": list, "map": dict, "boolean": bool, "string": str, "integer": int, "timestamp": int | float,
}  # fmt: skip
_JSON_WORDS: Mapping[type, str] = {
    dict: "an object", list: "a list", str: "a text", bool: "a truth value", int: "a number", float: "a number",
}  # fmt: skip


class RefusedActionError(RuntimeError):
    """Our own code asked for an action that the client may not call: a bug, never the user's mistake."""


class OddAnswerError(ValueError):
    """An answer has not the model's types. The text shows no value of a search: it may be of a patient."""


class Watch(Protocol):
    """Told of every attempt of a call, retries by botocore included."""

    def before(self, action: str) -> None:
        """Before the attempt is signed, so that a signature does not age while this waits."""

    def sent(self, action: str) -> None:
        """As the attempt is sent: an attempt that cannot be signed never is."""

    def after(self, action: str, code: str | None, status: int | None) -> bool:
        """With the error's code, None for a success, and the HTTP status, None where nothing came.

        Returns whether botocore may try again, should it want to.
        """
        ...


def guard(client: Any, permitted: Collection[str] = PERMITTED) -> None:
    """Keeps a client to the actions that are permitted, and refuses HealthImaging's answers that have not the model's
    types."""

    def refuse(model: Any, **_: Any) -> None:
        if model.name not in permitted:
            raise RefusedActionError(f"{model.name} is not an action that the checker may call")

    def check(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
        status = response_dict["status_code"]
        if status == 200:
            answer = json.loads(response_dict["body"], **STRICT_JSON)
            if not isinstance(answer, dict):
                raise OddAnswerError("the body is no JSON object")
            if _without_odd_attributes(operation_model, answer):
                response_dict["body"] = json.dumps(answer).encode()
            _check_types(operation_model.output_shape, answer, shown=not ACTIONS[operation_model.name].phi)
        elif status <= 300:  # botocore would read it as an answer: part of one (206), or one of several (300)
            raise OddAnswerError(f"it came under HTTP status {status}")

    client.meta.events.register_first("provide-client-params", refuse)
    if client.meta.service_model.service_name == SERVICE:  # sts speaks XML
        client.meta.events.register_first(f"before-parse.{SERVICE}", check)


def _without_odd_attributes(operation: Any, answer: Any) -> bool:
    """Takes DICOM attributes that have not the model's types out of an answer; whether there were any. They came with the
    images, and an odd one is no reason not to believe the rest, nor may botocore's parser speak of its value."""
    found = False
    result = ACTIONS[SEARCH].result
    items = answer.get(result) if operation.name == SEARCH else None
    for item in items if isinstance(items, list) else ():
        tags = item.get(DICOM_TAGS) if isinstance(item, dict) else None
        if tags is None:
            continue
        shape = operation.output_shape.members[result].member.members[DICOM_TAGS]
        odd = [name for name in tags if _is_odd(shape, name, tags[name])] if isinstance(tags, dict) else None
        if odd is None:
            del item[DICOM_TAGS]
        for name in odd or ():
            del tags[name]
        found |= odd != []
    return found


def _is_odd(tags: Any, name: str, value: Any) -> bool:
    if name not in tags.members:
        return bool(other_case({name: value}, tags.members))
    try:
        _check_types(tags.members[name], value, name, shown=False)
    except ValueError:
        return True
    return False


def _check_types(model: Any, value: Any, path: str = "answer", *, shown: bool) -> None:
    """Refuses an answer with a member of another type than the model's, or spelled in another case; `shown` says whether
    the text may show the value.

    botocore would not: it reads a boolean that is 1 or "yes" as false, so that a forced version would pass, and a time
    that is `true` or "May" as one of the year 1970. It drops `Overrides` without a word.
    """
    kind = model.type_name
    if value is None:
        return
    if kind == "structure" and isinstance(value, dict):
        _check_members(model, value, shown=shown)
    elif kind == "list" and isinstance(value, list):
        for index, item in enumerate(value):
            _check_item(model.member, item, f"{path}[{index}]", shown=shown)
    elif kind == "map" and isinstance(value, dict):
        for key, item in value.items():
            _check_item(model.value, item, f"{path}[{key[:80]!r}]", shown=shown)
    elif not _is_of(kind, value):
        words = (
            f"{value!r:.80}" if shown and not model.metadata.get("sensitive") else _JSON_WORDS[type(value)]
        )
        raise OddAnswerError(f"{path} is {words}, which is no {kind}")


def _is_of(kind: str, value: Any) -> bool:
    if kind == "timestamp" and isinstance(value, str):
        try:
            parse_time(value)
        except ValueError:
            return False
        return True
    known = _PYTHON_TYPES.get(kind)
    wrong_bool = isinstance(value, bool) and kind != "boolean"
    return not known or (isinstance(value, known) and not wrong_bool)


def _check_members(model: Any, value: Mapping[str, Any], *, shown: bool) -> None:
    members = {member.serialization.get("name", name): member for name, member in model.members.items()}
    if wrong := other_case(value, members):
        raise OddAnswerError("{} is spelled {} in the API".format(*wrong))
    for name, member in members.items():
        _check_types(member, value.get(name), name, shown=shown)


def _check_item(model: Any, value: Any, path: str, *, shown: bool) -> None:
    if value is None:  # botocore would leave it out, or take it for an item without members
        raise OddAnswerError(f"{path} is null")
    _check_types(model, value, path, shown=shown)


def attach_watch(client: Any, watch: Watch | None, seconds: float) -> None:
    """Tells `watch` of every attempt of the client, and ends the attempts of a call that have taken so many seconds."""
    service = client.meta.service_model.service_id.hyphenize()

    def before(request: Any, operation_name: str, **_: Any) -> None:
        if watch:
            watch.before(operation_name)
        start_attempt(request)

    def sent(event_name: str, **_: Any) -> None:
        if watch:
            watch.sent(event_name.rpartition(".")[2])

    def after(
        operation: Any,
        response: tuple[Any, Mapping[str, Any]] | None,
        caught_exception: Exception | None,
        request_dict: dict[str, Any],
        **_: Any,
    ) -> bool | None:
        status = getattr(response[0], "status_code", None) if response else None
        failed = response is None or (status or 0) >= 300
        code = str((response[1] if response else {}).get("Error", {}).get("Code", "")) if failed else None
        said = (
            f"{type(caught_exception).__name__}: {caught_exception}" if caught_exception else code or status
        )
        _log.debug("%s in %s: %s", operation.name, client.meta.region_name, redact(str(said)))
        going_on = may_retry(request_dict, caught_exception, seconds)
        patient = watch is None or watch.after(operation.name, code, status)
        return None if patient and going_on else False

    client.meta.events.register_first(f"request-created.{service}", before)
    client.meta.events.register_first(f"before-send.{service}", sent)
    client.meta.events.register_first(f"needs-retry.{service}", after)
