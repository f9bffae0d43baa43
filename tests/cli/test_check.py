"""`check` over recorded answers, as a CI engineer uses it: exit codes, streams and files."""

import itertools
import json
import os
import subprocess
import sys

import junitparser
import pytest

from checker.cli import main
from tests.answers import STORE, answer
from tests.budgets import THOROUGH

HEALTHY = "18f88ac7870584f58d56256646b4d92b"
FORCED = "28f88ac7870584f58d56256646b4d92b"
UNREAD = "38f88ac7870584f58d56256646b4d92b"

POLICY = """\
version: 1
pack: p
params:
  window: {type: duration, default: 30d}
rules:
  - id: forced
    title: Not forced
    severity: high
    deny: {overrides.forced: true}
    message: "version {{ versionId }} was written with force"
    tags: [integrity]
  - id: age
    title: Not old
    severity: low
    deny: {createdAt: {older_than: $window}}
"""


SETS = {
    "healthy": [answer(HEALTHY, versionId="3")],
    "forced": [answer(HEALTHY, versionId="3"), answer(FORCED, versionId="3", overrides={"forced": True})],
    "unread": [
        answer(HEALTHY, versionId="3"),
        {"datastoreId": STORE, "imageSetId": UNREAD, "error": {"code": "ThrottlingException"}},
    ],
    "all": [
        answer(HEALTHY, versionId="3"),
        answer(FORCED, versionId="3", overrides={"forced": True}),
        {"datastoreId": STORE, "imageSetId": UNREAD, "error": {"code": "ThrottlingException"}},
    ],
    "none": [],
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    for name, sets in SETS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(sets))
    return tmp_path


def check(sets, *options):
    return main(["check", "-p", "p.yaml", "--image-sets", f"{sets}.json", "--as-of", "2026-01-02", *options])


@pytest.mark.parametrize(
    ("sets", "options", "code"),
    [
        ("healthy", [], 0),
        ("forced", [], 1),
        ("unread", [], 3),
        ("all", [], 1),
        ("none", [], 3),
        ("none", ["--fail-on", "never"], 3),
        ("forced", ["--fail-on", "critical"], 0),
        ("unread", ["--fail-on", "critical"], 3),
        ("forced", ["--fail-on", "never"], 0),
        ("forced", ["--skip-rule", "forced"], 0),
        ("forced", ["--rule", "p/age"], 0),
        ("forced", ["--rule", "age", "--param", "window=1h"], 1),
        ("forced", ["--tag", "integrity"], 1),
        ("healthy", ["--as-of", "2026-06-01"], 1),
        ("healthy", ["--as-of", "2026-06-01", "--param", "p.window=1y"], 0),
    ],
)
def test_the_exit_code_is_the_gates(sets, options, code):
    assert check(sets, *options) == code


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["check"], "audit.yaml: error: there is no audit.yaml here"),
        (["check", "-p", "p.yaml"], "add --image-sets FILE"),
        (["check", "--image-sets", "all.json"], "no policy to judge them by"),
        (["check", "-p", "q.yaml", "--image-sets", "all.json"], "did you mean p.yaml?"),
        (["check", "-c", "nope.yaml"], "nope.yaml: error: cannot be read"),
        (["check", "--reprot", "x"], "No such option"),
        (["chek"], "No such command"),
    ],
)
def test_wrong_arguments_are_invalid_and_say_what_to_do(options, message, capsys):
    assert main(options) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert not out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fail-on", "hihg"], "did you mean high?"),
        (["--rule", "forcd"], "did you mean forced?"),
        (["--tag", "integrty"], "did you mean integrity?"),
        (["--param", "windw=1d"], "did you mean"),
        (["--tag", "nope"], "tags are: integrity"),
        (["--param", "foo=1"], "parameters are: window"),
        (["--param", "window"], "write --param NAME=VALUE"),
        (["--param", "window=30"], "`30` is not a duration"),
        (["--as-of", "yesterday"], "`yesterday` is not a time"),
        (["--report", "pdf=x"], "unknown format pdf"),
        (["--report", "html"], "write --report FORMAT=PATH"),
        (["--report", "html=x", "--report", "json=x"], "this is the html report too"),
        (["--report", "html=p.yaml/x.html"], "p.yaml/x.html: error: "),
        (["--junit-passes", "some"], "it is one of: auto, full, aggregate, none"),
        (["--junit-skipped", "waved"], "did you mean waived?"),
        (["--junit-for", "gitlub"], "did you mean gitlab?"),
        (["--skip-rule", "forced", "--skip-rule", "age"], "no rule is left to run"),
        (["--evidence", "runs/x"], "there is no such run folder"),
        (["--evidence", "runs/x"], "does not go with --evidence"),
        (["--waivers", "w.yaml"], "cannot be read"),
        (["--new-only"], "what is new is known only where earlier runs are kept"),
        (["--sign", "no.pem", "--runs", "runs"], "cannot be read"),
        (["--runs", "p.yaml"], "p.yaml: error: cannot be read: it is no folder"),
    ],
)
def test_a_wrong_option_is_told_and_nothing_is_written(options, message, capsys, folder):
    before = sorted(folder.iterdir())
    assert check("all", *options) == 2
    assert message in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_every_wrong_option_is_told_at_once(capsys):
    check("all", "--fail-on", "x", "--as-of", "x", "--rule", "x", "--report", "x=y")
    assert capsys.readouterr().err.count("error: ") == 4


