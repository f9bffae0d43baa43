"""`diff`: what changed from one run to another, and why."""

from __future__ import annotations

from checker import api
from checker.cli.console import print_error, print_warnings

UNDELIVERED = 4


def run(old: str, new: str, reports: list[str], config: str | None) -> int:
    """Writes the comparison: 0 whatever changed, since it informs and gates nothing."""
    asked = api.requested_reports(reports, document="diff") or [("text", api.STDOUT)]
    delivered = True
    with api.diff(old, new, config=config, warn=print_warnings) as comparison:
        for name, path in asked:
            try:
                api.report(comparison, {name: path})
            except api.ReportError as error:
                print_error(str(error))
                delivered = False
    return 0 if delivered else UNDELIVERED
