"""Statements on pruned runs: only what `runs prune` would have written, and done, excuses evidence that is gone."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime

import pytest
from collection.fixtures import aws_env

from checker.aws import Sessions
from checker.layout import MANIFEST, PRUNED, PRUNED_SIGNATURE
from checker.problems import InvalidInputError
from checker.runs.local_store import LocalStore
from checker.runs.prune_statements import PrunedRuns, refuse_false_prunings
from checker.runs.pruning import prune
from checker.runs.retention import listing, prune_decisions
from checker.runs.run_folder import SealKey
from checker.runs.s3_store import S3Store
from checker.values import parse_duration
from runs.folders import add_at, clock_at, manifest, s3_server, sha

__all__ = ["aws_env"]

NOT_OURS = "this is not what `runs prune` writes"
NOW = datetime(2023, 6, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def temporary_folders(tmp_path, monkeypatch):
    """What a store leaves behind on purpose goes with the test."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "runs")


def fill(store, **more):
    """Four runs, a year apart, that are kept for two years; the later ones name the statements that they know of."""
    return [
        add_at(store, (year, 1, 1), {"p": "1"}, **{"keep": "2y", "pruned": [], **more})
        for year in range(2020, 2024)
    ]


def statement(store, name, **said):
    """What `runs prune` would write of a run, but for what is said otherwise."""
    facts = manifest(store, name)
    keep = said.get("keep", facts.get("keep") or "2y")
    document = {
        "schema": "imageset-checker/pruned/2",
        "run": name,
        "manifest": sha(store.manifest(name)),
        "at": "2023-06-01T00:00:00Z",
        "keep": keep,
        "reason": f"it was sealed on {facts['sealed_at']}, and runs are kept for {keep}",
        "removed": sorted(facts["files"]),
        "tool_version": "0.1.0",
    }
    return json.dumps({**document, **said}, indent=2) + "\n"


def forge(store, name, content):
    """What somebody who may write everything can do to a run, without any key."""
    store.remove(name, store.contents()[name] & {PRUNED, *manifest(store, name)["files"]})
    store.put(name, PRUNED, content if isinstance(content, bytes) else content.encode())


def told(store, now=NOW):
    with clock_at(now):
        return [problem.message for problem in PrunedRuns(store).problems()]


FILES = ["findings.parquet", "policies/p.yaml", "records.jsonl", "started.json"]
SAID = {
    "a future instant": ({"at": "2099-01-01T00:00:00Z"}, "which is not yet"),
    "an instant before the run": ({"at": "2019-01-01T00:00:00Z"}, "before it was sealed"),
    "an instant before its time": ({"at": "2021-06-01T00:00:00Z"}, "it is kept until 2022-01-01T00:00:00Z"),
    "the last instant of its time": ({"at": "2022-01-01T00:00:00Z"}, "it is kept until 2022-01-01T00:00:00Z"),
    "another time to keep it": ({"keep": "1y"}, "kept for 1y, and its manifest says 2y"),
    "no time to keep it": ({"keep": "0d"}, "kept for 0d, and its manifest says 2y"),
    "a longer time to keep it": ({"keep": "3y"}, "kept for 3y, and its manifest says 2y"),
    "no time in another form": ({"keep": "P0D"}, NOT_OURS),
    "the same time in another form": ({"keep": "24mo"}, NOT_OURS),
    "another zone": ({"at": "2023-06-01T00:00:00+00:00"}, NOT_OURS),
    "no such instant": ({"at": "2023-06-31T00:00:00Z"}, NOT_OURS),
    "another run": ({"run": "20200101T000000Z-89abcdef"}, "is of another run, 20200101T000000Z-89abcdef"),
    "another manifest": ({"manifest": "0" * 64}, "names another manifest"),
    "another reason": ({"reason": "somebody said so"}, "gives a reason"),
    "fewer files": ({"removed": ["records.jsonl"]}, "does not say that findings.parquet was removed"),
    "a file beyond the run": (
        {"removed": ["../x", *FILES]},
        "says that ../x was removed, which the run never had",
    ),
    "a file that the run never had": (
        {"removed": sorted([*FILES, "notes.txt"])},
        "says that notes.txt was removed, which the run never had",
    ),
    "the manifest": ({"removed": sorted([*FILES, "manifest.json"])}, "says that manifest.json was removed"),
    "no list of files": ({"removed": "records.jsonl"}, NOT_OURS),
    "numbers for files": ({"removed": [1]}, NOT_OURS),
    "files that are not sorted": ({"removed": ["b", "a"]}, NOT_OURS),
    "a file twice": ({"removed": ["a", "a"]}, NOT_OURS),
    "a number for the version": ({"tool_version": 1}, NOT_OURS),
    "another schema": ({"schema": "imageset-checker/pruned/1"}, NOT_OURS),
    "one member more": ({"note": "x"}, NOT_OURS),
}


