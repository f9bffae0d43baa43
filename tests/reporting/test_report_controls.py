"""Controls, the rules that audit.yaml changed, and demands that are not met, in every format."""

import dataclasses
import io
import json
from pathlib import Path

import pytest
from lxml import etree, html
from report_runs import (
    INTEGRITY,
    NO_FORCE,
    OFF,
    RETENTION_RULES,
    RETURNED,
    clean_run,
    governed,
    run_of,
    subject,
)

from checker.judgement.gate import Gate
from checker.judgement.run import SubjectVerdict
from checker.model import (
    Control,
    Coverage,
    Duration,
    Framework,
    Location,
    MissingRule,
    Shortfall,
    Tailoring,
    Tally,
    Verdict,
)
from checker.reporting import Options, formats, writer
from checker.reporting.control_matrix import ControlState, control_results

WHERE = Location("audit.yaml", 7, 3)
ONE = Control("hipaa", "a")


def written(run, kind: str, **options) -> str:
    out = io.StringIO()
    writer(kind).write(run, out, Options(**options))
    return out.getvalue()


def state_of(*verdicts: Verdict, **more) -> ControlState:
    rule = dataclasses.replace(NO_FORCE, controls=(ONE,))
    rows = [SubjectVerdict(subject(n), verdict) for n, verdict in enumerate(verdicts)]
    run = run_of([(rule, rows)], Gate(), Coverage(3), **more)
    ((control,),) = [result.controls for result in control_results(run)]
    return control.state


PASS, FAIL, UNKNOWN, NONE = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE
SWITCHED_OFF = Tailoring(dataclasses.replace(OFF, controls=(ONE,)), "off", "why", WHERE)
LEFT_OUT = dataclasses.replace(INTEGRITY, rules=(dataclasses.replace(OFF, controls=(ONE,)),))


@pytest.mark.parametrize(
    ("verdicts", "more", "state"),
    [
        ([PASS, PASS], {}, ControlState.SATISFIED),
        ([PASS, NONE], {}, ControlState.SATISFIED),
        ([NONE], {}, ControlState.NOT_APPLICABLE),
        ([], {}, ControlState.UNKNOWN),
        ([PASS, UNKNOWN], {}, ControlState.UNKNOWN),
        ([PASS, FAIL, UNKNOWN], {}, ControlState.FAIL),
        ([PASS], {"changes": (SWITCHED_OFF,)}, ControlState.NOT_SATISFIED),
        ([UNKNOWN], {"changes": (SWITCHED_OFF,)}, ControlState.NOT_SATISFIED),
        ([FAIL], {"changes": (SWITCHED_OFF,)}, ControlState.FAIL),
        ([PASS], {"packs": (LEFT_OUT,)}, ControlState.UNKNOWN),
    ],
)
def test_the_state_of_a_control(verdicts, more, state):
    assert state_of(*verdicts, **more) is state


def test_a_demand_that_is_not_met_outweighs_a_pass_and_leaves_the_outcome():
    rule = dataclasses.replace(RETURNED, controls=RETENTION_RULES)
    lack = Shortfall(rule.name, RETENTION_RULES[0], RETENTION_RULES[0].requires[0], Duration(84))
    rows = [SubjectVerdict(subject(1), PASS)]
    run = run_of([(rule, rows)], Gate(), Coverage(1), shortfalls=(lack,))
    ((control,),) = [result.controls for result in control_results(run)]
    assert control.state is ControlState.NOT_SATISFIED
    assert control.lacks == ("retention is 7y, but 21 CFR 900.12 demands at least 10y",)
    assert run.outcome.exit_code == 0
    assert run_of([(rule, rows)], Gate(), Coverage(1)).outcome is run.outcome


def test_waived_fails_do_not_support_a_control():
    run = run_of([(NO_FORCE, [SubjectVerdict(subject(1), PASS)])], Gate(), Coverage(1))
    waived = dataclasses.replace(run.judged[0], tally=Tally(2, 1, 0, 1))
    (first, *_) = control_results(dataclasses.replace(run, judged=(waived,)))[0].controls
    assert first.state is ControlState.NOT_SATISFIED
    assert first.reasons == ("1 fail is waived",)


