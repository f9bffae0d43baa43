"""`trend`: how an audit's numbers went from run to run."""

from __future__ import annotations

from checker.cli.console import say, warn
from checker.cli.kept import configured, store_of
from checker.compare.trend import past_runs
from checker.problems import InvalidInputError, Problem, suggest
from checker.runs import pruning, run_reader
from checker.runs.authenticity import damaged
from checker.runs.run_names import own_audit, seen


def run(runs: str | None, name: str | None, last: int, config: str | None, *, as_json: bool) -> int:
    """Prints the last runs of one audit; only manifests are read."""
    from checker.reporting import trend
    from checker.reporting.escape import json_text

    own = configured(config, needed=runs is None)
    store = store_of(runs, own)
    warn(store.strangers())
    if problems := damaged(store):
        raise InvalidInputError(problems)
    pruning.refuse(store)
    there = seen(store)
    if not there:
        hint = "name the folder of all runs"
        raise InvalidInputError(Problem(store.shown, "there is no complete run here", hint))
    names = sorted({str(item.facts.get("name", "")) for item in there})
    if name is not None and name not in names:
        hint = suggest(name, names, what="there are")
        raise InvalidInputError(Problem("--name", f"there is no complete run of {name}", hint))
    wanted = name if name is not None else own_audit(there, own.name if own else "", store.shown)
    found = past_runs(run_reader.earlier(store, wanted))[-last:]
    if as_json:
        say(json_text(trend.document(wanted, found), indent=2))
    else:
        say(trend.text(wanted, found))
    return 0
