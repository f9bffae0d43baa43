"""What rules compare of fields, and the fields that hang together by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from checker.fields import NOW
from checker.model import Field, Leaf, Operand, ParamRef, Scalar
from checker.policy.operators import OPERATORS
from checker.policy.operators import Domain as Kind


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
    def fields(self) -> list[Field]:
        """The fields that it compares."""
        parts = (self.operand.left, self.operand.right, self.value)
        return [part for part in parts if isinstance(part, Field) and part != NOW]

    @property
    def domain(self) -> Kind | None:
        """What values tell its truths apart."""
        return OPERATORS[self.operator].domain

    @property
    def whole(self) -> bool:
        """Whether its value is one that the operand may have."""
        return not OPERATORS[self.operator].of_text


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that are compared with each other."""

    fields: list[Field]
    comparisons: list[Comparison] = field(default_factory=list)


def comparisons(leaves: Iterable[Leaf]) -> Iterator[Comparison]:
    """Every comparison in leaves, `exists` left out."""
    for number, leaf in enumerate(dict.fromkeys(leaves)):
        for at, test in enumerate(leaf.tests):
            values = test.value if isinstance(test.value, tuple) else (test.value,)
            for value in values if OPERATORS[test.operator].takes != "flag" else ():
                assert not isinstance(value, ParamRef), f"${value.name} was not bound"
                yield Comparison(leaf.operand, test.operator, value, (number, at))


def field_groups(read: Sequence[Field], every: Sequence[Comparison]) -> list[FieldGroup]:
    """The fields that are read, those together that are compared with each other."""
    member = {item.path: item.path for item in read}

    def root(path: str) -> str:
        while member[path] != path:
            path = member[path]
        return path

    for comparison in every:
        named = [part.path for part in comparison.fields]
        for path in named[1:]:
            member[root(path)] = root(named[0])
    groups: dict[str, FieldGroup] = {}
    for known in read:
        groups.setdefault(root(known.path), FieldGroup([])).fields.append(known)
    for comparison in every:
        parts = comparison.fields
        if parts:
            groups[root(parts[0].path)].comparisons.append(comparison)
    return list(groups.values())
