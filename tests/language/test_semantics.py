"""What the design says of the language, sentence by sentence, each worked out by hand: for the engine and the oracle.

A claim is a condition on a record with its truth; `rules` at the end are whole rules with their verdict.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from checker import InvalidInputError
from tests.language.engine import judge
from tests.language.oracle import Oracle
from tests.language.strategies import IDS, STORES

NOW = "2026-01-01T00:00:00Z"
VERDICT = {True: "fail", False: "pass", None: "unknown"}  # of `deny`
LABELS = {
    "class": {"type": "string"},
    "hold": {"type": "boolean"},
    "count": {"type": "integer"},
    "other": {"type": "integer"},
    "study_date": {"type": "date"},
    "until": {"type": "time"},
    "retention": {"type": "duration"},
}
PARAMS = {
    "week": {"type": "duration", "default": "7d"},
    "states": {"type": {"list": {"field": "imageSetState"}}, "default": ["LOCKED", "DELETED"]},
    "state": {"type": {"field": "imageSetState"}, "default": "DELETED"},
    "classes": {"type": {"list": "string"}, "default": ["a", "$$b"]},
    "yes": {"type": "boolean", "default": True},
    "day": {"type": "date", "default": "2025-12-02"},
}


def answer(labels: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """An answer with what it must have, and changes; `...` leaves a member out."""
    members = {"datastoreId": STORES[0], "versionId": "1", "imageSetState": "ACTIVE", **changes}
    return {
        "answer": {name: value for name, value in members.items() if value is not ...},
        "labels": labels or {},
    }


def labelled(**labels: Any) -> dict[str, Any]:
    return answer(labels)


def created(moment: Any) -> dict[str, Any]:
    return answer(createdAt=moment)


def span(start: str, end: str) -> dict[str, Any]:
    return answer(createdAt=start, deletedAt=end)


GONE = {"error": "ResourceNotFoundException", "labels": {"class": "adult", "count": 3}}
DENIED = {"error": "AccessDeniedException", "labels": {"class": "adult", "count": 3}}
BARE = answer()
DELETED = answer(imageSetState="DELETED")
STRANGE = answer(imageSetState="FROZEN_SOLID", storageTier="FROZEN_SOLID")
AGE = "deletedAt - createdAt"

TRUTHS: list[tuple[str, dict[str, Any], dict[str, Any], bool | None, str]] = []


def claims(said: str, *cases: tuple[dict[str, Any], dict[str, Any], bool | None], as_of: str = NOW) -> None:
    TRUTHS.extend((said, condition, record, truth, as_of) for condition, record, truth in cases)


# Ages and the calendar

OLD, YOUNG = {"createdAt": {"older_than": "30d"}}, {"createdAt": {"younger_than": "30d"}}
claims(
    "older_than is field + 30d < now: not at the boundary, but a millisecond before it",
    (OLD, created("2025-12-02T00:00:00Z"), False),
    (OLD, created("2025-12-01T23:59:59.999Z"), True),
    (OLD, created("2025-12-02T00:00:00.001Z"), False),
)
claims(
    "younger_than is field + 30d > now: not at the boundary, but a millisecond after it",
    (YOUNG, created("2025-12-02T00:00:00Z"), False),
    (YOUNG, created("2025-12-02T00:00:00.001Z"), True),
    (YOUNG, created("2025-12-01T23:59:59.999Z"), False),
)
claims(
    "a future instant is younger than everything, older than nothing",
    (YOUNG, created("2027-01-01T00:00:00Z"), True),
    ({"createdAt": {"younger_than": "0s"}}, created("2026-01-01T00:00:00.001Z"), True),
    ({"createdAt": {"older_than": "0s"}}, created("2026-01-01T00:00:00.001Z"), False),
    ({"createdAt": {"older_than": "0s"}}, created(NOW), False),
)
for moment, older in (("2025-02-28T00:00:00Z", False), ("2025-02-28T00:00:00.001Z", True)):
    claims(
        f"29 February + 1 year is 28 February, seen at {moment}",
        ({"createdAt": {"older_than": "1y"}}, created("2024-02-29T00:00:00Z"), older),
        ({"createdAt": {"younger_than": "1y"}}, created("2024-02-29T00:00:00Z"), False),
        ({"createdAt": {"older_than": "12mo"}}, created("2024-02-29T00:00:00Z"), older),
        ({"createdAt": {"younger_than": "366d"}}, created("2024-02-29T00:00:00Z"), True),
        as_of=moment,
    )
claims(
    "a - b: {gte: 1y} means a >= b + 1y, likewise for the other operators",
    ({AGE: {"gte": "1y"}}, span("2024-02-29", "2025-02-28"), True),
    ({AGE: {"gte": "1y"}}, span("2024-02-29", "2025-02-27T23:59:59.999Z"), False),
    ({AGE: {"gt": "1y"}}, span("2024-02-29", "2025-02-28"), False),
    ({AGE: {"lte": "1y"}}, span("2024-02-29", "2025-02-28"), True),
    ({AGE: {"lt": "1y"}}, span("2024-02-29", "2025-02-28"), False),
    ({AGE: {"eq": "1y"}}, span("2024-02-29", "2025-02-28"), True),
    ({AGE: "1y"}, span("2024-02-28", "2025-02-28"), True),
    ({AGE: {"ne": "1y"}}, span("2024-02-29", "2025-02-28"), False),
    ({AGE: {"in": ["1mo", "1y"]}}, span("2024-02-29", "2025-02-28"), True),
    ({AGE: {"not_in": ["1mo", "1y"]}}, span("2024-02-29", "2025-02-28"), False),
    ({AGE: {"gte": "4y"}}, span("2020-02-29", "2024-02-29"), True),
    ({AGE: {"gte": "4y"}}, span("2020-02-29", "2024-02-28"), False),
    ({AGE: {"lt": "0s"}}, span("2024-02-29", "2024-02-28"), True),
)
claims(
    "both ends of between are included",
    ({AGE: {"between": ["1y", "2y"]}}, span("2024-02-29", "2025-02-28"), True),
    ({AGE: {"between": ["1y", "2y"]}}, span("2024-02-29", "2026-02-28"), True),
    ({AGE: {"between": ["1y", "2y"]}}, span("2024-02-29", "2026-02-28T00:00:00.001Z"), False),
    ({"versionId": {"between": [1, 2]}}, answer(versionId="2"), True),
    ({"versionId": {"between": [2, 2]}}, answer(versionId="1"), False),
)
claims(
    "months are calendar, to the month's last day; days are 24 h",
    ({AGE: "1mo"}, span("2025-01-31", "2025-02-28"), True),
    ({AGE: "1mo"}, span("2025-01-28", "2025-02-28"), True),
    ({AGE: "1mo"}, span("2025-02-28", "2025-03-28"), True),
    ({AGE: "1mo"}, span("2025-02-28", "2025-03-31"), False),
    ({AGE: "13mo"}, span("2024-12-31T12:00:00Z", "2026-01-31T12:00:00Z"), True),
    ({AGE: "30d"}, span("2025-01-31", "2025-03-02"), True),
    ({AGE: "24h"}, span("2025-03-30", "2025-03-31"), True),
    ({AGE: "P1Y2M"}, span("2024-12-31", "2026-02-28"), True),
    ({AGE: "8w"}, span("2025-01-01", "2025-02-26"), True),
    ({AGE: "PT1H30M"}, span("2025-01-01", "2025-01-01T01:30:00Z"), True),
)
claims(
    "months are added first, then the rest",
    ({AGE: "P1M1D"}, span("2025-01-31", "2025-03-01"), True),
    ({AGE: "P1MT1H"}, span("2024-01-30", "2024-02-29T01:00:00Z"), True),
)
claims(
    "times have a zone, and a date is its midnight UTC",
    ({"createdAt": "2025-12-02"}, created("2025-12-02T00:00:00Z"), True),
    ({"createdAt": "2025-12-02T01:00:00+01:00"}, created("2025-12-02T00:00:00Z"), True),
    ({"createdAt": "2025-12-02"}, created("2025-12-01T19:00:00-05:00"), True),
    ({"createdAt": "$day"}, created("2025-12-02T00:00:00Z"), True),
    ({"createdAt": {"before": "2025-12-02"}}, created("2025-12-02T00:00:00Z"), False),
    ({"createdAt": {"after": "2025-12-02"}}, created("2025-12-02T00:00:00Z"), False),
    ({"createdAt": {"after": "2025-12-02"}}, created("2025-12-02T00:00:00.001Z"), True),
)
claims(
    "the wire's floats are rounded to whole milliseconds",
    ({"createdAt": "2023-03-23T17:28:30.753Z"}, created(1679592510.753), True),
    ({"createdAt": "2023-03-23T17:28:30.753Z"}, created(1.679592510753e9), True),
    ({"createdAt": "2023-03-23T17:28:30.753Z"}, created(1679592510.7534), True),
    ({"createdAt": "2023-03-23T17:28:30.753Z"}, created("2023-03-23T17:28:30.752600Z"), True),
)
claims(
    "now is as_of, as an operand and as a value",
    ({"now": NOW}, BARE, True),
    ({"now - createdAt": {"gte": "30d"}}, created("2025-12-02"), True),
    ({"now - createdAt": {"gt": "30d"}}, created("2025-12-02"), False),
    ({"createdAt": {"after": {"field": "now"}}}, created("2026-01-01T00:00:00.001Z"), True),
    ({"createdAt": {"field": "now"}}, created(NOW), True),
    ({"now": {"after": {"field": "createdAt"}}}, BARE, None),
)

# Three-valued logic

UNKNOWN, TRUE, FALSE = {"deletedAt": NOW}, {"imageSetState": "ACTIVE"}, {"imageSetState": "DELETED"}
claims(
    "false AND unknown is false; true AND unknown is unknown",
    (UNKNOWN | FALSE, BARE, False),
    (UNKNOWN | TRUE, BARE, None),
    ({"all": [UNKNOWN, FALSE]}, BARE, False),
    ({"all": [TRUE, UNKNOWN]}, BARE, None),
    ({"versionId": {"eq": 2, "lt": {"field": "labels.count"}}}, BARE, False),
)
claims(
    "true OR unknown is true; false OR unknown is unknown",
    ({"any": [UNKNOWN, TRUE]}, BARE, True),
    ({"any": [UNKNOWN, FALSE]}, BARE, None),
    ({"none": [UNKNOWN, TRUE]}, BARE, False),
    ({"none": [UNKNOWN, FALSE]}, BARE, None),
    ({"none": [FALSE]}, BARE, True),
)
claims(
    "not unknown is unknown",
    ({"not": UNKNOWN}, BARE, None),
    ({"not": {"not": UNKNOWN}}, BARE, None),
    ({"not": TRUE}, BARE, False),
    ({"not": {"all": [TRUE, FALSE]}}, BARE, True),
)
claims(
    "in is any of its values, between both of its ends, also where one of them is absent",
    ({"versionId": {"in": [1, {"field": "labels.count"}]}}, BARE, True),
    ({"versionId": {"in": [2, {"field": "labels.count"}]}}, BARE, None),
    ({"versionId": {"not_in": [1, {"field": "labels.count"}]}}, BARE, False),
    ({"versionId": {"between": [2, {"field": "labels.count"}]}}, BARE, False),
    ({"versionId": {"between": [1, {"field": "labels.count"}]}}, BARE, None),
)

# The two kinds of absence

claims(
    "what is not reported may have a value: every comparison is unknown",
    *(({"deletedAt": {name: NOW}}, DELETED, None) for name in ("eq", "ne", "before", "after")),
    *(({"deletedAt": {name: "30d"}}, DELETED, None) for name in ("older_than", "younger_than")),
    ({"deletedAt": {"not_in": [NOW]}}, DELETED, None),
    ({"isPrimary": False}, BARE, None),
    ({"isPrimary": {"ne": True}}, BARE, None),
    ({"storageTier": {"ne": "FREQUENT_ACCESS"}}, BARE, None),
    ({"storageTier": {"contains": "ACCESS"}}, BARE, None),
    ({"region": "us-east-1"}, BARE, None),
    ({"collectedAt": {"before": NOW}}, BARE, None),
)
claims(
    "a message that is left out is definitely none: eq, in and text operators are false, ne and not_in true",
    *(
        ({"message": {name: "x"}}, BARE, False)
        for name in ("eq", "contains", "icontains", "starts_with", "ends_with", "matches")
    ),
    ({"message": ""}, BARE, False),
    ({"message": {"matches": "^$"}}, BARE, False),
    ({"message": {"contains": ""}}, BARE, False),
    ({"message": {"in": ["x", ""]}}, BARE, False),
    ({"message": {"ne": "x"}}, BARE, True),
    ({"message": {"ne": ""}}, BARE, True),
    ({"message": {"not_in": ["x"]}}, BARE, True),
    ({"not": {"message": "x"}}, BARE, True),
    ({"message": ""}, answer(message=""), True),
    ({"message": {"exists": True}}, answer(message=""), True),
)
claims(
    "so is a label, for order operators too",
    ({"labels.class": "a"}, BARE, False),
    ({"labels.class": {"ne": "a"}}, BARE, True),
    ({"labels.class": {"in": "$classes"}}, BARE, False),
    ({"labels.class": {"not_in": "$classes"}}, BARE, True),
    ({"labels.hold": False}, BARE, False),
    ({"labels.hold": {"ne": True}}, BARE, True),
    *(({"labels.count": {name: 3}}, BARE, False) for name in ("lt", "lte", "gt", "gte")),
    ({"labels.count": {"between": [1, 3]}}, BARE, False),
    *(({"labels.study_date": {name: NOW}}, BARE, False) for name in ("before", "after")),
    *(({"labels.study_date": {name: "1y"}}, BARE, False) for name in ("older_than", "younger_than")),
    *(({"labels.retention": {name: "1y"}}, BARE, False) for name in ("lt", "gte", "eq")),
    ({"labels.retention": {"ne": "1y"}}, BARE, True),
    ({"not": {"labels.count": {"lt": 3}}}, BARE, True),
)
claims(
    "as {field: ..} and in a - b an absent value is always unknown",
    ({"versionId": {"field": "labels.count"}}, BARE, None),
    ({"versionId": {"ne": {"field": "labels.count"}}}, BARE, None),
    ({"region": {"contains": {"field": "message"}}}, BARE, None),
    ({"labels.count": {"field": "labels.other"}}, labelled(count=3), None),
    ({"createdAt": {"older_than": {"field": "labels.retention"}}}, created("2020-01-01"), None),
    ({"deletedAt - labels.study_date": {"gte": "7y"}}, span("2020-01-01", "2024-01-01"), None),
    ({"versionId - labels.count": {"ne": 3}}, BARE, None),
    ({"labels.count - labels.other": {"eq": 3}}, labelled(count=3), None),
    ({"deletedAt - createdAt": {"ne": "7y"}}, created("2020-01-01"), None),
    (
        {"deletedAt - createdAt": {"gte": {"field": "labels.retention"}}},
        span("2020-01-01", "2024-01-01"),
        None,
    ),
)
claims(
    "also where the operand is definitely none: the lesser claim",
    ({"labels.class": {"field": "message"}}, BARE, None),
    ({"labels.class": {"ne": {"field": "message"}}}, BARE, None),
    ({"labels.class": {"ne": {"field": "target"}}}, BARE, True),
)
claims("a null is an absence", ({"message": {"ne": "x"}}, answer(message=None), True), ({"isPrimary": True}, answer(isPrimary=None), None))  # fmt: skip
claims(
    "exists asks directly",
    ({"deletedAt": {"exists": False}}, BARE, True),
    ({"deletedAt": {"exists": True}}, BARE, False),
    ({"deletedAt": {"exists": "$yes"}}, answer(deletedAt=NOW), True),
    ({"message": {"exists": False}}, BARE, True),
    ({"labels.class": {"exists": True}}, BARE, False),
    ({"labels.class": {"exists": True}}, labelled(**{"class": ""}), True),
    ({"deletedAt - createdAt": {"exists": True}}, created(NOW), False),
    ({"deletedAt - createdAt": {"exists": False}}, created(NOW), True),
    ({"deletedAt - createdAt": {"exists": True}}, span(NOW, NOW), True),
)
for overrides in (..., None, {}, {"forced": None}, {"forced": False}):
    claims(
        f"overrides.forced is false where overrides is {overrides}",
        ({"overrides.forced": True}, answer(overrides=overrides), False),
        ({"overrides.forced": False}, answer(overrides=overrides), True),
        ({"overrides.forced": {"ne": True}}, answer(overrides=overrides), True),
        ({"labels.hold": {"field": "overrides.forced"}}, answer({"hold": False}, overrides=overrides), True),
    )
claims("and true where it is", ({"overrides.forced": True}, answer(overrides={"forced": True}), True))

LATE = "deletedAt - labels.study_date"
claims(
    "if_absent sets the truth of its whole matcher where a value that it reads is absent",
    ({"deletedAt": {"younger_than": "30d", "if_absent": "match"}}, BARE, True),
    ({"deletedAt": {"younger_than": "30d", "if_absent": "no_match"}}, BARE, False),
    ({"message": {"ne": "x", "if_absent": "no_match"}}, BARE, False),
    ({"message": {"ne": "x", "if_absent": "unknown"}}, BARE, None),
    ({"message": {"exists": False, "if_absent": "no_match"}}, BARE, False),
    ({LATE: {"gte": "7y", "if_absent": "match"}}, span("2020-01-01", "2024-01-01"), True),
    ({LATE: {"gte": "7y", "if_absent": "no_match"}}, labelled(study_date="2020-01-01"), False),
    (
        {AGE: {"gte": {"field": "labels.retention"}, "if_absent": "match"}},
        span("2020-01-01", "2024-01-01"),
        True,
    ),
    ({"versionId": {"in": [1, {"field": "labels.count"}], "if_absent": "no_match"}}, BARE, False),
    ({"versionId": {"gt": 5, "lt": {"field": "labels.count"}, "if_absent": "match"}}, BARE, True),
)
claims(
    "and nothing where they are there",
    ({"deletedAt": {"younger_than": "30d", "if_absent": "match"}}, answer(deletedAt="2020-01-01"), False),
    ({"message": {"ne": "x", "if_absent": "no_match"}}, answer(message="y"), True),
)

# Nothing received

for record in (GONE, DENIED):
    what = record["error"]
    claims(
        f"after {what} every field of the answer is unknown, whatever its kind",
        ({"imageSetState": "ACTIVE"}, record, None),
        ({"imageSetState": {"ne": "ACTIVE"}}, record, None),
        ({"message": "x"}, record, None),
        ({"message": {"ne": "x"}}, record, None),
        ({"overrides.forced": True}, record, None),
        ({"overrides.forced": False}, record, None),
        ({"labels.hold": {"ne": {"field": "overrides.forced"}}}, record, None),
        ({"imageSetId": {"ne": "x"}}, record, None),
        ({"datastoreId": {"starts_with": "0"}}, record, None),
        ({"deletedAt": {"after": "2020-01-01"}}, record, None),
        ({"collectedAt": {"before": {"field": "now"}}}, record, None),
        ({"region": {"in": ["us-east-1"]}}, record, None),
        ({"versionId - labels.count": {"ne": 0}}, record, None),
    )
    claims(
        f"after {what} neither exists nor if_absent applies",
        ({"deletedAt": {"exists": False}}, record, None),
        ({"deletedAt": {"exists": True}}, record, None),
        ({"message": {"exists": False}}, record, None),
        ({"deletedAt": {"younger_than": "30d", "if_absent": "match"}}, record, None),
        ({"deletedAt": {"younger_than": "30d", "if_absent": "no_match"}}, record, None),
        ({"message": {"eq": "x", "if_absent": "no_match"}}, record, None),
        ({LATE: {"gte": "7y", "if_absent": "match"}}, record, None),
        ({"labels.count": {"gt": {"field": "versionId"}, "if_absent": "match"}}, record, None),
    )
    claims(
        f"after {what} labels, target and now stay known",
        ({"labels.class": "adult"}, record, True),
        ({"labels.hold": {"exists": False}}, record, True),
        ({"labels.hold": {"ne": True}}, record, True),
        ({"labels.hold": {"eq": True, "if_absent": "match"}}, record, True),
        ({"target": "recorded"}, record, True),
        ({"now": {"after": "2020-01-01"}}, record, True),
        ({"labels.class": "child", "imageSetState": "ACTIVE"}, record, False),
    )
claims(
    "found is false where the service says so, and unknown where the call failed otherwise",
    ({"found": False}, GONE, True),
    ({"found": True}, GONE, False),
    ({"found": True}, DENIED, None),
    ({"found": {"ne": True}}, DENIED, None),
    ({"labels.hold": {"ne": {"field": "found"}}}, DENIED, None),
    ({"found": True}, BARE, True),
)
claims(
    "an unknown found is no absence, so that if_absent does not apply to it",
    ({"labels.class": "adult", "found": {"in": [{"field": "labels.hold"}], "if_absent": "match"}}, DENIED, None),
    ({"labels.hold": {"eq": {"field": "found"}, "if_absent": "match"}}, {**DENIED, "labels": {"hold": True}}, None),
    ({"labels.hold": {"eq": {"field": "found"}, "if_absent": "no_match"}}, {**DENIED, "labels": {"hold": True}}, None),
)  # fmt: skip

FLAGGED = {**DENIED, "labels": {"hold": False, "count": 3, "class": "adult"}}
UNLESS_HOLD = {"eq": {"field": "isPrimary"}, "ne": False}
claims(
    "and what the operators say of what is known stands, unless if_absent might still say otherwise",
    ({"labels.hold": UNLESS_HOLD}, FLAGGED, False),
    ({"labels.hold": {**UNLESS_HOLD, "if_absent": "no_match"}}, FLAGGED, False),
    ({"labels.hold": {**UNLESS_HOLD, "if_absent": "match"}}, FLAGGED, None),
    ({"labels.hold": {**UNLESS_HOLD, "if_absent": "unknown"}}, FLAGGED, None),
    ({"labels.hold": {"in": [False, {"field": "isPrimary"}], "if_absent": "match"}}, FLAGGED, True),
    ({"labels.hold": {"in": [False, {"field": "isPrimary"}], "if_absent": "no_match"}}, FLAGGED, None),
    ({"labels.hold": {"eq": {"field": "isPrimary"}, "if_absent": "no_match"}}, FLAGGED, None),
    # a version's number is in every answer, so that nothing can be absent
    ({"labels.count": {"eq": {"field": "versionId"}, "ne": 3, "if_absent": "match"}}, FLAGGED, False),
    ({"labels.count": {"eq": {"field": "versionId"}, "gt": 2, "if_absent": "match"}}, FLAGGED, None),
)

# Types

claims(
    "a value that the model does not list makes every comparison of its field unknown; exists stays true",
    ({"imageSetState": "ACTIVE"}, STRANGE, None),
    ({"imageSetState": {"ne": "ACTIVE"}}, STRANGE, None),
    ({"imageSetState": {"in": ["ACTIVE", "LOCKED", "DELETED"]}}, STRANGE, None),
    ({"imageSetState": {"not_in": "$states"}}, STRANGE, None),
    ({"storageTier": {"starts_with": "FR"}}, STRANGE, None),
    ({"storageTier": {"matches": "."}}, STRANGE, None),
    ({"labels.class": {"field": "storageTier"}}, answer({"class": "FROZEN_SOLID"}, storageTier="FROZEN_SOLID"), None),
    ({"storageTier": {"exists": True}}, STRANGE, True),
    ({"storageTier": {"exists": False}}, STRANGE, False),
    ({"storageTier": {"eq": "FREQUENT_ACCESS", "if_absent": "match"}}, STRANGE, None),
)  # fmt: skip
claims(
    "versionId is an integer",
    ({"versionId": {"gt": 9}}, answer(versionId="10"), True),
    ({"versionId": 10}, answer(versionId="10"), True),
    ({"versionId - labels.count": {"gte": 7}}, answer({"count": 3}, versionId="10"), True),
    ({"versionId - labels.count": {"gt": 7}}, answer({"count": 3}, versionId="10"), False),
    ({"labels.count - labels.other": {"lt": 0}}, labelled(count=-(2**63), other=2**63 - 1), True),
)
claims(
    "text is compared as it is, and a pattern is searched for",
    ({"message": {"contains": "%"}}, answer(message="100 percent"), False),
    ({"message": {"contains": "a_c"}}, answer(message="abc"), False),
    ({"message": {"starts_with": "INVALID"}}, answer(message="INVALID_REQUEST: no"), True),
    ({"message": {"starts_with": "invalid"}}, answer(message="INVALID_REQUEST: no"), False),
    ({"message": {"ends_with": "no"}}, answer(message="INVALID_REQUEST: no"), True),
    ({"message": {"icontains": "a.c"}}, answer(message="xA.Cx"), True),
    ({"message": {"icontains": "a.c"}}, answer(message="abc"), False),
    ({"message": {"icontains": "É\n"}}, answer(message="né\n"), True),
    ({"message": {"icontains": "STRASSE"}}, answer(message="Straße"), False),
    ({"message": {"icontains": "K"}}, answer(message="273 \N{KELVIN SIGN}"), True),
    ({"imageSetState": {"icontains": "delet"}}, DELETED, True),
    ({"storageTier": {"icontains": "access"}}, STRANGE, None),
    ({"message": {"icontains": {"field": "labels.class"}}}, answer({"class": "[A"}, message="x[a"), True),
    ({"message": {"matches": "REQ"}}, answer(message="INVALID_REQUEST: no"), True),
    ({"message": {"matches": "^REQ"}}, answer(message="INVALID_REQUEST: no"), False),
    ({"message": {"matches": "no$"}}, answer(message="no\n"), False),
    ({"message": "x"}, answer(message="x "), False),
)
claims(
    "a duration as a label: as a value it is calendar, of two labels a month is the mean one",
    ({AGE: {"gte": {"field": "labels.retention"}}}, answer({"retention": "1y"}, createdAt="2024-02-29", deletedAt="2025-02-28"), True),
    ({AGE: {"gt": {"field": "labels.retention"}}}, answer({"retention": "1y"}, createdAt="2024-02-29", deletedAt="2025-02-28"), False),
    ({"createdAt": {"younger_than": {"field": "labels.retention"}}}, answer({"retention": "30d"}, createdAt="2025-12-02T00:00:00.001Z"), True),
    ({"labels.retention": "1y"}, labelled(retention="12mo"), True),
    ({"labels.retention": "P1D"}, labelled(retention="24h"), True),
    ({"labels.retention": {"gt": "30d"}}, labelled(retention="1mo"), True),
    ({"labels.retention": {"lt": "31d"}}, labelled(retention="1mo"), True),
)  # fmt: skip
claims(
    "$param stands for a whole value or list item, $$ for a dollar",
    ({"imageSetState": "$state"}, DELETED, True),
    ({"imageSetState": {"in": "$states"}}, BARE, False),
    ({"imageSetState": {"in": ["ACTIVE", "$state"]}}, BARE, True),
    ({"createdAt": {"younger_than": "$week"}}, created("2025-12-26"), True),
    ({"labels.class": "$$b"}, labelled(**{"class": "$b"}), True),
    ({"labels.class": {"in": "$classes"}}, labelled(**{"class": "a"}), True),
)
claims(
    "account and region are read from imageSetArn",
    *(({field: value}, answer(imageSetArn="arn:aws:medical-imaging:eu-west-2:111122223333:datastore/x/imageset/y"), True) for field, value in (("region", "eu-west-2"), ("account", "111122223333"))),
)  # fmt: skip

RULES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("when false: not applicable, though violated", {"when": FALSE, "deny": {"versionId": 1}}, BARE, "not_applicable"),
    ("when false: not applicable, though unknown", {"when": FALSE, "deny": UNKNOWN}, BARE, "not_applicable"),
    ("when false: not applicable, though it would pass", {"when": FALSE, "require": TRUE}, BARE, "not_applicable"),
    ("not violated: pass, though when is unknown", {"when": UNKNOWN, "deny": FALSE}, BARE, "pass"),
    ("required and there: pass, though when is unknown", {"when": UNKNOWN, "require": TRUE}, BARE, "pass"),
    ("violated while when is unknown: unknown", {"when": UNKNOWN, "deny": TRUE}, BARE, "unknown"),
    ("required and not there while when is unknown: unknown", {"when": UNKNOWN, "require": FALSE}, BARE, "unknown"),
    ("unknown while when is true: unknown", {"when": TRUE, "require": UNKNOWN}, BARE, "unknown"),
    ("both unknown: unknown", {"when": UNKNOWN, "deny": {"isPrimary": True}}, BARE, "unknown"),
    ("violated and when true: fail", {"when": TRUE, "deny": {"versionId": 1}}, BARE, "fail"),
    ("required, not there and when true: fail", {"when": TRUE, "require": FALSE}, BARE, "fail"),
    ("a set that is not there fails where it is required", {"require": {"found": True}}, GONE, "fail"),
    ("a set that could not be read does not", {"require": {"found": True}}, DENIED, "unknown"),
    ("not applicable by a label, though not read", {"when": {"labels.class": "child"}, "deny": TRUE}, DENIED, "not_applicable"),
    ("the design's no-forced-overrides: forced is denied", {"deny": {"overrides.forced": True}}, answer(overrides={"forced": True}), "fail"),
    ("an ordinary version passes", {"deny": {"overrides.forced": True}}, BARE, "pass"),
    ("a set that is not there proves nothing", {"deny": {"overrides.forced": True}}, GONE, "unknown"),
    ("the design's no-recent-deletions: a deletion without its time", {"deny": {"imageSetState": "DELETED", "deletedAt": {"younger_than": "$week"}}}, DELETED, "unknown"),
    ("no deletion", {"deny": {"imageSetState": "DELETED", "deletedAt": {"younger_than": "$week"}}}, BARE, "pass"),
    ("the design's no-early-deletions: kept exactly as long as it must be", {"when": FALSE, "require": {LATE: {"gte": {"field": "labels.retention"}}}}, answer({"study_date": "2016-02-29", "retention": "7y"}, imageSetState="DELETED", deletedAt="2023-02-28"), "pass"),
    ("a millisecond less", {"when": FALSE, "require": {LATE: {"gte": {"field": "labels.retention"}}}}, answer({"study_date": "2016-02-29", "retention": "7y"}, imageSetState="DELETED", deletedAt="2023-02-27T23:59:59.999Z"), "fail"),
    ("a deleted set without a retention period", {"when": FALSE, "require": {LATE: {"gte": {"field": "labels.retention"}}}}, answer({"study_date": "2016-02-29"}, imageSetState="DELETED", deletedAt="2023-02-27"), "unknown"),
]  # fmt: skip

CASES = [
    *((said, {"deny": condition}, record, VERDICT[truth], as_of) for said, condition, record, truth, as_of in TRUTHS),
    *((*case, NOW) for case in RULES),
]  # fmt: skip
TOGETHER = 40


@cache
def judged(group: int, as_of: str) -> dict[int, tuple[str | None, str]]:
    """What the engine and the oracle say of each of some cases, by its number: many together, since DuckDB's start costs.

    Every rule judges every record of the group, so that the cases are each other's bystanders.
    """
    numbers = range(group * TOGETHER, min(len(CASES), (group + 1) * TOGETHER))
    rules, records = [], []
    for number in numbers:
        _, parts, record, *_ = CASES[number]
        rules.append({"id": f"r{number}", "title": "R", "severity": "low", **parts})
        image_set_id = f"{number:032x}"
        records.append({**record, "imageSetId": image_set_id, "target": "recorded"})
        if "answer" in record:
            records[-1]["answer"] = {**record["answer"], "imageSetId": image_set_id}
    text = json.dumps(rules)
    params = {
        name: spec for name, spec in PARAMS.items() if f'"${name}"' in text
    }  # an unused one is an error
    policy = {"version": 1, "pack": "semantics", "labels": LABELS, "params": params, "rules": rules}
    policy = {key: value for key, value in policy.items() if value}
    engine, oracle = (
        judge(policy, records, as_of, every=group * TOGETHER + TOGETHER > len(TRUTHS)),
        Oracle(policy, as_of),
    )
    said = {}
    for number, rule, record in zip(numbers, rules, records, strict=True):
        verdict = engine.verdicts.get((rule["id"], record["imageSetId"]))
        if verdict is None and not engine.tallies[rule["id"]].not_applicable:
            verdict = "pass"  # passes are not always read back
        said[number] = (verdict, oracle.verdict(rule, record))
    return said


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{number} {said}" for number, (said, *_) in enumerate(CASES)]
)
def test_claim(number: int) -> None:
    said, rule, record, verdict, as_of = CASES[number]
    engine, oracle = judged(number // TOGETHER, as_of)[number]
    about = f"{said}: {json.dumps(rule)} on {json.dumps(record)}"
    assert oracle == verdict, f"the oracle: {about}"
    assert engine == verdict, f"the engine: {about}"


@pytest.mark.parametrize("hold, verdict", [(True, "fail"), (False, "pass"), (None, "unknown")])
def test_exists_with_a_field_is_compared_or_refused(hold, verdict):
    """`exists` takes a boolean, and `{field: ..}` is a value: never read as if it were `true`."""
    rule = {
        "id": "r",
        "title": "R",
        "severity": "low",
        "deny": {"deletedAt": {"exists": {"field": "labels.hold"}}},
    }
    record = answer({} if hold is None else {"hold": hold}, deletedAt=NOW)
    record["imageSetId"] = record["answer"]["imageSetId"] = IDS[0]
    drawn = {"version": 1, "pack": "exists", "labels": LABELS, "rules": [rule]}
    try:
        said = judge(drawn, [record], NOW).verdicts["r", IDS[0]]
    except InvalidInputError:
        return
    assert said == verdict


@pytest.mark.parametrize("days, months", [("30d", "1mo"), ("360d", "1y"), ("2520d", "7y")])
@pytest.mark.parametrize("turned", [False, True])
def test_a_month_beside_thirty_days_stays_a_month(days, months, turned):
    """DuckDB 2.0 holds the intervals `1 month` and `30 days` for equal, and computes `x + 1 month` and `x + 30 days` once
    for both where they stand in one query: a rule must not change what another one says.
    """
    denied = [{"deletedAt - createdAt": {"gte": days}}, {"deletedAt - createdAt": {"gte": months}}]
    rules = [
        {"id": f"r{index}", "title": "R", "severity": "low", "deny": leaf}
        for index, leaf in enumerate(denied)
    ]
    # more than so many days of 24 h, less than so many months
    end = {"30d": "2025-02-01T00:00:00Z", "360d": "2025-12-30T00:00:00Z", "2520d": "2031-12-30T00:00:00Z"}[
        days
    ]
    record = answer(createdAt="2025-01-02T00:00:00Z", deletedAt=end)
    record["imageSetId"] = record["answer"]["imageSetId"] = IDS[0]
    policy = {"version": 1, "pack": "months", "rules": rules[::-1] if turned else rules}
    verdicts = judge(policy, [record], NOW).verdicts
    tallies = judge(policy, [record], NOW, every=False).tallies
    assert verdicts == {("r0", IDS[0]): "fail", ("r1", IDS[0]): "pass"}
    assert (tallies["r0"].fail, tallies["r1"].fail) == (1, 0)


def test_a_month_beside_thirty_days_in_one_rule():
    leaf = {"deletedAt - createdAt": {"gte": "30d", "lt": "1mo"}}
    record = answer(createdAt="2025-01-02T00:00:00Z", deletedAt="2025-02-01T00:00:00Z")
    record["imageSetId"] = record["answer"]["imageSetId"] = IDS[0]
    rule = {"id": "r", "title": "R", "severity": "low", "deny": leaf}
    assert (
        judge({"version": 1, "pack": "months", "rules": [rule]}, [record], NOW).verdicts["r", IDS[0]]
        == "fail"
    )
