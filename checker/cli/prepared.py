"""Everything that `check` reads, and refuses, before the first image set is looked at."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checker import api
from checker.audit.replaying import Terms, terms
from checker.cli import options
from checker.cli.console import colored, warn
from checker.cli.options import Check
from checker.evidence.events import Event
from checker.model import Duration, Waiver
from checker.problems import Gathered, InvalidInputError, Problem

if TYPE_CHECKING:
    from checker.config import AuditConfig
    from checker.evidence.runfolder import Key
    from checker.model import Target


@dataclass(frozen=True)
class Prepared:
    """What `check` is going to do.

    `kept` is the run whose evidence is judged again, if one is. `store` is where the run is kept, if it is, `earlier`
    what is there already. `files` are the bytes of what the run is judged by, by their names in a run folder.
    """

    config: AuditConfig | None
    rules: api.Rules
    targets: tuple[Target, ...]
    left_out: tuple[str, ...]
    gate: api.Gate
    as_of: datetime | None
    reports: list[tuple[str, str]]
    options: api.Options
    waivers: tuple[Waiver, ...] = ()
    soon: Duration | None = None
    events: tuple[Event, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    store: api.Store | None = None
    earlier: api.Past = api.Past()
    key: Key | None = None
    kept: api.Kept | None = None

    @property
    def name(self) -> str:
        """The audit's name."""
        if self.config is not None:
            return self.config.name
        return self.kept.audit if self.kept else "recorded"


def prepare(given: Check, started: datetime) -> Prepared:
    """Reads and checks every option and every file that they name.

    Raises:
        InvalidInputError: with every problem of all of them.
    """
    work = _Work(given, started)
    work.sources()
    work.rules_and_targets()
    work.rest()
    return work.prepared()
