"""The gate's truth table."""

from fractions import Fraction

import pytest

from checker.judgement.gate import Gate, SeverityTotal, judge, totals
from checker.judgement.gate_text import sentence
from checker.model import Coverage, Outcome, Severity, Tally, UnreadableSet, Verdict

ALL_READ = Coverage(expected=10)
CRITICAL, HIGH, LOW = Severity.CRITICAL, Severity.HIGH, Severity.LOW


def tally(*, unknown_waived=0, persisting=0, **counts):
    total = sum(counts.values())
    return Tally(subjects=total, **counts, unknown_waived=unknown_waived, persisting=persisting)


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
    assert judge(gate, tallies, coverage).outcome is outcome


def test_an_interrupted_run_is_never_passed():
    assert judge(Gate(None), [], ALL_READ, interrupted=True).outcome is Outcome.INCOMPLETE


def test_a_waived_fail_is_not_counted():
    ruling = judge(Gate(), [(LOW, tally(fail=1, waived=1))], ALL_READ)
    assert ruling.counts(Verdict.FAIL, LOW)
    assert not ruling.counts(Verdict.FAIL, LOW, waived=True)


def test_an_ignored_unknown_is_not_counted_and_a_pass_never_is():
    tallies = [(Severity.CRITICAL, tally(passed=1, unknown=1))]
    assert not judge(Gate(LOW, "ignore"), tallies, ALL_READ).counts(Verdict.UNKNOWN, Severity.CRITICAL)
    ruling = judge(Gate(), tallies, ALL_READ)
    assert ruling.counts(Verdict.UNKNOWN, Severity.CRITICAL)
    assert not ruling.counts(Verdict.PASS, Severity.CRITICAL)
    assert not ruling.counts(Verdict.NOT_APPLICABLE, Severity.CRITICAL)


MEDIUM = Severity.MEDIUM


@pytest.mark.parametrize(
    ("gate", "tallies", "outcome"),
    [
        # a maximum lets so many fails through, and then none
        (Gate(LOW, most={MEDIUM: 2}), [(MEDIUM, tally(fail=2))], Outcome.PASSED),
        (Gate(LOW, most={MEDIUM: 2}), [(MEDIUM, tally(fail=3))], Outcome.VIOLATION),
        # over all rules of the severity together
        (Gate(LOW, most={MEDIUM: 2}), [(MEDIUM, tally(fail=2)), (MEDIUM, tally(fail=1))], Outcome.VIOLATION),
        # waived ones are not of the number
        (Gate(LOW, most={MEDIUM: 2}), [(MEDIUM, tally(fail=2, waived=9))], Outcome.PASSED),
        # a severity below fail_on can have one too
        (Gate(HIGH, most={LOW: 0}), [(LOW, tally(fail=1))], Outcome.VIOLATION),
        (Gate(None, most={LOW: 1}), [(LOW, tally(fail=2))], Outcome.VIOLATION),
        # others go by fail_on
        (Gate(LOW, most={MEDIUM: 2}), [(HIGH, tally(fail=1))], Outcome.VIOLATION),
        # unknowns leave it undecided only where they could exceed it
        (Gate(LOW, most={MEDIUM: 5}), [(MEDIUM, tally(fail=2, unknown=3))], Outcome.PASSED),
        (Gate(LOW, most={MEDIUM: 5}), [(MEDIUM, tally(fail=2, unknown=4))], Outcome.INCOMPLETE),
        (Gate(LOW, "violation", most={MEDIUM: 5}), [(MEDIUM, tally(unknown=6))], Outcome.VIOLATION),
        # what is not new is let go, an unknown never is: it may hide a new fail
        (Gate(new_only=True), [(LOW, tally(fail=3, persisting=3))], Outcome.PASSED),
        (Gate(new_only=True), [(LOW, tally(fail=3, persisting=2))], Outcome.VIOLATION),
        (Gate(new_only=True), [(LOW, tally(fail=3, persisting=3, unknown=1))], Outcome.INCOMPLETE),
        (Gate(new_only=False), [(LOW, tally(fail=3, persisting=3))], Outcome.VIOLATION),
        (Gate(new_only=True, most={LOW: 1}), [(LOW, tally(fail=4, persisting=3))], Outcome.PASSED),
        # a waived unknown does not count, another one does
        (Gate(), [(LOW, tally(passed=1, unknown=2, unknown_waived=2))], Outcome.PASSED),
        (Gate(), [(LOW, tally(passed=1, unknown=2, unknown_waived=1))], Outcome.INCOMPLETE),
    ],
)
def test_what_the_gate_lets_through_follows_the_table(gate, tallies, outcome):
    assert judge(gate, tallies, ALL_READ).outcome is outcome


