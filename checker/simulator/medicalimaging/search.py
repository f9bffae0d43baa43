"""SearchImageSets: filters, order, and a memory of what was found.

Which attributes there are is the model's word. Assumptions, as nothing is documented: two filters are joined
by AND, two values of an EQUAL filter by OR, only times take BETWEEN, LOCKED sets are found, DELETED ones are
not.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .exceptions import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from .imagesets import Datastore, ImageSet

DEFAULT_SORT = {"sortField": "updatedAt", "sortOrder": "DESC"}

_ORDERED = frozenset({"createdAt", "updatedAt", "DICOMStudyDateAndTime"})


def search(store: Datastore, criteria: dict[str, Any]) -> list[ImageSet]:
    """The image sets that meet the criteria, in the order asked for.

    A scan asks for page after page of the same search, so the result is kept until the data store changes.

    Raises:
        ServiceError: ValidationException for a filter that does not make sense.
    """
    store.settle_all()
    key = json.dumps(criteria, sort_keys=True, default=str)
    if key not in store.found:
        store.found[key] = _search(store, criteria)
    return store.found[key]


def _search(store: Datastore, criteria: dict[str, Any]) -> list[ImageSet]:
    tests = [_compile(item) for item in criteria.get("filters") or ()]
    sort = criteria.get("sort") or DEFAULT_SORT
    value_of = _VALUES[sort["sortField"]]
    found = [
        image_set
        for image_set in store.image_sets.values()
        if image_set.latest.state != "DELETED" and all(test(image_set) for test in tests)
    ]
    return sorted(found, key=lambda item: (value_of(item), item.id), reverse=sort["sortOrder"] == "DESC")


def _compile(search_filter: dict[str, Any]) -> Callable[[ImageSet], bool]:
    values = search_filter["values"]
    names = {name for value in values for name in value}
    if len(names) != 1:
        raise invalid("The values of a filter must be of one attribute")
    (name,) = names
    value_of = _VALUES[name]
    wanted = [_comparable(value[name]) for value in values]
    if search_filter["operator"] == "EQUAL":
        return lambda image_set: value_of(image_set) in wanted
    if len(wanted) != 2 or name not in _ORDERED:
        raise invalid(f"BETWEEN takes two values of {', '.join(sorted(_ORDERED))}")
    low, high = wanted
    return lambda image_set: bool(low <= value_of(image_set) <= high)


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return value["DICOMStudyDate"], value.get("DICOMStudyTime", "")
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)  # moto's parser gives naive UTC
    return value


def _tag(name: str) -> Callable[[ImageSet], Any]:
    return lambda image_set: image_set.latest.tags.get(name)


def _study_time(image_set: ImageSet) -> tuple[str, str]:
    tags = image_set.latest.tags
    return tags.get("DICOMStudyDate", ""), tags.get("DICOMStudyTime", "")


_VALUES: dict[str, Callable[[ImageSet], Any]] = {
    "createdAt": lambda image_set: image_set.created_at,
    "updatedAt": lambda image_set: image_set.updated_at,
    "isPrimary": lambda image_set: image_set.is_primary,
    "DICOMStudyDateAndTime": _study_time,
    "DICOMPatientId": _tag("DICOMPatientId"),
    "DICOMAccessionNumber": _tag("DICOMAccessionNumber"),
    "DICOMStudyId": _tag("DICOMStudyId"),
    "DICOMStudyInstanceUID": _tag("DICOMStudyInstanceUID"),
    "DICOMSeriesInstanceUID": _tag("DICOMSeriesInstanceUID"),
}
