"""Findings are told the worst first: by severity, then what the gate counts, then age, then policy order, across rules."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from datetime import UTC, datetime

import duckdb
import pytest

import checker
from checker.cli import main
from checker.evaluation import finding_reader
from checker.model import Severity, Verdict

STORE = "0123456789abcdef0123456789abcdef"
POLICY = """\
version: 1
pack: p
rules:
  - {id: tier, title: Tier, severity: info, require: {storageTier: FREQUENT_ACCESS}}
  - {id: primary, title: Primary, severity: high, require: {isPrimary: true}}
  - {id: early, title: Early, severity: critical, deny: {imageSetState: DELETED}}
  - {id: forced, title: Forced, severity: high, deny: {overrides.forced: true}}
  - {id: few, title: Few, severity: medium, scope: datastore, deny: {count: {gt: 1}}}
"""
WAIVER = """\
version: 1
waivers:
  - {rule: p/early, target: recorded, reason: w, owner: a, approved_by: b, created: 2026-01-01, expires: 2026-01-20}
"""
AS_OF = datetime(2026, 1, 10, tzinfo=UTC)


def answer(number):
    plain = {"datastoreId": STORE, "imageSetId": f"{number:032x}", "versionId": "1"}
    if number % 5 == 4:
        return {**plain, "error": {"code": "ThrottlingException", "message": "slow"}}
    state = {"imageSetState": "DELETED" if number % 4 == 1 else "ACTIVE"}
    primary = {"isPrimary": number % 3 == 0} if number % 3 < 2 else {}
    return {
        **plain,
        **state,
        **primary,
        "overrides": {"forced": number % 2 == 0},
        "createdAt": "2026-01-01T00:00:00Z",
    }


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("order")
    (folder / "p.yaml").write_text(POLICY)
    (folder / "w.yaml").write_text(WAIVER)
    (folder / "sets.json").write_text("\n".join(json.dumps(answer(number)) for number in range(1, 25)))
    policies = checker.load([str(folder / "p.yaml")])
    rules = checker.choose(policies)
    waivers, _ = checker.read_waivers(None, rules, folder / "w.yaml")
    return (
        rules,
        waivers,
        checker.recorded([str(folder / "sets.json")], policies, needs=rules.needs, complete=True),
    )


GATES = [
    checker.Gate(),
    checker.Gate(Severity.HIGH),
    checker.Gate(Severity.MEDIUM, "ignore", most={Severity.HIGH: 99}),
    checker.Gate(None),
]


def judged(parts, gate):
    rules, waivers, evidence = parts
    return checker.evaluate(rules, evidence, as_of=AS_OF, gate=gate, waivers=waivers)


@pytest.fixture(scope="module", params=GATES)
def run(parts, request):
    return judged(parts, request.param)


def key(run, item, place=0):
    """The order, written down a second time."""
    policy = [judged.rule.name for judged in run.judged].index(item.rule.name)
    first = item.first_seen
    age = (first is None, first or AS_OF)
    subject = (item.subject.target, item.subject.image_set_id or "")
    return (
        place,
        -item.rule.severity.rank,
        not item.gated,
        *age,
        item.verdict is Verdict.UNKNOWN,
        policy,
        *subject,
    )


def names(findings):
    return [
        (finding.rule.id, finding.verdict.value, finding.subject.image_set_id, finding.gated)
        for finding in findings
    ]


@pytest.mark.parametrize("slices", [3, 20_000])
def test_the_worst_come_first_across_rules(run, slices, monkeypatch):
    monkeypatch.setattr(finding_reader, "SLICE", slices)
    found = list(run.findings())
    assert names(found) == names(sorted(found, key=lambda item: key(run, item)))
    assert len(found) == sum(total.fail + total.unknown + total.waived for total in run.totals)
    assert found[0].rule.severity is Severity.CRITICAL
    assert {explanation.rule.id for explanation in found} == {"tier", "primary", "early", "forced", "few"}


@pytest.mark.parametrize("most", [0, 1, 7, 500])
@pytest.mark.parametrize("slices", [3, 20_000])
def test_the_first_of_them_are_the_first_of_all(run, most, slices, monkeypatch):
    monkeypatch.setattr(finding_reader, "SLICE", slices)
    assert names(run.findings(most)) == names(run.findings())[:most]
    counted = [finding for finding in run.findings() if finding.gated]
    assert names(run.findings(most, gated=True)) == names(counted)[:most]


def test_rule_by_rule_the_worst_rule_comes_first(run):
    rules = [(judged.rule.name, list(found)) for judged, found in run.findings_by_rule()]
    assert [name for name, _ in rules] == [rule_result.rule.name for rule_result in run.ranked]
    ranks = [rule_result.rule.severity.rank for rule_result in run.ranked]
    assert ranks == sorted(ranks, reverse=True)
    for _, found in rules:
        assert names(found) == names(sorted(found, key=lambda item: key(run, item)))
    everything = itertools.chain.from_iterable(found for _, found in rules)
    assert sorted(names(everything), key=str) == sorted(names(run.findings()), key=str)


@pytest.mark.parametrize("most", [1, 4, 6, 500])
def test_a_sample_is_of_many_rules_and_the_worst_of_each(run, most):
    counted = [finding for finding in run.findings() if finding.gated]
    by_rule = Counter(finding.rule.id for finding in counted)
    sample = list(run.sample("severity", most))
    taken = Counter(finding.rule.id for finding in sample)
    half, quarter = max(most // 2, 1), max(most // 4, 1)
    assert len(sample) == min(most, sum(min(number, half) for number in by_rule.values()))
    if len(sample) == most and sum(min(number, quarter) for number in by_rule.values()) >= most:
        assert max(taken.values()) <= quarter
    for name, number in taken.items():
        own = [finding for finding in sample if finding.rule.id == name]
        assert names(own) == names(finding for finding in counted if finding.rule.id == name)[:number]


def test_a_sample_by_image_set_begins_with_the_worst(run):
    counted = [finding for finding in run.findings() if finding.gated]
    sets = {}
    for finding in counted:
        sets.setdefault(finding.subject.image_set_id, []).append(-finding.rule.severity.rank)
    sample = list(run.sample("image-set", 500))
    order = [key for key, _ in itertools.groupby(sample, key=lambda finding: finding.subject.image_set_id)]
    assert order == sorted(sets, key=lambda name: (min(sets[name]), -len(sets[name]), name or "~"))
    assert len(sample) == len(counted)


def test_a_sample_by_rule_goes_by_its_name_and_one_by_age_is_of_any_rule(run):
    by_name = [finding.rule.name for finding in run.sample("rule", 12)]
    heads = list(dict.fromkeys(by_name))
    assert heads == sorted(heads)
    counted = [finding for finding in run.findings() if finding.gated]
    assert names(run.sample("age", 12)) == names(counted)[:12]


def test_subjects_have_their_findings_whatever_the_order(run):
    seen = [row.finding for _, rows in run.subjects() for row in rows if row.finding]
    assert sorted(names(seen), key=str) == sorted(names(run.findings()), key=str)


@pytest.mark.parametrize("gate", GATES)
def test_of_one_severity_the_oldest_come_first(parts, gate):
    run = judged(parts, gate)
    path = run.folder / "findings.parquet"
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(path))
        others = [name for name in rows.columns if name != "first_at"]
        day = "TIMESTAMP '2026-01-01' + INTERVAL (finding % 4) DAY"
        dated = rows.select(*map(duckdb.ColumnExpression, others)).project(
            f"*, CASE WHEN finding % 3 > 0 THEN {day} END AS first_at"
        )
        dated.write_parquet(str(path) + ".new")
        ages = dict(dated.project("finding, first_at").fetchall())
        number = {
            (rule, image_set): finding
            for finding, rule, image_set in dated.project('finding, rule, "imageSetId"').fetchall()
        }
    path.with_name("findings.parquet.new").replace(path)
    found = [(item, ages[number[item.rule.name, item.subject.image_set_id]]) for item in run.findings()]
    late = datetime(2030, 1, 1)
    ranks = [(-item.rule.severity.rank, not item.gated, first or late) for item, first in found]
    assert ranks == sorted(ranks)
    assert len({first for _, first in found}) == 5


def test_the_totals_are_those_of_the_findings(run):
    found = list(run.findings())
    for total in run.totals:
        own = [explanation for explanation in found if explanation.rule.severity is total.severity]
        fails = [finding for finding in own if finding.verdict is Verdict.FAIL]
        unknown = [finding for finding in own if finding.verdict is Verdict.UNKNOWN]
        assert total.fail == sum(not fail.waived for fail in fails)
        assert total.waived == sum(fail.waived for fail in fails)
        assert total.unknown == len(unknown)
        assert total.gated_fail == sum(fail.gated for fail in fails)
        assert total.gated_unknown == sum(item.gated for item in unknown)
    assert [item.severity for item in run.totals] == [
        severity for severity in reversed(Severity) if severity is not Severity.LOW
    ]


def test_a_comparison_has_the_gravest_rules_first(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    given = ["check", "-p", "p.yaml", "--image-sets", "sets.json", "--runs", "runs", "-q"]
    for day, numbers in (("2026-01-10", ()), ("2026-01-11", range(1, 25))):
        healthy = {**answer(3), "storageTier": "FREQUENT_ACCESS", "overrides": {}}
        sets = [answer(number) for number in numbers] or [{**healthy, "imageSetId": "a" * 32}]
        (tmp_path / "sets.json").write_text("\n".join(map(json.dumps, sets)))
        main([*given, "--as-of", day])
    main(["diff", *sorted(str(path) for path in (tmp_path / "runs").iterdir()), "--report", "json=-"])
    changes = json.loads(capsys.readouterr().out)["changes"]
    new = [override["rule"] for override in changes if override["category"] == "new"]
    order = [name for name, _ in itertools.groupby(new)]
    assert order[0].endswith("early")
    assert len(order) == len(set(order)) > 3
