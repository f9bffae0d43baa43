"""`diff`: what changed from one run to another, and why."""

from __future__ import annotations

import sys

from checker.cli.console import print_error, print_warnings
from checker.compare.diff import MOST_EARLIER, compare, compared_run
from checker.file_modes import private
from checker.model import NO_RENAMES
from checker.problems import Problem
from checker.reporting import STDOUT, Options, ReportError, deliver, writer
from checker.runs.run_names import is_run_path
from checker.workflow.options import requested_reports
from checker.workflow.run_lookup import config_in_force, find, neighbour_runs

UNDELIVERED = 4


@private()
def run(old: str, new: str, reports: list[str], config: str | None) -> int:
    """Writes the comparison: 0 whatever changed, since it informs and gates nothing."""
    asked = requested_reports(reports, document="diff") or [("text", STDOUT)]
    own = config_in_force(config, needed=not (is_run_path(old) and is_run_path(new)))
    _, before = find(old, own)
    store, after = find(new, own)
    if before.audit != after.audit:
        message = f"these are runs of different audits: {before.audit} and {after.audit}"
        print_warnings(
            [Problem(new, message, "what only one of them looks at is listed as such", warning=True)]
        )
    earlier = neighbour_runs(store, before, after, MOST_EARLIER)
    renames = own.renamed if own else NO_RENAMES
    delivered = True
    with compare(compared_run(before), compared_run(after), *earlier, renames=renames) as compared:
        for name, path in asked:
            try:
                deliver(compared, writer(name, "diff"), path, Options(), sys.stdout)
            except ReportError as error:
                print_error(str(error))
                delivered = False
    return 0 if delivered else UNDELIVERED
