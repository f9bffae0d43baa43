"""Comparisons of counts and shares, against every outcome that the undecided image sets could have."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.evaluation.count_bounds import TruthCounts, decide
from checker.model import Aggregate, Test

COMPARISONS = {
    "eq": lambda number, value: number == value,
    "ne": lambda number, value: number != value,
    "in": lambda number, values: number in values,
    "not_in": lambda number, values: number not in values,
    "lt": lambda number, value: number < value,
    "lte": lambda number, value: number <= value,
    "gt": lambda number, value: number > value,
    "gte": lambda number, value: number >= value,
    "between": lambda number, ends: ends[0] <= number <= ends[1],
}
INTEGERS = st.integers(0, 12)
RATIOS = st.sampled_from([Fraction(part, whole) for whole in range(1, 7) for part in range(whole + 1)])
FEW = st.integers(0, 3)

# what an image set of each kind may add: (to those that match, to those that they are a share of)
MAY_ADD = {
    "tt": [(1, 1)],
    "tf": [(0, 1)],
    "tu": [(0, 1), (1, 1)],
    "ut": [(1, 1), (0, 0)],
    "uf": [(0, 1), (0, 0)],
    "uu": [(0, 0), (0, 1), (1, 1)],
}


@st.composite
def comparisons(draw, numbers, operators):
    operator = draw(st.sampled_from(operators))
    if operator in ("in", "not_in"):
        return Test(operator, tuple(draw(st.lists(numbers, min_size=1, max_size=4))))
    if operator == "between":
        return Test(operator, tuple(sorted(draw(st.tuples(numbers, numbers)))))
    return Test(operator, draw(st.booleans() if operator == "exists" else numbers))


def outcomes(counts):
    """Every pair of numbers that the image sets could come to."""
    found = {(0, 0)}
    for kind, options in MAY_ADD.items():
        for _ in range(getattr(counts, kind)):
            found = {(match + more, among + item) for match, among in found for more, item in options}
    return found


def agreed(truths):
    """The truth that all outcomes have; None where they differ."""
    return truths.pop() if len(truths) == 1 else None


@settings(max_examples=600, deadline=None, derandomize=True, database=None)
@given(st.builds(TruthCounts, FEW, FEW, FEW), comparisons(INTEGERS, list(COMPARISONS)))
def test_a_count_is_decided_exactly_where_every_outcome_agrees(counts, test):
    truths = {COMPARISONS[test.operator](matched, test.value) for matched, _ in outcomes(counts)}
    assert decide(Aggregate("count", None, None, (test,)), counts) == agreed(truths)


@settings(max_examples=1200, deadline=None, derandomize=True, database=None)
@given(
    st.builds(TruthCounts, FEW, FEW, FEW, FEW, FEW, FEW),
    comparisons(RATIOS, [*COMPARISONS, "exists"]),
    st.sampled_from([None, "match", "no_match", "unknown"]),
)
def test_a_share_is_decided_exactly_where_every_outcome_agrees(counts, test, if_absent):
    def truth(matched, among):
        if not among and if_absent:
            return {"match": True, "no_match": False, "unknown": None}[if_absent]
        if test.operator == "exists":
            return bool(among) == test.value
        return COMPARISONS[test.operator](Fraction(matched, among), test.value) if among else None

    truths = {truth(*outcome) for outcome in outcomes(counts)}
    assert decide(Aggregate("ratio", None, None, (test,), if_absent), counts) == agreed(truths)


@pytest.mark.parametrize(
    "counts, matcher, truth",
    [
        (TruthCounts(tt=3), (Test("gt", 2), Test("lt", 4)), True),
        (TruthCounts(tt=3, tu=1), (Test("gt", 2), Test("lt", 4)), None),
        (TruthCounts(tt=3, tu=1), (Test("gt", 4), Test("lt", 4)), False),
        (TruthCounts(), (Test("eq", 0),), True),
        (TruthCounts(tt=3, tu=1), (Test("in", (3, 4)),), True),
        (TruthCounts(tt=2, tu=2), (Test("in", (2, 4)),), None),
        (TruthCounts(tt=2, tu=2), (Test("ne", 5),), True),
    ],
)
def test_comparisons_of_one_count_are_decided_each_for_itself(counts, matcher, truth):
    assert decide(Aggregate("count", None, None, matcher), counts) == truth
