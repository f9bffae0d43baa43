"""Paths on the command line and in audit.yaml: `~` is the home folder, and what nobody replaces is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from checker.cli import main
from checker.cli.commands import app

TAKE_PATHS = {
    "FILE",
    "DIR",
    "KEY",
    "POLICY",
    "POLICY...",
    "FORMAT=PATH",
    "RUN",
    "RUN...",
    "RUNS",
    "OLD",
    "NEW",
}
POLICY = "version: 1\npack: p\nrules: [{id: r, title: R, severity: low, deny: {imageSetState: DELETED}}]\n"
SETS = '[{"datastoreId": "0123456789abcdef0123456789abcdef", "imageSetId": "18f88ac7870584f58d56256646b4d92b", "versionId": "1", "imageSetState": "ACTIVE"}]'
AUDIT = """\
version: 1
name: home
policies: [~/pol.yaml]
targets:
  - {name: a, region: us-east-1, datastore: "0123456789abcdef0123456789abcdef", image_sets: {file: ~/sets.csv}}
reports: {html: ~/o.html}
waivers: ~/w.yaml
events: ~/e.jsonl
runs: ~/runs
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home folder with what an audit takes, and an empty folder to be in."""
    (tmp_path / "here").mkdir()
    found = tmp_path / "home"
    found.mkdir()
    monkeypatch.setenv("HOME", str(found))
    monkeypatch.chdir(tmp_path / "here")
    (found / "pol.yaml").write_text(POLICY)
    (found / "sets.json").write_text(SETS)
    (found / "sets.csv").write_text("imageSetId\n18f88ac7870584f58d56256646b4d92b\n")
    (found / "w.yaml").write_text("version: 1\nwaivers: []\n")
    (found / "e.jsonl").write_text("")
    return found


def _flags():
    """Every option and argument of a command whose help says that it takes a path."""
    stack = [((), typer.main.get_command(app))]
    while stack:
        path, command = stack.pop()
        stack += [((*path, name), item) for name, item in getattr(command, "commands", {}).items()]
        for flag in command.params:
            if flag.metavar in TAKE_PATHS:
                yield path, flag


def _told(capsys, arguments):
    code = main(arguments)
    return (code, *capsys.readouterr())


@pytest.mark.parametrize(
    ("path", "flag"), [pytest.param(*item, id=" ".join((*item[0], item[1].name))) for item in _flags()]
)
@pytest.mark.parametrize("written", ["$HOME/x", "out/{date}/x"])
def test_every_option_and_argument_refuses_what_nobody_replaces(capsys, path, flag, written):
    value = f"html={written}" if flag.metavar == "FORMAT=PATH" else written
    name = next((opt for opt in flag.opts if opt.startswith("--")), None)
    # arguments that have to be there, before the one that is looked at
    before = {("explain",): ["r", "i"], ("waive",): ["r", "i"], ("rules", "show"): ["r"]}.get(path, [])
    if path == ("waive",):
        before += [
            part for item in ("reason", "owner", "approved-by", "expires") for part in (f"--{item}", "x")
        ]
    if flag.metavar == "NEW":
        before = ["latest"]
    code, out, err = _told(capsys, [*path, *before, *([name] if name else []), value])
    if flag.metavar.startswith("POLICY"):
        # of a policy the one who reads it says so; without files to judge that is not asked
        assert code == 2
        return
    assert (code, out) == (2, "")
    assert (
        f"{name or flag.metavar}: error: {written[:5] if '$' in written else '{date}'} is not replaced in a path"
        in err
    )
    assert list(Path().iterdir()) == []


def test_the_home_folder_is_meant_in_every_option(capsys, home):
    given = [
        "-p",
        "~/pol.yaml",
        "--image-sets",
        "~/sets.json",
        "--report",
        "html=~/out/o.html",
        "--runs",
        "~/runs",
    ]
    assert _told(capsys, ["check", *given, "-q"])[0] == 0
    assert (home / "out" / "o.html").is_file()
    (run,) = (home / "runs").iterdir()
    assert _told(capsys, ["verify", f"~/runs/{run.name}"])[0] == 0
    assert _told(capsys, ["report", "~/runs/latest"])[0] == 0
    assert list(Path().iterdir()) == []


def test_the_home_folder_is_meant_in_every_path_of_audit_yaml(capsys, home):
    Path("audit.yaml").write_text(AUDIT)
    assert _told(capsys, ["check", "--endpoint-url", "http://127.0.0.1:1", "-q"])[0] == 3
    assert sorted(path.name for path in home.iterdir() if path.name in ("o.html", "runs")) == [
        "o.html",
        "runs",
    ]
    assert [path.name for path in Path().iterdir()] == ["audit.yaml"]
    assert _told(capsys, ["verify", "latest"])[0] == 0


WRITTEN = {
    "$HOME/x": ("$HOME is not replaced in a path", "write ~/x"),
    "${HOME}/x": ("${HOME} is not replaced in a path", "write ~/x"),
    "a/$NAME": ("$NAME is not replaced in a path", "write the path itself"),
    "a/%NAME%/x": ("%NAME% is not replaced in a path", "write the path itself"),
    "out/{date}.html": ("{date} is not replaced in a path", "write a name that stays the same"),
    "out/%Y-%m-%d": ("%Y is not replaced in a path", "write a name that stays the same"),
    "~nobody-is-called-so/x": (
        "there is no home folder ~nobody-is-called-so",
        "a file or folder of this name is ./~",
    ),
}
KEYS = {
    "policies": ("policies: [~/pol.yaml]", "policies: [{}]"),
    "image_sets": ("{file: ~/sets.csv}", "{{file: {}}}"),
    "reports": ("{html: ~/o.html}", "{{html: {}}}"),
    "waivers": ("waivers: ~/w.yaml", "waivers: {}"),
    "events": ("events: ~/e.jsonl", "events: {}"),
    "runs": ("runs: ~/runs", "runs: {}"),
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("written", WRITTEN)
def test_audit_yaml_refuses_what_nobody_replaces_at_its_place(capsys, key, written):
    before, after = KEYS[key]
    Path("audit.yaml").write_text(AUDIT.replace(before, after.format(f'"{written}"')))
    code, _, err = _told(capsys, ["plan"])
    message, hint = WRITTEN[written]
    assert code == 2
    assert err.startswith("audit.yaml:")
    assert f"error: {message}\n" in err
    assert f"help: {hint}" in err


@pytest.mark.parametrize(
    "written", ["s3:/bucket/runs", "S3://bucket/runs", "s3:bucket/runs", "s3:///bucket/runs"]
)
def test_a_place_in_s3_that_is_misspelt_makes_no_folder(capsys, written):
    Path("audit.yaml").write_text(AUDIT.replace("~/runs", written))
    code, _, err = _told(capsys, ["plan"])
    assert code == 2
    assert f"audit.yaml:9:7: error: `{written}` is no place in S3\n" in err
    assert "help: write s3://bucket/runs" in err
    Path("audit.yaml").unlink()
    given = ["-p", "~/pol.yaml", "--image-sets", "~/sets.json", "-q"]
    assert "--runs: error: " in _told(capsys, ["check", *given, "--runs", written])[2]
    assert "are not available yet" in _told(capsys, ["check", *given, "--report", f"html={written}"])[2]
    assert list(Path().iterdir()) == []


def test_a_lone_tilde_is_nothing_to_yaml_and_told(capsys):
    Path("audit.yaml").write_text(AUDIT.replace("~/runs", "~"))
    assert "audit.yaml:9:1: error: runs has no value\n" in _told(capsys, ["plan"])[2]


def test_a_name_that_only_looks_alike_is_a_name(home):
    from checker.values import parse_path

    for text in (
        "a$",
        "50%",
        "cost$.yaml",
        "a~b",
        "./~/x",
        "a%20b%20c",
        "{a,b}",
        "x{}",
        "100%done",
        "~",
        "pack:p",
    ):
        assert parse_path(text) == (str(home) if text == "~" else text)
