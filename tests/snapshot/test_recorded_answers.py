"""What the AWS CLI prints, as records."""

import io
import json
from itertools import permutations

import pytest

from checker.model import Label, Location, Type
from checker.problems import InvalidInputError
from checker.snapshot.answers import normalise
from checker.snapshot.recorded_answers import read_recorded
from checker.snapshot.records import Record
from checker.values import parse_time

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
        ('"text"', "0.json:1:1: error: an answer is an object, not text"),
        ("[1]", "0.json:1:1: [0]: error: an answer is an object, not a number"),
        ("{}", "0.json:1:1: error: imageSetId is missing"),
        (json.dumps({"imagesetid": ID}), "help: members are spelled as in the API: imageSetId"),
        (json.dumps({**ANSWER, "imageSetState": None}), "0.json:1:1: error: imageSetState is missing"),
        (json.dumps({k: v for k, v in ANSWER.items() if k != "datastoreId"}), "datastoreId is missing"),
        (json.dumps(ANSWER | {"versionId": 1}), 'versionId is 1, which is no string: the API writes "1"'),
        (json.dumps(ANSWER | {"versionId": "-1"}), "versionId is '-1', which is no integer"),
        (json.dumps(ANSWER | {"versionId": "0"}), "versionId is '0', but versions begin at 1"),
        (json.dumps(ANSWER | {"versionId": "9" * 5000}), "which is no integer"),
        ('{"versionId": ' + "9" * 5000 + "}", "0.json:1:1: error: not JSON: "),
        (json.dumps(ANSWER | {"imageSetState": ""}), "imageSetState is empty"),
        (json.dumps(ANSWER | {"imageSetId": "set-1"}), "imageSetId is 'set-1', which is no id"),
        (json.dumps(ANSWER | {"imageSetId": ID.upper()}), "which is no id of 32 digits and small letters"),
        (json.dumps(ANSWER | {"datastoreId": ""}), "datastoreId is '', which is no id"),
        (json.dumps({"imageSetId": ID, "datastoreId": "x", "error": {"code": "X"}}), "datastoreId is 'x'"),
        (json.dumps(ANSWER | {"isPrimary": "true"}), "isPrimary is 'true', which is no boolean"),
        (json.dumps(ANSWER | {"overrides": True}), "overrides is not an object"),
        (json.dumps(ANSWER | {"createdAt": 1679592510753}), "which is no time (epoch seconds or ISO 8601)"),
        (json.dumps(ANSWER | {"createdAt": "yesterday"}), "createdAt is 'yesterday', which is no time"),
        (json.dumps({"imageSetsMetadataSummaries": []}), "search-image-sets answers have no imageSetState"),
        (
            json.dumps({**VERSIONS, "nextToken": "x"}),
            "the list of versions is cut off: nextToken x names a next page",
        ),
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


def label(name):
    return Label(name, Type.STRING, (), "", Location("pack.yaml", 1, 1))


def lines(tmp_path, records):
    """A records.jsonl, and what reading it gives."""
    path = tmp_path / "records.jsonl"
    path.write_text("".join(record.to_json() + "\n" for record in records), encoding="utf-8")
    return read_recorded([str(path)], {"class": label("class")})


def record(version="1", *, asked=None, error=None, **beside):
    answer = None if error else normalise(ANSWER | {"versionId": version})
    problem = (error, f"a message of {version}") if error else None
    return Record("archive", ID, STORE, version=asked, answer=answer, error=problem, **beside)


@pytest.mark.parametrize(
    "text",
    [
        '{"overrides": {"forced": true}, "overrides": {}}',
        '{"overrides": {"forced": true, "forced": false}}',
        '{"imageSetPropertiesList": [{"overrides": {"forced": true}, "overrides": {}}]}',
    ],
)
def test_a_member_that_is_there_twice_is_a_problem_with_its_place(recorded, text):
    said = problems(recorded, pretty(ANSWER) + "\n" + text)
    assert said.startswith("0.json:10:1: error: the member ")
    assert said.endswith(" is there twice")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Overrides": {"Forced": True}}, "Overrides is spelled overrides in the API"),
        ({"overrides": {"Forced": True}}, "Forced is spelled forced in the API"),
        ({"overrides": {}, "OVERRIDES": {}}, "OVERRIDES is spelled overrides in the API"),
        ({"ImageSetWorkflowStatus": "UPDATED"}, "ImageSetWorkflowStatus is spelled imageSetWorkflowStatus"),
        ({"Labels": {}}, "Labels is spelled labels in the API"),
        ({"Error": {}}, "Error is spelled error in the API"),
    ],
)
def test_a_member_in_another_case_is_refused_not_dropped(recorded, changed, said):
    assert said in problems(recorded, json.dumps(ANSWER | changed))


