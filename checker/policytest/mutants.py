"""Mutants of a rule: the rule with one operator, constant or connective changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar, get_args

from checker.model import (
    Aggregate,
    Condition,
    Field,
    Group,
    IfAbsent,
    Leaf,
    Location,
    ParamRef,
    Rule,
    Scalar,
    Test,
    Value,
)
from checker.policy.condition_tree import walk
from checker.policy.operators import OPERATORS
from checker.policy.params import Bound, bind
from checker.policy.rule_text import value_text
from checker.policytest.value_mutations import Step, other_operators, steps
from checker.problems import InvalidInputError

T = TypeVar("T")
Other = TypeVar("Other")

_FRESH = " moved"
"""No author's parameter has a name like it."""
_ALL: tuple[Literal["all"], ...] = ("all",)
_CONNECTIVES: dict[str, tuple[Literal["all", "any", "none"], ...]] = {
    "all": ("any",),
    "any": _ALL,
    "none": ("all", "any"),
}
_IMPLICIT = Location("", 0, 0)


@dataclass(frozen=True, slots=True)
class Mutation(Generic[T]):
    """Something (a rule, a condition, its tests, a value) `after` a change in one place, and the change in words; `step`
    changes the parameter `param` in that place only."""

    after: T
    where: Location
    change: str
    param: str = ""
    step: Step | None = None

    def within(self, whole: Callable[[T], Other], text: str = "") -> Mutation[Other]:
        """The same change of what this is a part of; `text` follows the change's words."""
        return Mutation(whole(self.after), self.where, self.change + text, self.param, self.step)

    def bind(self: Mutation[Rule], bound: Bound) -> Rule | None:
        """The mutant with values; None where they cannot be changed that way, or do not fit each other then."""
        values: dict[str, Scalar | tuple[Scalar, ...]] = dict(bound)
        if self.step is not None:
            stepped = self.step(values[self.param])
            if stepped is None:
                return None
            values[self.param + _FRESH] = stepped
        try:
            return bind(self.after, values)
        except InvalidInputError:
            return None


Mutant = Mutation[Rule]


def mutants(rule: Rule) -> list[Mutant]:
    """Every mutant of a rule whose parameters are not bound yet, in the order of writing."""
    found = []
    if rule.when is not None:
        found.append(Mutation(replace(rule, when=None), first_place(rule.when), "`when` dropped"))
        changes = (*_conditions(rule.when), _negated(rule.when))
        found += [change.within(lambda when: replace(rule, when=when)) for change in changes]
    words = "deny -> require" if rule.deny else "require -> deny"
    found.append(Mutation(replace(rule, deny=not rule.deny), first_place(rule.condition), words))
    changes = tuple(_conditions(rule.condition))
    return found + [change.within(lambda part: replace(rule, condition=part)) for change in changes]


def first_place(condition: Condition) -> Location:
    """Where a condition's first leaf stands."""
    return next((leaf.where for leaf in walk(condition)), _IMPLICIT)


def condition_name(condition: Condition) -> str:
    """A condition in a few words."""
    if isinstance(condition, Group):
        return f"{condition.kind} of {', '.join(map(condition_name, condition.members))}"
    return f"`{condition.operand if isinstance(condition, Leaf) else condition.kind}`"


def _negated(condition: Condition) -> Mutation[Condition]:
    return Mutation(
        Group("none", (condition,)), first_place(condition), f"{condition_name(condition)} negated"
    )


def _conditions(condition: Condition) -> Iterator[Mutation[Condition]]:
    if isinstance(condition, Group):
        yield from _groups(condition)
        return
    for tests in _tests(condition):
        yield tests.within(lambda tests: replace(condition, tests=tests))
    for word in get_args(IfAbsent) if condition.if_absent is not None else ():
        if word != condition.if_absent:
            text = f"if_absent: {condition.if_absent} -> {word} in {condition_name(condition)}"
            yield Mutation(replace(condition, if_absent=word), condition.where, text)
    if isinstance(condition, Aggregate):
        yield from _aggregates(condition)


