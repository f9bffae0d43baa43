"""Runs in a folder: names, what is a complete run, and stores that cannot be written."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from checker.layout import DIGEST, MANIFEST, STARTED
from checker.problems import InvalidInputError
from checker.runs import run_folder
from checker.runs.local_store import LocalStore, open_store
from checker.runs.run_folder import RunFolderError
from checker.values import parse_duration
from runs.folders import RUN, add, clock_at, manifest, put_together, sha

STARTED_AT = {"as_of": "2026-01-01T00:00:00Z"}


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "runs")


def test_a_claim_says_whose_it_is_before_anything_is_collected(store):
    working = store.claim(RUN, {"name": "archive", **STARTED_AT})
    assert [path.name for path in working.folder.iterdir()] == [STARTED]
    started = json.loads((working.folder / STARTED).read_bytes())
    assert started["schema"] == "imageset-checker/started/1"
    assert (started["run"], started["name"], started["as_of"]) == (RUN, "archive", "2026-01-01T00:00:00Z")
    assert {"tool_version", "started_at"} <= started.keys()


def test_a_name_that_is_taken_gets_a_number_even_by_a_file(store):
    assert [store.claim(RUN, {}).name for _ in range(2)] == [RUN, f"{RUN}-2"]
    (store.folder / f"{RUN}-3").write_text("a file")
    working = store.claim(RUN, {})
    assert working.name == f"{RUN}-4"
    assert json.loads((working.folder / STARTED).read_bytes())["run"] == f"{RUN}-4"


def test_runs_that_begin_at_once_get_names_of_their_own(store):
    names = []
    threads = [threading.Thread(target=lambda: names.append(store.claim(RUN, {}).name)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == sorted({RUN, *(f"{RUN}-{number}" for number in range(2, 17))})


def test_runs_are_in_the_order_in_which_they_were_sealed_to_the_millisecond(store):
    # as texts, 00:00:00Z comes after 00:00:00.500Z
    for number, moment in ((3, "00:00:00"), (1, "00:00:00.500"), (2, "00:00:01")):
        with clock_at(f"2026-01-01T{moment}Z"):
            add(store, f"2026010{number}T000000Z-0123abcd")
    assert [name[7] for name in store.sealed()] == ["3", "1", "2"]


def test_a_folder_without_a_manifest_is_a_run_but_no_complete_one(store):
    name = add(store)
    store.claim("20260102T000000Z-0123abcd", {})
    (store.folder / "20260103T000000Z-0123abcd").mkdir()  # killed as it began
    (store.folder / "notes").mkdir()
    assert store.names() == (name, "20260102T000000Z-0123abcd", "20260103T000000Z-0123abcd")
    assert store.sealed() == (name,)
    assert store.manifest("20260102T000000Z-0123abcd") is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_manifest_stops_no_later_run(store, damage):
    first, second = add(store), add(store)
    (store.folder / second / MANIFEST).write_bytes(damage)
    third = add(store)
    assert manifest(store, third)["previous"][0]["run"] == first


def test_contents_are_the_files_of_every_run(store):
    name = add(store, files={"policies/p.yaml": b"x"})
    files = {"started.json", "records.jsonl", "findings.parquet", "policies/p.yaml", DIGEST, MANIFEST}
    assert store.contents() == {name: files}
    assert store.has(name, "policies/p.yaml")
    assert not store.has(name, "pruned.json")
    assert store.fetch(name) == store.folder / name


def test_a_store_that_is_not_there_yet_is_empty(store):
    assert (store.names(), store.sealed(), store.heads()) == ((), (), [])


def test_an_abandoned_run_leaves_nothing(store):
    store.abandon(store.claim(RUN, {}))
    assert store.names() == ()


@pytest.mark.parametrize(
    ("where", "options", "message"),
    [
        ("gs://bucket", {}, "runs are kept in a folder or in s3://BUCKET/PREFIX"),
        ("s3://", {}, "`` is no name of a bucket"),
        ("s3://B_/x", {}, "`B_` is no name of a bucket"),
        ("s3://bucket/a//b", {}, "write it as s3://BUCKET/PREFIX"),
        ("s3://bucket/../b", {}, "write it as s3://BUCKET/PREFIX"),
        ("runs", {"object_lock": "governance"}, "a folder has no object lock"),
        ("s3://bucket/runs", {"object_lock": "governance"}, "object lock needs the time to keep runs"),
    ],
)
def test_a_store_that_cannot_be_is_refused(where, options, message):
    with pytest.raises(InvalidInputError, match="error: ") as caught:
        open_store(where, **options)
    assert message in str(caught.value)


def test_a_store_is_a_folder_or_in_s3(tmp_path):
    assert open_store("runs", tmp_path).shown == (tmp_path / "runs").as_posix()
    for text in ("s3://bucket/a/b", "s3://bucket/a/b/"):
        assert (
            open_store(text, keep=parse_duration("6y"), object_lock="compliance").shown == "s3://bucket/a/b"
        )
    assert open_store("s3://bucket").shown == "s3://bucket"


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_a_file_in_the_place_of_the_store_is_told(tmp_path, below):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(InvalidInputError, match="no run folder can be made here: it is no folder"):
        LocalStore(tmp_path / f"runs{below}").claim(RUN, {})


def test_a_file_in_the_place_of_the_store_cannot_be_read(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(InvalidInputError, match="runs: error: cannot be read: it is no folder"):
        LocalStore(tmp_path / "runs").names()


@pytest.fixture
def as_nobody():
    """Without the rights of root, which may write into any folder."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def read_only(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def test_a_folder_that_may_not_be_written_is_told_before_anything_is_collected(read_only, as_nobody):
    with pytest.raises(InvalidInputError, match="no run folder can be made here: permission denied"):
        LocalStore(read_only).claim(RUN, {})


