"""Calls of S3: botocore's errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from checker.aws.credentials import UnusableError
from checker.aws.settings import exceptions
from checker.problems import CheckerError
from checker.redaction import redact

_DENIED = ("access is denied", "docs/runs.md has the permissions that it takes")
_REASONS = {
    "NoSuchBucket": ("there is no such bucket", ""),
    "AccessDenied": _DENIED,
    "403": _DENIED,  # an answer to HEAD has no body to say more
    "NoCredentialsError": ("no AWS credentials were found", ""),
}


class S3Error(CheckerError):
    """A call of S3 that failed; the text says why. `code` is S3's name of it, or botocore's; `hint` what to do."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(redact(message))
        self.code = code
        self.hint = hint


@contextmanager
def asking() -> Iterator[None]:
    """What botocore raises inside becomes ours.

    Raises:
        S3Error: a call failed, or no client could be made.
    """
    known = exceptions()
    try:
        yield
    except known.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        said = str(error.response.get("Error", {}).get("Message", ""))
        raise _error(code, f"{code}: {said}") from None
    except (known.BotoCoreError, known.HTTPClientError, UnusableError) as error:
        code = error.code if isinstance(error, UnusableError) else type(error).__name__
        raise _error(code, str(error)) from None


def _error(code: str, text: str) -> S3Error:
    if code == "InvalidRequest" and "ObjectLockConfiguration" in text.replace(" ", ""):
        message = "the bucket has no Object Lock"
        return S3Error(code, message, "switch it on for the bucket, or leave out `object_lock`")
    message, hint = _REASONS.get(code, (text, ""))
    if code == "AccessDenied" and "not authorized to perform" in text:
        message = f"{message}: {text.partition(': ')[2]}"
    return S3Error(code, message, hint)
