"""Audits of data stores of any size, over HTTP, from the command line."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from load_server.server import RunningLoad, serve_load
from load_server.store import SyntheticStore

from checker.cli import main
from checker.runs.run_folder import SealKey

STORE = "5" * 32
POLICY = """
version: 1
pack: scale
rules:
  - {id: no-force, title: Nothing is forced, severity: high, deny: {overrides.forced: true}}
  - {id: no-failure, title: No operation failed, severity: low, deny: {imageSetWorkflowStatus: {in: [COPY_FAILED, UPDATE_FAILED]}}}
  - {id: at-hand, title: Primary ones are at hand, severity: low, when: {isPrimary: true}, require: {storageTier: FREQUENT_ACCESS}}
  - {id: not-locked, title: Nothing is locked, severity: low, deny: {imageSetState: LOCKED}}
  - {id: not-deleted, title: Nothing was deleted, severity: low, deny: {imageSetState: DELETED}}
  - {id: found, title: All are there, severity: low, require: {found: true}}
"""
LIMITED = (
    "GetImageSet",
    "ListImageSetVersions",
    "SearchImageSets",
    "GetDatastore",
    "ListDatastores",
    "ListTagsForResource",
)
FAST = "rates: {" + ", ".join(f"{name}: {{rate: 100000, burst: 100000}}" for name in LIMITED) + "}\n"


@dataclass
class Audit:
    """A folder with an audit.yaml over one whole data store."""

    folder: Path
    url: str

    def write(
        self, policy: str = POLICY, more: str = "", target: str = "image_sets: all", rates: str = FAST
    ) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "policy.yaml").write_text(policy, encoding="utf-8")
        (self.folder / "audit.yaml").write_text(
            f"version: 1\nname: scale\npolicies: [policy.yaml]\nruns: runs/\n"
            f"defaults: {{region: us-east-1}}\n{rates}{more}"
            f'targets: [{{name: all, datastore: "{STORE}", {target}}}]\n',
            encoding="utf-8",
        )

    def command(self, *options: str) -> list[str]:
        report = f"json={(self.folder / 'results.json').as_posix()}"
        return [
            "check",
            "-c",
            str(self.folder / "audit.yaml"),
            "--quiet",
            "--endpoint-url",
            self.url,
            "--report",
            report,
            *options,
        ]

    def check(self, *options: str) -> int:
        return main(self.command(*options))

    def process(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "checker", *self.command(*options)]

    @property
    def runs(self) -> list[Path]:
        """In the order of their instants."""
        return sorted(path for path in (self.folder / "runs").iterdir() if path.is_dir())

    def findings(self) -> list[dict[str, Any]]:
        """Those of the last report, but for the instant from which on deletions are known, and for what they rest on."""
        text = (self.folder / "results.json").read_text(encoding="utf-8")
        text = re.sub(r"deleted before [\w:-]+", "deleted before then", text)
        # runs of two stores have names of their own
        beside = ("calls", "collectedAt", "reusedFrom", "first_seen_run")
        findings = json.loads(text)["findings"]
        return [
            {name: value for name, value in finding.items() if name not in beside} for finding in findings
        ]

    def results(self) -> dict[str, Any]:
        """The last report."""
        return dict(json.loads((self.folder / "results.json").read_bytes()))

    def calls(self, number: int = -1) -> dict[str, int]:
        manifest = json.loads((self.runs[number] / "manifest.json").read_bytes())
        return {name: count for name, count in manifest["calls"].items() if name != "GetCallerIdentity"}

    def records(self, number: int = -1) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.runs[number] / "records.jsonl").read_bytes().splitlines()]


def chain(run: Path, key: SealKey | None = None) -> None:
    """What an interrupted run has beside its records, which show that they are its own; of a complete one it is gone."""

    def link(before: bytes, line: bytes) -> bytes:
        return hashlib.sha256(before + line).hexdigest().encode()

    end = link(b"", (run / "started.json").read_bytes())
    links = []
    for line in (run / "records.jsonl").read_bytes().splitlines(keepends=True):
        end = link(end, line)
        links.append(end + b"\n")
    if key is not None:
        links.append(b"~" + key.sign(b"imageset-checker/records/1 " + end).hex().encode() + b"\n")
    (run / "records.chain").write_bytes(b"".join(links))


@contextmanager
def served(*stores: SyntheticStore, **options: Any) -> Iterator[RunningLoad]:
    given = {"quotas": None, "latency": 0.0, **options}
    with serve_load(stores, **given) as server:
        yield server


def store(sets: int, **options: Any) -> SyntheticStore:
    return SyntheticStore(STORE, sets, **options)


def move(server: RunningLoad, share: float, **options: Any) -> None:
    """A change of the store: see `LoadService.change`."""
    server.ask(lambda service: service.change(share, **options))
