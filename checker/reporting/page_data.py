"""Findings as compact columns, so that one page can hold 100,000 of them. `reports/html/findings-data.js` reads them back.

A column is `{"c": v}` where every row has the same value; `{"d": [..], "w": n, "i": ".."}` where `i` has n digits of
base 64 for each row, an index into `d`; or `{"n": base, "u": unit, "w": n, "i": ".."}` for numbers and, with `"t": 1`,
for times in milliseconds: digit value 0 is null, else base + (value - 1) * unit. Fixed widths let the page read row k
without reading the rows before it. Ids of findings are hashes of what a row shows; the page makes them when it needs them. No compression: its bytes differ between builds of zlib.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from checker import instants, values
from checker.model import Finding, Gap, Numbers, Rule, Verdict
from checker.reporting import condition_text, finding_text
from checker.reporting.escape import json_text, shorten, visible
from checker.reporting.normal_form import finding_id, plain

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LONGEST = 500
UNKNOWN, WAIVED, GATED, OWN_MESSAGE, FAILED_CALL, PINNED, NEW = 1, 2, 4, 8, 16, 32, 64
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_IMAGE_SET_ID = re.compile(r"[0-9a-f]{32}")
_SAFE_DIGITS = str.maketrans("#&<>", ".,/[")
"""In the digits of base 85: no markup, and no command to a CI server."""
_THIS_SET, _THIS_VERSION = -1, -2

Part = str | int
"""A piece of a message: text, or the value of the n-th observed field; -1 is the image set's id, -2 its version."""


@dataclass(slots=True)
class PackedFindings:
    """The findings of one rule, column by column; `place` is that of the rule among those of the policies."""

    rule: Rule
    place: int = 0
    places: list[tuple[str | None, ...]] = field(default_factory=list)
    sets: list[str | None] = field(default_factory=list)
    versions: list[int | None] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    reasons: list[str | None] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waiver_notes: list[str] = field(default_factory=list)
    messages: list[tuple[Part, ...]] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)
    waivers: list[int | None] = field(default_factory=list)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    collected: list[datetime | None] = field(default_factory=list)
    reused: list[str | None] = field(default_factory=list)
    first: list[datetime | None] = field(default_factory=list)
    first_run: list[str | None] = field(default_factory=list)
    change: list[str | None] = field(default_factory=list)
    causes: list[tuple[str, ...]] = field(default_factory=list)
    observed: dict[str, list[object]] = field(default_factory=dict)
    labels: dict[str, list[str | None]] = field(default_factory=dict)

    def add(self, finding: Finding, notes: tuple[str, str], labels: Mapping[str, str | None]) -> None:
        """A further finding; `notes` say why the gate does not count it, and how its waiver stands; `labels` are its image
        set's, the same names for all."""
        subject = finding.subject
        shown = {visible(path): _cut(value) for path, value in finding.observed.items()}
        if finding.verdict is Verdict.UNKNOWN:  # its reason says what was not received
            shown = {path: None if value == Gap.NOT_RECEIVED else value for path, value in shown.items()}
        for path in shown:
            self.observed.setdefault(path, [None] * len(self.sets))
        for path, column_values in self.observed.items():
            column_values.append(shown.get(path))
        fillings: list[tuple[int, str]] = [
            (index, values.show(shown[path]))
            for index, path in enumerate(self.observed)
            if shown.get(path) is not None
        ]
        if subject.image_set_id is not None:
            fillings.append((_THIS_SET, subject.image_set_id))
        message = _template(_text(finding_text.headline(finding)), fillings, subject.version_id)
        self.places.append(place_of(finding))
        self.sets.append(None if subject.image_set_id is None else _text(subject.image_set_id))
        self.versions.append(subject.version_id)
        self.flags.append(_flags(finding))
        self.reasons.append(None if finding.reason is None else _text(finding.reason))
        self.notes.append(notes[0])
        self.waiver_notes.append(_text(notes[1]))
        self.ids.append(_odd_id(finding))
        self.waivers.append(finding.waiver.number if finding.waiver else None)
        self.calls.append(finding.calls)
        self.collected.append(finding.collected_at)
        self.reused.append(None if finding.reused_from is None else _text(finding.reused_from))
        self.first.append(finding.first_seen)
        self.first_run.append(finding.first_run)
        self.change.append(finding.change.value if finding.change else None)
        self.causes.append(finding.causes)
        self.messages.append(message)
        for name, value in labels.items():
            self.labels.setdefault(name, []).append(value)


