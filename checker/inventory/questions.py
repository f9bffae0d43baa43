"""The calls of a collection, each with its answer as records hold it. Whatever is no such answer raises."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from checker.evidence.answers import (
    BadAnswerError,
    normalise,
    normalise_datastore,
    normalise_search,
    normalise_tags,
    normalise_versions,
)
from checker.evidence.records import LIST_VERSIONS, VERSIONS
from checker.inventory.failures import Failure, failure

PAGE = 50
"""Versions, image sets or data stores in a page: the most that the service gives."""
SUMMARIES = "imageSetsMetadataSummaries"
READINGS = 3
"""How often a list is read whose pages do not fit each other."""


def datastore(client: Any, datastore_id: str) -> dict[str, Any]:
    """GetDatastore."""
    return normalise_datastore(client.get_datastore(datastoreId=datastore_id), datastore_id=datastore_id)


def image_set(client: Any, datastore_id: str, image_set_id: str, version: int | None) -> dict[str, Any]:
    """GetImageSet, of the latest version unless one is asked for."""
    pinned = {} if version is None else {"versionId": str(version)}
    answer = client.get_image_set(datastoreId=datastore_id, imageSetId=image_set_id, **pinned)
    return normalise(answer, datastore_id=datastore_id, image_set_id=image_set_id, version=version)


def versions_page(client: Any, datastore_id: str, image_set_id: str, token: str) -> dict[str, Any]:
    """One page of ListImageSetVersions, as the service gave it but for a `nextToken` that is always there."""
    more = {"nextToken": token} if token else {}
    answer = client.list_image_set_versions(
        datastoreId=datastore_id, imageSetId=image_set_id, maxResults=PAGE, **more
    )
    items, following = answer[VERSIONS], answer.get("nextToken") or ""
    if following and following == token:
        raise BadAnswerError("the page after this one is this one (nextToken)")
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
    DICOM attributes with those that are named alone."""
    criteria: dict[str, Any] = {
        "sort": {"sortField": "createdAt", "sortOrder": "DESC" if newest_first else "ASC"}
    }
    more = {"nextToken": token} if token else {}
    answer = client.search_image_sets(
        datastoreId=datastore_id,
        maxResults=PAGE,
        searchCriteria=criteria | ({"filters": filters} if filters else {}),
        **more,
    )
    following = answer.get("nextToken") or ""
    if following and following == token:
        raise BadAnswerError("the page after this one is this one (nextToken)")
    items = [normalise_search(item, store=datastore_id, dicom=dicom) for item in answer[SUMMARIES]]
    return items, following


def between(field: str, low: datetime, high: datetime) -> Mapping[str, Any]:
    """A filter of a search: what lies between two instants, both included."""
    return {"operator": "BETWEEN", "values": [{field: low}, {field: high}]}


class Listed(NamedTuple):
    """A data store as ListDatastores tells of it."""

    id: str
    name: str
    status: str


def datastores(client: Any) -> list[Listed]:
    """The data stores of an account and Region, those that were DELETED too: ListDatastores."""
    found: list[Listed] = []
    token = ""
    while True:
        answer = client.list_datastores(maxResults=PAGE, **({"nextToken": token} if token else {}))
        found += [
            Listed(one["datastoreId"], one["datastoreName"], one["datastoreStatus"])
            for one in answer["datastoreSummaries"]
        ]
        following = answer.get("nextToken") or ""
        if not following:
            return found
        if following == token:
            raise BadAnswerError("the page after this one is this one (nextToken)")
        token = following


def accounts(client: Any) -> dict[str, str]:
    """The states of the accounts of an organization by their ids: Organizations' ListAccounts. `Status`, which `State`
    took the place of, is retired, but a service may still know no other."""
    found: dict[str, str] = {}
    for page in client.get_paginator("list_accounts").paginate():
        for one in page["Accounts"]:
            state = one.get("State") or one.get("Status")
            if not state:
                raise BadAnswerError(f"the account {one['Id']} has neither State nor Status")
            found[str(one["Id"])] = str(state)
    return dict(sorted(found.items()))


def joined(items: list[Any], image_set_id: str) -> dict[str, Any] | Failure:
    """The pages of a list as one answer; a failure where they do not fit each other."""
    try:
        return normalise_versions(items, image_set_id=image_set_id)
    except BadAnswerError as error:
        return failure(error, LIST_VERSIONS)


def tags(client: Any, arn: str) -> dict[str, Any]:
    """ListTagsForResource."""
    return normalise_tags(client.list_tags_for_resource(resourceArn=arn))
