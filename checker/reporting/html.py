"""`html`: one page for auditors. No request, no script but its own, and readable without that one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any, TextIO

from checker import instants, values
from checker.compare.trend import run_gaps
from checker.judgement.change_summary import causes_of_new, numbers_text
from checker.judgement.run import RuleResult, Run
from checker.model import Category, Outcome
from checker.reporting import (
    change,
    condition_text,
    finding_list,
    finding_text,
    overview,
    page_frame,
    run_text,
    trend,
    trend_page,
    waivers,
)
from checker.reporting.control_matrix import control_results, worst_verdict
from checker.reporting.finding_list import FindingRow
from checker.reporting.page_document import page_document
from checker.reporting.report_options import Options
from checker.reporting.rule_details import rule_totals
from checker.waivers.status import coverage_text, day, days_left

_DATA_HERE = "\x00data\x00"
"""Where the template has the findings: no text that it prints can be that."""
_OTHERS_HERE = "\x00others\x00"
"""Where it says what became of those that are not in plain HTML, which is known once the others are."""
_LONGEST_NUMBER = f"{finding_list.MOST_HELD:,}"
_ANCHORS_HERE = "\x00anchors\x00"
"""Where it has the anchors of links into the list of findings."""
_LINK, _ANCHOR = re.compile(r' href="#(findings\?[^"]*)"'), re.compile(r' id="(findings\?[^"]*)"')
STYLES = ("page.css", "findings.css")
SCRIPTS = ("ids.js", "findings-data.js", "findings-search.js", "findings-view.js", "page.js")
_OUTCOMES = {
    Outcome.PASSED: ("pass", "Gate passed"),
    Outcome.VIOLATION: ("fail", "Gate failed"),
    Outcome.INCOMPLETE: ("unknown", "Gate undecided"),
}


def write(run: Run, out: TextIO, options: Options) -> None:
    """The page; of the findings it holds as many as fit beside the rest, and says where the others are."""
    from markupsafe import escape

    held = finding_list.held_findings(run, show_phi=options.show_phi)
    rows = finding_list.finding_rows(run, held)
    text = _with_anchors(page_frame.fill("html/report.html.jinja", _context(run, rows, options)))

    def others(number: int) -> str:
        return escape(page_frame.page_text(finding_list.others_text(run, rows, number, _elsewhere(options))))

    longest = text.replace(_OTHERS_HERE, others(0) + _LONGEST_NUMBER)
    left = finding_list.MOST_BYTES - len(longest.encode("utf-8", "replace"))
    document = page_document(run, held, left, _elsewhere(options))
    before, after = text.replace(_OTHERS_HERE, others(document.rows)).split(_DATA_HERE)
    out.write(before)
    out.write(document.text)
    out.write(after)


def _with_anchors(text: str) -> str:
    """A page in which each link to some of the findings leads to their list without scripts too."""
    there = set(_ANCHOR.findall(text))
    names = dict.fromkeys(name for name in _LINK.findall(text) if name not in there)
    return text.replace(_ANCHORS_HERE, "".join(f'<span id="{name}"></span>' for name in names), 1)


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


def _context(run: Run, rows: Sequence[FindingRow], options: Options) -> dict[str, Any]:
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
        **overview.context(run, show_phi=options.show_phi),
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
        **_findings(run, rows),
        **_history(run),
        "unread": list(islice(run.unread(), overview.MOST_UNREADABLE)),
        "elsewhere": _elsewhere(options),
        **page_frame.frame(STYLES, SCRIPTS),
        "anchors": page_frame.inline(_ANCHORS_HERE),
        "data": page_frame.inline(_DATA_HERE),
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
        "since_words": change.counts(since.numbers) if since else [],
        "change_text": numbers_text(since.numbers, []) if since else "",
        "tones": change.TONES,
        "listed": change.LISTED,
        **trend_page.words(),
        "new": Category.NEW,
        "new_causes": causes_of_new(since) if since else [],
        "first_seen": lambda item: (
            finding_text.since(item.first_seen, item.first_run, run.as_of) if item.first_seen else ""
        ),
        "judged": {rule_result.rule.name for rule_result in run.judged},
        "trend": points,
        "courses": trend.courses(points),
        "gaps": run_gaps(points),
        "iso": instants.iso,
    }


def _findings(run: Run, rows: Sequence[FindingRow]) -> dict[str, Any]:
    """The list of findings in plain HTML, and the numbers of its filters."""
    shown = {finding.rule.name for row in rows for finding in (row.others or [row.finding])}
    unshown = [
        (name, fail + unknown + waived)
        for name, _, _, fail, unknown, waived, *_ in rule_totals(run)
        if name not in shown
    ]
    return {
        "rows": rows,
        "rows_shown": finding_list.static_total(rows),
        "row_total": finding_list.finding_total(run),
        "others": page_frame.inline(_OTHERS_HERE),
        "unshown": unshown,
    }


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