FULL = """
import resource, signal, sys
from pathlib import Path
from checker.runs import run_folder
from checker.problems import CheckerError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
try:
    if sys.argv[2] == "claim":
        limit(10)
    folder = run_folder.make(Path(sys.argv[1]), "20260101T000000Z-0123abcd")
    run_folder.add_file(folder, "records.jsonl", b"{}")
    limit({"file": 10, "manifest": 300}[sys.argv[2]])
    run_folder.add_file(folder, "findings.parquet", b"x" * 300)
    run_folder.seal(folder, {"notes": ["x" * 300]})
except CheckerError as error:
    print(type(error).__name__, error.exit_code, error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="the system has no such limit")
@pytest.mark.parametrize(
    ("full", "error", "left"),
    [
        ("claim", "InvalidInputError 2", []),
        ("file", "RunFolderError 4", ["findings.parquet", "records.jsonl", "started.json"]),
        (
            "manifest",
            "RunFolderError 4",
            [
                "findings.parquet",
                "manifest.json.sha256",
                "records.jsonl",
                "started.json",
            ],
        ),
    ],
)
def test_a_disk_that_is_full_leaves_no_manifest(tmp_path, full, error, left):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "runs"), full], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(error), done.stdout + done.stderr
    assert "File too large" in done.stdout or "file too large" in done.stdout
    store = LocalStore(tmp_path / "runs")
    assert sorted(path.name for path in (tmp_path / "runs").glob("*/*")) == left
    assert store.sealed() == ()


@pytest.mark.parametrize("when", ["before a file", "before a copy", "before the manifest"])
def test_a_folder_that_went_away_is_not_made_anew(store, when):
    working = store.claim(RUN, {})
    run_folder.add_file(working.folder, "records.jsonl", b"{}")
    store.abandon(working)
    then = {
        "before a file": lambda: run_folder.add_file(working.folder, "findings.parquet", b"PAR1"),
        "before a copy": lambda: run_folder.copy_file(working.folder, "reports/html", Path(__file__)),
        "before the manifest": lambda: run_folder.seal(working.folder, {}),
    }[when]
    with pytest.raises(RunFolderError, match="the folder is gone"):
        then()
    assert store.names() == ()


def test_a_folder_that_was_replaced_by_an_empty_one_is_not_sealed(store):
    working = store.claim(RUN, {})
    store.abandon(working)
    working.folder.mkdir()
    with pytest.raises(RunFolderError, match=r"it has no started\.json any more"):
        run_folder.seal(working.folder, {})


def test_a_run_is_sealed_once(store):
    working = put_together(store.claim(RUN, {}))
    before = store.manifest(RUN)
    with pytest.raises(RunFolderError, match="never written twice"):
        run_folder.seal(working.folder, {})
    assert sha(store.manifest(RUN)) == sha(before)
