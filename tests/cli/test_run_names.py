"""Runs are named alike in every command, in the store that the audit.yaml of the present folder names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.cli import main
from cli.waiver_runs import AUDIT, FORCED, SETS, keep_run
from tests.copies import copied

WAIVE = [
    "--reason",
    "r",
    "--owner",
    "o",
    "--approved-by",
    "a",
    "--expires",
    "2026-02-01",
    "--created",
    "2026-01-02",
]
WAIVERS = f"""\
version: 1
waivers:
  - rule: p/forced
    image_sets: [{FORCED}]
    reason: r
    owner: o
    approved_by: a
    created: 2026-01-02
    expires: 2026-02-01
"""


kept_runs = copied(lambda folder: [keep_run(folder, sets).removeprefix("runs/") for sets in (SETS, SETS[:1])])


@pytest.fixture
def runs(kept_runs, tmp_path, monkeypatch, capsys):
    """Two runs of one audit: their names."""
    monkeypatch.chdir(tmp_path)
    first, second = kept_runs(tmp_path)
    Path("audit.yaml").write_text(AUDIT)
    Path("waivers.yaml").write_text(WAIVERS)
    capsys.readouterr()
    return first, second


def told(capsys, *arguments):
    code = main(list(arguments))
    return (code, *capsys.readouterr())


COMMANDS = {
    "diff": ["diff", "RUN", "latest", "--report", "json=-"],
    "report": ["report", "RUN", "--report", "json=-"],
    "forecast": ["forecast", "RUN", "--json"],
    "verify": ["verify", "RUN", "--json"],
    "explain": ["explain", "p/forced", FORCED, "--evidence", "RUN", "--json"],
    "check": ["check", "--evidence", "RUN", "--report", "json=-"],
    "check with a policy": ["check", "-p", "p.yaml", "--evidence", "RUN", "--report", "json=-"],
    "check with a baseline": ["check", "--evidence", "latest", "--baseline", "RUN", "--report", "json=-"],
    "waive": ["waive", "p/forced", "--all", "--file", "w.yaml", "--evidence", "RUN", *WAIVE],
    "waivers check": ["waivers", "check", "--evidence", "RUN"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_every_way_to_name_a_run(runs, capsys, tmp_path, command):
    ways = [f"runs/{runs[0]}", runs[0][:-1], "latest~1"]
    answers = []
    for way in ways:
        (tmp_path / "w.yaml").unlink(missing_ok=True)
        (tmp_path / "waivers.yaml").write_text(WAIVERS)
        answers.append(told(capsys, *(way if item == "RUN" else item for item in COMMANDS[command])))
    assert answers[0][0] in (0, 1, 3), answers[0]
    assert answers[0][2].count("error") == 0
    assert [answer == answers[0] for answer in answers] == [True] * len(ways)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_alike_that_there_is_no_such_run(runs, capsys, command):
    code, out, err = told(capsys, *("20x" if item == "RUN" else item for item in COMMANDS[command]))
    assert (code, out) == (2, "")
    assert "20x: error: there is no such run in runs" in err


def test_diff_alone_compares_the_last_two(runs, capsys):
    assert told(capsys, "diff") == told(capsys, "diff", *(f"runs/{run}" for run in runs))
    assert told(capsys, "diff")[0] == 0


def test_trend_and_verify_alone_are_of_the_store_of_audit_yaml(runs, capsys):
    code, out, _ = told(capsys, "trend", "--json")
    assert (code, [run["run"] for run in json.loads(out)["runs"]]) == (0, sorted(runs))
    assert told(capsys, "trend", "--json") == told(capsys, "trend", "runs", "--json")
    code, out, _ = told(capsys, "verify", "--json")
    assert (code, sorted(load["run"] for load in json.loads(out))) == (0, sorted(runs))


def test_report_forecast_and_waive_take_the_latest_run_unless_told(runs, capsys):
    assert told(capsys, "report") == told(capsys, "report", f"runs/{runs[1]}")
    assert told(capsys, "forecast") == told(capsys, "forecast", f"runs/{runs[1]}")
    assert "the run has no fail" in told(capsys, "waive", "p/forced", FORCED, *WAIVE)[2]


def test_an_audit_yaml_of_another_name_says_where_runs_are_too(runs, capsys):
    Path("audit.yaml").rename("other.yaml")
    for command in (["diff"], ["trend"], ["verify"], ["report"], ["forecast"]):
        assert told(capsys, *command, "-c", "other.yaml")[::2] == (0, "")


def test_without_audit_yaml_a_name_says_what_is_missing(runs, capsys):
    Path("audit.yaml").unlink()
    for command in (["diff"], ["report"], ["forecast"], ["verify", "latest"]):
        code, _, err = told(capsys, *command)
        assert code == 2
        assert "`runs:` in audit.yaml lets a run be named by" in err
    for command in (["trend"], ["verify"]):
        assert "nothing says where the runs are" in told(capsys, *command)[2]
    code, out, _ = told(
        capsys, "check", "-p", "p.yaml", "--evidence", "latest", "--runs", "runs", "--report", "json=-"
    )
    assert json.loads(out)["run"]["id"]


def test_the_baseline_may_be_named_by_its_place_where_runs_are_kept(runs, capsys):
    given = [
        "check",
        "-p",
        "p.yaml",
        "--image-sets",
        "sets.json",
        "--complete",
        "--as-of",
        "2026-01-03",
        "--runs",
        "runs",
    ]
    _, out, _ = told(capsys, *given, "--baseline", "previous", "--report", "json=-")
    assert json.loads(out)["summary"]["since"]["run"] == runs[0]
    _, out, _ = told(capsys, *given, "--baseline", f"runs/{runs[1]}", "--report", "json=-")
    assert json.loads(out)["summary"]["since"]["run"] == runs[1]
