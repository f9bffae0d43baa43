"""`report`: reports of a kept run."""

from __future__ import annotations

import sys

from checker import api
from checker.cli.console import colored, print_line
from checker.file_modes import private
from checker.reporting import STDOUT
from checker.workflow import options
from checker.workflow.run_lookup import config_in_force, find


@private()
def run(name: str, asked: list[str], junit_passes: str, config: str | None, *, show_phi: bool) -> int:
    """Writes the reports that are asked for, else the summary; 0 whatever the run's outcome was."""
    store, kept = find(name, config_in_force(config, needed=False))
    reports = options.requested_reports(asked, junit_passes)
    there = {kind: f"{store.shown}/{kept.name}/reports/{kind}/{name}" for kind, name in kept.reports.items()}
    # a report that is not written again is called what the run called it
    how = api.Options(
        junit_passes,  # type: ignore[arg-type]
        color=colored(sys.stdout),
        siblings={**there, **dict(reports)},
        show_phi=show_phi,
    )
    with api.replay(kept) as result:
        for kind, path in reports or [("text", STDOUT)]:
            for item in api.report(result, {kind: path}, how):
                if item != STDOUT:
                    print_line(f"{kind:<6} {item}")
    return 0
