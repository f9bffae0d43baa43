"""botocore's model of a service: the members of answers as fields.

It is read as JSON, since importing botocore costs ten times the read.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from checker.model import Absence, Field, Source, Type

_TYPES = {
    "string": Type.STRING,
    "boolean": Type.BOOLEAN,
    "integer": Type.INTEGER,
    "long": Type.INTEGER,
    "timestamp": Type.TIME,
}
"""The types of the API that the language has; a member of another one is left out."""
_DICOM_TYPES = ("string", "integer", "long")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_TAKEN = frozenset(
    {
        "found", "now", "target", "collectedat", "account", "region", "known", "previous", "previous_version", "successor",
        "labels", "labelplaces", "tags", "datastore", "dicom", "error", "row", "action", "call", "reusedfrom", "search",
        "listed", "requestedversionid", "targetaccount", "targetregion", "received", "answered",
    }
)  # fmt: skip
"""Words that stand beside an answer's members, or in place of them, in a policy or in evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What the model does not say of a member.

    Attributes:
        absence: what it means that the member is absent.
        type: its type, where that is not the model's.
        moving: whether it changes without a new version of the image set.
        botocore: the first one whose model has it. An older one drops it from every answer without a word, so that a rule
            on it would pass in silence.
    """

    absence: Absence = Absence.NOT_REPORTED
    type: Type | None = None
    moving: bool = False
    botocore: str = ""


_NOTHING = Fact()


@cache
def service_model(service: str) -> dict[str, Any]:
    """Botocore's model of a service, by botocore's name of it.

    Raises:
        RuntimeError: the installed botocore has none.
    """
    spec = find_spec("botocore")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for file in sorted(Path(folder).glob(f"data/{service}/*/service-2.json*"), reverse=True):
            raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            return json.loads(raw)  # type: ignore[no-any-return]
    raise RuntimeError(f"the installed botocore has no model of {service}; 1.42.81 or later has one")


class Members:
    """The members of answers as fields. `left_out` are those that are none, with the reason."""

    def __init__(self, shapes: Mapping[str, Any], facts: Mapping[str, Fact]) -> None:
        self.shapes = shapes
        self.facts = facts
        self.left_out: list[str] = []

    def fields(self, structure: Mapping[str, Any], prefix: str, *, known: bool = True) -> Iterator[Field]:
        """The fields of a structure; `known` says whether it is always there itself."""
        required = set(structure.get("required", ())) if known else set()
        seen: set[str] = set()
        for name, member in structure["members"].items():
            path, shape = prefix + name, self.shapes[member["shape"]]
            if why := self._refused(path, shape, seen):
                self.left_out.append(f"{path} ({why})")
                continue
            seen.add(name.casefold())
            if shape["type"] == "structure":
                yield from self.fields(shape, f"{path}.", known=name in required)
                continue
            fact = self.facts.get(path, _NOTHING)
            absence = Absence.NEVER if name in required else fact.absence
            doc = re.sub(r"<[^>]+>", "", member.get("documentation", "")).strip()
            enum = tuple(shape.get("enum", ()))
            kind = fact.type or (Type.ENUM if shape["type"] == "string" and enum else _TYPES[shape["type"]])
            yield Field(path, kind, absence, source=Source.ANSWER, doc=doc, members=enum)

    @staticmethod
    def _refused(path: str, shape: Mapping[str, Any], seen: Collection[str]) -> str:
        """Why a member cannot be a field; nothing where it can."""
        head, _, name = path.rpartition(".")
        kind = shape["type"]
        if not _NAME.fullmatch(name) or (head in ("", "datastore", "dicom") and name.casefold() in _TAKEN):
            return "its name means something else here"
        if name.casefold() in seen:
            return "another one differs from it in case alone"
        if kind == "structure":
            # tables, test cases and the schema have an object's members, and none of an object in it
            deep = "." in path.removeprefix("datastore.") or not shape.get("members")
            return "an object" if deep else ""
        return "" if kind in (_DICOM_TYPES if head == "dicom" else _TYPES) else f"a {kind}"
