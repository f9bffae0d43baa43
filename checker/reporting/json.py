"""`json`: the normal form as a file, one finding a line, written as it is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TextIO

from checker.judgement.run import Run
from checker.reporting import normal_form
from checker.reporting.escape import json_text
from checker.reporting.report_options import Options


def write(run: Run, out: TextIO, options: Options) -> None:
    """results.json: `schema`, `run`, `summary`, then `findings` and `unreadable`, one a line."""
    header = json_text(normal_form.header(run, show_phi=options.show_phi), indent=2).removesuffix("\n}")
    out.write(f"{header},\n")
    _list(out, "findings", normal_form.findings(run, show_phi=options.show_phi))
    out.write(",\n")
    _list(out, "unreadable", normal_form.unread(run))
    out.write("\n}\n")


def _list(out: TextIO, name: str, rows: Iterable[dict[str, Any]]) -> None:
    out.write(f'  "{name}": [')
    lead = "\n    "
    for row in rows:
        out.write(lead + json_text(row))
        lead = ",\n    "
    out.write("]" if lead.startswith("\n") else "\n  ]")
