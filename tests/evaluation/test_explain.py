"""An explanation says what the engine judged, its parts add up to it, and the instant it forecasts is the first one."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import FunctionExpression as Function
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import checker
from checker.evaluation import finding_reader
from checker.evaluation.condition_compiler import CODES, verdict
from checker.evaluation.engine import evaluate
from checker.evaluation.explain import explain
from checker.evaluation.scope_tables import read_table
from checker.instants import from_epoch_ms, round_ms
from checker.model import Group, Verdict
from checker.policy.params import bind
from checker.policytest import cases
from checker.policytest.case_records import case_subject, case_target
from checker.reporting import explanation
from checker.snapshot.writer import ROW, connect, write_records, write_snapshot
from checker.values import parse_time
from tests.budgets import examples, tried
from tests.language import strategies
from tests.language.engine import recorded

MS = timedelta(milliseconds=1)
HOUR = 3_600_000
STORE = strategies.STORES[0]
LABELS = {"until": {"type": "time"}, "retention": {"type": "duration"}, "superseded_by": {"type": "string"}}


def few(usual, thorough):
    return settings(
        max_examples=examples(usual, thorough),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def snapshot(policy, records, flags=None, *, raw=False):
    """The rules as written and bound, and a folder with the tables that they need."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
        policies = checker.load([str(folder / "policy.yaml")])
        rules = checker.choose(policies, params=flags)
        if raw:
            (folder / "answers.json").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
            evidence = checker.recorded([folder / "answers.json"], policies, needs=rules.needs, complete=True)
            (folder / "records.jsonl").write_bytes(evidence.records.read_bytes())
        else:
            write_records(recorded(list(records), folder, policies.labels), folder / "records.jsonl")
        write_snapshot(folder / "records.jsonl", folder, policies.labels, rules.needs)
        written = {rule.name: rule for rule in policies.rules}
        yield [(written[rule.name], rule) for rule in rules.rules], folder


def judged(rule, folder, moment):
    evaluate([rule], folder, moment)
    (found,) = (list(rows) for rows in finding_reader.subjects([rule], folder, moment, finding_reader.EVERY))
    return {subject.name: (word, finding) for subject, word, finding in found}


def first(rows_of, folder, rule, item, instants):
    """The first of many instants at which the verdict is another one, asked of the engine directly."""
    with connect() as connection:
        rows = read_table(connection, folder, rule.scope).filter(Column("imageSetId") == Constant(rows_of))
        spread = rows.select(
            *map(Column, rows.columns),
            Function("unnest", Function("list_value", *map(Constant, instants)).cast("BIGINT[]")).alias("i"),
        )
        code = verdict(rule, Function("make_timestamp_ms", Column("i"))).alias("code")
        found = spread.select(Column(ROW), Column("i"), code).order("i").fetchall()
    return next((at for _, at, word in found if list(CODES)[word] is not item), None)


def kleene(part):
    """The truth of a group from its members' alone."""
    if not isinstance(part.written, Group):
        return part.truth
    truths = [kleene(member) for member in part.members]
    decisive = part.written.kind != "all"
    undecided = None if None in truths else not decisive
    held = decisive if decisive in truths else undecided
    return held if part.written.kind != "none" or held is None else not held


def by_parts(item):
    """The verdict from the truths of `when` and the condition."""
    when = True if item.when is None else kleene(item.when)
    truth = kleene(item.condition)
    violated = truth if item.rule.deny or truth is None else not truth
    if when is False:
        return Verdict.NOT_APPLICABLE
    if violated is False:
        return Verdict.PASS
    return Verdict.FAIL if violated and when else Verdict.UNKNOWN


