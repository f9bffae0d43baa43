"""Tests written inside rules of every scope: what they may give, and what is said of mistakes."""

import pytest
import yaml

from checker.policy.load import load
from checker.policytest.cases import run_cases
from checker.problems import InvalidInputError

LABELS = {"superseded_by": {"type": "string"}, "class": {"type": "string"}}


def loaded(tmp_path, scope, condition, tests):
    rule = {"id": "r", "title": "R", "severity": "low", "scope": scope, "deny": condition}
    rule["tests"] = [{"name": str(at), **test} for at, test in enumerate(tests)]
    policy = {"version": 1, "pack": "p", "labels": LABELS, "rules": [rule]}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
    return load([str(tmp_path / "p.yaml")])


def verdicts(tmp_path, scope, condition, *given):
    tests = [{"given": item, "expect": "pass"} for item in given]
    return [case.verdict.value for case in run_cases(loaded(tmp_path, scope, condition, tests))]


def test_versions(tmp_path):
    condition = {"imageSetState": "ACTIVE", "previous_version.imageSetState": "DELETED"}
    given = (
        {},
        {"previous_version": {}},
        {"versionId": 3, "previous_version": {"imageSetState": "DELETED"}},
        {"error": "ThrottlingException"},
    )
    assert verdicts(tmp_path, "version", condition, *given) == ["pass", "pass", "fail", "unknown"]


def test_version_numbers(tmp_path):
    condition = {"versionId - previous_version.versionId": {"gt": 1}}
    given = (
        {"previous_version": {}},
        {"versionId": 5, "previous_version": {}},
        {"versionId": 5, "previous_version": {"versionId": 3}},
        {"previous_version": {"versionId": 7}},
    )
    assert verdicts(tmp_path, "version", condition, *given) == ["pass", "pass", "fail", "pass"]


def test_data_stores(tmp_path):
    condition = {"ratio": {"of": {"isPrimary": False}, "gt": "1%"}, "datastore.kmsKeyArn": {"exists": False}}
    given = (
        {"image_sets": [{"count": 98}, {"count": 2, "isPrimary": False}]},
        {"image_sets": [{"count": 99}, {"isPrimary": False}]},
        {"image_sets": [{"count": 99}, {"error": "AccessDeniedException"}, {"isPrimary": False}]},
        {"image_sets": [{"isPrimary": False}], "complete": False},
        {"image_sets": [{"isPrimary": False}], "datastore": {"kmsKeyArn": "key"}},
        {"error": "AccessDeniedException", "image_sets": [{"isPrimary": False}]},
    )
    expected = ["fail", "pass", "unknown", "unknown", "pass", "unknown"]
    assert verdicts(tmp_path, "datastore", condition, *given) == expected


def test_tags_the_data_store_and_the_successor(tmp_path):
    condition = {"any": [
        {'tags["Odd Key"]': "x"}, {"datastore.tags.Owner": "y"}, {"datastore.datastoreStatus": "DELETING"},
        {"successor.imageSetState": "DELETED"},
    ]}  # fmt: skip
    given = (
        {},
        {"tags": {"Odd Key": "x"}},
        {"datastore": {"tags": {"Owner": "y"}}},
        {"datastore": {"datastoreStatus": "DELETING"}},
        {"successor": {"imageSetState": "DELETED"}},
        {"successor": {}},
        {"errors": {"ListTagsForResource": "AccessDeniedException"}},
        {"labels": {"superseded_by": "a" * 32}},
    )
    expected = ["pass", "fail", "fail", "fail", "fail", "pass", "unknown", "unknown"]
    assert verdicts(tmp_path, "image_set", condition, *given) == expected


@pytest.mark.parametrize(
    ("scope", "given", "message"),
    [
        ("image_set", {"image_sets": []}, "image_sets goes with `scope: datastore`"),
        ("image_set", {"errors": {"GetImageSet": "X"}}, "no call GetImageSet stands beside the subject's own"),
        ("image_set", {"datastore": {"datastoreId": None}}, "an answer always has datastore.datastoreId"),
        ("image_set", {"target": "a"}, "target cannot be given in a test"),
        ("version", {"versionId": 1, "previous_version": {}}, "versionId 1 has no version before it"),
        ("version", {"versionId": 2, "previous_version": {"versionId": 2}}, "versionId 2 does not come after 2"),
        ("version", {"storageTier": "ARCHIVE"}, "storageTier is not known of a version"),
        ("datastore", {"isPrimary": False}, "isPrimary is of image sets, and the rule judges data stores"),
        ("datastore", {"found": False}, "found is of image sets, and the rule judges data stores"),
        ("datastore", {"image_sets": [{"count": 0}]}, "count is 0"),
        ("datastore", {"image_sets": {"count": 1}}, "image_sets is a list, not a mapping"),
        ("datastore", {"image_sets": [{"as_of": "2026-01-01"}]}, "as_of holds for the whole test"),
        ("datastore", {"image_sets": [{"datastore": {}}]}, "the data store is one for all image sets"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path, scope, given, message):
    condition = {"datastore.datastoreStatus": "DELETING"}
    with pytest.raises(InvalidInputError) as caught:
        loaded(tmp_path, scope, condition, [{"given": given, "expect": "pass"}])
    assert [problem.message[: len(message)] for problem in caught.value.problems] == [message]