@pytest.mark.parametrize(
    ("unreadable", "outcome"), [(0, Outcome.PASSED), (1, Outcome.PASSED), (2, Outcome.INCOMPLETE)]
)
def test_a_coverage_below_the_least_is_incomplete(unreadable, outcome):
    gate = Gate(None, "ignore", min_coverage=Fraction(99, 100))
    assert judge(gate, [], Coverage(100, unreadable=unreadable)).outcome is outcome


ONE = Coverage(3, unreadable=1)
PASSES = [(HIGH, tally(passed=3))]


@pytest.mark.parametrize(
    ("gate", "tallies", "one", "outcome", "number"),
    [
        # no rule is unknown to it: it is an unknown of its own, whatever the gate says of severities
        (Gate(), PASSES, UnreadableSet(), Outcome.INCOMPLETE, 1),
        (Gate(CRITICAL), PASSES, UnreadableSet(), Outcome.INCOMPLETE, 1),
        (Gate(None), PASSES, UnreadableSet(), Outcome.INCOMPLETE, 1),
        (Gate(new_only=True, most={HIGH: 9}), PASSES, UnreadableSet(), Outcome.INCOMPLETE, 1),
        # on_unknown says what an unknown is
        (Gate(LOW, "ignore"), PASSES, UnreadableSet(), Outcome.PASSED, 0),
        (Gate(LOW, "violation"), PASSES, UnreadableSet(), Outcome.VIOLATION, 1),
        (Gate(LOW, "ignore", min_coverage=Fraction(9, 10)), PASSES, UnreadableSet(), Outcome.INCOMPLETE, 0),
        # an unknown that the gate counts stands for it, and no other
        (
            Gate(),
            [(HIGH, tally(passed=2, unknown=1))],
            UnreadableSet(frozenset({HIGH})),
            Outcome.INCOMPLETE,
            0,
        ),
        (
            Gate(HIGH),
            [(LOW, tally(passed=2, unknown=1))],
            UnreadableSet(frozenset({LOW})),
            Outcome.INCOMPLETE,
            1,
        ),
        (
            Gate(most={LOW: 5}),
            [(LOW, tally(unknown=1))],
            UnreadableSet(frozenset({LOW})),
            Outcome.INCOMPLETE,
            1,
        ),
        # waivers let it go where they cover all that rules say of it
        (Gate(), [(HIGH, tally(unknown=1, unknown_waived=1))], UnreadableSet(waived=True), Outcome.PASSED, 0),
        (
            Gate(HIGH),
            [(HIGH, tally(unknown=1, unknown_waived=1)), (LOW, tally(unknown=1))],
            UnreadableSet(frozenset({LOW}), waived=True),
            Outcome.INCOMPLETE,
            1,
        ),
        # a fail is a violation all the same
        (Gate(), [(HIGH, tally(passed=2, fail=1))], UnreadableSet(), Outcome.VIOLATION, 1),
    ],
)
def test_an_image_set_that_could_not_be_read_is_one_unknown(gate, tallies, one, outcome, number):
    ruling = judge(gate, tallies, ONE, {one: 1})
    assert (ruling.outcome, ruling.unread, ruling.counts_unread(one)) == (outcome, number, number == 1)


@pytest.mark.parametrize(
    ("gate", "tallies", "text"),
    [
        (Gate(), PASSES, "but not everything could be found out: 1 image set could not be read. 0 fails"),
        (
            Gate(),
            [(HIGH, tally(unknown=2))],
            "found out: 2 unknowns (high) and 1 image set could not be read. 0",
        ),
        (
            Gate(LOW, "violation"),
            [(HIGH, tally(unknown=2))],
            "Gate failed: 2 unknowns (high) at low or above and 1 image set could not be read, which count as violations",
        ),
        (Gate(LOW, "violation"), PASSES, "Gate failed: 1 image set could not be read, which count as viol"),
        (
            Gate(),
            [(HIGH, tally(fail=1))],
            "Gate failed: 1 fail (high) at low or above. 1 image set could not be read. 0",
        ),
        (
            Gate(LOW, "ignore"),
            PASSES,
            "Gate passed: no unwaived fail at low or above. 0 fails below the gate",
        ),
    ],
)
def test_the_sentence_says_that_an_image_set_could_not_be_read(gate, tallies, text):
    assert text in said(gate, tallies, ONE)


