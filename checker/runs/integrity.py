"""Whether files of a run are what the run wrote: by their hashes, and files at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from checker.layout import (
    BASELINE,
    DATASTORES,
    DIGEST,
    FINDINGS,
    HISTORY,
    MANIFEST,
    NAMED,
    PRIOR,
    SIGNATURE,
    SNAPSHOT,
    VERSIONS,
    sha256,
)
from checker.problems import Problem
from checker.runs.file_faults import TREND
from checker.runs.run_folder import digests

REPORTS = "reports/"
TABLES = (SNAPSHOT, VERSIONS, DATASTORES, FINDINGS)
"""What the evidence of a run alone gives."""
EARLIER = (HISTORY, PRIOR, BASELINE, NAMED, TREND)
"""What it has of the runs before it."""
_ITSELF = "put the file itself in its place"


def digest_error(folder: Path, content: bytes) -> list[Problem]:
    """What is wrong with the manifest, its signature, and the sha256 of both, which stand beside it."""
    path, signature = folder / DIGEST, folder / SIGNATURE
    if odd := [wrong for name in (MANIFEST, DIGEST, SIGNATURE) if (wrong := _no_file(folder / name))]:
        return odd
    try:
        said = path.read_bytes()
        signed = signature.read_bytes() if signature.exists() else None
    except OSError as error:
        return [Problem(path.as_posix(), f"cannot be read: {(error.strerror or str(error)).lower()}")]
    if said == digests(content, signed):
        return []
    now, then = (text.splitlines() for text in (digests(content, signed), said))
    if signed is None and now == then[:1] and SIGNATURE in said.decode("utf-8", "replace"):
        return [Problem(signature.as_posix(), "is gone", f"{DIGEST} names it")]
    other = [name for name, line in zip((MANIFEST, SIGNATURE), now, strict=False) if line not in then]
    if not other:
        return [Problem(path.as_posix(), "was altered after the run")]
    message = f"does not fit {DIGEST}: one of the two was altered after the run"
    return [Problem((folder / name).as_posix(), message) for name in other]


def _no_file(path: Path) -> Problem | None:
    """Why what is there under a name is no file of a run; None where it is one, or nothing is there."""
    if path.is_symlink():
        return Problem(path.as_posix(), "is a link, and no run has any", _ITSELF)
    if path.exists() and not path.is_file():
        return Problem(path.as_posix(), "is no file", _ITSELF)
    return None


def alteration(folder: Path, name: str, files: Mapping[str, str]) -> Problem | None:
    """What is wrong with a file of a run, by the sha256 of every file in its manifest; None where nothing is."""
    path = folder / name
    if any(parent.is_symlink() for parent in path.parents if folder in parent.parents):
        return Problem(path.as_posix(), "is behind a link, and no run has any", _ITSELF)
    try:
        if odd := _no_file(path):
            return odd
        if name in files and sha256(path) == files[name]:
            return None
        message = "was altered after the run" if name in files else "is not in the run's manifest"
    except OSError as error:
        message = f"cannot be read: {(error.strerror or str(error)).lower()}"
        if not isinstance(error, FileNotFoundError):
            return Problem(path.as_posix(), message)  # it may well be as it was
    return Problem(path.as_posix(), message, _lost(name) if name in files else "")


def _lost(name: str) -> str:
    """What a run has lost with a file."""
    if name.startswith(REPORTS):
        return (
            "it is made from the evidence: where that is whole, `imageset-checker report RUN` makes it again"
        )
    if name in TABLES:
        return "it is made from the evidence, which this file is no part of: put back a copy of it"
    if name in EARLIER:
        return "what the run knew of those before it can no longer be shown from this run"
    return "it is evidence: what the run judged can no longer be shown"
