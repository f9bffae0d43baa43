"""Everything that `check` reads, and refuses, before the first image set is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checker.input_files import read_input
from checker.judgement.baseline import still_stands
from checker.judgement.gate import Gate
from checker.judgement.previous_runs import EarlierRuns, earlier_runs, verify_store_links
from checker.judgement.replay import JudgementTerms, judgement_terms, recorded_overrides
from checker.layout import AUDIT, WAIVERS
from checker.model import SOON, Duration, Waiver, utc_now
from checker.policy.load import Policies
from checker.policy.rule_selection import Rules, choose
from checker.problems import InvalidInputError, Problem, ProblemCollection
from checker.reporting import Options
from checker.runs.authenticity import Keys, is_signed, read_keys
from checker.runs.evidence import targets_in
from checker.runs.local_store import Store, open_store
from checker.runs.run_reader import RecordedRun
from checker.runs.signature import signing_key
from checker.snapshot.deletion_events import Event, read_events
from checker.workflow import options
from checker.workflow.audit_options import AuditOptions
from checker.workflow.run_keeping import interrupted_run
from checker.workflow.run_lookup import find
from checker.workflow.stages import read_waivers
from checker.workflow.stages import targets as targets_of
from checker.yamlsource import LARGEST_FILE

if TYPE_CHECKING:
    from checker.config import AuditConfig
    from checker.model import Target
    from checker.runs.run_folder import InterruptedRun, SealKey

_KEEP_RUNS = "add `runs: runs/`, or --runs DIR"


@dataclass(frozen=True)
class JudgementInputs:
    """What evidence is judged by, beside its instant and the gate. `files` are the bytes of it, by their names in a run folder."""

    rules: Rules
    targets: tuple[Target, ...] = ()
    left_out: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    soon: Duration = SOON
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditPlan:
    """What `check` is going to do. `kept` is the run whose evidence is judged again, if one is; `store` is where the run is
    kept, if it is, and `earlier` what is there already. `begun` is the interrupted run that goes on, `started` when it or this
    one began; without `as_of` ages are measured against that."""

    name: str
    config: AuditConfig | None
    by: JudgementInputs
    gate: Gate
    as_of: datetime | None
    reports: list[tuple[str, str]]
    options: Options
    events: tuple[Event, ...] = ()
    store: Store | None = None
    earlier: EarlierRuns = field(default_factory=EarlierRuns)
    key: SealKey | None = None
    keys: Keys | None = None
    kept: RecordedRun | None = None
    event_files: tuple[Path, ...] = ()
    begun: InterruptedRun | None = None
    started: datetime = field(default_factory=utc_now)

    @property
    def moment(self) -> datetime:
        """The instant against which ages are measured."""
        return self.as_of or self.started

    @property
    def private(self) -> bool:
        """Whether the run will hold values of DICOM attributes: its own, or such as it takes from earlier runs."""
        past = self.earlier
        runs = (self.kept, past.last, past.prior, past.named, past.baseline.run, *past.between)
        taken = any(run.facts.get("phi") or run.facts.get("private") for run in runs if run)
        return taken or bool(self.by.rules.needs.dicom)

    @property
    def audit_path(self) -> str:
        """How messages call audit.yaml; empty where there is none."""
        return self.config.document.path if self.config else ""

    @property
    def deletions(self) -> tuple[Event, ...] | None:
        """The deletion events; None where no file of them was given."""
        return self.events if self.event_files else None


def prepare(given: AuditOptions, started: datetime, warn: Callable[[Iterable[Problem]], None]) -> AuditPlan:
    """Reads and checks every option and every file that they name.

    Raises:
        InvalidInputError: with every problem of all of them.
    """
    gathered = ProblemCollection()
    config = found = kept = policies = as_of = key = keys = begun = store = gate = by = None
    reports: list[tuple[str, str]] = []
    with gathered.step():
        options.refuse_conflicts(given)
    with gathered.step():
        config = options.config(given)
        gathered.problems += config.warnings if config else ()
    with gathered.step():
        key, keys = _keys(given)
    with gathered.step():
        found = find(given.evidence, config, given.runs, keys) if given.evidence else None
        kept = found[1] if found else None
    with gathered.step():
        store, begun = _begun(given, config, key)
    with gathered.step():
        policies = options.policies(given, config, kept)
        gathered.problems += policies.warnings if policies else ()
    with gathered.step():
        as_of, started = _instants(given, begun, started)
    with gathered.step():
        reports = options.reports(given, config, policies)
    own, was = kept if config is None and not given.policies else None, None
    with gathered.step():
        was = judgement_terms(own) if own else None
        gate = options.gate(given, config, was.gate if was else None)
    if policies is not None:
        with gathered.step():
            by = _judging(given, config, kept=kept, own=own, was=was, policies=policies, gathered=gathered)
    files = tuple(options.event_files(given, config))
    events = _events(files, started, gathered, None if given.events else config)
    gathered.check()
    assert by is not None
    assert gate is not None
    name = config.name if config else kept.audit if kept else "recorded"
    store, earlier = _earlier(given, config, name=name, gate=gate, found=found, store=store, keys=keys)
    warn([*gathered.problems, *by.rules.warnings, *earlier.warnings, *_apart(store, signed=key is not None)])
    how = _how(given, config, reports)
    return AuditPlan(
        name, config, by, gate, as_of, reports, how, events, store, earlier, key, keys, kept, files, begun, started,
    )  # fmt: skip


def _keys(given: AuditOptions) -> tuple[SealKey | None, Keys | None]:
    """The key that signs the run, and those that earlier ones may be signed with."""
    key = signing_key(Path(given.sign)) if given.sign else None
    return key, read_keys(key, map(Path, given.keys))


def _how(given: AuditOptions, config: AuditConfig | None, reports: Sequence[tuple[str, str]]) -> Options:
    """How reports are written."""
    return Options(
        color=given.color,
        siblings=dict(reports),
        show_phi=given.show_phi,
        width=given.width,
        limit=given.limit,
        sort=given.sort,  # type: ignore[arg-type]
        **options.junit(given, config),
    )


def _events(
    files: Sequence[Path], started: datetime, gathered: ProblemCollection, config: AuditConfig | None
) -> tuple[Event, ...]:
    """The deletion events before the run, of files that audit.yaml names where it is given."""
    events: tuple[Event, ...] = ()
    with gathered.step(), _place(config, "events"):
        events, warnings = read_events(files, started) if files else ((), [])
        gathered.problems += warnings
    return events


def _place(config: AuditConfig | None, *keys: str) -> AbstractContextManager[None]:
    """Where audit.yaml names what is read now; nowhere where the command line does."""
    return config.place_of(*keys) if config else nullcontext()


def _judging(
    given: AuditOptions,
    config: AuditConfig | None,
    *,
    kept: RecordedRun | None,
    own: RecordedRun | None,
    was: JudgementTerms | None,
    policies: Policies,
    gathered: ProblemCollection,
) -> JudgementInputs:
    """The rules and the waivers of the command line and of audit.yaml; of a kept run its `own` where nothing else is named,
    but for waivers that it has already."""
    rules = choose(
        policies,
        params=options.params(given),
        configured=config.params if config else own.params if own else None,
        only=given.rules or (own.rules if own else ()),
        skip=given.skip_rules,
        tags=given.tags,
        changes=config.rules if config else recorded_overrides(own) if own else (),
    )
    targets: tuple[Target, ...] = ()
    left_out: tuple[str, ...] = ()
    if config and not given.image_sets and not given.evidence:
        with gathered.step():
            targets, left_out, warnings = targets_of(config, policies, only=given.targets)
            gathered.problems += warnings
    if config and kept:
        left_out = _not_collected(config, kept)
    waivers: tuple[Waiver, ...] = ()
    path = options.waivers_file(given, config)
    if path is not None:
        with _place(None if given.waivers else config, "waivers", "file"):
            waivers, warnings = read_waivers(config, rules, path, kept=own)
        gathered.problems += warnings
    files = {name: own.folder / name for name in (AUDIT, WAIVERS) if own and own.has(name)}
    files |= {WAIVERS: path} if path else {}
    content = {name: read_input(file, LARGEST_FILE) for name, file in files.items()}
    content |= {AUDIT: config.source} if config else {}
    soon = config.soon if config else was.soon if was else SOON
    if was is not None and path is None:
        waivers = was.waivers
    return JudgementInputs(rules, targets, left_out, waivers, soon, content)


def _instants(
    given: AuditOptions, begun: InterruptedRun | None, started: datetime
) -> tuple[datetime | None, datetime]:
    """The instant that was given, now or when an interrupted run began, and the start of the run."""
    as_of = options.as_of(given)
    if begun is None:
        return as_of, started
    return (as_of or begun.as_of, started) if begun.hypothetical else (as_of, begun.as_of)


def _begun(
    given: AuditOptions, config: AuditConfig | None, key: SealKey | None
) -> tuple[Store | None, InterruptedRun | None]:
    """The interrupted run that goes on, and where it is."""
    if not given.resume:
        return None, None
    root = config.root if config and not given.runs else None
    return interrupted_run(given.resume, options.runs(given, config), root, key)


def _earlier(
    given: AuditOptions,
    config: AuditConfig | None,
    *,
    name: str,
    gate: Gate,
    found: tuple[Store, RecordedRun] | None,
    store: Store | None,
    keys: Keys | None,
) -> tuple[Store | None, EarlierRuns]:
    """Where the run is kept, unless that is known, and what earlier runs there say. A run that judges kept evidence has
    that run's past."""
    where = options.runs(given, config)
    if where is not None and store is None:
        keep, lock = (config.runs.keep, config.runs.object_lock) if config and config.runs else (None, None)
        root = config.root if config and not given.runs else None
        with _place(None if given.runs else config, "runs", "path"):
            store = open_store(where, root, keep=keep, object_lock=lock)
    baseline = options.baseline(given, config)
    if found is not None:
        named = find(baseline, config, given.runs, keys)[1] if baseline else None
        if gate.new_only and keys is not None:
            verify_store_links(found[0], keys=keys)
        stands = not gate.new_only or still_stands(found[0], found[1].facts, gate)
        warnings, notes = (
            verify_store_links(store, strict=given.strict_history, keys=keys) if store else ([], ())
        )
        return store, EarlierRuns(
            named=named, stands=stands, warnings=tuple(warnings), notes=notes, keys=keys
        )
    if store is None:
        if gate.new_only or baseline:
            raise InvalidInputError(_no_runs(given, config))
        if given.strict_history:
            message = "what was removed is known only where earlier runs are kept"
            raise InvalidInputError(Problem("--strict-history", message, _KEEP_RUNS))
        if keys is not None:
            flag = "--sign" if given.sign else "--key"
            raise InvalidInputError(Problem(flag, "signatures are of runs that are kept", _KEEP_RUNS))
        return None, EarlierRuns()
    return store, earlier_runs(store, name, gate, baseline, strict=given.strict_history, keys=keys)


