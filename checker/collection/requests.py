"""The calls of a collection, each with its answer as records hold it. Whatever is no such answer raises."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from checker.aws.actions import ACTIONS, LIST_ACCOUNTS, LIST_DATASTORES, LIST_VERSIONS, SEARCH
from checker.collection.call_errors import CallFailure, call_failure
from checker.snapshot.answers import (
    BadAnswerError,
    normalise,
    normalise_answer,
    normalise_search,
    normalise_versions,
)
from checker.snapshot.records import VERSIONS

READINGS = 3
"""How often a list is read whose pages do not fit each other."""
MOST_IDLE = 50
"""Pages in a row that bring nothing new, though each names a next one, after which a list is taken to have no end."""
MOST_PAGES = 5_000
"""Pages of a list: 250,000 versions of an image set, data stores, or image sets created in one millisecond."""
_QUOTED = re.compile(r"(?s)(\S+) is .*, (which is|but) ")


class Progress:
    """Whether the pages of a list get on. One may be empty, where a filter leaves nothing of it, but not all that follow."""

    def __init__(self) -> None:
        self._known: set[Hashable] = set()
        self._idle = self._pages = 0

    def forget(self) -> None:
        """What was on earlier pages cannot come again."""
        self._known.clear()
        self._pages = 0

    def take(self, items: Iterable[Hashable]) -> None:
        """Takes what a page has.

        Raises:
            BadAnswerError: it is the last of too many, in all or in a row that bring nothing new.
        """
        self._pages += 1
        before = len(self._known)
        self._known.update(items)
        self._idle = 0 if len(self._known) > before else self._idle + 1
        if self._idle >= MOST_IDLE:
            raise BadAnswerError(
                f"{MOST_IDLE} pages in a row bring nothing new, and name a next one (nextToken)"
            )
        if self._pages >= MOST_PAGES:
            raise BadAnswerError(f"there is no end to it within {MOST_PAGES:,} pages (nextToken)")


def request(client: Any, action: str, **asked: str) -> dict[str, Any]:
    """The answer to an action, all its pages in one, as records hold it."""
    record, found = ACTIONS[action], list(pages(client, action, **asked))
    whole = {record.result: [item for page in found for item in page[record.result]]} if record.paging else {}
    return normalise_answer(action, {**found[-1], **whole}, **asked)


def pages(client: Any, action: str, **asked: str) -> Iterator[Mapping[str, Any]]:
    """The answers to an action, page after page, as the service gave them."""
    progress, token = Progress(), ""
    while True:
        page, following = _page(client, action, token, **asked)
        yield page
        if not following:
            return
        progress.take(hash(repr(item)) for item in page[ACTIONS[action].result])
        token = following


def _page(client: Any, action: str, token: str, **asked: Any) -> tuple[Mapping[str, Any], str]:
    """One page of an answer, as the service gave it, and the token of the next."""
    record, more = ACTIONS[action], dict(asked)
    paging = record.paging
    if paging and paging.limit:
        more[paging.limit] = paging.most
    if paging and token:
        more[paging.token] = token
    answer = getattr(client, record.method)(**more)
    following = (answer.get(paging.token) or "") if paging else ""
    if paging and following and following == token:
        raise BadAnswerError(f"the page after this one is this one ({paging.token})")
    return answer, following


def image_set(client: Any, datastore_id: str, image_set_id: str, version: int | None) -> dict[str, Any]:
    """GetImageSet, of the latest version unless one is asked for."""
    pinned = {} if version is None else {"versionId": str(version)}
    answer = client.get_image_set(datastoreId=datastore_id, imageSetId=image_set_id, **pinned)
    return normalise(answer, datastore_id=datastore_id, image_set_id=image_set_id, version=version)


def versions_page(client: Any, datastore_id: str, image_set_id: str, token: str) -> dict[str, Any]:
    """One page of ListImageSetVersions, as the service gave it but for a `nextToken` that is always there."""
    asked = {"datastoreId": datastore_id, "imageSetId": image_set_id}
    answer, following = _page(client, LIST_VERSIONS, token, **asked)
    items = answer[VERSIONS]
    if items or not following:
        normalise_versions(items, image_set_id=image_set_id)
    return {VERSIONS: items, "nextToken": following}


def search_page(
    client: Any,
    datastore_id: str,
    filters: list[Mapping[str, Any]],
    token: str,
    *,
    dicom: Collection[str] = (),
    newest_first: bool = False,
) -> tuple[list[dict[str, Any]], str]:
    """One page of SearchImageSets in the order of createdAt, oldest first unless told, and the token of the next; of the
    DICOM attributes with those that are named alone. What is wrong with it is said without its values: they may be of a
    patient."""
    criteria: dict[str, Any] = {
        "sort": {"sortField": "createdAt", "sortOrder": "DESC" if newest_first else "ASC"}
    }
    criteria |= {"filters": filters} if filters else {}
    answer, following = _page(client, SEARCH, token, datastoreId=datastore_id, searchCriteria=criteria)
    summaries = answer[ACTIONS[SEARCH].result]
    try:
        items = [normalise_search(item, store=datastore_id, dicom=dicom) for item in summaries]
    except BadAnswerError as error:
        quoted = _QUOTED.match(str(error))
        if not quoted:
            raise
        raise BadAnswerError(f"{quoted[1]} is a value that it cannot have") from None
    return items, following


def between(field: str, low: datetime, high: datetime) -> Mapping[str, Any]:
    """A filter of a search: what lies between two instants, both included."""
    return {"operator": "BETWEEN", "values": [{field: low}, {field: high}]}


class ListedDatastore(NamedTuple):
    """A data store as ListDatastores tells of it."""

    id: str
    name: str
    status: str


def datastores(client: Any) -> list[ListedDatastore]:
    """The data stores of an account and Region, those that were DELETED too: ListDatastores."""
    return [
        ListedDatastore(item["datastoreId"], item["datastoreName"], item["datastoreStatus"])
        for page in pages(client, LIST_DATASTORES)
        for item in page[ACTIONS[LIST_DATASTORES].result]
    ]


class Account(NamedTuple):
    """An account of an organization: its state, and what its owner calls it."""

    state: str
    name: str = ""


def accounts(client: Any) -> dict[str, Account]:
    """The accounts of an organization by their ids: Organizations' ListAccounts. `Status`, which `State` took the place of,
    is retired, but a service may still know no other."""
    found: dict[str, Account] = {}
    for page in pages(client, LIST_ACCOUNTS):
        for item in page[ACTIONS[LIST_ACCOUNTS].result]:
            state = item.get("State") or item.get("Status")
            if not state:
                raise BadAnswerError(f"the account {item['Id']} has neither State nor Status")
            found[str(item["Id"])] = Account(str(state), str(item.get("Name") or ""))
    return dict(sorted(found.items()))


def join_pages(items: list[Any], image_set_id: str) -> dict[str, Any] | CallFailure:
    """The pages of a list as one answer; a failure where they do not fit each other."""
    try:
        return normalise_versions(items, image_set_id=image_set_id)
    except BadAnswerError as error:
        return call_failure(error, LIST_VERSIONS)
