"""Collection over HTTP against a service with the published quotas and 40 ms latency, beside loops that a user would write:
see README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

STORE = "0" * 32
QUOTA = 25.0
"""Calls of GetImageSet a second for an account and Region (AWS HealthImaging, throttling limits)."""
PACK = """
version: 1
pack: bench
rules:
"""
RULES = {
    "search only": "  - {id: tier, title: T, severity: low, deny: {all: [{storageTier: ARCHIVE_INSTANT_ACCESS}, {updatedAt: {younger_than: 30d}}]}}\n",
    "exact": "  - {id: forced, title: F, severity: low, deny: {overrides.forced: true}}\n",
    "GetImageSet only": "  - {id: arn, title: A, severity: low, require: {imageSetArn: {exists: true}}}\n",
    "versions": "  - {id: ever, title: E, severity: low, scope: version, deny: {overrides.forced: true}}\n",
}


@dataclass
class Result:
    """What a run did: seconds that it asked for, sets that it saw, and the service's own counts."""

    seconds: float
    sets: int
    calls: dict[str, int]
    throttled: int
    cpu: float
    peak: int = 0


@contextmanager
def service(sets: int, *more: str) -> Iterator[str]:
    """The simulated service, in a process of its own; its URL."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "url"
        command = [
            sys.executable,
            "-m",
            "load_server",
            "--sets",
            str(sets),
            "--url-file",
            str(file),
            *more,
        ]
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "tests")},
            stderr=subprocess.DEVNULL,
        )
        try:
            while not file.exists():
                time.sleep(0.05)
            yield file.read_text()
        finally:
            process.terminate()
            process.wait()


def control(url: str, **what: Any) -> dict[str, dict[str, Any]]:
    """Does something to the service; its counts by action."""
    request = urllib.request.Request(f"{url}/__control", json.dumps(what).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        places = json.load(answer)["calls"]
    return next(iter(places.values()), {})


def measured(url: str, run: Callable[[], int], *, children: bool) -> Result:
    """What a run did."""
    control(url, reset=True)
    whose = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    before, began = resource.getrusage(whose), time.monotonic()
    sets = run()
    seconds, after = time.monotonic() - began, resource.getrusage(whose)
    counts = control(url)
    calls = {name: item["received"] for name, item in counts.items() if name != "GetCallerIdentity"}
    throttled = sum(count["throttled"] for count in counts.values())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Result(seconds, sets, calls, throttled, cpu)


def audit(folder: Path, url: str, rule: str) -> Callable[[], int]:
    """`imageset-checker check` over the whole data store."""
    folder.mkdir(exist_ok=True)
    (folder / "policy.yaml").write_text(PACK + RULES[rule])
    (folder / "audit.yaml").write_text(
        "version: 1\nname: bench\npolicies: [policy.yaml]\nruns: runs/\n"
        f'targets: [{{name: all, region: us-east-1, datastore: "{STORE}", image_sets: all}}]\n'
    )
    command = [sys.executable, "-m", "checker", "check", "-c", str(folder / "audit.yaml"), "--quiet"]

    def run() -> int:
        done = subprocess.run(
            [*command, "--endpoint-url", url],
            check=False,
            env=environment(url),
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, 1, 3), done.stderr
        if "could not be completed" in done.stderr:
            raise RuntimeError(done.stderr)
        last = max((folder / "runs").iterdir(), key=lambda path: path.stat().st_mtime)
        return int(json.loads((last / "manifest.json").read_bytes())["summary"]["coverage"]["expected"])

    return run


def environment(url: str) -> dict[str, str]:
    """No setting of this machine but the simulator's."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_ENDPOINT_URL": url}
    return {**own, **keys, "AWS_EC2_METADATA_DISABLED": "true"}


def client(url: str, **how: Any) -> Any:
    session = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client("medical-imaging", endpoint_url=url, config=Config(inject_host_prefix=False, **how))


def ids(url: str) -> Iterator[str]:
    for page in client(url).get_paginator("search_image_sets").paginate(datastoreId=STORE):
        yield from (item["imageSetId"] for item in page["imageSetsMetadataSummaries"])


def naive(url: str, most: int) -> int:
    """One image set after the other."""
    asked = client(url)
    count = 0
    for name in ids(url):
        asked.get_image_set(datastoreId=STORE, imageSetId=name)
        count += 1
        if count == most:
            break
    return count


