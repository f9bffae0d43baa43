"""Pairs of rules of which the first may say nothing of its own: a few answers on which it fails are all failed by the other.

Rules that read the same fields share a table of such answers, and so do those that read few others: each rule is made an
expression once for a table, so that twice the rules cost about twice as much, whatever they read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from checker.evaluation.condition_compiler import CODES, verdict
from checker.fields import FOUND_FIELD
from checker.model import Aggregate, Field, Rule, RuleScope, Verdict
from checker.policy.params import rule_leaves
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_grid import KEY
from checker.policytest.answer_space import AnswerSpace, Hints
from checker.policytest.dead_conditions import depends
from checker.policytest.param_defaults import DefaultedRule
from checker.sql import Connection, col, func, lit

FEW = 4
"""Failing answers that differ least from a healthy one, and as many others, by which a rule is told from others."""
MOST_JUDGED = 20_000_000
"""Verdicts of all rules on all of those answers together."""
WIDEST = 60
"""Fields of a table of failing answers, beyond which others have a table of their own."""
_FAIL = lit(CODES[Verdict.FAIL])
_BATCH = 50


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


@dataclass(frozen=True, slots=True)
class RulePair:
    """A rule and another one that may make it superfluous. `tried` says that answers could have told them apart, or that none
    can: not so where there are too many rules for that."""

    failing: FailingAnswers
    other: FailingAnswers
    tried: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    """Rules of one scope whose failing answers share a table, by their places in the list of all; `read` are the sets of
    fields that they read."""

    places: list[int]
    read: list[frozenset[Field]]

    def tells(self, rule: Rule) -> bool:
        """Whether some of the answers have all that a rule reads."""
        needed = set(rule.fields)
        return any(needed <= {*fields, FOUND_FIELD} for fields in self.read)


def failing_answers(defaulted: DefaultedRule, space: AnswerSpace, texts: Hints, table: str) -> FailingAnswers:
    """Keeps some of the answers on which a rule fails."""
    failing = space.rows.filter(verdict(defaulted.rule, AS_OF, space.columns) == _FAIL)
    first = failing.order(KEY).limit(FEW)
    others = failing.order(f"hash({KEY}), {KEY}").limit(FEW)
    first.union(others).to_table(table)
    return FailingAnswers(defaulted, texts, table)


def rule_pairs(connection: Connection, rules: Sequence[FailingAnswers]) -> Iterator[RulePair]:
    """The pairs that are worth a proof, in the order of the rules. What counts image sets is told apart by nothing here."""
    alike = _alike(connection, rules)
    read = [depends(failure.rule.when) | depends(failure.rule.condition) for failure in rules]
    for at, failure in enumerate(rules):
        others = alike.get(at)
        counts = _counts(failure.rule)
        for place in range(len(rules)) if others is None else sorted(others):
            other = rules[place]
            # what the other rule reads the rule reads too, else it would hang on more
            if place == at or not read[place] <= read[at] | {FOUND_FIELD}:
                continue
            same = read[place] == read[at]
            if read[place] & read[at] and _stronger(other.rule, failure.rule, same=same, earlier=place < at):
                yield RulePair(failure, other, tried=counts or others is not None)


def _stronger(other: Rule, rule: Rule, *, same: bool, earlier: bool) -> bool:
    """Whether a rule may make another one superfluous: it is as severe, and of two that are the same the earlier one."""
    if other.scope != rule.scope or other.severity.rank < rule.severity.rank:
        return False
    differ = (rule.when, rule.condition) != (other.when, other.condition)
    return not same or other.severity is not rule.severity or earlier or differ


def _counts(rule: Rule) -> bool:
    return any(isinstance(leaf, Aggregate) for leaf in rule_leaves(rule))


def _alike(connection: Connection, rules: Sequence[FailingAnswers]) -> Mapping[int, set[int]]:
    """For each rule, by place, those that fail on all of its answers; none for one that counts, or was not tried."""
    plain = [at for at, failure in enumerate(rules) if not _counts(failure.rule)]
    alike: dict[int, set[int]] = {}
    judged = 0
    for several in _shared(rules, plain):
        scope = rules[several.places[0]].rule.scope
        judges = [at for at in plain if rules[at].rule.scope == scope and several.tells(rules[at].rule)]
        judged += 2 * FEW * len(several.places) * len(judges)
        if judged > MOST_JUDGED:
            break
        # where none fails there is nothing that could be superfluous
        alike |= {at: set() for at in several.places}
        _fill(connection, rules, several.places)
        for begin in range(0, len(judges), _BATCH):
            some = judges[begin : begin + _BATCH]
            codes = [verdict(rules[at].rule, AS_OF).alias(f"v{at}") for at in some]
            every = [func("bool_and", col(f"v{at}") == _FAIL).alias(f"o{at}") for at in some]
            rows = connection.table("failing").select(col("rule"), *codes)
            for at, *failed in rows.aggregate([col("rule"), *every], "rule").fetchall():
                alike[at] |= {other for other, fails in zip(some, failed, strict=True) if fails}
        connection.execute("DROP TABLE failing")
    return alike


def _shared(rules: Sequence[FailingAnswers], plain: Iterable[int]) -> Iterator[_Rules]:
    """The rules by the table that their answers go to: those of one scope, together as many fields as a table may have."""
    kinds: dict[tuple[RuleScope, frozenset[Field]], list[int]] = {}
    for at in plain:
        rule = rules[at].rule
        kinds.setdefault((rule.scope, frozenset(rule.fields)), []).append(at)
    for scope in dict.fromkeys(scope for scope, _ in kinds):
        places: list[int] = []
        read: list[frozenset[Field]] = []
        for (found, fields), some in kinds.items():
            if found != scope:
                continue
            if read and len(fields.union(*read)) > WIDEST:
                yield _Rules(places, read)
                places, read = [], []
            places, read = [*places, *some], [*read, fields]
        yield _Rules(places, read)


def _fill(connection: Connection, rules: Sequence[FailingAnswers], places: Sequence[int]) -> None:
    """Makes the table `failing` of those of some rules, each row with the place of its rule. A column of one name has one type
    in all of them; one that a table lacks is null. Names are ours."""
    different = {frozenset(rules[at].rule.fields): rules[at].table for at in places}
    columns = " UNION ALL BY NAME ".join(f"SELECT * FROM {table} WHERE false" for table in different.values())  # noqa: S608
    connection.execute(f"CREATE TABLE failing AS SELECT 0::BIGINT AS rule, * FROM ({columns})")  # noqa: S608
    for at in places:
        connection.execute(f"INSERT INTO failing BY NAME SELECT {at} AS rule, * FROM {rules[at].table}")  # noqa: S608
