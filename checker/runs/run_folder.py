"""Run folders: the evidence of an audit, kept. A folder with a manifest is complete; one without was interrupted."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from checker.file_modes import public
from checker.instants import iso
from checker.layout import DIGEST, MANIFEST, RECORDS, SIGNATURE, STARTED, WORKING, sync_folder, write
from checker.model import utc_now
from checker.problems import CheckerError, InvalidInputError, Problem
from checker.runs.manifest_form import started_error
from checker.values import STRICT_JSON, BadValueError, parse_time

SCHEMA = "imageset-checker/manifest/1"
STARTED_SCHEMA = "imageset-checker/started/1"
PUBLIC_KEY, SIGNED_WITH = "public_key", "signature"
"""The members of a document that say who signed it, and how."""


class RunFolderError(CheckerError):
    """A run folder could not be completed. `exit_code` is that of a report that could not be delivered."""

    exit_code = 4

    def __init__(self, where: Path | str, error: OSError | str, hint: str = "") -> None:
        shown = where.as_posix() if isinstance(where, Path) else where
        if isinstance(error, OSError):
            gone = isinstance(where, Path) and not where.is_dir()
            reason = "the folder is gone" if gone else error.strerror or str(error)
            error = f"the run folder cannot be written: {reason}"
        super().__init__(str(Problem(shown, error, hint)))


def _by_nobody(_signature: bytes, _content: bytes) -> bool:
    return False


class SealKey(NamedTuple):
    """What seals a run beside its manifest: `public` is the sha256 of the raw public key, in hex. `fits` says whether a
    signature (the first argument) is by the key over some bytes (the second)."""

    public: str
    sign: Callable[[bytes], bytes]
    fits: Callable[[bytes, bytes], bool] = _by_nobody


@dataclass(frozen=True, slots=True)
class InterruptedRun:
    """A run that was interrupted: its folder and name, and its instant, which is `hypothetical` where it was given. `given`
    stands for what it was begun with: hashes, by what they are of. `said` is all that it wrote as it began."""

    folder: Path
    name: str
    as_of: datetime
    hypothetical: bool
    given: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)


def make(
    runs: Path, run_id: str, started: Mapping[str, Any] | None = None, key: SealKey | None = None
) -> Path:
    """A new folder for a run: named by its id, with `-2` and so on where there is one already.

    Args:
        runs: the folder of all runs.
        run_id: the run's id.
        started: what is known of the run before it collects anything, see `beginning`.
        key: signs that.

    Raises:
        InvalidInputError: it cannot be made.
    """
    try:
        with public():  # other runs need not be private
            runs.mkdir(parents=True, exist_ok=True)
        for name in candidate_names(run_id):
            folder = runs / name
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            write_started(folder, started_document(name, started or {}, key))
            return folder
    except OSError as error:
        taken = isinstance(error, FileExistsError | NotADirectoryError)
        reason = "it is no folder" if taken else (error.strerror or str(error)).lower()
        raise InvalidInputError(
            Problem(runs.as_posix(), f"no run folder can be made here: {reason}")
        ) from None
    raise AssertionError("names never end")


def candidate_names(run_id: str) -> Iterator[str]:
    """What a run may be called: its id, then with `-2` and so on."""
    return (run_id if number == 1 else f"{run_id}-{number}" for number in itertools.count(1))


def started_document(name: str, started: Mapping[str, Any], key: SealKey | None = None) -> bytes:
    """What `started.json` says of the run called `name`: which one it is, and when it began; signed with a key."""
    document = {"schema": STARTED_SCHEMA, "run": name, **started}
    return _json(sign_document({**document, "tool_version": _version(), "started_at": iso(utc_now())}, key))


def sign_document(document: Mapping[str, Any], key: SealKey | None) -> dict[str, Any]:
    """What is said beside a run, with the signature of a key over all of it; as it is where there is none."""
    if key is None:
        return dict(document)
    whole = {**document, PUBLIC_KEY: key.public}
    return {**whole, SIGNED_WITH: key.sign(canonical(whole)).hex()}


def canonical(document: Mapping[str, Any]) -> bytes:
    """A document as the same bytes, however it is laid out."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def write_started(folder: Path, content: bytes) -> None:
    """Writes `started.json` into a folder that was just made.

    Raises:
        OSError: it cannot be written; the folder is gone again.
    """
    try:
        write(folder / STARTED, content)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # nothing was collected, so nothing is lost
        raise


def interrupted_run(folder: Path) -> InterruptedRun:
    """A run that was interrupted, by its folder.

    Raises:
        InvalidInputError: there is none, or it is complete.
    """
    shown = folder.as_posix()
    if (folder / MANIFEST).exists():
        hint = f"judge its evidence again with --evidence {shown}"
        raise InvalidInputError(Problem(shown, "the run is complete", hint))
    try:
        facts = json.loads((folder / STARTED).read_bytes(), **STRICT_JSON)
        if wrong := started_error(facts):
            wrong = wrong.strip().removeprefix(".")
            raise InvalidInputError(Problem(f"{shown}/{STARTED}", wrong, "it was altered"))
        at, supposed = parse_time(facts["as_of"]), facts.get("hypothetical", False)
        return InterruptedRun(folder, facts["run"], at, supposed, facts.get("given", {}), facts)
    except OSError as error:
        message = f"{STARTED} cannot be read: {(error.strerror or str(error)).lower()}"
    except (ValueError, KeyError, TypeError, BadValueError, RecursionError):
        message = f"{STARTED} does not say which run this is"
    raise InvalidInputError(Problem(shown, message, "only an interrupted run is resumed"))


