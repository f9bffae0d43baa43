"""`rules test`: reports, required tests and mutants."""

import json

import pytest
from lxml import etree

from checker.cli import main
from tests.junit_schemas import assert_valid

POLICY = """\
version: 1
pack: p
rules:
  - id: aged
    title: Not old
    severity: low
    deny: {createdAt: {older_than: 30d}}
    tests:
      - {name: old, given: {createdAt: "2025-01-01"}, expect: fail}
      - {name: young, given: {}, expect: EXPECTED}
  - id: untested
    title: Not tested
    severity: low
    deny: {isPrimary: false}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY.replace("EXPECTED", "pass"))
    (tmp_path / "wrong.yaml").write_text(POLICY.replace("EXPECTED", "unknown"))
    return tmp_path


def test_required_tests_are_named_at_the_rule(capsys):
    assert main(["rules", "test", "p.yaml", "--require-tests"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "p.yaml:4:5: error: p/aged: no test expects unknown",
        "p.yaml:11:5: error: p/untested: no test expects pass, fail or unknown",
    ]


def test_living_mutants_are_named_with_a_test_that_notices_them(capsys):
    assert main(["rules", "test", "p.yaml", "--rule", "aged", "--mutate"]) == 0
    out, err = capsys.readouterr()
    assert "p.yaml:7:12: warning: p/aged: no test notices: 30d -> 31d in `createdAt` older_than\n" in err
    suggestion = '{name: "createdAt 2025-12-02: pass", given: {createdAt: "2025-12-02"}, expect: pass}'
    assert f"help: add the test - {suggestion}\n" in err
    assert "p/aged: the tests notice 2 of 4 mutants (50%)" in out


def test_a_score_below_the_least_is_an_error(capsys):
    assert main(["rules", "test", "p.yaml", "--rule", "aged", "--min-score", "90"]) == 1
    assert "error: p/aged: no test notices" in capsys.readouterr().err


@pytest.mark.parametrize("policy", ["p.yaml", "wrong.yaml"])
def test_junit_is_valid_by_the_schemas(policy, folder):
    main(["rules", "test", policy, "--require-tests", "--min-score", "90", "--report", "junit=junit.xml"])
    assert_valid(etree.parse(folder / "junit.xml"))


def test_junit_has_a_suite_for_each_rule_and_a_case_for_each_test(folder):
    assert main(["rules", "test", "wrong.yaml", "--report", "junit=junit.xml"]) == 1
    suites = etree.parse(folder / "junit.xml").findall("testsuite")
    assert [(suite.get("package"), suite.get("name"), suite.get("failures")) for suite in suites] == [
        ("p", "p/aged", "1"),
        ("p", "p/untested", "0"),
    ]
    assert [case.get("name") for case in suites[0].iter("testcase")] == ["old", "young"]
    assert suites[0].find(".//failure").get("message") == "expected unknown, got pass"


def test_json_on_standard_output_stands_alone(capsys):
    assert main(["rules", "test", "p.yaml", "--mutate", "--report", "json=-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["tests"], document["failed"]) == (
        "imageset-checker/rules-test/1",
        2,
        0,
    )
    aged, untested = document["rules"]
    assert aged["tests"][0]["verdict"] == "fail"
    assert aged["mutants"]["killed"] < aged["mutants"]["total"]
    assert untested["mutants"]["reason"] == "it has no tests"


def test_an_unknown_format_is_refused(capsys):
    assert main(["rules", "test", "p.yaml", "--report", "html=x.html"]) == 2
    assert "unknown format html" in capsys.readouterr().err


def test_a_rule_without_tests_that_reaches_beyond_all_time_has_no_mutants_and_is_no_error(folder, capsys):
    text = POLICY[: POLICY.index("    tests:")].replace("30d", "9999y")
    (folder / "forever.yaml").write_text(text)
    assert main(["rules", "validate", "forever.yaml"]) == 0
    assert main(["rules", "test", "forever.yaml", "--mutate"]) == 0
    out, err = capsys.readouterr()
    assert "p/aged: no mutants tried: it has no tests" in out
    assert "no rule has a test" in err
    # without mutants the question is whether the tests hold, and there is no answer to it
    assert main(["rules", "test", "forever.yaml"]) == 3
