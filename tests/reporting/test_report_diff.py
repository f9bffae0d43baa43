"""Comparisons, trends and forecasts as text, JSON, Markdown and HTML."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from rich.cells import cell_len

from checker.compare.diff import compare
from checker.compare.trend import Trend, run_summaries
from checker.judgement.change_summary import CAUSES, MEANINGS
from checker.reporting import Options, diff, diff_page, trend, writer
from checker.reporting.diff_page import cell
from checker.values import parse_date
from tests.judgement.compared_runs import FORCED, image_set, ran, rule, waiver

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert(1)</script> | `x` [a](javascript:b) *c* \x1b[31m\u202etxt @team"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    young = rule("young", deny={"createdAt": {"older_than": "30d"}}, severity="medium")
    old = ran(
        folder / "20260110T000000Z-00000001",
        [image_set(0, **FORCED), image_set(1), image_set(2, **FORCED), image_set(3, error="Throttled")],
        [rule(), young],
        waivers=[waiver(expires=parse_date("2026-01-31"))],
    )
    new = ran(
        folder / "20260310T000000Z-00000002",
        [image_set(0, **FORCED), image_set(1, **FORCED), image_set(3), image_set(4, error="Throttled")],
        [rule(), young],
        "2026-03-10T00:00:00Z",
        waivers=[waiver(expires=parse_date("2026-01-31"))],
    )
    return compare(old, new)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    said = rule(message=HOSTILE, title=HOSTILE, deny={"isPrimary": True})
    many = [image_set(number, isPrimary=number < 10) for number in range(12)]
    return compare(
        ran(folder / "a", [image_set(11, isPrimary=False)], [said]), ran(folder / "b", many, [said])
    )


def written(item, name, document="diff") -> str:
    out = io.StringIO()
    writer(name, document).write(item, out, Options())
    return out.getvalue()


@pytest.mark.parametrize(("name", "file"), [("text", "txt"), ("markdown", "md"), ("json", "json"), ("html", "html")])  # fmt: skip
def test_golden(golden, compared, name, file):
    text = written(compared, name)
    text = re.sub(r"<style>.*?</style>", "<style>STYLE</style>", text, flags=re.DOTALL)
    text = re.sub(r"'sha256-[^']+'", "'STYLE'", text)
    golden(f"diff.{file}", text)


@pytest.mark.parametrize("name", ["compared", "hostile"])
def test_json_is_as_its_schema_says(request, name):
    schema = json.loads((ROOT / "docs" / "diff-1.schema.json").read_text(encoding="utf-8"))
    item = request.getfixturevalue(name)
    document = json.loads(written(item, "json"))
    jsonschema.validate(document, schema)
    assert len(document["changes"]) == item.total
    listed = sum(
        number
        for key, number in document["summary"].items()
        if key not in ("rules", "severities", "persisting")
    )
    assert listed == item.total


def test_hostile_text_acts_nowhere(hostile):
    text = written(hostile, "text")
    assert all(c.isprintable() or c == "\n" for c in text)
    page = written(hostile, "html")
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    markdown = written(hostile, "markdown")
    assert "<script" not in markdown
    assert "](" not in markdown
    assert {line.count("|") for line in markdown.splitlines() if line.startswith("|")} == {3, 6, 7}
    assert "@team" not in cell(HOSTILE)


def test_a_page_asks_for_nothing_and_runs_nothing(compared):
    page = written(compared, "html")
    assert "default-src 'none'; style-src 'sha256-" in page
    assert not re.search(r"<(script|link|img|iframe)|\bon\w+=|https?://", page)


def test_a_page_and_the_text_show_the_first_and_say_how_many_there_are(hostile, monkeypatch):
    monkeypatch.setattr(diff_page, "LIST_SIZES", (4,))
    monkeypatch.setattr(diff, "MOST_CHANGES", 3)
    page = written(hostile, "html")
    assert "The first 4 of 10, the worst first; all of them: --report json=diff.json." in page
    assert page.count('<td role="cell" data-label="Subject"') == 4
    assert "... and 7 more" in written(hostile, "text")
    assert "And 7 more changes" in written(hostile, "markdown")


def test_every_word_of_the_reports_is_defined():
    assert list(MEANINGS) == list(type(next(iter(MEANINGS))))
    assert list(CAUSES) == list(type(next(iter(CAUSES))))
    page = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
    for word, meaning in (*MEANINGS.items(), *CAUSES.items()):
        assert f"| {word.value} | {meaning} |" in page


def facts(number, fails, **more):
    tally = {
        "subjects": 100,
        "passed": 100 - fails,
        "fail": fails,
        "waived": 0,
        "unknown": number,
        "not_applicable": 0,
    }
    rules = [{"rule": "p/r", "severity": "high", **tally}]
    coverage = {"expected": 100, "not_found": 0, "unreadable": number, "unreadable_targets": 0}
    summary = {"coverage": coverage, "rules": rules, "severities": {}}
    outcome = "violation" if fails else "passed"
    as_of = f"2026-{number + 1:02}-01T00:00:00Z"
    return {"run": f"run-{number}", "as_of": as_of, "outcome": outcome, "summary": summary} | more


def test_a_trend_is_what_manifests_say_oldest_first(golden):
    every = [facts(2, 5, hypothetical=True), facts(1, 0), facts(0, 40), {"run": "from before"}, facts(0, 7)]
    runs = run_summaries(every)
    assert [(run.run, run.total.fail, run.coverage.evaluated) for run in runs] == [
        ("run-0", 40, 100),
        ("run-1", 0, 99),
        ("run-2", 5, 98),
    ]
    golden("trend.txt", written(Trend("archive\x1b", runs), "text", "trend"))
    document = json.loads(written(Trend("archive", runs), "json", "trend"))
    assert [run["total"]["fail"] for run in document["runs"]] == [40, 0, 5]


def test_hostile_names_act_on_no_page_and_in_no_text_of_a_trend():
    runs = run_summaries(
        facts(number, 1, run=HOSTILE + str(number), baseline={"run": HOSTILE}) for number in range(3)
    )
    item = Trend(HOSTILE, runs)
    page, text = written(item, "html", "trend"), written(item, "text", "trend")
    assert "<script" not in page
    assert not {"\u202e", "\x1b"} & {*page, *text}
    assert "default-src 'none'; style-src 'sha256-" in page
    assert max(map(cell_len, text.splitlines())) <= 80


def test_numbers_of_any_size_fit_the_terminal(compared):
    many = replace(
        compared, counts=tuple(replace(count, number=count.number * 10**24) for count in compared.counts)
    )
    text = written(many, "text")
    assert max(map(cell_len, text.splitlines())) <= 80
    assert all(f"{number:,}" in text for number in many.numbers.totals.values())
    runs = run_summaries([facts(0, 10**24), facts(1, 3 * 10**24)])
    text = written(Trend("archive", runs), "text", "trend")
    assert max(map(cell_len, text.splitlines())) <= 80
    assert f"fail {10**24:,}" in text


def test_few_are_never_shown_as_none():
    assert trend.sparkline([0, 1, 1000, 500]) == "▁▂█▅"
    assert trend.sparkline([0, 0]) == "▁▁"
    assert trend.sparkline([]) == ""