def test_reports_are_written_and_the_summary_goes_to_standard_output(capsys, folder):
    assert (
        check("all", "--report", "html=o/r.html", "--report", "junit=o/j.xml", "--report", "json=o/r.json")
        == 1
    )
    out, err = capsys.readouterr()
    assert out.startswith(
        "Gate failed: 1 fail (high) and 2 unknowns (high 1, low 1) at low or above. 0 fails below the gate, 0 waived, "
        "2 unknown (high 1, low 1); 2 of 3 listed image sets read.\n"
    )
    assert "o/j.xml" in out
    assert not err
    assert sorted(path.name for path in (folder / "o").iterdir()) == ["j.xml", "r.html", "r.json"]


def test_a_report_on_standard_output_is_alone_there(capsys):
    check("all", "--report", "json=-")
    results = json.loads(capsys.readouterr().out)
    assert results["summary"]["exit_code"] == 1


def test_quiet_says_nothing(capsys):
    assert check("all", "--quiet") == 1
    assert capsys.readouterr() == ("", "")


def gates_and_passes():
    """Each kind of image sets with each gate and with each way to list passes; under THOROUGH with both at once."""
    gates, ways = ("low", "high", "never"), ("full", "aggregate", "none")
    for number, sets in enumerate(SETS):
        for gate, way in itertools.product(range(3), range(3)):
            if THOROUGH or (gate + way + number) % 3 == 0:
                yield sets, gates[gate], ways[way]


@pytest.mark.parametrize(("sets", "fail_on", "passes"), list(gates_and_passes()))
def test_junit_is_red_exactly_when_the_exit_code_is(sets, fail_on, passes):
    code = check(sets, "--fail-on", fail_on, "--junit-passes", passes, "--report", "junit=j.xml")
    suites = list(junitparser.JUnitXml.fromfile("j.xml"))
    assert (code in (1, 3)) is any(suite.failures or suite.errors for suite in suites)
    assert any(suite.tests for suite in suites)


def test_counts_add_up_per_rule_and_over_all(folder):
    check("all", "--report", "json=r.json")
    summary = json.loads((folder / "r.json").read_text())["summary"]
    for rule in summary["rules"]:
        verdicts = ("pass", "fail", "waived", "unknown", "not_applicable")
        assert sum(rule[verdict] for verdict in verdicts) == rule["subjects"] == 3
    assert summary["image_sets"] == summary["evaluated"] + summary["unreadable"] == 3


def test_the_same_input_gives_the_same_bytes_in_any_time_zone(folder):
    names = ["r.json", "j.xml", "r.html"]
    seen = set()
    for zone in ("Asia/Tokyo", "America/St_Johns"):
        command = [sys.executable, "-m", "checker", "check", "-p", "p.yaml", "--image-sets", "all.json"]
        command += [
            "--as-of",
            "2026-01-02",
            "--report",
            "json=r.json",
            "--report",
            "junit=j.xml",
            "--report",
            "html=r.html",
        ]
        done = subprocess.run(command, env={**os.environ, "TZ": zone}, check=False, capture_output=True)
        assert done.returncode == 1, done.stderr
        seen.add(tuple((folder / name).read_bytes() for name in names))
    assert len(seen) == 1


def test_answers_come_from_standard_input():
    command = [sys.executable, "-m", "checker", "check", "-p", "p.yaml", "--image-sets", "-"]
    done = subprocess.run(
        command, input=json.dumps(SETS["forced"]), text=True, capture_output=True, check=False
    )
    assert done.returncode == 1


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m checker check -p p.yaml --image-sets all.json --report json=- | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert not done.stderr


