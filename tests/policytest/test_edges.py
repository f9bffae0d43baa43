"""What the proofs make of the first and the last instants, numbers and durations: the same as the evaluation."""

from datetime import UTC, datetime

import pytest
import yaml
from duckdb import ConstantExpression as Constant
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.cli import main
from checker.evaluation.condition_compiler import Compiler
from checker.instants import (
    FIRST_MS,
    LAST_MS,
    LONGEST_MONTHS,
    add_duration,
    from_epoch_ms,
    round_ms,
    shift_instant,
)
from checker.model import Duration
from checker.policy.load import load
from checker.policytest.bound_closure import InstantSums
from checker.policytest.cases import run_cases, run_rule
from checker.policytest.mutation_score import score_tests
from checker.policytest.required_verdicts import missing_verdicts
from checker.policytest.warnings import examine
from checker.snapshot.writer import connect

LABELS = {"until": {"type": "date"}, "keep": {"type": "duration"}, "n": {"type": "integer"}}
FIRST, LAST = "0001-01-01", "9999-12-31"
NEVER = [
    {"createdAt": {"older_than": "9999y"}},
    {"createdAt": {"older_than": "10000y"}},
    {"updatedAt - createdAt": {"gte": "9999y"}},
    {"updatedAt - createdAt": {"gte": "3652500d"}},
    {"updatedAt - createdAt": {"gt": "1mo"}, "createdAt - updatedAt": {"eq": "120000mo"}},
    {"createdAt": {"before": FIRST}},
    {"createdAt": {"after": f"{LAST}T23:59:59.999Z"}},
    {"createdAt - now": {"gte": "9999y"}},
    {"now - createdAt": {"gte": "3652500d"}},
    {"labels.n": {"gt": 2**63 - 1}},
    {"labels.n": {"lt": -(2**63)}},
]
SOMETIMES = [
    {"createdAt": {"older_than": "9998y"}},  # in a run of the year 9999
    {"createdAt": {"before": LAST}},
    {"createdAt": {"after": LAST}},
    {"createdAt": {"eq": FIRST}},
    {"labels.until": {"younger_than": "9999y", "before": "0001-01-02"}},
    {"labels.keep": {"gt": "9999y"}, "updatedAt - createdAt": {"lt": {"field": "labels.keep"}}},
    {"labels.n": {"gte": 2**63 - 1}},
    {"updatedAt - createdAt": {"gte": "9998y"}},
    {"updatedAt - createdAt": {"gt": "1mo", "lt": "9999y"}},
]
INSTANTS = st.integers(FIRST_MS, LAST_MS)
DURATIONS = st.builds(
    Duration, st.integers(0, LONGEST_MONTHS), st.one_of(st.just(0), st.integers(0, 40 * 86_400_000))
)


def loaded(tmp_path, condition, **case):
    tests = [{"name": "a", "given": {}, "expect": "pass", **case}]
    rule = {"id": "r", "title": "R", "severity": "low", "deny": condition, "tests": tests}
    policy = {"version": 1, "pack": "p", "labels": LABELS, "rules": [rule]}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(policy))
    return load([str(tmp_path / "p.yaml")])


@pytest.mark.parametrize("condition", [*NEVER, *SOMETIMES], ids=str)
def test_every_proof_ends(tmp_path, condition):
    policies = loaded(tmp_path, condition)
    (pack,) = policies.packs
    (rule,) = pack.rules
    (proved,) = run_cases(policies)
    held = loaded(tmp_path, condition, expect=proved.verdict.value).packs[0]
    found = score_tests(held, held.rules[0], run_rule(held, held.rules[0]))
    assert not found.reason
    assert found.total
    assert missing_verdicts(pack, rule) is not None


@pytest.mark.parametrize("condition", NEVER, ids=str)
def test_what_no_instant_or_number_meets_is_said(tmp_path, condition):
    assert "can never fail" in examine(loaded(tmp_path, condition)).warnings[0].message


@pytest.mark.parametrize("condition", SOMETIMES, ids=str)
def test_what_the_first_or_the_last_meets_is_not_said(tmp_path, condition):
    assert examine(loaded(tmp_path, condition)).warnings == ()


@pytest.mark.parametrize("as_of", [FIRST, f"{LAST}T23:59:59.999Z"])
def test_a_test_may_be_at_the_first_and_the_last_instant(tmp_path, as_of):
    policies = loaded(tmp_path, {"createdAt": {"older_than": "1d"}}, as_of=as_of)
    assert [case.verdict.value for case in run_cases(policies)] == ["pass"]
    (pack,) = policies.packs
    found = score_tests(pack, pack.rules[0], run_rule(pack, pack.rules[0]))
    assert not found.reason


def test_forever_is_valid_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    loaded(tmp_path, {"createdAt": {"older_than": "9999y"}})
    assert main(["rules", "validate", "p.yaml"]) == 0
    assert main(["rules", "test", "--mutate", "p.yaml"]) == 0
    assert "internal error" not in capsys.readouterr().err


@settings(max_examples=30)
@given(INSTANTS, DURATIONS)
def test_proofs_add_as_the_evaluation_does(instant, length):
    with connect() as connection:
        added = Compiler(from_epoch_ms(0)).later(
            Constant(from_epoch_ms(instant).replace(tzinfo=None)).cast("TIMESTAMP"), length
        )
        (evaluated,) = connection.sql("SELECT 1").select(added).fetchall()[0]
        (proved,) = InstantSums(connection).later([instant], length)
    if proved <= LAST_MS:
        assert proved == round_ms(evaluated.replace(tzinfo=UTC))
        assert add_duration(from_epoch_ms(instant), length) == from_epoch_ms(proved)
    else:
        assert add_duration(from_epoch_ms(instant), length) == from_epoch_ms(LAST_MS)


@settings(max_examples=30)
@given(INSTANTS, DURATIONS, st.data())
def test_no_instant_beside_a_bound_is_missed(instant, length, data):
    """Of what comes before, at, or after an instant once a duration is added, `beside` has one, and the nearest."""
    with connect() as connection:
        sums = InstantSums(connection)
        found = sums.beside([instant], length)
        near = data.draw(st.sampled_from(sorted(found))) + data.draw(
            st.one_of(st.integers(-3, 3), st.integers(-4 * 86_400_000, 4 * 86_400_000))
        )
        signs = {
            item: _sign(moved - instant) for item, moved in zip(found, sums.later(found, length), strict=True)
        }
        sign = _sign(sums.later([near], length)[0] - instant)
    alike = [item for item, other in signs.items() if other == sign]
    assert alike
    assert near <= max(alike) if sign < 1 else near >= min(alike)


def _sign(number):
    return (number > 0) - (number < 0)


def test_times_are_rounded_exactly_wherever_they_are():
    for year in (1, 1969, 1970, 9999):
        for microseconds, rounded in ((499, 0), (500, 0), (501, 1), (1500, 2), (2500, 2), (998_500, 998)):
            instant = datetime(year, 6, 1, microsecond=microseconds, tzinfo=UTC)
            whole = round_ms(instant.replace(microsecond=0))
            assert round_ms(instant) - whole == rounded


def test_there_is_nothing_before_the_first_instant_and_after_the_last():
    first, last = from_epoch_ms(FIRST_MS), from_epoch_ms(LAST_MS)
    assert (first.isoformat(), last.isoformat()) == (
        "0001-01-01T00:00:00+00:00",
        "9999-12-31T23:59:59.999000+00:00",
    )
    assert shift_instant(first, first - last) is None
    assert shift_instant(last, first - last) == first
