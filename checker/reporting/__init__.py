"""Stage 5: a run becomes files."""

from __future__ import annotations

from checker.reporting.delivery import STDOUT, ReportError, deliver, probe
from checker.reporting.formats import FORMATS, Writer, document_name, formats, writer
from checker.reporting.report_options import Options

__all__ = [
    "FORMATS",
    "STDOUT",
    "Options",
    "ReportError",
    "Writer",
    "deliver",
    "document_name",
    "formats",
    "probe",
    "writer",
]