def lock(folder: Path) -> int:
    """Takes a run folder for this process, until the file of the number that is returned is closed or the process ends.

    Raises:
        InvalidInputError: another process has it.
        OSError: it cannot be taken.
    """
    file = os.open(folder / STARTED, os.O_RDONLY)
    try:
        import fcntl
    except ImportError:  # Windows
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        message = "another process is at work on this run"
        raise InvalidInputError(Problem(folder.as_posix(), message, "wait for it, or stop it")) from None
    except OSError:  # a file system without locks
        return file
    return file


def clear(folder: Path) -> None:
    """Removes from the folder of an interrupted run what is made of its records.

    Raises:
        OSError: something cannot be removed.
    """
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (STARTED, RECORDS, *WORKING):
            path.unlink()


def add_file(folder: Path, name: str, content: bytes) -> None:
    """Writes a copy of something into a run folder; `name` may have a folder before it.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        path = _inside(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise RunFolderError(folder, error) from error


def copy_file(folder: Path, name: str, path: Path) -> None:
    """Copies a file into a folder `name` of the run folder; a stream or a device, which has no content, is left out.

    Raises:
        RunFolderError: it cannot be copied.
    """
    try:
        if path.is_file():
            (_inside(folder) / name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name / path.name)
    except OSError as error:
        raise RunFolderError(folder, error) from error


def seal(
    folder: Path,
    facts: Mapping[str, Any],
    *,
    previous: Sequence[Mapping[str, str]] = (),
    pruned: Sequence[Mapping[str, str]] | None = None,
    key: SealKey | None = None,
) -> Path:
    """Writes the manifest: last, and in one step, since its presence means that the run is complete.

    Every file is on the disk itself before the manifest gets its name: after a power cut there is no manifest of files
    that are not there.

    Args:
        folder: the run folder with everything in it.
        facts: what the manifest says of the run beside the sha256 of every file and of the manifests before it.
        previous: the runs that come before it, as `Store.heads` names them.
        pruned: the statements on pruned runs that no run names yet, as `pruned.unnamed` names them.
        key: signs the manifest.

    Raises:
        RunFolderError: it cannot be written, or there is one already.
    """
    if (folder / MANIFEST).exists():
        raise RunFolderError(folder, f"the run has its {MANIFEST} already, which is never written twice")
    try:
        _inside(folder)
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        files = {name: path for name, path in files.items() if name not in WORKING}
        document = {
            "schema": SCHEMA,
            **facts,
            "public_key": key.public if key else None,
            "files": {name: _settled(files[name]) for name in sorted(files)},
            "sealed_at": iso(utc_now()),
            "previous": [dict(item) for item in previous],
            **({} if pruned is None else {"pruned": [dict(item) for item in pruned]}),
        }
        content = _json(document)
        signature = key.sign(content) if key else None
        if signature:
            write(folder / SIGNATURE, signature)
        write(folder / DIGEST, digests(content, signature))
        for below in [path for path in folder.rglob("*") if path.is_dir()]:
            sync_folder(below)
        for name in WORKING:
            (folder / name).unlink(missing_ok=True)  # the manifest says it
        write(folder / MANIFEST, content)
        sync_folder(folder.parent)
    except OSError as error:
        raise RunFolderError(folder, error) from error
    return folder / MANIFEST


def statement_name(number: int) -> str:
    """The name of a file beside a run that says who accepts it as a baseline."""
    return f"baseline-{number}.json"


def is_statement(name: str) -> bool:
    """Whether a file is one that `statement` names."""
    return re.fullmatch(r"baseline-[1-9][0-9]*\.json", name) is not None


def digests(manifest: bytes, signature: bytes | None) -> bytes:
    """What stands beside a manifest as its own sha256, and that of its signature."""
    named = {MANIFEST: manifest} | ({SIGNATURE: signature} if signature is not None else {})
    return "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in named.items()
    ).encode()


def started_at(folder: Path) -> datetime | None:
    """When a run began, by what it wrote then; None where it does not say so."""
    try:
        return parse_time(json.loads((folder / STARTED).read_bytes(), **STRICT_JSON)["started_at"])
    except (OSError, ValueError, KeyError, TypeError, BadValueError, RecursionError):
        return None


def _inside(folder: Path) -> Path:
    """The folder, which somebody may have removed while the audit ran: what is made anew in its place is not the run."""
    if not (folder / STARTED).is_file():
        raise FileNotFoundError(errno.ENOENT, f"it has no {STARTED} any more", str(folder))
    return folder


def _settled(path: Path) -> str:
    """The sha256 of a file that is on the disk itself."""
    with path.open("rb+") as file:  # Windows syncs no file that was opened to read
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(document: Mapping[str, Any]) -> bytes:
    # a file's name may hold bytes that are no UTF-8, which Python keeps as halves of surrogate pairs: JSON escapes them
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _version() -> str:
    from checker import __version__

    return __version__
