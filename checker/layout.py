"""What lies in a run folder and under which name, and files that are written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from checker import temporary_files

MANIFEST = "manifest.json"
DIGEST = "manifest.json.sha256"
"""The sha256 of the manifest and of its signature, as `sha256sum -c` reads them: no file of a run is without one."""
SIGNATURE = "manifest.json.sig"
STARTED = "started.json"
PRUNED = "pruned.json"
"""Says when a run was pruned and why, and of what signed run so in `PRUNED_SIGNATURE`."""
PRUNED_SIGNATURE = "pruned.json.sig"
RECORDS = "records.jsonl"
ASKED = "asked.json"
"""How many calls a run has made, until it is complete."""
CHAIN = "records.chain"
"""What shows, until the run is complete, that its records are as they were written."""
NEXT_CHAIN = "records.chain.next"
WORKING = (ASKED, CHAIN, NEXT_CHAIN)
"""What a run has until it is complete."""
SNAPSHOT = "image_sets.parquet"
VERSIONS = "versions.parquet"
DATASTORES = "datastores.parquet"
FINDINGS = "findings.parquet"
PRIOR = "prior_findings.parquet"
"""The findings that were open after the run before."""
BASELINE = "baseline_findings.parquet"
"""Those that the gate let stand: after the last run that passed it, or that somebody accepted."""
NAMED = "named_findings.parquet"
"""Those that were open after a run that the user names to compare with."""
HISTORY = "history.parquet"
POLICIES = "policies/"
MAPPINGS = "policies/controls/"
AUDIT = "audit.yaml"
WAIVERS = "waivers.yaml"
TREND = "trend.json"

_PART = ".part"


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, and onto the disk itself.

    Raises:
        OSError: it cannot be written.
    """
    write_stream(path, (content,))


def write_stream(path: Path, parts: Iterable[bytes]) -> None:
    """Writes a file of several parts, as `write` does.

    Raises:
        OSError: it cannot be written.
    """
    draft = temporary_files.draft(path, path.name + _PART)
    try:
        with draft.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        temporary_files.discard(draft)


def sync_folder(folder: Path) -> None:
    """Puts the names in a folder onto the disk itself.

    Raises:
        OSError: it cannot be done.
    """
    if os.name == "nt":
        return  # Windows opens no folders
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sha256(path: Path) -> str:
    """Of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
