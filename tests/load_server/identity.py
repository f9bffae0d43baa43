"""As much of AWS STS as a session needs: who the caller is, and a role in another account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from checker.simulator.faults import ModelError

from .messages import Reply

ACTIONS = ("GetCallerIdentity", "AssumeRole")

_XMLNS = "https://sts.amazonaws.com/doc/2011-06-15/"
_ROLE = re.compile(r"arn:aws:iam::([0-9]{12}):role/(.+)")
_REQUEST = "<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>"


def answer(action: str, params: Mapping[str, Any], account: str, now: datetime) -> Reply:
    """The answer to an action of STS."""
    if action == "GetCallerIdentity":
        who = f"arn:aws:sts::{account}:assumed-role/load/load"
        return _xml(action, _identity(who, account))
    role = _ROLE.fullmatch(params.get("RoleArn", ""))
    if role is None:
        return refusal(ModelError("ValidationError", "RoleArn is not a role's ARN"))
    session = escape(params.get("RoleSessionName", ""))
    who = f"arn:aws:sts::{role[1]}:assumed-role/{escape(role[2])}/{session}"
    until = (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    # the access key names the account: that is how later calls are known to be the role's
    keys = f"<AccessKeyId>ASIA{role[1]}LOAD</AccessKeyId><SecretAccessKey>none</SecretAccessKey>"
    credentials = f"{keys}<SessionToken>none</SessionToken><Expiration>{until}</Expiration>"
    user = f"<Arn>{who}</Arn><AssumedRoleId>AROALOAD:{session}</AssumedRoleId>"
    return _xml(action, f"<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>")


def refusal(error: ModelError) -> Reply:
    """An error as STS words it."""
    code, message = escape(error.code), escape(error.message)
    status = 429 if error.code.startswith("Throttling") else 403 if "Denied" in error.code else 400
    body = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return _reply(status, f'<ErrorResponse xmlns="{_XMLNS}">{body}</ErrorResponse>')


def _identity(arn: str, account: str) -> str:
    return f"<Arn>{arn}</Arn><UserId>AROALOAD:load</UserId><Account>{account}</Account>"


def _xml(action: str, result: str) -> Reply:
    inner = f"<{action}Result>{result}</{action}Result>{_REQUEST}"
    return _reply(200, f'<{action}Response xmlns="{_XMLNS}">{inner}</{action}Response>')


def _reply(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), {"Content-Type": "text/xml"})
