"""Which runs may go, and why each other one stays."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime

import pytest
from collection.fixtures import aws_env

from checker.aws import Sessions
from checker.layout import DIGEST, MANIFEST, PRUNED, PRUNED_SIGNATURE, SIGNATURE
from checker.runs.local_store import LocalStore
from checker.runs.pruning import HeldError, prune
from checker.runs.retention import RunState, listing, prune_decisions
from checker.runs.run_folder import RunFolderError, SealKey
from checker.runs.s3_store import S3Store
from checker.values import parse_duration
from runs.folders import RUN, add, add_at, clock_at, manifest, s3_server, sha

__all__ = ["aws_env"]

SIX_YEARS = parse_duration("6y")


@pytest.fixture(autouse=True)
def temporary_folders(tmp_path, monkeypatch):
    """What a store leaves behind on purpose goes with the test."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "runs")


def at(*moment):
    return datetime(*moment, tzinfo=UTC)


def plan(store, now, keep="6y"):
    """By the year of its name, why a run stays; None where it goes."""
    decisions = prune_decisions(listing(store), parse_duration(keep), at(*now))
    return {decision.run.name[:4]: None if decision.goes else decision.reason for decision in decisions}


def test_a_run_stays_as_long_as_runs_are_kept_by_the_calendar(store):
    add_at(store, (2020, 2, 29), {"p": "1"})
    add_at(store, (2021, 1, 1), {"p": "1"})
    # 29 February and 6 years is 28 February; the last instant is part of it
    assert plan(store, (2026, 2, 28))["2020"] == "it is kept until 2026-02-28T00:00:00Z"
    assert plan(store, (2026, 2, 28, 0, 0, 1))["2020"] is None


def test_the_last_run_of_an_audit_stays_for_ever(store):
    add_at(store, (2001, 1, 1), {"p": "1"}, audit="archive")
    add_at(store, (2002, 1, 1), {"p": "1"}, audit="archive")
    add_at(store, (2003, 1, 1), {"p": "1"}, audit="other")
    assert plan(store, (2026, 1, 1)) == {
        "2001": None,
        "2002": "it is the last run of the audit archive",
        "2003": "it is the last run of the audit other",
    }


def test_the_baselines_of_an_audit_stay(store):
    for year in (2001, 2002, 2003, 2004):
        add_at(
            store,
            (year, 1, 1),
            {"p": "1"},
            outcome="passed" if year == 2002 else "violation",
            gate={"new_only": True},
        )
    store.put(next(name for name in store.names() if name.startswith("2003")), "baseline-1.json", b"{}")
    assert plan(store, (2026, 1, 1)) == {
        "2001": None,
        "2002": "it is a baseline of the audit archive",
        "2003": "it is a baseline of the audit archive",
        "2004": "it is the last run of the audit archive",
    }
    store.put(next(name for name in store.names() if name.startswith("2003")), "baseline-2.json", b"{}")
    assert plan(store, (2026, 1, 1))["2003"] is None


def test_a_replay_is_not_the_last_run_of_an_audit(store):
    add_at(store, (2001, 1, 1), {"p": "1"})
    add_at(store, (2002, 1, 1), {"p": "draft"}, replay_of="x")
    assert plan(store, (2026, 1, 1)) == {"2001": "it is the last run of the audit archive", "2002": None}


def test_a_policy_is_kept_from_when_it_was_last_in_effect(store):
    add_at(store, (2010, 1, 1), {"p": "old"})
    add_at(store, (2018, 1, 1), {"p": "new"})
    add_at(store, (2019, 1, 1), {"p": "new"})
    until = "policies/p.yaml was in effect until 2018-01-01T00:00:00Z, and is kept until 2024-01-01T00:00:00Z"
    assert plan(store, (2023, 1, 1))["2010"] == until
    assert plan(store, (2024, 1, 1))["2010"] == until
    assert plan(store, (2024, 1, 1, 0, 0, 1))["2010"] is None


def test_a_policy_that_was_dropped_was_in_effect_until_the_run_without_it(store):
    add_at(store, (2010, 1, 1), {"p": "1", "q": "2"})
    add_at(store, (2018, 1, 1), {"p": "1"})
    assert "policies/q.yaml was in effect until 2018-01-01" in plan(store, (2023, 1, 1))["2010"]
    assert plan(store, (2025, 1, 1))["2010"] is None


