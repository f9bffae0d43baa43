"""What audit.yaml says, frozen. Labels and parameters keep their text and place: their types are the policies'."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

from checker.config.csv_tables import Cell, Table
from checker.config.target_locations import Spread
from checker.instants import DAY
from checker.model import LONGEST, NO_RENAMES, SOON, Duration, Location, Renames, Severity
from checker.policy.tailoring import Override
from checker.problems import InvalidInputError, Problem
from checker.yaml_nodes import Document, Entry, Node

OnUnknown = Literal["incomplete", "violation", "ignore"]


@dataclass(frozen=True, slots=True)
class Rate:
    """A quota of one action: calls a second in the long run, and how many may come at once."""

    rate: float
    burst: float


class Listed(NamedTuple):
    """An image set as a target lists it, with the place of its id and what stands beside it as labels."""

    id: str
    version: int | None
    place: Node | Cell
    labels: tuple[tuple[str, Entry | Cell], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TargetConfig:
    """A target as audit.yaml has it, `defaults` filled in. `node` is its place. `complete` says that it lists every image
    set of the data store. `datastores` is a pattern of names in the place of `datastore`. Where it is `searched`, its
    image sets are found: those of which `where` is true. `spread` says which targets it stands for. `retired` are ids of data
    stores and accounts that are gone for good, by the owner's word."""

    name: str
    region: str
    datastore: str
    node: Node
    listed: tuple[Listed, ...]
    labels: tuple[tuple[str, Entry], ...] = ()
    labels_from: Table | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    complete: bool = False
    datastores: str | None = None
    searched: bool = False
    where: Node | None = None
    spread: Spread = field(default_factory=Spread)
    retired: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the targets are called that it stands for. Where they are `found_later`, these have parts of their own."""
        return tuple(name for name, _, _ in self.spread.parts(self.name))

    @property
    def found_later(self) -> bool:
        """Whether the targets that it stands for are known only once accounts or data stores are asked for."""
        return self.spread.organization or self.datastores is not None

    def missing(self, there: Collection[str]) -> tuple[str, ...]:
        """The targets that it stands for, so far as they are known, of which none is there by name."""
        if self.spread.organization:
            return () if any(_part(name, self.name) for name in there) else (self.name,)
        return tuple(own for own in self.names if not any(_part(name, own) for name in there))


def _part(name: str, whole: str) -> bool:
    return name == whole or name.startswith(f"{whole}/")


RECHECK = Duration(0, 30 * DAY)
"""How often image sets that were seen DELETED are asked for again, unless audit.yaml says otherwise."""


@dataclass(frozen=True, slots=True)
class Collect:
    """How answers are collected.

    `evidence` says what may answer: `exact`, `economical`, or as suits the target. `share` is how much of each quota is
    used. Unless `incremental`, what an earlier run saw is asked for again; image sets that were seen DELETED are asked for
    again every `recheck_deleted`. The user says that image sets which were deleted from `deletions_known_since` on are
    known all the same.
    """

    evidence: Literal["exact", "economical"] | None = None
    share: float = 1.0
    incremental: bool = True
    recheck_deleted: Duration = RECHECK
    deletions_known_since: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AuditConfig:
    """An audit as its file describes it.

    `policies` are texts with their places, each a path relative to `root` or `pack:NAME`. The keys of `params` are
    PACK.param or PACK/RULE.param, `rules` what is changed of the policies' rules. `fail_on` is None for
    `never`; `new_only`, which may name a run, `most` and `min_coverage` are the gate's too. `reports` (format to path),
    `waivers`, `events` and `runs`, which may be in S3, are as written, relative to `root`. `longest` and `soon` are what
    waivers are held to, `keep` is how long runs are kept, `object_lock` the mode in which S3 locks them. `renamed` says what earlier runs call otherwise. `rates` are quotas that differ from the published ones, by action. `files` are the
    other files that were read, as shown to the user, with their sha256 in hex.
    """

    path: Path
    root: Path
    document: Document
    name: str
    policies: tuple[Node, ...]
    targets: tuple[TargetConfig, ...]
    params: Mapping[str, Entry] = field(default_factory=dict)
    rules: tuple[Override, ...] = ()
    fail_on: Severity | None = Severity.LOW
    on_unknown: OnUnknown = "incomplete"
    reports: Mapping[str, str] = field(default_factory=dict)
    new_only: bool | str = False
    most: Mapping[Severity, int] = field(default_factory=dict)
    min_coverage: Fraction | None = None
    waivers: str | None = None
    longest: Mapping[Severity, Duration] = field(default_factory=lambda: LONGEST)
    soon: Duration = SOON
    events: tuple[str, ...] = ()
    runs: str | None = None
    keep: Duration | None = None
    object_lock: str | None = None
    renamed: Renames = NO_RENAMES
    rates: Mapping[str, Rate] = field(default_factory=dict)
    collect: Collect = Collect()
    endpoint_url: str | None = None
    runtime_endpoint_url: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()

    @property
    def source(self) -> bytes:
        """The file's bytes."""
        return self.document.source

    @property
    def sha256(self) -> str:
        """Of the file's bytes, in hex."""
        return self.document.sha256

    def at(self, path: str) -> Path:
        """The file that a path written in audit.yaml means: relative to the folder of audit.yaml."""
        return self.root / path

    @contextmanager
    def place_of(self, *keys: str) -> Iterator[None]:
        """Shows what is wrong with a file that audit.yaml names where it names it, under these keys; what is wrong in the
        file is shown there."""
        node = self.document.root.at(keys)
        try:
            yield
        except InvalidInputError as error:
            raise InvalidInputError(
                [
                    problem
                    if isinstance(problem.where, Location)
                    else node.problem(
                        f"{problem.where}: {problem.message}", problem.hint, warning=problem.warning
                    )
                    for problem in error.problems
                ]
            ) from None

    def report_key(self, name: str) -> Node:
        """The place of a report format's name, for a problem with it."""
        key: Node = self.document.root.at(("reports",)).value[name].key
        return key
