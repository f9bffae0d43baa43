"""`plan`: what a check would ask, proved by what it then asks and by the policy that it prints."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from load_server.store import SyntheticStore

from checker.cli import main
from tests.cli.scale import POLICY, STORE, Audit, move, served, store

RULES = {
    "state": "deny: {overrides.forced: true}",
    "whole": "require: {imageSetArn: {exists: true}}",
    "tier": "deny: {storageTier: ARCHIVE_INSTANT_ACCESS}",
    "versions": "scope: version, deny: {overrides.forced: true}",
    "tags": "deny: {tags.owner: nobody}",
    "store": "scope: datastore, deny: {datastore.kmsKeyArn: {exists: false}}",
    "store tags": "scope: datastore, deny: {datastore.tags.owner: nobody}",
}
HELD = store(40)
IDS = [HELD.image_set(number).id for number in range(12)]
TARGETS = {
    "all": "image_sets: all",
    "where": "image_sets: {where: {isPrimary: true}}",
    "ids": f"image_sets: [{', '.join(IDS)}]",
    "pinned": f"image_sets: [{', '.join(f'{{id: {item}, version: 1}}' for item in IDS)}]",
    "by name": 'datastores: "syn*", image_sets: all',
    "role": f'datastores: "*", image_sets: all, accounts: ["{HELD.account}"], role_arn: "arn:aws:iam::{{account}}:role/A"',
}


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
            less["Statement"][number]["Action"] = [item for item in statement["Action"] if item != action]
            yield action, less


@pytest.mark.parametrize(
    ("rule", "target", "kept"),
    [
        *((rule, "all", False) for rule in RULES),
        *((rule, "all", True) for rule in ("tier", "versions", "tags")),
        ("tier", "where", False),
        ("tier", "where", True),
        ("state", "ids", False),
        ("versions", "ids", False),
        ("versions", "pinned", False),
        ("state", "by name", False),
        ("tier", "role", False),
    ],
)
def test_the_policy_that_is_printed_suffices_and_no_action_of_it_can_be_spared(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
    target: str,
    *,
    kept: bool,
) -> None:
    with served(HELD) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)  # for roles
        audit = Audited(tmp_path, server.url, kept=kept)
        audit.write(policy_of(RULES[rule]), target=TARGETS[target])
        if kept:
            audit.check("--as-of", "2026-01-01")
            move(server, 0.3, gone=0.5)
        policy = merged(planned(audit, capsys, "--json")["policies"])
        _hold(server, policy)
        assert audit.denied() == set()
        for action, less in without(policy):
            _hold(server, less)
            assert action.partition(":")[2] in audit.denied(), action


@dataclass
class Audited(Audit):
    """An audit that is done over and over from the same state. Only if it is `kept`, audit.yaml says where runs are."""

    kept: bool = False
    times: int = 0

    def write(self, *given: Any, **more: Any) -> None:
        super().write(*given, **more)
        path = self.folder / "audit.yaml"
        text = path.read_text(encoding="utf-8").replace(f'datastore: "{STORE}", datastore', "datastore")
        path.write_text(text if self.kept else text.replace("runs: runs/\n", "", 1), encoding="utf-8")

    def denied(self) -> set[str]:
        """Does the audit; the actions that were denied."""
        self.times += 1
        own = Audit(self.folder / str(self.times), self.url)
        shutil.copytree(self.folder / "runs", own.folder / "runs") if self.kept else own.folder.mkdir()
        self.check("--as-of", "2026-02-01", "--refresh", "--runs", str(own.folder / "runs"))
        errors = [(record.get("action"), record["error"]) for record in own.records() if "error" in record]
        return {
            "AssumeRole" if "AssumeRole" in error["message"] else action or "GetImageSet"
            for action, error in errors
            if error["code"].startswith("AccessDenied")
        }


def merged(policies: dict[str, Any]) -> dict[str, Any]:
    """The policies of all credentials as one: the service has one for every caller."""
    statements = [statement for policy in policies.values() for statement in policy["Statement"]]
    return {"Version": "2012-10-17", "Statement": statements}


def _hold(server: Any, policy: dict[str, Any]) -> None:
    from load_server.iam import Policy

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
            call["action"]: call["calls"]
            for call in planned(audit, capsys, "--sets", "220", "--json")["targets"][0]["calls"]
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
    assert "SearchImageSets             20,000 calls  14 min at 98 % of the quota" in text
    assert "GetImageSet                500,000 calls  5 h 40 min at 98 % of the quota" in text
    assert "In all 1,020,001 calls, about 5 h 40 min" in text
    assert "up to 16 accounts and Regions go side by side" in text
    assert "DICOM attributes, such as the patient's name" in text
    assert f"datastore/{STORE}" in text


def test_times_are_at_the_share_of_the_quota_that_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = Audit(tmp_path, "http://127.0.0.1:9")
    audit.write(POLICY, "collect: {share: 0.5}\n", rates="")
    assert main(["plan", "-c", str(tmp_path / "audit.yaml"), "--sets", "1000000"]) == 0
    assert "500,000 calls  11 h 20 min at 49 % of the quota" in capsys.readouterr().out
    assert planned(audit, capsys, "--json")["share_of_quota"] == 0.49


def test_data_stores_by_name_are_those_of_the_last_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = SyntheticStore("6" * 32, 0, name="synonym")
    with served(HELD, other) as server:
        audit = Audited(tmp_path, server.url, kept=True)
        audit.write(policy_of(RULES["tier"]), target=TARGETS["by name"])
        plan = ["plan", "-c", str(tmp_path / "audit.yaml")]
        assert main([*plan, "--sets", "50"]) == 0
        assumed = "; 1 data store in 1 account, assumed: no kept run says how many"
        assert f"all  50 image sets, given by --sets{assumed}" in capsys.readouterr().out
        audit.check("--as-of", "2026-01-01")
        (found,) = planned(audit, capsys, "--json")["targets"]
        name = audit.runs[0].name
        assert (found["data_stores"], found["accounts"], found["data_stores_by"]) == (2, 1, name)
        assert (found["image_sets"], found["image_sets_by"]) == (40, name)
        assert {call["action"]: call["calls"] for call in found["calls"]} == {
            action: count for action, count in audit.calls().items() if action != "GetImageSet"
        }


@pytest.mark.parametrize(
    ("more", "granted"), [("", False), ("runs: runs/\n", True), ("events: [events.jsonl]\n", True)]
)
def test_get_image_set_is_granted_for_what_only_an_earlier_run_or_an_event_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, *, granted: bool
) -> None:
    audit = Audited(tmp_path, "http://127.0.0.1:9")
    audit.write(policy_of(RULES["tier"]), more)
    assert main(["plan", "-c", str(tmp_path / "audit.yaml")]) == 0
    text = capsys.readouterr().out
    assert ("medical-imaging:GetImageSet" in text) == granted
    assert ("GetImageSet also where a search lists a set no more" in text) == granted
