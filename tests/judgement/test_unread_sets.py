"""An image set that was listed and could not be read: rules that need no answer of it may pass, the run is incomplete, and
every output says so alike."""

import html
import json
import re
from pathlib import Path

import junitparser
import pytest

from checker.cli import main
from tests.answers import STORE, answer

READ, UNREAD, ALSO_UNREAD = (f"{number:032x}" for number in (1, 2, 3))
LABELS = "deny: {labels.hold: true}"
ALONE = {
    "labels": LABELS,
    "target": "require: {target: recorded}",
    "not_applicable": "when: {labels.hold: true}, deny: {overrides.forced: true}",
    "decided": "deny: {all: [{target: elsewhere}, {overrides.forced: true}]}",
    "versions": f"scope: version, {LABELS}",
    "count": "scope: datastore, deny: {count: {gt: 9}}",
}
"""What needs no answer of an image set, by a name for it."""
DENIED = {"code": "AccessDeniedException", "message": "not you"}


def rule(name, text, severity="high"):
    return f"  - {{id: {name.replace('_', '-')}, title: T, severity: {severity}, {text}}}\n"


def error(image_set_id, **more):
    return {"datastoreId": STORE, "imageSetId": image_set_id, "error": DENIED, **more}


def versions(image_set_id):
    """A list that was read."""
    listed = {"versionId": "1", "ImageSetWorkflowStatus": "CREATED", "createdAt": "2026-01-01T00:00:00Z"}
    return {"imageSetPropertiesList": [{"imageSetId": image_set_id, "imageSetState": "ACTIVE", **listed}]}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def audit(rules, sets, *options, more=""):
    """Runs `check` with all reports; its exit code and results.json."""
    labels = "labels: {hold: {type: boolean}, n: {type: integer}}\n"
    Path("p.yaml").write_text(f"version: 1\npack: p\n{labels}rules:\n{''.join(rules)}{more}")
    Path("sets.json").write_text(json.dumps(sets))
    given = ["-p", "p.yaml", "--image-sets", "sets.json", "--complete", "--as-of", "2026-01-02"]
    reports = [f"{kind}=out/r.{kind}" for kind in ("json", "junit", "html", "text")]
    flags = [word for report in reports for word in ("--report", report)]
    code = main(["check", *given, *flags, *options])
    return code, json.loads(Path("out/r.json").read_text())


def errors(path="out/r.junit"):
    """The red test cases of a JUnit file, as suite, name and kind."""
    return [
        (suite.name, case.name, item.type)
        for suite in junitparser.JUnitXml.fromfile(path)
        for case in suite
        for item in case.result
        if isinstance(item, junitparser.Error | junitparser.Failure)
    ]


def said(code, results):
    """What each output says of image sets that were not read and that the gate counts: the ids."""
    summary = results["summary"]
    assert (code, summary["exit_code"]) == (code, code)
    listed = {item["imageSetId"] for item in results["unreadable"] if item["gated"]}
    number = len(listed)
    assert summary["unreadable_gated"] == number
    junit = {name.split("/")[1].split()[0] for suite, name, _ in errors() if "image set" in name}
    page = html.unescape(re.sub(r"<script.*?</script>", "", Path("out/r.html").read_text(), flags=re.DOTALL))
    text = " ".join(Path("out/r.text").read_text().split())
    sets = f"{number} image set{'s' * (number > 1)} could not be read" if number else ""
    assert sets in summary["sentence"]
    assert summary["sentence"] in page
    assert summary["sentence"] in text
    assert (page.count("counted by the gate</strong>"), text.count(" (counted by the gate)")) == (
        number,
        number,
    )
    assert junit == listed
    return listed


@pytest.mark.parametrize("name", list(ALONE))
def test_a_verdict_that_needs_no_answer_stands_and_the_run_is_incomplete(name):
    sets = [answer(READ), error(UNREAD)]
    if name == "versions":
        sets = [versions(READ), error(UNREAD, action="ListImageSetVersions")]
    code, results = audit([rule(name, ALONE[name])], sets)
    summary = results["summary"]
    assert (summary["unknown"], summary["fail"], results["findings"]) == (0, 0, [])
    assert (code, summary["outcome"], summary["unreadable"]) == (3, "incomplete", 1)
    assert said(code, results) == {UNREAD}
    assert errors() == [
        ("imageset-checker/run", f"image set recorded/{UNREAD} read", "AccessDeniedException")
    ]


def test_nothing_is_added_where_all_was_read_or_is_not_there():
    gone = error(UNREAD) | {"error": {"code": "ResourceNotFoundException"}}
    code, results = audit([rule("labels", LABELS)], [answer(READ), gone])
    assert (code, said(code, results), errors()) == (0, set(), [])


def test_an_unknown_of_a_rule_that_the_gate_counts_stands_for_its_image_set():
    rules = [rule("labels", LABELS), rule("forced", "deny: {overrides.forced: true}")]
    code, results = audit(rules, [answer(READ), error(UNREAD)])
    assert (code, results["summary"]["unknown"]) == (3, 1)
    assert said(code, results) == set()
    assert errors() == [("p/forced", f"recorded/{UNREAD}", "AccessDeniedException")]


@pytest.mark.parametrize("fail_on", ["critical", "never"])
def test_an_unknown_below_the_gate_does_not_stand_for_it(fail_on):
    rules = [rule("labels", LABELS, "critical"), rule("forced", "deny: {overrides.forced: true}", "low")]
    code, results = audit(rules, [answer(READ), error(UNREAD)], "--fail-on", fail_on)
    assert (code, said(code, results)) == (3, {UNREAD})


def test_a_violation_is_one_still_and_says_both():
    rules = [rule("labels", LABELS), rule("forced", "deny: {overrides.forced: true}, when: {labels.n: 1}")]
    rules.append(rule("late", "deny: {all: [{target: recorded}, {collectedAt: {exists: false}}]}"))
    sets = [answer(READ), error(UNREAD)]
    code, results = audit([*rules, rule("here", "deny: {target: recorded}")], sets)
    assert code == 1
    assert said(code, results) >= set()


def test_an_image_set_that_several_rows_name_is_one():
    """Two versions of one image set, neither of which could be read."""
    sets = [answer(READ), error(UNREAD, versionId="1"), error(UNREAD, versionId="2"), error(ALSO_UNREAD)]
    code, results = audit([rule("labels", LABELS)], sets)
    assert (code, results["summary"]["unreadable"]) == (3, 2)
    assert said(code, results) == {UNREAD, ALSO_UNREAD}
    assert len(errors()) == 2
