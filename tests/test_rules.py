"""The shipped rules: each test written inside them holds, and what the project promises of them is true."""

from functools import cache

import pytest

from checker.model import Absence, Case, Condition, Group, Leaf, Pack, Rule, Severity, Source, Verdict
from checker.policy.load import Policies, load
from checker.policy.params import rule_leaves, used_params
from checker.policytest.cases import CaseResult, run_cases

# An image set that is not there is a fail of the first, of one that earlier runs saw also of the last; where they saw it,
# it is a pass of the other.
JUDGE_MISSING_SETS = {"expected-set-exists", "erasure-done", "no-vanished-image-sets"}


@cache
def shipped() -> Policies:
    return load(["pack:"])


@cache
def proved() -> dict[int, CaseResult]:
    """What every case got, judged by the first test that asks."""
    return {id(case.case): case for case in run_cases(shipped())}


def every_rule():
    return [pytest.param(rule, id=rule.name) for rule in shipped().rules]


def every_case():
    return [
        pytest.param(case, id=f"{rule.name}/{case.name}") for rule in shipped().rules for case in rule.tests
    ]


def demands_found(when: Condition | None) -> bool:
    """Whether `when` is false wherever `found` is."""
    if isinstance(when, Group):
        return when.kind == "all" and any(demands_found(member) for member in when.members)
    return (
        when is not None
        and str(when.operand) == "found"
        and [(test.operator, test.value) for test in when.tests] == [("eq", True)]
    )


def reads_an_answer(rule: Rule) -> bool:
    """Whether it judges image sets by what the service says of them: labels that disagree need no answer."""
    return any(field.answer or field.path == "found" for field in rule.fields)


def asks_the_service(rule: Rule) -> bool:
    """Whether a failed call can leave it undecided."""
    return rule.scope == "datastore" or any(
        field.source not in (Source.OWN, Source.SUCCESSOR) for field in rule.fields
    )


def pack_of(rule: Rule) -> Pack:
    return next(pack for pack in shipped().packs if pack.name == rule.pack)


def _unread(case: Case) -> bool:
    return any(sets.error or sets.errors for sets in case.image_sets)


@pytest.mark.parametrize("case", every_case())
def test_a_case_gets_the_verdict_it_expects(case):
    item = proved()[id(case)]
    assert item.missing == ()
    assert item.verdict is case.expect, f"{case.where}: {item.reason}"


@pytest.mark.parametrize("rule", every_rule())
def test_a_rule_says_why_what_to_do_and_what_a_pass_leaves_open(rule):
    assert rule.why
    assert rule.fix
    assert rule.caveat
    assert rule.tags


@pytest.mark.parametrize("rule", every_rule())
def test_a_rule_supports_a_control_unless_it_is_about_cost(rule):
    assert bool(rule.controls) == (rule.pack != "healthimaging-cost")
    assert all(control.title and control.does_not_prove for control in rule.controls)


@pytest.mark.parametrize("rule", every_rule())
def test_a_rule_shows_each_verdict_it_can_give(rule):
    shown = {case.expect for case in rule.tests}
    assert {Verdict.PASS, Verdict.FAIL} <= shown
    assert Verdict.UNKNOWN in shown or not asks_the_service(rule)
    assert (Verdict.NOT_APPLICABLE in shown) == (rule.when is not None)


@pytest.mark.parametrize("rule", every_rule())
def test_a_rule_shows_what_it_says_of_a_subject_that_could_not_be_read(rule):
    if asks_the_service(rule):
        assert Verdict.UNKNOWN in {
            case.expect for case in rule.tests if case.error or case.errors or _unread(case)
        }


@pytest.mark.parametrize("rule", every_rule())
def test_a_missing_set_is_the_finding_of_one_rule(rule):
    if reads_an_answer(rule):
        missing = {case.expect for case in rule.tests if not case.found}
        assert missing
        if rule.id not in JUDGE_MISSING_SETS:
            assert missing <= {Verdict.NOT_APPLICABLE, Verdict.PASS}
        # whether labels disagree is no matter of the image set
        if "conflict" not in rule.tags:
            assert demands_found(rule.when) == (rule.id not in JUDGE_MISSING_SETS)


@pytest.mark.parametrize("rule", every_rule())
def test_a_value_that_the_model_does_not_list_is_shown_to_be_unknown(rule):
    for field in (field for field in rule.fields if field.members and field.source is not Source.OWN):
        unlisted = {
            case.expect for case in rule.tests if case.given.get(field.path) not in (None, *field.members)
        }
        assert Verdict.UNKNOWN in unlisted, field.path


@pytest.mark.parametrize("rule", every_rule())
def test_a_field_that_an_answer_may_leave_out_is_shown_left_out(rule):
    """Deletions and images that nobody has read lack theirs by nature, so they may be left out in silence too."""
    operands = [leaf.operand for leaf in rule_leaves(rule) if isinstance(leaf, Leaf)]
    named = {operand.left for operand in operands} | {operand.right for operand in operands}
    reported = {
        "createdAt",
        "updatedAt",
        "lastAccessedAt",
        "isPrimary",
        "storageTier",
        "imageSetWorkflowStatus",
    }
    for field in named & set(rule.fields):
        if field.absence is Absence.NOT_REPORTED and field.path in reported:
            assert any(case.given.get(field.path, "") is None for case in rule.tests), field.path


@pytest.mark.parametrize("rule", every_rule())
def test_no_retention_period_has_a_default(rule):
    params = pack_of(rule).params | rule.params
    for name in used_params(rule):
        if "retention" in rule.tags or "retention" in name:
            assert params[name].default is None, name


@pytest.mark.parametrize("rule", every_rule())
def test_a_critical_rule_is_about_records_lost_for_good(rule):
    if rule.severity is Severity.CRITICAL:
        assert {"retention", "legal-hold"} & set(rule.tags)


def test_replaced_sets_are_exempt_from_rules_on_how_long_to_keep():
    for rule in shipped().rules:
        if "deletion" in rule.tags and {"retention", "review"} & set(rule.tags):
            expected = {case.expect for case in rule.tests if "superseded_by" in case.labels}
            assert expected == {Verdict.NOT_APPLICABLE}, rule.name


def test_rules_are_shipped_and_load_without_a_warning():
    assert shipped().rules
    assert shipped().warnings == ()


@pytest.mark.parametrize("pack", [pytest.param(pack, id=pack.name) for pack in shipped().packs])
def test_a_pack_has_a_title_and_a_revision_and_fits_the_screen(pack):
    assert pack.title != pack.name
    assert pack.revision
    lines = pack.source.decode().splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > 120] == []
