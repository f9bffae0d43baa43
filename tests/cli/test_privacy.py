"""Runs that hold values of DICOM attributes are for nobody but their owner, from their first byte on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs.folders import s3_server

from checker import api
from checker.cli import main
from checker.file_modes import private, public
from checker.runs.local_store import open_store
from checker.runs.run_reader import open_run
from checker.workflow import audit_execution
from tests.cli.scale import POLICY, Audit, served, store
from tests.cli.test_dicom import AS_OF, STUDIES

UMASKS = pytest.mark.parametrize("umask", [0o000, 0o022], ids=oct)


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


@pytest.fixture
def audit(tmp_path: Path, temporary: Path) -> Iterator[Audit]:
    with served(store(3, deleted=0.0)) as server:
        yield Audit(tmp_path / "audit", server.url)


@pytest.fixture
def masked() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> tuple[set[int], set[int]]:
    """Those of a folder and the folders in it, and those of the files."""
    every = [folder, *folder.rglob("*")]
    folders = {total.stat().st_mode & 0o777 for total in every if total.is_dir()}
    return folders, {total.stat().st_mode & 0o777 for total in every if total.is_file()}


PRIVATE = ({0o700}, {0o600})


def usual(umask: int) -> tuple[set[int], set[int]]:
    return {0o777 & ~umask}, {0o666 & ~umask}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@UMASKS
def test_runs_that_hold_attributes_are_private_and_others_are_not(
    audit: Audit, temporary: Path, masked: None, umask: int
) -> None:
    os.umask(umask)
    audit.write(STUDIES)
    report, shown = audit.folder / "out" / "r.html", audit.folder / "shown.json"
    audit.check(*AS_OF, "--report", f"html={report}")
    (run,) = audit.runs
    assert modes(run) == PRIVATE
    assert (run / "reports" / "html").is_dir()
    # the folder of all runs is not, nor is a report that shows nothing of patients
    assert mode(run.parent) == 0o777 & ~umask
    assert (mode(report.parent), mode(report)) == (0o777 & ~umask, 0o666 & ~umask)
    assert main(["report", str(run), "--report", f"json={shown}", "--show-phi"]) == 0
    assert "PHI^" in shown.read_text()
    assert mode(shown) == 0o600
    # what judges that evidence again holds it too
    (audit.folder / "other.yaml").write_text(POLICY)
    runs = str(audit.folder / "runs")
    policy = str(audit.folder / "other.yaml")
    main(["check", "-q", "-p", policy, "--evidence", str(run), "--runs", runs])
    assert modes(audit.runs[-1]) == PRIVATE
    assert os.umask(umask) == umask


@UMASKS
def test_a_run_without_attributes_has_the_modes_of_the_umask(audit: Audit, masked: None, umask: int) -> None:
    os.umask(umask)
    audit.write(POLICY)
    audit.check(*AS_OF)
    assert modes(audit.runs[-1]) == usual(umask)


def test_a_run_that_takes_findings_from_one_with_attributes_is_private_too(
    audit: Audit, masked: None
) -> None:
    os.umask(0)
    audit.write(STUDIES)
    audit.check()
    audit.write(POLICY)
    audit.check()
    audit.check()
    assert [modes(run) == PRIVATE for run in audit.runs] == [True, True, True]


@UMASKS
def test_a_run_is_private_before_it_is_complete(
    audit: Audit, masked: None, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    os.umask(umask)
    audit.write(STUDIES)
    seen = []

    def fail(rules: object, evidence: api.Evidence, **_: object) -> None:
        seen.append(modes(evidence.folder))
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(audit_execution, "evaluate", fail)
        patched.setattr(os, "chmod", None)
        audit.check(*AS_OF)
    assert seen == [PRIVATE]
    (folder,) = (audit.folder / "runs").iterdir()
    assert modes(folder) == PRIVATE
    audit.check(*AS_OF, "--resume", str(folder))
    (run,) = audit.runs
    assert modes(run) == PRIVATE


def test_answers_that_no_run_keeps_are_private_where_they_are_left(
    audit: Audit, masked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.umask(0)
    audit.write(STUDIES)
    config = audit.folder / "audit.yaml"
    config.write_text(config.read_text().replace("runs: runs/\n", ""))
    monkeypatch.chdir(audit.folder)

    def fail(*_: object, **__: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(audit_execution, "evaluate", fail)
    audit.check(*AS_OF)
    (left,) = audit.folder.glob("interrupted-*.jsonl")
    assert "PHI^" in left.read_text()
    assert mode(left) == 0o600


def test_copies_from_s3_are_private(
    aws_env: pytest.MonkeyPatch, audit: Audit, temporary: Path, masked: None
) -> None:
    import boto3

    os.umask(0)
    audit.write(STUDIES)
    audit.check(*AS_OF)
    (run,) = audit.runs
    with s3_server() as url:
        aws_env.setenv("AWS_ENDPOINT_URL_S3", url)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="private-copies")
        for path in run.rglob("*"):
            if path.is_file():
                key = f"runs/{path.relative_to(run.parent).as_posix()}"
                client.put_object(Bucket="private-copies", Key=key, Body=path.read_bytes())
        client.close()
        kept = open_run(open_store("s3://private-copies/runs"), run.name)
        assert modes(kept.folder) == PRIVATE
        assert mode(kept.folder.parent) == 0o700


def test_private_and_public_give_back_the_umask_that_was(masked: None, tmp_path: Path) -> None:
    os.umask(0o002)
    with private():
        (tmp_path / "a").touch()
        with public():
            (tmp_path / "b").touch()
            with private():
                (tmp_path / "c").touch()
        (tmp_path / "d").touch()
    (tmp_path / "e").touch()
    with private(when=False), public():
        (tmp_path / "f").touch()
    assert [mode(tmp_path / name) for name in "abcdef"] == [0o600, 0o664, 0o600, 0o600, 0o664, 0o664]
