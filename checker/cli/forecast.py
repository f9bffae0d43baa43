"""`forecast`: what becomes of a run if nothing but time passes."""

from __future__ import annotations

from checker import api
from checker.cli.console import print_warnings
from checker.cli.report_delivery import deliver, reports_or_text
from checker.cli.shared_options import read_duration

WITHIN = "90d"


def run(run_: str, within: str, reports: list[str], config: str | None, *, as_json: bool) -> int:
    """Writes what changes with time alone; 0 whatever it is."""
    length = read_duration("--within", within)
    asked = reports_or_text(reports, "forecast", config, as_json=as_json)
    with api.forecast(run_, length, config=config, warn=print_warnings) as found:
        return deliver(found, asked)
