"""Rules that say nothing of their own: wherever one fails, another one that is as severe fails too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import FunctionExpression as Function

from checker.evaluation.compile import CODES, verdict
from checker.evidence.snapshot import connect
from checker.fields import FOUND
from checker.model import Aggregate, Rule, Verdict
from checker.policy.cases import AS_OF
from checker.policy.params import leaves
from checker.problems import Problem
from checker.proving.grid import KEY
from checker.proving.trial import Trial, hints
from checker.proving.witness import flow


def shadowed(rules: Sequence[Rule]) -> list[Problem]:
    """Warnings of rules, with bound parameters, that another one makes superfluous."""
    problems: dict[str, Problem] = {}
    for rule, other in _candidates(rules):
        if rule.name not in problems and other.name not in problems:
            witness = _witness(rule, other)
            if witness:
                text = f"the rule {rule.id} is shadowed: wherever it fails, {other.name} ({other.where}) fails too"
                problems[rule.name] = Problem(rule.where, text, f"both fail on {witness}", warning=True)
    return list(problems.values())


def _candidates(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Pairs that are worth trying: what the other rule reads the rule reads too, else it would hang on more."""
    plain = [rule for rule in rules if not any(isinstance(leaf, Aggregate) for leaf in leaves(rule))]
    for at, rule in enumerate(plain):
        own = set(rule.fields) | {FOUND}
        for place, other in enumerate(plain):
            if other is rule or other.scope != rule.scope or not set(other.fields) <= own:
                continue
            # of two that are the same the later one is superfluous
            same = set(other.fields) == set(rule.fields) and other.severity is rule.severity
            shared = set(other.fields) & set(rule.fields) and other.severity.rank >= rule.severity.rank
            if shared and (not same or place < at or _stricter(rule, other)):
                yield rule, other


def _stricter(rule: Rule, other: Rule) -> bool:
    return (rule.when, rule.condition) != (other.when, other.condition)


def _witness(rule: Rule, other: Rule) -> str:
    """An answer on which both fail, where the other one fails whenever the rule does; else nothing."""
    with connect() as connection:
        trial = Trial(connection, [rule, other], AS_OF, hints([rule, other]))
        if not trial.proves((*rule.fields, *other.fields)):
            return ""
        codes = [verdict(one, AS_OF).alias(f"v{at}") for at, one in enumerate((rule, other))]
        failing = trial.rows.select(Column(KEY), *codes).filter(Column("v0") == Constant(CODES[Verdict.FAIL]))
        alone = Function("count_if", Column("v1") != Constant(CODES[Verdict.FAIL]))
        least, count = failing.aggregate([Function("min", Column(KEY)), alone]).fetchall()[0]
        return "" if least is None or count else f"`given: {flow(trial.given(least))}`"
