"""A forecast names every change, at its first instant: judging at many instants finds no other one."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from checker.compare import state_changes as forecasts
from checker.compare.forecast import _moved
from checker.compare.state_changes import find_state_changes
from checker.evaluation.engine import evaluate
from checker.evaluation.finding_states import STATES, EvaluationTerms, states
from checker.instants import from_epoch_ms, round_ms
from checker.model import Location, Verdict, Waiver
from checker.snapshot.writer import connect
from checker.values import parse_date, parse_time
from tests.evaluation.test_explain import BOTH, LABELS, few, sets, snapshot
from tests.language import strategies

MS = timedelta(milliseconds=1)
AS_OF = "2026-01-28T13:00:00Z"
WITHIN = timedelta(days=90)


def policy(*conditions, scope="image_set"):
    rules = [
        {"id": f"r{index}", "title": "R", "severity": "low", "scope": scope, "deny": condition}
        for index, condition in enumerate(conditions)
    ]
    return {"version": 1, "pack": "p", "labels": LABELS, "rules": rules}


def judged(way, moment):
    """The state of every subject by every rule, asked of the engine directly."""
    found = {}
    then = EvaluationTerms(way.folder, way.rules, moment, way.waivers, way.labels)
    with connect() as connection:
        for index, rule in enumerate(way.rules):
            rows = states(connection, then, rule.scope, {index: rule}, "")
            for row in rows.fetchall():
                named = dict(zip(rows.columns, row, strict=True))
                found[index, named["target"], named["datastoreId"], named["imageSetId"]] = STATES[row[-1]]
    return found


def agrees(way, within=WITHIN, steps=60):
    """The changes, after it was seen that they are all there are."""
    with TemporaryDirectory() as out:
        until = way.as_of + within
        flips = find_state_changes(way, until, Path(out))
        # there may be more instants than a rule that counts is looked at
        if flips.looked:
            reject()
        every = list(flips.flips())
        assert sum(step.number for step in flips.steps()) == len(every)
        assert sum(number for *_, number, _ in flips.kinds()) == len(every)
    known = judged(way, way.as_of)
    by_instant = defaultdict(list)
    for total in every:
        by_instant[total.at].append(total)
    start, end = round_ms(way.as_of), round_ms(until)
    grid = {start + (end - start) * number // steps for number in range(1, steps + 1)}
    grid |= {round_ms(at) + near for at in by_instant for near in (-1, 0, 1)}
    for at in (from_epoch_ms(item) for item in sorted(grid) if start < item <= end):
        for total in by_instant.pop(at, ()):
            subject = total.subject
            key = (way.rules.index(total.rule), subject.target, subject.datastore_id, subject.image_set_id)
            assert known[key] == total.before
            known[key] = total.after
        assert judged(way, at) == known, at
    assert not by_instant
    return every


def waiver(rule="p/r0", **members):
    given = {
        "number": 1,
        "rule": rule,
        "reason": "r",
        "owner": "a",
        "approved_by": "b",
        "created": parse_date("2026-01-01"),
        "expires": parse_date("2026-02-10"),
        "where": Location("w.yaml", 1, 1),
        "target": "recorded",
    }
    return Waiver(**(given | members))


@few(4, 12)
@given(
    st.lists(BOTH, min_size=2, max_size=2),
    sets(),
    st.sampled_from([AS_OF, "2026-01-30T00:00:00Z"]),
    st.lists(st.integers(0, 100), max_size=2),
    st.sampled_from(["fail", "unknown"]),
)
def test_a_forecast_agrees_with_the_engine_at_every_instant(conditions, records, as_of, days, covers):
    waivers = [
        waiver(
            number=number,
            created=parse_date("2026-01-20") + timedelta(days=day // 2),
            expires=parse_date("2026-01-25") + timedelta(days=day),
            covers=Verdict(covers),
        )
        for number, day in enumerate(days, start=1)
    ]
    with snapshot(policy(*conditions), records) as (pairs, folder):
        agrees(EvaluationTerms(folder, [rule for _, rule in pairs], parse_time(as_of), waivers))


@few(2, 5)
@given(st.lists(BOTH, min_size=1, max_size=1), sets())
def test_a_count_is_forecast_where_its_image_sets_change(conditions, records):
    condition = {"count": {"of": conditions[0], "gte": 2}}
    records = [record["answer"] | {"labels": record["labels"]} for record in records]
    document = policy(condition, {"ratio": {"of": conditions[0], "gt": "50%"}}, scope="datastore")
    with snapshot(document, records, raw=True) as (pairs, folder):
        agrees(EvaluationTerms(folder, [rule for _, rule in pairs], parse_time(AS_OF)), steps=20)


def answer(**members):
    base = {"datastoreId": strategies.STORES[0], "imageSetId": strategies.IDS[0], "versionId": "1"}
    return base | {"imageSetState": "ACTIVE", "createdAt": "2026-01-01T00:00:00Z"} | members


def test_a_waiver_ends_after_its_last_day():
    with snapshot(policy({"isPrimary": True}), [answer(isPrimary=True)], raw=True) as (pairs, folder):
        (flip,) = agrees(EvaluationTerms(folder, [rule for _, rule in pairs], parse_time(AS_OF), [waiver()]))
    assert flip.at == parse_time("2026-02-11T00:00:00Z")
    assert (flip.before.words, flip.after.words) == ("fail (waived)", "fail")


def test_without_time_and_waivers_nothing_changes():
    with snapshot(policy({"isPrimary": True}), [answer(isPrimary=True)], raw=True) as (pairs, folder):
        assert agrees(EvaluationTerms(folder, [rule for _, rule in pairs], parse_time(AS_OF))) == []


@pytest.mark.parametrize("given", [AS_OF, "2026-01-30T23:59:59.999Z"])
def test_the_ends_of_the_span_are_the_run_s_instant_and_the_last_one(given):
    condition = {"createdAt": {"younger_than": "30d"}}
    with snapshot(policy(condition), [answer()], raw=True) as (pairs, folder):
        way = EvaluationTerms(folder, [rule for _, rule in pairs], parse_time(given))
        turn = parse_time("2026-01-31T00:00:00Z")
        assert [agree.at for agree in agrees(way, turn - way.as_of, 3)] == [turn]
        assert agrees(way, turn - way.as_of - MS, 3) == [] if given == AS_OF else True
        assert agrees(EvaluationTerms(folder, way.rules, turn), WITHIN, 3) == []


def test_a_rule_that_counts_is_looked_at_only_so_far(monkeypatch):
    monkeypatch.setattr(forecasts, "MOST_COUNTS", 3)
    condition = {"count": {"of": {"createdAt": {"older_than": "30d"}}, "gte": 3}}
    records = [
        answer(imageSetId=strategies.IDS[day], createdAt=f"2026-01-{day + 1:02}T00:00:00Z")
        for day in range(4)
    ]
    with (
        snapshot(policy(condition, scope="datastore"), records, raw=True) as (pairs, folder),
        TemporaryDirectory() as out,
    ):
        way = EvaluationTerms(folder, [rule for _, rule in pairs], parse_time(AS_OF))
        found = find_state_changes(way, way.as_of + WITHIN, Path(out))
        # each of them is an instant and the millisecond after it
        assert found.looked == {"p/r0": parse_time("2026-02-01T00:00:00Z")}
        assert list(found.flips()) == []


@few(3, 6)
@given(st.lists(BOTH, min_size=2, max_size=2), sets(), st.integers(0, 60))
def test_tallies_that_are_moved_on_are_those_of_a_run_at_the_end(conditions, records, days):
    with snapshot(policy(*conditions), records) as (pairs, folder), TemporaryDirectory() as out:
        rules = [rule for _, rule in pairs]
        start = parse_time(AS_OF)
        waivers = [waiver(expires=parse_date("2026-01-25") + timedelta(days=days))]
        tallies = list(evaluate(rules, folder, start, waivers))
        for step in find_state_changes(
            EvaluationTerms(folder, rules, start, waivers), start + WITHIN, Path(out)
        ).steps():
            tallies[step.rule] = _moved(tallies[step.rule], step)
        assert tuple(tallies) == evaluate(rules, folder, start + WITHIN, waivers)
