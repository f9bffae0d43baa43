"""The findings of a page: those that it may hold, and the rows that it shows without a script.

A page holds all findings up to a number and a size. Above that it holds those that the gate counts, the worst first, then
the others, the worst first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from checker import instants
from checker.judgement.run import Run
from checker.model import Finding, Verdict
from checker.reporting import condition_text, finding_text, waivers
from checker.reporting.normal_form import finding_id
from checker.reporting.page_data import place_of

MOST_HELD = 100_000
MOST_STATIC = 100
MOST_BYTES = 4_950_000
"""Of a page: it stays under 5 MB."""
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


def static_total(rows: Sequence[FindingRow]) -> int:
    """How many findings rows in plain HTML stand for."""
    return sum(len(row.others) or 1 for row in rows)


def others_text(run: Run, rows: Sequence[FindingRow], held: int, elsewhere: str) -> str:
    """Where the findings are that are not in plain HTML, of a page that holds so many; empty where all of them are."""
    total = finding_total(run)
    left = total - static_total(rows)
    if not left:
        return ""
    if held < total:
        some = f"With scripts on, this page searches {held:,} of them, those that the gate counts first"
        return f"{some}; all are in {elsewhere}."
    others, are = ("The other one", "is") if left == 1 else (f"The other {left:,}", "are")
    return f"{others} {are} shown when scripts are on, and {are} in {elsewhere}."


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
        unread_title(len(entry), partial=finding_total(run) > MOST_HELD) if several else finding.rule.title,
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


def unread_title(rules: int, *, partial: bool) -> str:
    """What the row of an unread image set is called, of a part of the findings too."""
    said = "undecided rules are among these" if partial else "rules are undecided"
    return f"The image set could not be read: {rules:,} {said}"


def _since(finding: Finding, as_of: datetime) -> tuple[str, str]:
    if finding.first_seen is None:
        return "not known", ""
    days = finding_text.age_days(finding.first_seen, as_of)
    ago = "today" if days < 1 else "1 day" if days == 1 else f"{days:,} days"
    return instants.iso(finding.first_seen)[:10], ago
