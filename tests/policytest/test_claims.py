"""Claims of the proofs beside small oracles that try every value: what is claimed is true, and what is not is not said."""

from calendar import monthrange
from datetime import UTC, datetime
from fractions import Fraction

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.instants import add_duration, round_ms
from checker.policy.load import load
from checker.policytest.warnings import examine
from checker.problems import render
from checker.values import parse_duration

LABELS = {"d": {"type": "time"}, "e": {"type": "time"}}
ARCHIVED = {"storageTier": "ARCHIVE_INSTANT_ACCESS"}
FEW = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def rule(name, **more):
    return {"id": name, "title": name, "severity": "low", **more}


def counting(name, condition, **more):
    return rule(name, scope="datastore", deny=condition, **more)


@pytest.fixture
def said(tmp_path):
    """What is said of rules: messages with their hints."""

    def said(*rules, **more):
        policy = {"version": 1, "pack": "p", "labels": LABELS, "rules": list(rules), **more}
        (tmp_path / "p.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
        found = examine(load([str(tmp_path / "p.yaml")]))
        return [(warning.message, warning.hint) for warning in found.warnings]

    return said


@pytest.mark.parametrize(
    ("ratio", "message", "hint"),
    [
        (
            {"of": {"imageSetState": "DELETED"}, "among": {"imageSetState": "ACTIVE"}, "gt": "1%"},
            "the rule r: `of` of `ratio` can never hold where `among` does: the share is always 0%",
            "no image set meets both `imageSetState: ACTIVE` and `imageSetState: DELETED`",
        ),
        (
            {
                "of": {"imageSetState": "ACTIVE"},
                "among": {"imageSetState": "ACTIVE", "isPrimary": True},
                "lt": "99%",
            },
            "the rule r: `of` of `ratio` holds wherever `among` does, or is unknown: the share is always 100%",
            "",
        ),
    ],
)
def test_a_share_that_is_always_the_same(said, ratio, message, hint):
    assert said(counting("r", {"ratio": ratio})) == [(message, hint)]


def test_a_when_that_is_never_false(said):
    (item,) = said(rule("r", when={"versionId": {"gte": 1}}, deny={"isPrimary": False}))
    assert item == ("the rule r applies always: `when` is never false", "")
    assert said(rule("r", when={"versionId": {"gte": 2}}, deny={"isPrimary": False})) == []
    assert said(rule("r", when={"isPrimary": {"exists": True}}, deny={"isPrimary": False})) == []


def test_an_entry_of_any_that_another_one_holds_with(said):
    entries = [
        {"createdAt": {"older_than": "90d"}},
        {"isPrimary": False},
        {"createdAt": {"older_than": "$limit"}},
    ]
    params = {"limit": {"type": "duration", "default": "30d"}}
    (item,) = said(rule("r", deny={"any": entries}), params=params)
    assert item[0] == (
        "the rule r: an entry of `any` says nothing of its own: wherever it holds, `createdAt: {older_than: 30d}` holds too"
    )
    assert item[1] == "with limit at its default, 30d"


def test_what_rests_on_no_parameter_does_not_say_so(said):
    params = {"limit": {"type": "duration", "default": "30d"}}
    deny = {"createdAt": {"older_than": "$limit"}, "versionId": {"lt": 1}}
    assert said(rule("r", deny=deny), params=params) == [
        (
            "the rule r can never fail: the condition of `deny` can never hold",
            "no answer meets `versionId: {lt: 1}`",
        )
    ]


@pytest.mark.parametrize(("kind", "low", "high"), [("count", 5, 10), ("ratio", "5%", "10%")])
def test_shadowing_between_aggregates(said, kind, low, high):
    rules = [counting(f"r{at}", {kind: {"of": ARCHIVED, "gt": most}}) for at, most in enumerate((low, high))]
    (item,) = said(*rules)
    assert item[0].startswith("the rule r1 is shadowed: wherever it fails, p/r0 (")
    assert said(*rules[:1], counting("r1", {kind: {"of": {"isPrimary": False}, "gt": high}})) == []


def test_shadowing_between_aggregates_inside_any(said):
    counts = [{"count": {"of": ARCHIVED, "gt": most}} for most in (10, 20)]
    (item,) = said(counting("r", {"any": counts}))
    assert item[0].endswith("wherever it holds, `count: {gt: 10}` holds too")


def test_what_is_undecided_is_no_shadow(said):
    """Where it is not known whether an image set counts, none of two halves holds, though one of them has to."""
    halves = {"any": [{"count": {"of": ARCHIVED, "gt": 5}}, {"count": {"of": ARCHIVED, "lte": 5}}]}
    every = counting("r", {"count": {"of": ARCHIVED, "gte": 0}})
    assert not [
        text for text, _ in said(every, counting("s", halves)) if "shadowed" in text and "rule r " in text
    ]


@pytest.mark.parametrize(
    "condition",
    [
        {"imageSetId": "xyz"},
        {"datastoreId": {"in": ["ABC", "1234567890123456789012345678901X"]}},
        {"imageSetId": {"starts_with": "XY"}},
        {"imageSetId": {"contains": "0" * 33}},
    ],
    ids=str,
)
def test_an_id_that_there_cannot_be(said, condition):
    assert "can never fail" in said(rule("r", deny=condition))[0][0]


@pytest.mark.parametrize(
    "condition",
    [
        {"imageSetId": "a" * 32},
        {"imageSetId": {"starts_with": "ab", "ends_with": "yz", "contains": "m", "ne": "ab" * 16}},
        {"imageSetId": {"ne": "xyz", "starts_with": "a" * 32}},
        {"datastoreId": {"not_in": ["0" * 32, "a" * 32]}},
    ],
    ids=str,
)
def test_an_id_that_there_can_be(said, condition):
    assert not [text for text, _ in said(rule("r", deny=condition)) if "can never fail" in text]


@pytest.mark.parametrize(
    ("longer", "shorter", "ever"),
    [
        ("1y", "300d", False), ("366d", "1y", False), ("365d", "1y", True), ("31d", "1mo", False), ("30d", "1mo", True),
        ("1mo", "28d", False), ("1mo", "29d", True), ("84mo", "7y", False), ("184d", "6mo", False), ("181d", "6mo", True),
        ("2y", "24mo", False), ("146097d", "400y", False), ("1461d", "4y", False), ("1460d", "4y", True),
    ],
)  # fmt: skip
def test_calendar_beside_fixed_units(said, longer, shorter, ever):
    """More than the one and less than the other: from some day, or from none."""
    warned = said(rule("r", deny={"labels.d - labels.e": {"gt": longer, "lt": shorter}}))
    assert any("can never fail" in text for text, _ in warned) is not ever


@pytest.mark.parametrize(
    ("older", "younger", "never"),
    [("6mo", "180d", True), ("7y", "2556d", False), ("1mo", "27d", True), ("30d", "1mo", False)],
)
def test_ages_in_calendar_and_fixed_units(said, older, younger, never):
    warned = said(rule("r", deny={"updatedAt": {"older_than": older, "younger_than": younger}}))
    assert any("can never fail" in text for text, _ in warned) is never


LENGTHS = st.one_of(
    st.builds("{}mo".format, st.integers(1, 30)),
    st.builds("{}d".format, st.integers(27, 920)),
    st.just("1y"),
    st.just("2y"),
)
DAYS = [
    datetime(year, month, day, tzinfo=UTC)
    for year in (1897, 1899, 1900, 2023, 2024, 2025, 2026, 2096, 2099)
    for month in range(1, 13)
    for day in (1, 15, 27, 28, 29, 30, 31)
    if day <= monthrange(year, month)[1]
]


@FEW
@given(longer=LENGTHS, shorter=LENGTHS)
def test_no_claim_on_durations_is_contradicted_by_a_day(said, longer, shorter):
    warned = said(rule("r", deny={"labels.d - labels.e": {"gt": longer, "lt": shorter}}))
    low, high = parse_duration(longer), parse_duration(shorter)
    met = any(round_ms(add_duration(day, high)) - round_ms(add_duration(day, low)) > 1 for day in DAYS)
    assert any("can never fail" in text for text, _ in warned) is not met


COMPARISONS = st.dictionaries(
    st.sampled_from(["gt", "gte", "lt", "lte", "eq", "ne"]), st.integers(0, 12), min_size=1, max_size=3
)
HOLDS = {
    "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b,
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
}  # fmt: skip


def meets(number, tests):
    return all(HOLDS[name](number, value) for name, value in tests.items())


@FEW
@given(item=COMPARISONS, other=COMPARISONS)
def test_claims_on_counts_are_those_of_all_numbers(said, item, other):
    rules = [
        counting(name, {"count": {"of": ARCHIVED, **tests}}) for name, tests in (("a", item), ("b", other))
    ]
    messages = [text for text, _ in said(*rules)]
    for name, tests in (("a", item), ("b", other)):
        ever = any(meets(number, tests) for number in range(40))
        assert any(f"the rule {name} can never fail" in text for text in messages) is not ever
    if item != other and any("rule a is shadowed" in text for text in messages):
        assert all(meets(number, other) for number in range(40) if meets(number, item))
    if item != other and any("rule b is shadowed" in text for text in messages):
        assert all(meets(number, item) for number in range(40) if meets(number, other))


@FEW
@given(low=st.integers(1, 999), more=st.integers(0, 5))
def test_claims_on_shares_are_those_of_all_shares(said, low, more):
    """Between two shares there is always another one, however near they are."""
    shares = {"gt": f"{low / 10}%", "lt": f"{(low + more) / 10}%"}
    warned = said(counting("r", {"ratio": {"of": ARCHIVED, **shares}}))
    assert any("can never fail" in text for text, _ in warned) is (more == 0)
    middle = Fraction(2 * low + more, 2000)
    assert more == 0 or Fraction(low, 1000) < middle < Fraction(low + more, 1000)


@FEW
@given(entries=st.lists(COMPARISONS, min_size=2, max_size=4))
def test_claims_on_entries_of_any_are_those_of_all_numbers(said, entries):
    if len({repr(sorted(entry.items())) for entry in entries}) < len(entries):
        return
    versions = range(1, 40)
    warned = said(rule("r", deny={"any": [{"versionId": entry} for entry in entries]}))
    for text, _ in warned:
        if "says nothing of its own" in text:
            covered = [
                (entry, other)
                for entry in entries
                for other in entries
                if other is not entry and all(meets(at, other) for at in versions if meets(at, entry))
            ]
            assert covered, text


WORDS = ["~", "^", "~~", "a", "b"]
SETS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5, unique=True)
ENTRIES = st.lists(
    st.tuples(st.sampled_from(["in", "not_in"]), SETS.map(sorted)), min_size=1, max_size=4, unique_by=repr
)