def _groups(group: Group) -> Iterator[Mutation[Condition]]:
    members, several = group.members, len(group.members) > 1
    for kind in _CONNECTIVES[group.kind] if several else _ALL * (group.kind == "none"):
        text = f"{group.kind} -> {kind}: {', '.join(map(condition_name, members))}"
        yield Mutation(replace(group, kind=kind), first_place(group), text)
    for index, member in enumerate(members):

        def spliced(*parts: Condition, at: int = index) -> Condition:
            return replace(group, members=(*members[:at], *parts, *members[at + 1 :]))

        if several:
            yield Mutation(
                spliced(), first_place(member), f"{condition_name(member)} dropped from `{group.kind}`"
            )
        yield from (change.within(spliced) for change in _conditions(member))
        if several:
            yield _negated(member).within(spliced)


def _aggregates(leaf: Aggregate) -> Iterator[Mutation[Condition]]:
    for name, part in (("of", leaf.of), ("among", leaf.among)):
        if part is None:
            continue

        def having(part: Condition | None, name: str = name) -> Aggregate:
            return replace(leaf, of=part) if name == "of" else replace(leaf, among=part)

        if name == "among" or leaf.kind == "count":
            yield Mutation(having(None), first_place(part), f"`{name}` dropped from `{leaf.kind}`")
        for change in (*_conditions(part), _negated(part)):
            yield change.within(having, f", in `{name}` of `{leaf.kind}`")


def _tests(leaf: Leaf | Aggregate) -> Iterator[Mutation[tuple[Test, ...]]]:
    """The tests of a leaf with one dropped, and with one changed."""
    kind = leaf.operand.type if isinstance(leaf, Leaf) else leaf.type
    for index, test in enumerate(leaf.tests):

        def spliced(*tests: Test, at: int = index) -> tuple[Test, ...]:
            return (*leaf.tests[:at], *tests, *leaf.tests[at + 1 :])

        def having(value: Value, operator: str = test.operator, at: int = index) -> tuple[Test, ...]:
            return spliced(Test(operator, value), at=at)

        if len(leaf.tests) > 1:
            yield Mutation(spliced(), leaf.where, f"`{test.operator}` dropped from {condition_name(leaf)}")
        for other in other_operators(test, kind):
            yield Mutation(
                spliced(other), leaf.where, f"{test.operator} -> {other.operator} in {condition_name(leaf)}"
            )
        yield from (change.within(having) for change in _values(leaf, test.operator, test.value))


def _values(leaf: Leaf | Aggregate, operator: str, value: Value) -> Iterator[Mutation[Value]]:
    """A value changed: a list with one item fewer, or with the only one changed; a pair with either end changed."""
    listed = OPERATORS[operator].takes == "list"
    if not isinstance(value, tuple):
        yield from _scalars(leaf, operator, value, several=listed)
        return
    for index, item in enumerate(value):
        before, after = value[:index], value[index + 1 :]
        if listed and len(value) > 1:
            text = f"{value_text(item)} dropped in {condition_name(leaf)} {operator}"
            yield Mutation(before + after, leaf.where, text)
        else:
            for change in _scalars(leaf, operator, item):
                several = (*before, change.after, *after)
                yield replace(change, after=several)  # type: ignore[arg-type]


def _scalars(
    leaf: Leaf | Aggregate, operator: str, value: Scalar | Field | ParamRef, *, several: bool = False
) -> Iterator[Mutation[Value]]:
    """One value changed, which may be a parameter that holds several."""
    kind = leaf.operand.type if isinstance(leaf, Leaf) else leaf.type
    members = leaf.operand.left.members if isinstance(leaf, Leaf) else ()
    inside = f"in {condition_name(leaf)} {operator}"
    if isinstance(value, Field):
        return
    for name, step in steps(operator, kind, members, several=several).items():
        if isinstance(value, ParamRef):
            text = f"${value.name} {name}, {inside}"
            yield Mutation(ParamRef(value.name + _FRESH), leaf.where, text, value.name, step)
        elif (stepped := step(value)) is not None:
            text = f"{value_text(value)} -> {value_text(stepped)} {inside}"
            yield Mutation(stepped, leaf.where, text)
