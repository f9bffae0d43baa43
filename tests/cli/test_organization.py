"""Whole organizations and data stores by name, from the command line: what is denied, suspended, misspelt or gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from load_server import RunningLoad, SyntheticStore, WireFault

from checker.simulator import ModelError
from tests.cli.scale import STORE, Audit, served, store

HOME, BRANCH, DENIED, SUSPENDED = "123456789012", "1" * 12, "2" * 12, "3" * 12
OTHER = "6" * 32
ROLE = "arn:aws:iam::{account}:role/Audit"
WHOLE = f'{{name: all, datastore: all, image_sets: all, organization: true, role_arn: "{ROLE}"}}'
STORES = "{name: all, datastore: all, image_sets: all}"
POLICY = """
version: 1
pack: whole
rules:
  - {id: no-force, title: Nothing is forced, severity: high, deny: {overrides.forced: true}}
  - {id: never-force, title: Nothing ever was, severity: high, scope: version, deny: {overrides.forced: true}}
  - {id: few, title: Few are there, severity: high, scope: datastore, require: {count: {of: {imageSetState: ACTIVE}, lte: 1000}}}
"""
RULES = {"no-force", "never-force", "few"}


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


def synthetic(name: str, account: str = HOME, sets: int = 5) -> SyntheticStore:
    return SyntheticStore(name, sets, account=account, deleted=0.0, forced=0.0, statuses={})


def audit_of(folder: Path, server: RunningLoad, targets: str, more: str = "") -> Audit:
    audit = Audit(folder, server.url)
    audit.write(POLICY, more)
    path = folder / "audit.yaml"
    text, _, _ = path.read_text(encoding="utf-8").partition("targets:")
    path.write_text(f"{text}targets: [{targets}]\n", encoding="utf-8")
    return audit


def on(audit: Audit, day: int, *options: str) -> int:
    return audit.check(
        "--as-of", f"{datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d}", *options
    )


@contextmanager
def serving(*stores: SyntheticStore, **options: Any) -> Iterator[RunningLoad]:
    """A server that stands for STS and Organizations too."""
    with served(*stores, **options) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def report(audit: Audit) -> dict[str, Any]:
    return dict(json.loads((audit.folder / "results.json").read_bytes()))


def unknown(audit: Audit, reason: str) -> set[tuple[str, str]]:
    """Which rules are unknown of which targets: every finding is. `reason` is that of those on image sets."""
    found = audit.findings()
    assert {explanation["verdict"] for explanation in found} == {"unknown"}
    assert {explanation["reason"] for explanation in found if explanation["scope"] != "datastore"} == {reason}
    assert {explanation["imageSetId"] for explanation in found} == {None}
    assert len(found) == len(RULES)
    return {(explanation["target"], explanation["rule"]) for explanation in found}


def test_an_organization_is_audited_account_by_account(tmp_path: Path) -> None:
    accounts = {HOME: "ACTIVE", BRANCH: "ACTIVE", DENIED: "ACTIVE", SUSPENDED: "SUSPENDED"}
    stores = [synthetic(f"{number:032x}", account) for number, account in enumerate(accounts)]
    role = ROLE.replace("{account}", DENIED)
    denied = WireFault("AssumeRole", ModelError("AccessDenied", "no such trust"), match={"RoleArn": role})
    with serving(*stores, organization=accounts, faults=[denied]) as server:
        audit = audit_of(tmp_path, server, WHOLE)
        assert on(audit, 1) == 3
        counts = {account: server.counts(account) for account in accounts}
    found = report(audit)
    assert found["summary"]["outcome"] == "incomplete"
    assert (found["summary"]["image_sets"], found["summary"]["unreadable_targets"]) == (10, 1)
    assert unknown(audit, "AccessDenied") == {(f"all/{DENIED}", rule) for rule in RULES}
    assert counts[HOME]["ListAccounts"]["received"] == 1
    assert counts[BRANCH]["GetDatastore"]["served"] == 1
    assert (counts[DENIED], counts[SUSPENDED]) == ({}, {})
    notes = found["run"]["notes"]
    assert "all: accounts of the organization that are not ACTIVE are not audited: 1 SUSPENDED." in notes


@pytest.mark.parametrize("how", ["", "refresh", "not incremental"])
def test_a_data_store_that_is_gone_does_not_leave_the_audit(tmp_path: Path, how: str) -> None:
    with serving(synthetic(STORE), synthetic(OTHER)) as server:
        more = "collect: {incremental: false}\n" if how == "not incremental" else ""
        audit = audit_of(tmp_path, server, STORES, more)
        assert on(audit, 1) == 0
        first = audit.runs[0].name
        server.ask(lambda service: service.stores.pop(OTHER))
        for day in (2, 3):
            assert on(audit, day, *(["--refresh"] if how == "refresh" else [])) == 3
            summary = report(audit)["summary"]
            assert (summary["image_sets"], summary["unreadable_targets"]) == (5, 1)
            assert summary["not_found"] == 0
            assert unknown(audit, "NoLongerListed") == {(f"all/{OTHER}", rule) for rule in RULES}
            notes = report(audit)["run"]["notes"]
            assert [note for note in notes if f"all/{OTHER}: it was in the run {first};" in note]
        server.ask(lambda service: service.stores.update({OTHER: synthetic(OTHER)}))
        assert on(audit, 4) == 0


def test_an_account_that_was_suspended_does_not_leave_the_audit(tmp_path: Path) -> None:
    with serving(synthetic(STORE), synthetic(OTHER, BRANCH)) as server:
        audit = audit_of(tmp_path, server, WHOLE)
        assert on(audit, 1) == 0
        server.ask(lambda service: service.organization.update({BRANCH: "SUSPENDED"}))
        assert on(audit, 2) == 3
    assert unknown(audit, "NoLongerListed") == {(f"all/{BRANCH}/{OTHER}", rule) for rule in RULES}
    assert report(audit)["summary"]["unreadable_targets"] == 1


def test_a_data_store_that_the_owner_retires_leaves_the_audit_by_their_word(tmp_path: Path) -> None:
    with serving(synthetic(STORE), synthetic(OTHER)) as server:
        audit = audit_of(tmp_path, server, STORES)
        assert on(audit, 1) == 0
        server.ask(lambda service: service.stores.pop(OTHER))
        assert on(audit, 2) == 3
        retired = audit_of(tmp_path, server, STORES.replace("all}", f'all, retired: ["{OTHER}"]}}'))
        assert on(retired, 3) == 0
    assert report(audit)["summary"]["unreadable_targets"] == 0
    note = f"all: gone for good by the owner's word (retired), and not missed: {OTHER}."
    assert note in report(audit)["run"]["notes"]


def test_what_a_choice_of_targets_leaves_out_is_not_missed(tmp_path: Path) -> None:
    item = f'{{name: one, datastore: "{STORE}", image_sets: all}}'
    with serving(synthetic(STORE), synthetic(OTHER)) as server:
        audit = audit_of(tmp_path, server, f"{item}, {STORES}")
        assert on(audit, 1) == 0
        server.ask(lambda service: service.stores.pop(OTHER))
        assert on(audit, 2, "--target", "one") == 0
        assert audit.findings() == []
        assert on(audit, 3) == 3
    assert unknown(audit, "NoLongerListed") == {(f"all/{OTHER}", rule) for rule in RULES}


def test_a_misspelt_pattern_is_no_audit_of_nothing(tmp_path: Path) -> None:
    wrong = '{name: prod, datastores: "prduction-*", image_sets: all}'
    with serving(store(5, name="production-1", forced=0.0)) as server:
        audit = audit_of(tmp_path, server, f'{{name: one, datastore: "{STORE}", image_sets: all}}, {wrong}')
        assert on(audit, 1) == 3
    assert report(audit)["summary"]["unreadable_targets"] == 1
    assert unknown(audit, "NoNameMatches") == {("prod", rule) for rule in RULES}
    note = "prod: no data store is called prduction-*; there are production-1."
    assert note in report(audit)["run"]["notes"]
