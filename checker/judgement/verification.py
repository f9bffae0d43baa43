"""Whether a kept run is what it was: every file, its place in the chain, its signature, and its findings."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from checker.evaluation.finding_agreement import Disagreement
from checker.instants import iso
from checker.judgement.baseline_statements import lost_statements, strange_statements
from checker.judgement.reproduction import ReportDifferences, reproduce
from checker.judgement.seal import trend_point
from checker.layout import DIGEST, MANIFEST, PRUNED, PRUNED_SIGNATURE, SIGNATURE, STARTED, TREND
from checker.problems import InvalidInputError, Problem
from checker.runs.authenticity import UNBEGUN, Keys, authenticity_error
from checker.runs.integrity import alteration, digest_error
from checker.runs.manifest_form import trend_error
from checker.runs.prune_statements import PrunedRuns, odd_file
from checker.runs.run_folder import is_statement, started_at
from checker.runs.run_reader import REMOVED, manifest_of, missing_manifest_hint, resume_hint, successor_of
from checker.runs.sealed_run import SealedRun, manifest_damage, previous_runs, read_manifest
from checker.runs.store import Store
from checker.values import show

_BESIDE = frozenset({MANIFEST, DIGEST, SIGNATURE})


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a run found. It is `intact` where nothing speaks against it, and everything was compared.

    `problems` name files that were altered, are missing or were added, that are not what the evidence gives, a broken chain,
    a signature that does not fit. `differs` are the first findings that do not follow from the evidence, of `different` ones.
    `not_compared` says what could not be made again as it was, and why, `by_hash` which files nothing but their hash speaks
    for. `notes` say what else could not be verified.
    """

    run: str
    sha256: str
    files: int
    findings: int = 0
    problems: tuple[Problem, ...] = ()
    different: int = 0
    differs: tuple[Disagreement, ...] = ()
    notes: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    by_hash: tuple[str, ...] = ()
    pruned: bool = False
    """Only its manifest is left: nothing of it but the chain could be verified."""
    interrupted: bool = False
    """It is not complete: nothing of it was verified, and `notes` say what to do."""

    @property
    def altered(self) -> bool:
        """Whether something was found to be wrong."""
        return bool(self.problems or self.different)

    @property
    def intact(self) -> bool:
        """Whether everything was looked at, and nothing was found to be wrong."""
        return not (self.altered or self.not_compared or self.interrupted)


def verify_all(
    store: Store,
    *,
    keys: Keys | None = None,
    reports: ReportDifferences | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Verification]:
    """Verifies every run of a store that is complete, or was: one that cannot be read is told as such, and the others are
    verified all the same. Those that were interrupted come last, and are told of. `progress` is told how many are done, of
    how many.

    Raises:
        InvalidInputError: the store cannot be read.
    """
    complete = store.sealed()
    prunings = PrunedRuns(store)
    others = [item for item in store.names() if item not in complete]
    manifests = store.manifests(complete) if others else {}
    damaged = [record for record in others if _was_complete(store, record) or successor_of(manifests, record)]
    names = (*complete, *damaged)
    for number, name in enumerate(names, 1):
        try:
            yield verify(store, name, keys=keys, reports=reports, prunings=prunings)
        except InvalidInputError as error:
            yield Verification(name, "", 0, problems=error.problems)
        if progress:
            progress(number, len(names))
    for name in others:
        if name not in damaged:
            yield Verification(name, "", 0, notes=(_what_to_do(store, name),), interrupted=True)


def _what_to_do(store: Store, name: str) -> str:
    """About a run without a manifest."""
    if store.has(name, STARTED):
        return resume_hint(f"{store.shown}/{name}".removeprefix("./"))
    return f"it has no {STARTED}, so that nothing goes on with it: begin a new run"


def _was_complete(store: Store, name: str) -> bool:
    """Whether a run that has no manifest that can be read has what is written beside one."""
    return any(store.has(name, file) for file in (MANIFEST, DIGEST, SIGNATURE))


