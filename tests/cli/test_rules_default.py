"""`rules ...` without a policy looks at the project's own ones."""

from __future__ import annotations

import json

import pytest

from checker.cli import main

POLICY = """\
version: 1
pack: own
rules:
  - id: forced
    title: Not forced
    severity: high
    deny: {overrides.forced: true}
    tests:
      - {name: forced, given: {overrides: {forced: true}}, expect: fail}
"""
# a profile that no machine has, and an inventory that is not there: neither matters to what its policies are
AUDIT = """\
version: 1
policies: [policies/]
targets:
  - name: archive
    region: us-east-1
    profile: nobody-has-it
    datastore: "0123456789abcdef0123456789abcdef"
    labels_from: none.csv
    image_sets: ["18f88ac7870584f58d56256646b4d92b"]
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "own.yaml").write_text(POLICY)
    (tmp_path / "audit.yaml").write_text(AUDIT)
    return tmp_path


def told(capsys, *arguments):
    code = main(["rules", *arguments])
    return (code, *capsys.readouterr())


def test_validate_and_test_are_about_the_policies_of_audit_yaml(capsys):
    assert told(capsys, "validate") == (
        0,
        "1 rule in the pack own: valid (the policies of audit.yaml)\n",
        "",
    )
    assert told(capsys, "test")[:2] == (
        0,
        "1 test passed, 0 failed, 1 rule of the pack own tested (the policies of audit.yaml)\n",
    )


def test_list_prints_the_rules_of_audit_yaml_and_says_so(capsys):
    code, out, err = told(capsys, "list")
    assert (code, out) == (0, "own/forced  high  Not forced\n")
    assert err == "1 rule in the pack own (the policies of audit.yaml)\n"


def test_without_audit_yaml_they_are_about_the_shipped_packs_and_say_so(capsys, project):
    (project / "audit.yaml").unlink()
    # with --strict, no warning of them is left
    code, out, err = told(capsys, "validate", "--strict")
    assert (code, "warning:" in err) == (0, False)
    assert "healthimaging-" in out
    assert out.endswith(": valid (the shipped packs)\n")
    assert told(capsys, "list")[2].endswith(" (the shipped packs)\n")


def test_all_shipped_packs_have_a_name_of_their_own(capsys):
    code, out, err = told(capsys, "list", "pack:")
    assert (code, err) == (0, "")
    assert "/no-forced-overrides" in out


@pytest.mark.parametrize("command", ["validate", "test", "list", "docs"])
def test_a_broken_policy_of_audit_yaml_is_told_at_its_place(capsys, project, command):
    (project / "policies" / "own.yaml").write_text(
        POLICY.replace("forced: true}\n    tests", "forcd: true}\n    tests")
    )
    code, out, err = told(capsys, command)
    assert (code, out) == (2, "")
    assert err.startswith("policies/own.yaml:7:12: error: ")


def test_a_policy_that_is_not_there_is_told_at_its_place_in_audit_yaml(capsys, project):
    (project / "audit.yaml").write_text(AUDIT.replace("policies/", "polices/"))
    code, _, err = told(capsys, "validate")
    assert code == 2
    assert err.startswith("audit.yaml:2:12: error: there is no file or folder polices/")
    (project / "audit.yaml").write_text(AUDIT.replace("policies:", "polices:"))
    assert "audit.yaml:2:1: error: " in told(capsys, "validate")[2]


def test_show_finds_rules_of_the_project_and_of_the_shipped_packs(capsys):
    assert told(capsys, "show", "forced")[1].startswith("own/forced  (high)")
    assert "/no-failed-workflow  (" in told(capsys, "show", "no-failed-workflow")[1]


def test_json_of_list_says_whose_the_rules_are(capsys):
    found = json.loads(told(capsys, "list", "--json")[1])
    assert (found["schema"], found["source"]) == ("imageset-checker/rules/1", "the policies of audit.yaml")
    (rule,) = found["rules"]
    assert (rule["rule"], rule["severity"], rule["where"]) == ("own/forced", "high", "policies/own.yaml:4:5")


def test_json_of_validate_has_every_problem(capsys, project):
    code, out, err = told(capsys, "validate", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "schema": "imageset-checker/rules-validate/1",
        "source": "the policies of audit.yaml",
        "valid": True,
        "packs": ["own"],
        "rules": 1,
        "problems": [],
        "notes": [],
    }
    code, out, err = told(capsys, "validate", "--strict", "--json")
    assert (code, err) == (2, "")
    assert [problem["message"] for problem in json.loads(out)["problems"]] == [
        "the rule forced has no fix",
        "the rule forced has no why",
    ]
    (project / "policies" / "own.yaml").write_text("version: 1\npack: own\nrulez: []\n")
    code, out, err = told(capsys, "validate", "--json")
    assert (code, err, json.loads(out)["valid"]) == (2, "", False)
    assert json.loads(out)["problems"][0]["where"].startswith("policies/own.yaml:")


def test_json_of_test_is_its_report(capsys):
    assert told(capsys, "test", "--json") == told(capsys, "test", "--report", "json=-")
