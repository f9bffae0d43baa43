"""SearchImageSets over a synthetic store, without ever holding more than a page of it.

By createdAt, image sets come by their numbers. By updatedAt they come from several streams, each of which is in order by
itself (those made with one version, with two, ..., those of each change of the store), merged as they are read.
The assumptions are the simulator's: two filters are joined by AND, two values of EQUAL by OR, LOCKED sets are
found and DELETED ones are not.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .errors import RefusedError, invalid
from .store import STEP, ImageSet, SyntheticStore

DEFAULT_SORT = {"sortField": "updatedAt", "sortOrder": "DESC"}

_TIMES = ("createdAt", "updatedAt")

Place = tuple[int, int]
"""Where a page starts: a time (0 where numbers alone decide) and an image set's number."""


@dataclass(frozen=True)
class Criteria:
    """What is asked for: bounds of both times (None is open), further tests, and the order."""

    created: tuple[int | None, int | None]
    updated: tuple[int | None, int | None]
    tests: tuple[Callable[[ImageSet], bool], ...]
    sort: dict[str, str]

    @property
    def descending(self) -> bool:
        """Whether the latest comes first."""
        return self.sort["sortOrder"] == "DESC"


def search(
    store: SyntheticStore, body: dict[str, Any], page: int, token: str | None
) -> tuple[list[ImageSet], dict[str, str], str | None]:
    """A page of the image sets that meet the criteria, their order, and the token of the next page.

    Raises:
        RefusedError: ValidationException for criteria or a token that make no sense.
    """
    criteria = parse(body)
    mark = f"{zlib.crc32(repr(body).encode()):08x}"
    start = _place(token, mark)
    by_time = criteria.sort["sortField"] == "updatedAt"
    candidates = (_by_update if by_time else _by_creation)(store, criteria, start)
    found = list(
        islice(
            (candidate for candidate in candidates if all(test(candidate) for test in criteria.tests)),
            page + 1,
        )
    )
    following = None
    if len(found) > page:
        extra = found.pop()
        following = f"{extra.updated if by_time else 0}-{extra.number}-{mark}"
    return found, criteria.sort, following


def _place(token: str | None, mark: str) -> Place | None:
    if token is None:
        return None
    match token.split("-"):
        case [time, index, of] if time.isdecimal() and index.isdecimal() and of == mark:
            return int(time), int(index)
    raise invalid("nextToken is not valid")


def _by_creation(store: SyntheticStore, criteria: Criteria, start: Place | None) -> Iterator[ImageSet]:
    numbers = store.between(*criteria.created)
    low, high = criteria.updated
    if not any(_within(at, low, high) for at in store.change_times):
        # none of those that a change moved are asked for, so the others' updatedAt bounds their createdAt
        span = (store.versions - 1) * STEP
        bounds = store.between(None if low is None else low - span, high)
        numbers = range(max(numbers.start, bounds.start), min(numbers.stop, bounds.stop))
    for index in _from(numbers, start and start[1], descending=criteria.descending):
        item = store.image_set(index)
        if not item.deleted:
            yield item


def _by_update(store: SyntheticStore, criteria: Criteria, start: Place | None) -> Iterator[ImageSet]:
    low, high = criteria.updated
    if start and criteria.descending:
        high = start[0] if high is None else min(high, start[0])
    elif start:
        low = start[0] if low is None else max(low, start[0])
    streams = [_made(store, criteria, versions, (low, high)) for versions in range(1, store.versions + 1)]
    for change, at in enumerate(store.change_times):
        if _within(at, low, high):
            first = start[1] if start and start[0] == at else None
            streams.append(_moved(store, criteria, change, first))
    sign = -1 if criteria.descending else 1
    for item in heapq.merge(*streams, key=lambda stream: (sign * stream.updated, sign * stream.number)):
        here = item.updated, item.number
        if start is None or (here <= start if criteria.descending else here >= start):
            yield item


