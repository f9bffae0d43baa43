"""Findings as compact columns (`page_columns`), so that one page can hold 100,000 of them. `reports/html/findings-data.js`
reads them back. Ids of findings are hashes of what a row shows; the page makes them when it needs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from checker import values
from checker.model import Finding, Gap, Numbers, Rule, Verdict
from checker.reporting import condition_text, finding_text
from checker.reporting.escape import visible
from checker.reporting.normal_form import finding_id, plain
from checker.reporting.page_address import LONGEST, name_text
from checker.reporting.page_columns import column, packed_ids

UNKNOWN, WAIVED, GATED, OWN_MESSAGE, FAILED_CALL, PINNED, NEW = 1, 2, 4, 8, 16, 32, 64
_IMAGE_SET_ID = re.compile(r"[0-9a-f]{32}")
_THIS_SET, _THIS_VERSION = -1, -2

Part = str | int
"""A piece of a message: text, or the value of the n-th observed field; -1 is the image set's id, -2 its version."""
Place = tuple[str | None, ...]
"""Target, account, Region, data store."""
COLUMNS = (
    "place",
    "set",
    "version",
    "flags",
    "reason",
    "note",
    "waiverNote",
    "message",
    "arn",
    "id",
    "waiver",
    "calls",
    "collected",
    "reused",
    "first",
    "firstRun",
    "change",
    "causes",
)
_PLACE_AT, _SET_AT = COLUMNS.index("place"), COLUMNS.index("set")


@dataclass(slots=True, eq=False)
class RuleFindings:
    """The findings of one rule, a row of cells each; `place` is that of the rule among those of the policies, `labels` are
    the names of what image sets are labelled with."""

    rule: Rule
    place: int
    labels: Sequence[str] = ()
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    label_rows: list[Sequence[str | None]] = field(default_factory=list)
    observed_rows: list[list[object]] = field(default_factory=list)
    paths: dict[str, int] = field(default_factory=dict)
    """The observed fields, and which cell of `observed_rows` each has."""

    def add(self, finding: Finding, notes: tuple[str, str], labels: Sequence[str | None]) -> None:
        """A further finding; `notes` say why the gate does not count it, and how its waiver stands."""
        subject, message, cells = (
            finding.subject,
            name_text(finding_text.headline(finding)),
            self._cells(finding),
        )
        self.label_rows.append(labels)
        self.observed_rows.append(cells)
        self.rows.append(
            (
                place_of(finding),
                None if subject.image_set_id is None else _id_text(subject.image_set_id),
                subject.version_id,
                _flags(finding),
                None if finding.reason is None else _frequent_text(finding.reason),
                notes[0],
                _frequent_text(notes[1]),
                _template(message, _fillings(message, cells, subject.image_set_id), subject.version_id),
                _arn_template(finding),
                _odd_id(finding),
                finding.waiver.number if finding.waiver else None,
                finding.calls,
                finding.collected_at,
                None if finding.reused_from is None else _frequent_text(finding.reused_from),
                finding.first_seen,
                finding.first_run,
                finding.change.value if finding.change else None,
                finding.causes,
            )
        )

    def _cells(self, finding: Finding) -> list[object]:
        """What was observed, in the order of `paths`."""
        unknown, paths = finding.verdict is Verdict.UNKNOWN, self.paths
        cells: list[object] = [None] * len(paths)
        for path, value in finding.observed.items():
            at = paths.setdefault(_frequent_text(path), len(paths))
            if at == len(cells):
                cells.append(None)
            # an unknown's reason says what was not received
            cells[at] = None if unknown and value == Gap.NOT_RECEIVED else _cut(value)
        return cells

    def columns(self, number: int) -> Iterator[Sequence[Any]]:
        """The cells of the first so many rows, a column each of `COLUMNS`."""
        return zip(*self.rows[:number], strict=True)

    def observed(self, number: int) -> Iterator[tuple[str, Sequence[Any]]]:
        """Each observed field, and what it was in the first so many rows."""
        for path, at in self.paths.items():
            # what was not observed at first is missing in the rows before
            yield path, [cells[at] if at < len(cells) else None for cells in self.observed_rows[:number]]


@dataclass(frozen=True, slots=True)
class Packing:
    """Findings as the page holds them, and the numbers that image sets and places have there."""

    document: dict[str, Any]
    sets: Mapping[str, int]
    places: Mapping[Place, int]

    def subject(self, finding: Finding) -> str:
        """How the page names what a finding is of, without its version."""
        where = self.places[place_of(finding)]
        image_set = finding.subject.image_set_id
        return f"{where}:{'' if image_set is None else self.sets[_id_text(image_set)]}"


