"""`check --resume`: what an interrupted run has collected is not asked for again, and the findings are the same."""

from __future__ import annotations

import fcntl
import json
import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from load_server.faults import WireFault

from checker.cli import main
from checker.simulator.faults import ModelError
from tests.budgets import examples
from tests.cli.scale import POLICY, STORE, Audit, chain, move, served, store

AS_OF = ("--as-of", "2026-01-01T00:00:00Z")
TAGS = POLICY + "  - {id: owned, title: Somebody owns it, severity: low, deny: {tags.owner: nobody}}\n"


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


def cut(run: Path, to: Path, size: int) -> Path:
    """The folder of a run as it was when so many bytes of its records were on the disk."""
    to.mkdir(parents=True)
    shutil.copy(run / "started.json", to)
    shutil.copy(run / "records.jsonl", to)
    chain(to)
    (to / "records.jsonl").write_bytes((run / "records.jsonl").read_bytes()[:size])
    return to


def plain(records: list[dict[str, Any]]) -> list[str]:
    """What records are of, and what is said of their state; not when they were collected, nor by which of two calls."""

    def key(item: dict[str, Any]) -> dict[str, Any]:
        last = item.get("imageSetPropertiesList", [item])[-1]
        known = {name: last[name] for name in ("versionId", "imageSetState") if "imageSetState" in last}
        kind = item.get("action") if item.get("action") != "ListImageSetVersions" else None
        return {"call": kind, "id": item.get("imageSetId"), **known}

    return sorted(json.dumps(key(record), sort_keys=True) for record in records)


@pytest.mark.parametrize("policy", [POLICY, TAGS])
def test_wherever_a_run_is_cut_off_it_ends_as_if_it_had_not_been(tmp_path: Path, policy: str) -> None:
    dice = random.Random(5)
    with served(store(120)) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write(policy)
        code = audit.check(*AS_OF)
        (whole,) = audit.runs
        findings, records = audit.findings(), plain(audit.records())
        shutil.move(whole, tmp_path / "whole")
        length = (tmp_path / "whole" / "records.jsonl").stat().st_size
        for size in [0, length, length - 1, *(dice.randrange(length) for _ in range(examples(4, 20)))]:
            run = cut(tmp_path / "whole", audit.folder / "runs" / whole.name, size)
            there = (run / "records.jsonl").read_bytes().count(b"\n")
            assert audit.check("--resume", run.as_posix()) == code
            assert audit.findings() == findings
            assert plain(audit.records()) == records
            asked = sum(
                count
                for name, count in audit.calls().items()
                if name not in ("SearchImageSets", "GetDatastore")
            )
            assert asked <= len(records) - there + 60
            shutil.rmtree(run)


def test_what_was_found_to_the_last_is_not_searched_again(tmp_path: Path) -> None:
    with served(store(120)) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        audit.check(*AS_OF)
        (whole,) = audit.runs
        shutil.move(whole, tmp_path / "whole")
        lines = (tmp_path / "whole" / "records.jsonl").read_bytes().splitlines(keepends=True)
        asked = [line for line in lines if b'"imageSetState"' in line or b'"imageSetPropertiesList"' in line]
        run = cut(tmp_path / "whole", audit.folder / "runs" / whole.name, 0)
        (run / "records.jsonl").write_bytes(b"".join(line for line in lines if line not in asked[-30:]))
        chain(run)
        audit.check("--resume", run.as_posix())
    calls = audit.calls()
    assert "SearchImageSets" not in calls
    assert calls["GetImageSet"] + calls["ListImageSetVersions"] == 30


def test_what_was_found_and_not_asked_about_is_asked_about_though_no_search_lists_it_any_more(
    tmp_path: Path,
) -> None:
    with served(store(120, deleted=0.0, deleted_found=False)) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        audit.check(*AS_OF)
        (whole,) = audit.runs
        shutil.move(whole, tmp_path / "whole")
        lines = (tmp_path / "whole" / "records.jsonl").read_bytes().splitlines(keepends=True)
        found = [line for line in lines if b'"SearchImageSets"' in line and b"listedSince" not in line]
        run = cut(tmp_path / "whole", audit.folder / "runs" / whole.name, 0)
        (run / "records.jsonl").write_bytes(b"".join(found[:80]))
        chain(run)
        move(server, 0.3, gone=1.0)
        audit.check("--resume", run.as_posix())
    names = {json.loads(line)["imageSetId"] for line in found[:80]}
    gone = {
        record["imageSetId"]
        for record in audit.records()
        if (record.get("error") or {}).get("code") == "ResourceNotFoundException"
    }
    assert 10 < len(gone) < 40
    assert gone < names
    assert {finding["imageSetId"] for finding in audit.findings() if finding["rule"] == "found"} >= gone
    assert not [finding for finding in audit.findings() if finding["reason"] == "NotRecorded"]


