"""What a search finds of a target, and what of that is left to ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from checker import instants
from checker.aws.actions import PAGE, SEARCH
from checker.collection import requests
from checker.collection.call_errors import CallFailure, ErrorKind
from checker.collection.search_filters import OPEN
from checker.collection.search_results import RemainingCalls
from checker.collection.target_session import Answer, TargetSession
from checker.model import ImageSetRef
from checker.snapshot.contradiction import AnswerFacts, all_facts, needs_recheck
from checker.snapshot.records import EVER, LISTED_SINCE, SEARCHED_SINCE, Record

FIRST, LAST = EVER, datetime(2200, 1, 1, tzinfo=UTC)
"""Between these lies whatever was created: a filter has both ends, and clocks may be far from this machine's."""
MARGIN = timedelta(seconds=1)
"""A range is asked for with this on both sides, since times that are read are rounded to the millisecond."""
UNDATED = "SearchNotDated"
INVALID = "ValidationException"
Filters = list[Mapping[str, Any]]
Member = tuple[Mapping[str, Any], ImageSetRef]
"""An image set as a search found it, and what is known of it beside that."""


def filters(site: TargetSession, after: datetime | None, until: datetime | None) -> Filters:
    """What a search is asked for: image sets created between two instants, either of which may be open, and updated between
    those of the target's condition."""
    asked = (("createdAt", after, until), ("updatedAt", site.updated.after, site.updated.until))
    return [
        requests.between(name, low - MARGIN if low else FIRST, high + MARGIN if high else LAST)
        for name, low, high in asked
        if low is not None or high is not None
    ]


def search_page(site: TargetSession, asked: Filters, token: str) -> tuple[list[Answer], str] | CallFailure:
    """A page of a search. AWS publishes one pair of filters that go together, and it is another one: where the service
    refuses ours, times of update are left to the condition itself.

    Raises:
        StoppedError: the run is being stopped.
    """
    store, dicom = site.target.datastore, site.needs.dicom
    page = site.ask(
        SEARCH, lambda clients: requests.search_page(clients.runtime, store, asked, token, dicom=dicom)
    )
    if isinstance(page, CallFailure) and page.code == INVALID and len(asked) > 1 and not token:
        site.updated = OPEN
        del asked[1:]
        return search_page(site, asked, token)
    return page


def newest_undated(site: TargetSession) -> CallFailure | None:
    """Whether image sets that say no time of their creation may have been missed, as far as the end of the order that they
    would stand at shows it; an open range shows the other one."""
    store = site.target.datastore
    page = site.ask(
        SEARCH, lambda clients: requests.search_page(clients.runtime, store, [], "", newest_first=True)
    )
    if isinstance(page, CallFailure):
        return page
    if all("createdAt" in item for item in page[0]):
        return None
    message = "SearchImageSets lists image sets without createdAt, so what it lists in ranges may not be all"
    return CallFailure(ErrorKind.FINAL, UNDATED, message)


def members(site: TargetSession, found: list[Answer]) -> list[Member]:
    """Those of the image sets that a search found that belong to the target."""
    assert site.found is not None
    refs = [site.found.discovery.ref(item["imageSetId"]) for item in found]
    site.found.matched(ref.id for ref in refs)
    site.reuse.see(ref.id for ref in refs)
    pairs = zip(found, refs, strict=True)
    if site.belongs is None:
        return list(pairs)
    chosen = site.belongs(site.target, found, refs)
    return [pair for pair, entry in zip(pairs, chosen, strict=True) if entry]


def found_before(site: TargetSession) -> Iterator[list[Member]]:
    """The image sets that this run, before it was interrupted, had found to the last one, some at a time; none unless
    it had."""
    reuse, found = site.reuse, site.found
    if found is None or reuse.searched is None:
        return
    names = reuse.found()
    while some := list(islice(names, PAGE)):
        reuse.see(some)
        found.matched(some)
        yield [(reuse.done(name)[SEARCH, None].document, found.discovery.ref(name)) for name in some]


def record_discovery(site: TargetSession, found: list[Member] | CallFailure) -> tuple[list[Record], int]:
    """What a search found of the target, as records; or that it failed, so that there may be more. And of how many image
    sets nothing is left to ask."""
    assert site.found is not None
    if isinstance(found, CallFailure):
        if not site.found.fail():
            return [], 0  # what is left open is so once
        if site.line.lost is None:  # else it is said why nothing was asked
            site.notes.append(
                f"{site.target.name}: not every image set was found: {found.code}: {found.message}"
            )
        return [site.record(SEARCH, found)], 0
    reuse, now = site.reuse, site.now()
    records: list[Record] = []
    left: list[tuple[ImageSetRef, RemainingCalls, AnswerFacts]] = []
    for item, ref in found:
        done = reuse.done(ref.id)
        listed = replace(site.record(SEARCH, item, ref), collected_at=now)  # of one answer
        said = all_facts([listed])[0]
        if (SEARCH, None) not in done:
            records.append(listed)
        kept = reuse.reusable(item, site.plan, now) if site.plan.each else ()
        again = [site.again(answer, ref) for answer in kept or ()]
        if kept is None or needs_recheck([said, *all_facts(again)]):
            left.append((ref, RemainingCalls.ALL, said))
            continue
        records += (record for entry, record in zip(kept, again, strict=True) if entry.key not in done)
        left.append((ref, RemainingCalls.TAGS if site.plan.tags else RemainingCalls.NOTHING, said))
    site.found.add(left)
    return records, sum(what is RemainingCalls.NOTHING for _, what, _ in left)


def repeated_search(site: TargetSession, found: list[Answer]) -> list[Record]:
    """What a search said of the target's image sets when it listed them once more, as records to be compared."""
    now = site.now()
    return [
        replace(site.record(SEARCH, item, ref), collected_at=now, witness=True)
        for item, ref in members(site, found)
    ]


def end_of_search(site: TargetSession) -> Iterator[Record]:
    """What is known once the image sets are found: the record of the data store, which says whether these are all."""
    found = site.found
    if found is not None and found.unmatched and not found.failed:
        some = ", ".join(sorted(found.unmatched)[:3])
        number = len(found.unmatched)
        what = (
            f"the inventory gives labels to {number:,} image set{'' if number == 1 else 's'} that"
            f" {'is' if number == 1 else 'are'} not among those found"
        )
        site.notes.append(f"{site.target.name}: {what}, such as {some}")
    reuse = site.reuse
    if found is not None and not found.failed and site.line.lost is None and reuse.searched is None:
        searched = reuse.searched_since(found.since or site.now())
        since = reuse.known_since(searched)
        if (created := site.store_created) is not None and since <= created:
            since = EVER
        of_all = {SEARCHED_SINCE: instants.iso(searched)} if found.discovery.where is None else {}
        yield site.record(SEARCH, {LISTED_SINCE: instants.iso(since)} | of_all)
    if site.store is not None:
        known = site.target.discovery is None or (found is not None and not found.failed)
        whole = site.target.complete and known
        yield replace(site.store, complete=whole)
