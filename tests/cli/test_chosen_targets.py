"""`--target`: what it chooses of targets that stand for several, and what such a run is to those after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from load_server import RunningLoad, SyntheticStore

from checker.cli import main
from tests.cli.scale import Audit, served

HOME, BRANCH = "123456789012", "1" * 12
FIRST, SECOND, THIRD = (digit * 32 for digit in "567")
ROLE = "arn:aws:iam::{account}:role/Audit"
POLICY = """
version: 1
pack: whole
rules:
  - {id: no-force, title: Nothing is forced, severity: high, deny: {overrides.forced: true}}
  - {id: created, title: It was created, severity: high, require: {createdAt: {before: 2020-01-01}}}
"""
EVERY = "datastore: all, image_sets: all"
ACCOUNTS = f'accounts: ["{HOME}", "{BRANCH}"], role_arn: "{ROLE}"'
KINDS = {
    "accounts": f"{{name: m, {EVERY}, {ACCOUNTS}, regions: [us-east-1]}}",
    "organization": f'{{name: m, {EVERY}, organization: true, role_arn: "{ROLE}", regions: [us-east-1]}}',
}


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


@contextmanager
def serving() -> Iterator[RunningLoad]:
    stores = [(FIRST, HOME), (SECOND, HOME), (THIRD, BRANCH)]
    synthetic = [
        SyntheticStore(name, 5, account=account, deleted=0.0, forced=0.0, statuses={})
        for name, account in stores
    ]
    with served(*synthetic) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def audit_of(folder: Path, server: RunningLoad, *targets: str) -> Audit:
    audit = Audit(folder, server.url)
    audit.write(POLICY)
    path = folder / "audit.yaml"
    text, _, _ = path.read_text(encoding="utf-8").partition("targets:")
    path.write_text(f"{text}targets: [{', '.join(targets)}]\n", encoding="utf-8")
    return audit


def on(audit: Audit, day: int, *options: str) -> int:
    return audit.check("--as-of", f"2026-01-0{day}", *options)


def read(audit: Audit) -> set[str]:
    """The targets of which the last report has findings: `created` fails of every image set."""
    return {finding["target"] for finding in audit.findings() if finding["verdict"] == "fail"}


def left_out(audit: Audit) -> list[str]:
    return list(json.loads((audit.folder / "results.json").read_bytes())["run"]["left_out"])


NAMES = [f"m/{HOME}/us-east-1/{FIRST}", f"m/{HOME}/us-east-1/{SECOND}", f"m/{BRANCH}/us-east-1/{THIRD}"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("m", NAMES),
        ("m/*", NAMES),
        (f"m/{HOME}", NAMES[:2]),
        (f"m/{HOME[:3]}*", NAMES[:2]),
        (NAMES[1], NAMES[1:2]),
        (f"*/{THIRD}", NAMES[2:]),
    ],
)
def test_a_name_of_audit_yaml_and_one_of_reports_choose(
    tmp_path: Path, kind: str, pattern: str, chosen: list[str]
) -> None:
    item = f"{{name: one, {EVERY}}}"
    with serving() as server:
        audit = audit_of(tmp_path, server, KINDS[kind], item)
        assert on(audit, 1, "--target", pattern) == 1
        assert read(audit) == set(chosen)
    whole = pattern in ("m", "m/*")
    assert any(text.startswith("target m") for text in left_out(audit)) is not whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_pattern_that_no_part_matches_is_no_audit_of_nothing(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as server:
        audit = audit_of(tmp_path, server, KINDS[kind], f"{{name: one, {EVERY}}}")
        assert on(audit, 1, "--target", "m/x*", "--target", "one", "--rule", "no-force") in (2, 3)
        if kind == "organization":
            assert {finding["reason"] for finding in audit.findings()} == {"NoNameMatches"}
        assert on(audit, 2, "--target", "two") == 2
    assert "no target is called two" in capsys.readouterr().err


def test_what_a_choice_leaves_out_of_a_target_is_not_missed(tmp_path: Path) -> None:
    with serving() as server:
        audit = audit_of(tmp_path, server, KINDS["organization"])
        on(audit, 1)
        server.ask(lambda service: service.stores.pop(SECOND))
        assert on(audit, 2, "--target", NAMES[0], "--rule", "no-force") == 0
        assert on(audit, 3, "--target", NAMES[1], "--rule", "no-force") == 3


def test_a_run_is_no_baseline_for_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as server:
        audit = audit_of(tmp_path, server, KINDS["accounts"], f"{{name: one, {EVERY}}}")

        def new(*options: str) -> set[Any]:
            audit.check(*options)
            return {finding["new"] for finding in audit.findings() if finding["verdict"] == "fail"}

        assert new() == {None}
        for options in (["--target", "one"], ["--target", f"m/{HOME}/*/{FIRST}"], ["--rule", "no-force"]):
            new(*options)
            assert new() == {False}
        assert new("--target", "one") == {False}
        capsys.readouterr()
        main(["plan", "-c", str(audit.folder / "audit.yaml"), "--json"])
        planned = json.loads(capsys.readouterr().out)["targets"]
    sizes = {f"m/{HOME}/us-east-1": 10, f"m/{BRANCH}/us-east-1": 5, "one": 10}
    assert {item["target"]: item["image_sets"] for item in planned} == sizes
