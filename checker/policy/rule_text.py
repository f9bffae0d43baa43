"""Rules as their authors wrote them: the lines of a rule, and of the conditions in it; values as they write them."""

from __future__ import annotations

import re

from checker.model import ControlRequirement, Field, Pack, ParamRef, Rule
from checker.values import show

_CONDITION = re.compile(r"(when|deny|require)\s*:")


def rule_text(pack: Pack, rule: Rule) -> str:
    """The rule's lines: down to the next line that is indented no deeper than its dash."""
    source = pack.source.decode("utf-8-sig").splitlines()
    start = rule.where.line - 1
    depth = _depth(source[start])
    end = start + 1
    while end < len(source) and (not source[end].strip() or _depth(source[end]) > depth):
        end += 1
    return "\n".join(source[start:end]).rstrip()


def condition_text(pack: Pack, rule: Rule) -> str:
    """`when`, `deny` and `require` with their comments, not indented; all of a rule that is written in one line."""
    margin = rule.where.column - 1
    taken: list[str] = []
    taking = False
    for index, line in enumerate(rule_text(pack, rule).splitlines()):
        # the first key stands behind the dash
        own = " " * margin + line[margin:] if index == 0 else line
        if own.strip() and _depth(own) <= margin:
            taking = _CONDITION.match(own[margin:]) is not None
        if taking:
            taken.append(own[margin:].rstrip())
    return "\n".join(taken).strip("\n") or rule_text(pack, rule).strip()


def demand_text(demand: ControlRequirement) -> str:
    """What a control demands of a parameter: `retention: {gte: 10y}`."""
    tests = ", ".join(f"{test.operator}: {value_text(test.value)}" for test in demand.tests)
    return f"{demand.param}: {{{tests}}}"


def value_text(value: object) -> str:
    """A value as a policy has it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, ParamRef):
        return f"${value.name}"
    if isinstance(value, Field):
        return f"{{field: {value.path}}}"
    return show(value)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
