"""What is wrong with loaded policies that no single line shows: rules that can never fail, or that say nothing of their
own; and what of that was not found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from duckdb import OutOfMemoryException

from checker.fields import tag_key, tag_key_error
from checker.model import Pack, Rule, Source
from checker.policy.condition_tree import fields_of
from checker.policy.load import Policies
from checker.policy.params import rule_leaves
from checker.policy.rule_tests import AS_OF
from checker.policytest.answer_space import AnswerSpace, hints
from checker.policytest.datastore_mixtures import ANY_NUMBER
from checker.policytest.param_defaults import with_defaults
from checker.policytest.rule_pairs import FailingAnswers, failing_answers
from checker.policytest.satisfiability import ProofGap, impossible_parts
from checker.policytest.subsumption import subsumed_rules
from checker.problems import Problem
from checker.snapshot.writer import connect
from checker.sql import Connection

MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Examination:
    """The warnings of `rules validate`, each with its place and an answer or the reason that shows it, and what was not
    found out, a line each."""

    warnings: tuple[Problem, ...]
    notes: tuple[str, ...]


def examine(policies: Policies) -> Examination:
    """Tries every rule on the kinds of answers that it tells apart, and beside others on those that both do.

    Each rule costs a bounded number of answers, and so does the comparison with the others; what that leaves open is in
    the notes.
    """
    problems: list[Problem] = []
    notes: list[ProofGap] = []
    living: list[FailingAnswers] = []
    with connect() as connection:
        pairs = [(pack, rule) for pack in policies.packs for rule in pack.rules]
        for number, item in enumerate(pairs):
            found, missed, kept = _examined(connection, *item, f"rule{number}_")
            problems += [*_no_tags(item[1]), *found]
            notes += missed
            living += kept
        superfluous, missed = subsumed_rules(connection, living)
    lines = {pack.path: pack.source.decode("utf-8-sig").splitlines() for pack in policies.packs}
    every = [_with_line(problem, lines) for problem in (*problems, *superfluous)]
    return Examination(tuple(every), tuple(_folded((*notes, *missed))))


def _examined(
    connection: Connection, pack: Pack, rule: Rule, name: str
) -> tuple[list[Problem], list[ProofGap], list[FailingAnswers]]:
    """The warnings and notes of a rule, and the answers on which it fails where it is to be compared with others."""
    made = with_defaults(pack, rule)
    if made is None:
        return [], [ProofGap(rule.name, rule.where, "not examined, since a parameter has no default")], []
    try:
        texts = hints([rule])
        with AnswerSpace(connection, [made.rule], AS_OF, texts, most_sets=ANY_NUMBER, name=name) as space:
            problems, notes = impossible_parts(made, space)
            return (
                problems,
                notes,
                [] if problems else [failing_answers(made, space, texts, f"failing_{name}")],
            )
    except OutOfMemoryException:
        return [], [ProofGap(rule.name, rule.where, "too large to examine")], []


def _folded(notes: Iterable[ProofGap]) -> list[str]:
    """A line for each thing that was not found out, with the rules that it is true of."""
    rules: dict[str, list[str]] = {}
    for note in notes:
        rules.setdefault(note.text, []).append(note.rule)
    lines = []
    for text, names in rules.items():
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        lines.append(f"{', '.join(names[:MOST_NAMED])}{more}: {text}")
    return lines


def _no_tags(rule: Rule) -> Iterator[Problem]:
    """Tags that a rule reads and that no resource can have."""
    for leaf in dict.fromkeys(rule_leaves(rule)):
        for field in dict.fromkeys(fields_of(leaf)):
            if field.source in (Source.TAGS, Source.DATASTORE_TAGS) and (
                why := tag_key_error(tag_key(field))
            ):
                message = f"{rule.id}: no resource of HealthImaging has the tag {field.path}: {why}"
                yield Problem(leaf.where, message, warning=True)


def _with_line(problem: Problem, lines: Mapping[str, Sequence[str]]) -> Problem:
    where = problem.where
    if isinstance(where, str) or where.line > len(lines.get(where.path, ())):
        return problem
    return replace(problem, line=lines[where.path][where.line - 1])
