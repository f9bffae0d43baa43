import dataclasses
import io
import json
from pathlib import Path

import jsonschema
import pytest
from lenient_runs import hostile_waivers, lenient
from report_runs import (
    HOSTILE,
    NO_FORCE,
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
from checker.model import Coverage, Severity, Verdict
from checker.reporting import Options, writer
from checker.reporting.normal_form import finding_id

RUNS = (ordinary, clean_run, hostile, governed, stores_only, lenient, hostile_waivers)

SCHEMA = json.loads(
    Path(__file__).parents[2].joinpath("docs/results-1.schema.json").read_text(encoding="utf-8")
)


def written(run) -> str:
    out = io.StringIO()
    writer("json").write(run, out, Options())
    return out.getvalue()


def test_golden(golden):
    golden("results.json", written(ordinary()))


@pytest.mark.parametrize("run", RUNS)
def test_is_valid_by_the_published_schema(run):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(
        json.loads(written(run()))
    )


def test_the_schema_names_every_member_and_no_other():
    document, definitions = json.loads(written(ordinary())), SCHEMA["$defs"]
    assert list(document) == list(SCHEMA["properties"])
    assert list(document["run"]) == list(definitions["run"]["properties"])
    assert list(document["summary"]) == list(definitions["summary"]["properties"])
    assert list(document["summary"]["rules"][0]) == list(definitions["rule"]["properties"])
    assert list(document["findings"][0]) == list(definitions["finding"]["properties"])
    assert list(document["unreadable"][0]) == list(definitions["unreadable"]["properties"])


def test_counts_add_up():
    document = json.loads(written(ordinary()))
    summary = document["summary"]
    assert summary["image_sets"] == summary["evaluated"] + summary["unreadable"]
    five = ("pass", "fail", "waived", "unknown", "not_applicable")
    for rule in summary["rules"]:
        assert sum(rule[name] for name in five) == rule["subjects"]
    assert len(document["findings"]) == summary["fail"] + summary["waived"] + summary["unknown"]


def test_one_finding_a_line_and_nothing_that_acts_on_a_terminal():
    text = written(hostile())
    assert sum('"verdict": ' in line for line in text.splitlines()) == 3
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert not set("\x7f\x9b\u202e\u2028\ud800") & set(text)
    assert json.loads(text)["findings"][0]["message"] == HOSTILE.replace("\ud800", "\ufffd")


def test_without_findings_the_lists_are_empty():
    document = json.loads(written(clean_run()))
    assert (document["findings"], document["unreadable"]) == ([], [])


def test_an_id_does_not_depend_on_severity_message_or_version():
    gate, item = Gate(), subject(1)
    loud = dataclasses.replace(NO_FORCE, severity=Severity.INFO, title="other", message="other")
    moved = dataclasses.replace(item, version_id=9, account=None)
    assert finding_id(NO_FORCE, item) == finding_id(loud, moved)
    pinned = dataclasses.replace(item, exact=True)
    different = [
        finding_id(NO_FORCE, item),
        finding_id(NO_FORCE, pinned),
        finding_id(NO_FORCE, dataclasses.replace(pinned, version_id=9)),
        finding_id(NO_FORCE, dataclasses.replace(item, target="b")),
        finding_id(NO_FORCE, dataclasses.replace(item, datastore_id="b")),
        finding_id(dataclasses.replace(NO_FORCE, id="b"), item),
        finding_id(NO_FORCE, subject(2)),
    ]
    assert len(set(different)) == len(different)
    run = run_of([(NO_FORCE, [found(NO_FORCE, item, Verdict.FAIL, gate)])], gate, Coverage(1))
    assert json.loads(written(run))["findings"][0]["id"] == different[0] == "36003840845ada70"


def test_findings_out_of_order_are_an_error_and_never_left_out():
    run = ordinary()
    later = dataclasses.replace(run, judged=run.judged[1:])
    first = dataclasses.replace(run, judged=run.judged[:1])
    for broken in (later, first):
        with pytest.raises(RuntimeError, match="out of order"):
            writer("html").write(_reading(broken, run), io.StringIO(), Options())


def _reading(run, other):
    class Other(type(run)):
        def _findings(self, *given, **more):
            return other._findings(*given, **more)

    return Other(**{field.name: getattr(run, field.name) for field in dataclasses.fields(run)})
