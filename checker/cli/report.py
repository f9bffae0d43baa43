"""`report`: reports of a kept run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

from checker import api
from checker.cli.console import colored, line_width, print_line


def run(
    name: str,
    asked: list[str],
    junit: Mapping[str, str],
    config: str | None,
    *,
    limit: int,
    sort: str,
    show_phi: bool,
) -> int:
    """Writes the reports that are asked for, else the summary; 0 whatever the run's outcome was.

    Args:
        name: the run.
        asked: the reports, as the command line has them.
        junit: how JUnit is written, by the members of `api.Options`; else as the run wrote it.
        config: audit.yaml, which may say where the run is.
        limit: how many findings the text shows.
        sort: which of them, and in which order.
        show_phi: whether DICOM attributes are shown.
    """
    reports = api.requested_reports(asked, junit=junit, sort=sort) or [("text", api.STDOUT)]
    with api.open_replay(name, config=config) as replayed:
        # a report that is not written again is called what the run called it
        siblings = {**replayed.reports, **dict(reports)}
        how = replace(replayed.junit, color=colored(sys.stdout), siblings=siblings, show_phi=show_phi)
        text = {"width": line_width(sys.stdout), "limit": limit, "sort": sort}
        how = replace(how, **junit, **text)  # type: ignore[arg-type]
        for kind, path in reports:
            for item in api.report(replayed.run, {kind: path}, how):
                if item != api.STDOUT:
                    print_line(f"{kind:<6} {item}")
    return 0
