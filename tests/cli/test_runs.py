"""`runs list` and `runs prune`, as whoever keeps the evidence uses them."""

from __future__ import annotations

import shutil
import tempfile
from urllib.request import Request, urlopen

import pytest
import time_machine
from runs.folders import add_at, s3_server

from checker.cli import main
from checker.layout import DIGEST, MANIFEST, PRUNED, PRUNED_SIGNATURE, SIGNATURE
from checker.runs.local_store import LocalStore, open_store
from checker.runs.signature import signing_key
from tests.keys import key_pair

OLD, NEW = "20010101T000000Z-0123abcd", "20250101T000000Z-0123abcd"


@pytest.fixture(autouse=True)
def temporary_folders(tmp_path, monkeypatch):
    """What a store leaves behind on purpose goes with the test."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.fixture(autouse=True)
def now():
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        yield clock


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = LocalStore(tmp_path / "runs")
    key_pair(tmp_path)
    add_at(made, (2001, 1, 1), {"p": "1"}, key=signing_key(tmp_path / "key.pem"))
    add_at(made, (2025, 1, 1), {"p": "1"}, outcome="violation")
    return made


def said(capsys, *arguments, code=0):
    assert main(["runs", *arguments]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_list_prints_one_run_a_line(store, capsys):
    store.claim("20260101T000000Z-0123abcd", {})
    assert said(capsys, "list", "runs") == (
        "run                        audit    as of                 outcome    state        signed\n"
        f"{OLD}  archive  2026-01-01T00:00:00Z  passed     sealed       signed\n"
        f"{NEW}  archive  2026-01-01T00:00:00Z  violation  sealed       -\n"
        "20260101T000000Z-0123abcd  -        -                     -          interrupted  -\n"
    )


def test_names_that_would_move_the_cursor_are_escaped(store, capsys):
    add_at(store, (2025, 6, 1), audit="a\x1b[31m\nb")
    assert "a\\x1b[31m\\nb" in said(capsys, "list", "runs")


def test_prune_removes_nothing_until_it_is_told_to(store, capsys):
    before = store.contents()
    assert said(capsys, "prune", "runs", "--keep", "6y") == (
        f"would go  {OLD}: it was sealed on 2001-01-01T00:00:00Z, and runs are kept for 6y\n"
        f"stays     {NEW}: it is kept until 2031-01-01T00:00:00Z\n"
        "1 of 2 runs would go; runs are kept for 6y; nothing was removed: add --delete\n"
    )
    assert store.contents() == before


def test_prune_with_delete_leaves_the_manifest(store, capsys):
    assert said(capsys, "prune", "runs", "--keep", "6y", "--delete", "--sign", "key.pem") == (
        f"pruned    {OLD}: it was sealed on 2001-01-01T00:00:00Z, and runs are kept for 6y\n"
        f"stays     {NEW}: it is kept until 2031-01-01T00:00:00Z\n"
        "1 of 2 runs pruned; runs are kept for 6y\n"
    )
    assert store.contents()[OLD] == {MANIFEST, DIGEST, SIGNATURE, PRUNED, PRUNED_SIGNATURE}
    assert f"{OLD}  archive  2026-01-01T00:00:00Z  passed     pruned" in said(capsys, "list", "runs")
    assert said(capsys, "prune", "runs", "--keep", "6y").endswith(
        "0 of 2 runs would go; runs are kept for 6y\n"
    )


def test_a_signed_run_goes_only_with_the_key_that_signed_it(store, capsys, tmp_path):
    before = store.contents()
    prune = ("prune", "runs", "--keep", "6y", "--delete")
    assert said(capsys, *prune, code=2) == (
        f"--sign: error: run {OLD} would go, and what says so of a signed run must be signed too\n"
        "help: add --sign KEY.pem, the key that signed the run\n"
    )
    (tmp_path / "other").mkdir()
    key_pair(tmp_path / "other", "other")
    out = said(capsys, *prune, "--sign", "other/other.pem")
    assert out.startswith(f"stays     {OLD}: it is signed by another key, ")
    assert "key.pem: error: cannot be read" in said(capsys, *prune, "--sign", "none/key.pem", code=2)
    assert store.contents() == before


def test_what_only_looks_pruned_is_listed_as_damaged_and_nothing_is_pruned_beside_it(store, capsys):
    (store.folder / NEW / PRUNED).write_text("{}")
    assert main(["runs", "list", "runs"]) == 2
    listed = capsys.readouterr()
    assert f"{NEW}  archive  2026-01-01T00:00:00Z  violation  damaged  -" in listed.out
    assert f"runs/{NEW}/pruned.json: error: this is not what `runs prune` writes" in listed.err
    assert main(["runs", "prune", "runs", "--keep", "6y", "--delete", "--sign", "key.pem"]) == 2
    assert "records.jsonl" in store.contents()[OLD]


def test_an_interrupted_run_is_never_removed(store, capsys, now):
    working = store.claim("19990101T000000Z-0123abcd", {})
    now.move_to("2099-01-01T00:00:00Z")
    out = said(capsys, "prune", "runs", "--keep", "1d", "--delete", "--sign", "key.pem")
    assert "stays     19990101T000000Z-0123abcd: it has no manifest" in out
    assert working.folder.exists()


AUDIT = """\
version: 1
policies: ["pack:healthimaging-integrity"]
targets:
  - {name: archive, region: us-east-1, datastore: "0123456789abcdef0123456789abcdef", image_sets: [18f88ac7870584f58d56256646b4d92b]}
