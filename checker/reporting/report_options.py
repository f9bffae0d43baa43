"""What a report may be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from checker.model import JUnitFor, JUnitPasses, JUnitSkipped, Sort

USUAL_WIDTH = 80
"""Of text in a file, and on a stream that is no terminal."""
USUAL_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Options:
    """How reports are written.

    `junit_passes`, `junit_skipped` and `junit_for` say how JUnit shows what passed, which skipped cases it has, and who reads
    it. `color` says whether the text report may use the terminal's colours.
    `siblings` maps formats to the paths of the run's other reports, so that a report that shows only the first
    findings can say where the rest is; a file that may be moved has their names alone, standard output their `folders` too. `show_phi` says whether DICOM
    attributes are shown, which are data of patients. Text is at most `width` cells wide on standard output; it shows `limit`
    findings, and `sort` says which.
    """

    junit_passes: JUnitPasses = "auto"
    color: bool = False
    siblings: Mapping[str, str] = field(default_factory=dict)
    show_phi: bool = False
    folders: bool = False
    junit_skipped: JUnitSkipped = "all"
    junit_for: JUnitFor = "strict"
    width: int = USUAL_WIDTH
    limit: int = USUAL_LIMIT
    sort: Sort = "severity"
