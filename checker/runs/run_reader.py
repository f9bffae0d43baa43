"""Runs that were kept, read back: the one place that reads past runs. What is used of one is unaltered, or an error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from checker.layout import (
    AUDIT,
    BASELINE,
    DATASTORES,
    DIGEST,
    FINDINGS,
    HISTORY,
    MANIFEST,
    MAPPINGS,
    NAMED,
    POLICIES,
    PRIOR,
    PRUNED,
    RECORDS,
    SIGNATURE,
    SNAPSHOT,
    STARTED,
    TREND,
    VERSIONS,
    WAIVERS,
)
from checker.model import Duration, Location, Scalar
from checker.policy.load import load
from checker.policy.policy_files import Request
from checker.problems import InvalidInputError, Problem
from checker.runs.authenticity import Keys, authenticity_error
from checker.runs.evidence import Evidence, names_of
from checker.runs.file_faults import file_faults
from checker.runs.first_difference import oversized
from checker.runs.integrity import alteration, digest_error
from checker.runs.sealed_run import manifest_damage, previous_runs, read_manifest
from checker.runs.store import Store
from checker.values import BadValueError, parse_time, show
from checker.yaml_nodes import Node

REMOVED = "it was removed or moved, or this folder was copied without it"
MOST_EARLIER = 24
"""Earlier runs whose numbers a run keeps, for its trend."""

_read: dict[Path, Collection[str]] = {}
_INPUTS = (
    RECORDS, HISTORY, PRIOR, BASELINE, NAMED, FINDINGS, SNAPSHOT, VERSIONS, DATASTORES, AUDIT, WAIVERS, TREND,
)  # fmt: skip


@dataclass(frozen=True)
class RecordedRun:
    """A run that was kept: its evidence, and what the run judged it by.

    `name` is the name of its folder, `sha256` that of its manifest, `facts` what the manifest says. `policies` are its
    packs and mappings of controls, called as the run called them; `params` the values of parameters by `PACK.param` or
    `PACK/RULE.param`, as audit.yaml would give them; `rules` the names of the rules that it judged.
    """

    name: str
    sha256: str
    facts: Mapping[str, Any]
    evidence: Evidence
    as_of: datetime
    policies: tuple[Request, ...]
    params: Mapping[str, Node]
    rules: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    authentic: bool = False
    """Whether a key at hand has signed it."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.evidence.folder

    @property
    def audit(self) -> str:
        """The name of the audit that the run is one of."""
        return str(self.facts.get("name", ""))

    @property
    def reports(self) -> dict[str, str]:
        """The names of the files of the run's reports, by format: of one with several files the first."""
        found = (name.split("/") for name in sorted(self.files, reverse=True))
        return {
            kind: name
            for head, kind, name in (explanation for explanation in found if len(explanation) == 3)
            if head == "reports"
        }

    def has(self, name: str) -> bool:
        """Whether the run wrote a file of this name."""
        return name in self.files


def reopen(folder: Path, *, checked: bool = True, keys: Keys | None = None) -> RecordedRun:
    """A run folder, of which everything that a run is judged by is checked against its manifest.

    Args:
        folder: the run folder.
        checked: False where the caller knows of what was altered, and wants to see what comes of it.
        keys: those of which one must have signed the run.

    Raises:
        InvalidInputError: there is no complete run in the folder, or a file is not what the run wrote, or the run is not
            signed with any of the keys.
    """
    path = folder / MANIFEST
    content, facts = _manifest(folder, keys)
    kept = replace(_kept(folder, content, facts), authentic=keys is not None)
    used = [name for name in kept.files if name in _INPUTS or name.startswith(POLICIES)]
    problems = [
        problem
        for name in sorted({*used, RECORDS} if checked else ())
        if (problem := alteration(folder, name, kept.files))
    ]
    if not any(_is_pack(name) for name in kept.files):
        problems.append(Problem(path.as_posix(), "the manifest names no policy"))
    problems += oversized(folder / name for name in used if name.endswith(".parquet"))
    if problems:
        raise InvalidInputError(problems)
    _read[folder] = kept.files
    return kept


