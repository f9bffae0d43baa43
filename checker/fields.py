"""The catalogue of fields that a policy may name: from botocore's service model, plus the checker's own.

The model is read as JSON, since importing botocore costs ten times the read. What the model does not say is here, each
with its source: which absences mean "none", which field is newer than which botocore.

Sources: the model is botocore's `data/medical-imaging/2023-07-19/service-2.json`; API is the AWS HealthImaging API
reference, https://docs.aws.amazon.com/healthimaging/latest/APIReference/API_GetImageSet.html.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from checker.model import Absence, Field, Label, Type

FOUND = Field("found", Type.BOOLEAN, Absence.NEVER, answer=False, doc="False where the service answered that there is no such image set.")  # fmt: skip
NOW = Field("now", Type.TIME, Absence.NEVER, answer=False, doc="The instant against which ages are measured.")
OWN = (
    FOUND,
    NOW,
    Field("target", Type.STRING, Absence.NEVER, answer=False, doc="The target's name in audit.yaml."),
    Field("collectedAt", Type.TIME, Absence.NOT_REPORTED, answer=True, doc="When the answer was received."),
    Field("account", Type.STRING, Absence.NOT_REPORTED, answer=True, doc="The account in imageSetArn."),
    Field("region", Type.STRING, Absence.NOT_REPORTED, answer=True, doc="The Region in imageSetArn."),
)

# API, GetImageSet: `message` is there for a failed or unusual operation only; `overrides.forced` where force was used.
ABSENCES = {"message": Absence.NONE, "overrides.forced": Absence.FALSE}

# The model calls it a string with the pattern \d+; text comparison would put "10" before "9".
INTEGERS = frozenset({"versionId"})

# The first botocore whose model has the member (botocore's history of this model). An older one drops the member
# from every answer without a word, so a rule on it would pass in silence.
FIRST_BOTOCORE = {
    "overrides.forced": "1.34.148",
    "isPrimary": "1.39.0",
    "storageTier": "1.40.71",
    "lastAccessedAt": "1.40.71",
}
FIRST_BOTOCORE_MEMBER = {
    "IMPORTING": "1.40.31",
    "IMPORTED": "1.40.31",
    "IMPORT_FAILED": "1.40.31",
    "UPDATING_FOR_STUDY_CONSISTENCY": "1.42.81",
}

# Named so that a policy that uses one is told why it is refused.
NOT_YET = {
    "datastore": "fields of the data store (GetDatastore) are not available yet",
    "tags": "tags are not available yet",
    "dicom": "DICOM attributes (SearchImageSets) are not available yet",
    "previous": "the last run's values are not available yet",
    "previous_version": "the version before is not available yet",
    "known": "what earlier runs have seen is not available yet",
}


@dataclass(frozen=True)
class Model:
    """What botocore's model says of GetImageSet's answer."""

    botocore_version: str
    required: frozenset[str]
    fields: Mapping[str, Field]
    members: frozenset[str]


@cache
def model() -> Model:
    """The model of the installed botocore.

    Raises:
        RuntimeError: the installed botocore has no model of HealthImaging.
    """
    shapes = _service_model()["shapes"]
    output = shapes["GetImageSetResponse"]
    return Model(
        botocore_version=version("botocore"),
        required=frozenset(output["required"]),
        fields={field.path: field for field in _fields(shapes, output, "", known=True)},
        members=frozenset(output["members"]),
    )


def catalogue(labels: Mapping[str, Label] | None = None) -> dict[str, Field]:
    """Every field a policy may name, by path, with the declared labels."""
    known = {field.path: field for field in OWN} | dict(model().fields)
    for label in (labels or {}).values():
        path = f"labels.{label.name}"
        known[path] = Field(
            path,
            label.type,
            Absence.NONE,
            answer=False,
            doc=label.description,
            members=label.one_of,
            day=label.day,
        )
    return known


def why_unknown(path: str) -> str:
    """Why a path is in no catalogue, where there is more to say than that: else nothing."""
    if first := FIRST_BOTOCORE.get(path):
        return f"{path} needs botocore {first} or later; {model().botocore_version} is installed and drops it"
    head = re.split(r"[.\[]", path, maxsplit=1)[0]
    return f"{path}: {NOT_YET[head]}" if head in NOT_YET else ""


def _service_model() -> dict[str, Any]:
    spec = find_spec("botocore")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for file in sorted(Path(folder).glob("data/medical-imaging/*/service-2.json*"), reverse=True):
            raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            return json.loads(raw)  # type: ignore[no-any-return]
    raise RuntimeError("the installed botocore has no model of medical-imaging; 1.42.81 or later has one")


def _fields(
    shapes: dict[str, Any], structure: dict[str, Any], prefix: str, *, known: bool
) -> Iterator[Field]:
    required = set(structure.get("required", ())) if known else set()
    for name, member in structure["members"].items():
        path, shape = prefix + name, shapes[member["shape"]]
        if shape["type"] == "structure":
            yield from _fields(shapes, shape, f"{path}.", known=name in required)
            continue
        absence = Absence.NEVER if name in required else ABSENCES.get(path, Absence.NOT_REPORTED)
        doc = re.sub(r"<[^>]+>", "", member.get("documentation", "")).strip()
        yield Field(
            path, _type(path, shape), absence, answer=True, doc=doc, members=tuple(shape.get("enum", ()))
        )


def _type(path: str, shape: dict[str, Any]) -> Type:
    if path in INTEGERS or shape["type"] in ("integer", "long"):
        return Type.INTEGER
    if shape["type"] == "string":
        return Type.ENUM if "enum" in shape else Type.STRING
    return {"boolean": Type.BOOLEAN, "timestamp": Type.TIME}[shape["type"]]
