"""What a report may be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

JUnitPasses = Literal["full", "aggregate", "none"]


@dataclass(frozen=True, slots=True)
class Options:
    """How reports are written.

    `junit_passes` says how JUnit shows what passed, `color` whether the text report may use the terminal's colours.
    `siblings` maps formats to the paths of the run's other reports, so that a report that shows only the first
    findings can say where the rest is; a file that may be moved has their names alone, standard output their `folders` too. `show_phi` says whether DICOM
    attributes are shown, which are data of patients.
    """

    junit_passes: JUnitPasses = "full"
    color: bool = False
    siblings: Mapping[str, str] = field(default_factory=dict)
    show_phi: bool = False
    folders: bool = False
