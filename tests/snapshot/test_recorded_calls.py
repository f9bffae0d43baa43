"""Recorded answers beside GetImageSet's: lists of versions, data stores and tags."""

import json
from itertools import permutations

import pytest

from checker.aws.actions import GET_DATASTORE, LIST_TAGS, LIST_VERSIONS
from checker.model import Label, Location, Needs, Type
from checker.problems import InvalidInputError
from checker.snapshot.answers import normalise, normalise_answer, normalise_versions
from checker.snapshot.recorded_answers import read_recorded
from checker.snapshot.records import VERSIONS, Record

STORE, OTHER = "1" * 32, "2" * 32
ID = "a" * 32
NEEDED = Needs(versions=True, datastores=True)
CLASS = Label("class", Type.STRING, (), "", Location("pack.yaml", 1, 1))


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(*values, needs=NEEDED, complete=False):
        (tmp_path / "a.json").write_text(
            "\n".join(
                value.to_json() if isinstance(value, Record) else json.dumps(value) for value in values
            ),
            encoding="utf-8",
        )
        return read_recorded(["a.json"], {"class": CLASS}, [], needs=needs, complete=complete)

    return read


def problems(recorded, *values):
    with pytest.raises(InvalidInputError) as caught:
        recorded(*values)
    return str(caught.value)


def answer(version, **changed):
    return {
        "datastoreId": STORE,
        "imageSetId": ID,
        "versionId": str(version),
        "imageSetState": "ACTIVE",
        **changed,
    }


def listed(*numbers, **changed):
    items = [
        {"imageSetId": ID, "versionId": str(number), "imageSetState": "ACTIVE", **changed}
        for number in numbers
    ]
    return {VERSIONS: items}


def the_list(records):
    (item,) = [record for record in records if record.action == LIST_VERSIONS]
    return item


def numbers(record):
    return [int(item["versionId"]) for item in record.answer[VERSIONS]] if record.answer else record.error


def missing(text):
    return ("VersionsNotRecorded", f"{text} not recorded")


def unlike(last, got):
    said = f"ListImageSetVersions says version {last}, but GetImageSet says version {got}"
    return ("ContradictoryAnswers", said)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([listed(3, 2, 1)], [1, 2, 3]),
        ([listed(10, 9)], [9, 10]),
        ([answer(1)], [1]),
        ([answer(2), answer(1), answer(3)], [1, 2, 3]),
        ([answer(2)], missing("version 1 of 1..2 was")),
        ([answer(1), answer(3), answer(5)], missing("versions 2 and 4 of 1..5 were")),
        ([answer(1), answer(4)], missing("versions 2..3 of 1..4 were")),
        ([answer(9_000_000_000_000_000_000)], missing("versions 1..8999999999999999999 of 1..9000000000000000000 were")),
        ([listed(2, 1), answer(3)], unlike(2, 3)),
        ([listed(2, 1), answer(4)], unlike(2, 4)),
        ([listed(3, 1), answer(3), answer(2)], [1, 2, 3]),
        ([answer(1), {"imageSetId": ID, "requestedVersionId": "2", "error": {"code": "X"}}], missing("version 2 of 1..2 was")),
        ([answer(1), {"imageSetId": ID, "requestedVersionId": "7", "error": {"code": "VersionNotFound"}}], [1]),
        ([{"imageSetId": ID, "error": {"code": "Throttled"}}], ("Throttled", "")),
        ([{"imageSetId": ID, "error": {"code": "Throttled"}}, listed(2, 1)], [1, 2]),
        ([{"imageSetId": ID, "error": {"code": "ResourceNotFoundException"}}], ("ResourceNotFoundException", "")),
        ([{"action": LIST_VERSIONS, "imageSetId": ID, "error": {"code": "Denied"}}], ("Denied", "")),
        ([{"action": LIST_VERSIONS, "imageSetId": ID, "error": {"code": "Denied"}}, answer(1)], ("Denied", "")),
        ([{"action": LIST_VERSIONS, "imageSetId": ID, "error": {"code": "Denied"}}, listed(1)], [1]),
    ],
)  # fmt: skip
def test_versions_are_known_where_every_one_was_recorded(recorded, values, expected):
    for order in permutations(values):
        assert numbers(the_list(recorded(*order))) == expected


