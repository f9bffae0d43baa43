"""Conditions tried on answers: whether any meets them, and which of several no answer meets at once."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from checker.evaluation.compile import Compiler, tree
from checker.model import Condition, Group, Leaf
from checker.policy.operators import BARE
from checker.policy.rule_text import value_text
from checker.sql import Expression, Relation, func

MOST_PAIRED = 24
MOST_ENTRIES = 64
"""Entries of which every pair, and of which each, is tried for the ones that no answer meets."""
MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers, and what compiles conditions for them."""

    rows: Relation
    compiler: Compiler

    def ever(self, truths: Sequence[Expression]) -> list[bool]:
        """For each expression whether some answer makes it true."""
        if not truths:
            return []
        counters = [func("bool_or", truth).alias(f"e{at}") for at, truth in enumerate(truths)]
        return [bool(item) for item in self.rows.aggregate(counters).fetchall()[0]]

    def together(self, conditions: Sequence[Condition]) -> Expression:
        """Whether an answer meets all of the conditions."""
        return tree(operator.and_, [self.compiler.condition(condition) for condition in conditions])


def entries(condition: Condition) -> list[Condition]:
    """What all has to hold for a condition to hold."""
    if isinstance(condition, Group) and condition.kind == "all":
        return [entry for member in condition.members for entry in entries(member)]
    return [condition]


def conflict(answers: Answers, members: Sequence[Condition]) -> tuple[Condition, ...]:
    """Of conditions that no answer meets at once as few as that is still true of: one, else two, else such that each of
    them is needed for it. All of them where they are very many."""
    met = answers.ever([answers.compiler.condition(condition) for condition in members])
    for condition, some in zip(members, met, strict=True):
        if not some:
            return (condition,)
    if len(members) <= MOST_PAIRED:
        pairs = list(combinations(members, 2))
        met = answers.ever([answers.together(pair) for pair in pairs])
        for pair, some in zip(pairs, met, strict=True):
            if not some:
                return pair
    needed = list(members)
    for condition in members if len(members) <= MOST_ENTRIES else ():
        rest = [other for other in needed if other is not condition]
        if not answers.ever([answers.together(rest)])[0]:
            needed = rest
    return tuple(needed)


def refusal(members: Sequence[Condition]) -> str:
    """That no answer meets these conditions at once."""
    named = [f"`{written(condition)}`" for condition in members]
    if len(named) == 1:
        return f"no answer meets {named[0]}"
    if len(named) == 2:
        return f"no answer meets both {named[0]} and {named[1]}"
    if len(named) > MOST_NAMED:
        named[MOST_NAMED - 1 :] = [f"{len(named) - MOST_NAMED + 1} more"]
    return f"no answer meets all of {', '.join(named[:-1])} and {named[-1]}"


def written(condition: Condition) -> str:
    """A condition as a policy writes it, shortened."""
    if isinstance(condition, Group):
        return f"{condition.kind}: [{', '.join(written(member) for member in condition.members)}]"
    name = str(condition.operand) if isinstance(condition, Leaf) else condition.kind
    if len(condition.tests) == 1 and condition.tests[0].operator == BARE and isinstance(condition, Leaf):
        return f"{name}: {value_text(condition.tests[0].value)}"
    return (
        f"{name}: {{{', '.join(f'{test.operator}: {value_text(test.value)}' for test in condition.tests)}}}"
    )
