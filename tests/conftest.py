"""What every test starts with: no setting of the machine that would change a result, and no way to AWS."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

# machines are noisy: how long an example takes says nothing
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

for name in list(os.environ):
    if name.startswith("AWS_") or name in (
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "TERM",
        "COLUMNS",
        "LINES",
    ):
        del os.environ[name]

os.environ |= {
    # neither a user's profile nor an instance's role
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # no line of a summary is broken; help is never wider than 80
    "COLUMNS": "500",
}


@pytest.fixture(scope="session", autouse=True)
def databases():
    """DuckDB's databases are opened once, and used again as within one command."""
    from checker.snapshot.duckdb_pool import pool

    with pool():
        yield


@dataclass(frozen=True)
class Demo:
    """What `imageset-checker demo` left, and what it printed."""

    folder: Path
    out: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Demo:
    """The demo, which takes long: the first worker that needs it runs it, for all of them."""
    own = tmp_path_factory.getbasetemp()
    root = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "of-the-demo"
    root.mkdir(exist_ok=True)
    out = root / "out.txt"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            from checker.cli import main

            said = io.StringIO()
            with contextlib.chdir(root), contextlib.redirect_stdout(said):
                assert main(["demo"]) == 0
            out.write_text(said.getvalue())
    return Demo(root / "demo", out.read_text())
