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
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from checker.model import Severity
from checker.snapshot.duckdb_pool import close_idle
from tests.language import strategies
from tests.language.engine import Judged, judge
from tests.language.oracle import Gap, Oracle

LONG = int(os.environ.get("LANGUAGE_EXAMPLES", "0"))


def examples(few: int, *, share: float = 1.0):
    """So many examples, always the same; or their share of a long run, at random."""
    return settings(
        max_examples=max(1, int(LONG * share)) if LONG else few,
        derandomize=not LONG,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # a failure names one rule and one record; shrinking the rest takes minutes
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


COUNTED = ("pass", "not_applicable")  # are only counted where not every subject is read back


def say(policy: Any, rule: Any, record: Any, as_of: str, flags: Any) -> str:
    """A rule and a record, to be looked at alone."""
    text = yaml.safe_dump(rule, sort_keys=False)
    params = {name: spec for name, spec in policy.get("params", {}).items() if f"${name}" in text}
    return f"{text}\n{json.dumps(record)}\nas_of {as_of}, params {params}, flags {flags}"


def agree(policy: Any, flags: Any, records: Any, as_of: str, *, every: bool) -> None:
    """The engine's and the oracle's verdicts are the same, and so are the fields that an unknown names."""
    judged = judge(policy, records, as_of, flags, every=every)
    oracle = Oracle(policy, as_of, flags)
    reasons = {(finding.rule.id, finding.subject.image_set_id): finding.reason for finding in judged.findings}
    for rule in policy["rules"]:
        expected: Counter[str] = Counter()
        for record in records:
            verdict = oracle.verdict(rule, record)
            expected[verdict] += 1
            key = rule["id"], record["imageSetId"]
            said = judged.verdicts.get(key)
            about = f"engine {said}, oracle {verdict}\n{say(policy, rule, record, as_of, flags)}"
            assert said == verdict or (not every and said is None and verdict in COUNTED), about
            if verdict == "unknown":
                assert explains(reasons[key], oracle, rule, record), f"{reasons[key]}\n{about}"
        tally = judged.tallies[rule["id"]]
        counts = (tally.passed, tally.fail, tally.unknown, tally.not_applicable)
        assert counts == tuple(expected[name] for name in ("pass", "fail", "unknown", "not_applicable")), rule
        assert sum(counts) + tally.waived == tally.subjects == len(records)


def explains(reason: str | None, oracle: Oracle, rule: Any, record: Any) -> bool:
    """An unknown names the failed call, or fields that the rule reads and that have no value."""
    if reason and reason == record.get("error"):
        return True
    words = {Gap.UNLISTED: "unlisted"}
    gaps = {f"{path} {words.get(gap, 'absent')}" for path in oracle.fields if isinstance(gap := oracle.gap(path, record), Gap)}  # fmt: skip
    return bool(reason) and gaps >= {*str(reason).split(", ")}


@examples(20)
@given(strategies.policies(), strategies.populations(), strategies.as_ofs())
def test_engine_and_oracle_agree(drawn, records, as_of):
    policy, flags = drawn
    agree(policy, flags, records, as_of, every=False)


@examples(6, share=0.2)
@given(strategies.age_policies(), st.data(), strategies.as_ofs())
def test_engine_and_oracle_agree_on_ages_beside_each_other(policy, data, as_of):
    agree(policy, {}, data.draw(strategies.aged(as_of)), as_of, every=False)


@examples(5, share=0.1)
@given(strategies.policies(rules=3), strategies.populations(), strategies.as_ofs())
def test_every_subject_that_is_read_back_has_the_oracle_s_verdict(drawn, records, as_of):
    policy, flags = drawn
    agree(policy, flags, records, as_of, every=True)


# What must not matter


def told(judged: Judged) -> list[tuple[Any, ...]]:
    """The findings as a report tells them."""
    return [
        (
            finding.rule.id,
            finding.subject,
            finding.verdict.value,
            finding.reason,
            str(finding.observed),
            finding.message,
        )
        for finding in judged.findings
    ]


@examples(3, share=0.05)
@given(strategies.policies(rules=4), strategies.populations(), strategies.as_ofs(), st.randoms())
def test_order_of_rules_and_records_does_not_matter(drawn, records, as_of, random):
    policy, flags = drawn
    item = judge(policy, records, as_of, flags, every=False)
    shuffled = policy | {"rules": random.sample(policy["rules"], len(policy["rules"]))}
    other = judge(shuffled, random.sample(records, len(records)), as_of, flags, every=False)
    assert item.tallies == other.tallies
    places = {rule["id"]: index for index, rule in enumerate(shuffled["rules"])}
    ranks = {rule["id"]: -Severity(rule["severity"]).rank for rule in shuffled["rules"]}

    def place(finding):
        # the worst first: severity, fails before unknowns, then policy order
        return ranks[finding[0]], finding[2] == "unknown", places[finding[0]]

    assert sorted(told(item), key=place) == told(other)


@examples(2, share=0.05)
@given(strategies.policies(rules=4), strategies.populations(), strategies.as_ofs())
def test_other_records_do_not_matter(drawn, records, as_of):
    policy, flags = drawn
    whole = judge(policy, records, as_of, flags, every=False)
    parts = [judge(policy, part, as_of, flags, every=False) for part in (records[::2], records[1::2])]
    assert whole.verdicts == parts[0].verdicts | parts[1].verdicts
    assert sorted(map(str, told(whole))) == sorted(str(item) for part in parts for item in told(part))
    for rule, tally in whole.tallies.items():
        assert tally == parts[0].tallies[rule] + parts[1].tallies[rule]


@contextmanager
def zone(name: str):
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    close_idle()
    try:
        yield
    finally:
        close_idle()
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
        close_idle()
        yield
    close_idle()


@examples(3, share=0.03)
@given(strategies.policies(rules=4), strategies.populations(), strategies.as_ofs())
def test_time_zone_and_threads_do_not_matter(drawn, records, as_of):
    policy, flags = drawn
    here = judge(policy, records, as_of, flags, every=False)
    for where in (zone("Pacific/Chatham"), zone("America/St_Johns"), threads(1), threads(7)):
        with where:
            assert told(judge(policy, records, as_of, flags, every=False)) == told(here)


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
    assert told(results[0]) == told(results[1])
    assert results[0].tallies["r"].counts == (4000, 0, 1000, 0, 2000, 1000)


# What means the same


def rule(index: int, **parts: Any) -> dict[str, Any]:
    return {"id": f"r{index}", "title": "R", "severity": "low", **parts}


def same(pairs: list[tuple[dict[str, Any], dict[str, Any]]], records: Any, as_of: str) -> None:
    """The two rules of each pair give the same verdicts."""
    rules = [rule(index, **parts) for index, parts in enumerate(part for pair in pairs for part in pair)]
    drawn = {"version": 1, "pack": "pairs", "labels": strategies.LABELS, "params": {}, "rules": rules}
    policy = strategies.declared(drawn)
    judged = judge(policy, records, as_of, every=False)
    for index in range(0, len(rules), 2):
        assert judged.tallies[f"r{index}"] == judged.tallies[f"r{index + 1}"], policy["rules"][
            index : index + 2
        ]
        for record in records:
            item, other = (
                judged.verdicts.get((f"r{number}", record["imageSetId"])) for number in (index, index + 1)
            )
            both = {"one": policy["rules"][index], "other": policy["rules"][index + 1]}
            assert item == other, f"{item}, {other}\n{say(policy, both, record, as_of, {})}"


@examples(4, share=0.05)
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


@examples(6, share=0.05)
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