def test_recorded_answers_need_neither_boto3_nor_http_nor_credentials():
    code = (
        "import sys; from checker.cli import main; "
        "code = main(['check', '-p', 'p.yaml', '--image-sets', 'all.json', '-q', '--report', 'junit=j.xml']); "
        "print(code, sorted({'boto3', 'botocore', 'urllib.request', 'http.client', 'ssl'} & set(sys.modules)))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout == "1 []\n", done.stderr


def test_a_bug_of_our_own_exits_70_without_a_traceback(monkeypatch, capsys):
    def broken(*_args, **_kwargs):
        raise KeyError("x")

    monkeypatch.setattr("checker.workflow.audit_execution.evaluate", broken)
    assert check("all") == 70
    err = capsys.readouterr().err
    assert "internal error" in err
    assert "Traceback" not in err


def test_a_report_that_cannot_be_written_never_hides_a_violation(monkeypatch, capsys, folder):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert check("forced", "--report", "json=r.json") == 1
    assert check("healthy", "--report", "json=r.json") == 4
    assert "r.json: error: the report could not be written" in capsys.readouterr().err
    assert not (folder / "r.json").exists()


def test_a_run_folder_holds_the_evidence_and_hashes_of_all_of_it(folder):
    import hashlib

    assert check("all", "--runs", "runs", "--report", "json=o/r.json") == 1
    (run,) = (folder / "runs").iterdir()
    manifest = json.loads((run / "manifest.json").read_text())
    files = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert files - {"manifest.json", "manifest.json.sha256"} == set(manifest["files"])
    assert {
        "records.jsonl",
        "image_sets.parquet",
        "findings.parquet",
        "policies/p.yaml",
        "reports/json/r.json",
    } <= files
    for name, expected in manifest["files"].items():
        assert hashlib.sha256((run / name).read_bytes()).hexdigest() == expected
    assert json.loads((folder / "o/r.json").read_text())["run"]["id"] == run.name


def test_a_second_run_gets_a_folder_of_its_own_and_names_the_first(folder):
    check("all", "--runs", "runs")
    check("all", "--runs", "runs")
    first, second = sorted((folder / "runs").iterdir())
    assert second.name == f"{first.name}-2"
    manifest = json.loads((second / "manifest.json").read_text())
    assert manifest["previous"][0]["run"] == first.name


def test_no_folder_is_written_unless_asked_for(folder):
    before = sorted(folder.iterdir())
    check("all")
    assert sorted(folder.iterdir()) == before


AUDIT = f"""\
version: 1
name: changed
policies: [p.yaml, controls.yaml]
rules:
  p/forced: {{severity: low, reason: Forced copies are reviewed weekly.}}
  p/age: {{off: Our archive is old.}}
targets:
  - {{name: a, region: us-east-1, datastore: "{STORE}", image_sets: [{HEALTHY}]}}
gate: {{fail_on: high}}
"""
CONTROLS = """\
version: 1
framework: house
controls:
  - {id: "1", title: Young, rules: [p/age]}
  - {id: "2", title: Unforced, rules: [{rule: p/forced, does_not_prove: Earlier versions are not seen.}]}
"""


def test_rules_of_audit_yaml_change_severities_and_switch_rules_off(folder, capsys):
    (folder / "audit.yaml").write_text(AUDIT)
    (folder / "controls.yaml").write_text(CONTROLS)
    given = ["check", "-c", "audit.yaml", "--image-sets", "forced.json", "--as-of", "2026-01-02"]
    assert main([*given, "--report", "json=r.json", "--runs", "runs"]) == 0
    out = capsys.readouterr().out
    assert "Changed    rule p/forced severity high -> low: Forced copies are reviewed weekly.\n" in out
    assert "Control    house 1 not satisfied: rule p/age was switched off: Our archive is old.\n" in out
    document = json.loads((folder / "r.json").read_text())
    assert [rule["id"] for rule in document["summary"]["rules"]] == ["forced"]
    assert [control["state"] for control in document["summary"]["controls"][0]["controls"]] == [
        "not_satisfied",
        "fail",
    ]
    assert [mapping["path"] for mapping in document["run"]["mappings"]] == ["controls.yaml"]
    assert [path.read_text() for path in folder.glob("runs/*/policies/controls/house.yaml")] == [CONTROLS]
    # what is changed is an input, so that the run has another name
    (folder / "audit.yaml").write_text(AUDIT.replace("p/forced: {severity: low", "p/forced: {severity: info"))
    assert main([*given, "--report", "json=r2.json"]) == 0
    assert json.loads((folder / "r2.json").read_text())["run"]["id"] != document["run"]["id"]


def test_a_severity_that_changes_nothing_is_a_warning(folder, capsys):
    (folder / "audit.yaml").write_text(AUDIT.replace("severity: low", "severity: high"))
    (folder / "controls.yaml").write_text(CONTROLS)
    given = ["check", "-c", "audit.yaml", "--image-sets", "healthy.json", "--as-of", "2026-01-02"]
    assert main(given) == 0
    assert "audit.yaml:5:24: warning: the severity of p/forced is high anyway" in capsys.readouterr().err