def verify(
    store: Store,
    name: str,
    *,
    keys: Keys | None = None,
    reports: ReportDifferences | None = None,
    prunings: PrunedRuns | None = None,
) -> Verification:
    """Recomputes every hash of a run and its link to the run before, and makes it again from its evidence.

    Args:
        store: where the run is.
        name: the run.
        keys: those of which one must have signed the run, and those that it names.
        reports: makes reports again (`reporting.reproduction`).
        prunings: what is said of the pruned runs of the store, where it was read already.

    Raises:
        InvalidInputError: there is no such run, or it was not completed.
    """
    content = store.manifest(name)
    if content is None:
        shown = f"{store.shown}/{name}".removeprefix("./")
        if by := successor_of(store.manifests(store.names()), name):
            return Verification(name, "", 0, problems=(Problem(shown, missing_manifest_hint(by), REMOVED),))
        if not store.has(name, STARTED):
            message = f"there is no run here: neither {MANIFEST} nor {STARTED}, and no folder of a run"
            raise InvalidInputError(
                Problem(shown, message, "name a run, or the folder that runs are kept in")
            )
        raise InvalidInputError(Problem(shown, f"no complete run: it has no {MANIFEST}", resume_hint(shown)))
    folder = store.fetch(name)
    digest = hashlib.sha256(content).hexdigest()
    own, run = _itself(folder, content), read_manifest(name, content)
    if run is None:
        where = (folder / MANIFEST).as_posix()
        message = f"the manifest is damaged: {manifest_damage(content)}"
        damaged = Problem(where, message, "it was altered, or is not ours")
        return Verification(name, digest, 0, problems=(*own, damaged))
    files = {str(file): str(value) for file, value in run.facts["files"].items()}
    problems, notes = _chain(store, folder, run)
    problems = [*own, *problems]
    if run.facts.get("run") != name:
        where = (folder / MANIFEST).as_posix()
        problems.append(
            Problem(where, f"this is the manifest of run {run.facts.get('run')}", "it was put here")
        )
    problems += lost_statements(store, run.facts, f"{store.shown}/{name}")
    problems += strange_statements(store, name, keys)
    problems += _unsigned_before(store, run, keys) if keys else []
    signed = _signature(folder, content, run.facts.get("public_key"), keys)
    problems += [signed] if isinstance(signed, Problem) else []
    notes += [signed] if isinstance(signed, str) else []
    if store.has(name, PRUNED):
        more, remarks = _pruned(prunings or PrunedRuns(store), folder, run, keys)
        return Verification(
            name, digest, len(files), 0, (*problems, *more), notes=(*notes, *remarks), pruned=True
        )
    problems += _files(folder, files)
    problems += _said_of_others(store, folder, run)
    so_far = Verification(name, digest, len(files), 0, tuple(problems), notes=tuple(notes))
    return _made_again(folder, so_far, reports)


def _itself(folder: Path, content: bytes) -> list[Problem]:
    """What is wrong with the folder, and with what stands in it that no manifest names."""
    found = digest_error(folder, content)
    if folder.is_symlink():
        found.insert(
            0, Problem(folder.as_posix(), "is a link, and no run is one", "it may lead elsewhere any day")
        )
    pruned = folder / PRUNED
    if pruned.is_symlink():
        found.append(Problem(pruned.as_posix(), "is a link, and no run has any"))
    return found


def _files(folder: Path, files: Mapping[str, str]) -> list[Problem]:
    found = [problem for name in sorted(files) if (problem := alteration(folder, name, files))]
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    for name in sorted(there - files.keys() - _BESIDE):
        if is_statement(name):
            continue
        where = (folder / name).as_posix()
        found.append(Problem(where, "was added after the run: the manifest does not name it"))
    return found


def _chain(store: Store, folder: Path, run: SealedRun) -> tuple[list[Problem], list[str]]:
    """The links to the runs that were sealed before."""
    where = f"{store.shown}/{run.name}"
    named = previous_runs(run)
    if not named:
        began = started_at(folder)
        if began is None and not store.has(run.name, PRUNED):  # which removes what says so
            return [Problem(f"{where}/{STARTED}", UNBEGUN, "every run says so as it begins")], []
        runs = store.complete() if began else ()
        older = [item.name for item in runs if began and item.name != run.name and item.sealed_at < began]
        if older:
            return [Problem(where, f"says that no run was before it, and {older[0]} was")], []
        return [], ["the first run of its folder: no chain leads on from here"]
    found = []
    for name, digest in named.items():
        content = store.manifest(name)
        if content is None:
            message = f"the run before it, {name}, is not there any more"
            found.append(Problem(where, message, REMOVED))
        elif hashlib.sha256(content).hexdigest() != digest:
            message = f"the manifest of the run before it, {name}, is not the one that was there"
            found.append(Problem(where, message, "that run was altered or replaced"))
    return found, []


