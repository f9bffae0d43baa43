"""What audit.yaml says, frozen. Labels and parameters keep their text and place: their types are the policies'."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checker.config.csv_tables import Cell, Table
from checker.config.target_locations import TargetSpread
from checker.model import LONGEST, SOON, Duration, Location, Renames, Severity
from checker.policy.tailoring import Override
from checker.problems import InvalidInputError, Problem
from checker.yaml_nodes import Document, Entry, Node


@dataclass(frozen=True, slots=True)
class Rate:
    """A quota of one action: calls a second in the long run, and how many may come at once."""

    rate: float
    burst: float


if TYPE_CHECKING:
    from checker.config.models import Collect, Defaults, Gate, Runs, Waivers


class ListedImageSet(NamedTuple):
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
    listed: tuple[ListedImageSet, ...]
    labels: tuple[tuple[str, Entry], ...] = ()
    labels_from: Table | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    complete: bool = False
    datastores: str | None = None
    searched: bool = False
    where: Node | None = None
    spread: TargetSpread = field(default_factory=TargetSpread)
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


@dataclass(frozen=True, slots=True, eq=False)
class AuditConfig:
    """An audit as its file describes it.

    `policies` are texts with their places, each a path relative to `root` or `pack:NAME`. The keys of `params` are
    PACK.param or PACK/RULE.param, `rules` what is changed of the policies' rules. What is of another kind than its place in
    the file is as `models` declares it: paths are as written, relative to `root`. `reports` are paths by format, and `junit` is
    how JUnit is written, by the names of `JUNIT_OPTIONS`: those that the file has. `files` are the other files that were
    read, as shown to the user, with their sha256 in hex.
    """

    path: Path
    root: Path
    document: Document
    name: str
    policies: tuple[Node, ...]
    targets: tuple[TargetConfig, ...]
    params: Mapping[str, Entry]
    rules: tuple[Override, ...]
    defaults: Defaults
    gate: Gate
    reports: Mapping[str, str]
    junit: Mapping[str, str]
    waivers: Waivers | None
    events: Sequence[str]
    runs: Runs | None
    renamed: Renames
    rates: Mapping[str, Rate]
    collect: Collect
    files: Mapping[str, str]
    warnings: tuple[Problem, ...]

    @property
    def waivers_file(self) -> Path | None:
        """The file of waivers, where it names one."""
        return self.at(self.waivers.file) if self.waivers else None

    @property
    def soon(self) -> Duration:
        """How long before its end a waiver is listed as ending soon."""
        return self.waivers.soon if self.waivers else SOON

    @property
    def longest(self) -> Mapping[Severity, Duration]:
        """How long a waiver may last, by severity."""
        return self.waivers.max_duration if self.waivers else LONGEST

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
