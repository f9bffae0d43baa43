"""What is audited: targets, the image sets that they list or search for, and what the rules of a run read of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from checker.model.language import Condition, Scalar

UNNAMED = "(store not named)"
"""In place of the id of a data store that recorded answers do not name."""


@dataclass(frozen=True, slots=True)
class Target:
    """Image sets of one data store that are audited together, and how to reach them."""

    name: str
    region: str
    datastore: str
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    image_sets: tuple[ImageSetRef, ...] = ()
    complete: bool = False
    """The user says that these are all the image sets of the data store."""
    discovery: Discovery | None = None
    """How image sets are found, where they are not listed."""
    datastores: str | None = None
    """In place of `datastore`, which is empty then: the pattern that the names of the data stores to read match, as in a
    shell; `*` for all."""
    organization: bool = False
    """Every active account of the organization is read, each through `role_arn`, whose `{account}` is its id."""
    only: tuple[str, ...] = ()
    """Where not all of its parts are read: patterns of the names of those that are."""
    account_name: str = ""
    """What the organization calls the account, where the target is one of its accounts."""
    retired: tuple[str, ...] = ()
    """Ids of data stores and of accounts of which the owner says that they are gone for good."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """Image sets that SearchImageSets finds: all, or those of which `where` is true.

    `labels` are those of every image set of the target; `listed` has those that an inventory gives to image sets, by id.
    """

    where: Condition | None = None
    labels: Mapping[str, Scalar] = field(default_factory=dict)
    label_places: Mapping[str, str] = field(default_factory=dict)
    listed: Mapping[str, ImageSetRef] = field(default_factory=dict)

    def ref(self, image_set_id: str) -> ImageSetRef:
        """An image set with its labels: those of the whole target, and over them its own."""
        own = self.listed.get(image_set_id, ImageSetRef(image_set_id))
        labels, places = {**self.labels, **own.labels}, {**self.label_places, **own.label_places}
        return ImageSetRef(image_set_id, None, labels, places)


@dataclass(frozen=True, slots=True)
class ImageSetRef:
    """An image set as the configuration lists it; `version` where one is pinned."""

    id: str
    version: int | None = None
    labels: Mapping[str, Scalar] = field(default_factory=dict)
    label_places: Mapping[str, str] = field(default_factory=dict)
    """Where each label was given, as `file:line` or `file:line:column`."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the rules of a run read: which calls a collection makes and which tables a snapshot has.

    `image_sets`: GetImageSet for each image set. `versions`: ListImageSetVersions for each; `previous_version` says
    that a rule compares a version with the one before, so that a pinned version needs the list too. `datastores`: a rule
    judges data stores. `datastore`: a rule reads `datastore.*`. `tags` and `datastore_tags` are the tag keys read;
    `successor` says that a rule reads what became of `labels.superseded_by`, `history` that one reads what earlier runs
    saw: `known` or `previous.*`. `dicom` are the DICOM attributes read, by their names in the API. `calls` are further actions, asked
    once of each data store. `fields` are the paths of GetImageSet's answer that are read of image sets, which
    say what calls can answer: None stands for all.
    """

    image_sets: bool = True
    versions: bool = False
    previous_version: bool = False
    datastores: bool = False
    datastore: bool = False
    tags: tuple[str, ...] = ()
    datastore_tags: tuple[str, ...] = ()
    successor: bool = False
    history: bool = False
    dicom: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    fields: frozenset[str] | None = None
