"""What is new against an earlier run, and what the gate makes of it."""

from __future__ import annotations

import json

import pytest

from checker.cli import main
from tests.answers import answer

ONE, TWO = f"{1:032x}", f"{2:032x}"
POLICY = """\
version: 1
pack: house
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
"""
FORCED = {"overrides": {"forced": True}}


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Checks answers; the exit code, and the findings by image set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)

    def run(*answers, options=("--new-only",)):
        (tmp_path / "sets.json").write_text(json.dumps(answers))
        given = ["check", "-p", "p.yaml", "--image-sets", "sets.json", "--runs", "runs", "-q", *options]
        code = main([*given, "--report", "json=r.json"])
        findings = json.loads((tmp_path / "r.json").read_text())["findings"]
        return code, {finding["imageSetId"]: finding["gated"] for finding in findings}

    return run


def test_on_the_first_run_everything_is_new(check):
    assert check(answer(ONE, **FORCED)) == (1, {ONE: True})


def accept(run="latest"):
    assert main(["baseline", "accept", f"runs/{run}", "--reason", "agreed", "--by", "Ada"]) == 0


def test_an_accepted_fail_does_not_count_and_stays_visible(check):
    check(answer(ONE, **FORCED), answer(TWO))
    accept()
    assert check(answer(ONE, **FORCED), answer(TWO)) == (0, {ONE: False})
    assert check(answer(ONE, **FORCED), answer(TWO, **FORCED)) == (1, {ONE: False, TWO: True})


def test_a_fail_of_another_version_is_new(check):
    check(answer(ONE, **FORCED))
    accept()
    assert check(answer(ONE, versionId="2", **FORCED)) == (1, {ONE: True})


def test_a_fail_that_could_not_be_found_out_before_is_new(check):
    check(
        {"datastoreId": "0" * 32, "imageSetId": ONE, "error": {"code": "ThrottlingException", "message": ""}}
    )
    assert check(answer(ONE, datastoreId="0" * 32, **FORCED)) == (1, {ONE: True})


def test_an_unknown_counts_although_it_was_there_for_it_may_hide_a_new_fail(check):
    lost = {
        "datastoreId": "0" * 32,
        "imageSetId": ONE,
        "error": {"code": "ThrottlingException", "message": ""},
    }
    check(lost, answer(TWO))
    assert check(lost, answer(TWO)) == (3, {ONE: True})


def test_a_fail_that_came_back_is_new(check):
    check(answer(ONE, **FORCED))
    accept()
    assert check(answer(ONE, **FORCED))[0] == 0
    check(answer(ONE))
    assert check(answer(ONE, **FORCED)) == (1, {ONE: True})


def test_a_hypothetical_run_is_nothing_to_compare_with(check):
    check(answer(ONE))
    check(answer(ONE, **FORCED), options=("--as-of", "2030-01-01"))
    assert check(answer(ONE, **FORCED)) == (1, {ONE: True})


def test_evidence_judged_again_is_nothing_to_compare_with(check, tmp_path):
    check(answer(ONE))
    (run,) = (tmp_path / "runs").iterdir()
    (tmp_path / "other.yaml").write_text(POLICY.replace("overrides.forced: true", "versionId: 1"))
    assert main(["check", "--evidence", str(run), "-p", "other.yaml", "--runs", "runs", "-q"]) == 1
    assert check(answer(ONE, **FORCED)) == (1, {ONE: True})


def test_a_waived_fail_whose_waiver_ended_is_new(check, tmp_path):
    (tmp_path / "w.yaml").write_text(
        "version: 1\nwaivers:\n"
        f"  - {{rule: house/unforced, image_sets: ['{ONE}'], reason: r, owner: a, approved_by: b,"
        " created: 2020-01-01, expires: 2020-03-01}\n"
    )
    early = ("--waivers", "w.yaml", "--as-of", "2020-02-01")
    assert check(answer(ONE, **FORCED), options=early)[0] == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert (
        check(answer(ONE, **FORCED), options=("--new-only", "--baseline", run.name, "--waivers", "w.yaml"))[0]
        == 1
    )


def test_a_run_can_be_compared_with_one_that_is_named(check, tmp_path):
    check(answer(ONE))
    (first,) = (tmp_path / "runs").iterdir()
    check(answer(ONE, **FORCED))
    accept()
    assert check(answer(ONE, **FORCED))[0] == 0
    assert check(answer(ONE, **FORCED), options=("--new-only", "--baseline", first.name))[0] == 1


def test_a_run_to_compare_with_that_is_not_there_is_told(check, capsys):
    check(answer(ONE))
    code, _ = check(answer(ONE, **FORCED), options=("--new-only", "--baseline", "nope"))
    assert code == 2
    assert "nope: error: there is no such run in " in capsys.readouterr().err
