"""Runs in S3: moto's over HTTP, and a stand-in for what moto never answers."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from collection.fixtures import aws_env

from checker.aws import RefusedActionError, Sessions
from checker.instants import add_duration
from checker.judgement.baseline_statements import acceptance, declare
from checker.layout import DIGEST, MANIFEST, SIGNATURE, STARTED
from checker.problems import InvalidInputError
from checker.runs import run_folder, s3_store, sealed_run
from checker.runs.local_store import open_store
from checker.runs.run_folder import RunFolderError, SealKey
from checker.runs.s3_store import S3Store
from checker.values import parse_duration, parse_time
from runs.folders import RUN, add, manifest, put_together, s3_server, sha

__all__ = ["aws_env"]

SIX_YEARS = parse_duration("6y")
FILES = {STARTED, "records.jsonl", "findings.parquet", DIGEST, MANIFEST}


@pytest.fixture(autouse=True)
def temporary_folders(tmp_path, monkeypatch):
    """What a store leaves behind on purpose goes with the test."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.fixture(scope="module")
def server():
    with s3_server() as url:
        yield url


@pytest.fixture
def s3(server, aws_env):
    aws_env.setenv("AWS_ENDPOINT_URL_S3", server)
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=server)
    yield client
    client.close()


@pytest.fixture
def bucket(s3, request):
    """A bucket for each test: moto keeps them for the life of the server."""
    name = f"b{sha(request.node.nodeid.encode())[:20]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def locked(s3, request):
    name = f"l{sha(request.node.nodeid.encode())[:20]}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def once(bucket, prefix="runs", **options):
    """A store that asks once: what fails here fails again."""
    return S3Store(bucket, prefix, door=Sessions(attempts=1), **options)


