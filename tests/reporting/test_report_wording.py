import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lenient_runs import lenient
from report_runs import DELETED_AT, EARLY, INTEGRITY, MESSAGE, NO_FORCE, RECENT, STATE, leaf, ordinary, rule

from checker.judgement.gate import Gate, judge
from checker.judgement.run import RuleResult
from checker.model import (
    Coverage,
    Duration,
    Field,
    Group,
    Leaf,
    Operand,
    ParamRef,
    Severity,
    Tally,
    Test,
    Type,
)
from checker.reporting import condition_text, finding_text, run_text

DAY = Duration(0, 86_400_000)


def test_expected_is_the_opposite_of_deny_and_the_words_of_require():
    assert condition_text.expected(NO_FORCE) == "overrides.forced is not true"
    assert (
        condition_text.expected(RECENT) == "imageSetState is not DELETED or deletedAt is not younger than 30d"
    )
    assert (
        condition_text.expected(EARLY)
        == "deletedAt - createdAt is at least 7y; this applies where imageSetState is DELETED"
    )


@pytest.mark.parametrize(
    ("condition", "text", "opposite"),
    [
        (leaf(STATE, "in", ("ACTIVE", "LOCKED")), "imageSetState is one of ACTIVE, LOCKED", "imageSetState is none of ACTIVE, LOCKED"),
        (leaf(STATE, "exists", True), "imageSetState is present", "imageSetState is absent"),
        (leaf(STATE, "exists", False), "imageSetState is absent", "imageSetState is present"),
        (leaf(MESSAGE, "contains", "two words"), 'message contains "two words"', 'message does not contain "two words"'),
        (leaf(DELETED_AT, "before", DELETED_AT), "deletedAt is before deletedAt", "deletedAt is not before deletedAt"),
        (leaf(DELETED_AT, "older_than", ParamRef("n")), "deletedAt is older than $n", "deletedAt is not older than $n"),
        (Leaf(Operand(DELETED_AT), (Test("gt", 1), Test("lt", 5)), "no_match"),
         "deletedAt is above 1 and is below 5 [if_absent: no_match]", "deletedAt is at most 1 or is at least 5 [if_absent: no_match]"),
        (Group("any", (leaf(STATE, "eq", "A"), leaf(STATE, "eq", "B"))), "imageSetState is A or imageSetState is B", "imageSetState is not A and imageSetState is not B"),
        (Group("none", (leaf(STATE, "eq", "A"), leaf(STATE, "eq", "B"))), "imageSetState is not A and imageSetState is not B", "imageSetState is A or imageSetState is B"),
        (Group("all", (leaf(STATE, "eq", "A"), Group("any", (leaf(STATE, "eq", "B"), leaf(STATE, "eq", "C"))))),
         "imageSetState is A and (imageSetState is B or imageSetState is C)", "imageSetState is not A or (imageSetState is not B and imageSetState is not C)"),
        (Group("none", (Group("all", (leaf(STATE, "eq", "A"), leaf(STATE, "eq", "B"))),)), "imageSetState is not A or imageSetState is not B", "imageSetState is A and imageSetState is B"),
        (leaf(DELETED_AT, "between", (DAY, Duration(2))), "deletedAt is between 1d and 2mo", "deletedAt is not between 1d and 2mo"),
    ],
)  # fmt: skip
def test_phrases(condition, text, opposite):
    assert condition_text.phrase(condition) == text
    assert condition_text.phrase(condition, negated=True) == opposite


def test_reasons_for_not_counting():
    run = ordinary()
    texts = [
        finding_text.ungated_reason(finding, run.ruling) for finding in run.findings() if not finding.gated
    ]
    because = "severity does not count, because"
    assert texts[0] == f"waived: this fail of high {because} a waiver covers it"
    below = f"below the gate: this {{}} of low {because} the gate counts medium and above"
    assert texts[1:] == [below.format("fail"), *[below.format("unknown")] * 2]
    run = lenient()
    said = {
        finding_text.ungated_reason(item, run.ruling)
        for item in run.findings()
        if not item.waived and not item.gated
    }
    assert said == {
        f"within max: this fail of medium {because} the gate lets up to 5 medium fails through",
        f"persisting: this fail of high {because} it is not new, and the gate counts new fails only",
        f"below the gate: this unknown of low {because} the gate counts medium and above",
    }


def test_the_gate_is_said_as_it_was_asked_and_what_it_lets_through_adds_up():
    run = lenient()
    assert run_text.gate(run) == {
        "fail_on": "medium",
        "on_unknown": "incomplete",
        "new_only": "true",
        "max": "medium: 5",
        "min_coverage": "99.5%",
    }
    assert run_text.gate_effect(run) == "2 fails count, 2 are within max, 1 is not new"
    assert run_text.gate_effect(ordinary()) == "3 fails count, 1 is of a lower severity"
    said = [run_text.ungated_rule_reason(run, rule_result) for rule_result in run.judged]
    assert said == ["", "the gate lets up to 5 medium fails through", "the gate counts medium and above"]


@given(
    st.lists(st.tuples(st.sampled_from(Severity), st.integers(0, 5), st.integers(0, 5)), max_size=6),
    st.builds(
        Gate,
        st.sampled_from([None, *Severity]),
        new_only=st.booleans(),
        most=st.dictionaries(st.sampled_from(Severity), st.integers(0, 8)),
    ),
)
def test_what_the_gate_counts_and_lets_through_is_every_fail(rows, gate):
    run = ordinary()
    tallies = [(item, Tally(fails + old, 0, fails + old, persisting=old)) for item, fails, old in rows]
    judged = tuple(
        RuleResult(dataclasses.replace(NO_FORCE, severity=severity), tally) for severity, tally in tallies
    )
    run = dataclasses.replace(run, judged=judged, ruling=judge(gate, tallies, Coverage(1)))
    numbers = [int(part.split()[0]) for part in run_text.gate_effect(run).split(", ")]
    assert min(numbers) >= 0
    assert sum(numbers) == run.total.fail


def test_a_rule_without_a_message_says_what_it_expected():
    some = rule(
        INTEGRITY, "a", Severity.LOW, leaf(Field("x", Type.STRING, MESSAGE.absence, True, ""), "eq", "a")
    )
    assert condition_text.expected(some) == "x is not a"
