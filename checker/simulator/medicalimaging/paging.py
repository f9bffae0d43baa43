"""Pages of a list, and the tokens that join them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from checker.aws.actions import PAGE

from .exceptions import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Item = TypeVar("Item")


def page(
    items: Sequence[Item], key: Callable[[Item], str], params: Mapping[str, Any]
) -> tuple[list[Item], str | None]:
    """One page of `items`, and the token of the next one (None on the last).

    A token names the item it starts with, so a list that grew or shrank between two pages neither repeats nor
    skips what stayed; its place is remembered for the case that this very item has gone.

    Raises:
        ServiceError: ValidationException for a token that is not ours, or belongs to another request.
    """
    start = _start(items, key, params)
    end = start + int(params.get("maxResults") or PAGE)  # the largest one where it is left out: an assumption
    if end >= len(items):
        return list(items[start:]), None
    content = [end, key(items[end]), _fingerprint(params)]
    return list(items[start:end]), base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _start(items: Sequence[Item], key: Callable[[Item], str], params: Mapping[str, Any]) -> int:
    token = params.get("nextToken")
    if token is None:
        return 0
    try:
        place, name, fingerprint = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        raise invalid("nextToken is not valid") from None
    if fingerprint != _fingerprint(params) or not isinstance(place, int):
        raise invalid("nextToken belongs to another request")
    if place < len(items) and key(items[place]) == name:
        return place
    return next((at for at, item in enumerate(items) if key(item) == name), place)


def _fingerprint(params: Mapping[str, Any]) -> str:
    asked = {name: value for name, value in params.items() if name not in ("nextToken", "maxResults")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]
