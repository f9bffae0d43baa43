"""What a run's own reports say of the change since an earlier run, and what `diff` says of the two, is the same."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.compare.diff import compare
from checker.evaluation.change_totals import change_since
from checker.evaluation.engine import evaluate
from checker.evaluation.finding_change import ReferenceFindings, record_change
from checker.evaluation.open_findings import RuleOfRun, RunFindings, write_open_findings
from checker.layout import PRIOR
from checker.policy.rule_digest import rule_digest
from checker.snapshot.history import write_history
from tests.budgets import examples
from tests.judgement.compared_runs import FORCED, image_set, ran, rule, waiver

EARLY, LATE = "2026-01-10T00:00:00Z", "2026-03-10T00:00:00Z"
OLD = rule("old", deny={"createdAt": {"older_than": "30d"}})
KINDS = st.sampled_from(["good", "forced", "second", "lost", "gone", "unlisted"])
WORLD = st.tuples(*[KINDS] * 4)
RULES = {
    "plain": [rule(), OLD],
    "graver": [rule(severity="critical"), OLD],
    "milder": [rule(severity="low"), OLD],
    "titled": [rule(title="Another title"), OLD],
    "other": [rule(when={"found": True}), OLD],
    "fewer": [OLD],
    "more": [rule(), OLD, rule("third", deny={"versionId": {"gt": 1}})],
}
WAIVERS = {"none": (), "first": (waiver(),), "ended": (waiver(expires=datetime(2026, 1, 12, tzinfo=UTC)),)}


def records(world):
    made = {
        "good": image_set,
        "forced": lambda number: image_set(number, **FORCED),
        "second": lambda number: image_set(number, versionId="2", **FORCED),
        "lost": lambda number: image_set(number, error="ThrottlingException"),
        "gone": lambda number: image_set(number, error="ResourceNotFoundException"),
    }
    return [made[kind](number) for number, kind in enumerate(world) if kind != "unlisted"]


def both(folder, then, now):
    """The changes of a run since another one by its own reports, and by `diff`: the numbers, and the causes of what is new."""
    old, new = ran(folder / "old", **then), ran(folder / "new", **now)
    rules = [RuleOfRun(item.name, item.scope, rule_digest(item), item.severity.value) for item in old.rules]
    write_open_findings(RunFindings(old.folder, old.name, old.as_of, rules), new.folder / PRIOR)
    write_history(new.folder, records=old.folder / "records.jsonl", before=None, events=(), started=new.as_of)
    reference = ReferenceFindings(new.folder / PRIOR, old.as_of, old.name)
    tallies = evaluate(new.rules, new.folder, new.as_of, new.waivers, new.labels)
    record_change(new.folder, new.rules, new.as_of, reference, tallies)
    found = change_since(new.folder, new.rules, reference)
    compared = compare(old, new)
    causes = Counter()
    for count in compared.counts:
        if count.category == "new":
            causes[tuple(factor.value for factor in count.causes)] += count.number
    return found.numbers, compared.numbers, found.causes.get("new", {}), causes


@settings(max_examples=examples(6, 25))
@given(
    then=WORLD,
    now=WORLD,
    rules=st.tuples(st.sampled_from(sorted(RULES)), st.sampled_from(sorted(RULES))),
    waivers=st.tuples(st.sampled_from(sorted(WAIVERS)), st.sampled_from(sorted(WAIVERS))),
    as_of=st.sampled_from([(EARLY, EARLY), (EARLY, LATE)]),
)
def test_a_run_and_diff_count_the_same_changes(then, now, rules, waivers, as_of):
    sides = [
        {
            "records": records(world),
            "rules": RULES[rules[side]],
            "waivers": WAIVERS[waivers[side]],
            "as_of": as_of[side],
        }
        for side, world in enumerate((then, now))
    ]
    if not all(side["records"] for side in sides):
        return
    with tempfile.TemporaryDirectory() as folder:
        own, told, _, _ = both(Path(folder), *sides)
    assert (own.totals, own.severities) == (told.totals, told.severities)


@pytest.mark.parametrize(
    ("then", "now", "causes"),
    [
        ({}, {"records": records(["forced", "good"])}, {("data",): 1}),
        (
            {"records": records(["forced", "good"])},
            {"records": records(["second", "good"])},
            {("version",): 1},
        ),
        ({}, {"records": records(["good", "good", "forced"])}, {("first judged",): 1}),
        (
            {"records": records(["lost", "good"])},
            {"records": records(["forced", "good"])},
            {("first judged",): 1},
        ),
        ({"rules": [OLD]}, {"rules": [OLD], "as_of": LATE}, {("clock",): 2}),
        (
            {"rules": [OLD]},
            {"rules": [rule("old", deny={"createdAt": {"older_than": "5d"}})]},
            {("policy",): 2},
        ),
        (
            {"records": records(["forced"])},
            {"records": records(["forced"]), "rules": RULES["graver"]},
            {("severity",): 1},
        ),
        ({"records": records(["forced"])}, {"records": records(["forced"]), "rules": RULES["milder"]}, {}),
        ({"records": records(["forced"])}, {"records": records(["forced"]), "rules": RULES["titled"]}, {}),
        (
            {"records": records(["forced"])},
            {"records": records(["forced"]), "rules": RULES["other"]},
            {("policy",): 1},
        ),
        (
            {"records": records(["forced"]), "waivers": WAIVERS["first"]},
            {"records": records(["forced"])},
            {("waiver",): 1},
        ),
    ],
)
def test_a_run_and_diff_name_the_same_cause(tmp_path, then, now, causes):
    plain = {"records": records(["good", "good"]), "rules": RULES["plain"], "as_of": EARLY}
    _, _, own, told = both(tmp_path, plain | then, plain | now)
    assert own == told == causes


def test_a_rule_that_asks_less_makes_a_fail_that_stays_new(tmp_path):
    """A fail by 90 days is one by 60 days too, and another finding all the same."""
    limits = [[rule("old", deny={"createdAt": {"older_than": limit}})] for limit in ("60d", "30d")]
    plain = {"records": records(["good"]), "as_of": LATE}
    own, told, why, _ = both(tmp_path, plain | {"rules": limits[0]}, plain | {"rules": limits[1]})
    assert own == told
    assert own.totals == {"new": 1}
    assert why == {("policy",): 1}