def _apart(store: Store | None, *, signed: bool) -> list[Problem]:
    """A warning where a run that is not signed comes to others that are."""
    if store is None or signed or not is_signed(store):
        return []
    message = "runs here are signed, and this one is not: no run is signed that comes after it"
    return [Problem(store.shown, message, "add --sign KEY, or keep it elsewhere: --runs DIR", warning=True)]


def _no_runs(given: AuditOptions, config: AuditConfig | None) -> Problem:
    """Nothing to compare with, said where it was asked for."""
    message = "what is new is known only where earlier runs are kept"
    if flag := "--new-only" if given.new_only else "--baseline" if given.baseline else "":
        return Problem(flag, message, _KEEP_RUNS)
    written = config is not None and bool(config.gate.new_only)
    if config is not None and written:
        return config.document.root.at(("gate", "new_only")).problem(message, _KEEP_RUNS)
    return Problem("new_only", message, _KEEP_RUNS)


def _not_collected(config: AuditConfig, kept: RecordedRun) -> tuple[str, ...]:
    """Targets that audit.yaml names, and kept evidence has not: nobody has looked at them."""
    there = targets_in(kept.evidence.records)
    missing = [name for target in config.targets for name in target.missing(there)]
    return tuple(f"target {name}: the evidence of run {kept.name} has none of it" for name in missing)
