"""`diff`, `trend` and `forecast` on run folders that `check` made."""

from __future__ import annotations

import json
import shutil

import pytest

from checker.cli import main
from checker.reporting import formats
from tests.copies import copied

STORE = "0123456789abcdef0123456789abcdef"
ONE, TWO = (f"{number:032}" for number in range(1, 3))
POLICY = """\
version: 1
pack: p
rules:
  - id: young
    title: Young
    severity: high
    deny: {createdAt: {older_than: $age}}
params: {age: {type: duration, default: 30d}}
"""
CONFIG = """\
version: 1
name: recorded
policies: [policy.yaml]
runs: runs
params: {p.age: AGE}
targets:
  - {name: recorded, region: us-east-1, datastore: "0123456789abcdef0123456789abcdef", image_sets: [18f88ac7870584f58d56256646b4d92b]}
"""
FIRST, SECOND, THIRD = "2026-01-10", "2026-02-20", "2026-02-25"


def keep_three(folder):
    """Three runs: the middle one fails by time, the last one is of another age limit."""
    (folder / "policy.yaml").write_text(POLICY)
    sets = [
        {
            "datastoreId": STORE,
            "imageSetId": item,
            "versionId": "1",
            "imageSetState": "ACTIVE",
            "createdAt": at,
        }
        for item, at in ((ONE, "2026-01-05T00:00:00Z"), (TWO, "2026-02-09T00:00:00Z"))
    ]
    (folder / "sets.json").write_text("\n".join(map(json.dumps, sets)))
    for as_of, age in ((FIRST, "30d"), (SECOND, "30d"), (THIRD, "90d")):
        given = ["-p", "policy.yaml", "--image-sets", "sets.json", "--as-of", as_of, "--param", f"age={age}"]
        main(["check", *given, "--runs", "runs", "-q"])
    return [f"runs/{run.name}" for run in sorted((folder / "runs").iterdir()) if run.is_dir()]


kept_runs = copied(keep_three)


@pytest.fixture
def runs(kept_runs, tmp_path, monkeypatch, capsys):
    """Their names, in the present folder."""
    monkeypatch.chdir(tmp_path)
    names = kept_runs(tmp_path)
    capsys.readouterr()
    return names


def told(capsys, *arguments):
    """The exit code, standard output and standard error."""
    code = main(list(arguments))
    return (code, *capsys.readouterr())


def test_diff_tells_time_from_policy(runs, capsys):
    code, out, _ = told(capsys, "diff", runs[0], runs[1], "--report", "json=-")
    assert code == 0
    (change,) = json.loads(out)["changes"]
    assert (change["imageSetId"], change["category"], change["causes"]) == (ONE, "new", ["clock"])
    _, out, _ = told(capsys, "diff", runs[1], runs[2], "--report", "json=-")
    (change,) = json.loads(out)["changes"]
    assert (change["imageSetId"], change["category"], change["causes"]) == (ONE, "fixed", ["policy"])


@pytest.mark.parametrize(
    ("document", "arguments"),
    [
        ("diff", ["diff", "FIRST", "SECOND"]),
        ("trend", ["trend", "runs"]),
        ("forecast", ["forecast", "FIRST"]),
    ],
)
def test_every_format_is_written_and_told(runs, capsys, tmp_path, document, arguments):
    names = formats(document)
    assert {"html", "json", "text"} <= set(names)
    asked = [part for name in names for part in ("--report", f"{name}=out/{name}")]
    arguments = [{"FIRST": runs[0], "SECOND": runs[1]}.get(item, item) for item in arguments]
    lines = "".join(f"{name:<8} out/{name}\n" for name in names)
    assert told(capsys, *arguments, *asked) == (0, lines, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)
    # what standard output has is that report alone
    _, out, _ = told(capsys, *arguments, "--report", "json=-", "--report", "text=out/again")
    assert out == (tmp_path / "out" / "json").read_text()
    assert (tmp_path / "out" / "again").read_text() == (tmp_path / "out" / "text").read_text()


@pytest.mark.parametrize("command", ["diff FIRST SECOND", "trend runs", "forecast FIRST"])
def test_a_report_is_written_to_a_place_of_its_own(runs, capsys, tmp_path, command):
    (tmp_path / "audit.yaml").write_text(CONFIG.replace("AGE", "30d"))
    arguments = command.replace("FIRST", runs[0]).replace("SECOND", runs[1]).split()
    for asked, said in (
        (["html=a.html", "json=a.html"], "a.html: error: this is the html report too"),
        (["json=-", "text=-"], "this is the json report too"),
        (["html=audit.yaml"], "audit.yaml: error: this is an input"),
        (["html=policy.yaml/x.html", "junit=a.xml"], "unknown format junit"),
        (["html"], "`html` names no file"),
    ):
        given = [part for text in asked for part in ("--report", text)]
        code, out, err = told(capsys, *arguments, *given)
        assert (code, out) == (2, "")
        assert said in err
        assert "help: " in err
    assert not (tmp_path / "a.html").exists()


