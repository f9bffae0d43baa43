"""Controls in rules and in mapping files, and what they demand of parameters."""

from __future__ import annotations

import pytest

from checker.model import Duration, Test
from checker.policy.control_requirements import meets
from checker.policy.controls import read_control_map
from checker.policy.load import load
from checker.policy.policy_files import shipped_files
from checker.policy.rule_selection import choose
from checker.problems import InvalidInputError
from checker.yamlsource import read

PACK = """
version: 1
pack: p
title: A pack
params:
  retention: {type: duration, default: 7y}
  regions: {type: {list: string}, default: [us-east-1, eu-west-1]}
  states: {type: {field: imageSetState}, default: ACTIVE}
rules:
  - id: keep
    title: Kept long enough
    severity: high
    when: {imageSetState: DELETED}
    require: {deletedAt - createdAt: {gte: $retention}}
  - id: place
    title: In the right place
    severity: low
    controls: {gdpr: "Art. 44"}
    require: {region: {in: $regions}}
  - id: state
    title: In the right state
    severity: low
    require: {imageSetState: $states}
"""

MAP = """
version: 1
framework: mqsa
title: Mammography
source: https://www.ecfr.gov/
note: A suggestion.
controls:
  - id: 21 CFR 900.12
    title: Records
    rules:
      - rule: p/keep
        does_not_prove: That the originals are kept.
        requires: {retention: {gte: 10y}}
      - p/place
      - elsewhere/rule
"""


def write(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load(["."], tmp_path)


def refused(tmp_path, **files) -> str:
    with pytest.raises(InvalidInputError) as raised:
        write(tmp_path, **files)
    return str(raised.value)


def controls(policies, name):
    return next(rule.controls for rule in policies.rules if rule.name == name)


def test_a_mapping_file_beside_a_pack_gives_its_rules_their_controls(tmp_path):
    found = write(tmp_path, a=MAP, p=PACK)
    assert [pack.name for pack in found.packs] == ["p"]
    (framework,) = found.frameworks
    assert (framework.key, framework.title, framework.controls) == ("mqsa", "Mammography", ("21 CFR 900.12",))
    assert framework.content.decode() == MAP
    assert [(item.rule, item.control.id) for item in framework.unloaded] == [
        ("elsewhere/rule", "21 CFR 900.12")
    ]
    assert not framework.implied
    (item,) = controls(found, "p/keep")
    assert (item.framework, item.id, item.title) == ("mqsa", "21 CFR 900.12", "Records")
    assert item.does_not_prove == "That the originals are kept."
    assert item.requires[0].tests == (Test("gte", Duration(120)),)
    assert str(item.where) == "a.yaml:11:15"
    assert [(control.framework, control.id) for control in controls(found, "p/place")] == [
        ("gdpr", "Art. 44"),
        ("mqsa", "21 CFR 900.12"),
    ]


def test_a_rule_may_say_itself_what_a_control_demands_and_a_file_adds_to_it(tmp_path):
    own = 'mqsa: [{id: "21 CFR 900.12", requires: {retention: {lt: 100y}}, does_not_prove: Much.}]'
    pack = PACK.replace("    when:", f"    controls: {{{own}}}\n    when:")
    (item,) = controls(write(tmp_path, a=MAP, p=pack), "p/keep")
    assert [demand.tests[0].operator for demand in item.requires] == ["lt", "gte"]
    assert item.does_not_prove == "Much. That the originals are kept."


def test_a_demand_is_compared_with_the_value_of_the_run(tmp_path):
    policies = write(tmp_path, a=MAP, p=PACK)
    (lack,) = choose(policies).shortfalls
    assert (lack.rule, lack.control.id, lack.value) == ("p/keep", "21 CFR 900.12", Duration(84))
    assert choose(policies, params={"retention": "10y"}).shortfalls == ()
    assert choose(policies, params={"retention": "3653d"}).shortfalls == ()  # 10 mean years are 3652.4 days
    assert len(choose(policies, params={"retention": "3652d"}).shortfalls) == 1
    assert choose(policies, only=["place"]).shortfalls == ()


def test_of_a_list_each_value_must_do(tmp_path):
    mapped = MAP.replace("- p/place", "- {rule: p/place, requires: {regions: {starts_with: us-}}}")
    policies = write(tmp_path, a=mapped.replace("10y", "7y"), p=PACK)
    assert [lack.demand.param for lack in choose(policies).shortfalls] == ["regions"]
    assert choose(policies, params={"regions": "us-east-1,us-west-2"}).shortfalls == ()


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "met"),
    [
        ("eq", 3, 3, True),
        ("ne", 3, 3, False),
        ("in", ("a", "b"), "b", True),
        ("not_in", ("a", "b"), "b", False),
        ("lt", 3, 3, False),
        ("lte", 3, 3, True),
        ("gt", 3, 3, False),
        ("gte", Duration(12), Duration(0, 366 * 86_400_000), True),
        ("gte", Duration(12), Duration(0, 365 * 86_400_000), False),
        ("between", (1, 3), 3, True),
        ("between", (1, 3), 4, False),
        ("contains", "b", "abc", True),
        ("matches", "^a", "bac", False),
    ],
)
def test_a_value_meets_a_demand(operator, wanted, value, met):
    assert meets(Test(operator, wanted), value) is met


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("p/keep", "p/kept", "a.yaml:11:15: error: no loaded rule is called p/kept"),
        ("p/keep", "p/kept", "did you mean p/keep?"),
        ("p/keep", "keep", "a rule is named PACK/RULE here"),
        ("retention: {gte", "retenton: {gte", "p/keep reads no parameter retenton"),
        ("retention: {gte", "retenton: {gte", "did you mean retention?"),
        ("retention: {gte", "regions: {gte", "p/keep reads no parameter regions"),
        ("gte: 10y", "less: 10y", "did you mean lt?"),
        ("gte: 10y", "contains: 10y", "which has no operator contains"),
        ("gte: 10y", "gte: 10", "the parameter retention takes a duration"),
        ("gte: 10y", "exists: true", "`exists` cannot be demanded"),
        ("gte: 10y", "gte: $retention", "unknown parameter $retention"),
        ("{retention: {gte: 10y}}", "10y", "requires maps parameters to what is demanded of them, not text"),
        ("- p/place", "- p/keep", "the rule p/keep stands twice under 21 CFR 900.12"),
        ("controls:\n", "controls: []\nx:\n", "controls is a list of controls, not an empty list"),
        ("    rules:\n", "    rule:\n", "unknown key rule in a control"),
        ("does_not_prove", "does_not_proof", "did you mean does_not_prove?"),
        ("version: 1", "version: 2", "version 2 of the policy language is not known"),
        ("framework: mqsa", "framework: MQSA 1", "framework may have a-z, 0-9 and - only"),
        ("title: Mammography", "titel: Mammography", "did you mean title?"),
        ("- id: 21 CFR 900.12", "- id: 900", "id is text, not a number"),
        ("      - elsewhere/rule", "  - {id: 21 CFR 900.12, rules: [p/place]}", "duplicate control id 21 CFR 900.12"),
    ],
)  # fmt: skip
def test_a_mapping_file_with_a_mistake_is_refused_at_its_place(tmp_path, old, new, message):
    assert old in MAP
    text = refused(tmp_path, a=MAP.replace(old, new, 1), p=PACK)
    assert message in text
    assert text.startswith("a.yaml:")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[x]", "controls maps a framework to control ids, not a list"),
        ("{hipaa: [1]}", "controls.hipaa is a list of texts, not a number"),
        ("{hipaa: [a, a]}", "the control a stands twice"),
        ("{hipaa: [{title: t}]}", "a control has no id"),
        ("{hipaa: [{id: a, requires: {regions: {in: [x]}}}]}", "the rule reads no parameter regions"),
    ],
)
def test_controls_of_a_rule_with_a_mistake_are_refused(tmp_path, written, message):
    assert message in refused(tmp_path, p=PACK.replace("    when:", f"    controls: {written}\n    when:"))


