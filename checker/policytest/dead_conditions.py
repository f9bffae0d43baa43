"""Parts of a rule that can never hold, or say nothing of their own: entries of `any` and `none`, and what aggregates
count.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from checker.evaluation.compile import Compiler, tree
from checker.fields import FOUND
from checker.model import Aggregate, Condition, Field, Group, Rule
from checker.policy.condition_tree import fields_of, walk
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_space import AnswerSpace
from checker.policytest.conflict import Answers, conflict, entries, refusal, written
from checker.policytest.datastores import measure
from checker.policytest.mutants import place
from checker.problems import Problem

MOST_PAIRS = 600
"""Pairs of entries of one rule that are compared with each other."""

Proves = Callable[[Sequence[Field]], bool]
Rests = Callable[[Sequence[Condition]], str]
"""What a claim on conditions rests on beside them: the defaults of parameters."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A member of `any` or `none`, with what holds beside it; `kind` says which, `group` is the members' number."""

    member: Condition
    context: tuple[Condition, ...]
    kind: str
    group: int


def alternatives(condition: Condition | None, beside: Condition | None) -> list[Alternative]:
    """The members of every `any` and `none` of several in a condition."""
    found: list[Alternative] = []
    groups = 0

    def add(part: Condition | None, context: tuple[Condition, ...]) -> None:
        nonlocal groups
        if not isinstance(part, Group):
            return
        groups += 1
        here = groups
        for at, member in enumerate(part.members):
            rest = part.members[:at] + part.members[at + 1 :] if part.kind == "all" else ()
            if part.kind != "all" and len(part.members) > 1:
                found.append(Alternative(member, context, part.kind, here))
            add(member, (*context, *rest))

    add(condition, () if beside is None else (beside,))
    return found


class Parts:
    """The parts of a rule, tried on its answers. `missed` says what was not found out of them."""

    def __init__(self, rule: Rule, space: AnswerSpace, answers: Answers, rests: Rests) -> None:
        self.rule = rule
        self.space = space
        self.answers = answers
        self.rests = rests
        self.missed: list[str] = []

    def problems(self) -> Iterator[Problem]:
        """Entries of `any` and `none` that can never hold where the rest of the rule does, or only where another one does."""
        for condition, beside in ((self.rule.when, None), (self.rule.condition, self.rule.when)):
            every = alternatives(condition, beside)
            truths = [
                self.answers.together((alternative.member, *alternative.context)) for alternative in every
            ]
            living = []
            for alternative, met in zip(every, self.answers.ever(truths), strict=True):
                if met:
                    living.append(alternative)
                elif self.space.proves(_read(alternative.member, *alternative.context)):
                    yield self._dead(alternative)
                else:
                    self.missed.append(f"whether `{written(alternative.member)}` can ever hold")
            yield from self._shadowed(living)

    def counted(self) -> Iterator[Problem]:
        """`of` and `among` of aggregates that can never hold of an image set, alone or together."""
        grid = self.space.inner
        if grid is None:
            return
        images = Answers(grid.rows, Compiler(AS_OF))
        for leaf in (*walk(self.rule.when), *walk(self.rule.condition)):
            if not isinstance(leaf, Aggregate):
                continue
            parts = [
                (name, part) for name, part in (("among", leaf.among), ("of", leaf.of)) if part is not None
            ]
            held = images.ever([images.compiler.condition(part) for _, part in parts])
            dead = [item for item, met in zip(parts, held, strict=True) if not met]
            for name, part in dead:
                text = f"`{name}` of `{leaf.kind}` can never hold"
                if grid.proves(_read(part)):
                    yield self._problem(part, text, f"no image set meets it{self.rests([part])}")
                else:
                    self.missed.append(f"whether {text.replace('never', 'ever')}")
            if not dead and leaf.among is not None and leaf.of is not None:
                yield from self._excluded(leaf, leaf.of, leaf.among, images)

    def _excluded(
        self, leaf: Aggregate, of: Condition, among: Condition, images: Answers
    ) -> Iterator[Problem]:
        """A share that is always none, or all."""
        holds, breaks = (
            images.ever([images.together((among, of))])[0],
            images.ever([images.compiler.condition(among) & ~images.compiler.condition(of)])[0],
        )
        grid = self.space.inner
        assert grid is not None
        if (holds and breaks) or not grid.proves(_read(of, among)):
            return
        if not holds:
            pair = conflict(images, [*entries(among), *entries(of)])
            text = f"`of` of `{leaf.kind}` can never hold where `among` does: the share is always 0%"
            hint = refusal(pair).replace("no answer", "no image set") + self.rests(pair)
            yield self._problem(of, text, hint)
        else:
            text = (
                f"`of` of `{leaf.kind}` holds wherever `among` does, or is unknown: the share is always 100%"
            )
            yield self._problem(of, text, self.rests([of, among]).removeprefix("; "))

    def _dead(self, alternative: Alternative) -> Problem:
        every = [entry for part in (*alternative.context, alternative.member) for entry in entries(part)]
        pair = conflict(self.answers, every)
        text = f"an entry of `{alternative.kind}` can never hold{' beside the rest' if alternative.context else ''}"
        return self._problem(alternative.member, text, refusal(pair) + self.rests(pair))

    def _shadowed(self, living: Sequence[Alternative]) -> Iterator[Problem]:
        """Entries that hold only where another one of theirs does."""
        pairs = [
            (item, other)
            # of two that are the same the later one is superfluous
            for item, other in permutations(reversed(living), 2)
            if item.group == other.group and depends(other.member) <= {FOUND, *depends(item.member)}
        ]
        if len(pairs) > MOST_PAIRS:
            self.missed.append(
                f"which of the {len(living)} entries of `any` and `none` say nothing of their own"
            )
            return
        of = self.answers.compiler.condition
        apart = [
            self.answers.together((item.member, *item.context))
            & tree(operator.or_, [~of(other.member), of(other.member).isnull()])
            for item, other in pairs
        ]
        gone: set[int] = set()
        for (alternative, other), alone in zip(pairs, self.answers.ever(apart), strict=True):
            read = _read(alternative.member, other.member, *alternative.context)
            if (
                alone
                or id(alternative) in gone
                or id(other) in gone
                or not self._proves_both(alternative, other, read)
            ):
                continue
            gone.add(id(alternative))
            text = f"an entry of `{alternative.kind}` says nothing of its own: wherever it holds, `{written(other.member)}` holds too"
            yield self._problem(
                alternative.member,
                text,
                self.rests([alternative.member, other.member, *alternative.context]).removeprefix("; "),
            )

    def _proves_both(self, alternative: Alternative, other: Alternative, read: Sequence[Field]) -> bool:
        """A single comparison is decided exactly where image sets are undecided; of several it may be that each is
        undecided and all together are not."""
        counts = any(
            isinstance(leaf, Aggregate) for part in (alternative.member, other.member) for leaf in walk(part)
        )
        stores = self.space.stores
        exact = stores is None or stores.undecided or not isinstance(other.member, Group)
        return (exact or not counts) and self.space.proves(read)

    def _problem(self, part: Condition, text: str, hint: str) -> Problem:
        return Problem(place(part), f"the rule {self.rule.id}: {text}", hint, warning=True)


def _read(*conditions: Condition) -> list[Field]:
    return [field for condition in conditions for field in fields_of(condition)]


def depends(condition: Condition | None) -> set[object]:
    """What the truth of a condition hangs on."""
    counted = {measure(leaf) for leaf in walk(condition) if isinstance(leaf, Aggregate)}
    return {*fields_of(condition), *counted}
