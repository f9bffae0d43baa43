"""`html`: one page for auditors. No request, no script but its own, and readable without that one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any, TextIO

from checker import instants, values
from checker.judgement.change_summary import causes_of_new
from checker.judgement.run import RuleResult, Run
from checker.model import Category, Finding, Outcome, Verdict
from checker.package_data import folder
from checker.reporting import (
    change,
    condition_text,
    finding_text,
    normal_form,
    overview,
    page_data,
    run_text,
    trend,
    waivers,
)
from checker.reporting.control_matrix import control_results, worst_verdict
from checker.reporting.escape import json_text, shorten, visible
from checker.reporting.report_options import Options
from checker.reporting.templates import template
from checker.waivers.status import coverage_text, day, days_left

MOST_STATIC = 200
MOST_EMBEDDED = 100_000
MOST_BYTES = 4_400_000
"""For the embedded findings; with everything else the page stays under 5 MB."""
LONGEST = 2_000
_OUTCOMES = {
    Outcome.PASSED: ("pass", "Gate passed"),
    Outcome.VIOLATION: ("fail", "Gate failed"),
    Outcome.INCOMPLETE: ("unknown", "Gate undecided"),
}


def write(run: Run, out: TextIO, options: Options) -> None:
    """The page, streamed; of the findings it holds as many as fit, and says where the rest is."""
    out.writelines(template("html/report.html.jinja", _shown).generate(**_context(run, options)))


@dataclass(frozen=True, slots=True)
class RuleCard:
    """A rule as the page shows it."""

    judged: RuleResult
    expected: str
    state: str
    """Its worst verdict: fail, unknown, waived, pass, not_applicable."""
    uncounted: str
    """Why it counts none of its fails."""

    @property
    def link(self) -> str:
        """The end of links to the rule."""
        return self.judged.rule.name


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding in plain HTML."""

    id: str
    finding: Finding
    state: str
    headline: str
    note: str
    expected: str
    observed: list[tuple[str, str]]
    reason: str
    rests_on: str
    first_seen: tuple[str, str] | None
    first: bool
    """Whether it is its rule's first, so that links to the rule lead here."""


