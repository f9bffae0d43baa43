"""A recorded list of versions with a gap, as rules judge it: what the file leaves out is unknown, and not nothing."""

import json

import pytest

import checker

STORE, ID = "1" * 32, "a" * 32


def listed(*numbers, **more):
    items = [
        {
            "imageSetId": ID,
            "versionId": str(number),
            "imageSetState": "ACTIVE",
            "updatedAt": f"2025-01-{number:02}",
        }
        for number in numbers
    ]
    return {"imageSetPropertiesList": items, "datastoreId": STORE, **more}


def judged(tmp_path, condition, *answers):
    """The verdict and the reason for each version."""
    (tmp_path / "p.yaml").write_text(json.dumps({"version": 1, "pack": "p", "rules": [rule(condition)]}))
    (tmp_path / "a.json").write_text("\n".join(map(json.dumps, answers)))
    policies = checker.load([str(tmp_path / "p.yaml")])
    rules = checker.choose(policies)
    evidence = checker.recorded([str(tmp_path / "a.json")], policies, needs=rules.needs)
    run = checker.evaluate(rules, evidence)
    reasons = {finding.subject.version_id: finding.reason for finding in run.findings()}
    return {
        subject.subject.version_id: (subject.verdict.value, reasons.get(subject.subject.version_id))
        for _, found in run.subjects()
        for subject in found
    }


def rule(condition):
    return {"id": "r", "title": "t", "severity": "low", "scope": "version", **condition}


UNKNOWN = ("unknown", "previous_version not recorded")


@pytest.mark.parametrize(
    "condition",
    [
        {"deny": {"previous_version.imageSetState": "LOCKED"}},
        {"deny": {"previous_version.imageSetState": {"ne": "ACTIVE"}}, "when": {"versionId": {"gt": 1}}},
        {"deny": {"previous_version.versionId": {"exists": False}}, "when": {"versionId": {"gt": 1}}},
        {"deny": {"previous_version.overrides.forced": {"eq": True, "if_absent": "match"}}, "when": {"versionId": {"gt": 1}}},
        {"require": {"any": [{"versionId": 1}, {"versionId - previous_version.versionId": 1}]}},
    ],
)  # fmt: skip
def test_a_rule_on_the_version_before_is_unknown_after_a_gap_of_a_recorded_list(tmp_path, condition):
    assert judged(tmp_path, condition, listed(3, 1))[3] == UNKNOWN
    assert judged(tmp_path, condition, listed(3, 1))[1][0] in ("pass", "not_applicable")
    assert judged(tmp_path, condition, listed(3, 2, 1))[3][0] == "pass"


NOT_WHOLE = ("unknown", "VersionsNotRecorded")


@pytest.mark.parametrize("numbers", [(3, 1), (3, 2), (2,), (10, 9, 2, 1)])
def test_of_a_recorded_list_that_is_not_whole_the_image_set_is_unknown_beside_its_versions(tmp_path, numbers):
    found = judged(tmp_path, {"deny": {"imageSetState": "LOCKED"}}, listed(*numbers))
    assert found == {None: NOT_WHOLE, **dict.fromkeys(numbers, ("pass", None))}


def test_what_a_list_that_is_not_whole_has_still_fails(tmp_path):
    found = judged(tmp_path, {"deny": {"versionId": 3}}, listed(3, 1))
    assert found == {None: NOT_WHOLE, 1: ("pass", None), 3: ("fail", None)}


def test_a_list_that_other_answers_make_whole_has_no_unknown(tmp_path):
    found = judged(tmp_path, {"deny": {"imageSetState": "LOCKED"}}, listed(3, 1), listed(2))
    assert found == dict.fromkeys((1, 2, 3), ("pass", None))


def test_a_gap_in_a_list_that_the_checker_asked_for_is_what_the_service_says(tmp_path):
    condition = {
        "deny": {"versionId - previous_version.versionId": {"gt": 1}},
        "when": {"versionId": {"gt": 1}},
    }
    live = listed(3, 1, action="ListImageSetVersions", target="archive", imageSetId=ID)
    assert judged(tmp_path, condition, live)[3][0] == "fail"


def test_an_image_set_that_was_read_without_its_versions_is_counted_apart(tmp_path):
    names = ("a" * 32, "b" * 32, "c" * 32)
    answers = [
        {"imageSetId": name, "datastoreId": STORE, "versionId": "2", "imageSetState": "ACTIVE"}
        for name in names
    ]
    rules = [
        {**rule({"deny": {"imageSetState": "LOCKED"}}), "scope": "image_set"},
        {**rule({"deny": {"imageSetState": "LOCKED"}}), "id": "v"},
    ]
    (tmp_path / "p.yaml").write_text(json.dumps({"version": 1, "pack": "p", "rules": rules}))
    (tmp_path / "a.json").write_text("\n".join(map(json.dumps, [*answers, listed(2, 1)])))
    policies = checker.load([str(tmp_path / "p.yaml")])
    chosen = checker.choose(policies)
    evidence = checker.recorded([str(tmp_path / "a.json")], policies, needs=chosen.needs)
    run = checker.evaluate(chosen, evidence)
    assert [rule_result.tally.passed for rule_result in run.judged] == [3, 2]
    counts = run.coverage
    assert (counts.expected, counts.evaluated, counts.unreadable, counts.versions_unread) == (3, 1, 2, 2)
    said = "1 of 3 listed image sets read, and 2 more without the list of their versions."
    assert run.sentence.endswith(said)
