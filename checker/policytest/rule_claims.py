"""Claims on conditions that no answer contradicts, and which of several conditions no answer meets at once."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from checker.evaluation.condition_compiler import Compiler, tree
from checker.model import Condition, Field, Group, Leaf
from checker.policy.condition_tree import fields_of
from checker.policy.operators import BARE
from checker.policy.rule_tests import AS_OF
from checker.policy.rule_text import value_text
from checker.policytest.answer_grid import AnswerGrid
from checker.policytest.answer_space import AnswerSpace
from checker.policytest.mutants import first_place
from checker.policytest.param_defaults import DefaultedRule
from checker.problems import Problem
from checker.sql import Expression, Relation, func

MOST_PAIRED = 24
MOST_ENTRIES = 64
"""Entries of which every pair, and of which each, is tried for the ones that no answer meets."""
MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class TriedAnswers:
    """Answers, and what compiles conditions for them."""

    rows: Relation
    compiler: Compiler

    def ever(self, *truths: Expression) -> list[bool]:
        """For each expression whether some answer makes it true."""
        if not truths:
            return []
        counters = [func("bool_or", truth).alias(f"e{at}") for at, truth in enumerate(truths)]
        return [bool(met) for met in self.rows.aggregate(counters).fetchall()[0]]

    def together(self, *conditions: Condition) -> Expression:
        """Whether an answer meets all of the conditions."""
        return tree(operator.and_, [self.compiler.condition(condition) for condition in conditions])

    def conflict(self, *conditions: Condition) -> tuple[Condition, ...]:
        """Of the entries of conditions that no answer meets at once as few as that is still true of: one, else two, else
        such that each of them is needed for it. All of them where they are very many."""
        members = [entry for condition in conditions for entry in _entries(condition)]
        for size in (1, 2) if len(members) <= MOST_PAIRED else (1,):
            few = list(combinations(members, size))
            met = self.ever(*(self.together(*some) for some in few))
            if not all(met):
                return few[met.index(False)]
        needed = list(members)
        for member in members if len(members) <= MOST_ENTRIES else ():
            rest = [other for other in needed if other is not member]
            if not self.ever(self.together(*rest))[0]:
                needed = rest
        return tuple(needed)


class RuleClaims:
    """Claims on a rule that no answer contradicts; `missed` are the questions that this leaves open."""

    def __init__(self, defaulted: DefaultedRule, space: AnswerSpace) -> None:
        self.defaulted = defaulted
        self.rule = defaulted.rule
        self.space = space
        self.answers = TriedAnswers(space.rows, Compiler(AS_OF, space.columns))
        self.missed: list[str] = []

    def proved(self, read: Sequence[Condition], question: str, grid: AnswerGrid | None = None) -> bool:
        """Whether what no answer shows of conditions is true of none: of the rule's answers, or those of a table of them."""
        proved = (grid or self.space).proves(fields_read(*read))
        if not proved:
            self.missed.append(question)
        return proved

    def refusal(self, answers: TriedAnswers, *conditions: Condition, what: str = "answer") -> str:
        """That nothing meets these conditions at once, and with which defaults of parameters."""
        found = answers.conflict(*conditions)
        named = [f"`{condition_text(condition)}`" for condition in found]
        if len(named) > MOST_NAMED:
            named[MOST_NAMED - 1 :] = [f"{len(named) - MOST_NAMED + 1} more"]
        listed = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
        return f"no {what} meets {('', '', 'both ', 'all of ')[min(len(named), 3)]}{listed}{self.defaulted.rests(found)}"

    def warning(self, part: Condition, text: str, hint: str) -> Problem:
        """That something is true of the rule, at a part of it; the hint may be only what it rests on."""
        return Problem(
            first_place(part), f"the rule {self.rule.id}{text}", hint.removeprefix("; "), warning=True
        )


def fields_read(*conditions: Condition | None) -> list[Field]:
    """The fields that conditions read."""
    return [field for condition in conditions for field in fields_of(condition)]


def condition_text(condition: Condition) -> str:
    """A condition as a policy writes it, shortened."""
    if isinstance(condition, Group):
        return f"{condition.kind}: [{', '.join(map(condition_text, condition.members))}]"
    name = str(condition.operand) if isinstance(condition, Leaf) else condition.kind
    if len(condition.tests) == 1 and condition.tests[0].operator == BARE and isinstance(condition, Leaf):
        return f"{name}: {value_text(condition.tests[0].value)}"
    return (
        f"{name}: {{{', '.join(f'{test.operator}: {value_text(test.value)}' for test in condition.tests)}}}"
    )


def _entries(condition: Condition) -> list[Condition]:
    """What all has to hold for a condition to hold."""
    if isinstance(condition, Group) and condition.kind == "all":
        return [entry for member in condition.members for entry in _entries(member)]
    return [condition]
