"""Runs in S3. Nothing there is ever overwritten: each object is put only where none is."""

from __future__ import annotations

import atexit
import base64
import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from checker import layout, temporary_files
from checker.aws import (
    S3Error,
    Sessions,
    exceptions,
    object_bytes,
    object_names,
    s3_errors,
    save_object,
)
from checker.file_modes import private
from checker.instants import add_duration, iso
from checker.layout import DIGEST, MANIFEST, SIGNATURE, STARTED
from checker.model import Duration, utc_now
from checker.problems import CheckerError, InvalidInputError, Problem
from checker.runs import run_folder
from checker.runs.manifest_form import RUN_NAME
from checker.runs.run_folder import RunFolderError, SealKey
from checker.runs.s3_keys import S3, is_run_file
from checker.runs.store import PendingRun, Store
from checker.values import parse_time

LARGEST = 5 << 30
"""Bytes of an object that PutObject takes."""

WRITER = "imageset-checker-writer"
"""Metadata of an object that says which run put it: an upload that is repeated, since its answer got lost, finds its own."""

LARGEST_MANIFEST = 64 << 20
LARGEST_SIGNATURE = 64 << 10
THREADS = 10

_NO_FILE = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ)
_ABSENT = ("404", "NoSuchKey", "NotFound")
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class S3Store(Store):
    """Runs below a prefix of a bucket. What a run writes goes into a temporary folder first."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        keep: Duration | None = None,
        object_lock: str | None = None,
        door: Sessions | None = None,
    ) -> None:
        """With `object_lock`, a mode, each object is locked until `keep` after its run was sealed."""
        self.bucket = bucket
        self.prefix = prefix and prefix + "/"
        self.shown = f"{S3}{bucket}/{prefix}".rstrip("/")
        self.keep = keep
        self.object_lock = object_lock
        self.door = door or Sessions(connections=THREADS)
        self._folders: list[Path] = []
        self._manifests: dict[str, bytes] = {}
        # not with the store: whoever reads a run may have let go of it
        atexit.register(_discard, self._folders, self.door)

    @cached_property
    def _reader(self) -> Any:
        return self.door.s3("read")

    @cached_property
    def _getter(self) -> Any:
        return self.door.s3("fetch")

    @cached_property
    def _writer(self) -> Any:
        return self.door.s3("write")

    @cached_property
    def _remover(self) -> Any:
        return self.door.s3("remove")

    def folders(self) -> tuple[str, ...]:
        """Whatever stands between the prefix and the next slash."""
        start = len(self.prefix)
        with self._reading(self.shown):
            asked = {"Bucket": self.bucket, "Prefix": self.prefix, "Delimiter": "/"}
            found = object_names(self._reader, "list_objects_v2", "CommonPrefixes", "Prefix", **asked)
            return tuple(explanation["Prefix"][start:-1] for explanation in found)

    def contents(self) -> Mapping[str, frozenset[str]]:
        """The names of the files of every run."""
        found: dict[str, set[str]] = {}
        with self._reading(self.shown):
            for key in self._keys(self.prefix):
                name, slash, file = key.partition("/")
                if slash and file and RUN_NAME.fullmatch(name):
                    found.setdefault(name, set()).add(file)
        return {name: frozenset(files) for name, files in sorted(found.items())}

    def manifest(self, name: str) -> bytes | None:
        """The manifest of a run; None where it has none. One that is there stays as it is."""
        if name not in self._manifests:
            with self._reading(f"{self.shown}/{name}/{MANIFEST}"):
                read = object_bytes(self._object(name, MANIFEST), LARGEST_MANIFEST, **self._patience)
                if read is None:
                    return None
                self._manifests[name] = read
        return self._manifests[name]

    def signature(self, name: str) -> bytes | None:
        """The signature of a run's manifest; None where it has none."""
        with self._reading(f"{self.shown}/{name}/{SIGNATURE}"):
            return object_bytes(self._object(name, SIGNATURE), LARGEST_SIGNATURE, **self._patience)

    def _several(self, read: Callable[[str], bytes | None], names: Iterable[str]) -> dict[str, bytes]:
        """What is read of each of the runs that have it, several at a time."""
        asked = list(names)
        self._getter  # noqa: B018 - made here, since threads would make several
        pool = ThreadPoolExecutor(THREADS)
        try:
            found = zip(asked, pool.map(read, asked), strict=True)
            return {name: content for name, content in found if content is not None}
        finally:
            # whoever is interrupted does not wait for answers that are on their way
            pool.shutdown(wait=False, cancel_futures=True)

    def has(self, name: str, file: str) -> bool:
        """Whether a run has a file."""
        with self._reading(f"{self.shown}/{name}/{file}"):
            return self._head(name, file) is not None

    def fetch(self, name: str, *files: str) -> Path:
        """Files of a run in a temporary folder."""
        where = f"{self.shown}/{name}"
        if not RUN_NAME.fullmatch(name):
            raise InvalidInputError(Problem(where, "no run has such a name"))
        folder = self._temporary() / name
        with self._reading(where):
            wanted = files or tuple(self._keys(f"{self.prefix}{name}/"))
        for file in wanted:
            if not is_run_file(file):
                raise InvalidInputError(Problem(where, f"the file {file} would be outside of the run"))
            if not file.endswith("/"):
                with self._reading(f"{where}/{file}"):
                    self._fetch(name, file, folder / file)
        with private():
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _fetch(self, name: str, file: str, path: Path) -> None:
        def begin() -> Any:
            with private():
                path.parent.mkdir(parents=True, exist_ok=True)
                return path.open("wb")

        try:
            save_object(self._object(name, file), begin, LARGEST, **self._patience)
        except OSError as error:
            if error.errno in _NO_FILE:
                raise S3Error("NoFile", "no file can be called so") from None
            raise

    def claim(self, run_id: str, started: Mapping[str, Any], key: SealKey | None = None) -> PendingRun:
        """Puts `started.json` under a name that no run has."""
        token = uuid4().hex
        try:
            for name in run_folder.candidate_names(run_id):
                content = run_folder.started_document(name, started, key)
                digest = hashlib.sha256(content).digest()
                if self._put(f"{name}/{STARTED}", content, digest, token=token, lock_from=utc_now()):
                    folder = self._work(name)
                    run_folder.write_started(folder, content)
                    temporary_files.preserve(folder.parent)
                    return PendingRun(name, folder, f"{self.shown}/{name}", self, token)
        except (S3Error, OSError) as error:
            hint = error.hint if isinstance(error, S3Error) else ""
            message = f"no run can be kept here: {error}"
            raise InvalidInputError(Problem(self.shown, message, hint)) from None
        raise AssertionError("names never end")

    def publish(self, working: PendingRun) -> str:
        """Uploads the files one after the other, the manifest last."""
        name, folder = working.name, working.folder
        try:
            content = (folder / MANIFEST).read_bytes()
            facts = json.loads(content)
            sealed_at, files = parse_time(facts["sealed_at"]), facts["files"]
            digests = {file: bytes.fromhex(digest) for file, digest in files.items() if file != STARTED}
            for file in (DIGEST, SIGNATURE, MANIFEST):
                if (folder / file).is_file():
                    digests[file] = bytes.fromhex(layout.sha256(folder / file))
            for file in digests:
                _refuse_large(folder / file)
            self._extend(name, sealed_at)
            for file, digest in digests.items():
                self._upload(working, file, digest, sealed_at)
        except (S3Error, OSError) as error:
            reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            hint = f"the run is whole, with its {MANIFEST}, in {folder.as_posix()}: keep that folder"
            raise RunFolderError(working.shown, f"the run could not be stored: {reason}", hint) from None
        temporary_files.release(folder.parent)
        self._folders.append(folder.parent)
        return working.shown

    def abandon(self, working: PendingRun) -> None:
        """Removes the claim, unless that is denied, or locked: a claim alone is no run."""
        shutil.rmtree(working.folder.parent, ignore_errors=True)
        with suppress(CheckerError):
            self.remove(working.name, [STARTED])

    def close(self) -> None:
        """Removes the temporary folders."""
        _discard(self._folders, self.door)

    def put(self, name: str, file: str, content: bytes) -> None:
        """Adds a small file to a run, whole or not at all, unless it is there."""
        try:
            self._put(f"{name}/{file}", content, hashlib.sha256(content).digest(), token=uuid4().hex)
        except S3Error as error:
            where = f"{self.shown}/{name}"
            raise RunFolderError(where, f"{file} cannot be written: {error}", error.hint) from None

    def held(self, name: str, files: Iterable[str]) -> str:
        """Until when Object Lock holds one of these files, as far as S3 says so."""
        now = utc_now()
        with self._reading(f"{self.shown}/{name}"):
            for file in files:
                head = self._head(name, file) or {}
                until = head.get("ObjectLockRetainUntilDate")
                if until is not None and until > now:
                    mode = str(head.get("ObjectLockMode", "")).lower()
                    return f"Object Lock ({mode}) holds {file} until {iso(until)}"
                if head.get("ObjectLockLegalHoldStatus") == "ON":
                    return f"a legal hold is on {file}"
        return ""

    def remove(self, name: str, files: Iterable[str]) -> None:
        """Removes files of a run in every version that the bucket has of them."""
        wanted = set(files)
        above = f"{self.prefix}{name}/"
        try:
            with s3_errors():
                asked = {"Bucket": self.bucket, "Prefix": above}
                for item in list(
                    object_names(self._remover, "list_object_versions", "Versions", "Key", **asked)
                ):
                    if item["Key"].removeprefix(above) in wanted:
                        self._remover.delete_object(
                            Bucket=self.bucket, Key=item["Key"], VersionId=item["VersionId"]
                        )
        except S3Error as error:
            where = f"{self.shown}/{name}"
            locked = "Object Lock may hold it, or s3:DeleteObjectVersion is not permitted"
            hint = locked if error.code in ("AccessDenied", "InvalidRequest") else error.hint
            raise RunFolderError(where, f"it could not be pruned: {error}", hint) from None

    def _upload(self, working: PendingRun, file: str, digest: bytes, sealed_at: datetime) -> None:
        body = working.folder / file
        if not self._put(f"{working.name}/{file}", body, digest, token=working.token, lock_from=sealed_at):
            raise S3Error("taken", f"{file} is there already, of another run, and is not overwritten")

    def _put(
        self, file: str, body: bytes | Path, digest: bytes, *, token: str, lock_from: datetime | None = None
    ) -> bool:
        """Puts an object where none is; whether it did. S3 refuses what has another sha256 on its arrival."""
        key = self.prefix + file
        extra = self._lock(lock_from) if lock_from else {}
        sha = base64.b64encode(digest).decode()
        try:
            with s3_errors(), _opened(body) as content:
                self._writer.put_object(
                    Bucket=self.bucket, Key=key, Body=content, IfNoneMatch="*",
                    ChecksumAlgorithm="SHA256", ChecksumSHA256=sha, Metadata={WRITER: token}, **extra,
                )  # fmt: skip
        except S3Error as error:
            if error.code not in _TAKEN:
                raise
            with s3_errors():
                head = self._found(self._reader.head_object, key)
            return head is not None and head.get("Metadata", {}).get(WRITER) == token
        return True

    def _lock(self, start: datetime) -> dict[str, Any]:
        if not self.object_lock or self.keep is None:
            return {}
        until = add_duration(start, self.keep)
        return {"ObjectLockMode": self.object_lock.upper(), "ObjectLockRetainUntilDate": until}

    def _extend(self, name: str, sealed_at: datetime) -> None:
        """Locks the claim for as long as the rest: it was put before anybody knew when the run would be sealed."""
        if lock := self._lock(sealed_at):
            retention = {"Mode": lock["ObjectLockMode"], "RetainUntilDate": lock["ObjectLockRetainUntilDate"]}
            with s3_errors():
                key = f"{self.prefix}{name}/{STARTED}"
                self._writer.put_object_retention(Bucket=self.bucket, Key=key, Retention=retention)

    @property
    def _patience(self) -> dict[str, Any]:
        """How often a body is read, and for how long again."""
        return {"attempts": self.door.attempts, "seconds": self.door.object_deadlines.call}

    def _object(self, name: str, file: str) -> Callable[[], Any]:
        """What gets a file of a run."""
        return lambda: self._found(self._getter.get_object, f"{self.prefix}{name}/{file}")

    def _head(self, name: str, file: str) -> Any:
        return self._found(self._reader.head_object, f"{self.prefix}{name}/{file}")

    def _found(self, call: Callable[..., Any], key: str) -> Any:
        try:
            return call(Bucket=self.bucket, Key=key)
        except exceptions().ClientError as error:
            if error.response["Error"].get("Code") in _ABSENT:
                return None
            raise

    def _keys(self, above: str) -> Iterator[str]:
        asked = {"Bucket": self.bucket, "Prefix": above}
        found = object_names(self._reader, "list_objects_v2", "Contents", "Key", **asked)
        return (explanation["Key"].removeprefix(above) for explanation in found)

    def _work(self, name: str) -> Path:
        folder = temporary_files.make_temporary_folder() / name
        folder.mkdir()
        return folder

    def _temporary(self) -> Path:
        self._folders.append(temporary_files.make_temporary_folder())
        return self._folders[-1]

    @contextmanager
    def _reading(self, where: str) -> Iterator[None]:
        try:
            with s3_errors():
                yield
        except S3Error as error:
            raise InvalidInputError(Problem(where, f"cannot be read: {error}", error.hint)) from None


@contextmanager
def _opened(body: bytes | Path) -> Iterator[Any]:
    if isinstance(body, bytes):
        yield body
    else:
        with body.open("rb") as file:
            yield file


def _refuse_large(path: Path) -> None:
    size = path.stat().st_size
    if size > LARGEST:
        text = f"{path.name} has {size / (1 << 30):.1f} GiB, and S3 takes at most 5 GiB in one upload"
        raise S3Error("EntityTooLarge", text)


def _discard(folders: list[Path], door: Sessions) -> None:
    door.close()
    while folders:
        temporary_files.discard(folders.pop())
