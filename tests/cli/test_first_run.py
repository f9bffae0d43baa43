"""The first run of rules on earlier ones, from the shell: one unknown for the target and rule, in every output alike."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from checker.cli import main

STORE = "d" * 32
FIRST = "no earlier run yet; this one is the first"
POLICY = """\
version: 1
pack: p
rules:
  - id: risen
    title: No version falls
    severity: high
    when: {found: true, known: true, previous.found: true}
    require: {versionId - previous.versionId: {gte: 0}}
  - id: primary
    title: All are primary
    severity: low
    deny: {isPrimary: false}
"""


def answers(tmp_path, name, *numbers, version=2):
    sets = [
        {"datastoreId": STORE, "imageSetId": f"{number:032}", "versionId": str(version), "imageSetState": "ACTIVE", "isPrimary": True}
        for number in numbers
    ]  # fmt: skip
    (tmp_path / name).write_text("\n".join(map(json.dumps, sets)), encoding="utf-8")
    return name


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Checks recorded answers of image sets: the exit code, results.json and what was printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")

    def checked(name, as_of, *more):
        given = ["-p", "policy.yaml", "--image-sets", name, "--as-of", as_of, "--runs", "runs"]
        reports = ["--report", "json=o.json", "--report", "junit=o.xml", "--report", "html=o.html"]
        code = main(["check", *given, *reports, *more])
        return code, json.loads((tmp_path / "o.json").read_text(encoding="utf-8")), capsys.readouterr().out

    return checked


def runs(tmp_path):
    return [f"runs/{path.name}" for path in sorted((tmp_path / "runs").iterdir()) if path.is_dir()]


def test_the_first_run_has_one_unknown_and_every_output_says_so(check, tmp_path, capsys):
    code, results, out = check(answers(tmp_path, "a.json", *range(1, 41)), "2026-01-01")
    assert code == 3
    (finding,) = results["findings"]
    assert (finding["rule"], finding["imageSetId"], finding["reason"]) == ("risen", None, FIRST)
    assert finding["gated"]
    risen, primary = results["summary"]["rules"]
    assert (risen["subjects"], risen["unknown"], risen["pass"], risen["not_applicable"]) == (1, 1, 0, 0)
    assert (primary["subjects"], primary["pass"]) == (40, 40)
    assert (results["summary"]["image_sets"], results["summary"]["unknown"]) == (40, 1)
    assert results["summary"]["unreadable"] == 0
    assert out.count(FIRST) == 1
    suites = {item.get("name"): item for item in ET.parse(tmp_path / "o.xml").getroot()}
    assert (suites["p/risen"].get("tests"), suites["p/risen"].get("errors")) == ("1", "1")
    assert [case.get("name") for case in suites["p/risen"].iter("testcase")] == ["recorded"]
    assert suites["p/primary"].get("tests") == "40"
    assert (tmp_path / "o.html").read_text(encoding="utf-8").count(FIRST) >= 1
    assert main(["verify", *runs(tmp_path)]) == 0
    capsys.readouterr()


def test_the_gate_may_let_it_pass_and_it_stays_counted(check, tmp_path):
    (tmp_path / "waivers.yaml").write_text(
        "version: 1\nwaivers:\n  - {rule: p/risen, target: recorded, covers: unknown, reason: The first run., owner: o, "
        "approved_by: a, created: 2026-01-01, expires: 2026-01-31}\n",
        encoding="utf-8",
    )
    name = answers(tmp_path, "a.json", 1, 2, 3)
    code, results, _ = check(name, "2026-01-01", "--waivers", "waivers.yaml")
    assert code == 0
    assert results["summary"]["unknown"] == 1
    assert results["summary"]["outcome"] == "passed"


def test_the_first_real_diff_is_one_line_for_what_was_decided(check, tmp_path, capsys):
    check(answers(tmp_path, "a.json", *range(1, 41)), "2026-01-01")
    answers(tmp_path, "b.json", *range(1, 40))
    fallen = (tmp_path / "b.json").read_text(encoding="utf-8")
    answers(tmp_path, "b.json", 40, version=1)
    (tmp_path / "b.json").write_text(
        fallen + "\n" + (tmp_path / "b.json").read_text(encoding="utf-8"), encoding="utf-8"
    )
    code, results, _ = check("b.json", "2026-01-02")
    assert code == 1
    assert results["summary"]["rules"][0]["pass"] == 39
    assert main(["diff", *runs(tmp_path), "--report", "json=-"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert [(override["category"], override["imageSetId"]) for override in changes] == [
        ("new", f"{40:032}"),
        ("decided", None),
    ]


def test_explain_shows_each_image_set_and_where_it_is_counted(check, tmp_path, capsys):
    check(answers(tmp_path, "a.json", 1, 2), "2026-01-01")
    (run,) = runs(tmp_path)
    assert main(["explain", "risen", f"{1:032}", "--evidence", run]) == 0
    out = capsys.readouterr().out
    assert "p/risen: unknown" in out
    assert "counted    once for the target recorded" in out
    assert main(["explain", "risen", "recorded", "--evidence", run]) == 0
    assert "counted" not in capsys.readouterr().out


def test_an_audit_that_read_other_data_stores_is_no_earlier_run(check, tmp_path):
    check(answers(tmp_path, "a.json", 1, 2), "2026-01-01")
    other = answers(tmp_path, "b.json", 3, 4, 5)
    (tmp_path / other).write_text(
        (tmp_path / other).read_text(encoding="utf-8").replace(STORE, "e" * 32), encoding="utf-8"
    )
    code, results, _ = check("b.json", "2026-01-02")
    assert code == 3
    assert [(finding["imageSetId"], FIRST in finding["reason"]) for finding in results["findings"]] == [
        (None, True)
    ]
    assert results["summary"]["rules"][0]["not_applicable"] == 0