def malformed_files(kept: RecordedRun) -> list[Problem]:
    """What is malformed in the files of a run, though they are those that its manifest names."""
    try:
        labels = load(kept.policies).labels
    except InvalidInputError:
        labels = {}
    return list(file_faults(kept.folder, kept.files, labels))


def read(folder: Path, *files: str) -> None:
    """Takes note that files of a run are read, beside those that were reopened."""
    _read.setdefault(folder, files)


def clear_read_log() -> None:
    """What was read is of a command that is over."""
    _read.clear()


def folders_read() -> tuple[Path, ...]:
    """The folders of the runs that were read."""
    return tuple(_read)


def malformed_files_of_all() -> list[Problem]:
    """What is malformed in the files of every run that was read: why something went wrong that cannot go wrong."""
    return [problem for folder, files in _read.items() for problem in file_faults(folder, files, {})]


def last_run(store: Store, audit: str, *, real: bool = False, keys: Keys | None = None) -> RecordedRun | None:
    """The last complete run of an audit, but for those that judged kept evidence again: they saw nothing new. With `real`
    it is not a hypothetical one either.

    Raises:
        InvalidInputError: it was altered.
    """
    facts = next(newest_manifests(store, audit, real=real), None)
    return None if facts is None else reopen(store.fetch(str(facts["run"]), *_needed(facts)), keys=keys)


def newest_manifests(store: Store, audit: str, *, real: bool = False) -> Iterator[Mapping[str, Any]]:
    """What the manifests of an audit's complete runs say, from the last one back, but for replays and pruned runs; with
    `real` but for hypothetical ones too."""
    for name in reversed(store.sealed()):
        facts = _facts(store, name)
        if facts is None or facts.get("name") != audit or facts.get("replay_of"):
            continue
        if not real or not facts.get("hypothetical"):
            yield {**facts, "run": name}


def covers_targets(facts: Mapping[str, Any], asked: Collection[str], left_out: Collection[str] = ()) -> bool:
    """Whether a run looked at everything that another one does.

    Args:
        facts: what its manifest says.
        asked: the targets and rules of the other one, in the words of `left_out`: `target NAME`, `rule PACK/RULE`.
        left_out: what the other one leaves out too.
    """
    missed = set(map(str, facts.get("left_out", ()))).difference(left_out)
    return not any(item == name or item.startswith(f"{name}, but for ") for item in missed for name in asked)


def last_collected(store: Store, audit: str, asked: Collection[str]) -> RecordedRun | None:
    """The last of an audit's complete runs that asked the service, among the newest, that left out nothing of what is
    `asked` now, see `looked_at`.

    Raises:
        InvalidInputError: one of them was altered.
    """
    runs = islice(collected_runs_of(store, audit), MOST_EARLIER)
    return next((run for run in runs if covers_targets(run.facts, asked)), None)


def collected_runs_of(
    store: Store, audit: str, known: RecordedRun | None = None, keys: Keys | None = None
) -> Iterator[RecordedRun]:
    """An audit's complete runs that asked the service, from the last one back; `known` is one that was reopened already.

    Raises:
        InvalidInputError: the next one was altered.
    """
    for name in reversed(store.sealed()):
        facts = _facts(store, name)
        if facts is None or facts.get("name") != audit or facts.get("replay_of"):
            continue
        if facts.get("source") == "live":
            same = known if known and known.name == name else None
            yield same or reopen(store.fetch(name, *_needed(facts)), keys=keys)


def open_run(store: Store, name: str, keys: Keys | None = None) -> RecordedRun:
    """A run of a store, as `reopen` gives it.

    Raises:
        InvalidInputError: there is no complete run of this name, or it was altered.
    """
    facts = _facts(store, name)
    files = _needed(facts) if facts else (MANIFEST, DIGEST, SIGNATURE, PRUNED)
    return reopen(store.fetch(name, *files), keys=keys)


