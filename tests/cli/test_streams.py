"""Closed, full and broken streams and paths: none of them hides a verdict or reads as a violation."""

import json
import subprocess
import sys

import pytest

from checker.cli import main
from tests.answers import STORE, answer

FORCED, CLEAN = "2" * 32, "3" * 32
POLICY = (
    "version: 1\npack: p\nrules:\n  - {id: r, title: t, severity: high, deny: {overrides.forced: true}}\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "bad.json").write_text(json.dumps(answer(FORCED, overrides={"forced": True})))
    (tmp_path / "good.json").write_text(json.dumps(answer(CLEAN)))
    return tmp_path


def shell(command, timeout=30):
    line = command.replace("IC", f"{sys.executable} -m checker")
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=timeout)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("IC check -p p.yaml --image-sets bad.json > /dev/full", 1),
        ("IC check -p p.yaml --image-sets good.json > /dev/full", 4),
        ("IC check -p p.yaml --image-sets bad.json >&-", 1),
        ("IC check -p p.yaml --image-sets good.json >&-", 0),
        ("IC check -p p.yaml --image-sets good.json 2>&-", 0),
        ("IC check -p nope.yaml --image-sets good.json 2>&-", 2),
        ("IC check -p p.yaml --image-sets - <&-", 2),
        ("IC check -p p.yaml --image-sets bad.json | head -c 0; exit ${PIPESTATUS[0]}", 1),
        ("IC rules list | head -c 0; exit ${PIPESTATUS[0]}", 0),
        ("IC --help | head -c 0; exit ${PIPESTATUS[0]}", 0),
        ("IC --version >&-", 0),
        ("IC --version > /dev/full", 3),
        ("IC check -p p.yaml --image-sets bad.json -q --report json=/dev/full", 1),
        ("IC check -p p.yaml --image-sets good.json -q --report json=/dev/full", 4),
    ],
)
def test_the_exit_code_does_not_depend_on_who_listens(command, code):
    done = shell(command)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_report_on_a_stream_does_not_hold_up_the_run_folder(folder):
    done = shell("IC check -p p.yaml --image-sets bad.json -q --report json=/dev/stdout --runs runs | cat")
    assert json.loads(done.stdout)["summary"]["exit_code"] == 1
    (run,) = (folder / "runs").iterdir()
    assert (run / "manifest.json").exists()
    assert not (run / "reports").exists()


def test_two_reports_of_one_file_name_are_both_kept(folder):
    assert main(["check", "-p", "p.yaml", "--image-sets", "bad.json", "-q", "--runs", "runs",
                 "--report", "json=a/x", "--report", "junit=b/x"]) == 1  # fmt: skip
    (run,) = (folder / "runs").iterdir()
    assert (run / "reports/json/x").read_bytes() == (folder / "a/x").read_bytes()
    assert (run / "reports/junit/x").read_bytes() == (folder / "b/x").read_bytes()


@pytest.mark.parametrize(
    "reports",
    [
        ["json=good.json"],
        ["json=p.yaml"],
        ["json=./p.yaml"],
        ["html=o/x", "json=./o/x"],
        ["json=-", "text=-"],
    ],
)
def test_a_report_never_overwrites_an_input_or_another_report(folder, capsys, reports):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    options = [part for report in reports for part in ("--report", report)]
    assert main(["check", "-p", "p.yaml", "--image-sets", "good.json", *options]) == 2
    assert "error: this is " in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_an_unknown_format_in_the_configuration_is_found_before_anything_is_collected(folder, capsys):
    (folder / "audit.yaml").write_text(
        "version: 1\npolicies: [p.yaml]\ntargets:\n  - name: t\n    region: us-east-1\n"
        f'    datastore: "{STORE}"\n    image_sets: ["{CLEAN}"]\nreports: {{htm: x.html}}\nruns: runs\n'
    )
    assert main(["check"]) == 2
    assert "audit.yaml:8:11: error: unknown format htm" in capsys.readouterr().err
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("name", ["gl*b", "wh?t", "br[a]cket", "./~", "with space", "ünïcode"])
def test_folder_names_are_names_not_patterns(folder, name):
    (folder / "decoy").mkdir()
    assert main(["check", "-p", "p.yaml", "--image-sets", "good.json", "-q", "--runs", f"{name}/runs"]) == 0
    assert len(list((folder / name / "runs").iterdir())) == 1


def test_a_remote_place_is_refused_not_made_a_folder(folder, capsys):
    for option in (["--runs", "gs://bucket/x"], ["--report", "html=s3://bucket/x.html"]):
        assert main(["check", "-p", "p.yaml", "--image-sets", "good.json", *option]) == 2
    err = capsys.readouterr().err
    assert "--runs: error: runs are kept in a folder or in s3://BUCKET/PREFIX" in err
    assert "--report: error: paths in s3:// are not available yet\nhelp: write a path on this machine" in err
    assert not (folder / "s3:").exists()


def test_the_demo_leaves_a_folder_of_the_users_alone(folder, capsys):
    (folder / "own").mkdir()
    (folder / "own/audit.yaml").write_text("mine")
    assert main(["demo", "own"]) == 2
    assert "no demo wrote it" in capsys.readouterr().err
    assert (folder / "own/audit.yaml").read_text() == "mine"


def test_a_hostile_file_name_cannot_move_the_cursor(capsys):
    main(["check", "-p", "p.yaml", "--image-sets", "no\x1b[31mpe\n.json"])
    assert capsys.readouterr().err.startswith("no\\x1b[31mpe\\n.json: error: ")


def test_an_empty_path_is_not_the_working_directory(capsys):
    assert main(["check", "-p", "", "--image-sets", "good.json"]) == 2
    assert "the path of a policy is empty" in capsys.readouterr().err
