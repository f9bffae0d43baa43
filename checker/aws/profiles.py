"""AWS's own settings: profiles, the default Region; and botocore's exceptions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from checker.instants import EPOCH
from checker.problems import nearest
from checker.redaction import redact, register_secrets, register_url_secrets

REGION = "AWS_REGION"
"""The variable that all of AWS's tools know, but for botocore."""


def profile_error(profile: str | None) -> tuple[str, str]:
    """Why AWS's configuration files give no session for a profile (None: AWS_PROFILE or the default one), and a hint;
    two empty texts where they do."""
    known = exceptions()
    try:
        core_session(profile).get_scoped_config()
    except known.ProfileNotFound as error:
        name = str(error.kwargs.get("profile", ""))
        profiles = core_session("default").full_config["profiles"]
        return f"AWS's configuration files have no profile {name}", nearest(name, profiles)
    except (known.ConfigParseError, known.ConfigNotFound) as error:
        return f"AWS's configuration cannot be read: {_without_lines(error)}", ""
    return "", ""


def default_region(profile: str | None) -> str | None:
    """The Region that AWS's settings (AWS_REGION, AWS_DEFAULT_REGION, the profile) name, if any."""
    try:
        region = core_session(profile).get_config_variable("region")
    except exceptions().BotoCoreError:
        return None  # `why_no_profile` says why
    return str(region) if region else None


def core_session(profile: str | None) -> Any:
    """A botocore session of a profile, or of AWS's default settings."""
    from botocore.session import Session

    made = Session(profile=profile)
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_instant)
    if region := os.environ.get(REGION):
        made.set_config_variable("region", region)
    return made


def _instant(value: Any) -> datetime:
    """A timestamp of an answer, in UTC: botocore reads epoch seconds in the local time zone, where the first and the last
    hours that there are may have no time."""
    from botocore.utils import parse_timestamp

    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return EPOCH + timedelta(seconds=value)
        except (OverflowError, ValueError):  # no instant at all: as botocore says it
            pass
    return parse_timestamp(value)


def setting_errors(profile: str | None) -> list[tuple[str, str]]:
    """Settings of AWS whose values they cannot have, by the name of the variable or of the entry, each with the reason."""
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES as KNOWN

    session = core_session(profile)
    return [wrong for name in KNOWN for wrong in _wrong(session, name, KNOWN[name])]


def _wrong(session: Any, name: str, known: Any) -> Iterator[tuple[str, str]]:
    entry, variables, _, _ = known
    try:
        session.get_config_variable(name)
    except ValueError:
        names = [variables] if isinstance(variables, str) else variables or ()
        variable = next((path for path in names if path in os.environ), None)
        value = os.environ[variable] if variable else session.get_scoped_config().get(entry)
        where = variable or f"{entry} in AWS's configuration files"
        yield where, redact(f"{str(value)!r:.80} is no whole number")


def remember_environment() -> None:
    """Takes the keys and tokens of AWS's variables, and the passwords of proxies and endpoints, so that no message shows
    them."""
    from urllib.request import getproxies  # with all of HTTP and TLS

    for url in getproxies().values():
        register_url_secrets(url)
    for name, value in os.environ.items():
        if name.startswith("AWS_") or name.upper().endswith("_PROXY"):
            register_url_secrets(value)
        if name.startswith("AWS_") and ("SECRET" in name or name.endswith("TOKEN")):
            register_secrets(value)


def _without_lines(error: Any) -> str:
    """What botocore says of a configuration file, without the lines that its parser quotes: they may hold keys."""
    cause = error.kwargs.get("error")
    lines = [line for line, _ in getattr(cause, "errors", ())] or [getattr(cause, "lineno", None)]
    numbers = ", ".join(str(line) for line in lines if line)
    where = f"{error.kwargs.get('path')}{f', line {numbers}' if numbers else ''}"
    return redact(f"{where}: {type(cause).__name__}" if cause is not None else str(error))


def needs_mfa_code(profile: str | None) -> bool:
    """Whether the role of a profile, or of the one that it builds on, is assumed with a code that a person types."""
    session = core_session(profile)
    own = session.get_scoped_config()
    source = session.full_config["profiles"].get(own.get("source_profile"), {})
    return "mfa_serial" in own or "mfa_serial" in source


def exceptions() -> Any:
    """The module of botocore's exceptions, for those who judge a failure."""
    from botocore import exceptions as known

    return known


@cache
def loader(data_path: str | None) -> Any:
    """The loader of service models, which sessions share: one of their own would cost each 8 MB and 120 ms."""
    from botocore.loaders import create_loader

    return create_loader(data_path)
