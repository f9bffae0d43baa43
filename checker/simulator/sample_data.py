"""The demo's data store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .faults import Fault, ModelError
from .sample_histories import STORIES, Scene, Told
from .state_setup import (
    DEFAULT_ACCOUNT,
    DEFAULT_REGION,
    PlacedDatastore,
    PlacedVersion,
    backend,
    put_datastore,
    put_image_set,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAME = "demo-archive"
VANISHED = "vanished"
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class DemoImageSet:
    """A row of the demo's inventory.

    Attributes:
        id: of the image set.
        labels: `class` (adult, paediatric or mammography), `legal_hold` (true or false), `study_date`
            (YYYY-MM-DD), all as text, as a CSV file has them.
        story: what happened to it: a key of `stories.STORIES`, or `vanished`.
    """

    id: str
    labels: Mapping[str, str]
    story: str


@dataclass(frozen=True)
class DemoStore:
    """The seeded data store, as its auditor knows it.

    Attributes:
        datastore_id: always the same.
        region: where it is.
        account: whose it is.
        inventory: every image set that ought to be there; 240 are, two are not.
        now: the instant that every age in it is measured from.
    """

    datastore_id: str
    region: str
    account: str
    inventory: tuple[DemoImageSet, ...]
    now: datetime

    def ids(self, story: str) -> tuple[str, ...]:
        """The image sets of a story, in the order in which they were placed."""
        placed = (_id(f"{story}/{number}") for number in range(len(self.inventory)))
        there = {image_set.id for image_set in self.inventory if image_set.story == story}
        return tuple(version for version in placed if version in there)

    @property
    def image_set_ids(self) -> tuple[str, ...]:
        """Of the whole inventory, the vanished ones too."""
        return tuple(image_set.id for image_set in self.inventory)

    @property
    def unreadable_ids(self) -> tuple[str, ...]:
        """Those for which GetImageSet always answers AccessDeniedException."""
        return tuple(image_set.id for image_set in self.inventory if image_set.story == UNREADABLE)

    @property
    def vanished_ids(self) -> tuple[str, ...]:
        """Those that the data store has never heard of."""
        return tuple(image_set.id for image_set in self.inventory if image_set.story == VANISHED)


def seed_demo(now: datetime) -> DemoStore:
    """Fill the data store `demo-archive` of the default account and Region.

    Its ids do not depend on `now`, its times do. Seeding again replaces it. Image sets that are LOCKED stay so
    while the simulator runs.

    Args:
        now: the instant that every age in the demo is measured from.

    Raises:
        SimulatorMissingError: moto is not installed.
        ValueError: `now` has no zone.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a zone")
    now = now.astimezone(UTC)
    datastore_id = _id("datastore")
    put_datastore(DEFAULT_ACCOUNT, DEFAULT_REGION, _datastore(datastore_id, now))
    scenes = [Scene(name, number, now) for name, story in STORIES.items() for number in range(story.sets)]
    rows = [_place(scene, datastore_id, at) for at, scene in enumerate(scenes)]
    rows += [_vanished(Scene(VANISHED, number, now)) for number in range(2)]
    # as an inventory would have them, and not story by story
    demo = DemoStore(
        datastore_id, DEFAULT_REGION, DEFAULT_ACCOUNT, tuple(sorted(rows, key=lambda row: row.id)), now
    )
    _deny(demo)
    return demo


def change_demo(demo: DemoStore) -> None:
    """What happens in the demo's data store between two audits: one image set is deleted, one is updated with force, one
    whose update was forced is updated in order, and one vanishes without a trace.

    Args:
        demo: what `seed_demo` returned.
    """
    later = demo.now - timedelta(minutes=1)
    changes = {
        ("healthy", 1): PlacedVersion("DELETED", updated_at=later, deleted_at=later),
        ("healthy", 2): PlacedVersion("UPDATED", updated_at=later, overrides={"forced": True}),
        ("forced-update", 0): PlacedVersion("UPDATED", updated_at=later),
    }
    for (story, number), version in changes.items():
        _place(Scene(story, number, demo.now), demo.datastore_id, number, version)
    store = backend(demo.account, demo.region).datastores[demo.datastore_id]
    del store.image_sets[demo.ids("healthy")[3]]


SEEDS: dict[str, Callable[[datetime], DemoStore]] = {"demo": seed_demo}
"""What `imageset-checker simulator --seed` offers."""


