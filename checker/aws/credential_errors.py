"""What is wrong with credentials, in words of ours: what libraries say of it may quote a program's output, an answer or a
file, and thereby a key or a token."""

from __future__ import annotations

import re
from typing import Any

from checker.aws.profiles import exceptions

_SETTINGS = (
    "ConfigNotFound", "InvalidConfigError", "LoginInsufficientPermissions", "LoginRefreshRequired", "LoginTokenLoadError",
    "MissingDependencyException", "NoCredentialsError", "NoRegionError", "PartialCredentialsError", "ProfileNotFound",
    "RefreshWithMFAUnsupportedError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "UnknownCredentialError",
)  # fmt: skip
"""Failures of botocore whose texts name entries of AWS's configuration, and nothing else."""
_CONSTANT = frozenset(
    {
        "Auth token value is not a legal header value",
        "Credentials were refreshed, but the refreshed credentials are still expired.",
        "No closing quotation",
        "No escaped character",
        "Token has expired and refresh failed",
    }
)
"""Texts of libraries that quote nothing."""
_SAID = tuple(
    (re.compile(pattern), fault)
    for pattern, fault in (
        (r"Unsupported version ", "what was given has a Version other than 1"),
        (r"Missing required key in response: '(AccessKeyId|SecretAccessKey)'$", r"what was given has no \1"),
        (r"Credential refresh failed, response did not contain", "what was given lacks a key, a token or an expiry"),
        (r"No credentials found in credential_source ", "its credential_source gives none"),
        (r"(?:Error retrieving metadata: )?Received non 200 response (\d{3}) ", r"the answer came under HTTP status \1"),
        (r"(?:Error retrieving metadata: )?Unable to parse JSON ", "what was given is no JSON"),
    )
)  # fmt: skip
"""What botocore's texts begin with, and what we say."""
_FORM = "what was given has not the form of credentials"
_DATE = "what was given has an expiry that is no date"
_KINDS = {
    "JSONDecodeError": "what was given is no JSON",
    "UnicodeDecodeError": "what was given is no UTF-8 text",
    "ParserError": _DATE,
    "OverflowError": _DATE,
    "AttributeError": _FORM,
    "KeyError": _FORM,
    "ParamValidationError": _FORM,
    "TypeError": _FORM,
}
_UNSIGNED = frozenset({"AssumeRoleWithWebIdentity", "CreateOAuth2Token", "CreateToken", "GetRoleCredentials"})
"""Calls that carry a token as a parameter, which an error may quote."""


def credential_error(error: Exception) -> str:
    """What is wrong, with the exit code where a program failed; the class alone where no more can be said safely."""
    own = isinstance(error, exceptions().BotoCoreError)
    name = type(error).__name__
    said = _program(error) or _known(error, str(getattr(error, "kwargs", {}).get("error_msg", error)))
    if own:
        return said or "what it says is left out"
    return f"{name}: {said}" if said else name


def call_error(error: Any) -> Any:
    """A failed call on the way to credentials: of the same class and code, without the tokens that it may quote."""
    known = exceptions()
    if isinstance(error, known.ClientError) and error.operation_name in _UNSIGNED:
        told = {**error.response.get("Error", {}), "Message": "refused; what the service says is left out"}
        return type(error)({**error.response, "Error": told}, error.operation_name)
    if type(error) in (known.HTTPClientError, known.ConnectionError):
        return type(error)(error=type(error.kwargs.get("error")).__name__)
    return error


def _known(error: Exception, said: str) -> str:
    known = exceptions()
    if said in _CONSTANT or isinstance(error, tuple(getattr(known, name) for name in _SETTINGS)):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.strerror}: {error.filename}"
    if isinstance(error, known.BotoCoreError):
        for pattern, shown in _SAID:
            if found := pattern.match(said):
                return found.expand(shown)
    return _KINDS.get(type(error).__name__, "")


def _program(error: Exception) -> str:
    """How the program of a credential_process failed, if it did: botocore tells what it printed only, and has it in the
    frame that raised the error."""
    import subprocess
    import traceback

    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, subprocess.Popen) and value.returncode:
                code = value.returncode
                return (
                    f"the program failed with exit code {code}"
                    if code > 0
                    else f"the program was ended by signal {-code}"
                )
    return ""
