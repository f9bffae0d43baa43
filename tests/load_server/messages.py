"""A request as it was received, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from json import dumps

from .errors import status_of
from .faults import Break

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Request:
    """A request; `target` is the path and the query, `operation` the header `X-Amz-Target`."""

    method: str
    target: str
    authorization: str = ""
    body: bytes = b""
    operation: str = ""


@dataclass
class Reply:
    """An answer, the seconds to wait before it is given, and how the connection breaks while it is."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    delay: float = 0.0
    breaks: Break = ""


def refusal(code: str, message: str) -> Reply:
    """An error as rest-json words it."""
    return Reply(status_of(code), dumps({"message": message}).encode(), {**JSON, "x-amzn-errortype": code})
