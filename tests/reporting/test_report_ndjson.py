"""`ndjson`: what results.json has, as lines, read by others than what writes it."""

import io
import json
import tracemalloc
from dataclasses import replace

import duckdb
import pytest
from lenient_runs import hostile_waivers, lenient
from published_schemas import CLOSED_LINE, LINE, OPEN_LINE, RESULTS, nodes
from report_runs import (
    NO_FORCE,
    FakeRun,
    clean_run,
    found,
    governed,
    hostile,
    ordinary,
    run_of,
    stores_only,
    subject,
)

from checker.judgement.gate import Gate
from checker.model import Coverage, Verdict
from checker.reporting import Options, writer

RUNS = (ordinary, clean_run, hostile, governed, stores_only, lenient, hostile_waivers)
TYPES = ["run", "summary", "finding", "unreadable", "end"]


def written(run, kind: str = "ndjson") -> str:
    out = io.StringIO()
    writer(kind).write(run, out, Options())
    return out.getvalue()


def lines(run) -> list[dict]:
    return [json.loads(line) for line in written(run).split("\n")[:-1]]


def test_golden(golden):
    golden("results.ndjson", written(ordinary()))


@pytest.mark.parametrize("run", RUNS)
def test_each_line_is_valid_by_the_published_schema(run):
    for line in lines(run()):
        OPEN_LINE.validate(line)
        CLOSED_LINE.validate(line)


def test_the_schema_describes_each_type_of_line_and_takes_its_form_from_that_of_results():
    assert LINE["properties"]["type"]["examples"] == TYPES
    assert list(LINE["properties"]) == ["type", "schema", *TYPES]
    assert [name for node in nodes(LINE) for name, item in node.get("properties", {}).items() if not item.get("description")] == []  # fmt: skip
    for kind in TYPES[:-1]:
        assert LINE["properties"][kind]["$ref"] == f"{RESULTS['$id']}#/$defs/{kind}"


def test_readers_take_lines_and_members_of_a_later_version_and_nothing_else():
    first, second, finding, *_ = lines(ordinary())
    later = first | {"run": first["run"] | {"of_a_later_version": 1}}
    for line in ({"type": "of a later version", "more": 1}, first | {"more": 1}, later):
        OPEN_LINE.validate(line)
    assert not CLOSED_LINE.is_valid(first | {"more": 1})
    assert not CLOSED_LINE.is_valid(later)
    wrong = [
        {"finding": finding["finding"]},
        first | {"run": first["run"] | {"id": None}},
        first | {"schema": "imageset-checker/results-ndjson/2"},
        {name: item for name, item in first.items() if name != "schema"},
        second | {"type": "finding"},
        finding | {"finding": finding["finding"] | {"arn": 1}},
        {"type": "end", "end": {}},
    ]
    assert [line for line in wrong if OPEN_LINE.is_valid(line)] == []


@pytest.mark.parametrize("run", RUNS)
def test_the_lines_put_together_are_results_json(run):
    run = run()
    document, every = json.loads(written(run, "json")), lines(run)
    content = {kind: [line[kind] for line in every if line["type"] == kind] for kind in TYPES}
    assert [line["type"] for line in every] == [kind for kind in TYPES for _ in content[kind]]
    assert every[0]["schema"] == "imageset-checker/results-ndjson/1"
    assert content["run"] == [document["run"]]
    assert content["summary"] == [document["summary"]]
    assert content["finding"] == document["findings"]
    assert content["unreadable"] == document["unreadable"]
    assert content["end"] == [{"lines": {kind: len(content[kind]) for kind in TYPES[:-1]}}]


def test_another_reader_counts_what_the_summary_says(tmp_path):
    run = ordinary()
    (tmp_path / "results.ndjson").write_text(written(run), encoding="utf-8")
    rows = duckdb.read_json(str(tmp_path / "results.ndjson"), format="newline_delimited", sample_size=-1)
    findings = rows.filter("type = 'finding'").select("unnest(finding)")
    said = dict(findings.aggregate("verdict || waived, count(*)").fetchall())
    total = run.total
    assert said == {"failfalse": total.fail, "failtrue": total.waived, "unknownfalse": total.unknown}
    counted = findings.filter("gated").aggregate("verdict, severity, count(*)").fetchall()
    totals = {
        (word, item.severity.value): getattr(item, f"gated_{word}")
        for item in run.totals
        for word in ("fail", "unknown")
    }
    assert {(word, severity): number for word, severity, number in counted} == {
        key: number for key, number in totals.items() if number
    }
    ids = [item["id"] for item in json.loads(written(run, "json"))["findings"]]
    assert [row[0] for row in findings.select("id").fetchall()] == ids


@pytest.mark.parametrize("run", [hostile, hostile_waivers])
def test_lines_hold_nothing_that_ends_a_line_or_acts_on_a_terminal(run):
    text = written(run())
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert not set("\x7f\x85\x9b\u202e\u2028\u2029\ud800") & set(text)
    assert len(text.splitlines()) == text.count("\n")


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_a_finding_is_forgotten_once_it_is_written(kind):
    """Memory does not grow with their number: a report of 3,000 takes what one of 300 does."""
    small, large = _peak(kind, 300), _peak(kind, 3_000)
    assert large < small + 200_000


def _peak(kind: str, number: int) -> int:
    template = found(NO_FORCE, subject(1), Verdict.FAIL, Gate()).finding

    class Long(FakeRun):
        def _findings(self, *given, **more):
            return (replace(template, subject=subject(place)) for place in range(number))

    run = run_of([(NO_FORCE, [])], Gate(), Coverage(0))
    run = Long(**{name: getattr(run, name) for name in run.__dataclass_fields__})
    tracemalloc.start()
    try:
        writer(kind).write(run, _Nowhere(), Options())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
