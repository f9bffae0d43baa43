"""The engine against the oracle in every scope, on random policies and evidence.

`LANGUAGE_EXAMPLES=2000 pytest tests/language/test_scope_oracle.py -s` is the long, random run; it prints how many
verdicts were compared.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import pytest
import yaml
from hypothesis import given

from checker.snapshot.joins import FIRST
from tests.language import strategies, world_strategies
from tests.language.engine import judge_world
from tests.language.scope_oracle import ScopeOracle
from tests.language.test_oracle import LONG, examples

COMPARED: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _numbers():
    yield
    if LONG:
        sys.stdout.write(f"\ncompared {sum(COMPARED.values())} verdicts: {dict(COMPARED)}\n")


def agree(policy: Any, flags: Any, world: Any, as_of: str, *, every: bool) -> None:
    """The engine's verdict on every subject of every rule is the oracle's, and so are the tallies."""
    judged = judge_world(policy, world, as_of, flags, every=every)
    oracle = ScopeOracle(policy, as_of, flags, world_strategies.TAGS)
    findings = {(finding.rule.id, finding.subject.name): finding for finding in judged.findings}
    for rule in policy["rules"]:
        expected = oracle.verdicts(rule, world)
        scope = rule.get("scope", "image_set")
        said = {name: verdict for (id_, name), verdict in judged.verdicts.items() if id_ == rule["id"]}
        if scope == "image_set" and ("previous." in str(rule) or "known" in str(rule)):
            expected = together(expected, oracle.firsts(world), said, findings, rule["id"])
        told = expected if every else {name: v for name, v in expected.items() if v in ("fail", "unknown")}
        if said != told:
            item = next(name for name in {**said, **told} if said.get(name) != told.get(name))
            params = {**policy.get("params", {}), **rule.get("params", {})}
            about = f"{yaml.safe_dump(rule, sort_keys=False)}\n{params} {flags} {as_of}\n{json.dumps(world)}"
            reason = findings.get((rule["id"], item))
            raise AssertionError(
                f"{item}: engine {said.get(item)}, oracle {told.get(item)} of {sorted(said)} ({reason and (reason.reason, reason.observed)})\n{about}"
            )
        counts = Counter(expected.values())
        tally = judged.tallies[rule["id"]]
        wanted = tuple(counts[name] for name in ("pass", "fail", "unknown", "not_applicable"))
        assert (tally.passed, tally.fail, tally.unknown, tally.not_applicable) == wanted, rule
        assert tally.subjects == len(expected)
        COMPARED.update(f"{scope} {verdict}" for verdict in expected.values())
    assert all(finding.reason for finding in judged.findings if finding.verdict.value == "unknown")


def together(
    expected: dict[str, str], firsts: dict[str, str], said: dict[str, str], findings: Any, rule: str
) -> dict[str, str]:
    """What is expected where image sets of which a rule cannot tell, as no earlier run looked, are unknown once for their
    target; those of which it cannot tell for another reason too are unknown by themselves."""
    left_out = {name for name in firsts if expected[name] == "unknown" and name not in said}
    for name in firsts.keys() & said.keys():
        assert said[name] != "unknown" or findings[rule, name].reason not in FIRST, (rule, name)
    of_targets = {firsts[name]: "unknown" for name in left_out}
    return {name: item for name, item in expected.items() if name not in left_out} | of_targets


@examples(5)
@given(world_strategies.policies(), world_strategies.worlds(pinned=False), strategies.as_ofs())
def test_engine_and_oracle_agree_in_every_scope(drawn, world, as_of):
    policy, flags = drawn
    agree(policy, flags, world, as_of, every=False)


@examples(3)
@given(
    world_strategies.policies(scopes=("image_set", "version")), world_strategies.worlds(), strategies.as_ofs()
)
def test_engine_and_oracle_agree_on_pinned_versions(drawn, world, as_of):
    policy, flags = drawn
    agree(policy, flags, world, as_of, every=False)


@examples(4)
@given(
    world_strategies.policies(rules=8, scopes=("datastore",)),
    world_strategies.worlds(pinned=False),
    strategies.as_ofs(),
)
def test_engine_and_oracle_agree_on_whole_data_stores(drawn, world, as_of):
    policy, flags = drawn
    agree(policy, flags, world, as_of, every=False)


@examples(2, share=0.1)
@given(world_strategies.policies(rules=3), world_strategies.worlds(pinned=False), strategies.as_ofs())
def test_every_subject_that_is_read_back_has_the_oracle_s_verdict(drawn, world, as_of):
    policy, flags = drawn
    agree(policy, flags, world, as_of, every=True)
