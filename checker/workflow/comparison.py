"""Runs that are kept, looked at side by side: what changed, how the numbers went, and what time alone will change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from checker.file_modes import private
from checker.instants import add_duration, show_duration
from checker.judgement.gate import gate
from checker.judgement.replay import rejudge, replay
from checker.judgement.run import Run
from checker.model import NO_RENAMES, Duration
from checker.policy.rule_selection import choose
from checker.problems import InvalidInputError, Problem, suggest
from checker.runs import prune_statements, run_reader
from checker.runs.authenticity import damaged_manifests
from checker.runs.run_names import collected_runs, is_run_path, own_audit
from checker.runs.run_reader import RecordedRun
from checker.runs.sealed_run import SealedRun
from checker.workflow.run_lookup import config_in_force, find, neighbour_runs, store_of
from checker.workflow.stages import load_policies, read_waivers

if TYPE_CHECKING:
    from checker.compare.diff import Comparison
    from checker.compare.forecast import Forecast
    from checker.compare.trend import Trend
    from checker.config import AuditConfig

Warn = Callable[[Iterable[Problem]], None]
"""Told each warning as it comes."""


def ignore(problems: Iterable[Problem]) -> None:
    """Tells nobody of warnings."""


@private()
def diff(
    old: str, new: str, *, config: AuditConfig | str | Path | None = None, warn: Warn = ignore
) -> Comparison:
    """What changed from one kept run to another, and why: each finding with its category and its causes. At the end of a
    `with` block its files go.

    Args:
        old: the earlier run: its path, or how its store calls it.
        new: the later one.
        config: audit.yaml, or its path, whose store has the runs; that of the present folder where a run is no path.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: there is no such run, or it was altered.
    """
    from checker.compare.diff import MOST_EARLIER, compare, compared_run

    own = config_in_force(config, needed=not (is_run_path(old) and is_run_path(new)))
    _, before = find(old, own)
    store, after = find(new, own)
    if before.audit != after.audit:
        message = f"these are runs of different audits: {before.audit} and {after.audit}"
        warn([Problem(new, message, "what only one of them looks at is listed as such", warning=True)])
    earlier = neighbour_runs(store, before, after, MOST_EARLIER)
    renames = own.renamed if own else NO_RENAMES
    return compare(compared_run(before), compared_run(after), *earlier, renames=renames)


def trend(
    runs: str | None = None,
    *,
    name: str | None = None,
    last: int = 24,
    config: AuditConfig | str | Path | None = None,
    warn: Warn = ignore,
) -> Trend:
    """How the numbers of an audit went, by its last runs. Only manifests are read.

    Args:
        runs: where the runs are; the store of audit.yaml unless given.
        name: the audit, where the store has runs of several.
        last: of how many runs at most.
        config: audit.yaml, or its path; that of the present folder unless `runs` is given.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: there is no complete run of the audit, or a manifest cannot be read.
    """
    from checker.compare.trend import Trend, run_summaries

    own = config_in_force(config, needed=runs is None)
    store = store_of(runs, own)
    warn(store.strangers())
    if problems := damaged_manifests(store):
        raise InvalidInputError(problems)
    prune_statements.refuse_false_prunings(store)
    if not (there := collected_runs(store)):
        hint = "name the folder of all runs"
        raise InvalidInputError(Problem(store.shown, "there is no complete run here", hint))
    wanted = audit_name(there, name, own, store.shown)
    return Trend(wanted, run_summaries(run_reader.manifests_before(store, wanted))[-last:])


@contextmanager
def forecast(
    run: str, within: Duration, *, config: AuditConfig | str | Path | None = None, warn: Warn = ignore
) -> Iterator[Forecast]:
    """Which verdicts of a kept run change, and when its gate gets worse, if nothing but time passes.

    Args:
        run: its path, or how its store calls it.
        within: how far to look from the run's instant on.
        config: audit.yaml, or its path: by what it says today the run is judged first; by what it was judged by unless given.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: there is no such run, it was altered, or `within` ends after the year 9999.
    """
    from checker.compare.forecast import forecast_run

    with private():
        own = config_in_force(config, needed=False)
        _, kept = find(run, own)
        with replay(kept) if own is None else _rejudged(kept, own, warn) as judged:
            try:
                until = add_duration(judged.as_of, within)
            except (ValueError, OverflowError):
                until = None
            if until is None or until <= judged.as_of:
                raise InvalidInputError(
                    Problem("--within", f"{show_duration(within)} leads nowhere", "such as 90d or 1y")
                )
            with forecast_run(judged, until) as found:
                yield found


def _rejudged(kept: RecordedRun, config: AuditConfig, warn: Warn) -> Run:
    """The run's evidence, judged by an audit.yaml: its policies, parameters, waivers and gate."""
    policies = load_policies(config)
    rules = choose(policies, configured=config.params, changes=config.rules)
    warn([*config.warnings, *policies.warnings, *rules.warnings])
    waivers, warnings = read_waivers(config, rules)
    warn(warnings)
    return rejudge(kept, rules, gate=gate(config), waivers=waivers, soon=config.soon)


def audit_name(there: Sequence[SealedRun], name: str | None, config: AuditConfig | None, shown: str) -> str:
    """The audit that is meant of those that have runs in a store: the one that is named, else that of audit.yaml, else the
    only one.

    Raises:
        InvalidInputError: there is no complete run of the one that is named, or there are runs of several.
    """
    names = sorted({str(run.facts.get("name", "")) for run in there})
    if name is not None and name not in names:
        hint = suggest(name, names, what="there are")
        raise InvalidInputError(Problem("--name", f"there is no complete run of {name}", hint))
    return name if name is not None else own_audit(there, config.name if config else "", shown)
