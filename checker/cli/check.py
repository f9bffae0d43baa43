"""`check`: collect, evaluate, report, gate."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checker import api
from checker.cli import options
from checker.cli.console import colored, complain, hush_broken_pipe, log, progress, say, warn
from checker.cli.interrupt import Interrupt
from checker.cli.options import Check
from checker.evidence import runfolder
from checker.model import Outcome, utc_now
from checker.problems import Gathered, InvalidInputError
from checker.reporting import STDOUT

if TYPE_CHECKING:
    from checker.config import AuditConfig
    from checker.model import Target


@dataclass(frozen=True)
class _Plan:
    """Everything that is checked before the first image set is looked at."""

    config: AuditConfig | None
    rules: api.Rules
    targets: tuple[Target, ...]
    left_out: tuple[str, ...]
    gate: api.Gate
    as_of: datetime | None
    reports: list[tuple[str, str]]
    options: api.Options
    runs: Path | None


def run(given: Check) -> int:
    """The exit code of an audit."""
    started = utc_now()
    if given.debug:
        log()
    plan = _plan(given)
    if given.image_sets:
        evidence = api.recorded(
            given.image_sets, plan.rules.policies, needs=plan.rules.needs, complete=given.complete
        )
        warn(evidence.warnings)
        folder = _folder(plan, evidence.digest, plan.as_of or started)
        evidence = api.moved(evidence, folder) if folder else evidence
    else:
        assert plan.config is not None
        folder = _folder(plan, api.inputs(plan.config), plan.as_of or started)
        with Interrupt() as interrupt:
            evidence = _collect(given, plan, folder, interrupt)
        if interrupt.code:
            return _stopped(evidence, folder, interrupt.code)
    result = api.evaluate(
        plan.rules,
        evidence,
        name=plan.config.name if plan.config else evidence.source,
        as_of=plan.as_of,
        started=started,
        gate=plan.gate,
        left_out=plan.left_out,
    )
    delivered = _deliver(result, plan, folder, quiet=given.quiet)
    code = result.outcome.exit_code
    return code if delivered or code else Outcome.UNDELIVERED.exit_code


def _plan(given: Check) -> _Plan:
    gathered = Gathered()
    with gathered.step():
        options.refuse(given)
    config = None
    with gathered.step():
        config = options.config(given)
    policies = None
    with gathered.step():
        policies = options.policies(given, config)
    if config:
        gathered.problems += config.warnings
    gate = as_of = None
    reports: list[tuple[str, str]] = []
    with gathered.step():
        gate = options.gate(given, config)
    with gathered.step():
        as_of = options.as_of(given)
    with gathered.step():
        reports = options.reports(given, config, policies)
    rules = None
    chosen: tuple[Target, ...] = ()
    left_out: tuple[str, ...] = ()
    if policies is not None:
        gathered.problems += policies.warnings
        with gathered.step():
            rules = api.choose(
                policies,
                params=options.params(given),
                configured=config.params if config else None,
                only=given.rules,
                skip=given.skip_rules,
                tags=given.tags,
                changes=config.rules if config else (),
            )
        if config and not given.image_sets:
            with gathered.step():
                chosen, left_out, warnings = api.targets(config, policies, only=given.targets)
                gathered.problems += warnings
    gathered.check()
    assert rules is not None
    warn([*gathered.problems, *rules.warnings])
    assert gate is not None
    how = api.Options(given.junit_passes, color=colored(sys.stdout), siblings=dict(reports))  # type: ignore[arg-type]
    runs = Path(given.runs) if given.runs else config.at(config.runs) if config and config.runs else None
    return _Plan(config, rules, chosen, left_out, gate, as_of, reports, how, runs)


def _folder(plan: _Plan, inputs: str, moment: datetime) -> Path | None:
    """The run folder, made before anything is collected: where it cannot be, nothing is checked."""
    return api.run_folder(plan.runs, plan.rules, inputs, moment) if plan.runs else None


def _collect(given: Check, plan: _Plan, folder: Path | None, interrupt: Interrupt) -> api.Evidence:
    assert plan.config is not None
    try:
        with progress(quiet=given.quiet) as tell:
            return api.collect(
                plan.config,
                plan.targets,
                needs=plan.rules.needs,
                folder=folder,
                endpoint_url=given.endpoint_url,
                runtime_endpoint_url=given.runtime_endpoint_url,
                stop=interrupt.stop,
                progress=tell,
            )
    except InvalidInputError:
        # found before the first call: the folder holds nothing yet
        if folder:
            shutil.rmtree(folder)
        raise


def _stopped(evidence: api.Evidence, folder: Path | None, code: int) -> int:
    """Tells where the answers are that were collected before Ctrl-C or SIGTERM."""
    path = evidence.records
    if folder is None:
        path = Path(f"interrupted-{utc_now():%Y%m%dT%H%M%SZ}.jsonl")
        try:
            shutil.copyfile(evidence.records, path)
        except OSError:
            # nothing can be written here, but what was collected is kept all the same
            path = Path(tempfile.mkdtemp(prefix="imageset-checker-")) / path.name
            shutil.copyfile(evidence.records, path)
    with path.open(encoding="utf-8") as lines:
        count = sum(1 for _ in lines)
    complain(
        f"interrupted: {count} answers are kept in {path.as_posix()}; nothing was judged\n"
        f"help: judge them with: imageset-checker check -p POLICY --image-sets {path.as_posix()}"
    )
    return code


def _deliver(result: api.Run, plan: _Plan, folder: Path | None, *, quiet: bool) -> bool:
    """Writes every report, whatever became of the one before, and the summary; whether all went well."""
    delivered, written = True, []
    for name, path in plan.reports:
        with _reporting() as went:
            written += [(name, one) for one in api.report(result, {name: path}, plan.options)]
        delivered = delivered and went.well
    if folder is not None:
        with _reporting() as went:
            api.kept(result, folder, plan.config, written)
        delivered = delivered and went.well
    if not quiet and not any(path == STDOUT for _, path in plan.reports):
        with _reporting() as went:
            api.report(result, {"text": STDOUT}, plan.options)
            for name, path in written:
                say(f"{name:<6} {path}")
            if folder is not None:
                say(f"{'run':<6} {folder.as_posix()}")
        delivered = delivered and went.well
    return delivered


class _Went:
    """How the writing of something went."""

    well = True


@contextmanager
def _reporting() -> Iterator[_Went]:
    """What goes wrong inside is told, and never hides what was found out. A closed pipe is no error."""
    went = _Went()
    try:
        yield went
    except BrokenPipeError:
        hush_broken_pipe()
    except (api.ReportError, runfolder.RunFolderError) as error:
        complain(str(error))
        went.well = False
    except OSError as error:
        complain(f"error: standard output could not be written: {(error.strerror or str(error)).lower()}")
        hush_broken_pipe()
        went.well = False
