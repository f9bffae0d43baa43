"""A trend sums up manifests, of earlier versions of the program too, and says where runs are missing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checker.compare.trend import run_gaps, run_summaries, run_summary
from checker.model import Category, Severity
from checker.reporting import trend as report
from checker.values import parse_time

START = parse_time("2026-01-05T12:00:00Z")


def manifest(at=START, **more):
    tally = {"subjects": 10, "passed": 4, "fail": 3, "waived": 1, "unknown": 2, "not_applicable": 0}
    rules = [
        {"rule": "p/a", "severity": "low", **tally},
        {"rule": "p/b", "severity": "critical", **tally, "fail": 1},
        {"rule": "p/c", "severity": "low", **tally, "fail": 5},
    ]
    coverage = {"expected": 10, "not_found": 0, "unreadable": 0, "unreadable_targets": 0}
    summary = {"coverage": coverage, "rules": rules, "severities": {}} | more.pop("summary", {})
    as_of = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"run": f"run {as_of}", "as_of": as_of, "outcome": "violation", "summary": summary} | more


def runs(*hours):
    return run_summaries(manifest(START + timedelta(hours=number)) for number in hours)


def test_fails_are_added_up_by_severity_the_worst_first():
    found = run_summary(manifest()).severities
    assert {severity: tally.fail for severity, tally in found.items()} == {
        Severity.CRITICAL: 1,
        Severity.LOW: 8,
    }
    assert list(found) == [Severity.CRITICAL, Severity.LOW]
    assert [course.name for course in report.courses(runs(0, 1))] == ["critical", "low", "unknown"]


def test_a_manifest_of_an_earlier_version_says_what_changed_in_all():
    old = run_summary(manifest(summary={"change": {"new": 2, "persisting": 3}}))
    assert (old.change, old.numbers) == ({Category.NEW: 2, Category.PERSISTING: 3}, None)
    assert report.change_text(old) == "2 new, 3 persisting"
    new = run_summary(
        manifest(
            summary={"change": {"new": 2, "persisting": 3}},
            change_by_severity={"critical": {"new": 2, "persisting": 1}, "low": {"persisting": 2}},
            baseline={"run": "before"},
        )
    )
    assert new.numbers.totals == new.change
    assert new.compared == "before"
    assert report.change_text(new) == "2 new (critical), 3 persisting (critical 1, low 2)"
    assert report.change_text(run_summary(manifest())) == ""


@pytest.mark.parametrize(
    "change", [{"grave": {"new": 1}}, {"low": {"gone": 1}}, {"low": {"new": "many"}}, {"low": 3}, [1]]
)
def test_a_manifest_that_cannot_be_read_is_left_out(change):
    assert run_summary(manifest(change_by_severity=change)) is None


@pytest.mark.parametrize(
    ("hours", "gaps"),
    [
        ((), []),
        ((0,), []),
        # of two runs nothing is usual, and of three neither
        ((0, 24), []),
        ((0, 24, 240), []),
        ((0, 24, 48, 240), [(192, 7)]),
        ((0, 24, 48, 72, 113), []),
        ((0, 24, 48, 72, 114), [(42, 1)]),
        # at each commit: some come soon, some late
        ((0, 1, 9, 10, 30, 32, 70), []),
        # every few minutes
        ((0, 0.1, 0.2, 0.3, 9), []),
    ],
)
def test_runs_are_missing_where_they_come_regularly(hours, gaps):
    found = run_gaps(runs(*hours))
    assert [(gap.length / timedelta(hours=1), gap.number) for gap in found] == gaps


def test_a_time_without_runs_is_told_and_drawn():
    found = runs(0, 168, 336, 840)
    (gap,) = run_gaps(found)
    sentence = "No run for 21 days, from 2026-01-19 to 2026-02-09; usually there is one every 7 days."
    assert report.gap_text(gap) == sentence
    course = report.courses(found)[0]
    assert [slot.number for slot in course.slots] == [1, 1, 1, None, None, 1]
    assert course.label == "Critical: 1, 1, 1, no run for 21 days, 1"
    assert report.sparkline([slot.number for slot in course.slots]) == "███··█"


def test_a_run_that_did_not_read_everything_may_have_more():
    coverage = {"expected": 10, "not_found": 0, "unreadable": 2, "unreadable_targets": 1}
    run = run_summary(manifest(summary={"coverage": coverage}))
    assert run.partial
    assert (
        report.partial_text(run) == "2 image sets could not be read and 1 target could not be read or listed"
    )
    assert report.courses([run])[0].slots[0].text == "1 or more, as not everything was read"
