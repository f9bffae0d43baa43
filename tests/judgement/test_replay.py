"""A kept run judged again: the same by what it was judged by, whatever the machine; otherwise by something else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import checker
from checker.cli import main
from tests.answers import answer, failure

PACKS = Path(__file__).parents[2] / "rules" / "healthimaging"
FORCED, HEALTHY, DELETED, LOST = (f"{number:032x}" for number in range(1, 5))
POLICY = """\
version: 1
pack: house
labels: {ward: {type: string, one_of: [adult, paediatric]}}
params: {window: {type: duration, default: 30d}}
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
  - {id: recent, title: Recent, severity: medium, deny: {imageSetState: DELETED, deletedAt: {younger_than: $window}}}
  - {id: dated, title: Dated, severity: low, when: {labels.ward: adult}, require: {createdAt: {exists: true}}}
"""


ANSWERS = [
    answer(FORCED, overrides={"forced": True}, labels={"ward": "adult"}),
    answer(HEALTHY),
    answer(
        DELETED, imageSetState="DELETED", imageSetWorkflowStatus="DELETED", deletedAt="2026-01-05T00:00:00Z"
    ),
    failure(LOST, "ThrottlingException", "slow"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "sets.json").write_text(json.dumps(ANSWERS))
    return tmp_path


def check(*options):
    given = ["check", "-p", "p.yaml", "--image-sets", "sets.json", "--as-of", "2026-01-10", "--runs", "runs"]
    return main([*given, "-q", *options])


def only_run(folder):
    (run,) = (folder / "runs").iterdir()
    return run


def document(path):
    return json.loads(Path(path).read_text())


def test_reports_of_a_kept_run_are_those_that_the_run_wrote(folder):
    assert check("--report", "json=a.json", "--report", "junit=a.xml") == 1
    (folder / "p.yaml").unlink()
    (folder / "sets.json").unlink()
    run = str(only_run(folder))
    assert main(["report", run, "--report", "json=b.json", "--report", "junit=b.xml"]) == 0
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()
    assert (folder / "a.xml").read_bytes() == (folder / "b.xml").read_bytes()


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/St_Johns"])
def test_another_machine_in_another_time_zone_replays_to_the_same_bytes(folder, zone):
    check("--report", "json=a.json")
    run = only_run(folder)
    elsewhere = folder / "elsewhere"
    shutil.copytree(run, elsewhere / run.name)
    shutil.rmtree(folder / "runs")
    command = [sys.executable, "-m", "checker", "report", str(elsewhere / run.name), "--report", "json=-"]
    done = subprocess.run(
        command, capture_output=True, check=True, cwd=elsewhere, env={**os.environ, "TZ": zone, "LC_ALL": "C"}
    )
    assert done.stdout == (folder / "a.json").read_bytes()


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system cannot be told how many cores to use"
)
@pytest.mark.parametrize("cores", [1, 2])
def test_any_number_of_workers_replays_to_the_same_bytes(folder, cores):
    sets = [answer(f"{number:032x}", overrides={"forced": number % 3 == 0}) for number in range(10_000)]
    (folder / "sets.json").write_text("\n".join(map(json.dumps, sets)))
    check("--report", "json=a.json")
    command = [sys.executable, "-m", "checker", "report", str(only_run(folder)), "--report", "json=-"]
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    done = subprocess.run(
        command, capture_output=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, chosen)
    )
    assert done.stdout == (folder / "a.json").read_bytes()


@pytest.mark.parametrize("name", ["pack:healthimaging-integrity", str(PACKS / "integrity.yaml")])
def test_shipped_packs_and_their_controls_replay_to_the_same_bytes(folder, name):
    options = ["-p", name, "--report", "json=a.json"]
    check(*options)
    main(["report", str(only_run(folder)), "--report", "json=b.json"])
    assert document("a.json")["summary"]["controls"]
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()


def test_a_run_folder_is_not_written_to_by_what_reads_it(folder):
    check()
    run = only_run(folder)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    main(["check", "--evidence", str(run), "-q"])
    main(["report", str(run)])
    main(["verify", str(run)])
    main(["explain", "unforced", FORCED, "--evidence", str(run)])
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_evidence_is_judged_again_by_its_own_policies(folder):
    check("--report", "json=a.json")
    assert main(["check", "--evidence", str(only_run(folder)), "-q", "--report", "json=b.json"]) == 1
    first, again = document("a.json"), document("b.json")
    assert first["findings"] == again["findings"]
    assert first["summary"] == again["summary"]
    assert again["run"]["as_of"] == first["run"]["as_of"]
    assert not again["run"]["hypothetical"] or first["run"]["hypothetical"]


def test_another_instant_is_hypothetical_and_changes_what_time_changes(folder):
    check("--report", "json=a.json")
    run = str(only_run(folder))
    main(["check", "--evidence", run, "--as-of", "2026-06-01", "-q", "--report", "json=b.json"])
    verdicts = {finding["rule"] for finding in document("b.json")["findings"] if finding["verdict"] == "fail"}
    assert {
        finding["rule"] for finding in document("a.json")["findings"] if finding["verdict"] == "fail"
    } == {
        "unforced",
        "recent",
    }
    assert verdicts == {"unforced"}
    assert document("b.json")["run"]["hypothetical"]


def test_another_parameter_counts(folder):
    check()
    run = str(only_run(folder))
    main(["check", "--evidence", run, "--param", "window=1d", "-q", "--report", "json=b.json"])
    assert not [
        finding
        for finding in document("b.json")["findings"]
        if finding["rule"] == "recent" and finding["verdict"] == "fail"
    ]


def test_next_years_policy_judges_last_years_evidence(folder):
    check()
    (folder / "next.yaml").write_text(
        POLICY.replace("deny: {overrides.forced: true}", "deny: {versionId: 1}")
    )
    run = str(only_run(folder))
    assert main(["check", "--evidence", run, "-p", "next.yaml", "-q", "--report", "json=b.json"]) == 1
    assert sum(finding["rule"] == "unforced" for finding in document("b.json")["findings"]) == 4


def test_what_the_run_did_not_ask_for_is_unknown_to_a_new_rule_and_never_a_pass(folder):
    check()
    (folder / "next.yaml").write_text(
        "version: 1\npack: next\nrules:\n"
        "  - {id: versions, title: V, severity: high, scope: version, deny: {overrides.forced: true}}\n"
        "  - {id: tagged, title: T, severity: high, require: {tags.Owner: {exists: true}}}\n"
        "  - {id: store, title: S, severity: high, require: {datastore.kmsKeyArn: {exists: true}}}\n"
    )
    run = str(only_run(folder))
    assert main(["check", "--evidence", run, "-p", "next.yaml", "-q", "--report", "json=b.json"]) == 3
    rules = {rule["id"]: rule for rule in document("b.json")["summary"]["rules"]}
    assert [(rule["subjects"], rule["unknown"]) for rule in rules.values()] == [(4, 4)] * 3


def test_labels_that_do_not_fit_a_new_policys_declarations_are_told(folder, capsys):
    check()
    for kind in ("boolean", "integer", "duration", "date", "{type: string, one_of: [mammography]}"):
        declared = kind if kind.startswith("{") else f"{{type: {kind}}}"
        (folder / "next.yaml").write_text(
            f"version: 1\npack: next\nlabels: {{ward: {declared}}}\n"
            "rules:\n  - {id: a, title: A, severity: high, require: {labels.ward: {exists: true}}}\n"
        )
        run = str(only_run(folder))
        assert main(["check", "--evidence", run, "-p", "next.yaml", "-q"]) == 2, kind
        assert "ward" in capsys.readouterr().err


def test_a_replay_that_is_kept_is_whole_and_says_whose_evidence_it_is(folder):
    check()
    run = only_run(folder)
    assert main(["check", "--evidence", str(run), "--as-of", "2026-06-01", "--runs", "again", "-q"]) == 1
    (again,) = (folder / "again").iterdir()
    assert document(again / "manifest.json")["replay_of"] == run.name
    assert main(["verify", str(again)]) == 0


def test_the_library_replays_too(folder):
    check("--report", "json=a.json")
    run = checker.replay(checker.reopen(only_run(folder)))
    checker.report(run, {"json": "b.json"})
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()


def test_the_clock_of_the_machine_does_not_count(folder, monkeypatch):
    check("--report", "json=a.json")
    time_machine = pytest.importorskip("time_machine")
    with time_machine.travel("2031-05-05T05:05:05Z", tick=False):
        assert time.time() > 1.9e9
        main(["report", str(only_run(folder)), "--report", "json=b.json"])
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()