def test_of_a_recorded_list_with_a_gap_the_version_before_is_not_recorded(recorded):
    assert the_list(recorded(listed(3, 1))).gaps == (3,)
    assert the_list(recorded(listed(10, 9))).gaps == (9,)
    assert the_list(recorded(listed(3, 2, 1))).gaps == ()
    assert the_list(recorded(listed(3, 1), answer(2))).gaps == ()
    again = the_list(recorded(the_list(recorded(listed(3, 1)))))
    assert again.gaps == (3,)


def test_what_the_service_left_out_of_a_list_that_the_checker_asked_for_is_not_there(recorded):
    items = listed(3, 1)[VERSIONS]
    live = Record("archive", ID, STORE, action=LIST_VERSIONS, answer={VERSIONS: items})
    assert the_list(recorded(live)).gaps == ()


def test_lists_are_given_where_they_are_needed_only(recorded):
    assert {item.action for item in recorded(listed(2, 1), needs=Needs())} == {"GetImageSet"}


def test_what_only_get_image_set_gives_is_left_out_of_versions(recorded):
    (item,) = the_list(
        recorded(answer(1, storageTier="FREQUENT_ACCESS", imageSetWorkflowStatus="CREATED"))
    ).answer[VERSIONS]
    assert item == {
        "imageSetId": ID,
        "versionId": "1",
        "imageSetState": "ACTIVE",
        "ImageSetWorkflowStatus": "CREATED",
    }


def test_a_list_adds_what_an_answer_dropped(recorded):
    """An old SDK drops overrides from an answer: where a list has it, the version was forced."""
    records = recorded(answer(1, isPrimary=True), listed(1, overrides={"forced": True}))
    assert records[0].answer["overrides"] == {"forced": True}
    assert records[0].answer["isPrimary"] is True
    assert the_list(records).answer[VERSIONS][0]["overrides"] == {"forced": True}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (listed(1, 1), "version 1 is there twice"),
        ({VERSIONS: [*listed(1)[VERSIONS], {**listed(2)[VERSIONS][0], "imageSetId": "b" * 32}]}, f"but {ID} was asked for"),
        ({"imageSetId": "b" * 32, **listed(1)}, f"imageSetId is {ID}, but {'b' * 32} was asked for"),
        (listed(1, Overrides={}), "Overrides is spelled overrides in the API"),
        ({"ImageSetPropertiesList": []}, "ImageSetPropertiesList is spelled imageSetPropertiesList"),
        ({"action": "GetImageset", **answer(1)}, "the action GetImageset is none that is recorded\nhelp: did you mean GetImageSet?"),
        ({"action": LIST_VERSIONS, "imageSetId": ID}, "imageSetPropertiesList is no list of objects"),
        ({"tags": {"Owner": "x"}}, "list-tags-for-resource does not say whose tags these are"),
        ({"action": LIST_TAGS, "tags": {"Owner": "x"}}, "datastoreId is missing"),
        ({"action": LIST_TAGS, "datastoreId": STORE, "tags": {"Owner": 1}}, "the tag Owner is 1, which is no string"),
        ({"action": LIST_TAGS, "datastoreId": STORE}, "tags is missing"),
        ({"datastoreProperties": {}}, "datastoreId is missing"),
        ({"datastoreProperties": []}, "datastoreProperties is not an object"),
        ({"datastoreProperties": {"datastoreId": STORE, "datastoreName": "n", "DatastoreStatus": "ACTIVE"}},
         "DatastoreStatus is spelled datastoreStatus in the API"),
        ({"datastoreProperties": {"datastoreId": STORE, "datastoreName": "n", "datastoreStatus": 1}},
         "datastoreStatus is 1, which is no string"),
        ({"datastoreId": OTHER, "datastoreProperties": {"datastoreId": STORE, "datastoreName": "n", "datastoreStatus": "A"}},
         f"datastoreId is {STORE}, but {OTHER} was asked for"),
    ],
)  # fmt: skip
def test_a_malformed_answer_names_its_place(recorded, value, said):
    text = problems(recorded, answer(1), value)
    assert text.startswith("a.json:2:1: error: ")
    assert said in text


