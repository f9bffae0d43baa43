"""What a report may be told, and what a kind of report is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TextIO

from checker.judgement.run import Run

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


Writer = Callable[[Run, TextIO, Options], None]
Document = Iterator[str]
"""The text of one file, piece by piece."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of report: its writer, and one line for `--help`.

    `documents` is there where a report may take several files; each is read to its end before the next is asked for.
    """

    write: Writer
    doc: str
    documents: Callable[[Run, Options], Iterator[Document]] | None = None
