"""Detached signatures of manifests: Ed25519, by the package `cryptography`, which is imported where it is used.

A signature is 64 bytes over the manifest's bytes as they are, so that other programs can check it too:
`openssl pkeyutl -verify -pubin -inkey PUBLIC.pem -rawin -in manifest.json -sigfile manifest.json.sig`.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path
from typing import Any

from checker.input_files import read_bytes
from checker.problems import InvalidInputError, Problem
from checker.runs.run_folder import SealKey

_LARGEST_KEY = 64 << 10
_OTHER_KIND = "this is a key of another kind than Ed25519"
_ASK = "ask the signer for the public key of Ed25519 (openssl pkey -in key.pem -pubout)"


def signing_key(path: Path) -> SealKey:
    """The private key in a PEM file.

    Raises:
        InvalidInputError: there is no unencrypted Ed25519 key in it, it cannot be read, or `cryptography` is missing.
    """
    modules = _modules(path)
    content = _read(path)
    try:
        key = modules.load_pem_private_key(content, password=None)
    except TypeError:
        hint = f"decrypt it with: openssl pkey -in {_quoted(path)} -out {_unused(path, 'plain-key')}"
        raise _no(
            path, "the key is encrypted, and nobody is there to be asked for its password", hint
        ) from None
    except (ValueError, modules.UnsupportedAlgorithm):
        raise _not_private(path, content, modules) from None
    if not isinstance(key, modules.Ed25519PrivateKey):
        raise _no(path, _OTHER_KIND, _make(path))
    public = key.public_key()
    return SealKey(_fingerprint(public), key.sign, _fits(public, modules))


def public_key(path: Path) -> tuple[str, Callable[[bytes, bytes], bool]]:
    """The public key in a PEM file: its fingerprint as manifests have it, and whether a signature (the first argument) is
    by its owner over some bytes (the second).

    Raises:
        InvalidInputError: there is no Ed25519 public key in it, it cannot be read, or `cryptography` is missing.
    """
    modules = _modules(path)
    content = _read(path)
    try:
        key = modules.load_pem_public_key(content)
    except (ValueError, modules.UnsupportedAlgorithm):
        if b"PRIVATE KEY" in content:
            out = f"-pubout -out {_unused(path, 'public')}"
            hint = f"get it from the private one with: openssl pkey -in {_quoted(path)} {out}"
            raise _no(path, "this is a private key, and verifying takes the public one", hint) from None
        raise _no(path, "this is no public key in PEM", _ASK) from None
    if not isinstance(key, modules.Ed25519PublicKey):
        raise _no(path, _OTHER_KIND, _ASK)
    return _fingerprint(key), _fits(key, modules)


def _not_private(path: Path, content: bytes, modules: _Modules) -> InvalidInputError:
    """What to say of a file that has no private key."""
    if b"PUBLIC KEY" not in content:
        return _no(path, "this is no private key in PEM", _make(path))
    try:
        ours = isinstance(modules.load_pem_public_key(content), modules.Ed25519PublicKey)
    except (ValueError, modules.UnsupportedAlgorithm):
        ours = False
    hint = "name the private key whose public half this is" if ours else _make(path)
    return _no(path, "this is a public key, and signing takes the private one", hint)


def _make(path: Path) -> str:
    """How to come to a key that signs, in place of a file that has none."""
    command = f"openssl genpkey -algorithm ed25519 -out {_unused(path, 'new-key')}"
    return f"name the private key of Ed25519 that signed so far; a first one is made with: {command}"


def _unused(path: Path, stem: str) -> str:
    """A file beside another one that is not there, for a command line: OpenSSL writes over one that is, be it a key."""
    names = (path.with_name(f"{stem}{more}.pem") for more in chain([""], map("-{}".format, count(2))))
    return _quoted(next(name for name in names if not os.path.lexists(name)))


def _quoted(path: Path) -> str:
    return shlex.quote(path.as_posix())


def _fits(key: Any, modules: _Modules) -> Callable[[bytes, bytes], bool]:
    def signed(signature: bytes, content: bytes) -> bool:
        try:
            key.verify(signature, content)
        except modules.InvalidSignature:
            return False
        return True

    return signed


class _Modules:
    """What is used of `cryptography`."""

    def __init__(self) -> None:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

        self.InvalidSignature = InvalidSignature
        self.UnsupportedAlgorithm = UnsupportedAlgorithm
        self.Ed25519PrivateKey = Ed25519PrivateKey
        self.Ed25519PublicKey = Ed25519PublicKey
        self.load_pem_private_key = load_pem_private_key
        self.load_pem_public_key = load_pem_public_key


def _modules(path: Path) -> _Modules:
    try:
        return _Modules()
    except ImportError:
        hint = "install it from a checkout of this repository: pip install '.[sign]'"
        raise _no(path, "signatures need the package cryptography, which is not installed", hint) from None


def _read(path: Path) -> bytes:
    content = read_bytes(path, path.as_posix(), _LARGEST_KEY, "a key has less than 1 KiB")
    if (blocks := content.count(b"-----BEGIN ")) > 1:
        # only the first one would be taken, and nobody be told
        raise _no(path, f"has {blocks} blocks of PEM, and a key is one", "keep each key in a file of its own")
    return content


def _fingerprint(key: Any) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def _no(path: Path, message: str, hint: str) -> InvalidInputError:
    return InvalidInputError(Problem(path.as_posix(), message, hint))
