"""Rules that can never fail, or never pass, and parts of them that can never hold: proved by trying every kind of answer
that the rule can tell apart. What was not proved is not said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checker.evaluation.compile import CODES, Compiler, verdict
from checker.model import Condition, Field, Location, Verdict
from checker.policy.condition_tree import fields_of
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_space import AnswerSpace
from checker.policytest.conflict import Answers, conflict, entries, refusal
from checker.policytest.dead_conditions import Parts
from checker.policytest.mutants import place
from checker.policytest.param_defaults import Ready
from checker.problems import Problem
from checker.sql import Expression, lit

MOST_MISSED = 5


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a rule that the proofs did not find out."""

    rule: str
    where: Location
    text: str


def impossible(ready: Ready, space: AnswerSpace) -> tuple[list[Problem], list[Note]]:
    """What of a rule can never be, as warnings; and what was not found out.

    Args:
        ready: the rule with bound parameters.
        space: its answers.
    """
    checked = _Checked(ready, space)
    problems = list(checked.problems())
    rule = ready.rule
    notes = [Note(rule.name, rule.where, text) for text in checked.notes()]
    return problems, notes


@dataclass(frozen=True, slots=True)
class _Claim:
    """Something that no answer shows of conditions, with what they hang on; `question` is what is open where that proves
    nothing."""

    text: str
    where: Condition
    read: tuple[Field, ...]
    why: str
    question: str


class _Checked:
    """One rule on its answers."""

    def __init__(self, ready: Ready, space: AnswerSpace) -> None:
        self.ready = ready
        self.rule = ready.rule
        self.space = space
        self.answers = Answers(space.rows, Compiler(AS_OF, space.columns))
        self.code = verdict(self.rule, AS_OF, space.columns)
        self.parts = Parts(self.rule, space, self.answers, ready.rests)
        self.missed: list[str] = []

    def problems(self) -> Iterator[Problem]:
        """What can never be, the rule as a whole before its parts."""
        found = list(self.parts.counted())
        yield from found
        for claim in self._claims():
            if self.space.proves(claim.read):
                if not found:  # what is counted is why
                    yield self._whole(claim)
                return
            self.missed.append(claim.question)
        if not found and self.rule.when is not None:
            yield from self._idle(self.rule.when)
        yield from self.parts.problems()

    def notes(self) -> Iterator[str]:
        """What was not found out, and why not; nothing where every question was answered."""
        missed = list(dict.fromkeys((*self.missed, *self.parts.missed)))
        missed[MOST_MISSED:] = [f"{len(missed) - MOST_MISSED} more"] * (len(missed) > MOST_MISSED)
        large = next((grid for grid in self.space.grids if grid.sampled), None)
        if large is not None:
            text = (
                f"too large to examine whole: {large.tried:,} of {large.total:,} kinds of answers were tried"
            )
            yield text + (f"; not found out: {', '.join(missed)}" if missed else "")
        elif missed:
            partial = sorted({path for grid in self.space.grids for path in grid.partial})
            cause = (
                f"not every value of {', '.join(partial)} can be tried" if partial else "it counts too much"
            )
            yield f"not found out, since {cause}: {', '.join(missed)}"

    def _claims(self) -> Iterator[_Claim]:
        """What no answer shows, the first being the cause of the others."""
        rule, of = self.rule, self.answers.compiler.condition
        condition, when = of(rule.condition), None if rule.when is None else of(rule.when)
        truths = [
            condition, ~condition, self._is(Verdict.FAIL), self._is(Verdict.PASS), condition.isnotnull() if when is None else when,
        ]  # fmt: skip
        holds, breaks, fails, passes, applies = self.answers.ever(truths)
        word = "deny" if rule.deny else "require"
        own, every = tuple(fields_of(rule.condition)), (*fields_of(rule.when), *fields_of(rule.condition))
        fail, succeed = "fail", "pass where it applies"
        questions = {fail: "whether it can fail", succeed: "whether it can pass"}
        if rule.when is not None and not applies:
            text, read = "never applies: `when` can never hold", tuple(fields_of(rule.when))
            yield _Claim(text, rule.when, read, self._why(rule.when, None), "whether it ever applies")
        if not holds:
            what = fail if rule.deny else succeed
            text = f"can never {what}: the condition of `{word}` can never hold"
            why = self._why(rule.condition, None)
            yield _Claim(text, rule.condition, own, why, questions[what])
        if not breaks:
            what = succeed if rule.deny else fail
            text = f"can never {what}: the condition of `{word}` is never false"
            why = self.ready.rests([rule.condition]).removeprefix("; ")
            yield _Claim(text, rule.condition, own, why, questions[what])
        if not fails:
            text = f"can never fail: where `when` holds, the condition of `{word}` never {'does' if rule.deny else 'is false'}"
            yield _Claim(text, rule.condition, every, self._why(rule.condition, rule.when), questions[fail])
        if not passes:
            why = "no answer of any kind passes" + self.ready.rests(_both(rule.when, rule.condition))
            yield _Claim("can never pass", rule.condition, every, why, questions[succeed])

    def _idle(self, when: Condition) -> Iterator[Problem]:
        """A `when` that leaves nothing out."""
        if self.answers.ever([~self.answers.compiler.condition(when)])[0]:
            return
        if self.space.proves(tuple(fields_of(when))):
            text = f"the rule {self.rule.id} applies always: `when` is never false"
            yield Problem(place(when), text, self.ready.rests([when]).removeprefix("; "), warning=True)
        else:
            self.missed.append("whether `when` leaves anything out")

    def _is(self, wanted: Verdict) -> Expression:
        return self.code == lit(CODES[wanted])

    def _whole(self, claim: _Claim) -> Problem:
        return Problem(place(claim.where), f"the rule {self.rule.id} {claim.text}", claim.why, warning=True)

    def _why(self, condition: Condition, beside: Condition | None) -> str:
        """The entries of a condition that no answer meets at once."""
        if not self.space.proves(
            tuple(field for item in _both(beside, condition) for field in fields_of(item))
        ):
            return ""
        members = [entry for part in _both(beside, condition) for entry in entries(part)]
        found = conflict(self.answers, members)
        return refusal(found) + self.ready.rests(found)


def _both(condition: Condition | None, other: Condition | None) -> Sequence[Condition]:
    return [part for part in (condition, other) if part is not None]
