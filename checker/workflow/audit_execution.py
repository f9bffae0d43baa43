"""A whole audit: prepared, collected or reopened, judged, reported and sealed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Self

from checker import temporary_files
from checker.file_modes import private
from checker.input_files import LARGEST_TABLE, read_input
from checker.judgement.previous_runs import write_history
from checker.judgement.replay import rejudge
from checker.judgement.resumption import criteria
from checker.judgement.run import Run
from checker.judgement.run_evaluation import evaluate
from checker.layout import WAIVERS
from checker.model import NO_RENAMES, Outcome, utc_now
from checker.problems import InvalidInputError, Problem
from checker.reporting import STDOUT, Options
from checker.runs.evidence import Evidence, input_digest, move
from checker.runs.local_store import PendingRun
from checker.runs.run_reader import RecordedRun, malformed_files
from checker.temporary_files import result_folder
from checker.workflow.audit_options import AuditOptions
from checker.workflow.interruption import AuditStoppedError, CollectedAnswers, CopiedAnswers
from checker.workflow.listener import Listener
from checker.workflow.preparation import AuditPlan, prepare
from checker.workflow.run_keeping import begin, collected_runs, resume, seal
from checker.workflow.stages import collect, recorded, report


class WrittenReport(NamedTuple):
    """A file of a report: its format, and its path as it was given."""

    format: str
    path: str


@dataclass(frozen=True)
class AuditResult:
    """A run, and what was written of it. `place` is where the run is kept, empty where it is not; `warnings` are all that came,
    `failures` what could not be written. At the end of a `with` block the files go of a run that is not kept."""

    run: Run
    reports: tuple[WrittenReport, ...]
    place: str
    options: Options
    printed: bool
    """Whether standard output is the place of a report."""
    listener: Listener = field(repr=False)
    _interruption: AbstractContextManager[None] = field(repr=False)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings of the audit."""
        return tuple(self.listener.warnings)

    @property
    def failures(self) -> tuple[str, ...]:
        """What could not be written, as texts."""
        return tuple(self.listener.failures)

    @property
    def outcome(self) -> Outcome:
        """What the gate made of the run; `undelivered` where nothing else was wrong than that something was not written."""
        passed = not self.run.outcome.exit_code
        return Outcome.UNDELIVERED if passed and self.failures else self.run.outcome

    @property
    def exit_code(self) -> int:
        """The exit code of `check`."""
        return self.outcome.exit_code

    def __enter__(self) -> Self:
        self._interruption.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._interruption.__exit__(*error)  # type: ignore[arg-type]
        finally:
            temporary_files.discard(self.run.folder)


def audit(options: AuditOptions, listener: Listener) -> AuditResult:
    """Does all that `check` does, see `checker.audit`."""
    plan = prepare(options, utc_now(), listener.warn)
    with private(when=plan.private):
        if plan.kept is not None:
            return _again(plan, plan.kept, listener)
        return _recorded(options, plan, listener) if options.image_sets else _live(options, plan, listener)


def _again(plan: AuditPlan, kept: RecordedRun, listener: Listener) -> AuditResult:
    """Kept evidence, judged again."""
    moment = plan.as_of or kept.as_of
    working = _begin(plan, f"{kept.sha256} {kept.evidence.digest}", moment)
    answers = CopiedAnswers(working, listener)
    with working or nullcontext(), answers.kept():
        run = rejudge(
            kept,
            plan.by.rules,
            as_of=plan.as_of,
            gate=plan.gate,
            waivers=plan.by.waivers,
            soon=plan.by.soon,
            left_out=plan.by.left_out,
            name=plan.name,
            baseline=plan.earlier.named,
            baseline_stands=plan.earlier.stands,
            renames=plan.config.renamed if plan.config else NO_RENAMES,
            audit_path=plan.audit_path,
            folder=working.folder if working else None,
            notes=plan.earlier.notes,
        )
        with result_folder(run.folder):
            return _delivered(run, plan, working, listener, lambda _: answers.kept())


def _recorded(options: AuditOptions, plan: AuditPlan, listener: Listener) -> AuditResult:
    """Recorded answers, judged. Another copy of them is elsewhere."""
    evidence = recorded(
        options.image_sets,
        plan.by.rules.policies,
        needs=plan.by.rules.needs,
        complete=options.complete,
        events=plan.deletions,
    )
    with result_folder(evidence.folder):
        listener.warn(evidence.warnings)
        working = _begin(plan, evidence.digest, plan.moment)
        answers = CopiedAnswers(working, listener)
        with working or nullcontext(), answers.kept():
            evidence = move(evidence, working.folder) if working else evidence
            run = _evaluated(plan, evidence, listener)
            return _delivered(run, plan, working, listener, lambda _: answers.kept())