def pooled(url: str, most: int) -> int:
    """16 threads, and botocore's adaptive retries."""
    asked = client(url, retries={"mode": "adaptive", "max_attempts": 10}, max_pool_connections=16)
    every = [name for name, _ in zip(ids(url), range(most), strict=False)]

    def get(name: str) -> bool:
        try:
            asked.get_image_set(datastoreId=STORE, imageSetId=name)
        except Exception:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        return sum(threads.map(get, every))


def line(name: str, result: Result, limit: float) -> str:
    calls = sum(result.calls.values())
    rate = result.sets / result.seconds
    return (
        f"{name:<34}{result.sets:>9}{result.seconds:>9.1f}{rate:>10.1f}{rate / QUOTA:>9.2f}{limit:>8.1f}{100 * rate / limit:>7.0f} %"
        f"{calls:>9}{100 * result.throttled / max(1, calls):>9.2f} %{1000 * result.cpu / max(1, calls):>8.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=90, help="how long each exact run is to take (%(default)s)"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of the searched data store (%(default)s)")
    parser.add_argument(
        "--memory", type=int, default=0, metavar="SETS", help="measure memory only, of so many sets"
    )
    args = parser.parse_args()
    if args.memory:
        print_memory(args.memory)
        return
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; the quota is {QUOTA:.0f} GetImageSet calls a second"
    )
    print(
        f"{'':<34}{'sets':>9}{'seconds':>9}{'sets/s':>10}{'/ quota':>9}{'limit':>8}{'of it':>9}"
        f"{'calls':>9}{'throttled':>11}{'CPU ms':>8}"
    )
    root = Path(tempfile.mkdtemp())
    try:
        exact = int(2 * QUOTA * args.seconds)
        searched = int(50 * QUOTA * args.seconds * args.scale)
        for name, sets, limit in (
            ("search only", searched, 50 * QUOTA),
            ("GetImageSet only", exact // 2, QUOTA),
            ("exact", exact, 2 * QUOTA),
            ("versions", exact // 2, QUOTA),
        ):
            with service(sets) as url:
                item = measured(url, audit(root / name, url, name), children=True)
                print(line(f"ours: {name}", item, limit), flush=True)
                if name == "exact":
                    full = sum(item.calls.values())
                    control(url, change={"share": 0.01})
                    again = measured(url, audit(root / name, url, name), children=True)
                    print(line("ours: incremental, 1 % changed", again, 50 * QUOTA), flush=True)
                    share = 100 * sum(again.calls.values()) / full
                    print(f"  calls of the incremental run / full run: {share:.2f} % (target: at most 4 %)")
        few = int(QUOTA * args.seconds / 4)
        with service(few * 2) as url:
            for name, run in (("a loop over boto3", naive), ("16 threads, adaptive retries", pooled)):
                item = measured(url, lambda run=run: run(url, few), children=False)  # type: ignore[misc]
                print(line(name, item, QUOTA), flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def print_memory(sets: int) -> None:
    """The most memory that an audit of so many image sets takes, without quotas: collection, judging and all."""
    for rule in ("search only", "exact"):
        with service(sets, "--no-quotas", "--latency", "0") as url, tempfile.TemporaryDirectory() as folder:
            run = audit(Path(folder), url, rule)
            quick = Path(folder) / "audit.yaml"
            actions = ("GetImageSet", "ListImageSetVersions", "SearchImageSets")
            rates = ", ".join(f"{name}: {{rate: 100000, burst: 100000}}" for name in actions)
            quick.write_text(quick.read_text() + f"rates: {{{rates}}}\n")
            peaks: list[int] = []
            stop = threading.Event()
            watch = threading.Thread(target=_watch, args=(peaks, stop))
            watch.start()
            item = measured(url, run, children=True)
            stop.set()
            watch.join()
            print(
                f"{rule}: {item.sets} sets in {item.seconds:.0f} s, at most {max(peaks) / 2**20:.0f} MiB",
                flush=True,
            )


def _watch(peaks: list[int], stop: threading.Event) -> None:
    """The resident memory of the child that is an audit, again and again."""
    page = os.sysconf("SC_PAGE_SIZE")
    while not stop.wait(0.2):
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command = (path / "cmdline").read_bytes().split(b"\0")
                if b"check" in command and b"checker" in command:
                    peaks.append(int((path / "statm").read_text().split()[1]) * page)
            except OSError:
                continue


if __name__ == "__main__":
    main()
