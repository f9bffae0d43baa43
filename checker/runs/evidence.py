"""Evidence: the records of one collection, and what else there is to say of it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from checker import temporary_files
from checker.layout import RECORDS, sha256
from checker.problems import Problem
from checker.snapshot.columns import REFERENCE, connect, read_lines
from checker.snapshot.deletion_events import Event
from checker.snapshot.input_notes import of_events, of_files
from checker.sql import col
from checker.temporary_files import Scratch

if TYPE_CHECKING:
    from checker.config import AuditConfig
    from checker.model import Target


@dataclass(frozen=True)
class Evidence(Scratch):
    """Records in a folder, where the snapshot and the findings are written too. A temporary one goes at the end of a `with`
    block.

    `digest` stands for the inputs in the run's id, `warnings` are what was odd in recorded files. The rest is what a live collection says of itself, see
    `inventory.Collection`.
    """

    folder: Path
    source: Literal["live", "recorded"]
    digest: str
    notes: tuple[str, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)
    traffic: Mapping[str, float] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict, kw_only=True)
    """What `data_stores` are called, by target, and `accounts` by id, as their organization has them."""
    interrupted: bool = False
    deletions_known_since: datetime | None = None
    """From when on the owner of the audit says that every deletion is known."""
    warnings: tuple[Problem, ...] = ()

    @property
    def records(self) -> Path:
        """The JSON lines."""
        return self.folder / RECORDS


def names_of(facts: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What data stores and accounts are called, by a manifest; nothing by one of an earlier version.

    Raises:
        AttributeError: it is damaged.
    """
    return {
        str(kind): {str(item): str(name) for item, name in found.items()}
        for kind, found in (facts.get("names") or {}).items()
    }


def recorded_evidence(
    folder: Path, warnings: tuple[Problem, ...] = (), events: Sequence[Event] | None = None
) -> Evidence:
    """The records of recorded answers as evidence.

    Args:
        folder: a temporary one that has them.
        warnings: what was odd in the files of the answers.
        events: deletions; None where no file of them was given.
    """
    notes, more = of_events(events, folder / RECORDS)
    notes = (*of_files(warnings), *notes)
    digest = sha256(folder / RECORDS)
    return Evidence(folder, "recorded", digest, notes, warnings=(*warnings, *more))


def move(evidence: Evidence, folder: Path) -> Evidence:
    """Moves evidence into a folder that is kept."""
    shutil.move(evidence.records, folder / RECORDS)
    temporary_files.discard(evidence.folder)
    return replace(evidence, folder=folder)


def targets_in(records: Path) -> frozenset[str]:
    """The targets that records are of."""
    with connect() as connection:
        lines = read_lines(connection, records, REFERENCE)
        return frozenset(name for (name,) in lines.select(col("target")).distinct().fetchall())


def sizes_in(records: Path) -> dict[str, int]:
    """How many image sets records are of, by target: none where a target has records, but no image set."""
    with connect() as connection:
        lines = read_lines(connection, records, REFERENCE)
        pairs = lines.select(col("target"), col("imageSetId")).distinct()
        return dict(pairs.aggregate("target, count(imageSetId)", "target").fetchall())


def digest(parts: Iterable[str]) -> str:
    """Eight hex digits of a sha256 over texts, for a run's id."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(f"{len(part)}:{part}".encode())
    return whole.hexdigest()[:8]


def input_digest(
    config: AuditConfig, chosen: Iterable[Target], events: Iterable[Event] = (), *, refresh: bool = False
) -> str:
    """What a live audit is asked to do, as text for its id: the hashes of audit.yaml and of the files it names, the chosen
    targets, the deletions that are known of, and whether all is asked for anew."""
    options = (
        *(name for target in chosen for name in (target.name, *target.only)),
        *map(repr, events),
        f"refresh={refresh}",
    )
    return " ".join((config.sha256, *config.files.values(), digest(options)))
