"""`check --resume` decides by the gate, the waivers and the baseline that the run was begun with, and by no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.cli import main
from tests.cli.scale import Audit, chain, served, store

AS_OF = ("--as-of", "2026-01-01T00:00:00Z")
WAIVER = """\
version: 1
waivers:
  - rule: scale/found
    image_sets: [ea92b0d8838c72a3f25d00d13616f87e]
    reason: a test
    owner: imaging
    approved_by: quality
    created: 2025-12-10
    expires: 2026-01-31
"""
GATE = "another gate (--fail-on, --new-only)"


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(store(5)) as server:
        yield server.url


def interrupted(tmp_path: Path, url: str, *options: str) -> tuple[Audit, Path]:
    """A run as it is when it was stopped right after the last answer, in a store that has a complete one before it."""
    audit = Audit(tmp_path / "audit", url)
    audit.write()
    audit.check("--as-of", "2025-12-31T00:00:00Z")
    audit.check(*AS_OF, *options)
    run = audit.runs[-1]
    for name in ("manifest.json", "manifest.json.sha256"):
        (run / name).unlink()
    chain(run)
    return audit, run


def contents(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def refused(capsys: pytest.CaptureFixture[str], audit: Audit, run: Path, *options: str) -> str:
    """What a run says of other options, and is left as it was."""
    before = contents(run)
    capsys.readouterr()
    assert audit.check("--resume", run.as_posix(), *options) == 2
    assert contents(run) == before
    err = capsys.readouterr().err
    assert "; or begin a new run" in err
    return err.partition("error: the run was begun with ")[2]


def test_a_run_that_was_begun_without_options_takes_none_that_decide_otherwise(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    waivers = tmp_path / "waivers.yaml"
    waivers.write_text(WAIVER)
    audit, run = interrupted(tmp_path, url)
    gate = f"{GATE}\nhelp: repeat the same gate (fail_on: low, on_unknown: incomplete); or"
    assert refused(capsys, audit, run, "--fail-on", "never").startswith(gate)
    assert refused(capsys, audit, run, "--new-only").startswith(gate)
    said = refused(capsys, audit, run, "--waivers", str(waivers))
    assert said.startswith("other waivers\nhelp: repeat the audit without waivers; or")
    said = refused(capsys, audit, run, "--baseline", audit.runs[0].as_posix())
    assert said.startswith("another --baseline\nhelp: repeat the command without --baseline; or")
    said = refused(capsys, audit, run, "--as-of", "2026-01-02")
    assert said.startswith("another --as-of\nhelp: repeat --as-of 2026-01-01T00:00:00Z; or")
    said = refused(capsys, audit, run, "--fail-on", "never", "--refresh")
    assert said.startswith(f"another --target, --events or --refresh, {GATE}\nhelp: repeat the same --target")


def test_a_run_that_was_begun_with_options_goes_on_with_these_alone(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    waivers = tmp_path / "waivers.yaml"
    waivers.write_text(WAIVER)
    then = ["--fail-on", "high", "--new-only", "--waivers", str(waivers)]
    audit, run = interrupted(tmp_path, url, *then)
    said = refused(capsys, audit, run, *then[2:])
    assert said.startswith(
        f"{GATE}\nhelp: repeat the same gate (fail_on: high, on_unknown: incomplete, new_only: true)"
    )
    assert refused(capsys, audit, run, *then[:2], *then[3:]).startswith(GATE)
    said = refused(capsys, audit, run, *then[:3])
    assert said.startswith("other waivers\nhelp: repeat the same waivers; or")
    waivers.write_text(WAIVER.replace("a test", "another reason"))
    assert refused(capsys, audit, run, *then).startswith("other waivers\n")
    waivers.write_text(WAIVER)
    assert audit.check("--resume", run.as_posix(), *then) in (0, 1, 3)
    manifest = json.loads((run / "manifest.json").read_bytes())
    assert manifest["gate"] == {"fail_on": "high", "on_unknown": "incomplete", "new_only": True}
    assert main(["verify", run.as_posix()]) == 0


def test_the_same_gate_may_be_written_otherwise_and_reports_may_be_others(tmp_path: Path, url: str) -> None:
    audit, run = interrupted(tmp_path, url)
    report = f"text={(tmp_path / 'report.txt').as_posix()}"
    assert audit.check("--resume", run.as_posix(), "--fail-on", "low", "--report", report) in (0, 1, 3)
    assert json.loads((run / "manifest.json").read_bytes())["gate"]["fail_on"] == "low"


def test_a_run_that_says_no_gate_goes_on_and_its_manifest_says_which_one_decided(
    tmp_path: Path, url: str
) -> None:
    audit, run = interrupted(tmp_path, url)
    started = json.loads((run / "started.json").read_bytes())
    del started["given"][GATE]
    (run / "started.json").write_text(json.dumps(started))
    chain(run)
    assert audit.check("--resume", run.as_posix(), "--fail-on", "never") in (0, 3)
    assert json.loads((run / "manifest.json").read_bytes())["gate"]["fail_on"] == "never"
