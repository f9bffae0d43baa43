"""Parts of a rule that can never hold, or say nothing of their own: entries of `any` and `none`, and what aggregates
count.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from checker.evaluation.condition_compiler import Compiler, tree
from checker.fields import FOUND_FIELD
from checker.model import Aggregate, Condition, Group
from checker.policy.condition_tree import fields_of, walk
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_grid import AnswerGrid
from checker.policytest.datastore_mixtures import aggregate_measure
from checker.policytest.rule_claims import RuleClaims, TriedAnswers, condition_text
from checker.problems import Problem

MOST_PAIRS = 600
"""Pairs of entries of one rule that are compared with each other."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A member of `any` or `none`, with the `context` that holds beside it; `kind` says which, `group` is the members' own."""

    member: Condition
    context: tuple[Condition, ...]
    kind: str
    group: int

    @property
    def every(self) -> tuple[Condition, ...]:
        """All that holds where it matters."""
        return (*self.context, self.member)


def alternatives(condition: Condition | None, context: tuple[Condition, ...]) -> Iterator[Alternative]:
    """The members of every `any` and `none` of several in a condition, beside which a context holds."""
    if not isinstance(condition, Group):
        return
    members = condition.members
    for at, member in enumerate(members):
        rest = members[:at] + members[at + 1 :] if condition.kind == "all" else ()
        if condition.kind != "all" and len(members) > 1:
            yield Alternative(member, context, condition.kind, id(condition))
        yield from alternatives(member, (*context, *rest))


class ConditionClaims(RuleClaims):
    """Claims on the parts of a rule."""

    def problems(self) -> Iterator[Problem]:
        """Entries of `any` and `none` that can never hold where the rest of the rule does, or only where another one does."""
        when = () if self.rule.when is None else (self.rule.when,)
        for condition, context in ((self.rule.when, ()), (self.rule.condition, when)):
            every, living = list(alternatives(condition, context)), []
            met = self.answers.ever(*(self.answers.together(entry.member, *entry.context) for entry in every))
            for entry, some in zip(every, met, strict=True):
                if some:
                    living.append(entry)
                elif self.proved(entry.every, f"whether `{condition_text(entry.member)}` can ever hold"):
                    text = f": an entry of `{entry.kind}` can never hold{' beside the rest' if entry.context else ''}"
                    yield self.warning(entry.member, text, self.refusal(self.answers, *entry.every))
            yield from self._subsumed(living)

    def counted(self) -> Iterator[Problem]:
        """`of` and `among` of aggregates that can never hold of an image set, alone or together."""
        grid = self.space.inner
        if grid is None:
            return
        images = TriedAnswers(grid.rows, Compiler(AS_OF))
        for leaf in (*walk(self.rule.when), *walk(self.rule.condition)):
            if not isinstance(leaf, Aggregate):
                continue
            parts = [
                (name, part) for name, part in (("among", leaf.among), ("of", leaf.of)) if part is not None
            ]
            held = images.ever(*(images.together(part) for _, part in parts))
            dead = [part for part, met in zip(parts, held, strict=True) if not met]
            for name, part in dead:
                if self.proved([part], f"whether `{name}` of `{leaf.kind}` can ever hold", grid):
                    text = f": `{name}` of `{leaf.kind}` can never hold"
                    yield self.warning(part, text, f"no image set meets it{self.defaulted.rests([part])}")
            if not dead and leaf.among is not None and leaf.of is not None:
                yield from self._share(leaf.kind, leaf.of, leaf.among, images, grid)

    def _share(
        self, kind: str, of: Condition, among: Condition, images: TriedAnswers, grid: AnswerGrid
    ) -> Iterator[Problem]:
        """A share that is always none, or all."""
        holds, breaks = images.ever(images.together(among, of), images.together(among) & ~images.together(of))
        if (holds and breaks) or not grid.proves([*fields_of(of), *fields_of(among)]):
            return
        if not holds:
            text = f": `of` of `{kind}` can never hold where `among` does: the share is always 0%"
            yield self.warning(of, text, self.refusal(images, among, of, what="image set"))
        else:
            text = f": `of` of `{kind}` holds wherever `among` does, or is unknown: the share is always 100%"
            yield self.warning(of, text, self.defaulted.rests([of, among]))

    def _subsumed(self, living: Sequence[Alternative]) -> Iterator[Problem]:
        """Entries that hold only where another one of theirs does."""
        pairs = [
            (entry, other)
            # of two that are the same the later one is superfluous
            for entry, other in permutations(reversed(living), 2)
            if entry.group == other.group and depends(other.member) <= {FOUND_FIELD, *depends(entry.member)}
        ]
        if len(pairs) > MOST_PAIRS:
            self.missed.append(
                f"which of the {len(living)} entries of `any` and `none` say nothing of their own"
            )
            return
        of = self.answers.compiler.condition
        apart = [
            self.answers.together(*entry.every)
            & tree(operator.or_, [~of(other.member), of(other.member).isnull()])
            for entry, other in pairs
        ]
        gone: set[int] = set()
        for (entry, other), alone in zip(pairs, self.answers.ever(*apart), strict=True):
            if alone or id(entry) in gone or id(other) in gone or not self._proves_both(entry, other):
                continue
            gone.add(id(entry))
            text = f": an entry of `{entry.kind}` says nothing of its own: wherever it holds, `{condition_text(other.member)}` holds too"
            rests = self.defaulted.rests([entry.member, other.member, *entry.context])
            yield self.warning(entry.member, text, rests)

    def _proves_both(self, entry: Alternative, other: Alternative) -> bool:
        """A single comparison is decided exactly where image sets are undecided; of several it may be that each is
        undecided and all together are not."""
        parts = (*entry.every, other.member)
        counts = any(
            isinstance(leaf, Aggregate) for part in (entry.member, other.member) for leaf in walk(part)
        )
        stores = self.space.stores
        exact = stores is None or stores.undecided or not isinstance(other.member, Group)
        read = [field for part in parts for field in fields_of(part)]
        return (exact or not counts) and self.space.proves(read)


def depends(condition: Condition | None) -> set[object]:
    """What the truth of a condition hangs on."""
    counted = {aggregate_measure(leaf) for leaf in walk(condition) if isinstance(leaf, Aggregate)}
    return {*fields_of(condition), *counted}
