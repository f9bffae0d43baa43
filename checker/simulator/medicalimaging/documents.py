"""The metadata document of an image set (Patient, Study, Series, Instances) and what changes may do to it.

Its form is that of GetImageSetMetadata's blob (developer guide, "Understanding image sets"). The simulator
keeps it so that search, copy and update have something to work on; the call that would hand it out is not
simulated.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from .exceptions import invalid

Document = dict[str, Any]

PATIENT_TAGS = {
    "PatientID": "DICOMPatientId",
    "PatientName": "DICOMPatientName",
    "PatientBirthDate": "DICOMPatientBirthDate",
    "PatientSex": "DICOMPatientSex",
}
STUDY_TAGS = {
    "StudyInstanceUID": "DICOMStudyInstanceUID",
    "StudyID": "DICOMStudyId",
    "StudyDescription": "DICOMStudyDescription",
    "AccessionNumber": "DICOMAccessionNumber",
    "StudyDate": "DICOMStudyDate",
    "StudyTime": "DICOMStudyTime",
}
SERIES_TAGS = {
    "SeriesInstanceUID": "DICOMSeriesInstanceUID",
    "Modality": "DICOMSeriesModality",
    "BodyPartExamined": "DICOMSeriesBodyPart",
    "SeriesNumber": "DICOMSeriesNumber",
}
"""DICOM keyword in the document -> member of SearchImageSets' DICOMTags."""

FORCE_ONLY = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "StudyID"})
"""Attributes that change with `force` alone (developer guide, "Updating image set metadata")."""

# what an import groups instances by, at each level (developer guide, "Understanding image sets")
_PATIENT_GROUPING = ("PatientID",)
_STUDY_GROUPING = ("StudyInstanceUID", "StudyDate", "AccessionNumber", "StudyID")


class DocumentError(Exception):
    """A change that the service accepts and then fails: it ends up in the image set's `message`."""


def series_of(document: Document) -> dict[str, Any]:
    series: dict[str, Any] = document.get("Study", {}).get("Series", {})
    return series


def search_tags(document: Document) -> dict[str, Any]:
    """The DICOMTags of a search result; of several series, the first one speaks."""
    study = document.get("Study", {})
    series = series_of(document)
    first: Document = next(iter(series.values()), {})
    tags: dict[str, Any] = {}
    for part, names in (
        (document.get("Patient", {}), PATIENT_TAGS),
        (study, STUDY_TAGS),
        (first, SERIES_TAGS),
    ):
        dicom = part.get("DICOM", {})
        tags.update(
            {member: dicom[keyword] for keyword, member in names.items() if dicom.get(keyword) is not None}
        )
    tags["DICOMNumberOfStudyRelatedSeries"] = len(series)
    tags["DICOMNumberOfStudyRelatedInstances"] = sum(
        len(item.get("Instances", {})) for item in series.values()
    )
    return tags


def parse(text: str | bytes, parameter: str) -> Document:
    """A document given as a parameter.

    Raises:
        ServiceError: ValidationException when it is no JSON object.
    """
    try:
        document = json.loads(text)
    except ValueError:
        raise invalid(f"{parameter} is not a JSON document") from None
    if not isinstance(document, dict):
        raise invalid(f"{parameter} is not a JSON object")
    return document


def updated(document: Document, changes: Document, *, remove: bool, force: bool) -> Document:
    """A copy of `document` with `changes` made, or with what they name removed.

    Raises:
        DocumentError: an attribute changes that only `force` may change.
    """
    result = copy.deepcopy(document)
    _merge(result, changes, remove=remove, force=force)
    return result


def _merge(into: Document, changes: Document, *, remove: bool, force: bool) -> None:
    for name, value in changes.items():
        if name == "SchemaVersion":
            continue
        if name in FORCE_ONLY and not force:
            raise DocumentError(f"INVALID_REQUEST: {name} can be changed with force only.")
        if isinstance(value, dict) and value:
            below = into.setdefault(name, {})
            if not isinstance(below, dict):
                raise DocumentError(f"INVALID_REQUEST: {name} holds no attributes.")
            _merge(below, value, remove=remove, force=force)
        elif remove:
            into.pop(name, None)
        else:
            into[name] = value


def copied(source: Document, destination: Document, only: Document | None, *, force: bool) -> Document:
    """`destination` with the instances of `source` added, keeping its own Patient, Study and Series
    attributes.

    Args:
        source: where the instances come from.
        destination: where they go; not changed itself.
        only: the Series and Instances to take (`DICOMCopies`); None takes all.
        force: add them even where the two documents disagree about patient, study or series.

    Raises:
        DocumentError: they disagree, or `only` names what the source does not have.
    """
    level = _disagreement(source, destination)
    if level and not force:
        # AWS's own words, two blanks included (aws-cli, list-image-set-versions example)
        raise DocumentError(
            f"INVALID_REQUEST:  {level} of SourceImageSet and DestinationImageSet don't match."
        )
    result = copy.deepcopy(destination)
    series = result.setdefault("Study", {}).setdefault("Series", {})
    for uid, part in _selected(source, only).items():
        target = series.setdefault(uid, {"DICOM": copy.deepcopy(part.get("DICOM", {})), "Instances": {}})
        target.setdefault("Instances", {}).update(copy.deepcopy(part.get("Instances", {})))
    return result


def subset(source: Document, only: Document | None) -> Document:
    """A copy of `source` with the named Series and Instances alone; all of it for None.

    Raises:
        DocumentError: `only` names what the source does not have.
    """
    result = copy.deepcopy(source)
    if only is not None:
        result.setdefault("Study", {})["Series"] = copy.deepcopy(_selected(source, only))
    return result


def _selected(source: Document, only: Document | None) -> dict[str, Any]:
    series = series_of(source)
    if only is None:
        return series
    chosen: dict[str, Any] = {}
    for uid, part in series_of(only).items():
        instances = series.get(uid, {}).get("Instances", {})
        wanted = part.get("Instances", {})
        if uid not in series or not wanted.keys() <= instances.keys():
            raise DocumentError(
                f"INVALID_REQUEST: The source image set has no such instances in series {uid}."
            )
        chosen[uid] = {**series[uid], "Instances": {sop: instances[sop] for sop in wanted}}
    return chosen


def _disagreement(source: Document, destination: Document) -> str | None:
    for level, keywords in (("Patient", _PATIENT_GROUPING), ("Study", _STUDY_GROUPING)):
        ours, theirs = (document.get(level, {}).get("DICOM", {}) for document in (source, destination))
        if any(ours.get(keyword) != theirs.get(keyword) for keyword in keywords):
            return level
    return None if series_of(source).keys() == series_of(destination).keys() else "Series"
