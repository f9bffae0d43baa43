"""Nothing that a CI server or a terminal acts on comes out of untrusted text, on standard output or error, in any command."""

from __future__ import annotations

import contextlib
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
LINE = "##[error]x ##vso[a]b ##teamcity[c] ::error::x"
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


WAIVERS = f"""\
version: 1
waivers:
  - rule: p/said
    image_sets: ["{image_set_id(1)}"]
    reason: {json.dumps("R " + EVIL)}
    owner: {json.dumps("O " + EVIL)}
    approved_by: {json.dumps("A " + EVIL)}
    created: 2026-01-01
    expires: 2026-01-20
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A folder with two kept runs of one audit, with waivers; the second is accepted as a baseline."""
    folder = tmp_path_factory.mktemp("kept")
    for name, text in {"p.yaml": POLICY, "w.yaml": WAIVERS, "a.json": json.dumps([answer(1)])}.items():
        (folder / name).write_text(text)
    (folder / "b.json").write_text(json.dumps([answer(1), answer(2)]))
    with contextlib.chdir(folder):
        for file in ("a.json", "b.json"):
            assert main([*RECORDED, file, "-q", "--waivers", "w.yaml", "--runs", "runs"]) == 1
        new = max(Path("runs").iterdir(), key=lambda path: path.name)
        assert main(["baseline", "accept", str(new), "--by", EVIL, "--reason", EVIL]) == 0
    return folder


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("trend runs", 0),
        ("trend runs --json", 0),
        ("trend runs --report html=-", 0),
        ("forecast NEW --within 1y", 0),
        ("forecast NEW --within 1y --json", 0),
        ("forecast NEW --within 1y --report html=-", 0),
        ("diff OLD NEW --report markdown=-", 0),
        ("diff OLD NEW --report json=-", 0),
        ("diff OLD NEW --report html=-", 0),
        ("runs list runs", 0),
        ("runs prune runs --keep 1d", 0),
        ("verify NEW --json", 0),
        ("baseline show runs", 0),
        ("baseline revoke NEW --by EVIL --reason EVIL", 0),
        ("waivers check -p p.yaml --waivers w.yaml --evidence NEW --as-of 2026-01-01", 0),
        ("waivers check -p p.yaml --waivers w.yaml --as-of 2027-01-19", 1),
        ("rules list p.yaml", 0),
        ("rules list p.yaml --json", 0),
        ("rules docs p.yaml", 0),
        ("rules test p.yaml", 3),
        ("rules validate p.yaml", 0),
        ("rules validate --strict p.yaml", 2),
        ("report NEW --limit 1 --sort image-set", 0),
        ("report NEW --report json=-", 0),
        ("report NEW --report junit=-", 0),
        (
            "waive said --all --evidence NEW --file new.yaml --reason LINE --owner LINE --approved-by OTHER --created 2026-01-01 --expires 2026-01-20",
            0,
        ),
    ],
)
def test_no_command_on_kept_runs_and_policies_lets_a_marker_through(
    kept, monkeypatch, capfd, command, code
) -> None:
    monkeypatch.chdir(kept)
    old, new = sorted(str(path) for path in Path("runs").iterdir())
    words = {"OLD": old, "NEW": new, "EVIL": EVIL, "LINE": LINE, "OTHER": f"x {LINE}"}
    done = main([words.get(word, word) for word in command.split()])
    found = capfd.readouterr()
    assert done == code, found.err
    assert not ACTS.search(found.out + found.err), ACTS.findall(found.out + found.err)


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
