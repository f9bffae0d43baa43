"""Rules that can never fail, or never pass, and parts of them that can never hold: proved by trying every kind of answer
that the rule can tell apart. What was not proved is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from checker.evaluation.condition_compiler import CODES, verdict
from checker.model import Condition, Location, Verdict
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_space import AnswerSpace
from checker.policytest.dead_conditions import ConditionClaims
from checker.policytest.param_defaults import DefaultedRule
from checker.policytest.rule_claims import RuleClaims, fields_read
from checker.problems import Problem
from checker.sql import Expression, lit

MOST_MISSED = 5


@dataclass(frozen=True, slots=True)
class ProofGap:
    """Something about a rule that the proofs did not find out."""

    rule: str
    where: Location
    text: str


def impossible_parts(defaulted: DefaultedRule, space: AnswerSpace) -> tuple[list[Problem], list[ProofGap]]:
    """What of a rule can never be, as warnings, the rule as a whole before its parts; and what was not found out.

    Args:
        defaulted: the rule with bound parameters.
        space: its answers.
    """
    whole, parts = _Whole(defaulted, space), ConditionClaims(defaulted, space)
    problems = list(parts.counted())
    claim = next((claim for claim in whole.claims() if whole.proved(claim.read, claim.question)), None)
    # what is counted is why a whole rule can never be otherwise
    if claim is None:
        problems += [*(() if problems else whole.idle()), *parts.problems()]
    elif not problems:
        problems.append(whole.warning(claim.read[-1], f" {claim.text}", claim.why()))
    texts = _open(space, list(dict.fromkeys((*whole.missed, *parts.missed))))
    return problems, [ProofGap(defaulted.rule.name, defaulted.rule.where, text) for text in texts]


def _open(space: AnswerSpace, missed: list[str]) -> Iterator[str]:
    """What was not found out, and why not; nothing where every question was answered."""
    missed[MOST_MISSED:] = [f"{len(missed) - MOST_MISSED} more"] * (len(missed) > MOST_MISSED)
    large = next((grid for grid in space.grids if grid.sampled), None)
    if large is not None:
        text = f"too large to examine whole: {large.tried:,} of {large.total:,} kinds of answers were tried"
        yield text + (f"; not found out: {', '.join(missed)}" if missed else "")
    elif missed:
        partial = sorted({path for grid in space.grids for path in grid.partial})
        cause = f"not every value of {', '.join(partial)} can be tried" if partial else "it counts too much"
        yield f"not found out, since {cause}: {', '.join(missed)}"


@dataclass(frozen=True, slots=True)
class _Claim:
    """Something that no answer shows of the conditions in `read`, the last one being its place; `why` not, and the question
    that is open where that proves nothing."""

    text: str
    read: Sequence[Condition]
    why: Callable[[], str]
    question: str


class _Whole(RuleClaims):
    """Claims on a rule as a whole."""

    def claims(self) -> Iterator[_Claim]:
        """What no answer shows, the first being the cause of the others."""
        rule, of = self.rule, self.answers.compiler.condition
        own = [rule.condition]
        both = own if rule.when is None else [rule.when, *own]
        condition = of(rule.condition)
        applicable = condition.isnotnull() if rule.when is None else of(rule.when)
        fails, passes = self._is(Verdict.FAIL), self._is(Verdict.PASS)
        applies, holds, breaks, fail, succeed = self.answers.ever(
            applicable, condition, ~condition, fails, passes
        )
        word, other = ("deny", "does") if rule.deny else ("require", "is false")
        never = ("fail", "pass where it applies")[:: 1 if rule.deny else -1]
        questions = {"fail": "whether it can fail", "pass where it applies": "whether it can pass"}
        if rule.when is not None and not applies:
            text = "never applies: `when` can never hold"
            yield _Claim(text, [rule.when], partial(self._why, rule.when), "whether it ever applies")
        if not holds:
            text = f"can never {never[0]}: the condition of `{word}` can never hold"
            yield _Claim(text, own, partial(self._why, *own), questions[never[0]])
        if not breaks:
            text = f"can never {never[1]}: the condition of `{word}` is never false"
            yield _Claim(text, own, partial(self.defaulted.rests, own), questions[never[1]])
        if not fail:
            text = f"can never fail: where `when` holds, the condition of `{word}` never {other}"
            yield _Claim(text, both, partial(self._why, *both), questions["fail"])
        if not succeed:
            why = "no answer of any kind passes" + self.defaulted.rests(both)
            yield _Claim("can never pass", both, lambda: why, questions["pass where it applies"])

    def idle(self) -> Iterator[Problem]:
        """A `when` that leaves nothing out."""
        when = self.rule.when
        if when is None or self.answers.ever(~self.answers.compiler.condition(when))[0]:
            return
        if self.proved([when], "whether `when` leaves anything out"):
            yield self.warning(when, " applies always: `when` is never false", self.defaulted.rests([when]))

    def _is(self, wanted: Verdict) -> Expression:
        return verdict(self.rule, AS_OF, self.space.columns) == lit(CODES[wanted])

    def _why(self, *conditions: Condition) -> str:
        """The entries of conditions that no answer meets at once."""
        proved = self.space.proves(fields_read(*conditions))
        return self.refusal(self.answers, *conditions) if proved else ""