@pytest.mark.parametrize("said", SAID)
def test_what_prune_would_not_have_written_of_a_run_is_no_statement(store, said):
    given, message = SAID[said]
    first, *_ = fill(store)
    forge(store, first, statement(store, first, **given))
    assert any(message in item for item in told(store)), told(store)
    with clock_at(NOW), pytest.raises(InvalidInputError):
        refuse_false_prunings(store)
    assert PrunedRuns(store).unnamed() == []


WAYS = {
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "a member twice": lambda text: text.replace('{\n  "schema"', '{\n  "run": "x",\n  "schema"'),
    "members in another order": lambda text: json.dumps(dict(reversed(json.loads(text).items())), indent=2) + "\n",
    "no line end": lambda text: text[:-1],
    "a byte order mark": lambda text: "\ufeff" + text,
    "one line": lambda text: json.dumps(json.loads(text)) + "\n",
    "a list": lambda _: "[]\n",
    "nothing": lambda _: "",
    "no UTF-8": lambda _: b"\xff\xfe{",
    "no end": lambda _: "[" * 100_000,
    "a number of infinite size": lambda text: text.replace('"2y"', "Infinity"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_only_the_bytes_that_prune_writes_are_a_statement(store, way):
    first, *_ = fill(store)
    forge(store, first, WAYS[way](statement(store, first)))
    assert told(store) == [NOT_OURS]


def test_what_prune_itself_would_have_done_cannot_be_told_from_it(store):
    first, *_ = fill(store)
    forge(store, first, statement(store, first))
    assert told(store) == []


def test_the_newest_run_is_never_taken_for_pruned(store):
    *_, newest = fill(store)
    later = datetime(2099, 1, 1, tzinfo=UTC)
    forge(store, newest, statement(store, newest, at="2098-01-01T00:00:00Z"))
    (message,) = told(store, later)
    assert message.endswith("it is the last run of the audit archive")
    # nor because there is a newer one by now, or because it is said that the newer one was pruned too
    add_at(store, (2098, 6, 1), {"p": "1"}, keep="2y")
    assert told(store, later) == [message]


def test_of_two_runs_that_are_both_said_to_be_pruned_the_last_one_is_told(store):
    first, second = (add_at(store, (year, 1, 1), {"p": "1"}, keep="1y") for year in (2020, 2021))
    for name in (first, second):
        forge(store, name, statement(store, name))
    assert [item.partition(": ")[2] for item in told(store)] == ["it is the last run of the audit archive"]


def test_a_statement_that_was_copied_from_another_run_is_of_that_one(store):
    first, second, *_ = fill(store)
    forge(store, second, statement(store, first))
    assert f"is of another run, {first}" in told(store)


def test_a_policy_that_must_be_kept_holds_the_evidence_too(store):
    old = add_at(store, (2020, 1, 1), {"p": "old"}, keep="2y")
    add_at(store, (2022, 6, 1), {"p": "new"}, keep="2y")
    forge(store, old, statement(store, old))
    assert (
        "policies/p.yaml was in effect until 2022-06-01T00:00:00Z, and is kept until 2024" in told(store)[0]
    )


def test_the_run_that_another_one_was_compared_with_holds_its_evidence(store):
    old = add_at(store, (2020, 1, 1), {"p": "1"}, keep="2y")
    new = add_at(store, (2022, 6, 1), {"p": "1"}, keep="2y", baseline={"run": old, "sha256": "x"})
    forge(store, old, statement(store, old))
    assert told(store)[0].endswith(f"the run {new} was compared with it")


def accept(store, name, number, at):
    store.put(name, f"baseline-{number}.json", json.dumps({"at": at}).encode())


def test_a_baseline_is_judged_by_what_was_said_of_it_by_then(store):
    first, second, third, _ = fill(store)
    accept(store, first, 1, "2020-02-01T00:00:00Z")
    forge(store, first, statement(store, first, at="2023-05-01T00:00:00Z"))
    assert told(store)[0].endswith("it is a baseline of the audit archive")
    # a later one that was accepted sets it free, even if that is taken back after it was pruned
    accept(store, third, 1, "2023-04-01T00:00:00Z")
    assert told(store) == []
    accept(store, third, 2, "2023-05-15T00:00:00Z")
    assert told(store) == []
    # and one that was accepted after it was pruned does not
    accept(store, second, 1, "2023-05-15T00:00:00Z")
    store.remove(third, ["baseline-1.json", "baseline-2.json"])
    assert told(store)[0].endswith("it is a baseline of the audit archive")


def test_what_is_said_of_a_run_as_a_baseline_outlives_its_evidence(store):
    first, second, *_ = fill(store)
    accept(store, first, 1, "2020-02-01T00:00:00Z")
    accept(store, second, 1, "2021-02-01T00:00:00Z")
    pruned(store)
    assert {"baseline-1.json", PRUNED, MANIFEST} < store.contents()[first]
    assert told(store) == []


def pruned(store, keep="2y", now=NOW, key=None):
    """What `runs prune --delete` does; the names of the runs that went."""
    with clock_at(now):
        going = [item for item in prune_decisions(listing(store), parse_duration(keep), now) if item.goes]
        for item in going:
            prune(store, item, parse_duration(keep), now, key)
    return [item.run.name for item in going]


def test_runs_that_were_pruned_one_after_the_other_all_stand(store):
    names = fill(store)
    assert pruned(store) == names[:2]
    assert told(store) == []
    assert pruned(store, now=datetime(2024, 6, 1, tzinfo=UTC)) == [names[2]]
    assert told(store, datetime(2024, 6, 1, tzinfo=UTC)) == []


def test_a_statement_that_a_later_run_names_is_not_replaced_or_removed(store):
    first, *_ = fill(store)
    pruned(store)
    later = datetime(2023, 9, 1, tzinfo=UTC)
    name = add_at(store, (2023, 7, 1), {"p": "1"}, pruned=PrunedRuns(store).unnamed())
    assert told(store, later) == []
    assert PrunedRuns(store).unnamed() == []
    forge(store, first, statement(store, first, at="2023-08-01T00:00:00Z"))
    assert told(store, later) == [f"is not the one that was there: run {name} names another"]
    store.remove(first, [PRUNED])
    assert told(store, later) == [f"is not there any more, and run {name} names it"]


def test_a_statement_is_not_put_before_a_run_that_knows_nothing_of_it(store):
    first, *_, newest = fill(store)
    forge(store, first, statement(store, first, at="2022-12-31T23:49:59Z"))
    assert told(store) == [
        f"says that the run was pruned on 2022-12-31T23:49:59Z, and run {newest}, which was sealed later, knows nothing of it"
    ]
    # within ten minutes the one may have been under way when the other was
    forge(store, first, statement(store, first, at="2022-12-31T23:50:00Z"))
    assert told(store) == []


def test_the_statement_on_a_signed_run_is_signed(store):
    key = SealKey("0" * 64, lambda content: sha(content).encode())
    first, *_ = fill(store, key=key)
    forge(store, first, statement(store, first))
    assert told(store) == ["is not signed, and the run is"]
    store.put(first, PRUNED_SIGNATURE, b"x")
    assert told(store) == []  # `verify --key` says whether it fits
    # nor is a run free of it whose own signature was removed too: its manifest names the key
    store.remove(first, [PRUNED_SIGNATURE, "manifest.json.sig"])
    assert told(store) == ["is not signed, and the run is"]


def test_a_signature_that_a_crash_left_alone_is_made_again(store):
    key = SealKey("0" * 64, lambda content: sha(content).encode())
    first, *_ = fill(store, key=key)
    store.put(first, PRUNED_SIGNATURE, b"of another instant")
    assert pruned(store, key=key)[0] == first
    said = (store.folder / first / PRUNED).read_bytes()
    assert (store.folder / first / PRUNED_SIGNATURE).read_bytes() == key.sign(said)


def test_a_run_without_a_time_of_its_own_goes_by_what_was_said_as_it_was_pruned(store):
    first, *_ = fill(store, keep=None)
    assert pruned(store, keep="1y")[0] == first
    assert told(store) == []
    forge(store, first, statement(store, first, keep="0d"))
    assert told(store) == ["says that the run was to be kept for 0d, which is no time"]


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_statement_that_is_no_file_is_none(store, tmp_path, kind):
    import os

    first, *_ = fill(store)
    (tmp_path / "elsewhere").write_text(statement(store, first))
    forge(store, first, "")
    path = store.folder / first / PRUNED
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere") if kind == "link" else os.mkfifo(path)
    assert told(store) == ["is a link, and no run has any" if kind == "link" else "is no file"]


def test_statements_in_s3_are_judged_as_those_in_a_folder(aws_env):
    import boto3

    with s3_server() as url:
        aws_env.setenv("AWS_ENDPOINT_URL", url)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="evidence")
        client.close()
        store = S3Store("evidence", "runs", door=Sessions(attempts=1))
        first, _, _, newest = fill(store)
        assert first in pruned(store)
        assert told(store) == []
        assert PrunedRuns(store).unnamed()[0]["run"] == first
        forge(store, newest, statement(store, newest, at="2023-05-01T00:00:00Z"))
        assert "it is kept until 2025-01-01T00:00:00Z" in told(store)[0]
        store.remove(newest, [PRUNED])
        forge(store, first, statement(store, first).replace("\n", "\r\n"))
        assert told(store) == [NOT_OURS]
