"""Data stores, image sets, versions, and how their states move."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from moto.moto_api._internal.managed_state_model import ManagedState

from .documents import Document, search_tags

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

STATE_MODEL = "medicalimaging::imageset"
"""What moto's state manager calls image sets: `state_manager.set_transition(STATE_MODEL, {...})`."""

STATE_OF_STATUS = {
    "CREATED": "ACTIVE",
    "COPIED": "ACTIVE",
    "UPDATED": "ACTIVE",
    "COPY_FAILED": "ACTIVE",
    "UPDATE_FAILED": "ACTIVE",
    "COPYING": "LOCKED",
    "COPYING_WITH_READ_ONLY_ACCESS": "LOCKED",
    "UPDATING": "LOCKED",
    "DELETING": "LOCKED",
    "DELETED": "DELETED",
    # no pairing is published for these four: an assumption
    "IMPORTING": "LOCKED",
    "UPDATING_FOR_STUDY_CONSISTENCY": "LOCKED",
    "IMPORTED": "ACTIVE",
    "IMPORT_FAILED": "ACTIVE",
}
"""Which state goes with which status (developer guide, "Event notifications", the examples of each event)."""


def new_id() -> str:
    """A random id of the service's form, `[0-9a-z]{32}`."""
    return secrets.token_hex(16)


class Transition:
    """A change under way: the status now, and what comes after it, when moto's state manager says so."""

    def __init__(self, model: str, during: str, after: str, finish: Callable[[], None]) -> None:
        self._machine = ManagedState(model, [(during, after)])
        self._during = during
        self._after = after
        self._finish = finish

    def tick(self) -> None:
        """Count one look at the resource: moto's "manual" progression goes by that."""
        self._machine.advance()

    def settle(self) -> bool:
        """Finish the change if its time has come; True when it is over."""
        if self._machine.status == self._during:
            return False
        self._finish()
        return True


@dataclass(eq=False)
class Version:
    """One version of an image set; times are aware UTC, an absent one was never set."""

    number: int
    status: str
    state: str
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    message: str | None = None
    overrides: dict[str, bool] | None = None
    document: Document = field(default_factory=dict)

    @cached_property
    def tags(self) -> dict[str, Any]:
        # a version's document is replaced with the version, never changed: see writes.py
        return search_tags(self.document)

    def become(self, status: str, message: str | None = None) -> None:
        self.status = status
        self.state = STATE_OF_STATUS[status]
        self.message = message


@dataclass(eq=False)
class ImageSet:
    """An image set: what holds for all of its versions, and the versions, oldest first."""

    id: str
    arn: str
    datastore_id: str
    created_at: datetime
    versions: list[Version]
    is_primary: bool | None = True
    storage_tier: str | None = "FREQUENT_ACCESS"
    last_accessed_at: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    omit: frozenset[str] = frozenset()
    moving: Transition | None = None

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    @property
    def updated_at(self) -> datetime:
        return self.latest.updated_at or self.created_at

    def accessed(self, at: datetime) -> None:
        """An access brings the set back to the dear tier (developer guide, "Cost optimization")."""
        self.last_accessed_at = at
        self.storage_tier = "FREQUENT_ACCESS"

    def begin(self, during: str, after: str, finish: Callable[[], None]) -> None:
        """Lock the latest version in `during`; `finish` is called when `after` is due."""
        self.latest.become(during)
        self.moving = Transition(STATE_MODEL, during, after, finish)

    def properties(self, version: Version) -> dict[str, Any]:
        """The members that GetImageSet and the writing actions have. Absent ones are None.

        A version that was never updated reports its creation as `updatedAt` here, and nothing in
        ListImageSetVersions: so do the samples that AWS publishes of the two calls.
        """
        members = {
            "datastoreId": self.datastore_id,
            "imageSetId": self.id,
            "imageSetArn": self.arn,
            "versionId": str(version.number),
            "latestVersionId": str(version.number),
            "imageSetState": version.state,
            "imageSetWorkflowStatus": version.status,
            "createdAt": self.created_at,
            "updatedAt": version.updated_at or self.created_at,
            "deletedAt": version.deleted_at,
            "message": version.message,
            "overrides": version.overrides,
            "isPrimary": self.is_primary,
            "lastAccessedAt": self.last_accessed_at,
            "storageTier": self.storage_tier,
        }
        return {name: value for name, value in members.items() if name not in self.omit}

    def list_properties(self, version: Version) -> dict[str, Any]:
        """The members of an item of ListImageSetVersions, whose status alone is written with a capital I."""
        members = self.properties(version)
        members["ImageSetWorkflowStatus"] = members.pop("imageSetWorkflowStatus", None)
        if version.updated_at is None:
            members.pop("updatedAt", None)
        return members

    def summary(self) -> dict[str, Any]:
        """The members of an item of SearchImageSets; `version` is a number there."""
        names = ("imageSetId", "createdAt", "updatedAt", "lastAccessedAt", "storageTier", "isPrimary")
        members = self.properties(self.latest)
        wanted = {name: members[name] for name in names if name in members}
        return {**wanted, "version": self.latest.number, "DICOMTags": self.latest.tags}


@dataclass(eq=False)
class Datastore:
    """A data store and the image sets in it."""

    id: str
    arn: str
    name: str
    created_at: datetime
    updated_at: datetime
    status: str = "ACTIVE"
    kms_key_arn: str | None = None
    lambda_authorizer_arn: str | None = None
    lossless_storage_format: str = "HTJ2K"
    client_token: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    image_sets: dict[str, ImageSet] = field(default_factory=dict)
    moving: Transition | None = None
    # what searches have found, until something changes
    found: dict[str, list[ImageSet]] = field(default_factory=dict)
    # only these need a look before a search
    unsettled: set[str] = field(default_factory=set)

    def properties(self) -> dict[str, Any]:
        """The members of GetDatastore's `datastoreProperties`; ListDatastores' summaries are a part of it."""
        return {
            "datastoreId": self.id,
            "datastoreName": self.name,
            "datastoreStatus": self.status,
            "kmsKeyArn": self.kms_key_arn,
            "lambdaAuthorizerArn": self.lambda_authorizer_arn,
            "losslessStorageFormat": self.lossless_storage_format,
            "datastoreArn": self.arn,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }

    def changed(self, image_set: ImageSet) -> None:
        """Say that an image set was added or written, so that searches look again."""
        self.found.clear()
        if image_set.moving is not None:
            self.unsettled.add(image_set.id)

    def settle(self, image_set: ImageSet) -> None:
        """Let a change of this set that is due take effect."""
        if image_set.moving is not None and image_set.moving.settle():
            image_set.moving = None
            self.unsettled.discard(image_set.id)
            self.found.clear()

    def settle_all(self) -> None:
        for image_set_id in list(self.unsettled):
            self.settle(self.image_sets[image_set_id])
