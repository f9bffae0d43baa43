"""JSON Schemas of conditions, for each scope: which fields there are, and which operators each type has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from checker.fields import SUPERSEDED_BY, catalogue
from checker.model import Absence, Field, Label, Location, RuleScope, Type
from checker.policy.operators import IF_ABSENT, OPERATORS, Operator, operators_of
from checker.policy.schema_values import (
    NAME,
    Schema,
    list_of,
    literal_values,
    mapping,
    pair,
    ref,
    scalar,
    scalar_or_mapping,
)

GROUPS = {
    "all": "Each of these conditions holds.",
    "any": "At least one of these conditions holds.",
    "none": "None of these conditions holds.",
}
AGGREGATES = {"count": Type.INTEGER, "ratio": Type.RATIO}
LABEL = rf"labels\.{NAME}"
TAG = r'tags(\.[A-Za-z0-9_./=+@:-]+|\["([^"\\]|\\.)*"\])'
STRINGS = (Type.STRING, Type.ENUM)
IF_ABSENT_DOC = "What the matcher is taken for where a value that it reads is absent."
FIELD_DOC = "Another field of the same type."


@dataclass(frozen=True)
class ScopeSchema:
    """The definitions of one scope; their names begin with the scope's."""

    scope: RuleScope

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The fields of the scope but for labels and tags, whose names are the pack's and anybody's."""
        replaced = Label(SUPERSEDED_BY, Type.STRING, (), "", Location("", 0, 0))
        known = catalogue({SUPERSEDED_BY: replaced}, self.scope)
        return {path: field for path, field in known.items() if not path.startswith("labels.")}

    @property
    def open_names(self) -> tuple[str, ...]:
        """Patterns of paths that are in no catalogue."""
        store = rf"datastore\.{TAG}"
        return (store,) if self.scope == "datastore" else (LABEL, TAG, store)

    def definitions(self) -> Schema:
        """The definitions of the scope by name, more of them than are used."""
        made: Schema = {self.scope: self.condition()}
        for kind in Type:
            for may_be_absent in (True, False):
                name = self._name(kind.value, exists=may_be_absent)
                made[name] = self._matcher(kind, (), exists=may_be_absent)
        for path, field in self.fields.items():
            if field.type is Type.ENUM:
                exists = _may_be_absent(field)
                name = self._name(_bare(path), exists=exists)
                made[name] = self._matcher(field.type, field.members, exists=exists)
        for kind in Type:
            made[f"{self.scope}.value.{kind}"] = self._value(kind)
        return made

    def condition(self) -> Schema:
        """A condition: fields with their matchers, and groups of conditions."""
        own = ref(self.scope)
        properties: Schema = {path: self._field(field) for path, field in self.fields.items()}
        if self.scope == "datastore":
            properties |= {name: _aggregate(name, kind) for name, kind in AGGREGATES.items()}
        for name, doc in GROUPS.items():
            properties[name] = {"type": "array", "minItems": 1, "items": own, "description": doc}
        item = "The condition does not hold. It has one entry; of several write `none: [..]`."
        properties["not"] = {**own, "maxProperties": 1, "description": item}
        return mapping(properties, minProperties=1, patternProperties=self._patterns())

    def _field(self, field: Field) -> Schema:
        name = _bare(field.path) if field.type is Type.ENUM else field.type.value
        doc = f"{field.doc} ({field.type})".strip()
        return {**ref(self._name(name, exists=_may_be_absent(field))), "description": doc}

    def _patterns(self) -> Schema:
        """Labels, of which the type is known to the pack only, tags, and `a - b`."""
        made: Schema = {f"^{TAG}$": ref(f"{self.scope}.string")} if self.scope != "datastore" else {}
        made[rf"^datastore\.{TAG}$"] = ref(f"{self.scope}.string")
        label = "" if self.scope == "datastore" else LABEL
        if label:
            made |= {f"^{LABEL}$": ref("label"), _difference([label], [label]): ref("label")}
        for kind, result in ((Type.TIME, Type.DURATION), (Type.INTEGER, Type.INTEGER)):
            paths = [re.escape(path) for path, field in self.fields.items() if field.type is kind]
            if not paths:
                continue
            made[_difference(paths, [*paths, *filter(None, [label])])] = ref(f"{self.scope}.{result}")
            if label:
                made[_difference([label], paths)] = ref(f"{self.scope}.{result}")
        return made

    def _name(self, name: str, *, exists: bool) -> str:
        return f"{self.scope}.{name}" if exists else f"{self.scope}.{name}.always"

    def _matcher(self, kind: Type, members: tuple[str, ...], *, exists: bool) -> Schema:
        """A bare value, `{field: path}`, or operators."""
        operators = {
            name: {**self._takes(kind, members, operator), "description": operator.doc}
            for name, operator in operators_of(kind).items()
            if exists or operator.takes != "flag"
        }
        operators |= _beside() | {"field": self._path(kind)}
        return scalar_or_mapping(
            scalar(kind, members), mapping(operators, **_ALONE), literal_values(kind, members)
        )

    def _takes(self, kind: Type, members: tuple[str, ...], operator: Operator) -> Schema:
        item = self._typed(kind)
        if members:
            item = scalar_or_mapping(scalar(kind, members), self._reference(kind), members)
        return {
            "one": item,
            "list": list_of(item),
            "pair": pair(item),
            "flag": self._typed(Type.BOOLEAN),
            "text": self._typed(Type.STRING),
            "pattern": scalar(Type.STRING),
            "age": self._typed(Type.DURATION),
        }[operator.takes]

    def _typed(self, kind: Type) -> Schema:
        return ref(f"{self.scope}.value.{kind}")

    def _value(self, kind: Type) -> Schema:
        return scalar_or_mapping(scalar(kind), self._reference(kind), literal_values(kind))

    def _reference(self, kind: Type) -> Schema:
        return mapping({"field": self._path(kind)}, ("field",))

    def _path(self, kind: Type) -> Schema:
        """A field of the type, or one whose type is not known here."""
        alike = STRINGS if kind in STRINGS else (kind,)
        paths = [path for path, field in self.fields.items() if field.type in alike]
        unlisted = {"type": "string", "pattern": f"^({'|'.join(self.open_names)})$"}
        return {"description": FIELD_DOC, "anyOf": [{"enum": paths}, unlisted]}


_ALONE: Schema = {
    "minProperties": 1,
    # a reference stands alone; if_absent says something of an operator
    "if": {"required": ["field"]},
    "then": {"maxProperties": 1},
    "else": {"if": {"required": ["if_absent"]}, "then": {"minProperties": 2}},
}


def shared_definitions() -> Schema:
    """Definitions that have no scope: the matcher of a label, and values without fields."""
    operators: Schema = {}
    for name, operator in OPERATORS.items():
        operators[name] = {"description": operator.doc}
        if operator.takes == "list":
            operators[name] |= {"type": ["array", "string"], "minItems": 1}
        elif operator.takes == "pair":
            operators[name] |= pair({})
    anything = {"type": ["string", "boolean", "integer"]}
    operators |= _beside() | {"field": {"type": "string", "description": FIELD_DOC}}
    return {"label": scalar_or_mapping(anything, mapping(operators, **_ALONE))}


def plain_matcher(kind: Type, properties: Schema | None = None) -> Schema:
    """The operators of a type with values that are literals or `$params`, and keys that stand beside them."""
    value, age = scalar(kind), scalar(Type.DURATION)
    takes = {
        "one": value, "list": list_of(value), "pair": pair(value), "age": age,
        "flag": scalar(Type.BOOLEAN), "text": scalar(Type.STRING), "pattern": scalar(Type.STRING),
    }  # fmt: skip
    operators = {
        name: {**takes[item.takes], "description": item.doc} for name, item in operators_of(kind).items()
    }
    return mapping((properties or {}) | operators, minProperties=1)


def _aggregate(name: str, kind: Type) -> Schema:
    sets = ref("image_set")
    if name == "ratio":
        doc = "The share of a data store's image sets for which `of` holds."
        inner = {
            "of": {**sets, "description": "What an image set must meet to count."},
            "among": {**sets, "description": "What it is a share of; of all image sets unless given."},
        }
        operators = plain_matcher(kind, inner | _beside())
        return operators | {"required": ["of"], "minProperties": 2, "description": doc}
    doc = "The number of a data store's image sets for which `of` holds; of all of them without it."
    operators = plain_matcher(kind, {"of": {**sets, "description": "What an image set must meet to count."}})
    for flag in [operator.name for operator in operators_of(kind).values() if operator.takes == "flag"]:
        del operators["properties"][flag]
    needs = {"if": {"required": ["of"]}, "then": {"minProperties": 2}}
    return scalar_or_mapping(scalar(kind), operators | needs) | {"description": doc}


def _beside() -> Schema:
    return {"if_absent": {"enum": list(IF_ABSENT), "description": IF_ABSENT_DOC}}


def _may_be_absent(field: Field) -> bool:
    return field.absence not in (Absence.NEVER, Absence.FALSE)


def _bare(path: str) -> str:
    """The field's name, whoever's field it is: one definition serves its twins."""
    return path.rpartition(".")[2]


def _difference(left: Iterable[str], right: Iterable[str]) -> str:
    return rf"^\s*({'|'.join(left)})\s* - \s*({'|'.join(right)})\s*$"
