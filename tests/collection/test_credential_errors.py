"""What is wrong with credentials is told without a word of what a program, a file or an answer said."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from botocore.credentials import ProcessProvider
from botocore.exceptions import ClientError, CredentialRetrievalError, HTTPClientError, MetadataRetrievalError

from checker.aws import UnusableError
from checker.aws.credential_errors import call_error, credential_error
from checker.aws.credentials import Provider


def printing(**changed: object) -> str:
    """A program that prints credentials, changed."""
    keys = {"Version": 1, "AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "PLANTEDSAK8/xyz"}
    return f"print({json.dumps(keys | changed)!r})"


def failing(said: str) -> str:
    return f"import sys; print({said!r}, file=sys.stderr); sys.exit(3)"


NO_FORM = "what was given has not the form of credentials"
NO_DATE = "what was given has an expiry that is no date"
PROCESSES = {
    "an error": ("import sys; sys.exit('PLANTED')", "exit code 1"),
    "half of it": ('print(\'{"Version": 1, "SecretAccessKey": "PLANTED\')', "no JSON"),
    "no object": ("print('[\"PLANTED\"]')", NO_FORM),
    "no key id": ('print(\'{"Version": 1, "SecretAccessKey": "PLANTED"}\')', "has no AccessKeyId"),
    "any word": (failing("PLANTEDSECRETXYZ"), "the program failed with exit code 3"),
    "a word like a message of ours": (failing("Unsupported version 'PLANTED'"), "exit code 3"),
    "a word like a message of others": (
        failing("Received non 200 response 500 from container metadata: PLANTED"), "exit code 3",
    ),
    "a key like a message of ours": (failing("Missing required key in response: 'PLANTED'"), "exit code 3"),
    "no text, and a failure": (
        "import sys; sys.stderr.buffer.write(b'PLANTED\\xff'); sys.exit(4)", "exit code 4",
    ),
    "no text": ("import sys; sys.stdout.buffer.write(b'PLANTED\\xff')", "is no UTF-8 text"),
    "a signal": ("import os; print('PLANTED', flush=True); os.kill(os.getpid(), 9)", "ended by signal 9"),
    "a version": (printing(Version="PLANTED"), "has a Version other than 1"),
    "an expiry": (printing(Expiration="2020-PLANTEDSAK8/xyz"), NO_DATE),
    "a large expiry": (printing(Expiration="99999999999999999999 PLANTED"), NO_DATE),
    "an expiry of many parts": (printing(Expiration={"PLANTED": "PLANTED"}), NO_FORM),
    "a list of expiries": (printing(Expiration=["PLANTED"]), NO_FORM),
    "a key of many parts": (printing(SecretAccessKey={"PLANTED": "PLANTED"}), "secret key"),
    "a list of keys": (printing(SecretAccessKey=["PLANTED"]), "secret key"),
    "a number for a key id": (printing(AccessKeyId=12345678), "key id"),
    "an object for a token": (printing(SessionToken={"PLANTED": 1}), "session token"),
}  # fmt: skip


class Chain:
    def __init__(self, *providers: Any) -> None:
        self.providers = providers


def frozen(chain: Chain) -> Any:
    found = Provider(chain, "p").load_credentials()
    assert found is not None
    return found.get_frozen_credentials()


@pytest.mark.parametrize("process", PROCESSES)
def test_what_a_credential_process_prints_is_told_by_its_kind(tmp_path, process) -> None:
    text, said = PROCESSES[process]
    (tmp_path / "process.py").write_text(text)
    line = {"credential_process": f"{sys.executable} -S {tmp_path / 'process.py'}"}
    chain = Chain(ProcessProvider("p", lambda: {"profiles": {"p": line}}))
    with pytest.raises(UnusableError) as failed:
        frozen(chain)
    assert said in str(failed.value)
    assert "the profile p" in str(failed.value)
    assert "PLANTED" not in str(failed.value)


def test_a_call_with_a_token_in_it_is_told_by_its_code() -> None:
    refused = {"Error": {"Code": "InvalidIdentityToken", "Message": "no: PLANTED"}}
    told = str(call_error(ClientError(refused, "AssumeRoleWithWebIdentity")))
    assert "InvalidIdentityToken" in told
    assert "PLANTED" not in told
    assert "PLANTED" not in str(call_error(HTTPClientError(error=ValueError("Invalid header value PLANTED"))))


def test_an_answer_with_credentials_is_told_by_its_status() -> None:
    said = MetadataRetrievalError(error_msg="Received non 200 response 500 from container metadata: PLANTED")
    error = CredentialRetrievalError(provider="container-role", error_msg=str(said))
    assert credential_error(error) == credential_error(said) == "the answer came under HTTP status 500"
