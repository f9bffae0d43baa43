"""The lines of a policy that say what a rule asks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from checker.model import Condition, Group, Pack, Rule
from checker.reporting.escape import shorten, visible

SHOWN = ("id", "title", "severity", "scope", "when", "deny", "require", "message")
"""The parts of a rule that an excerpt has; the others stand beside it."""
CONDITION = ("deny", "require")
MOST_LINES = 40
LONGEST_LINE = 200
_KEY = re.compile(r"""["']?([\w-]+)["']?\s*:""")


class PolicyLine(NamedTuple):
    """A line of a policy; `matches` where it is one of the condition that made the finding, from its key to its end."""

    number: int
    text: str
    matches: bool


def excerpt(rule: Rule, packs: Iterable[Pack]) -> list[PolicyLine]:
    """What a rule's policy says of it, without reasons, controls and tests; nothing where the text is not there."""
    source = next((pack.source for pack in packs if pack.name == rule.pack), b"")
    lines = source.decode("utf-8", "replace").splitlines()
    # a rule that is written in one line has no line that begins with the key of its condition
    condition = set(_condition_lines(rule.condition))
    found = [
        PolicyLine(
            number, visible(shorten(lines[number - 1], LONGEST_LINE)), key in CONDITION or number in condition
        )
        for number, key in _own_lines(lines, rule)
    ]
    return found[:MOST_LINES]


def _own_lines(lines: list[str], rule: Rule) -> Iterator[tuple[int, str]]:
    """The numbers of a rule's lines that are shown, and the key under which each stands: the rule begins at its place, and
    ends where less is indented."""
    start, indent = rule.where.line, rule.where.column - 1
    if not 0 < start <= len(lines):
        return
    key = SHOWN[0]
    for number in range(start, len(lines) + 1):
        line = lines[number - 1]
        if number > start and line.strip() and line[:indent].strip():
            return
        text = line[indent:]
        if text[:1].strip() and (found := _KEY.match(text)):
            key = found[1]
        if key in SHOWN and text.strip() and not text.lstrip().startswith("#"):
            yield number, key


def _condition_lines(condition: Condition) -> Iterator[int]:
    if isinstance(condition, Group):
        for member in condition.members:
            yield from _condition_lines(member)
    else:
        yield condition.where.line
