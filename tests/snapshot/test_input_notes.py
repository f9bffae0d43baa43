"""What an input that tells nothing of what is audited is said to, in reports and as a warning."""

import json
from datetime import UTC, datetime

import pytest

import checker
from checker.aws.actions import GET_DATASTORE
from checker.problems import Problem
from checker.reporting import formats
from checker.snapshot.deletion_events import Event
from checker.snapshot.input_notes import of_events, of_files, of_several_targets
from checker.snapshot.records import Record
from checker.snapshot.writer import write_records

STORE, OTHER = "1" * 32, "2" * 32
AT = datetime(2024, 3, 14, tzinfo=UTC)


def event(store, number=0):
    return Event(store, f"{number:032x}", AT, 1, True, "e.jsonl:1")


def record(target, store, name, **more):
    return Record(target, name, store, error=("ThrottlingException", ""), **more)


@pytest.fixture
def records(tmp_path):
    def put(*every):
        write_records(every, tmp_path / "records.jsonl")
        return tmp_path / "records.jsonl"

    return put


@pytest.mark.parametrize(
    ("events", "note", "warning"),
    [
        ([event(STORE), event(OTHER)], "Deletion events: 2 before the run, 1 of them of", ""),
        ([event(OTHER)], "Deletion events: 1 before the run, 0 of them of", f"they are of {OTHER}"),
        ([], "Deletion events: 0 before the run, 0 of them of", "the files hold none"),
    ],
)
@pytest.mark.parametrize("since", [None, AT])
def test_how_many_events_are_of_audited_data_stores_is_said(records, events, note, warning, since):
    (said,), warnings = of_events(events, records(record("a", STORE, "a" * 32)), since)
    assert said.startswith(note)
    assert [item.hint for item in warnings] == ([warning] if warning else [])


def test_a_data_store_that_is_audited_alone_counts(records):
    (said,), _ = of_events([event(STORE)], records(record("a", STORE, None, action=GET_DATASTORE)))
    assert "1 of them" in said


def test_without_event_files_the_owner_s_word_stands_alone(records):
    file = records(record("a", STORE, "a" * 32))
    assert of_events(None, file) == ((), ())
    (said,), _ = of_events(None, file, AT)
    assert (
        said
        == "Deletion events: none given; that every deletion since 2024-03-14T00:00:00Z is known is the owner's word alone."
    )


def test_image_sets_of_several_targets_are_said_with_their_number(records):
    file = records(
        record("a", STORE, "a" * 32),
        record("b", STORE, "a" * 32),
        record("b", STORE, "a" * 32, version=2),
        record("b", OTHER, "b" * 32),
        record("a", STORE, "c" * 32),
    )
    (said,) = of_several_targets(file)
    assert said == (
        f"1 image set is in more than one target, and judged and counted in each: {'a' * 32} of a and b."
    )
    many = [record(target, STORE, f"{number:032x}") for target in "ab" for number in range(5)]
    (said,) = of_several_targets(records(*many))
    assert said.startswith("5 image sets are in more than one target")
    assert said.endswith(f"{2:032x} of a and b, ...")


def test_image_sets_of_one_target_each_are_no_note(records):
    assert of_several_targets(records(record("a", STORE, "a" * 32), record("b", OTHER, "a" * 32))) == ()


def test_the_number_is_in_every_report(tmp_path):
    rule = {"id": "r", "title": "t", "severity": "low", "deny": {"imageSetState": "LOCKED"}}
    (tmp_path / "p.yaml").write_text(json.dumps({"version": 1, "pack": "p", "rules": [rule]}))
    answer = {"datastoreId": STORE, "imageSetId": "a" * 32, "versionId": "1", "imageSetState": "ACTIVE"}
    (tmp_path / "a.json").write_text(json.dumps(answer))
    policies = checker.load([str(tmp_path / "p.yaml")])
    rules = checker.choose(policies)
    evidence = checker.recorded(
        [str(tmp_path / "a.json")], policies, needs=rules.needs, events=[event(OTHER)]
    )
    run = checker.evaluate(rules, evidence)
    reports = {name: tmp_path / f"report.{name}" for name in formats("run")}
    checker.report(run, reports)
    said = "Deletion events: 1 before the run, 0 of them of data stores that are audited."
    # text is wrapped
    texts = {name: " ".join(path.read_text(encoding="utf-8").split()) for name, path in reports.items()}
    assert [name for name, text in texts.items() if said not in text] == []
    assert [warning.warning for warning in evidence.warnings] == [True]


def test_what_was_odd_in_recorded_files_is_a_note_each_and_the_rest_is_counted():
    odd = [Problem(f"{number}.json:1:1", "records no image set", warning=True) for number in range(12)]
    notes = of_files(odd)
    assert (len(notes), notes[0]) == (11, "0.json:1:1: records no image set.")
    assert notes[-1] == "2 more warnings on recorded answers."
    assert of_files([]) == ()
