"""What somebody may do to a store of runs, and what comes of it."""

from __future__ import annotations

import json
import shutil

import pytest

from checker.cli import main
from checker.runs.local_store import open_store
from checker.runs.run_folder import digests
from judgement.test_verification import reseal
from tests.answers import answer
from tests.copies import run_or_copy

ONE, TWO = f"{1:032x}", f"{2:032x}"
FORCED = [answer(ONE, overrides={"forced": True}), answer(TWO)]
GOOD = [answer(ONE), answer(TWO)]
POLICY = """\
version: 1
pack: house
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
"""


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)

    def run(answers, *options, runs="runs"):
        (tmp_path / "sets.json").write_text(json.dumps(answers))
        arguments = ["-p", "p.yaml", "--image-sets", "sets.json", "--runs", runs, "-q", *options]
        return run_or_copy(tmp_path, "check", *arguments)

    return run


def runs(folder, name="runs"):
    store = open_store(str(folder / name))
    return [folder / name / item for item in store.sealed()]


def rewrite(run, **said):
    manifest = json.loads((run / "manifest.json").read_text()) | said
    content = json.dumps(manifest).encode()
    (run / "manifest.json").write_bytes(content)
    (run / "manifest.json.sha256").write_bytes(digests(content, None))


@pytest.mark.parametrize(
    "pruned",
    ["", "{}", '{"at": "2026-01-01T00:00:00Z", "keep": "6y"}', '{"at": "2099-01-01T00:00:00Z", "keep": "x"}'],
)
def test_a_run_of_which_files_are_gone_is_not_pruned_because_a_file_says_so(check, tmp_path, capsys, pruned):
    check(FORCED)
    (run,) = runs(tmp_path)
    (run / "findings.parquet").unlink()
    shutil.rmtree(run / "policies")
    (run / "pruned.json").write_text(pruned)
    assert main(["verify", str(run)]) == 1
    assert "pruned.json: error:" in capsys.readouterr().err


def test_what_is_left_of_a_pruned_run_is_still_verified(check, tmp_path, capsys):
    check(FORCED)
    (run,) = runs(tmp_path)
    (run / "pruned.json").write_text('{"at": "2099-01-01T00:00:00Z", "keep": "6y"}')
    with (run / "records.jsonl").open("a") as file:
        file.write(" ")
    assert main(["verify", str(run)]) == 1
    assert "records.jsonl: error: was altered" in capsys.readouterr().err


def test_a_damaged_manifest_stops_the_next_audit(check, tmp_path, capsys):
    check(FORCED)
    check(GOOD)
    path = runs(tmp_path)[-1] / "manifest.json"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    assert check(FORCED, "--new-only") == 2
    assert "manifest.json: error: the manifest is damaged" in capsys.readouterr().err


def test_a_manifest_that_was_altered_is_used_by_nothing(check, tmp_path, capsys):
    check(FORCED)
    (run,) = runs(tmp_path)
    path = run / "manifest.json"
    path.write_text(path.read_text().replace('"fail_on": "low"', '"fail_on": "never"'))
    for command in (["check", "-q", "--evidence"], ["report"], ["explain", "unforced", ONE, "--evidence"]):
        assert main([*command, str(run)]) == 2
        assert "does not fit manifest.json.sha256" in capsys.readouterr().err
    assert check(FORCED) == 2


def test_an_altered_manifest_that_a_later_run_names_stops_the_next_audit(check, tmp_path, capsys):
    check(FORCED)
    check(GOOD)
    rewrite(runs(tmp_path)[0], name="another audit")
    assert check(FORCED) == 2
    assert "a later run names another" in capsys.readouterr().err


def test_a_clock_that_was_wrong_does_not_make_a_run_the_last_one(check, tmp_path):
    check(FORCED)
    rewrite(runs(tmp_path)[0], sealed_at="2099-01-01T00:00:00Z")
    assert check(GOOD) == 0
    assert check(FORCED, "--new-only") == 1
    _, second, third = runs(tmp_path)
    shutil.move(second, tmp_path / "aside")
    assert main(["verify", str(third)]) == 1


def test_runs_that_were_sealed_at_the_same_time_are_both_named_by_the_next_one(check, tmp_path, capsys):
    check(FORCED)
    shutil.copytree(tmp_path / "runs", tmp_path / "other")
    check(GOOD)
    check(GOOD, "--rule", "unforced", runs="other")
    (fork,) = [run for run in runs(tmp_path, "other") if run.name != runs(tmp_path)[0].name]
    shutil.move(fork, tmp_path / "runs" / fork.name) if not (tmp_path / "runs" / fork.name).exists() else None
    check(FORCED)
    last = json.loads((runs(tmp_path)[-1] / "manifest.json").read_text())
    assert len(last["previous"]) == 2
    assert main(["verify", "runs"]) == 0
    shutil.rmtree(tmp_path / "runs" / fork.name)
    assert main(["verify", "runs"]) == 1
    assert fork.name in capsys.readouterr().err


