"""Credentials: found and renewed with an error that names them, refused where they cannot be sent, and known to `redact`."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from checker.aws.credential_errors import call_error, credential_error
from checker.aws.profiles import exceptions
from checker.problems import CheckerError
from checker.redaction import redact, register_secrets

Answer = TypeVar("Answer")

RETRIEVAL = "CredentialRetrievalError"
"""botocore's name of the failure, which it gives some of them only."""
ILLEGAL = "IllegalCredentials"
LATE = "CredentialsTimeout"
"""Codes of ours: a key or token has characters that no request can carry; it took too long to get any."""

_PROVIDERS = {
    "env": "the environment variables",
    "custom-process": "credential_process",
    "shared-credentials-file": "the credentials file",
    "config-file": "the configuration file",
    "sso": "the SSO session",
    "login": "the login session",
    "assume-role": "the role",
    "assume-role-with-web-identity": "the web identity",
    "container-role": "the container's role",
    "iam-role": "the instance's role",
}
_PARTS = (
    ("access_key", "AWS_ACCESS_KEY_ID", "key id"),
    ("secret_key", "AWS_SECRET_ACCESS_KEY", "secret key"),
    ("token", "AWS_SESSION_TOKEN", "session token"),
)
_LEGAL = re.compile(r"[!-~]+")


class UnusableError(CheckerError):
    """No client can be made for a target: it has no credentials, or its endpoint or Region cannot be used.

    `code` is botocore's name of the failure.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(redact(message))
        self.code = code


@dataclass(frozen=True, slots=True)
class CredentialSource:
    """Where credentials come from: of which profile (None: AWS's settings name it), and by which of botocore's ways."""

    profile: str | None
    method: str | None = None

    def __str__(self) -> str:
        way = _PROVIDERS.get(self.method or "", self.method)
        whose = f"the profile {self.profile}" if self.profile else "AWS's settings"
        return f"{way} of {whose}" if way else whose

    def failed(self, error: Exception) -> UnusableError:
        """What went wrong with them, under botocore's name where it has one."""
        code = type(error).__name__ if isinstance(error, exceptions().BotoCoreError) else RETRIEVAL
        return UnusableError(code, f"no credentials could be had from {self}: {credential_error(error)}")


class StrictCredentials:
    """Credentials as botocore asks for them before each signature."""

    def __init__(self, given: Any, source: CredentialSource) -> None:
        self._given, self._source = given, source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._given, name)

    def get_frozen_credentials(self) -> Any:
        """Keys and token of this moment, renewed where they expire.

        Raises:
            UnusableError: they cannot be had, or have characters that no request can carry.
        """
        frozen = _named(self._given.get_frozen_credentials, self._source)
        register_secrets(frozen.access_key, frozen.secret_key, frozen.token)
        for part, variable, words in _PARTS:
            value = getattr(frozen, part)
            if value and not (isinstance(value, str) and _LEGAL.fullmatch(value)):
                which = variable if self._source.method == "env" else f"the {words} from {self._source}"
                raise UnusableError(ILLEGAL, f"{which} {_flaw(value)}: copy it anew")
        return frozen


class Provider:
    """botocore's chain of ways to credentials, each of which may fail with any exception."""

    def __init__(self, chain: Any, profile: str | None) -> None:
        self._chain, self._profile = chain, profile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def load_credentials(self) -> StrictCredentials | None:
        """Credentials of the first way that has any; None where none has.

        Raises:
            UnusableError: a way that is configured gives none.
        """
        for provider in self._chain.providers:
            source = CredentialSource(self._profile, provider.METHOD)
            found = _named(provider.load, source)
            if found is not None:
                return StrictCredentials(found, source)
        return None


def with_timeout(seconds: float, work: Callable[[], Answer], name: str) -> Answer:
    """What `work` returns, from a thread of its own: name resolution and credential processes know no time limit.

    Raises:
        TimeoutError: it has not returned by then; it is left alone.
    """
    found: list[Answer] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"{name} took longer than {seconds:g} s")
    return found[0]


def _named(work: Callable[[], Answer], source: CredentialSource) -> Answer:
    """What botocore answers; its exceptions as one that names the credentials, but for failed calls: these may be
    repeated, and name themselves."""
    known = exceptions()
    try:
        return work()
    except UnusableError:
        raise
    except (known.ClientError, known.HTTPClientError, known.ConnectionError) as error:
        raise call_error(error) from None
    except Exception as error:  # noqa: BLE001 - a program, a file and a parser of others are behind it
        raise source.failed(error) from None


def _flaw(value: object) -> str:
    if not isinstance(value, str):
        return "is no text"
    if value != value.strip():
        return f"{'begins' if value != value.lstrip() else 'ends'} in white space or a line break"
    return "has a character that is no printable ASCII"