def test_controls_stand_in_the_order_of_the_mapping_file_and_those_of_no_rule_that_ran_are_unknown():
    rule = dataclasses.replace(NO_FORCE, controls=(Control("f", "b"), Control("f", "a")))
    gone = dataclasses.replace(OFF, controls=(Control("f", "c"), Control("g", "d")))
    run = run_of(
        [(rule, [SubjectVerdict(subject(1), PASS)])],
        Gate(),
        Coverage(1),
        packs=(dataclasses.replace(INTEGRITY, rules=(rule, gone)),),
        frameworks=(Framework("f", "F", "f.yaml", "", controls=("a", "b", "c")),),
    )
    first, second = control_results(run)
    assert [(control.id, control.state) for control in first.controls] == [
        ("a", ControlState.SATISFIED),
        ("b", ControlState.SATISFIED),
        ("c", ControlState.UNKNOWN),
    ]
    (alone,) = second.controls
    assert (alone.state, alone.reasons) == (
        ControlState.UNKNOWN,
        (f"rule {gone.name}: left out of this run",),
    )


GONE = Control("f", "c", "Gone")


def half_loaded(*, implied: bool, verdict: Verdict = PASS):
    """A run whose mapping file names `other/thing` for the controls a, beside a rule that ran, and c."""
    rule = dataclasses.replace(NO_FORCE, controls=(Control("f", "a"), Control("f", "b")))
    framework = Framework(
        "f",
        "F",
        "f.yaml",
        "",
        controls=("a", "b", "c"),
        unloaded=(MissingRule("other/thing", Control("f", "a")), MissingRule("other/thing", GONE)),
        implied=implied,
    )
    rows = [SubjectVerdict(subject(1), verdict)]
    return run_of([(rule, rows)], Gate(), Coverage(1), frameworks=(framework,))


def test_a_rule_of_a_pack_that_is_not_loaded_makes_a_control_of_a_named_mapping_at_most_unknown():
    (result,) = control_results(half_loaded(implied=False))
    assert [
        (control_result.id, control_result.state, control_result.reasons)
        for control_result in result.controls
    ] == [
        ("a", ControlState.UNKNOWN, ("rule other/thing is not loaded",)),
        ("b", ControlState.SATISFIED, ()),
        ("c", ControlState.UNKNOWN, ("rule other/thing is not loaded",)),
    ]
    assert (result.controls[2].title, result.remark) == ("Gone", "")
    (result,) = control_results(half_loaded(implied=False, verdict=FAIL))
    assert result.controls[0].state is ControlState.FAIL
    (result,) = control_results(half_loaded(implied=False, verdict=NONE))
    assert [control_result.state for control_result in result.controls] == [
        ControlState.UNKNOWN,
        ControlState.NOT_APPLICABLE,
        ControlState.UNKNOWN,
    ]


def test_a_shipped_mapping_supports_no_control_with_rules_that_are_not_loaded_and_counts_those_without_others():
    (result,) = control_results(half_loaded(implied=True))
    assert [
        (control_result.id, control_result.state, control_result.reasons)
        for control_result in result.controls
    ] == [
        ("a", ControlState.UNKNOWN, ("1 of its 2 rules is of a pack that is not loaded",)),
        ("b", ControlState.SATISFIED, ()),
    ]
    assert result.remark == "1 control is not shown, of 3: their rules are all of packs that are not loaded."


@pytest.mark.parametrize("implied", [False, True])
def test_every_report_says_which_rules_of_a_control_are_not_loaded(implied):
    run = half_loaded(implied=implied)
    (framework,) = json.loads(written(run, "json"))["summary"]["controls"]
    assert framework["controls"][0]["not_loaded"] == ["other/thing"]
    assert framework["not_shown"] == (["c"] if implied else [])
    page = " ".join(html.document_fromstring(written(run, "html")).text_content().split())
    lines = written(run, "text").splitlines()
    if implied:
        assert "1 of its 2 rules is of a pack that is not loaded" in page
        assert "1 control is not shown, of 3: their rules are all of packs that are not loaded." in page
        assert sum(line.startswith("Control ") for line in lines) == 1
    else:
        assert page.count("rule other/thing is not loaded") == 2
        assert "Control    f a unknown: rule other/thing is not loaded" in lines