def holds(pairs, folder, moment):
    """What must hold of every explanation."""
    for written, rule in pairs:
        for name, (word, finding) in judged(rule, folder, moment).items():
            (item,) = explain(written, rule, folder, name, as_of=moment)
            assert (item.verdict, item.subject.name) == (word, name)
            assert by_parts(item) is word
            assert (item.finding is None) == (finding is None)
            if finding:
                assert (item.finding.reason, item.finding.message) == (finding.reason, finding.message)
            ahead = item.outlook
            end = round_ms(ahead.at) - 1 if ahead.at else round_ms(moment) + 20 * 365 * 24 * HOUR
            step = max(1, (end - round_ms(moment)) // 500)
            grid = [*range(round_ms(moment), end + 1, step), end]
            assert first(item.subject.image_set_id, folder, rule, word, grid) is None, (rule, name)
            if ahead.at:
                assert judged(rule, folder, ahead.at - MS)[name][0] is word
                assert judged(rule, folder, ahead.at)[name][0] is ahead.verdict is not word


@few(2, 5)
@given(strategies.policies(rules=3), strategies.populations(size=4), strategies.as_ofs())
def test_an_explanation_is_of_the_engine_s_verdict(drawn, records, as_of):
    policy, flags = drawn
    with snapshot(policy, records, flags) as (pairs, folder):
        holds(pairs, folder, parse_time(as_of))


SPANS = st.sampled_from(["0s", "1d", "30d", "1mo", "1y", "P1M1D", "12h"])
ORDER = st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"])
AGES = st.one_of(
    st.builds(lambda op, d: {"createdAt": {op: d}}, st.sampled_from(["older_than", "younger_than"]), SPANS),
    st.builds(lambda op, d: {"now - createdAt": {op: d}}, ORDER, SPANS),
    st.builds(lambda op, d: {"labels.until - now": {op: d}}, ORDER, SPANS),
    st.builds(lambda op: {"labels.until - now": {op: {"field": "labels.retention"}}}, ORDER),
    st.builds(
        lambda op, name: {name: {op: {"field": "now"}}},
        st.sampled_from(["before", "after", "eq"]),
        st.sampled_from(["createdAt", "labels.until"]),
    ),
    st.builds(lambda d: {"now - createdAt": {"between": ["12h", d]}}, st.sampled_from(["1d", "1mo", "1y"])),
    st.builds(
        lambda op, at: {"now": {op: at}},
        st.sampled_from(["before", "after", "eq"]),
        st.sampled_from(strategies.MOMENTS),
    ),
    st.just({"isPrimary": True}),
)
BOTH = st.one_of(
    AGES,
    st.builds(
        lambda kind, members: {kind: members},
        st.sampled_from(["all", "any", "none"]),
        st.lists(AGES, min_size=2, max_size=3, unique_by=str),
    ),
)


@st.composite
def sets(draw):
    """Answers whose times are not far from as_of."""
    drawn = []
    for image_set_id in strategies.IDS[:4]:
        hours = draw(st.integers(-60 * 24, 60 * 24))
        created = parse_time("2026-01-30T00:00:00Z") - timedelta(
            hours=abs(hours), milliseconds=draw(st.integers(0, 1))
        )
        until = parse_time("2026-02-28T12:00:00Z") + timedelta(hours=hours)
        labels = {"until": until.isoformat(), "retention": draw(SPANS)}
        answer = {
            "datastoreId": STORE,
            "imageSetId": image_set_id,
            "versionId": "1",
            "imageSetState": "ACTIVE",
        }
        answer |= {"createdAt": created.isoformat(), "isPrimary": draw(st.booleans())}
        drawn.append({"imageSetId": image_set_id, "target": "recorded", "labels": labels, "answer": answer})
    return drawn


@few(3, 8)
@given(
    st.lists(BOTH, min_size=2, max_size=2),
    sets(),
    st.sampled_from(["2026-01-28T13:00:00Z", "2026-01-30T00:00:00Z"]),
)
def test_a_forecast_is_the_first_change(conditions, records, as_of):
    rules = [
        {"id": f"r{index}", "title": "R", "severity": "low", "deny": condition}
        for index, condition in enumerate(conditions)
    ]
    with snapshot({"version": 1, "pack": "p", "labels": LABELS, "rules": rules}, records) as (pairs, folder):
        holds(pairs, folder, parse_time(as_of))


def ahead(condition, as_of, *, when=None, scope="image_set", **members):
    answer = {
        "datastoreId": STORE,
        "imageSetId": strategies.IDS[0],
        "versionId": "1",
        "imageSetState": "ACTIVE",
    } | members
    rule = {"id": "r", "title": "R", "severity": "low", "scope": scope, "deny": condition}
    policy = {"version": 1, "pack": "p", "labels": LABELS, "rules": [rule]}
    with snapshot(policy, [answer], raw=True) as (pairs, folder):
        ((written, rule),) = pairs
        wanted = "recorded" if scope == "datastore" else strategies.IDS[0]
        (item,) = explain(written, rule, folder, wanted, as_of=parse_time(as_of))
        return item


@pytest.mark.parametrize(
    ("condition", "verdict", "at", "then"),
    [
        ({"createdAt": {"younger_than": "30d"}}, "fail", "2026-01-31T00:00:00Z", "pass"),
        ({"createdAt": {"older_than": "30d"}}, "pass", "2026-01-31T00:00:00.001Z", "fail"),
        ({"createdAt": {"older_than": "1mo"}}, "pass", "2026-02-01T00:00:00.001Z", "fail"),
        ({"now - createdAt": {"gte": "1y"}}, "pass", "2027-01-01T00:00:00Z", "fail"),
        ({"now - createdAt": {"eq": "20d"}}, "pass", "2026-01-21T00:00:00Z", "fail"),
        ({"now": {"after": "2026-03-01"}}, "pass", "2026-03-01T00:00:00.001Z", "fail"),
        # a month after the 29th of January, midnight, is the 28th of February, midnight: less than a day before
        ({"labels.until - now": {"gte": "1mo"}}, "pass", "2026-01-29T00:00:00Z", "fail"),
        ({"createdAt": {"older_than": "1d"}}, "fail", None, None),
        ({"imageSetState": "ACTIVE"}, "fail", None, None),
    ],
)
def test_a_verdict_changes_at_a_boundary(condition, verdict, at, then):
    as_of = "2026-01-10" if "20d" in str(condition) else "2026-01-28T13:00:00Z"
    labels = {"until": "2026-02-28T12:00:00Z"}
    item = ahead(condition, as_of, createdAt="2026-01-01T00:00:00Z", labels=labels)
    assert item.verdict.value == verdict
    assert item.outlook.at == (parse_time(at) if at else None)
    assert (item.outlook.verdict.value if item.outlook.verdict else None) == then


def test_without_time_there_is_no_horizon_and_with_it_there_is():
    assert ahead({"imageSetState": "ACTIVE"}, "2026-01-01").outlook.until is None
    late = ahead({"createdAt": {"older_than": "1d"}}, "2026-01-28", createdAt="2026-01-01T00:00:00Z")
    assert late.outlook.until > datetime.fromisoformat("2225-01-01T00:00:00Z")


def test_a_count_of_ages_changes_when_one_of_them_does():
    condition = {"count": {"of": {"createdAt": {"older_than": "30d"}}, "gt": 0}}
    item = ahead(condition, "2026-01-10", scope="datastore", createdAt="2026-01-01T00:00:00Z")
    assert (item.verdict, item.outlook.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert item.outlook.at == parse_time("2026-01-31T00:00:00.001Z")
    assert str(item.condition.observed[0].value) == "0"


def test_a_leaf_says_what_it_read_and_why_it_is_unknown():
    condition = {"any": [{"deletedAt - createdAt": {"gte": {"field": "labels.retention"}}}, {"message": "x"}]}
    item = ahead(condition, "2026-01-10", createdAt="2026-01-01T00:00:00Z")
    leaf, message = item.condition.members
    seen = [(value.name, value.value, value.state) for value in leaf.observed]
    assert seen == [
        ("deletedAt", None, "absent"),
        ("createdAt", from_epoch_ms(1_767_225_600_000), "there"),
        ("labels.retention", None, "none"),
    ]
    assert leaf.why == "deletedAt absent, labels.retention absent"
    assert (message.truth, message.observed[0].state, message.why) == (False, "none", "")


def test_what_was_not_received_is_not_called_absent():
    item = ahead(
        {"imageSetState": "DELETED"}, "2026-01-10", error={"code": "AccessDeniedException", "message": "no"}
    )
    assert item.verdict is Verdict.UNKNOWN
    assert item.condition.observed[0].state == "not received"
    assert item.condition.why == "AccessDeniedException"


def test_labels_are_told_with_the_place_they_were_given_at():
    item = ahead(
        {"labels.retention": {"gte": "1y"}},
        "2026-01-10",
        labels={"retention": "7y"},
        labelPlaces={"retention": "inventory.csv:12"},
    )
    (label,) = item.labels
    assert (label.name, label.place) == ("labels.retention", "inventory.csv:12")


def explained_cases(pack, rule):
    """What is explained of each test of a rule, beside the verdict that it must get."""
    with cases.snapshot(pack, rule) as folder:
        for group in cases.case_groups(pack, rule):
            bound = bind(rule, group.bound(rule))
            for index in group.cases:
                image_set_id, version = case_subject(rule.tests[index], index, rule.scope)
                name = case_target(index) if image_set_id is None else f"{case_target(index)}/{image_set_id}"
                name += "" if version is None else f"@v{version}"
                (item,) = explain(rule, bound, folder, name, as_of=group.as_of)
                yield item, rule.tests[index].expect


@pytest.mark.parametrize(
    ("pack", "rule"),
    [pytest.param(pack, rule, id=rule.name) for pack, rule in tried("explanation", checker.load([]).packs)],
)
def test_every_test_of_a_shipped_rule_is_explained_in_every_scope(pack, rule):
    for item, expect in explained_cases(pack, rule):
        assert item.verdict is expect is by_parts(item)
        assert explanation.text(item, [pack], {}).startswith(f"{rule.name}: {expect}\n")
        assert json.dumps(explanation.document([item], {}))
        for ended in (item.outlook.at,) if item.outlook.at else ():
            assert item.as_of < ended <= item.outlook.until
