"""The engine against the oracle, and against itself, on random policies and records.

`LANGUAGE_EXAMPLES=2000 pytest tests/language/test_oracle.py` is the long, random run (`--hypothesis-seed=N` picks its
seed); without it the examples are the same every time.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.language import strategies
from tests.language.engine import Judged, judge
from tests.language.oracle import Oracle

LONG = int(os.environ.get("LANGUAGE_EXAMPLES", "0"))


def examples(few: int, *, share: float = 1.0):
    """So many examples, always the same; or their share of a long run, at random."""
    return settings(
        max_examples=max(1, int(LONG * share)) if LONG else few,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


def say(rule: Any, record: Any, as_of: str, flags: Any) -> str:
    return f"{yaml.safe_dump(rule, sort_keys=False)}\n{json.dumps(record)}\nas_of {as_of} flags {flags}"


def agree(policy: Any, flags: Any, records: Any, as_of: str, *, every: bool) -> Judged:
    """The engine's and the oracle's verdicts are the same; a fail or an unknown at fault is shown with its rule."""
    judged = judge(policy, records, as_of, flags, every=every)
    oracle = Oracle(policy, as_of, flags)
    for rule in policy["rules"]:
        tally = judged.tallies[rule["id"]]
        expected = Counter()
        for record in records:
            verdict = oracle.verdict(rule, record)
            expected[verdict] += 1
            said = judged.verdicts.get((rule["id"], record["imageSetId"]))
            assert said == verdict or (
                not every and said is None and verdict in ("pass", "not_applicable")
            ), f"engine {said}, oracle {verdict}\n" + say(
                {key: value for key, value in policy.items() if key == "params"} | rule, record, as_of, flags
            )
        counted = {"pass": tally.passed, "fail": tally.fail, "unknown": tally.unknown, "not_applicable": tally.not_applicable}  # fmt: skip
        assert Counter(counted) == expected, (rule, counted, expected)
        assert tally.waived == 0
        assert sum(counted.values()) + tally.waived == tally.subjects == len(records)
    return judged


@examples(60)
@given(strategies.policies(), strategies.populations(), strategies.as_ofs())
def test_engine_and_oracle_agree(drawn, records, as_of):
    policy, flags = drawn
    agree(policy, flags, records, as_of, every=False)


@examples(8, share=0.1)
@given(strategies.policies(rules=3), strategies.populations(), strategies.as_ofs())
def test_every_subject_that_is_read_back_has_the_oracle_s_verdict(drawn, records, as_of):
    policy, flags = drawn
    agree(policy, flags, records, as_of, every=True)


# What must not matter


@examples(8, share=0.05)
@given(strategies.policies(rules=4), strategies.populations(), strategies.as_ofs(), st.randoms())
def test_order_of_rules_and_records_does_not_matter(drawn, records, as_of, random):
    policy, flags = drawn
    one = judge(policy, records, as_of, flags, every=False)
    shuffled = policy | {"rules": random.sample(policy["rules"], len(policy["rules"]))}
    other = judge(shuffled, random.sample(records, len(records)), as_of, flags, every=False)
    assert one.tallies == other.tallies
    places = {rule["id"]: index for index, rule in enumerate(shuffled["rules"])}
    assert sorted(one.findings, key=lambda finding: places[finding[0]]) == list(other.findings)


@examples(8, share=0.05)
@given(strategies.policies(rules=4), strategies.populations(), strategies.as_ofs())
def test_other_records_do_not_matter(drawn, records, as_of):
    policy, flags = drawn
    whole = judge(policy, records, as_of, flags, every=False)
    parts = [judge(policy, part, as_of, flags, every=False) for part in (records[::2], records[1::2])]
    assert whole.verdicts == parts[0].verdicts | parts[1].verdicts
    assert sorted(map(str, whole.findings)) == sorted(str(one) for part in parts for one in part.findings)
    for rule, tally in whole.tallies.items():
        assert tally == parts[0].tallies[rule] + parts[1].tallies[rule]


@contextmanager
def zone(name: str):
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


@contextmanager
def threads(count: int):
    """DuckDB connections with so many threads."""
    connect = duckdb.connect
    with pytest.MonkeyPatch.context() as patch:

        def few(*arguments: Any, config: Any = None, **others: Any) -> Any:
            return connect(*arguments, config={**(config or {}), "threads": count}, **others)

        patch.setattr(duckdb, "connect", few)
        yield


@examples(6, share=0.03)
@given(strategies.policies(rules=4), strategies.populations(), strategies.as_ofs())
def test_time_zone_and_threads_do_not_matter(drawn, records, as_of):
    policy, flags = drawn
    here = judge(policy, records, as_of, flags, every=False)
    for where in (zone("Pacific/Chatham"), zone("America/St_Johns"), threads(1), threads(7)):
        with where:
            assert judge(policy, records, as_of, flags, every=False) == here


def test_more_records_than_one_thread_takes():
    """DuckDB splits work by 122,880 rows; a rule's findings stay the same, in the same order."""
    kinds = [
        {"answer": {"imageSetState": "DELETED", "deletedAt": "2025-12-20T00:00:00Z"}},
        {"answer": {"imageSetState": "DELETED"}},
        {"answer": {"imageSetState": "ACTIVE"}},
        {"error": "ResourceNotFoundException"},
    ]
    records = []
    for index in range(4000):
        record = {"imageSetId": f"{index:032x}", **kinds[index % 4]}
        if "answer" in record:
            record["answer"] = {"datastoreId": strategies.STORES[0], "imageSetId": record["imageSetId"], "versionId": "1", **record["answer"]}  # fmt: skip
        records.append(record)
    rule = {"id": "r", "title": "R", "severity": "low", "when": {"imageSetState": "DELETED"}, "deny": {"deletedAt": {"younger_than": "30d"}}}  # fmt: skip
    policy = {"version": 1, "pack": "many", "rules": [rule]}
    results = []
    for count in (1, 8):
        with threads(count):
            results.append(judge(policy, records, "2026-01-01T00:00:00Z", every=False))
    assert results[0] == results[1]
    assert results[0].tallies["r"].counts == (4000, 0, 1000, 0, 2000, 1000)


