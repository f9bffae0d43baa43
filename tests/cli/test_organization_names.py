"""The report of an organization: accounts and data stores have names, each its numbers, and notes are folded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from load_server import WireFault

from checker.cli import main
from checker.simulator import ModelError
from tests.cli.test_organization import ROLE, WHOLE, audit_of, on, report, serving, synthetic

ACCOUNTS = [str(number) * 12 for number in range(1, 7)]
DENIED = ACCOUNTS[-1]


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


def test_accounts_and_data_stores_have_names_and_numbers_in_every_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = [
        synthetic(f"{account[0]:0>32}", account, sets=number) for number, account in enumerate(ACCOUNTS, 1)
    ]
    role = ROLE.replace("{account}", DENIED)
    denied = WireFault("AssumeRole", ModelError("AccessDenied", "no such trust"), match={"RoleArn": role})
    with serving(*stores, organization=dict.fromkeys(ACCOUNTS, "ACTIVE"), faults=[denied]) as server:
        audit = audit_of(tmp_path, server, WHOLE)
        assert on(audit, 1) == 3
    found = report(audit)
    targets = found["summary"]["targets"]
    assert [target["account"] for target in targets] == ACCOUNTS
    assert [target["account_name"] for target in targets] == [
        *(f"account-{item}" for item in ACCOUNTS[:-1]),
        f"account-{DENIED}",
    ]
    assert [target["image_sets"] for target in targets] == [1, 2, 3, 4, 5, 0]
    assert all(target["datastore_name"] for target in targets[:-1])
    assert (targets[-1]["datastore_name"], targets[-1]["unknown"]) == (None, 3)
    for count in ("fail", "waived", "unknown"):
        assert sum(target[count] for target in targets) == found["summary"][count]
    asked = [note for note in found["run"]["notes"] if "asked at" in note]
    assert len(asked) == 1
    assert asked[0].startswith("6 targets: asked at http://127.0.0.1:")
    (run,) = audit.runs
    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    asked_for = [
        part for item in ("json=again.json", "html=again.html", "text=-") for part in ("--report", item)
    ]
    assert main(["report", str(run), *asked_for]) == 0
    out = capsys.readouterr().out
    assert (
        f"Target     all/{DENIED} (account account-{DENIED}): its image sets are not known, 3 unknown" in out
    )
    # the account that could not be read is the worst, and not one of those that are left out
    assert out.index(f"all/{DENIED} (account") < out.index(f"all/{ACCOUNTS[0]}/")
    first, store = targets[0]["target"], targets[0]["datastore_name"]
    assert f"Target     {first} (account account-{ACCOUNTS[0]}, data store {store}): 1 image set" in out
    assert json.loads(Path("again.json").read_text())["summary"]["targets"] == targets
    page = Path("again.html").read_text()
    assert all(f"account-{account}" in page for account in ACCOUNTS)
    assert main(["verify", str(run)]) == 0


def test_image_sets_that_a_search_found_are_not_called_listed(tmp_path: Path) -> None:
    with serving(synthetic("1" * 32)) as server:
        audit = audit_of(tmp_path, server, "{name: all, datastore: all, image_sets: all}")
        assert on(audit, 1) == 0
    assert report(audit)["summary"]["sentence"].endswith("; 5 of 5 found image sets read.")