@FEW
@given(entries=ENTRIES, kind=st.sampled_from(["all", "any"]))
def test_claims_on_texts_are_those_of_all_texts(said, entries, kind):
    """Of texts that nothing tells apart one is tried, and one that nothing names."""
    condition = {kind: [{"labels.text": {name: words}} for name, words in entries]}
    labels = {"text": {"type": "string"}}
    messages = [text for text, _ in said(rule("r", deny=condition), labels=labels)]
    join = {"all": all, "any": any}[kind]
    met = {
        join((text in words) is (name == "in") for name, words in entries) for text in [*WORDS, "other", None]
    }
    assert any("can never fail" in text for text in messages) is (True not in met)
    assert any("can never pass" in text for text in messages) is (False not in met)


def test_very_many_image_sets_may_be_counted(said):
    assert said(counting("r", {"count": {"of": ARCHIVED, "gt": 2_000_000}})) == []


def test_all_that_no_answer_meets_at_once_is_named(said):
    deny = {
        "updatedAt - createdAt": {"gt": "5d"},
        "createdAt": {"younger_than": "3d"},
        "updatedAt": {"before": {"field": "now"}},
        "isPrimary": True,
    }
    ((_, hint),) = said(rule("r", deny=deny))
    assert hint == (
        "no answer meets all of `updatedAt - createdAt: {gt: 5d}`, `createdAt: {younger_than: 3d}` and "
        "`updatedAt: {before: {field: now}}`"
    )


def test_every_warning_has_its_place(tmp_path):
    (tmp_path / "p.yaml").write_text(
        "version: 1\npack: p\nrules:\n"
        "  - {id: r, title: t, severity: low, when: {versionId: {gte: 1}}, deny: {isPrimary: false}}\n"
    )
    text = render(examine(load([str(tmp_path / "p.yaml")])).warnings)
    assert "p.yaml:4:45: warning: the rule r applies always" in text
