"""The actions: parameters in, members of the answer out, both named as in botocore's model.

moto's serializer takes from an answer what the model lists for the action and drops the rest, so one set of
properties serves several actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checker.aws.actions import ACTIONS, COLLECTED, Action

from .paging import page
from .search import DEFAULT_SORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .models import MedicalImagingBackend

Params = dict[str, Any]
Members = dict[str, Any]


def list_datastores(backend: MedicalImagingBackend, params: Params) -> Members:
    stores, token = page(
        backend.list_datastores(params.get("datastoreStatus")), lambda store: store.id, params
    )
    return {"datastoreSummaries": [store.properties() for store in stores], "nextToken": token}


def get_image_set(backend: MedicalImagingBackend, params: Params) -> Members:
    image_set, version = backend.version(params["datastoreId"], params["imageSetId"], params.get("versionId"))
    return image_set.properties(version)


def list_image_set_versions(backend: MedicalImagingBackend, params: Params) -> Members:
    image_set = backend.look_at(params["datastoreId"], params["imageSetId"])
    # newest first, as in aws-cli's example
    versions, token = page(image_set.versions[::-1], lambda version: str(version.number), params)
    return {
        "imageSetPropertiesList": [image_set.list_properties(version) for version in versions],
        "nextToken": token,
    }


def search_image_sets(backend: MedicalImagingBackend, params: Params) -> Members:
    criteria = params.get("searchCriteria") or {}
    found, token = page(
        backend.search(params["datastoreId"], criteria), lambda image_set: image_set.id, params
    )
    return {
        "imageSetsMetadataSummaries": [image_set.summary() for image_set in found],
        "sort": criteria.get("sort") or DEFAULT_SORT,
        "nextToken": token,
    }


def copy_image_set(backend: MedicalImagingBackend, params: Params) -> Members:
    source, destination = backend.copy_image_set(params)
    return {
        "datastoreId": params["datastoreId"],
        "sourceImageSetProperties": source,
        "destinationImageSetProperties": destination,
    }


def tag_resource(backend: MedicalImagingBackend, params: Params) -> Members:
    backend.tag(params["resourceArn"], params["tags"])
    return {}


def untag_resource(backend: MedicalImagingBackend, params: Params) -> Members:
    backend.untag(params["resourceArn"], params["tagKeys"])
    return {}


def _example(action: Action) -> Callable[[MedicalImagingBackend, Params], Members]:
    return lambda _, params: action.example(params)


OWN: dict[str, Callable[[MedicalImagingBackend, Params], Members]] = {
    "CreateDatastore": lambda backend, params: backend.create_datastore(params).properties(),
    "GetDatastore": lambda backend, params: {
        "datastoreProperties": backend.datastore(params["datastoreId"]).properties()
    },
    "ListDatastores": list_datastores,
    "DeleteDatastore": lambda backend, params: backend.delete_datastore(params["datastoreId"]).properties(),
    "GetImageSet": get_image_set,
    "ListImageSetVersions": list_image_set_versions,
    "SearchImageSets": search_image_sets,
    "CopyImageSet": copy_image_set,
    "UpdateImageSetMetadata": lambda backend, params: backend.update_image_set(params),
    "DeleteImageSet": lambda backend, params: backend.delete_image_set(
        params["datastoreId"], params["imageSetId"]
    ),
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": lambda backend, params: {"tags": dict(backend.tags_of(params["resourceArn"]))},
}
HANDLERS = OWN | {name: _example(ACTIONS[name]) for name in COLLECTED if name not in OWN}
"""What is simulated; of an action of which nothing is kept here, its example. Import jobs are not, nor what hands out PHI:
GetImageSetMetadata and GetImageFrame."""