@dataclass(frozen=True, slots=True)
class Packing:
    """Findings as the page holds them, and the numbers that image sets and places have there."""

    document: dict[str, Any]
    sets: Mapping[str, int]
    places: Mapping[tuple[str | None, ...], int]

    def subject(self, finding: Finding) -> str:
        """How the page names what a finding is of, without its version."""
        where = self.places[place_of(finding)]
        image_set = finding.subject.image_set_id
        return f"{where}:{'' if image_set is None else self.sets[_text(image_set)]}"


def pack(groups: Sequence[PackedFindings], total: int) -> Packing:
    """The page's data; `total` is how many findings the run has, embedded or not."""
    ids = sorted({image_set for rows in groups for image_set in rows.sets if image_set is not None})
    # hexadecimal ids first: they are stored apart, as 20 digits of base 85
    ids.sort(key=lambda item: _IMAGE_SET_ID.fullmatch(item) is None)
    numbers = {item: index for index, item in enumerate(ids)}
    places = sorted(
        {place for rows in groups for place in rows.places},
        key=lambda item: tuple(text or "" for text in item),
    )
    indexes = {item: index for index, item in enumerate(places)}
    regular = [id_ for id_ in ids if _IMAGE_SET_ID.fullmatch(id_)]
    document = {
        "total": total,
        "rows": sum(len(rows.sets) for rows in groups),
        "places": [list(path) for path in places],
        "ids": {"hex": packed_ids(regular), "n": len(regular), "other": ids[len(regular) :]},
        "groups": [_group(rows, numbers, indexes) for rows in groups],
    }
    return Packing(document, numbers, indexes)


def place_of(finding: Finding) -> tuple[str | None, ...]:
    """Where a finding is: target, account, Region, data store."""
    subject = finding.subject
    place = (subject.target, subject.account, subject.region, subject.datastore_id)
    return tuple(None if part is None else _text(part) for part in place)


def packed_ids(ids: Iterable[str]) -> str:
    """Ids of 32 hexadecimal digits as 20 digits of base 85 each."""
    return base64.b85encode(bytes.fromhex("".join(ids))).decode().translate(_SAFE_DIGITS)


def _group(
    rows: PackedFindings, numbers: dict[str, int], places: dict[tuple[str | None, ...], int]
) -> dict[str, Any]:
    rule = rows.rule
    return {
        "rule": rule.id,
        "pack": rule.pack,
        "title": visible(rule.title),
        "severity": rule.severity.value,
        "rank": rule.severity.rank,
        "order": rows.place,
        "scope": rule.scope,
        "where": visible(str(rule.where)),
        "expected": visible(condition_text.expected(rule)),
        "n": len(rows.sets),
        "place": column([places[place] for place in rows.places]),
        "set": column([None if image_set is None else numbers[image_set] for image_set in rows.sets]),
        "version": column(rows.versions),
        "flags": column(rows.flags),
        "reason": column(rows.reasons),
        "note": column(rows.notes),
        "waiverNote": column(rows.waiver_notes),
        "message": column(rows.messages),
        "id": column(rows.ids),
        "waiver": column(rows.waivers),
        "calls": column(rows.calls),
        "collected": column(rows.collected),
        "reused": column(rows.reused),
        "first": column(rows.first),
        "firstRun": column(rows.first_run),
        "change": column(rows.change),
        "causes": column(rows.causes),
        "observed": [[path, column(found)] for path, found in rows.observed.items()],
        "labels": [[name, column(found)] for name, found in rows.labels.items()],
    }


