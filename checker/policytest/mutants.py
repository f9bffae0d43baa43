"""Mutants of a rule: the rule with one operator, constant or connective changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

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
)
from checker.policy.condition_tree import walk
from checker.policy.operators import OPERATORS
from checker.policy.params import Bound, bind
from checker.policy.rule_text import value_text
from checker.policytest.value_mutations import Step, other_operators, steps
from checker.problems import InvalidInputError

_FRESH = " moved"
"""No author's parameter has a name like it."""
_CONNECTIVES: dict[str, tuple[Literal["all", "any", "none"], ...]] = {
    "all": ("any",),
    "any": ("all",),
    "none": ("all", "any"),
}
_IMPLICIT = Location("", 0, 0)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule that differs in one place; `step` changes the parameter `param` in that place only."""

    rule: Rule
    where: Location
    change: str
    param: str = ""
    step: Step | None = None

    def bind(self, bound: Bound) -> Rule | None:
        """The mutant with values; None where they cannot be changed that way, or do not fit each other then."""
        values: dict[str, Scalar | tuple[Scalar, ...]] = dict(bound)
        if self.step is not None:
            moved = self.step(values[self.param])
            if moved is None:
                return None
            values[self.param + _FRESH] = moved
        try:
            return bind(self.rule, values)
        except InvalidInputError:
            return None


@dataclass(frozen=True, slots=True)
class _Change:
    """A condition after a change, and the change in words."""

    condition: Condition
    where: Location
    text: str
    param: str = ""
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class _Tests:
    """The tests of a leaf after a change."""

    tests: tuple[Test, ...]
    text: str
    param: str = ""
    step: Step | None = None


def mutants(rule: Rule) -> list[Mutant]:
    """Every mutant of a rule whose parameters are not bound yet, in the order of writing."""
    found = []
    if rule.when is not None:
        where = place(rule.when)
        found.append(Mutant(replace(rule, when=None), where, "`when` dropped"))
        changes = (*_changes(rule.when), _negated(rule.when))
        found += [_mutant(replace(rule, when=change.condition), change) for change in changes]
    words = ("deny", "require") if rule.deny else ("require", "deny")
    found.append(Mutant(replace(rule, deny=not rule.deny), place(rule.condition), "{} -> {}".format(*words)))
    changes = tuple(_changes(rule.condition))
    return found + [_mutant(replace(rule, condition=change.condition), change) for change in changes]


def place(condition: Condition) -> Location:
    """Where a condition's first leaf stands."""
    return next((leaf.where for leaf in walk(condition)), _IMPLICIT)


def named(condition: Condition) -> str:
    """A condition in a few words."""
    if isinstance(condition, Group):
        return f"{condition.kind} of {', '.join(named(member) for member in condition.members)}"
    return f"`{operand(condition)}`"


def operand(leaf: Leaf | Aggregate) -> str:
    """What a leaf compares."""
    return str(leaf.operand) if isinstance(leaf, Leaf) else leaf.kind


def _mutant(rule: Rule, change: _Change) -> Mutant:
    return Mutant(rule, change.where, change.text, change.param, change.step)


def _negated(condition: Condition) -> _Change:
    return _Change(Group("none", (condition,)), place(condition), f"{named(condition)} negated")


def _changes(condition: Condition) -> Iterator[_Change]:
    if isinstance(condition, Group):
        yield from _group(condition)
        return
    for tests in _all_tests(condition):
        changed = replace(condition, tests=tests.tests)
        yield _Change(changed, condition.where, tests.text, tests.param, tests.step)
    if condition.if_absent is not None:
        for word in get_args(IfAbsent):
            if word != condition.if_absent:
                text = f"if_absent: {condition.if_absent} -> {word} in {named(condition)}"
                yield _Change(replace(condition, if_absent=word), condition.where, text)
    if isinstance(condition, Aggregate):
        yield from _aggregate(condition)


