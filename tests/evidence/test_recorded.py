"""What the AWS CLI prints, as records."""

import io
import json

import pytest

from checker.evidence.recorded import read_recorded
from checker.problems import InvalidInputError

STORE = "12345678901234567890123456789012"
ID = "18f88ac7870584f58d56256646b4d92b"
OTHER = "ea92b0d8838c72a3f25d00d13616f87e"
ANSWER = {
    "versionId": "1",
    "imageSetWorkflowStatus": "COPIED",
    "updatedAt": 1680027253.471,
    "imageSetId": ID,
    "imageSetState": "ACTIVE",
    "createdAt": 1679592510.753,
    "datastoreId": STORE,
}
VERSIONS = {
    "imageSetPropertiesList": [
        {
            "ImageSetWorkflowStatus": "UPDATED",
            "versionId": "10",
            "imageSetId": OTHER,
            "imageSetState": "ACTIVE",
        },
        {
            "ImageSetWorkflowStatus": "COPY_FAILED",
            "versionId": "9",
            "imageSetId": OTHER,
            "imageSetState": "ACTIVE",
        },
    ]
}


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(*texts):
        names = []
        for number, text in enumerate(texts):
            names.append(f"{number}.json")
            (tmp_path / names[-1]).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_recorded(names, {})

    return read


def problems(recorded, *texts):
    with pytest.raises(InvalidInputError) as caught:
        recorded(*texts)
    return str(caught.value)


def pretty(*values):
    return "\n".join(json.dumps(value, indent=4) for value in values)


def test_epoch_seconds_and_iso_times_mean_the_same(recorded):
    iso = ANSWER | {"updatedAt": "2023-03-28T18:14:13.471000+00:00", "createdAt": "2023-03-23T17:28:30.753Z"}
    assert recorded(json.dumps(ANSWER))[0].answer == recorded(json.dumps(iso))[0].answer


@pytest.mark.parametrize(
    "text", [pretty(ANSWER), json.dumps([ANSWER]), json.dumps(ANSWER) * 3, "\n\n" + pretty(ANSWER)]
)
def test_any_sequence_of_values_is_read(recorded, text):
    assert [record.image_set_id for record in recorded(text)] == [ID]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_of_powershell_are_read(recorded, encoding):
    assert recorded(pretty(ANSWER).encode(encoding))[0].image_set_id == ID


def test_the_highest_version_is_judged_by_number_not_by_text(recorded):
    record = recorded(json.dumps(VERSIONS))[0]
    assert record.answer["versionId"] == "10"
    assert record.answer["imageSetWorkflowStatus"] == "UPDATED"


def test_the_same_answer_twice_counts_once(recorded):
    assert len(recorded(json.dumps(ANSWER), json.dumps(ANSWER))) == 1


def test_a_version_list_and_its_own_answer_are_one_image_set(recorded):
    full = {
        "versionId": "10",
        "imageSetId": OTHER,
        "imageSetState": "ACTIVE",
        "datastoreId": STORE,
        "isPrimary": True,
    }
    for texts in ((json.dumps(VERSIONS), json.dumps(full)), (json.dumps(full), json.dumps(VERSIONS))):
        (record,) = recorded(*texts)
        assert record.answer["isPrimary"] is True
        assert record.datastore_id == STORE


def test_one_id_in_two_data_stores_is_two_image_sets(recorded):
    assert len(recorded(json.dumps([ANSWER, ANSWER | {"datastoreId": "f" * 32}]))) == 2


def test_different_answers_for_one_version_name_both_places(recorded):
    other = ANSWER | {"imageSetState": "LOCKED"}
    assert problems(recorded, pretty(ANSWER), json.dumps([ANSWER, other])) == (
        f"1.json:1:1: [1]: error: two different answers for the image set {ID}\n"
        "help: the other answer is at 0.json:1:1"
    )


def test_an_answer_and_an_error_for_one_set_contradict_each_other(recorded):
    error = {"imageSetId": ID, "datastoreId": STORE, "error": {"code": "ThrottlingException"}}
    assert "two different answers" in problems(recorded, json.dumps([ANSWER, error]))
    assert "two different answers" in problems(recorded, json.dumps([error, ANSWER]))