def _live(options: AuditOptions, plan: AuditPlan, listener: Listener) -> AuditResult:
    """What the service answers, judged. Its answers took long: they are kept, whatever comes after."""
    assert plan.config is not None
    if plan.earlier.last and (problems := malformed_files(plan.earlier.last)):
        raise InvalidInputError(problems)
    asked = input_digest(plan.config, plan.by.targets, plan.events, refresh=options.refresh)
    working = _begin(plan, asked, plan.moment)
    with result_folder(working.folder if working else None) as folder, working or nullcontext():
        answers = CollectedAnswers(folder, working, listener)
        with answers.kept("nothing was judged"):
            evidence = _collected(options, plan, answers)
            listener.warn(evidence.warnings)
        with answers.kept("the audit did not come to its end", whatever=True):
            run = _evaluated(plan, evidence, listener)
            end = "the summary was not shown to its end"
            return _delivered(run, plan, working, listener, lambda place: answers.kept(end, place=place))


def _collected(options: AuditOptions, plan: AuditPlan, answers: CollectedAnswers) -> Evidence:
    assert plan.config is not None
    working, listener = answers.working, answers.listener
    with listener.stopping() as stop:
        try:
            with listener.progress() as tell:
                evidence = collect(
                    plan.config,
                    plan.by.targets,
                    needs=plan.by.rules.needs,
                    as_of=plan.moment,
                    earlier=collected_runs(plan.store, plan.name, plan.earlier) if plan.store else (),
                    events=plan.deletions,
                    refresh=options.refresh,
                    resume=plan.begun is not None,
                    key=plan.key,
                    folder=answers.folder,
                    endpoint_url=options.endpoint_url,
                    runtime_endpoint_url=options.runtime_endpoint_url,
                    stop=stop,
                    progress=tell,
                )
        except InvalidInputError:
            # found before the first call: the folder holds nothing yet
            if working and plan.begun is None:
                working.store.abandon(working)
            raise
    listener.check()
    if evidence.interrupted:
        raise AuditStoppedError("the audit was stopped before it had asked for everything")
    return evidence


def _begin(plan: AuditPlan, asked: str, moment: datetime) -> PendingRun | None:
    """The run's name where it is kept, taken before anything is collected: where it cannot be, nothing is checked."""
    if plan.store is None:
        return None
    named = plan.earlier.named
    by = criteria(plan.gate, plan.by.files.get(WAIVERS), named.name if named else "")
    if plan.begun is not None:
        return resume(plan.store, plan.begun, plan.by.rules, asked, moment, by=by)
    given, rules = plan.as_of is not None, plan.by.rules
    return begin(plan.store, rules, asked, moment, plan.name, hypothetical=given, key=plan.key, judged_by=by)


def _evaluated(plan: AuditPlan, evidence: Evidence, listener: Listener) -> Run:
    rules, renames = plan.by.rules, plan.config.renamed if plan.config else NO_RENAMES
    before = write_history(
        evidence.folder, plan.earlier, plan.events, plan.started, rules=rules.rules, renames=renames
    )
    listener.warn([Problem("runs", note, warning=True) for note in before.notes])
    return evaluate(
        rules,
        evidence,
        name=plan.name,
        as_of=plan.as_of,
        started=plan.started,
        gate=plan.gate,
        waivers=plan.by.waivers,
        soon=plan.by.soon,
        left_out=plan.by.left_out,
        before=before,
        audit_path=plan.audit_path,
    )


def _delivered(
    run: Run,
    plan: AuditPlan,
    working: PendingRun | None,
    listener: Listener,
    interruption: Callable[[str], AbstractContextManager[None]],
) -> AuditResult:
    """Writes every report, whatever became of the one before, and completes the run. What `interruption` gives says what
    becomes of the answers, once it is known where the run is kept."""
    written: list[WrittenReport] = []
    for name, path in plan.reports:
        listener.check()
        with listener.delivery():
            written += [WrittenReport(name, item) for item in report(run, {name: path}, plan.options)]
    listener.check()
    place = ""
    if working is not None:
        events = {
            f"events-{number}.jsonl": read_input(file, LARGEST_TABLE)
            for number, file in enumerate(plan.event_files, 1)
        }
        with listener.delivery():
            place = seal(
                run,
                working,
                files={**plan.by.files, **events},
                reports=written,
                retention=plan.config.runs.keep if plan.config and plan.config.runs else None,
                private=plan.private,
                key=plan.key,
                keys=plan.keys,
                options=plan.options,
            )
    printed = any(path == STDOUT for _, path in plan.reports)
    return AuditResult(run, tuple(written), place, plan.options, printed, listener, interruption(place))
