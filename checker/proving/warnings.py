"""What is wrong with loaded policies that no single line shows: rules that can never fail, or that say nothing of their
own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from checker.policy.load import Policies
from checker.problems import Problem
from checker.proving.satisfy import bound, impossible
from checker.proving.shadow import shadowed


def warnings(policies: Policies) -> list[Problem]:
    """The warnings of `rules validate`, each with its place and an answer or the reason that shows it."""
    problems = []
    ready = []
    for pack in policies.packs:
        for rule in pack.rules:
            found = impossible(pack, rule)
            problems += found
            one = bound(pack, rule)
            if one is not None and not found:
                ready.append(one)
    lines = {pack.path: pack.source.decode("utf-8-sig").splitlines() for pack in policies.packs}
    return [_with_line(problem, lines) for problem in (*problems, *shadowed(ready))]


def _with_line(problem: Problem, lines: Mapping[str, Sequence[str]]) -> Problem:
    where = problem.where
    if isinstance(where, str) or where.line > len(lines.get(where.path, ())):
        return problem
    return replace(problem, line=lines[where.path][where.line - 1])