def test_what_nobody_said_anything_of_counts_by_itself():
    assert judge(Gate(), PASSES, Coverage(9, unreadable=4)).unread == 4


def test_a_finding_counts_exactly_where_the_outcome_rests_on_it():
    ruling = judge(Gate(LOW, most={MEDIUM: 2}), [(MEDIUM, tally(fail=2)), (HIGH, tally(fail=1))], ALL_READ)
    assert not ruling.counts(Verdict.FAIL, MEDIUM)
    assert ruling.counts(Verdict.FAIL, HIGH)
    ruling = judge(Gate(new_only=True), [(LOW, tally(fail=2, persisting=1))], ALL_READ)
    assert ruling.counts(Verdict.FAIL, LOW, new=True)
    assert not ruling.counts(Verdict.FAIL, LOW, new=False)
    # without a run to compare with everything is new
    assert ruling.counts(Verdict.FAIL, LOW, new=None)


def said(gate, tallies, coverage, unread=None):
    return sentence(judge(gate, tallies, coverage, unread), tallies, coverage)


def test_no_fail_is_called_new_where_no_run_is_compared_with():
    gate = Gate(HIGH, new_only=True)
    for tallies in ([(HIGH, tally(fail=3))], [(HIGH, tally(passed=3))], [(HIGH, tally(unknown=1, passed=2))]):
        text = sentence(judge(gate, tallies, ALL_READ), tallies, ALL_READ, compared=False)
        assert text == said(Gate(HIGH), tallies, ALL_READ)
        assert "new" not in text


def test_the_sentence_says_what_was_decided_and_what_was_not():
    tallies = [(HIGH, tally(passed=812)), (LOW, tally(passed=771, fail=37, waived=4))]
    assert said(Gate(HIGH), tallies, Coverage(812)) == (
        "Gate passed: no unwaived fail at high or above. 37 fails (low) below the gate, 4 waived (low), 0 unknown; "
        "812 of 812 listed image sets read."
    )


def test_the_sentence_counts_everything_that_the_gate_let_through():
    tallies = [
        (HIGH, tally(passed=1, fail=4, persisting=3)),
        (MEDIUM, tally(passed=1, fail=2, unknown=3, unknown_waived=2)),
        (LOW, tally(fail=6)),
    ]
    gate = Gate(MEDIUM, new_only=True, most={MEDIUM: 20, HIGH: 0})
    assert said(gate, tallies, Coverage(17)) == (
        "Gate failed: 1 new fail (high) at medium or above, or beyond max (medium 20, high 0). "
        "6 fails (low) below the gate, 2 within max (medium), 3 not new (high), 0 waived, 3 unknown (medium), "
        "2 of them waived; "
        "17 of 17 listed image sets read."
    )


EVERY = [
    (HIGH, tally(passed=1, fail=21, unknown=17)),
    (LOW, tally(fail=14, unknown=6)),
    (CRITICAL, tally(fail=13, unknown=2)),
    (HIGH, tally(waived=1)),
    (MEDIUM, tally(passed=2)),
]


def test_the_sentence_has_every_severity_the_gravest_first_with_what_the_gate_counts():
    unread = {UnreadableSet(frozenset({HIGH})): 2}
    assert said(Gate(HIGH), EVERY, Coverage(242, unreadable=2), unread) == (
        "Gate failed: 34 fails (critical 13, high 21) and 19 unknowns (critical 2, high 17) at high or above. "
        "14 fails (low) below the gate, 1 waived (high), 25 unknown (critical 2, high 17, low 6); "
        "240 of 242 listed image sets read."
    )


@pytest.mark.parametrize(
    ("gate", "tallies", "head"),
    [
        (Gate(), [(LOW, tally(unknown=2))], "Gate undecided: no unwaived fail at low or above, but not everything could be found out: 2 unknowns (low)."),
        (Gate(), [(LOW, tally(passed=1))], "Gate undecided: no unwaived fail at low or above, but not everything could be found out. 0 fails"),
        (Gate(LOW, "violation"), [(LOW, tally(unknown=1)), (MEDIUM, tally(unknown=1))], "Gate failed: 2 unknowns (medium 1, low 1) at low or above, which count as violations (on_unknown: violation)."),
        (Gate(LOW, "ignore"), [(LOW, tally(unknown=1, fail=1))], "Gate failed: 1 fail (low) at low or above. 0 fails below the gate, 0 waived, 1 unknown (low);"),
    ],
)  # fmt: skip
def test_the_first_sentence_has_the_unknowns_that_the_gate_counts(gate, tallies, head):
    assert said(gate, tallies, Coverage(3, unreadable_targets=1)).startswith(head)


