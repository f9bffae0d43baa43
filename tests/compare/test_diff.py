"""What became of each finding is told honestly, and its causes are those that judging again shows."""

from __future__ import annotations

import pytest

from checker.compare.diff import compare
from checker.values import parse_date
from tests.judgement.compared_runs import FORCED, image_set, ran, rule, waiver
from tests.language.strategies import IDS

YOUNG = rule("young", deny={"createdAt": {"younger_than": "$window"}}, params={"window": {"type": "duration", "default": "30d"}})  # fmt: skip
LATER = "2026-03-10T00:00:00Z"
HELD = {"when": {"labels.kind": "held"}}


@pytest.fixture
def told(tmp_path):
    """Each change from one run to another: subject, category, states, causes."""

    def told(old, new, **more):
        first, second = ran(tmp_path / "old", **old), ran(tmp_path / "new", **new)
        compared = compare(first, second, **more)
        return [
            (
                change.rule.id,
                IDS.index(change.subject.image_set_id),
                change.category.value,
                f"{change.was.words} -> {change.now.words}",
                *(factor.value for factor in change.causes or change.together),
                *(["flapping"] if change.flapping else []),
            )
            for change in compared.changes()
        ]

    return told


def test_one_of_each_category(told):
    old = {
        "records": [
            image_set(0),
            image_set(1, **FORCED),
            image_set(2, **FORCED),
            image_set(3, **FORCED),
            image_set(4, error="Throttled"),
            image_set(5, **FORCED),
            image_set(6, **FORCED),
        ]
    }
    new = {
        "records": [
            image_set(0, **FORCED),
            image_set(1),
            image_set(2, error="Throttled"),
            image_set(4),
            image_set(5, **FORCED),
            image_set(6, error="ResourceNotFoundException"),
        ]
    }
    assert told(old, new) == [
        ("forced", 0, "new", "pass -> fail", "data"),
        ("forced", 2, "undecided", "fail -> unknown", "data"),
        ("forced", 6, "undecided", "fail -> unknown", "data"),
        ("forced", 3, "not judged any more", "fail -> not judged", "data"),
        ("forced", 1, "fixed", "fail -> pass", "data"),
        ("forced", 4, "decided", "unknown -> pass", "data"),
    ]


def test_what_persists_is_counted_and_not_listed(tmp_path):
    old = ran(tmp_path / "old", [image_set(0, **FORCED), image_set(1)])
    compared = compare(old, ran(tmp_path / "new", [image_set(0, **FORCED), image_set(2)]))
    assert {category.value: number for category, number in compared.numbers.totals.items()} == {
        "persisting": 1
    }
    assert (compared.total, list(compared.changes())) == (0, [])


def test_a_set_that_is_newly_listed_is_first_judged(told):
    old = {"records": [image_set(0)]}
    new = {"records": [image_set(0), image_set(1, **FORCED)]}
    assert told(old, new) == [("forced", 1, "new", "not judged -> fail", "first judged")]


def test_a_rule_of_one_policy_is_first_judged_or_gone_by_policy(told):
    records = [image_set(0, **FORCED)]
    old = {"records": records, "rules": [rule("a"), rule("b")]}
    new = {"records": records, "rules": [rule("b"), rule("c")]}
    assert told(old, new) == [
        ("c", 0, "new", "not judged -> fail", "first judged"),
        ("a", 0, "not judged any more", "fail -> not judged", "policy"),
    ]


def test_a_parameter_is_policy_and_time_is_clock(told):
    records = [image_set(0)]
    old = {"records": records, "rules": [YOUNG], "as_of": "2026-01-10T00:00:00Z"}
    assert told(old, old | {"flags": {"window": "5d"}}) == [("young", 0, "fixed", "fail -> pass", "policy")]


def test_time_is_clock(told):
    old = {"records": [image_set(0)], "rules": [YOUNG]}
    assert told(old, old | {"as_of": LATER}) == [("young", 0, "fixed", "fail -> pass", "clock")]


def test_a_waiver_and_its_end_by_time(told):
    ends = waiver(expires=parse_date("2026-01-31"))
    old = {"records": [image_set(0, **FORCED)], "waivers": [ends]}
    assert told(old, old | {"as_of": LATER}) == [("forced", 0, "new", "fail (waived) -> fail", "waiver")]


@pytest.mark.parametrize("given", [True, False])
def test_a_waiver_that_is_given_or_taken_away(told, given):
    records = [image_set(0, **FORCED)]
    without, having = {"records": records}, {"records": records, "waivers": [waiver()]}
    if given:
        expected = ("forced", 0, "waived", "fail -> fail (waived)", "waiver")
        assert told(without, having) == [expected]
    else:
        assert told(having, without) == [("forced", 0, "new", "fail (waived) -> fail", "waiver")]


def test_a_waived_forced_version_that_changes_again_is_a_violation_in_another_version(told):
    pinned = waiver(version=1)
    old = {"records": [image_set(0, **FORCED)], "waivers": [pinned]}
    new = {"records": [image_set(0, versionId="2", **FORCED)], "waivers": [pinned]}
    assert told(old, new) == [("forced", 0, "new", "fail (waived) -> fail", "waiver", "version")]


def test_each_of_two_that_is_enough_is_a_cause(told):
    old = {"records": [image_set(0)], "rules": [YOUNG]}
    new = old | {"as_of": LATER, "flags": {"window": "5d"}}
    assert told(old, new) == [("young", 0, "fixed", "fail -> pass", "policy", "clock")]


