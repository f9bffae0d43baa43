"""`trend`: how an audit's numbers went from run to run."""

from __future__ import annotations

from io import StringIO

from checker.cli.console import print_line, print_warnings
from checker.compare.trend import Trend, run_summaries
from checker.problems import InvalidInputError, Problem, suggest
from checker.reporting import Options, writer
from checker.runs import prune_statements, run_reader
from checker.runs.authenticity import damaged_manifests
from checker.runs.run_names import collected_runs, own_audit
from checker.workflow.run_lookup import config_in_force, store_of


def run(runs: str | None, name: str | None, last: int, config: str | None, *, as_json: bool) -> int:
    """Prints the last runs of one audit; only manifests are read."""
    own = config_in_force(config, needed=runs is None)
    store = store_of(runs, own)
    print_warnings(store.strangers())
    if problems := damaged_manifests(store):
        raise InvalidInputError(problems)
    prune_statements.refuse_false_prunings(store)
    there = collected_runs(store)
    if not there:
        hint = "name the folder of all runs"
        raise InvalidInputError(Problem(store.shown, "there is no complete run here", hint))
    names = sorted({str(item.facts.get("name", "")) for item in there})
    if name is not None and name not in names:
        hint = suggest(name, names, what="there are")
        raise InvalidInputError(Problem("--name", f"there is no complete run of {name}", hint))
    wanted = name if name is not None else own_audit(there, own.name if own else "", store.shown)
    found, out = Trend(wanted, run_summaries(run_reader.manifests_before(store, wanted))[-last:]), StringIO()
    writer("json" if as_json else "text", "trend").write(found, out, Options())
    print_line(out.getvalue().removesuffix("\n"))
    return 0
