"""The policy of docs/healthimaging.md that holds image sets, judged as IAM judges a policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from project.markdown import blocks
from project.source import ROOT

STORE = "arn:aws:medical-imaging:us-east-1:111122223333:datastore/" + "d" * 32
HELD, FREE, OVER = (f"{STORE}/imageset/{digit * 32}" for digit in "123")
TAGS = {HELD: {"LegalHold": "true"}, OVER: {"LegalHold": "false"}}
USER = "arn:aws:iam::111122223333:role/Importer"
HOLDER = "arn:aws:iam::111122223333:role/LegalHold"

# IAM's policy reference: each value of the policy may match; without ForAnyValue a key that is missing matches nothing,
# but for the negated operators, which it fulfils.
OPERATORS = {
    "StringEquals": lambda said, wanted: any(acceptance in wanted for acceptance in said),
    "ForAnyValue:StringEquals": lambda said, wanted: any(acceptance in wanted for acceptance in said),
    "ArnNotLike": lambda said, wanted: (
        not any(fnmatchcase(acceptance, like) for acceptance in said for like in wanted)
    ),
}


def policy() -> dict[str, Any]:
    documents = [
        json.loads(block.text)
        for block in blocks(ROOT / "docs" / "healthimaging.md")
        if block.language == "json"
    ]
    (found,) = [document for document in documents if "Statement" in document]
    return found


def several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def context(resource: str, principal: str, keys: tuple[str, ...]) -> dict[str, list[str]]:
    found = {f"aws:ResourceTag/{name}": [value] for name, value in TAGS.get(resource, {}).items()}
    return found | {"aws:PrincipalArn": [principal], "aws:TagKeys": list(keys)}


def holds(condition: Mapping[str, Any], said: Mapping[str, list[str]]) -> bool:
    return all(
        OPERATORS[operator](said.get(key, []), several(wanted))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def denied(action: str, *resources: str, principal: str = USER, keys: tuple[str, ...] = ()) -> bool:
    """Whether a statement denies the call on one of the resources that it takes."""
    return any(
        statement["Effect"] == "Deny"
        and any(fnmatchcase(f"medical-imaging:{action}", like) for like in several(statement["Action"]))
        and any(fnmatchcase(resource, like) for like in several(statement["Resource"]))
        and holds(statement["Condition"], context(resource, principal, keys))
        for statement in policy()["Statement"]
        for resource in resources
    )


@pytest.mark.parametrize("action", ["DeleteImageSet", "UpdateImageSetMetadata", "CopyImageSet"])
def test_a_held_image_set_is_neither_deleted_nor_changed_by_anybody(action):
    for principal in (USER, HOLDER):
        assert denied(action, STORE, HELD, principal=principal)
        assert not denied(action, STORE, FREE, principal=principal)
        assert not denied(action, STORE, OVER, principal=principal)


def test_a_copy_into_a_held_image_set_is_denied_too():
    assert denied("CopyImageSet", STORE, FREE, HELD)


@pytest.mark.parametrize("action", ["TagResource", "UntagResource"])
def test_one_role_alone_sets_and_ends_a_hold(action):
    for resource in (HELD, FREE):
        assert denied(action, resource, keys=("LegalHold",))
        assert denied(action, resource, keys=("Owner", "LegalHold"))
        assert not denied(action, resource, keys=("Owner",))
        assert not denied(action, resource, principal=HOLDER, keys=("LegalHold",))


@pytest.mark.parametrize(
    "action", ["GetImageSet", "SearchImageSets", "ListTagsForResource", "StartDICOMImportJob"]
)
def test_reading_and_importing_go_on(action):
    assert not denied(action, STORE, HELD)


def test_it_is_a_policy_of_actions_that_there_are():
    import botocore.session

    known = botocore.session.get_session().get_service_model("medical-imaging").operation_names
    document = policy()
    assert document["Version"] == "2012-10-17"
    for statement in document["Statement"]:
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert {item.removeprefix("medical-imaging:") for item in statement["Action"]} <= set(known)
        assert statement["Sid"].isalnum()
        assert statement["Condition"].keys() <= OPERATORS.keys()
