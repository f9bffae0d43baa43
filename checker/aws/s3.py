"""Calls of S3: botocore's errors as ours."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any, BinaryIO

from checker.aws.credentials import UnusableError
from checker.aws.guard import RefusedActionError
from checker.aws.profiles import exceptions
from checker.aws.transport import OversizeError
from checker.problems import CheckerError, InvalidInputError
from checker.redaction import redact

_DENIED = ("access is denied", "docs/runs.md has the permissions that it takes")
_REASONS = {
    "NoSuchBucket": ("there is no such bucket", ""),
    "AccessDenied": _DENIED,
    "403": _DENIED,  # an answer to HEAD has no body to say more
    "NoCredentialsError": ("no AWS credentials were found", ""),
}

CHUNK = 1 << 20
MOST_PAGES = 10_000
"""Pages of a list of names: ten million of them, as S3 gives them."""
MOST_IDLE = 50
"""Pages in a row without a new name, though each says that more follow, after which a list is taken to have no end."""


class S3Error(CheckerError):
    """A call of S3 that failed; the text says why. `code` is S3's name of it, or botocore's; `hint` what to do."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(redact(message))
        self.code = code
        self.hint = hint


@contextmanager
def s3_errors() -> Iterator[None]:
    """What botocore raises inside becomes ours: its own exceptions, and whatever its parsers make of odd answers.

    Raises:
        S3Error: a call failed, or no client could be made.
    """
    known = exceptions()
    try:
        yield
    except (RefusedActionError, S3Error, InvalidInputError, OSError, MemoryError):
        raise
    except known.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        said = str(error.response.get("Error", {}).get("Message", ""))
        raise _error(code, f"{code}: {said}") from None
    except (known.BotoCoreError, known.HTTPClientError, UnusableError) as error:
        code = error.code if isinstance(error, UnusableError) else type(error).__name__
        raise _error(code, str(error)) from None
    except OversizeError as error:
        raise S3Error("TooLarge", f"what came is no answer of S3: {error}") from None
    except Exception as error:  # noqa: BLE001 - botocore lets any exception out of its parsers
        raise S3Error("BadAnswer", f"what came is no answer of S3: {type(error).__name__}") from None


def object_names(client: Any, action: str, items: str, key: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
    """What the pages of a list have.

    Args:
        client: of S3.
        action: botocore's name of the list.
        items: the member of a page that has them.
        key: the member of an item that tells it from the others, with its version if it has one.
        asked: parameters of the list.

    Raises:
        S3Error: the list has no end, as far as anybody would read it; and whatever `asking` lets out.
    """
    known: set[tuple[Any, Any]] = set()
    idle = 0
    more: object = False
    for number, page in enumerate(client.get_paginator(action).paginate(**asked)):
        more = page.get("IsTruncated")
        if more is None:
            raise S3Error("BadAnswer", "what came is no list of S3: it does not say whether it goes on")
        before = len(known)
        known.update((item[key], item.get("VersionId")) for item in page.get(items, ()))
        idle = 0 if len(known) > before else idle + 1
        if idle >= MOST_IDLE or number >= MOST_PAGES:
            raise S3Error("Endless", f"the list has no end within {number + 1:,} pages")
        yield from page.get(items, ())
    if more:
        raise S3Error("BadAnswer", "the list goes on, and does not say where")


def object_bytes(get: Callable[[], Any], most: int, *, attempts: int, seconds: float) -> bytes | None:
    """The bytes of an object, as `save` reads them; None where there is no object."""
    read = io.BytesIO()

    def begin() -> AbstractContextManager[BinaryIO]:
        read.seek(0)
        read.truncate()
        return nullcontext(read)

    return read.getvalue() if save_object(get, begin, most, attempts=attempts, seconds=seconds) else None


def save_object(
    get: Callable[[], Any],
    begin: Callable[[], AbstractContextManager[BinaryIO]],
    most: int,
    *,
    attempts: int,
    seconds: float,
) -> bool:
    """Writes the bytes of an object somewhere; whether there is one. Where its body breaks off, is not the one that was put,
    or comes too slowly, it is read again from its beginning.

    Args:
        get: calls GetObject; None where there is no object.
        begin: where to write, each time empty.
        most: how many bytes it may have.
        attempts: how often it is read.
        seconds: after so many, one that comes too slowly is not read again.

    Raises:
        S3Error: it cannot be read whole, or is larger; and whatever `asking` lets out of `get`.
    """
    known = exceptions()
    began = time.monotonic()
    for attempt in range(1, attempts + 1):
        answer = get()
        if answer is None:
            return False
        try:
            with begin() as out:
                _copy(answer, out, most)
        except (known.BotoCoreError, known.HTTPClientError) as error:
            late = isinstance(error, known.ReadTimeoutError) and time.monotonic() - began >= seconds
            if attempt == attempts or late:
                tries = f" in {attempt} attempts" if attempt > 1 else ""
                text = f"its content could not be read whole{tries}: {error}"
                raise S3Error(type(error).__name__, text) from None
            time.sleep(0.1 * 2**attempt)
        else:
            return True
    raise AssertionError("an attempt ends in one of these ways")


def _copy(answer: Mapping[str, Any], out: BinaryIO, most: int) -> None:
    length, size = answer.get("ContentLength"), 0
    with closing(answer["Body"]) as body:
        if length is None:
            raise S3Error("NoLength", "the answer does not say how many bytes it has")
        if length > most:
            raise S3Error("EntityTooLarge", f"it has {length:,} bytes, and may have {most:,}")
        while piece := body.read(CHUNK):
            size += len(piece)
            out.write(piece)
    if size != length:
        raise exceptions().IncompleteReadError(actual_bytes=size, expected_bytes=length)


def _error(code: str, text: str) -> S3Error:
    if code == "InvalidRequest" and "ObjectLockConfiguration" in text.replace(" ", ""):
        message = "the bucket has no Object Lock"
        return S3Error(code, message, "switch it on for the bucket, or leave out `object_lock`")
    message, hint = _REASONS.get(code, (text, ""))
    if code == "AccessDenied" and "not authorized to perform" in text:
        message = f"{message}: {text.partition(': ')[2]}"
    return S3Error(code, message, hint)
