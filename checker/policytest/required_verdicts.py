"""Which verdicts a rule's tests have to show, and do not."""

from __future__ import annotations

import operator

from checker.evaluation.condition_compiler import CODES, tree, verdict
from checker.fields import SUCCESSOR
from checker.model import Pack, Rule, Verdict
from checker.policy.params import bind
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_space import AnswerSpace, hints
from checker.policytest.cases import CaseGroup, case_groups
from checker.snapshot.writer import connect
from checker.sql import col, lit

FEW = 20_000


def missing_verdicts(pack: Pack, rule: Rule) -> tuple[Verdict, ...]:
    """The verdicts that no test of a rule expects: pass, fail, and unknown where an answer that was received, with
    something absent from it or in it that the model does not list, makes the rule unknown."""
    shown = {case.expect for case in rule.tests}
    needed = [Verdict.PASS, Verdict.FAIL]
    if Verdict.UNKNOWN not in shown and may_be_unknown(pack, rule):
        needed.append(Verdict.UNKNOWN)
    return tuple(item for item in needed if item not in shown)


def may_be_unknown(pack: Pack, rule: Rule) -> bool:
    """Whether an answer that was received makes the rule unknown; so far as its parameters have values."""
    values = {name: param.default for name, param in {**pack.params, **rule.params}.items()}
    ready = next(
        (
            group
            for group in (*case_groups(pack, rule), CaseGroup(AS_OF, values, ()))
            if not group.missing(rule)
        ),
        None,
    )
    if ready is None:
        return False
    bound = bind(rule, ready.bound(rule))
    with (
        connect() as connection,
        AnswerSpace(connection, [bound], ready.as_of, hints([rule]), most=FEW) as space,
    ):
        code = verdict(bound, ready.as_of, space.columns)
        calls = [name for name in space.rows.columns if name.endswith(".received")]
        # the label names no successor in most answers, and that is none that failed
        received = [col(name) for name in ("found", *calls) if name != f"{SUCCESSOR}received"]
        unknown = code == lit(CODES[Verdict.UNKNOWN])
        return bool(space.rows.filter(tree(operator.and_, [unknown, *received])).limit(1).fetchall())
