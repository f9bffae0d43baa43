"""For each field that rules read the values worth trying: beside each constant that it is compared with, and absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from string import ascii_lowercase, digits

from checker.fields import DICOM_DAYS
from checker.instants import DAY, LAST_MS, round_ms
from checker.model import Field, Leaf, Scalar, Type
from checker.policytest.bound_closure import InstantSums
from checker.policytest.comparisons import Comparison, Domain, FieldGroup, comparisons, field_groups
from checker.policytest.ordered_domains import durations, ordered
from checker.policytest.text_values import NamedTexts, alphabet_words, texts

UNLISTED = "NEITHER_LISTED_NOR_KNOWN"
"""An enum's value that no model lists."""
_ID = (digits + ascii_lowercase, 32)
_WORDS = {"imageSetId": _ID, "datastoreId": _ID}
"""Fields of which any other text is refused where answers are read: the characters, and how many."""


def domains(
    read: Iterable[Field],
    leaves: Iterable[Leaf],
    as_of: datetime,
    healthy: Mapping[str, Scalar],
    hints: Mapping[str, Iterable[str]],
    *,
    sums: InstantSums,
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
    for group in field_groups(list(dict.fromkeys(read)), list(comparisons(leaves))):
        kinds = {item.type for item in group.fields}
        if kinds <= {Type.STRING, Type.ENUM}:
            made = _texts(group, hints)
        elif Type.TIME in kinds:
            made = ordered(group, Type.TIME, as_of, sums)
        elif Type.DURATION in kinds:
            made = [durations(item, group) for item in group.fields]
        elif Type.INTEGER in kinds:
            made = ordered(group, Type.INTEGER, as_of, sums)
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


def _first(domain: Domain, healthy: Mapping[str, Scalar]) -> Domain:
    """The healthy value before the others, so that what differs least from a healthy answer is found."""
    usual = healthy.get(domain.field.path)
    if usual is None or (domain.field.members and usual not in domain.values):
        return domain
    return Domain(domain.field, (usual, *(value for value in domain.values if value != usual)), domain.every)


def _texts(group: FieldGroup, hints: Mapping[str, Iterable[str]]) -> list[Domain]:
    linked = len(group.fields) > 1
    whole = [item.value for item in group.comparisons if item.whole and isinstance(item.value, str)]
    if linked:
        whole += [member for known in group.fields for member in known.members]
    parts = [item for item in group.comparisons if not item.whole and item.domain]
    tests = [(item.domain, item.value) for item in parts if item.domain and isinstance(item.value, str)]
    every, merge = len(tests) == len(parts) and not (linked and parts), not linked and not parts
    texts_named = tuple(dict.fromkeys(whole))
    named = NamedTexts(texts_named, tuple(_unlike(group.comparisons)) if merge else texts_named)
    made = []
    for known in group.fields:
        if known.members:
            made.append(_members(known, named, merge=merge))
            continue
        if known.path in _WORDS and not linked:
            found = alphabet_words(*_WORDS[known.path], named, tests, 1)
        else:
            found = texts(named, tests, hints.get(known.path, ()), len(group.fields))
        made.append(Domain(known, found.values, every and found.every))
    return made


def _unlike(every: Sequence[Comparison]) -> list[str]:
    """One of the texts that the same comparisons name: nothing tells them apart."""
    named: dict[str, set[object]] = {}
    for comparison in every:
        if isinstance(comparison.value, str):
            named.setdefault(comparison.value, set()).add(comparison.by)
    return list({frozenset(by): text for text, by in reversed(named.items())}.values())[::-1]


def _members(known: Field, equals: NamedTexts, *, merge: bool) -> Domain:
    named = [member for member in known.members if member in equals.some]
    others = [member for member in known.members if member not in equals.every]
    # members that nothing names are all alike
    values = named + (others[:1] if merge else others)
    if not known.path.startswith("labels."):
        values.append(UNLISTED)
    return Domain(known, tuple(values), every=True)
