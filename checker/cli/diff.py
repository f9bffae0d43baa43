"""`diff`: what changed from one run to another, and why."""

from __future__ import annotations

import sys

from checker.cli.console import complain, warn
from checker.cli.kept import around, configured, find
from checker.compare.diff import MOST_EARLIER, Comparison, compare, side
from checker.file_modes import private
from checker.model import NO_RENAMES
from checker.problems import InvalidInputError, Problem, suggest
from checker.reporting import STDOUT, ReportError, probe
from checker.reporting.delivery import deliver
from checker.reporting.diff_formats import FORMATS, write
from checker.reporting.report_options import Format, Options
from checker.runs.run_names import is_path

UNDELIVERED = 4


@private()
def run(old: str, new: str, reports: list[str], config: str | None) -> int:
    """Writes the comparison: 0 whatever changed, since it informs and gates nothing."""
    asked = _asked(reports) or [("text", STDOUT)]
    own = configured(config, needed=not (is_path(old) and is_path(new)))
    _, before = find(old, own)
    store, after = find(new, own)
    if before.audit != after.audit:
        message = f"these are runs of different audits: {before.audit} and {after.audit}"
        warn([Problem(new, message, "what only one of them looks at is listed as such", warning=True)])
    earlier = around(store, before, after, MOST_EARLIER)
    renames = own.renamed if own else NO_RENAMES
    compared = compare(side(before), side(after), *earlier, renames=renames)
    delivered = True
    for name, path in asked:
        try:
            _deliver(compared, name, path)
        except ReportError as error:
            complain(str(error))
            delivered = False
    return 0 if delivered else UNDELIVERED


def _asked(reports: list[str]) -> list[tuple[str, str]]:
    problems, asked = [], []
    for text in reports:
        name, equals, path = text.partition("=")
        if not equals or not path:
            problems.append(Problem("--report", f"`{text}` names no file", "write --report FORMAT=PATH"))
        elif name not in FORMATS:
            hint = suggest(name, FORMATS, what="formats are")
            problems.append(Problem("--report", f"unknown format {name}", hint))
        else:
            asked.append((name, path))
            try:
                probe(path)
            except InvalidInputError as error:
                problems += error.problems
    if problems:
        raise InvalidInputError(problems)
    return asked


def _deliver(compared: Comparison, name: str, path: str) -> None:
    # delivery hands the run to the writer and looks at nothing of it
    report = Format(lambda item, out, _: write(item, name, out), "")  # type: ignore[arg-type]
    deliver(compared, report, path, Options(), sys.stdout)  # type: ignore[arg-type]