def test_members_that_nobody_knows_are_left_out(recorded):
    (item,) = recorded(json.dumps(ANSWER | {"newMember": 1, "overrides": {"other": 1}}))
    assert item.answer.keys() == ANSWER.keys()


def test_the_capital_of_a_version_list_is_taken_and_not_passed_on(recorded):
    (item,) = recorded(json.dumps(VERSIONS))
    assert "ImageSetWorkflowStatus" not in item.answer
    both = VERSIONS["imageSetPropertiesList"][0] | {"imageSetWorkflowStatus": "CREATED"}
    assert "ImageSetWorkflowStatus is spelled" in problems(
        recorded, json.dumps({"imageSetPropertiesList": [both]})
    )


def test_a_runs_records_read_back_where_a_set_is_listed_unpinned_and_pinned(tmp_path):
    early, late = (parse_time(f"2026-01-0{day}") for day in (1, 2))
    unpinned = record(collected_at=early, labels={"class": "adult"})
    pinned = record(asked=1, collected_at=late)
    (item,) = lines(tmp_path, [unpinned, pinned])
    assert item.answer == unpinned.answer
    assert item.labels == {"class": "adult"}


def test_a_runs_records_read_back_where_several_versions_are_pinned(tmp_path):
    (item,) = lines(tmp_path, [record("3", asked=3), record("10"), record("9", asked=9)])
    assert item.answer["versionId"] == "10"


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([record("3"), record("2", asked=2, error="ThrottlingException")], True),
        ([record("3"), record("3", asked=3, error="ThrottlingException")], True),
        ([record("3"), record("9", asked=9, error="VersionNotFound")], None),
        ([record("3", asked=3), record(error="ThrottlingException")], None),
        ([record("3", asked=3, error="X"), record("4", asked=4, error="Y")], None),
        ([record("3", asked=3, error="ResourceNotFoundException"), record(error="ResourceNotFoundException")], False),
    ],
)  # fmt: skip
def test_a_runs_failures_of_one_set_read_back_without_a_pass_for_what_was_not_read(tmp_path, records, found):
    (item,) = lines(tmp_path, records)
    (two,) = lines(tmp_path, records[::-1])
    assert item == two
    assert item.found is found


def test_a_version_list_reads_back_as_it_was_recorded(recorded, tmp_path):
    (item,) = recorded(json.dumps(VERSIONS))
    (again,) = lines(tmp_path, [item])
    assert again == item


def test_two_values_of_one_label_contradict_each_other(tmp_path):
    with pytest.raises(InvalidInputError, match="two different labels for the image set"):
        lines(tmp_path, [record(labels={"class": "adult"}), record(labels={"class": "child"})])


def test_a_set_that_is_gone_contradicts_any_answer_for_it(tmp_path):
    for gone in (
        record(error="ResourceNotFoundException"),
        record(asked=3, error="ResourceNotFoundException"),
    ):
        with pytest.raises(InvalidInputError, match="two different answers"):
            lines(tmp_path, [record("3", asked=3), gone])


def test_a_version_list_of_an_id_in_two_data_stores_is_refused(recorded):
    both = [{**ANSWER, "imageSetId": OTHER, "datastoreId": store} for store in (STORE, "f" * 32)]
    assert "which data store's" in problems(recorded, json.dumps(both), json.dumps(VERSIONS))


def test_an_undeclared_label_is_a_warning_with_the_nearest_declared_one(tmp_path):
    path = tmp_path / "sets.json"
    path.write_text(json.dumps([ANSWER | {"labels": {"clas": "adult"}}] * 2), encoding="utf-8")
    warnings = []
    (item,) = read_recorded([str(path)], {"class": label("class")}, warnings)
    assert item.labels == {}
    assert [str(warning) for warning in warnings] == [
        f"{path.as_posix()}:1:1: [0]: warning: no policy declares the label clas\nhelp: did you mean class?"
    ]