def _group(group: Group) -> Iterator[_Change]:
    members = group.members
    if len(members) > 1 or group.kind == "none":
        for kind in _CONNECTIVES[group.kind] if len(members) > 1 else ("all",):
            changed = Group(kind, members)
            text = f"{group.kind} -> {kind}: {', '.join(map(named, members))}"
            yield _Change(changed, place(group), text)
    for index, member in enumerate(members):
        before, after = members[:index], members[index + 1 :]
        if before or after:
            text = f"{named(member)} dropped from `{group.kind}`"
            yield _Change(replace(group, members=before + after), place(member), text)
        for change in (*_changes(member), *([_negated(member)] if before or after else ())):
            rest = replace(group, members=(*before, change.condition, *after))
            yield replace(change, condition=rest)


def _aggregate(leaf: Aggregate) -> Iterator[_Change]:
    for name in ("of", "among"):
        part: Condition | None = getattr(leaf, name)
        if part is None:
            continue
        if name == "among" or leaf.kind == "count":
            yield _Change(_with(leaf, name, None), place(part), f"`{name}` dropped from `{leaf.kind}`")
        for change in (*_changes(part), _negated(part)):
            text = f"{change.text}, in `{name}` of `{leaf.kind}`"
            yield replace(change, condition=_with(leaf, name, change.condition), text=text)


def _with(leaf: Aggregate, name: str, part: Condition | None) -> Aggregate:
    return replace(leaf, of=part) if name == "of" else replace(leaf, among=part)


def _all_tests(leaf: Leaf | Aggregate) -> Iterator[_Tests]:
    """The tests with one changed, and with one dropped."""
    kind = leaf.operand.type if isinstance(leaf, Leaf) else leaf.type
    for index, test in enumerate(leaf.tests):
        before, after = leaf.tests[:index], leaf.tests[index + 1 :]
        if before or after:
            yield _Tests(before + after, f"`{test.operator}` dropped from {named(leaf)}")
        for other in other_operators(test, kind):
            text = f"{test.operator} -> {other.operator} in {named(leaf)}"
            yield _Tests((*before, other, *after), text)
        for change in _values(leaf, test):
            yield replace(change, tests=(*before, *change.tests, *after))


def _values(leaf: Leaf | Aggregate, test: Test, *, item: bool = False) -> Iterator[_Tests]:
    """A test with its value changed, which may be one `item` of a list."""
    kind = leaf.operand.type if isinstance(leaf, Leaf) else leaf.type
    members = leaf.operand.left.members if isinstance(leaf, Leaf) else ()
    value, inside = test.value, f"in {named(leaf)} {test.operator}"
    if isinstance(value, ParamRef):
        several = OPERATORS[test.operator].takes == "list" and not item
        for name, step in steps(test, kind, members, several=several).items():
            moved = Test(test.operator, ParamRef(value.name + _FRESH))
            yield _Tests((moved,), f"${value.name} {name}, {inside}", value.name, step)
        return
    if isinstance(value, tuple):
        yield from _several(leaf, test, value, inside)
        return
    if isinstance(value, Field):
        return
    for step in steps(test, kind, members).values():
        moved_value = step(value)
        if moved_value is not None:
            text = f"{value_text(value)} -> {value_text(moved_value)} {inside}"
            yield _Tests((Test(test.operator, moved_value),), text)


def _several(
    leaf: Leaf | Aggregate, test: Test, value: tuple[Scalar | Field | ParamRef, ...], inside: str
) -> Iterator[_Tests]:
    """A list with one item fewer, or with the only one changed; a pair with either end changed."""
    if OPERATORS[test.operator].takes == "list" and len(value) > 1:
        for index, item in enumerate(value):
            fewer = Test(test.operator, value[:index] + value[index + 1 :])
            yield _Tests((fewer,), f"{value_text(item)} dropped {inside}")
        return
    for index, item in enumerate(value):
        for change in _values(leaf, Test(test.operator, item), item=True):
            several = (*value[:index], change.tests[0].value, *value[index + 1 :])
            yield replace(change, tests=(Test(test.operator, several),))  # type: ignore[arg-type]
