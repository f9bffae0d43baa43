"""Runs in stores, for tests: small, but with what a manifest says of a real one."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from datetime import UTC, datetime

from checker import simulator
from checker.layout import DIGEST, MANIFEST
from checker.runs import run_folder

RUN = "20260101T000000Z-0123abcd"


def facts(name, audit="archive", **more):
    return {
        "run": name,
        "name": audit,
        "as_of": "2026-01-01T00:00:00Z",
        "outcome": "passed",
        "policies": [],
        "baseline": None,
        "replay_of": None,
        **more,
    }


def put_together(working, files=(), **more):
    """Files into a run's folder, and its manifest."""
    for name, content in {"records.jsonl": b"{}\n", "findings.parquet": b"PAR1", **dict(files)}.items():
        run_folder.add_file(working.folder, name, content)
    key = more.pop("key", None)
    said = facts(working.name, **more)
    pruned = said.pop("pruned", None)
    run_folder.seal(working.folder, said, previous=working.store.heads(), pruned=pruned, key=key)
    return working


def add(store, run_id=RUN, files=(), **more):
    """A complete run in a store; its name."""
    working = put_together(store.claim(run_id, {"as_of": "2026-01-01T00:00:00Z"}), files, **more)
    store.publish(working)
    return working.name


def add_at(store, moment, policies=None, **more):
    """A run as if it was sealed at an instant: year, month, day."""
    with clock_at(datetime(*moment, tzinfo=UTC)):
        stamp = f"{datetime(*moment):%Y%m%d}T000000Z-0123abcd"
        files = {f"policies/{name}.yaml": text.encode() for name, text in (policies or {}).items()}
        return add(store, stamp, files, **more)


@contextmanager
def clock_at(moment):
    import time_machine

    with time_machine.travel(moment, tick=False):
        yield


def manifest(store, name):
    return json.loads(store.manifest(name))


def sha(content):
    return hashlib.sha256(content).hexdigest()


def whole(folder):
    """Whether a run's folder has a manifest, and with it every file that the manifest names, as it says."""
    path = folder / MANIFEST
    if not path.exists():
        return False
    files = json.loads(path.read_bytes())["files"]
    assert {"started.json", "records.jsonl", "findings.parquet"} <= files.keys()
    for name, digest in files.items():
        assert sha((folder / name).read_bytes()) == digest, name
    there = {item.relative_to(folder).as_posix() for item in folder.rglob("*") if item.is_file()}
    assert there == {*files, DIGEST, MANIFEST}
    return True


@contextmanager
def s3_server():
    """moto's S3 over HTTP."""
    with simulator.serve() as server:
        yield server.url
