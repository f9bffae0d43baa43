"""The part of IAM's policy language that a reader's policy needs: Allow and Deny of actions on resources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_KNOWN = {"Sid", "Effect", "Action", "Resource"}


class Policy:
    """An IAM policy document.

    Raises:
        ValueError: it has an element that is not understood, such as a Condition. A policy that means less here than at
            AWS would prove nothing.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._statements = [_Statement(item) for item in _listed(document["Statement"])]

    def allows(self, action: str, resource: str) -> bool:
        """Whether a statement allows the action (`service:Name`) on the ARN, and none denies it."""
        effects = {statement.effect for statement in self._statements if statement.applies(action, resource)}
        return effects == {"Allow"}


class _Statement:
    def __init__(self, document: Mapping[str, Any]) -> None:
        unknown = sorted(document.keys() - _KNOWN)
        if unknown:
            raise ValueError(f"a statement's {', '.join(unknown)} is not simulated")
        self.effect = str(document["Effect"])
        self._actions = [str(item).lower() for item in _listed(document["Action"])]
        self._resources = [str(item) for item in _listed(document["Resource"])]

    def applies(self, action: str, resource: str) -> bool:
        return any(_pattern(item).fullmatch(action.lower()) for item in self._actions) and any(
            _pattern(item).fullmatch(resource) for item in self._resources
        )


@lru_cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
