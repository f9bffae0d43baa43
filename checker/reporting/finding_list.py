"""The findings of a page: those that it holds, the rows that it shows without a script, and what its script reads.

A page holds all findings up to a number and a size. Above that it holds those that the gate counts, the worst first, then
the others, the worst first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from checker import instants
from checker.judgement.run import Run
from checker.model import Finding, Verdict
from checker.reporting import condition_text, finding_text, waivers
from checker.reporting.escape import json_text
from checker.reporting.image_set_details import (
    MOST_HISTORIES,
    image_set_details,
    judged_rules,
    labels_of,
)
from checker.reporting.normal_form import finding_id
from checker.reporting.page_data import Packing, RuleFindings, pack, place_of
from checker.reporting.rule_details import rule_details, rule_totals

MOST_HELD = 100_000
MOST_STATIC = 100
MOST_BYTES = 4_950_000
"""Of a page: it stays under 5 MB."""
_TRIES = 4
"""How often it is tried to hold more findings, where not all fit."""
_CAUTION = 0.995
_EMPTY_DETAILS = 100
"""At least the bytes of details that tell nothing."""
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A row in plain HTML: a finding, or all unknowns that one unread image set causes."""

    id: str
    finding: Finding
    state: str
    title: str
    headline: str
    note: str
    waiver: str
    since: tuple[str, str]
    """The day since when it is a finding, and how long ago that was."""
    facts: list[tuple[str, str]]
    observed: list[tuple[str, str]]
    others: list[Finding]
    """The findings that it stands for, where they are several."""
    gated: bool
    first: bool
    """Whether it is its rule's first, so that links to the rule lead here."""


def held_findings(run: Run, *, show_phi: bool = False) -> list[Finding]:
    """The findings that a page may hold: all of them, or the ones that the gate counts before the others.

    Raises:
        RuntimeError: a finding is of no rule of the run (our own bug); some would be left out.
    """
    held, names = _held(run, show_phi=show_phi), {result.rule.name for result in run.judged}
    if strange := next((finding for finding in held if finding.rule.name not in names), None):
        raise RuntimeError(f"findings of {strange.rule.name} are out of order, or of no rule of the run")
    return held


def _held(run: Run, *, show_phi: bool) -> list[Finding]:
    if finding_total(run) <= MOST_HELD:
        return list(run.findings(show_phi=show_phi))
    gated = list(run.findings(MOST_HELD, gated=True, show_phi=show_phi))
    if len(gated) == MOST_HELD:
        return gated
    others = (finding for finding in run.findings(show_phi=show_phi) if not finding.gated)
    return gated + list(islice(others, MOST_HELD - len(gated)))


def finding_total(run: Run) -> int:
    """How many findings a run has: fails, waived ones too, and unknowns."""
    return run.total.fail + run.total.waived + run.total.unknown


def finding_rows(run: Run, held: Sequence[Finding]) -> list[FindingRow]:
    """The first rows of the list, the worst first."""
    entries: dict[object, list[Finding]] = {}
    for place, finding in enumerate(_worst_first(run, held)):
        cause = _cause(finding) or place
        if cause in entries or len(entries) < MOST_STATIC:
            entries.setdefault(cause, []).append(finding)
    rows, linked = [], set[str]()
    for entry in entries.values():
        name = entry[0].rule.name
        rows.append(_row(run, entry, first=name not in linked))
        linked.add(name)
    return rows


def _worst_first(run: Run, held: Sequence[Finding]) -> Sequence[Finding]:
    if finding_total(run) <= MOST_HELD:
        return held
    places = {item.rule.name: place for place, item in enumerate(run.judged)}

    def worst(finding: Finding) -> tuple[object, ...]:
        first = finding.first_seen
        unknown = finding.verdict is Verdict.UNKNOWN
        return (
            -finding.rule.severity.rank,
            not finding.gated,
            first or _NEVER,
            unknown,
            places[finding.rule.name],
        )

    return sorted(held, key=worst)


def _cause(finding: Finding) -> object:
    """What findings of one row have in common: one image set could not be read, for one reason; None of others."""
    if not finding_text.error_code(finding) or finding.subject.image_set_id is None:
        return None
    return place_of(finding), finding.subject.image_set_id, finding.reason


def _row(run: Run, entry: list[Finding], *, first: bool) -> FindingRow:
    finding, several = entry[0], len(entry) > 1
    note, waiver = waivers.notes(run, finding)
    since = finding_text.first_seen(finding, run.as_of)
    facts = [("Expected", condition_text.expected(finding.rule))]
    facts += [("Reason", reason)] if (reason := finding_text.further_reason(finding)) else []
    facts += [since] if since else []
    facts += [("Rests on", finding_text.rests_on(finding))] if finding.calls else []
    facts += [("Waiver", finding_text.waiver(finding))] if finding.waived else []
    return FindingRow(
        finding_id(finding.rule, finding.subject),
        finding,
        # a waived unknown stays unknown; its note says the rest
        "waived" if finding.waived and finding.verdict is Verdict.FAIL else finding.verdict.value,
        unread_title(len(entry)) if several else finding.rule.title,
        finding_text.headline(finding),
        note,
        waiver,
        _since(finding, run.as_of),
        [] if several else facts,
        [] if several else finding_text.observed(finding),
        entry if several else [],
        any(member.gated for member in entry),
        first,
    )


