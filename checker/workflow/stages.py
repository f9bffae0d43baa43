"""The stages of an audit: audit.yaml and its targets and waivers, evidence from the service or from recorded answers, why a
verdict is as it is, and reports."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from checker import temporary_files
from checker.judgement.replay import waiver_limits
from checker.judgement.run import Run
from checker.layout import RECORDS
from checker.model import Needs, Target, Waiver, utc_now
from checker.policy.load import Policies, load
from checker.policy.policy_files import Request
from checker.policy.rule_selection import Rules
from checker.problems import InvalidInputError, Problem, suggest
from checker.reporting import Options
from checker.reporting.collection_plan import CollectionPlan
from checker.runs.call_log import CallLog
from checker.runs.evidence import Evidence, input_digest, recorded_evidence
from checker.runs.journal import Journal, RestoredRecords, restore_records
from checker.runs.run_folder import SealKey
from checker.runs.run_reader import RecordedRun
from checker.snapshot.deletion_events import Event
from checker.snapshot.input_notes import of_inputs
from checker.snapshot.recorded_answers import write_recorded

if TYPE_CHECKING:
    from checker.compare.diff import Comparison
    from checker.compare.forecast import Forecast
    from checker.compare.trend import Trend
    from checker.config import AuditConfig
    from checker.evaluation.explain import Explanation
    from checker.reporting.explanation import ExplainedVerdicts
    from checker.reporting.test_report import RuleTests


Reported: TypeAlias = "Run | Comparison | Trend | Forecast | ExplainedVerdicts | CollectionPlan | RuleTests"
"""What reports are written of."""


def configure(path: str | Path) -> AuditConfig:
    """An audit.yaml.

    Raises:
        InvalidInputError: with every problem of it.
    """
    from checker import config

    return config.load(Path(path))


def load_policies(config: AuditConfig) -> Policies:
    """The policies that an audit.yaml names.

    Raises:
        InvalidInputError: with every problem of them.
    """
    return load([Request(str(node.value), node) for node in config.policies], base=config.root)


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
    from checker.config.labels import resolve_labels
    from checker.config.target_filter import select
    from checker.reporting.condition_text import excluded_sets

    every, warnings, ignored = resolve_labels(config, policies.labels)
    kept, left_out = select(config.targets, every, only) if only else (every, ())
    return kept, (*left_out, *excluded_sets(kept), *ignored), warnings


def read_waivers(
    config: AuditConfig | None,
    rules: Rules,
    path: Path | None = None,
    shown: str | None = None,
    kept: RecordedRun | None = None,
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
    from checker.waivers import file as waivers_file
    from checker.waivers.limits import limits_of

    file = path or (config.waivers_file if config else None)
    if file is None:
        return (), ()
    held_to = limits_of(config) if config else waiver_limits(kept) if kept else None
    return waivers_file.read_waivers(file, rules.policies, held_to, shown)


def collect(
    config: AuditConfig,
    chosen: Sequence[Target],
    *,
    needs: Needs = Needs(),  # noqa: B008 - frozen
    as_of: datetime | None = None,
    folder: Path | None = None,
    endpoint_url: str | None = None,
    runtime_endpoint_url: str | None = None,
    earlier: Iterable[RecordedRun] = (),
    events: Sequence[Event] | None = None,
    refresh: bool = False,
    resume: bool = False,
    key: SealKey | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evidence:
    """Asks HealthImaging about the image sets of the targets. A failed call is evidence too, never an exception.

    Args:
        config: what `configure` returned.
        chosen: the targets.
        needs: what the rules read (`checker.policy.needs`): which calls are made.
        as_of: the instant against which ages are measured that choose image sets; now unless given.
        folder: where the records go; a temporary folder unless given, which goes at the end of a `with` block of the evidence.
        endpoint_url: the control plane's endpoint; audit.yaml's or the standard one unless given.
        runtime_endpoint_url: the endpoint of image set calls.
        earlier: complete runs of the audit, from the last one back, of whose answers those are taken that still stand:
            `collected_runs`.
        events: deletions that are known of; None where nobody has looked for any.
        refresh: nothing is taken from earlier runs, but for which image sets there were.
        resume: the folder has the records of a run that was interrupted; only what is missing is asked.
        key: signs the records as they are written: that of `begin`.
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

    where, moment = folder or temporary_files.make_temporary_folder(), as_of or utc_now()
    asked = CallLog(
        where, meter := Meter(), resume=resume, key=key
    )  # it may refuse, and nothing is mended then
    mended = restore_records(where, key) if resume else RestoredRecords()
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
    return Evidence(
        where,
        "live",
        input_digest(config, chosen, events or (), refresh=refresh),
        (*(mended.notes if resume else ()), *done.notes, *notes),
        *asked.all(done.calls, done.traffic),
        done.identities,
        names=done.names,
        interrupted=done.interrupted,
        deletions_known_since=config.collect.deletions_known_since,
        warnings=warnings,
    )


def plan(
    config: AuditConfig,
    chosen: Sequence[Target],
    needs: Needs,
    *,
    sets: int | None = None,
    alone: bool = False,
) -> CollectionPlan:
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
    from checker.collection.preview import preview

    estimates, documents = preview(config, chosen, needs, sets=sets, alone=alone)
    return CollectionPlan(estimates, documents, needs.dicom, config.collect.deletions_known_since)


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
    folder = temporary_files.make_temporary_folder()
    try:
        write_recorded(
            folder / RECORDS,
            [str(file) for file in files],
            policies.labels,
            warnings,
            needs=needs,
            complete=complete,
        )
    except BaseException:
        temporary_files.discard(folder)
        raise
    return recorded_evidence(folder, tuple(warnings), events)


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
    with temporary_files.temporary_folder() as folder:
        write_snapshot(evidence.records, folder, rules.policies.labels, rules.needs)
        return run(written, rule, folder, subject, as_of=as_of or utc_now(), targets=only, phi=show_phi)


def report(
    document: Reported, reports: Mapping[str, str | Path], options: Options | None = None
) -> tuple[str, ...]:
    """Writes reports, each whole or not at all; the paths that were written.

    Args:
        document: a run, or what `diff`, `trend`, `forecast`, `explain_verdicts`, `plan` or `test_rules` returned.
        reports: format to path; `-` is standard output. The formats are those of `checker.reporting.FORMATS`.
        options: how to write them.

    Raises:
        InvalidInputError: no such format.
        ReportError: a report could not be written.
    """
    from checker.reporting import deliver, document_name, formats, writer

    name = document_name(document)
    if unknown := [kind for kind in reports if kind not in formats(name)]:
        raise InvalidInputError(
            Problem("--report", f"unknown format {kind}", suggest(kind, formats(name), what="formats are"))
            for kind in unknown
        )
    chosen = options or Options()
    siblings = {kind: str(path) for kind, path in reports.items()}
    chosen = replace(chosen, siblings={**siblings, **chosen.siblings})
    return tuple(
        path
        for kind, target in reports.items()
        for path in deliver(document, writer(kind, name), target, chosen)
    )


def render(document: Reported, format: str = "text", options: Options | None = None) -> str:  # noqa: A002 - it is one
    """A report as text, without the line break at its end; see `report`."""
    from checker.reporting import document_name, writer

    out = StringIO()
    writer(format, document_name(document)).write(document, out, options or Options())
    return out.getvalue().removesuffix("\n")