def pack(groups: Mapping[RuleFindings, int], total: int) -> Packing:
    """The page's data: of each group so many of its findings, the first; `total` is how many the run has, embedded or not."""
    tables = {group: list(group.columns(number)) for group, number in groups.items() if number}
    of_places, of_sets = (
        [cells for columns in tables.values() for cells in columns[at]] for at in (_PLACE_AT, _SET_AT)
    )
    # hexadecimal ids first: they are stored apart, as 20 digits of base 85
    ids = sorted({id_ for id_ in of_sets if id_ is not None})
    regular = [id_ for id_ in ids if _IMAGE_SET_ID.fullmatch(id_)]
    other = [id_ for id_ in ids if not _IMAGE_SET_ID.fullmatch(id_)]
    sets = {id_: index for index, id_ in enumerate((*regular, *other))}
    places = {
        place: index
        for index, place in enumerate(
            sorted(set(of_places), key=lambda item: tuple(text or "" for text in item))
        )
    }
    document = {
        "total": total,
        "rows": sum(groups.values()),
        "places": [list(path) for path in places],
        "ids": {"hex": packed_ids(regular), "n": len(regular), "other": other},
        "groups": [_group(group, groups[group], columns, sets, places) for group, columns in tables.items()],
    }
    return Packing(document, sets, places)


def place_of(finding: Finding) -> Place:
    """Where a finding is."""
    subject = finding.subject
    return _place(subject.target, subject.account, subject.region, subject.datastore_id)


@lru_cache(maxsize=4096)
def _place(*parts: str | None) -> Place:
    return tuple(None if part is None else name_text(part) for part in parts)


def _group(
    group: RuleFindings,
    number: int,
    columns: list[Sequence[Any]],
    sets: Mapping[str, int],
    places: Mapping[Place, int],
) -> dict[str, Any]:
    rule = group.rule
    columns[_PLACE_AT] = [places[place] for place in columns[_PLACE_AT]]
    columns[_SET_AT] = [None if image_set is None else sets[image_set] for image_set in columns[_SET_AT]]
    labels = zip(*group.label_rows[:number], strict=True)
    return {
        "rule": rule.id,
        "pack": rule.pack,
        "title": visible(rule.title),
        "severity": rule.severity.value,
        "rank": rule.severity.rank,
        "order": group.place,
        "scope": rule.scope,
        "where": visible(str(rule.where)),
        "expected": visible(condition_text.expected(rule)),
        "n": number,
        **{name: column(cells, _shown) for name, cells in zip(COLUMNS, columns, strict=True)},
        "observed": [[path, column(cells, _shown)] for path, cells in group.observed(number)],
        "labels": [[name, column(cells, _shown)] for name, cells in zip(group.labels, labels, strict=True)],
    }


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
    subject, image_set = finding.subject, finding.subject.image_set_id or ""
    names = (finding.rule.name, subject.target, subject.datastore_id or "")
    is_plain = all(map(_is_plain, names)) and (_IMAGE_SET_ID.fullmatch(image_set) or _is_plain(image_set))
    return None if is_plain else finding_id(finding.rule, subject)


@lru_cache(maxsize=4096)
def _is_plain(name: str) -> bool:
    return len(name) <= LONGEST and name.isascii() and name.isprintable()


def _fillings(message: str, cells: list[object], image_set: str | None) -> Iterator[tuple[int, str]]:
    """The values that stand in a message, and their marks."""
    texts = [(index, values.show(cell)) for index, cell in enumerate(cells) if cell is not None]
    if image_set is not None:
        texts.append((_THIS_SET, image_set))
    # a short one would cut words that only look like it
    return ((mark, text) for mark, text in texts if len(text) >= 8 and text in message)


def _template(message: str, fillings: Iterable[tuple[int, str]], version: int | None) -> tuple[Part, ...]:
    """The message without what differs from row to row, so that equal templates are stored once."""
    parts: list[Part] = [message]
    for mark, text in fillings:
        parts = [piece for part in parts for piece in _split(part, text, [mark])]
    if version is not None and (words := f"version {version}") in message:
        parts = [piece for part in parts for piece in _split(part, words, ["version ", _THIS_VERSION])]
    return tuple(parts)


def _arn_template(finding: Finding) -> tuple[Part, ...] | None:
    """The ARN of what a finding is of, without the id that its row has: all of a data store are one."""
    if finding.arn is None:
        return None
    image_set = finding.subject.image_set_id
    if image_set and _IMAGE_SET_ID.fullmatch(image_set) and finding.arn.endswith(image_set):
        return _frequent_text(finding.arn.removesuffix(image_set)), _THIS_SET
    return _template(name_text(finding.arn), [(_THIS_SET, image_set)] if image_set else [], None)


def _split(part: Part, text: str, put: list[Part]) -> list[Part]:
    if not isinstance(part, str) or text not in part:
        return [part]
    pieces: list[Part] = []
    for number, piece in enumerate(part.split(text)):
        pieces += [*(put if number else []), *([piece] if piece else [])]
    return pieces


def _shown(value: object) -> object:
    """A value as the page gets it; what an aggregate came to beside its text."""
    return {"text": name_text(str(value)), **value.plain()} if isinstance(value, Numbers) else plain(value)


def _cut(value: object) -> object:
    if isinstance(value, bool | int | float | datetime | Numbers) or value is None:
        return value
    return name_text(values.show(value))


def _id_text(image_set: str) -> str:
    return image_set if _IMAGE_SET_ID.fullmatch(image_set) else name_text(image_set)


@lru_cache(maxsize=4096)
def _frequent_text(text: str) -> str:
    """The same of what many findings share."""
    return name_text(text)
