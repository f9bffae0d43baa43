"""`runs list|prune`: the runs of a store, and how long they are kept."""

from __future__ import annotations

from checker import api
from checker.cli.console import print_error, print_line, print_table, print_warnings
from checker.cli.report_delivery import UNDELIVERED
from checker.cli.shared_options import read_duration
from checker.problems import InvalidInputError, number_of, one_line
from checker.reporting.text_layout import Column, without_milliseconds


def list_runs(where: str | None, config: str | None) -> int:
    """Prints one run a line: sealed ones in the order in which they were sealed, then the others. Where one is said to have
    been pruned that was not, that is told too, as an error."""
    found = api.list_runs(where, config=config, warn=print_warnings)
    columns = (
        Column("run", wraps=True, least=40),
        Column("audit", wraps=True, least=8),
        Column("as of", shorten=without_milliseconds),
        *map(Column, ("outcome", "state", "signed")),
    )
    rows = [_line(run, state) for run, state in zip(found.runs, found.states, strict=True)]
    print_table(columns, rows, colours=[_colour(*row[3:5]) for row in rows])
    if found.problems:
        raise InvalidInputError(found.problems)
    return 0


def prune_runs(
    where: str | None, config: str | None, *, keep: str | None, delete: bool, sign: str | None = None
) -> int:
    """Prints what goes and why each other run stays; removes it where that is asked for, and signs that it did."""
    plan = api.plan_pruning(
        where,
        keep=None if keep is None else read_duration("--keep", keep),
        config=config,
        sign=sign,
        signs=delete,
        warn=print_warnings,
    )
    kept, number = api.show(plan.keep), number_of(len(plan.decisions), "run")
    going = sum(decision.goes for decision in plan.decisions)
    deletion, failed = plan.delete(), 0
    for decision in plan.decisions:
        run, reason = one_line(decision.run.name), one_line(decision.reason)
        if not (decision.goes and delete):
            print_line(f"{'would go' if decision.goes else 'stays':<8}  {run}: {reason}")
        elif (error := next(deletion).error) is None:
            print_line(f"pruned    {run}: {reason}")
        else:
            failed += 1
            print_error(str(error))
            print_line(f"failed    {run}: it is told on standard error")
    if delete:
        print_line(f"{going - failed:,} of {number} pruned; runs are kept for {kept}")
        return UNDELIVERED if failed else 0
    hint = "; nothing was removed: add --delete" if going else ""
    print_line(f"{going:,} of {number} would go; runs are kept for {kept}{hint}")
    return 0


def _colour(outcome: str, state: str) -> str:
    if state == "damaged" or outcome == "violation":
        return "red"
    return "yellow" if outcome == "incomplete" else ""


def _line(run: api.StoredRun, state: str) -> tuple[str, ...]:
    facts = [one_line(run.fact(name)) or "-" for name in ("name", "as_of", "outcome")]
    return (one_line(run.name), *facts, state, "signed" if run.signed else "-")
