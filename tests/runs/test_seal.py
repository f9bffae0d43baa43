"""The manifest: last, in one step, and over everything; also where the process is killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checker.layout import DIGEST, SIGNATURE, STARTED
from checker.runs import run_folder
from checker.runs.local_store import LocalStore
from checker.runs.run_folder import SealKey
from runs.folders import RUN, add, facts, manifest, put_together, sha, whole
from tests.answers import answer, image_set_id
from tests.budgets import examples


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "runs")


def test_the_manifest_names_every_file_with_its_sha256(store):
    name = add(
        store, files={"policies/controls/x.yaml": b"1", "reports/html/ü.html": b"2", "audit.yaml": b"3"}
    )
    assert whole(store.folder / name)
    files = manifest(store, name)["files"]
    assert list(files) == sorted(files)
    assert {"policies/controls/x.yaml", "reports/html/ü.html", "audit.yaml", STARTED} <= files.keys()


def test_a_name_that_is_no_utf8_is_sealed_too(store):
    working = store.claim(RUN, {})
    try:
        run_folder.add_file(working.folder, os.fsdecode(b"reports/\xff.html"), b"x")
    except run_folder.RunFolderError:
        pytest.skip("this file system has no such names")
    run_folder.seal(working.folder, facts(RUN))
    assert manifest(store, RUN)["files"][os.fsdecode(b"reports/\xff.html")] == sha(b"x")


def test_a_manifest_names_the_run_before_whatever_its_audit(store):
    first = add(store, audit="one")
    second = add(store, audit="other")
    assert manifest(store, first)["previous"] == []
    assert manifest(store, second)["previous"] == [{"run": first, "sha256": sha(store.manifest(first))}]


def test_the_manifests_own_sha256_is_beside_it_as_sha256sum_reads_it(store):
    name = add(store)
    assert (store.folder / name / DIGEST).read_text() == f"{sha(store.manifest(name))}  manifest.json\n"


def test_a_signature_is_over_the_manifests_bytes_and_the_manifest_names_the_key(store):
    name = add(store, key=SealKey("ab" * 32, lambda content: sha(content).encode()))
    assert (store.folder / name / SIGNATURE).read_text() == sha(store.manifest(name))
    assert manifest(store, name)["public_key"] == "ab" * 32
    assert manifest(store, add(store))["public_key"] is None


def test_a_key_that_fails_leaves_no_manifest(store):
    def fail(_):
        raise OSError(5, "the token was pulled out")

    with pytest.raises(run_folder.RunFolderError, match="the token was pulled out"):
        put_together(store.claim(RUN, {}), key=SealKey("ab" * 32, fail))
    assert store.sealed() == ()


TRACED = """
import os, sys
from pathlib import Path
from checker.runs import run_folder
folder = Path(sys.argv[1])
def path(number):
    return Path(os.readlink(f"/proc/self/fd/{number}")).relative_to(folder.parent).as_posix()
fsync, replace = os.fsync, Path.replace
def noted(number):
    print("sync", path(number))
    fsync(number)
def renamed(self, target):
    print("rename", Path(target).name)
    return replace(self, target)
os.fsync, Path.replace = noted, renamed
run_folder.seal(folder, {})
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc")
def test_everything_is_on_the_disk_before_the_manifest_gets_its_name(store):
    working = store.claim(RUN, {})
    run_folder.add_file(working.folder, "records.jsonl", b"{}")
    run_folder.add_file(working.folder, "policies/controls/x.yaml", b"x")
    done = subprocess.run(
        [sys.executable, "-c", TRACED, str(working.folder)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    last = lines.index("rename manifest.json")
    before = lines[:last]
    files = ["records.jsonl", "policies/controls/x.yaml", STARTED, "manifest.json.part"]
    for synced in (*files, "policies", "policies/controls"):
        assert f"sync {RUN}/{synced}" in before
    # the names in the folder: before the manifest is one of them, and after
    assert f"sync {RUN}" in before
    assert lines[last + 1 :] == [f"sync {RUN}", "sync ."]


POLICY = """\
version: 1
pack: p
rules:
  - {id: forced, title: Not forced, severity: high, deny: {overrides.forced: true}}
"""


def records(number):
    for n in range(number):
        yield answer(image_set_id(n), overrides={"forced": n % 7 == 0})


def test_a_run_that_is_killed_at_any_moment_is_complete_or_has_no_manifest(tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "sets.json").write_text(json.dumps(list(records(300))))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}

    def audit(store):
        command = [
            sys.executable,
            "-m",
            "checker",
            "check",
            "-p",
            "p.yaml",
            "--image-sets",
            "sets.json",
            "--quiet",
        ]
        command += ["--runs", str(store.folder), "--as-of", "2026-01-02"]
        command += [f"--report={name}={store.folder.name}/r.{name}" for name in ("html", "json")]
        return subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)

    def wait(process, store, known):
        """Until the run has its folder, or ends; how long that took."""
        started = time.monotonic()
        while process.poll() is None and len(store.names()) == known:
            time.sleep(0.001)
        return time.monotonic() - started

    def kill(store, share, *, late):
        known = len(store.names())
        process = audit(store)
        if late:
            wait(process, store, known)
        try:
            process.communicate(timeout=share * (writing if late else beginning))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    stores = [LocalStore(tmp_path / f"runs-{number}") for number in range(3)]
    process = audit(stores[0])
    beginning = wait(process, stores[0], 0)
    started = time.monotonic()
    assert process.communicate()[1] == ""
    writing = time.monotonic() - started

    # most of the time is Python's imports: most of the moments are those in which the folder is written
    chance = random.Random(4)
    tried = examples(8, 20)
    moments = [(chance.uniform(0, 1), number >= tried // 4) for number in range(tried)]

    def one_after_the_other(number):
        for share, late in moments[number::3]:
            kill(stores[number], share, late=late)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(one_after_the_other, range(3)))

    for store in stores:
        folders = {path.name for path in store.folder.iterdir() if path.is_dir()}
        complete = {name for name in folders if whole(store.folder / name)}
        assert set(store.names()) == folders
        assert set(store.sealed()) == complete
        # and the next run is none the worse for it
        process = audit(store)
        assert process.communicate()[1] == ""
        assert whole(store.folder / store.sealed()[-1])
        assert len(store.sealed()) == len(complete) + 1
