"""Whole runs that were pruned, or are said to have been: what every command makes of them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile

import pytest
import time_machine
from collection.fixtures import aws_env
from runs.folders import s3_server
from runs.test_pruning import statement

from checker.cli import main
from checker.layout import PRUNED, PRUNED_SIGNATURE
from checker.runs.local_store import open_store
from tests.answers import answer
from tests.keys import key_pair

__all__ = ["aws_env"]

POLICY = """\
version: 1
pack: house
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
"""
AUDIT = """\
version: 1
name: archive
policies: [p.yaml]
targets: [{{name: t1, region: us-east-1, datastore: "{0}", image_sets: ["{0}"]}}]
gate: {{new_only: {1}}}
runs: {2}
"""
KEPT = "{path: runs, keep: 2y}"


@pytest.fixture(autouse=True)
def temporary_folders(tmp_path, monkeypatch):
    """What a store leaves behind on purpose goes with the test."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.fixture
def clock():
    with time_machine.travel("2020-01-01T00:00:00Z", tick=False) as moved:
        yield moved


def write_audit(folder, runs=KEPT, *, new_only=False):
    (folder / "p.yaml").write_text(POLICY)
    text = AUDIT.format(f"{1:032x}", str(new_only).lower(), runs)
    (folder / "audit.yaml").write_text(text)


def check(folder, clock, moment, *options, forced=False, real=False):
    """An audit at an instant. Unless it is `real`, the instant is given, and so it is compared with no other."""
    clock.move_to(moment)
    answers = [answer(f"{1:032x}", overrides={"forced": True} if forced else {})]
    (folder / "sets.json").write_text(json.dumps(answers))
    instant = [] if real else ["--as-of", moment]
    audit = ["check", "-c", f"{folder}/audit.yaml", "--image-sets", f"{folder}/sets.json", "-q"]
    return main([*audit, *instant, *options])


