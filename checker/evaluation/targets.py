"""The rows of targets whose image sets a search found: what is to be said of those that it may not have listed.

Such a row has no image set. Where the search failed, there may be image sets that nobody looked at: every rule is unknown
there. Where it came to its end, it may still have left out image sets that are DELETED, since AWS does not say whether
SearchImageSets lists them; a rule that names them is unknown, unless it asks for those alone that were deleted since the
image sets of the target are known (`listed.since`). To other rules the row is nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
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
from checker.evidence.snapshot import ERROR_CODE, LISTED_SINCE
from checker.model import Absence, Condition, Field, Group, Leaf, Operand, Rule, Source, Type, Verdict
from checker.policy.demands import meets
from checker.policy.tree import fields_of, walk

DELETED = "DELETED"
_STATES = frozenset({"imageSetState", "imageSetWorkflowStatus"})
_READ = frozenset({"deletedAt", "found"})
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
    doubtful = Column(LISTED_SINCE).isnull() | missed(rule.when, rule.condition, as_of, deny=rule.deny)
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


def missed(
    when: Condition | None, condition: Condition | None, as_of: datetime | Expression, *, deny: bool
) -> Expression:
    """Whether image sets that no search lists could matter: deleted ones that are named, of the time before the image
    sets of the target are known."""
    if not (_names_deleted(when) or _names_deleted(condition)):
        return FALSE
    certain = [*_conjuncts(when), *(_conjuncts(condition) if deny else ())]
    if any(_never_deleted(leaf) for leaf in certain):
        return FALSE
    compiler = Compiler(as_of)
    recent = [
        Coalesce(compiler.leaf(Leaf(Operand(_SINCE), (test,))), TRUE)
        for leaf in certain
        if leaf.operand.left.path == "deletedAt" and leaf.operand.right is None and leaf.if_absent != "match"
        for test in leaf.tests
        if test.operator in _LATER
    ]
    return tree(operator.and_, recent) if recent else TRUE


def _names_deleted(condition: Condition | None) -> bool:
    if any(field.path in _READ for field in fields_of(condition)):
        return True
    return any(
        DELETED in (test.value if isinstance(test.value, tuple) else (test.value,))
        for leaf in walk(condition)
        if isinstance(leaf, Leaf) and leaf.operand.left.path in _STATES
        for test in leaf.tests
    )


def _conjuncts(condition: Condition | None) -> Iterator[Leaf]:
    """Leaves that are true wherever the condition is."""
    if isinstance(condition, Leaf):
        yield condition
    elif isinstance(condition, Group) and condition.kind == "all":
        for member in condition.members:
            yield from _conjuncts(member)


def _never_deleted(leaf: Leaf) -> bool:
    """Whether a leaf is false of a deleted image set."""
    if leaf.operand.left.path != "imageSetState":
        return False
    plain = [test for test in leaf.tests if not isinstance(test.value, Field) and _words(test.value)]
    return any(not meets(test, DELETED) for test in plain)


def _words(value: object) -> bool:
    return all(isinstance(one, str) for one in (value if isinstance(value, tuple) else (value,)))
