"""`report`: reports of a kept run."""

from __future__ import annotations

import sys

from checker import api
from checker.cli.console import colored, print_line


def run(name: str, asked: list[str], junit_passes: str, config: str | None, *, show_phi: bool) -> int:
    """Writes the reports that are asked for, else the summary; 0 whatever the run's outcome was."""
    reports = api.requested_reports(asked, junit_passes) or [("text", api.STDOUT)]
    with api.open_replay(name, config=config) as replayed:
        # a report that is not written again is called what the run called it
        how = api.Options(
            junit_passes,  # type: ignore[arg-type]
            color=colored(sys.stdout),
            siblings={**replayed.reports, **dict(reports)},
            show_phi=show_phi,
        )
        for kind, path in reports:
            for item in api.report(replayed.run, {kind: path}, how):
                if item != api.STDOUT:
                    print_line(f"{kind:<6} {item}")
    return 0
