"""What the page's list of findings says of an image set: its labels, its versions, and what every rule says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from checker import instants, values
from checker.judgement.run import Run
from checker.model import Duration, Finding, Label, Rule, Verdict
from checker.reporting.escape import shorten, visible
from checker.reporting.page_data import Packing
from checker.snapshot.version_history import ImageSetKey, Version, label_values, version_histories

MOST_LABEL_VALUES = 100
"""More values of a label are none that a reader picks from."""
MOST_HISTORIES = 2_000
MOST_VERSIONS = 50
MOST_VERDICTS = 100_000
LONGEST = 200
CODES: Mapping[Verdict, str] = {
    Verdict.PASS: "p",
    Verdict.NOT_APPLICABLE: "n",
    Verdict.UNKNOWN: "u",
    Verdict.FAIL: "f",
}
_WAIVED = "w"
_WORST_LAST = "-npwuf"


def labels_of(
    run: Run, held: Sequence[Finding]
) -> tuple[list[str], Callable[[Finding], Sequence[str | None]]]:
    """The names of the labels that a rule reads, and that have few values; and which of them a finding's image set has."""
    fields = {field.path for result in run.judged for field in result.rule.fields}
    names = sorted(name for name in run.labels if f"labels.{name}" in fields)
    ids = {finding.subject.image_set_id for finding in held} - {None}
    known = label_values(run.folder, [item for item in ids if item is not None], names)
    texts = [_texts(run.labels[name], [row[at] for row in known.values()]) for at, name in enumerate(names)]
    few = [at for at, own in enumerate(texts) if 0 < len(set(own) - {None}) <= MOST_LABEL_VALUES]
    rows = zip(*(texts[at] for at in few), strict=True)
    own = dict(zip(known, rows, strict=True)) if few else {}
    none: tuple[str | None, ...] = (None,) * len(few)
    return [names[at] for at in few], lambda finding: own.get(_key(finding), none)


def _texts(label: Label, cells: Sequence[Any]) -> list[str | None]:
    """A label's values as text; none at all where there are too many of them."""
    # DuckDB gives a duration as what no set can hold
    keys = [tuple(cell.items()) if isinstance(cell, dict) else cell for cell in cells]
    distinct = dict(zip(keys, cells, strict=True))
    if len(distinct) > MOST_LABEL_VALUES + 1:
        return []
    texts = {key: None if cell is None else _label(label, cell) for key, cell in distinct.items()}
    return [texts[key] for key in keys]


def image_set_details(run: Run, held: Sequence[Finding], packing: Packing) -> dict[str, dict[str, Any]]:
    """The versions of the worst image sets, and where there are not too many the verdicts of all rules on each."""
    subjects: dict[ImageSetKey, str] = {}
    for finding in held:
        if finding.subject.image_set_id is not None and (key := _key(finding)) not in subjects:
            subjects[key] = packing.subject(finding)
    worst = dict(list(subjects.items())[:MOST_HISTORIES])
    histories = version_histories(run.folder, {key[2] for key in worst if key[2] is not None})
    return {
        "versions": {
            name: [_version(version) for version in histories[key][-MOST_VERSIONS:]]
            for key, name in worst.items()
            if key in histories
        },
        "verdicts": _verdicts(run, subjects),
    }


def judged_rules(run: Run) -> list[list[str]]:
    """The rules of which `verdicts` has a letter each: name, title, severity, scope."""
    return [[rule.name, visible(rule.title), rule.severity.value, rule.scope] for rule in _rules(run)]


def _rules(run: Run) -> list[Rule]:
    return [result.rule for result in run.judged if result.rule.scope != "datastore"]


def _verdicts(run: Run, subjects: Mapping[ImageSetKey, str]) -> dict[str, str]:
    """One letter for each rule, in the order of `judged_rules`; `-` where it has no verdict on the image set."""
    rules = _rules(run)
    if run.total.subjects > MOST_VERDICTS or not subjects:
        return {}
    codes = {name: ["-"] * len(rules) for name in subjects.values()}
    numbers = {rule.name: number for number, rule in enumerate(rules)}
    for result, found in run.subjects():
        number = numbers.get(result.rule.name)
        for item in found:
            subject = item.subject
            name = subjects.get((subject.target, subject.datastore_id, subject.image_set_id))
            if name is None or number is None:
                continue
            waived = item.finding is not None and item.finding.waived and item.verdict is Verdict.FAIL
            code = _WAIVED if waived else CODES[item.verdict]
            codes[name][number] = max(codes[name][number], code, key=_WORST_LAST.index)
    return {name: "".join(own) for name, own in codes.items()}


def _key(finding: Finding) -> ImageSetKey:
    subject = finding.subject
    return subject.target, subject.datastore_id, subject.image_set_id


def _version(version: Version) -> list[Any]:
    times = [_instant(time) for time in (version.created, version.updated, version.deleted)]
    texts = [None if text is None else _text(text) for text in (version.state, version.workflow_status)]
    return [version.number, *texts, *times, version.forced]


def _instant(time: datetime | None) -> str | None:
    return instants.iso(time.replace(tzinfo=UTC)) if time else None


def _label(label: Label, value: Any) -> str | None:
    if isinstance(value, dict):
        value = Duration(value["months"], value["milliseconds"])
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if label.day else _instant(value)
    return _text(values.show(value))


def _text(text: str) -> str:
    return visible(shorten(text, LONGEST))
