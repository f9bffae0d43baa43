"""Each operator is one record, and each behaviour that somebody reads is in it; an operator that is added is whole, or fails
here. What no proof knows how to try out proves nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from checker import yaml_pitfalls
from checker.cli import main
from checker.collection.search_filters import OPEN, bounds
from checker.evaluation.change_instants import candidate_instants
from checker.evaluation.condition_compiler import Compiler
from checker.model import Absence, Duration, Field, Leaf, Operand, Source, Test, Type, utc_now
from checker.policy.literals import comparable
from checker.policy.operators import BARE, OPERATORS, STRINGS, Operator, aliases, holds, operators_of, timed
from checker.policytest.bound_closure import InstantSums
from checker.policytest.domains import domains
from checker.policytest.value_mutations import other_operators
from checker.reporting.condition_text import phrase
from checker.snapshot.columns import connect
from tests.language import oracle, strategies

NOW = utc_now().replace(year=2026, month=1, day=2, hour=0, minute=0, second=0, microsecond=0)
VALUES = {
    Type.STRING: ("abc", "ABC"), Type.ENUM: ("abc", "ABC"), Type.BOOLEAN: (True, False), Type.INTEGER: (3, 5),
    Type.DURATION: (Duration(1), Duration(2)), Type.RATIO: (0, 1), Type.TIME: (NOW.replace(day=1), NOW),
}  # fmt: skip
EVERY = [
    pytest.param(operator, kind, id=f"{operator.name}-{kind}")
    for operator in OPERATORS.values()
    for kind in sorted(operator.types)
]
OTHERS = [pytest.param(operator, id=operator.name) for operator in OPERATORS.values()]


def value_of(known, kind):
    """A value that the operator may have."""
    low, high = VALUES[kind]
    return {
        "one": low, "list": (low, high), "pair": (low, high), "flag": True, "text": "abc", "pattern": "^a",
        "age": Duration(0, 86_400_000),
    }[known.takes]  # fmt: skip


def leaf_of(known, kind):
    field = Field("labels.f", kind, Absence.NONE, source=Source.OWN, doc="")
    return Leaf(Operand(field), (Test(known.name, value_of(known, kind)),))


@pytest.mark.parametrize("known", OTHERS)
def test_a_record_says_how_its_operator_is_made(known):
    own = known.truth is not None and known.sql is not None
    assert (own, bool(known.parts), bool(known.negates), known.takes == "flag").count(True) == 1
    assert (known.truth is None) == (known.sql is None)
    for name in (*known.parts, *filter(None, [known.negates])):
        assert known.types <= OPERATORS[name].types
    assert known.doc
    assert all(known.words)
    assert known.words[0] != known.words[1]


@pytest.mark.parametrize("known", OTHERS)
def test_what_is_easily_taken_for_an_operator_takes_the_same_kind_of_value(known):
    for name in known.neighbours:
        assert OPERATORS[name].takes == known.takes
        assert OPERATORS[name].types & known.types


def test_no_two_operators_are_called_alike():
    words = Counter([*OPERATORS, *(alias for operator in OPERATORS.values() for alias in operator.aliases)])
    assert max(words.values()) == 1
    assert len({operator.words for operator in OPERATORS.values()}) == len(OPERATORS)


def test_signs_in_plain_text_mean_what_the_operators_call_them():
    assert yaml_pitfalls._OPERATORS.items() <= aliases().items()


@pytest.mark.parametrize(("known", "kind"), EVERY)
def test_a_message_says_each_operator_and_its_opposite(known, kind):
    leaf = leaf_of(known, kind)
    assert known.words[0] in phrase(leaf)
    assert known.words[1] in phrase(leaf, negated=True)


@pytest.mark.parametrize(("known", "kind"), EVERY)
def test_the_engine_judges_each_operator_and_says_where_time_changes_it(known, kind):
    leaf = leaf_of(known, kind)
    assert str(Compiler(NOW).leaf(leaf))
    assert bool(candidate_instants([leaf], NOW)) == (known.takes == "age")


@pytest.mark.parametrize(("known", "kind"), [item for item in EVERY if item.values[0].takes != "flag"])
def test_values_are_tried_of_which_each_operator_holds_and_does_not(known, kind):
    if kind in (Type.BOOLEAN, Type.RATIO) or known.takes == "age":
        return  # their values are few, or their truth is the clock's
    leaf = leaf_of(known, kind)
    with connect() as connection:
        (found,) = domains(
            [leaf.operand.left], [leaf], NOW, {}, {"labels.f": ["abc"]}, sums=InstantSums(connection)
        )
    number = comparable if kind is Type.DURATION else (lambda item: item)
    wanted = leaf.tests[0].value
    wanted = tuple(map(number, wanted)) if isinstance(wanted, tuple) else number(wanted)
    values = [number(value) for value in found.values]
    truths = {
        holds(known.name, value, wanted) for value in (*values, "abcd") if kind in STRINGS or value != "abcd"
    }
    assert found.every == (known.domain is not None)
    assert truths == {True, False}


@pytest.mark.parametrize(("known", "kind"), EVERY)
def test_mutation_changes_each_operator_that_has_a_neighbour_of_its_type(known, kind):
    others = list(other_operators(leaf_of(known, kind).tests[0], kind))
    assert [record.operator for record in others if record.operator not in operators_of(kind)] == []
    assert bool(others) or known.takes in ("flag", "pattern")


@pytest.mark.parametrize("known", [item for item in OTHERS if item.values[0].types == {Type.TIME}])
def test_a_search_is_narrowed_by_each_operator_of_instants(known):
    leaf = Leaf(
        Operand(Field("createdAt", Type.TIME, Absence.NEVER, source=Source.ANSWER, doc="")),
        leaf_of(known, Type.TIME).tests,
    )
    assert (bounds(leaf, "createdAt", NOW) != OPEN) == (known.side is not None)


def test_each_side_of_an_instant_and_of_an_age_has_its_operator():
    assert [timed(side, age=age) for side in ("below", "above") for age in (False, True)] == [
        "before", "older_than", "after", "younger_than",
    ]  # fmt: skip


def test_the_second_reading_of_the_language_knows_every_operator():
    assert {name for names in strategies.OPERATORS.values() for name in names} == set(OPERATORS)
    assert set(oracle.TEXT) == {name for name, item in OPERATORS.items() if item.of_text}
    assert BARE in OPERATORS


LATER = Operator(
    "multiple_of", frozenset({Type.INTEGER}), "one", "a multiple of the value", ("is a multiple of", "is no multiple of"), None,
    truth=lambda value, wanted: value % wanted == 0, sql=lambda left, right: left % right == right - right,
)  # fmt: skip
RULES = {
    "version": 1,
    "pack": "p",
    "rules": [
        {"id": "a", "title": "A", "severity": "low", "deny": {"versionId": {"multiple_of": 7, "gt": 3}},
         "tests": [{"name": "t", "given": {"versionId": 14}, "expect": "fail"},
                   {"name": "u", "given": {"versionId": 15}, "expect": "pass"}]},
        {"id": "b", "title": "B", "severity": "low", "deny": {"versionId": {"multiple_of": 14}}},
        {"id": "c", "title": "C", "severity": "low", "scope": "datastore", "deny": {"count": {"multiple_of": 5}}},
    ],
}  # fmt: skip


@pytest.fixture
def later(monkeypatch, tmp_path):
    """An operator that is its record, in the language for one test."""
    monkeypatch.setitem(OPERATORS, LATER.name, LATER)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(RULES))
    return LATER


def test_an_operator_is_added_by_its_record_alone(later, capsys):
    assert main(["rules", "test", "p.yaml"]) == 0
    store, item = "0" * 32, "1" * 32
    answer = {"datastoreId": store, "imageSetId": item, "versionId": "28", "imageSetState": "ACTIVE"}
    Path("a.json").write_text(json.dumps(answer))
    capsys.readouterr()
    assert main(["check", "-p", "p.yaml", "--image-sets", "a.json", "--complete", "--report", "json=-"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    # that one image set is no multiple of five is known without any order
    assert [explanation["rule"] for explanation in found if explanation["verdict"] == "fail"] == ["a", "b"]
    assert [explanation["rule"] for explanation in found if explanation["verdict"] == "unknown"] == []


def test_an_operator_that_no_proof_can_try_out_proves_nothing(later, capsys):
    assert main(["rules", "validate", "p.yaml"]) == 0
    out, err = capsys.readouterr()
    assert "never" not in err
    assert "not found out" in out + err
    assert main(["rules", "test", "--mutate", "p.yaml"]) in (0, 1)


def test_a_domain_is_what_a_proof_rests_on(later, monkeypatch, capsys):
    monkeypatch.setitem(OPERATORS, LATER.name, replace(LATER, domain="edges"))
    assert main(["rules", "validate", "p.yaml"]) == 0
    out, err = capsys.readouterr()
    assert "not found out" not in out + err
