"""`trend`: how an audit's numbers went from run to run."""

from __future__ import annotations

from checker import api
from checker.cli.console import print_warnings
from checker.cli.report_delivery import deliver, reports_or_text


def run(
    runs: str | None, name: str | None, last: int, reports: list[str], config: str | None, *, as_json: bool
) -> int:
    """Writes how the last runs of one audit went; only manifests are read."""
    asked = reports_or_text(reports, "trend", config, as_json=as_json)
    return deliver(api.trend(runs, name=name, last=last, config=config, warn=print_warnings), asked)
