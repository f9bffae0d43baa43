"""For each field that rules read the values worth trying: beside each constant that it is compared with, and absent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import combinations
from string import ascii_lowercase, digits
from typing import Any

from checker.fields import DICOM_DAYS, NOW
from checker.instants import DAY, LAST_MS, LONGEST_MILLISECONDS, from_epoch_ms, round_ms
from checker.model import Duration, Field, Leaf, Operand, ParamRef, Scalar, Type
from checker.policy.literals import comparable
from checker.policy.operators import OPERATORS
from checker.policy.operators import Domain as Kind
from checker.policytest.bounds import Edge, Sums, closed, instants
from checker.policytest.text_values import Named, texts, words_of
from checker.values import INTEGERS

UNLISTED = "NEITHER_LISTED_NOR_KNOWN"
"""An enum's value that no model lists."""
MOST_DAYS = 40
MOST_LINKED = 3
"""Fields compared with each other of which every combination is still tried."""
_SAMPLES = (Duration(0, 30 * DAY), Duration(84))
_ID = (digits + ascii_lowercase, 32)
_WORDS = {"imageSetId": _ID, "datastoreId": _ID}
"""Fields of which any other text is refused where answers are read: the characters, and how many."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Values of a field. `every` says that they stand for all values that there can be."""

    field: Field
    values: tuple[Scalar, ...]
    every: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operator of a leaf with one of its values; `by` is the same for all values of one test."""

    operand: Operand
    operator: str
    value: Scalar | Field
    by: tuple[int, int] = (0, 0)

    @property
    def domain(self) -> Kind | None:
        """What values tell its truths apart."""
        return OPERATORS[self.operator].domain

    @property
    def whole(self) -> bool:
        """Whether its value is one that the operand may have."""
        return not OPERATORS[self.operator].of_text


@dataclass
class _Group:
    """Fields that are compared with each other."""

    fields: list[Field]
    comparisons: list[Comparison] = field(default_factory=list)


def domains(
    read: Iterable[Field],
    leaves: Iterable[Leaf],
    as_of: datetime,
    healthy: Mapping[str, Scalar],
    hints: Mapping[str, Iterable[str]],
    *,
    sums: Sums,
) -> list[Domain]:
    """A domain for each field.

    Args:
        read: the fields, and all that the leaves read.
        leaves: leaves with bound parameters.
        as_of: the instant against which ages are measured.
        healthy: the value of each field in an answer with which nothing is wrong; it comes first.
        hints: texts that tests give, by field.
        sums: adds durations to instants.
    """
    found = []
    for group in _groups(list(dict.fromkeys(read)), list(comparisons(leaves))):
        kinds = {item.type for item in group.fields}
        if kinds <= {Type.STRING, Type.ENUM}:
            made = _texts(group, hints)
        elif Type.TIME in kinds:
            made = _times(group, as_of, sums)
        elif Type.DURATION in kinds:
            made = [_durations(item, group) for item in group.fields]
        elif Type.INTEGER in kinds:
            made = _integers(group)
        else:
            made = [Domain(item, (True, False), every=True) for item in group.fields]
        # what no proof knows how to try out may hold of any other value
        examined = all(comparison.domain is not None for comparison in group.comparisons)
        found += [
            _first(_dates(replace(domain, every=domain.every and examined)), healthy) for domain in made
        ]
    return found


def _dates(domain: Domain) -> Domain:
    """A DICOM date has no time of day: the days on both sides of each value, which may not stand for all."""
    if domain.field.path not in DICOM_DAYS:
        return domain
    days = [
        value.replace(hour=0, minute=0, second=0, microsecond=0)
        for value in domain.values
        if isinstance(value, datetime)
    ]
    beside = [day + timedelta(days=1) for day in days if round_ms(day) + DAY <= LAST_MS]
    return Domain(domain.field, tuple(dict.fromkeys([*days, *beside])), every=False)


def comparisons(leaves: Iterable[Leaf]) -> Iterator[Comparison]:
    """Every comparison in leaves, `exists` left out."""
    for number, leaf in enumerate(dict.fromkeys(leaves)):
        for at, test in enumerate(leaf.tests):
            values = test.value if isinstance(test.value, tuple) else (test.value,)
            for value in values if OPERATORS[test.operator].takes != "flag" else ():
                assert not isinstance(value, ParamRef), f"${value.name} was not bound"
                yield Comparison(leaf.operand, test.operator, value, (number, at))


def _groups(read: Sequence[Field], every: Sequence[Comparison]) -> list[_Group]:
    member = {item.path: item.path for item in read}

    def root(path: str) -> str:
        while member[path] != path:
            path = member[path]
        return path

    for comparison in every:
        named = [part.path for part in _fields(comparison)]
        for path in named[1:]:
            member[root(path)] = root(named[0])
    groups: dict[str, _Group] = {}
    for known in read:
        groups.setdefault(root(known.path), _Group([])).fields.append(known)
    for comparison in every:
        parts = _fields(comparison)
        if parts:
            groups[root(parts[0].path)].comparisons.append(comparison)
    return list(groups.values())


def _fields(comparison: Comparison) -> list[Field]:
    parts = (comparison.operand.left, comparison.operand.right, comparison.value)
    return [part for part in parts if isinstance(part, Field) and part != NOW]


def _first(domain: Domain, healthy: Mapping[str, Scalar]) -> Domain:
    """The healthy value before the others, so that what differs least from a healthy answer is found."""
    usual = healthy.get(domain.field.path)
    if usual is None or (domain.field.members and usual not in domain.values):
        return domain
    return Domain(domain.field, (usual, *(value for value in domain.values if value != usual)), domain.every)


def _texts(group: _Group, hints: Mapping[str, Iterable[str]]) -> list[Domain]:
    linked = len(group.fields) > 1
    equals = [
        comparison.value
        for comparison in group.comparisons
        if comparison.whole and isinstance(comparison.value, str)
    ]
    if linked:
        equals += [member for known in group.fields for member in known.members]
    tests = [
        (comparison.domain, comparison.value)
        for comparison in group.comparisons
        if not comparison.whole and comparison.domain
    ]
    literal = [(kind, value) for kind, value in tests if isinstance(value, str)]
    every = len(literal) == len(tests) and not (linked and tests)
    every_named = tuple(dict.fromkeys(equals))
    named = Named(every_named, tuple(_unlike(group.comparisons)) if not linked and not tests else every_named)
    made = []
    for known in group.fields:
        if known.members:
            made.append(_members(known, named, merge=not linked and not tests))
            continue
        if known.path in _WORDS and not linked:
            found = words_of(*_WORDS[known.path], named, literal, 1)
        else:
            found = texts(named, literal, hints.get(known.path, ()), len(group.fields))
        made.append(Domain(known, found.values, every and found.every))
    return made


def _unlike(comparisons: Sequence[Comparison]) -> list[str]:
    """One of the texts that the same comparisons name: nothing tells them apart."""
    named: dict[str, set[object]] = {}
    for comparison in comparisons:
        if isinstance(comparison.value, str):
            named.setdefault(comparison.value, set()).add(comparison.by)
    return list({frozenset(by): text for text, by in reversed(named.items())}.values())[::-1]


def _members(known: Field, equals: Named, *, merge: bool) -> Domain:
    named = [member for member in known.members if member in equals.some]
    others = [member for member in known.members if member not in equals.every]
    # members that nothing names are all alike
    values = named + (others[:1] if merge else others)
    if not known.path.startswith("labels."):
        values.append(UNLISTED)
    return Domain(known, tuple(values), every=True)


def _durations(known: Field, group: _Group) -> Domain:
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


def _integers(group: _Group) -> list[Domain]:
    bounds: dict[str, set[int]] = {}
    edges, sizes = [], [1]
    for comparison in group.comparisons:
        left, right, value = comparison.operand.left, comparison.operand.right, comparison.value
        number = value if isinstance(value, int) else 0
        sizes.append(abs(number) + 2)
        if right is not None and isinstance(value, int):
            edges.append(_difference(left, right, number))
        elif right is None and isinstance(value, Field):
            edges.append(_difference(left, value, 0))
        elif right is None:
            bounds.setdefault(left.path, set()).update((number - 1, number, number + 1))
    three = any(len(_fields(comparison)) > 2 for comparison in group.comparisons)
    names = [known.path for known in group.fields]
    found = closed(names, bounds, edges, sum(sizes), rounds=_rounds(group))
    every = found.every and not three and len(names) <= MOST_LINKED
    made = []
    for known in group.fields:
        least = 1 if known.path.endswith("versionId") else INTEGERS.start
        kept = tuple(value for value in sorted(found.values[known.path]) if least <= value < INTEGERS.stop)
        made.append(Domain(known, kept, every))
    return made


def _difference(left: Field, right: Field, number: int) -> Edge:
    def plus(values: Iterable[int]) -> set[int]:
        return {value + number for value in values}

    def minus(values: Iterable[int]) -> set[int]:
        return {value - number - by for value in values for by in (0, 1)}

    return Edge(left.path, right.path, plus, minus)


def _rounds(group: _Group) -> int:
    return min(len(group.fields), MOST_LINKED) if len(group.fields) > 1 else 0


class _Times:
    """The comparisons of instants as bounds and edges."""

    def __init__(self, group: _Group, as_of: datetime, sums: Sums) -> None:
        self.now = round_ms(as_of)
        self.sums = sums
        self.bounds: dict[str, set[int]] = {}
        self.edges: list[Edge] = []
        self.durations: list[Duration] = []
        self.absolute = self.relative = self.free = self.beyond = False
        for comparison in group.comparisons:
            self.add(comparison)

    def add(self, comparison: Comparison) -> None:
        left, right, value = comparison.operand.left, comparison.operand.right, comparison.value
        if left.type is not Type.TIME:
            return
        if right is None and OPERATORS[comparison.operator].takes != "age":
            if isinstance(value, datetime):
                self.absolute = True
                at = round_ms(value)
                self.bound(left, {at - 1, at, at + 1})
            elif isinstance(value, Field):
                self.between(left, value, Duration())
            return
        lengths = (value,) if isinstance(value, Duration) else _SAMPLES
        self.free |= isinstance(value, Field)
        for length in lengths:
            if right is not None and NOW not in (left, right) and not self.sums.reaches(length):
                continue  # no two instants are so far apart, whatever the day: nothing is beside it
            self.durations.append(length)
            if right is None:
                self.between(NOW, left, length)
            else:
                self.between(left, right, length)

    def between(self, x: Field, y: Field, length: Duration) -> None:
        """`x` compared with `y` plus a duration."""
        if x == NOW and y == NOW:
            return
        if NOW not in (x, y):
            plus, minus = partial(_later, self.sums, length), partial(_earlier, self.sums, length)
            self.edges.append(Edge(x.path, y.path, plus, minus, calendar=bool(length.months)))
            return
        self.relative = True
        if x == NOW:
            found = self.sums.beside([self.now], length)
        else:
            (later,) = self.sums.later([self.now], length)
            found = {later - 1, later, later + 1}
        # what no instant meets now one may meet in a run of another day
        self.beyond |= len(instants(found)) < len(found) and self.sums.reaches(length)
        self.bound(y if x == NOW else x, found)

    def bound(self, known: Field, found: set[int]) -> None:
        if known == NOW:
            self.absolute = self.relative = True
        else:
            self.bounds.setdefault(known.path, set()).update(found)

    def every(self, fields: int) -> bool:
        """Whether nothing hangs on the day of the run, on how long months are, or on more than can be followed."""
        if self.free or self.beyond or fields > MOST_LINKED or (self.absolute and self.relative):
            return False
        different = list(dict.fromkeys(self.durations))
        if not any(length.months for length in different):
            return True
        if self.edges:
            return self.days() is not None
        # with one order on each day every day shows all that there is
        lengths = self.sums.lengths(different)
        return len({tuple(_sign(a - b) for a, b in combinations(length, 2)) for length in lengths}) == 1

    def days(self) -> list[int] | None:
        """Days from which the durations between two fields are as long, beside each other, as they can ever be; None
        where more than those two hang together, or anything else on them."""
        pairs = {(edge.x, edge.y) for edge in self.edges if edge.calendar}
        linked = {frozenset((edge.x, edge.y)) for edge in self.edges}
        if len(pairs) != 1 or len(linked) != 1 or self.bounds or self.absolute or self.relative:
            return None
        lengths = self.sums.lengths(list(dict.fromkeys(self.durations)))
        days = list(lengths.values())
        longest = max(max(length) for length in lengths)
        return days if len(days) <= MOST_DAYS and max(days) + longest < LAST_MS else None


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _later(sums: Sums, length: Duration, values: Iterable[int]) -> set[int]:
    return set(sums.later(instants(values), length))


def _earlier(sums: Sums, length: Duration, values: Iterable[int]) -> set[int]:
    return sums.beside(instants(values), length, after=False)


def _times(group: _Group, as_of: datetime, sums: Sums) -> list[Domain]:
    found = _Times(group, as_of, sums)
    known = [item for item in group.fields if item.type is Type.TIME]
    longest = sum(sums.later([0], length)[0] for length in found.durations)
    bounds = [bound for several in found.bounds.values() for bound in several]
    # above all that any field may have to be, or the last instant that there is
    top = min(max([found.now, *bounds]) + longest * max(len(known), 1) + 365 * DAY, LAST_MS)
    every = found.every(len(known))
    rounds = _rounds(group)
    if every and (days := found.days()):
        start = next(edge.y for edge in found.edges if edge.calendar)
        found.bounds, rounds = {start: set(days)}, 1
    values = closed([item.path for item in known], found.bounds, found.edges, top, rounds=rounds)
    every = every and values.every
    made = [
        Domain(item, tuple(map(from_epoch_ms, instants(values.values[item.path]))), every) for item in known
    ]
    for item in group.fields:
        if item.type is Type.DURATION:
            lengths = dict.fromkeys((*_SAMPLES, *_durations(item, group).values))
            made.append(Domain(item, tuple(lengths), every=False))
        elif item.type is not Type.TIME:
            made.append(Domain(item, _other(item), every=False))
    return made


def _other(known: Field) -> tuple[Any, ...]:
    return (True, False) if known.type is Type.BOOLEAN else ("~",)
