"""What each action answers, from the data stores of the caller's account and Region."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from checker.aws.actions import ACTIONS, COLLECTED, PAGE, Action

from . import documents
from .errors import invalid, not_found
from .search import search
from .store import ImageSet, SyntheticStore

Stores = Mapping[str, SyntheticStore]
Params = Mapping[str, Any]

_ID = re.compile(r"[0-9a-z]{32}")
_ARN = re.compile(
    r"arn:aws:medical-imaging:[a-z0-9-]+:[0-9]{12}:datastore/([0-9a-z]{32})(?:/imageset/([0-9a-z]{32}))?"
)


def _get_image_set(stores: Stores, params: Params) -> documents.Document:
    store = _store(stores, params)
    item = _image_set(store, _id(params, "imageSetId"))
    asked = params.get("versionId")
    if asked is None:
        return documents.image_set(store, item, item.version)
    if not asked.isdecimal():
        raise invalid("versionId must match \\d+")
    if not 1 <= int(asked) <= item.version:
        raise not_found(f"Image set {item.id} has no version {asked}")
    return documents.image_set(store, item, int(asked))


def _list_image_set_versions(stores: Stores, params: Params) -> documents.Document:
    item = _image_set(_store(stores, params), _id(params, "imageSetId"))
    # the latest comes first, as in AWS's example
    numbers = range(item.version, 0, -1)
    start, token = _page(params, len(numbers))
    page = numbers[start : start + _size(params)]
    return {
        "imageSetPropertiesList": [documents.version(item, number) for number in page],
        "nextToken": token,
    }


def _search_image_sets(stores: Stores, params: Params) -> documents.Document:
    store = _store(stores, params)
    if store.status != "ACTIVE":
        raise invalid(f"Data store {store.datastore_id} is not ACTIVE")
    try:
        criteria = json.loads(params.get("searchCriteria") or b"{}")
    except ValueError:
        raise invalid("The body is no JSON document") from None
    if not isinstance(criteria, dict):
        raise invalid("searchCriteria must be of type structure")
    found, sort, token = search(store, criteria, _size(params), params.get("nextToken"))
    return {
        "imageSetsMetadataSummaries": [documents.summary(explanation) for explanation in found],
        "sort": sort,
        "nextToken": token,
    }


def _get_datastore(stores: Stores, params: Params) -> documents.Document:
    return {"datastoreProperties": documents.datastore(_store(stores, params))}


def _list_datastores(stores: Stores, params: Params) -> documents.Document:
    status = params.get("datastoreStatus")
    found = [store for store in stores.values() if status in (None, store.status)]
    start, token = _page(params, len(found))
    page = found[start : start + _size(params)]
    return {"datastoreSummaries": [documents.datastore_summary(row) for row in page], "nextToken": token}


def _list_tags(stores: Stores, params: Params) -> documents.Document:
    arn = _ARN.fullmatch(params["resourceArn"])
    if arn is None:
        raise invalid("resourceArn is not an ARN of the service")
    store = stores.get(arn[1])
    if store is None or not params["resourceArn"].startswith(store.arn):
        raise not_found(f"There is no resource {params['resourceArn']}")
    if arn[2]:
        _image_set(store, arn[2])
        return {"tags": {}}
    return {"tags": dict(store.tags)}


def _example(action: Action) -> Callable[[Stores, Params], documents.Document]:
    return lambda _, params: action.example(params)


OWN: dict[str, Callable[[Stores, Params], documents.Document]] = {
    "SearchImageSets": _search_image_sets,
    "GetImageSet": _get_image_set,
    "ListImageSetVersions": _list_image_set_versions,
    "GetDatastore": _get_datastore,
    "ListDatastores": _list_datastores,
    "ListTagsForResource": _list_tags,
}
HANDLERS = OWN | {name: _example(ACTIONS[name]) for name in COLLECTED if name not in OWN}
"""What gives the answer of each action; of one of which nothing is kept here, its example."""


def _id(params: Params, name: str) -> str:
    text = str(params[name])
    if _ID.fullmatch(text) is None:
        raise invalid(f"{name} must match [0-9a-z]{{32}}")
    return text


def _store(stores: Stores, params: Params) -> SyntheticStore:
    name = _id(params, "datastoreId")
    if name not in stores:
        raise not_found(f"There is no data store {name}")
    return stores[name]


def _image_set(store: SyntheticStore, name: str) -> ImageSet:
    index = store.index_of(name)
    item = None if index is None else store.image_set(index)
    if item is None or (item.deleted and not store.deleted_found):
        raise not_found(f"There is no image set {name} in data store {store.datastore_id}")
    return item


def _size(params: Params) -> int:
    text = str(params.get("maxResults", PAGE))  # the largest one where it is left out: an assumption
    if not text.isdecimal() or not 1 <= int(text) <= PAGE:
        raise invalid(f"maxResults must be from 1 to {PAGE}")
    return int(text)


def _page(params: Params, count: int) -> tuple[int, str | None]:
    """Where a page starts, and the token of the next one."""
    token = str(params.get("nextToken", "0"))
    if not token.isdecimal() or int(token) > count:
        raise invalid("nextToken is not valid")
    end = int(token) + _size(params)
    return int(token), str(end) if end < count else None
