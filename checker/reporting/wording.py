"""What reports say in words, the same in each of them: expectations, verdicts and why something does not count."""

from __future__ import annotations

import re
from collections.abc import Iterable

from checker import values
from checker.audit.gate import Gate
from checker.audit.run import Run
from checker.model import Condition, Field, Finding, Group, Leaf, ParamRef, Rule, Test, Value, Verdict
from checker.policy.messages import ABSENT

HYPOTHETICAL = "hypothetical: not the time at which the evidence was collected"
RECORDED = (
    "Recorded answers: 'not forced' rests on the SDK that recorded them; an old one drops `overrides`, "
    "and a forced version then looks like an ordinary one."
)

# operator -> how it reads, and how its opposite does
_OPERATORS = {
    "eq": ("is", "is not"),
    "ne": ("is not", "is"),
    "in": ("is one of", "is none of"),
    "not_in": ("is none of", "is one of"),
    "contains": ("contains", "does not contain"),
    "starts_with": ("starts with", "does not start with"),
    "ends_with": ("ends with", "does not end with"),
    "matches": ("matches", "does not match"),
    "lt": ("is below", "is at least"),
    "lte": ("is at most", "is above"),
    "gt": ("is above", "is at most"),
    "gte": ("is at least", "is below"),
    "between": ("is between", "is not between"),
    "before": ("is before", "is not before"),
    "after": ("is after", "is not after"),
    "older_than": ("is older than", "is not older than"),
    "younger_than": ("is younger than", "is not younger than"),
}
_PLAIN = re.compile(r"[\w.:+/@-]+")


def expected(rule: Rule) -> str:
    """What a rule asks of a subject: the condition of `require`, or the opposite of `deny`, and where it asks it."""
    text = phrase(rule.condition, negated=rule.deny)
    return f"{text}; asked where {phrase(rule.when)}" if rule.when else text


def phrase(condition: Condition, *, negated: bool = False) -> str:
    """A condition in words, or its opposite (De Morgan)."""
    if isinstance(condition, Leaf):
        tests = [_test(one, negated=negated) for one in condition.tests]
        absent = f" [if_absent: {condition.if_absent}]" if condition.if_absent else ""
        return f"{condition.operand} {(' or ' if negated else ' and ').join(tests)}{absent}"
    inner = negated is not (condition.kind == "none")
    word = "or" if (condition.kind == "any") is not negated else "and"
    parts = [phrase(member, negated=inner) for member in condition.members]
    if len(parts) == 1:
        return parts[0]
    nested = [isinstance(member, Group) and len(member.members) > 1 for member in condition.members]
    return f" {word} ".join(f"({part})" if deep else part for part, deep in zip(parts, nested, strict=True))


def error_code(finding: Finding) -> str:
    """The code of the failed call that makes it unknown, if that is why: a code is one word, absent fields are more."""
    reason = finding.reason or ""
    return reason if finding.verdict is Verdict.UNKNOWN and " " not in reason else ""


def observed(finding: Finding) -> list[tuple[str, str]]:
    """Field and value, as people read them. Of a set that could not be read, what was not read is not called absent."""
    shown = [
        (path, value)
        for path, value in finding.observed.items()
        if value is not None or not error_code(finding)
    ]
    return [(path, ABSENT if value is None else values.show(value)) for path, value in shown]


def further_reason(finding: Finding) -> str:
    """The reason of an unknown, unless its headline says it already."""
    reason = finding.reason or ""
    return "" if reason in headline(finding) else reason


def headline(finding: Finding) -> str:
    """What is wrong in one text: the rule's message, else ours."""
    if finding.message:
        return finding.message
    if finding.verdict is Verdict.UNKNOWN:
        return f"could not be decided: {finding.reason or 'the evidence does not say'}"
    return f"expected: {expected(finding.rule)}"


def details(finding: Finding) -> list[tuple[str, str]]:
    """What a reader needs to check a finding: label and text, in order."""
    subject = finding.subject
    version = f" version {subject.version_id}" if subject.version_id is not None else ""
    rows = [("Image set", f"{subject.target}/{subject.image_set_id}{version}")]
    if subject.datastore_id:
        place = ", ".join(part for part in (subject.account, subject.region) if part)
        rows.append(("Data store", subject.datastore_id + (f" ({place})" if place else "")))
    rows.append(("Expected", expected(finding.rule)))
    rows.append(
        ("Observed", "; ".join(f"{path} = {value}" for path, value in observed(finding)) or "nothing")
    )
    if reason := further_reason(finding):
        rows.append(("Reason", reason))
    rows.append(("Policy", f"{finding.rule.name} at {finding.rule.where}"))
    return rows


def uncounted(finding: Finding, gate: Gate) -> str:
    """Why the gate does not count a finding: `fail (low), below fail_on: high`."""
    head = f"{finding.verdict} ({finding.rule.severity})"
    if finding.waived:
        return f"{head}, waived"
    if not gate.reaches(finding.rule.severity):
        return f"{head}, below fail_on: {gate.threshold}"
    return f"{head}, on_unknown: {gate.on_unknown}"


def image_sets(number: int) -> str:
    """`1 image set`, `2 image sets`."""
    return f"{number:,} image set" + ("" if number == 1 else "s")


def caveats(run: Run) -> list[str]:
    """What every report says of a run besides its verdicts: how far it can be relied on."""
    lines = [f"as_of {values.iso(run.as_of)} is {HYPOTHETICAL}."] if run.hypothetical else []
    lines += [RECORDED] if run.source == "recorded" else []
    return [*lines, *run.notes]


def _test(test: Test, *, negated: bool) -> str:
    if test.operator == "exists":
        return "is present" if (test.value is True) is not negated else "is absent"
    words = _OPERATORS.get(test.operator)
    text = words[negated] if words else ("not " if negated else "") + test.operator
    return f"{text} {_value(test.value, ' and ' if test.operator == 'between' else ', ')}"


def _value(value: Value, between: str) -> str:
    if isinstance(value, tuple):
        return between.join(_parts(value))
    return _one(value)


def _parts(several: Iterable[Value]) -> list[str]:
    return [_value(one, ", ") for one in several]


def _one(value: object) -> str:
    if isinstance(value, Field):
        return value.path
    if isinstance(value, ParamRef):
        return f"${value.name}"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return f'"{value}"'
    return values.show(value)
