"""What the calls of a plan say of one image set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from checker.aws.actions import GET_IMAGE_SET, LIST_TAGS, LIST_VERSIONS, STATES
from checker.collection import requests
from checker.collection.call_errors import CallFailure, ErrorKind, call_failure
from checker.collection.plan import Plan
from checker.collection.rate_limit import StoppedError
from checker.collection.search_results import RemainingCalls
from checker.collection.target_session import (
    AGAIN,
    Answer,
    Refs,
    TargetSession,
    is_gone,
    matching_arn,
    not_there,
)
from checker.model import ImageSetRef
from checker.snapshot.answers import BadAnswerError
from checker.snapshot.contradiction import AnswerFacts, all_facts, needs_recheck
from checker.snapshot.records import NO_VERSION, NOT_FOUND, VERSIONS, Record


def read(
    site: TargetSession,
    refs: Refs,
    state: str = GET_IMAGE_SET,
    left: RemainingCalls = RemainingCalls.ALL,
    said: AnswerFacts | None = None,
) -> Iterator[Record]:
    """What can be learnt of an image set; a failure is a record too. `state` is the call to ask for its latest state
    by, of those that its plan has; `said` is what a search says of it. Where the answers do not fit each other, it is asked
    about again.

    Raises:
        StoppedError: the run is being stopped.
    """
    known = [*([said] if said else ()), *_before(site, refs[0])]
    records: list[Record] = []
    try:
        for record in _ask(site, refs, state, left):
            records.append(record)  # noqa: PERF402 - what came before an exception is kept
    except StoppedError:
        if not needs_recheck(
            [*known, *all_facts(records)]
        ):  # else it is asked about anew when the run goes on
            yield from records
        raise
    others: list[Record] = []
    for _ in range(AGAIN):
        if not needs_recheck([*known, *all_facts([*others, *records])]):
            break
        asked = [item for item in records if item.action in STATES]
        others += [replace(item, witness=True) for item in asked]
        again = list(_ask(site, refs, state, left, tags=False)) if asked else []
        records = [*again, *(item for item in records if item.action not in STATES)]
    yield from (other for other in others if all_facts([other]))
    yield from records


def _before(site: TargetSession, ref: ImageSetRef) -> list[AnswerFacts]:
    """What this run was told of an image set before it was interrupted."""
    done = site.reuse.done(ref.id)
    return all_facts(replace(site.again(item, ref), version=version) for (_, version), item in done.items())


def _ask(
    site: TargetSession, refs: Refs, state: str, left: RemainingCalls, *, tags: bool = True
) -> Iterator[Record]:
    plan = replace(site.plan, tags=site.plan.tags and tags)
    if left is RemainingCalls.VANISHED:
        yield from _vanished(site, refs[0], plan)
    elif left is RemainingCalls.TAGS:
        yield from _rest(site, refs, "", replace(plan, state=(), versions=False))
    else:
        yield from _rest(site, refs, state, plan)


def _vanished(site: TargetSession, ref: ImageSetRef, plan: Plan) -> Iterator[Record]:
    """What became of an image set that no search lists any more. Where it is there, it is the target's if it belongs
    to it: a search is eventually consistent."""
    done, reuse = site.reuse.done(ref.id), site.reuse
    if (kept := reuse.still_gone(ref.id, site.plan, site.now())) is not None:
        yield from (site.again(item, ref) for item in kept if item.key not in done)
        return
    if (GET_IMAGE_SET, None) not in done:
        answer = _image_set(site, ref)
        if site.belongs and not isinstance(answer, CallFailure) and not is_gone(answer):
            (own,) = site.belongs(site.target, [_as_listed(answer)], [ref])
            if not own:
                return
        yield site.record(GET_IMAGE_SET, answer, ref)
        if not_there(answer):
            return
    yield from _rest(site, (ref,), "", replace(plan, state=()))


def _rest(site: TargetSession, refs: Refs, state: str, plan: Plan) -> Iterator[Record]:
    """What the calls of a plan say of an image set, but for those that this run has asked already."""
    name = refs[0].id
    done = site.reuse.done(name)
    state = state if state in plan.state else next(iter(plan.state), "")
    state = next((call for call in plan.state if (call, None) in done), state)
    listing = plan.versions and (site.needs.previous_version or any(ref.version is None for ref in refs))
    listing = listing or state == LIST_VERSIONS
    arn = None
    gone = any((item.document.get("error") or {}).get("code") == NOT_FOUND for item in done.values())
    for ref in refs:
        asked = (GET_IMAGE_SET, ref.version) in done
        if not asked and (state == GET_IMAGE_SET or (plan.versions and not listing)):
            answer = _image_set(site, ref)
            gone |= not_there(answer)
            if not isinstance(answer, CallFailure):
                arn = matching_arn(answer.get("imageSetArn"), site.path(name)) or arn
            yield site.record(GET_IMAGE_SET, answer, ref)
    unlisted = [ref for ref in refs if listing and (LIST_VERSIONS, ref.version) not in done]
    if unlisted:
        answer = _versions(site, name)
        gone |= not_there(answer)
        for ref in unlisted:
            yield site.record(LIST_VERSIONS, _with_version(answer, ref.version), ref)
    if plan.tags and not gone and (LIST_TAGS, None) not in done:
        yield site.record(LIST_TAGS, site.tags(arn or site.built_arn(name)), image_set_id=name)


def _image_set(site: TargetSession, ref: ImageSetRef) -> Answer | CallFailure:
    """Asks for an image set. The service says the same of a version that is not there as of a set that is not, so
    a version that was not found is told from that by asking for the latest one."""
    store = site.target.datastore

    def get(version: int | None) -> Answer | CallFailure:
        return site.ask(
            GET_IMAGE_SET, lambda clients: requests.image_set(clients.runtime, store, ref.id, version)
        )

    answer = get(ref.version)
    if ref.version is None or not not_there(answer):
        return answer
    latest = get(None)
    return latest if isinstance(latest, CallFailure) else _no_version(ref.version, latest["versionId"])


def _versions(site: TargetSession, name: str) -> Answer | CallFailure:
    """Asks for the versions of an image set, page by page; anew where the pages do not fit each other, as when a
    version was written in between."""
    store = site.target.datastore
    wrong: Answer | CallFailure
    for _ in range(requests.READINGS):
        items: list[Any] = []
        progress, token = requests.Progress(), ""
        while True:
            page = site.ask(
                LIST_VERSIONS,
                lambda clients, token=token: requests.versions_page(clients.runtime, store, name, token),  # type: ignore[misc]
            )
            if isinstance(page, CallFailure):
                return page
            items += page[VERSIONS]
            token = page["nextToken"]
            if not token:
                break
            try:
                progress.take(item["versionId"] for item in page[VERSIONS])
            except BadAnswerError as error:
                return call_failure(error, LIST_VERSIONS)
        wrong = requests.join_pages(items, name)
        if not isinstance(wrong, CallFailure):
            break
    return wrong


def _as_listed(answer: Answer) -> Answer:
    """An image set's own answer in the words of a search."""
    return {**answer, "version": int(answer["versionId"])}


def _with_version(answer: Answer | CallFailure, version: int | None) -> Answer | CallFailure:
    """The list of versions, or that the one asked for is not in it."""
    if version is None or isinstance(answer, CallFailure):
        return answer
    numbers = [item["versionId"] for item in answer[VERSIONS]]
    return answer if str(version) in numbers else _no_version(version, numbers[-1])


def _no_version(version: int, latest: str) -> CallFailure:
    message = f"version {version} was not found; the latest one is {latest}"
    return CallFailure(ErrorKind.FINAL, NO_VERSION, message)