def test_a_policy_that_came_back_counts_from_when_it_went_again(store):
    add_at(store, (2010, 1, 1), {"p": "a"})
    add_at(store, (2011, 1, 1), {"p": "b"})
    add_at(store, (2017, 1, 1), {"p": "a"})
    add_at(store, (2018, 1, 1), {"p": "b"})
    # the run of 2017 holds it for the one of 2010
    assert plan(store, (2023, 6, 1)) == {
        "2010": None,
        "2011": None,
        "2017": "policies/p.yaml was in effect until 2018-01-01T00:00:00Z, and is kept until 2024-01-01T00:00:00Z",
        "2018": "it is kept until 2024-01-01T00:00:00Z",
    }


def test_of_runs_with_the_same_policy_the_newest_holds_it_for_the_others(store):
    for year in (2010, 2011, 2012):
        add_at(store, (year, 1, 1), {"p": "old", "q": f"{year}"})
    add_at(store, (2020, 1, 1), {"p": "new"})
    reasons = plan(store, (2022, 1, 1))
    assert (reasons["2010"], reasons["2011"]) == (None, None)
    assert "policies/p.yaml was in effect until 2020" in reasons["2012"]


def test_a_policy_in_effect_in_another_audit_is_held_by_its_last_run(store):
    add_at(store, (2010, 1, 1), {"p": "1"}, audit="one")
    add_at(store, (2011, 1, 1), {"p": "2"}, audit="one")
    add_at(store, (2012, 1, 1), {"p": "1"}, audit="other")
    assert plan(store, (2026, 1, 1))["2010"] is None
    assert "last run of the audit other" in plan(store, (2026, 1, 1))["2012"]


def test_another_audits_run_ends_no_policy(store):
    add_at(store, (2010, 1, 1), {"p": "old"}, audit="one")
    add_at(store, (2011, 1, 1), {"p": "x"}, audit="other")
    add_at(store, (2022, 1, 1), {"p": "new"}, audit="one")
    assert "in effect until 2022-01-01" in plan(store, (2026, 1, 1))["2010"]


def test_a_replay_puts_no_policy_out_of_effect(store):
    add_at(store, (2010, 1, 1), {"p": "old"})
    add_at(store, (2011, 1, 1), {"p": "draft"}, replay_of="x")
    add_at(store, (2022, 1, 1), {"p": "new"})
    reasons = plan(store, (2026, 1, 1))
    assert "in effect until 2022-01-01" in reasons["2010"]
    assert reasons["2011"] is None


def test_a_pruned_run_still_says_when_a_policy_was_in_effect(store):
    add_at(store, (2010, 1, 1), {"p": "old"})
    middle = add_at(store, (2011, 1, 1), {"p": "old", "q": "1"})
    add_at(store, (2012, 1, 1), {"p": "new"})
    store.put(middle, PRUNED, b"{}")
    store.remove(
        middle, ["policies/p.yaml", "policies/q.yaml", "records.jsonl", "findings.parquet", "started.json"]
    )
    # it holds nothing any more, but in 2011 the policy was in effect
    assert "in effect until 2012-01-01" in plan(store, (2017, 6, 1))["2010"]
    assert plan(store, (2018, 6, 1)) == {
        "2010": None,
        "2011": "it was pruned",
        "2012": "it is the last run of the audit archive",
    }


def test_a_baseline_stays_while_a_run_that_names_it_stays_for_itself(store):
    oldest = add_at(store, (2010, 1, 1), {"p": "1"})
    middle = add_at(store, (2011, 1, 1), {"p": "1"}, baseline={"run": oldest, "sha256": "x"})
    last = add_at(store, (2012, 1, 1), {"p": "1"}, baseline={"run": middle, "sha256": "x"})
    assert plan(store, (2026, 1, 1)) == {
        "2010": None,
        "2011": f"the run {last} was compared with it",
        "2012": "it is the last run of the audit archive",
    }