def test_two_files_of_one_framework_are_refused(tmp_path):
    text = refused(tmp_path, a=MAP, b=MAP, p=PACK)
    assert "b.yaml:1:1: error: the framework mqsa is mapped in a.yaml too" in text


def test_a_mapping_file_alone_has_no_rules(tmp_path):
    assert "maps controls to rules, and no pack of rules is named" in refused(tmp_path, a=MAP)


def test_a_file_that_is_neither_is_read_as_a_pack(tmp_path):
    assert "a policy file has no pack" in refused(tmp_path, a="version: 1\nrules: []\n")
    assert "not both" in refused(tmp_path, a=PACK + "framework: x\n")


def test_what_is_shipped_is_told_apart():
    names = shipped_files()
    assert names
    assert not names.keys() & shipped_files("framework").keys()


@pytest.fixture
def as_shipped(tmp_path, monkeypatch):
    """PACK and MAP as what comes with the checker."""
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "p.yaml").write_text(PACK, encoding="utf-8")
    (tmp_path / "ours" / "mqsa.yaml").write_text(MAP.replace("elsewhere/rule", "p2/gone"), encoding="utf-8")
    monkeypatch.setattr("checker.policy.policy_files.folder", lambda _: tmp_path / "ours")
    return tmp_path


def test_a_shipped_mapping_applies_to_shipped_packs_by_itself(as_shipped):
    found = load(["pack:p"])
    (framework,) = found.frameworks
    assert (framework.path, framework.implied) == ("controls:mqsa", True)
    assert [pack.rule for pack in framework.unloaded] == ["p2/gone"]
    assert str(controls(found, "p/keep")[0].where) == "controls:mqsa:11:15"
    # named as a folder, each file is there once
    assert [item.path for item in load(["ours"], as_shipped).frameworks] == ["ours/mqsa.yaml"]


def test_a_shipped_mapping_says_nothing_of_a_pack_of_the_users_own(as_shipped):
    (as_shipped / "own.yaml").write_text(PACK.replace("id: keep", "id: other"), encoding="utf-8")
    found = load(["own.yaml"], as_shipped)
    assert found.frameworks == ()
    assert controls(found, "p/other") == ()


def test_a_file_of_the_users_takes_the_place_of_the_shipped_one(as_shipped):
    (as_shipped / "own.yaml").write_text(MAP.replace("10y", "20y"), encoding="utf-8")
    found = load(["pack:p", "own.yaml"], as_shipped)
    assert [framework.path for framework in found.frameworks] == ["own.yaml"]
    assert controls(found, "p/keep")[0].requires[0].tests == (Test("gte", Duration(240)),)


def test_the_shipped_mapping_files_fit_the_shipped_packs():
    policies = load([])
    assert {framework.key for framework in policies.frameworks} == set(shipped_files("framework"))
    names = {rule.name for rule in policies.rules}
    for name, path in shipped_files("framework").items():
        problems = []
        found = read_control_map(read(path, name), problems)
        assert problems == []
        # a pack that is not there is passed over in silence, so that it has to be looked for here
        assert {mapped.rule for mapped in found.mapped} <= names
