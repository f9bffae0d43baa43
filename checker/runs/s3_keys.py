"""Names in S3: of the place of a store, and of a run's files."""

from __future__ import annotations

import re

from checker.problems import InvalidInputError, Problem

S3 = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def bucket_and_prefix(where: str) -> tuple[str, str]:
    """The bucket and the prefix, without slashes at its ends, of `s3://BUCKET/PREFIX`.

    Raises:
        InvalidInputError: it names no such place.
    """
    bucket, _, prefix = where.removeprefix(S3).partition("/")
    prefix = prefix.strip("/")
    if not _BUCKET.fullmatch(bucket):
        hint = "a bucket's name has 3 to 63 characters, each one of a-z, 0-9, . and -"
        raise InvalidInputError(Problem(where, f"`{bucket}` is no name of a bucket", hint))
    if not prefix.isprintable() or any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise InvalidInputError(Problem(where, "write it as s3://BUCKET/PREFIX"))
    return bucket, prefix


def is_run_file(file: str) -> bool:
    """Whether the name of an object below a run's is one of a file in the run's folder, on any machine."""
    parts = file.removesuffix("/").split("/")
    return file.isprintable() and not {"", ".", ".."} & {*parts} and not {*"\\:"} & {*file}
