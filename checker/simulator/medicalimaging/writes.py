"""CopyImageSet, UpdateImageSetMetadata, DeleteImageSet: each locks the set until moto's state manager says so.

What the service refuses at once is a ServiceError. What it accepts and then fails ends as COPY_FAILED or
UPDATE_FAILED with a `message`, is ACTIVE, and has used up a version number (aws-cli, list-image-set-versions
example).
"""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from .documents import Document, DocumentError, copied, parse, subset, updated
from .exceptions import conflict, invalid
from .imagesets import ImageSet, Version, new_id

if TYPE_CHECKING:
    from datetime import datetime

    from .imagesets import Datastore


def delete(store: Datastore, image_set: ImageSet, now: datetime) -> dict[str, Any]:
    """Start a deletion; the answer is LOCKED and DELETING. It makes no version (the event's example has "1")."""
    _check_active(image_set)
    version = image_set.latest
    version.updated_at = now

    def finish() -> None:
        version.become("DELETED")
        version.deleted_at = now

    image_set.begin("DELETING", "DELETED", finish)
    store.changed(image_set)
    return image_set.properties(version)


def update(store: Datastore, image_set: ImageSet, params: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Start an update or a revert; `force` is recorded in the new version's `overrides`."""
    force = bool(params.get("force"))
    updates = params["updateImageSetMetadataUpdates"]
    if params.get("includeStudyImageSets"):
        raise invalid("The simulator does not simulate includeStudyImageSets")
    if force and image_set.is_primary:
        raise invalid("force applies to image sets that are not primary")
    _check_latest(image_set, params["latestVersionId"])
    before = image_set.latest.document
    try:
        document, message = _updated(image_set, updates, force=force), None
    except DocumentError as error:
        document, message = before, str(error)
    _add_version(image_set, document, now, force=force)
    _begin(image_set, "UPDATING", "UPDATE_FAILED" if message else "UPDATED", message)
    store.changed(image_set)
    return image_set.properties(image_set.latest)


def _updated(image_set: ImageSet, updates: dict[str, Any], *, force: bool) -> Document:
    if number := updates.get("revertToVersionId"):
        for version in image_set.versions:
            if version.number == int(number):
                return copy.deepcopy(version.document)
        raise invalid(f"There is no version {number} to revert to")
    document = image_set.latest.document
    changes = updates["DICOMUpdates"]
    for name, remove in (("updatableAttributes", False), ("removableAttributes", True)):
        if name in changes:
            document = updated(document, parse(changes[name], name), remove=remove, force=force)
    return document


def copy_set(
    store: Datastore, source: ImageSet, destination: ImageSet | None, params: dict[str, Any], now: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Start a copy into `destination`, or into a new set; the properties of both while they are locked.

    A new set is primary only with `promoteToPrimary`. The source goes back to the status it had, which is an
    assumption.
    """
    information = params["copyImageSetInformation"]
    force = bool(params.get("force"))
    _check_latest(source, information["sourceImageSet"]["latestVersionId"])
    copies = information["sourceImageSet"].get("DICOMCopies")
    only = parse(copies["copiableAttributes"], "copiableAttributes") if copies else None
    if destination is source:
        raise invalid("Source and destination are the same image set")
    if destination is not None:
        _check_latest(destination, information["destinationImageSet"]["latestVersionId"])
    document, message = _copied(source, destination, only, force=force)
    if destination is None:
        destination = _new_set(store, source, now, primary=bool(params.get("promoteToPrimary")))
    _add_version(destination, document, now, force=force)
    _begin(destination, "COPYING", "COPY_FAILED" if message else "COPIED", message)
    _lock_source(source, now)
    for image_set in (source, destination):
        store.changed(image_set)
    return source.properties(source.latest), destination.properties(destination.latest)


def _copied(
    source: ImageSet, destination: ImageSet | None, only: Document | None, *, force: bool
) -> tuple[Document, str | None]:
    ours = source.latest.document
    try:
        if destination is None:
            return subset(ours, only), None
        return copied(ours, destination.latest.document, only, force=force), None
    except DocumentError as error:
        return destination.latest.document if destination else {}, str(error)


def _new_set(store: Datastore, source: ImageSet, now: datetime, *, primary: bool) -> ImageSet:
    image_set_id = new_id()
    made = ImageSet(
        id=image_set_id,
        arn=f"{store.arn}/imageset/{image_set_id}",
        datastore_id=source.datastore_id,
        created_at=now,
        versions=[],
        is_primary=primary,
    )
    store.image_sets[image_set_id] = made
    return made


def _lock_source(source: ImageSet, now: datetime) -> None:
    source.accessed(now)
    version = source.latest
    status, message = version.status, version.message
    source.begin("COPYING_WITH_READ_ONLY_ACCESS", status, partial(version.become, status, message))


def _add_version(image_set: ImageSet, document: Document, now: datetime, *, force: bool) -> None:
    number = image_set.latest.number + 1 if image_set.versions else 1
    image_set.accessed(now)
    image_set.versions.append(
        Version(
            number=number,
            status="UPDATING",
            state="LOCKED",
            updated_at=now,
            # whether the service ever says `forced: false` is not documented: it says nothing here
            overrides={"forced": True} if force else None,
            document=document,
        )
    )


def _begin(image_set: ImageSet, during: str, after: str, message: str | None) -> None:
    image_set.begin(during, after, partial(image_set.latest.become, after, message))


def _check_active(image_set: ImageSet) -> None:
    if image_set.latest.state != "ACTIVE":
        raise conflict(f"Image set {image_set.id} is {image_set.latest.state}")


def _check_latest(image_set: ImageSet, version_id: str) -> None:
    _check_active(image_set)
    if image_set.latest.number != int(version_id):
        raise conflict(
            f"The latest version of image set {image_set.id} is {image_set.latest.number}, not {version_id}"
        )