def test_long_blocks_of_the_summary_say_how_much_more_there_is():
    run = clean_run(left_out=tuple(f"rule p/r{n}" for n in range(9)))
    lines = [line for line in written(run, "text").splitlines() if line.startswith("Left out")]
    assert len(lines) == 6
    assert lines[-1].startswith("Left out   ... and 4 more ")


def test_a_control_that_is_satisfied_is_said_not_to_be_proved():
    schema = Path(__file__).parents[2] / "docs/results-1.schema.json"
    told = "no proof of the control"
    remarks = {"html": "It proves no control.", "json": told, "ndjson": told}
    for kind in formats("run"):
        text = written(clean_run(), kind)
        assert "compliant" not in text.lower()
        if "satisfied" in text.lower().replace("not satisfied", "").replace("not_satisfied", ""):
            # what JSON says is told by its schema, from which that of its lines is taken
            assert remarks.pop(kind) in text + (schema.read_text() if "json" in kind else "")
    assert not remarks


def test_json_has_changes_mappings_and_states():
    document = json.loads(written(governed(), "json"))
    assert [change["what"] for change in document["run"]["changes"]] == ["off", "severity critical -> low"]
    assert document["run"]["changes"][0]["controls"] == {"hipaa": ["164.312(c)(1)"]}
    assert [mapping["framework"] for mapping in document["run"]["mappings"]] == ["mqsa"]
    hipaa, mqsa = document["summary"]["controls"]
    assert [rule["state"] for rule in hipaa["controls"][0]["rules"]] == ["fail", "off"]
    assert mqsa["source"] == "https://www.ecfr.gov/"
    assert mqsa["controls"][0]["reasons"] == [
        "retention is 7y, but 21 CFR 900.12 demands at least 10y",
        "rule retention/deleted-stays-deleted: severity critical -> low",
    ]
    assert mqsa["controls"][0]["rules"][0]["does_not_prove"] == "That the originals are kept elsewhere."


def test_the_page_marks_what_weakens_a_control():
    tree = html.document_fromstring(written(governed(), "html"))
    hipaa, mqsa = (
        " ".join(row.text_content().split())
        for row in tree.xpath("//table[contains(@class, 'matrix')]/tbody/tr")
    )
    assert "Not satisfied: rule integrity/one-key was switched off: One key per project here." in hipaa
    assert "Not satisfied: retention is 7y, but 21 CFR 900.12 demands at least 10y" in mqsa
    assert "severity critical -> low" in mqsa
    assert "What a pass does not prove" in mqsa
    # a rule that did not run has no card to lead to
    links = {
        item.get("href")[1:]
        for item in tree.xpath("//table[contains(@class, 'matrix')]//a")
        if "#about" in item.get("href")
    }
    assert links == {card.get("id") for card in tree.xpath("//details[contains(@class, 'card')]")}
    assert not tree.xpath("//a[starts-with(@href, 'http')]")
    asked = " ".join(tree.xpath("//section[@id='evidence']")[0].text_content().split())
    assert "switched offaudit.yaml:7:3 One key per project here. hipaa 164.312(c)(1)" in asked
    assert "archive: its image sets are all those of the data store" in asked


def test_junit_has_a_skipped_case_for_a_rule_that_is_off_and_says_what_was_changed():
    suites = {suite.get("name"): suite for suite in etree.fromstring(written(governed(), "junit").encode())}
    off = suites["integrity/one-key"]
    assert (off.get("tests"), off.get("skipped"), off.get("failures")) == ("1", "1", "0")
    assert off.find("testcase/skipped").get("message") == "switched off: One key per project here."
    properties = {
        item.get("name"): item.get("value")
        for item in suites[next(name for name in suites if name.endswith("/deleted-stays-deleted"))].iter(
            "property"
        )
    }
    assert properties["severity"] == "low"
    assert properties["changed"] == "severity critical -> low"
    assert properties["control.not-satisfied"] == "retention is 7y, but 21 CFR 900.12 demands at least 10y"


def test_the_summary_has_a_line_for_each():
    lines = written(governed(), "text", width=200).splitlines()
    assert "Changed    rule integrity/one-key switched off: One key per project here." in lines
    assert (
        "Control    mqsa 21 CFR 900.12 not satisfied: retention is 7y, but 21 CFR 900.12 demands at least 10y"
        in lines
    )
    assert "Claimed    archive: its image sets are all those of the data store" in lines
