"""JSON Schemas of policy files, for editors: made of the catalogue of fields and the table of operators.

A schema cannot say everything that the loader checks, such as which parameters are declared: what loads is valid, and
most of what an author mistypes is not. `if` and `then` stand where `anyOf` would be shorter, since an editor that is
told of one alternative can say what is wrong with it.
"""

from __future__ import annotations

from typing import get_args

from checker.fields import catalogue
from checker.model import RuleScope, Severity, Type
from checker.policy import schema_cases
from checker.policy.control_requirements import operator_error
from checker.policy.declarations import LABEL_TYPES, TYPES
from checker.policy.operators import OPERATORS
from checker.policy.schema_conditions import ScopeSchema, shared_definitions
from checker.policy.schema_values import (
    DATE,
    NAME,
    Schema,
    literal,
    mapping,
    ref,
    referenced,
    scalar_or_mapping,
    text,
    texts,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_HEADER = "# yaml-language-server: $schema={path}"
"""The first line of a YAML file that tells editors of its schema; `path` is relative to the file."""
ID = r"^[a-z0-9][a-z0-9-]*$"
VERSION: Schema = {"const": 1, "description": "The version of the policy language."}
CONTROL = "The control's id in the framework."
OPEN = "What the control asks for and a pass of the rule leaves open."
SCOPES: dict[RuleScope, str] = {
    "image_set": "each image set, in the version that GetImageSet returns",
    "version": "every version of each image set",
    "datastore": "each data store as a whole, by counts and ratios of its image sets",
}


def policy_schema() -> Schema:
    """The schema of a policy file."""
    scopes = {scope: ScopeSchema(scope) for scope in get_args(RuleScope)}
    definitions = shared_definitions() | {"rule": _rule(), "params": _params(), "labels": _labels()}
    for scope in scopes.values():
        definitions |= scope.definitions()
    definitions |= schema_cases.definitions(scopes)
    pack = {
        "version": VERSION,
        "pack": _name("The pack's name: a-z, 0-9 and -."),
        "title": text("What the pack is about."),
        "revision": text("The pack's own revision, shown in reports."),
        "owner": text("Who answers for the pack."),
        "approved_by": text("Who approved it."),
        "review_by": {"type": "string", "pattern": f"^{DATE}$", "description": "When to look at it again, as 2026-01-31."},
        "labels": ref("labels"),
        "params": ref("params"),
        "rules": _list(ref("rule")) | {"description": "The rules of the pack."},
    }  # fmt: skip
    return document("policy", "A policy file", mapping(pack, ("version", "pack", "rules")), definitions)


def mapping_schema() -> Schema:
    """The schema of a file that maps the controls of a framework to rules."""
    name = {"pattern": f"{ID[:-1]}/{ID[1:]}", "patternErrorMessage": "A rule is named PACK/RULE here."}
    rule = {
        "rule": {"type": "string", **name, "description": "The rule: PACK/RULE."},
        "does_not_prove": text(OPEN),
        "requires": _requires(),
    }
    control = {
        "id": {"type": "string", "description": CONTROL},
        "title": text("The control's title."),
        "rules": _list({**name, **mapping(rule, ("rule",)), "type": ["object", "string"]}),
    }
    framework = {
        "version": VERSION,
        "framework": _name("What rules call the framework under `controls`."),
        "title": text("The framework's title."),
        "source": text("Where its text is."),
        "note": text("What a reader of a report should know of the mapping."),
        "controls": _list(mapping(control, ("id", "title", "rules"))),
    }
    body = mapping(framework, ("version", "framework", "controls"))
    return document("mapping", "A mapping of controls to rules", body, {})


SCHEMAS = {"policy": policy_schema, "mapping": mapping_schema}
"""What there are schemas of."""


def document(name: str, title: str, body: Schema, definitions: Schema) -> Schema:
    """A whole schema of a kind of file, of its body and those of the definitions that it refers to."""
    comment = (
        f"Made by `imageset-checker rules schema --for {name} --out {name}.schema.json`; make it again after an upgrade. "
        f"Editors use it where a YAML file begins with `{SCHEMA_HEADER.format(path=f'{name}.schema.json')}`."
    )
    made = {"$schema": DIALECT, "$comment": comment, "title": title, **body}
    used = referenced(body, definitions)
    return made | ({"$defs": used} if used else {})


def _rule() -> Schema:
    conditions = ("deny", "require", "when")
    keys: Schema = {
        "id": _name("Unique in the pack and stable for ever: reports, waivers and history go by it."),
        "title": text("What holds where the rule passes."),
        "severity": {"enum": [severity.value for severity in Severity], "description": "How much a fail matters."},
        "scope": {"enum": list(SCOPES), "description": f"What is judged: {'; '.join(f'`{name}`: {doc}' for name, doc in SCOPES.items())}."},
        "why": text("Why it matters."),
        "fix": text("What to do about a fail."),
        "caveat": text("What a pass leaves open."),
        "controls": _controls(),
        "tags": texts("For `check --tag`."),
        "params": ref("params"),
        "when": {"description": "Where the rule applies; everywhere unless given."},
        "deny": {"description": "The rule fails where this holds."},
        "require": {"description": "The rule fails where this does not hold."},
        "message": text("The text of a fail; `{{ field }}` is replaced by the field's value."),
        "tests": {"description": "What the rule must say of answers; `rules test` tries them."},
    }  # fmt: skip
    rule = mapping(keys, ("id", "title", "severity"))
    severity = {
        "if": {"required": ["deny"]},
        "then": {"properties": {"require": False}},
        "else": {"required": ["require"]},
    }
    by_scope = [
        {
            "if": {"properties": {"scope": {"const": scope}}, "required": [] if scope == "image_set" else ["scope"]},
            "then": {"properties": dict.fromkeys(conditions, ref(scope)) | {"tests": schema_cases.tests(scope)}},
        }
        for scope in SCOPES
    ]  # fmt: skip
    return rule | {"allOf": [severity, *by_scope]}


def _name(doc: str) -> Schema:
    return text(doc, pattern=ID, patternErrorMessage="It may have a-z, 0-9 and - only.")


def _params() -> Schema:
    """Parameters: a type, and a default of it."""
    enums = {field.path: field.members for field in catalogue().values() if field.type is Type.ENUM}
    listed = {"enum": list(TYPES)}
    of_field = mapping({"field": {"enum": list(enums)}}, ("field",))
    item = scalar_or_mapping(listed, of_field, TYPES)
    compound = {
        "type": "object",
        "properties": {"list": item, "field": {"enum": list(enums)}},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    kind = {
        **scalar_or_mapping(listed, compound),
        "description": "The type; {list: TYPE} for several values, {field: PATH} for an enum.",
    }
    keys = {
        "type": kind,
        "default": {"description": "The value unless one is given; without it, one is required."},
        "description": text("What it is."),
    }
    defaults = []
    for written, of_one in _written_types(enums):
        for wanted, value in ((written, of_one), ({"list": written}, _list(of_one))):
            known = {"properties": {"type": {"const": wanted}}, "required": ["type"]}
            defaults.append({"if": known, "then": {"properties": {"default": value}}})
    return _named(mapping(keys, ("type",)) | {"allOf": defaults}, "Parameters: $NAME is one's value.")


def _written_types(enums: dict[str, tuple[str, ...]]) -> list[tuple[object, Schema]]:
    """Each type as it is written, with the schema of its literals."""
    written: list[tuple[object, Schema]] = [(name, literal(kind)) for name, kind in TYPES.items()]
    return written + [({"field": path}, {"enum": list(members)}) for path, members in enums.items()]


def _list(item: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": item}


def _labels() -> Schema:
    keys = {
        "type": {"enum": list(LABEL_TYPES), "description": "The type of its values."},
        "one_of": texts("The values that a string may have."),
        "required": {"type": "boolean", "description": "A missing one is unknown; otherwise it is definitely none."},
        "description": text("What it says of an image set."),
    }  # fmt: skip
    one_of = {"if": {"required": ["one_of"]}, "then": {"properties": {"type": {"const": "string"}}}}
    doc = "Labels: what the inventory may say of an image set. A rule names them as labels.NAME."
    return _named(mapping(keys, ("type",)) | one_of, doc)


def _named(item: Schema, doc: str) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^{NAME}$"},
        "additionalProperties": item,
        "description": doc,
    }


def _controls() -> Schema:
    keys = {
        "id": {"type": "string", "description": CONTROL},
        "title": text("The control's title."),
        "requires": _requires(),
        "does_not_prove": text(OPEN),
    }
    control = mapping(keys, ("id",)) | {"type": ["object", "string"]}
    doc = "Controls that the rule supports: a framework and the ids of its controls."
    several = control | {"type": ["array", "object", "string"], "items": control}
    return {"type": "object", "additionalProperties": several, "description": doc}


def _requires() -> Schema:
    """What a control demands of parameters, whose types are known to the pack only."""
    scalars = ["string", "boolean", "integer"]
    operators = {
        name: {"type": ["array"] if item.takes in ("list", "pair") else scalars, "description": item.doc}
        for name, item in OPERATORS.items()
        if not operator_error(item)
    }
    matcher = scalar_or_mapping({"type": scalars}, mapping(operators, minProperties=1))
    doc = "What the control demands of the rule's parameters, such as `retention: {gte: 10y}`."
    return _named(matcher, doc) | {"minProperties": 1}