runs: {path: runs, keep: 30y}
"""


def test_audit_yaml_says_where_runs_are_and_how_long_they_are_kept(store, capsys, tmp_path):
    (tmp_path / "audit.yaml").write_text(AUDIT)
    assert "would go" not in said(capsys, "prune").split("\n0 of 2")[0]
    assert "kept until 2031-01-01" in said(capsys, "prune")
    assert said(capsys, "prune", "--keep", "6y").startswith(f"would go  {OLD}")
    assert OLD in said(capsys, "list")
    (tmp_path / "other").mkdir()
    (tmp_path / "audit.yaml").rename(tmp_path / "other" / "a.yaml")
    shutil.move(tmp_path / "runs", tmp_path / "other" / "runs")
    assert OLD in said(capsys, "list", "-c", "other/a.yaml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prune", "runs"], "--keep: error: nothing says how long runs are kept\nhelp: add --keep 6y"),
        (["prune", "runs", "--keep", "6m"], "--keep: error: `6m`: a bare m may mean minutes or months"),
        (["prune", "runs", "--keep", "0d"], "--keep: error: `0d` would keep nothing"),
        (["prune", "--keep", "6y"], "RUNS: error: nothing says where the runs are"),
        (["list"], "RUNS: error: nothing says where the runs are"),
        (["list", "none"], "none: error: there is no such folder"),
        (["list", f"runs/{OLD}"], f"runs/{OLD}: error: this is the folder of one run"),
        (["list", "gs://x"], "RUNS: error: runs are kept in a folder or in s3://BUCKET/PREFIX"),
        (["list", "-c", "none.yaml"], "none.yaml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_told(store, capsys, arguments, message):
    assert message in said(capsys, *arguments, code=2)


def test_a_run_that_cannot_be_pruned_is_told_and_the_others_go(store, capsys):
    add_at(store, (2002, 1, 1), {"p": "1"})
    second = "20020101T000000Z-0123abcd"
    # a file system that refuses: a folder that is not empty has the draft's name
    (store.folder / OLD / "pruned.json.part" / "x").mkdir(parents=True)
    assert main(["runs", "prune", "runs", "--keep", "6y", "--delete", "--sign", "key.pem"]) == 4
    captured = capsys.readouterr()
    assert f"runs/{OLD}: error: the run folder cannot be written: Is a directory" in captured.err
    assert f"failed    {OLD}: it is told on standard error\npruned    {second}" in captured.out
    assert captured.out.endswith("1 of 3 runs pruned; runs are kept for 6y\n")
    assert "records.jsonl" in store.contents()[OLD]


def test_runs_in_s3_are_listed_and_pruned(aws_env, capsys):
    import boto3

    with s3_server() as url:
        aws_env.setenv("AWS_ENDPOINT_URL_S3", url)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="archive")
        client.close()
        store = open_store("s3://archive/runs")
        for year in (2001, 2002):
            add_at(store, (year, 1, 1), {"p": "1"})
        assert said(capsys, "list", "s3://archive/runs").count("sealed") == 2
        out = said(capsys, "prune", "s3://archive/runs", "--keep", "6y", "--delete")
        assert out.startswith(f"pruned    {OLD}")
        assert open_store("s3://archive/runs").manifest(OLD)
        listed = said(capsys, "list", "s3://archive/runs")
        assert listed.splitlines()[1].split()[-2:] == ["pruned", "-"]
        assert "there is no such bucket" in said(capsys, "list", "s3://not-there/runs", code=2)


POLICY = "version: 1\npack: p\nrules: [{id: r, title: R, severity: low, deny: {imageSetState: DELETED}}]\n"
SETS = '[{"datastoreId": "0123456789abcdef0123456789abcdef", "imageSetId": "18f88ac7870584f58d56256646b4d92b", "versionId": "1", "imageSetState": "ACTIVE", "createdAt": "2025-12-01T00:00:00Z"}]'


@pytest.fixture
def archive(aws_env, tmp_path, monkeypatch):
    """A bucket, and what an audit takes."""
    import boto3

    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "sets.json").write_text(SETS)
    with s3_server() as url:
        urlopen(Request(f"{url}/moto-api/reset", method="POST")).close()
        aws_env.setenv("AWS_ENDPOINT_URL_S3", url)
        client = boto3.client("s3", region_name="us-east-1")
        for name in ("archive", "other"):
            client.create_bucket(Bucket=name)
        yield client
        client.close()


def audit(runs):
    arguments = [
        "check",
        "-p",
        "p.yaml",
        "--image-sets",
        "sets.json",
        "--as-of",
        "2026-01-01",
        "--fail-on",
        "never",
    ]
    return main([*arguments, "--runs", runs])


def test_an_audit_is_kept_in_s3_and_verified_there(archive, capsys):
    assert [audit("s3://archive/runs"), audit("s3://archive/runs")] == [0, 0]
    out = capsys.readouterr().out
    first, second = open_store("s3://archive/runs").names()
    assert second == f"{first}-2"
    assert f"run    s3://archive/runs/{second}" in out
    assert main(["verify", "s3://archive/runs"]) == 0, capsys.readouterr()
    assert capsys.readouterr().out.count("ok ") == 2
    assert main(["check", "--evidence", f"s3://archive/runs/{first}", "--fail-on", "never"]) == 0


def test_an_audit_that_cannot_be_brought_to_s3_is_undelivered_and_kept_here(archive, capsys):
    audit("s3://archive/runs")
    (name,) = open_store("s3://archive/runs").names()
    archive.put_object(Bucket="other", Key=f"runs/{name}/findings.parquet", Body=b"another's")
    capsys.readouterr()
    assert audit("s3://other/runs") == 4
    captured = capsys.readouterr()
    assert (
        f"s3://other/runs/{name}: error: the run could not be stored: findings.parquet is there"
        in captured.err
    )
    folder = captured.err.partition("manifest.json, in ")[2].partition(": keep that folder")[0]
    assert main(["verify", folder]) == 0, capsys.readouterr()
    assert open_store("s3://other/runs").sealed() == ()
    shutil.rmtree(folder)


def test_a_bucket_that_is_not_there_ends_the_audit_before_it_begins(archive, capsys):
    assert audit("s3://not-there/runs") == 2
    assert "s3://not-there/runs: error: cannot be read: there is no such bucket" in capsys.readouterr().err
