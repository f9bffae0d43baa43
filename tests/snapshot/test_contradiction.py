"""What of the answers on one image set cannot all be true: each kind that is provable, and none that lag explains."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.aws.actions import GET_IMAGE_SET, LIST_VERSIONS, SEARCH
from checker.snapshot.contradiction import all_facts, contradiction, needs_recheck
from checker.snapshot.record_table import record_table
from checker.snapshot.records import NO_VERSION, NOT_FOUND, VERSIONS, Record
from checker.snapshot.writer import write_records

STORE, ONE = "d" * 32, "1" * 32
CREATED = datetime(2025, 1, 1, tzinfo=UTC)
AT = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:medical-imaging:us-east-1:{}:datastore/" + STORE + "/imageset/" + ONE


def record(action: str, second: float, answer: dict | None = None, **more: object) -> Record:
    at = AT + timedelta(seconds=second)
    given = {"target": "t", "image_set_id": ONE, "datastore_id": STORE, "collected_at": at, "action": action}
    return Record(**(given | {"answer": answer} | more))


def facts(
    number: int, *, created: datetime = CREATED, forced: bool | None = None, state: str = "ACTIVE"
) -> dict:
    found = {"versionId": str(number), "imageSetState": state, "createdAt": created.isoformat()}
    return found | ({} if forced is None else {"overrides": {"forced": forced}})


def got(second: float, number: int, *, arn: str = "", **more: object) -> Record:
    own = {name: more.pop(name) for name in ("created", "forced", "state") if name in more}
    said = {"imageSetId": ONE, "datastoreId": STORE, **facts(number, **own)} | (
        {"imageSetArn": arn} if arn else {}
    )
    return record(GET_IMAGE_SET, second, said, **more)


def listed(second: float, *numbers: int | dict, **more: object) -> Record:
    items = [number if isinstance(number, dict) else facts(number) for number in numbers]
    return record(LIST_VERSIONS, second, {VERSIONS: items}, **more)


def searched(second: float, number: int, created: datetime = CREATED, **more: object) -> Record:
    said = {"imageSetId": ONE, "version": number, "createdAt": created.isoformat()}
    return record(SEARCH, second, said, **more)


def missing(action: str, second: float, code: str = NOT_FOUND, **more: object) -> Record:
    return record(action, second, error=(code, "no"), **more)


def compared(*records: Record) -> str | None:
    return contradiction(all_facts(records))


FALSE = {
    "a search is ahead": [searched(0, 3), got(1, 2)],
    "a search is ahead of a list": [searched(0, 3), listed(1, 1, 2)],
    "a list ends below": [got(0, 3), listed(1, 1, 2)],
    "a list was not asked for again": [listed(0, 1, 2), got(1, 3)],
    "two lists fall": [listed(0, 1, 2, 3), listed(1, 1, 2, target="u", version=2), listed(2, 1, 2)],
    "the same call falls": [got(0, 3, witness=True), got(1, 2)],
    "two searches fall": [searched(0, 3), searched(1, 2, witness=True)],
    "one page says two things": [searched(0, 2), searched(0, 3, witness=True)],
    "a page has another creation": [searched(0, 2), searched(0, 2, CREATED + timedelta(seconds=0.5))],
    "two targets, one after the other": [got(0, 3), got(3600, 2, target="u")],
    "created at two times": [searched(0, 2, CREATED + timedelta(days=1)), got(1, 2)],
    "created at two times by version": [searched(0, 1, CREATED + timedelta(days=1)), got(1, 2)],
    "forced in the list alone": [got(0, 2), listed(1, 1, facts(2, forced=True))],
    "forced in GetImageSet alone": [got(0, 2, forced=True), listed(1, 1, 2)],
    "forced when it was asked for by its version": [got(0, 1, version=1), listed(1, facts(1, forced=True), 2)],
    "two ARNs": [got(0, 2, arn=ARN.format(1)), got(1, 1, version=1, arn=ARN.format(2))],
    "a pinned version that is not listed": [got(0, 2, version=2), listed(1, 1, 3)],
    "a pinned version above the latest": [got(0, 7, version=7), got(1, 3)],
    "a version that was there is not": [listed(0, 1, 2, 3), missing(GET_IMAGE_SET, 1, NO_VERSION, version=2)],
    "a deletion is taken back": [got(0, 2, state="DELETED"), listed(1, 1, 2)],
    "not there, and there": [missing(GET_IMAGE_SET, 0), listed(1, 1, 2)],
    "a flag is taken back": [got(0, 2, forced=True, witness=True), got(1, 2)],
    "a flag of a list is taken back": [listed(0, facts(1, forced=True), 2, witness=True), listed(1, 1, 2)],
    "a list lacks what it had": [listed(0, 1, 2, 3, witness=True), listed(1, 1, 3)],
    "two lists create an old version at two times": [
        listed(0, 1, 2, 3, target="u"), listed(1, 1, facts(2, created=CREATED + timedelta(days=1)), 3),
    ],
    "one list forces an old version": [listed(0, 1, facts(2, forced=True), 3, target="u"), listed(1, 1, 2, 3)],
    "one list lacks an old version": [listed(0, 1, 2, 3, target="u"), listed(1, 1, 3)],
    "there, gone and there": [
        got(0, 2, witness=True), missing(LIST_VERSIONS, 1, witness=True), got(2, 2), missing(LIST_VERSIONS, 3),
    ],
}  # fmt: skip
TRUE = {
    "all the same": [searched(0, 2), got(1, 2), listed(2, 1, 2)],
    "a search is behind": [searched(0, 1), got(1, 4), listed(2, 1, 2, 3, 4)],
    "a later search is behind": [got(0, 3), searched(5, 1)],
    "it moved before the list": [got(0, 2), listed(1, 1, 2, 3)],
    "it moved between two pages": [searched(0, 2), searched(1, 3, witness=True)],
    "it was deleted in between": [searched(0, 2), got(1, 2), missing(LIST_VERSIONS, 2)],
    "it is gone, and the list still has it": [missing(GET_IMAGE_SET, 0), listed(1, facts(2, state="DELETED"))],
    "it is so new that it is not found yet": [
        missing(GET_IMAGE_SET, 0),
        listed(1, facts(1, created=AT - timedelta(minutes=2))),
    ],
    "state and more change": [got(0, 2, state="LOCKED"), listed(1, 1, facts(2, state="ACTIVE", forced=True))],
    "false is not forced": [got(0, 2, forced=False), listed(1, 1, 2)],
    "rounded otherwise": [searched(0, 2, CREATED + timedelta(seconds=0.9)), got(1, 2)],
    "two targets at once": [got(0, 3), got(1, 2, target="u")],
    "asked again, and settled": [searched(0, 3), got(1, 2, witness=True), got(2, 3)],
    "a call failed": [searched(0, 3), record(GET_IMAGE_SET, 1, error=("AccessDeniedException", "no"))],
    "pinned": [got(0, 1, version=1), got(1, 3), listed(2, 1, 2, 3)],
    "nobody says when": [replace(searched(0, 2), collected_at=None), replace(got(0, 2), collected_at=None)],
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_what_cannot_be_true_is_told_with_both_answers(name: str) -> None:
    records = FALSE[name]
    why = compared(*records)
    assert why is not None
    head, _, tail = why.partition(", but ")
    assert any(item.action in head for item in records)
    assert any(item.action in tail for item in records)
    assert head.count("(2026-01-01T") == tail.count("(2026-01-01T") == 1
    assert compared(*reversed(records)) == why
    assert needs_recheck(all_facts(records))


@pytest.mark.parametrize("name", TRUE)
def test_what_lag_or_a_change_explains_is_none(name: str) -> None:
    assert compared(*TRUE[name]) is None


@pytest.mark.parametrize(
    ("records", "again"),
    [
        ([got(0, 2), listed(1, 1, 2, 3)], True),
        ([got(0, 2), missing(LIST_VERSIONS, 1)], True),
        ([searched(0, 1), got(1, 2), listed(2, 1, 2)], False),
        ([missing(GET_IMAGE_SET, 0), listed(1, facts(2, state="DELETED"))], False),
        ([got(0, 2), listed(1, 1, facts(2, state="DELETED"))], True),
        ([missing(LIST_VERSIONS, 0, NO_VERSION, version=2), listed(0, 1, 3)], False),
    ],
)
def test_what_may_have_moved_in_between_is_asked_about_again(records: list[Record], again: bool) -> None:
    assert needs_recheck(all_facts(records)) is again


def _of(item: Record, name: str) -> Record:
    answer = item.answer and {**item.answer, **({"imageSetId": name} if "imageSetId" in item.answer else {})}
    return replace(item, image_set_id=name, answer=answer)


def found(path: Path, *records: Record) -> dict[str, str]:
    write_records(records, path)
    with record_table(path) as table:
        rows = table.contradictory
        return {name: why for _, name, why in rows.fetchall()} if rows else {}


def test_what_is_found_in_records_is_what_comparing_them_finds(tmp_path: Path) -> None:
    every, wanted = [], {}
    for number, records in enumerate([*FALSE.values(), *TRUE.values()]):
        name = f"{number:032x}"
        own = [_of(item, name) for item in records]
        every += own
        if why := compared(*own):
            wanted[name] = why
    assert len(wanted) == len(FALSE)
    assert found(tmp_path / "records.jsonl", *every[::-1]) == wanted


VERSION_TIMES = st.lists(st.integers(0, 100), min_size=1, max_size=4, unique=True).map(sorted)


@st.composite
def worlds(draw: st.DrawFn) -> list[Record]:
    """What a service without a fault says of an image set that changes meanwhile, whose search is late; asked by two targets
    at once."""
    made = draw(VERSION_TIMES)
    made[0] = -1000
    forced = [draw(st.sampled_from([None, True])) for _ in made]
    ends = draw(st.one_of(st.none(), st.integers(0, 120)))
    leaves = draw(st.booleans())

    def there(at: float) -> list[int]:
        return [number for number, since in enumerate(made, 1) if since <= at]

    def state(number: int, at: float) -> str:
        return "DELETED" if ends is not None and at >= ends and number == there(at)[-1] else "ACTIVE"

    def item(number: int, at: float) -> dict:
        return facts(number, forced=forced[number - 1], state=state(number, at))

    said = []
    for target in ("t", "u"):
        at = draw(st.integers(0, 60))
        late = draw(st.integers(0, 500))
        said.append(searched(at, len(there(at - late)) or 1, target=target))
        for action in (GET_IMAGE_SET, LIST_VERSIONS):
            at += draw(st.integers(1, 20))
            received = at + draw(st.integers(0, 9)) / 10
            now = there(at)
            if leaves and ends is not None and at >= ends:
                said.append(missing(action, received, target=target))
            elif action == GET_IMAGE_SET:
                answer = {"imageSetId": ONE, "datastoreId": STORE, **item(now[-1], at)}
                said.append(record(action, received, answer, target=target))
            else:
                said.append(listed(received, *(item(entry, at) for entry in now), target=target))
    return said


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_a_service_without_a_fault_never_contradicts_itself(records: list[Record]) -> None:
    assert compared(*records) is None


@settings(max_examples=200, deadline=None)
@given(worlds(), st.integers(1, 3), st.data())
def test_an_answer_below_an_earlier_one_is_always_found(
    records: list[Record], by: int, data: st.DataObject
) -> None:
    standing = [statement for statement in all_facts(records) if statement.exact and statement.target == "t"]
    if standing:
        last = standing[-1]
        at = (last.at - AT).total_seconds() - data.draw(st.floats(0.01, 0.9))
        assert compared(*records, searched(at, last.highest + by, witness=data.draw(st.booleans())))
