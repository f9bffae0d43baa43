"""The command line as people type it: help, slips, values left out, several paths at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.cli import main

STORE = "0123456789abcdef0123456789abcdef"
ONE, TWO, THREE = (f"{number}8f88ac7870584f58d56256646b4d92b" for number in range(1, 4))
POLICY = "version: 1\npack: p\nrules: [{id: r, title: R, severity: low, deny: {imageSetState: DELETED}}]\n"


AUDIT = f"""version: 1
name: a
policies: [p.yaml]
targets:
  - name: t
    region: us-east-1
    datastore: "{STORE}"
    image_sets: all
"""


def answer(image_set):
    return json.dumps(
        {"datastoreId": STORE, "imageSetId": image_set, "versionId": "1", "imageSetState": "ACTIVE"}
    )


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "sets").mkdir()
    for number, item in enumerate((ONE, TWO, THREE), 1):
        (tmp_path / "sets" / f"{number}.json").write_text(answer(item))
    return tmp_path


def told(capsys, *arguments):
    code = main(list(arguments))
    return (code, *capsys.readouterr())


def read(capsys, *arguments):
    """How many image sets a check of these arguments looks at, and what it says on standard error."""
    code, out, err = told(capsys, "check", "-p", "p.yaml", *arguments, "--report", "json=-")
    assert code == 0, err
    return json.loads(out)["summary"]["image_sets"], err


@pytest.mark.parametrize("path", [[], ["check"], ["rules"], ["rules", "list"], ["waivers", "check"]])
def test_h_is_short_for_help(capsys, path):
    assert told(capsys, *path, "-h") == told(capsys, *path, "--help")
    assert told(capsys, *path, "-h")[0] == 0


@pytest.mark.parametrize("path", [[], ["rules"], ["runs"], ["waivers"]])
def test_without_a_command_its_help_and_what_is_missing_are_told(capsys, path):
    code, out, err = told(capsys, *path)
    help_text = told(capsys, *path, "--help")[1]
    called = " ".join(["imageset-checker", *path])
    assert (code, out) == (2, "")
    assert err == f"{help_text.rstrip()}\n\n{called}: error: the command is missing\n"


def test_no_line_of_a_help_is_cut(capsys):
    for path in ([], ["rules"], ["runs"], ["waivers"]):
        listed = told(capsys, *path, "--help")[1].partition("Commands:")[2]
        assert listed
        assert "..." not in listed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["check", "--fail-on"],
            "--fail-on: error: needs a value\nhelp: The least severity that the gate counts: info, low,",
        ),
        (["check", "--fail-on", "--runs", "x"], "--fail-on: error: needs a value, and --runs follows\n"),
        (["check", "--runs", "-q"], "--runs: error: needs a value, and -q follows\n"),
        (["check", "--report"], "--report: error: needs a value\n"),
        (["rules", "test", "--rule", "--mutate"], "--rule: error: needs a value, and --mutate follows\n"),
        (["diff", "-c"], "-c: error: needs a value\n"),
    ],
)
def test_an_option_without_its_value_is_told_by_its_name(capsys, folder, arguments, message):
    before = sorted(folder.iterdir())
    code, out, err = told(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert sorted(folder.iterdir()) == before


def test_what_is_after_two_dashes_is_no_option(capsys):
    assert "there is no such run folder" in told(capsys, "report", "--", "--report")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--image-sets", "sets"],
        ["--image-sets", "sets/"],
        ["--image-sets", "sets/1.json", "sets/2.json", "sets/3.json"],
        ["--image-sets", "sets/1.json", "--image-sets", "sets/2.json", "sets/3.json"],
        ["--image-sets", "sets/1.json", "sets"],
    ],
)
def test_image_sets_takes_a_folder_and_several_paths(capsys, arguments):
    assert read(capsys, *arguments) == (3, "")


def test_of_a_folder_what_is_not_read_is_told_but_for_names_that_begin_with_a_dot(capsys, folder):
    (folder / "sets" / "._1.json").write_text("\0")
    (folder / "sets" / ".git").mkdir()
    (folder / "sets" / ".git" / "x.json").write_text("{")
    (folder / "sets" / "notes.txt").write_text("")
    (folder / "sets" / "more").mkdir()
    (folder / "sets" / "more" / "4.JSONL").write_text(answer("4" + ONE[1:]))
    count, err = read(capsys, "--image-sets", "sets")
    assert count == 4
    assert err.startswith("sets: warning: not read: notes.txt\n")


def test_a_folder_without_answers_is_told(capsys, folder):
    (folder / "empty").mkdir()
    code, _, err = told(capsys, "check", "-p", "p.yaml", "--image-sets", "empty")
    assert code == 2
    assert err == "empty: error: no file in this folder ends in .json, .jsonl, .ndjson\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["foo"], "foo: error: no option takes this argument\nhelp: --image-sets takes recorded answers\n"),
        (
            ["other.yaml"],
            "other.yaml: error: no option takes this argument\nhelp: -p takes a policy, -c an audit.yaml",
        ),
        (["-p", "p.yaml", "q.yaml", "--image-sets", "sets"], "q.yaml: error: no option takes this argument"),
    ],
)
def test_an_argument_that_no_option_takes_is_told(capsys, arguments, message):
    code, out, err = told(capsys, "check", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--limit", "ten"], "imageset-checker check: error: --limit: ten is no whole number"),
        (["check", "--limit=1.5"], "imageset-checker check: error: --limit: 1.5 is no whole number"),
        (["check", "--limit", "-1"], "imageset-checker check: error: --limit: -1 is less than 0"),
        (["trend", "--last", "0"], "imageset-checker trend: error: --last: 0 is less than 1"),
    ],
)
def test_a_number_that_an_option_does_not_take_is_told(capsys, arguments, message):
    assert main(arguments) == 2
    first, *_ = capsys.readouterr().err.splitlines()
    assert first == message


def test_explain_takes_several_files_too(capsys):
    given = ["-p", "p.yaml", "--image-sets", "sets/1.json", "sets/2.json"]
    assert told(capsys, "explain", "r", TWO, *given)[0] == 0
    assert told(capsys, "explain", "r", TWO, "-p", "p.yaml", "--image-sets", "sets")[0] == 0


def test_of_a_folder_of_policies_names_that_begin_with_a_dot_are_left_out(capsys, folder):
    (folder / "pol" / ".git").mkdir(parents=True)
    (folder / "pol" / "p.yaml").write_text(POLICY)
    (folder / "pol" / "._p.yaml").write_bytes(b"\0\x05\x16\x07")
    (folder / "pol" / ".git" / "q.yaml").write_text("{")
    assert told(capsys, "rules", "validate", "pol")[:2] == (0, "1 rule in the pack p: valid\n")
    (folder / ".pol").mkdir()
    (folder / "pol" / "p.yaml").rename(folder / ".pol" / "p.yaml")
    assert told(capsys, "rules", "validate", ".pol")[0] == 0
    assert "no policy file" in told(capsys, "rules", "validate", "pol")[2]


def test_the_rest_of_the_findings_is_said_to_be_in_a_file_with_its_folder(capsys):
    many = [json.loads(answer(f"{n:032}")) | {"imageSetState": "DELETED"} for n in range(25)]
    Path("many.json").write_text(json.dumps(many))
    given = ["-p", "p.yaml", "--image-sets", "many.json", "--runs", "runs", "--report", "html=out/r.html"]
    assert "  ... and 15 more in out/r.html\n" in told(capsys, "check", *given)[1]
    (run,) = Path("runs").iterdir()
    assert (
        f"  ... and 15 more in runs/{run.name}/reports/html/r.html\n"
        in told(capsys, "report", "runs/latest")[1]
    )
    # a file may go elsewhere, with those beside it
    told(capsys, "check", *given, "--report", "text=out/r.txt")
    assert "  ... and 15 more in r.html\n" in Path("out/r.txt").read_text()


@pytest.mark.parametrize("flag", ["--endpoint-url", "--runtime-endpoint-url"])
@pytest.mark.parametrize("url", ["localhost:5057", "ftp://localhost", "", "http://"])
def test_an_endpoint_that_is_no_url_is_refused_as_in_audit_yaml(capsys, flag, url):
    code, _, err = told(capsys, "check", flag, url)
    assert code == 2
    assert f"{flag}: error: `{url}` is not an endpoint" in err
    assert "write it as https://HOST or http://HOST:PORT" in err


@pytest.mark.parametrize(
    ("line", "place", "message"),
    [
        ("reports: {html: r.html, junit: r.html}", "audit.yaml:9:32", "r.html: this is the html report too"),
        ("reports: {html: p.yaml}", "audit.yaml:9:17", "p.yaml: this is an input of this run"),
        ("reports: {html: p.yaml/r.html}", "audit.yaml:9:17", "p.yaml is a file, not a folder"),
        ("gate: {new_only: true}", "audit.yaml:9:18", "where earlier runs are kept"),
        ("waivers: nope.yaml", "audit.yaml:9:10", "nope.yaml: cannot be read"),
        ("waivers: {file: nope.yaml}", "audit.yaml:9:17", "nope.yaml: cannot be read"),
        ("events: [nope.json]", "audit.yaml:9:9", "nope.json: cannot be read"),
    ],
)
def test_a_file_that_audit_yaml_names_is_refused_where_it_is_named(capsys, line, place, message):
    Path("audit.yaml").write_text(AUDIT + line + "\n")
    assert main(["check"]) == 2
    error = capsys.readouterr().err
    assert place in error
    assert message in error


def test_a_file_that_is_not_there_has_the_nearest_of_its_folder_in_the_hint(capsys):
    Path("audit.yaml").write_text(AUDIT)
    assert main(["check", "-c", "audti.yaml"]) == 2
    assert "did you mean audit.yaml?" in capsys.readouterr().err
