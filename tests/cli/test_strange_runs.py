"""What is no run, is not there any more, or is called as no run is, in a store of runs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from checker import api
from checker.cli import main
from checker.problems import InvalidInputError
from checker.runs.local_store import open_store
from checker.runs.run_folder import RunFolderError
from tests.copies import copied
from tests.judgement.test_replay import ANSWERS, POLICY
from tests.runs.folders import add, s3_server

CHECK = ["check", "-q", "-p", "p.yaml", "--image-sets", "sets.json", "--runs", "runs"]


def keep_three(folder: Path) -> tuple[str, ...]:
    (folder / "p.yaml").write_text(POLICY)
    (folder / "sets.json").write_text(json.dumps(ANSWERS))
    for day in (1, 2, 3):
        main([*CHECK, "--as-of", f"2026-01-1{day}"])
    return open_store("runs").sealed()


kept_runs = copied(keep_three)


@pytest.fixture
def runs(
    kept_runs: Callable[[Path], tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    monkeypatch.chdir(tmp_path)
    return [tmp_path / "runs" / name for name in kept_runs(tmp_path)]


def test_a_run_that_was_removed_from_the_middle_is_told_by_the_next_check_and_its_reports(
    runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(runs[1])
    assert main([*CHECK, "--strict-history"]) == 2
    message = f"runs/{runs[2].name}: error: the run before it, {runs[1].name}, is not there any more"
    assert message in capsys.readouterr().err
    assert len(open_store("runs").names()) == 2
    main([*CHECK, "--as-of", "2026-01-14", "--report", "json=out.json", "--report", "html=out.html"])
    assert message.replace("error", "warning") in capsys.readouterr().err
    note = f"Run {runs[1].name} is not there any more: {runs[2].name} names it as the one before it."
    last = Path("runs") / open_store("runs").sealed()[-1]
    assert note in json.loads((last / "manifest.json").read_text())["notes"]
    assert note in Path("out.json").read_text()
    assert note in Path("out.html").read_text()


def test_a_whole_history_is_no_warning(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert runs
    main([*CHECK, "--strict-history", "--as-of", "2026-01-14"])
    assert not capsys.readouterr().err


def test_strict_history_needs_runs(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert runs
    assert main([*CHECK[:-2], "--strict-history"]) == 2
    assert "--strict-history: error:" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a run", "..x", "tab\tbed", "20260101T000000Z-XYZ", "copy"])
def test_what_is_called_as_no_run_is_left_out_with_a_warning(
    runs: list[Path], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs[0], runs[0].with_name(name))
    for command in (
        ["verify", "runs"],
        ["runs", "list", "runs"],
        ["trend", "runs"],
        [*CHECK, "--as-of", "2026-01-14"],
    ):
        assert main(command) in (0, 1)
        assert "warning: no run has such a name: it is left out" in capsys.readouterr().err
    assert name not in open_store("runs").names()


def test_a_link_to_itself_hides_no_run(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    runs[0].with_name("loop").symlink_to("loop")
    runs[0].with_name("gone").symlink_to("nowhere")
    assert main(["verify", "runs"]) == 0
    assert capsys.readouterr().out.count("ok  ") == len(runs)
    shutil.rmtree(runs[-1])
    runs[-1].symlink_to(runs[-1].name)
    assert main(["runs", "list", "runs"]) == 0
    assert f"{runs[-1].name}  -  " in capsys.readouterr().out


@pytest.mark.parametrize("inside", [False, True])
def test_nothing_is_written_or_removed_where_a_link_leads(
    runs: list[Path], inside: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aside = tmp_path / "aside"
    linked = runs[0] / "policies" if inside else runs[0]
    shutil.move(linked, aside)
    linked.symlink_to(aside)
    before = {path: path.read_bytes() for path in aside.rglob("*") if path.is_file()}
    store = open_store("runs")
    files = ["policies/p.yaml"] if inside else ["records.jsonl", "policies/p.yaml"]
    with pytest.raises(RunFolderError, match="is a link, and no run has any"):
        store.remove(runs[0].name, files)
    if not inside:
        with pytest.raises(RunFolderError, match="is a link, and no run has any"):
            store.put(runs[0].name, "pruned.json", b"{}")
        with pytest.raises(InvalidInputError, match="is a link, and no run has any"):
            store.reclaim(runs[0].name)
    assert {path: path.read_bytes() for path in aside.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "name", ["manifest.json", "manifest.json.sha256", "records.jsonl", "findings.parquet"]
)
def test_a_link_or_a_pipe_in_the_place_of_a_file_is_named_and_the_others_are_verified(
    runs: list[Path], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = runs[1] / name
    shutil.move(path, tmp_path / "aside")
    path.symlink_to(tmp_path / "aside")
    assert main(["verify", "runs"]) == 1
    told = capsys.readouterr()
    assert f"{runs[1].name}/{name}: error: is a link" in told.err
    assert f"ok       {runs[0].name}" in told.out
    assert f"ok       {runs[2].name}" in told.out
    path.unlink()
    os.mkfifo(path)
    assert main(["verify", "runs"]) == 1
    told = capsys.readouterr()
    assert f"{runs[1].name}/{name}: error: is no file" in told.err
    assert f"ok       {runs[0].name}" in told.out


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.sha256"])
def test_a_line_end_more_or_another_one_is_named(
    runs: list[Path], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = runs[2] / name
    before = path.read_bytes()
    for changed in (before + b"\n", before.replace(b"\n", b"\r\n"), b"", b"\xef\xbb\xbf" + before):
        path.write_bytes(changed)
        assert main(["verify", "runs"]) == 1
        assert f"{runs[2].name}/manifest.json" in capsys.readouterr().err
        assert main([*CHECK, "--as-of", "2026-01-14"]) == 2


def test_a_manifest_that_was_removed_is_named_with_its_run(
    runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (runs[2] / "manifest.json").unlink()
    assert main(["verify", "runs"]) == 1
    assert f"{runs[2].name}: error: no complete run: it has no manifest.json" in capsys.readouterr().err


def test_a_folder_of_a_run_that_is_a_link_is_named(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for item in (runs[1], runs[2] / "policies"):
        aside = tmp_path / f"aside-{item.name}"
        shutil.move(item, aside)
        item.symlink_to(aside)
    assert main(["verify", "runs"]) == 1
    err = capsys.readouterr().err
    assert f"{runs[1].name}: error: is a link" in err
    assert f"{runs[2].name}/policies/house.yaml: error: is behind a link" in err


def test_names_in_a_bucket_that_are_no_runs_are_left_out_before_anything_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    aws_env: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import boto3

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "inside"))
    (tmp_path / "inside").mkdir()
    with s3_server() as url:
        aws_env.setenv("AWS_ENDPOINT_URL", url)
        s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=url)
        s3.create_bucket(Bucket="evidence")
        store = open_store("s3://evidence/kept")
        name = add(store)
        for key in ("../EVIL.sh", "a run/manifest.json", "tab\tbed/started.json", "../../EVIL/manifest.json"):
            s3.put_object(Bucket="evidence", Key=f"kept/{key}", Body=b"{}")
        again = open_store("s3://evidence/kept")
        assert again.names() == (name,)
        assert set(again.contents()) == {name}
        assert len(again.strangers()) == 3
        main(["verify", "s3://evidence/kept"])
        assert "no run has such a name" in capsys.readouterr().err
        with pytest.raises(api.InvalidInputError):
            again.fetch("..")
        again.close()
    assert not list(tmp_path.rglob("EVIL*"))
