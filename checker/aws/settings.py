"""AWS's own settings: profiles, the default Region; and botocore's exceptions."""

from __future__ import annotations

from functools import cache
from typing import Any

from checker.problems import nearest


def why_no_profile(profile: str | None) -> tuple[str, str]:
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
        return f"AWS's configuration cannot be read: {error}", ""
    return "", ""


def default_region(profile: str | None) -> str | None:
    """The Region that AWS's settings (AWS_DEFAULT_REGION, the profile) name, if any."""
    try:
        region = core_session(profile).get_config_variable("region")
    except exceptions().BotoCoreError:
        return None  # `why_no_profile` says why
    return str(region) if region else None


def core_session(profile: str | None) -> Any:
    """A botocore session of a profile, or of AWS's default settings."""
    from botocore.session import Session

    return Session(profile=profile)


def exceptions() -> Any:
    """The module of botocore's exceptions, for those who judge a failure."""
    from botocore import exceptions as known

    return known


@cache
def loader(data_path: str | None) -> Any:
    """The loader of service models, which sessions share: one of their own would cost each 8 MB and 120 ms."""
    from botocore.loaders import create_loader

    return create_loader(data_path)