def test_a_link_in_the_place_of_a_file_does_not_verify(check, tmp_path, capsys):
    check(FORCED)
    (run,) = runs(tmp_path)
    shutil.move(run / "records.jsonl", tmp_path / "elsewhere")
    (run / "records.jsonl").symlink_to(tmp_path / "elsewhere")
    (run / "dangling").symlink_to("nowhere")
    assert main(["verify", str(run)]) == 1
    err = capsys.readouterr().err
    assert "records.jsonl: error: is a link" in err
    assert "dangling: error: was added after the run" in err


def test_a_run_in_the_place_of_another_one_is_neither_verified_nor_used(check, tmp_path, capsys):
    check(FORCED)
    check(GOOD)
    first, second = runs(tmp_path)
    shutil.rmtree(second)
    shutil.copytree(first, second)
    assert main(["verify", str(second)]) == 1
    assert f"this is the manifest of run {first.name}" in capsys.readouterr().err
    assert main(["report", str(second)]) == 2
    assert check(FORCED, "--new-only") == 2


def test_a_stronger_rule_of_the_same_id_has_new_fails(check, tmp_path):
    weak = POLICY.replace("severity: high", "severity: info")
    (tmp_path / "p.yaml").write_text(weak)
    check(FORCED)
    assert check(FORCED, "--new-only") == 0
    (tmp_path / "p.yaml").write_text(POLICY)
    # until somebody accepts it, it stays red
    assert [check(FORCED, "--new-only") for _ in range(2)] == [1, 1]
    (tmp_path / "p.yaml").write_text(POLICY.replace("overrides.forced: true", "imageSetState: ACTIVE"))
    assert check(FORCED, "--new-only") == 1
    # texts and places are no other rule
    (tmp_path / "p.yaml").write_text("# a comment\n" + POLICY.replace("title: Unforced", "title: Other"))
    check(FORCED)
    assert main(["baseline", "accept", "runs/latest", "--reason", "r", "--by", "b"]) == 0
    (tmp_path / "p.yaml").write_text(POLICY)
    assert check(FORCED, "--new-only") == 0


AUDIT = """\
version: 1
name: recorded
policies: [p.yaml]
rules: {{house/unforced: {{severity: critical}}}}
targets: [{{name: t1, region: us-east-1, datastore: "{0}", image_sets: ["{0}"]}}]
waivers: {{file: w.yaml, max_duration: {{critical: 30d}}}}
gate: {1}
runs: runs
"""
WAIVER = """\
version: 1
waivers:
  - {{rule: house/unforced, image_sets: ["{}"], reason: r, owner: a, approved_by: b, created: 2026-01-01, expires: {}}}
"""


def test_waivers_for_kept_evidence_are_held_to_its_own_audit(check, tmp_path, capsys):
    (tmp_path / "audit.yaml").write_text(AUDIT.format(ONE, "{}"))
    (tmp_path / "w.yaml").write_text(WAIVER.format(ONE, "2026-01-20"))
    (tmp_path / "sets.json").write_text(json.dumps(FORCED))
    main(["check", "-c", "audit.yaml", "--image-sets", "sets.json", "-q"])
    (run,) = runs(tmp_path)
    (tmp_path / "long.yaml").write_text(WAIVER.format(ONE, "2026-03-20"))
    assert main(["check", "--evidence", str(run), "--waivers", "long.yaml", "-q"]) == 2
    assert "a waiver of a rule of severity critical lasts at most 30d" in capsys.readouterr().err


def test_kept_evidence_is_compared_with_the_run_that_the_audit_names(check, tmp_path, capsys):
    check(FORCED)
    check(GOOD)
    check(FORCED)
    first, second, third = runs(tmp_path)
    for name, code in ((first.name, 0), (second.name, 1), ("nope", 2)):
        text = AUDIT.format(ONE, f"{{new_only: {name}}}").replace("rules: {", "# {").replace("waivers", "# ")
        (tmp_path / "audit.yaml").write_text(text)
        assert main(["check", "-c", "audit.yaml", "--evidence", str(third), "-q"]) == code, name
    assert "nope" in capsys.readouterr().err


def test_a_target_that_the_evidence_has_not_is_listed_as_left_out(check, tmp_path):
    check(GOOD)
    (run,) = runs(tmp_path)
    (tmp_path / "audit.yaml").write_text(AUDIT.format(ONE, "{}").replace("waivers", "# "))
    main(["check", "-c", "audit.yaml", "--evidence", str(run), "-q", "--report", "json=r.json"])
    left_out = json.loads((tmp_path / "r.json").read_text())["run"]["left_out"]
    assert [text.split(":")[0] for text in left_out] == ["target t1"]


def test_what_the_run_left_out_is_left_out_of_its_evidence_too(check, tmp_path):
    check(GOOD)
    (run,) = runs(tmp_path)
    rewrite(run, left_out=["target t2"])
    reseal(run)
    main(["check", "--evidence", str(run), "-q", "--report", "json=r.json"])
    assert json.loads((tmp_path / "r.json").read_text())["run"]["left_out"] == ["target t2"]
