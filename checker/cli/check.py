"""`check`: collect, evaluate, report, gate."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from checker import api
from checker.cli.app import SEVERITIES
from checker.cli.console import colored, complain, hush_broken_pipe, log, progress, say, warn
from checker.cli.interrupt import Interrupt
from checker.evidence import runfolder
from checker.evidence.kept import Evidence, moved
from checker.model import Outcome, Severity, utc_now
from checker.problems import Gathered, InvalidInputError, Problem, suggest
from checker.reporting import FORMATS, STDOUT, JUnitPasses, Options, ReportError, probe
from checker.values import BadValueError, parse_time

if TYPE_CHECKING:
    from checker.config import AuditConfig
    from checker.model import Target

DEFAULT_CONFIG = "audit.yaml"


@dataclass(frozen=True)
class Check:
    """The command's options as given."""

    config: str | None
    policies: list[str]
    image_sets: list[str]
    params: list[str]
    as_of: str | None
    fail_on: str | None
    reports: list[str]
    junit_passes: str
    targets: list[str]
    rules: list[str]
    skip_rules: list[str]
    tags: list[str]
    runs: str | None
    endpoint_url: str | None
    runtime_endpoint_url: str | None
    evidence: str | None
    waivers: str | None
    quiet: bool
    debug: bool


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
    options: Options
    runs: Path | None


def run(given: Check) -> int:
    """The exit code of an audit."""
    started = utc_now()
    if given.debug:
        log()
    plan = _plan(given)
    if given.image_sets:
        evidence = api.recorded(given.image_sets, plan.rules.policies)
        folder = _folder(plan, evidence.digest, plan.as_of or started)
        evidence = moved(evidence, folder) if folder else evidence
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
        name=plan.config.name if plan.config else "",
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
        _refuse(given)
    config = None
    with gathered.step():
        config = _config(given)
    policies = None
    with gathered.step():
        policies = _policies(given, config)
    if config:
        gathered.problems += config.warnings
    gate = as_of = None
    reports: list[tuple[str, str]] = []
    with gathered.step():
        gate = _gate(given, config)
    with gathered.step():
        as_of = _as_of(given)
    with gathered.step():
        reports = _reports(given, config)
    rules = None
    chosen: tuple[Target, ...] = ()
    left_out: tuple[str, ...] = ()
    if policies is not None:
        gathered.problems += policies.warnings
        with gathered.step():
            rules = api.choose(
                policies,
                params=_params(given),
                configured=config.params if config else None,
                only=given.rules,
                skip=given.skip_rules,
                tags=given.tags,
            )
        if config and not given.image_sets:
            with gathered.step():
                chosen, left_out, warnings = api.targets(config, policies, only=given.targets)
                gathered.problems += warnings
    gathered.check()
    warn(gathered.problems)
    assert rules is not None
    assert gate is not None
    options = Options(given.junit_passes, color=colored(sys.stdout), siblings=dict(reports))  # type: ignore[arg-type]
    runs = Path(given.runs) if given.runs else config.at(config.runs) if config and config.runs else None
    return _Plan(config, rules, chosen, left_out, gate, as_of, reports, options, runs)


def _refuse(given: Check) -> None:
    problems = [
        Problem(flag, f"{what} not available yet", "")
        for flag, value, what in (
            ("--evidence", given.evidence, "evaluating kept evidence again is"),
            ("--waivers", given.waivers, "waivers are"),
        )
        if value
    ]
    if given.policies and not given.image_sets:
        problems.append(
            Problem(
                "-p",
                "policies alone say nothing of what to check",
                "add --image-sets FILE, or name the policies in audit.yaml",
            )
        )
    if given.policies and given.config:
        problems.append(Problem("-p", "audit.yaml names its own policies", "leave out -p or -c"))
    if given.image_sets and not given.policies and not given.config:
        problems.append(
            Problem(
                "--image-sets",
                "no policy to judge them by",
                "add -p POLICY, such as -p pack:healthimaging-governance",
            )
        )
    if given.targets and given.image_sets:
        problems.append(Problem("--target", "recorded answers have no targets"))
    if given.junit_passes not in get_args(JUnitPasses):
        hint = suggest(given.junit_passes, get_args(JUnitPasses), what="it is one of")
        problems.append(Problem("--junit-passes", f"there is no {given.junit_passes}", hint))
    if problems:
        raise InvalidInputError(problems)


