"""Which mutants of a rule its own tests notice, and for each that they let live an answer that tells it from the rule."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duckdb import OutOfMemoryException

from checker.evaluation.condition_compiler import CODES, verdict
from checker.model import Location, Pack, Rule
from checker.policy.params import bind
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_grid import KEY
from checker.policytest.answer_space import AnswerSpace, hints
from checker.policytest.cases import CaseGroup, CaseResult, case_groups, verdicts
from checker.policytest.mutants import Mutant, mutants
from checker.policytest.suggestions import Suggestion, suggested_tests
from checker.snapshot.writer import connect
from checker.sql import case, col, func, lit

FEW = 20_000
"""Answers on which all mutants are tried at once; those that look equal are tried on all."""
MOST_ALONE = 100
"""Mutants of a rule that are tried on all."""
TOO_LARGE = "it is too large"


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that the tests let live; `test` is one that would not."""

    where: Location
    change: str
    test: str


@dataclass(frozen=True, slots=True)
class MutationScore:
    """How many of a rule's mutants its tests notice. `equivalent` mutants, which no answer tells from the rule or from
    another mutant, are left out of `total`, and so are `untold` ones, of which that was not found out; `reason` says why a
    rule could not be tried."""

    rule: Rule
    killed: int = 0
    total: int = 0
    equivalent: int = 0
    untold: int = 0
    survivors: tuple[Survivor, ...] = ()
    reason: str = ""

    @property
    def percent(self) -> float:
        """The share of the mutants that the tests notice."""
        return 100 * self.killed / self.total if self.total else 100.0


def score_tests(
    pack: Pack, rule: Rule, proved: Sequence[CaseResult], folder: Path | None = None
) -> MutationScore:
    """How well a rule's tests tell it from its mutants.

    Args:
        pack: the rule's pack.
        rule: the rule, its parameters not bound.
        proved: its tests with the verdicts that they got.
        folder: the `snapshot` of its tests, where there is one already.
    """
    if not proved:
        return MutationScore(rule, reason="it has no tests")
    if not all(case_result.held for case_result in proved):
        return MutationScore(rule, reason="its tests do not hold")
    every = mutants(rule)
    try:
        told = _compared(rule, every, _usual(pack, rule))
        tried = [*(suggestion.mutant for suggestion in told.differing), *told.untold]
        dead = killed_mutants(pack, rule, tried, folder)
        number = len(told.differing)
        living = [item for item, noticed in zip(told.differing, dead[:number], strict=True) if not noticed]
        tests = suggested_tests(pack, rule, living)
    except OutOfMemoryException:
        return MutationScore(rule, reason=TOO_LARGE)
    survivors = tuple(
        Survivor(item.mutant.where, item.mutant.change, test)
        for item, test in zip(living, tests, strict=True)
    )
    # what a test notices is another rule, whether or not an answer was found that shows it
    untold = dead[number:].count(False)
    total = len(tried) - untold
    return MutationScore(rule, sum(dead), total, len(every) - len(tried), untold, survivors)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Mutants that some answer tells from the rule and from each other, and those of which none was found though not all
    were tried."""

    differing: list[Suggestion]
    untold: list[Mutant]


def _usual(pack: Pack, rule: Rule) -> tuple[CaseGroup, dict[str, object]]:
    """The parameters and the instant for trying: the defaults where they suffice; and what a test has to give of them."""
    found = case_groups(pack, rule)
    group = next(
        (item for item in found if item.as_of == AS_OF and not rule.tests[item.cases[0]].params), found[0]
    )
    case = rule.tests[group.cases[0]]
    beside: dict[str, object] = {"params": dict(case.params)} if case.params else {}
    return group, beside | ({"as_of": group.as_of} if group.as_of != AS_OF else {})


def _compared(rule: Rule, every: Sequence[Mutant], usual: tuple[CaseGroup, dict[str, object]]) -> _Comparison:
    """The mutants by what answers tell of them."""
    group, beside = usual
    values = group.bound(rule)
    ready = bind(rule, values)
    changed = [(mutant, item) for mutant in every if (item := mutant.bind(values)) is not None]
    texts, seen, alone = hints([rule]), set(), MOST_ALONE
    told = _Comparison([], [])
    if not changed:
        return told
    with (
        connect() as connection,
        AnswerSpace(
            connection, [ready, *(item for _, item in changed)], group.as_of, texts, most=FEW
        ) as space,
    ):
        shown = _shown(space, ready, [item for _, item in changed])
        for index, ((mutant, item), first) in enumerate(zip(changed, shown, strict=True)):
            if first[0] is not None or not space.sampled or not alone:
                pair: AbstractContextManager[AnswerSpace] = nullcontext(space)
            else:
                alone -= 1
                pair = AnswerSpace(connection, [ready, item], group.as_of, texts, name=f"pair{index}_")
            with pair as used:
                where, signature = _shown(used, ready, [item])[0] if used is not space else first
                if where is None and not used.proves((*ready.fields, *item.fields)):
                    told.untold.append(mutant)
                elif where is not None and signature not in seen:
                    seen.add(signature)
                    told.differing.append(_shows(mutant, used, ready, where, beside))
    return told


def _shown(space: AnswerSpace, rule: Rule, changed: Sequence[Rule]) -> list[tuple[int | None, Any]]:
    """For each changed rule the first answer on which its verdict is another, and a number that is the same for rules
    with the same verdicts."""
    codes = [
        verdict(item, space.as_of, space.columns).alias(f"v{at}") for at, item in enumerate([rule, *changed])
    ]
    judged = space.rows.select(col(KEY), *codes)
    counters = []
    for at in range(1, len(codes)):
        code = col(f"v{at}")
        counters.append(func("min", case(code != col("v0"), col(KEY))).alias(f"m{at}"))
        counters.append(func("bit_xor", func("hash", col(KEY) * lit(len(CODES)) + code)).alias(f"s{at}"))
    row = judged.aggregate(counters).fetchall()[0]
    return list(zip(row[::2], row[1::2], strict=True))


def _shows(mutant: Mutant, space: AnswerSpace, rule: Rule, key: int, beside: dict[str, object]) -> Suggestion:
    """A test that gives this answer and expects what the rule says of it."""
    code = verdict(rule, space.as_of, space.columns).alias("code")
    found = space.rows.filter(col(KEY) == lit(key)).select(code).fetchall()[0][0]
    return Suggestion(mutant, space.given(key), beside, list(CODES)[found])


def killed_mutants(
    pack: Pack, rule: Rule, changed: Sequence[Mutant], folder: Path | None = None
) -> list[bool]:
    """For each mutant whether some test of the rule gets another verdict from it."""
    dead = [False] * len(changed)
    for index, found in verdicts(pack, rule, changed, folder):
        for at in range(len(changed)):
            dead[at] |= found.get(at, rule.tests[index].expect) is not rule.tests[index].expect
    return dead
