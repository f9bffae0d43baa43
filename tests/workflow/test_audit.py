"""`checker.audit`: what `check` does, in one call of the library."""

from __future__ import annotations

import json
import runpy
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from collection.fixtures import aws_env
from load_server.server import serve_load
from load_server.store import SyntheticStore
from project.markdown import ROOT
from runs.folders import s3_server

import checker
from checker.cli import main

__all__ = ["aws_env"]

STORE = "5" * 32
POLICY = """\
version: 1
pack: house
rules: [{id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}]
"""
AUDIT = """\
version: 1
name: archive
policies: [policy.yaml]
targets: [{{name: all, region: us-east-1, datastore: "{store}", image_sets: all}}]
defaults: {{endpoint_url: "{url}", runtime_endpoint_url: "{url}"}}
rates: {{GetImageSet: {{rate: 99999, burst: 99999}}, SearchImageSets: {{rate: 99999, burst: 99999}}}}
"""
LAMBDA = ROOT / "examples" / "lambda_function.py"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws_env: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with serve_load([SyntheticStore(STORE, 20, forced=1.0)], quotas=None, latency=0.0) as server:
        (tmp_path / "policy.yaml").write_text(POLICY)
        (tmp_path / "audit.yaml").write_text(AUDIT.format(store=STORE, url=server.url))
        yield tmp_path


def test_its_result_is_that_of_check(audit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    when = "2099-01-01T00:00:00Z"
    code = main(["check", "-q", "--as-of", when, "--report", "json=a.json", "--runs", "a"])
    told: list[checker.Problem] = []
    options = checker.AuditOptions(as_of=when, reports={"json": "b.json"}, runs="b")
    with checker.audit("audit.yaml", options, warn=told.extend) as result:
        assert (result.exit_code, result.outcome.value) == (code, "violation")
        assert [(report.format, report.path) for report in result.reports] == [("json", "b.json")]
        assert result.place == f"b/{result.run.id}"
        assert (result.warnings, result.failures) == (tuple(told), ())
    a, b = (json.loads((audit / name).read_bytes()) for name in ("a.json", "b.json"))
    assert a["findings"][0]["rule"] == "unforced"
    assert {**a, "run": None, "findings": len(a["findings"])} == {
        **b,
        "run": None,
        "findings": len(b["findings"]),
    }
    assert all(item.intact for item in checker.verify(result.place))


def test_the_files_of_a_run_that_is_not_kept_go_at_the_end_of_the_block(audit: Path) -> None:
    with checker.audit(checker.configure("audit.yaml")) as result:
        assert next(result.run.findings()).rule.id == "unforced"
    assert not result.run.folder.exists()
    assert result.place == ""


def test_what_was_collected_when_it_is_stopped_is_kept_and_goes_on(audit: Path) -> None:
    stop = threading.Event()

    def progress(done: int, total: int) -> None:
        if done:
            stop.set()

    with pytest.raises(checker.AuditStoppedError) as stopped:
        checker.audit("audit.yaml", checker.AuditOptions(runs="runs"), stop=stop, progress=progress)
    (folder,) = (audit / "runs").iterdir()
    assert not (folder / "manifest.json").exists()
    assert (
        f"answers are kept in runs/{folder.name}/records.jsonl; nothing was judged"
        in stopped.value.__notes__[0]
    )
    with checker.audit(
        "audit.yaml", checker.AuditOptions(runs="runs", resume=f"runs/{folder.name}")
    ) as result:
        assert result.place == f"runs/{folder.name}"
        assert result.run.coverage.evaluated == 20


def test_what_breaks_it_off_says_where_its_answers_are(audit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluate(*_: object, **__: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("checker.workflow.audit_execution.evaluate", evaluate)
    with pytest.raises(KeyError) as broken:
        checker.audit("audit.yaml")
    (kept,) = audit.glob("interrupted-*.jsonl")
    assert f"answers are kept in {kept.name}; the audit did not come to its end" in broken.value.__notes__[0]


def test_the_lambda_function_keeps_its_run_in_s3_and_returns_the_outcome(
    audit: Path, aws_env: pytest.MonkeyPatch
) -> None:
    handler = runpy.run_path(str(LAMBDA))["handler"]
    with s3_server() as url:
        aws_env.setenv("AWS_ENDPOINT_URL_S3", url)
        aws_env.setenv("RUNS", "s3://evidence/radiology")
        boto3.client("s3", region_name="us-east-1", endpoint_url=url).create_bucket(Bucket="evidence")
        answer = handler({"fail_on": "critical"}, None)
        assert answer == {"outcome": "passed", "exit_code": 0, "run": answer["run"]}
        assert answer["run"].startswith("s3://evidence/radiology/")
        assert all(item.intact for item in checker.verify(answer["run"]))
        assert handler({}, None)["outcome"] == "violation"
