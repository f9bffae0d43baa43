"""Deletion events: what EventBridge said of image sets that were deleted, from files of JSON Lines or JSON arrays.

They may stand in what a queue, a topic or a log wraps them in. An event is a sighting: the image set was there, and is DELETED since. Its `time` is when it was sent and no time of
deletion. The shape is that of the HealthImaging developer guide, which spells the id `imagesetId`; others have seen
`imageSetId`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from checker.instants import iso
from checker.model import Location
from checker.problems import InvalidInputError, Problem, mask, suggest
from checker.snapshot.event_envelopes import unwrap
from checker.snapshot.json_files import MARKS, kind_of, read_text
from checker.values import STRICT_JSON, BadValueError, parse_integer, parse_time

SOURCE = "aws.medical-imaging"
DELETED = "Image Set Deleted"

_ID = re.compile(r"[0-9a-z]{32}")
_ARN = re.compile(r"arn:[^:]*:medical-imaging:[^:]*:\d*:datastore/([0-9a-z]+)/imageset/([0-9a-z]+)")
_IDS = ("imagesetId", "imageSetId")
_WHITE = re.compile(r"[ \t\r\n]*")
_LOGGED = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d) (?:\S+ )?(?=\{)")
"""What CloudWatch Logs writes before an event, exported to S3 or printed by `aws logs tail`: the time, the stream."""
_NEXT_LINE = re.compile(r"\n|$")


@dataclass(frozen=True, slots=True)
class Event:
    """An image set was deleted, as EventBridge said at an instant. `version_id` and `is_primary` are None where it did
    not say. `where` is its place in a file."""

    datastore_id: str
    image_set_id: str
    at: datetime
    version_id: int | None
    is_primary: bool | None
    where: str


def read_events(
    paths: Sequence[str | Path], before: datetime | None
) -> tuple[tuple[Event, ...], list[Problem]]:
    """The deletion events in files, each once, and warnings of what was left out.

    Args:
        paths: files of JSON Lines or JSON arrays.
        before: the start of the run: what was sent at that instant or later is left out. None for no limit.

    Raises:
        InvalidInputError: a file cannot be read, or something in one is no event of HealthImaging.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    events: dict[tuple[object, ...], Event] = {}
    for path in paths:
        file = _File(Path(path).as_posix(), before, problems)
        for event in file.events(str(path)):
            same = (event.datastore_id, event.image_set_id, event.at, event.version_id, event.is_primary)
            events.setdefault(same, event)
        warnings += file.warnings()
    if problems:
        raise InvalidInputError(problems)
    return tuple(events.values()), warnings


