"""Names of members in recorded answers: what is not the API's is not read, which must not happen without a word."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from checker.aws.actions import ACTIONS
from checker.fields import answer_fields, model
from checker.snapshot.answers import BadAnswerError, member_names
from checker.snapshot.records import BESIDE

NEAR = 0.85
"""How alike a name is to one that it is taken for, as difflib counts it: one letter more or less of six."""
_TOKENS = {action.paging.token for action in ACTIONS.values() if action.paging}
_AROUND = frozenset(
    {"ResponseMetadata", "account", "region", *_TOKENS, *(name.title() for name in _TOKENS)}
) | {"NextToken"}
"""What SDKs and this program write beside an answer."""


def unknown_members(value: Mapping[str, Any], *more: str) -> Iterator[str]:
    """The members of an answer on an image set that neither the API nor a record has, as paths.

    Args:
        value: the answer.
        more: members that may be there too.

    Raises:
        BadAnswerError: one is spelled nearly as a member that is not there.
    """
    beside = {name.partition(".")[0] for name in model().left_out} | BESIDE | _AROUND | {*more}
    for head, names in member_names().items():
        inner = value.get(head) if head else value
        if isinstance(inner, Mapping):
            yield from _unknown(inner, names if head else names | beside, f"{head}." if head else "")


def unknown_properties(action: str, value: Mapping[str, Any]) -> Iterator[str]:
    """Those of an answer on something else, and of the object that holds what it says; raises likewise."""
    result = ACTIONS[action].result
    yield from _unknown(value, {result, "datastoreId", "imageSetId"} | BESIDE | _AROUND, "")
    if isinstance(inner := value.get(result), Mapping) and (fields := answer_fields(action)):
        yield from _unknown(inner, {path.partition(".")[0] for path in fields}, f"{result}.")


def _unknown(value: Mapping[str, Any], known: Collection[str], path: str) -> Iterator[str]:
    for name in value:
        if name in known:
            continue
        missing = [item for item in known if item not in value]
        near = difflib.get_close_matches(name, missing, n=1, cutoff=NEAR)
        if near and near[0].casefold() != name.casefold():  # another case is refused where the answer is read
            raise BadAnswerError(f"{path}{name:.80} is no member that the API has: did you mean {near[0]}?")
        yield f"{path}{name:.80}"
