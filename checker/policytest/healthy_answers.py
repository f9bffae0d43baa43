"""The service's answers on an image set and a data store with which nothing is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from checker.aws.actions import ACTIONS, GET_DATASTORE, GET_IMAGE_SET
from checker.fields import EARLIER, PREVIOUS, SUCCESSOR
from checker.instants import shift_instant
from checker.model import RuleScope
from checker.snapshot.records import arn_parts

STORE = "0123456789abcdef0123456789abcdef"
SUCCESSOR_ID = "5cce550a" * 4
"""The image set that replaced one, where a test does not say which."""
_PREFIX = "arn:aws:medical-imaging:us-east-1:123456789012:datastore/"


def healthy(image_set_id: str, as_of: datetime) -> dict[str, Any]:
    """The answer for an image set with which nothing is wrong, by path."""
    yesterday = shift_instant(as_of, -timedelta(days=1)) or as_of
    return {
        "datastoreId": STORE,
        "imageSetId": image_set_id,
        "versionId": 1,
        "createdAt": yesterday,
        "updatedAt": yesterday,
        "lastAccessedAt": yesterday,
        "imageSetArn": f"{_PREFIX}{STORE}/imageset/{image_set_id}",
        **ACTIONS[GET_IMAGE_SET].healthy,
    }


def healthy_store(as_of: datetime) -> dict[str, Any]:
    """GetDatastore's answer for a data store with which nothing is wrong, by path."""
    created = as_of.replace(year=max(as_of.year - 1, 1), day=min(as_of.day, 28))
    answer = {
        "datastoreId": STORE,
        **ACTIONS[GET_DATASTORE].healthy,
        "datastoreArn": f"{_PREFIX}{STORE}",
        "createdAt": created,
        "updatedAt": created,
    }
    return {f"datastore.{path}": value for path, value in answer.items()}


def healthy_values(scope: RuleScope, as_of: datetime) -> dict[str, Any]:
    """The value of each field of a healthy subject, of its data store, of its previous version and its successor."""
    answer = healthy(f"{0:032}", as_of)
    values = healthy_store(as_of) | answer | arn_parts(answer["imageSetArn"])
    values |= {f"{SUCCESSOR}found": True, f"{EARLIER}found": True}
    for prefix in (SUCCESSOR, PREVIOUS, EARLIER):
        values |= {prefix + path: value for path, value in answer.items()}
    return values | ({"versionId": 2} if scope == "version" else {})
