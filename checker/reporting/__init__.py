"""Stage 5: a run becomes files. `FORMATS` is the registry, one file per format.

A new format is a module with `write(run, out, options)` and a line here.
"""

from __future__ import annotations

from collections.abc import Mapping

from checker.reporting import html, json, junit, text
from checker.reporting.delivery import STDOUT, ReportError, deliver, probe
from checker.reporting.report_options import Format, JUnitPasses, Options

FORMATS: Mapping[str, Format] = {
    "html": Format(html.write, "one page for auditors, readable without network and scripts"),
    "json": Format(json.write, "the normal form: docs/results-1.schema.json describes it"),
    "junit": Format(junit.write, "for CI servers; split before 25 MB or 50,000 cases", junit.documents),
    "text": Format(text.write, "the summary that standard output shows"),
}

__all__ = ["FORMATS", "STDOUT", "Format", "JUnitPasses", "Options", "ReportError", "deliver", "probe"]
