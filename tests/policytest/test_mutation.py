"""Mutants: those of shipped rules are noticed, and a test that is said to notice one does, through the whole engine."""

import re
from dataclasses import replace

import pytest

from checker.fields import catalogue
from checker.policy.condition_scope import Scope
from checker.policy.load import load
from checker.policy.rule_tests import read_cases
from checker.policytest.cases import run_rule, snapshot, verdicts
from checker.policytest.mutants import Mutation, mutants
from checker.policytest.mutation_score import killed_mutants, score_tests
from checker.policytest.required_verdicts import missing_verdicts
from checker.yamlsource import parse
from tests.budgets import chosen, digest, examples, tried

LEAST = 90
MOST = examples(2, 6)


PACKS = load([]).packs


def every_rule():
    return [pytest.param(pack, rule, id=rule.name) for pack in PACKS for rule in pack.rules]


def tried_rules():
    return [pytest.param((pack, rule), id=rule.name) for pack, rule in tried("mutation", PACKS)]


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_every_rule_of_a_changed_pack_is_tried_and_of_another_one_of_each_scope(pack):
    known = {pack.name: digest(pack)}
    changed = replace(pack, source=pack.source + b"# changed")
    assert chosen([changed], known) == [(changed, rule) for rule in pack.rules]
    assert [rule.scope for _, rule in chosen([pack], known)] == list(
        dict.fromkeys(rule.scope for rule in pack.rules)
    )


@pytest.fixture(scope="module", params=tried_rules())
def described(request):
    """A shipped rule with its pack, and the snapshot of its tests."""
    pack, rule = request.param
    with snapshot(pack, rule) as folder:
        yield pack, rule, folder


def test_a_shipped_rule_kills_its_mutants(described):
    pack, rule, folder = described
    found = score_tests(pack, rule, run_rule(pack, rule, folder), folder)
    assert not found.reason
    assert found.total
    assert found.percent >= LEAST, [lived.change for lived in found.survivors]


def test_a_rule_is_no_mutant_of_itself(described):
    pack, rule, folder = described
    same = Mutation(rule, rule.where, "nothing")
    assert killed_mutants(pack, rule, [same], folder) == [False]


@pytest.mark.parametrize(("pack", "rule"), every_rule())
def test_a_shipped_rule_shows_what_it_has_to(pack, rule):
    assert missing_verdicts(pack, rule) == ()


@pytest.mark.parametrize("packed", tried_rules())
def test_a_test_that_is_said_to_notice_a_mutant_does(packed):
    pack, rule = packed
    few = replace(rule, tests=rule.tests[:1])
    survivors = score_tests(pack, few, run_rule(pack, few)).survivors[:MOST]
    by_change = {(mutant.where, mutant.change): mutant for mutant in mutants(rule)}
    lived = [by_change[survivor.where, survivor.change] for survivor in survivors]
    pasted = replace(rule, tests=tuple(written(pack, rule, survivor.test) for survivor in survivors))
    assert [item.verdict for item in run_rule(pack, pasted)] == [case.expect for case in pasted.tests]
    for index, found in verdicts(pack, pasted, lived):
        assert found[index] is not found[-1], survivors[index]


MANY = """
version: 1
pack: many
labels:
  class: {type: string, one_of: [adult, paediatric]}
  studied: {type: date}
  keep: {type: duration}
params:
  window: {type: duration, default: 30d}
  statuses: {type: {list: string}, default: [a, b]}
  share: {type: ratio, default: 1%}
rules:
  - id: lived
    title: Deleted sets lived for seven years
    severity: high
    when: {imageSetState: DELETED, labels.class: paediatric}
    require: {deletedAt - createdAt: {gte: 7y}}
    tests:
      - {name: a healthy answer, given: {}, expect: not_applicable}
  - id: kept
    title: No deletion before the end of what the label says
    severity: high
    deny: {deletedAt - labels.studied: {lt: {field: labels.keep}}, createdAt: {younger_than: $window}}
    tests:
      - {name: "a healthy answer: unknown", given: {}, expect: unknown}
  - id: said
    title: Messages
    severity: low
    deny: {any: [{message: {in: $statuses}}, {versionId: {between: [3, 7]}}, {message: {starts_with: "$$x"}}]}
    tests:
      - {name: no message, given: {}, expect: pass}
  - id: grown
    title: Versions
    severity: low
    scope: version
    when: {previous_version.imageSetState: ACTIVE}
    deny: {updatedAt - previous_version.updatedAt: {lt: 90s}}
    tests:
      - {name: the first version, given: {}, expect: not_applicable}
  - id: shares
    title: Few
    severity: low
    scope: datastore
    deny: {ratio: {of: {isPrimary: false, createdAt: {older_than: 90d}}, among: {imageSetState: ACTIVE}, gt: $share}}
    tests:
      - {name: a healthy store, given: {image_sets: [{}]}, expect: pass}
"""


def test_every_suggested_test_can_be_pasted_and_kills_its_mutant(tmp_path):
    (tmp_path / "many.yaml").write_text(MANY)
    (pack,) = load([str(tmp_path / "many.yaml")]).packs
    lived = {rule.id: score_tests(pack, rule, run_rule(pack, rule)).survivors for rule in pack.rules}
    assert all(len(found) > 3 for found in lived.values())
    text = MANY
    for rule in pack.rules:
        last = next(
            line for line in MANY.splitlines() if f"name: {rule.tests[0].name}" in line.replace('"', "")
        )
        text = text.replace(last, "\n".join([last, *(f"      - {item.test}" for item in lived[rule.id])]))
    (tmp_path / "many.yaml").write_text(text)
    (pasted,) = load([str(tmp_path / "many.yaml")]).packs
    for rule in pasted.rules:
        proved = run_rule(pasted, rule)
        assert [case_result.case.name for case_result in proved if not case_result.held] == []
        assert len(proved) == 1 + len(lived[rule.id])
        assert score_tests(pasted, rule, proved).survivors == ()
        for item in lived[rule.id]:
            assert ".9" not in item.test, item.test
            assert not re.search(r"given: [^}]*labels", item.test), item.test


def test_a_changed_list_is_not_called_a_unit(tmp_path):
    (tmp_path / "many.yaml").write_text(MANY)
    (pack,) = load([str(tmp_path / "many.yaml")]).packs
    changes = [mutant.change for rule in pack.rules for mutant in mutants(rule)]
    assert [text for text in changes if text.startswith("$statuses")] == [
        "$statuses with its first item dropped or changed, in `message` in",
        "$statuses with its last item dropped or changed, in `message` in",
    ]
    assert "$window one unit more, in `createdAt` younger_than" in changes


def written(pack, rule, text):
    """A test as an author would paste it."""
    problems = []
    params = {**pack.params, **rule.params}
    scope = Scope(
        catalogue(pack.labels, rule.scope), params, problems, labels=pack.labels, rule_scope=rule.scope
    )
    (case,) = read_cases(parse(f"- {text}".encode(), "pasted").root, "pasted", scope) or (None,)
    assert problems == []
    return case
