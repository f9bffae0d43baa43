"""Kinds of answers: what was received of all that rules read, and how a test says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from checker.aws.actions import GET_DATASTORE, LIST_TAGS, SEARCH
from checker.fields import EARLIER, KNOWN, PREVIOUS, SUCCESSOR, SUPERSEDED_BY
from checker.model import Field, RuleScope, Source
from checker.policy.test_input import NOT_FOUND
from checker.policytest.healthy_answers import SUCCESSOR_ID

FAILED = "AccessDeniedException"
LABEL = f"labels.{SUPERSEDED_BY}"
NUMBER, NAMED = "kind", "named successor"
"""The columns of a kind's number, and of the successor that the label names."""
_CALLS = {
    Source.DICOM: SEARCH,
    Source.DATASTORE: GET_DATASTORE,
    Source.TAGS: LIST_TAGS,
    Source.DATASTORE_TAGS: LIST_TAGS,
}
_SUCCESSORS: dict[str, tuple[bool | None, bool | None]] = {
    "none": (None, None), "read": (True, True), "gone": (True, False), "unread": (None, None),
}  # fmt: skip
"""`successor.received` and `successor.found`."""
_HISTORIES: dict[str, tuple[bool | None, bool | None]] = {
    "unknown": (None, None), "read": (True, True), "new": (False, None), "gone": (True, False),
}  # fmt: skip
"""`known` and `previous.found`."""
_NO_VALUES = ("found", f"{SUCCESSOR}found", KNOWN.path, f"{EARLIER}found")
"""What says by itself what was received."""

Cells = dict[str, tuple[str, Any]]
"""Columns by name, each with its type and its value."""


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """What was received: whether the image set was `found` (None: that call failed), whether it has a `previous` version,
    what came of its `successor` and of earlier runs (nothing where no rule reads them), and which `calls` were answered."""

    found: bool | None
    previous: bool
    successor: str
    history: str
    calls: Mapping[Source, bool]

    def has(self, field: Field) -> bool:
        """Whether a field may have a value."""
        if field.path in _NO_VALUES:
            return False
        if field.path == LABEL:
            return self.successor != "none"
        if field.source is Source.ANSWER:
            return self.found is True
        if field.source is Source.PREVIOUS_VERSION:
            return self.previous
        if field.source is Source.SUCCESSOR:
            return self.successor == "read"
        if field.source is Source.HISTORY:
            return self.history == "read"
        return field.source is Source.OWN or self.calls[field.source]

    def columns(self, number: int, fields: Iterable[Field], scope: RuleScope) -> Cells:
        """What is the same in all answers of the kind."""
        found = (self.calls[Source.DATASTORE] or None) if scope == "datastore" else self.found
        code = {True: None, False: NOT_FOUND, None: FAILED}[found]
        received, there = _SUCCESSORS.get(self.successor, (None, None))
        truths: dict[str, bool | None] = {
            "found": found, f"{SUCCESSOR}received": received, f"{SUCCESSOR}found": there,
        }  # fmt: skip
        texts: dict[str, str | None] = {"error.code": code, "error.message": None}
        for source, answered in self.calls.items():
            truths[f"{source.value}.received"] = answered or None
            texts[f"{source.value}.error"] = None if answered else FAILED
        if self.successor:
            texts[NAMED] = None if self.successor == "none" else SUCCESSOR_ID
        if self.history:
            known, there = _HISTORIES[self.history]
            received = None if there is None else True
            truths |= {KNOWN.path: known, f"{EARLIER}found": there}
            truths |= {f"{EARLIER}received": received, f"{EARLIER}answered": received}
            texts[f"{EARLIER}error"] = None if there else FAILED
        numbers: dict[str, int | None] = {NUMBER: number}
        if any(field.path.startswith(PREVIOUS) for field in fields):
            texts[f"{PREVIOUS}error"] = None
            if not any(field.path == f"{PREVIOUS}versionId" for field in fields):
                numbers[f"{PREVIOUS}versionId"] = 1 if self.previous else None
        typed: dict[str, Mapping[str, Any]] = {"BOOLEAN": truths, "VARCHAR": texts, "BIGINT": numbers}
        return {name: (kind, value) for kind, cells in typed.items() for name, value in cells.items()}

    def given(self, scope: RuleScope) -> dict[str, Any]:
        """What a test gives for it."""
        made: dict[str, Any] = {}
        if scope != "datastore" and self.found is not True:
            made |= {"error": FAILED} if self.found is None else {"found": False}
        if self.previous:
            made["previous_version"] = {}
        failed = {_CALLS[source]: FAILED for source, answered in self.calls.items() if not answered}
        if failed:
            made["errors"] = {action: FAILED for action in dict.fromkeys(_CALLS.values()) if action in failed}
        if self.successor in ("read", "gone"):
            made["successor"] = {} if self.successor == "read" else {"found": False}
        if self.history in ("read", "gone"):
            made["previous"] = {} if self.history == "read" else {"found": False}
        elif self.history == "new":
            made[KNOWN.path] = False
        return made


def answer_kinds(fields: Sequence[Field], scope: RuleScope) -> Iterator[AnswerKind]:
    """The kinds of answers that differ for some fields."""
    sources = {field.source for field in fields}
    calls = (Source.DICOM, Source.TAGS, Source.DATASTORE, Source.DATASTORE_TAGS)
    choices: tuple[tuple[Any, ...], ...] = (
        (True,) if scope == "datastore" else (True, False, None),
        (False, True) if Source.PREVIOUS_VERSION in sources else (False,),
        tuple(_SUCCESSORS) if Source.SUCCESSOR in sources else ("",),
        tuple(_HISTORIES) if Source.HISTORY in sources else ("",),
        *((True, False) if source in sources else (True,) for source in calls),
    )
    for found, previous, successor, history, *answered in product(*choices):
        kind = AnswerKind(found, previous, successor, history, dict(zip(calls, answered, strict=True)))
        # one call for both kinds of tags, as tests say it
        tags = {kind.calls[source] for source in (Source.TAGS, Source.DATASTORE_TAGS) if source in sources}
        if (found is True or not previous) and len(tags) < 2:
            yield kind