def keys(s3, bucket):
    return {item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", ())}


@pytest.mark.parametrize(("where", "prefix"), [("s3://{}/a/b", "a/b/"), ("s3://{}", "")])
def test_a_run_is_brought_to_s3_and_back(s3, bucket, tmp_path, where, prefix):
    store = open_store(where.format(bucket))
    working = store.claim(RUN, {"name": "archive"})
    assert keys(s3, bucket) == {f"{prefix}{RUN}/{STARTED}"}
    put_together(working, {"reports/html/ä b+c%.html": b"<p>" * 100_000})
    assert keys(s3, bucket) == {f"{prefix}{RUN}/{STARTED}"}
    assert store.publish(working) == f"{where.format(bucket)}/{RUN}"
    name = "reports/html/ä b+c%.html"
    assert keys(s3, bucket) == {f"{prefix}{RUN}/{file}" for file in {*FILES, name}}
    again = open_store(where.format(bucket))
    assert (again.names(), again.sealed()) == ((RUN,), (RUN,))
    assert again.contents() == {RUN: {*FILES, name}}
    folder = again.fetch(RUN)
    for file, digest in manifest(again, RUN)["files"].items():
        assert sha((folder / file).read_bytes()) == digest
    assert (folder / MANIFEST).read_bytes() == (working.folder / MANIFEST).read_bytes()


def test_only_what_is_asked_for_is_fetched_and_what_is_not_there_is_left_out(s3, bucket):
    store = open_store(f"s3://{bucket}/runs")
    add(store)
    folder = store.fetch(RUN, MANIFEST, "records.jsonl", "waivers.yaml")
    assert {path.name for path in folder.iterdir()} == {MANIFEST, "records.jsonl"}
    assert store.has(RUN, "records.jsonl")
    assert not store.has(RUN, "pruned.json")


def test_temporary_folders_last_until_the_store_is_closed(s3, bucket):
    store = open_store(f"s3://{bucket}/runs")
    working = put_together(store.claim(RUN, {}))
    store.publish(working)
    fetched = store.fetch(RUN)
    assert working.folder.exists()  # the summary is still to be printed
    store.close()
    assert [path for path in (working.folder, fetched) if path.exists()] == []


def test_a_run_that_was_fetched_outlives_its_store_and_goes_with_the_process(s3, bucket):
    add(open_store(f"s3://{bucket}/runs"))
    code = (
        "import gc, sys\n"
        "from checker.runs.local_store import open_store\n"
        "folder = open_store(sys.argv[1]).fetch(sys.argv[2])\n"
        "gc.collect()\n"
        "assert (folder / 'records.jsonl').is_file()\n"
        "print(folder)"
    )
    arguments = [sys.executable, "-c", code, f"s3://{bucket}/runs", RUN]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert RUN in done.stdout
    assert not Path(done.stdout.strip()).exists()


def test_each_run_names_the_one_before(s3, bucket):
    store = open_store(f"s3://{bucket}/runs")
    assert store.heads() == []
    first = add(store)
    second = add(store, "20260102T000000Z-0123abcd", audit="another")
    assert manifest(store, first)["previous"] == []
    assert manifest(store, second)["previous"] == [{"run": first, "sha256": sha(store.manifest(first))}]


def test_two_runs_never_share_a_name(s3, bucket):
    store = open_store(f"s3://{bucket}/runs")
    item, other = store.claim(RUN, {}), open_store(f"s3://{bucket}/runs").claim(RUN, {})
    assert (item.name, other.name) == (RUN, f"{RUN}-2")
    for working in (item, other):
        working.store.publish(put_together(working))
    assert sorted(store.sealed()) == [RUN, f"{RUN}-2"]


def test_runs_that_begin_at_once_get_names_of_their_own(s3, bucket):
    store = open_store(f"s3://{bucket}/runs")
    store.claim("20260102T000000Z-0123abcd", {})  # makes the client, which threads share
    names = []
    threads = [threading.Thread(target=lambda: names.append(store.claim(RUN, {}).name)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # moto looks and writes in two steps; S3 does both in one
    assert len(names) == 4


def test_a_file_that_is_there_already_is_not_overwritten(s3, bucket):
    store = open_store(f"s3://{bucket}/runs")
    working = put_together(store.claim(RUN, {}))
    s3.put_object(Bucket=bucket, Key=f"runs/{RUN}/records.jsonl", Body=b"another's")
    with pytest.raises(RunFolderError) as caught:
        store.publish(working)
    assert (
        f"s3://{bucket}/runs/{RUN}: error: the run could not be stored: records.jsonl is there already"
        in str(caught.value)
    )
    assert s3.get_object(Bucket=bucket, Key=f"runs/{RUN}/records.jsonl")["Body"].read() == b"another's"
    # half of it was uploaded: no manifest, no run
    assert keys(s3, bucket) == {f"runs/{RUN}/{file}" for file in FILES - {DIGEST, MANIFEST}}
    fresh = open_store(f"s3://{bucket}/runs")
    assert (fresh.names(), fresh.sealed(), fresh.heads()) == ((RUN,), (), [])
    assert sealed_run.read_manifest(RUN, (working.folder / MANIFEST).read_bytes())
    assert working.folder.as_posix() in str(caught.value)


def test_an_upload_whose_answer_got_lost_finds_its_own(s3, bucket):
    store = open_store(f"s3://{bucket}/runs")
    working = put_together(store.claim(RUN, {}))
    records = b"{}\n"
    mine = {s3_store.WRITER: working.token}
    s3.put_object(Bucket=bucket, Key=f"runs/{RUN}/records.jsonl", Body=records, Metadata=mine)
    store.publish(working)
    assert store.sealed() == (RUN,)


def test_a_signature_is_there_before_the_manifest(s3, bucket):
    store = open_store(f"s3://{bucket}/runs")
    key = SealKey("0" * 64, lambda content: sha(content).encode())
    working = put_together(store.claim(RUN, {}), key=key)
    s3.put_object(Bucket=bucket, Key=f"runs/{RUN}/{MANIFEST}", Body=b"another's")
    with pytest.raises(RunFolderError, match=r"manifest\.json is there already"):
        store.publish(working)
    assert f"runs/{RUN}/{SIGNATURE}" in keys(s3, bucket)


def test_a_bucket_that_is_not_there_is_told_before_anything_is_collected(s3):
    with pytest.raises(InvalidInputError, match="no run can be kept here: there is no such bucket"):
        once("no-such-bucket").claim(RUN, {})
    with pytest.raises(
        InvalidInputError, match="s3://no-such-bucket/runs: error: cannot be read: there is no"
    ):
        once("no-such-bucket").names()


def test_without_credentials_no_run_begins(s3, bucket, aws_env):
    aws_env.delenv("AWS_ACCESS_KEY_ID")
    aws_env.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(InvalidInputError, match="no run can be kept here: no AWS credentials were found"):
        once(bucket).claim(RUN, {})


def test_an_unknown_profile_is_told(s3, bucket, aws_env):
    aws_env.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(InvalidInputError, match="have no profile nobody"):
        once(bucket).claim(RUN, {})


def test_a_network_that_fails_after_the_evaluation_loses_nothing(aws_env):
    with s3_server() as url:
        aws_env.setenv("AWS_ENDPOINT_URL", url)
        with contextlib.closing(boto3.client("s3", region_name="us-east-1")) as client:
            client.create_bucket(Bucket="archive")
        store = once("archive")
        working = put_together(store.claim(RUN, {}))
    with pytest.raises(RunFolderError, match="the run could not be stored: Could not connect") as caught:
        store.publish(working)
    assert caught.value.exit_code == 4
    assert f"the run is whole, with its manifest.json, in {working.folder.as_posix()}" in str(caught.value)
    folder = working.folder
    store.close()
    assert {path.name for path in folder.iterdir()} == FILES


def test_object_lock_holds_every_file_until_the_run_is_kept_long_enough(s3, locked):
    store = once(locked, keep=SIX_YEARS, object_lock="governance")
    add(store)
    until = add_duration(parse_time(manifest(store, RUN)["sealed_at"]), SIX_YEARS)
    for key in keys(s3, locked):
        head = s3.head_object(Bucket=locked, Key=key)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        # moto keeps whole seconds of a retention that was put later
        assert abs((head["ObjectLockRetainUntilDate"] - until).total_seconds()) < 1, key
    assert keys(s3, locked) == {f"runs/{RUN}/{file}" for file in FILES}


def test_a_bucket_without_object_lock_is_told_before_anything_is_collected(s3, bucket):
    store = once(bucket, keep=SIX_YEARS, object_lock="compliance")
    with pytest.raises(InvalidInputError, match="the bucket has no Object Lock\nhelp: switch it on"):
        store.claim(RUN, {})
    assert keys(s3, bucket) == set()


def test_what_object_lock_holds_is_told_and_cannot_be_removed(s3, locked):
    store = once(locked, keep=SIX_YEARS, object_lock="compliance")
    add(store)
    assert "Object Lock (compliance) holds records.jsonl until 20" in store.held(RUN, ["records.jsonl"])
    with pytest.raises(RunFolderError, match="Object Lock may hold it"):
        store.remove(RUN, ["records.jsonl"])
    assert store.has(RUN, "records.jsonl")


def test_what_is_removed_is_gone_in_every_version(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    store = once(bucket)
    add(store)
    store.remove(RUN, ["records.jsonl", "findings.parquet"])
    versions = s3.list_object_versions(Bucket=bucket)
    assert {item["Key"] for item in versions["Versions"]} == {
        f"runs/{RUN}/{item}" for item in (STARTED, DIGEST, MANIFEST)
    }
    assert "DeleteMarkers" not in versions


def test_an_abandoned_claim_leaves_nothing(s3, bucket):
    store = once(bucket)
    working = store.claim(RUN, {})
    store.abandon(working)
    assert keys(s3, bucket) == set()
    assert not working.folder.exists()


def test_a_file_larger_than_one_upload_takes_is_refused_before_any_is_sent(s3, bucket):
    store = once(bucket)
    working = store.claim(RUN, {})
    put_together(working)
    with (working.folder / "records.jsonl").open("r+b") as file:
        file.truncate((5 << 30) + 1)  # a hole: it takes no room on the disk
    with pytest.raises(RunFolderError, match=r"records\.jsonl has 5\.0 GiB, and S3 takes at most 5 GiB"):
        store.publish(working)
    assert keys(s3, bucket) == {f"runs/{RUN}/{STARTED}"}


def test_large_files_are_never_in_memory_as_a_whole(s3, bucket):
    store = once(bucket)
    working = store.claim(RUN, {})
    put_together(working, {"findings.parquet": b"x" * (48 << 20)})
    tracemalloc.start()
    try:
        # the server of the tests is in this process, and does hold it
        before = tracemalloc.take_snapshot()
        store.publish(working)
        store.fetch(RUN, "findings.parquet")
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    ours = [item for item in after.compare_to(before, "filename") if "/checker/runs" in str(item.traceback)]
    assert sum(our.size_diff for our in ours) < 4 << 20


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/../../x", "a\\..\\x", "C:x"])
def test_a_file_never_lands_outside_of_the_folder(s3, bucket, name):
    with pytest.raises(InvalidInputError, match="would be outside of the run"):
        once(bucket).fetch(RUN, name)


@pytest.mark.parametrize(
    ("client", "method", "asked"),
    [
        ("_reader", "put_object", {"Key": "x"}),
        ("_reader", "delete_object", {"Key": "x"}),
        ("_writer", "delete_object", {"Key": "x"}),
        ("_writer", "delete_bucket", {}),
        ("_remover", "delete_bucket", {}),
        ("_remover", "put_object_retention", {"Key": "x"}),
    ],
)
def test_a_client_calls_nothing_but_its_own_actions(s3, bucket, client, method, asked):
    store = once(bucket)
    with pytest.raises(RefusedActionError):
        getattr(getattr(store, client), method)(Bucket=bucket, **asked)


class Answers:
    """S3 that answers as it is told: (status, code) for each request that begins so; 200 else."""

    def __init__(self):
        self.errors = {}
        self.seen = []
        answers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answers.seen.append((self.command, self.path, dict(self.headers)))
                status, code = answers.errors.get((self.command, self.path.rpartition("/")[2]), (200, ""))
                body = (
                    b""
                    if status == 200
                    else f"<Error><Code>{code}</Code><Message>told</Message></Error>".encode()
                )
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else body)

            do_PUT = do_GET = do_HEAD = do_DELETE = answer  # noqa: N815

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def told(aws_env):
    made = Answers()
    aws_env.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{made.server.server_address[1]}")
    yield made
    made.stop()


def test_every_object_is_put_only_where_none_is_and_with_its_sha256(told):
    store = once("archive", keep=SIX_YEARS, object_lock="governance")
    add_to = store.claim(RUN, {})
    told.errors["GET", "archive?list-type=2"] = (404, "NoSuchKey")
    run_folder.add_file(add_to.folder, "records.jsonl", b"{}")
    run_folder.seal(add_to.folder, {"run": RUN})
    store.publish(add_to)
    puts = {path.rpartition("/")[2]: headers for verb, path, headers in told.seen if verb == "PUT"}
    retention = puts.pop("started.json?retention")
    assert retention
    assert list(puts) == [STARTED, "records.jsonl", DIGEST, MANIFEST]
    for headers in puts.values():
        assert headers["If-None-Match"] == "*"
        assert headers["x-amz-checksum-sha256"]
        assert headers["x-amz-object-lock-mode"] == "GOVERNANCE"
        assert headers["x-amz-object-lock-retain-until-date"]


def test_a_claim_that_conflicts_with_another_takes_the_next_name(told):
    told.errors["PUT", STARTED] = (409, "ConditionalRequestConflict")
    store = once("archive")
    names = []

    def then(name):
        names.append(name)
        if len(names) == 3:
            told.errors.clear()
        return name

    taken = (then(name) for name in run_folder.candidate_names(RUN))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_folder, "candidate_names", lambda _: taken)
        assert store.claim(RUN, {}).name == f"{RUN}-3"


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "AccessDenied", "access is denied"),
        (404, "NoSuchBucket", "there is no such bucket"),
        (409, "ConditionalRequestConflict", "records.jsonl is there already, of another run"),
        (503, "SlowDown", "SlowDown: told"),
        (400, "EntityTooLarge", "EntityTooLarge: told"),
    ],
)
def test_an_upload_that_is_refused_says_why_and_where_the_run_is(told, status, code, message):
    store = once("archive")
    working = store.claim(RUN, {})
    run_folder.add_file(working.folder, "records.jsonl", b"{}")
    run_folder.seal(working.folder, {"run": RUN})
    told.errors["PUT", "records.jsonl"] = (status, code)
    with pytest.raises(RunFolderError) as caught:
        store.publish(working)
    assert f"error: the run could not be stored: {message}" in str(caught.value)
    assert working.folder.as_posix() in str(caught.value)
    assert not [path for verb, path, _ in told.seen if verb == "PUT" and path.endswith(MANIFEST)]


def test_a_folder_that_is_gone_is_told(told):
    store = once("archive")
    working = store.claim(RUN, {})
    (working.folder / STARTED).unlink()
    with pytest.raises(RunFolderError, match="the run could not be stored: No such file"):
        store.publish(working)


def test_dates_of_locks_are_utc(told):
    store = once("archive", keep=parse_duration("1d"), object_lock="governance")
    assert store._lock(datetime(2026, 1, 1, tzinfo=UTC))["ObjectLockRetainUntilDate"].isoformat() == (
        "2026-01-02T00:00:00+00:00"
    )


def test_a_run_in_s3_is_accepted_as_a_baseline_and_the_word_is_never_overwritten(s3, bucket, tmp_path):
    store = once(bucket)
    run = add(store)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    said = declare(store, run, "accept", reason="agreed", by="Ada", at=at)
    assert acceptance(store, run) == said
    assert f"runs/{run}/baseline-1.json" in keys(s3, bucket)
    with pytest.raises(InvalidInputError, match="accepted already"):
        declare(store, run, "accept", reason="again", by="Bob", at=at)
    declare(store, run, "revoke", reason="too early", by="Bob", at=at)
    assert acceptance(once(bucket), run) is None
