"""No secret of a session, and no value of a patient, is in any byte of output, log, report or kept run, whatever fails."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from collection.fixtures import service
from collection.service import DATASTORE, Service, image_set_id

from checker.cli import main

__all__ = ["service"]

PLANTED = "PLANTED"
KEY, SECRET, TOKEN = (
    "AKIAPLANTED1234567",
    "wJalrXUtnFEMI/K7MDENG+bPLANTED",
    "IQoJPLANTED/wEaCXVz+LWVhc3QtMSJ=",
)
POLICY = """\
version: 1
pack: p
rules:
  - {id: forced, title: Not forced, severity: high, deny: {overrides.forced: true}, message: "{{ message }}"}
"""
AUDIT = """\
version: 1
policies: [p.yaml]
targets:
  - name: archive
    region: us-east-1
    datastore: "DATASTORE"
    image_sets: SETS
reports: {html: out/report.html, junit: out/junit.xml, json: out/results.json, text: out/summary.txt}
runs: runs/
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, service: Service) -> Iterator[Path]:
    """An audit of two image sets, with secrets in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("checker.collection.retry.PATIENCE", {})
    for name, value in (
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
    ):
        monkeypatch.setenv(name, value)
    (tmp_path / "p.yaml").write_text(POLICY)
    write(tmp_path)
    yield tmp_path
    logging.getLogger("checker").handlers.clear()


def write(folder: Path, more: str = "", sets: str | None = None) -> None:
    ids = sets or json.dumps([image_set_id(1), image_set_id(2)])
    target = f"datastore: {json.dumps(DATASTORE)}"
    text = AUDIT.replace('datastore: "DATASTORE"', target + more).replace("SETS", ids)
    (folder / "audit.yaml").write_text(text)


def every_byte(folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """What was printed, and what was written: every file but those that the test itself wrote."""
    printed = capfd.readouterr()
    written = [
        path.read_bytes().decode("utf-8", "replace")
        for name in ("out", "runs")
        for path in (folder / name).rglob("*")
        if path.is_file()
    ]
    return "\n".join([printed.out, printed.err, *written])


def check(folder: Path, capfd: pytest.CaptureFixture[str], *arguments: str, code: int = 3) -> str:
    """Every byte of a check, in which nothing was planted."""
    assert main(["check", "--debug", *arguments]) == code
    found = every_byte(folder, capfd)
    assert PLANTED not in found
    assert "Traceback" not in found
    return found


@pytest.mark.parametrize("end", ["\n", "\r\n", "é"])
def test_a_token_that_no_request_can_carry_is_refused_by_name(folder, monkeypatch, capfd, end) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN + end)
    assert "AWS_SESSION_TOKEN" in check(folder, capfd)


def test_a_token_of_a_profile_that_no_request_can_carry_is_refused_by_name(folder, capfd) -> None:
    keys = f"aws_access_key_id={KEY}\naws_secret_access_key={SECRET}\naws_session_token={TOKEN}"
    (folder / "aws-credentials").write_bytes(f"[p]\n{keys}\x01x\n".encode())
    write(folder, "\n    profile: p")
    assert "the session token from the credentials file of the profile p" in check(folder, capfd)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://bob:PLANTED@127.0.0.1:1",
        "http://bob:s3cr#tPLANTED@127.0.0.1:1",
        "http://bob:PLANTED?x/y@127.0.0.1:1",
        "socks5://bob:PLANTED@127.0.0.1:1",
        "bob:PLANTED@127.0.0.1:1",
        "http://bob:PLANTED 1@127.0.0.1:1",
        "http://bob:PLANTED@[::1",
    ],
)
def test_a_password_of_a_proxy_is_not_shown(folder, monkeypatch, capfd, proxy) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://healthimaging.invalid")
    monkeypatch.setenv("HTTP_PROXY", proxy)
    check(folder, capfd)


PASSWORD, ODD_PASSWORD = "http://bob:PLANTED@127.0.0.1:1", "http://bob:s3cr#tPLANTED@127.0.0.1:1"


@pytest.mark.parametrize(
    ("way", "url"),
    [
        ("variable", PASSWORD),
        ("variable", ODD_PASSWORD),
        ("profile", ODD_PASSWORD),
        ("flag", PASSWORD),
        ("flag", "http://bob:PLANTED@[::1"),
    ],
)
def test_a_password_of_an_endpoint_is_not_shown(folder, monkeypatch, capfd, url, way) -> None:
    if way == "variable":
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    elif way == "profile":
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        (folder / "aws-config").write_text(f"[default]\nendpoint_url = {url}\n")
    check(folder, capfd, *(["--endpoint-url", url] if way == "flag" else []))


def test_a_password_of_an_endpoint_in_audit_yaml_is_refused(folder, capfd) -> None:
    text = (folder / "audit.yaml").read_text()
    (folder / "audit.yaml").write_text(text + 'defaults: {endpoint_url: "http://bob:PLANTED@127.0.0.1:1"}\n')
    assert "has a user name or password" in check(folder, capfd, code=2)


def quoted(headers: Mapping[str, str]) -> str:
    lines = "".join(f"{name.lower()}:{value}\n" for name, value in headers.items())
    return (
        "The request signature we calculated does not match the signature you provided.\n\n"
        f"The Canonical String for this request should have been\n'GET\n/\n\n{lines}'\n\n"
    )


@pytest.mark.parametrize(
    "said",
    [
        quoted,
        lambda headers: f"denied: {headers}",
        lambda headers: f"Authorization: {headers['Authorization']}",
        lambda headers: f"key {KEY} token {headers['X-Amz-Security-Token']} secret {SECRET}",
        lambda headers: headers["Authorization"].rpartition("=")[2] and f"Signature={PLANTED}",
    ],
)
def test_an_error_that_quotes_the_request_shows_nothing_of_it(folder, service: Service, capfd, said) -> None:
    signatures: list[str] = []

    def remembered(headers: Mapping[str, str]) -> str:
        signatures.append(headers["Authorization"].rpartition("Signature=")[2])
        return said(headers)

    service.fault = service.store_fault = lambda name, attempt: "403"
    service.said = remembered
    found = check(folder, capfd)
    assert signatures
    assert not [signature for signature in signatures if signature in found]


def printing(**changed: object) -> str:
    """A program that prints credentials, changed."""
    keys = {
        "Version": 1,
        "AccessKeyId": "AKIDPROCESS",
        "SecretAccessKey": "PLANTEDSAK8/xyz",
        "SessionToken": "PLANTED8",
    }
    return f"print({json.dumps(keys | changed)!r})"


def failing(said: str, code: int = 3) -> str:
    return f"import sys; print({said!r}); print({said!r}, file=sys.stderr); sys.exit({code})"


NO_DATE = "what was given has an expiry that is no date"
PROCESSES = {
    "an error": (f"import sys; sys.exit('SecretAccessKey: {SECRET}')", "exit code 1"),
    "no key id": (f'print(\'{{"Version": 1, "SecretAccessKey": "{SECRET}"}}\')', "has no AccessKeyId"),
    "any word": (failing("PLANTEDSECRETXYZ"), "the program failed with exit code 3"),
    "an expiry": (printing(Expiration="2020-PLANTEDSAK8/xyz"), NO_DATE),
}  # fmt: skip


@pytest.mark.parametrize("process", PROCESSES)
def test_what_a_credential_process_prints_is_not_shown(folder, capfd, process) -> None:
    text, said = PROCESSES[process]
    (folder / "process.py").write_text(text)
    (folder / "aws-config").write_text(
        f"[profile p]\ncredential_process = {sys.executable} {folder / 'process.py'}\n"
    )
    write(folder, "\n    profile: p")
    found = check(folder, capfd)
    assert "credential_process of the profile p" in found
    assert said in found


@pytest.mark.parametrize("text", [f"aws_secret_access_key = {SECRET}\n", f"[default]\nx = 1\n{SECRET}\n"])
@pytest.mark.parametrize("name", ["aws-credentials", "aws-config"])
def test_a_damaged_file_of_credentials_is_not_quoted(folder, capfd, text, name) -> None:
    (folder / name).write_text(text)
    assert f"{name}, line" in check(folder, capfd, code=2)


@pytest.mark.parametrize("end", ["", "</AssumeRoleResult></AssumeRoleResponse>"])
def test_a_damaged_answer_with_credentials_is_not_quoted(folder, service: Service, capfd, end) -> None:
    service.role = (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"<SessionToken>{TOKEN}</SessionToken><SecretAccessKey>{SECRET}</SecretAccessKey>{end}"
    )
    write(folder, "\n    role_arn: arn:aws:iam::444455556666:role/Audit")
    check(folder, capfd)


ODD = {
    "an object for a list": {"imageSetsMetadataSummaries": {"PatientName": "PLANTED^JANE"}},
    "a text for a list": {"imageSetsMetadataSummaries": "PLANTED^JANE"},
    "a text for an item": {"imageSetsMetadataSummaries": ["PLANTED^JANE"]},
    "an object for an id": {"imageSetsMetadataSummaries": [{"imageSetId": {"n": "PLANTED^JANE"}}]},
    "a name for an id": {"imageSetsMetadataSummaries": [{"imageSetId": "PLANTED^JANE"}]},
    "an object for a tier": {
        "imageSetsMetadataSummaries": [{"imageSetId": image_set_id(1), "storageTier": {"n": "PLANTED^JANE"}}]
    },
    "a name for a version": {
        "imageSetsMetadataSummaries": [{"imageSetId": image_set_id(1), "version": "PLANTED^JANE"}]
    },
    "a name for a time": {
        "imageSetsMetadataSummaries": [{"imageSetId": image_set_id(1), "createdAt": "PLANTED^JANE"}]
    },
    "a name for a truth value": {
        "imageSetsMetadataSummaries": [{"imageSetId": image_set_id(1), "isPrimary": "PLANTED^JANE"}]
    },
    "a name for a member": {"imageSetsMetadataSummaries": [{"PLANTED^JANE": 1, "PLANTED^JANE ": 1}]},
    "a name for a token": {"imageSetsMetadataSummaries": [], "nextToken": {"PLANTED^JANE": 1}},
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_of_a_search_is_not_quoted(folder, service: Service, capfd, odd) -> None:
    service.raw["SearchImageSets"] = json.dumps(ODD[odd]).encode()
    write(folder, sets="all")
    assert "SearchImageSets" in check(folder, capfd)


def test_an_answer_of_a_search_with_a_member_twice_is_not_quoted(folder, service: Service, capfd) -> None:
    service.raw["SearchImageSets"] = b'{"PLANTED^JANE": 1, "PLANTED^JANE": 2}'
    write(folder, sets="all")
    check(folder, capfd)
