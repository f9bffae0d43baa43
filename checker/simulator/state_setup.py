"""The back door: puts things into the simulator that its API cannot make, such as a set deleted last year.

Everything here writes straight into the simulated account of this process. A running server of this process
(see `checker.simulator.serve`) shows it at once; entering `mock_aws()` empties the simulator.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .registration import register

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .medicalimaging.imagesets import Version
    from .medicalimaging.models import MedicalImagingBackend

DEFAULT_ACCOUNT = "123456789012"
"""The account that moto gives to any credentials it did not make itself."""

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class PlacedVersion:
    """One version of an image set to be placed.

    Attributes:
        status: a workflow status; one that the model does not list needs `state` too.
        state: by default the one that goes with the status. A LOCKED set that is placed stays LOCKED.
        updated_at: None for a version that was never updated; times are aware, kept in whole milliseconds.
        deleted_at: reported as it is, also where it makes no sense.
        message: any text, also one that the service's own pattern would not allow.
        overrides: `{"forced": True}` for a forced version; `{}` and `{"forced": False}` can be had too.
        metadata: its document (Patient, Study, Series, Instances); None takes the previous version's.
        number: by default one more than the previous version's; gaps can be made.
    """

    status: str = "CREATED"
    state: str | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    message: str | None = None
    overrides: Mapping[str, bool] | None = None
    metadata: Mapping[str, Any] | None = None
    number: int | None = None


@dataclass(frozen=True)
class PlacedDatastore:
    """A data store to be placed; `datastore_id` is random when left out."""

    name: str
    created_at: datetime
    updated_at: datetime | None = None
    datastore_id: str | None = None
    status: str = "ACTIVE"
    kms_key_arn: str | None = None
    lambda_authorizer_arn: str | None = None
    lossless_storage_format: str = "HTJ2K"
    tags: Mapping[str, str] = field(default_factory=dict)


def backend(account: str = DEFAULT_ACCOUNT, region: str = DEFAULT_REGION) -> MedicalImagingBackend:
    """The simulated service of an account and Region: its `rehearsal` hooks, `clock`, `deleted_sets` switch.

    Raises:
        SimulatorMissingError: moto is not installed.
        KeyError: the service is not in that Region.
    """
    register()
    from .medicalimaging.models import medicalimaging_backends

    found: MedicalImagingBackend = medicalimaging_backends[account][region]
    return found


def put_datastore(account: str, region: str, placed: PlacedDatastore) -> str:
    """Place a data store, in place of one with the same id; returns the id.

    Raises:
        ValueError: a malformed id or a time without a zone.
    """
    service = backend(account, region)
    from .medicalimaging.imagesets import Datastore, new_id

    datastore_id = _checked_id(placed.datastore_id or new_id())
    store = Datastore(
        id=datastore_id,
        arn=service.arn_of(datastore_id),
        name=placed.name,
        created_at=_time(placed.created_at),
        updated_at=_time(placed.updated_at or placed.created_at),
        status=placed.status,
        kms_key_arn=placed.kms_key_arn,
        lambda_authorizer_arn=placed.lambda_authorizer_arn,
        lossless_storage_format=placed.lossless_storage_format,
        tags=dict(placed.tags),
    )
    with service.lock:
        service.datastores[datastore_id] = store
    return datastore_id


def put_image_set(
    account: str,
    region: str,
    datastore_id: str,
    *,
    created_at: datetime,
    versions: Sequence[PlacedVersion] = (PlacedVersion(),),
    image_set_id: str | None = None,
    is_primary: bool | None = True,
    storage_tier: str | None = "FREQUENT_ACCESS",
    last_accessed_at: datetime | None = None,
    tags: Mapping[str, str] | None = None,
    omit: Iterable[str] = (),
) -> str:
    """Place an image set, in place of one with the same id; returns the id.

    Args:
        account: 12 digits; `DEFAULT_ACCOUNT` is what plain credentials see.
        region: one of the service's.
        datastore_id: of a data store that exists.
        created_at: of the set; all of its versions report it.
        versions: oldest first; the last one is the set's present state.
        image_set_id: random when left out.
        is_primary: None for a set that does not report it.
        storage_tier: None for a set that does not report it.
        last_accessed_at: None for a set that does not report it.
        tags: of the set.
        omit: members, named as in GetImageSet, that no answer shall have, such as `updatedAt`.

    Raises:
        ValueError: a malformed id, a time without a zone, no version, or a status without a known state.
        LookupError: the data store does not exist.
    """
    service = backend(account, region)
    from .medicalimaging.imagesets import ImageSet, new_id

    store = service.datastores.get(datastore_id)
    if store is None:
        raise LookupError(f"no data store {datastore_id} in account {account}, {region}")
    image_set_id = _checked_id(image_set_id or new_id())
    image_set = ImageSet(
        id=image_set_id,
        arn=f"{store.arn}/imageset/{image_set_id}",
        datastore_id=datastore_id,
        created_at=_time(created_at),
        versions=_versions(versions),
        is_primary=is_primary,
        storage_tier=storage_tier,
        last_accessed_at=_optional_time(last_accessed_at),
        tags=dict(tags or {}),
        omit=frozenset(omit),
    )
    with service.lock:
        store.image_sets[image_set_id] = image_set
        store.unsettled.discard(image_set_id)
        store.changed(image_set)
    return image_set_id


def _versions(placed: Sequence[PlacedVersion]) -> list[Version]:
    from .medicalimaging.imagesets import STATE_OF_STATUS, Version

    if not placed:
        raise ValueError("an image set has at least one version")
    made: list[Version] = []
    for version in placed:
        state = version.state or STATE_OF_STATUS.get(version.status)
        if state is None:
            raise ValueError(f"status {version.status} is not in the model: give its state too")
        previous = made[-1] if made else None
        document = version.metadata if version.metadata is not None else previous.document if previous else {}
        made.append(
            Version(
                number=version.number or (previous.number + 1 if previous else 1),
                status=version.status,
                state=state,
                updated_at=_optional_time(version.updated_at),
                deleted_at=_optional_time(version.deleted_at),
                message=version.message,
                overrides=None if version.overrides is None else dict(version.overrides),
                document=copy.deepcopy(dict(document)),
            )
        )
    return made


def _checked_id(text: str) -> str:
    if not re.fullmatch("[0-9a-z]{32}", text):
        raise ValueError(f"not an id of the service (32 of 0-9, a-z): {text!r}")
    return text


def _optional_time(value: datetime | None) -> datetime | None:
    return None if value is None else _time(value)


def _time(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone: {value.isoformat()}")
    value = value.astimezone(UTC)
    return value.replace(microsecond=value.microsecond // 1000 * 1000)
