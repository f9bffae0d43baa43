"""The catalogue of fields that a policy may name: from botocore's service model, plus the checker's own.

The model is read as JSON, since importing botocore costs ten times the read. What the model does not say is here, each
with its source: which absences mean "none", which field is newer than which botocore.

Sources: the model is botocore's `data/medical-imaging/2023-07-19/service-2.json`; API is the AWS HealthImaging API
reference, https://docs.aws.amazon.com/healthimaging/latest/APIReference/API_GetImageSet.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version

from checker.aws.actions import (
    ACTIONS,
    GET_DATASTORE,
    GET_IMAGE_SET,
    LIST_VERSIONS,
    SEARCH,
    SERVICE,
    Action,
)
from checker.aws.service_model import Fact, Members, service_model
from checker.model import Absence, Field, Label, RuleScope, Source, Type

FOUND_FIELD = Field("found", Type.BOOLEAN, Absence.NEVER, source=Source.OWN, doc="False where the service answered that there is no such image set.")  # fmt: skip
NOW = Field(
    "now", Type.TIME, Absence.NEVER, source=Source.OWN, doc="The instant against which ages are measured."
)
ANSWER_FIELDS = (
    FOUND_FIELD,
    NOW,
    Field("target", Type.STRING, Absence.NEVER, source=Source.OWN, doc="The target's name in audit.yaml."),
    Field(
        "collectedAt",
        Type.TIME,
        Absence.NOT_REPORTED,
        source=Source.ANSWER,
        doc="When the answer was received.",
    ),
    Field(
        "account", Type.STRING, Absence.NOT_REPORTED, source=Source.ANSWER, doc="The account in imageSetArn."
    ),
    Field(
        "region", Type.STRING, Absence.NOT_REPORTED, source=Source.ANSWER, doc="The Region in imageSetArn."
    ),
)

# API, GetImageSet: `message` is there for a failed or unusual operation only; `overrides.forced` where force was used.
# GetDatastore: a data store has a KMS key or a Lambda authorizer where its creator named one. Developer guide, cost
# optimization: storage tier and last access change without a new version. DICOM PS3.5, 6.2: value representation DA.
FACTS: Mapping[str, Fact] = {
    "versionId": Fact(type=Type.INTEGER),  # a string with the pattern \d+; as text "10" comes before "9"
    "message": Fact(absence=Absence.NONE),
    "overrides.forced": Fact(absence=Absence.FALSE, botocore="1.34.148"),
    "isPrimary": Fact(botocore="1.39.0"),
    "storageTier": Fact(botocore="1.40.71", moving=True),
    "lastAccessedAt": Fact(botocore="1.40.71", moving=True),
    "datastore.kmsKeyArn": Fact(absence=Absence.NONE),
    "datastore.lambdaAuthorizerArn": Fact(absence=Absence.NONE, botocore="1.40.31"),
    "datastore.losslessStorageFormat": Fact(botocore="1.40.71"),
    "dicom.DICOMStudyDate": Fact(type=Type.TIME),
    "dicom.DICOMPatientBirthDate": Fact(type=Type.TIME),
    "dicom.DICOMSeriesInstanceUID": Fact(botocore="1.34.77"),
    "dicom.DICOMSeriesModality": Fact(botocore="1.34.77"),
    "dicom.DICOMSeriesBodyPart": Fact(botocore="1.34.77"),
    "dicom.DICOMSeriesNumber": Fact(botocore="1.34.77"),
}
"""What the model does not say of members of answers, by the path of their field."""
FIRST_BOTOCORE_MEMBER = {
    "IMPORTING": "1.40.31",
    "IMPORTED": "1.40.31",
    "IMPORT_FAILED": "1.40.31",
    "UPDATING_FOR_STUDY_CONSISTENCY": "1.42.81",
}
"""The first botocore whose model has a value of a field."""

MOVING = frozenset(path for path, fact in FACTS.items() if fact.moving)
"""Fields that change without a new version."""

DICOM = "dicom."
"""Before the DICOM attributes of an image set, as SearchImageSets answers them (botocore's model, DICOMTags)."""
DICOM_DAYS = frozenset(
    path for path, fact in FACTS.items() if path.startswith(DICOM) and fact.type is Type.TIME
)
"""YYYYMMDD. Anything else is no date, and counts as absent."""

PREVIOUS = "previous_version."
EARLIER = "previous."
"""Before the fields of an image set as earlier runs, or a deletion event, saw it last."""
KNOWN = Field("known", Type.BOOLEAN, Absence.NEVER, source=Source.HISTORY, doc="Whether an earlier complete run of the audit, or a deletion event, has seen the image set.")  # fmt: skip
EVENT_FIELDS = ("found", "versionId", "imageSetState", "imageSetWorkflowStatus", "isPrimary")
"""What a deletion event says of an image set."""
_NOT_EARLIER = ("datastoreId", "imageSetId", "imageSetArn")
SUCCESSOR = "successor."
SUPERSEDED_BY = "superseded_by"
"""The label that names the image set which replaced one."""
_SUCCESSOR_FIELDS = ("imageSetState", "imageSetWorkflowStatus", "isPrimary")
FROM_ARN = ("account", "region")

# A key as it may stand in a path without quotes; what the API's pattern allows beside, such as a comma, is quoted.
_TAG = re.compile(r'(datastore\.)?tags(?:\.([\w./=+@:-]+)|\[("(?:[^"\\]|\\.)*")\])', re.ASCII)


@dataclass(frozen=True)
class Model:
    """What botocore's model says of the answers.

    `fields` are GetImageSet's, `versions` the paths of those that ListImageSetVersions gives too, `searched` of those that
    SearchImageSets does, and of what is known of any answer, `datastore` those of
    GetDatastore, `dicom` those of SearchImageSets' DICOMTags. `required` and `members` are names of members of GetImageSet's answer.
    `tag_key` is the pattern of the keys of tags, `longest_tag_key` how many characters they have at most.
    `left_out` are members that no policy can name, each with the reason: a newer botocore has some that this catalogue has
    no type for.
    """

    botocore_version: str
    required: frozenset[str]
    fields: Mapping[str, Field]
    members: frozenset[str]
    versions: frozenset[str]
    searched: frozenset[str]
    datastore: Mapping[str, Field]
    dicom: Mapping[str, Field]
    tag_key: str
    longest_tag_key: int
    left_out: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """What a run says of members that were left out; nothing where there are none."""
        if not self.left_out:
            return ""
        names = ", ".join(self.left_out)
        return f"The model of botocore {self.botocore_version} has members that no policy can name: {names}."


@cache
def model() -> Model:
    """The model of the installed botocore.

    Raises:
        RuntimeError: the installed botocore has no model of HealthImaging.
    """
    shapes = service_model(SERVICE)["shapes"]
    members = Members(shapes, FACTS)
    output = shapes[ACTIONS[GET_IMAGE_SET].shape]
    fields = {field.path: field for field in members.fields(output, "")}

    def given(action: Action) -> frozenset[str]:
        names = {action.spelling.get(name, name) for name in shapes[action.shape]["members"]}
        names |= set(action.parameters)
        return frozenset(path for path in fields if path.partition(".")[0] in names)

    datastore = list(members.fields(shapes[ACTIONS[GET_DATASTORE].shape], "datastore."))
    dicom = list(members.fields(shapes["DICOMTags"], DICOM, known=False))
    return Model(
        botocore_version=version("botocore"),
        # what is not read need not be there either
        required=frozenset(name for name in output["required"] if name in fields),
        fields=fields,
        members=frozenset(output["members"]),
        versions=given(ACTIONS[LIST_VERSIONS]),
        searched=given(ACTIONS[SEARCH]) | {"found", "collectedAt"},
        datastore={field.path: replace(field, source=Source.DATASTORE) for field in datastore},
        dicom={
            field.path: replace(field, source=Source.DICOM, day=field.path in DICOM_DAYS) for field in dicom
        },
        tag_key=shapes["TagKey"].get("pattern", ""),
        longest_tag_key=shapes["TagKey"].get("max", 128),
        left_out=tuple(members.left_out),
    )


@cache
def answer_fields(name: str) -> Mapping[str, Field]:
    """The members of an action's answer, of a list those of an item, by path as the API spells them; none where they are
    anybody's.

    Raises:
        RuntimeError: the installed botocore has no model of the service.
    """
    action = ACTIONS[name]
    if not action.shape:
        return {}
    shapes = service_model(action.service)["shapes"]
    return {field.path: field for field in Members(shapes, FACTS).fields(shapes[action.shape], "")}


def catalogue(labels: Mapping[str, Label] | None = None, scope: RuleScope = "image_set") -> dict[str, Field]:
    """Every field that a policy may name, by path, but for tags, whose keys are anybody's (`tag_field`).

    Args:
        labels: the declared labels.
        scope: what is judged: ListImageSetVersions gives less than GetImageSet, and a data store has neither.
    """
    if scope == "datastore":
        own = (NOW, *(field for field in ANSWER_FIELDS if field.path == "target"))
        return {field.path: field for field in own} | dict(model().datastore)
    known = {field.path: field for field in ANSWER_FIELDS} | dict(model().fields)
    if scope == "version":
        known = {path: field for path, field in known.items() if not _not_listed(path)}
        known |= {field.path: field for field in _previous()}
    if scope == "image_set":
        known |= {field.path: field for field in _history()} | dict(model().dicom)
    known |= model().datastore
    for label in (labels or {}).values():
        known[f"labels.{label.name}"] = _label(label)
    named = (labels or {}).get(SUPERSEDED_BY)
    if scope == "image_set" and named is not None and named.type is Type.STRING:
        # where the label is required, nobody knows whether one that lacks it was replaced
        absence = Absence.NOT_REPORTED if named.required else Absence.NONE
        known |= {field.path: replace(field, absence=absence) for field in _successor()}
    return known


def tag_field(path: str) -> Field | None:
    """The field of a tag (`tags.Owner`, `tags["a,b"]`, `datastore.tags.Owner`); None for another path."""
    match = _TAG.fullmatch(path)
    if match is None:
        return None
    try:
        key = match[2] or json.loads(match[3])
    except ValueError:
        return None
    prefix, source = ("datastore.", Source.DATASTORE_TAGS) if match[1] else ("", Source.TAGS)
    name = f"{prefix}tags[{json.dumps(key, ensure_ascii=False)}]"
    return Field(name, Type.STRING, Absence.NONE, source=source, doc=f"The tag {key}.")


def tag_key(field: Field) -> str:
    """The key of a tag's field."""
    return str(json.loads(field.path.partition("[")[2][:-1]))


def tag_key_error(key: str) -> str:
    """Why HealthImaging has no tag of this key; nothing where it may have one."""
    known = model()
    if key.lower().startswith("aws:"):
        return "keys that begin with aws: are AWS's own, and HealthImaging takes none"
    if len(key) > known.longest_tag_key:
        return f"a key has {known.longest_tag_key} characters at most, and this one {len(key)}"
    if known.tag_key and not re.fullmatch(known.tag_key, key):
        strange = next((item for item in key if not re.fullmatch(known.tag_key, item)), "")
        named = {" ": "a space", "": "nothing"}.get(strange, strange)
        return f"the API refuses {named} in a key: it has letters, digits and + - = . _ : / , ; <"
    return ""


def column(field: Field) -> str:
    """The column of a field in a snapshot: its path, but of a tag the key in hex. DuckDB takes names that differ in case
    alone for the same, and AWS does not."""
    if field.source not in (Source.TAGS, Source.DATASTORE_TAGS):
        return field.path
    return tag_column(field.source, tag_key(field))


def tag_column(source: Source, key: str) -> str:
    """The column of a tag of an image set, or of a data store."""
    return f"{source}.{key.encode().hex()}"


def unknown_field_hint(path: str, scope: RuleScope = "image_set", labels: Collection[str] = ()) -> str:
    """Why a path is in no catalogue, where there is more to say than that: else nothing."""
    fact = FACTS.get(path.removeprefix(EARLIER))
    if (
        fact
        and fact.botocore
        and path.removeprefix(EARLIER) not in {**model().fields, **model().datastore, **model().dicom}
    ):
        return f"{path} needs botocore {fact.botocore} or later; {model().botocore_version} is installed and drops it"
    if scope == "version" and _not_listed(path) and path in {**model().fields, **dict.fromkeys(FROM_ARN)}:
        return f"{path} is not known of a version: ListImageSetVersions does not give " + (
            "imageSetArn, from which it is read" if path in FROM_ARN else "it"
        )
    if scope == "version" and path.startswith(PREVIOUS) and _not_listed(path.removeprefix(PREVIOUS)):
        return f"{path} is not known: ListImageSetVersions does not give {path.removeprefix(PREVIOUS)}"
    head = re.split(r"[.\[]", path, maxsplit=1)[0]
    if head == "previous_version" and scope != "version":
        return f"{path} needs `scope: version`, which judges every version beside the one before it"
    if (head in ("previous", "dicom") or path == KNOWN.path) and scope == "version":
        return f"{path} is of the whole image set, which `scope: image_set` judges"
    if head == "previous" and path.removeprefix(EARLIER) in (*_NOT_EARLIER, *FROM_ARN):
        return f"{path} is not kept of an earlier run: it is the same image set"
    if head == "successor" and scope == "image_set" and SUPERSEDED_BY not in labels:
        return f"{path} needs the label {SUPERSEDED_BY}, declared with `type: string`"
    if head == "successor" and scope == "image_set":
        return ""
    if head == "successor":
        return f"{path} is known in `scope: image_set` only"
    return ""


def _not_listed(path: str) -> bool:
    return path in FROM_ARN or (path in model().fields and path not in model().versions)


def _previous() -> Iterator[Field]:
    """The fields of the version before. The first version has none, so that none of them is always there."""
    for path, field in model().fields.items():
        if path in model().versions and path not in ("datastoreId", "imageSetId"):
            absence = Absence.NONE if field.absence is Absence.NEVER else field.absence
            doc = f"{field.path} of the version before; the first version has none."
            yield replace(
                field, path=PREVIOUS + path, absence=absence, source=Source.PREVIOUS_VERSION, doc=doc
            )


def _history() -> Iterator[Field]:
    """What earlier runs and deletion events saw: whether they did at all, and each field as it was last."""
    yield KNOWN
    own = (FOUND_FIELD, *(field for field in ANSWER_FIELDS if field.path == "collectedAt"))
    for field in (*own, *(model().fields[path] for path in earlier_paths())):
        doc = f"{field.path} as the last earlier run of the audit that got an answer on the image set saw it."
        yield replace(field, path=EARLIER + field.path, source=Source.HISTORY, doc=doc)


def earlier_paths() -> tuple[str, ...]:
    """The fields of GetImageSet's answer that a run keeps for later ones."""
    return tuple(path for path in model().fields if path not in _NOT_EARLIER)


def _successor() -> Iterator[Field]:
    what = f"of the image set that the label {SUPERSEDED_BY} names, where it is among the listed ones"
    for field in (FOUND_FIELD, *(model().fields[name] for name in _SUCCESSOR_FIELDS)):
        doc = f"{field.path} {what}."
        yield replace(
            field, path=SUCCESSOR + field.path, absence=Absence.NONE, source=Source.SUCCESSOR, doc=doc
        )


def _label(label: Label) -> Field:
    return Field(
        f"labels.{label.name}",
        label.type,
        Absence.NOT_REPORTED if label.required else Absence.NONE,
        source=Source.OWN,
        doc=label.description,
        members=label.one_of,
        day=label.day,
    )
