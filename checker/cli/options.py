"""The options of `check` and `explain` as values: each function reads some of them, and raises what is wrong with those."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from checker import api
from checker.audit.gate import FAIL_ON
from checker.model import Severity
from checker.problems import InvalidInputError, Problem, suggest
from checker.reporting import FORMATS, STDOUT, JUnitPasses, probe
from checker.values import BadValueError, parse_time

if TYPE_CHECKING:
    from checker.config import AuditConfig

DEFAULT_CONFIG = "audit.yaml"


@dataclass(frozen=True)
class Given:
    """Options that say what is looked at, as given."""

    config: str | None
    policies: list[str]
    image_sets: list[str]
    complete: bool
    params: list[str]
    as_of: str | None
    targets: list[str]
    evidence: str | None


@dataclass(frozen=True)
class Check(Given):
    """The options of `check` as given."""

    fail_on: str | None
    reports: list[str]
    junit_passes: str
    rules: list[str]
    skip_rules: list[str]
    tags: list[str]
    runs: str | None
    endpoint_url: str | None
    runtime_endpoint_url: str | None
    waivers: str | None
    quiet: bool
    debug: bool


def refuse(given: Check) -> None:
    """Options that are not available yet, or do not go together."""
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
                "add -p POLICY, such as -p pack:healthimaging-integrity",
            )
        )
    if given.complete and not given.image_sets:
        hint = "of a target in audit.yaml write `complete: true`"
        problems.append(Problem("--complete", "goes with --image-sets", hint))
    if given.targets and given.image_sets:
        problems.append(Problem("--target", "recorded answers have no targets"))
    if given.junit_passes not in get_args(JUnitPasses):
        hint = suggest(given.junit_passes, get_args(JUnitPasses), what="it is one of")
        problems.append(Problem("--junit-passes", f"there is no {given.junit_passes}", hint))
    remote = [("--runs", given.runs or ""), *(("--report", text.partition("=")[2]) for text in given.reports)]
    problems += [
        Problem(flag, f"{path}: only local files are available yet") for flag, path in remote if "://" in path
    ]
    if problems:
        raise InvalidInputError(problems)


def config(given: Given) -> AuditConfig | None:
    """The audit.yaml in force; None where recorded answers are judged by `-p`."""
    if given.config is None and (given.policies or given.image_sets):
        return None
    path = Path(given.config or DEFAULT_CONFIG)
    if given.config is None and not path.exists():
        hint = "`imageset-checker init` writes one; or give -p POLICY --image-sets FILE"
        raise InvalidInputError(Problem(DEFAULT_CONFIG, "there is no audit.yaml here", hint))
    return api.configure(path)


def policies(given: Given, config: AuditConfig | None) -> api.Policies | None:
    """The policies that audit.yaml or `-p` names."""
    if config:
        return api.load([api.Request(str(node.value), node) for node in config.policies], base=config.root)
    return api.load(given.policies) if given.policies else None


def gate(given: Check, config: AuditConfig | None) -> api.Gate:
    """The gate: `--fail-on` before audit.yaml."""
    fail_on = config.fail_on if config else Severity.LOW
    if given.fail_on is not None:
        if given.fail_on not in FAIL_ON:
            hint = suggest(given.fail_on, FAIL_ON, what="it is one of")
            raise InvalidInputError(Problem("--fail-on", f"there is no severity {given.fail_on}", hint))
        fail_on = None if given.fail_on == "never" else Severity(given.fail_on)
    return api.Gate(fail_on, config.on_unknown if config else "incomplete")


def as_of(given: Given) -> datetime | None:
    """`--as-of`; None for the start of the run."""
    try:
        return parse_time(given.as_of) if given.as_of is not None else None
    except BadValueError as error:
        raise InvalidInputError(Problem("--as-of", str(error), error.hint)) from None


def params(given: Given) -> dict[str, str]:
    """`--param` by name."""
    params: dict[str, str] = {}
    for text in given.params:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInputError(Problem("--param", f"`{text}` has no value", "write --param NAME=VALUE"))
        params[name.strip()] = value.strip()
    return params


def reports(given: Check, config: AuditConfig | None, loaded: api.Policies | None) -> list[tuple[str, str]]:
    """Formats and paths: those of the command line, and those of audit.yaml that it does not name."""
    problems: list[Problem] = []
    asked = _asked(given, config, problems)
    taken = {file.resolve(): "an input of this run" for file in _inputs(given, config, loaded)}
    for name, path in asked:
        place = Path(path).resolve() if path != STDOUT else Path(STDOUT)
        if place in taken:
            problems.append(
                Problem("--report", f"{name} would be written to {path}, which is {taken[place]}")
            )
        taken[place] = f"the {name} report too"
        try:
            probe(path)
        except InvalidInputError as error:
            problems += error.problems
    if problems:
        raise InvalidInputError(problems)
    return asked


def _asked(given: Check, config: AuditConfig | None, problems: list[Problem]) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []
    for text in given.reports:
        name, equals, path = text.partition("=")
        if not equals or not path:
            problems.append(Problem("--report", f"`{text}` names no file", "write --report FORMAT=PATH"))
        elif name not in FORMATS:
            problems.append(Problem("--report", f"unknown format {name}", _formats(name)))
        else:
            asked.append((name, path))
    if config is None:
        return asked
    named = {name for name, _ in asked}
    for name, path in config.reports.items():
        if name not in FORMATS:
            problems.append(config.report_key(name).problem(f"unknown format {name}", _formats(name)))
        elif name not in named:
            asked.append((name, path if path == STDOUT else str(config.at(path))))
    return asked


def _formats(name: str) -> str:
    return suggest(name, FORMATS, what="formats are")


def _inputs(given: Check, config: AuditConfig | None, loaded: api.Policies | None) -> list[Path]:
    files = [Path(path) for path in given.image_sets if path != "-"]
    if config:
        files += [config.path, *map(Path, config.files)]
    return [*files, *(loaded.files if loaded else ())]
