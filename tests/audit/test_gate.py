"""The gate's truth table."""

import pytest

from checker.audit.gate import Gate, judge, sentence
from checker.model import Coverage, Outcome, Severity, Tally, Verdict

ALL_READ = Coverage(expected=10)
HIGH, LOW = Severity.HIGH, Severity.LOW


def tally(**counts):
    return Tally(subjects=sum(counts.values()), **counts)


@pytest.mark.parametrize(
    ("gate", "tallies", "coverage", "outcome"),
    [
        (Gate(), [(LOW, tally(passed=10))], ALL_READ, Outcome.PASSED),
        (Gate(), [(LOW, tally(not_applicable=10))], ALL_READ, Outcome.PASSED),
        (Gate(), [(LOW, tally(passed=9, fail=1))], ALL_READ, Outcome.VIOLATION),
        (Gate(), [(LOW, tally(passed=9, waived=1))], ALL_READ, Outcome.PASSED),
        (Gate(HIGH), [(LOW, tally(passed=9, fail=1))], ALL_READ, Outcome.PASSED),
        (Gate(HIGH), [(HIGH, tally(passed=9, fail=1))], ALL_READ, Outcome.VIOLATION),
        (Gate(None), [(Severity.CRITICAL, tally(fail=10))], ALL_READ, Outcome.PASSED),
        (Gate(), [(LOW, tally(passed=9, unknown=1))], ALL_READ, Outcome.INCOMPLETE),
        (Gate(HIGH), [(LOW, tally(passed=9, unknown=1))], ALL_READ, Outcome.PASSED),
        (Gate(), [(LOW, tally(fail=1, unknown=9))], ALL_READ, Outcome.VIOLATION),
        (Gate(LOW, "violation"), [(LOW, tally(passed=9, unknown=1))], ALL_READ, Outcome.VIOLATION),
        (Gate(LOW, "ignore"), [(LOW, tally(passed=9, unknown=1))], ALL_READ, Outcome.PASSED),
        (Gate(), [(LOW, tally())], Coverage(), Outcome.INCOMPLETE),
        (Gate(None), [(LOW, tally())], Coverage(), Outcome.INCOMPLETE),
        (Gate(), [], ALL_READ, Outcome.PASSED),
        (Gate(None, "ignore"), [], Coverage(10, unreadable=10, unreadable_targets=1), Outcome.INCOMPLETE),
        (Gate(None, "ignore"), [], Coverage(10, unreadable=5, unreadable_targets=1), Outcome.INCOMPLETE),
        (Gate(None, "ignore"), [], Coverage(10, unreadable=5), Outcome.PASSED),
        # rules on data stores alone need no image set
        (Gate(), [(LOW, tally(passed=1))], Coverage(), Outcome.PASSED),
        (Gate(), [(LOW, tally(not_applicable=1))], Coverage(), Outcome.PASSED),
        (Gate(), [(LOW, tally(fail=1))], Coverage(), Outcome.VIOLATION),
        (Gate(LOW, "ignore"), [(LOW, tally(unknown=1))], Coverage(), Outcome.INCOMPLETE),
        (Gate(), [(LOW, tally(passed=1))], Coverage(unreadable_targets=1), Outcome.INCOMPLETE),
    ],
)
def test_the_outcome_follows_the_table(gate, tallies, coverage, outcome):
    assert judge(gate, tallies, coverage) is outcome


def test_an_interrupted_run_is_never_passed():
    assert judge(Gate(None), [], ALL_READ, interrupted=True) is Outcome.INCOMPLETE


def test_a_waived_fail_is_not_counted():
    assert Gate().counts(Verdict.FAIL, LOW)
    assert not Gate().counts(Verdict.FAIL, LOW, waived=True)


def test_an_ignored_unknown_is_not_counted_and_a_pass_never_is():
    assert not Gate(LOW, "ignore").counts(Verdict.UNKNOWN, Severity.CRITICAL)
    assert not Gate().counts(Verdict.PASS, Severity.CRITICAL)
    assert not Gate().counts(Verdict.NOT_APPLICABLE, Severity.CRITICAL)


def test_the_sentence_says_what_was_decided_and_what_was_not():
    tallies = [(HIGH, tally(passed=812)), (LOW, tally(passed=771, fail=37, waived=4))]
    gate = Gate(HIGH)
    assert sentence(gate, Outcome.PASSED, tallies, Coverage(812)) == (
        "Gate passed: no unwaived fail at high or above. 37 fails below the gate, 4 waived, 0 unknown; "
        "812 of 812 listed image sets read."
    )


def test_the_sentence_says_when_no_rule_applied():
    text = sentence(Gate(), Outcome.PASSED, [(LOW, tally(not_applicable=3))], Coverage(3))
    assert "No rule applied to any image set." in text


@pytest.mark.parametrize("outcome", list(Outcome))
def test_no_sentence_speaks_of_compliance(outcome):
    text = sentence(Gate(), outcome, [(LOW, tally(passed=1, fail=1, unknown=1))], Coverage(3))
    assert "complian" not in text.lower()


def test_the_sentence_of_a_run_that_needed_no_image_set():
    tallies = [(HIGH, tally(passed=2))]
    said = sentence(Gate(), Outcome.PASSED, tallies, Coverage())
    assert said.endswith("0 unknown; no image set was needed.")
    nothing = [(HIGH, tally(unknown=2))]
    said = sentence(Gate(), Outcome.INCOMPLETE, nothing, Coverage())
    assert said.startswith("Gate undecided: nothing was evaluated.")
    assert said.endswith("0 of 0 listed image sets read.")
    said = sentence(Gate(), Outcome.PASSED, [(HIGH, tally(not_applicable=1))], Coverage())
    assert "No rule applied to anything." in said