def comparison_run(store: Store, name: str, keys: Keys | None = None) -> RecordedRun:
    """The run to compare with, by its name in a store.

    Raises:
        InvalidInputError: there is no complete run of this name, or it was altered.
    """
    facts = _facts(store, name)
    if facts is None:
        message = f"there is no complete run {name} in {store.shown}"
        sealed = store.sealed()
        hint = f"the last one is {sealed[-1]}" if sealed else ""
        if store.has(name, STARTED) and not store.has(name, MANIFEST):
            by = successor_of(store.manifests(store.names()), name)
            hint = missing_manifest_hint(by) if by else resume_hint(f"{store.shown}/{name}")
        raise InvalidInputError(Problem(name, message, hint))
    return reopen(store.fetch(name, *_needed(facts)), keys=keys)


def manifests_before(store: Store, audit: str) -> Iterator[Mapping[str, Any]]:
    """What the manifests of an audit's complete runs say, from the last one back; replays and runs that cannot be read
    are passed over, pruned ones are not."""
    for name in reversed(store.sealed()):
        facts = _facts(store, name, pruned=True)
        if facts is not None and facts.get("name") == audit and not facts.get("replay_of"):
            yield facts


def audits(store: Store) -> tuple[str, ...]:
    """The names of the audits that have complete runs, sorted."""
    every = (_facts(store, name, pruned=True) for name in store.sealed())
    return tuple(sorted({str(facts.get("name", "")) for facts in every if facts is not None}))


def manifest_of(store: Store, name: str) -> Mapping[str, Any] | None:
    """What the manifest of a complete run says, pruned or not; None where there is none that can be read."""
    return _facts(store, name, pruned=True)


def _needed(facts: Mapping[str, Any]) -> list[str]:
    files = facts.get("files", {})
    return [
        MANIFEST,
        DIGEST,
        SIGNATURE,
        *(name for name in files if name in _INPUTS or name.startswith(POLICIES)),
    ]


def _facts(store: Store, name: str, *, pruned: bool = False) -> Mapping[str, Any] | None:
    """A run's manifest; None where it cannot be read, which `verify` is there to report."""
    content = store.manifest(name)
    if content is None or (not pruned and store.has(name, PRUNED)):
        return None
    sealed = read_manifest(name, content)
    return sealed.facts if sealed else None


def _kept(folder: Path, content: bytes, facts: Mapping[str, Any]) -> RecordedRun:
    path = folder / MANIFEST
    try:
        files = {_inside(str(name)): str(digest) for name, digest in facts["files"].items()}
        shown = {
            **{f"{POLICIES}{policy['pack']}.yaml": str(policy["path"]) for policy in facts["policies"]},
            **{
                f"{MAPPINGS}{framework['framework']}.yaml": str(framework["path"])
                for framework in facts["frameworks"]
            },
        }
        ours = {f"{POLICIES}{policy['pack']}.yaml" for policy in facts["policies"] if policy["shipped"]}
        source = "recorded" if facts.get("source") == "recorded" else "live"
        evidence = Evidence(
            folder,
            source,  # type: ignore[arg-type]
            str(facts["inputs"]),
            notes=tuple(map(str, facts["notes"])),
            calls={str(name): int(number) for name, number in facts["calls"].items()},
            traffic={str(name): _number(number) for name, number in (facts.get("traffic") or {}).items()},
            identities={str(name): str(arn) for name, arn in facts["identities"].items()},
            names=names_of(facts),
            deletions_known_since=parse_time(said) if (said := facts.get("deletions_known_since")) else None,
        )
        return RecordedRun(
            name=str(facts["run"]),
            sha256=hashlib.sha256(content).hexdigest(),
            facts=facts,
            evidence=evidence,
            as_of=parse_time(facts["as_of"]),
            policies=tuple(
                Request((folder / name).as_posix(), shown=shown[name], shipped=name in ours)
                for name in shown
                if name in files
            ),
            params={
                str(name): node_of(value, Location(path.as_posix(), 1, 1))
                for name, value in facts["params"].items()
            },
            rules=tuple(map(str, facts["rules"])),
            files=files,
        )
    except (KeyError, TypeError, AttributeError, ValueError, BadValueError) as error:
        raise InvalidInputError(
            Problem(path.as_posix(), f"the manifest is damaged: {type(error).__name__}: {error}")
        ) from None


