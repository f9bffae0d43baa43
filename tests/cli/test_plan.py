"""`plan`: what a check would ask, proved by what it then asks and by the policy that it prints."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checker.cli import main
from tests.cli.scale import POLICY, STORE, Audit, served, store

RULES = {
    "state": "deny: {overrides.forced: true}",
    "whole": "require: {imageSetArn: {exists: true}}",
    "tier": "deny: {storageTier: ARCHIVE_INSTANT_ACCESS}",
    "versions": "scope: version, deny: {overrides.forced: true}",
    "tags": "deny: {tags.owner: nobody}",
    "store": "scope: datastore, deny: {datastore.kmsKeyArn: {exists: false}}",
    "store tags": "scope: datastore, deny: {datastore.tags.owner: nobody}",
}
TARGETS = {"all": "image_sets: all", "where": "image_sets: {where: {isPrimary: true}}"}


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


def policy_of(rule: str) -> str:
    return f"version: 1\npack: scale\nrules:\n  - {{id: r, title: T, severity: low, {rule}}}\n"


def planned(audit: Audit, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    capsys.readouterr()
    assert main(["plan", "-c", str(audit.folder / "audit.yaml"), *options]) == 0
    return json.loads(capsys.readouterr().out)


def without(policy: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The policy, each time without one of its actions."""
    for number, statement in enumerate(policy["Statement"]):
        for action in statement["Action"]:
            less = copy.deepcopy(policy)
            less["Statement"][number]["Action"].remove(action)
            yield action, less


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rule", RULES)
def test_the_policy_that_is_printed_permits_what_is_asked_and_nothing_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, target: str
) -> None:
    with served(store(30)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(policy_of(RULES[rule]), target=TARGETS[target])
        policy = planned(audit, capsys, "--policy")
        _hold(server, policy)
        audit.check("--as-of", "2026-01-01")
        assert not [one["error"] for one in audit.records() if "error" in one]
        asked = set(audit.calls())
        for day, (action, less) in enumerate(without(policy), 2):
            name = action.partition(":")[2]
            _hold(server, less)
            audit.check("--as-of", f"2026-01-{day:02}", "--refresh")
            denied = {
                one.get("action", "GetImageSet")
                for one in audit.records()
                if one.get("error", {}).get("code") == "AccessDeniedException"
            }
            assert (name in denied) == (name in asked), (name, denied, asked)


def _hold(server: Any, policy: dict[str, Any]) -> None:
    from checker.simulator.load.iam import Policy

    def hold(service: Any) -> None:
        service.policy = Policy(policy)

    server.ask(hold)


@pytest.mark.parametrize("rule", RULES)
def test_as_many_calls_are_made_as_are_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str
) -> None:
    with served(store(220, deleted=0.0)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(policy_of(RULES[rule]))
        calls = {
            one["action"]: one["calls"]
            for one in planned(audit, capsys, "--sets", "220", "--json")["targets"][0]["calls"]
        }
        audit.check("--as-of", "2026-01-01")
    made = audit.calls()
    for kind in (("GetImageSet", "ListImageSetVersions"), ("GetDatastore",), ("ListTagsForResource",)):
        assert sum(made.get(name, 0) for name in kind) == sum(calls.get(name, 0) for name in kind)
    assert (
        calls.get("SearchImageSets", 0)
        <= made.get("SearchImageSets", 0)
        <= 4 * calls.get("SearchImageSets", 0)
    )


def test_the_last_run_says_how_many_image_sets_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(store(70, deleted=0.0)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        (before,) = planned(audit, capsys, "--json")["targets"]
        assert (before["image_sets"], before["image_sets_by"]) == (1000, "assumed")
        audit.check("--as-of", "2026-01-01")
        (after,) = planned(audit, capsys, "--json")["targets"]
        assert (after["image_sets"], after["image_sets_by"]) == (70, audit.runs[0].name)


def test_nothing_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(store(5)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        planned(audit, capsys, "--json")
        assert server.counts() == {}


def test_each_role_has_a_policy_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit = Audit(tmp_path, "http://127.0.0.1:9")
    audit.write()
    text = (tmp_path / "audit.yaml").read_text()
    accounts = 'regions: [us-gov-west-1], accounts: ["111122223333", "444455556666"], role_arn: "arn:aws-us-gov:iam::{account}:role/A"'
    (tmp_path / "audit.yaml").write_text(
        text.partition("targets:")[0].replace("defaults: {region: us-east-1}\n", "")
        + f"targets: [{{name: t, datastore: all, image_sets: all, {accounts}}}]\n"
    )
    policies = planned(audit, capsys, "--json")["policies"]
    assert set(policies) == {
        "the credentials of the audit",
        "arn:aws-us-gov:iam::111122223333:role/A",
        "arn:aws-us-gov:iam::444455556666:role/A",
    }
    (own,) = policies["the credentials of the audit"]["Statement"]
    assert own["Action"] == ["sts:AssumeRole"]
    role = json.dumps(policies["arn:aws-us-gov:iam::111122223333:role/A"])
    assert "arn:aws-us-gov:medical-imaging:us-gov-west-1:111122223333:datastore/*" in role
    assert "444455556666" not in role


def test_the_text_says_calls_time_and_what_carries_patient_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = Audit(tmp_path, "http://127.0.0.1:9")
    audit.write(POLICY, rates="")
    assert main(["plan", "-c", str(tmp_path / "audit.yaml"), "--sets", "1000000"]) == 0
    text = capsys.readouterr().out
    assert "all  1,000,000 image sets, given by --sets" in text
    assert "SearchImageSets             20,000 calls  14 min at the quota" in text
    assert "GetImageSet                500,000 calls  5 h 40 min at the quota" in text
    assert "In all 1,020,001 calls, about 5 h 40 min" in text
    assert "DICOM attributes, such as the patient's name" in text
    assert f"datastore/{STORE}" in text
