"""Whatever stands where a command reads a file: it ends soon, with its place, and what a pipe gave once is kept."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from checker import input_files
from checker.cli import main
from checker.config import csv_tables
from checker.snapshot import json_files
from tests.answers import answer

ONE = f"{1:032x}"
POLICY = """\
version: 1
pack: house
labels: {class: {type: string}}
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true, labels.class: {ne: x}}}
"""
AUDIT = """\
version: 1
policies: [p.yaml]
targets:
  - {name: archive, region: us-east-1, datastore: "%s", %s}
"""
KEY = "key.pem"
GIVEN = ["-p", "p.yaml", "--image-sets", "sets.json"]
READERS = {
    "audit.yaml": ["check", "-c", "FILE"],
    "policies": ["rules", "validate", "FILE"],
    "waivers": ["check", *GIVEN, "--waivers", "FILE"],
    "recorded answers": ["check", "-p", "p.yaml", "--image-sets", "FILE"],
    "events": ["check", *GIVEN, "--events", "FILE"],
    "signing key": ["check", *GIVEN, "--runs", "other", "--sign", "FILE"],
    "public key": ["verify", "runs", "--key", "FILE"],
    "waive": ["waive", "unforced", ONE, "--evidence", "RUN", "--reason", "r", "--owner", "o", "--approved-by", "a",
              "--expires", "2099-01-01", "--file", "FILE"],
    "inventory": ["plan", "-c", "inventory.yaml"],
    "labels": ["plan", "-c", "labels.yaml"],
}  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(input_files, "LONGEST_WAIT", 0.1)
    monkeypatch.setattr(csv_tables, "LARGEST_TABLE", 1 << 20)
    monkeypatch.setattr(json_files, "LARGEST_TABLE", 1 << 20)
    Path("p.yaml").write_text(POLICY)
    Path("sets.json").write_text(json.dumps([answer(ONE, overrides={"forced": True})]))
    Path("inventory.yaml").write_text(AUDIT % ("0" * 32, "image_sets: {file: x}"))
    Path("labels.yaml").write_text(AUDIT % ("0" * 32, "image_sets: all, labels_from: x"))
    return tmp_path


@pytest.fixture
def run(place, capsys):
    def begin(command):
        kept = ""
        if {"RUN", "runs"} & {*command}:
            main(["check", *GIVEN, "--runs", "runs", "-q"])
            (kept,) = (path.as_posix() for path in place.joinpath("runs").iterdir())
            capsys.readouterr()
        return main([{"FILE": "x", "RUN": kept}.get(item, item) for item in command])

    return begin


@pytest.mark.parametrize("reader", READERS)
def test_of_a_pipe_that_nobody_writes_into_nothing_is_awaited(run, capsys, reader):
    os.mkfifo("x")
    assert run(READERS[reader]) == 2
    assert (
        "x: error: nothing was written" in (err := capsys.readouterr().err) or "x: nothing was written" in err
    )


@pytest.mark.parametrize("reader", READERS)
def test_what_has_no_end_is_refused(run, capsys, reader):
    Path("x").symlink_to("/dev/zero")
    assert run(READERS[reader]) == 2
    assert "there is no end to it within" in capsys.readouterr().err


@pytest.mark.parametrize("reader", READERS)
def test_a_file_of_any_size_is_refused_before_it_is_read(run, capsys, reader):
    with Path("x").open("wb") as file:
        file.truncate(1 << 40)
    assert run(READERS[reader]) == 2
    assert "the file has 1048576.0 MiB" in capsys.readouterr().err


def test_a_pipe_that_goes_on_for_ever_is_left(run, capsys, monkeypatch):
    monkeypatch.setattr(input_files, "LONGEST_READING", -1)
    pipe("x", b"[]")
    assert run(READERS["recorded answers"]) == 2
    assert "there is no end to it within -1 seconds" in capsys.readouterr().err


def pipe(name, content):
    os.mkfifo(name)
    writer = threading.Thread(target=lambda: Path(name).write_bytes(content), daemon=True)
    writer.start()
    return writer


def test_what_a_pipe_gave_is_in_the_run(place, monkeypatch):
    monkeypatch.setattr(input_files, "LONGEST_WAIT", 10)
    waivers = (
        b"version: 1\nwaivers:\n"
        b"  - {rule: house/unforced, image_sets: ['%s'], reason: r, owner: o, approved_by: a, created: 2026-01-01,"
        b" expires: 2026-03-01}\n" % ONE.encode()
    )
    pipe("waivers", waivers)
    pipe("events", b"[]\n")
    code = main(["check", *GIVEN, "--waivers", "waivers", "--events", "events", "--runs", "other", "-q",
                 "--as-of", "2026-01-02"])  # fmt: skip
    (kept,) = place.joinpath("other").iterdir()
    assert (kept / "waivers.yaml").read_bytes() == waivers
    assert (kept / "events-1.jsonl").read_bytes() == b"[]\n"
    assert main(["verify", str(kept)]) == 0
    assert code == 0
