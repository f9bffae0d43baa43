"""What the script of a page reads: the findings as columns, what is told of their rules and image sets, and totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checker import instants
from checker.judgement.run import Run
from checker.model import Finding
from checker.reporting import waivers
from checker.reporting.escape import json_text
from checker.reporting.finding_list import finding_total
from checker.reporting.image_set_details import (
    MOST_HISTORIES,
    image_set_details,
    judged_rules,
    labels_of,
)
from checker.reporting.page_data import Packing, RuleFindings, pack
from checker.reporting.rule_details import rule_details, rule_totals

_TRIES = 4
"""How often it is tried to hold more findings, where not all fit."""
_CAUTION = 0.995
_EMPTY_DETAILS = 100
"""At least the bytes of details that tell nothing."""


@dataclass(frozen=True, slots=True)
class PageDocument:
    """A JSON text, and how many findings it holds."""

    text: str
    rows: int


def page_document(run: Run, held: Sequence[Finding], most_bytes: int, elsewhere: str) -> PageDocument:
    """As many of the findings as fit into so many bytes, those first that come first, then as much of what is told of image
    sets; `elsewhere` is what has all findings."""
    order = _groups(run, held)
    frame = _frame(run, elsewhere)
    packing, text = _fitted(run, order, frame, most_bytes - _EMPTY_DETAILS)
    number = packing.document["rows"]
    details = image_set_details(run, held[:number], packing)
    few = len(packing.sets) <= MOST_HISTORIES
    return PageDocument(_with_details(text, details, most_bytes, whole=few), number)


def _groups(run: Run, held: Sequence[Finding]) -> list[RuleFindings]:
    """Of each finding the group of its rule, which has the findings of that rule in their order."""
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
