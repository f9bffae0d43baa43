"""Reports of what a command found: all that are asked for, whatever became of the one before."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from checker import api
from checker.cli.console import colored, line_width, print_error, print_line, silence_broken_pipe

if TYPE_CHECKING:
    from checker.reporting.formats import Document

UNDELIVERED = 4


def reports_or_text(
    asked: Sequence[str], document: Document, config: str | None, *, as_json: bool = False
) -> list[tuple[str, str]]:
    """The reports that are asked for, else the text on standard output.

    Args:
        asked: as the command line has them.
        document: what is reported.
        config: audit.yaml, which no report replaces; that of the present folder unless given.
        as_json: whether `--json` is given: JSON on standard output.
    """
    every = [*(["json=-"] if as_json else []), *asked]
    inputs = [config or "audit.yaml"]
    return api.requested_reports(every, document=document, inputs=inputs) or [("text", api.STDOUT)]


def deliver(document: api.Reported, reports: Sequence[tuple[str, str]]) -> int:
    """Writes reports, and says where, unless one of them is on standard output; the exit code."""
    printed, code = any(path == api.STDOUT for _, path in reports), 0
    how = api.Options(color=colored(sys.stdout), width=line_width(sys.stdout), siblings=dict(reports))
    for kind, path in reports:
        try:
            for item in api.report(document, {kind: path}, how):
                if not printed:
                    print_line(f"{kind:<8} {item}")
        except api.ReportError as error:
            print_error(str(error))
            code = UNDELIVERED
        except BrokenPipeError:
            silence_broken_pipe()
    return code
