"""What services wrap a message in: queues, topics, logs. An event is taken out where the envelope says which text is the
message's own, and nothing had a chance to change it; any other envelope is refused by its name."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from checker.snapshot.version_pages import token_of
from checker.values import STRICT_JSON, BadValueError

DEEPEST = 5
"""Envelopes in one another: a topic's message in a queue's is two."""
_LISTS = ("Messages", "Records", "events", "logEvents", "results")
"""The members that hold many messages."""

Content = Iterator[tuple[str, Any]]
"""The messages in an envelope, each with the path to it: JSON text, or what it stands for."""


class _Envelope(NamedTuple):
    """What wraps messages: its name, and how they are found; `content` gives none where the value is another one."""

    name: str
    content: Callable[[Mapping[str, Any]], Content]


def unwrap(value: Any, where: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The messages in a JSON value, each with its place; the value itself where it is no envelope.

    Raises:
        BadValueError: an envelope holds no event that can be told from it, or is a part of a list that is cut off.
    """
    if isinstance(value, list) and depth:
        for at, item in enumerate(value):
            yield from unwrap(item, f"{where}: [{at}]", depth)
        return
    if not isinstance(value, dict) or "detail-type" in value:
        yield where, value
        return
    if refusal := _refused(value):
        raise BadValueError(*refusal)
    if any(value.get(name) == [] for name in _LISTS):
        return
    for envelope in _ENVELOPES:
        inside = list(envelope.content(value))
        if inside and depth >= DEEPEST:
            raise BadValueError(f"more than {DEEPEST} envelopes are in one another")
        for path, content in inside:
            yield from unwrap(_parsed(content, envelope.name), f"{where}: {path}", depth + 1)
        if inside:
            return
    yield where, value


def _parsed(content: Any, name: str) -> Any:
    """What the text of a message stands for."""
    if not isinstance(content, str):
        return content
    try:
        return json.loads(content, **STRICT_JSON)
    except (ValueError, RecursionError) as error:
        hint = "let the rule send the event whole: no input transformer before the target"
        raise BadValueError(f"the message in {name} is not JSON", hint) from error


def _each(value: Mapping[str, Any], key: str, *path: str) -> Content:
    """The text, or the object that was made of it, at a path of each item of a list; nothing where none has it.

    Raises:
        BadValueError: some items have it, and others do not.
    """
    items = value.get(key)
    found = [_at(item, path) for item in (items if isinstance(items, list) else ())]
    missing = [at for at, text in enumerate(found) if not isinstance(text, str | dict)]
    if missing and len(missing) < len(found):
        raise BadValueError(f"{key}[{missing[0]}] has no {'.'.join(path)}, as {key}[0] or another one has")
    if not missing:
        yield from ((f"{key}[{at}].{'.'.join(path)}", text) for at, text in enumerate(found))


def _at(item: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        item = item.get(step) if isinstance(item, dict) else None
    return item


def _sqs(value: Mapping[str, Any]) -> Content:
    yield from _each(value, "Messages", "Body")  # aws sqs receive-message
    yield from _each(value, "Records", "body")  # what Lambda is given
    for name in ("Body", "body"):
        if isinstance(value.get(name), str) and value.keys() & {"MessageId", "messageId"}:
            yield name, value[name]


def _sns(value: Mapping[str, Any]) -> Content:
    yield from _each(value, "Records", "Sns", "Message")
    if value.get("Type") == "Notification" and isinstance(value.get("Message"), str):
        yield "Message", value["Message"]


def _kinesis(value: Mapping[str, Any]) -> Content:
    for path, data in _each(value, "Records", "kinesis", "data"):
        yield path, _decoded(data, "a record of Kinesis").decode("utf-8", "replace")


def _logs(value: Mapping[str, Any]) -> Content:
    yield from _each(value, "events", "message")  # aws logs filter-log-events, get-log-events
    yield from _each(value, "logEvents", "message")  # what a subscription sends
    inside = value.get("awslogs")
    if isinstance(inside, dict) and isinstance(inside.get("data"), str):
        packed = _decoded(inside["data"], "awslogs.data")
        try:
            yield "awslogs.data", gzip.decompress(packed).decode("utf-8", "replace")
        except (OSError, EOFError, zlib.error) as error:
            raise BadValueError("awslogs.data cannot be unpacked") from error
    if isinstance(value.get("message"), str) and isinstance(value.get("timestamp"), int):
        yield "message", value["message"]
    rows = value.get("results")  # aws logs get-query-results
    for at, row in enumerate(rows if isinstance(rows, list) else ()):
        fields = row if isinstance(row, list) else ()
        for field in fields:
            if isinstance(field, dict) and field.get("field") == "@message":
                yield f"results[{at}]", field.get("value")


def _lambda(value: Mapping[str, Any]) -> Content:
    if isinstance(value.get("requestContext"), dict) and isinstance(value.get("requestPayload"), dict):
        yield "requestPayload", value["requestPayload"]


def _decoded(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadValueError(f"{what} is not base64") from error


_ENVELOPES = (
    _Envelope("a message of SQS", _sqs),
    _Envelope("a notification of SNS", _sns),
    _Envelope("a record of Kinesis", _kinesis),
    _Envelope("a log event of CloudWatch Logs", _logs),
    _Envelope("what Lambda sends to a destination", _lambda),
)


def _refused(value: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why a value holds no event that can be taken out of it, and what to do."""
    for item in (value, *_first(value, "Records"), *_first(value, "Events")):
        if "CloudTrailEvent" in item or ("eventName" in item and "eventVersion" in item and "s3" not in item):
            what = "it says who called what, not what became of it"
            return (
                f"this is a record of CloudTrail: {what}",
                "give EventBridge's events, of aws.medical-imaging",
            )
        if "s3" in item:
            return "this is a notification of S3 on a file, not what the file holds", "give the file itself"
    if token := token_of(value):
        return (
            f"the list is cut off: {token} names a next page",
            "record it without --max-items and --no-paginate",
        )
    if any("Detail" in item for item in _first(value, "Entries")):
        return "these are entries of put-events: they have no time", "give the events as a rule sends them"
    return None


def _first(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    items = value.get(key)
    return [item for item in items[:1] if isinstance(item, dict)] if isinstance(items, list) else []
