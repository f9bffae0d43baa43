"""As whom AWS is asked: profiles, roles, the clients that they give, and who the service says we are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from checker.aws.actions import ACTIONS


@dataclass(frozen=True, slots=True)
class Access:
    """As whom a target is read: a profile of AWS's configuration files, then a role to assume."""

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients of one Region: `control` for data stores and tags, `runtime` for image sets.

    `endpoint` is where image sets are asked for, where that is not AWS's own endpoint; without a user name in it.
    """

    control: Any
    runtime: Any
    endpoint: str | None = None

    def host(self, action: str) -> str:
        """The host that is asked for an action: botocore puts `runtime-` before AWS's own."""
        prefix = ACTIONS[action].host if self.endpoint is None else ""
        return prefix + (urlsplit(self.of(action).meta.endpoint_url).hostname or "")

    def of(self, action: str) -> Any:
        """The client that an action is asked for by."""
        return self.runtime if ACTIONS[action].host else self.control


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the service says we are; or in `note` why that is not known."""

    account: str | None = None
    arn: str | None = None
    note: str | None = None
