"""The JSON of image sets and data stores, as the wire has it."""

from __future__ import annotations

from typing import Any

from .store import ImageSet, SyntheticStore, milliseconds, state_of

Document = dict[str, Any]

PHI = "PHI^"
"""Begins the patient's name, and stands in every other attribute that would identify one: no report may have it."""

_MESSAGES = {
    # AWS's own words, two blanks included (aws-cli, list-image-set-versions example)
    "COPY_FAILED": "INVALID_REQUEST:  Series of SourceImageSet and DestinationImageSet don't match.",
    "UPDATE_FAILED": "INVALID_REQUEST: StudyInstanceUID can be changed with force only.",
}


def version_properties(item: ImageSet, version: int) -> Document:
    """What GetImageSet and ListImageSetVersions both say of a version."""
    status = item.status_in(version)
    document: Document = {
        "imageSetId": item.id,
        "versionId": str(version),
        "imageSetState": state_of(status),
        "imageSetWorkflowStatus": status,
        "createdAt": item.created / 1000,
        "isPrimary": item.primary,
        "message": _MESSAGES.get(status),
    }
    if version > 1:
        document["updatedAt"] = item.updated_in(version) / 1000
    if status == "DELETED":
        document["updatedAt"] = document["deletedAt"] = item.updated / 1000
    if version == item.forced_version:
        document["overrides"] = {"forced": True}
    return document


def image_set(store: SyntheticStore, item: ImageSet, version: int) -> Document:
    """GetImageSet's answer."""
    return {
        "datastoreId": store.datastore_id,
        "updatedAt": item.created / 1000,
        **version_properties(item, version),
        "imageSetArn": f"{store.arn}/imageset/{item.id}",
        "lastAccessedAt": item.accessed / 1000,
        "storageTier": _tier(item),
    }


def version(item: ImageSet, number: int) -> Document:
    """An item of ListImageSetVersions, which spells the status with a capital and has no `updatedAt` in version 1."""
    document = version_properties(item, number)
    document["ImageSetWorkflowStatus"] = document.pop("imageSetWorkflowStatus")
    return document


def summary(item: ImageSet) -> Document:
    """An item of SearchImageSets. Its DICOM attributes are made up; none belongs to a person."""
    number = item.number
    return {
        "imageSetId": item.id,
        "version": item.version,
        "createdAt": item.created / 1000,
        "updatedAt": item.updated / 1000,
        "lastAccessedAt": item.accessed / 1000,
        "storageTier": _tier(item),
        "isPrimary": item.primary,
        "DICOMTags": {
            "DICOMPatientId": f"{PHI}ID-{number}",
            "DICOMPatientName": f"{PHI}NAME-{number}",
            "DICOMPatientBirthDate": None,
            "DICOMPatientSex": "O",
            "DICOMStudyInstanceUID": f"2.25.{number}.1",
            "DICOMStudyId": f"{PHI}STUDY-{number}",
            "DICOMStudyDescription": f"{PHI}DESCRIPTION-{number}",
            "DICOMNumberOfStudyRelatedSeries": 1,
            "DICOMNumberOfStudyRelatedInstances": 1,
            "DICOMAccessionNumber": f"{PHI}ACCESSION-{number}",
            "DICOMSeriesInstanceUID": f"2.25.{number}.2",
            "DICOMSeriesModality": "CT",
            "DICOMSeriesBodyPart": "CHEST",
            "DICOMSeriesNumber": 1,
            "DICOMStudyDate": "20010109",
            "DICOMStudyTime": "100821",
        },
    }


def datastore_summary(store: SyntheticStore) -> Document:
    """An item of ListDatastores."""
    made = milliseconds(store.created_from) / 1000
    return {
        "datastoreId": store.datastore_id,
        "datastoreName": store.name,
        "datastoreStatus": store.status,
        "datastoreArn": store.arn,
        "createdAt": made,
        "updatedAt": made,
    }


def datastore(store: SyntheticStore) -> Document:
    """GetDatastore's `datastoreProperties`."""
    more: Document = {"losslessStorageFormat": "HTJ2K"}
    if store.kms_key_arn:
        more["kmsKeyArn"] = store.kms_key_arn
    return datastore_summary(store) | more


def _tier(item: ImageSet) -> str:
    return "ARCHIVE_INSTANT_ACCESS" if item.archived else "FREQUENT_ACCESS"
