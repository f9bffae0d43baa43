"""Tests to add: answers that tell mutants from a rule, as entries of `tests:` that can be pasted, with instants as round as
the verdicts allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from checker.fields import catalogue
from checker.instants import EPOCH, round_ms, shift_instant
from checker.model import Case, Pack, Rule, Verdict
from checker.policy.condition_scope import Scope
from checker.policy.params import used_params
from checker.policy.rule_tests import read_cases
from checker.policytest.cases import verdicts
from checker.policytest.counterexample import flow_yaml
from checker.policytest.mutants import Mutant
from checker.problems import InvalidInputError, Problem
from checker.values import show
from checker.yamlsource import parse

MOST_TRIED = 2_000
"""Answers that are tried for one rule."""
MOST_FOR_ONE = 120
MOST_NAMED = 3
WIDEST = 24
_UNITS = tuple(timedelta(**{unit: 1}) for unit in ("days", "hours", "minutes", "seconds"))
_NEAR = 20  # years from the test's instant
_DAY = timedelta(days=1)

Moves = Mapping[datetime, datetime]
"""An instant in place of another one, wherever it stands."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A mutant, and what a test gives and expects that tells it from the rule."""

    mutant: Mutant
    given: Mapping[str, object]
    beside: Mapping[str, object]
    expect: Verdict


def suggested_tests(pack: Pack, rule: Rule, shown: Sequence[Suggestion]) -> list[str]:
    """For each mutant a test that notices it, as YAML in one line.

    Args:
        pack: the rule's pack.
        rule: the rule, its parameters not bound.
        shown: the mutants.
    """
    names = {case.name for case in rule.tests}
    texts = []
    for suggestion, chosen in zip(shown, _rounded(pack, rule, shown), strict=True):
        name = _unique(_named(suggestion, chosen), names)
        names.add(name)
        texts.append(flow_yaml({"name": name, **_entry(suggestion, chosen)}))
    return texts


