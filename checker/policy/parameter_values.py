"""The values that a rule's parameters have once they are bound, read off the rule."""

from __future__ import annotations

from collections.abc import Iterator

from checker.model import ParamRef, Rule, Value
from checker.policy.params import Bound, rule_leaves


def bound_values(written: Rule, rule: Rule) -> Bound:
    """The values of a rule's parameters by name: `rule` is `written` with its parameters bound."""
    pairs = (
        pair
        for before, after in zip(rule_leaves(written), rule_leaves(rule), strict=True)
        for item, other in zip(before.tests, after.tests, strict=True)
        for pair in _pairs(item.value, other.value)
    )
    return dict(pairs)  # type: ignore[arg-type]


def _pairs(before: Value, after: Value) -> Iterator[tuple[str, Value]]:
    if isinstance(before, ParamRef):
        yield before.name, after
    elif isinstance(before, tuple) and isinstance(after, tuple):
        for item, other in zip(before, after, strict=True):
            yield from _pairs(item, other)
