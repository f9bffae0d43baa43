"""What a command costs before it has much to do: the version, and a check of 100 recorded image sets with two reports, each
beside bare Python and beside Python that imports the libraries the check needs. `--help` has the options."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from compare import HERE

POLICY = HERE.parent / "examples" / "policy.yaml"
SETS = 100
LIBRARIES = "import duckdb, jinja2, typer, yaml; duckdb.connect().sql('SELECT 1').fetchall()"
COMMAND = [sys.executable, "-m", "checker"]
MOST_VERSION, MOST_SECONDS = 3.0, 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=10, help="runs of each, in turns (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder) / "answers.json"
        answers.write_text(json.dumps(recorded(SETS)), encoding="utf-8")
        check = [
            *COMMAND, "check", "-p", str(POLICY), "--image-sets", str(answers), "--quiet",
            "--report", f"html={folder}/report.html", "--report", f"junit={folder}/junit.xml",
        ]  # fmt: skip
        commands = {
            "bare Python": [sys.executable, "-c", "pass"],
            "--version": [*COMMAND, "--version"],
            "the libraries": [sys.executable, "-c", LIBRARIES],
            f"check of {SETS} sets": check,
        }
        # Python's own bytecode is there, as it is where the checker is installed
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(args.repeat + 1):
            for name, command in commands.items():
                taken = run(command, environment)
                if number:  # the first one compiles
                    times[name].append(taken)
    print_times(times)


def run(command: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of the clock and of the processors."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd=HERE.parent
    )
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 1), command
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def print_times(times: dict[str, list[tuple[float, float]]]) -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; ratios are of processor time")
    print(
        f"{'':<20}{'best':>9}{'median':>9}{'CPU':>9}{'median':>9}{'/ Python':>10}{'/ libraries':>13}  target"
    )
    bare, libraries = (
        statistics.median(cpu for _, cpu in times[name]) for name in ("bare Python", "the libraries")
    )
    for name, taken in times.items():
        clock, cpu = ([item[at] for item in taken] for at in (0, 1))
        median = statistics.median(cpu)
        target = {"--version": f"{MOST_VERSION:g} / Python", f"check of {SETS} sets": f"{MOST_SECONDS:g} s"}
        print(
            f"{name:<20}{min(clock):>7.3f} s{statistics.median(clock):>7.3f} s{min(cpu):>7.3f} s{median:>7.3f} s"
            f"{median / bare:>10.1f}{median / libraries:>13.1f}  {target.get(name, '')}".rstrip()
        )


def recorded(number: int) -> list[dict[str, object]]:
    """Answers of GetImageSet, of which about one in ten fails a rule of the policy."""
    random = Random(1)
    answers = []
    for at in range(number):
        created = 1_767_000_000 - at * 3600
        answer: dict[str, object] = {
            "datastoreId": f"{1:032x}",
            "imageSetId": f"{random.getrandbits(128):032x}",
            "versionId": str(random.randint(1, 4)),
            "imageSetState": "ACTIVE",
            "imageSetWorkflowStatus": "UPDATED",
            "createdAt": created,
            "updatedAt": created + 60,
        }
        if random.random() < 0.05:
            answer["overrides"] = {"forced": True}
        if random.random() < 0.05:
            answer |= {
                "imageSetState": "DELETED",
                "imageSetWorkflowStatus": "DELETED",
                "deletedAt": created + 90,
            }
        answers.append(answer)
    return answers


if __name__ == "__main__":
    main()
