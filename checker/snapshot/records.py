"""A record: what one call said of an image set, its versions, its tags, or its data store. As JSON it is the API's
answer with a few members beside it, so that a `records.jsonl` can be read back as recorded answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from checker import instants, values
from checker.aws.actions import ACTIONS, GET_DATASTORE, GET_IMAGE_SET, LIST_TAGS, LIST_VERSIONS
from checker.model import Duration, Scalar

LISTED_SINCE = "listedSince"
"""Of a search that came to its end: from when on no image set can have been deleted unseen."""
SEARCHED_SINCE = "searchedSince"
"""Of a search for every image set of a data store: the same, by what searches saw alone, whatever the owner said."""
EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Before all image sets, where all that was ever deleted is known."""

NOT_FOUND = "ResourceNotFoundException"
NO_VERSION = "VersionNotFound"
NOT_RECORDED = "NotRecorded"
VERSIONS_NOT_RECORDED = "VersionsNotRecorded"
DELETED_NOT_LISTED = "DeletedNotListed"
NO_LONGER_LISTED = "NoLongerListed"
NOT_SEARCHED = "NotSearched"
CONTRADICTORY = "ContradictoryAnswers"
"""Codes: the service's own for what is not there, and seven of ours: the image set is there, but not the version asked
for; no answer of a call was recorded; the recorded answers leave versions out; a search found the image sets, and may not
list those that are DELETED; an earlier run had the target, and its account or data store is not listed any more; no search
that kept the DICOM attributes found the image set; two answers cannot both be true (`contradiction`)."""

VERSIONS = ACTIONS[LIST_VERSIONS].result
PROPERTIES = ACTIONS[GET_DATASTORE].result
TAGS = ACTIONS[LIST_TAGS].result
"""The members that hold the answers of ListImageSetVersions, GetDatastore and ListTagsForResource."""
DICOM_TAGS = "DICOMTags"
"""The member of an image set that SearchImageSets found which has its DICOM attributes: protected health information."""

WITNESS = "witness"
"""The member of a record that no row is made of."""
BESIDE = frozenset(
    {
        "action", "target", "targetAccount", "targetRegion", "requestedVersionId", "collectedAt", "labels",
        "labelPlaces", "complete", "gaps", "reusedFrom", "confirmed", "witness", "error",
    }
)  # fmt: skip
"""What a record's JSON has beside the answer's members."""
_ARN = re.compile(r"arn:[^:]*:medical-imaging:([^:]+):(\d+):")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Record:
    """What the service answered to one call, or why it gave no answer.

    `action` is the call. `answer` has its answer's members in the API's spelling, with times as ISO 8601 text; without
    an answer `error` is its code and message. `image_set_id` is None where the call was about the data store. `version`
    is the one asked for, where one was. Account and Region are the target's, so far as they are known. `label_places`
    say where labels were given, `complete` (of GetDatastore) that the target lists every image set of the data store,
    `gaps` (of ListImageSetVersions) before which versions the one before was not recorded. `reused_from` is the earlier run
    that asked, where nothing has moved since; `confirmed` says that an image set was gone when it was asked for before, too.
    A `witness` is an answer that nothing is judged by, since another one of the call stands: it is there to be compared.
    """

    target: str
    image_set_id: str | None
    datastore_id: str | None = None
    version: int | None = None
    account: str | None = None
    region: str | None = None
    action: str = GET_IMAGE_SET
    answer: Mapping[str, Any] | None = None
    error: tuple[str, str] | None = None
    collected_at: datetime | None = None
    labels: Mapping[str, Scalar] = field(default_factory=dict)
    label_places: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False
    gaps: tuple[int, ...] = ()
    reused_from: str | None = None
    confirmed: bool = False
    witness: bool = False

    @property
    def found(self) -> bool | None:
        """Whether what was asked for is there: None where the service did not say."""
        if self.answer is not None:
            return True
        return False if self.error and self.error[0] == NOT_FOUND else None

    def to_json(self) -> str:
        """One line of records.jsonl, without its line end."""
        document: dict[str, Any] = {
            "action": None if self.action == GET_IMAGE_SET else self.action,
            "target": self.target,
            "targetAccount": self.account,
            "targetRegion": self.region,
            "datastoreId": self.datastore_id,
            "imageSetId": self.image_set_id,
            "requestedVersionId": None if self.version is None else str(self.version),
            "complete": self.complete or None,
            "gaps": list(self.gaps) or None,
            "reusedFrom": self.reused_from,
            "confirmed": self.confirmed or None,
            WITNESS: self.witness or None,
        }
        document |= self.answer or {}
        if self.error:
            document["error"] = {"code": clean(self.error[0]), "message": clean(self.error[1])}
        if self.collected_at:
            document["collectedAt"] = instants.iso(self.collected_at)
        if self.labels:
            document["labels"] = {name: label_text(value) for name, value in self.labels.items()}
        if self.label_places:
            document["labelPlaces"] = {name: clean(place) for name, place in self.label_places.items()}
        kept = {key: value for key, value in document.items() if value is not None}
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def arn_parts(arn: str) -> dict[str, str]:
    """The Region and account in an ARN of the service; nothing where it has none."""
    match = _ARN.match(arn)
    return {"region": match[1], "account": match[2]} if match else {}


def clean(text: str) -> str:
    """Text that UTF-8 can hold: JSON's escapes may bring half a surrogate pair."""
    return _SURROGATES.sub("\ufffd", text)


def label_text(value: Scalar) -> str:
    """A label's value as records hold it: canonical text, so that equal values have equal text."""
    return instants.iso_duration(value) if isinstance(value, Duration) else clean(values.show(value))
