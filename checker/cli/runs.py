"""`runs list|prune`: the runs of a store, and how long they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from checker.cli.console import print_error, print_line, print_warnings
from checker.instants import add_duration
from checker.model import Duration, utc_now
from checker.problems import CheckerError, InvalidInputError, Problem, one_line
from checker.runs.local_store import Store
from checker.runs.prune_statements import PrunedRuns
from checker.runs.pruning import prune, with_key
from checker.runs.retention import RunState, listing, prune_decisions
from checker.runs.signature import signing_key
from checker.values import BadValueError, parse_duration, show
from checker.workflow.run_lookup import config_in_force, store_of

if TYPE_CHECKING:
    from checker.config import AuditConfig
    from checker.runs.retention import Decision, StoredRun
    from checker.runs.run_folder import SealKey

UNDELIVERED = 4
_HEADS = ("run", "audit", "as of", "outcome", "state", "signed")


def list_runs(where: str | None, config: str | None) -> int:
    """Prints one run a line: sealed ones in the order in which they were sealed, then the others. Where one is said to have
    been pruned that was not, that is told too, as an error."""
    store = store_of(where, config_in_force(config, needed=where is None))
    print_warnings(store.strangers())
    prunings = PrunedRuns(store)
    lines = [_HEADS, *(_line(run, prunings) for run in prunings.runs)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    for line in lines:
        print_line("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip())
    if problems := prunings.problems():
        raise InvalidInputError(problems)
    return 0


def prune_runs(
    where: str | None, config: str | None, *, keep: str | None, delete: bool, sign: str | None = None
) -> int:
    """Prints what goes and why each other run stays; removes it where that is asked for, and signs that it did."""
    key = signing_key(Path(sign)) if sign else None
    read = config_in_force(config, needed=where is None or keep is None)
    time = _keep(keep, read)
    store = store_of(where, read)
    now = utc_now()
    print_warnings(store.strangers())
    runs = listing(store)
    if problems := PrunedRuns(store, runs).problems():
        raise InvalidInputError(problems)
    decisions = prune_decisions(runs, time, now)
    if delete or key:
        decisions = with_key(decisions, key)
    failed = 0
    for decision in decisions:
        if decision.goes and delete:
            failed += not _prune(store, decision, time, key)
        else:
            word = "would go" if decision.goes else "stays"
            print_line(f"{word:<8}  {one_line(decision.run.name)}: {one_line(decision.reason)}")
    going = sum(decision.goes for decision in decisions)
    if delete:
        print_line(f"{going - failed} of {_count(len(decisions))} pruned; runs are kept for {show(time)}")
        return UNDELIVERED if failed else 0
    hint = "; nothing was removed: add --delete" if going else ""
    print_line(f"{going} of {_count(len(decisions))} would go; runs are kept for {show(time)}{hint}")
    return 0


def _prune(store: Store, decision: Decision, keep: Duration, key: SealKey | None) -> bool:
    """Whether it went; where it did not, the others may."""
    try:
        prune(store, decision, keep, utc_now(), key)
    except CheckerError as error:
        print_error(str(error))
        print_line(f"failed    {one_line(decision.run.name)}: it is told on standard error")
        return False
    print_line(f"pruned    {one_line(decision.run.name)}: {one_line(decision.reason)}")
    return True


def _line(run: StoredRun, prunings: PrunedRuns) -> tuple[str, ...]:
    state = run.state.value
    if run.state is RunState.PRUNED:
        wrong = prunings.problems_of(run)
        state = RunState.DAMAGED.value if wrong else "pruned in part" if run.rest else state
    facts = [one_line(run.fact(name)) or "-" for name in ("name", "as_of", "outcome")]
    return (one_line(run.name), *facts, state, "signed" if run.signed else "-")


def _count(number: int) -> str:
    return f"{number} run{'s' * (number != 1)}"


def _keep(given: str | None, config: AuditConfig | None) -> Duration:
    """How long runs are kept: no default, since a law or a contract says so and not the checker."""
    if given is None:
        if config is None or config.runs is None or config.runs.keep is None:
            hint = "add --keep 6y, or write `runs: {path: ..., keep: 6y}` into audit.yaml"
            raise InvalidInputError(Problem("--keep", "nothing says how long runs are kept", hint))
        return config.runs.keep
    try:
        keep = parse_duration(given)
    except BadValueError as error:
        raise InvalidInputError(Problem("--keep", str(error), error.hint)) from None
    if add_duration(now := utc_now(), keep) <= now:
        raise InvalidInputError(Problem("--keep", f"`{given}` would keep nothing"))
    return keep
