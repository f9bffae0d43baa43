"""Rules that say nothing of their own: wherever one fails, another one that is as severe fails too.

Most pairs are told apart by a few answers on which the one rule fails, all at once. Only those that are not are tried on
every answer that the two tell apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from duckdb import OutOfMemoryException

from checker.evaluation.condition_compiler import CODES, verdict
from checker.fields import FOUND_FIELD
from checker.model import Aggregate, Group, Rule, Verdict
from checker.policy.params import rule_leaves
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_grid import KEY
from checker.policytest.answer_space import AnswerSpace, Hints, provable
from checker.policytest.counterexample import flow_yaml
from checker.policytest.datastore_mixtures import ANY_NUMBER
from checker.policytest.dead_conditions import depends
from checker.policytest.param_defaults import DefaultedRule, default_remark
from checker.policytest.satisfiability import ProofGap
from checker.problems import Problem
from checker.sql import Connection, col, func, lit

FEW = 4
"""Failing answers that differ least from a healthy one, and as many others, by which a rule is told from others."""
MOST_JUDGED = 20_000_000
"""Verdicts of all rules on all of those answers together."""
PROOFS_EACH, PROOFS = 2, 20
"""Pairs that are tried on every answer: so many for each rule, and so many more."""
_FAIL = lit(CODES[Verdict.FAIL])
_BATCH = 50
_LATE = "not compared with every other rule: there are too many that are alike"


@dataclass(frozen=True, slots=True)
class FailingAnswers:
    """A rule with some answers on which it fails, in a table; `texts` are those that its tests give."""

    defaulted: DefaultedRule
    texts: Hints
    table: str

    @property
    def rule(self) -> Rule:
        """The rule, its parameters bound."""
        return self.defaulted.rule


def failing_answers(defaulted: DefaultedRule, space: AnswerSpace, texts: Hints, table: str) -> FailingAnswers:
    """Keeps some of the answers on which a rule fails."""
    failing = space.rows.filter(verdict(defaulted.rule, AS_OF, space.columns) == _FAIL)
    first = failing.order(KEY).limit(FEW)
    others = failing.order(f"hash({KEY}), {KEY}").limit(FEW)
    first.union(others).to_table(table)
    return FailingAnswers(defaulted, texts, table)


def subsumed_rules(
    connection: Connection, rules: Sequence[FailingAnswers]
) -> tuple[list[Problem], list[ProofGap]]:
    """Warnings of rules that another one makes superfluous, and what was not found out of that."""
    problems: dict[str, Problem] = {}
    missed: dict[str, ProofGap] = {}
    apart = _apart(connection, rules)
    proofs = PROOFS + PROOFS_EACH * len(rules)
    for failure, other in _candidates(rules):
        name = failure.rule.name
        if name in problems or other.rule.name in problems or apart.get((name, other.rule.name), False):
            continue
        if proofs == 0 or (name, other.rule.name) not in apart:
            missed.setdefault(name, ProofGap(name, failure.rule.where, _LATE))
            continue
        proofs -= 1
        found = _compared(connection, failure, other, f"pair{proofs}_")
        if isinstance(found, Problem):
            problems[name] = found
        elif found is None:
            text = f"not found out whether it says anything of its own beside {other.rule.name}"
            missed.setdefault(name, ProofGap(name, failure.rule.where, text))
    return list(problems.values()), [note for name, note in missed.items() if name not in problems]


def _candidates(rules: Sequence[FailingAnswers]) -> Iterator[tuple[FailingAnswers, FailingAnswers]]:
    """Pairs that are worth trying: what the other rule reads the rule reads too, else it would hang on more."""
    read = [depends(failure.rule.when) | depends(failure.rule.condition) for failure in rules]
    for at, failure in enumerate(rules):
        rule, own = failure.rule, read[at] | {FOUND_FIELD}
        for place, beside in enumerate(rules):
            other = beside.rule
            if other is rule or other.scope != rule.scope or not read[place] <= own:
                continue
            # of two that are the same the later one is superfluous
            same = read[place] == read[at] and other.severity is rule.severity
            shared = read[place] & read[at] and other.severity.rank >= rule.severity.rank
            differ = (rule.when, rule.condition) != (other.when, other.condition)
            if shared and (not same or place < at or differ):
                yield failure, beside


def _counts(rule: Rule) -> bool:
    return any(isinstance(leaf, Aggregate) for leaf in rule_leaves(rule))


def _apart(connection: Connection, rules: Sequence[FailingAnswers]) -> Mapping[tuple[str, str], bool]:
    """For pairs of rules whether some answer on which the first one fails is none to the second. What counts image sets
    is told apart by nothing here, and pairs that there are too many of are left out."""
    apart = {
        (failure.rule.name, other.rule.name): False
        for failure in rules
        for other in rules
        if _counts(failure.rule)
    }
    groups: dict[tuple[object, ...], list[FailingAnswers]] = {}
    for failure in rules:
        if not _counts(failure.rule):
            groups.setdefault((failure.rule.scope, frozenset(failure.rule.fields)), []).append(failure)
    judged = 0
    for (scope, fields), group in groups.items():
        assert isinstance(fields, frozenset)
        judges = [
            failure.rule
            for failure in rules
            if failure.rule.scope == scope
            and not _counts(failure.rule)
            and fields | {FOUND_FIELD} >= set(failure.rule.fields)
        ]
        judged += 2 * FEW * len(group) * len(judges)
        if judged > MOST_JUDGED:
            break
        # where none fails there is nothing that could be superfluous
        apart |= {(failure.rule.name, other.name): True for failure in group for other in judges}
        for at, failure in enumerate(group):
            # the same columns in all of them: they read the same fields; names are ours
            begin = "INSERT INTO failing BY NAME" if at else "CREATE TABLE failing AS"
            connection.execute(f"{begin} SELECT {at} AS rule, * FROM {failure.table}")  # noqa: S608
        for begin_at in range(0, len(judges), _BATCH):
            some = judges[begin_at : begin_at + _BATCH]
            codes = [verdict(item, AS_OF).alias(f"v{at}") for at, item in enumerate(some)]
            others = [func("bool_or", col(f"v{at}") != _FAIL).alias(f"o{at}") for at in range(len(some))]
            rows = connection.table("failing").select(col("rule"), *codes)
            for at, *seen in rows.aggregate([col("rule"), *others], "rule").fetchall():
                apart |= {
                    (group[at].rule.name, other.name): met for other, met in zip(some, seen, strict=True)
                }
        connection.execute("DROP TABLE failing")
    return apart


def _compared(
    connection: Connection, failure: FailingAnswers, other: FailingAnswers, name: str
) -> Problem | bool | None:
    """That the rule is shadowed, with an answer on which both fail; False where it is not; None where that was not found
    out."""
    rules = [failure.rule, other.rule]
    texts = {
        path: [*failure.texts.get(path, ()), *other.texts.get(path, ())]
        for path in {*failure.texts, *other.texts}
    }
    if not provable(connection, rules, AS_OF, texts):
        return None
    try:
        with AnswerSpace(connection, rules, AS_OF, texts, most_sets=ANY_NUMBER, name=name) as space:
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
