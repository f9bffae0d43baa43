"""The formats of reports: what each is, and what writes it. A new format is a module of this package and a record here.

The command line offers what stands here; a module is imported when something is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TextIO

from checker.reporting.report_options import Options

Document = Literal["run", "diff", "trend", "forecast", "rule tests", "explanation", "plan"]
"""What is reported: a run, a comparison of two, how the numbers of an audit went, what time will change, the tests of rules, why
a verdict is as it is, what a collection would ask."""
_DOCUMENTS: Mapping[str, Document] = {
    "Run": "run",
    "Comparison": "diff",
    "Trend": "trend",
    "Forecast": "forecast",
    "RuleTests": "rule tests",
    "ExplainedVerdicts": "explanation",
    "CollectionPlan": "plan",
}


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of report: what it is, in a line, and the function that writes it of each document that it is for, as
    `module:function` of this package. `parts` is there where a report of a run may take several files."""

    doc: str
    writers: Mapping[Document, str]
    parts: str = ""


FORMATS: Mapping[str, Format] = {
    "html": Format("one page for auditors, readable without network and scripts", {"run": "html:write", "diff": "diff_page:html", "trend": "trend_page:write", "forecast": "forecast_page:write"}),
    "json": Format(
        "the normal form: docs/results-1.schema.json describes it",
        {"run": "json:write", "diff": "diff:json", "trend": "trend:json", "forecast": "forecast:json", "rule tests": "test_report:json", "explanation": "explanation:json", "plan": "collection_plan:write_json"},
    ),
    "ndjson": Format(
        "the same as lines, one a finding: docs/results-ndjson-1.schema.json describes them", {"run": "ndjson:write"}
    ),
    "junit": Format(
        "for CI servers; split before 25 MB or 50,000 cases", {"run": "junit:write", "rule tests": "test_report:junit"}, parts="junit:documents"
    ),
    "markdown": Format("tables for the summary of a job", {"diff": "diff_page:markdown"}),
    "text": Format(
        "the summary that standard output shows", {"run": "text:write", "diff": "diff:text", "trend": "trend:text", "forecast": "forecast:text", "explanation": "explanation:write", "plan": "collection_plan:write"}
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Writer:
    """What writes a document in a format: `write` the whole of it; `parts` is there where it may take several files, of
    which each, text piece by piece, is read to its end before the next is asked for."""

    write: Callable[[Any, TextIO, Options], None]
    parts: Callable[[Any, Options], Iterator[Iterator[str]]] | None = None


def formats(document: Document) -> tuple[str, ...]:
    """The names of the formats that there are of a document."""
    return tuple(name for name, record in FORMATS.items() if document in record.writers)


def document_name(document: object) -> Document:
    """What a value is as a document."""
    return _DOCUMENTS[type(document).__name__]


def writer(name: str, document: Document = "run") -> Writer:
    """What writes a document in one of its formats."""
    record = FORMATS[name]
    parts = _function(record.parts) if record.parts and document == "run" else None
    return Writer(_function(record.writers[document]), parts)


def _function(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), name)