def properties(store=STORE, **changed):
    return {
        "datastoreProperties": {
            "datastoreId": store,
            "datastoreName": "n",
            "datastoreStatus": "ACTIVE",
            **changed,
        }
    }


def test_get_datastore_answers_are_read(recorded):
    arn = f"arn:aws:medical-imaging:eu-west-1:111122223333:datastore/{STORE}"
    given = properties(datastoreArn=arn, createdAt=1679592510.753)
    item = recorded(given, answer(1), answer(1))[-1]
    assert (item.action, item.datastore_id, item.account, item.region) == (
        GET_DATASTORE,
        STORE,
        "111122223333",
        "eu-west-1",
    )
    assert item.answer["datastoreProperties"]["createdAt"] == "2023-03-23T17:28:30.753Z"
    assert len(recorded(given, given)) == 1
    assert "two different answers on the data store" in problems(recorded, given, properties())


def test_each_data_store_of_the_records_has_one(recorded):
    found = recorded(answer(1), {**answer(1), "datastoreId": OTHER}, properties(), complete=True)
    stores = [explanation for explanation in found if explanation.action == GET_DATASTORE]
    assert [(store.datastore_id, store.error and store.error[0], store.complete) for store in stores] == [
        (STORE, None, True),
        (OTHER, "NotRecorded", True),
    ]


def test_that_a_run_was_complete_is_not_taken_over(recorded):
    """Whoever hands the records over may have left some out: `--complete` says so anew."""
    item = Record("t", None, STORE, action=GET_DATASTORE, answer=properties(), complete=True)
    assert recorded(item)[0].complete is False


def everything():
    beside = {"account": "1", "region": "us-east-1"}
    return [
        Record("t", ID, STORE, answer=normalise(answer(2, isPrimary=True)), labels={"class": "x"},
               label_places={"class": "x.csv:2"}, **beside),
        Record("t", ID, STORE, action=LIST_VERSIONS, answer=normalise_versions(listed(2, 1)[VERSIONS]),
               labels={"class": "x"}, label_places={"class": "x.csv:2"}, **beside),
        Record("t", None, STORE, action=GET_DATASTORE, answer=normalise_answer("GetDatastore", properties()), **beside),
        Record("t", ID, STORE, action=LIST_TAGS, answer=normalise_answer("ListTagsForResource", {"tags": {"a": "b"}}), **beside),
        Record("t", None, STORE, action=LIST_TAGS, error=("Denied", "no"), **beside),
    ]  # fmt: skip


def test_a_runs_records_of_every_call_read_back(recorded):
    found = recorded(*everything())
    assert [(explanation.action, explanation.image_set_id) for explanation in found] == [
        ("GetImageSet", ID), (LIST_VERSIONS, ID), (GET_DATASTORE, None), (LIST_TAGS, None), (LIST_TAGS, ID),
    ]  # fmt: skip
    assert {explanation.target for explanation in found} == {"recorded"}
    assert found[0].answer == everything()[0].answer
    assert (found[1].labels, found[1].label_places) == ({"class": "x"}, {"class": "x.csv:2"})
    assert numbers(found[1]) == [1, 2]
    assert recorded(*found) == found


def test_records_of_the_highest_version_do_not_read_back_as_a_whole_list(recorded):
    alone = recorded(listed(2, 1), needs=Needs())
    assert numbers(the_list(recorded(*alone))) == missing("version 1 of 1..2 was")


def test_a_list_and_an_answer_that_disagree_are_a_problem(recorded):
    said = problems(recorded, answer(2), listed(2, 1, imageSetState="LOCKED"))
    assert f"two different answers for the image set {ID}" in said


def test_tags_that_disagree_are_a_problem(recorded):
    line = {"action": LIST_TAGS, "datastoreId": STORE, "imageSetId": ID}
    said = problems(recorded, {**line, "tags": {"a": "b"}}, {**line, "tags": {}})
    assert said.startswith(f"a.json:2:1: error: two different answers on the tags of {ID}")
