"""The options of `check` and `explain` as values: each function reads some of them, and raises what is wrong with those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from checker import api
from checker.judgement.gate import FAIL_ON
from checker.model import Severity
from checker.problems import InvalidInputError, Problem, suggest
from checker.reporting import STDOUT, JUnitPasses, formats, probe
from checker.reporting.formats import Document
from checker.snapshot.answer_files import answer_files
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
    events: list[str]
    new_only: bool
    baseline: str | None
    strict_history: bool
    sign: str | None
    keys: list[str]
    refresh: bool
    resume: str | None
    show_phi: bool
    quiet: bool
    debug: bool


def answers(image_sets: Sequence[str] | None, more: Sequence[str] | None) -> list[str]:
    """What `--image-sets` names, and the arguments after it: a shell replaces `*.json` by several.

    Raises:
        InvalidInputError: arguments that are none of it.
    """
    problems = []
    for item in more or ():
        yaml = Path(item).suffix.lower() in (".yaml", ".yml")
        if yaml or not image_sets:
            hint = "-p takes a policy, -c an audit.yaml" if yaml else "--image-sets takes recorded answers"
            problems.append(
                Problem(item, "no option takes this argument", hint + "; each path needs its own" * yaml)
            )
    if problems:
        raise InvalidInputError(problems)
    return [*(image_sets or ()), *(more or ())]


def refuse(given: Check) -> None:
    """Options that do not go together."""
    problems = list(_alone(given))
    if given.policies and given.config:
        problems.append(Problem("-p", "audit.yaml names its own policies", "leave out -p or -c"))
    if given.targets and given.image_sets:
        problems.append(Problem("--target", "recorded answers have no targets"))
    if given.sign and not given.runs and (given.image_sets or given.evidence) and not given.config:
        problems.append(Problem("--sign", "signs a run that is kept", "add --runs DIR"))
    if given.keys and not (given.runs or given.evidence or given.config) and given.image_sets:
        problems.append(Problem("--key", "verifies earlier runs", "add --runs DIR"))
    if given.evidence:
        message = "does not go with --evidence, which has its own answers"
        flags = {"--image-sets": given.image_sets, "--target": given.targets, "--events": given.events}
        problems += [Problem(flag, message) for flag, value in flags.items() if value]
    if given.resume:
        other = {"--image-sets": given.image_sets, "--evidence": given.evidence}
        message = "does not go with --resume, which goes on asking the service"
        problems += [Problem(flag, message) for flag, value in other.items() if value]
    problems += _passes(given.junit_passes)
    problems += _endpoints(given)
    remote = [text.partition("=")[2] for text in given.reports]
    problems += [
        Problem("--report", f"{path}: reports are written to files of this machine")
        for path in remote
        if "://" in path
    ]
    if problems:
        raise InvalidInputError(problems)


def _endpoints(given: Check) -> Iterator[Problem]:
    """Endpoints that are no URLs, which audit.yaml may not have either."""
    flags = {"--endpoint-url": given.endpoint_url, "--runtime-endpoint-url": given.runtime_endpoint_url}
    for flag, text in flags.items():
        if text is None:
            continue
        from checker.config.models import ENDPOINT_HINT, is_endpoint  # pydantic takes long to import

        if not is_endpoint(text):
            yield Problem(flag, f"`{text}` is not an endpoint", ENDPOINT_HINT)


def _alone(given: Check) -> Iterator[Problem]:
    """Options that need another one."""
    if given.policies and not given.image_sets and not given.evidence:
        hint = "add --image-sets FILE, or name the policies in audit.yaml"
        yield Problem("-p", "policies alone say nothing of what to check", hint)
    if given.image_sets and not given.policies and not given.config:
        hint = "add -p POLICY, such as -p pack:healthimaging-integrity"
        yield Problem("--image-sets", "no policy to judge them by", hint)
    if given.complete and not given.image_sets:
        hint = "of a target in audit.yaml write `complete: true`"
        yield Problem("--complete", "goes with --image-sets", hint)


def _passes(how: str) -> Iterator[Problem]:
    if how not in get_args(JUnitPasses):
        hint = suggest(how, get_args(JUnitPasses), what="it is one of")
        yield Problem("--junit-passes", f"there is no {how}", hint)


def config(given: Given) -> AuditConfig | None:
    """The audit.yaml in force; None where recorded answers are judged by `-p`."""
    if given.config is None and (given.policies or given.image_sets or given.evidence):
        return None
    path = Path(given.config or DEFAULT_CONFIG)
    if given.config is None and not path.exists():
        hint = "`imageset-checker init` writes one; or give -p POLICY --image-sets FILE"
        raise InvalidInputError(Problem(DEFAULT_CONFIG, "there is no audit.yaml here", hint))
    return api.configure(path)


def policies(given: Given, config: AuditConfig | None, kept: api.Kept | None = None) -> api.Policies | None:
    """The policies that audit.yaml or `-p` names, else those of a kept run."""
    if config:
        return api.load([api.Request(str(node.value), node) for node in config.policies], base=config.root)
    if given.policies:
        return api.load(given.policies)
    return api.load(kept.policies) if kept else None


def gate(given: Check, config: AuditConfig | None, was: api.Gate | None = None) -> api.Gate:
    """The gate: the command line before audit.yaml, and that before the one of a kept run."""
    chosen = api.gate(config) if config else was or api.Gate()
    if given.fail_on is not None:
        if given.fail_on not in FAIL_ON:
            hint = suggest(given.fail_on, FAIL_ON, what="it is one of")
            raise InvalidInputError(Problem("--fail-on", f"there is no severity {given.fail_on}", hint))
        fail_on = None if given.fail_on == "never" else Severity(given.fail_on)
        chosen = replace(chosen, fail_on=fail_on)
    return replace(chosen, new_only=True) if given.new_only else chosen


def waivers_file(given: Check, config: AuditConfig | None) -> Path | None:
    """The file of waivers that `--waivers` or audit.yaml names."""
    if given.waivers:
        return Path(given.waivers)
    return config.waivers_file if config else None


def event_files(given: Check, config: AuditConfig | None) -> list[Path]:
    """The files of deletion events that `--events` or audit.yaml names."""
    if given.events:
        return [Path(file) for file in given.events]
    return [config.at(file) for file in config.events] if config else []


def runs(given: Check, config: AuditConfig | None) -> str | None:
    """Where the run is kept, if it is: a folder, or a place in S3."""
    return given.runs or (config.runs.path if config and config.runs else None)


def baseline(given: Check, config: AuditConfig | None) -> str | None:
    """The run to compare with, where one is named; a path in audit.yaml is relative to it."""
    written = config.gate.new_only if config else None
    if given.baseline or config is None or not isinstance(written, str):
        return given.baseline
    return config.at(written).as_posix() if "/" in written and "://" not in written else written


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
    named = {text.partition("=")[0] for text in given.reports}
    for name, path in asked:
        place = Path(path).resolve() if path != STDOUT else Path(STDOUT)
        try:
            with config.place_of("reports", name) if config and name not in named else nullcontext():
                _probe(name, path, taken.get(place))
        except InvalidInputError as error:
            problems += error.problems
        taken[place] = f"the {name} report too"
    if problems:
        raise InvalidInputError(problems)
    return asked


def _probe(name: str, path: str, taken: str | None) -> None:
    if taken:
        raise InvalidInputError(Problem(path, f"this is {taken}", f"write the {name} report to another file"))
    probe(path)


def asked_reports(
    asked: Sequence[str], junit_passes: str = "full", document: Document = "run"
) -> list[tuple[str, str]]:
    """Formats and paths of `--report` alone.

    Raises:
        InvalidInputError: a format that there is not, a path that cannot be written.
    """
    problems = list(_passes(junit_passes))
    found = _named(asked, problems, document)
    for _, path in found:
        try:
            probe(path)
        except InvalidInputError as error:
            problems += error.problems
    if problems:
        raise InvalidInputError(problems)
    return found


def _asked(given: Check, config: AuditConfig | None, problems: list[Problem]) -> list[tuple[str, str]]:
    asked = _named(given.reports, problems)
    if config is None:
        return asked
    named = {name for name, _ in asked}
    for name, path in config.reports.items():
        if name not in formats("run"):
            problems.append(config.report_key(name).problem(f"unknown format {name}", _formats(name)))
        elif name not in named:
            asked.append((name, path if path == STDOUT else str(config.at(path))))
    return asked


def _named(
    texts: Sequence[str], problems: list[Problem], document: Document = "run"
) -> list[tuple[str, str]]:
    """What `--report` names."""
    asked: list[tuple[str, str]] = []
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or not path:
            problems.append(Problem("--report", f"`{text}` names no file", "write --report FORMAT=PATH"))
        elif name not in formats(document):
            problems.append(Problem("--report", f"unknown format {name}", _formats(name, document)))
        else:
            asked.append((name, path))
    return asked


def _formats(name: str, document: Document = "run") -> str:
    return suggest(name, formats(document), what="formats are")


def _inputs(given: Check, config: AuditConfig | None, loaded: api.Policies | None) -> list[Path]:
    files = [Path(path) for path in answer_files(given.image_sets, []) if path != "-"]
    if config:
        files += [config.path, *map(Path, config.files)]
    if waivers := waivers_file(given, config):
        files.append(waivers)
    files += event_files(given, config)
    return [*files, *(loaded.files if loaded else ())]