def test_a_report_that_cannot_be_written_is_told_and_the_others_are_written(
    runs, capsys, tmp_path, monkeypatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("checker.reporting.forecast.json", full)
    asked = ["--report", "json=a.json", "--report", "html=a.html"]
    code, out, err = told(capsys, "forecast", runs[0], *asked)
    assert (code, out) == (4, "html     a.html\n")
    assert "a.json: error: the report could not be written" in err
    assert not (tmp_path / "a.json").exists()


def test_a_run_may_be_named_in_the_store_of_audit_yaml(runs, capsys, tmp_path):
    (tmp_path / "audit.yaml").write_text(CONFIG.replace("AGE", "30d"))
    names = [run.removeprefix("runs/") for run in runs]
    assert told(capsys, "diff", *names[:2])[1] == told(capsys, "diff", *runs[:2])[1]


def test_what_came_up_before_is_flapping(runs, capsys):
    shutil.rmtree(runs[2])
    given = ["-p", "policy.yaml", "--image-sets", "sets.json", "--runs", "runs", "-q"]
    for as_of in ("2026-01-11", "2026-02-21"):
        main(["check", *given, "--as-of", as_of])
    capsys.readouterr()
    out = told(capsys, "diff", "runs/" + _named("20260111"), "runs/" + _named("20260221"))[1]
    assert out.startswith("1 new, since time passed.")
    assert "pass -> fail; clock; flapping; first seen 2026-02-21" in " ".join(out.split())


def _named(day):
    from pathlib import Path

    return next(path.name for path in Path("runs").iterdir() if path.name.startswith(day))


def test_trend_reads_manifests_alone(runs, capsys, tmp_path):
    for file in (tmp_path / "runs").glob("*/*"):
        if file.is_file() and file.name != "manifest.json":
            file.unlink()
    code, out, _ = told(capsys, "trend", "runs", "--json")
    assert code == 0
    assert [run["total"]["fail"] for run in json.loads(out)["runs"]] == [0, 1, 0]
    assert "recorded: 2 runs" in told(capsys, "trend", "runs", "--last", "2")[1]


def test_forecast_says_when_the_gate_breaks(runs, capsys):
    code, out, _ = told(capsys, "forecast", runs[0], "--within", "60d")
    assert code == 0
    assert out.startswith("The gate says passed until 2026-02-04T00:00:00.001Z, then violation.\n")
    # another set fails in March; the last instant counts, and the one before it does not reach it
    _, out, _ = told(capsys, "forecast", runs[0], "--within", "24d", "--json")
    assert json.loads(out)["changes"] == []


def test_forecast_by_another_audit_yaml(runs, capsys, tmp_path):
    (tmp_path / "audit.yaml").write_text(CONFIG.replace("AGE", "10d"))
    _, out, _ = told(capsys, "forecast", runs[0], "-c", "audit.yaml")
    assert out.startswith("The gate says passed until 2026-01-15T00:00:00.001Z, then violation.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["diff", "nope", "nope"], "there is no such run folder"),
        (["diff", "runs", "runs"], "this folder holds runs"),
        (["diff", "a", "b", "--report", "pdf=x"], "unknown format pdf"),
        (["trend", "nope"], "there is no such folder"),
        (["trend", "runs", "--name", "recordet"], "there is no complete run of recordet"),
        (["forecast", "nope"], "there is no such run folder"),
        (["forecast", "RUN", "--within", "5m"], "a bare m may mean"),
        (["forecast", "RUN", "--within", "0s"], "leads nowhere"),
    ],
)
def test_what_cannot_be_is_said_at_once(runs, capsys, arguments, said):
    code, out, err = told(capsys, *(runs[0] if argument == "RUN" else argument for argument in arguments))
    assert (code, out) == (2, "")
    assert said in err


def test_an_altered_run_is_not_compared(runs, capsys, tmp_path):
    path = tmp_path / runs[0] / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b"2026-01-05", b"2026-01-06"))
    for arguments in (["diff", *runs[:2]], ["forecast", runs[0]]):
        code, _, err = told(capsys, *arguments)
        assert code == 2
        assert "records.jsonl" in err
