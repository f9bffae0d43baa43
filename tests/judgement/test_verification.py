"""What verify finds: every altered byte, every missing link, every finding that does not follow."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest

import checker
from checker.cli import main
from checker.runs.run_folder import digests
from judgement.test_replay import ANSWERS, POLICY
from tests.answers import answer
from tests.copies import run_or_copy
from tests.keys import key_pair


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "sets.json").write_text(json.dumps(ANSWERS))
    return tmp_path


def check(*options):
    given = ["check", "-p", "p.yaml", "--image-sets", "sets.json", "--as-of", "2026-01-10", "--runs", "runs"]
    return run_or_copy(Path.cwd(), *given, "-q", *options)


def runs(folder):
    return [folder / "runs" / name for name in checker.open_store(str(folder / "runs")).sealed()]


def reseal(run):
    """What somebody who knows how would do: hashes of the altered files, and the manifest's own."""
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["files"] = {
        name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in manifest["files"]
    }
    content = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    (run / "manifest.json").write_bytes(content)
    (run / "manifest.json.sha256").write_bytes(digests(content, None))


def test_a_run_as_it_was_is_intact(folder, capsys):
    check("--report", "html=r.html")
    (run,) = runs(folder)
    assert main(["verify", str(run)]) == 0
    assert capsys.readouterr().out.startswith(f"ok       {run.name}: ")


def test_a_byte_flipped_anywhere_is_found_and_its_file_is_named(folder, capsys):
    private, _ = key_pair(folder)
    check("--report", "html=r.html", "--report", "junit=j.xml", "--sign", private)
    (run,) = runs(folder)
    files = sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
    assert {"manifest.json", "manifest.json.sig", "manifest.json.sha256", "started.json"} < set(files)
    dice = random.Random(4)
    for name in files:
        path = run / name
        before = path.read_bytes()
        for at in {0, len(before) - 1, dice.randrange(len(before)), dice.randrange(len(before))}:
            changed = bytearray(before)
            changed[at] ^= 1 << dice.randrange(8)
            path.write_bytes(changed)
            assert main(["verify", str(run)]) == 1, (name, at)
            err = capsys.readouterr().err
            where = "does not fit manifest.json.sha256" if name.startswith("manifest") else f"/{name}: error:"
            assert where in err or f"/{name}: error:" in err, (name, at)
        path.write_bytes(before)
    assert main(["verify", str(run)]) == 0


def test_a_file_that_is_gone_or_was_added_is_named(folder, capsys):
    check()
    (run,) = runs(folder)
    (run / "policies" / "house.yaml").unlink()
    (run / "policies" / "extra.yaml").write_text("x")
    assert main(["verify", str(run)]) == 1
    err = capsys.readouterr().err
    assert "policies/house.yaml: error: cannot be read: no such file" in err
    assert "policies/extra.yaml: error: was added after the run" in err


def test_findings_that_do_not_follow_from_altered_evidence_are_named(folder, capsys):
    check()
    (run,) = runs(folder)
    records = run / "records.jsonl"
    records.write_text(records.read_text().replace('"forced":true', '"forced":false'))
    reseal(run)
    assert main(["verify", str(run)]) == 1
    out = capsys.readouterr().out
    assert "findings that do not follow from the evidence (1):" in out
    assert f"house/unforced  recorded/{1:032x}  kept as fail, the evidence gives no finding" in out


def test_a_manifest_that_says_otherwise_than_the_evidence_is_told(folder, capsys):
    check()
    (run,) = runs(folder)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest |= {"outcome": "passed", "exit_code": 0}
    (run / "manifest.json").write_text(json.dumps(manifest))
    reseal(run)
    assert main(["verify", str(run)]) == 1
    err = capsys.readouterr().err
    assert "`outcome` is not what the evidence gives" in err
    assert 'help: that is "violation"' in err


def test_a_removed_and_a_replaced_run_are_visible_in_the_chain(folder, capsys):
    for number in range(3):
        (folder / "sets.json").write_text(json.dumps([*ANSWERS, answer(f"{number + 9:032x}")]))
        check()
    first, second, third = runs(folder)
    assert main(["verify", "runs"]) == 0
    capsys.readouterr()
    moved = folder / "aside"
    shutil.move(second, moved)
    assert main(["verify", "runs"]) == 1
    err = capsys.readouterr().err
    assert f"{third.name}: error: the run before it, {second.name}, is not there any more" in err
    # one that was made anew in its place, whole in itself
    shutil.copytree(moved, second)
    reseal_with_other_time(second)
    assert main(["verify", str(third)]) == 1
    assert f"the manifest of the run before it, {second.name}, is not the one" in capsys.readouterr().err
    assert main(["verify", str(first)]) == 0