# What means the same


def rule(index: int, **parts: Any) -> dict[str, Any]:
    return {"id": f"r{index}", "title": "R", "severity": "low", **parts}


def same(pairs: list[tuple[dict[str, Any], dict[str, Any]]], records: Any, as_of: str) -> None:
    """The two rules of each pair give the same verdicts."""
    rules = [rule(index, **parts) for index, parts in enumerate(part for pair in pairs for part in pair)]
    drawn = {"version": 1, "pack": "pairs", "labels": strategies.LABELS, "params": {}, "rules": rules}
    policy = strategies.declared(drawn)
    judged = judge(policy, records, as_of)
    for index in range(0, len(rules), 2):
        for record in records:
            one, other = (
                judged.verdicts[f"r{number}", record["imageSetId"]] for number in (index, index + 1)
            )
            note(say([policy["rules"][index], policy["rules"][index + 1]], record, as_of, {}))
            assert one == other


@examples(12, share=0.05)
@given(st.lists(strategies.conditions(), min_size=2, max_size=2, unique_by=strategies.canonical), strategies.populations(), strategies.as_ofs())  # fmt: skip
def test_connectives_keep_the_laws_of_logic(conditions, records, as_of):
    a, b = conditions
    both, none = {"all": [a, b]}, {"none": [a, b]}

    def no(condition: dict[str, Any]) -> dict[str, Any]:
        return {"not": {"all": [condition]}}

    pairs = [
        ({"deny": no(no(a))}, {"deny": a}),
        ({"deny": no(both)}, {"deny": {"any": [no(a), no(b)]}}),
        ({"deny": no({"any": [a, b]})}, {"deny": {"all": [no(a), no(b)]}}),
        ({"deny": none}, {"deny": no({"any": [a, b]})}),
        ({"deny": a}, {"require": {"none": [a]}}),
        ({"deny": a, "when": b}, {"require": no(a), "when": no(no(b))}),
        ({"deny": both}, {"deny": {"all": [b, a]}}),
        ({"deny": both}, {"deny": {"all": [{"all": [a]}, {"any": [b]}]}}),
    ]
    same([pair for pair in pairs if pair[0] != pair[1]], records, as_of)


@examples(12, share=0.05)
@given(strategies.matchers(), strategies.populations(), strategies.as_ofs())
def test_operators_are_made_of_others(drawn, records, as_of):
    operand, matcher = drawn
    pairs = []
    for name, value in matcher.items():
        leaf = {operand: {name: value}}
        opposite = {"ne": "eq", "eq": "ne", "not_in": "in", "in": "not_in"}.get(name)
        if opposite:
            pairs.append(({"deny": leaf}, {"deny": {"not": {operand: {opposite: value}}}}))
        if name == "between":
            pairs.append(({"deny": leaf}, {"deny": {operand: {"gte": value[0], "lte": value[1]}}}))
        if name == "in" and isinstance(value, list):
            each = [{operand: {"eq": item}} for item in value]
            pairs.append(({"deny": leaf}, {"deny": {"any": each}}))
        if name == "eq":
            pairs.append(({"require": leaf}, {"require": {operand: value}}))
            pairs.append(({"require": leaf}, {"require": {operand: {"in": [value]}}}))
        if name in ("gte", "lte"):
            strict = {"gte": "gt", "lte": "lt"}[name]
            pairs.append(
                ({"deny": leaf}, {"deny": {"any": [{operand: {strict: value}}, {operand: {"eq": value}}]}})
            )
    split = {"all": [{operand: {name: value}} for name, value in matcher.items()]}
    if len(matcher) > 1:
        pairs.append(({"deny": {operand: matcher}}, {"deny": split}))
    if pairs:
        same(pairs, records, as_of)
