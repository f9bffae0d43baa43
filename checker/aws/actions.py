"""The actions of AWS's API that the checker calls: one record for each, which everything that must know of one reads.

Data alone: nothing here imports boto3, and the simulator reads the same records. An action that is not here is refused
before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from checker.model import Source

SERVICE = "medical-imaging"
GET_IMAGE_SET = "GetImageSet"
LIST_VERSIONS = "ListImageSetVersions"
GET_DATASTORE = "GetDatastore"
LIST_TAGS = "ListTagsForResource"
SEARCH = "SearchImageSets"
LIST_DATASTORES = "ListDatastores"
LIST_ACCOUNTS = "ListAccounts"
ASSUME_ROLE = "AssumeRole"
LOCK = "PutObjectRetention"

ANY, STORE, IMAGE_SET, ROLE, BUCKET, OBJECT = "*", "datastore", "imageset", "role", "bucket", "object"
"""The resources on which IAM permits an action."""

Deed = Literal["fetch", "read", "write", "remove"]
"""What is done with kept runs in S3: files of a run fetched; runs read; kept; pruned, or their names given back."""
PAGE = 50
"""Items in a page of HealthImaging: the most that it gives."""


class Form(StrEnum):
    """What an answer is made of. Each form has its check (`snapshot.answers`) and its columns (`snapshot.columns`)."""

    STATE = "the state of an image set"
    VERSIONS = "the states of all versions of an image set"
    SUMMARIES = "what a search says of image sets, each a record of its own"
    OBJECT = "an object"
    LIST = "a list of objects"
    MAP = "texts by keys that are anybody's"


@dataclass(frozen=True, slots=True)
class Paging:
    """How an answer is cut into pages: the member that names the next one, the parameter for the size of a page (none
    where it is left to the service), and the most items that a page has."""

    token: str = "nextToken"  # noqa: S105 - the name of a member
    limit: str = "maxResults"
    most: int = PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action of AWS's API.

    Attributes:
        name: its name in botocore's model of the service.
        service: botocore's name of the service, and IAM's.
        request: its method and path, as botocore's model has them. Empty where requests are botocore's alone.
        host: what botocore puts before the host of the service.
        quota: calls a second and burst of an account and Region, where AWS publishes them.
        resources: on what IAM permits it; nothing where nobody need permit it.
        iam: the action of IAM, where that is called otherwise.
        deeds: what of kept runs in S3 it serves.
        form: what its answer is made of; None where no record is made of it.
        result: the member of its answer that has it; empty where the whole answer is it.
        shape: what botocore's model calls the structure in it; of a list an item.
        spelling: members of that structure that GetImageSet spells otherwise, with its spelling.
        paging: None where an answer is never cut.
        bytes: about how long the body of an answer is: by the members in botocore's model, two versions to an image
            set, and pages that are full. AWS publishes no sizes.
        phi: whether it answers with data of patients, so that no message may show a value.
        finds: whether it finds image sets: a failed one leaves it open which there are.
        per_datastore: whether it is asked once of each data store, where rules read what it answers.
        sources: the sources of fields that it answers.
        healthy: what it answers where nothing is wrong, but for what its own call says and for times; of a list an item.
    """

    name: str
    service: str = SERVICE
    request: str = ""
    host: str = ""
    quota: tuple[float, float] | None = None
    resources: tuple[str, ...] = ()
    iam: str = ""
    deeds: tuple[Deed, ...] = ()
    form: Form | None = None
    result: str = ""
    shape: str = ""
    spelling: Mapping[str, str] = field(default_factory=dict)
    paging: Paging | None = None
    bytes: int = 0
    phi: bool = False
    finds: bool = False
    per_datastore: bool = False
    sources: tuple[Source, ...] = ()
    healthy: Mapping[str, object] = field(default_factory=dict)

    @property
    def permission(self) -> str:
        """The action of IAM that permits it."""
        return self.iam or f"{self.service}:{self.name}"

    @property
    def method(self) -> str:
        """The method of boto3's client: `get_image_set`."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", self.name).lower()

    def example(self, asked: Mapping[str, object]) -> dict[str, object]:
        """An answer with which nothing is wrong, but for what no call says; to what was asked, by parameter."""
        item = {**self.healthy, **{name: asked[name] for name in self.parameters if name in asked}}
        if self.form in (Form.VERSIONS, Form.SUMMARIES, Form.LIST):
            return {self.result: [item]}
        return {self.result: item} if self.result else item

    @property
    def names(self) -> Mapping[str, str]:
        """How members are spelled that GetImageSet spells otherwise, by its spelling."""
        return {ours: name for name, ours in self.spelling.items()}

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what it is asked of, such as `datastoreId`: those in its path."""
        return tuple(re.findall(r"\{(\w+)\}", self.request))


