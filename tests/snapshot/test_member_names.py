"""A member of a recorded answer that is not read is told of, and one that is nearly the API's is refused."""

from __future__ import annotations

import json

import pytest

from checker.model import Label, Location, Needs, Type
from checker.problems import InvalidInputError
from checker.snapshot.recorded_answers import read_recorded

STORE, ID = "d" * 32, "1" * 32
LABELS = {"hold": Label("hold", Type.BOOLEAN, (), "", Location("p.yaml", 1, 1))}
ANSWER = {
    "datastoreId": STORE,
    "imageSetId": ID,
    "versionId": "1",
    "imageSetState": "ACTIVE",
}
ITEM = {"imageSetId": ID, "versionId": "1", "imageSetState": "ACTIVE", "ImageSetWorkflowStatus": "CREATED"}
SHOWN = {"datastoreId": STORE, "datastoreName": "n", "datastoreStatus": "ACTIVE"}


def version_list(*items, **beside):
    return {"imageSetPropertiesList": [ITEM | item for item in items], **beside}


def read(folder, *documents):
    """The records, and the texts of the warnings."""
    path = folder / "a.json"
    path.write_text("\n".join(map(json.dumps, documents)))
    warnings: list = []
    records = read_recorded([str(path)], LABELS, warnings, needs=Needs(versions=True))
    return records, [item.message for item in warnings]


@pytest.mark.parametrize(
    ("document", "name", "near"),
    [
        (ANSWER | {"overides": {"forced": True}}, "overides", "overrides"),
        (ANSWER | {"override": {"forced": True}}, "override", "overrides"),
        (ANSWER | {"overrides_": {"forced": True}}, "overrides_", "overrides"),
        (ANSWER | {"overrides": {"forcd": True}}, "overrides.forcd", "forced"),
        (ANSWER | {"overrides": {"force": True}}, "overrides.force", "forced"),
        (ANSWER | {"isPrimry": False}, "isPrimry", "isPrimary"),
        (ANSWER | {"label": {"hold": True}}, "label", "labels"),
        (ANSWER | {"eror": {"code": "ThrottlingException"}}, "eror", "error"),
        (version_list({"overides": {"forced": True}}), "overides", "overrides"),
        (version_list({}, {"versionId": "2", "overrides": {"forcd": 1}}), "overrides.forcd", "forced"),
        (version_list({}, NextTokn="x"), "NextTokn", "NextToken"),
        (version_list({}, label={"hold": True}), "label", "labels"),
        ({"datastoreProperties": SHOWN | {"kmsKeyArm": "arn"}}, "datastoreProperties.kmsKeyArm", "kmsKeyArn"),
    ],
)
def test_a_member_that_is_nearly_the_apis_is_refused(tmp_path, document, name, near):
    with pytest.raises(InvalidInputError) as refused:
        read(tmp_path, document)
    assert f"a.json:1:1: error: {name} is no member that the API has: did you mean {near}?" in str(
        refused.value
    )


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (ANSWER | {"colour": 1}, "colour"),
        (ANSWER | {"tags": {"Owner": "x"}}, "tags"),
        (ANSWER | {"overrides": {"isForced": True}}, "overrides.isForced"),
        (version_list({"colour": 1}), "colour"),
        (version_list({}, colour=1), "colour"),
        ({"datastoreProperties": SHOWN | {"colour": 1}}, "datastoreProperties.colour"),
    ],
)
def test_a_member_that_nobody_knows_is_told_of_once(tmp_path, document, name):
    _, warnings = read(tmp_path, document, ANSWER | {"imageSetId": "2" * 32, "colour": 2}, document)
    told = [text for text in warnings if text.startswith(f"{name} is no member that the API has")]
    assert len(told) == 1


@pytest.mark.parametrize(
    "document",
    [
        ANSWER | {"ResponseMetadata": {"RequestId": "x"}, "message": None},
        version_list({"storageTier": "FREQUENT_ACCESS"}, ResponseMetadata={}, nextToken=None),
        version_list({}, NextToken=""),
        {"datastoreProperties": SHOWN | {"kmsKeyArn": "arn"}, "ResponseMetadata": {}},
        ANSWER | {"labels": {"hold": True}, "collectedAt": "2026-01-01T00:00:00Z"},
    ],
)
def test_what_sdks_and_this_program_write_is_known(tmp_path, document):
    assert read(tmp_path, document)[1] == []


@pytest.mark.parametrize(
    "documents",
    [
        [version_list({"labels": {"hold": True}}, {"versionId": "2"})],
        [ANSWER | {"labels": {"hold": True}}, ANSWER | {"versionId": "2"}],
        [ANSWER | {"versionId": "2"}, ANSWER | {"labels": {"hold": True}}],
    ],
    ids=["list", "answers", "reversed"],
)
def test_a_label_beside_an_older_version_is_one_of_the_image_set(tmp_path, documents):
    records, _ = read(tmp_path, *documents)
    assert [record.labels for record in records] == [{"hold": True}] * 2


def test_a_label_beside_the_last_version_wins(tmp_path):
    older = ANSWER | {"labels": {"hold": True}}
    records, _ = read(tmp_path, older, ANSWER | {"versionId": "2", "labels": {"hold": False}})
    assert records[0].labels == {"hold": False}