def _rounded(pack: Pack, rule: Rule, shown: Sequence[Suggestion]) -> list[Moves]:
    """How to move the instants of each: the roundest way in which the test still notices its mutant."""
    most = min(MOST_FOR_ONE, MOST_TRIED // max(len(shown), 1))
    tried: list[tuple[int, Moves, Case]] = []
    for at, suggestion in enumerate(shown):
        case = _read(pack, rule, flow_yaml({"name": str(at), **_entry(suggestion, {})}))
        if case is not None:
            tried += [(at, moves, _moved(case, moves)) for moves in _moves(suggestion, case.as_of, most)]
    chosen: dict[int, Moves] = {}
    for (at, moves, _), notices in zip(tried, _notice(pack, rule, shown, tried), strict=True):
        text = flow_yaml({"name": str(at), **_entry(shown[at], moves)})
        if notices and at not in chosen and _read(pack, rule, text) is not None:
            chosen[at] = moves
    return [chosen.get(at, {}) for at in range(len(shown))]


def _notice(
    pack: Pack, rule: Rule, shown: Sequence[Suggestion], tried: Sequence[tuple[int, Moves, Case]]
) -> list[bool]:
    """Whether each test gets the verdict that it expects from the rule, and another one from its mutant."""
    tested = replace(rule, tests=tuple(case for _, _, case in tried))
    notices = [False] * len(tried)
    for index, found in verdicts(pack, tested, [item.mutant for item in shown]):
        at, expect = tried[index][0], shown[tried[index][0]].expect
        notices[index] = found[-1] is expect is not found.get(at, expect)
    return notices


def _read(pack: Pack, rule: Rule, text: str) -> Case | None:
    """The test as it is read where an author pastes it; None where it would be refused."""
    problems: list[Problem] = []
    params = {**pack.params, **rule.params}
    scope = Scope(
        catalogue(pack.labels, rule.scope),
        {name: param for name, param in params.items() if name in used_params(rule)},
        problems,
        labels=pack.labels,
        rule_scope=rule.scope,
    )
    try:
        cases = read_cases(parse(f"- {text}".encode(), "test").root, "test", scope)
    except InvalidInputError:
        return None
    return cases[0] if cases and not problems else None


def _moves(suggestion: Suggestion, as_of: datetime, most: int) -> list[Moves]:
    """Ways to move the instants, the roundest first, the last being not to."""
    instants = sorted(set(_instants([suggestion.given])))
    found = {tuple(instants): None}
    for shift in _shifts(instants, as_of):
        shifted = [_plus(instant, shift) for instant in instants]
        for unit, up in product(_UNITS, (False, True)):
            found[tuple(_round(instant, unit, up=up) for instant in shifted)] = None
        if len(instants) < 4:
            found |= dict.fromkeys(
                product(*([at, _round(at, _DAY), _round(at, _DAY, up=True)] for at in shifted))
            )
    kept = sorted(
        (after for after in found if len(set(after)) == len(instants)),
        key=lambda after: (sum(_cost(instant, as_of) for instant in after), after),
    )
    # however many are round, those that move the least are tried too
    least = [
        after
        for after in kept
        if all(abs(new - old) <= _DAY for new, old in zip(after, instants, strict=True))
    ]
    some = dict.fromkeys((*kept[: most // 2], *least[: most // 2]))
    return [*(dict(zip(instants, after, strict=True)) for after in some), {}]


def _shifts(instants: Sequence[datetime], as_of: datetime) -> Iterator[timedelta]:
    """By how much all instants are moved together: not at all, to a day's begin, and near to the test's instant."""
    yield timedelta()
    if not instants:
        return
    for instant in instants:
        yield _round(instant, _DAY) - instant
        yield _round(instant, _DAY, up=True) - instant
    for instant in (instants[0], instants[-1]):
        yield _plus(as_of, -_DAY) - instant
        yield _plus(as_of.replace(day=1), -timedelta(days=31)) - instant
        yield from (timedelta(days=-3650 * decades) for decades in range(1, 8))


def _round(instant: datetime, unit: timedelta, *, up: bool = False) -> datetime:
    over = (instant - EPOCH) % unit
    return _plus(instant, unit - over if up and over else -over)


def _plus(instant: datetime, by: timedelta) -> datetime:
    return shift_instant(instant, by) or instant


def _cost(instant: datetime, as_of: datetime) -> int:
    """How hard an instant is to read."""
    rough = next((at for at, unit in enumerate(_UNITS) if not (instant - EPOCH) % unit), len(_UNITS))
    return 10 * rough + min(abs(instant.year - as_of.year) // _NEAR, 9)


def _instants(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _instants(item)


def _moved(case: Case, moves: Moves) -> Case:
    def moved(values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: moves.get(value, value) if isinstance(value, datetime) else value
            for name, value in values.items()
        }

    sets = tuple(
        replace(image_set, given=moved(image_set.given), labels=moved(image_set.labels))
        for image_set in case.image_sets
    )
    return replace(case, given=moved(case.given), labels=moved(case.labels), image_sets=sets)


def _entry(suggestion: Suggestion, moves: Moves) -> dict[str, object]:
    """The test without its name: labels stand beside `given`, instants at midnight are dates."""
    given: dict[str, Any] = _plain(suggestion.given, moves)
    labels = given.pop("labels", None)
    beside = {name: _plain(value, {}) for name, value in suggestion.beside.items()}
    return {
        "given": given,
        **({"labels": labels} if labels else {}),
        **beside,
        "expect": suggestion.expect.value,
    }


def _plain(value: Any, moves: Moves) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item, moves) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, moves) for item in value]
    if not isinstance(value, datetime):
        return value
    instant = moves.get(value, value)
    return show(instant)[:10] if not round_ms(instant) % 86_400_000 else instant


def _named(suggestion: Suggestion, moves: Moves) -> str:
    """What a test shows: `deletedAt 2025-02-28, imageSetState DELETED: fail`."""
    parts = list(_parts(_plain(suggestion.given, moves)))
    if len(parts) > MOST_NAMED:
        parts[MOST_NAMED:] = [f"{len(parts) - MOST_NAMED} more"]
    return f"{', '.join(parts) or 'a healthy answer'}: {suggestion.expect.value.replace('_', ' ')}"


def _parts(given: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in given.items():
        path = prefix + name
        if path == "found":
            yield "a set that is not there"
        elif path == "error":
            yield "an answer that failed"
        elif path == "errors":
            yield from (f"{call} failed" for call in value)
        elif path == "image_sets":
            number = sum(item.get("count", 1) for item in value)
            yield f"{number} image set{'s' * (number != 1)}"
        elif isinstance(value, Mapping):
            yield from _parts(value, "" if path == "labels" else f"{path}.") if value else [f"a {path}"]
        elif value is None:
            yield f"no {path}"
        else:
            text = show(value)
            yield f"{path} {text if len(text) <= WIDEST else f'{text[: WIDEST - 2]}..'}"


def _unique(name: str, taken: set[str]) -> str:
    number = 1
    unique = name
    while unique in taken:
        number += 1
        unique = f"{name} ({number})"
    return unique
