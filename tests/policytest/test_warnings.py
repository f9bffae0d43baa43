"""What `rules validate` says of rules that can never fail, never pass, or say nothing of their own."""

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from checker.cli import main
from checker.policy.load import load
from checker.policytest.warnings import examine
from checker.problems import InvalidInputError, render
from tests.budgets import examples
from tests.language import strategies
from tests.language.engine import judge

HERE = Path(__file__).parent
CAN_NEVER_FAIL = ("can never fail", "never applies")


def test_golden(monkeypatch):
    monkeypatch.chdir(HERE)
    said = render(examine(load(["impossible.yaml"])).warnings) + "\n"
    assert said == (HERE / "impossible.txt").read_text()


def test_strict_makes_errors_of_them(capsys, monkeypatch):
    monkeypatch.chdir(HERE)
    assert main(["rules", "validate", "impossible.yaml"]) == 0
    assert "the rule lax" not in capsys.readouterr().err
    assert main(["rules", "validate", "--strict", "impossible.yaml"]) == 2


def said_of(condition, **more):
    """The warnings of a rule with this condition."""
    rule = {"id": "r", "title": "R", "severity": "low", **condition}
    policy = {"version": 1, "pack": "p", "labels": strategies.LABELS, "rules": [rule], **more}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "p.yaml"
        file.write_text(yaml.safe_dump(policy, sort_keys=False))
        return [problem.message for problem in examine(load([str(file)])).warnings]


@pytest.mark.parametrize(
    "condition",
    [
        {"createdAt": {"older_than": "30d", "younger_than": "31d"}},
        {"createdAt": {"older_than": "30d", "younger_than": "1mo"}},  # in some months
        {"createdAt": {"after": "2030-01-01", "older_than": "1d"}},  # from some day on
        {"createdAt": {"eq": "2026-01-01"}},
        {"updatedAt - createdAt": {"gt": "1d", "lt": "86401s"}},
        {"deletedAt - labels.study_date": {"lt": {"field": "labels.retention"}}},
        {"versionId": {"gt": 2, "lt": 4}},
        {"labels.note": {"starts_with": "ab", "ends_with": "ba", "contains": "x"}},
        {"labels.note": {"matches": "^a+$", "ends_with": "aa"}},
        {"imageSetState": {"ne": "ACTIVE", "contains": "E"}},
        {"labels.note": {"eq": {"field": "labels.class"}}},
        {"labels.count - labels.base": {"between": [3, 3]}},
    ],
    ids=str,
)
def test_what_can_be_is_not_called_impossible(condition):
    assert said_of({"deny": condition}) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"createdAt": {"older_than": "31d", "younger_than": "30d"}},
        {"createdAt": {"older_than": "7y", "younger_than": "30d"}},
        {"updatedAt - createdAt": {"gt": "1d", "lt": "86399s"}},
        {"versionId": {"gt": 2, "lt": 3}},
        {"versionId": {"lt": 1}},
        {"labels.note": {"starts_with": "ab", "eq": "ba"}},
        {"labels.note": {"contains": "ab", "in": ["a", "b"]}},
        {
            "all": [
                {"createdAt": {"before": {"field": "updatedAt"}}},
                {"createdAt": {"after": {"field": "updatedAt"}}},
            ]
        },
        {"all": [{"isPrimary": True}, {"none": [{"isPrimary": True}]}]},
        {"all": [{"deletedAt": {"exists": False}}, {"deletedAt": {"younger_than": "1d"}}]},
    ],
    ids=str,
)
def test_what_cannot_be_is_said(condition):
    assert [text for text in said_of({"deny": condition}) if "can never fail" in text]


def test_nothing_is_said_where_a_parameter_has_no_value():
    deny = {"createdAt": {"older_than": "$limit", "younger_than": "1d"}}
    assert said_of({"deny": deny}, params={"limit": {"type": "duration"}}) == []
    default = {"limit": {"type": "duration", "default": "2d"}}
    assert said_of({"deny": deny}, params=default)


@settings(
    max_examples=examples(8, 25), derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(st.data())
def test_no_claim_is_contradicted_by_random_records(data):
    policy, flags = data.draw(strategies.policies())
    with TemporaryDirectory() as folder:
        file = Path(folder) / "p.yaml"
        file.write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
        try:
            said = examine(load([str(file)])).warnings
        except InvalidInputError:
            reject()
    dead = {
        rule["id"]
        for rule in policy["rules"]
        for problem in said
        if f"the rule {rule['id']} " in problem.message
        and any(text in problem.message for text in CAN_NEVER_FAIL)
    }
    if not dead or flags:
        return
    drawn = data.draw(st.lists(strategies.records(), min_size=30, max_size=30))
    records = [{**record, "imageSetId": f"{at:032x}"} for at, record in enumerate(drawn)]
    judged = judge(policy, records, data.draw(st.sampled_from(strategies.AS_OF)), flags)
    failed = Counter(rule for (rule, *_), verdict in judged.verdicts.items() if verdict == "fail")
    assert not dead & failed.keys(), json.dumps(policy)
