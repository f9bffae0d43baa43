"""The JSON Schema of a file of waivers, for editors. Which rules, targets and labels there are it cannot know."""

from __future__ import annotations

from checker.policy.schema import ID, document
from checker.policy.schema_values import DATE, Schema, mapping, text
from checker.waivers.file import COVERS, REQUIRED, SELECTORS

_IMAGE_SET = {
    "type": "string",
    "pattern": "^[0-9a-z]{32}$",
    "patternErrorMessage": "An id has 32 characters, each one of 0-9 and a-z.",
}


def waivers_schema() -> Schema:
    """The schema of a file of waivers."""
    body = {
        "version": {"const": 1, "description": "The version of the format."},
        "waivers": {"type": ["array", "null"], "items": _waiver(), "description": "The waivers. Of several the first that is in force counts."},
    }  # fmt: skip
    return document("waivers", "A file of waivers", mapping(body, ("version", "waivers")), {})


def _waiver() -> Schema:
    keys: Schema = {
        "rule": {
            "type": "string",
            "pattern": f"{ID[:-1]}/{ID[1:]}",
            "patternErrorMessage": "A rule is named PACK/RULE here.",
            "description": "The rule: PACK/RULE.",
        },
        "image_sets": {
            **_IMAGE_SET,
            "type": ["array", "string"],
            "minItems": 1,
            "uniqueItems": True,
            "items": _IMAGE_SET,
            "description": "Ids of the image sets that are covered.",
        },
        "target": text("The target whose findings are covered."),
        "labels": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": ["string", "number", "boolean"]},
            "description": "Image sets with all of these labels are covered.",
        },
        "version": {
            "type": ["integer", "string"],
            "minimum": 1,
            "pattern": "^[1-9][0-9]{0,18}$",
            "description": "Holds only while the image set is at this version.",
        },
        "covers": {"enum": list(COVERS), "description": "Fails, unless `unknown` is given."},
        "reason": text("Why the findings may stay for now."),
        "owner": text("Who answers for them."),
        "approved_by": text("Who approved it: somebody else than the owner."),
        "created": _date("The first valid day, UTC, as 2026-01-31."),
        "expires": _date("The last valid day, UTC, as 2026-03-31."),
    }
    return mapping(keys, REQUIRED) | _one_selector()


def _one_selector() -> Schema:
    """Exactly one of them: decided by the one that is there, so that a mistake is told of the others alone."""
    made: Schema = {"required": [SELECTORS[0]]}
    for name in SELECTORS:
        others = {other: False for other in SELECTORS if other != name}
        made = {"if": {"required": [name]}, "then": {"properties": others}, "else": made}
    return made


def _date(doc: str) -> Schema:
    return {
        "type": "string",
        "pattern": f"^{DATE}$",
        "patternErrorMessage": "Write it as 2026-01-31.",
        "description": doc,
    }
