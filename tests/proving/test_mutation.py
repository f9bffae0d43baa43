"""Mutants: those of shipped rules are noticed, and a test that is said to notice one does, through the whole engine."""

from dataclasses import replace
from functools import cache

import pytest

from checker.fields import catalogue
from checker.policy.cases import read_cases
from checker.policy.load import load
from checker.policy.scope import Scope
from checker.proving.cases import groups, run_rule
from checker.proving.mutants import Mutant, mutants
from checker.proving.mutation import killed, score
from checker.proving.required import lacking
from checker.yamlsource import parse

LEAST = 90
MOST = 6


@cache
def shipped():
    return [(pack, rule) for pack in load([]).packs for rule in pack.rules]


def every_rule():
    return [pytest.param(pack, rule, id=rule.name) for pack, rule in shipped()]


@pytest.mark.parametrize(("pack", "rule"), every_rule())
def test_a_shipped_rule_kills_its_mutants(pack, rule):
    found = score(pack, rule, run_rule(pack, rule))
    assert not found.reason
    assert found.total
    assert found.percent >= LEAST, [lived.change for lived in found.survivors]


@pytest.mark.parametrize(("pack", "rule"), every_rule())
def test_a_shipped_rule_shows_what_it_has_to(pack, rule):
    assert lacking(pack, rule) == ()


@pytest.mark.parametrize(("pack", "rule"), every_rule())
def test_a_test_that_is_said_to_notice_a_mutant_does(pack, rule):
    few = replace(rule, tests=rule.tests[:1])
    found = score(pack, few, run_rule(pack, few))
    by_change = {(mutant.where, mutant.change): mutant for mutant in mutants(rule)}
    for lived in found.survivors[:MOST]:
        case = written(pack, rule, lived.test)
        proving = replace(rule, tests=(case,))
        assert [one.verdict for one in run_rule(pack, proving)] == [case.expect], lived
        mutant = by_change[lived.where, lived.change]
        assert killed(pack.labels, proving, [mutant], groups(pack, proving)) == [True], lived


@pytest.mark.parametrize(("pack", "rule"), every_rule())
def test_a_rule_is_no_mutant_of_itself(pack, rule):
    same = Mutant(rule, rule.where, "nothing")
    assert killed(pack.labels, rule, [same], groups(pack, rule)) == [False]


def written(pack, rule, text):
    """A test as an author would paste it."""
    problems = []
    params = {**pack.params, **rule.params}
    scope = Scope(
        catalogue(pack.labels, rule.scope), params, problems, labels=pack.labels, rule_scope=rule.scope
    )
    text = "- {name: pasted, " + text[1:]
    (case,) = read_cases(parse(text.encode(), "pasted").root, "pasted", scope) or (None,)
    assert problems == []
    return case