def _made(
    store: SyntheticStore, criteria: Criteria, versions: int, updated: tuple[int | None, int | None]
) -> Iterator[ImageSet]:
    """Image sets that no change has met, of those made with so many versions: in order of createdAt and updatedAt."""
    asked = store.between(*criteria.created)
    later = (versions - 1) * STEP
    low, high = (None if item is None else item - later for item in updated)
    bounds = store.between(low, high)
    numbers = range(max(asked.start, bounds.start), min(asked.stop, bounds.stop))
    for index in _from(numbers, None, descending=criteria.descending):
        if store.base_versions(index) == versions:
            item = store.image_set(index)
            if not item.moves and not item.deleted:
                yield item


def _moved(store: SyntheticStore, criteria: Criteria, change: int, first: int | None) -> Iterator[ImageSet]:
    """Image sets whose latest version is a change's: all of one updatedAt."""
    at = store.change_times[change]
    numbers = store.between(*criteria.created)
    for index in _from(numbers, first, descending=criteria.descending):
        if store.moves(index, change):
            item = store.image_set(index)
            if not item.deleted and item.updated == at:
                yield item


def _from(numbers: range, first: int | None, *, descending: bool) -> range:
    if descending:
        last = numbers.stop - 1 if first is None else min(numbers.stop - 1, first)
        return range(last, numbers.start - 1, -1)
    return range(numbers.start if first is None else max(numbers.start, first), numbers.stop)


def _within(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def parse(body: dict[str, Any]) -> Criteria:
    """The criteria of a request's body.

    Raises:
        RefusedError: ValidationException, or NotSimulated for a search by DICOM attributes.
    """
    sort = body.get("sort") or DEFAULT_SORT
    if sort.get("sortField") not in _TIMES or sort.get("sortOrder") not in ("ASC", "DESC"):
        raise invalid("sort must have one of the fields createdAt and updatedAt, and ASC or DESC")
    filters = body.get("filters")
    if filters is not None and not (isinstance(filters, list) and 1 <= len(filters) <= 2):
        raise invalid("filters must be one or two")
    bounds: dict[str, tuple[int | None, int | None]] = dict.fromkeys(_TIMES, (None, None))
    tests: list[Callable[[ImageSet], bool]] = []
    for item in filters or ():
        name, values = _filter(item)
        between = item.get("operator") == "BETWEEN"
        if name == "isPrimary":
            tests.append(_primary(values))
            continue
        low, high = bounds[name]
        least, most = (values[0], values[1]) if between else (min(values), max(values))
        bounds[name] = least if low is None else max(low, least), most if high is None else min(high, most)
        tests.append(_test(name, values, between=between))
    return Criteria(bounds["createdAt"], bounds["updatedAt"], tuple(tests), sort)


def _primary(values: list[int]) -> Callable[[ImageSet], bool]:
    return lambda item: item.primary in values


def _test(name: str, values: list[int], *, between: bool) -> Callable[[ImageSet], bool]:
    by_creation = name == "createdAt"
    if between:
        low, high = values
        return lambda item: low <= (item.created if by_creation else item.updated) <= high
    return lambda item: (item.created if by_creation else item.updated) in values


def _filter(item: Any) -> tuple[str, list[int]]:
    values = item.get("values") if isinstance(item, dict) else None
    if not (isinstance(values, list) and 1 <= len(values) <= 2 and all(isinstance(v, dict) for v in values)):
        raise invalid("a filter must have one or two values")
    names = {name for value in values for name in value}
    if len(names) != 1 or item.get("operator") not in ("EQUAL", "BETWEEN"):
        raise invalid("a filter must be of one attribute and one of the operators EQUAL and BETWEEN")
    (name,) = names
    given = [value.get(name) for value in values]
    if name == "isPrimary":
        if item["operator"] == "BETWEEN" or not all(isinstance(value, bool) for value in given):
            raise invalid("isPrimary takes EQUAL and booleans")
        return name, given
    if name not in _TIMES:
        raise RefusedError("NotSimulated", f"a search by {name} is not simulated")
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in given):
        raise invalid(f"{name} must be a number of seconds")
    if item["operator"] == "BETWEEN" and len(given) != 2:
        raise invalid("BETWEEN takes two values")
    return name, [round(value * 1000) for value in given]