def _id(name: str) -> str:
    return hashlib.sha256(f"imageset-checker/demo/{name}".encode()).hexdigest()[:32]


def _datastore(datastore_id: str, now: datetime) -> PlacedDatastore:
    return PlacedDatastore(
        name=NAME,
        created_at=now - timedelta(days=3650),
        datastore_id=datastore_id,
        kms_key_arn=f"arn:aws:kms:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:key/{_key_id()}",
        lambda_authorizer_arn=f"arn:aws:lambda:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:function:demo-authorizer",
        tags={"Department": "radiology", "Environment": "demo"},
    )


def _key_id() -> str:
    digits = _id("key")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _place(scene: Scene, datastore_id: str, at: int, *more: PlacedVersion) -> DemoImageSet:
    told = STORIES[scene.story].tell(scene)
    labels = _labels(scene, told)
    first, *later = told.versions
    image_set_id = put_image_set(
        DEFAULT_ACCOUNT,
        DEFAULT_REGION,
        datastore_id,
        image_set_id=_id(f"{scene.story}/{scene.number}"),
        created_at=told.created_at,
        versions=[_with_metadata(first, _metadata(at, labels["study_date"])), *later, *more],
        is_primary=told.is_primary,
        storage_tier=told.storage_tier,
        last_accessed_at=told.last_accessed_at,
        tags={"Department": "radiology"},
    )
    return DemoImageSet(image_set_id, labels, scene.story)


def _vanished(scene: Scene) -> DemoImageSet:
    told = STORIES["healthy"].tell(scene)
    return DemoImageSet(_id(f"{scene.story}/{scene.number}"), _labels(scene, told), scene.story)


def _labels(scene: Scene, told: Told) -> dict[str, str]:
    share = scene.pick("class", 0, 9)
    study = scene.after(told.created_at, -3, 0, "study")
    return {
        "class": "mammography" if share == 0 else "paediatric" if share <= 2 else "adult",
        "legal_hold": "true" if scene.story == "healthy" and scene.number % 40 == 7 else "false",
        "study_date": study.date().isoformat(),
        **told.labels,
    }


def _with_metadata(version: PlacedVersion, metadata: dict[str, Any]) -> PlacedVersion:
    return PlacedVersion(**{**vars(version), "metadata": metadata})


def _metadata(at: int, study_date: str) -> dict[str, Any]:
    """A patient who does not exist; UIDs under 2.25 belong to nobody."""
    study, series = f"2.25.{1000 + at}", f"2.25.{1000 + at}.1"
    return {
        "SchemaVersion": "1.1",
        "Patient": {
            "DICOM": {
                "PatientID": f"DEMO-{at:04}",
                "PatientName": f"DEMO^PATIENT {at:04}",
                "PatientBirthDate": f"{1940 + at % 70}0101",
                "PatientSex": "FMO"[at % 3],
            }
        },
        "Study": {
            "DICOM": {
                "StudyInstanceUID": study,
                "StudyID": f"S{at}",
                "StudyDescription": "DEMO",
                "AccessionNumber": f"A{at:06}",
                "StudyDate": study_date.replace("-", ""),
                "StudyTime": f"{at % 24:02}3000",
            },
            "Series": {
                series: {
                    "DICOM": {
                        "SeriesInstanceUID": series,
                        "Modality": ("CT", "MR", "MG", "CR")[at % 4],
                        "BodyPartExamined": "CHEST",
                        "SeriesNumber": 1,
                    },
                    "Instances": {f"{series}.{item}": {} for item in range(1, 3)},
                }
            },
        },
    }


def _deny(demo: DemoStore) -> None:
    service = backend(demo.account, demo.region)
    faults = service.rehearsal.faults
    # seeding again must not deny twice
    faults[:] = [fault for fault in faults if fault.match.get("datastoreId") != demo.datastore_id]
    for image_set_id in demo.unreadable_ids:
        refusal = ModelError(
            "AccessDeniedException",
            f"User: arn:aws:iam::{demo.account}:user/auditor is not authorized to perform: "
            f"medical-imaging:GetImageSet on resource: {service.arn_of(demo.datastore_id)}/imageset/{image_set_id}",
        )
        match = {"datastoreId": demo.datastore_id, "imageSetId": image_set_id}
        faults.append(Fault("GetImageSet", refusal, match=match))
