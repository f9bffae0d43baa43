"""Nothing that a CI server or a terminal acts on comes out of untrusted text, on standard output or error, in any command."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest
from collection.fixtures import service
from collection.service import DATASTORE, Service, image_set_id

from checker.cli import main

__all__ = ["service"]

EVIL = (
    "##[error]x ##vso[task.setvariable variable=a]b ##teamcity[buildStatus] ##VSO[a] ###[group]g"
    "\n::error::x\n ::set-output name=a::b\n::add-mask::\x1b[31mred\x1b[0m \u202e \x9b31m \u2066"
)
ACTS = re.compile(
    r"##[A-Za-z.-]*\[|(?m:^\s*::[A-Za-z-]+[^\n]*::)|[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
POLICY = f"""\
version: 1
pack: p
labels: {{kind: {{type: string}}}}
rules:
  - id: said
    title: {json.dumps("T " + EVIL.replace(chr(10), " "))}
    severity: high
    deny: {{imageSetState: ACTIVE}}
    why: {json.dumps("W " + EVIL)}
    fix: {json.dumps("F " + EVIL)}
    message: "{{{{ message }}}}"
"""


def answer(number: int, message: str = EVIL) -> dict[str, object]:
    return {
        "datastoreId": DATASTORE,
        "imageSetId": image_set_id(number),
        "versionId": "1",
        "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED",
        "createdAt": 1.7e9,
        "updatedAt": 1.7e9,
        "message": message,
    }


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "a.json").write_text(json.dumps([answer(1)]))
    (tmp_path / "b.json").write_text(json.dumps([answer(1), answer(2)]))
    return tmp_path


def printed(capfd: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    """What a command prints: none of it acts, and untrusted text is in it."""
    assert main(list(arguments)) == code
    found = capfd.readouterr()
    text = found.out + found.err
    assert not ACTS.search(text), ACTS.findall(text)
    assert "task.setvariable" in text or "[error]" in text or "[group]" in text
    return text


RECORDED = ("check", "-p", "p.yaml", "--image-sets")


@pytest.mark.parametrize("report", ["text", "json", "junit"])
def test_a_report_on_standard_output_does_not_act(folder, capfd, report: str) -> None:
    text = printed(capfd, *RECORDED, "a.json", "--report", f"{report}=-", code=1)
    if report == "json":
        (finding,) = json.loads(text)["findings"]
        assert "##vso[task" in finding["message"]


def test_kept_runs_do_not_act_in_any_command(folder, capfd) -> None:
    kept = ["--runs", "runs", "--as-of"]
    printed(capfd, *RECORDED, "a.json", *kept, "2026-01-01", code=1)
    printed(capfd, *RECORDED, "b.json", *kept, "2026-01-02", code=1)
    old, new = sorted(str(path) for path in Path("runs").iterdir())
    explained = ("explain", "said", image_set_id(1), "--evidence", new)
    printed(capfd, *explained, code=0)
    assert json.loads(printed(capfd, *explained, "--json", code=0))
    printed(capfd, "diff", old, new, code=0)
    printed(capfd, "report", new, "--report", "text=-", code=0)
    printed(capfd, "rules", "show", "said", "p.yaml", code=0)


@pytest.mark.parametrize(
    "text",
    [
        POLICY.replace("severity: high", f"severity: {json.dumps(EVIL)}"),
        POLICY.replace("deny:", f"{json.dumps(EVIL)}: 1\n    deny:"),
        POLICY.replace("deny:", "'##vso[task.setvariable]': 1\n    deny:"),
        POLICY.replace("deny:", "id: ##vso[task.setvariable]\n    deny:"),
    ],
)
def test_a_problem_that_quotes_a_policy_does_not_act(folder, capfd, text: str) -> None:
    (folder / "p.yaml").write_text(text)
    printed(capfd, "rules", "validate", "p.yaml", code=2)


@pytest.mark.parametrize(
    "arguments", [("check", "-c", EVIL), ("rules", "show", EVIL), ("check", f"--{EVIL}"), (EVIL,)]
)
def test_an_argument_that_is_quoted_does_not_act(folder, capfd, arguments: tuple[str, ...]) -> None:
    printed(capfd, *arguments, code=2)


def test_a_message_of_the_service_does_not_act_in_notes_and_the_log(folder, service: Service, capfd) -> None:
    service.said = lambda headers: EVIL
    service.fault = service.store_fault = lambda name, attempt: "403"
    target = f"{{name: a, region: us-east-1, datastore: '{DATASTORE}', image_sets: ['{image_set_id(1)}']}}"
    (folder / "audit.yaml").write_text(f"version: 1\npolicies: [p.yaml]\ntargets: [{target}]\n")
    try:
        text = printed(capfd, "check", "--debug", code=3)
    finally:
        logging.getLogger("checker").handlers.clear()
    assert "GetImageSet in us-east-1: AccessDeniedException" in text


def test_the_log_names_the_region_and_the_error_where_nothing_came(
    folder, service, monkeypatch, capfd
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("checker.collection.retry.PATIENCE", {})
    target = f"{{name: a, region: eu-west-1, datastore: '{DATASTORE}', image_sets: ['{image_set_id(1)}']}}"
    (folder / "audit.yaml").write_text(f"version: 1\npolicies: [p.yaml]\ntargets: [{target}]\n")
    try:
        assert main(["check", "--debug"]) == 3
    finally:
        logging.getLogger("checker").handlers.clear()
    text = capfd.readouterr().err
    for action in ("GetCallerIdentity", "GetDatastore", "GetImageSet"):
        assert f"{action} in eu-west-1: EndpointConnectionError: Could not connect" in text


def test_quiet_leaves_one_line_on_why_nothing_was_read(folder, service, monkeypatch, capfd) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    target = f"{{name: a, region: us-east-1, datastore: '{DATASTORE}', image_sets: ['{image_set_id(1)}']}}"
    (folder / "audit.yaml").write_text(f"version: 1\npolicies: [p.yaml]\ntargets: [{target}]\n")
    assert main(["check", "-q"]) == 3
    found = capfd.readouterr()
    assert found.out == ""
    assert found.err == (
        f"of 1 target nothing was read: a/{image_set_id(1)}: NoCredentialsError: not asked for: no AWS credentials"
        " were found\n"
    )