def test_an_incremental_run_is_resumed(tmp_path: Path) -> None:
    with served(store(120)) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        audit.check(*AS_OF)
        move(server, 0.2, gone=0.5)
        code = audit.check("--as-of", "2026-01-02T00:00:00Z")
        findings, records = audit.findings(), plain(audit.records())
        second = audit.runs[-1]
        shutil.move(second, tmp_path / "whole")
        length = (tmp_path / "whole" / "records.jsonl").stat().st_size
        for size in (length // 5, length // 2, length - 200):
            run = cut(tmp_path / "whole", audit.folder / "runs" / second.name, size)
            assert audit.check("--resume", run.as_posix()) == code
            assert (audit.findings(), plain(audit.records())) == (findings, records)
            shutil.rmtree(run)


def test_what_failed_is_asked_for_again(tmp_path: Path) -> None:
    denied = WireFault("GetImageSet", ModelError("AccessDeniedException", "no"))
    with served(store(30), faults=[denied]) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        audit.check(*AS_OF)
        (run,) = audit.runs
        assert [record for record in audit.records() if "error" in record]
        server.ask(lambda service: service.gate.faults.clear())
        (run / "manifest.json").unlink()
        chain(run)
        audit.check("--resume", run.as_posix())
        assert not [record for record in audit.records() if "error" in record]


def test_after_kill_9_it_goes_on(tmp_path: Path) -> None:
    with served(store(400), latency=0.05) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        options: list[str] = list(AS_OF)
        for wanted in (20, 300, 500):
            process = subprocess.Popen(audit.process(*options), stderr=subprocess.DEVNULL)
            _wait_for(audit, wanted)
            process.kill()
            process.wait()
            options = ["--resume", audit.runs[0].as_posix()]
        assert audit.check(*options) in (0, 1, 3)
        findings = audit.findings()
        other = Audit(tmp_path / "other", server.url)
        other.write()
        other.check(*AS_OF)
    assert other.findings() == findings
    assert plain(other.records()) == plain(audit.records())


def _wait_for(audit: Audit, lines: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        files = list(audit.folder.glob("runs/*/records.jsonl"))
        if files and files[0].read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.01)
    raise AssertionError("the run does not get on")


def interrupted(tmp_path: Path, url: str) -> tuple[Audit, Path]:
    audit = Audit(tmp_path / "audit", url)
    audit.write()
    audit.check(*AS_OF)
    (run,) = audit.runs
    (run / "manifest.json").unlink()
    chain(run)
    return audit, run


def test_a_damaged_line_in_the_middle_is_no_interruption(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(store(5)) as server:
        audit, run = interrupted(tmp_path, server.url)
        records = run / "records.jsonl"
        lines = records.read_bytes().splitlines(keepends=True)
        records.write_bytes(b"".join([lines[0], lines[1][:20] + b"\n", *lines[2:]]))
        before = records.read_bytes()
        assert audit.check("--resume", run.as_posix()) == 2
        assert (
            f"{records.as_posix()}:2: error: the line is not the one that the run wrote here"
            in capsys.readouterr().err
        )
        assert records.read_bytes() == before


@pytest.mark.parametrize("what", ["policy", "audit", "rule", "refresh"])
def test_a_run_goes_on_with_what_it_began_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    with served(store(5)) as server:
        audit, run = interrupted(tmp_path, server.url)
        options = {"rule": ["--rule", "found"], "refresh": ["--refresh"]}.get(what, [])
        if what in ("policy", "audit"):
            audit.write(
                POLICY + "# changed\n" if what == "policy" else POLICY,
                "gate: {fail_on: high}\n" if what == "audit" else "",
            )
        before = {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()}
        assert audit.check("--resume", run.as_posix(), *options) == 2
    said = {
        "policy": ("other policies", "the same policies"),
        "audit": (
            "another audit.yaml, another gate (--fail-on, --new-only)",
            "the same audit.yaml, the same gate (fail_on: low, on_unknown: incomplete)",
        ),
        "rule": ("other rules (--rule, --skip-rule, --tag)", "the same --rule, --skip-rule and --tag"),
        "refresh": ("another --target, --events or --refresh", "the same --target, --events and --refresh"),
    }
    assert (
        f"the run was begun with {said[what][0]}\nhelp: repeat {said[what][1]}; or" in capsys.readouterr().err
    )
    assert {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_goes_on_with_the_targets_that_it_began_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = f'image_sets: all}}, {{name: other, datastore: "{STORE}", image_sets: all'
    with served(store(5)) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write(target=both)
        audit.check(*AS_OF)
        (run,) = audit.runs
        (run / "manifest.json").unlink()
        chain(run)
        assert audit.check("--resume", run.as_posix(), "--target", "all") == 2
        assert "begun with another --target, --events or --refresh" in capsys.readouterr().err
        assert audit.check("--resume", run.as_posix()) in (0, 1, 3)


def test_what_was_asked_before_the_interruption_is_counted_too(tmp_path: Path) -> None:
    with served(store(60)) as server:
        audit, run = interrupted(tmp_path, server.url)
        assert not (run / "asked.json").exists()
        lines = (run / "records.jsonl").read_bytes().splitlines(keepends=True)
        (run / "records.jsonl").write_bytes(b"".join(lines[:-20]))
        chain(run)
        before = {"calls": {"SearchImageSets": 7}, "traffic": {"throttled": 3, "waited_seconds": 0.5}}
        (run / "asked.json").write_text(json.dumps(before))
        audit.check("--resume", run.as_posix())
        traffic = json.loads((run / "manifest.json").read_bytes())["traffic"]
        assert audit.calls()["SearchImageSets"] >= 7
        assert (traffic["throttled"], traffic["waited_seconds"] >= 0.5) == (3, True)
        assert not (run / "asked.json").exists()
        assert main(["verify", run.as_posix()]) == 0


def test_a_run_that_is_killed_leaves_behind_what_it_asked(tmp_path: Path) -> None:
    with served(store(400), latency=0.05) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        process = subprocess.Popen(audit.process(*AS_OF), stderr=subprocess.DEVNULL)
        _wait_for(audit, 500)
        process.kill()
        process.wait()
    (asked,) = audit.folder.glob("runs/*/asked.json")
    assert json.loads(asked.read_bytes())["calls"]["SearchImageSets"] > 0


@pytest.mark.parametrize("command", [["verify"], ["report"], ["check", "--evidence"]])
def test_whoever_meets_an_interrupted_run_is_told_of_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    with served(store(5)) as server:
        _, run = interrupted(tmp_path, server.url)
    assert main([*command, run.as_posix()]) == 2
    help_line = f"help: it was interrupted: `check --resume {run.as_posix()}` goes on with it"
    assert help_line in capsys.readouterr().err


def test_the_list_says_whose_an_interrupted_run_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(store(5)) as server:
        _, run = interrupted(tmp_path, server.url)
    capsys.readouterr()
    main(["runs", "list", run.parent.as_posix()])
    (line,) = [item for item in capsys.readouterr().out.splitlines() if run.name in item]
    assert "scale" in line
    assert "2026-01-01T00:00:00Z" in line


def test_a_complete_run_is_not_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(store(5)) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        audit.check(*AS_OF)
        assert audit.check("--resume", audit.runs[0].name) == 2
    assert "the run is complete" in capsys.readouterr().err


def test_a_run_that_somebody_works_on_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(store(5)) as server:
        audit, run = interrupted(tmp_path, server.url)
        with (run / "started.json").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            assert audit.check("--resume", run.as_posix()) == 2
        assert "another process is at work on this run" in capsys.readouterr().err
        assert audit.check("--resume", run.as_posix()) in (0, 1, 3)


@pytest.mark.parametrize("options", [["--image-sets", "x.json"], ["--evidence", "x"]])
def test_only_an_audit_of_the_service_is_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    with served(store(5)) as server:
        audit, run = interrupted(tmp_path, server.url)
        assert audit.check("--resume", run.as_posix(), *options) == 2
    assert "does not go with --resume" in capsys.readouterr().err


def test_two_audits_into_one_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    with served(store(200), latency=0.01) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        processes = [subprocess.Popen(audit.process(*AS_OF), stderr=subprocess.DEVNULL) for _ in range(2)]
        codes = [process.wait(60) for process in processes]
    assert codes[0] == codes[1]
    assert len(audit.runs) == 2
    assert plain(audit.records(0)) == plain(audit.records(1))


def test_the_records_of_a_search_are_judged_as_recorded_answers_too(tmp_path: Path) -> None:
    with served(store(60, statuses={"UPDATE_FAILED": 0.3})) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        audit.check(*AS_OF)
    live = {
        (finding["rule"], finding["imageSetId"], finding["verdict"], finding["reason"])
        for finding in audit.findings()
    }
    records = audit.runs[0] / "records.jsonl"
    report = f"json={(audit.folder / 'results.json').as_posix()}"
    policy = str(audit.folder / "policy.yaml")
    main(["check", "-p", policy, "--image-sets", str(records), *AS_OF, "--quiet", "--report", report])
    again = {
        (finding["rule"], finding["imageSetId"], finding["verdict"], finding["reason"])
        for finding in audit.findings()
    }
    assert again == live
