"""What a condition says of image sets that no search lists: deleted ones, and ones that are not there.

SearchImageSets may not list them (AWS does not say), so that a rule which tells them from others is not known to hold. What
such an image set answers is not known but for its state, and the rest of it is unknown here too: three values, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from checker.model import Condition, Field, Group, Leaf, Test
from checker.policy.condition_tree import conjuncts, fields_of
from checker.policy.control_requirements import meets
from checker.policy.operators import OPERATORS

Wanted = tuple[Condition | None, bool]
"""A condition and the truth that it must have; of no condition it is true."""
Case = Sequence[Wanted]
"""What must hold all together."""
Known = str | bool | None
Answer = Mapping[str, Known]
"""What is known of an image set, by path; None is a field that is absent from its answer."""

DELETED, ACTIVE = "DELETED", "ACTIVE"
_STATUS = "imageSetWorkflowStatus"
_WHEN = "deletedAt"
_DELETED: Answer = {"found": True, "imageSetState": DELETED, _STATUS: DELETED}
_ACTIVE: Answer = {"found": True, "imageSetState": ACTIVE, _WHEN: None}
_THERE: Answer = {"found": True}
_GONE: Answer = {"found": False}


def distinguishes_deleted(case: Case) -> bool:
    """Whether a case may be of a deleted image set, or of one that is not there, otherwise than of others; or reads when
    it was deleted."""
    reads = any(field.path == _WHEN for condition, _ in case for field in fields_of(condition))
    deleted, gone = _holds(case, _DELETED), _holds(case, _GONE)
    if deleted is not False and (reads or deleted != _holds(case, _ACTIVE)):
        return True
    return gone is not False and gone != _holds(case, _THERE)


def certain(case: Case) -> Iterator[Leaf]:
    """Leaves that are true wherever a case holds."""
    for condition, wanted in case:
        if wanted:
            yield from conjuncts(condition)


def _holds(case: Case, answer: Answer) -> bool | None:
    truths = []
    for condition, wanted in case:
        truth = True if condition is None else _truth(condition, answer)
        truths.append(None if truth is None else truth == wanted)
    return _all(truths)


def _truth(condition: Condition, answer: Answer) -> bool | None:
    if isinstance(condition, Leaf):
        return _leaf(condition, answer)
    if not isinstance(condition, Group):
        return None
    truths = [_truth(member, answer) for member in condition.members]
    if condition.kind == "all":
        return _all(truths)
    held = _all([None if truth is None else not truth for truth in truths])
    return held if condition.kind == "none" else (None if held is None else not held)


def _leaf(leaf: Leaf, answer: Answer) -> bool | None:
    path = leaf.operand.left.path
    if leaf.operand.right is not None or path not in answer:
        # that there was a deletion says that it had a time
        dated = path == _WHEN and answer is _DELETED and leaf.operand.right is None
        known = [test.value for test in leaf.tests if dated and OPERATORS[test.operator].takes == "flag"]
        return _all([value is True for value in known] + [None] * (len(leaf.tests) - len(known)))
    value = answer[path]
    if value is None and leaf.if_absent in ("match", "no_match"):
        return leaf.if_absent == "match"
    truth = _all([_test(test, value) for test in leaf.tests])
    # another field that it reads may be absent
    named = (
        item
        for test in leaf.tests
        for item in (test.value if isinstance(test.value, tuple) else (test.value,))
    )
    if leaf.if_absent is not None and any(isinstance(control, Field) for control in named):
        return truth if truth == {"match": True, "no_match": False}.get(leaf.if_absent) else None
    return truth


def _test(test: Test, value: Known) -> bool | None:
    if OPERATORS[test.operator].takes == "flag":
        return test.value is (value is not None)
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    if value is None or any(isinstance(item, Field) for item in values):
        return None
    return meets(test, value)


def _all(truths: Sequence[bool | None]) -> bool | None:
    if False in truths:
        return False
    return None if None in truths else True
