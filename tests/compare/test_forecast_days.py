"""What time alone changes, by day and severity."""

from __future__ import annotations

from datetime import date

from checker.compare.forecast_days import ForecastNumbers, forecast_days, forecast_numbers
from checker.compare.state_changes import StateChangeCount
from checker.evaluation.finding_states import FindingState
from checker.model import Severity, Verdict
from checker.reporting.forecast import forecast_text
from checker.values import parse_date, parse_time
from tests.judgement.compared_runs import waiver

PASS, FAIL, UNKNOWN = (FindingState(verdict) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN))
WAIVED = FindingState(Verdict.FAIL, waived=True)


def count(at, before, after, number=1):
    return StateChangeCount(parse_time(at), 0, before, after, False, number)


def test_a_finding_comes_goes_or_only_another_verdict_changes():
    found = forecast_numbers(
        [
            (Severity.HIGH, count("2026-01-01T00:00:00Z", PASS, FAIL, 3)),
            (Severity.HIGH, count("2026-01-01T00:00:00Z", WAIVED, FAIL)),
            (Severity.LOW, count("2026-01-02T00:00:00Z", PASS, UNKNOWN)),
            (Severity.LOW, count("2026-01-02T00:00:00Z", FAIL, PASS, 2)),
            (Severity.LOW, count("2026-01-03T00:00:00Z", PASS, WAIVED)),
            (Severity.LOW, count("2026-01-03T00:00:00Z", FAIL, UNKNOWN, 4)),
            (Severity.LOW, count("2026-01-03T00:00:00Z", UNKNOWN, FAIL)),
        ]
    )
    assert found == ForecastNumbers({Severity.HIGH: 4, Severity.LOW: 2}, {Severity.LOW: 2}, 5)
    assert found.severities == [Severity.HIGH, Severity.LOW]
    assert forecast_text(found) == (
        "6 findings (high 4, low 2) come, 2 findings (low) go, 5 other verdicts change"
    )
    assert forecast_text(ForecastNumbers({Severity.LOW: 1}, {Severity.LOW: 1}, 1)) == (
        "1 finding (low) comes, 1 finding (low) goes, 1 other verdict changes"
    )
    assert forecast_text(ForecastNumbers()) == ""


def test_days_have_what_changes_and_which_waivers_are_over():
    counts = [
        (Severity.HIGH, count("2026-01-01T00:00:00Z", PASS, FAIL)),
        (Severity.HIGH, count("2026-01-01T23:59:59Z", PASS, FAIL)),
        (Severity.LOW, count("2026-01-03T00:00:00Z", FAIL, PASS)),
    ]
    ended = [waiver(expires=parse_date(day)) for day in ("2026-01-02", "2026-01-04")]
    days = forecast_days(counts, ended)
    assert [item.day for item in days] == [date(2026, 1, day) for day in (1, 3, 5)]
    assert [item.change.come for item in days] == [{Severity.HIGH: 2}, {}, {}]
    assert [len(item.ended) for item in days] == [0, 1, 1]
