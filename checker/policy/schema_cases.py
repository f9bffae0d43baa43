"""JSON Schemas of the tests written inside rules: what `given` may say of each scope."""

from __future__ import annotations

from collections.abc import Mapping

from checker.model import Field, RuleScope, Source, Type, Verdict
from checker.policy.schema_conditions import TAG, ScopeSchema
from checker.policy.schema_values import NAME, TIME, Schema, literal, mapping, ref, text
from checker.policy.test_input import MOST_SETS, OTHER_CALLS, is_always_given

ANYTHING = ["string", "boolean", "integer", "array", "null"]
ERROR = {"type": "string", "minLength": 1, "description": "The call failed with this code."}
AS_OF = {
    "type": "string",
    "pattern": f"^{TIME}$",
    "description": "The instant of the test, 2026-01-01T00:00:00Z unless given.",
}
LABELS = {
    "type": "object",
    "description": "What the inventory says of the image set.",
    "additionalProperties": {"type": ANYTHING},
}
PARAMS = {
    "type": "object",
    "description": "Values of the rule's parameters.",
    "additionalProperties": {"type": ANYTHING},
}
TAGS = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}


def tests(scope: RuleScope) -> Schema:
    """The tests of a rule of the scope."""
    verdicts = {"enum": [verdict.value for verdict in Verdict], "description": "The verdict it must get."}
    keys = {
        "name": text("What it shows; unique in the rule."),
        "given": ref(f"{scope}.given"),
        "labels": LABELS,
        "params": PARAMS,
        "as_of": AS_OF,
        "expect": verdicts,
    }
    return {"type": "array", "items": mapping(keys, ("name", "given", "expect"))}


def definitions(scopes: Mapping[RuleScope, ScopeSchema]) -> Schema:
    """What may be given, by scope, and of the image sets in a data store."""
    made = {f"{scope}.given": _given(item) for scope, item in scopes.items()}
    sets = _given(scopes["image_set"], inside=True)
    count = {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST_SETS,
        "description": "How many of these there are; 1 unless given.",
    }
    return made | {"datastore.image_sets": sets | {"properties": sets["properties"] | {"count": count}}}


def _given(schema: ScopeSchema, *, inside: bool = False) -> Schema:
    fields = [field for field in schema.fields.values() if field.source is not Source.OWN]
    properties = _tree({field.path: _value(field) for field in fields})
    properties |= _beside(schema.scope) | ({} if inside else {"params": PARAMS, "as_of": AS_OF})
    names = schema.open_names if inside else (rf"params\.{NAME}", *schema.open_names)
    made = mapping(properties, patternProperties={f"^({'|'.join(names)})$": {"type": ANYTHING}})
    return made | {"description": "What differs from a healthy answer; null takes a field away."}


def _beside(scope: RuleScope) -> Schema:
    """What may be given that is no field of an answer."""
    calls = dict.fromkeys(OTHER_CALLS, ERROR)
    made: Schema = {
        "error": ERROR,
        "errors": mapping(calls, description="Which call failed with which code."),
    }
    if scope == "datastore":
        sets = {
            "type": "array",
            "items": ref("datastore.image_sets"),
            "description": "The image sets in the data store.",
        }
        whole = {"type": "boolean", "description": "Whether these are all the image sets; true unless given."}
        return made | {"image_sets": sets, "complete": whole}
    found = {"type": "boolean", "description": "False for an image set that is not there."}
    return made | {
        "found": found,
        "labels": LABELS,
        "tags": {**TAGS, "description": "The tags of the image set."},
    }


def _tree(values: Mapping[str, Schema]) -> Schema:
    """Each path as it is, and as mappings within mappings."""
    properties = dict(values)
    for head in dict.fromkeys(path.partition(".")[0] for path in values if "." in path):
        below = {
            path.removeprefix(f"{head}."): item
            for path, item in values.items()
            if path.startswith(f"{head}.")
        }
        store = head == "datastore"
        inner = mapping(_tree(below) | ({"tags": TAGS} if store else {}))
        if store:
            inner["patternProperties"] = {f"^{TAG}$": {"type": ["string", "null"]}}
        properties[head] = inner | {"type": "object" if store else ["object", "null"]}
    return properties


def _value(field: Field) -> Schema:
    doc = {"description": f"{field.doc} ({field.type})".strip()}
    absent = [] if is_always_given(field) else ["null"]
    if field.type is Type.ENUM:
        # a test may show what a value does that the service does not list yet
        return doc | {"anyOf": [{"enum": list(field.members)}, {"type": ["string", *absent]}]}
    made = literal(field.type)
    return made | {"type": [made["type"], *absent]} | doc
