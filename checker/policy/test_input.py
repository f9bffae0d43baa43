"""What a test gives: fields of the subject, of what belongs to it, labels, parameters, and calls that failed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, time
from typing import Any

from checker.aws.actions import ACTIONS, STATES
from checker.fields import (
    DICOM_DAYS,
    EARLIER,
    KNOWN,
    PREVIOUS,
    SUCCESSOR,
    SUPERSEDED_BY,
    catalogue,
    model,
    tag_field,
)
from checker.model import Absence, CaseSets, Field, Scalar, Source, Type
from checker.policy.condition_scope import Scope
from checker.policy.declarations import typed_value
from checker.policy.hints import label_type
from checker.policy.literals import read_literal
from checker.problems import suggest
from checker.values import BadValueError, parse_time
from checker.yaml_nodes import Entry, Node

BESIDE = ("labels", "params", "as_of")
"""What may stand beside `given` as well as in it."""
NOT_FOUND = "ResourceNotFoundException"
_CALLS = {name: action.sources for name, action in sorted(ACTIONS.items()) if action.sources}
OTHER_CALLS = tuple(_CALLS)
"""Calls that may fail beside the one on the subject itself."""
_ANSWER = (Source.ANSWER, Source.PREVIOUS_VERSION)
MOST_SETS = 100_000
MIDNIGHT = time()
_MAPPINGS = (
    "params",
    "labels",
    "tags",
    "datastore.tags",
    "previous_version",
    "previous",
    "successor",
    "dicom",
)


class TestInput:
    """What a test gives, sorted into fields, labels, parameters and the rest."""

    def __init__(self, scope: Scope, *, inside: bool = False) -> None:
        store = scope.rule_scope == "datastore"
        words = ("error", "errors", *(("count",) if inside else BESIDE))
        self.scope = replace(scope, words=(*words, "image_sets", "complete") if store else words)
        self.inside = inside
        self.fields: dict[str, object] = {}
        self.labels: dict[str, Scalar] = {}
        self.params: dict[str, object] = {}
        self.errors: dict[str, str] = {}
        self.keys: dict[str, Node] = {}
        self.given: dict[str, Source] = {}
        self.image_sets: list[CaseSets] = []
        self.as_of: datetime | None = None
        self.found = self.complete = True
        self.error: str | None = None
        self.previous = self.successor = self.earlier = False
        self.known: bool | None = None
        self.count = 1

    @property
    def before(self) -> bool | None:
        """Whether earlier runs have seen the image set: an earlier answer says so too."""
        return True if self.earlier else self.known

    def take(self, node: Node, prefix: str = "") -> None:
        """Nested mappings are dotted paths: `{overrides: {forced: true}}` is `overrides.forced`."""
        for name, entry in node.value.items():
            path = (
                f"{prefix[:-1]}[{json.dumps(name, ensure_ascii=False)}]" if _tags(prefix) else prefix + name
            )
            self.take_one(path, entry)

    def take_one(self, path: str, entry: Entry) -> None:
        """One entry, by its path."""
        node = entry.node
        members = [name for name in self.scope.catalogue if name.startswith(f"{path}.")]
        nested = isinstance(node.value, dict) and (node.value or members or path in _MAPPINGS)
        if not nested or path in ("errors", "image_sets"):
            tag = tag_field(path)
            for member in members if members and node.value is None else [tag.path if tag else path]:
                self._first(member, entry.key)
        if self._own(path, entry):
            return
        self.previous |= path.partition(".")[0] == "previous_version" and node.value is not None
        self.earlier |= path.partition(".")[0] == "previous" and node.value is not None
        self.successor |= path.partition(".")[0] == "successor"
        if nested:
            self.take(node, f"{path}.")
        elif path in ("previous_version", "previous") and node.value is None:
            self.previous &= path == "previous"
            self.earlier &= path != "previous"
        elif members and node.value is None and path != "datastore":
            self.fields |= dict.fromkeys(name for name in members if not name.startswith("labels."))
        elif path.startswith("params."):
            self._param(path.removeprefix("params."), entry)
        else:
            self._field(path, entry)

    def _first(self, path: str, key: Node) -> None:
        """Notes what is given under two spellings, such as nested and dotted."""
        if path in self.keys:
            self.scope.error(
                key, f"{path} is given twice", f"the first one is in line {self.keys[path].where.line}"
            )
        self.keys.setdefault(path, key)

    def agree(self, node: Node) -> None:
        """Notes what does not go together.

        Args:
            node: the mapping that was given.
        """
        self._refuse_unread()
        label = self.scope.labels.get(SUPERSEDED_BY)
        if self.successor and SUPERSEDED_BY in self.labels and label is None:
            self.scope.error(node, f"there is no label {SUPERSEDED_BY}")
        if self.earlier and self.known is False:
            message = "an image set that is not known was not seen before: it has no previous answer"
            self.scope.error(node, message, "drop `known: false`, or `previous`")
        if self.fields.get(f"{EARLIER}found") is False and len([*filter(_earlier, self.fields)]) > 1:
            message = "the last run did not find it, so that nothing else is known of it"
            self.scope.error(node, message, "write `previous: {found: false}` alone")
        here, before = self.fields.get("versionId"), self.fields.get(f"{PREVIOUS}versionId")
        if self.previous and isinstance(here, int) and here <= (before if isinstance(before, int) else 1):
            message = f"versionId {here} has no version before it"
            if isinstance(before, int):
                message = f"versionId {here} does not come after {before}"
            self.scope.error(node, message, "the previous version has a lower number")

    def _refuse_unread(self) -> None:
        """Notes what is given of an answer that the same test says was not received."""
        store = self.scope.rule_scope == "datastore"
        if self.error and "found" in self.keys:
            what = "whether it is there is not known where the call fails"
            self.scope.error(self.keys["found"], f"found beside error: {what}", "drop one of them")
        missing: dict[Source, str] = {}
        for call in self.errors:
            missing |= dict.fromkeys(_CALLS.get(call, ()), f"{call} failed")
        if self.error:
            own = (Source.DATASTORE,) if store else _ANSWER
            missing |= dict.fromkeys(own, "the call failed")
        elif not self.found:
            missing |= dict.fromkeys(_ANSWER, "the image set is not there")
        for path, value in self.fields.items():
            known = self.given.get(path)
            if value is not None and known in missing and path in self.keys:
                message = f"{path} is given, and {missing[known]}: there is no answer that says so"
                self.scope.error(self.keys[path], message, "drop one of them")

    def _own(self, path: str, entry: Entry) -> bool:
        """Takes what is no field; whether it was that."""
        node, store = entry.node, self.scope.rule_scope == "datastore"
        if path == "found" and not store:
            found = read_literal(Type.BOOLEAN, (), node, self.scope, what=path)
            self.found = bool(found)
        elif path == KNOWN.path and path in self.scope.catalogue:
            known = read_literal(Type.BOOLEAN, (), node, self.scope, what=path)
            self.known = known if isinstance(known, bool) else None
        elif path == "error":
            self._error(node)
        elif path == "errors":
            self._errors(node)
        elif path == "as_of" and not self.inside:
            self._as_of(node)
        elif path == "image_sets" and store:
            self._image_sets(node)
        elif path == "complete" and store:
            self.complete = bool(read_literal(Type.BOOLEAN, (), node, self.scope, what=path))
        elif path == "count" and self.inside:
            self._count(node)
        else:
            return self._misplaced(path, entry)
        return True

    def _misplaced(self, path: str, entry: Entry) -> bool:
        """Notes what stands in a test of another scope; whether it did."""
        store = self.scope.rule_scope == "datastore"
        head = path.partition(".")[0]
        if store and (path in ("found", "labels", "tags") or path in catalogue(self.scope.labels)):
            if path in self.scope.catalogue or head == "datastore":
                return False
            self.scope.error(
                entry.key,
                f"{path} is of image sets, and the rule judges data stores",
                f"write `image_sets: [{{{path}: ..}}]`" if path != "found" else "write `error: CODE`",
            )
        elif path in ("image_sets", "complete") and not store:
            self.scope.error(
                entry.key, f"{path} goes with `scope: datastore`", "describe the image set itself"
            )
        elif self.inside and (path in ("params", "as_of") or path.startswith("params.")):
            self.scope.error(entry.key, f"{head} holds for the whole test", f"write `{head}` beside `given`")
        elif self.inside and head == "datastore":
            self.scope.error(
                entry.key, "the data store is one for all image sets", "write it beside `image_sets`"
            )
        else:
            return False
        return True

    def _error(self, node: Node) -> None:
        self.error = self._code(node, "error")
        if self.error == NOT_FOUND:
            self.scope.error(
                node, f"{node.value} says that there is no such image set", "write `found: false`"
            )

    def _code(self, node: Node, what: str) -> str | None:
        if isinstance(node.value, str) and node.value:
            return node.value
        self.scope.error(node, f"{what} is a code as text, not {node.kind}", "such as AccessDeniedException")
        return None

    def _errors(self, node: Node) -> None:
        if not isinstance(node.value, dict):
            hint = "write `errors: {ListTagsForResource: AccessDeniedException}`"
            self.scope.error(node, f"errors maps calls to codes, not {node.kind}", hint)
            return
        for name, entry in node.value.items():
            if name not in OTHER_CALLS:
                hint = suggest(name, OTHER_CALLS, what="calls are")
                if name in STATES:
                    hint = "the subject's own call fails with `error: CODE`"
                self.scope.error(entry.key, f"no call {name} stands beside the subject's own", hint)
            elif code := self._code(entry.node, name):
                self.errors[name] = code

    def _as_of(self, node: Node) -> None:
        try:
            self.as_of = parse_time(str(node.value))
        except BadValueError as error:
            self.scope.error(node, str(error), error.hint)

    def _count(self, node: Node) -> None:
        count = read_literal(Type.INTEGER, (), node, self.scope, what="count")
        if isinstance(count, int) and not 1 <= count <= MOST_SETS:
            self.scope.error(node, f"count is {count}", f"write a number from 1 to {MOST_SETS}")
        elif isinstance(count, int):
            self.count = count

    def _image_sets(self, node: Node) -> None:
        if not isinstance(node.value, tuple):
            hint = "write `image_sets: [{count: 3}, {isPrimary: false}]`"
            self.scope.error(node, f"image_sets is a list, not {node.kind}", hint)
            return
        inner = replace(self.scope, catalogue=catalogue(self.scope.labels), rule_scope="image_set")
        for item in node.value:
            if not isinstance(item.value, dict):
                self.scope.error(item, f"image sets are a mapping, not {item.kind}", "`{}` is a healthy one")
                continue
            given = TestInput(inner, inside=True)
            given.take(item)
            given.agree(item)
            self.image_sets.append(
                CaseSets(
                    given.count,
                    given.fields,
                    given.labels,
                    given.found,
                    given.error,
                    given.errors,
                    given.successor,
                    known=given.before,
                )
            )

    def _param(self, name: str, entry: Entry) -> None:
        param = self.scope.params.get(name)
        if param is None:
            hint = suggest(name, self.scope.params, what="it reads")
            self.scope.error(entry.key, f"the rule reads no parameter {name}", hint)
            return
        self.params[name] = typed_value(param, entry.node, self.scope.problems)

    def _field(self, path: str, entry: Entry) -> None:
        known = self.scope.find(path, entry.key, label_type(entry.node))
        if known is None:
            return
        label = path.startswith("labels.")
        self.given[known.path] = known.source
        if known.source is Source.OWN and not label:
            self.scope.error(entry.key, f"{path} cannot be given in a test")
            return
        if entry.node.value is None:
            if is_always_given(known):
                hint = "write `found: false` for a set that is not there"
                if known.source is not Source.ANSWER:
                    hint = "leave it out for a healthy one"
                self.scope.error(entry.node, f"an answer always has {known.path}", hint)
            elif not label:
                self.fields[known.path] = None
            return
        # any text is taken for an enum, so that a test can show what an unlisted value does
        value: Any = read_literal(
            known.type, known.members if label else (), entry.node, self.scope, what=path
        )
        if known.path in DICOM_DAYS and isinstance(value, datetime) and value.time() != MIDNIGHT:
            self.scope.error(entry.node, f"{path} is a date, without a time of day", "write it as 2026-01-31")
        elif label:
            self.labels[path.removeprefix("labels.")] = value
        else:
            self.fields[known.path] = value


def _tags(prefix: str) -> bool:
    return prefix in ("tags.", "datastore.tags.")


def _earlier(path: str) -> bool:
    return path.startswith(EARLIER)


def is_always_given(known: Field) -> bool:
    """Whether the answer that a field comes from always has it: where there is a version before, it has a number."""
    if known.source is Source.PREVIOUS_VERSION:
        return model().fields[known.path.removeprefix(PREVIOUS)].absence is Absence.NEVER
    if known.source is Source.SUCCESSOR:
        path = known.path.removeprefix(SUCCESSOR)
        return path == "found" or model().fields[path].absence is Absence.NEVER
    return known.absence is Absence.NEVER
