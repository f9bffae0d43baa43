"""Every member of a live run, when no option of audit.yaml has its default, is what the kept run says of it when replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from collection.fixtures import aws_env
from load_server.server import serve_load
from load_server.store import SyntheticStore

import checker
from checker import config
from checker.cli import main
from checker.config.models import Strict

__all__ = ["aws_env"]

STORE = "5" * 32
POLICY = """\
version: 1
pack: house
labels: {ward: {type: string}}
params: {window: {type: duration, default: 30d}}
rules:
  - {id: unforced, title: Unforced, severity: high, controls: {hipaa: [164.312(c)(1)]}, deny: {overrides.forced: true}}
  - {id: failed, title: Failed, severity: low, deny: {imageSetWorkflowStatus: {in: [COPY_FAILED, UPDATE_FAILED]}}}
  - {id: young, title: Young, severity: medium, when: {labels.ward: adult}, deny: {createdAt: {younger_than: $window}}}
  - {id: known, title: Known, severity: low, require: {known: true}}
  - {id: off, title: Off, severity: low, deny: {isPrimary: false}}
"""
AUDIT = """\
version: 1
name: everything
policies: [policy.yaml, mapping.yaml]
params: {house.window: 9y}
rules: {house/failed: {severity: info}, house/off: {off: it is judged elsewhere}}
defaults: {region: us-east-1, endpoint_url: "URL", runtime_endpoint_url: "URL"}
targets: [{name: all, datastore: "STORE", image_sets: all, labels: {ward: adult}}]
gate: {fail_on: medium, on_unknown: violation, new_only: true, max: {medium: 3}, min_coverage: 99.5%}
reports: {json: results.json, junit: junit.xml, junit_passes: none, junit_skipped: waived, junit_for: gitlab}
waivers: {file: waivers.yaml, max_duration: {high: 85d}, soon: 60d}
events: [events.jsonl]
runs: {path: runs/, keep: 7y}
renamed: {packs: {house: home}}
collect: {evidence: exact, share: 0.9, incremental: false, recheck_deleted: 10d, deletions_known_since: "2025-01-01T00:00:00Z"}
rates: {GetImageSet: {rate: 99999, burst: 99999}, SearchImageSets: {rate: 99999, burst: 99999}}
"""
WAIVER = (
    "version: 1\nwaivers:\n  - {rule: house/unforced, image_sets: [ID], reason: why, owner: imaging, approved_by: quality,"
    " created: 2098-12-01, expires: 2099-02-20}\n"
)
MAPPING = (
    "version: 1\nframework: ours\ntitle: Ours\ncontrols:\n  - {id: a-1, title: A, rules: [house/unforced]}\n"
)
EVENT = (
    '{"source": "aws.medical-imaging", "detail-type": "Image Set Deleted", "time": "2025-06-01T00:00:00Z", '
    '"detail": {"datastoreId": "STORE", "imageSetId": "ID", "imageSetVersionId": "1"}}\n'
)
LEAST = '{version: 1, policies: [policy.yaml], targets: [{name: t, datastore: "DATASTORE", region: us-east-1, image_sets: all}]}\n'.replace(
    "DATASTORE", STORE
)
NOT_OF_THIS_AUDIT = {
    "object_lock",
    "profile",
    "role_arn",
    "external_id",
    "regions",
    "accounts",
    "organization",
}
"""Options of a store in S3, and of targets in other accounts and Regions."""
PLACES = {"path", "root", "document", "files", "warnings"}
ELSEWHERE = {"folder"}
"""Members that say where a run's files are: a replay's are elsewhere."""


def url_and_audit(folder: Path, url: str) -> Path:
    forced = SyntheticStore(STORE, 60).id_of(0)
    text = AUDIT.replace("URL", url).replace("STORE", STORE)
    (folder / "audit.yaml").write_text(text)
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "mapping.yaml").write_text(MAPPING)
    (folder / "waivers.yaml").write_text(WAIVER.replace("ID", forced))
    (folder / "events.jsonl").write_text(EVENT.replace("STORE", STORE).replace('"ID"', f'"{"e" * 32}"'))
    return folder / "audit.yaml"


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws_env: None) -> Iterator[checker.Run]:
    """The second of two runs: the first one left it a baseline, a history and a trend."""
    store = SyntheticStore(STORE, 60, forced=1.0)
    with serve_load([store], quotas=None, latency=0.0) as server:
        path = url_and_audit(tmp_path, server.url)
        monkeypatch.chdir(tmp_path)
        main(["check", "-q", "-c", str(path)])
        main(["baseline", "accept", "latest", "--reason", "why", "--by", "me", "-c", str(path)])
        with checker.audit(path, checker.AuditOptions(as_of="2099-01-10")) as result:
            yield result.run


def members(value: object) -> dict[str, object]:
    assert is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in fields(value) if field.name not in ELSEWHERE}


def plain(value: object) -> object:
    """A member without what is an object of its own in each process."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def test_no_option_of_the_audit_has_its_default(tmp_path: Path) -> None:
    every = config.load(url_and_audit(tmp_path, "http://127.0.0.1:9"))
    (tmp_path / "least.yaml").write_text(LEAST)
    least = config.load(tmp_path / "least.yaml")
    names = [field.name for field in fields(every) if field.name not in PLACES]
    assert [name for name in names if getattr(every, name) == getattr(least, name)] == []
    groups = {name: getattr(every, name) for name in names if isinstance(getattr(every, name), Strict)}
    assert set(groups) == {"defaults", "gate", "waivers", "runs", "collect"}
    same = [
        f"{name}.{member}"
        for name, group in groups.items()
        for member, field in type(group).model_fields.items()
        if member not in NOT_OF_THIS_AUDIT
        and getattr(group, member) == field.get_default(call_default_factory=True)
    ]
    assert same == []


def test_every_member_of_a_run_is_the_same_when_it_is_replayed(live: checker.Run) -> None:
    with checker.replay(checker.reopen("latest", "runs", audit="everything")) as again:
        for name, value in members(live).items():
            assert plain(value) == plain(members(again)[name]), name
