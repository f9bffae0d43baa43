"""Ctrl-C and SIGTERM: at any moment of any command the exit code says so. `benchmarks/signals.py` tries many more moments."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.cli import main
from tests.cli.scale import Audit, served, store
from tests.cli.signals import CODES, Commands, commands

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with commands(tmp_path_factory.mktemp("signals"), 500) as them:
        yield them


@pytest.mark.parametrize("name", ["check --evidence", "check, live", "verify", "diff"])
def test_a_signal_at_any_moment_of_a_command_is_its_exit_code(made: Commands, name: str) -> None:
    for number, after in zip(CODES, made.moments(name, 2), strict=True):
        ended = made.end(name, number, after)
        assert ended.code in (None, CODES[number]), (ended.after, ended.err)
        assert "internal error" not in ended.err
        assert "Traceback" not in ended.err


IN_A_QUERY = """
import faulthandler, os, signal, sys, threading
faulthandler.dump_traceback_later(50, exit=True)
import duckdb
from checker.cli import main
from checker.snapshot.columns import connect
import checker.{module}

def busy(*_, **__):
    with connect() as connection:
        threading.Timer(0.3, os.kill, (os.getpid(), {number})).start()
        connection.sql("SELECT sum(sin(range)) FROM range(1000000000)").fetchall()

checker.{module}.{name} = busy
sys.argv[1:] = {arguments}
sys.exit(main())
"""
LOST = """
import os, signal, sys
from checker.cli import main
import checker.workflow.audit_execution as execution

def report(*_, real=execution.report, **__):
    try:
        os.kill(os.getpid(), {number})
        for _ in range(1000): pass
    except KeyboardInterrupt:
        pass  # as a callback of a library does
    return real(*_, **__)

execution.report = report
sys.argv[1:] = {arguments}
sys.exit(main())
"""


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("module", "name", "command", "number"),
    [
        ("judgement.reproduction", "replay", "verify", signal.SIGINT),
        ("judgement.reproduction", "replay", "verify", signal.SIGTERM),
        ("compare.diff", "compared_run", "diff", signal.SIGINT),
        ("compare.forecast", "forecast_run", "forecast", signal.SIGINT),
        ("workflow.verdict_explanation", "explain", "explain", signal.SIGTERM),
        ("workflow.audit_execution", "rejudge", "check --evidence", signal.SIGINT),
    ],
)
def test_a_signal_while_duckdb_works_is_no_error_of_ours(
    made: Commands, module: str, name: str, command: str, number: int
) -> None:
    script = IN_A_QUERY.format(module=module, name=name, arguments=made.given[command], number=int(number))
    done = run(script, made.folder)
    assert (done.returncode, done.stdout) == (CODES[number], "")
    assert done.stderr == "interrupted\n"


@BOTH
def test_a_signal_that_is_lost_while_a_report_is_written_ends_the_audit_all_the_same(
    made: Commands, number: int
) -> None:
    runs = ["--runs", f"lost-{int(number)}"]
    done = run(
        LOST.format(arguments=[*made.given["check --evidence"], *runs], number=int(number)), made.folder
    )
    assert done.returncode == CODES[number]
    assert done.stderr == "interrupted\n"
    assert not list(made.folder.glob(f"lost-{int(number)}/*/manifest.json"))


@BOTH
@pytest.mark.parametrize("kept", [True, False])
def test_a_signal_after_collection_keeps_the_answers_and_says_where(
    tmp_path: Path, number: int, kept: bool
) -> None:
    with served(store(60)) as server:
        audit = Audit(tmp_path / "audit", server.url)
        audit.write()
        if not kept:
            path = audit.folder / "audit.yaml"
            path.write_text(path.read_text().replace("runs: runs/\n", ""))
        script = IN_A_QUERY.format(
            module="workflow.audit_execution", name="evaluate", arguments=audit.command(), number=int(number)
        )
        done = run(script, audit.folder)
        assert done.returncode == CODES[number]
        (records,) = audit.folder.glob("runs/*/records.jsonl" if kept else "interrupted-*.jsonl")
        count = len(records.read_text().splitlines())
        assert count > 60
        assert f"interrupted: {count} answers are kept in " in done.stderr
        assert records.name in done.stderr
        assert not list(audit.folder.glob("runs/*/manifest.json"))
        if kept:
            assert main([*audit.command("--resume", str(records.parent))]) in (0, 1, 3)
        else:
            judged = ["check", "-q", "-p", str(audit.folder / "policy.yaml"), "--image-sets", str(records)]
            assert main(judged) in (0, 1, 3)
