"""The rows of targets whose image sets a search found: what is to be said of those that it may not have listed.

Such a row has no image set. Where the search failed, there may be image sets that nobody looked at: every rule is unknown
there. Where it came to its end, it may still have left out image sets that are DELETED, since AWS does not say whether
SearchImageSets lists them; a rule that tells them from others is unknown, unless it asks for those alone that were deleted
since the image sets of the target are known (`listed.since`). To other rules the row is nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import datetime

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.compile import (
    CODES,
    FALSE,
    NO_AGGREGATES,
    TRUE,
    Columns,
    Compiler,
    reason,
    tree,
    verdict,
)
from checker.evaluation.deleted import Case as Conditions
from checker.evaluation.deleted import certain, tells_apart
from checker.evidence.records import EVER
from checker.evidence.snapshot import ERROR_CODE, LISTED_SINCE
from checker.model import Absence, Field, Leaf, Operand, Rule, Source, Type, Verdict

_LATER = frozenset({"younger_than", "after"})
"""Operators by which a time is later than another."""
_SINCE = Field(LISTED_SINCE, Type.TIME, Absence.NEVER, source=Source.OWN, doc="")

OF_TARGET = Column("imageSetId").isnull()


def judged(rule: Rule, as_of: datetime | Expression, aggregates: Columns = NO_AGGREGATES) -> Expression:
    """The verdict on each row as a code of `CODES`; null on the row of a target that is none of the rule's business."""
    own = verdict(rule, as_of, aggregates)
    if rule.scope == "datastore":
        return own
    unknown = Constant(CODES[Verdict.UNKNOWN]).cast("TINYINT")
    violated = ((rule.when, True), (rule.condition, rule.deny))
    doubtful = Column(LISTED_SINCE).isnull() | missed([violated], violated, as_of)
    return Case(~OF_TARGET, own).when(doubtful, unknown)


def why(rule: Rule, as_of: datetime, aggregates: Columns = NO_AGGREGATES) -> Expression:
    """Why a verdict is unknown."""
    own = reason(rule, as_of, aggregates)
    return own if rule.scope == "datastore" else Case(~OF_TARGET, own).otherwise(not_found())


def not_found() -> Expression:
    """Why not every image set of a target is known."""
    return Case(Column(LISTED_SINCE).isnull(), Column(ERROR_CODE)).otherwise(
        Function(
            "concat", Constant("image sets deleted before "), _instant(), Constant(" cannot be discovered")
        )
    )


def _instant() -> Expression:
    return Function("strftime", Column(LISTED_SINCE), Constant("%Y-%m-%dT%H:%M:%SZ"))


def missed(cases: Sequence[Conditions], whole: Conditions, as_of: datetime | Expression) -> Expression:
    """Whether image sets that no search lists could matter.

    Args:
        cases: what a rule asks whether it is so of an image set: any of them.
        whole: what holds wherever one of them does; where that bounds the time of the deletion, only what was deleted
            after that, and before the image sets of the target are known, can matter.
        as_of: the instant against which ages are measured.
    """
    if not any(map(tells_apart, cases)):
        return FALSE
    compiler = Compiler(as_of)
    recent = [
        Coalesce(compiler.leaf(Leaf(Operand(_SINCE), (test,))), TRUE)
        for leaf in certain(whole)
        if leaf.operand.left.path == "deletedAt" and leaf.operand.right is None and leaf.if_absent != "match"
        for test in leaf.tests
        if test.operator in _LATER
    ]
    unknown_time = Column(LISTED_SINCE) > Constant(EVER.replace(tzinfo=None))
    return tree(operator.and_, [unknown_time, *recent])