# Quotas: https://docs.aws.amazon.com/healthimaging/latest/devguide/throttling-limits.html; adjustable, so `rates` of
# audit.yaml may say otherwise. IAM: service authorization reference, "Actions, resources, and condition keys for AWS
# HealthImaging". None of these counts as access to an image set, so none moves a set between storage tiers or touches
# `lastAccessedAt` (AWS HealthImaging developer guide, cost optimization).
_RECORDS = (
    Action(name="GetCallerIdentity", service="sts"),
    Action(name=ASSUME_ROLE, service="sts", resources=(ROLE,)),
    Action(
        name=LIST_ACCOUNTS, service="organizations", resources=(ANY,), finds=True,
        form=Form.LIST, result="Accounts", shape="Account", paging=Paging("NextToken", "", 20), bytes=500,
        healthy={"State": "ACTIVE", "JoinedMethod": "CREATED"},
    ),
    Action(
        name=LIST_DATASTORES, request="GET /datastore", quota=(5, 10), resources=(ANY,), finds=True,
        form=Form.LIST, result="datastoreSummaries", shape="DatastoreSummary", paging=Paging(), bytes=400,
        healthy={"datastoreName": "archive", "datastoreStatus": "ACTIVE"},
    ),
    Action(
        name=GET_DATASTORE, request="GET /datastore/{datastoreId}", quota=(10, 20), resources=(STORE,),
        form=Form.OBJECT, result="datastoreProperties", shape="DatastoreProperties", bytes=500, sources=(Source.DATASTORE,),
        healthy={"datastoreName": "archive", "datastoreStatus": "ACTIVE", "losslessStorageFormat": "HTJ2K"},
    ),
    Action(
        name=SEARCH, request="POST /datastore/{datastoreId}/searchImageSets", host="runtime-", quota=(25, 50),
        resources=(STORE,), phi=True, finds=True,
        form=Form.SUMMARIES, result="imageSetsMetadataSummaries", shape="ImageSetsMetadataSummary",
        spelling={"version": "versionId"}, paging=Paging(), bytes=50 * 700, sources=(Source.DICOM,),
        healthy={"isPrimary": True, "storageTier": "FREQUENT_ACCESS"},
    ),
    Action(
        name=GET_IMAGE_SET, request="POST /datastore/{datastoreId}/imageSet/{imageSetId}/getImageSet", host="runtime-",
        quota=(25, 50), resources=(STORE, IMAGE_SET),
        form=Form.STATE, shape="GetImageSetResponse", bytes=700,
        healthy={
            "imageSetState": "ACTIVE", "imageSetWorkflowStatus": "CREATED", "isPrimary": True, "storageTier": "FREQUENT_ACCESS",
        },
    ),
    Action(
        name=LIST_VERSIONS, request="POST /datastore/{datastoreId}/imageSet/{imageSetId}/listImageSetVersions",
        host="runtime-", quota=(25, 50), resources=(STORE, IMAGE_SET),
        form=Form.VERSIONS, result="imageSetPropertiesList", shape="ImageSetProperties",
        spelling={"ImageSetWorkflowStatus": "imageSetWorkflowStatus"}, paging=Paging(), bytes=2 * 300,
        healthy={"imageSetState": "ACTIVE", "ImageSetWorkflowStatus": "CREATED", "isPrimary": True},
    ),
    Action(
        name=LIST_TAGS, request="GET /tags/{resourceArn}", quota=(10, 20), resources=(IMAGE_SET, STORE),
        form=Form.MAP, result="tags", bytes=100, sources=(Source.TAGS, Source.DATASTORE_TAGS),
    ),
    # HeadBucket is how botocore finds the Region of a bucket
    Action(name="HeadBucket", service="s3", resources=(BUCKET,), iam="s3:ListBucket", deeds=("fetch", "read", "write", "remove")),
    Action(name="ListObjectsV2", service="s3", resources=(BUCKET,), iam="s3:ListBucket", deeds=("read", "write", "remove")),
    Action(name="GetObject", service="s3", resources=(OBJECT,), deeds=("fetch", "read", "write", "remove")),
    Action(name="HeadObject", service="s3", resources=(OBJECT,), iam="s3:GetObject", deeds=("read", "write", "remove")),
    Action(name="PutObject", service="s3", resources=(OBJECT,), deeds=("write", "remove")),
    Action(name=LOCK, service="s3", resources=(OBJECT,), deeds=("write",)),
    Action(name="ListObjectVersions", service="s3", resources=(BUCKET,), iam="s3:ListBucketVersions", deeds=("remove",)),
    Action(name="DeleteObject", service="s3", resources=(OBJECT,), deeds=("remove",)),
)  # fmt: skip
ACTIONS: Mapping[str, Action] = {action.name: action for action in _RECORDS}
"""Every action that the checker calls, by its name, in the order in which an audit first calls it."""

COLLECTED = tuple(name for name, action in ACTIONS.items() if action.service == SERVICE)
"""Those of HealthImaging, which a collection calls."""
RECORDED = tuple(name for name, action in ACTIONS.items() if action.form)
"""Those whose answers are recorded."""
STATES = tuple(name for name, action in ACTIONS.items() if action.form in (Form.STATE, Form.VERSIONS))
"""Those that say of an image set what state it is in, and never late."""
FINDING = tuple(name for name, action in ACTIONS.items() if action.finds)
"""Those that find image sets."""
PERMITTED = frozenset(name for name, action in ACTIONS.items() if not action.deeds)
"""Those that a client of HealthImaging, STS or Organizations may call."""


def on_runs(deed: Deed) -> frozenset[str]:
    """The actions of S3 that serve what is done with kept runs."""
    return frozenset(name for name, action in ACTIONS.items() if deed in action.deeds)
