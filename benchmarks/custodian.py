"""Cloud Custodian's filters for the rules of image_set.yaml: runs in a virtual environment of its own, with c7n alone.

usage: custodian.py RECORDS AS_OF, which prints {"seconds": .., "records": .., "matched": {rule: count}} as JSON

Instants are parsed before the clock starts, as botocore does for Custodian, and ages are given as the instant to compare
with, which Custodian takes too: both spare it work. A rule marked `EXACT` matches just what our rule fails.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from c7n.filters import FilterRegistry

TIMES = ("createdAt", "updatedAt", "deletedAt", "lastAccessedAt")
EXACT, SIMILAR = True, False
STATES = ["ACTIVE", "LOCKED", "DELETED"]
LISTED = [
    "CREATED", "COPIED", "COPYING", "COPYING_WITH_READ_ONLY_ACCESS", "COPY_FAILED", "UPDATING",
    "UPDATING_FOR_STUDY_CONSISTENCY", "UPDATED", "UPDATE_FAILED", "DELETING", "DELETED", "IMPORTING", "IMPORTED",
    "IMPORT_FAILED",
]  # fmt: skip


def value(key: str, wanted: Any, op: str | None = None, kind: str | None = None) -> dict[str, Any]:
    given = {"type": "value", "key": key, "value": wanted, "op": op, "value_type": kind}
    return {name: item for name, item in given.items() if item is not None}


def policies(now: datetime) -> dict[str, tuple[bool, list[Any]]]:
    def older(key: str, days: float) -> dict[str, Any]:
        return value(key, now - timedelta(days=days), "gt", "age")

    def younger(key: str, days: float) -> dict[str, Any]:
        return value(key, now - timedelta(days=days), "lt", "age")

    deleted = value("imageSetState", "DELETED")
    kept = value("labels.superseded_by", "absent")
    return {
        "no-forced-overrides": (EXACT, [value("overrides.forced", True)]),
        "no-recent-deletions": (EXACT, [kept, deleted, younger("deletedAt", 30)]),
        # no arithmetic with months, and none between two members
        "no-early-deletions": (SIMILAR, [deleted, kept, value("labels.study_date", "present"), younger("labels.study_date", 2557)]),
        "deleted-too-soon-after-ingest": (SIMILAR, [deleted, kept, value("labels.study_date", "absent"), younger("createdAt", 2557)]),
        "deletion-recorded": (EXACT, [deleted, value("deletedAt", "createdAt", "lt", "expr")]),
        "no-failed-workflow": (EXACT, [value("imageSetWorkflowStatus", ["COPY_FAILED", "UPDATE_FAILED", "IMPORT_FAILED"], "in")]),
        "not-stuck-in-locked": (EXACT, [value("imageSetState", "LOCKED"), older("updatedAt", 1)]),
        "no-service-message": (EXACT, [value("message", "not-null")]),
        "non-primary-resolved": (EXACT, [value("imageSetState", ["ACTIVE", "LOCKED"], "in"), value("isPrimary", False), older("createdAt", 30)]),
        "timestamps-sane": (EXACT, [{"or": [
            value("updatedAt", "createdAt", "lt", "expr"),
            *(younger(key, -1) for key in TIMES),
        ]}]),
        # answers only: a set that is not there has none
        "expected-set-exists": (SIMILAR, [
            {"or": [value("labels.legal_hold", True), {"and": [kept, value("labels.erase_by", "absent")]}]},
            value("imageSetId", "absent"),
        ]),
        "legal-hold-kept": (EXACT, [
            value("labels.legal_hold", True),
            {"or": [deleted, value("imageSetWorkflowStatus", ["DELETING", "DELETED"], "in")]},
        ]),
        "erasure-done": (EXACT, [older("labels.erase_by", 1), value("imageSetState", ["ACTIVE", "LOCKED"], "in")]),
        "storage-tier-review": (EXACT, [value("imageSetState", "ACTIVE"), value("storageTier", "FREQUENT_ACCESS"), older("lastAccessedAt", 45)]),
        "location-as-expected": (EXACT, [value("region", "present"), value("region", ["us-east-1", "eu-west-1"], "not-in")]),
        "arn-of-the-service": (EXACT, [
            value("imageSetArn", "present"),
            {"not": [value("imageSetArn", "^arn:aws(-[a-z]+)*:medical-imaging:", "regex-case")]},
        ]),
        "few-versions": (EXACT, [{"or": [value("versionId", 50, "gt", "integer"), value("versionId", 1, "lt", "integer")]}]),
        "no-conflict-message": (EXACT, [value("message", "conflict", "contains")]),
        "no-change-in-the-freeze": (EXACT, [
            value("updatedAt", datetime(2025, 12, 1, tzinfo=UTC), "lt", "age"),
            {"or": [value("isPrimary", False), value("imageSetWorkflowStatus", "*_FAILED", "glob")]},
        ]),
        "locked-by-an-update": (EXACT, [
            value("versionId", 1, "gt", "integer"),
            value("imageSetState", STATES, "in"),
            value("imageSetWorkflowStatus", LISTED, "in"),
            {"not": [{"or": [
                value("imageSetState", ["ACTIVE", "DELETED"], "in"),
                value("imageSetWorkflowStatus", "UPDATING*", "glob"),
            ]}]},
        ]),
    }  # fmt: skip


def read(path: str) -> list[dict[str, Any]]:
    resources = []
    with Path(path).open(encoding="utf-8") as lines:
        for line in lines:
            resource = json.loads(line)
            for holder, keys in ((resource, TIMES), (resource["labels"], ("study_date", "erase_by"))):
                for key in keys:
                    if holder.get(key):
                        holder[key] = datetime.fromisoformat(holder[key])
            resources.append(resource)
    return resources


class Manager:
    """What groups of filters ask of Custodian's resource manager: which member tells resources apart."""

    id = "imageSetId"

    def get_model(self) -> Manager:
        return self


def main() -> None:
    path, as_of = sys.argv[1:]
    resources = read(path)
    registry = FilterRegistry("image-set")
    parsed = {
        name: (exact, registry.parse(filters, Manager()))
        for name, (exact, filters) in policies(datetime.fromisoformat(as_of)).items()
    }
    for _, filters in parsed.values():
        for item in filters:
            item.validate()
    matched, exacts = {}, []
    start = time.perf_counter()
    for name, (exact, filters) in parsed.items():
        left = resources
        for item in filters:
            left = item.process(left)
        matched[name] = len(left)
        exacts += [name] if exact else []
    seconds = time.perf_counter() - start
    json.dump(
        {"seconds": seconds, "records": len(resources), "matched": matched, "exact": exacts}, sys.stdout
    )


if __name__ == "__main__":
    main()
