"""`forecast`: what becomes of a run if nothing but time passes."""

from __future__ import annotations

from checker import api
from checker.cli.console import print_warnings, silence_broken_pipe
from checker.cli.shared_options import read_duration

WITHIN = "90d"


def run(run_: str, within: str, config: str | None, *, as_json: bool) -> int:
    """Prints what changes with time alone; 0 whatever it is."""
    length = read_duration("--within", within)
    with api.forecast(run_, length, config=config, warn=print_warnings) as found:
        try:
            api.report(found, {"json" if as_json else "text": api.STDOUT})
        except BrokenPipeError:
            silence_broken_pipe()
    return 0