def column(cells: Sequence[object]) -> dict[str, Any]:
    """The shortest of the three forms."""
    # True == 1 in Python, so that the type is part of what makes a value another one
    distinct = {(type(cell), cell): cell for cell in cells}
    if len(distinct) <= 1:
        return {"c": next((_packed(cell) for cell in distinct.values()), None)}
    ranks = {key: index for index, key in enumerate(distinct)}
    width = _width(len(distinct) - 1)
    listed = [list(cell) if isinstance(cell, tuple) else _packed(cell) for cell in distinct.values()]
    dictionary_size = len(cells) * width + len(json_text(listed, script=True))
    number = _numbers(cells, distinct.values(), dictionary_size)
    if number is not None:
        return number
    index = "".join(digits(ranks[type(cell), cell], width) for cell in cells)
    return {"d": listed, "w": width, "i": index}


def digits(number: int, width: int) -> str:
    """A number as so many digits of base 64, the most significant first."""
    text = ALPHABET[number >> 6 * (width - 1) & 63] if width % 2 else ""
    for shift in range(6 * (width - width % 2) - 12, -1, -12):
        text += _PAIRS[number >> shift & 4095]
    return text


def _numbers(cells: Sequence[object], distinct: Iterable[object], size: int) -> dict[str, Any] | None:
    """A column of numbers or times, if it is one and takes less than `size` bytes."""
    present = [cell for cell in distinct if cell is not None]
    times = all(isinstance(cell, datetime) for cell in present)
    if not times and not all(isinstance(cell, int) and not isinstance(cell, bool) for cell in present):
        return None
    counted = [_count(cell) for cell in cells]
    known = [cell for cell in counted if cell is not None]
    base = min(known)
    unit = math.gcd(*(cell - base for cell in known)) or 1
    width = _width((max(known) - base) // unit + 1)
    # the page computes with doubles, which are exact to 53 bits
    if len(cells) * width >= size or max(abs(base), abs(max(known))) >= 2**53:
        return None
    index = "".join(digits(0 if cell is None else (cell - base) // unit + 1, width) for cell in counted)
    return {"n": base, "u": unit, "w": width, "i": index} | ({"t": 1} if times else {})


def _count(cell: object) -> int | None:
    if isinstance(cell, datetime):
        return instants.round_ms(cell)
    return cell if isinstance(cell, int) else None


def _width(most: int) -> int:
    return max(1, math.ceil(most.bit_length() / 6))


def _flags(finding: Finding) -> int:
    return (
        (UNKNOWN if finding.verdict is Verdict.UNKNOWN else 0)
        | (WAIVED if finding.waived else 0)
        | (GATED if finding.gated else 0)
        | (OWN_MESSAGE if finding.message else 0)
        | (FAILED_CALL if finding_text.error_code(finding) else 0)
        | (PINNED if finding.subject.exact else 0)
        | (NEW if finding.new else 0)
    )


def _odd_id(finding: Finding) -> str | None:
    """The finding's id where the page cannot make it from what it is shown: a name was cut, or has escapes in it."""
    subject = finding.subject
    names = (finding.rule.name, subject.target, subject.datastore_id or "", subject.image_set_id or "")
    if all(len(path) <= LONGEST and path.isascii() and path.isprintable() for path in names):
        return None
    return finding_id(finding.rule, subject)


def _template(message: str, fillings: list[tuple[int, str]], version: int | None) -> tuple[Part, ...]:
    """The message without what differs from row to row, so that equal templates are stored once."""
    parts: list[Part] = [message]
    for mark, text in fillings:
        if len(text) >= 8:  # a short one would cut words that only look like it
            parts = [piece for part in parts for piece in _split(part, text, [mark])]
    if version is not None:
        parts = [
            piece
            for part in parts
            for piece in _split(part, f"version {version}", ["version ", _THIS_VERSION])
        ]
    return tuple(parts)


def _split(part: Part, text: str, put: list[Part]) -> list[Part]:
    if not isinstance(part, str) or text not in part:
        return [part]
    pieces: list[Part] = []
    for number, piece in enumerate(part.split(text)):
        pieces += [*(put if number else []), *([piece] if piece else [])]
    return pieces


def _packed(value: object) -> object:
    """A value as the page gets it; what an aggregate came to beside its text."""
    return {"text": _text(str(value)), **value.plain()} if isinstance(value, Numbers) else plain(value)


def _cut(value: object) -> object:
    if isinstance(value, bool | int | float | datetime | Numbers) or value is None:
        return value
    return _text(values.show(value))


def _text(text: str) -> str:
    return visible(shorten(text, LONGEST))
