"""What is wrong with loaded policies that no single line shows: rules that can never fail, or that say nothing of their
own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from checker.fields import tag_key, why_no_tag
from checker.model import Aggregate, Rule, Source
from checker.policy.load import Policies
from checker.policy.tree import fields_of, walk
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
            problems += [*_no_tags(rule), *found]
            one = bound(pack, rule)
            if one is not None and not found:
                ready.append(one)
    lines = {pack.path: pack.source.decode("utf-8-sig").splitlines() for pack in policies.packs}
    return [_with_line(problem, lines) for problem in (*problems, *shadowed(ready))]


def _no_tags(rule: Rule) -> Iterator[Problem]:
    """Tags that a rule reads and that no resource can have."""
    leaves = [*walk(rule.when), *walk(rule.condition)]
    leaves += [
        one for leaf in leaves if isinstance(leaf, Aggregate) for one in (*walk(leaf.of), *walk(leaf.among))
    ]
    for leaf in dict.fromkeys(leaves):
        for field in dict.fromkeys(fields_of(leaf)):
            if field.source in (Source.TAGS, Source.DATASTORE_TAGS) and (why := why_no_tag(tag_key(field))):
                message = f"{rule.id}: no resource of HealthImaging has the tag {field.path}: {why}"
                yield Problem(leaf.where, message, warning=True)


def _with_line(problem: Problem, lines: Mapping[str, Sequence[str]]) -> Problem:
    where = problem.where
    if isinstance(where, str) or where.line > len(lines.get(where.path, ())):
        return problem
    return replace(problem, line=lines[where.path][where.line - 1])
