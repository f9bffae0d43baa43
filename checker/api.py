"""The stages of an audit as functions: load, choose, collect or record, evaluate, report. The command line uses nothing
else, and neither should a Lambda or a notebook. `import checker` offers all of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker import temporary_files
from checker.file_modes import private as owner_only
from checker.instants import iso
from checker.judgement.gate import Gate, gate
from checker.judgement.previous_runs import Past, past_of, remember
from checker.judgement.replay import limits, rejudge, replay
from checker.judgement.resumption import Criteria, criteria, given, refuse_other
from checker.judgement.run import Run
from checker.judgement.run_evaluation import evaluate, run_id
from checker.judgement.seal import keep
from checker.layout import RECORDS
from checker.model import Duration, Needs, Target, Waiver, utc_now
from checker.policy.choose import Rules, choose, named
from checker.policy.load import Policies, load
from checker.policy.policy_files import Request
from checker.problems import InvalidInputError, Problem, suggest
from checker.reporting import Options, ReportError
from checker.reporting.reproduction import options_plain
from checker.runs import run_folder
from checker.runs.authenticity import KeyFiles, Keys, authentic_heads, keys_of, same_key
from checker.runs.call_log import Asked
from checker.runs.evidence import Evidence, discard_with, inputs, keep_records, moved, temporary
from checker.runs.journal import Journal, Mended, mend
from checker.runs.local_store import LocalStore, Store, Working, open_store
from checker.runs.prune_statements import Prunings
from checker.runs.run_folder import Begun, Key
from checker.runs.run_names import locate
from checker.runs.run_reader import Kept, reopened
from checker.runs.run_reader import collected as collected_runs
from checker.runs.signature import signing_key
from checker.snapshot.deletion_events import Event
from checker.snapshot.input_notes import of_inputs
from checker.snapshot.recorded_answers import read_recorded
from checker.values import show

if TYPE_CHECKING:
    from checker.collection.estimate import Estimate
    from checker.config import AuditConfig
    from checker.evaluation.explain import Explanation
    from checker.judgement.verification import Verified

__all__ = [
    "Evidence",
    "Gate",
    "InvalidInputError",
    "Kept",
    "Keys",
    "Options",
    "Past",
    "Policies",
    "Problem",
    "ReportError",
    "Request",
    "Rules",
    "Run",
    "Store",
    "Working",
    "begun",
    "choose",
    "claim",
    "collect",
    "collected",
    "configure",
    "criteria",
    "evaluate",
    "explain",
    "gate",
    "inputs",
    "kept",
    "keys_of",
    "load",
    "moved",
    "named",
    "open_store",
    "past",
    "plan",
    "read_waivers",
    "reclaim",
    "recorded",
    "rejudge",
    "remember",
    "reopen",
    "replay",
    "report",
    "signing_key",
    "targets",
    "verify",
]


def configure(path: str | Path) -> AuditConfig:
    """An audit.yaml.

    Raises:
        InvalidInputError: with every problem of it.
    """
    from checker import config

    return config.load(Path(path))


def targets(
    config: AuditConfig, policies: Policies, *, only: Sequence[str] = ()
) -> tuple[tuple[Target, ...], tuple[str, ...], tuple[Problem, ...]]:
    """The targets of an audit with typed labels; what `only`, conditions and labels leave out, as texts; and warnings.

    Args:
        config: what `configure` returned.
        policies: the policies, which declare the labels.
        only: patterns, as in a shell, of the names of targets and of their parts: of those that are found later too.

    Raises:
        InvalidInputError: labels that do not fit their declarations, or a pattern that no target matches.
    """
    from checker.config.labels import resolve
    from checker.config.target_filter import select
    from checker.reporting.condition_text import unchosen

    every, warnings, ignored = resolve(config, policies.labels)
    kept, left_out = select(config.targets, every, only) if only else (every, ())
    return kept, (*left_out, *unchosen(kept), *ignored), warnings


def read_waivers(
    config: AuditConfig | None,
    rules: Rules,
    path: Path | None = None,
    shown: str | None = None,
    kept: Kept | None = None,
) -> tuple[tuple[Waiver, ...], tuple[Problem, ...]]:
    """The waivers of an audit, and warnings.

    Args:
        config: what `configure` returned, which says what waivers are held to; the standard limits without it.
        rules: what `choose` returned.
        path: their file; the one that audit.yaml names unless given.
        shown: the path that messages print.
        kept: the run whose audit.yaml says what waivers are held to, where there is no other.

    Raises:
        InvalidInputError: with every problem of the file.
    """
    from checker.waivers.file import read_waivers
    from checker.waivers.limits import limits_of

    file = path or (config.waivers_file if config else None)
    if file is None:
        return (), ()
    held_to = limits_of(config) if config else limits(kept) if kept else None
    return read_waivers(file, rules.policies, held_to, shown)


def collect(
    config: AuditConfig,
    chosen: Sequence[Target],
    *,
    needs: Needs = Needs(),  # noqa: B008 - frozen
    as_of: datetime | None = None,
    folder: Path | None = None,
    endpoint_url: str | None = None,
    runtime_endpoint_url: str | None = None,
    earlier: Iterable[Kept] = (),
    events: Sequence[Event] | None = None,
    refresh: bool = False,
    resume: bool = False,
    key: Key | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evidence:
    """Asks HealthImaging about the image sets of the targets. A failed call is evidence too, never an exception.

    Args:
        config: what `configure` returned.
        chosen: the targets.
        needs: what the rules read (`checker.policy.needs`): which calls are made.
        as_of: the instant against which ages are measured that choose image sets; now unless given.
        folder: where the records go; a temporary folder, gone with the evidence, unless given.
        endpoint_url: the control plane's endpoint; audit.yaml's or the standard one unless given.
        runtime_endpoint_url: the endpoint of image set calls.
        earlier: complete runs of the audit, from the last one back, of whose answers those are taken that still stand:
            `collected`.
        events: deletions that are known of; None where nobody has looked for any.
        refresh: nothing is taken from earlier runs, but for which image sets there were.
        resume: the folder has the records of a run that was interrupted; only what is missing is asked.
        key: signs the records as they are written: that of `claim`.
        stop: once set, collecting ends soon, and the evidence is `interrupted`.
        progress: told how many image sets are done, of how many.

    Raises:
        InvalidInputError: a profile is unknown or AWS's configuration files cannot be read; or the records of the
            interrupted run were damaged.
    """
    from checker.collection.collector import Options
    from checker.collection.collector import collect as run
    from checker.collection.rate_limit import Meter
    from checker.collection.reuse import prior_answers
    from checker.evaluation.membership import Members

    where, moment = folder or temporary(), as_of or utc_now()
    asked = Asked(
        where, meter := Meter(), resume=resume, key=key
    )  # it may refuse, and nothing is mended then
    mended = mend(where, key) if resume else Mended()
    prior = prior_answers(config.collect, chosen, earlier, events or (), own=mended.own, refresh=refresh)
    options = Options(
        rates=config.rates,
        evidence=config.collect.evidence,
        share=config.collect.share,
        endpoint_url=endpoint_url or config.defaults.endpoint_url,
        runtime_endpoint_url=runtime_endpoint_url or config.defaults.runtime_endpoint_url,
        belongs=Members(moment),
        as_of=moment,
        prior=prior,
        meter=meter,
    )
    with Journal(where, key, resume=resume, also=asked.take) as journal:
        try:
            done = run(chosen, journal.take, needs=needs, options=options, stop=stop, progress=progress)
        finally:
            prior.close()
    notes, warnings = of_inputs(events, where / RECORDS, chosen, config.collect.deletions_known_since)
    evidence = Evidence(
        where,
        "live",
        inputs(config, chosen, events or (), refresh=refresh),
        (*(mended.notes if resume else ()), *done.notes, *notes),
        *asked.all(done.calls, done.traffic),
        done.identities,
        names=done.names,
        interrupted=done.interrupted,
        deletions_known_since=config.collect.deletions_known_since,
        warnings=warnings,
    )
    return evidence if folder else discard_with(evidence)


def plan(
    config: AuditConfig,
    chosen: Sequence[Target],
    needs: Needs,
    *,
    sets: int | None = None,
    alone: bool = False,
) -> tuple[tuple[Estimate, ...], dict[str, dict[str, Any]]]:
    """What `collect` would ask, in full, and the least that IAM must permit for it: a policy document for each set of
    credentials. Nothing is asked. The accounts of an organization and data stores by name are those of the last kept run,
    one where there is none.

    Args:
        config: what `configure` returned.
        chosen: the targets.
        needs: what the rules read.
        sets: how many image sets a target is to be taken to have whose image sets are not listed; as many as the last kept
            run saw that left out none of the targets unless given.
        alone: no kept run is read, where nothing but the policy documents is wanted: they do not go by it.

    Raises:
        InvalidInputError: the store of runs cannot be read, or the last run was altered.
    """
    from checker.collection.preview import outlook

    return outlook(config, chosen, needs, sets=sets, alone=alone)


def recorded(
    files: Sequence[str | Path],
    policies: Policies,
    *,
    needs: Needs = Needs(),  # noqa: B008 - frozen
    complete: bool = False,
    events: Sequence[Event] | None = None,
) -> Evidence:
    """Recorded answers: what the AWS CLI printed. Neither AWS nor boto3 is needed.

    Args:
        files: the files, and folders of them; `-` is standard input.
        policies: the policies, which declare the labels that records may carry.
        needs: what the rules read (`checker.policy.needs`).
        complete: the files hold every image set of their data stores.
        events: deletions that are known of; None where nobody has looked for any.

    Raises:
        InvalidInputError: with every record that is malformed or contradicts another.
    """
    warnings: list[Problem] = []
    records = read_recorded(
        [str(file) for file in files], policies.labels, warnings, needs=needs, complete=complete
    )
    return keep_records(records, tuple(warnings), events)


def reopen(
    run: str | Path,
    runs: str | None = None,
    root: Path | None = None,
    audit: str = "",
    keys: Keys | None = None,
) -> Kept:
    """A kept run: the path of its folder, `s3://BUCKET/PREFIX/RUN`; where it is known where runs are, its name, the beginning
    of it, `latest`, `previous` or `latest~2`, which count the runs of one audit. With `keys` one of them must have signed it.

    Raises:
        InvalidInputError: there is no such run, it was not completed, or it was altered.
    """
    store, name = locate(str(run), runs, root, audit)
    return reopened(store, name, keys)


def explain(
    rules: Rules,
    evidence: Evidence,
    subject: str,
    *,
    as_of: datetime | None = None,
    only: Sequence[str] = (),
    show_phi: bool = False,
) -> tuple[Explanation, ...]:
    """Why a rule judges an image set, a version of it, or a data store as it does: one explanation for each version.

    Args:
        rules: what `choose` returned: one rule.
        evidence: what `collect` or `recorded` returned, or `reopen`'s.
        subject: the id of an image set, `ID@vN`, either one after `TARGET/`; a target's name for a rule on data stores.
        as_of: the instant against which ages are measured; now unless given.
        only: patterns of the names of targets to look in.
        show_phi: whether to show DICOM attributes, which are data of patients.

    Raises:
        InvalidInputError: there are several rules, or what `subject` names is not among the evidence.
    """
    from checker.evaluation.explain import explain as run
    from checker.snapshot.writer import write_snapshot

    if len(rules.rules) > 1:
        names = ", ".join(rule.name for rule in rules.rules)
        raise InvalidInputError(Problem("RULE", f"several rules are called so: {names}", "write PACK/RULE"))
    (rule,) = rules.rules
    written = next(item for item in rules.policies.rules if item.name == rule.name)
    with temporary_files.scratch() as folder:
        write_snapshot(evidence.records, folder, rules.policies.labels, rules.needs)
        return run(written, rule, folder, subject, as_of=as_of or utc_now(), targets=only, phi=show_phi)


def report(run: Run, reports: Mapping[str, str | Path], options: Options | None = None) -> tuple[str, ...]:
    """Writes reports, each whole or not at all; the paths that were written.

    Args:
        run: what `evaluate` returned.
        reports: format to path; `-` is standard output. The formats are those of `checker.reporting.FORMATS`.
        options: how to write them.

    Raises:
        InvalidInputError: no such format.
        ReportError: a report could not be written.
    """
    from checker.reporting import deliver, formats, writer

    if unknown := [name for name in reports if name not in formats("run")]:
        raise InvalidInputError(
            Problem("--report", f"unknown format {name}", suggest(name, formats("run"), what="formats are"))
            for name in unknown
        )
    chosen = options or Options()
    siblings = {name: str(path) for name, path in reports.items()}
    chosen = replace(chosen, siblings={**siblings, **chosen.siblings})
    run = replace(run, show_phi=chosen.show_phi)
    return tuple(
        path for name, target in reports.items() for path in deliver(run, writer(name), target, chosen)
    )


past = past_of


def collected(store: Store, audit: str, known: Past) -> Iterator[Kept]:
    """An audit's complete runs that asked the service, from the last one back.

    Args:
        store: where they are kept.
        audit: the audit's name.
        known: what `past` returned.

    Raises:
        InvalidInputError: the next one was altered.
    """
    return collected_runs(store, audit, known.last, known.keys)


def begun(
    run: str, runs: str | None = None, root: Path | None = None, key: Key | None = None
) -> tuple[Store, Begun]:
    """A run that was interrupted, and where it is: named as `reopen` takes it, but that `latest` is the last one of those.
    `key` is that with which it was begun, if it was with one.

    Raises:
        InvalidInputError: there is none, it is complete, or it was begun with another key.
    """
    store, name = locate(run, runs, root, begun=True)
    if not isinstance(store, LocalStore):
        store.reclaim(name)
    return store, same_key(run_folder.begun(store.fetch(name)), key)


def reclaim(
    store: Store, begun: Begun, rules: Rules, asked: str, as_of: datetime, *, by: Criteria | None = None
) -> Working:
    """Takes up an interrupted run again.

    Args:
        store: where it is kept.
        begun: the run.
        rules: what `choose` returned.
        asked: `inputs` of the audit.
        as_of: the instant against which ages are measured.
        by: `criteria`, as for `claim`.

    Raises:
        InvalidInputError: it was begun with something else, or another process is at work on it.
    """
    refuse_other(begun, given(rules, asked) | dict(by or {}), run_id(rules, asked, as_of), as_of)
    return store.reclaim(begun.name)


def claim(
    store: Store,
    rules: Rules,
    asked: str,
    as_of: datetime,
    name: str = "",
    *,
    hypothetical: bool = False,
    key: Key | None = None,
    judged_by: Criteria | None = None,
) -> Working:
    """A new run in a store: collect into its folder, or move recorded evidence there with `moved`; `kept` completes it.

    Args:
        store: where it is kept.
        rules: what `choose` returned.
        asked: `inputs` of a live audit, `evidence.digest` of a recorded one.
        as_of: the instant against which ages are measured.
        name: the audit's name.
        hypothetical: the instant was given.
        key: signs what is said of the run as it begins: that of `collect` and `kept`.
        judged_by: `criteria`: its gate, waivers and baseline, which it must have again where it is resumed.

    Raises:
        InvalidInputError: no run can be kept there.
    """
    said = given(rules, asked) | dict(judged_by or {})
    facts = {"name": name, "as_of": iso(as_of), "hypothetical": hypothetical, "given": said}
    with owner_only(when=bool(rules.needs.dicom)):
        return store.claim(run_id(rules, asked, as_of), facts, key)


def kept(
    run: Run,
    working: Working,
    *,
    files: Mapping[str, bytes] | None = None,
    reports: Collection[tuple[str, str]] = (),
    retention: Duration | None = None,
    private: bool = False,
    key: Key | None = None,
    keys: Keys | None = None,
    options: Options | None = None,
) -> str:
    """Completes a run: what it was judged by and its reports beside the evidence, then the manifest; what to call it.

    Args:
        run: a run whose evidence is in the folder.
        working: what `claim` returned.
        files: what else the run was judged by, by name: audit.yaml, waivers.yaml, events.
        reports: formats and paths of reports to copy into it; what is no regular file is left out.
        retention: how long the run is to be kept, where that is known: `runs prune` removes it no earlier.
        private: whether it holds values of DICOM attributes of earlier runs; of its own it is known.
        key: signs the manifest, see `signing_key`. A run is not signed that rests on what nobody has authenticated.
        keys: those whose signatures count in the store, see `keys_of`; that of `key` unless given.
        options: how the reports were written; not said in the manifest unless given, and `verify` tries every way.

    Raises:
        InvalidInputError: the run has waivers, and `files` has no waivers.yaml; or it is to be signed, and nobody has
            authenticated what it takes from earlier runs.
        RunFolderError: something could not be written.
    """
    facts = keep(run, working.folder, files or {}, reports, signed=key is not None)
    facts |= {"reports": options_plain(options, dict(reports))} if options else {}
    facts |= {"keep": show(retention) if retention else None, "private": private or bool(run.dicom)}
    store = working.store
    previous, pruned = authentic_heads(store, keys or keys_of(key)), Prunings(store).unnamed()
    run_folder.seal(working.folder, facts, previous=previous, pruned=pruned, key=key)
    return working.store.publish(working)


def verify(
    run: str,
    runs: str | None = None,
    root: Path | None = None,
    audit: str = "",
    *,
    key: KeyFiles = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Verified, ...]:
    """Recomputes every hash of a run and its link to the run before, and makes its findings, tables and reports again; of every
    run, where a folder of runs is named.

    Args:
        run: a run as `reopen` takes it; or a folder of runs.
        runs: where the runs are whose names are given.
        root: what `runs` is relative to; the present folder unless given.
        audit: the audit whose runs `latest` counts.
        key: the public key that a run must be signed with, or several of which it must be one.
        progress: told how many runs are done, of how many.

    Raises:
        InvalidInputError: there is no such run, or the key cannot be read.
    """
    from checker.judgement.verification import verify as check
    from checker.judgement.verification import verify_all
    from checker.reporting.reproduction import report_differences

    keys = keys_of(None, [key] if isinstance(key, Path) else key or ())
    store, name = locate(run, runs, root, audit)
    if store.manifest(name) is None and (below := open_store(run)).names():
        return tuple(verify_all(below, keys=keys, reports=report_differences, progress=progress))
    return (check(store, name, keys=keys, reports=report_differences),)
