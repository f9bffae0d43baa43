"""Signals at the points where they did harm: what is told, what the exit code is, and what is left on the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.points import at_import, child, left, point
from tests.cli.scale import Audit, served, store
from tests.cli.signals import CODES, _write

INT, TERM = signal.SIGINT, signal.SIGTERM
BOTH = pytest.mark.parametrize("number", [INT, TERM])
RECORDED = ["check", "-q", "-p", "p.yaml", "--image-sets", "sets-1.json", "--as-of", "2026-01-01"]


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write(tmp_path, 50)
    return tmp_path


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    with served(store(60)) as server:
        made = Audit(tmp_path / "audit", server.url)
        made.write()
        yield made


def unkept(audit: Audit) -> None:
    path = audit.folder / "audit.yaml"
    path.write_text(path.read_text().replace("runs: runs/\n", ""))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@BOTH
@pytest.mark.parametrize(
    "module",
    [
        "checker.cli",
        "checker.cli.signals",
        "checker.cli.commands",
        "typer",
        "duckdb",
        "checker.evaluation.engine",
    ],
)
def test_a_signal_while_something_is_imported_is_its_exit_code(
    folder: Path, module: str, number: int
) -> None:
    done = at_import(folder, module, number, RECORDED)
    assert done.returncode == CODES[number]
    assert done.stdout == ""
    assert done.stderr in ("", "interrupted\n")
    assert left(folder) == []


@BOTH
@pytest.mark.parametrize(
    ("where", "nth"),
    [
        ("checker.workflow.stages:write_recorded", 1),
        ("shutil:rmtree", 1),
        ("shutil:rmtree", 3),
        ("duckdb:connect", 1),
    ],
)
def test_a_signal_leaves_no_temporary_folder(folder: Path, where: str, nth: int, number: int) -> None:
    done = child(folder, [point(where, number, nth)], RECORDED)
    assert (done.returncode, done.stderr) == (CODES[number], "interrupted\n")
    assert left(folder) == []


def test_a_second_signal_while_the_first_one_is_cleaned_up_after_leaves_no_temporary_folder(
    folder: Path,
) -> None:
    points = [point("checker.evaluation.engine:evaluate", INT), point("shutil:rmtree", INT, 2)]
    done = child(folder, points, RECORDED)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert left(folder) == []


@pytest.mark.parametrize("evidence", [False, True])
def test_a_signal_leaves_nothing_of_a_run_of_answers_that_are_elsewhere(folder: Path, evidence: bool) -> None:
    runs = ["--runs", "runs"]
    if evidence:
        assert (
            subprocess.run(
                [sys.executable, "-m", "checker", *RECORDED, *runs], cwd=folder, check=False
            ).returncode
            == 1
        )
        (kept,) = (folder / "runs").iterdir()
        given = ["check", "-q", "--evidence", f"runs/{kept.name}", *runs]
    else:
        given = [*RECORDED, *runs]
    before = files(folder)
    done = child(folder, [point("checker.evaluation.engine:evaluate", TERM)], given)
    assert (done.returncode, done.stderr) == (143, "interrupted\n")
    assert files(folder) == before
    assert left(folder) == []
    done = child(folder, [point("checker.runs.store:Store.heads", TERM)], given)
    assert files(folder) == before


@BOTH
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(
    "second",
    [
        "checker.runs.call_log:CallLog.take",
        "shutil:copyfile",
        "checker.cli.signals:report_interruption",
        "checker.workflow.interruption:CollectedAnswers._place",
    ],
)
def test_a_second_signal_leaves_the_answers_where_the_message_says(
    audit: Audit, second: str, kept: bool, number: int
) -> None:
    if not kept:
        unkept(audit)
    points = [
        point("checker.runs.call_log:CallLog.take", number, 30),
        point(second, number, 31 if "take" in second else 1),
    ]
    done = child(audit.folder, points, audit.command())
    assert done.returncode == CODES[number]
    (records,) = audit.folder.glob("runs/*/records.jsonl" if kept else "interrupted-*.jsonl")
    count = len(records.read_text().splitlines())
    assert count >= 29
    assert f"interrupted: {count} answers are kept in " in done.stderr
    assert records.name in done.stderr
    assert "Traceback" not in done.stderr
    if not kept:
        assert left(audit.folder) == []
        assert records.stat().st_mode & 0o777 == 0o600


@BOTH
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(
    "where",
    [
        "checker.cli.console:print_warnings",
        "checker.workflow.audit_execution:write_history",
        "checker.workflow.audit_execution:report",
        "checker.cli.check:print_line",
    ],
)
def test_a_signal_at_any_point_after_collection_keeps_the_answers(
    audit: Audit, where: str, kept: bool, number: int
) -> None:
    if not kept:
        unkept(audit)
    given = [item for item in audit.command() if item != "--quiet"]
    # the first warnings are those of what was read before anything was asked
    where, nth = ("checker.cli.check:print_warnings", 2) if "warn" in where else (where, 1)
    done = child(audit.folder, [point(where, number, nth)], given)
    assert done.returncode == CODES[number]
    complete = list(audit.folder.glob("runs/*/manifest.json"))
    if complete:
        assert (
            f"interrupted: the run is complete, in {complete[0].parent.relative_to(audit.folder)}"
            in done.stderr.replace(f"{audit.folder}/", "")
        )
        return
    (records,) = audit.folder.glob("runs/*/records.jsonl" if kept else "interrupted-*.jsonl")
    assert f"interrupted: {len(records.read_text().splitlines())} answers are kept in " in done.stderr
    if not kept:
        assert left(audit.folder) == []


def test_what_was_collected_in_the_same_second_is_not_overwritten(audit: Audit) -> None:
    unkept(audit)
    for name in ("", "-2"):
        for second in range(-2, 60):
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + second))
            (audit.folder / f"interrupted-{stamp}{name}.jsonl").write_text("another's\n")
    done = child(audit.folder, [point("checker.workflow.audit_execution:evaluate", INT)], audit.command())
    (records,) = audit.folder.glob("interrupted-*-3.jsonl")
    assert records.name in done.stderr
    others = {path.read_text() for path in audit.folder.glob("interrupted-*.jsonl") if path != records}
    assert others == {"another's\n"}


NOWHERE = """
import checker.workflow.interruption as interruption
def full(*_): raise OSError(28, "No space left on device")
interruption.shutil.copyfile = full
"""


def test_answers_that_can_be_written_nowhere_stay_where_they_are(audit: Audit) -> None:
    unkept(audit)
    done = child(
        audit.folder, [point("checker.workflow.audit_execution:evaluate", INT)], audit.command(), NOWHERE
    )
    assert done.returncode == 130
    (folder,) = left(audit.folder)
    records = audit.folder / "tmp" / folder / "records.jsonl"
    assert (
        f"interrupted: {len(records.read_text().splitlines())} answers are kept in {records};" in done.stderr
    )
    assert not list(audit.folder.glob("interrupted-*"))


LOST = """
import checker.workflow.audit_execution as execution, time, weakref

