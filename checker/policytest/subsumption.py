"""Rules that say nothing of their own: wherever one fails, another one that is as severe fails too.

Most pairs are told apart by a few answers on which the one rule fails, all at once. Only those that are not are tried on
every answer that the two tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from duckdb import OutOfMemoryException

from checker.evaluation.condition_compiler import CODES, verdict
from checker.model import Group, Rule, Verdict
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_grid import KEY
from checker.policytest.answer_space import AnswerSpace, Hints, answers_needed
from checker.policytest.counterexample import flow_yaml
from checker.policytest.datastore_mixtures import ANY_NUMBER
from checker.policytest.param_defaults import default_remark
from checker.policytest.rule_pairs import FailingAnswers, RulePair, rule_pairs
from checker.policytest.satisfiability import ProofGap
from checker.problems import Problem
from checker.sql import Connection, col, func, lit

PROOFS_EACH, PROOFS = 2, 20
"""Pairs that are tried on every answer: so many for each rule, and so many more."""
MOST_ANSWERS, LEAST_ANSWERS = 800_000, 10_000
"""Answers on which a rule is compared with others, all of them together, and what a comparison counts for at least: about two
seconds. It is no time that is bounded, so that the same policies have the same warnings on every machine."""
_FAIL = lit(CODES[Verdict.FAIL])
_LATE = "not compared with every other rule: there are too many that are alike"
_LARGE = "not compared with every other rule: too many kinds of answers would have to be tried"


def subsumed_rules(
    connection: Connection, rules: Sequence[FailingAnswers]
) -> tuple[list[Problem], list[ProofGap]]:
    """Warnings of rules that another one makes superfluous, and what was not found out of that."""
    problems: dict[str, Problem] = {}
    missed: dict[str, ProofGap] = {}
    proofs = PROOFS + PROOFS_EACH * len(rules)
    answers: dict[str, int] = {}
    for pair in rule_pairs(connection, rules):
        rule, other = pair.failing.rule, pair.other.rule
        if rule.name in problems or other.name in problems:
            continue
        late = proofs == 0 or not pair.tried
        if late or answers.get(rule.name, 0) >= MOST_ANSWERS:
            missed.setdefault(rule.name, ProofGap(rule.name, rule.where, _LATE if late else _LARGE))
            continue
        proofs -= 1
        needed = _answers_needed(connection, pair)
        answers[rule.name] = answers.get(rule.name, 0) + max(needed or 0, LEAST_ANSWERS)
        found = None if needed is None else _compared(connection, pair, f"pair{proofs}_")
        if isinstance(found, Problem):
            problems[rule.name] = found
        elif found is None:
            text = f"not found out whether it says anything of its own beside {other.name}"
            missed.setdefault(rule.name, ProofGap(rule.name, rule.where, text))
    return list(problems.values()), [note for name, note in missed.items() if name not in problems]


def _texts(pair: RulePair) -> Hints:
    """The texts that the tests of both rules give."""
    both = (pair.failing.texts, pair.other.texts)
    return {path: [text for texts in both for text in texts.get(path, ())] for path in {*both[0], *both[1]}}


def _answers_needed(connection: Connection, pair: RulePair) -> int | None:
    """How many answers tell apart what the rules of a pair tell apart; None where they cannot all be tried."""
    return answers_needed(connection, [pair.failing.rule, pair.other.rule], AS_OF, _texts(pair))


def _compared(connection: Connection, pair: RulePair, name: str) -> Problem | bool | None:
    """That the rule is shadowed, with an answer on which both fail; False where it is not; None where that was not found
    out."""
    failure, other = pair.failing, pair.other
    rules = [failure.rule, other.rule]
    try:
        with AnswerSpace(connection, rules, AS_OF, _texts(pair), most_sets=ANY_NUMBER, name=name) as space:
            codes = [verdict(rule, AS_OF, space.columns).alias(f"v{at}") for at, rule in enumerate(rules)]
            failing = space.rows.select(col(KEY), *codes).filter(col("v0") == _FAIL)
            alone = func("count_if", col("v1") != _FAIL)
            least, count = failing.aggregate([func("min", col(KEY)), alone]).fetchall()[0]
            if count or least is None:
                return False
            exact = space.stores is None or space.stores.undecided or _plain(other.rule)
            if not exact or not space.proves((*failure.rule.fields, *other.rule.fields)):
                return None
            shown = f"both fail on `given: {flow_yaml(space.given(least))}`"
    except OutOfMemoryException:
        return None
    text = f"the rule {failure.rule.id} is shadowed: wherever it fails, {other.rule.name} ({other.rule.where}) fails too"
    hint = shown + default_remark({**failure.defaulted.every, **other.defaulted.every})
    return Problem(failure.rule.where, text, hint, warning=True)


def _plain(rule: Rule) -> bool:
    """Whether a rule fails where each of some comparisons holds: that is decided exactly where image sets are undecided."""
    parts = [part for part in (rule.when, rule.condition) if part is not None]
    if not rule.deny and (isinstance(rule.condition, Group) or len(rule.condition.tests) > 1):
        return False
    return all(not isinstance(part, Group) or _conjunction(part) for part in parts)


def _conjunction(group: Group) -> bool:
    return group.kind == "all" and all(
        not isinstance(member, Group) or _conjunction(member) for member in group.members
    )
