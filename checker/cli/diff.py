"""`diff`: what changed from one run to another, and why."""

from __future__ import annotations

from checker import api
from checker.cli.console import print_warnings
from checker.cli.report_delivery import deliver, reports_or_text


def run(old: str, new: str, reports: list[str], config: str | None) -> int:
    """Writes the comparison: 0 whatever changed, since it informs and gates nothing."""
    asked = reports_or_text(reports, "diff", config)
    with api.diff(old, new, config=config, warn=print_warnings) as comparison:
        return deliver(comparison, asked)