def _said_of_others(store: Store, folder: Path, run: SealedRun) -> Iterator[Problem]:
    """What a run says of earlier ones, and their manifests do not; of those that are not there nothing can be said."""
    candidates = run.facts.get("candidates") or {}
    for candidate in filter(None, (run.facts.get("baseline"), *candidates.values())):
        content = store.manifest(str(candidate["run"])) if candidate["run"] in store.names() else None
        if content is not None and hashlib.sha256(content).hexdigest() != candidate["sha256"]:
            message = f"it was compared with another run {candidate['run']} than the one that is there"
            yield Problem((folder / MANIFEST).as_posix(), message, "one of the two was altered")
    try:
        points = json.loads((folder / TREND).read_bytes()) if TREND in run.facts["files"] else []
    except (OSError, ValueError, RecursionError):
        return  # what is malformed is told elsewhere
    for point in points if isinstance(points, list) and not trend_error(points) else []:
        facts = manifest_of(store, point["run"]) if point["run"] in store.names() else None
        if facts is not None and trend_point(facts) != point:
            message = f"does not say of run {point['run']} what its manifest says"
            yield Problem((folder / TREND).as_posix(), message, "one of the two was altered")


def _pruned(
    prunings: PrunedRuns, folder: Path, run: SealedRun, keys: Keys | None
) -> tuple[list[Problem], list[str]]:
    """What is wrong with a run that was pruned, and when it was."""
    listed = next((row for row in prunings.runs if row.name == run.name and row.name in prunings.read), None)
    if listed is None:
        return [Problem((folder / PRUNED).as_posix(), "is of no run of this name")], []
    problems = [*prunings.problems_of(listed), *prunings.left(listed)]
    files = run.facts["files"]
    there = [name for name in sorted(files) if (folder / name).exists()]
    problems += [row for name in there if (row := alteration(folder, name, files))]
    said = prunings.of(run.name)
    if said is None:
        return problems, []
    notes = [f"pruned on {iso(said.at)}, kept for {show(said.keep)}: its findings cannot be shown any more"]
    if listed.keep is None:
        notes.append(f"its manifest does not say how long it is kept: {PRUNED} alone does")
    path, signature = folder / PRUNED, folder / PRUNED_SIGNATURE
    # what stands beside a run that is not signed may be anything, unless a key is at hand
    if PRUNED_SIGNATURE not in listed.files or not (keys or listed.signed or listed.fact("public_key")):
        notes.append(f"{PRUNED} is not signed: whoever may write here may have written it")
    elif odd := odd_file(signature):
        problems.append(Problem(signature.as_posix(), odd))
    elif keys and not keys.fits(run.facts.get("public_key"), signature.read_bytes(), path.read_bytes()):
        message = f"the signature is not that of the run's key over {PRUNED}"
        problems.append(Problem(signature.as_posix(), message))
    return problems, notes


def _unsigned_before(store: Store, run: SealedRun, keys: Keys) -> list[Problem]:
    """The runs that a run rests on, as far as they are there, and that are not signed with any of the keys."""
    facts = run.facts
    compared = [facts.get("baseline"), *(facts.get("candidates") or {}).values()]
    names = {
        *previous_runs(run),
        *(str(item.get("run")) for item in compared if item),
        str(facts.get("replay_of")),
    }
    there = store.manifests(sorted(names.intersection(store.names())))
    signatures = store.signatures(there)
    found = []
    for name, content in there.items():
        why = (
            None
            if manifest_damage(content)
            else authenticity_error(name, content, signatures.get(name), keys)
        )
        if why is not None:
            message = f"rests on run {name}, which is not signed with a key at hand"
            found.append(Problem(f"{store.shown}/{run.name}", message, why.message))
    return found


def _signature(folder: Path, content: bytes, declared: object, keys: Keys | None) -> Problem | str | None:
    """What is wrong with the signature, as a problem; what could not be verified, as a text."""
    path = folder / SIGNATURE
    if keys is None and declared is not None and path.exists():
        return f"signed, by the key {declared}; --key PUBLIC.pem verifies it"
    if keys is None and declared is None:
        return None
    signature = (path.read_bytes() if path.is_file() else b"") if path.exists() else None
    return authenticity_error(folder.as_posix(), content, signature, keys or Keys({}))


def _made_again(folder: Path, so_far: Verification, reports: ReportDifferences | None) -> Verification:
    """With what making the run again from its evidence found."""
    found = reproduce(folder, reports, altered=so_far.altered)
    # of a file that is another one since nothing shows what it was when the run was sealed
    others = {str(problem.where) for problem in so_far.problems}
    fresh = (problem for problem in found.problems if re.sub(r":\d+$", "", str(problem.where)) not in others)
    return replace(
        so_far,
        findings=found.findings,
        problems=(*so_far.problems, *fresh),
        different=found.different,
        differs=found.differs,
        not_compared=found.not_compared,
        by_hash=found.by_hash,
        notes=(*so_far.notes, *found.notes),
    )