class _File:
    """One file: its events, and the number of what was left out."""

    def __init__(self, shown: str, before: datetime | None, problems: list[Problem]) -> None:
        self.shown = shown
        self.before = before
        self.problems = problems
        self.others: Counter[str] = Counter()
        self.late = 0
        self.read = 0
        self.disagree: list[str] = []

    def events(self, path: str) -> Iterator[Event]:
        text = read_text(path, self.shown, self.problems)
        for where, value in self._messages(text or ""):
            self.read += 1
            known = len(self.problems)
            event = self._event(where, value)
            if event is None or len(self.problems) > known:
                continue
            if self.before is not None and event.at >= self.before:
                self.late += 1
            else:
                yield event

    def _messages(self, text: str) -> Iterator[tuple[str, Any]]:
        """Each event with its place, out of its envelope."""
        for where, value in self._values(text):
            try:
                yield from unwrap(value, where)
            except BadValueError as error:
                self._error(where, str(error), error.hint)

    def warnings(self) -> Iterator[Problem]:
        if not self.read and not self.problems:
            yield Problem(self.shown, "the file has no event", "", warning=True)
        if self.others:
            kinds = ", ".join(f"{name} ({count:,})" for name, count in sorted(self.others.items()))
            message = f"skipped {_number(self.others.total(), 'event')}: {kinds}"
            yield Problem(self.shown, message, f"only `{DELETED}` tells what a rule can read", warning=True)
        if self.late and self.before is not None:
            message = f"left out {_number(self.late, 'event')} sent at {iso(self.before)} or later"
            yield Problem(
                self.shown, message, "that is not before the run: the next one reads them", warning=True
            )
        if self.disagree:
            more = f", and so in {_number(len(self.disagree) - 1, 'more event')}" if self.disagree[1:] else ""
            message = f"the ARN in resources names another image set than the detail{more}"
            yield Problem(self.disagree[0], message, "the detail counts", warning=True)

    def _values(self, text: str) -> Iterator[tuple[str, Any]]:
        """Each JSON value with its place, the items of an array each; after one that cannot be read the next line."""
        decoder = json.JSONDecoder(**STRICT_JSON)
        line, counted = 1, 0
        position = _skip(text, 0)
        while position < len(text):
            if found := _LOGGED.match(text, position):
                position = found.end()
            line, counted = line + text.count("\n", counted, position), position
            where = f"{self.shown}:{line}"
            try:
                value, end = decoder.raw_decode(text, position)
            except (ValueError, RecursionError) as error:
                self._not_json(text, position, line, error)
                end = _next_line(text, position)
            else:
                many = isinstance(value, list)
                yield from (
                    ((f"{where}: [{at}]", item) for at, item in enumerate(value))
                    if many
                    else ((where, value),)
                )
            position = _skip(text, end)

    def _not_json(self, text: str, position: int, line: int, error: Exception) -> None:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error) or "nested too deeply"
        column = position - text.rfind("\n", 0, position)
        shown = text[text.rfind("\n", 0, position) + 1 : _next_line(text, position)].rstrip("\r\n")
        message = f"not JSON: {reason[:1].lower()}{reason[1:]}"
        hint = "write one event a line, or an array of events"
        self.problems.append(Problem(Location(self.shown, line, column), message, hint, mask(shown, MARKS)))

    def _event(self, where: str, value: Any) -> Event | None:
        if not isinstance(value, dict):
            self._error(where, f"an event is a JSON object, not {kind_of(value)}")
            return None
        source, kind, detail = value.get("source"), value.get("detail-type"), value.get("detail")
        if source != SOURCE:
            found = "it names no source" if source is None else f"its source is {_shown(source)}"
            self._error(
                where, f"this is no event of {SOURCE}: {found}", "keep the events of that source alone"
            )
        elif not isinstance(kind, str):
            self._error(where, "the event has no detail-type")
        elif kind != DELETED:
            self.others[kind] += 1
        elif not isinstance(detail, dict):
            self._error(
                where, "the event has no detail", "keep events whole: no input transformer before the file"
            )
        else:
            return self._deleted(where, value, detail)
        return None

    def _deleted(self, where: str, value: Mapping[str, Any], detail: Mapping[str, Any]) -> Event | None:
        store = self._id(where, detail, ("datastoreId",))
        image_set = self._id(where, detail, _IDS)
        at = self._time(where, value.get("time"))
        version = self._version(where, detail.get("imageSetVersion"))
        primary = detail.get("isPrimary")
        if primary is not None and not isinstance(primary, bool):
            self._error(where, f"isPrimary is {_shown(primary)}", "it is true or false")
        for name in ("imageSetState", "imageSetWorkflowStatus"):
            if detail.get(name, "DELETED") != "DELETED":
                self._error(where, f"{name} is {_shown(detail[name])} in an event of the type {DELETED}")
        if store is None or image_set is None or at is None:
            return None
        if (store, image_set) not in (_arns(value.get("resources")) or {(store, image_set)}):
            self.disagree.append(where)
        return Event(store, image_set, at, version, primary, where)

    def _id(self, where: str, detail: Mapping[str, Any], names: Sequence[str]) -> str | None:
        given = {detail[name] for name in names if isinstance(detail.get(name), str)}
        odd = [
            detail[name]
            for name in names
            if detail.get(name) is not None and not isinstance(detail[name], str)
        ]
        if not given and not odd:
            self._error(where, f"the detail has no {names[0]}", suggest(names[0], detail, what="it has"))
            return None
        if len(given) + len(odd) > 1:
            self._error(where, f"the detail names two image sets: {' and '.join(map(_shown, sorted(given)))}")
            return None
        value = next(iter(given), odd[0] if odd else None)
        if not isinstance(value, str) or not _ID.fullmatch(value):
            self._error(where, f"{names[0]} is {_shown(value)}", "an id is 32 of 0-9 and a-z")
            return None
        return value

    def _time(self, where: str, raw: Any) -> datetime | None:
        try:
            if isinstance(raw, str):
                return parse_time(raw)
            self._error(
                where, "the event has no time" if raw is None else f"time is {_shown(raw)}, which is no text"
            )
        except BadValueError as error:
            self._error(where, f"time: {error}", error.hint)
        return None

    def _version(self, where: str, raw: Any) -> int | None:
        try:
            number = None if raw is None else parse_integer(str(raw))
        except BadValueError:
            number = 0
        if number is not None and (number < 1 or isinstance(raw, bool)):
            self._error(where, f"imageSetVersion is {_shown(raw)}", "it is a whole number from 1")
        return number

    def _error(self, where: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(where, message, hint))


def _skip(text: str, position: int) -> int:
    found = _WHITE.match(text, position)
    return found.end() if found else position


def _next_line(text: str, position: int) -> int:
    found = _NEXT_LINE.search(text, position)
    return found.end() if found else len(text)


def _arns(resources: Any) -> set[tuple[str, str]]:
    """The data stores and image sets that an event's ARNs name."""
    texts = [item for item in resources if isinstance(item, str)] if isinstance(resources, list) else []
    return {match.groups() for text in texts if (match := _ARN.fullmatch(text))}  # type: ignore[misc]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else text[:57] + "..."


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
