"""Credentials that cannot be had: their target is unread, by the name of what went wrong, and all others are judged."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.aws import Deadlines, UnusableError
from checker.collection.collector import Collection, Options, collect
from checker.model import ImageSetRef, Needs, Target
from checker.snapshot.records import Record
from collection.service import DATASTORE, Service, image_set_id
from tests.collection.test_search import FAST

REFS = tuple(ImageSetRef(image_set_id(n)) for n in range(3))
STATE = Needs(fields=frozenset({"imageSetState"}))


def run(*profiles: str | None, **options: object) -> tuple[list[Record], Collection]:
    """Collects with a target for each profile."""
    targets = [
        Target(profile or "good", "us-east-1", DATASTORE, image_sets=REFS, profile=profile)
        for profile in profiles
    ]
    records: list[Record] = []
    given = Options(**({"rates": FAST, "pause": lambda seconds: False, "attempts": 1} | options))
    done = collect(targets, records.append, needs=STATE, options=given)
    return records, done


def codes(records: list[Record], name: str) -> Counter[str]:
    of_sets = [record for record in records if record.image_set_id and record.target == name]
    return Counter(image_set.error[0] if image_set.error else "" for image_set in of_sets)


def process(folder: Path, printed: str) -> str:
    path = folder / "process.py"
    path.write_text(f"print({printed!r})")
    return f"{sys.executable} {path}"


EXPIRED = {
    "Version": 1, "AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "wJalrXUtnFEMI", "SessionToken": "t",
    "Expiration": "2020-01-01T00:00:00Z",
}  # fmt: skip
SSO = "sso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = R\n"
WEB = "role_arn = arn:aws:iam::111122223333:role/R\nweb_identity_token_file = /no/such/file\nregion = us-east-1\n"
WAYS = {
    "rubbish": ("process:hello", "credential_process", "JSONDecodeError"),
    "nothing": ("process:", "credential_process", "JSONDecodeError"),
    "a list": ("process:[]", "credential_process", "AttributeError"),
    "half an object": ('process:{"Version": 1, "AccessKeyId": "A', "credential_process", "JSONDecodeError"),
    "another version": ('process:{"Version": 7}', "credential_process", "a Version other than 1"),
    "no keys": ('process:{"Version": 1}', "credential_process", "AccessKeyId"),
    "a bad expiry": (
        f"process:{json.dumps(EXPIRED | {'Expiration': 'tomorrow'})}", "credential_process", "an expiry that is no date",
    ),
    "expired": (f"process:{json.dumps(EXPIRED)}", "credential_process", "still expired"),
    "an unclosed quote": ("credential_process = echo 'x\n", "credential_process", "No closing quotation"),
    "no program": ("credential_process = /no/such/program\n", "credential_process", "FileNotFoundError"),
    "no permission": ("credential_process = /dev/null\n", "credential_process", "PermissionError"),
    "a failure": ("credential_process = false\n", "credential_process", "the program failed with exit code 1"),
    "no web identity file": (WEB, "web identity", "/no/such/file"),
    "no SSO login": (SSO, "SSO session", ""),
    "no source": ("role_arn = arn:aws:iam::1:role/R\nsource_profile = nobody\n", "role", "nobody"),
    "a bad duration": (
        "role_arn = arn:aws:iam::1:role/R\ncredential_source = Nonsense\n", "role", "Nonsense",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_target_whose_credentials_cannot_be_had_is_unread_and_the_others_are_read(
    service: Service, tmp_path, way
) -> None:
    text, named, said = WAYS[way]
    kind, _, printed = text.partition(":")
    if kind == "process":
        text = f"credential_process = {process(tmp_path, printed)}\n"
    (tmp_path / "aws-config").write_text(f"[profile bad]\n{text}")
    records, done = run(None, "bad")
    assert codes(records, "good") == {"": 3}
    ((code, count),) = codes(records, "bad").items()
    assert count == 3
    assert code.endswith("Error")
    (note,) = [item for item in done.notes if item.startswith("bad: ")]
    assert f"bad: the target was given up: {code}: no credentials could be had from " in note
    assert f"{named} of the profile bad" in note
    assert said in note
    assert done.calls["GetImageSet"] == 3


@pytest.mark.parametrize("cached", ["{", "[]", "{}", '{"accessToken": "x", "expiresAt": "soon"}'])
def test_a_damaged_cache_of_sso_is_a_failure_of_the_credentials(
    service: Service, aws_env, tmp_path, cached
) -> None:
    aws_env.setenv("HOME", str(tmp_path))
    (tmp_path / "aws-config").write_text(f"[profile bad]\n{SSO}")
    cache = tmp_path / ".aws/sso/cache"
    cache.mkdir(parents=True)
    # the name that botocore gives it
    import hashlib

    name = hashlib.sha1(b"https://x.awsapps.com/start", usedforsecurity=False).hexdigest()
    (cache / f"{name}.json").write_text(cached)
    aws_env.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", str(cache))
    records, done = run(None, "bad")
    assert codes(records, "good") == {"": 3}
    assert sum(codes(records, "bad").values()) == 3
    assert "" not in codes(records, "bad")
    (note,) = [item for item in done.notes if item.startswith("bad: ")]
    assert "no credentials could be had from the SSO session of the profile bad" in note


def test_credentials_that_expire_within_the_run_and_cannot_be_renewed_are_named(
    service: Service, tmp_path
) -> None:
    fine = EXPIRED | {"Expiration": "2990-01-01T00:00:00Z"}
    again = tmp_path / "again"
    path = tmp_path / "process.py"
    path.write_text(
        f"import os, sys\nif os.path.exists({str(again)!r}): sys.exit('the vault is sealed')\n"
        f"open({str(again)!r}, 'w').close()\nprint({json.dumps(fine)!r})"
    )
    (tmp_path / "aws-config").write_text(f"[profile bad]\ncredential_process = {sys.executable} {path}\n")
    service.fault = lambda name, attempt: "expired" if name == image_set_id(1) else None
    records, _ = run(None, "bad", workers=1)
    assert codes(records, "good")[""] >= 1
    assert codes(records, "bad") - Counter({"": 3})
    assert all("BadAnswer" not in codes(records, name) for name in ("good", "bad"))


def test_credentials_that_come_slowly_leave_the_identity_in_the_report(service: Service, tmp_path) -> None:
    keys = {name: value for name, value in EXPIRED.items() if name != "Expiration"}
    path = tmp_path / "process.py"
    path.write_text(f"import time; time.sleep(1.5); print({json.dumps(keys)!r})")
    (tmp_path / "aws-config").write_text(f"[profile slow]\ncredential_process = {sys.executable} {path}\n")
    _, done = run("slow", deadlines=Deadlines(identity=1.4))
    assert done.identities == {"slow": "arn:aws:iam::111122223333:user/auditor"}


def test_a_code_is_typed_once_for_all_regions_and_slowly(service: Service, aws_env, tmp_path) -> None:
    service.role = (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        "<AccessKeyId>AKIDROLE</AccessKeyId><SecretAccessKey>wJalrXUtnFEMI</SecretAccessKey><SessionToken>t</SessionToken>"
        "<Expiration>2990-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    keys = "[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = wJalrXUtnFEMI\n"
    (tmp_path / "aws-credentials").write_text(keys)
    role = "role_arn = arn:aws:iam::111122223333:role/R\nsource_profile = base\nmfa_serial = arn:aws:iam::1:mfa/m\n"
    (tmp_path / "aws-config").write_text(f"[profile typed]\n{role}")
    typed: list[str] = []

    def prompt(text: str) -> str:
        time.sleep(1.6)
        typed.append(text)
        return "123456"

    aws_env.setattr("botocore.credentials.AssumeRoleProvider.__init__.__defaults__", _defaults(prompt))
    targets = [
        Target(region, region, DATASTORE, image_sets=REFS, profile="typed")
        for region in ("us-east-1", "us-west-2", "eu-west-2")
    ]
    options = Options(rates=FAST, deadlines=Deadlines(identity=1.5))
    done = collect(targets, lambda record: None, needs=STATE, options=options)
    assert len(typed) == 1
    assert len(done.identities) == 3


def _defaults(prompt: Callable[[str], str]) -> tuple[object, ...]:
    from getpass import getpass

    from botocore.credentials import AssumeRoleProvider

    return tuple(
        prompt if item is getpass else item for item in AssumeRoleProvider.__init__.__defaults__ or ()
    )


def test_credentials_that_never_come_are_a_failure_by_name(service: Service, tmp_path) -> None:
    path = tmp_path / "process.py"
    path.write_text("import time; time.sleep(3)")
    (tmp_path / "aws-config").write_text(f"[profile bad]\ncredential_process = {sys.executable} {path}\n")
    records, done = run(None, "bad", deadlines=Deadlines(credentials=0.3))
    assert codes(records, "good") == {"": 3}
    assert codes(records, "bad") == {"CredentialsTimeout": 3}
    assert (
        "bad: the target was given up: CredentialsTimeout: no credentials came from the profile bad"
        in str(done.notes)
    )


@pytest.mark.parametrize("variable", ["AWS_MAX_ATTEMPTS", "AWS_METADATA_SERVICE_TIMEOUT"])
def test_a_variable_that_is_no_number_is_named(service: Service, aws_env, variable: str) -> None:
    from checker.problems import InvalidInputError

    aws_env.setenv(variable, "abc")
    with pytest.raises(InvalidInputError, match=f"{variable}: error: 'abc' is no whole number"):
        run(None)


@pytest.mark.parametrize(
    "variable",
    [
        "AWS_DEFAULTS_MODE",
        "AWS_RETRY_MODE",
        "AWS_ENDPOINT_URL",
        "AWS_SIGV4A_SIGNING_REGION_SET",
        "AWS_CA_BUNDLE",
    ],
)
def test_another_variable_that_is_wrong_is_never_an_error_of_ours(
    service: Service, aws_env, variable: str
) -> None:
    aws_env.setenv(variable, "no such thing")
    records, _ = run(None)
    assert sum(codes(records, "good").values()) == 3


def test_aws_region_is_the_default_region_before_all_others(aws_env, tmp_path) -> None:
    from checker.aws import default_region

    (tmp_path / "aws-config").write_text("[default]\nregion = eu-west-2\n")
    assert default_region(None) == "eu-west-2"
    aws_env.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert default_region(None) == "us-west-2"
    aws_env.setenv("AWS_REGION", "ap-southeast-2")
    assert default_region(None) == "ap-southeast-2"


def test_unusable_credentials_name_no_secret() -> None:
    assert "PLANTED" not in str(UnusableError("X", "SecretAccessKey=PLANTED"))
