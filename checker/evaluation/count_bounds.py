"""Decides a comparison with a count or a share of which some image sets are undecided: true or false where every
outcome of theirs agrees, else unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from checker.model import Aggregate, Test
from checker.policy.operators import BARE, OPERATORS, holds


@dataclass(frozen=True, slots=True)
class TruthCounts:
    """How many image sets of a store are which: the first letter is whether `among` holds of them, the second whether
    `of` does: t true, f false, u unknown. Those of which `among` is false do not matter.
    """

    tt: int = 0
    tf: int = 0
    tu: int = 0
    ut: int = 0
    uf: int = 0
    uu: int = 0

    @property
    def surely(self) -> int:
        """Image sets that are among the others for sure."""
        return self.tt + self.tf + self.tu

    @property
    def undecided(self) -> int:
        """Image sets that could change the number."""
        return self.tu + self.ut + self.uf + self.uu


def decide(aggregate: Aggregate, counts: TruthCounts) -> bool | None:
    """Whether the aggregate's tests hold: None where outcomes of the undecided image sets disagree."""
    truths = [_test(aggregate, test, counts) for test in aggregate.tests]
    return False if False in truths else None if None in truths else True


def _test(aggregate: Aggregate, test: Test, counts: TruthCounts) -> bool | None:
    if aggregate.kind == "count":
        return _counted(test, counts)
    may_be_empty, may_be_more = counts.surely == 0, counts.surely + counts.undecided > 0
    asks = OPERATORS[test.operator].takes == "flag"
    absent = not test.value if asks else None
    if aggregate.if_absent is not None:  # in place of the whole matcher, of `exists` too
        absent = {"match": True, "no_match": False, "unknown": None}[aggregate.if_absent]
    if not may_be_more:
        return absent
    present = bool(test.value) if asks else _share(test, counts)
    return present if not may_be_empty or present == absent else None


def _counted(test: Test, counts: TruthCounts) -> bool | None:
    low, high = counts.tt, counts.tt + counts.tu
    if negated := OPERATORS[test.operator].negates:
        truth = _counted(Test(negated, test.value), counts)
        return None if truth is None else not truth
    if _equal(test):
        hits = sum(low <= value <= high for value in set(_values(test)))
        return True if hits == high - low + 1 else None if hits else False
    return _ordered(test, low, high)


def _share(test: Test, counts: TruthCounts) -> bool | None:
    """A test of a ratio that is over at least one image set."""
    if negated := OPERATORS[test.operator].negates:
        truth = _share(Test(negated, test.value), counts)
        return None if truth is None else not truth
    low, high = _lowest(counts), _highest(counts)
    if _equal(test):
        wanted = set(_values(test))
        if {low, high} <= wanted and (low == high or all(share in wanted for share in _shares(counts))):
            return True
        return None if any(_may_lie(counts, value, value) for value in wanted) else False
    if OPERATORS[test.operator].takes == "pair" and not _may_lie(counts, *_values(test)):
        return False
    return _ordered(test, low, high)


def _ordered(test: Test, low: Fraction | int, high: Fraction | int) -> bool | None:
    """A test of a number that is somewhere from low to high, both of which it can be."""
    known, values = OPERATORS[test.operator], _values(test)
    at_low, at_high = holds(known.name, low, _wanted(test)), holds(known.name, high, _wanted(test))
    if at_low and at_high:
        # what holds at both ends holds between them, but for an operator that is no question of order
        return True if low == high or known.takes == "pair" or known.side else None
    if at_low or at_high:
        return None
    if known.takes == "pair":
        return False if high < values[0] or low > values[1] else None
    return False if low == high or known.side else None


def _equal(test: Test) -> bool:
    """Whether a test asks for one of its values."""
    return BARE in (test.operator, *OPERATORS[test.operator].parts)


def _wanted(test: Test) -> object:
    return tuple(_values(test)) if isinstance(test.value, tuple) else test.value


def _values(test: Test) -> list[Fraction | int]:
    return list(test.value) if isinstance(test.value, tuple) else [test.value]  # type: ignore[arg-type, list-item]


def _lowest(counts: TruthCounts) -> Fraction:
    others = counts.surely + counts.uf + counts.uu
    # where only sets that would count may be among them, the share is of those
    return Fraction(counts.tt, others) if others else Fraction(1)


def _highest(counts: TruthCounts) -> Fraction:
    others = counts.surely + counts.ut + counts.uu
    return Fraction(others - counts.tf, others) if others else Fraction(0)


def _outcomes(counts: TruthCounts) -> Iterator[tuple[int, int, int]]:
    """For each number of image sets, at least one, that may be among the others: it, and from how many to how many of
    them may count."""
    most = counts.surely + counts.ut + counts.uf + counts.uu
    for others in range(max(1, counts.surely), most + 1):
        joined = others - counts.surely
        least = counts.tt + max(0, joined - counts.uf - counts.uu)
        yield others, least, counts.tt + counts.tu + min(counts.ut + counts.uu, joined)


def _shares(counts: TruthCounts) -> Iterator[Fraction]:
    """Every share that there may be, some more than once."""
    for others, least, most in _outcomes(counts):
        yield from (Fraction(matched, others) for matched in range(least, most + 1))


def _may_lie(counts: TruthCounts, low: Fraction | int, high: Fraction | int) -> bool:
    """Whether some outcome is a share from low to high, both included."""
    return any(
        max(least, ceil(low * others)) <= min(most, floor(high * others))
        for others, least, most in _outcomes(counts)
    )
