"""Deletion events from files: what counts, what is left out with a warning, and what is no event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checker.problems import InvalidInputError
from checker.snapshot.deletion_events import Event, read_events

STORE, IMAGE_SET = "bbc4f3cccbae4095a34170fddc19b13d", "5b3a711878c34d40e888253319388649"
ARN = f"arn:aws:medical-imaging:us-west-2:846006145877:datastore/{STORE}/imageset/"
AT = datetime(2024, 3, 14, 0, 1, tzinfo=UTC)


def event(detail: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The event of the developer guide, but that its ARN names the image set of the detail."""
    said = {
        "imagingVersion": "1.0",
        "isPrimary": True,
        "imageSetVersion": "1",
        "datastoreId": STORE,
        "imagesetId": IMAGE_SET,
        "imageSetState": "DELETED",
        "imageSetWorkflowStatus": "DELETED",
    }
    return {
        "version": "0",
        "id": "7cf0fb1c-8720-4d48-baa3-6eb97b35a10e",
        "detail-type": "Image Set Deleted",
        "source": "aws.medical-imaging",
        "account": "111122223333",
        "time": "2024-03-14T00:01:00Z",
        "region": "us-west-2",
        "resources": [ARN + IMAGE_SET],
        "detail": {name: value for name, value in (said | (detail or {})).items() if value is not ...},
        **more,
    }


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def put(*values: Any, text: str | None = None) -> str:
        lines = "".join(json.dumps(value) + "\n" for value in values)
        Path("events.jsonl").write_text(lines if text is None else text, encoding="utf-8")
        return "events.jsonl"

    return put


def wrong(path: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInputError) as raised:
        read_events([path], None)
    return [(str(problem.where), problem.message) for problem in raised.value.problems]


def test_a_deletion_event_is_read_with_its_place(file):
    found, warnings = read_events([file(event())], None)
    assert found == (Event(STORE, IMAGE_SET, AT, 1, True, "events.jsonl:1"),)
    assert warnings == []


def test_what_an_event_does_not_say_is_none(file):
    path = file(event({"isPrimary": ..., "imageSetVersion": ...}))
    assert read_events([path], None)[0] == (Event(STORE, IMAGE_SET, AT, None, None, "events.jsonl:1"),)


@pytest.mark.parametrize("name", ["imagesetId", "imageSetId"])
def test_both_spellings_of_the_id_are_read(file, name):
    path = file(event({"imagesetId": ..., name: IMAGE_SET}))
    assert read_events([path], None)[0][0].image_set_id == IMAGE_SET


def test_arrays_pretty_printed_events_and_empty_files_are_read(file):
    two = event({"imagesetId": "0" * 32}, resources=[])
    for text in (
        json.dumps([event(), two]),
        json.dumps(event(), indent=2) + "\n\n" + json.dumps(two, indent=1),
    ):
        assert [item.image_set_id for item in read_events([file(text=text)], None)[0]] == [
            IMAGE_SET,
            "0" * 32,
        ]


@pytest.mark.parametrize(
    "text", ["", " \n\n", "[]", '{"Messages": []}', '{"events": [], "searchedLogStreams": []}']
)
def test_a_file_without_an_event_is_a_warning(file, text):
    found, (warning,) = read_events([file(text=text)], None)
    assert (found, warning.where, warning.message) == ((), "events.jsonl", "the file has no event")


def test_each_file_without_an_event_is_a_warning_whatever_others_hold(file, tmp_path):
    (tmp_path / "none.jsonl").touch()
    found, (warning,) = read_events([file(event()), "none.jsonl"], None)
    assert (len(found), warning.where) == (1, "none.jsonl")


def test_an_event_that_is_delivered_twice_counts_once(file):
    assert len(read_events([file(event(), event(id="another")), "events.jsonl"], None)[0]) == 1


def test_events_at_the_start_of_the_run_or_later_are_left_out_with_a_warning(file):
    later = event(time="2024-03-14T00:01:00.001Z")
    path = file(event(), later)
    found, warnings = read_events([path], datetime(2024, 3, 14, 0, 1, 0, 1000, tzinfo=UTC))
    assert [explanation.at for explanation in found] == [AT]
    assert [warning.message for warning in warnings] == [
        "left out 1 event sent at 2024-03-14T00:01:00.001Z or later"
    ]
    assert read_events([path], AT)[0] == ()


def test_other_events_of_the_service_are_skipped_and_counted(file):
    others = [{**event(), "detail-type": f"Image Set {what}"} for what in ("Created", "Created", "Deleting")]
    found, (warning,) = read_events([file(*others, event())], None)
    assert len(found) == 1
    assert warning.warning
    assert warning.message == "skipped 3 events: Image Set Created (2), Image Set Deleting (1)"


def test_an_arn_that_disagrees_with_the_detail_is_a_warning_as_in_the_developer_guide_s_own_event(file):
    other = event(resources=[ARN + "207284eef860ac01c4b2a8de27a6fc11"])
    found, (warning,) = read_events([file(event(), other, other)], None)
    assert {explanation.image_set_id for explanation in found} == {IMAGE_SET}
    assert (warning.where, warning.hint) == ("events.jsonl:2", "the detail counts")
    assert (
        warning.message
        == "the ARN in resources names another image set than the detail, and so in 1 more event"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "an event is a JSON object, not a number"),
        ({}, "this is no event of aws.medical-imaging: it names no source"),
        (event(source="aws.s3"), 'this is no event of aws.medical-imaging: its source is "aws.s3"'),
        ({**event(), "detail-type": None}, "the event has no detail-type"),
        (event() | {"detail": None}, "the event has no detail"),
        (event({"datastoreId": ...}), "the detail has no datastoreId"),
        (event({"imagesetId": ...}), "the detail has no imagesetId"),
        (event({"imagesetId": "a b"}), 'imagesetId is "a b"'),
        (event({"imagesetId": 3}), "imagesetId is 3"),
        (event({"datastoreId": STORE.upper()}), f'datastoreId is "{STORE.upper()}"'),
        (event({"imageSetId": "0" * 32}), f'the detail names two image sets: "{"0" * 32}" and "{IMAGE_SET}"'),
        (event(time=None), "the event has no time"),
        (event(time="yesterday"), "time: `yesterday` is not a time"),
        (event(time=1710374460), "time is 1710374460, which is no text"),
        (event({"imageSetVersion": "one"}), 'imageSetVersion is "one"'),
        (event({"imageSetVersion": 0}), "imageSetVersion is 0"),
        (event({"isPrimary": "yes"}), 'isPrimary is "yes"'),
        (
            event({"imageSetState": "ACTIVE"}),
            'imageSetState is "ACTIVE" in an event of the type Image Set Deleted',
        ),
    ],
)
def test_what_is_no_event_is_a_problem_at_its_line(file, value, message):
    assert wrong(file(event(), value)) == [("events.jsonl:2", message)]


def test_every_problem_of_every_line_is_told_at_once(file):
    text = "\n".join(["{not json}", json.dumps(event()), '{"source": ', json.dumps({"source": "x"})])
    places = [where for where, _ in wrong(file(text=text))]
    assert [where.split(":")[1] for where in places] == ["1", "3", "4"]


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    assert wrong(str(tmp_path / "none.jsonl")) == [
        ((tmp_path / "none.jsonl").as_posix(), "cannot be read: no such file or directory")
    ]
