"""Run folders: the evidence of an audit, kept. A folder with a manifest is complete; one without was interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checker.model import utc_now
from checker.problems import CheckerError, InvalidInputError, Problem
from checker.values import iso

MANIFEST = "manifest.json"
SCHEMA = "imageset-checker/manifest/1"
RECORDS = "records.jsonl"
SNAPSHOT = "image_sets.parquet"
VERSIONS = "versions.parquet"
DATASTORES = "datastores.parquet"
FINDINGS = "findings.parquet"
BASELINE = "baseline.parquet"
HISTORY = "history.parquet"


class RunFolderError(CheckerError):
    """A run folder could not be completed. `exit_code` is that of a report that could not be delivered."""

    exit_code = 4

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path.as_posix()}: error: the run folder cannot be written: {error.strerror or error}"
        )


def make(runs: Path, run_id: str) -> Path:
    """A new folder for a run: named by its id, with `-2` and so on where there is one already.

    Raises:
        InvalidInputError: it cannot be made.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            folder = runs / (run_id if number == 1 else f"{run_id}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInputError(
            Problem(runs.as_posix(), f"no run folder can be made here: {reason}")
        ) from None


def keep(folder: Path, name: str, content: bytes) -> None:
    """Writes a copy of something into a run folder; `name` may have a folder before it.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise RunFolderError(folder, error) from error


def keep_copy(folder: Path, name: str, path: Path) -> None:
    """Copies a file into a folder `name` of the run folder; a stream or a device, which has no content, is left out.

    Raises:
        RunFolderError: it cannot be copied.
    """
    try:
        if path.is_file():
            (folder / name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name / path.name)
    except OSError as error:
        raise RunFolderError(folder, error) from error


def seal(folder: Path, facts: Mapping[str, Any]) -> Path:
    """Writes the manifest: last, and in one step, since its presence means that the run is complete.

    Args:
        folder: the run folder with everything in it.
        facts: what the manifest says of the run beside the sha256 of every file and of the previous run's manifest.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        document = {
            "schema": SCHEMA,
            **facts,
            "sealed_at": iso(utc_now()),
            "previous": _previous(folder),
            "files": {path.relative_to(folder).as_posix(): sha256(path) for path in files},
        }
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        draft = folder / (MANIFEST + ".part")
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / MANIFEST)
    except OSError as error:
        raise RunFolderError(folder, error) from error
    return folder / MANIFEST


def sha256(path: Path) -> str:
    """Of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _previous(folder: Path) -> dict[str, str] | None:
    """The run sealed last among the folder's neighbours, and the sha256 of its manifest."""
    sealed = []
    for manifest in folder.parent.glob(f"*/{MANIFEST}"):
        try:
            document = json.loads(manifest.read_bytes())
            sealed.append((str(document["sealed_at"]), manifest.parent.name, manifest))
        except (ValueError, KeyError, TypeError):
            continue  # not one of ours; `verify` is where damage is reported
    if not sealed:
        return None
    _, name, manifest = max(sealed)
    return {"run": name, "sha256": sha256(manifest)}