def unread_title(rules: int) -> str:
    """What the row of an unread image set is called."""
    return f"The image set could not be read: {rules:,} rules are undecided"


def _since(finding: Finding, as_of: datetime) -> tuple[str, str]:
    if finding.first_seen is None:
        return "not known", ""
    days = finding_text.age_days(finding.first_seen, as_of)
    ago = "today" if days < 1 else "1 day" if days == 1 else f"{days:,} days"
    return instants.iso(finding.first_seen)[:10], ago


def page_json(run: Run, held: Sequence[Finding], most_bytes: int, elsewhere: str) -> str:
    """What the page's script reads, within so many bytes: as many of the findings as fit, those first that come first, then
    as much of what is told of image sets."""
    rows = _table(run, held)
    frame = _frame(run, elsewhere)
    packing, text = _fitted(run, rows, frame, most_bytes - _EMPTY_DETAILS)
    details = image_set_details(run, held[: packing.document["rows"]], packing)
    few = len(packing.sets) <= MOST_HISTORIES
    return _with_details(text, details, most_bytes, whole=few)


def _table(run: Run, held: Sequence[Finding]) -> list[RuleFindings]:
    """The group of each finding, which has them all."""
    places = {item.rule.name: place for place, item in enumerate(run.judged)}
    groups: dict[str, RuleFindings] = {}
    names, labels = labels_of(run, held)
    order = []
    for finding in held:
        name = finding.rule.name
        group = groups.get(name)
        if group is None:
            group = groups[name] = RuleFindings(finding.rule, places[name], names)
        group.add(finding, waivers.notes(run, finding), labels(finding))
        order.append(group)
    return order


def _frame(run: Run, elsewhere: str) -> dict[str, Any]:
    """What the page's script reads beside findings."""
    return {
        "waivers": {use.waiver.number: _waiver(use.waiver) for use in run.waivers},
        "compared": run.change is not None,
        "as_of": instants.iso(run.as_of),
        "tallies": rule_totals(run),
        "frameworks": {item.key: item.title for item in run.criteria.frameworks},
        "accounts": dict(run.provenance.names.get("accounts", {})),
        "elsewhere": elsewhere,
        "judged": judged_rules(run),
    }


def _fitted(run: Run, order: list[RuleFindings], frame: dict[str, Any], most: int) -> tuple[Packing, str]:
    """The most of the findings that fit, found by what some of them take; at last none, which always is an answer."""

    def packed(number: int) -> tuple[int, Packing, str]:
        packing = pack(Counter(order[:number]), finding_total(run))
        details = [rule_details(run, group.rule) for group in dict.fromkeys(order[:number])]
        for group, more in zip(packing.document["groups"], details, strict=True):
            group.update(more)
        text = json_text(packing.document | frame, script=True)
        return len(text.encode("utf-8", "replace")), packing, text

    number, least = len(order), 0
    size, packing, text = packed(number)
    if size <= most:
        return packing, text
    most_number, most_size = number, size
    least_size, packing, text = packed(0)
    for _ in range(_TRIES):
        share = (most - least_size) / max(most_size - least_size, 1)
        number = least + int((most_number - least) * share * _CAUTION)
        if not least < number < most_number:
            break
        size, tried_packing, tried_text = packed(number)
        if size <= most:
            least, least_size, packing, text = number, size, tried_packing, tried_text
        else:
            most_number, most_size = number, size
    return packing, text


def _with_details(text: str, details: Mapping[str, Mapping[str, Any]], most: int, *, whole: bool) -> str:
    """The page's data with what is told of image sets: of each kind as much as there is room for, the worst first; and
    whether that leaves out versions of some."""
    left = most - len(text.encode("utf-8", "replace")) - _EMPTY_DETAILS
    parts = []
    for kind, image_sets in details.items():
        entries = []
        for name, value in image_sets.items():
            entry = json_text({name: value}, script=True)[1:-1]
            left -= len(entry.encode("utf-8", "replace")) + 1
            if left < 0:
                break
            entries.append(entry)
        whole &= kind != "versions" or len(entries) == len(image_sets)
        parts.append(f'"{kind}":{{{",".join(entries)}}}')
    cut = json_text(bool(details["versions"]) and not whole)
    return f'{text[:-1]},{",".join(parts)},"cut":{cut}}}'


def _waiver(own: Any) -> dict[str, Any]:
    return {
        **waivers.brief(own),
        "reason": own.reason,
        "approved_by": own.approved_by,
        "where": str(own.where),
    }
