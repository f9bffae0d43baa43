"""`rules` of audit.yaml: other severities, and rules that are switched off."""

from __future__ import annotations

import pytest

from checker.model import Severity
from checker.policy.load import Policies, load
from checker.policy.rule_selection import Rules, choose
from checker.policy.tailoring import read_overrides
from checker.problems import InvalidInputError, render
from checker.yamlsource import parse

PACK = """
version: 1
pack: p
rules:
  - {id: one, title: One, severity: high, controls: {hipaa: [a]}, tags: [t], deny: {isPrimary: false}}
  - {id: two, title: Two, severity: low, deny: {overrides.forced: true}}
"""


@pytest.fixture
def policies(tmp_path) -> Policies:
    (tmp_path / "p.yaml").write_text(PACK, encoding="utf-8")
    return load(["p.yaml"], tmp_path)


def chosen(policies: Policies, text: str, **more) -> Rules:
    problems = []
    found = read_overrides(parse(text.encode(), "audit.yaml").root, problems)
    if problems:
        raise InvalidInputError(problems)
    return choose(policies, changes=found, **more)


def test_a_severity_is_replaced_and_the_change_listed(policies):
    rules = chosen(policies, "p/one: {severity: low, reason: Our store has one version.}")
    assert [(rule.id, rule.severity) for rule in rules.rules] == [
        ("one", Severity.LOW),
        ("two", Severity.LOW),
    ]
    (change,) = rules.changes
    assert (change.what, change.reason) == ("severity high -> low", "Our store has one version.")
    assert (change.rule.severity, change.rule.controls[0].id) == (Severity.HIGH, "a")
    assert str(change.where) == "audit.yaml:1:1"
    assert rules.warnings == ()


def test_a_rule_that_is_off_is_not_run_and_listed_as_such(policies):
    rules = chosen(policies, "p/two: {off: Copies are forced here on purpose.}")
    assert [rule.id for rule in rules.rules] == ["one"]
    assert [(change.rule.id, change.what, change.reason) for change in rules.changes] == [
        ("two", "off", "Copies are forced here on purpose.")
    ]
    assert rules.changes[0].off
    assert rules.left_out == ()


def test_a_change_of_a_rule_that_was_not_chosen_is_listed_and_no_mistake(policies):
    rules = chosen(policies, "{p/two: {off: why}, p/one: {severity: info}}", only=["one"])
    assert [rule.id for rule in rules.rules] == ["one"]
    assert [change.what for change in rules.changes] == ["severity high -> info", "off"]
    assert chosen(policies, "{p/one: {severity: low}}", only=["two"]).left_out == ("rule p/one",)


def test_the_severity_that_a_rule_has_anyway_is_a_warning_and_no_change(policies):
    rules = chosen(policies, "p/one: {severity: high}")
    assert rules.changes == ()
    assert "audit.yaml:1:19: warning: the severity of p/one is high anyway" in render(rules.warnings)


def test_with_every_rule_off_nothing_is_left(policies):
    with pytest.raises(InvalidInputError, match="no rule is left to run"):
        chosen(policies, "{p/one: {off: x}, p/two: {off: y}}")
    with pytest.raises(InvalidInputError, match="and rules in audit"):
        chosen(policies, "p/one: {off: x}", tags=["t"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p/on: {off: x}", "audit.yaml:1:1: error: no loaded rule is called p/on\n"),
        ("p/on: {off: x}", "help: did you mean p/one?"),
        ("one: {off: x}", "audit.yaml:1:1: error: one names no rule"),
        ("p/one: {severity: hihg}", "audit.yaml:1:19: error: `hihg` is no severity"),
        ("p/one: {severity: hihg}", "did you mean high?"),
        ("p/one: {severity: low, off: x}", "audit.yaml:1:9: error: severity of a rule that is switched off"),
        ("p/one: {off: true}", "audit.yaml:1:14: error: off takes the reason as text, not a boolean"),
        ("p/one: {off: ''}", "off takes the reason as text, not empty"),
        ("p/one: {off: }", "off takes the reason as text, not nothing"),
        ("p/one: {off: x, reason: y}", "reason stands twice"),
        ("p/one: {severity: low, reason: []}", "reason is text, not a list"),
        ("p/one: {sevrity: low}", "did you mean severity?"),
        ("p/one: {}", "the change of p/one says nothing"),
        ("p/one: {reason: x}", "the change of p/one says nothing"),
        ("p/one: off", "the change of p/one is a mapping, not text"),
        ("[p/one]", "rules maps rules to what is changed of them, not a list"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_at_its_place(policies, text, message):
    with pytest.raises(InvalidInputError) as raised:
        chosen(policies, text)
    assert message in str(raised.value) + "\n"
    assert str(raised.value).count("error:") == 1