def test_what_is_interrupted_or_damaged_is_listed_and_stays(store):
    store.claim("20010101T000000Z-0123abcd", {})
    (store.folder / "20020101T000000Z-0123abcd").mkdir()
    damaged = add_at(store, (2003, 1, 1))
    (store.folder / damaged / MANIFEST).write_text("{")
    assert [run.state for run in listing(store)] == [
        RunState.INTERRUPTED,
        RunState.INTERRUPTED,
        RunState.DAMAGED,
    ]
    assert plan(store, (2026, 1, 1)) == {
        "2001": "it has no manifest: it was interrupted, or is being made",
        "2002": "it has no manifest and hardly began: it was interrupted, or is being made",
        "2003": "its manifest cannot be read",
    }


def first(store, now):
    return next(item for item in prune_decisions(listing(store), SIX_YEARS, at(*now)) if item.goes)


def old_and_new(store, **more):
    old = add_at(store, (2001, 1, 1), {"p": "1"}, **more)
    add_at(store, (2002, 1, 1), {"p": "1"})
    return old


def test_what_is_pruned_keeps_its_manifest_and_says_why(store):
    key = SealKey("0" * 64, lambda content: sha(content).encode())
    old = old_and_new(store, key=key)
    before = store.manifest(old)
    prune(store, first(store, (2026, 1, 1)), SIX_YEARS, at(2026, 1, 1), key)
    assert store.contents()[old] == {MANIFEST, DIGEST, SIGNATURE, PRUNED, PRUNED_SIGNATURE}
    content = (store.folder / old / PRUNED).read_bytes()
    assert (store.folder / old / PRUNED_SIGNATURE).read_bytes() == key.sign(content)
    assert store.manifest(old) == before
    assert not (store.folder / old / "policies").exists()
    said = json.loads((store.folder / old / PRUNED).read_bytes())
    said.pop("tool_version")
    assert said == {
        "schema": "imageset-checker/pruned/2",
        "run": old,
        "manifest": sha(before),
        "at": "2026-01-01T00:00:00Z",
        "keep": "6y",
        "reason": "it was sealed on 2001-01-01T00:00:00Z, and runs are kept for 6y",
        "removed": ["findings.parquet", "policies/p.yaml", "records.jsonl", "started.json"],
    }
    # the chain still holds: the next run names the manifest that is there
    assert manifest(store, store.sealed()[1])["previous"] == [{"run": old, "sha256": sha(before)}]
    assert plan(store, (2026, 1, 1))["2001"] == "it was pruned"


def test_pruning_that_was_cut_short_is_finished_by_the_next(store):
    old = old_and_new(store)
    now = at(2026, 1, 1)
    path = store.folder / old / "reports"
    decision = first(store, (2026, 1, 1))
    store.put(old, PRUNED, b'{"at": "2025-12-31T00:00:00Z"}')
    store.remove(old, ["records.jsonl", "policies/p.yaml"])
    assert not path.exists()
    again = first(store, (2026, 1, 1))
    assert again.run.state is RunState.PRUNED
    assert again.reason == "pruning it was begun, and 2 of its files are still there"
    prune(store, again, SIX_YEARS, now)
    assert store.contents()[old] == {MANIFEST, DIGEST, PRUNED}
    assert json.loads((store.folder / old / PRUNED).read_bytes()) == {"at": "2025-12-31T00:00:00Z"}
    assert decision.run.name == old


def test_a_run_is_kept_as_long_as_its_manifest_says(store):
    add_at(store, (2010, 1, 1), {"p": "1"}, keep="20y")
    add_at(store, (2011, 1, 1), {"p": "1"}, keep="3y")
    add_at(store, (2012, 1, 1), {"p": "1"})
    assert plan(store, (2026, 1, 1), keep="6y") == {
        "2010": "it is kept until 2030-01-01T00:00:00Z: its manifest says 20y",
        "2011": None,
        "2012": "it is the last run of the audit archive",
    }
    assert plan(store, (2026, 1, 1), keep="20y")["2011"] == "it is kept until 2031-01-01T00:00:00Z"


def test_a_run_that_lost_a_file_is_not_pruned_as_if_it_were_whole(store):
    old = old_and_new(store)
    (store.folder / old / "findings.parquet").unlink()
    lost = "findings.parquet is not there any more, and was not pruned: `verify` says more"
    assert plan(store, (2026, 1, 1))["2001"] == lost


