"""The rows of targets: what is unknown of many image sets for one reason, and said once.

Such a row has no image set. Where the search for them failed, there may be image sets that nobody looked at: every rule is
unknown there. Where it came to its end, it may still have left out image sets that are DELETED, since AWS does not say
whether SearchImageSets lists them; a rule that tells them from others is unknown, unless it asks for those alone that were
deleted since the image sets of the target are known (`listed.since`). And where no earlier run has looked at the target,
image sets of which a rule cannot tell for that reason alone are unknown together. To other rules the row is nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from datetime import datetime

from checker.evaluation.condition_compiler import (
    CODES,
    NO_AGGREGATES,
    Columns,
    Compiler,
    reason,
    tree,
    verdict,
)
from checker.evaluation.deleted_sets import Case as Conditions
from checker.evaluation.deleted_sets import certain, distinguishes_deleted
from checker.evaluation.field_expressions import FALSE, TRUE
from checker.fields import EARLIER, FOUND_FIELD
from checker.model import Absence, Aggregate, Field, Leaf, Operand, Rule, Source, Type, Verdict
from checker.policy.condition_tree import fields_of, walk
from checker.policy.operators import OPERATORS
from checker.snapshot.columns import ERROR_MESSAGE
from checker.snapshot.joins import FIRST
from checker.snapshot.records import CONTRADICTORY, EVER
from checker.snapshot.writer import ERROR_CODE, LISTED_SINCE, search_failed
from checker.sql import Expression, Relation, case, coalesce, col, func, lit

_SINCE = Field(LISTED_SINCE, Type.TIME, Absence.NEVER, source=Source.OWN, doc="")

OF_TARGET = col("imageSetId").isnull()
_WHY = f"{EARLIER}error"
_PAST = col(_WHY)


def may_be_unknown(columns: Sequence[str]) -> Expression:
    """Whether the row of a target may be unknown to a rule, by the names of the table's columns."""
    some = [col(LISTED_SINCE).isnotnull(), col(ERROR_CODE).isnotnull()]
    return tree(operator.or_, [*some, *([_PAST.isnotnull()] if _WHY in columns else [])])


def row_verdict(
    rule: Rule, as_of: datetime | Expression, columns: Columns = NO_AGGREGATES, *, each: bool = False
) -> Expression:
    """The verdict on each row as a code of `CODES`.

    Null on the row of a target that is none of the rule's business, and on that of an image set which is unknown together
    with others of its target, as `with_firsts` found out; with `each` the latter is unknown.
    """
    own = verdict(rule, as_of, columns)
    if rule.scope == "datastore":
        return own
    unknown = lit(CODES[Verdict.UNKNOWN]).cast("TINYINT")
    violated = ((rule.when, True), (rule.condition, rule.deny))
    doubtful = search_failed() | may_miss_sets([violated], violated, as_of)
    together = columns.get(rule.name)
    if together is not None:
        doubtful = coalesce(doubtful, FALSE) | col(together)
        own = own if each else case(~col(together), own)
    return case(~OF_TARGET, own).when(doubtful, unknown)


def row_reason(rule: Rule, as_of: datetime, columns: Columns = NO_AGGREGATES) -> Expression:
    """Why a verdict is unknown."""
    own = reason(rule, as_of, columns)
    if rule.scope == "datastore":
        return own
    if any(field.answer or field == FOUND_FIELD for field in rule.fields):
        own = _with_both(own)
    of_target = not_found()
    together = columns.get(rule.name)
    if together is not None:
        violated = ((rule.when, True), (rule.condition, rule.deny))
        undiscovered = coalesce(may_miss_sets([violated], violated, as_of), FALSE)
        both = func("concat_ws", lit(", "), case(undiscovered, of_target), case(col(together), _PAST))
        of_target = case(search_failed(), of_target).otherwise(both)
    return case(~OF_TARGET, own).otherwise(of_target)


