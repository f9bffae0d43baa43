"""Audits again, of what has moved only: the same findings, for a fraction of the calls."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from load_server import WireFault

from checker.cli import main
from checker.simulator import ModelError
from tests.budgets import examples
from tests.cli.scale import POLICY, Audit, move, served, store

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
UPDATED = POLICY + "  - {id: settled, title: T, severity: low, deny: {updatedAt - createdAt: {gt: 3d}}}\n"


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


def again(audit: Audit, day: int, *options: str) -> int:
    return audit.check("--as-of", f"{FIRST + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}", *options)


def test_only_what_moved_is_asked_for_again(tmp_path: Path) -> None:
    with served(store(600)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        again(audit, 1)
        full = sum(audit.calls().values())
        move(server, 0.01)
        again(audit, 2)
        calls = audit.calls()
    moved = calls["GetImageSet"] + calls["ListImageSetVersions"]
    locked = sum(record.get("imageSetState") == "LOCKED" for record in audit.records(0))
    assert moved <= 0.01 * 600 * 1.6 + locked
    assert sum(calls.values()) <= 0.06 * full  # of a store this small, search takes two of a hundred
    reused = Counter(
        "reusedFrom" in record for record in audit.records() if record.get("action") != "SearchImageSets"
    )
    assert reused[True] > 570


def test_an_answer_that_stands_says_whose_it_is_and_when_it_was_given(tmp_path: Path) -> None:
    with served(store(60)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        for day in (1, 2, 3):
            again(audit, day)
    first, _, third = audit.runs
    asked = {record["imageSetId"]: record for record in audit.records(0) if "imageSetState" in record}
    for record in audit.records():
        if record.get("reusedFrom") and "imageSetState" in record:
            assert record["reusedFrom"] == first.name
            assert record["collectedAt"] == asked[record["imageSetId"]]["collectedAt"]
    assert third.name != first.name


@pytest.mark.parametrize("how", ["--refresh", "incremental", "botocore"])
def test_all_is_asked_for_again_where_that_is_wanted(tmp_path: Path, how: str) -> None:
    with served(store(100)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(more="collect: {incremental: false}\n" if how == "incremental" else "")
        again(audit, 1)
        if how == "botocore":
            _, manifest = audit.runs[0], audit.runs[0] / "manifest.json"
            text = json.loads(manifest.read_bytes())
            text["botocore_version"] = "1.0.0"
            _reseal(manifest, text)
        again(audit, 2, *(["--refresh"] if how == "--refresh" else []))
        first, second = audit.calls(0), audit.calls()
    for calls in (first, second):
        assert calls["GetImageSet"] + calls["ListImageSetVersions"] >= 98  # the DELETED are not listed


def _reseal(manifest: Path, document: dict[str, object]) -> None:
    from checker.layout import DIGEST
    from checker.runs.run_folder import digests

    content = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    manifest.write_bytes(content)
    manifest.with_name(DIGEST).write_bytes(digests(content, None))


def test_a_rule_that_reads_what_was_not_collected_has_it_asked_for(tmp_path: Path) -> None:
    tiers = "version: 1\npack: scale\nrules:\n  - {id: at-hand, title: T, severity: low, require: {storageTier: FREQUENT_ACCESS}}\n"
    with served(store(100)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(policy=tiers)
        again(audit, 1)
        assert "GetImageSet" not in audit.calls()
        audit.write()
        again(audit, 2)
        assert audit.calls()["GetImageSet"] + audit.calls().get("ListImageSetVersions", 0) >= 98


def test_what_vanished_is_asked_for_and_stays_in_the_audit(tmp_path: Path) -> None:
    with served(store(400, deleted=0.0, deleted_found=False)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(more="collect: {recheck_deleted: 1h}\n")
        again(audit, 1)
        known = {record["imageSetId"] for record in audit.records() if "imageSetId" in record}
        move(server, 0.1, gone=1.0)
        again(audit, 2)
        gone = {
            record["imageSetId"]
            for record in audit.records()
            if (record.get("error") or {}).get("code") == "ResourceNotFoundException"
        }
        assert 20 < len(gone) < 60
        assert {
            finding["imageSetId"]
            for finding in audit.findings()
            if finding["rule"] == "found" and finding["verdict"] == "fail"
        } == gone
        assert {record["imageSetId"] for record in audit.records() if "imageSetId" in record} == known
        again(audit, 3)
        assert audit.calls()["GetImageSet"] >= len(gone)  # once more
        again(audit, 4)
        assert audit.calls().get("GetImageSet", 0) < 10  # and not again before the time is over
        assert len(
            [
                finding
                for finding in audit.findings()
                if finding["rule"] == "found" and finding["verdict"] == "fail"
            ]
        ) == len(gone)


def test_an_earlier_run_covers_the_time_since(tmp_path: Path) -> None:
    recent = (
        "version: 1\npack: scale\nrules:\n  - {id: recent, title: T, severity: low, "
        "deny: {all: [{imageSetState: DELETED}, {deletedAt: {after: '%s'}}]}}\n"
    )
    with served(store(50)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(policy=recent % "2020-01-01")
        again(audit, 1)
        assert [finding["imageSetId"] for finding in audit.findings() if finding["verdict"] == "unknown"] == [
            None
        ]
        since = next(record["listedSince"] for record in audit.records() if "listedSince" in record)
        audit.write(policy=recent % since)
        again(audit, 2)
        assert next(record["listedSince"] for record in audit.records() if "listedSince" in record) == since
        assert not [finding for finding in audit.findings() if finding["verdict"] == "unknown"]
        audit.write(policy=recent % "2020-01-01", more="collect: {deletions_known_since: 2019-12-31}\n")
        again(audit, 3)
        assert not [finding for finding in audit.findings() if finding["verdict"] == "unknown"]
        audit.write(policy=recent % "2020-01-01")  # the owner's word is no longer given
        again(audit, 4)
        assert [finding["imageSetId"] for finding in audit.findings() if finding["verdict"] == "unknown"] == [
            None
        ]


def test_what_a_narrower_condition_leaves_out_is_not_asked_about(tmp_path: Path) -> None:
    item = store(200, deleted=0.0)
    middle = datetime.fromtimestamp(item.image_set(100).created / 1000, UTC)
    narrow = f"image_sets: {{where: {{createdAt: {{after: '{middle:%Y-%m-%dT%H:%M:%SZ}'}}}}}}"
    with served(item) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        again(audit, 1)
        audit.write(target=narrow)
        again(audit, 2)
        calls = audit.calls()
    assert calls.get("GetImageSet", 0) + calls.get("ListImageSetVersions", 0) < 10  # those that were LOCKED
    assert 95 < len({record["imageSetId"] for record in audit.records() if "imageSetId" in record}) < 105


def test_events_name_image_sets_that_no_search_lists(tmp_path: Path) -> None:
    item = store(50, deleted=0.2)
    with served(item) as server:
        audit = Audit(tmp_path, server.url)
        deleted = [image_set.id for image_set in map(item.image_set, range(50)) if image_set.deleted]
        lines = [
            {
                "source": "aws.medical-imaging", "detail-type": "Image Set Deleted", "time": "2025-12-01T00:00:00Z",
                "region": "us-east-1", "account": "123456789012", "version": "0", "id": name,
                "resources": [f"arn:aws:medical-imaging:us-east-1:123456789012:datastore/{item.datastore_id}/imageset/{name}"],
                "detail": {"datastoreId": item.datastore_id, "imagesetId": name},
            }
            for name in deleted
        ]  # fmt: skip
        (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, lines)))
        audit.write(more="events: [events.jsonl]\n")
        again(audit, 1)
    found = {
        finding["imageSetId"]
        for finding in audit.findings()
        if finding["rule"] == "not-deleted" and finding["imageSetId"]
    }
    assert found == set(deleted)


@settings(max_examples=examples(2, 6), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 1000),
    moves=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.05, 0.5]),
            st.sampled_from([0.0, 0.3, 1.0]),
            st.sampled_from([0, 7]),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
    found=st.booleans(),
    chosen=st.sampled_from(
        ["all", "{where: {isPrimary: true}}", "{where: {updatedAt: {younger_than: 90d}}}"]
    ),
)
def test_incremental_and_full_runs_give_the_same_findings(
    seed: int, moves: list[tuple[float, float, int, bool]], found: bool, chosen: str
) -> None:
    with (
        TemporaryDirectory() as name,
        served(
            store(60, seed=seed, deleted_found=found, statuses={"COPYING": 0.1, "UPDATE_FAILED": 0.1})
        ) as server,
    ):
        some, all_of_them = Audit(Path(name) / "some", server.url), Audit(Path(name) / "all", server.url)
        for day, (share, gone, added, versions) in enumerate(moves, 1):
            policy = UPDATED
            if versions:
                policy = policy.replace("imageSetState: LOCKED", "deletedAt: {younger_than: 30d}")
            for audit, options in ((some, ()), (all_of_them, ("--refresh",))):
                audit.write(policy, target=f"image_sets: {chosen}")
                assert again(audit, day, *options) in (0, 1, 3)
            assert some.findings() == all_of_them.findings()
            move(server, share, gone=gone, added=added, at=FIRST + timedelta(days=day))


def test_the_reports_of_a_kept_run_are_remade_to_the_byte(tmp_path: Path) -> None:
    throttled = WireFault("GetImageSet", ModelError("ThrottlingException", "slow"), times=1)
    with served(store(60, forced=0.5), faults=[throttled]) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        again(audit, 1, "--report", f"html={tmp_path / 'first.html'}")
    run = audit.runs[0]
    assert json.loads((run / "manifest.json").read_bytes())["traffic"]["throttled"]
    for name, first in (("json", "results.json"), ("html", "first.html")):
        assert main(["report", str(run), "--report", f"{name}={tmp_path / 'remade'}"]) == 0
        assert (tmp_path / "remade").read_bytes() == (run / "reports" / name / first).read_bytes()
