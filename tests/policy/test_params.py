"""Parameters: declared with a type, given by flag, audit.yaml or default, in this order."""

import pytest

from checker import choose, load
from checker.problems import InvalidInputError
from checker.yamlsource import parse

POLICY = """\
version: 1
pack: p
params:
  window: {type: duration, default: 30d}
  must: {type: integer}
  states: {type: {list: {field: imageSetState}}, default: [LOCKED]}
  pattern: {type: string, default: "^a"}
rules:
  - {id: a, title: t, severity: low, deny: {createdAt: {older_than: $window}, imageSetState: {in: $states}}}
  - {id: b, title: t, severity: low, deny: {versionId: {between: [$must, 9]}}}
  - id: c
    title: t
    severity: low
    params: {own: {type: date, default: 2026-01-31}}
    deny: {createdAt: {before: $own}, message: {matches: $pattern}}
"""


@pytest.fixture
def policies(tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY)
    return load(["p.yaml"], base=tmp_path)


def configured(text):
    root = parse(text.encode(), "audit.yaml").root
    return dict(root.value)


def refused(policies, **given):
    with pytest.raises(InvalidInputError) as caught:
        choose(policies, **given)
    return str(caught.value)


def test_a_flag_beats_the_configuration_which_beats_the_default(policies):
    audit = configured("p.window: 7d\np.must: 1\n")
    assert choose(policies, params={"must": "1"}).params["p.window"] == "30d"
    assert choose(policies, configured=audit).params["p.window"] == "7d"
    assert choose(policies, configured=audit, params={"window": "1h"}).params["p.window"] == "1h"


def test_a_required_parameter_without_a_value_names_the_flag_to_add(policies):
    assert refused(policies) == (
        "p.yaml:5:3: error: the rule p/b needs the parameter must, which has no default\n"
        "help: add --param p.must=1, or params: {p.must: 1} in audit.yaml"
    )


def test_a_rule_that_is_not_run_needs_no_parameter(policies):
    assert [rule.id for rule in choose(policies, skip=["b"]).rules] == ["a", "c"]


def test_lists_are_comma_separated_on_the_command_line(policies):
    chosen = choose(policies, params={"states": "LOCKED, DELETED", "must": "1"})
    assert chosen.params["p.states"] == "LOCKED, DELETED"


def test_a_rules_own_parameter_is_named_with_the_rule(policies):
    chosen = choose(policies, params={"p/c.own": "2026-02-28", "must": "1"})
    assert chosen.params["p/c.own"] == "2026-02-28T00:00:00Z"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"windw": "1d"}, "did you mean p.window?"),
        ({"window": "1"}, "`1` is not a duration"),
        ({"must": "1.5"}, "`1.5` is not a whole number"),
        ({"states": "LOCKED,LOKCED"}, "did you mean LOCKED?"),
        ({"p/c.own": "yesterday"}, "`yesterday` is not a time"),
        ({"must": "10"}, "the parameters put low above high"),
        ({"must": "1", "pattern": "("}, "the parameter is no RE2 pattern"),
    ],
)
def test_a_bad_value_is_told(policies, params, expected):
    assert expected in refused(policies, params={"must": "1"} | params)


def test_a_value_of_another_type_in_the_configuration_is_shown_at_its_place(policies):
    message = refused(policies, configured=configured("p.must: 1\np.window: 7\n"))
    assert message.startswith("audit.yaml:2:11: error: the parameter window takes a duration, not a number")


def test_a_name_of_no_parameter_in_the_configuration_is_shown_at_the_name(policies):
    message = refused(policies, configured=configured("p.must: 1\np.windo: 7d\n"))
    assert message.startswith("audit.yaml:2:1: error: no loaded policy has a parameter p.windo")


def test_a_parameter_that_is_named_in_two_ways_is_an_error(policies):
    message = refused(policies, configured=configured("p.must: 1\np.window: 7d\nwindow: 8d\n"))
    assert message.startswith("audit.yaml:3:1: error: window and p.window are the same parameter")
    message = refused(policies, params={"must": "1", "p.must": "2"})
    assert message.startswith("--param p.must: error: p.must and must are the same parameter")


def test_a_name_that_two_packs_declare_has_to_be_qualified(tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "q.yaml").write_text(POLICY.replace("pack: p", "pack: q"))
    both = load([str(tmp_path)])
    assert "write one of p.must, q.must" in refused(both, params={"must": "1"})
    assert choose(both, params={"p.must": "1", "q.must": "2"}).params["q.must"] == "2"
