"""`verify` tells of interrupted runs, and never calls a store good in which nothing was verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.cli import main
from checker.runs.local_store import LocalStore

RUN = "20260102T000000Z-0123abcd"
ANSWER = {
    "datastoreId": "0123456789abcdef0123456789abcdef",
    "imageSetId": "18f88ac7870584f58d56256646b4d92b",
    "versionId": "1",
    "imageSetState": "ACTIVE",
    "imageSetWorkflowStatus": "CREATED",
    "createdAt": "2026-01-01T00:00:00Z",
}
POLICY = """\
version: 1
policies: [pack:healthimaging-integrity]
runs: runs/
targets: [{name: all, datastore: 0123456789abcdef0123456789abcdef, image_sets: all, region: us-east-1}]
"""
TOLD = f"interrupted  {RUN}: it was interrupted: `check --resume runs/{RUN}` goes on with it\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def begun(runs: str = "runs", run: str = RUN) -> None:
    LocalStore(Path(runs)).claim(run, {"name": "archive", "as_of": "2026-01-02T00:00:00Z"})


def complete() -> None:
    Path("sets.json").write_text(json.dumps([ANSWER]))
    recorded = ["-p", "pack:healthimaging-integrity", "--image-sets", "sets.json", "--as-of", "2026-01-02"]
    main(["check", *recorded, "--runs", "runs", "--quiet"])


def test_a_store_of_nothing_but_interrupted_runs_is_not_verified(capsys: pytest.CaptureFixture[str]) -> None:
    begun()
    assert main(["verify", "runs"]) == 3
    assert capsys.readouterr().out == TOLD
    assert main(["verify", "runs", "--json"]) == 3
    (item,) = json.loads(capsys.readouterr().out)
    assert (item["run"], item["interrupted"], item["intact"]) == (RUN, True, False)
    assert item["notes"] == [f"it was interrupted: `check --resume runs/{RUN}` goes on with it"]
    Path("audit.yaml").write_text(POLICY)
    assert main(["verify"]) == 3
    assert RUN in capsys.readouterr().out


def test_interrupted_runs_are_told_beside_complete_ones_and_change_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    complete()
    begun()
    begun("other")
    capsys.readouterr()
    assert main(["verify", "runs"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ok ")
    assert out.endswith(TOLD)
    # of each place that is named something must have been verified
    assert main(["verify", "runs", "other"]) == 3
    (findings,) = Path("runs").glob("*/findings.parquet")
    findings.write_bytes(b"")
    assert main(["verify", "runs"]) == 1


def test_a_folder_of_a_run_in_which_nothing_is_leads_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs", RUN).mkdir(parents=True)
    assert main(["verify", "runs"]) == 3
    told = f"interrupted  {RUN}: it has no started.json, so that nothing goes on with it: begin a new run\n"
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_where_there_is_no_run_nobody_says_that_one_was_interrupted(
    capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    Path("runs").mkdir()
    assert main(["verify", "runs", *options]) == 2
    captured = capsys.readouterr()
    assert "runs: error: there is no run here" in captured.err
    assert "interrupted" not in captured.err
    assert captured.out == ""
