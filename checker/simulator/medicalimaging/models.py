"""The simulated service of one account and Region: what it holds, and what each action does to it."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from moto.core.base_backend import BackendDict, BaseBackend

from checker.simulator.faults import Rehearsal

from . import writes
from .exceptions import conflict, invalid, not_found
from .imagesets import Datastore, ImageSet, Transition, Version, new_id
from .search import search

if TYPE_CHECKING:
    from collections.abc import Callable

REGIONS = ("us-east-1", "us-west-2", "ap-southeast-2", "eu-west-1", "eu-west-2")
"""Where the service exists, by AWS's documentation: botocore's endpoint data does not list it."""

DATASTORE_STATE_MODEL = "medicalimaging::datastore"
"""The name under which moto's state manager knows data stores."""

MAX_TAGS = 50
"""Tags a resource may have (developer guide, "Tagging resources")."""


def wall_clock() -> datetime:
    """Now, in UTC, in whole milliseconds as on the wire."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class MedicalImagingBackend(BaseBackend):  # type: ignore[misc]
    """One account and Region.

    Attributes:
        rehearsal: quotas, faults and the calls received.
        clock: gives the time that writes are stamped with; replace it to make them repeatable.
        deleted_sets: what GetImageSet, ListImageSetVersions and tagging say of a DELETED set. That is not
            documented: AWS's own Python sample waits for a 200 with DELETED ("answer", the default), other
            readers of the service meet ResourceNotFoundException ("not_found").
        lock: held while an action runs.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.datastores: dict[str, Datastore] = {}
        self.rehearsal = Rehearsal()
        self.clock: Callable[[], datetime] = wall_clock
        self.deleted_sets: Literal["answer", "not_found"] = "answer"
        self.lock = RLock()

    def arn_of(self, datastore_id: str) -> str:
        return f"arn:{self.partition}:medical-imaging:{self.region_name}:{self.account_id}:datastore/{datastore_id}"

    # data stores

    def create_datastore(self, params: dict[str, Any]) -> Datastore:
        """A new data store; the one that exists, if the client token has been seen before."""
        token = params["clientToken"]
        for store in self.datastores.values():
            if store.client_token == token:
                return store
        tags = params.get("tags") or {}
        _check_tag_count(tags)
        datastore_id, now = new_id(), self.clock()
        store = Datastore(
            id=datastore_id,
            arn=self.arn_of(datastore_id),
            # a name is optional in the request and required in the answer: what stands in is an assumption
            name=params.get("datastoreName") or datastore_id,
            created_at=now,
            updated_at=now,
            kms_key_arn=params.get("kmsKeyArn"),
            lambda_authorizer_arn=params.get("lambdaAuthorizerArn"),
            lossless_storage_format=params.get("losslessStorageFormat") or "HTJ2K",
            client_token=token,
            tags=dict(tags),
        )
        self._move(store, "CREATING", "ACTIVE")
        self.datastores[datastore_id] = store
        return store

    def datastore(self, datastore_id: str) -> Datastore:
        """The data store of this id, with whatever change was due in effect.

        Raises:
            ServiceError: ResourceNotFoundException.
        """
        store = self.datastores.get(datastore_id)
        if store is None:
            raise not_found(f"Data store {datastore_id} does not exist")
        if store.moving is not None and store.moving.settle():
            store.moving = None
        return store

    def list_datastores(self, status: str | None) -> list[Datastore]:
        stores = [self.datastore(datastore_id) for datastore_id in self.datastores]
        return [store for store in stores if status in (None, store.status)]

    def delete_datastore(self, datastore_id: str) -> Datastore:
        """Start the deletion of an empty data store.

        Raises:
            ServiceError: ConflictException while it holds image sets that are not deleted, or when it is not
                ACTIVE.
        """
        store = self._active_datastore(datastore_id)
        store.settle_all()
        if any(image_set.latest.state != "DELETED" for image_set in store.image_sets.values()):
            raise conflict(f"Data store {datastore_id} still has image sets")
        store.updated_at = self.clock()
        self._move(store, "DELETING", "DELETED")
        return store

    def _move(self, store: Datastore, during: str, after: str) -> None:
        def finish() -> None:
            store.status = after

        store.status = during
        store.moving = Transition(DATASTORE_STATE_MODEL, during, after, finish)

    def _active_datastore(self, datastore_id: str) -> Datastore:
        store = self.datastore(datastore_id)
        if store.status != "ACTIVE":
            raise conflict(f"Data store {datastore_id} is {store.status}")
        return store

    # image sets

    def image_set(self, datastore_id: str, image_set_id: str) -> ImageSet:
        """The image set of this id, with whatever change was due in effect.

        Raises:
            ServiceError: ResourceNotFoundException.
        """
        store = self.datastore(datastore_id)
        found = store.image_sets.get(image_set_id)
        if found is not None:
            store.settle(found)
        if found is None or (self.deleted_sets == "not_found" and found.latest.state == "DELETED"):
            raise not_found(f"Image set {image_set_id} does not exist")
        return found

    def look_at(self, datastore_id: str, image_set_id: str) -> ImageSet:
        """As `image_set`; counts as a look, which is what moto's "manual" progression goes by."""
        found = self.datastore(datastore_id).image_sets.get(image_set_id)
        if found is not None and found.moving is not None:
            found.moving.tick()
        return self.image_set(datastore_id, image_set_id)

    def version(self, datastore_id: str, image_set_id: str, number: str | None) -> tuple[ImageSet, Version]:
        """An image set and one version of it, the latest one when no number is given.

        Raises:
            ServiceError: ResourceNotFoundException.
        """
        image_set = self.look_at(datastore_id, image_set_id)
        if number is None:
            return image_set, image_set.latest
        for version in image_set.versions:
            if version.number == int(number):
                return image_set, version
        raise not_found(f"Image set {image_set_id} has no version {number}")

    def search(self, datastore_id: str, criteria: dict[str, Any]) -> list[ImageSet]:
        return search(self._active_datastore(datastore_id), criteria)

    def delete_image_set(self, datastore_id: str, image_set_id: str) -> dict[str, Any]:
        store, image_set = self._target(datastore_id, image_set_id)
        return writes.delete(store, image_set, self.clock())

    def update_image_set(self, params: dict[str, Any]) -> dict[str, Any]:
        store, image_set = self._target(params["datastoreId"], params["imageSetId"])
        return writes.update(store, image_set, params, self.clock())

    def copy_image_set(self, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        store, source = self._target(params["datastoreId"], params["sourceImageSetId"])
        wanted = params["copyImageSetInformation"].get("destinationImageSet")
        destination = self._target(params["datastoreId"], wanted["imageSetId"])[1] if wanted else None
        return writes.copy_set(store, source, destination, params, self.clock())

    def _target(self, datastore_id: str, image_set_id: str) -> tuple[Datastore, ImageSet]:
        return self._active_datastore(datastore_id), self.image_set(datastore_id, image_set_id)

    # tags

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a data store or an image set, to read and to change.

        Raises:
            ServiceError: ResourceNotFoundException.
        """
        owner, _, rest = arn.partition(":datastore/")
        datastore_id, _, image_set_id = rest.partition("/imageset/")
        if f"{owner}:datastore/{datastore_id}" != self.arn_of(datastore_id):
            raise not_found(f"Resource {arn} does not exist")
        if image_set_id:
            return self.image_set(datastore_id, image_set_id).tags
        return self.datastore(datastore_id).tags

    def tag(self, arn: str, tags: dict[str, str]) -> None:
        present = self.tags_of(arn)
        _check_tag_count({**present, **tags})
        present.update(tags)

    def untag(self, arn: str, keys: list[str]) -> None:
        present = self.tags_of(arn)
        for key in keys:
            present.pop(key, None)


def _check_tag_count(tags: dict[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise invalid(f"A resource has at most {MAX_TAGS} tags")


medicalimaging_backends: BackendDict = BackendDict(
    MedicalImagingBackend, "medical-imaging", use_boto3_regions=False, additional_regions=list(REGIONS)
)
"""By account and Region; moto finds it by this name."""
