"""`trend`: how an audit's numbers went from run to run."""

from __future__ import annotations

import json

from checker.audit.trend import past_runs
from checker.cli.console import say
from checker.evidence import past
from checker.evidence.store import open_store
from checker.problems import InvalidInputError, Problem, suggest


def run(runs: str, name: str | None, last: int, *, as_json: bool) -> int:
    """Prints the last runs of one audit; only manifests are read."""
    from checker.reporting import trending

    store = open_store(runs)
    names = past.audits(store)
    if not names:
        raise InvalidInputError(Problem(runs, "there is no complete run here", "name the folder of all runs"))
    if name is None and len(names) > 1:
        raise InvalidInputError(
            Problem(runs, "there are runs of several audits", f"--name {' | '.join(names)}")
        )
    wanted = name if name is not None else names[0]
    if wanted not in names:
        hint = suggest(wanted, names, what="there are")
        raise InvalidInputError(Problem("--name", f"there is no complete run of {wanted}", hint))
    found = past_runs(past.earlier(store, wanted))[-last:]
    if as_json:
        say(json.dumps(trending.document(wanted, found), indent=2, ensure_ascii=False))
    else:
        say(trending.text(wanted, found))
    return 0