def _config(given: Check) -> AuditConfig | None:
    if given.config is None and (given.policies or given.image_sets):
        return None
    path = Path(given.config or DEFAULT_CONFIG)
    if given.config is None and not path.exists():
        hint = "`imageset-checker init` writes one; or give -p POLICY --image-sets FILE"
        raise InvalidInputError(Problem(DEFAULT_CONFIG, "there is no audit.yaml here", hint))
    return api.configure(path)


def _policies(given: Check, config: AuditConfig | None) -> api.Policies | None:
    if config:
        return api.load([api.Request(str(node.value), node) for node in config.policies], base=config.root)
    return api.load(given.policies) if given.policies else None


def _gate(given: Check, config: AuditConfig | None) -> api.Gate:
    fail_on = config.fail_on if config else Severity.LOW
    if given.fail_on is not None:
        if given.fail_on not in SEVERITIES:
            hint = suggest(given.fail_on, SEVERITIES, what="it is one of")
            raise InvalidInputError(Problem("--fail-on", f"there is no severity {given.fail_on}", hint))
        fail_on = None if given.fail_on == "never" else Severity(given.fail_on)
    return api.Gate(fail_on, config.on_unknown if config else "incomplete")


def _as_of(given: Check) -> datetime | None:
    try:
        return parse_time(given.as_of) if given.as_of is not None else None
    except BadValueError as error:
        raise InvalidInputError(Problem("--as-of", str(error), error.hint)) from None


def _params(given: Check) -> dict[str, str]:
    params: dict[str, str] = {}
    for text in given.params:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInputError(Problem("--param", f"`{text}` has no value", "write --param NAME=VALUE"))
        params[name.strip()] = value.strip()
    return params


def _reports(given: Check, config: AuditConfig | None) -> list[tuple[str, str]]:
    """Formats and paths: those of the command line, and those of audit.yaml that it does not name."""
    problems = []
    asked: list[tuple[str, str, Problem | None]] = []
    for text in given.reports:
        name, equals, path = text.partition("=")
        if equals and name in FORMATS and path:
            asked.append((name, path, None))
        elif not equals or not path:
            problems.append(Problem("--report", f"`{text}` names no file", "write --report FORMAT=PATH"))
        else:
            problems.append(
                Problem("--report", f"unknown format {name}", suggest(name, FORMATS, what="formats are"))
            )
    named = {name for name, _, _ in asked}
    for name, path in (config.reports if config else {}).items():
        if config and name not in named:
            asked.append((name, path if path == STDOUT else str(config.at(path)), None))
    seen: dict[str, str] = {}
    for name, path, _ in asked:
        if path in seen:
            problems.append(Problem("--report", f"{name} and {seen[path]} would both be written to {path}"))
        seen[path] = name
        try:
            probe(path)
        except InvalidInputError as error:
            problems += error.problems
    if problems:
        raise InvalidInputError(problems)
    return [(name, path) for name, path, _ in asked]


def _folder(plan: _Plan, inputs: str, moment: datetime) -> Path | None:
    """The run folder, made before anything is collected: where it cannot be, nothing is checked."""
    return runfolder.make(plan.runs, api.run_id(plan.rules, inputs, moment)) if plan.runs else None


def _collect(given: Check, plan: _Plan, folder: Path | None, interrupt: Interrupt) -> Evidence:
    assert plan.config is not None
    try:
        with progress(quiet=given.quiet) as tell:
            return api.collect(
                plan.config,
                plan.targets,
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


def _stopped(evidence: Evidence, folder: Path | None, code: int) -> int:
    """Tells where the answers are that were collected before Ctrl-C or SIGTERM."""
    path = evidence.records
    if folder is None:
        path = Path(f"interrupted-{utc_now():%Y%m%dT%H%M%SZ}.jsonl")
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
    to_stdout = any(path == STDOUT for _, path in plan.reports)
    for name, path in plan.reports:
        try:
            written += [(name, one) for one in api.report(result, {name: path}, plan.options)]
        except ReportError as error:
            complain(str(error))
            delivered = False
        except BrokenPipeError:
            hush_broken_pipe()
    if folder is not None:
        try:
            api.kept(result, folder, plan.config, [path for _, path in written if path != STDOUT])
        except runfolder.RunFolderError as error:
            complain(str(error))
            delivered = False
    if not quiet and not to_stdout:
        try:
            api.report(result, {"text": STDOUT}, plan.options)
            for name, path in written:
                say(f"{name:<6} {path}")
            if folder is not None:
                say(f"{'run':<6} {folder.as_posix()}")
        except BrokenPipeError:
            hush_broken_pipe()
    return delivered