def reseal_with_other_time(run):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["notes"] = ["nothing to see"]
    (run / "manifest.json").write_text(json.dumps(manifest))
    reseal(run)


def test_a_run_that_was_copied_without_the_one_before_says_that_the_chain_cannot_be_followed(folder, capsys):
    check()
    check()
    _, second = runs(folder)
    shutil.copytree(second, folder / "mail" / second.name)
    assert main(["verify", str(folder / "mail" / second.name)]) == 1
    assert "this folder was copied without it" in capsys.readouterr().err


def test_a_signature_is_verified_with_the_public_key_alone(folder, capsys):
    private, public = key_pair(folder)
    check("--sign", private)
    (run,) = runs(folder)
    assert main(["verify", str(run), "--key", public]) == 0
    other = folder / "other"
    other.mkdir()
    _, stranger = key_pair(other, "other")
    assert main(["verify", str(run), "--key", stranger]) == 1
    assert "which is not at hand" in capsys.readouterr().err
    # somebody who reseals the run cannot sign it
    reseal_with_other_time(run)
    (run / "manifest.json.sha256").write_bytes(
        digests((run / "manifest.json").read_bytes(), (run / "manifest.json.sig").read_bytes())
    )
    assert main(["verify", str(run), "--key", public]) == 1
    (run / "manifest.json.sig").unlink()
    assert main(["verify", str(run)]) == 1
    assert "the signature is gone" in capsys.readouterr().err


def test_an_unsigned_run_does_not_verify_with_a_key(folder, capsys):
    _, public = key_pair(folder)
    check()
    (run,) = runs(folder)
    assert main(["verify", str(run), "--key", public]) == 1
    assert "the run is not signed" in capsys.readouterr().err


def test_an_interrupted_run_is_no_run(folder, capsys):
    check()
    (run,) = runs(folder)
    (run / "manifest.json").unlink()
    for command in (
        ["verify"],
        ["report"],
        ["check", "-q", "--evidence"],
        ["explain", "unforced", "x", "--evidence"],
    ):
        assert main([*command, str(run)]) == 2, command
        assert "no complete run: it has no manifest.json" in capsys.readouterr().err


def test_a_tampered_last_run_stops_the_next_audit_before_it_begins(folder, capsys):
    check()
    (run,) = runs(folder)
    (run / "records.jsonl").write_text("{}\n")
    assert check() == 2
    assert "records.jsonl: error: was altered after the run" in capsys.readouterr().err
    assert len(list((folder / "runs").iterdir())) == 1


def test_what_verify_found_is_json_too(folder, capsys):
    check()
    (run,) = runs(folder)
    main(["verify", str(run), "--json"])
    (item,) = json.loads(capsys.readouterr().out)
    manifest = hashlib.sha256((run / "manifest.json").read_bytes()).hexdigest()
    assert (item["run"], item["intact"], item["manifest_sha256"]) == (run.name, True, manifest)


def lost(run, name, capsys):
    main(["verify", str(run), "--json"])
    (item,) = json.loads(capsys.readouterr().out)
    return [(said["message"], said["hint"]) for said in item["problems"] if name in said["where"]]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("reports/html/r.html", "where that is whole, `imageset-checker report RUN` makes it again"),
        (
            "findings.parquet",
            "it is made from the evidence, which this file is no part of: put back a copy of it",
        ),
        (
            "image_sets.parquet",
            "it is made from the evidence, which this file is no part of: put back a copy of it",
        ),
        ("records.jsonl", "it is evidence: what the run judged can no longer be shown"),
        ("policies/house.yaml", "it is evidence: what the run judged can no longer be shown"),
    ],
)
@pytest.mark.parametrize("content", [b'{"action": 1}\n', None])
def test_what_was_lost_with_a_file_is_told_by_what_it_was(folder, capsys, name, hint, content):
    check("--report", "html=r.html")
    (run,) = runs(folder)
    path = run / name
    path.unlink() if content is None else path.write_bytes(content)
    capsys.readouterr()
    # and once only: nobody knows what it was like when the run was sealed
    ((message, said),) = lost(run, name, capsys)
    assert message == (
        "was altered after the run" if content is not None else "cannot be read: no such file or directory"
    )
    assert said.endswith(hint)
    assert (main(["report", str(run)]) == 2) is not name.startswith("reports/")


def test_a_run_that_later_ones_name_was_not_interrupted(folder, capsys):
    check()
    check()
    first, second = runs(folder)
    (first / "manifest.json").unlink()
    capsys.readouterr()
    commands = [(["verify", "runs"], 1), (["verify", str(first)], 1), (["report", str(first)], 2)]
    for command, code in commands:
        assert main(command) == code
        said = capsys.readouterr()
        assert f"its manifest.json is not there any more: run {second.name} names it" in said.err
        assert "interrupted" not in said.out + said.err
        assert "--resume" not in said.out + said.err