def test_a_set_that_could_not_be_read_stays_unread(recorded):
    (record,) = recorded(
        json.dumps({"imageSetId": ID, "error": {"code": "ThrottlingException", "message": "slow"}})
    )
    assert record.found is None
    assert record.error == ("ThrottlingException", "slow")


def test_a_set_that_is_not_there_is_known_not_to_be(recorded):
    (record,) = recorded(json.dumps({"imageSetId": ID, "error": {"code": "ResourceNotFoundException"}}))
    assert record.found is False


def test_records_read_back_as_they_were_written(recorded):
    (record,) = recorded(json.dumps(ANSWER | {"overrides": {"forced": True}, "message": "a\ud83d"}))
    (again,) = recorded(record.to_json())
    assert again.answer == record.answer
    assert again.answer["message"] == "a\ufffd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "0.json: error: the file is empty"),
        ("{", "0.json:1:2: error: not JSON: expecting property name"),
        ('{"a": NaN}', "0.json:1:1: error: not JSON: NaN is not JSON"),
        ("[" * 100_000, "0.json:1:1: error: not JSON: "),
        ('"text"', '0.json:1:1: error: an answer is an object, not "text"'),
        ("[1]", "0.json:1:1: [0]: error: an answer is an object, not 1"),
        ("{}", "0.json:1:1: error: imageSetId is missing"),
        (json.dumps({"imagesetid": ID}), "help: members are spelled as in the API: imageSetId"),
        (json.dumps({**ANSWER, "imageSetState": None}), "0.json:1:1: error: imageSetState is missing"),
        (json.dumps({k: v for k, v in ANSWER.items() if k != "datastoreId"}), "datastoreId is missing"),
        (json.dumps(ANSWER | {"versionId": 1}), "versionId is 1, which is no integer"),
        (json.dumps(ANSWER | {"versionId": "-1"}), "versionId is '-1', which is no integer"),
        (json.dumps(ANSWER | {"isPrimary": "true"}), "isPrimary is 'true', which is no boolean"),
        (json.dumps(ANSWER | {"overrides": True}), "overrides is not an object"),
        (json.dumps(ANSWER | {"createdAt": 1679592510753}), "which is no time (epoch seconds or ISO 8601)"),
        (json.dumps(ANSWER | {"createdAt": "yesterday"}), "createdAt is 'yesterday', which is no time"),
        (json.dumps({"imageSetsMetadataSummaries": []}), "search-image-sets answers have no imageSetState"),
        (json.dumps({**VERSIONS, "nextToken": "x"}), "the list of versions is cut off (nextToken)"),
        (json.dumps({"imageSetPropertiesList": [1]}), "imageSetPropertiesList is no list of objects"),
        (json.dumps({"imageSetId": ID, "error": "x"}), "error has no code"),
        (b"\xff{}", "0.json: error: byte 0xff at offset 0 is not UTF-8"),
    ],
)
def test_a_malformed_record_names_its_place(recorded, text, expected):
    assert expected in problems(recorded, text)


def test_the_place_is_that_of_the_value_not_of_the_file(recorded):
    text = pretty(ANSWER) + "\n" + json.dumps({"imageSetId": OTHER})
    assert problems(recorded, text).startswith("0.json:10:1: error: ")


def test_every_malformed_record_is_told_at_once(recorded):
    text = json.dumps([{"imageSetId": ID}, ANSWER, 5])
    assert problems(recorded, text, "{").count("error: ") == 3


def test_standard_input_is_a_file(monkeypatch):
    class Stdin:
        buffer = io.BytesIO(json.dumps(ANSWER).encode())

    monkeypatch.setattr("sys.stdin", Stdin)
    assert read_recorded(["-"], {})[0].image_set_id == ID


def test_a_file_that_is_not_there_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match="cannot be read: no such file"):
        read_recorded(["sets.json"], {})