def findings_per_rule(totals: Sequence[int], most: int) -> list[int]:
    """How many of each rule's findings to take, so that many of one rule do not crowd out the others'."""
    taken = [0] * len(totals)
    left = most
    open_rules = [index for index, total in enumerate(totals) if total]
    while open_rules and left >= len(open_rules):
        part = min(left // len(open_rules), *(totals[index] - taken[index] for index in open_rules))
        for index in open_rules:
            taken[index] += part
        left -= part * len(open_rules)
        open_rules = [index for index in open_rules if taken[index] < totals[index]]
        if not part:
            break
    for index in open_rules[:left]:
        taken[index] += 1
    return taken


def _context(run: Run, options: Options) -> dict[str, Any]:
    style, script = _source("page.css"), _source("ids.js") + _source("page.js")
    rows, data = _findings(run, options)
    state, word = _OUTCOMES.get(run.outcome, ("unknown", f"Gate: {run.outcome}"))
    cards = [_card(run, judged) for judged in run.ranked]
    frameworks = control_results(run)
    return {
        "run": run,
        "as_of": instants.iso(run.as_of),
        "state": state,
        "outcome": word,
        "cards": cards,
        "frameworks": frameworks,
        **overview.context(run, frameworks, show_phi=options.show_phi),
        "changes": {item.rule.name: run_text.change(item) for item in run.criteria.changes},
        "controls_of": finding_text.controls,
        "nouns": run_text.subject_nouns(run),
        "count_of": finding_text.subjects,
        "subject_head": _subject_head(run),
        "caveats": run_text.caveats(run, show_phi=options.show_phi),
        "hypothetical": finding_text.HYPOTHETICAL,
        "unread_targets": run_text.unreadable_targets(run),
        "total": run.total,
        "gate": run_text.gate(run),
        "let_through": run_text.gate_effect(run),
        "rows": rows,
        "unshown": _unshown(run, rows),
        **_history(run),
        "row_total": data["total"],
        "unread": list(islice(run.unread(), overview.MOST_UNREADABLE)),
        "elsewhere": _elsewhere(options),
        "style": _inline(style),
        "script": _inline(script),
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "data": _inline(json_text(data, script=True)),
        "show": values.show,
    }


def _history(run: Run) -> dict[str, Any]:
    """Waivers, the change since the run compared with, the trend."""
    points, since = trend.points(run), run.change
    return {
        "waivers": waivers.waivers_by_urgency(run),
        "covered": coverage_text,
        "day": day,
        "days_left": days_left,
        "waiver_flags": waivers.flags,
        "moved": run_text.drift_text(run),
        "rests_on": run_text.answered_by(run),
        "traffic": run_text.traffic(run),
        "since": since,
        "since_words": change.counts(since),
        "tones": change.TONES,
        "new": Category.NEW,
        "new_causes": causes_of_new(since) if since else [],
        "first_seen": lambda item: (
            finding_text.since(item.first_seen, item.first_run, run.as_of) if item.first_seen else ""
        ),
        "judged": {rule_result.rule.name for rule_result in run.judged},
        "trend": points,
        "courses": trend.courses(run, points),
        "iso": instants.iso,
    }


def _findings(run: Run, options: Options) -> tuple[list[FindingRow], dict[str, Any]]:
    """The first findings in plain HTML, and as many as fit for the page's script."""
    rows: list[FindingRow] = []
    linked: set[str] = set()
    for finding in run.findings(MOST_STATIC, show_phi=options.show_phi):
        rows.append(_row(run, finding, first=finding.rule.name not in linked))
        linked.add(finding.rule.name)
    totals = [
        rule_result.tally.fail + rule_result.tally.waived + rule_result.tally.unknown
        for rule_result in run.ranked
    ]
    most = min(MOST_EMBEDDED, MOST_BYTES // page_data.ROW_COST)
    embedded = findings_per_rule(totals, most)
    places = {item.rule.name: place for place, item in enumerate(run.judged)}
    groups: list[page_data.PackedFindings] = []
    left, budget = sum(embedded), MOST_BYTES
    for number, (judged, found) in enumerate(run.findings_by_rule(show_phi=options.show_phi)):
        group = page_data.PackedFindings(judged.rule, places[judged.rule.name])
        # its part by number of findings, or all that the later rules' plainest findings leave over
        later = left - embedded[number]
        allowed = max(budget * embedded[number] // max(left, 1), budget - page_data.ROW_COST * later)
        for finding in islice(found, embedded[number]):
            group.add(finding, waivers.note(run, finding))
            if group.cost >= allowed:
                break
        left, budget = later, budget - group.cost
        if group.sets:
            groups.append(group)
    data = page_data.page_data(groups, sum(totals))
    data["waivers"] = {use.waiver.number: waivers.brief(use.waiver) for use in run.waivers}
    data["compared"] = run.change is not None
    data["as_of"] = instants.iso(run.as_of)
    return rows, data


def _unshown(run: Run, rows: Sequence[FindingRow]) -> list[tuple[str, int]]:
    """The rules of which plain HTML shows no finding, each with how many there are."""
    shown = {row.finding.rule.name for row in rows}
    others = [rule_result for rule_result in run.ranked if rule_result.rule.name not in shown]
    return [
        (rule_result.rule.name, number)
        for rule_result in others
        if (number := rule_result.tally.fail + rule_result.tally.waived + rule_result.tally.unknown)
    ]


def _row(run: Run, finding: Finding, *, first: bool) -> FindingRow:
    return FindingRow(
        normal_form.finding_id(finding.rule, finding.subject),
        finding,
        # a waived unknown stays unknown; its note says the rest
        "waived" if finding.waived and finding.verdict is Verdict.FAIL else finding.verdict.value,
        finding_text.headline(finding),
        waivers.note(run, finding),
        condition_text.expected(finding.rule),
        finding_text.observed(finding),
        finding_text.further_reason(finding),
        finding_text.rests_on(finding),
        finding_text.first_seen(finding, run.as_of),
        first,
    )


def _card(run: Run, judged: RuleResult) -> RuleCard:
    why_not = run_text.ungated_rule_reason(run, judged)
    return RuleCard(judged, condition_text.expected(judged.rule), worst_verdict(judged.tally), why_not)


def _subject_head(run: Run) -> str:
    """What the column of subjects is called: a version is one of an image set."""
    scopes = {rule_result.rule.scope for rule_result in run.judged}
    if "datastore" not in scopes:
        return "Image set"
    return "Data store" if scopes == {"datastore"} else "Image set or data store"


def _elsewhere(options: Options) -> str:
    path = options.siblings.get("json")
    return PurePath(path).name if path else "the JSON report (--report json=results.json)"


def _source(name: str) -> str:
    return (folder("reports") / "html" / name).read_text(encoding="utf-8")


def _inline(text: str) -> Any:
    """Text that is put into the page as it is: our own files, and JSON whose every `<` is escaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - neither comes from outside as HTML


def _hash(text: str) -> str:
    """How a Content-Security-Policy names an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _shown(text: str) -> str:
    return visible(shorten(text, LONGEST))
