"""results.json, results.ndjson, JUnit, the text and the exit code give the same numbers, by severity and by verdict."""

import io
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from lenient_runs import hostile_waivers, lenient
from lxml import etree
from report_runs import clean_run, governed, hostile, ordinary, stores_only

from checker.cli import main
from checker.judgement.gate import Gate
from checker.model import Severity
from checker.reporting import Options, writer
from tests.answers import answer, failure, image_set_id

FORMATS = ("json", "ndjson", "junit", "text")
RUNS = {
    **{run.__name__: run for run in (ordinary, clean_run, hostile, governed, stores_only, lenient, hostile_waivers)},
    "fail_on critical": lambda: ordinary(Gate(Severity.CRITICAL)),
    "fail_on never": lambda: ordinary(Gate(None)),
    "on_unknown ignore": lambda: ordinary(Gate(Severity.INFO, "ignore")),
    "on_unknown violation": lambda: ordinary(Gate(Severity.HIGH, "violation")),
}  # fmt: skip
_ROW = re.compile(r"^(info|low|medium|high|critical) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", re.MULTILINE)
_OUTCOME = re.compile(r"Outcome: (\w+) \(exit code (\d+)\)")
POLICY = """\
version: 1
pack: house
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
  - {id: first, title: First, severity: low, require: {versionId: 1}}
  - {id: active, title: Active, severity: critical, when: {isPrimary: true}, require: {imageSetState: ACTIVE}}
"""
WAIVED = {
    "rule": "house/unforced", "image_sets": [image_set_id(2)], "reason": "Compared.", "owner": "A", "approved_by": "B",
    "created": "2026-01-01", "expires": "2026-01-20",
}  # fmt: skip


def numbers_of_json(text):
    """Outcome and exit code, unread image sets that count, and of each severity fails, of these the gate's, unknowns, of these the
    gate's, and waived fails; and the same findings as the lists have them."""
    document = json.loads(text)
    return _numbers(document["summary"], document["findings"], document["unreadable"])


def numbers_of_ndjson(text):
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    (summary,) = (line["summary"] for line in lines if line["type"] == "summary")
    return _numbers(
        summary,
        *([line[kind] for line in lines if line["type"] == kind] for kind in ("finding", "unreadable")),
    )


def _numbers(summary, findings, unreadable):
    said = {
        item["severity"]: (
            item["fail"],
            item["gated"]["fail"],
            item["unknown"],
            item["gated"]["unknown"],
            item["waived"],
        )
        for item in summary["severities"]
    }
    listed = {severity: [0] * 5 for severity in said}
    for item in findings:
        own, fail = listed[item["severity"]], item["verdict"] == "fail"
        own[4 if fail and item["waived"] else 0 if fail else 2] += 1
        own[1 if fail else 3] += item["gated"]
    assert {severity: tuple(own) for severity, own in listed.items()} == said
    assert summary["gated"] == {
        "fail": sum(own[1] for own in said.values()),
        "unknown": sum(own[3] for own in said.values()),
    }
    assert sum(item["gated"] for item in unreadable) == summary["unreadable_gated"]
    return summary["outcome"], summary["exit_code"], summary["unreadable_gated"], said


def numbers_of_text(text):
    outcome, code = _OUTCOME.search(text).groups()
    return outcome, int(code), {row[0]: tuple(map(int, row[1:])) for row in _ROW.findall(text)}


def numbers_of_junit(text):
    """How many failures and errors there are of each severity, and of the image sets that were not read."""
    red, unread = Counter(), 0
    for suite in etree.fromstring(text.encode()):
        severity = suite.xpath("string(properties/property[@name='severity']/@value)")
        for kind in ("failure", "error"):
            found = len(suite.findall(f"testcase/{kind}"))
            assert found == int(suite.get(f"{kind}s"))
            red[severity, kind] += found
        unread += len(suite.xpath("testcase[starts-with(@name, 'image set ')]/error"))
    return red, unread


def hold_together(texts):
    outcome, code, unread, said = numbers_of_json(texts["json"])
    assert numbers_of_ndjson(texts["ndjson"]) == (outcome, code, unread, said)
    assert numbers_of_text(texts["text"]) == (outcome, code, said)
    red, alone = numbers_of_junit(texts["junit"])
    for severity, (_, fails, _, unknowns, _) in said.items():
        assert (red[severity, "failure"], red[severity, "error"]) == (fails, unknowns)
    assert alone == unread
    assert (sum(red.values()) > 0) == (code in (1, 3))
    return code


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("passes", ["full", "aggregate"])
def test_every_report_has_the_same_numbers(name, passes):
    run, texts = RUNS[name](), {}
    for kind in FORMATS:
        out = io.StringIO()
        writer(kind).write(run, out, Options(passes))
        texts[kind] = out.getvalue()
    assert hold_together(texts) == run.outcome.exit_code


@pytest.mark.parametrize(
    ("gate", "sets", "code"),
    [
        ({}, [1, 2, 3, 4, 5, 6], 1),
        ({"fail_on": "critical"}, [1, 2, 3, 4, 5, 6], 3),
        ({"fail_on": "critical", "on_unknown": "ignore"}, [1, 2, 3, 4], 0),
        ({"fail_on": "high", "max": {"high": 1}}, [1, 2, 3], 0),
        ({}, [1, 2], 0),
    ],
)
def test_what_check_writes_has_the_numbers_of_its_exit_code(tmp_path, monkeypatch, capsys, gate, sets, code):
    monkeypatch.chdir(tmp_path)
    forced = {"overrides": {"forced": True}}
    answers = {
        1: answer(image_set_id(1), isPrimary=True), 2: answer(image_set_id(2), **forced), 3: answer(image_set_id(3), **forced),
        4: answer(image_set_id(4), versionId="2"), 5: failure(image_set_id(5)), 6: answer(image_set_id(6), isPrimary=None),
    }  # fmt: skip
    Path("p.yaml").write_text(POLICY)
    Path("sets.json").write_text(json.dumps([answers[number] for number in sets]))
    Path("w.yaml").write_text(json.dumps({"version": 1, "waivers": [WAIVED]}))
    target = {"name": "t", "region": "us-east-1", "datastore": "0" * 32, "image_sets": [image_set_id(1)]}
    audit = {"version": 1, "policies": ["p.yaml"], "targets": [target], "gate": gate, "waivers": "w.yaml"}
    Path("audit.yaml").write_text(json.dumps(audit | {"reports": {kind: f"r.{kind}" for kind in FORMATS}}))
    given = ["-c", "audit.yaml", "--image-sets", "sets.json", "--as-of", "2026-01-05T00:00:00Z"]
    assert main(["check", *given]) == code
    texts = {kind: Path(f"r.{kind}").read_text(encoding="utf-8") for kind in FORMATS}
    assert hold_together(texts) == code
    assert numbers_of_text(capsys.readouterr().out) == numbers_of_text(texts["text"])
