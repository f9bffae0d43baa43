"""Commands that are sent a signal at some moment, in processes of their own."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from load_server.server import serve_load
from load_server.store import SyntheticStore

from tests.cli.scale import FAST, POLICY, STORE

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
WARM = 0.15
"""Seconds after which Python has begun, and with it the program."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: 0 and above its exit code, and none where it was over before the signal came."""

    code: int | None
    out: str
    err: str
    after: float


@dataclass
class Commands:
    """A folder with two kept runs, and what is done with them."""

    folder: Path
    url: str
    given: dict[str, list[str]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "checker", *self.given[name]]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command,
            cwd=self.folder,
            stdout=pipe,
            stderr=pipe,
            text=True,
            env={**os.environ, **self.environment},
        )

    def seconds(self, name: str) -> float:
        """How long a command takes that nobody disturbs."""
        began = time.monotonic()
        process = self.start(name)
        out, err = process.communicate(timeout=300)
        assert process.returncode in (0, 1, 3), (name, process.returncode, out, err)
        return time.monotonic() - began

    def end(self, name: str, number: int, after: float) -> Ended:
        """Sends a command a signal, so many seconds after it began."""
        process = self.start(name)
        time.sleep(after)
        over = process.poll() is not None
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
        return Ended(None if over else process.returncode, out, err, after)

    def moments(self, name: str, count: int, seed: int = 0) -> Iterator[float]:
        """Moments of a command, spread over all of its time."""
        dice, whole = random.Random(f"{name} {seed}"), self.seconds(name)
        width = max(0.0, whole - WARM) / count
        return (WARM + width * (item + dice.random()) for item in range(count))


@contextmanager
def commands(folder: Path, sets: int) -> Iterator[Commands]:
    """Every command that takes a while, on runs of so many image sets."""
    environment = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with serve_load([SyntheticStore(STORE, sets)], quotas=None, latency=0.0) as server:
        made = Commands(folder, server.url, environment=environment)
        _write(folder, sets)
        recorded = ["check", "-q", "-p", "p.yaml", "--image-sets"]
        names = [f"2026010{day}T000000Z" for day in (1, 2)]
        made.given = {
            f"day {day}": [*recorded, f"sets-{day}.json", "--as-of", f"2026-01-0{day}", "--runs", "runs"]
            for day in (1, 2)
        }
        for name in list(made.given):
            made.seconds(name)
        old, new = (next((folder / "runs").glob(f"{name}-*")).as_posix() for name in names)
        reports = [
            part for kind in ("html", "junit", "json") for part in ("--report", f"{kind}=out/r.{kind}")
        ]
        live = ["check", "-q", "-c", "audit.yaml", "--endpoint-url", server.url]
        made.given = {
            "check, recorded": [*recorded, "sets-1.json", *reports],
            "check, live": [*live, *reports],
            "check, live and kept": [*live, "--runs", "live"],
            "check --evidence": ["check", "-q", "--evidence", old, *reports],
            "verify": ["verify", "runs"],
            "diff": ["diff", old, new],
            "forecast": ["forecast", new],
            "trend": ["trend", "runs"],
            "explain": ["explain", "not-deleted", f"{1:032x}", "--evidence", old],
            "report": ["report", old, *reports],
            "rules validate": ["rules", "validate"],
            "rules test": ["rules", "test"],
            "runs list": ["runs", "list", "runs"],
        }
        yield made


def _write(folder: Path, sets: int) -> None:
    (folder / "p.yaml").write_text(POLICY, encoding="utf-8")
    (folder / "audit.yaml").write_text(
        f"version: 1\npolicies: [p.yaml]\ndefaults: {{region: us-east-1}}\n{FAST}"
        f'targets: [{{name: all, datastore: "{STORE}", image_sets: all}}]\n',
        encoding="utf-8",
    )
    for day in (1, 2):
        with (folder / f"sets-{day}.json").open("w", encoding="utf-8") as file:
            for number in range(day, sets):
                file.write(json.dumps(_answer(number, day)) + "\n")


def _answer(number: int, day: int) -> dict[str, object]:
    moment = f"2025-12-{1 + number % 28:02}T00:00:00Z"
    answer: dict[str, object] = {"datastoreId": STORE, "imageSetId": f"{number:032x}", "versionId": "1"}
    answer |= {"imageSetState": "ACTIVE", "imageSetWorkflowStatus": "CREATED", "createdAt": moment}
    if (number + day) % 5 == 0:
        gone = {"imageSetState": "DELETED", "imageSetWorkflowStatus": "DELETED"}
        answer |= {**gone, "deletedAt": f"2025-12-{1 + number % 28:02}T12:00:00Z"}
    if number % 7 == 0:
        answer["overrides"] = {"forced": True}
    return answer
