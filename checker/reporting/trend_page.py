"""The trend of an audit as a page: its last run, the course of its numbers, the change of the last run, every run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from checker import instants
from checker.compare.trend import RunSummary, Trend
from checker.judgement.gate_text import by_severity
from checker.model import Category, Outcome
from checker.problems import number_of
from checker.reporting import change, finding_text, page_frame, trend
from checker.reporting.report_options import Options

NONE = "\u2013"
TONES = {Outcome.PASSED: "pass", Outcome.VIOLATION: "fail"}


def write(document: Trend, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """A page without a script."""
    out.write(page_frame.fill("html/trend_page.html.jinja", _context(document)))


def words() -> dict[str, Any]:
    """What the templates of a trend call, on the page of a run too."""
    return {
        "gap_text": trend.gap_text,
        "partial_text": trend.partial_text,
        "changed_number": trend.changed_number,
        "changed_words": (Category.NEW, Category.FIXED),
    }


def _context(document: Trend) -> dict[str, Any]:
    last = document.runs[-1]
    return {
        **page_frame.frame(page_frame.COMPARE_STYLES),
        **words(),
        "name": document.name,
        "runs": document.runs,
        "gaps": document.gaps,
        "courses": trend.courses(document.runs),
        "state": TONES.get(last.outcome, "unknown"),
        "sentence": f"{trend.state_text(last)} in the {_which(document)}, as of {instants.iso(last.as_of)}.",
        "tiles": list(_tiles(last)),
        "remarks": list(_remarks(document)),
        "words": change.counts(last.numbers) if last.numbers else [],
        "change_text": trend.change_text,
        "iso": instants.iso,
    }


def _which(document: Trend) -> str:
    number = len(document.runs)
    return f"last of {number_of(number, 'run')}" if number > 1 else "only run"


def _tiles(last: RunSummary) -> Iterator[tuple[str, str, str, str]]:
    """In short: a tone, a number, what it counts, and more."""
    total, coverage = last.total, last.coverage
    fails = "fail" if total.fail == 1 else "fails"
    by = by_severity({severity: own.fail for severity, own in last.severities.items()})
    more = "; ".join(filter(None, (by, f"{total.waived:,} waived besides")))
    yield "fail" if total.fail else "pass", f"{total.fail:,}", fails, more
    unknowns = "unknown" if total.unknown == 1 else "unknowns"
    yield (
        "unknown" if total.unknown else "pass",
        f"{total.unknown:,}",
        unknowns,
        "that could not be found out",
    )
    read = f"of {coverage.expected:,} read"
    yield (
        "unknown" if last.partial else "pass",
        f"{coverage.evaluated:,}",
        read,
        trend.partial_text(last) or "image sets",
    )
    if last.change is None:
        yield "not_applicable", NONE, "new", "no earlier run to compare with"
    else:
        number = last.change.get(Category.NEW, 0)
        yield "fail" if number else "pass", f"{number:,}", "new", _new_by_severity(last)
    if last.oldest is None:
        none = "since when fails are open is not known" if total.fail else "no fail is open"
        yield "not_applicable", NONE, "oldest open fail", none
    else:
        days = finding_text.age_days(last.oldest, last.as_of)
        age = number_of(days, "day") if days else "under 1 day"
        yield "fail", age, "the oldest open fail", f"since {instants.iso(last.oldest)[:10]}"


def _new_by_severity(last: RunSummary) -> str:
    """`critical 1, high 2`, where the manifest says so."""
    if last.numbers is None:
        return "since the run before"
    new = {severity: own[Category.NEW] for severity, own in last.numbers.severities.items()}
    return by_severity(new) or "no finding is new"


def _remarks(document: Trend) -> Iterator[str]:
    last = document.runs[-1]
    if last.partial:
        yield f"The last run did not read everything: {trend.partial_text(last)}. There may be more fails than it found."
    for gap in document.gaps:
        yield trend.gap_text(gap)
    if any(run.hypothetical for run in document.runs):
        yield "Of hypothetical runs ages were measured against another instant than that of the run."
