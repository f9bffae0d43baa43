"""What several test files of the simulator need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from botocore.exceptions import ClientError

from checker import simulator

ACCOUNT, REGION = simulator.DEFAULT_ACCOUNT, simulator.DEFAULT_REGION

T0 = datetime(2025, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self):
        self.now = T0

    def __call__(self):
        return self.now

    def forward(self, **by):
        self.now += timedelta(**by)
        return self.now


class Store(NamedTuple):
    """A data store, and the calls of it that tests make all the time."""

    client: object
    id: str

    def put(self, *versions, created_at=T0, **more):
        placed = versions or (simulator.PlacedVersion(),)
        return simulator.put_image_set(
            ACCOUNT, REGION, self.id, versions=placed, created_at=created_at, **more
        )

    def get(self, image_set, **more):
        answer = self.client.get_image_set(datastoreId=self.id, imageSetId=image_set, **more)
        del answer["ResponseMetadata"]
        return answer

    def state(self, image_set):
        answer = self.get(image_set)
        return answer["imageSetState"], answer["imageSetWorkflowStatus"]

    def versions(self, image_set):
        pages = self.client.get_paginator("list_image_set_versions")
        return list(
            pages.paginate(datastoreId=self.id, imageSetId=image_set).search("imageSetPropertiesList")
        )

    def delete(self, image_set):
        return self.client.delete_image_set(datastoreId=self.id, imageSetId=image_set)

    def update(self, image_set, latest, updates, **more):
        return self.client.update_image_set_metadata(
            datastoreId=self.id,
            imageSetId=image_set,
            latestVersionId=latest,
            updateImageSetMetadataUpdates=updates,
            **more,
        )

    def copy(self, source, destination=None, latest=("1", "1"), copies=None, **more):
        information = {"sourceImageSet": {"latestVersionId": latest[0]}}
        if copies is not None:
            information["sourceImageSet"]["DICOMCopies"] = {"copiableAttributes": copies}
        if destination:
            information["destinationImageSet"] = {"imageSetId": destination, "latestVersionId": latest[1]}
        return self.client.copy_image_set(
            datastoreId=self.id, sourceImageSetId=source, copyImageSetInformation=information, **more
        )

    def search(self, *filters, sort=None, **more):
        criteria = {"filters": list(filters)} if filters else {}
        if sort:
            criteria["sort"] = dict(zip(("sortField", "sortOrder"), sort, strict=True))
        if criteria:
            more["searchCriteria"] = criteria
        pages = self.client.get_paginator("search_image_sets").paginate(datastoreId=self.id, **more)
        return list(pages.search("imageSetsMetadataSummaries"))


def failure(call, **parameters):
    """Make a call that must fail; its HTTP status and error code."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


CONFLICT = (409, "ConflictException")
INVALID = (400, "ValidationException")
NOT_FOUND = (404, "ResourceNotFoundException")
DENIED = (403, "AccessDeniedException")


def metadata(patient="P1", study="1.2.3", series=("1.2.3.4",), date="20240105", accession="A1", instances=2):
    return {
        "SchemaVersion": "1.1",
        "Patient": {"DICOM": {"PatientID": patient, "PatientName": "DOE^JANE"}},
        "Study": {
            "DICOM": {
                "StudyInstanceUID": study,
                "StudyID": "S1",
                "StudyDate": date,
                "StudyTime": "101500",
                "AccessionNumber": accession,
            },
            "Series": {
                uid: {
                    "DICOM": {"SeriesInstanceUID": uid, "Modality": "CT", "SeriesNumber": 3},
                    "Instances": {f"{uid}.{item}": {} for item in range(instances)},
                }
                for uid in series
            },
        },
    }