class Thing: pass

def evaluate(*_, **__):
    def gone(_):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000): pass
    thing = Thing()
    watched = weakref.ref(thing, gone)
    del thing
    for _ in range(400): time.sleep(0.05)

execution.evaluate = evaluate
"""
CLOSED = """
import checker.workflow.audit_execution as execution, time
import checker.snapshot.columns as tables

class Closed:
    def interrupt(self): raise RuntimeError("Connection already closed")

def evaluate(*_, **__):
    tables._open.append(Closed())
    try:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000): pass
    finally:
        time.sleep(0.5)

execution.evaluate = evaluate
"""
STUCK = """
import checker.workflow.audit_execution as execution, threading, time

def evaluate(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000): pass
    finally:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        while True:
            try: time.sleep(60)
            except KeyboardInterrupt: pass

execution.evaluate = evaluate
"""


@pytest.mark.parametrize("first", [LOST, CLOSED], ids=["lost", "closed"])
def test_what_is_lost_of_a_signal_ends_the_command_soon_and_without_noise(folder: Path, first: str) -> None:
    began = time.monotonic()
    done = child(folder, [], RECORDED, first)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
    assert time.monotonic() - began < 15
    assert left(folder) == []


def test_a_second_signal_ends_what_the_first_one_has_not(folder: Path) -> None:
    began = time.monotonic()
    done = child(folder, [], RECORDED, STUCK)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")
    assert time.monotonic() - began < 15
    assert left(folder) == []


PARTS = """
import checker.reporting.junit_consumers as consumers, checker.reporting.junit_documents as documents
consumers.CONSUMERS["strict"] = consumers.Consumer(documents.Limits(cases=40))
"""


@BOTH
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_signal_between_the_parts_of_a_report_leaves_all_of_one(
    folder: Path, nth: int, number: int
) -> None:
    given = [*RECORDED, "--report", "junit=out/j.xml"]
    assert child(folder, [], given, PARTS).returncode == 1
    old = {path.name: path.stat().st_ino for path in (folder / "out").iterdir()}
    assert len(old) > 2
    done = child(folder, [point("pathlib:Path.replace", number, nth, after=True)], given, PARTS)
    assert (done.returncode, done.stderr) == (CODES[number], "interrupted\n")
    new = {path.name: path.stat().st_ino for path in (folder / "out").iterdir()}
    assert set(new) == set(old)
    assert len({new[name] == old[name] for name in old}) == 1


@BOTH
@pytest.mark.parametrize("kind", ["html", "junit", "json", "text"])
@pytest.mark.parametrize("where", ["pathlib:Path.open", "os:fsync"])
def test_a_signal_while_a_report_is_written_leaves_the_old_one_alone(
    folder: Path, kind: str, where: str, number: int
) -> None:
    (folder / "out").mkdir()
    (folder / "out/r").write_text("old")
    begin = "import checker.workflow.audit_execution as a\nreal = a.report\n"
    begin += f"def report(*x, **y):\n    send({where.partition(':')[0]!r}, {where.partition(':')[2]!r}, 1, {int(number)}, True)\n"
    begin += "    return real(*x, **y)\na.report = report\n"
    done = child(folder, [], [*RECORDED, "--report", f"{kind}=out/r"], begin)
    assert (done.returncode, done.stderr) == (CODES[number], "interrupted\n")
    assert files(folder / "out") == {"r"}
    assert (folder / "out/r").read_text() == "old"
    assert left(folder) == []


OUT = {
    "plan": (["plan", "-c", "audit.yaml", "--out", "new"], "new/all.json"),
    "schema": (["rules", "schema", "--out", "new/s.json"], "new/s.json"),
    "docs": (["rules", "docs", "p.yaml", "--out", "new"], "new/p.md"),
}


@pytest.mark.parametrize("name", OUT)
def test_a_signal_while_a_file_is_written_leaves_the_old_one_alone(folder: Path, name: str) -> None:
    given, _ = OUT[name]
    assert child(folder, [], given).returncode == 0
    path = next((folder / "new").iterdir())
    path.write_text("old")
    # what is opened to be written into is empty at that moment, wherever it is
    first = "import io\n" + WRITES
    done = child(folder, [], given, first)
    assert done.returncode == 130
    assert path.read_text() == "old"
    assert len(files(folder / "new")) == 1


WRITES = """
import pathlib
real = pathlib.Path.open
def opened(self, mode="r", *given, **named):
    found = real(self, mode, *given, **named)
    if {"w", "x"} & {*mode}:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000): pass
    return found