def test_the_totals_are_by_severity_with_what_the_gate_counts():
    gate = Gate(HIGH, new_only=True, most={LOW: 20})
    tallies = [
        (LOW, tally(fail=3)),
        (HIGH, tally(fail=4, persisting=3, waived=2)),
        (HIGH, tally(unknown=3, unknown_waived=1)),
    ]
    assert totals(judge(gate, tallies, ALL_READ), tallies) == (
        SeverityTotal(HIGH, fail=4, unknown=3, waived=2, gated_fail=1, gated_unknown=2),
        SeverityTotal(LOW, fail=3, unknown=0, waived=0, gated_fail=0, gated_unknown=0),
    )


def test_the_sentence_says_when_no_rule_applied():
    text = said(Gate(), [(LOW, tally(not_applicable=3))], Coverage(3))
    assert "No rule applied to any image set." in text


def test_the_sentence_says_when_too_few_image_sets_were_read():
    gate = Gate(None, "ignore", min_coverage=Fraction(995, 1000))
    text = said(gate, [(LOW, tally(passed=9))], Coverage(10, unreadable=1))
    assert "Fewer image sets were read than min_coverage: 99.5% asks for." in text


BROKEN_OFF = Coverage(53, unreadable_targets=1, unlisted_targets=1)


def test_the_sentence_does_not_say_of_how_many_where_that_is_not_known():
    text = said(Gate(), [(LOW, tally(passed=53, unknown=1))], BROKEN_OFF)
    assert text.endswith("; 53 image sets read; of 1 target it is not known which image sets there are.")
    some = Coverage(53, unreadable=2, unreadable_targets=3, unlisted_targets=2)
    text = said(Gate(), [(LOW, tally(passed=51, unknown=4))], some)
    assert text.endswith(
        "; 51 image sets read, 2 not; of 2 targets it is not known which image sets there are."
    )
    nothing = Coverage(unreadable_targets=1, unlisted_targets=1)
    assert "needed" not in said(Gate(), [(LOW, tally(passed=1, unknown=1))], nothing)


def test_no_share_of_image_sets_is_read_where_it_is_not_known_how_many_there_are():
    gate = Gate(None, "ignore", min_coverage=Fraction(1, 2))
    tallies = [(LOW, tally(passed=53))]
    ruling = judge(gate, tallies, BROKEN_OFF)
    assert (ruling.uncovered, ruling.outcome) == (True, Outcome.INCOMPLETE)
    assert "so min_coverage: 50% is not shown to be met" in sentence(ruling, tallies, BROKEN_OFF)
    assert judge(gate, tallies, Coverage(53), interrupted=True).uncovered
    assert not judge(gate, tallies, Coverage(53)).uncovered


def test_the_sentence_of_a_run_that_was_stopped_does_not_say_of_how_many():
    tallies = [(LOW, tally(passed=5))]
    ruling = judge(Gate(), tallies, Coverage(5), interrupted=True)
    assert sentence(ruling, tallies, Coverage(5)).endswith("; 5 image sets read before the run was stopped.")


@pytest.mark.parametrize("gate", [Gate(), Gate(None), Gate(new_only=True), Gate(LOW, "violation")])
@pytest.mark.parametrize("counts", [{"fail": 1}, {"unknown": 1}, {"passed": 1}])
def test_no_sentence_speaks_of_compliance(gate, counts):
    assert "complian" not in said(gate, [(LOW, tally(**counts))], Coverage(3)).lower()


def test_the_sentence_of_a_run_that_needed_no_image_set():
    assert said(Gate(), [(HIGH, tally(passed=2))], Coverage()).endswith(
        "0 unknown; no image set was asked for, since no rule needs one."
    )
    nothing = said(Gate(), [(HIGH, tally(unknown=2))], Coverage())
    assert nothing.startswith("Gate undecided: nothing was evaluated.")
    assert nothing.endswith("0 of 0 listed image sets read.")
    assert "No rule applied to anything." in said(Gate(), [(HIGH, tally(not_applicable=1))], Coverage())
