"""Pages of ListImageSetVersions as files have them: one that names a next page is a part of a list, and counts only where
the whole list is there. `aws --max-items` and botocore's paginators write the name `NextToken`, the service `nextToken`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checker.aws.actions import ACTIONS
from checker.problems import Problem

MOST_NAMED = 10
"""Runs of versions that a message names; the rest is counted."""
MOST_OF_A_TOKEN = 100
"""Characters of a token that a message shows."""
_TOKENS = {action.paging.token.casefold() for action in ACTIONS.values() if action.paging}


@dataclass(frozen=True, slots=True)
class Page:
    """The versions in one answer, in its order, and its place. `token` is the text of what names the next page, with the
    member's name before it; empty where nothing does. `image_set_id` is None where the answer has no version."""

    where: str
    datastore_id: str | None
    image_set_id: str | None
    numbers: tuple[int, ...]
    token: str


def token_of(answer: Mapping[str, Any]) -> str:
    """What names the next page of an answer, as `nextToken TEXT`; nothing where it is the last page."""
    for name, value in answer.items():
        if name.replace("_", "").casefold() in _TOKENS and value:
            return f"{name} {value!s:.{MOST_OF_A_TOKEN}}"
    return ""


def incomplete_pages(pages: Sequence[Page]) -> Iterator[Problem]:
    """A problem for each page whose token leads to pages that are not all there."""
    for page in pages:
        if not page.token:
            continue
        same = [item for item in pages if _same_list(item, page)]
        if reason := _missing(page, same):
            what = f"the list of versions is cut off: {page.token} names a next page, {reason}"
            hint = "record it without --max-items and --no-paginate, or give all of its pages together"
            yield Problem(page.where, what, hint)


def _same_list(page: Page, other: Page) -> bool:
    stores = {page.datastore_id, other.datastore_id} - {None}
    return page.image_set_id == other.image_set_id and len(stores) < 2


def _missing(page: Page, same: Sequence[Page]) -> str:
    """What of a page's list is missing, if anything."""
    if page.image_set_id is None or all(item.token for item in same):
        return "and no last page is there"
    there = sorted({number for item in same for number in item.numbers})
    if missing := list(missing_versions(there, 0, there[-1])):
        return f"and no page has {version_ranges_text(missing)}"
    # the service gives the newest version first; one that gave the oldest first would go on with higher numbers
    upwards = page.numbers == tuple(sorted(page.numbers)) and len(page.numbers) > 1
    ends = page.numbers[-1] == there[-1] if upwards else min(page.numbers) == 1
    return "and none goes on where this one ends" if ends else ""


def missing_versions(numbers: Sequence[int], listed: int, highest: int) -> Iterator[tuple[int, int]]:
    """The numbers above `listed` that sorted ones lack up to the highest, as first and last of each run."""
    before = listed
    for number in [*(number for number in numbers if number > listed), highest + 1]:
        if number > before + 1:
            yield before + 1, number - 1
        before = number


def version_ranges_text(runs: Sequence[tuple[int, int]]) -> str:
    """Runs of versions as text: `version 2`, `versions 2 and 5..7`."""
    shown = [str(first) if first == last else f"{first}..{last}" for first, last in runs[:MOST_NAMED]]
    if len(runs) > MOST_NAMED:
        shown.append("others")
    names = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    return f"{'version' if is_single_version(runs) else 'versions'} {names}"


def is_single_version(runs: Sequence[tuple[int, int]]) -> bool:
    """Whether it is one version."""
    return len(runs) == 1 and runs[0][0] == runs[0][1]