pathlib.Path.open = opened
"""


def test_a_signal_as_init_writes_leaves_all_of_its_files(tmp_path: Path) -> None:
    done = child(tmp_path, [point("checker.waivers.edit:replace_file", INT, 2)], ["init", "new"])
    assert done.returncode == 130
    assert files(tmp_path / "new") == {"audit.yaml", "policies/first.yaml", "policies/policy.schema.json"}


@BOTH
def test_a_signal_in_the_first_audit_of_the_demo_is_its_exit_code(tmp_path: Path, number: int) -> None:
    done = child(tmp_path, [point("checker.runs.call_log:CallLog.take", number, 20)], ["demo"])
    assert done.returncode == CODES[number]
    assert "Open" not in done.stdout
    assert "answers are kept in demo/runs/" in done.stderr
    assert left(tmp_path) == []


@BOTH
def test_the_simulator_ends_with_the_exit_code_of_the_signal(tmp_path: Path, number: int) -> None:
    done = child(tmp_path, [point("checker.cli.simulator:_wait", number)], ["simulator", "--port", "0"])
    assert done.returncode == CODES[number]
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a terminal that ends says so nowhere else")
@pytest.mark.parametrize("kept", [True, False])
def test_the_end_of_a_terminal_keeps_the_answers_too(audit: Audit, kept: bool) -> None:
    if not kept:
        unkept(audit)
    # the tests themselves may be made to outlive their terminal
    first = "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
    at = point("checker.runs.call_log:CallLog.take", signal.SIGHUP, 30)
    done = child(audit.folder, [at], audit.command(), first)
    assert done.returncode == 129
    (records,) = audit.folder.glob("runs/*/records.jsonl" if kept else "interrupted-*.jsonl")
    assert len(records.read_text().splitlines()) >= 30


def test_a_command_that_is_to_outlive_its_terminal_does(folder: Path) -> None:
    first = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    done = child(folder, [point("checker.workflow.audit_execution:evaluate", signal.SIGHUP)], RECORDED, first)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_reader_that_reads_nothing_holds_no_command_that_is_to_end(folder: Path) -> None:
    report = [sys.executable, "-m", "checker", *RECORDED, "--report", "html=-"]
    process = subprocess.Popen(report, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.1)
    assert process.stdout
    process.stdout.read(1)  # now the rest of the page waits in the pipe, which has less room than that
    time.sleep(0.5)
    process.send_signal(TERM)
    assert process.wait(timeout=20) == 143
    process.communicate()


class _Silent(BaseHTTPRequestHandler):
    """An S3 that lists runs, and says nothing of their manifests."""

    protocol_version = "HTTP/1.1"
    asked: threading.Event
    over: threading.Event

    def log_message(self, *given: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        names = [f"p/2026010{day}T000000Z-{day:08x}/" for day in range(1, 9)]
        if "list-type" not in self.path:
            self.asked.set()
            self.over.wait(60)
        items = "".join(
            f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes><Contents><Key>{name}manifest.json</Key></Contents>"
            for name in names
        )
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_one_signal_ends_what_waits_for_answers_of_s3(folder: Path) -> None:
    _Silent.asked, _Silent.over = threading.Event(), threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        given = {**os.environ, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}"}
        command = [sys.executable, "-m", "checker", "runs", "list", "s3://bucket/p"]
        process = subprocess.Popen(
            command, cwd=folder, env=given, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert _Silent.asked.wait(20)
            time.sleep(0.3)
            began = time.monotonic()
            process.send_signal(INT)
            _, err = process.communicate(timeout=30)
            took = time.monotonic() - began
        finally:
            process.kill()
            process.communicate()
            _Silent.over.set()
            server.shutdown()
        assert (process.returncode, err) == (130, "interrupted\n")
        assert took < 5
