"""Keys and signatures."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa, x25519

from checker.problems import InvalidInputError
from checker.runs.local_store import LocalStore
from checker.runs.signature import public_key, signing_key
from runs.folders import add, manifest

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PLAIN = serialization.NoEncryption()


@pytest.fixture
def key():
    # RFC 8032, the first test: the same key at every run
    return ed25519.Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )


@pytest.fixture
def private(tmp_path, key):
    path = tmp_path / "key.pem"
    path.write_bytes(key.private_bytes(PEM, PKCS8, PLAIN))
    return path


@pytest.fixture
def public(tmp_path, key):
    path = tmp_path / "public.pem"
    path.write_bytes(key.public_key().public_bytes(PEM, SPKI))
    return path


def test_what_a_key_signs_its_public_half_accepts_and_nothing_else(private, public):
    signing = signing_key(private)
    fingerprint, signed = public_key(public)
    assert signing.public == fingerprint
    signature = signing.sign(b"manifest")
    assert len(signature) == 64
    assert signed(signature, b"manifest")
    assert not signed(signature, b"manifesT")
    for wrong in (b"", signature[:-1], bytes([signature[0] ^ 1]) + signature[1:]):
        assert not signed(wrong, b"manifest")


def test_the_fingerprint_is_the_sha256_of_the_raw_public_key(private, key):
    raw = key.public_key().public_bytes_raw()
    assert len(raw) == 32
    assert signing_key(private).public == hashlib.sha256(raw).hexdigest()


def test_a_run_is_signed_as_it_is_sealed(tmp_path, private, public):
    store = LocalStore(tmp_path / "runs")
    name = add(store, key=signing_key(private))
    fingerprint, signed = public_key(public)
    assert manifest(store, name)["public_key"] == fingerprint
    assert signed((store.folder / name / "manifest.json.sig").read_bytes(), store.manifest(name))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_openssl_makes_keys_for_it_and_checks_its_signatures(tmp_path):
    def openssl(*arguments):
        return subprocess.run(
            ["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    if openssl("genpkey", "-algorithm", "ed25519", "-out", "key.pem").returncode:
        pytest.skip("this openssl knows no Ed25519")
    assert openssl("pkey", "-in", "key.pem", "-pubout", "-out", "public.pem").returncode == 0
    store = LocalStore(tmp_path / "runs")
    folder = store.folder / add(store, key=signing_key(tmp_path / "key.pem"))
    asked = ["-pubin", "-inkey", "public.pem", "-rawin", "-in", str(folder / "manifest.json")]
    done = openssl("pkeyutl", "-verify", *asked, "-sigfile", str(folder / "manifest.json.sig"))
    assert "Verified Successfully" in done.stdout


def _private(key):
    return key.private_bytes(PEM, PKCS8, PLAIN)


BAD_PRIVATE = {
    "encrypted": (
        lambda key: key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"secret")),
        "the key is encrypted, and nobody is there to be asked for its password\nhelp: decrypt it with: openssl",
    ),
    "public": (
        lambda key: key.public_key().public_bytes(PEM, SPKI),
        "signing takes the private one\nhelp: name the private key whose public half this is",
    ),
    "rsa": (lambda _: _private(rsa.generate_private_key(65537, 2048)), "a key of another kind than Ed25519"),
    "x25519": (lambda _: _private(x25519.X25519PrivateKey.generate()), "a key of another kind than Ed25519"),
    "text": (lambda _: b"no key\n", "this is no private key in PEM"),
    "empty": (lambda _: b"", "this is no private key in PEM"),
    "broken": (
        lambda _: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "this is no private key in PEM",
    ),
    "der": (
        lambda key: key.private_bytes(serialization.Encoding.DER, PKCS8, PLAIN),
        "this is no private key in PEM",
    ),
}


@pytest.mark.parametrize("kind", BAD_PRIVATE)
def test_what_is_no_plain_ed25519_key_is_refused(tmp_path, key, kind):
    make, message = BAD_PRIVATE[kind]
    path = tmp_path / "key.pem"
    path.write_bytes(make(key))
    with pytest.raises(InvalidInputError) as caught:
        signing_key(path)
    assert str(caught.value).startswith(f"{path.as_posix()}: error: ")
    assert message in str(caught.value)


def test_verifying_takes_no_private_key_and_no_other_kind(tmp_path, private):
    with pytest.raises(InvalidInputError, match="this is a private key, and verifying takes the public one"):
        public_key(private)
    path = tmp_path / "rsa.pem"
    path.write_bytes(rsa.generate_private_key(65537, 2048).public_key().public_bytes(PEM, SPKI))
    with pytest.raises(InvalidInputError, match="a key of another kind than Ed25519"):
        public_key(path)
    path.write_bytes(b"no key")
    with pytest.raises(InvalidInputError, match="this is no public key in PEM"):
        public_key(path)


FILES = {
    "other": lambda _: _private(x25519.X25519PrivateKey.generate()),
    "other public": lambda _: x25519.X25519PrivateKey.generate().public_key().public_bytes(PEM, SPKI),
    "json": lambda _: b"{}",
    "private": _private,
    "encrypted": BAD_PRIVATE["encrypted"][0],
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("name", ["key.pem", "new-key.pem", "public.pem", "plain-key.pem"])
@pytest.mark.parametrize("read", [signing_key, public_key])
def test_no_help_line_writes_over_a_file_that_is_there(tmp_path, key, read, name, kind):
    there = {"key.pem", "new-key.pem", "public.pem", "plain-key.pem"}
    for run in there:
        (tmp_path / run).write_bytes(_private(key))
    path = tmp_path / name
    path.write_bytes(FILES[kind](key))
    if read is signing_key and kind == "private":
        return
    with pytest.raises(InvalidInputError) as caught:
        read(path)
    (problem,) = caught.value.problems
    out = shlex.split(problem.hint.rpartition(" -out ")[2]) if " -out " in problem.hint else []
    assert not [item for item in out if os.path.lexists(tmp_path / item)]
    assert bool(out) == (read is signing_key or kind in ("other", "private", "encrypted"))


def test_who_verifies_is_told_to_ask_the_signer(tmp_path):
    path = tmp_path / "public.pem"
    for content in (FILES["other public"](None), b"{}", b""):
        path.write_bytes(content)
        with pytest.raises(InvalidInputError) as caught:
            public_key(path)
        (problem,) = caught.value.problems
        asked = "ask the signer for the public key of Ed25519 (openssl pkey -in key.pem -pubout)"
        assert problem.hint == asked


@pytest.mark.parametrize("read", [signing_key, public_key])
def test_a_file_of_two_keys_is_refused(tmp_path, private, public, read):
    first = private if read is signing_key else public
    other = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    for second in (first.read_bytes(), _private(other), other.public_key().public_bytes(PEM, SPKI)):
        path = tmp_path / "two.pem"
        path.write_bytes(first.read_bytes() + second)
        with pytest.raises(InvalidInputError, match="has 2 blocks of PEM, and a key is one"):
            read(path)


@pytest.mark.parametrize("read", [signing_key, public_key])
def test_a_key_that_cannot_be_read_is_told(tmp_path, read):
    with pytest.raises(InvalidInputError, match="cannot be read: no such file or directory"):
        read(tmp_path / "none.pem")
    with pytest.raises(InvalidInputError, match="cannot be read: is a directory"):
        read(tmp_path)


def test_without_the_package_it_says_what_to_install(private):
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from pathlib import Path\n"
        "from checker.runs.signature import signing_key\n"
        "from checker.problems import CheckerError\n"
        "try: signing_key(Path(sys.argv[1]))\n"
        "except CheckerError as error: print(error.exit_code, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(private)], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.startswith("2 ")
    assert "signatures need the package cryptography" in done.stdout
    assert "pip install '.[sign]'" in done.stdout
