"""The IAM policies that `plan` prints and writes: what runs in S3 and Organizations take is in them, and IAM takes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from checker.cli import main

POLICY = "version: 1\npack: p\nrules: [{id: r, title: R, severity: low, deny: {imageSetState: DELETED}}]\n"
AUDIT = """\
version: 1
policies: [p.yaml]
targets:
TARGETS
runs: RUNS
"""
OWN = '  - {name: own, region: us-east-1, datastore: "0123456789abcdef0123456789abcdef", image_sets: ["18f88ac7870584f58d56256646b4d92b"]}'
EACH = '  - {name: each, region: us-east-1, organization: true, role_arn: "arn:aws:iam::{account}:role/x/Audit", datastore: all, image_sets: all}'
ROLES = [
    f'  - {{name: t{number}, region: us-east-1, role_arn: "arn:aws:iam::12345678901{number}:role/Audit", '
    'datastore: "0123456789abcdef0123456789abcdef", image_sets: ["18f88ac7870584f58d56256646b4d92b"]}'
    for number in range(2)
]
LOCKED = "{path: s3://evidence/radiology, keep: 6y, object_lock: governance}"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)


def plan(capsys, targets, *options, runs="runs/"):
    Path("audit.yaml").write_text(AUDIT.replace("TARGETS", "\n".join(targets)).replace("RUNS", runs))
    assert main(["plan", *options]) == 0
    return capsys.readouterr()


def granted(document):
    return {
        (action, resource)
        for item in document["Statement"]
        for action in item["Action"]
        for resource in item["Resource"]
    }


def valid(document):
    IAMPolicyDocumentValidator(json.dumps(document)).validate()
    assert all(item["Action"] and item["Resource"] for item in document["Statement"])
    assert len(json.dumps(document, separators=(",", ":"))) <= 6144
    return document


def test_runs_in_s3_are_read_kept_and_locked_with_the_audits_own_credentials(capsys):
    document = valid(json.loads(plan(capsys, [OWN], "--policy", runs=LOCKED).out))
    runs = {(a, r) for a, r in granted(document) if not a.startswith("medical-imaging:")}
    bucket, objects, key = (
        "arn:aws:s3:::evidence",
        "arn:aws:s3:::evidence/radiology/*",
        "arn:aws:kms:*:*:key/*",
    )
    assert runs == {
        ("s3:ListBucket", bucket),
        ("s3:GetObject", objects),
        ("s3:PutObject", objects),
        ("s3:PutObjectRetention", objects),
        ("kms:Decrypt", key),
        ("kms:GenerateDataKey", key),
    }
    (kms,) = [item for item in document["Statement"] if "kms:Decrypt" in item["Action"]]
    assert kms["Condition"]["StringLike"] == {
        "kms:ViaService": "s3.*.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": [bucket, objects],
    }


def test_without_a_lock_nothing_is_asked_of_it_and_a_bucket_may_have_no_prefix(capsys):
    found = granted(json.loads(plan(capsys, [OWN], "--policy", runs="s3://evidence").out))
    assert ("s3:PutObject", "arn:aws:s3:::evidence/*") in found
    assert not any(action == "s3:PutObjectRetention" for action, _ in found)
    assert not any(
        action.startswith(("s3:", "kms:"))
        for action, _ in granted(json.loads(plan(capsys, [OWN], "--policy").out))
    )


def test_runs_are_not_kept_with_the_credentials_of_a_role(capsys):
    documents = json.loads(plan(capsys, ROLES, "--json", runs=LOCKED).out)["policies"]
    first, *roles = documents.values()
    assert next(iter(documents)) == "the credentials of the audit"
    assert ("s3:ListBucket", "arn:aws:s3:::evidence") in granted(first)
    assert not any(action.startswith("s3:") for role in roles for action, _ in granted(role))


def test_a_file_is_written_for_each_set_of_credentials(capsys):
    out = plan(capsys, [*ROLES, EACH], "--out", "iam", runs=LOCKED).out
    files = {path.name: valid(json.loads(path.read_text())) for path in Path("iam").iterdir()}
    assert sorted(files) == [
        "audit.json",
        "role-123456789010-Audit.json",
        "role-123456789011-Audit.json",
        "role-each-account-x-Audit.json",
    ]
    assert out.count("wrote iam/") == 4
    own = granted(files["audit.json"])
    assert ("organizations:ListAccounts", "*") in own
    assert ("sts:AssumeRole", "arn:aws:iam::*:role/x/Audit") in own
    assert ("s3:PutObject", "arn:aws:s3:::evidence/radiology/*") in own
    assert {action for action, _ in granted(files["role-each-account-x-Audit.json"])} >= {
        "medical-imaging:ListDatastores"
    }


def test_several_sets_of_credentials_are_no_policy_and_that_is_said(capsys):
    found = plan(capsys, ROLES, "--policy")
    assert len(json.loads(found.out)) == 3
    assert (
        "--policy: warning: there are 3 sets of credentials: a policy for each, by name\nhelp: --out DIR"
        in found.err
    )


def test_what_is_too_large_for_one_managed_policy_is_written_as_several(capsys):
    stores = [
        f'  - {{name: t{number}, region: us-east-1, datastore: "{number:032}", image_sets: ["18f88ac7870584f58d56256646b4d92b"]}}'
        for number in range(60)
    ]
    assert "--out DIR" in plan(capsys, stores, "--policy").err
    whole = granted(json.loads(plan(capsys, stores, "--policy").out))
    plan(capsys, stores, "--out", "iam")
    files = [valid(json.loads(path.read_text())) for path in Path("iam").iterdir()]
    assert len(files) > 1
    assert set().union(*map(granted, files)) == whole


def test_profiles_that_would_have_one_file_name_have_two(capsys):
    from checker.collection.iam_policy import policy_file_names

    assert policy_file_names(["profile a b", "profile a-b"]) == {
        "profile a b": "profile-a-b",
        "profile a-b": "profile-a-b~2",
    }
