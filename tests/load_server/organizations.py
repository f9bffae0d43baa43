"""As much of AWS Organizations as an audit of whole accounts needs: which accounts there are, in the JSON protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from checker.simulator.faults import ModelError

from .errors import RefusedError
from .messages import Reply

ACTIONS = ("ListAccounts",)
TARGET = "AWSOrganizationsV20161128."
"""What stands before the action in the header `X-Amz-Target`."""
PAGE = 20
"""The largest page (by the model)."""


def answer(params: Mapping[str, Any], accounts: Mapping[str, str], caller: str) -> Reply:
    """The answer to ListAccounts: a page of accounts, of which the states are given by id.

    Raises:
        RefusedError: the request itself is wrong.
    """
    size, token = params.get("MaxResults", PAGE), str(params.get("NextToken", "0"))
    if not isinstance(size, int) or not 1 <= size <= PAGE or not token.isdecimal():
        raise RefusedError("InvalidInputException", "MaxResults or NextToken is not valid")
    start = int(token)
    page = sorted(accounts.items())[start : start + size]
    answered: dict[str, Any] = {"Accounts": [_account(name, state, caller) for name, state in page]}
    if start + size < len(accounts):
        answered["NextToken"] = str(start + size)
    return _reply(200, answered)


def refusal(error: ModelError) -> Reply:
    """An error as the JSON protocol words it."""
    return _reply(400, {"__type": error.code, "Message": error.message})


def _account(name: str, state: str, caller: str) -> dict[str, Any]:
    """An account as Organizations tells of it, without its `Status`: that was retired on 9 September 2026 (botocore's
    model)."""
    return {
        "Id": name,
        "Arn": f"arn:aws:organizations::{caller}:account/o-load/{name}",
        "Email": f"{name}@example.com",
        "Name": f"account-{name}",
        "State": state,
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": 1704067200.0,
    }


def _reply(status: int, document: Mapping[str, Any]) -> Reply:
    body = json.dumps(document, separators=(",", ":")).encode()
    return Reply(status, body, {"Content-Type": "application/x-amz-json-1.1"})