def _number(raw: Any) -> float:
    """A number of a manifest as it was written there: 65 is no 65.0, which a report would show.

    Raises:
        TypeError, ValueError: it is none.
    """
    return raw if isinstance(raw, int) else float(raw)


def _inside(name: str) -> str:
    """The name of a file in a run folder.

    Raises:
        ValueError: it leads out of the folder.
    """
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise ValueError(f"{name!r} is no name of a file in it")
    return name


def as_json(value: Scalar | tuple[Scalar, ...]) -> object:
    """A parameter's value as a manifest holds it: it reads back as the same value."""
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    if isinstance(value, Fraction):
        return f"{Decimal(100 * value.numerator) / value.denominator:f}%"
    return show(value) if isinstance(value, datetime | Duration) else value


def node_of(raw: object, where: Location) -> Node:
    """A value of a manifest as audit.yaml would have it.

    Raises:
        TypeError: no parameter has such a value.
    """
    if isinstance(raw, list):
        raw = tuple(node_of(item, where) for item in raw)
    elif isinstance(raw, str) and raw.startswith("$$"):
        raw = "$" + raw  # in YAML the first one escapes
    elif not isinstance(raw, str | int):
        raise TypeError(f"{raw!r} is no value of a parameter")
    return Node(raw, where, 1, "")


def successor_of(manifests: Mapping[str, bytes], name: str) -> str:
    """The run that names another one as sealed before it; empty where none does, so that the other may never have been."""
    read = (read_manifest(item, content) for item, content in manifests.items())
    return next((run.name for run in read if run and run.name != name and name in previous_runs(run)), "")


def missing_manifest_hint(by: str) -> str:
    """What to say of a run that has no manifest, and that a later one names."""
    return f"its {MANIFEST} is not there any more: run {by} names it, so that it was complete"


def resume_hint(shown: str) -> str:
    """What to do about a run that is not complete."""
    if shown.startswith("s3://"):
        return "it was interrupted"
    return f"it was interrupted: `check --resume {shown}` goes on with it"


def _manifest(folder: Path, keys: Keys | None) -> tuple[bytes, dict[str, Any]]:
    path = folder / MANIFEST
    shown = folder.as_posix()
    if not folder.is_dir():
        raise InvalidInputError(Problem(shown, "there is no such run folder"))
    if not path.is_file():
        runs = sorted(other.parent for other in folder.glob(f"*/{MANIFEST}"))
        hint = f"name one run, such as {runs[-1].as_posix()}" if runs else ""
        if not runs and (folder / STARTED).is_file():
            beside = {item.parent.name: item.read_bytes() for item in folder.parent.glob(f"*/{MANIFEST}")}
            by = successor_of(beside, folder.name)
            hint = missing_manifest_hint(by) if by else resume_hint(shown)
        message = "this folder holds runs" if runs else f"no complete run: it has no {MANIFEST}"
        raise InvalidInputError(Problem(shown, message, hint))
    if (folder / PRUNED).is_file():
        message = "this run was pruned: only its manifest is left"
        raise InvalidInputError(Problem(shown, message, f"{PRUNED} says when and why"))
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInputError(Problem(path.as_posix(), f"the manifest cannot be read: {reason}")) from None
    if wrong := manifest_damage(content):
        raise InvalidInputError(Problem(path.as_posix(), f"the manifest is damaged: {wrong}"))
    manifest = json.loads(content)
    if manifest.get("run") != folder.resolve().name:
        message = f"this is the manifest of run {manifest.get('run')}, in a folder of another name"
        raise InvalidInputError(Problem(path.as_posix(), message, "a run keeps its name wherever it goes"))
    problems = digest_error(folder, content)
    if not problems and keys is not None:
        signature = (folder / SIGNATURE).read_bytes() if (folder / SIGNATURE).exists() else None
        problems += filter(None, [authenticity_error(shown, content, signature, keys)])
    if problems:
        raise InvalidInputError(problems)
    return content, manifest


def _is_pack(name: str) -> bool:
    """Whether a file of a run is a policy file: mapping files, which change no verdict, are in a folder below."""
    return name.startswith(POLICIES) and name.endswith(".yaml") and "/" not in name.removeprefix(POLICIES)
