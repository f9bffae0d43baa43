"""Values of instants, integers and durations on both sides of whatever they are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from itertools import combinations

from checker.fields import NOW
from checker.instants import DAY, LAST_MS, LONGEST_MILLISECONDS, from_epoch_ms, round_ms
from checker.model import Duration, Field, Scalar, Type
from checker.policy.literals import comparable
from checker.policy.operators import OPERATORS
from checker.policytest.bound_closure import Edge, InstantSums, close_bounds, instants
from checker.policytest.comparisons import Comparison, Domain, FieldGroup
from checker.values import INTEGERS

MOST_DAYS = 40
MOST_LINKED = 3
"""Fields compared with each other of which every combination is still tried."""
_SAMPLES = (Duration(0, 30 * DAY), Duration(84))


def durations(known: Field, group: FieldGroup) -> Domain:
    """The durations on both sides of each constant that a field is compared with, and longer ones."""
    constants = [
        comparison.value for comparison in group.comparisons if isinstance(comparison.value, Duration)
    ]
    values: list[Duration] = list(dict.fromkeys(constants))
    bounds = {int(comparable(constant)) for constant in constants}
    reach = len(group.fields)
    beside = {bound + by for bound in bounds for by in range(-reach, reach + 1)} - bounds
    top = max(bounds, default=30 * DAY)
    beside |= {top + (number + 1) * DAY for number in range(reach)}
    values += [Duration(0, item) for item in sorted(beside) if 0 <= item <= LONGEST_MILLISECONDS]
    return Domain(known, tuple(values), every=True)


class _Order:
    """The comparisons of instants, or of integers, as bounds of fields and as edges between fields."""

    def __init__(self, group: FieldGroup, kind: Type, now: int, sums: InstantSums) -> None:
        self.kind = kind
        self.now = now
        self.sums = sums
        self.bounds: dict[str, set[int]] = {}
        self.edges: list[Edge] = []
        self.lengths: list[Duration] = []
        self.absolute = self.relative = self.free = self.beyond = False
        for comparison in group.comparisons:
            if comparison.operand.left.type is kind:
                self._add(comparison)

    def _add(self, comparison: Comparison) -> None:
        left, right, value = comparison.operand.left, comparison.operand.right, comparison.value
        if right is None and OPERATORS[comparison.operator].takes != "age":
            if isinstance(value, datetime | int):
                self.absolute = True
                at = round_ms(value) if isinstance(value, datetime) else value
                self._bound(left, {at - 1, at, at + 1})
            elif isinstance(value, Field):
                self._between(left, value, Duration())
            return
        self.free |= isinstance(value, Field)
        for length in self._lengths(value):
            # two instants may never be so far apart, whatever the day: nothing is beside it
            if right is None or NOW in (left, right) or self._reaches(length):
                self.lengths.append(length)
                self._between(*((NOW, left) if right is None else (left, right)), length)

    def _lengths(self, value: object) -> tuple[Duration, ...]:
        """How far apart two values are compared to be."""
        if isinstance(value, int):
            return (Duration(0, value),)
        if isinstance(value, Duration):
            return (value,)
        return _SAMPLES if self.kind is Type.TIME else ()

    def _reaches(self, length: Duration) -> bool:
        return self.kind is Type.INTEGER or self.sums.reaches(length)

    def _between(self, x: Field, y: Field, length: Duration) -> None:
        """`x` compared with `y` plus a length."""
        if x == NOW and y == NOW:
            return
        if NOW not in (x, y):
            self.edges.append(
                Edge(
                    x.path,
                    y.path,
                    partial(self._plus, length),
                    partial(self._minus, length),
                    calendar=bool(length.months),
                )
            )
            return
        self.relative = True
        if x == NOW:
            found = self.sums.beside([self.now], length)
        else:
            (later,) = self.sums.later([self.now], length)
            found = {later - 1, later, later + 1}
        # what no instant meets now one may meet in a run of another day
        self.beyond |= len(instants(found)) < len(found) and self.sums.reaches(length)
        self._bound(y if x == NOW else x, found)

    def _plus(self, length: Duration, values: Iterable[int]) -> set[int]:
        return set(self.sums.later(self.possible(values), length))

    def _minus(self, length: Duration, values: Iterable[int]) -> set[int]:
        return self.sums.beside(self.possible(values), length, after=False)

    def possible(self, values: Iterable[int]) -> Iterable[int]:
        """Those of the values that there can be."""
        return instants(values) if self.kind is Type.TIME else values

    def _bound(self, known: Field, found: set[int]) -> None:
        if known == NOW:
            self.absolute = self.relative = True
        else:
            self.bounds.setdefault(known.path, set()).update(found)

    def every(self, fields: int) -> bool:
        """Whether nothing hangs on the day of the run, on how long months are, or on more than can be followed."""
        if self.free or self.beyond or fields > MOST_LINKED or (self.absolute and self.relative):
            return False
        different = list(dict.fromkeys(self.lengths))
        if not any(length.months for length in different):
            return True
        if self.edges:
            return self.days() is not None
        # with one order on each day every day shows all that there is
        lengths = self.sums.lengths(different)
        return len({tuple((a > b) - (a < b) for a, b in combinations(day, 2)) for day in lengths}) == 1

    def days(self) -> list[int] | None:
        """Days from which the durations between two fields are as long, beside each other, as they can ever be; None
        where more than those two hang together, or anything else on them."""
        pairs = {(edge.x, edge.y) for edge in self.edges if edge.calendar}
        linked = {frozenset((edge.x, edge.y)) for edge in self.edges}
        if len(pairs) != 1 or len(linked) != 1 or self.bounds or self.absolute or self.relative:
            return None
        lengths = self.sums.lengths(list(dict.fromkeys(self.lengths)))
        days = list(lengths.values())
        longest = max(max(length) for length in lengths)
        return days if len(days) <= MOST_DAYS and max(days) + longest < LAST_MS else None

    def top(self, group: FieldGroup, fields: int) -> int:
        """A value above all that any field may have to be, or the last instant that there is."""
        if self.kind is Type.INTEGER:
            numbers = [item.value if isinstance(item.value, int) else 0 for item in group.comparisons]
            return 1 + sum(abs(number) + 2 for number in numbers)
        longest = sum(self.sums.later([0], length)[0] for length in self.lengths)
        bounds = [bound for several in self.bounds.values() for bound in several]
        return min(max([self.now, *bounds]) + longest * max(fields, 1) + 365 * DAY, LAST_MS)


def ordered(group: FieldGroup, kind: Type, as_of: datetime, sums: InstantSums) -> list[Domain]:
    """The domains of fields that are instants, or integers, and of what hangs together with them."""
    order = _Order(group, kind, round_ms(as_of), sums)
    known = [item for item in group.fields if item.type is kind]
    bounds, every = order.bounds, order.every(len(known))
    rounds = min(len(group.fields), MOST_LINKED) if len(group.fields) > 1 else 0
    top = order.top(group, len(known))
    if every and (days := order.days()):
        bounds, rounds = {next(edge.y for edge in order.edges if edge.calendar): set(days)}, 1
    found = close_bounds([item.path for item in known], bounds, order.edges, top, rounds=rounds)
    every = every and found.every
    made = [Domain(item, _typed(item, found.values[item.path]), every) for item in known]
    for item in group.fields:
        if item.type is Type.DURATION:
            lengths = dict.fromkeys((*_SAMPLES, *durations(item, group).values))
            made.append(Domain(item, tuple(lengths), every=False))
        elif item.type is not kind:
            made.append(Domain(item, (True, False) if item.type is Type.BOOLEAN else ("~",), every=False))
    return made


def _typed(known: Field, values: Iterable[int]) -> tuple[Scalar, ...]:
    if known.type is Type.TIME:
        return tuple(map(from_epoch_ms, instants(values)))
    least = 1 if known.path.endswith("versionId") else INTEGERS.start
    return tuple(value for value in sorted(values) if least <= value < INTEGERS.stop)