@pytest.fixture
def audit(tmp_path, monkeypatch, clock):
    """A function that runs the audit at an instant; and what an audit takes, in the present folder."""
    monkeypatch.chdir(tmp_path)
    write_audit(tmp_path)
    return lambda moment, *options, **more: check(tmp_path, clock, moment, *options, **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Four runs, a year apart, that are kept for two years, and the same of a signed audit."""
    folder = tmp_path_factory.mktemp("made")
    key_pair(folder)
    with time_machine.travel("2020-01-01T00:00:00Z", tick=False) as clock:
        for name, options in (("runs", ()), ("signed", ("--sign", str(folder / "key.pem")))):
            write_audit(folder, KEPT.replace("runs", name))
            for year in range(2020, 2024):
                assert check(folder, clock, f"{year}-01-01T00:00:00Z", *options) == 0
    return folder


@pytest.fixture
def four(made, audit, clock, tmp_path):
    """The four runs, in the middle of the last of the years: two of them are over their time."""
    shutil.copytree(made / "runs", tmp_path / "runs")
    clock.move_to("2023-06-01T00:00:00Z")
    return folders(tmp_path)


@pytest.fixture
def signed(made, audit, clock, tmp_path):
    """The signed ones."""
    shutil.copytree(made / "signed", tmp_path / "runs")
    for name in ("key.pem", "key.pub"):
        shutil.copyfile(made / name, tmp_path / name)
    clock.move_to("2023-06-01T00:00:00Z")
    return folders(tmp_path)


def folders(tmp_path):
    return [tmp_path / "runs" / name for name in open_store(str(tmp_path / "runs")).sealed()]


def forge(run, **said):
    """What somebody who may write everything can do to a run, without any key."""
    text = statement(open_store(str(run.parent)), run.name, **said)
    for name in json.loads((run / "manifest.json").read_text())["files"]:
        (run / name).unlink(missing_ok=True)
    for path in [item for item in run.iterdir() if item.is_dir()]:
        shutil.rmtree(path)
    (run / PRUNED).write_text(text)


def prune(*options):
    return main(["runs", "prune", "--delete", *options])


def wrong(capsys, *arguments, code=1):
    """What is told on standard error of what ends with an exit code."""
    capsys.readouterr()
    assert main([*arguments]) == code, capsys.readouterr()
    return capsys.readouterr().err


def test_what_prune_removed_verifies_before_and_after_later_runs(four, audit, clock, tmp_path, capsys):
    assert prune() == 0
    assert [(run / PRUNED).exists() for run in four] == [True, True, False, False]
    capsys.readouterr()
    assert main(["verify"]) == 0
    said = capsys.readouterr().out
    assert said.count("pruned   ") == 2
    assert "pruned on 2023-06-01T00:00:00Z, kept for 2y" in said
    assert audit("2023-07-01T00:00:00Z") == 0
    last = json.loads((folders(tmp_path)[-1] / "manifest.json").read_text())
    assert [item["run"] for item in last["pruned"]] == [four[0].name, four[1].name]
    assert audit("2023-08-01T00:00:00Z") == 0
    assert json.loads((folders(tmp_path)[-1] / "manifest.json").read_text())["pruned"] == []
    assert main(["verify"]) == 0
    clock.move_to("2024-06-01T00:00:00Z")
    assert prune() == 0
    assert (four[2] / PRUNED).exists()
    assert [main(["verify"]), main(["trend"]), main(["runs", "list"]), prune()] == [0, 0, 0, 0]
    assert main(["verify", str(four[0])]) == 0


def test_the_manifest_says_how_long_its_run_is_kept_and_prune_goes_by_it(four, tmp_path, capsys):
    assert json.loads((four[0] / "manifest.json").read_text())["keep"] == "2y"
    assert prune("--keep", "1d") == 0
    assert [(run / PRUNED).exists() for run in four] == [True, True, False, False]
    assert json.loads((four[0] / PRUNED).read_text())["keep"] == "2y"
    out = capsys.readouterr().out
    assert f"stays     {four[2].name}: it is kept until 2024-01-01T00:00:00Z: its manifest says 2y" in out


def test_runs_that_are_kept_longer_than_their_manifests_say_verify_too(four, clock):
    clock.move_to("2026-06-01T00:00:00Z")
    assert prune("--keep", "6y") == 0
    assert [(run / PRUNED).exists() for run in four] == [True, False, False, False]
    assert main(["verify"]) == 0


def test_a_signed_run_that_was_pruned_verifies_with_the_key(signed, audit, tmp_path, capsys):
    private, public = "key.pem", "key.pub"
    assert prune() == 2
    assert main(["runs", "prune"]) == 0
    assert prune("--sign", private) == 0
    assert main(["verify", "--key", public]) == 0
    assert audit("2023-07-01T00:00:00Z", "--sign", private) == 0
    assert main(["verify", "--key", public]) == 0
    run = signed[0]
    assert len((run / PRUNED_SIGNATURE).read_bytes()) == 64
    (run / PRUNED_SIGNATURE).write_bytes(bytes(64))
    assert "not that of the run's key over pruned.json" in wrong(capsys, "verify", str(run), "--key", public)
    (run / PRUNED_SIGNATURE).unlink()
    assert "pruned.json: error: is not signed, and the run is" in wrong(capsys, "verify", str(run))
    assert audit("2023-08-01T00:00:00Z") == 2
    (run / PRUNED_SIGNATURE).symlink_to(tmp_path / "none")
    assert "pruned.json.sig: error: is a link" in wrong(capsys, "verify", str(run))
    # nor does it help that the manifest is called unsigned by what is beside it
    for name in (PRUNED_SIGNATURE, "manifest.json.sig"):
        (run / name).unlink()
    assert "pruned.json: error: is not signed, and the run is" in wrong(capsys, "verify", str(run))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"at": "2099-01-01T00:00:00Z"}, "which is not yet"),
        ({"keep": "P0D"}, "this is not what `runs prune` writes"),
        ({"keep": "1y"}, "kept for 1y, and its manifest says 2y"),
    ],
)
def test_no_command_takes_a_run_for_pruned_because_a_file_says_so(four, audit, capsys, said, message):
    forge(four[0], **said)
    for arguments, code in (
        (["verify"], 1),
        (["verify", str(four[0])], 1),
        (["runs", "list"], 2),
        (["runs", "prune"], 2),
        (["trend"], 2),
        (["diff", four[2].name, four[3].name], 2),
        (["report", four[0].name], 2),
        (["report", str(four[0])], 2),
        (["check", "-q", "--evidence", str(four[0])], 2),
        (["baseline", "show"], 2),
        (["baseline", "accept", four[3].name, "--reason", "r", "--by", "b"], 2),
    ):
        assert message in wrong(capsys, *arguments, code=code), arguments
    assert audit("2023-06-01T00:00:00Z") == 2
    # what reads no other run than its own goes on
    assert main(["report", four[3].name, "--report", "json=r.json"]) == 0


def test_the_newest_run_is_never_taken_for_pruned(four, capsys):
    forge(four[3], at="2023-05-01T00:00:00Z", keep="2y")
    assert "it is kept until 2025-01-01T00:00:00Z" in wrong(capsys, "verify", str(four[3]))
    (four[3] / PRUNED).unlink()
    forge(four[3])
    assert f"{four[3].name}/pruned.json: error: `runs prune` would not have" in wrong(
        capsys, "verify", str(four[3])
    )


def test_a_statement_that_is_no_file_is_none(four, tmp_path, audit, capsys):
    forge(four[0])
    shutil.move(four[0] / PRUNED, tmp_path / "elsewhere")
    (four[0] / PRUNED).symlink_to(tmp_path / "elsewhere")
    assert "pruned.json: error: is a link" in wrong(capsys, "verify", str(four[0]))
    assert audit("2023-06-01T00:00:00Z") == 2
    (four[0] / PRUNED).unlink()
    (four[0] / PRUNED).mkdir()
    assert "records.jsonl: error: " in wrong(capsys, "verify", str(four[0]))
    (four[0] / PRUNED).rmdir()
    os.mkfifo(four[0] / PRUNED)
    assert "pruned.json: error: is no file" in wrong(capsys, "runs", "list", code=2)
    assert "records.jsonl: error: " in wrong(capsys, "verify", str(four[0]))
    assert audit("2023-06-01T00:00:00Z") == 2


def test_a_statement_that_a_later_run_names_is_not_replaced(four, audit, clock, capsys):
    assert prune() == 0
    assert audit("2023-07-01T00:00:00Z") == 0
    clock.move_to("2023-08-01T00:00:00Z")
    forge(four[0], at="2023-05-01T00:00:00Z")
    assert "is not the one that was there: run " in wrong(capsys, "verify")
    assert audit("2023-08-01T00:00:00Z") == 2
    (four[0] / PRUNED).unlink()
    assert f"{four[0].name}/pruned.json is not there any more" in wrong(capsys, "verify")
    assert "pruned.json: error: is not there any more" in wrong(capsys, "trend", code=2)


def test_a_run_whose_evidence_was_merely_deleted_is_neither_ok_nor_pruned(four, capsys):
    forge(four[0])
    (four[0] / PRUNED).unlink()
    assert "records.jsonl: error: cannot be read" in wrong(capsys, "verify")
    assert prune() == 0
    assert not (four[0] / PRUNED).exists()


def test_what_is_left_of_a_pruned_run_or_was_put_there_is_told(four, tmp_path, capsys):
    shutil.copytree(four[0], tmp_path / "before")
    assert prune() == 0
    (four[0] / "notes.txt").write_text("x")
    assert "notes.txt: error: was added after the run" in wrong(capsys, "verify")
    (four[0] / "notes.txt").unlink()
    shutil.copyfile(tmp_path / "before" / "records.jsonl", four[0] / "records.jsonl")
    assert "records.jsonl: error: is still there" in wrong(capsys, "verify")
    assert "pruned in part" in (main(["runs", "list"]), capsys.readouterr().out)[1]
    assert prune() == 0
    assert main(["verify"]) == 0


def test_a_file_that_was_put_there_and_said_to_be_removed_was_added(four, capsys):
    facts = json.loads((four[0] / "manifest.json").read_text())
    forge(four[0], removed=sorted([*facts["files"], "notes.txt"]))
    (four[0] / "notes.txt").write_text("x")
    told = wrong(capsys, "verify")
    assert "notes.txt: error: was added after the run" in told
    assert "pruned.json: error: says that notes.txt was removed, which the run never had" in told


def test_a_baseline_that_is_accepted_is_not_taken_for_pruned(audit, clock, tmp_path, capsys):
    write_audit(tmp_path, new_only=True)
    assert audit("2020-01-01T00:00:00Z", forced=True, real=True) == 1
    (accepted,) = folders(tmp_path)
    assert main(["baseline", "accept", "latest", "--reason", "r", "--by", "b"]) == 0
    assert audit("2022-06-01T00:00:00Z", forced=True, real=True) == 0
    clock.move_to("2023-06-01T00:00:00Z")
    forge(accepted)
    assert "it is a baseline of the audit archive" in wrong(capsys, "verify")
    # what was said of it as a baseline stays of a pruned run, and later runs name it
    (accepted / "baseline-1.json").unlink()
    assert f"{accepted.name}/baseline-1.json is not there any more" in wrong(capsys, "verify")


def test_of_a_run_that_does_not_say_how_long_it_is_kept_that_is_told(audit, clock, tmp_path, capsys):
    write_audit(tmp_path, "runs")
    for year in (2020, 2021):
        assert audit(f"{year}-01-01T00:00:00Z") == 0
    clock.move_to("2023-06-01T00:00:00Z")
    assert prune("--keep", "1y") == 0
    capsys.readouterr()
    assert main(["verify"]) == 0
    out = capsys.readouterr().out
    assert "its manifest does not say how long it is kept: pruned.json alone does" in out
    assert "pruned.json is not signed: whoever may write here may have written it" in out
    first = folders(tmp_path)[0]
    forge(first, keep="0d")
    assert "was to be kept for 0d, which is no time" in wrong(capsys, "verify", str(first))


def test_statements_in_s3_are_judged_as_those_in_a_folder(audit, aws_env, clock, tmp_path, capsys):
    import boto3

    with s3_server() as url:
        aws_env.setenv("AWS_ENDPOINT_URL_S3", url)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="journeys")
        write_audit(tmp_path, "{path: s3://journeys/runs, keep: 2y}")
        for year in (2020, 2021):
            assert audit(f"{year}-01-01T00:00:00Z") == 0
        clock.move_to("2022-06-01T00:00:00Z")
        assert prune() == 0
        assert main(["verify"]) == 0
        assert audit("2022-07-01T00:00:00Z") == 0
        assert main(["verify"]) == 0
        store = open_store("s3://journeys/runs")
        newest = store.sealed()[-1]
        text = statement(store, newest, at="2024-07-15T00:00:00Z")
        for name in json.loads(store.manifest(newest))["files"]:
            client.delete_object(Bucket="journeys", Key=f"runs/{newest}/{name}")
        client.put_object(Bucket="journeys", Key=f"runs/{newest}/{PRUNED}", Body=text.encode())
        client.close()
        clock.move_to("2024-08-01T00:00:00Z")
        for arguments, code in (
            (["verify"], 1),
            (["trend"], 2),
            (["runs", "list"], 2),
            (["runs", "prune"], 2),
        ):
            assert "it is the last run of the audit archive" in wrong(capsys, *arguments, code=code)
        assert audit("2024-08-01T00:00:00Z") == 2
