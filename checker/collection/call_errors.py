"""What a failed call means: whether asking again may help, and the code and message for its record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from checker import aws
from checker.aws.actions import ACTIONS
from checker.collection.rate_limit import is_throttle
from checker.redaction import redact
from checker.snapshot.answers import BadAnswerError
from checker.snapshot.records import NOT_FOUND


class ErrorKind(StrEnum):
    """What can be done about a failed call."""

    THROTTLED = "throttled"  # wait, then ask again
    CONFLICT = "conflict"  # the image set is being written: ask again soon
    BROKEN = "broken"  # what came is no answer: ask again
    SERVER = "server"  # the service failed: ask again
    CONNECTION = "connection"  # nothing came: ask again, unless nothing ever comes
    ENDLESS = "endless"  # more came than any answer has: asking again changes nothing
    CREDENTIALS = "credentials"  # no call of this target can succeed
    FINAL = "final"  # an answer: asking again changes nothing


@dataclass(frozen=True, slots=True)
class CallFailure:
    """Why a call gave no answer: the service's code or the exception's name, and its message; `host` is the one that gave
    none, where that is what failed."""

    kind: ErrorKind
    code: str
    message: str
    host: str = ""


_REJECTED = frozenset(
    {
        "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
        "ExpiredTokenException", "ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "MissingAuthenticationToken",
        "MissingAuthenticationTokenException", "IncompleteSignature", "IncompleteSignatureException",
        "RequestExpired", "NotAuthorized", "OptInRequired",
    }
)  # fmt: skip
EXPIRED = frozenset(
    {
        "ExpiredTokenException", "ExpiredToken", "RequestExpired", "InvalidToken", "UnrecognizedClientException",
        "InvalidClientTokenId",
    }
)  # fmt: skip
"""Codes of credentials that were good once, perhaps: new ones may be."""
LONGEST_MESSAGE = 1000
BAD_ANSWER = "BadAnswer"
"""Code of ours: what came is no answer."""


def call_failure(error: Exception, action: str) -> CallFailure:
    """What an exception of a call of `action` means.

    botocore lets bare TypeError, ValueError and KeyError out of its parsers: anything that is not known here means
    that what came could not be read.
    """
    known = aws.exceptions()
    if isinstance(error, aws.UnusableError):
        return CallFailure(ErrorKind.CREDENTIALS, error.code, str(error))
    credentials = (
        known.NoCredentialsError, known.PartialCredentialsError, known.CredentialRetrievalError, known.SSOError,
        known.TokenRetrievalError, known.UnauthorizedSSOTokenError, known.NoAuthTokenError, known.LoginError,
        known.MetadataRetrievalError, known.RefreshWithMFAUnsupportedError, known.ConfigNotFound,
        known.InvalidConfigError, known.ProfileNotFound,
    )  # fmt: skip
    name, message = type(error).__name__, _text(str(error))
    if isinstance(error, known.ClientError):
        return _service_failure(error, action)
    if isinstance(error, credentials):
        return CallFailure(ErrorKind.CREDENTIALS, name, message)
    if aws.is_oversize(error):
        size = message.rpartition(": ")[2]
        return CallFailure(ErrorKind.ENDLESS, BAD_ANSWER, f"what came is no answer of {action}: {size}")
    if isinstance(error, known.HTTPClientError | known.ConnectionError):
        host = urlsplit(str(error.kwargs.get("endpoint_url", ""))).hostname or ""
        return CallFailure(ErrorKind.CONNECTION, name, message, host)
    if isinstance(error, known.BotoCoreError) and not isinstance(error, known.IncompleteReadError):
        return CallFailure(ErrorKind.FINAL, name, message)
    if ACTIONS[action].phi and not isinstance(error, BadAnswerError | aws.OddAnswerError):
        message = name  # what others say of a value may show it, and it may be of a patient
    return CallFailure(ErrorKind.BROKEN, BAD_ANSWER, f"what came is no answer of {action}: {message or name}")


def _text(message: str) -> str:
    return redact(message)[:LONGEST_MESSAGE]


def _service_failure(error: Any, action: str) -> CallFailure:
    details = error.response.get("Error", {})
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = _text(str(details.get("Code") or status or type(error).__name__))
    message = _text(str(details.get("Message") or f"HTTP status {status}"))
    if error.operation_name != action:  # of AssumeRole and its like, on the way to credentials
        passing = status >= 500 or is_throttle(code, status)
        return CallFailure(
            ErrorKind.SERVER if passing else ErrorKind.CREDENTIALS, code, f"{error.operation_name}: {message}"
        )
    if is_throttle(code, status):
        return CallFailure(ErrorKind.THROTTLED, code, message)
    if code == NOT_FOUND and status != 404:
        return CallFailure(ErrorKind.BROKEN, BAD_ANSWER, f"{NOT_FOUND} came under HTTP status {status}")
    if code in _REJECTED:
        return CallFailure(ErrorKind.CREDENTIALS, code, message)
    if status == 409:
        return CallFailure(ErrorKind.CONFLICT, code, message)
    return CallFailure(ErrorKind.SERVER if status >= 500 else ErrorKind.FINAL, code, message)