@pytest.mark.parametrize("value", [["adult"], {"a": 1}])
def test_a_label_is_text_a_number_or_a_boolean(recorded, value):
    assert "which is no text, number or boolean" in problems(
        recorded, json.dumps(ANSWER | {"labels": {"class": value}})
    )


@pytest.mark.parametrize(
    ("text", "place"), [("\n []", "2:2"), ('{"imageSetPropertiesList": []}', "1:1"), ("{} []", None)]
)
def test_a_file_that_records_no_image_set_is_a_warning_at_its_place(tmp_path, monkeypatch, text, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    warnings = []
    if place is None:
        with pytest.raises(InvalidInputError, match="imageSetId is missing"):
            read_recorded(["a.json"], {}, warnings)
        return
    assert read_recorded(["a.json"], {}, warnings) == []
    assert [str(warning) for warning in warnings] == [f"a.json:{place}: warning: records no image set"]


def test_the_digest_does_not_depend_on_the_order_of_files_or_records(recorded):
    later = ANSWER | {"collectedAt": "2026-01-02T00:00:00Z", "labels": {}}
    others = [ANSWER | {"datastoreId": "0" * 32}, later]
    texts = [json.dumps(others[::-1]), json.dumps(VERSIONS), json.dumps(ANSWER), json.dumps(others[0])]
    digests = {tuple(record.to_json() for record in recorded(*some)) for some in permutations(texts)}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"datastoreId": STORE, "imageSetId": ID, "latestVersionId": "2"}, "an answer of update-image-set-metadata"),
        ({"datastoreId": STORE, "sourceImageSetProperties": {}}, "an answer of copy-image-set"),
        (
            {"datastoreId": STORE, "imageSetId": ID, "imageSetState": "LOCKED", "imageSetWorkflowStatus": "DELETING"},
            "an answer of delete-image-set",
        ),
        ({"datastoreSummaries": []}, "an answer of list-datastores"),
        ({"jobProperties": {}}, "an answer about import jobs"),
        ({"SchemaVersion": "1.1", "Patient": {"DICOM": {"PatientName": "DOE^JANE"}}}, "what get-image-set-metadata gives"),
        ({"detail-type": "Image Set Deleted"}, "an event of EventBridge"),
        (VERSIONS["imageSetPropertiesList"][0], "one item of a list-image-set-versions answer"),
    ],
)  # fmt: skip
def test_what_is_taken_for_an_answer_is_named(recorded, value, said):
    text = problems(recorded, json.dumps(value))
    assert f"this is {said}" in text
    assert "DOE" not in text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"2023-09-22T14:49:26.427000+00:00\t{STORE}\t{ID}\tACTIVE\tCREATED\t1\n", "text"),
        (f"1.679592510753E9\t{STORE}\n" * 9, "text"),
        (f"IMAGESETPROPERTIESLIST\t1680027126.436\t{ID}\nOVERRIDES\tTrue\n", "text"),
        (f"---------\n|  GetImageSet |\n+---+\n|  {ID} |\n", "table"),
        (f"createdAt: '2023'\ndatastoreId: {STORE}\n", "yaml"),
    ],
)
def test_another_output_of_the_aws_cli_is_one_error_that_names_it(recorded, text, name):
    assert problems(recorded, text) == (
        f"0.json:1:1: error: this is what `--output {name}` prints\nhelp: print answers with --output json"
    )


@pytest.mark.parametrize("text", ["1 2 3", "2023-09-22", '"a" "b"'])
def test_a_file_of_no_objects_is_one_error(recorded, text):
    assert problems(recorded, text).count("error") == 1


def test_of_a_line_that_is_no_json_no_value_is_shown(recorded):
    said = problems(recorded, '{"PatientName": "DOE^JANE" "x": 1}')
    assert "DOE" not in said
    assert '    1 | {"...........": "........" ".": .}\n      |                            ^\n' in said


def test_an_error_of_the_aws_cli_is_told_how_to_be_recorded(recorded):
    text = "\nAn error occurred (ThrottlingException) when calling the GetImageSet operation: Rate exceeded\n"
    said = problems(recorded, text)
    assert "0.json:2:1: error: this is an error that the AWS CLI told: ThrottlingException" in said
    assert '"error": {"code": "ThrottlingException"}' in said
