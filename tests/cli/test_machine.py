"""A machine that gives too little: a line that says of what, an exit code that is no pass, and never a traceback."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from checker.cli import main, resource_limits
from checker.snapshot import columns
from tests.answers import answer

POLICY = """\
version: 1
pack: house
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
"""
CHECK = ["check", "-p", "p.yaml", "--image-sets", "sets.json"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(POLICY)
    Path("sets.json").write_text(json.dumps([answer(f"{1:032x}")]))


def limited(kind, most, arguments):
    def limit():
        resource.setrlimit(kind, (most, most))

    command = [sys.executable, "-m", "checker", *arguments]
    return subprocess.run(command, check=False, preexec_fn=limit, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("kind", [resource.RLIMIT_AS, resource.RLIMIT_DATA])
@pytest.mark.parametrize(
    "arguments",
    [CHECK, ["verify", "x"], ["report", "x"], ["diff", "x", "y"], ["rules", "validate", "p.yaml"]],
)
def test_with_little_memory_a_command_is_not_begun(kind, arguments):
    done = limited(kind, 700 << 20, arguments)
    assert done.returncode == 3
    first = done.stderr.splitlines()[0]
    assert first.startswith("imageset-checker: error: out of memory: this process may have 700 MiB")
    assert len(done.stderr.splitlines()) == 2
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]])
def test_help_takes_little_memory(arguments):
    assert limited(resource.RLIMIT_AS, 200 << 20, arguments).returncode == 0


def test_enough_memory_is_enough():
    done = limited(resource.RLIMIT_AS, 2 << 30, CHECK)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("most", [3, 4, 5])
def test_without_files_to_open_nothing_passes(most):
    done = limited(resource.RLIMIT_NOFILE, most, CHECK)
    assert done.returncode != 0
    # where Python itself does not start, nothing of this program has run
    if "Fatal Python error" not in done.stderr:
        assert done.returncode != 1
        assert "Traceback" not in done.stderr.splitlines()[0]


def test_a_file_that_may_not_grow_is_told():
    done = limited(resource.RLIMIT_FSIZE, 1024, [*CHECK, "--runs", "runs"])
    assert done.returncode == 3
    assert "imageset-checker: error: the run could not be completed" in done.stderr
    assert not list(Path("runs").glob("*/manifest.json"))


LACKS = [
    (MemoryError(), "out of memory"),
    (ImportError("x.so: failed to map segment from shared object"), "out of memory"),
    (OSError(12, "Cannot allocate memory"), "out of memory"),
    (RuntimeError("can't start new thread"), "no more threads can be started"),
    (type("OutOfMemoryException", (Exception,), {})("Out of Memory Error: of 32 MB"), "out of memory: Out"),
    (OSError(28, "No space left on device"), "No space left on device"),
]


@pytest.mark.parametrize(("error", "said"), LACKS)
def test_what_was_lacking_is_no_bug_of_ours(monkeypatch, capsys, error, said):
    def fail(*_):
        raise error

    monkeypatch.setattr("checker.cli._run", fail)
    assert main(["rules", "list"]) == 3
    assert said in (err := capsys.readouterr().err)
    assert len(err.splitlines()) == 1


def test_where_nothing_can_be_said_any_more_it_is_no_pass(monkeypatch, capfd):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("checker.cli._guarded", fail)
    assert main(["rules", "list"]) == 3
    assert capfd.readouterr().err == "imageset-checker: error: out of memory\n"


def test_a_bug_where_nothing_is_caught_is_a_bug(monkeypatch, capfd):
    def fail(*_):
        raise KeyError("x")

    monkeypatch.setattr("checker.cli._command", fail)
    assert main(["rules", "list"]) == 70
    assert capfd.readouterr().err == "imageset-checker: error: KeyError\n"


def test_a_bound_of_memory_takes_threads_from_duckdb(monkeypatch):
    monkeypatch.setattr(columns, "has_memory_limit", lambda: True)
    with columns.connect() as connection:
        (threads,) = connection.sql("SELECT current_setting('threads')").fetchall()[0]
    assert threads == 2


def test_nothing_is_refused_without_a_bound(monkeypatch):
    monkeypatch.setattr(resource_limits, "memory_limit", lambda: None)
    assert resource_limits.too_small_reason(["check"]) == ""
