"""Whether the runs of a store are those that were sealed: by their links, and, where keys are at hand, by their signatures.
What a run rests on is looked at here before anything of it is used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker.layout import DIGEST, MANIFEST, PRUNED, PRUNED_SIGNATURE, SIGNATURE, STARTED
from checker.problems import InvalidInputError, Problem
from checker.runs.integrity import digest_error
from checker.runs.run_folder import PUBLIC_KEY, SIGNED_WITH, InterruptedRun, SealKey, canonical, started_at
from checker.runs.sealed_run import SealedRun, manifest_damage, previous_runs, read_manifest, sort_runs
from checker.runs.signature import public_key
from checker.runs.store import Store

APART = "keep signed runs in a place of their own (--runs), or move the run away"
ALTERED = "it was altered after it was signed: put back what was there, or begin in a new place (--runs)"
UNBEGUN = "does not say when the run began"
KeyFiles = Path | Sequence[Path] | None
"""A public key in a PEM file, or several of which a run must be signed with one."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Those whose signatures count: by the fingerprint of a public key, whether a signature (the first argument) is by its
    owner over some bytes (the second)."""

    known: Mapping[str, Callable[[bytes, bytes], bool]]

    def fits(self, signer: object, signature: bytes, content: bytes) -> bool:
        """Whether a signature is that of a signer over some bytes, and the signer is one of these."""
        known = self.known.get(signer) if isinstance(signer, str) else None
        return known is not None and known(signature, content)


def read_keys(key: SealKey | None, public: Iterable[Path] = ()) -> Keys | None:
    """The keys at hand: that which signs, and public ones in PEM files. None where there are none.

    Raises:
        InvalidInputError: a file has no Ed25519 public key.
    """
    known = dict(map(public_key, public))
    if key is not None:
        known[key.public] = key.fits
    return Keys(known) if known else None


def authenticity_error(where: str, content: bytes, signature: bytes | None, keys: Keys) -> Problem | None:
    """Why a manifest is not by the owner of one of the keys; None where it is.

    Args:
        where: what to call the run.
        content: the manifest, which can be read.
        signature: what stands beside it.
        keys: the keys at hand.
    """
    signer = json.loads(content).get(PUBLIC_KEY)
    if signature is None and signer is None:
        message = "the run is not signed, so that nothing it says can be authenticated"
        return Problem(f"{where}/{MANIFEST}", message, APART)
    beside = f"{where}/{SIGNATURE}"
    if signature is None:
        return Problem(beside, f"the signature is gone: the manifest names the key {signer}", ALTERED)
    return _unlike(beside, signer, signature, content, keys)


def _unlike(where: str, signer: object, signature: bytes, content: bytes, keys: Keys) -> Problem | None:
    """Why a signature in a file is not that of one of the keys over some bytes."""
    if keys.fits(signer, signature, content):
        return None
    if isinstance(signer, str) and signer not in keys.known:
        message = f"signed with the key {signer:.80}, which is not at hand"
        return Problem(where, message, "add --key PUBLIC.pem, if you trust its owner")
    named = f"of the key {signer}" if signer else "of any key at hand"
    return Problem(where, f"the signature is not that {named} over what is there", ALTERED)


def authenticity_note(what: str) -> str:
    """What a run says of itself that rests on what nobody has authenticated."""
    return f"{what}: not authenticated, since no key was given to verify signatures with."


def signature_error(where: str, document: Mapping[str, Any], keys: Keys) -> Problem | None:
    """Why what `signed` made is not by the owner of one of the keys; None where it is."""
    if not isinstance(text := document.get(SIGNED_WITH), str):
        return Problem(where, "is not signed, and the run is", "whoever made it is not known: remove it")
    try:
        signature = bytes.fromhex(text)
    except ValueError:
        signature = b""
    whole = {name: value for name, value in document.items() if name != SIGNED_WITH}
    return _unlike(where, whole.get(PUBLIC_KEY), signature, canonical(whole), keys)


def same_key(begun: InterruptedRun, key: SealKey | None) -> InterruptedRun:
    """An interrupted run, if it goes on with a key, or without one.

    Raises:
        InvalidInputError: it was begun with another key, with one, or without, or what it wrote then was altered.
    """
    if problem := _unlike_begun(begun, key):
        raise InvalidInputError(problem)
    return begun


def _unlike_begun(begun: InterruptedRun, key: SealKey | None) -> Problem | None:
    where, signer = begun.folder.as_posix(), begun.said.get(PUBLIC_KEY)
    if key is None and signer is None:
        return None
    if key is None:
        return Problem(
            where, f"the run was begun with the key {signer!s:.80}", "repeat --sign, or begin a new run"
        )
    if signer is None:
        message = "the run was begun without --sign, so that nothing of it can be authenticated"
        return Problem(where, message, "leave out --sign, or begin a new run")
    if signer != key.public:
        return Problem(where, f"the run was begun with another key, {signer!s:.80}", "begin a new run")
    wrong = signature_error(f"{where}/{STARTED}", begun.said, Keys({key.public: key.fits}))
    return wrong and Problem(wrong.where, wrong.message, "it was altered: begin a new run")


def is_signed(store: Store) -> bool:
    """Whether any run of a store says that it is signed."""
    return any(run.facts.get(PUBLIC_KEY) for run in store.complete())


def authentic_heads(store: Store, keys: Keys | None) -> list[dict[str, str]]:
    """The runs that no other names, as `Store.heads`: with keys only those that are authentic, since what came into the
    store meanwhile may be none, and a signed run is never named after it."""
    if keys is None:
        return store.heads()
    runs, signatures = store.complete(), store.signatures(store.names())
    named = {name for run in runs for name in previous_runs(run)}
    contents = store.manifests(run.name for run in runs)
    return [
        {"run": run.name, "sha256": run.sha256}
        for run in runs
        if run.name not in named
        and not authenticity_error(run.name, contents.get(run.name, b"{}"), signatures.get(run.name), keys)
    ]


def damaged_manifests(store: Store) -> list[Problem]:
    """The manifests of a store that cannot be read."""
    return _damaged(store.shown, store.manifests(store.names()))


def _damaged(shown: str, manifests: Mapping[str, bytes]) -> list[Problem]:
    hint = "`verify` says more; move the run away"
    return [
        Problem(f"{shown}/{name}/{MANIFEST}", f"the manifest is damaged: {wrong}", hint)
        for name, content in manifests.items()
        if (wrong := manifest_damage(content))
    ]


def check_links(store: Store, keys: Keys | None = None) -> tuple[tuple[str, str], ...]:
    """Whether the manifests of a store are those that were sealed: each by the run that names it, the last ones by the
    sha256 beside them, and with keys every one by its signature. What it returns are the runs that are not there any more,
    each after one that names it.

    Raises:
        InvalidInputError: one is damaged, or another one than it was; with keys, one is not signed with any of them.
    """
    shown, manifests = store.shown, store.manifests(store.names())
    problems = _damaged(shown, manifests)
    read = (read_manifest(name, content) for name, content in manifests.items())
    runs = {run.name: run for run in sort_runs(item for item in read if item)}
    problems += _misplaced(shown, runs.values())
    if keys is not None:
        problems += _unauthentic_runs(store, {name: manifests[name] for name in runs}, keys)
        problems += _of_elsewhere(store, runs)
    named = [pair for run in runs.values() for pair in previous_runs(run).items()]
    for name, digest in named:
        if name in runs and runs[name].sha256 != digest:
            message = "the manifest is not the one that was there: a later run names another"
            problems.append(Problem(f"{shown}/{name}/{MANIFEST}", message, "`verify` says more"))
    for name in runs.keys() - {name for name, _ in named}:
        folder = store.fetch(name, MANIFEST, DIGEST, SIGNATURE)
        problems += digest_error(folder, manifests[name])
    if problems:
        raise InvalidInputError(problems)
    return tuple((run.name, name) for run in runs.values() for name in previous_runs(run) if name not in runs)


def unsigned_prunings(store: Store, keys: Keys) -> list[Problem]:
    """What is said of pruned runs and is not signed with the key of the run: it hides the run from those that come after."""
    found = []
    for run in store.complete():
        if not store.has(run.name, PRUNED):
            continue
        folder = store.fetch(run.name, PRUNED, PRUNED_SIGNATURE)
        said, signature = ((folder / name) for name in (PRUNED, PRUNED_SIGNATURE))
        signed = all(path.is_file() and not path.is_symlink() for path in (said, signature))
        if not signed or not keys.fits(run.facts.get(PUBLIC_KEY), signature.read_bytes(), said.read_bytes()):
            message = "is not signed with the key of the run"
            found.append(Problem(f"{store.shown}/{run.name}/{PRUNED}", message, ALTERED))
    return found


def _misplaced(shown: str, runs: Iterable[SealedRun]) -> list[Problem]:
    return [
        Problem(
            f"{shown}/{run.name}/{MANIFEST}",
            f"this is the manifest of run {run.facts.get('run')}, in a folder of another name",
            "`verify` says more; move it away",
        )
        for run in runs
        if run.facts.get("run") != run.name
    ]


def _unauthentic_runs(store: Store, manifests: Mapping[str, bytes], keys: Keys) -> list[Problem]:
    signatures = store.signatures(manifests)
    every = (
        authenticity_error(f"{store.shown}/{name}", content, signatures.get(name), keys)
        for name, content in manifests.items()
    )
    return [problem for problem in every if problem]


def _of_elsewhere(store: Store, runs: Mapping[str, SealedRun]) -> list[Problem]:
    """The runs that say that none was before them, where one was: signed or not, they are of another place."""
    message, hint = "says that no run was before it, and {} was", "it was made elsewhere: move it away"
    found = []
    for run in (item for item in runs.values() if not previous_runs(item)):
        began = started_at(store.fetch(run.name, STARTED))
        if began is None:  # a pruned run has the file no more
            if not store.has(run.name, PRUNED):
                found.append(Problem(f"{store.shown}/{run.name}/{STARTED}", UNBEGUN, ALTERED))
            continue
        older = [name for name, item in runs.items() if name != run.name and item.sealed_at < began]
        if older:
            found.append(Problem(f"{store.shown}/{run.name}", message.format(older[0]), hint))
    return found