def _with_both(own: Expression) -> Expression:
    """Why the verdict of a rule that reads the answer is unknown, naming both answers where two contradict each other."""
    both = func("concat_ws", lit(": "), col(ERROR_CODE), col(ERROR_MESSAGE))
    return case(col(ERROR_CODE) == lit(CONTRADICTORY), both).otherwise(own)


def with_firsts(rows: Relation, rules: Iterable[Rule], as_of: datetime) -> tuple[Relation, Columns]:
    """The rows of image sets, and the columns by names of rules that say which of them are unknown together because no
    earlier run has looked at their target, and of which targets that is so.

    A rule has none where no image set is. So what is left out of its verdicts is always counted with a target.
    """
    own = [rule for rule in rules if any(field.source is Source.HISTORY for field in rule.fields)]
    if not own or _WHY not in rows.columns:
        return rows, NO_AGGREGATES
    first = rows.filter(OF_TARGET & col(_WHY).isnotnull()).select(col("target")).distinct().fetchall()
    if not first:
        return rows, NO_AGGREGATES
    alone = {rule.name: _alone(rule, as_of) for rule in own}
    there = rows.filter(~OF_TARGET & col("target").isin(*(lit(item[0]) for item in first)))
    some = [func("bool_or", truth).alias(f"c{place}") for place, truth in enumerate(alone.values())]
    found = there.aggregate([col("target"), *some], "target").fetchall()
    columns: dict[Aggregate | str, str] = {}
    more = []
    for place, (name, truth) in enumerate(alone.items(), start=1):
        targets = [lit(explanation[0]) for explanation in found if explanation[place]]
        if targets:
            columns[name] = f"first {name}"
            more.append(((OF_TARGET & col("target").isin(*targets)) | truth).alias(columns[name]))
    return rows.select(*map(col, rows.columns), *more), columns


def _alone(rule: Rule, as_of: datetime) -> Expression:
    """Whether an image set is unknown to a rule for no other reason than that no earlier run has looked at its target: all
    that is undecided reads what such a run would have seen."""
    compiler = Compiler(as_of)
    leaves = dict.fromkeys((*walk(rule.when), *walk(rule.condition)))
    others = [
        condition
        for condition in leaves
        if all(field.source is not Source.HISTORY for field in fields_of(condition))
    ]
    decided = [compiler.leaf(condition).isnotnull() for condition in others]
    past = ~OF_TARGET & col(_WHY).isin(*map(lit, FIRST))
    unknown = verdict(rule, as_of) == lit(CODES[Verdict.UNKNOWN])
    return coalesce(tree(operator.and_, [past, unknown, *decided]), FALSE)


def not_found() -> Expression:
    """Why not every image set of a target is known."""
    return case(col(LISTED_SINCE).isnull(), col(ERROR_CODE)).otherwise(
        func("concat", lit("image sets deleted before "), _instant(), lit(" cannot be discovered"))
    )


def _instant() -> Expression:
    return func("strftime", col(LISTED_SINCE), lit("%Y-%m-%dT%H:%M:%SZ"))


def may_miss_sets(cases: Sequence[Conditions], whole: Conditions, as_of: datetime | Expression) -> Expression:
    """Whether image sets that no search lists could matter.

    Args:
        cases: what a rule asks whether it is so of an image set: any of them.
        whole: what holds wherever one of them does; where that bounds the time of the deletion, only what was deleted
            after that, and before the image sets of the target are known, can matter.
        as_of: the instant against which ages are measured.
    """
    if not any(map(distinguishes_deleted, cases)):
        return FALSE
    compiler = Compiler(as_of)
    recent = [
        coalesce(compiler.leaf(Leaf(Operand(_SINCE), (test,))), TRUE)
        for leaf in certain(whole)
        if leaf.operand.left.path == "deletedAt" and leaf.operand.right is None and leaf.if_absent != "match"
        for test in leaf.tests
        if OPERATORS[test.operator].side == "above"
    ]
    unknown_time = col(LISTED_SINCE) > lit(EVER.replace(tzinfo=None))
    return tree(operator.and_, [unknown_time, *recent])
