"""`image_sets: {where: CONDITION}`: image sets of somebody else are neither asked about nor recorded."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.collection.search_filters import bounds
from checker.config.where_conditions import read_where
from checker.evaluation.membership import Members
from checker.instants import iso
from checker.model import Condition, Discovery, Group, ImageSetRef, Label, Location, Type
from checker.yamlsource import parse
from collection.service import DATASTORE, Service, image_set_id
from collection.test_search import FORCED, fill, found, run, summary, target

AS_OF = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
LABELS = {
    "site": Label("site", Type.STRING, (), "", Location("p.yaml", 1, 1)),
    "until": Label("until", Type.TIME, (), "", Location("p.yaml", 1, 1)),
    "keep": Label("keep", Type.DURATION, (), "", Location("p.yaml", 1, 1)),
}
TIMES = ("createdAt", "updatedAt")


def reject(why: AssertionError) -> NoReturn:
    assert "twice" in str(why)
    hypothesis.reject()


def where(text: str) -> Condition:
    document = parse(text.encode(), "audit.yaml")
    condition = read_where(document.root, LABELS, problems := [])
    assert not problems, problems
    assert condition is not None
    return condition


def members(condition: Condition, *items: dict[str, object], **labels: object) -> list[bool]:
    asked = target(discovery=Discovery(condition))
    refs = [ImageSetRef(str(item["imageSetId"]), None, labels) for item in items]  # type: ignore[arg-type]
    return Members(AS_OF)(asked, items, refs)


def item(**changed: object) -> dict[str, object]:
    plain = {name: value for name, value in summary(1).items() if name != "DICOMTags"}
    times = {"createdAt": "2025-06-01T00:00:00Z", "updatedAt": "2025-12-01T00:00:00Z"}
    return {**plain, **times, "lastAccessedAt": "2025-12-02T00:00:00Z", **changed}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("isPrimary: true", True),
        ("isPrimary: false", False),
        ("storageTier: FREQUENT_ACCESS", True),
        ("createdAt: {older_than: 1y}", False),
        ("updatedAt: {younger_than: 2mo}", True),
        ("versionId: 1", True),
        ("versionId: {gt: 1}", False),
        ("target: all", True),
        ("datastoreId: {starts_with: '0000'}", True),
        ("labels.site: north", True),
        ("labels.site: south", False),
        ("labels.until: {before: {field: now}}", True),
        ("createdAt: {older_than: {field: labels.keep}}", True),
        ("none: [{labels.site: north}]", False),
    ],
)
def test_a_condition_reads_what_a_search_answers_and_labels(text: str, *, expected: bool) -> None:
    from checker.model import Duration

    until = datetime(2026, 1, 1, tzinfo=UTC)
    assert members(where(text), item(), site="north", until=until, keep=Duration(3)) == [expected]


def test_an_image_set_that_cannot_be_told_apart_belongs() -> None:
    unknown = item()
    del unknown["isPrimary"]
    assert members(where("isPrimary: false"), unknown, item()) == [True, False]


def test_image_sets_that_do_not_belong_are_neither_asked_about_nor_recorded(service: Service) -> None:
    fill(service, 120)
    for number, entry in enumerate(service.listed[DATASTORE]):
        entry["isPrimary"] = number % 3 == 0
    own = target(discovery=Discovery(where("isPrimary: true")), complete=False)
    records, done = run(service, own, needs=FORCED, belongs=Members(AS_OF), as_of=AS_OF)
    expected = {image_set_id(n) for n in range(0, 120, 3)}
    asked = found(records, "GetImageSet") + found(records, "ListImageSetVersions")
    assert set(found(records)) == set(asked) == expected
    assert done.calls["GetImageSet"] + done.calls["ListImageSetVersions"] == 40


def test_labels_of_an_image_set_that_is_there_and_does_not_belong_are_no_surprise(service: Service) -> None:
    fill(service, 2)
    service.listed[DATASTORE][1]["isPrimary"] = False
    listed = {image_set_id(n): ImageSetRef(image_set_id(n), None, {"site": "north"}) for n in (0, 1, 9)}
    own = target(discovery=Discovery(where("isPrimary: true"), listed=listed), complete=False)
    records, done = run(service, own, belongs=Members(AS_OF))
    assert set(found(records)) == {image_set_id(0)}
    assert [note for note in done.notes if "gives labels" in note] == [
        f"all: the inventory gives labels to 1 image set that is not among those found, such as {image_set_id(9)}"
    ]


def test_bounds_of_times_are_given_to_the_service(service: Service) -> None:
    fill(service, 300)
    low, high = (datetime.fromtimestamp(1.7e9 + n, UTC) for n in (99, 120))
    text = f"{{createdAt: {{after: {iso(low)!r}, before: {iso(high)!r}}}, updatedAt: {{after: '2000-01-01T00:00:00Z'}}}}"
    own = target(discovery=Discovery(where(text)), complete=False)
    records, done = run(service, own, belongs=Members(AS_OF))
    assert set(found(records)) == {image_set_id(n) for n in range(100, 120)}
    assert done.calls["SearchImageSets"] == 1
    (body,) = [
        json.loads(body)
        for path, body, _ in service.requests
        if path.endswith("searchImageSets") or "searchImageSets?" in path
    ]
    fields = [next(iter(entry["values"][0])) for entry in body["filters"]]
    assert fields == ["createdAt", "updatedAt"]


def test_a_service_that_refuses_two_filters_is_asked_with_one(service: Service) -> None:
    fill(service, 1000)
    service.most_filters = 1
    text = f"{{updatedAt: {{after: {iso(datetime.fromtimestamp(1.7e9 + 500, UTC))!r}}}}}"
    own = target(discovery=Discovery(where(text)), complete=False)
    records, done = run(service, own, belongs=Members(AS_OF), workers=8)
    assert found(records) == Counter(image_set_id(n) for n in range(500, 1000))
    assert not [record for record in records if record.error]
    assert done.calls["SearchImageSets"] <= 1000 / 50 * 1.5 + 8


instants = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)).map(
    lambda when: when.replace(microsecond=when.microsecond // 1000 * 1000)
)
durations = st.sampled_from(["1d", "36h", "1mo", "7mo", "2y", "45d", "1s", "90s"])


@st.composite
def leaves(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from([*TIMES, "isPrimary"]))
    if name == "isPrimary":
        return f"{{isPrimary: {str(draw(st.booleans())).lower()}}}"
    shape = draw(st.sampled_from(["age", "one", "two", "now", "not"]))
    first, second = sorted((draw(instants), draw(instants)))
    if shape == "age":
        operator = draw(st.sampled_from(["older_than", "younger_than"]))
        return f"{{{name}: {{{operator}: {draw(durations)}}}}}"
    if shape == "one":
        operator = draw(st.sampled_from(["before", "after"]))
        return f"{{{name}: {{{operator}: '{iso(first)}'}}}}"
    if shape == "now":
        return f"{{{name}: {{{draw(st.sampled_from(['before', 'after']))}: {{field: now}}}}}}"
    if shape == "not":
        return f"{{not: {{{name}: {{before: '{iso(first)}'}}}}}}"
    return f"{{{name}: {{after: '{iso(first)}', before: '{iso(second)}'}}}}"


conditions = st.recursive(
    leaves(),
    lambda inner: st.tuples(
        st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=3)
    ).map(lambda pair: f"{{{pair[0]}: [{', '.join(pair[1])}]}}"),
    max_leaves=5,
)


@given(text=conditions, times=st.lists(st.tuples(instants, instants), min_size=1, max_size=8))
def test_the_service_is_never_asked_for_less_than_belongs(
    text: str, times: list[tuple[datetime, datetime]]
) -> None:
    try:
        condition = where(text)
    except AssertionError as error:  # such as the same condition twice
        reject(error)
    items = [item(createdAt=iso(created), updatedAt=iso(updated)) for created, updated in times]
    for index, name in enumerate(TIMES):
        limits = bounds(condition, name, AS_OF)
        low, high = limits.after, limits.until
        assert all(entry is None or entry == entry.replace(microsecond=0) for entry in (low, high))
        for pair, belongs in zip(times, members(condition, *items), strict=True):
            if belongs:
                assert low is None or low < pair[index]
                assert high is None or pair[index] <= high


def test_only_conjuncts_bound() -> None:
    old = "createdAt: {before: '2025-01-01T00:00:00Z'}"
    both = bounds(where(f"{{all: [{{{old}}}, {{isPrimary: true}}]}}"), "createdAt", AS_OF)
    assert both.until == datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=2)
    for text in (f"{{any: [{{{old}}}, {{isPrimary: true}}]}}", f"{{none: [{{{old}}}]}}"):
        assert not bounds(where(text), "createdAt", AS_OF)
    assert not bounds(where(f"{{{old}}}"), "updatedAt", AS_OF)
    assert isinstance(where(f"{{all: [{{{old}}}, {{isPrimary: true}}]}}"), Group)
