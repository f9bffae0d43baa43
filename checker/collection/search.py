"""SearchImageSets over whole data stores: by several threads at once, each in a range of createdAt of its own.

A search sorted by createdAt is read page by page. Where a thread has nothing to do, the rest of another one's range is cut
in two halves, of which it takes the later one: so paging, where a page must wait for the one before, does not bound the
pace. createdAt never changes, so no image set moves between pages or ranges while they are read.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from checker.aws.actions import PAGE, SEARCH
from checker.collection.call_errors import CallFailure, ErrorKind, call_failure
from checker.collection.discovery import MARGIN, filters, newest_undated, search_page
from checker.collection.requests import Progress
from checker.collection.target_session import TargetSession
from checker.snapshot.answers import BadAnswerError
from checker.values import parse_time

NOT_SORTED, NOT_FILTERED = "SearchNotSorted", "SearchNotFiltered"
"""Codes of ours: the service did not sort by createdAt, or listed what was not asked for, so that it is not known that
every image set was seen."""

WORTH = 3 * PAGE
"""How many image sets the rest of a range must hold, by the density of its last page, for it to be cut in two."""
_WAIT = 0.2

Item = dict[str, Any]


@dataclass(slots=True)
class Range:
    """Image sets of a site created after one instant and up to another, both of which may be open. `last` is when the last
    one that was read was created, `edge` has those created then by their ids."""

    site: TargetSession
    after: datetime | None = None
    until: datetime | None = None
    last: datetime | None = None
    edge: dict[str, Item] = field(default_factory=dict)

    def take(self, items: list[Item]) -> tuple[list[Item], list[Item]]:
        """Those of a page that are this range's and were not read before; one that says no time is whosever search finds
        it. And those that were read before and are not what they were."""
        new: list[Item] = []
        again: list[Item] = []
        for item in items:
            if self._new(item, _created(item)):
                new.append(item)
            elif self.edge.get(str(item["imageSetId"]), item) != item:
                again.append(item)
        return new, again

    def _new(self, item: Item, created: datetime | None) -> bool:
        name = str(item["imageSetId"])
        if created is None:
            return True
        if (self.after and created <= self.after) or (self.until and created > self.until):
            return False
        if self.last and (created < self.last or (created == self.last and name in self.edge)):
            return False
        if created != self.last:
            self.last, self.edge = created, {}
        self.edge[name] = item
        return True


class Search:
    """The search of several sites, shared by the threads that call `work`. `keep` takes what a site found, or why not, and
    `again` what was listed once more, otherwise;
    `whole` is told once a site has been read to the end; `ended` says whether the run is being stopped."""

    def __init__(
        self,
        sites: Iterable[TargetSession],
        keep: Callable[[TargetSession, list[Item] | CallFailure], object],
        again: Callable[[TargetSession, list[Item]], object],
        whole: Callable[[TargetSession], object],
        ended: Callable[[], bool],
    ) -> None:
        self._keep, self._again, self._whole, self._ended = keep, again, whole, ended
        self._ranges = deque(Range(site, site.created.after, site.created.until) for site in sites)
        self._open = Counter(span.site.target.name for span in self._ranges)
        self._divided: set[str] = set()
        self._busy = self._idle = 0
        self._changed = threading.Condition()

    def work(self) -> None:
        """Reads ranges until all are read."""
        for span in self._taken():
            try:
                self._read(span)
            finally:
                with self._changed:
                    self._busy -= 1
                    self._open[span.site.target.name] -= 1
                    last = not self._open[span.site.target.name]
                    self._changed.notify_all()
            if last and not self._ended():
                self._end(span.site)

    def _end(self, site: TargetSession) -> None:
        """Every range of a site was read. What says no time of its creation is in none of those that a cut made."""
        if site.target.name in self._divided and (undated := newest_undated(site)):
            self._keep(site, undated)
        self._whole(site)

    def _taken(self) -> Iterator[Range]:
        while not self._ended():
            with self._changed:
                if not self._ranges:
                    if not self._busy:
                        return
                    self._idle += 1
                    self._changed.wait(_WAIT)
                    self._idle -= 1
                    continue
                self._busy += 1
                span = self._ranges.popleft()
            yield span

    def _read(self, span: Range) -> None:
        """Reads a range; where it breaks off, again from where it had got to, as long as it gets on."""
        begun: datetime | None = None
        while (failed := self._pages(span)) is not None:
            if span.last == begun:
                self._keep(span.site, failed)
                return
            begun = span.last

    def _pages(self, span: Range) -> CallFailure | None:
        """Reads what is left of a range; why that broke off, if it did."""
        # a token goes with its criteria, so these stay when the range is cut
        after, until = span.last or span.after, span.until
        asked = filters(span.site, after, until)
        progress, token, last = Progress(), "", None
        while not self._ended():
            page = search_page(span.site, asked, token)
            if isinstance(page, CallFailure):
                return page
            items, token = page
            times = [created for item in items if (created := _created(item))]
            if wrong := _disorder(times, last, after, until):
                self._keep(span.site, wrong)
                return None
            new, again = span.take(items)
            self._keep(span.site, new)
            if again:
                self._again(span.site, again)
            if not token or (times and span.until is not None and times[-1] > span.until):
                return None
            if times and times[-1] != last:
                progress.forget()  # what was created earlier would stand in the wrong order
            try:
                progress.take((str(item["imageSetId"]), item.get("createdAt")) for item in items)
            except BadAnswerError as error:
                self._keep(span.site, call_failure(error, SEARCH))
                return None
            if times:
                last = times[-1]
                if span.after is None or last > span.after:  # not in the margin before it
                    self._cut(span, times[0], last)
        return None

    def _cut(self, item: Range, first: datetime, last: datetime) -> None:
        """Gives the later half of what is left of a range to a thread that waits, if one does and it is worth a call."""
        with self._changed:
            if self._idle <= len(self._ranges):
                return
            end = item.until or max(last, item.site.now())
            rest, span = end - last, max(last - first, timedelta(milliseconds=1))
            # whole seconds: with them no fraction can be lost on the way
            middle = (last + rest / 2).replace(microsecond=0)
            if not last < middle < end or PAGE * (rest / span) < WORTH:
                return
            self._ranges.append(Range(item.site, middle, item.until))
            item.until = middle
            self._open[item.site.target.name] += 1
            self._divided.add(item.site.target.name)
            self._changed.notify()


def _disorder(
    times: list[datetime], last: datetime | None, after: datetime | None, until: datetime | None
) -> CallFailure | None:
    """What is wrong with the order or the choice of a page, so far as it can be seen."""
    unsorted = times and any(later < earlier for earlier, later in pairwise([last or times[0], *times]))
    if unsorted:
        message = "SearchImageSets did not sort by createdAt, so what it lists may not be all"
        return CallFailure(ErrorKind.FINAL, NOT_SORTED, message)
    outside = times and (
        (after is not None and times[0] < after - MARGIN)
        or (until is not None and times[-1] > until + MARGIN)
    )
    if outside:
        message = "SearchImageSets did not keep to the createdAt that it was asked for, so what it lists may not be all"
        return CallFailure(ErrorKind.FINAL, NOT_FILTERED, message)
    return None


def _created(item: Item) -> datetime | None:
    text = item.get("createdAt")
    return None if text is None else parse_time(str(text))