def test_what_takes_two_together_is_undone_by_either(told):
    old = {"records": [image_set(0)], "rules": [rule(deny={"createdAt": {"older_than": "30d"}}, **HELD)]}
    new = old | {"records": [image_set(0, labels={"kind": "held"})], "as_of": LATER}
    assert told(old, new) == [("forced", 0, "new", "not applicable -> fail", "data", "clock")]


def test_where_none_alone_does_it_all_that_differs_is_named(tmp_path):
    # an old locked set fails, and a young deleted one passes; what is old and deleted, or young and locked, does as before
    fails = [
        {"all": [{"createdAt": {"younger_than": "30d"}}, {"imageSetState": "LOCKED"}]},
        {"all": [{"createdAt": {"older_than": "30d"}}, {"imageSetState": "LOCKED"}]},
        {"all": [{"createdAt": {"younger_than": "30d"}}, {"imageSetState": "DELETED"}]},
    ]
    rules = [rule(deny={"any": fails})]
    old = ran(tmp_path / "old", [image_set(0, imageSetState="LOCKED")], rules)
    new = ran(tmp_path / "new", [image_set(0, imageSetState="DELETED")], rules, LATER)
    (change,) = compare(old, new).changes()
    assert (change.was.words, change.now.words) == ("fail", "pass")
    assert [factor.value for factor in change.causes] == ["data", "clock"]


def test_a_rule_and_a_set_that_are_both_new_are_first_judged(told):
    old = {"records": [image_set(0)], "rules": [rule("a")]}
    new = {"records": [image_set(0), image_set(1, **FORCED)], "rules": [rule("a"), rule("b")]}
    assert told(old, new) == [
        ("a", 1, "new", "not judged -> fail", "first judged"),
        ("b", 1, "new", "not judged -> fail", "first judged"),
    ]


def test_a_finding_that_came_up_before_is_flapping(told, tmp_path):
    names = frozenset({"p/forced"})
    came = ran(tmp_path / "earlier", [image_set(0, **FORCED), image_set(1)])
    gone = ran(tmp_path / "gone", [image_set(0), image_set(1)])
    before = [(side.folder / "findings.parquet", names) for side in (came, gone)]
    old = {"records": [image_set(0), image_set(1)]}
    new = {"records": [image_set(0, **FORCED), image_set(1, **FORCED)]}
    assert told(old, new, before=before) == [
        ("forced", 0, "new", "pass -> fail", "data", "flapping"),
        ("forced", 1, "new", "pass -> fail", "data"),
    ]


def test_a_run_that_could_not_find_out_is_no_gap(told, tmp_path):
    names = frozenset({"p/forced"})
    runs = [
        ran(tmp_path / "a", [image_set(0, **FORCED)]),
        ran(tmp_path / "b", [image_set(0, error="Throttled")]),
    ]
    before = [(side.folder / "findings.parquet", names) for side in runs]
    old, new = {"records": [image_set(0, **FORCED)]}, {"records": [image_set(0)]}
    assert told(old, new, before=before) == [("forced", 0, "fixed", "fail -> pass", "data")]


def test_a_run_that_did_not_judge_the_rule_is_no_gap(told, tmp_path):
    runs = [ran(tmp_path / "a", [image_set(0, **FORCED)]), ran(tmp_path / "b", [image_set(0)], [rule("b")])]
    before = [
        (runs[0].folder / "findings.parquet", frozenset({"p/forced"})),
        (runs[1].folder / "findings.parquet", frozenset({"p/b"})),
    ]
    old, new = {"records": [image_set(0, **FORCED)]}, {"records": [image_set(0)]}
    assert told(old, new, before=before)[0][2] == "fixed"


@pytest.mark.parametrize("listed", [True, False])
def test_what_another_version_judged_otherwise_is_called_tool(tmp_path, listed):
    old = ran(tmp_path / "old", [image_set(0), image_set(1, **FORCED)])
    other = ran(tmp_path / "other", [image_set(0, **FORCED), image_set(1, **FORCED)])
    # as if the version of then had taken the first one for a fail
    (old.folder / "findings.parquet").write_bytes((other.folder / "findings.parquet").read_bytes())
    records = [image_set(0), image_set(1, **FORCED)] if listed else [image_set(1, **FORCED)]
    (change,) = compare(old, ran(tmp_path / "new", records)).changes()
    assert change.subject.image_set_id == IDS[0]
    assert change.was.words == "fail"
    expected = ("fixed", "pass") if listed else ("not judged any more", "not judged")
    assert (change.category.value, change.now.words) == expected
    assert [factor.value for factor in change.causes] == (["tool"] if listed else ["data"])


def test_a_waiver_by_a_label_of_the_other_policy_is_tried_all_the_same(told):
    item = waiver(image_sets=(), labels={"kind": "old"})
    records = [image_set(0, labels={"kind": "old"}, **FORCED)]
    old = {"records": records, "rules": [rule()]}
    new = {"records": records, "rules": [rule(when={"found": True})], "waivers": [item]}
    assert told(old, new) == [("forced", 0, "waived", "fail -> fail (waived)", "waiver")]


def test_the_message_is_that_of_the_finding(tmp_path):
    old = ran(tmp_path / "old", [image_set(0), image_set(1, versionId="4", **FORCED)])
    new = ran(tmp_path / "new", [image_set(0, versionId="7", **FORCED), image_set(1, versionId="9")])
    assert [change.message for change in compare(old, new).changes()] == ["said 7", "said 4"]


def test_the_same_run_twice_differs_in_nothing(tmp_path):
    item = ran(tmp_path / "one", [image_set(0, **FORCED), image_set(1, error="Throttled")])
    compared = compare(item, item)
    assert (compared.factors, compared.total) == ((), 0)
