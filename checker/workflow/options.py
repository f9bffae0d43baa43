"""The options of an audit as values: each function reads some of them, and raises what is wrong with those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from checker.judgement.gate import Gate
from checker.judgement.gate import gate as gate_in
from checker.model import FAIL_ON, JUNIT_OPTIONS, Severity, Sort
from checker.policy.load import Policies, load
from checker.problems import InvalidInputError, Problem, suggest
from checker.reporting import STDOUT, formats, probe
from checker.reporting.formats import Document
from checker.runs.run_reader import RecordedRun
from checker.snapshot.answer_files import answer_files
from checker.values import BadValueError, parse_time
from checker.workflow.audit_options import AuditOptions, EvidenceOptions
from checker.workflow.stages import configure, load_policies

if TYPE_CHECKING:
    from checker.config import AuditConfig

DEFAULT_CONFIG = "audit.yaml"


def refuse_conflicts(given: AuditOptions) -> None:
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
    problems += junit_problems(_junit(given))
    problems += _sorts(given.sort)
    problems += _endpoints(given)
    remote = [text.partition("=")[2] for text in _texts(given.reports)]
    problems += [
        Problem("--report", f"{path}: reports are written to files of this machine")
        for path in remote
        if "://" in path
    ]
    if problems:
        raise InvalidInputError(problems)


def _endpoints(given: AuditOptions) -> Iterator[Problem]:
    """Endpoints that are no URLs, which audit.yaml may not have either."""
    flags = {"--endpoint-url": given.endpoint_url, "--runtime-endpoint-url": given.runtime_endpoint_url}
    for flag, text in flags.items():
        if text is None:
            continue
        from checker.config.models import ENDPOINT_HINT, is_endpoint  # pydantic takes long to import

        if not is_endpoint(text):
            yield Problem(flag, f"`{text}` is not an endpoint", ENDPOINT_HINT)


def _alone(given: AuditOptions) -> Iterator[Problem]:
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


def junit(given: AuditOptions, config: AuditConfig | None) -> dict[str, Any]:
    """How JUnit is written, by the members of `reporting.Options`: the command line before audit.yaml; as usual what neither says."""
    return {**(config.junit if config else {}), **_junit(given)}


def _junit(given: AuditOptions) -> dict[str, str]:
    """The options of JUnit that were given."""
    values = {name: getattr(given, name) for name in JUNIT_OPTIONS}
    return {name: word for name, word in values.items() if word is not None}


def junit_problems(given: Mapping[str, str]) -> Iterator[Problem]:
    """Options of JUnit that there are not."""
    for name, word in given.items():
        known = JUNIT_OPTIONS[name]
        if word not in known:
            flag = f"--{name.replace('_', '-')}"
            yield Problem(flag, f"there is no {word}", suggest(word, known, what="it is one of"))


def _sorts(by: str) -> Iterator[Problem]:
    if by not in get_args(Sort):
        yield Problem("--sort", f"there is no {by}", suggest(by, get_args(Sort), what="it is one of"))


def config(given: EvidenceOptions) -> AuditConfig | None:
    """The audit.yaml in force; None where recorded answers are judged by `-p`."""
    if given.config is None and (given.policies or given.image_sets or given.evidence):
        return None
    if given.config is not None and not isinstance(given.config, str | Path):
        return given.config
    path = Path(given.config or DEFAULT_CONFIG)
    if given.config is None and not path.exists():
        hint = "`imageset-checker init` writes one; or give -p POLICY --image-sets FILE"
        raise InvalidInputError(Problem(DEFAULT_CONFIG, "there is no audit.yaml here", hint))
    return configure(path)


def policies(
    given: EvidenceOptions, config: AuditConfig | None, kept: RecordedRun | None = None
) -> Policies | None:
    """The policies that audit.yaml or `-p` names, else those of a kept run."""
    if config:
        return load_policies(config)
    if given.policies:
        return load(given.policies)
    return load(kept.policies) if kept else None


def gate(given: AuditOptions, config: AuditConfig | None, was: Gate | None = None) -> Gate:
    """The gate: the command line before audit.yaml, and that before the one of a kept run."""
    chosen = gate_in(config) if config else was or Gate()
    if given.fail_on is not None:
        if given.fail_on not in FAIL_ON:
            hint = suggest(given.fail_on, FAIL_ON, what="it is one of")
            raise InvalidInputError(Problem("--fail-on", f"there is no severity {given.fail_on}", hint))
        fail_on = None if given.fail_on == "never" else Severity(given.fail_on)
        chosen = replace(chosen, fail_on=fail_on)
    return replace(chosen, new_only=True) if given.new_only else chosen


def waivers_file(given: AuditOptions, config: AuditConfig | None) -> Path | None:
    """The file of waivers that `--waivers` or audit.yaml names."""
    if given.waivers:
        return Path(given.waivers)
    return config.waivers_file if config else None


def event_files(given: AuditOptions, config: AuditConfig | None) -> list[Path]:
    """The files of deletion events that `--events` or audit.yaml names."""
    if given.events:
        return [Path(file) for file in given.events]
    return [config.at(file) for file in config.events] if config else []


def runs(given: AuditOptions, config: AuditConfig | None) -> str | None:
    """Where the run is kept, if it is: a folder, or a place in S3."""
    return given.runs or (config.runs.path if config and config.runs else None)


def baseline(given: AuditOptions, config: AuditConfig | None) -> str | None:
    """The run to compare with, where one is named; a path in audit.yaml is relative to it."""
    written = config.gate.new_only if config else None
    if given.baseline or config is None or not isinstance(written, str):
        return given.baseline
    return config.at(written).as_posix() if "/" in written and "://" not in written else written


def as_of(given: EvidenceOptions) -> datetime | None:
    """`--as-of`; None for the start of the run."""
    return instant(given.as_of)


def instant(given: datetime | str | None) -> datetime | None:
    """What `--as-of` says, as text or already as an instant.

    Raises:
        InvalidInputError: it is no time.
    """
    try:
        return parse_time(given) if isinstance(given, str) else given
    except BadValueError as error:
        raise InvalidInputError(Problem("--as-of", str(error), error.hint)) from None


def params(given: EvidenceOptions) -> dict[str, str]:
    """`--param` by name."""
    params: dict[str, str] = {}
    for text in _texts(given.params):
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInputError(Problem("--param", f"`{text}` has no value", "write --param NAME=VALUE"))
        params[name.strip()] = value.strip()
    return params


def reports(
    given: AuditOptions, config: AuditConfig | None, loaded: Policies | None
) -> list[tuple[str, str]]:
    """Formats and paths: those of the command line, and those of audit.yaml that it does not name."""
    problems: list[Problem] = []
    asked = _asked(given, config, problems)
    named = {text.partition("=")[0] for text in _texts(given.reports)}

    def place(name: str) -> AbstractContextManager[None]:
        return config.place_of("reports", name) if config and name not in named else nullcontext()

    problems += _place_problems(asked, _inputs(given, config, loaded), place)
    if problems:
        raise InvalidInputError(problems)
    return asked


def _place_problems(
    asked: Iterable[tuple[str, str]],
    inputs: Iterable[Path],
    place: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Iterator[Problem]:
    """What is wrong with the paths of reports: each is written to a place of its own, and to no input."""
    taken = {file.resolve(): "an input of this run" for file in inputs if file.exists()}
    for name, path in asked:
        target = Path(path).resolve() if path != STDOUT else Path(STDOUT)
        try:
            with place(name):
                _probe(name, path, taken.get(target))
        except InvalidInputError as error:
            yield from error.problems
        taken[target] = f"the {name} report too"


def _probe(name: str, path: str, taken: str | None) -> None:
    if taken:
        raise InvalidInputError(Problem(path, f"this is {taken}", f"write the {name} report to another file"))
    probe(path)


def requested_reports(
    asked: Sequence[str],
    document: Document = "run",
    *,
    junit: Mapping[str, str] | None = None,
    sort: str = "severity",
    inputs: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """Formats and paths of `--report` alone.

    Args:
        asked: as the command line has them.
        document: what is reported.
        junit: options of JUnit, by the members of `Options`, which are looked at too.
        sort: that of the text, likewise.
        inputs: paths of files that are read: no report is written there.

    Raises:
        InvalidInputError: a format that there is not, a path that cannot be written or that is named twice, an option of JUnit
            that there is not.
    """
    problems = [*junit_problems(junit or {}), *_sorts(sort)]
    found = _named(asked, problems, document)
    problems += _place_problems(found, map(Path, inputs))
    if problems:
        raise InvalidInputError(problems)
    return found


def _asked(given: AuditOptions, config: AuditConfig | None, problems: list[Problem]) -> list[tuple[str, str]]:
    asked = _named(_texts(given.reports), problems)
    if config is None:
        return asked
    named = {name for name, _ in asked}
    for name, path in config.reports.items():
        if name not in formats("run"):
            hint = suggest(name, (*formats("run"), *JUNIT_OPTIONS), what="known keys")
            problems.append(config.report_key(name).problem(f"unknown format {name}", hint))
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


def _texts(given: Mapping[str, str] | Sequence[str]) -> list[str]:
    return [f"{name}={value}" for name, value in given.items()] if isinstance(given, Mapping) else [*given]


def _formats(name: str, document: Document = "run") -> str:
    return suggest(name, formats(document), what="formats are")


def _inputs(given: AuditOptions, config: AuditConfig | None, loaded: Policies | None) -> list[Path]:
    files = [Path(path) for path in answer_files(given.image_sets, []) if path != "-"]
    if config:
        files += [config.path, *map(Path, config.files)]
    if waivers := waivers_file(given, config):
        files.append(waivers)
    files += event_files(given, config)
    return [*files, *(loaded.files if loaded else ())]
