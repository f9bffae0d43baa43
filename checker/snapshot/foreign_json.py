"""JSON that is no recorded answer and is taken for one: answers of other calls, parts of answers, events. Each is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checker.aws.actions import ACTIONS, LIST_DATASTORES, LIST_VERSIONS, SEARCH

_RECORD = "record get-image-set, or list-image-set-versions"
_WRITTEN = "it says what was asked for; get-image-set says what became of it"
_NO_SETS = "record get-image-set of each image set"
_DELETED = frozenset({"datastoreId", "imageSetId", "imageSetState", "imageSetWorkflowStatus"})

Found = Callable[[Mapping[str, Any]], bool]


def _has(*names: str) -> Found:
    return lambda value: not value.keys().isdisjoint(names)


def _of_a_list(value: Mapping[str, Any]) -> bool:
    return "datastoreId" not in value and any(name in value for name in ACTIONS[LIST_VERSIONS].spelling)


def _deleted(value: Mapping[str, Any]) -> bool:
    return value.keys() - {"ResponseMetadata"} == _DELETED


_OTHERS: Mapping[str, tuple[Found, str]] = {
    "search-image-sets answers have no imageSetState, overrides or deletedAt, so rules cannot be judged on them": (
        _has(ACTIONS[SEARCH].result), _RECORD,
    ),
    "this is an answer of update-image-set-metadata": (_has("latestVersionId"), _WRITTEN),
    "this is an answer of copy-image-set": (
        _has("sourceImageSetProperties", "destinationImageSetProperties"), _WRITTEN,
    ),
    "this is an answer of delete-image-set": (_deleted, _WRITTEN),
    "this is an answer of list-datastores": (_has(ACTIONS[LIST_DATASTORES].result), _NO_SETS),
    "this is an answer about import jobs": (_has("jobSummaries", "jobProperties", "jobId"), _NO_SETS),
    "this is what get-image-set-metadata gives: data of patients": (
        _has("imageSetMetadataBlob", "SchemaVersion", "Patient"), _RECORD,
    ),
    "this is an event of EventBridge": (_has("detail-type"), "give events with --events, or `events` of audit.yaml"),
    "this is one item of a list-image-set-versions answer": (
        _of_a_list, "record the answer whole, with imageSetPropertiesList round its items: no --query",
    ),
}  # fmt: skip
"""What each is, with how it is told and what to do."""


def foreign_json_error(value: Mapping[str, Any]) -> tuple[str, str] | None:
    """What a value is that is no answer to judge, and what to do; None where it may be one."""
    return next(((what, hint) for what, (found, hint) in _OTHERS.items() if found(value)), None)
