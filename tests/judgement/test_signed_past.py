"""What is signed rests on nothing that is not: a past that was altered, with all hashes made anew, is used by no signed run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path

import boto3
import pytest
from collection.fixtures import aws_env
from runs.folders import s3_server

__all__ = ["aws_env"]

import checker
from checker.cli import main
from checker.runs.run_folder import digests
from tests.answers import answer
from tests.copies import run_or_copy
from tests.keys import key_pair

ONE, TWO = f"{1:032x}", f"{2:032x}"
FORCED = [answer(ONE, overrides={"forced": True}), answer(TWO)]
GOOD = [answer(ONE), answer(TWO)]
POLICY = """\
version: 1
pack: house
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
  - {id: moved, title: Nothing moved, severity: low, deny: {previous.overrides.forced: true}}
"""
NOTE = "Earlier runs: not authenticated, since no key was given to verify signatures with."


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    key_pair(tmp_path)
    key_pair(tmp_path, "other")
    return tmp_path


def check(answers, *options, runs="runs", key="key.pem"):
    Path("sets.json").write_text(json.dumps(answers))
    given = ["-p", "p.yaml", "--image-sets", "sets.json", "--runs", runs]
    return run_or_copy(Path.cwd(), "check", "-q", *given, *(["--sign", key] if key else []), *options)


def runs(folder, name="runs"):
    return [folder / name / item for item in checker.open_store(str(folder / name)).sealed()]


def rehash(run, **said):
    """What somebody does who has no key, and knows how: every hash is made anew, also those that stand beside the manifest."""
    manifest = json.loads((run / "manifest.json").read_text()) | said
    manifest["files"] = {
        name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in manifest["files"]
    }
    digest(run, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())


def digest(run, content):
    (run / "manifest.json").write_bytes(content)
    signature = run / "manifest.json.sig"
    signed = signature.read_bytes() if signature.exists() else None
    (run / "manifest.json.sha256").write_bytes(digests(content, signed))


def whitewash(run):
    path = run / "records.jsonl"
    path.write_bytes(
        path.read_bytes().replace(b'"overrides":{"forced":true}', b'"message":"nothing at all."')
    )


def records(run, _home):
    whitewash(run)
    rehash(run)


def said(run, _home):
    rehash(run, outcome="passed", exit_code=0)


def without_a_signature(run, home):
    (run / "manifest.json.sig").unlink()
    records(run, home)


def unsigned(run, home):
    whitewash(run)
    (run / "manifest.json.sig").unlink()
    rehash(run, public_key=None)


def table(run, _home):
    shutil.copy(run / "image_sets.parquet", run / "findings.parquet")
    rehash(run)


def resigned(run, home):
    """With another key, as if it had been that all along."""
    key = checker.signing_key(home / "other.pem")
    whitewash(run)
    rehash(run, public_key=key.public)
    content = (run / "manifest.json").read_bytes()
    (run / "manifest.json.sig").write_bytes(key.sign(content))
    digest(run, content)


def signed_in_the_name_of_another(run, home):
    key = checker.signing_key(home / "other.pem")
    records(run, home)
    content = (run / "manifest.json").read_bytes()
    (run / "manifest.json.sig").write_bytes(key.sign(content))
    digest(run, content)


def signature_of_another_run(run, home):
    check(GOOD, runs="elsewhere")
    (other,) = runs(home, "elsewhere")
    whitewash(run)
    shutil.copy(other / "manifest.json.sig", run / "manifest.json.sig")
    rehash(run)


def linked_signature(run, home):
    shutil.move(run / "manifest.json.sig", home / "sig")
    (run / "manifest.json.sig").symlink_to(home / "sig")
    records(run, home)


def other_bytes_in_the_same_manifest(run, _home):
    digest(run, (run / "manifest.json").read_bytes() + b" ")


ATTACKS = (
    records, said, without_a_signature, unsigned, table, resigned, signed_in_the_name_of_another, signature_of_another_run,
    linked_signature, other_bytes_in_the_same_manifest,
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_signed_run_rests_on_a_run_that_was_altered(home, capsys, attack):
    assert check(FORCED) == 1
    (first,) = runs(home)
    attack(first, home)
    before = sorted(home.rglob("*"))
    for options in ([], ["--new-only"], ["--baseline", first.name]):
        assert check(GOOD, *options) == 2
        err = capsys.readouterr().err
        assert f"runs/{first.name}/manifest.json" in err
        assert "help: " in err
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize("attack", ATTACKS)
def test_kept_evidence_that_was_altered_is_judged_again_by_no_signed_run(home, capsys, attack):
    check(FORCED)
    (first,) = runs(home)
    attack(first, home)
    for way in (f"runs/{first.name}", str(first), "runs/latest"):
        assert main(["check", "-q", "--evidence", way, "--runs", "again", "--sign", "key.pem"]) == 2
        assert "manifest.json" in capsys.readouterr().err
        assert main(["check", "-q", "--evidence", way, "--key", "key.pub"]) == 2
    assert not (home / "again").exists()


def test_a_run_in_the_middle_that_was_altered_or_replaced_is_told_whatever_the_next_one_reads(home, capsys):
    for _ in range(3):
        check(FORCED)
    first, second, _ = runs(home)
    check(GOOD, runs="elsewhere")
    (other,) = runs(home, "elsewhere")
    for change in (lambda: records(second, home), lambda: records(first, home)):
        aside = shutil.copytree(home / "runs", home / "aside")
        change()
        assert check(GOOD) == 2
        assert "not that of the key" in capsys.readouterr().err
        shutil.rmtree(home / "runs")
        shutil.move(aside, home / "runs")
    shutil.rmtree(second)
    shutil.copytree(other, home / "runs" / other.name)
    assert check(GOOD) == 2
    assert f"runs/{other.name}: error: says that no run was before it" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["key.pem", None])
def test_a_run_that_was_removed_from_the_middle_is_told_by_the_next_check(home, capsys, key):
    for _ in range(3):
        check(FORCED, key=key)
    _, second, third = runs(home)
    shutil.rmtree(second)
    capsys.readouterr()
    assert check(FORCED, "--report", "json=r.json", key=key) == 1
    assert f"the run before it, {second.name}, is not there any more" in capsys.readouterr().err
    notes = json.loads((home / "r.json").read_text())["run"]["notes"]
    assert f"Run {second.name} is not there any more: {third.name} names it as the one before it." in notes
    assert check(FORCED, "--strict-history", key=key) == 2


def test_without_a_key_every_report_says_that_the_past_was_not_authenticated(home, capsys):
    check(FORCED)
    records(runs(home)[0], home)
    reports = [f"--report={kind}=r.{kind}" for kind in ("html", "junit", "json", "text")]
    capsys.readouterr()
    assert check(GOOD, *reports, key=None) in (0, 1)
    err = capsys.readouterr().err
    assert "runs: warning: runs here are signed, and this one is not" in err
    for kind in ("html", "junit", "json", "text"):
        assert NOTE in " ".join((home / f"r.{kind}").read_text().split()), kind
    assert json.loads((runs(home)[-1] / "manifest.json").read_text())["notes"][-1] == NOTE
    # and the next signed run does not go on from it
    assert check(GOOD) == 2


def test_a_run_that_rests_on_no_other_says_nothing_of_it(home):
    check(FORCED, "--report", "json=r.json", key=None)
    assert NOTE not in json.loads((home / "r.json").read_text())["run"]["notes"]


def test_with_a_key_the_past_is_authenticated_and_no_report_says_otherwise(home):
    check(FORCED)
    for options in ({}, {"key": None}):
        assert check(FORCED, "--key", "key.pub", "--report", "json=r.json", **options) == 1
        assert NOTE not in json.loads((home / "r.json").read_text())["run"]["notes"]


def test_kept_evidence_that_nobody_authenticated_is_called_so(home):
    check(FORCED)
    (first,) = runs(home)
    text = f"Run {first.name}: not authenticated, since no key was given to verify signatures with."
    for options, expected in (([], True), (["--key", "key.pub"], False)):
        main(["check", "-q", "--evidence", str(first), "--report", "json=r.json", *options])
        assert (text in json.loads((home / "r.json").read_text())["run"]["notes"]) is expected


@pytest.mark.parametrize("days", [1, 2])
def test_no_signed_run_comes_after_one_that_is_not(home, capsys, days):
    for day in range(days):
        check(FORCED, key=None if day == days - 1 else "key.pem")
    capsys.readouterr()
    assert check(GOOD) == 2
    err = capsys.readouterr().err
    last = runs(home)[-1]
    assert f"runs/{last.name}/manifest.json: error: the run is not signed" in err
    assert "help: keep signed runs in a place of their own (--runs), or move the run away" in err
    shutil.move(last, home / "aside")
    # without any earlier run nobody knows what moved
    assert check(GOOD) == {1: 3, 2: 1}[days]
    assert main(["verify", "runs", "--key", "key.pub"]) == 0


def test_a_key_that_changed_goes_on_where_the_old_one_is_named(home, capsys):
    check(FORCED)
    assert check(GOOD, key="other.pem") == 2
    err = capsys.readouterr().err
    assert "which is not at hand\nhelp: add --key PUBLIC.pem, if you trust its owner" in err
    assert check(GOOD, "--key", "key.pub", key="other.pem") == 1
    assert main(["verify", "runs", "--key", "other.pub"]) == 1
    capsys.readouterr()
    assert main(["verify", "runs", "--key", "other.pub", "--key", "key.pub"]) == 0


@pytest.mark.parametrize("flag", ["--key", "--sign"])
def test_a_key_for_nothing_is_refused(home, capsys, flag):
    given = ["check", "-q", "-p", "p.yaml", "--image-sets", "sets.json"]
    (home / "sets.json").write_text("[]")
    assert main([*given, flag, "key.pub"]) == 2
    assert f"{flag}: error:" in capsys.readouterr().err


def test_verify_says_so_where_a_signed_run_rests_on_one_that_is_not(home, capsys):
    check(FORCED)
    check(GOOD)
    first, second = runs(home)
    # as a version of the program made it that looked at no signature
    records(first, home)
    key = checker.signing_key(home / "key.pem")
    content = json.loads((second / "manifest.json").read_text())
    content["previous"][0]["sha256"] = hashlib.sha256((first / "manifest.json").read_bytes()).hexdigest()
    content["candidates"]["last"]["sha256"] = content["baseline"]["sha256"] = content["previous"][0]["sha256"]
    text = (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
    (second / "manifest.json.sig").write_bytes(key.sign(text))
    digest(second, text)
    assert main(["verify", str(second)]) == 0
    capsys.readouterr()
    assert main(["verify", str(second), "--key", "key.pub"]) == 1
    assert f"rests on run {first.name}, which is not signed with a key at hand" in capsys.readouterr().err


def accept(action="accept", *options):
    return main(["baseline", action, "runs/latest", "--reason", "known", "--by", "J. Doe", *options])


def test_what_is_said_of_a_signed_run_is_signed(home, capsys):
    check(FORCED)
    assert accept() == 2
    assert "--sign: error: the run is signed, and so is what is said of it" in capsys.readouterr().err
    assert accept("accept", "--sign", "key.pem") == 0
    assert check(FORCED, "--new-only", "--rule", "unforced") == 0
    assert accept("revoke", "--sign", "key.pem") == 2  # of the second run nobody said anything
    assert main(["verify", "runs", "--key", "key.pub"]) == 0


def forged(run, document):
    manifest = hashlib.sha256((run / "manifest.json").read_bytes()).hexdigest()
    whole = {
        "schema": "imageset-checker/baseline/1", "action": "accept", "run": run.name, "manifest": manifest, "reason": "r",
        "by": "b", "at": "2026-01-01T00:00:00Z", "previous": None, **document,
    }  # fmt: skip
    (run / "baseline-1.json").write_text(json.dumps(whole))


def test_a_forged_statement_lets_nothing_stand(home, capsys):
    check(FORCED)
    (run,) = runs(home)
    other = checker.signing_key(home / "other.pem")
    good = checker.signing_key(home / "key.pem")
    for more in (
        {},
        {"public_key": good.public, "signature": "00" * 64},
        {"public_key": other.public, "signature": "x"},
    ):
        forged(run, more)
        assert check(FORCED, "--new-only") == 2
        assert f"runs/{run.name}/baseline-1.json: error:" in capsys.readouterr().err
        assert main(["verify", "runs", "--key", "key.pub"]) == 1
        assert f"runs/{run.name}/baseline-1.json: error:" in capsys.readouterr().err
    assert len(runs(home)) == 1


def test_a_statement_that_was_edited_lets_nothing_stand(home, capsys):
    check(FORCED)
    accept("accept", "--sign", "key.pem")
    (run,) = runs(home)
    path = run / "baseline-1.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"by": "Somebody Else"}))
    assert check(FORCED, "--new-only") == 2
    assert "baseline-1.json: error: the signature is not that of the key" in capsys.readouterr().err
    path.write_text(json.dumps(document))  # laid out otherwise, it is the same statement
    assert check(FORCED, "--new-only", "--rule", "unforced") == 0


def test_nothing_is_accepted_of_a_run_that_was_altered(home, capsys):
    check(FORCED)
    records(runs(home)[0], home)
    assert accept("accept", "--sign", "key.pem") == 2
    assert "not that of the key" in capsys.readouterr().err


@pytest.fixture
def bucket(home, aws_env):
    with s3_server() as url:
        aws_env.setenv("AWS_ENDPOINT_URL_S3", url)
        with contextlib.closing(boto3.client("s3", region_name="us-east-1", endpoint_url=url)) as client:
            client.create_bucket(Bucket="evidence")
            yield client


@pytest.mark.parametrize("attack", [records, unsigned, without_a_signature])
def test_a_store_in_s3_is_guarded_alike(home, bucket, capsys, attack):
    where = f"s3://evidence/{attack.__name__}"  # the server is one for all
    assert check(FORCED, runs=where) == 1
    assert check(FORCED, runs=where) == 1
    name = checker.open_store(where).sealed()[-1]
    local = home / "copy" / name
    keys = [
        item["Key"]
        for item in bucket.list_objects_v2(Bucket="evidence", Prefix=f"{attack.__name__}/{name}/")["Contents"]
    ]
    for key in keys:
        path = home / "copy" / key.partition("/")[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bucket.get_object(Bucket="evidence", Key=key)["Body"].read())
    attack(local, home)
    for key in keys:
        path = home / "copy" / key.partition("/")[2]
        if path.exists():
            bucket.put_object(Bucket="evidence", Key=key, Body=path.read_bytes())
        else:
            bucket.delete_object(Bucket="evidence", Key=key)
    capsys.readouterr()
    assert check(GOOD, runs=where) == 2
    assert f"{where}/{name}/manifest.json" in capsys.readouterr().err
    assert len(checker.open_store(where).sealed()) == 2
    assert check(GOOD, "--report", "json=r.json", runs=where, key=None) in (0, 1)
    assert NOTE in json.loads((home / "r.json").read_text())["run"]["notes"]