def test_a_run_to_which_a_file_was_added_is_not_pruned_and_neither_is_the_file(store):
    old = old_and_new(store)
    store.put(old, "notes.txt", b"x")
    added = "notes.txt was added after the run: `verify` says more"
    assert plan(store, (2026, 1, 1))["2001"] == added
    (store.folder / old / "notes.txt").unlink()
    store.put(old, "records.chain", b"")  # which a run has until it is complete
    prune(store, first(store, (2026, 1, 1)), SIX_YEARS, at(2026, 1, 1))
    assert store.contents()[old] == {MANIFEST, DIGEST, PRUNED}
    store.put(old, "notes.txt", b"x")
    assert plan(store, (2026, 1, 1))["2001"] == "it was pruned"


def test_a_run_that_was_sealed_by_a_clock_ahead_stands_for_no_other(store):
    first_one = add_at(store, (2001, 1, 1), {"p": "1"})
    add_at(store, (2002, 1, 1), {"p": "1"})
    add_at(store, (2099, 1, 1), {"p": "1"}, baseline={"run": first_one, "sha256": "x"})
    assert plan(store, (2026, 1, 1)) == {
        "2001": "the run 20990101T000000Z-0123abcd was compared with it",
        "2002": "it is the last run of the audit archive",
        "2099": "it is kept until 2105-01-01T00:00:00Z",
    }


def test_a_pruned_json_alone_takes_no_run_before_its_time(store):
    add_at(store, (2010, 1, 1), {"p": "old"})
    add_at(store, (2022, 1, 1), {"p": "new"})
    for name in store.names():
        store.put(name, PRUNED, b"{}")
    reasons = plan(store, (2026, 1, 1))
    assert reasons["2010"].startswith(
        "pruning it was begun, and 4 of its files are still there; policies/p.yaml"
    )
    assert reasons["2022"].endswith("it is kept until 2028-01-01T00:00:00Z")


def test_what_cannot_be_removed_is_told_and_the_rest_can_be_finished(store, monkeypatch):
    old = old_and_new(store)
    decision = first(store, (2026, 1, 1))
    # a folder in the place of a file, which unlink refuses even to root
    (store.folder / old / "records.jsonl").unlink()
    (store.folder / old / "records.jsonl").mkdir()
    with pytest.raises(RunFolderError, match="it could not be pruned: "):
        prune(store, decision, SIX_YEARS, at(2026, 1, 1))
    assert store.has(old, PRUNED)


@pytest.fixture(scope="module")
def server():
    with s3_server() as url:
        yield url


@pytest.fixture
def s3(server, aws_env):
    aws_env.setenv("AWS_ENDPOINT_URL", server)
    door = Sessions(attempts=1)
    # any client may make a bucket, but for the checker's own
    import boto3

    client = boto3.client("s3", region_name="us-east-1")
    yield client, door
    client.close()


def test_runs_in_s3_are_pruned_in_every_version(s3):
    client, door = s3
    client.create_bucket(Bucket="versions")
    client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    store = S3Store("versions", "runs", door=door)
    add(store)
    add(store, "20260102T000000Z-0123abcd")
    decision = first(store, (2100, 1, 1))
    assert decision.run.name == RUN
    prune(store, decision, SIX_YEARS, at(2100, 1, 1))
    left = client.list_object_versions(Bucket="versions", Prefix=f"runs/{RUN}/")
    assert {item["Key"].rpartition("/")[2] for item in left["Versions"]} == {MANIFEST, DIGEST, PRUNED}
    assert len(store.sealed()) == 2


def test_a_run_that_object_lock_holds_is_not_begun_to_be_pruned(s3):
    client, door = s3
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    store = S3Store("locked", "runs", keep=parse_duration("10y"), object_lock="compliance", door=door)
    old = add(store)
    add(store, "20260102T000000Z-0123abcd")
    # kept for less now than when the lock was set
    year = int(manifest(store, old)["sealed_at"][:4])
    decision = first(store, (year + 7, 1, 1))
    with (
        clock_at(at(year + 7, 1, 1)),
        pytest.raises(HeldError, match=r"runs/\S+: error: Object Lock \(compliance\) holds \S+ until"),
    ):
        prune(store, decision, SIX_YEARS, at(year + 7, 1, 1))
    assert not store.has(old, PRUNED)
    assert store.has(old, "records.jsonl")
