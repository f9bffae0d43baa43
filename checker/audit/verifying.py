"""Whether a kept run is what it was: every file, its place in the chain, its signature, and its findings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from checker import __version__
from checker.audit.keeping import facts
from checker.audit.replaying import replay
from checker.evaluation.agreement import Differs, disagreements
from checker.evidence.past import Kept, altered, reopen
from checker.evidence.runfolder import DIGEST, MANIFEST, PRUNED, SCHEMA, SIGNATURE, digests
from checker.evidence.signing import public_key
from checker.evidence.storing import Store
from checker.problems import InvalidInputError, Problem

_BESIDE = frozenset({MANIFEST, DIGEST, SIGNATURE, PRUNED})
_JUDGED = ("outcome", "exit_code", "sentence", "summary")


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying a run found. It is `intact` where nothing speaks against it.

    `problems` name files that were altered, are missing or were added, a broken chain, a signature that does not fit.
    `differs` are the first findings that do not follow from the evidence, of `different` ones. `notes` say what could
    not be verified.
    """

    run: str
    sha256: str
    files: int
    findings: int = 0
    problems: tuple[Problem, ...] = ()
    different: int = 0
    differs: tuple[Differs, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether nothing was found to be wrong."""
        return not self.problems and not self.different


def verify(store: Store, name: str, *, key: Path | None = None) -> Verified:
    """Recomputes every hash of a run, its link to the run before, and every finding from the evidence.

    Args:
        store: where the run is.
        name: the run.
        key: a public key (PEM, Ed25519) that the run must be signed with.

    Raises:
        InvalidInputError: there is no such run, it was not completed, or the key cannot be read.
    """
    content = store.manifest(name)
    if content is None:
        raise InvalidInputError(
            Problem(f"{store.shown}/{name}", f"no complete run: it has no {MANIFEST}", "it was interrupted")
        )
    folder = store.fetch(name)
    digest = hashlib.sha256(content).hexdigest()
    own = _own_digest(folder, content)
    try:
        document = json.loads(content)
        files = {str(file): str(value) for file, value in document["files"].items()}
        known = document["schema"] == SCHEMA
    except (ValueError, KeyError, TypeError, AttributeError):
        known = False
    if not known:
        where = (folder / MANIFEST).as_posix()
        damaged = Problem(
            where, f"this is no manifest of the schema {SCHEMA}", "it was altered, or is not ours"
        )
        return Verified(name, digest, 0, problems=(*own, damaged))
    problems, notes = _chain(store, name, document)
    problems = [*own, *problems]
    signed = _signature(folder, content, document.get("public_key"), key)
    problems += [signed] if isinstance(signed, Problem) else []
    notes += [signed] if isinstance(signed, str) else []
    if store.has(name, PRUNED):
        notes.append("pruned: only its manifest is left, so that no finding can be shown any more")
        return Verified(name, digest, len(files), problems=tuple(problems), notes=tuple(notes))
    problems += _files(folder, files)
    return _judged_again(folder, Verified(name, digest, len(files), 0, tuple(problems), notes=tuple(notes)))


def _own_digest(folder: Path, content: bytes) -> list[Problem]:
    """What is wrong with the sha256 of the manifest and of its signature, which stand beside them."""
    path, signature = folder / DIGEST, folder / SIGNATURE
    try:
        said = path.read_bytes()
        signed = signature.read_bytes() if signature.is_file() else None
    except OSError as error:
        return [Problem(path.as_posix(), f"cannot be read: {(error.strerror or str(error)).lower()}")]
    now, then = (text.splitlines() for text in (digests(content, signed), said))
    other = [name for name, line in zip((MANIFEST, SIGNATURE), now, strict=False) if line not in then]
    if not other and now != then:
        return [Problem(path.as_posix(), "was altered after the run")]
    message = f"does not fit {DIGEST}: one of the two was altered after the run"
    return [Problem((folder / name).as_posix(), message) for name in other]


def _files(folder: Path, files: Mapping[str, str]) -> list[Problem]:
    found = [problem for name in sorted(files) if (problem := altered(folder, name, files))]
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(there - files.keys() - _BESIDE):
        where = (folder / name).as_posix()
        found.append(Problem(where, "was added after the run: the manifest does not name it"))
    return found


def _chain(store: Store, name: str, document: Mapping[str, Any]) -> tuple[list[Problem], list[str]]:
    """The link to the run that was sealed before."""
    before = document.get("previous")
    where = f"{store.shown}/{name}"
    if before is None:
        older = [one for one in store.sealed() if one != name]
        if older and store.sealed()[0] != name:
            return [Problem(where, f"says that no run was before it, and {store.sealed()[0]} was")], []
        return [], ["the first run of its folder: no chain leads on from here"]
    content = store.manifest(str(before["run"]))
    if content is None:
        message = f"the run before it, {before['run']}, is not there any more"
        return [Problem(where, message, "it was removed or moved, or this folder was copied without it")], []
    if hashlib.sha256(content).hexdigest() != before["sha256"]:
        message = f"the manifest of the run before it, {before['run']}, is not the one that was there"
        return [Problem(where, message, "that run was altered or replaced")], []
    return [], []


def _signature(folder: Path, content: bytes, declared: object, key: Path | None) -> Problem | str | None:
    """What is wrong with the signature, as a problem; what could not be verified, as a text."""
    path = folder / SIGNATURE
    where = path.as_posix()
    if declared is None and not path.exists():
        hint = "it was made without --sign"
        return Problem(where, "the run is not signed", hint) if key else None
    if not path.exists():
        return Problem(where, "the signature is gone", f"the manifest names the key {declared}")
    if key is None:
        return f"signed, by the key {declared}; --key PUBLIC.pem verifies it"
    fingerprint, fits = public_key(key)
    if not fits(path.read_bytes(), content):
        other = (
            ""
            if fingerprint == declared
            else f"the manifest names the key {declared}, this one is {fingerprint}"
        )
        return Problem(where, "the signature is not that of this key over this manifest", other)
    return None


def _judged_again(folder: Path, so_far: Verified) -> Verified:
    """The findings, reached again from the evidence. Where a file that they rest on was altered, they are reached from
    what is there, to say which findings that touches."""
    try:
        kept = reopen(folder, checked=not so_far.problems)
        run = replay(kept)
        different, differs = disagreements(folder, run.folder)
    except Exception as error:
        # what was altered may be no JSON, no Parquet, no YAML any more; where nothing was, the bug is ours
        if not so_far.problems and not isinstance(error, InvalidInputError):
            raise
        notes = (*so_far.notes, "the findings cannot be reached again from what is there")
        return replace(so_far, notes=notes, problems=(*so_far.problems, *_problems(error)))
    total = sum(one.tally.fail + one.tally.waived + one.tally.unknown for one in run.judged)
    problems = [*so_far.problems, *_said_otherwise(kept, facts(run, kept.name))]
    remarks = list(so_far.notes)
    if kept.facts.get("tool_version") != __version__:
        remarks.append(
            f"judged by version {kept.facts.get('tool_version')}, and again by version {__version__}"
        )
    return replace(
        so_far,
        findings=total,
        problems=tuple(problems),
        different=different,
        differs=tuple(differs),
        notes=tuple(remarks),
    )


def _said_otherwise(kept: Kept, now: Mapping[str, Any]) -> Iterable[Problem]:
    where = (kept.folder / MANIFEST).as_posix()
    for name in _JUDGED:
        if kept.facts.get(name) != now[name]:
            yield Problem(where, f"`{name}` is not what the evidence gives", f"that is {_short(now[name])}")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "..."


def _problems(error: Exception) -> Iterable[Problem]:
    """What an error says beside the hashes."""
    return [one for one in error.problems if not one.warning] if isinstance(error, InvalidInputError) else ()
