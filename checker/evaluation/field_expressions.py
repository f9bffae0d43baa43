"""A field as expressions: its value for people, whether its answer was received, whether there is definitely none."""

from __future__ import annotations

from checker.fields import EARLIER, EVENT_FIELDS, FOUND_FIELD, KNOWN, NOW, PREVIOUS, SUPERSEDED_BY, column
from checker.model import Absence, Field, Source
from checker.sql import Expression, case, coalesce, col, false, lit, true

NULL = lit(None)

TRUE = true()

FALSE = false()

FOUND = col("found")

# The snapshot knows these of a set that was not read too, but a rule judges answers.
_GUARDED = frozenset({"datastoreId", "imageSetId", "collectedAt"})

_PREVIOUS_VERSION = f"{PREVIOUS}versionId"

_RECORDED = col(f"{PREVIOUS}error").isnull()
"""Whether the version before is known, or that there is none."""

_SUPERSEDED_BY = f"labels.{SUPERSEDED_BY}"


def text_value(field: Field) -> Expression:
    """The field's value for people, null where it is absent: `overrides.forced` left out is shown as false."""
    if field == NOW:
        return NULL
    if field.absence is Absence.FALSE:
        there = FOUND
        if field.source is Source.PREVIOUS_VERSION:
            there = FOUND & col(_PREVIOUS_VERSION).isnotnull()
        elif field.source is Source.HISTORY:
            there = is_received(field)
        return case(there, coalesce(raw_value(field), FALSE))
    return raw_value(field)


def is_received(field: Field) -> Expression:
    """Whether the answer that a field comes from was received: true, or false or null where it was not."""
    if field.answer:
        return FOUND & _RECORDED if field.source is Source.PREVIOUS_VERSION else FOUND
    if field.source is Source.OWN:
        return FOUND.isnotnull() if field == FOUND_FIELD else TRUE
    if field.source is Source.SUCCESSOR:
        answered = col("successor.received")
        if field.path != "successor.found":
            answered = answered & col("successor.found")
        if field.absence is Absence.NONE:
            answered = col(_SUPERSEDED_BY).isnull() | answered
        return coalesce(answered, FALSE)
    if field == KNOWN:
        return col(field.path).isnotnull()
    answered = col(f"{field.source}.received")
    if field.source is Source.HISTORY and field.path != f"{EARLIER}found":
        answered = answered & col(f"{EARLIER}found")
        if field.path.removeprefix(EARLIER) not in EVENT_FIELDS:
            answered = answered & col(f"{EARLIER}answered")
        if field.absence is Absence.NEVER:  # an event may leave it out
            answered = answered & raw_value(field).isnotnull()
    return coalesce(answered, FALSE)


def is_absent(field: Field) -> Expression | None:
    """Where there is definitely none of a field; None where its absence never means that."""
    if field.source is Source.SUCCESSOR:
        return col(_SUPERSEDED_BY).isnull() if field.absence is Absence.NONE else None
    if field.source is Source.PREVIOUS_VERSION:
        first = is_received(field) & col(_PREVIOUS_VERSION).isnull()
        return (
            first | (is_received(field) & raw_value(field).isnull())
            if field.absence is Absence.NONE
            else first
        )
    if field.absence is not Absence.NONE:
        return None
    absent = raw_value(field).isnull()
    return absent if field.source is Source.OWN else case(is_received(field), absent)


def raw_value(field: Field) -> Expression:
    value = col(column(field))
    return case(FOUND, value) if field.path in _GUARDED else value
