"""`trend`: how an audit's numbers went from run to run."""

from __future__ import annotations

from checker import api
from checker.cli.console import print_line, print_warnings


def run(runs: str | None, name: str | None, last: int, config: str | None, *, as_json: bool) -> int:
    """Prints the last runs of one audit; only manifests are read."""
    found = api.trend(runs, name=name, last=last, config=config, warn=print_warnings)
    print_line(api.render(found, "json" if as_json else "text").removesuffix("\n"))
    return 0
