"""The catalogue comes from botocore's model; what the model does not say is ours."""

import dataclasses

import pytest

from checker import fields
from checker.model import Absence, Label, Location, Type
from checker.policy.load import load
from checker.problems import InvalidInputError


def test_every_member_of_the_answer_is_a_field_and_nothing_else_of_the_answer_is():
    import botocore.session

    operation = (
        botocore.session.get_session().get_service_model("medical-imaging").operation_model("GetImageSet")
    )
    expected = set()
    for name, shape in operation.output_shape.members.items():
        members = shape.members if shape.type_name == "structure" else None
        expected |= {f"{name}.{member}" for member in members} if members else {name}
    assert set(fields.model().fields) == expected
    assert fields.model().required == set(operation.output_shape.required_members)


def test_enums_have_the_models_members():
    import botocore.session

    model = botocore.session.get_session().get_service_model("medical-imaging")
    known = fields.catalogue()
    for path, shape in (
        ("imageSetState", "ImageSetState"),
        ("imageSetWorkflowStatus", "ImageSetWorkflowStatus"),
        ("storageTier", "StorageTier"),
    ):
        assert known[path].type is Type.ENUM
        assert list(known[path].members) == model.shape_for(shape).enum


def test_required_members_are_never_absent_and_versions_are_numbers():
    known = fields.catalogue()
    for path in fields.model().required:
        assert known[path].absence is Absence.NEVER
    assert known["versionId"].type is Type.INTEGER
    assert known["overrides.forced"].absence is Absence.FALSE
    assert known["message"].absence is Absence.NONE
    assert known["deletedAt"].absence is Absence.NOT_REPORTED


def test_what_is_said_of_absence_is_said_of_fields_that_there_are():
    known = fields.model()
    assert set(fields.FACTS) <= {*known.fields, *known.datastore, *known.dicom}
    assert fields.FACTS["datastore.lambdaAuthorizerArn"].botocore == "1.40.31"
    assert {fields.FACTS[path].botocore for path in known.dicom if path.startswith("dicom.DICOMSeries")} == {
        "1.34.77"
    }
    members = {member for field in fields.model().fields.values() for member in field.members}
    assert set(fields.FIRST_BOTOCORE_MEMBER) <= members


def test_labels_are_fields_that_may_be_definitely_none():
    label = Label("class", Type.STRING, (), "", Location("p", 1, 1))
    field = fields.catalogue({"class": label})["labels.class"]
    assert (field.type, field.absence, field.answer) == (Type.STRING, Absence.NONE, False)


NEWER = [path for path, fact in fields.FACTS.items() if fact.botocore]


@pytest.fixture
def old_botocore(monkeypatch):
    model = fields.model()
    older = dataclasses.replace(
        model,
        botocore_version="1.34.0",
        fields={path: field for path, field in model.fields.items() if path not in NEWER},
        datastore={path: field for path, field in model.datastore.items() if path not in NEWER},
        dicom={path: field for path, field in model.dicom.items() if path not in NEWER},
    )
    monkeypatch.setattr(fields, "model", lambda: older)


@pytest.mark.parametrize("path", sorted(NEWER))
def test_a_field_that_the_installed_botocore_drops_is_refused_with_the_version_that_has_it(
    old_botocore, tmp_path, path
):
    text = f"version: 1\npack: p\nrules:\n  - {{id: r, title: t, severity: low, deny: {{{path}: {{exists: true}}}}}}\n"
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(InvalidInputError) as caught:
        load(["p.yaml"], base=tmp_path)
    expected = (
        f"{path} needs botocore {fields.FACTS[path].botocore} or later; 1.34.0 is installed and drops it"
    )
    assert expected in str(caught.value)


def test_botocore_is_read_not_imported():
    import subprocess
    import sys

    code = "import sys; from checker.fields import catalogue; catalogue(); print('botocore' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )


@pytest.mark.parametrize("key", ["Owner", "cost-centre", "a/b:c", "a.b_c=1", "x,y;z<", "k" * 128, "awsome"])
def test_a_key_that_the_api_takes_is_a_tag_s(key):
    assert fields.tag_key_error(key) == ""


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("Cost Centre", "a space"),
        ("a@b", "@"),
        ("größe", "ö"),
        ("", "nothing"),
        ("aws:createdBy", "AWS's own"),
        ("k" * 129, "128 characters at most, and this one 129"),
    ],
)
def test_a_key_that_the_api_refuses_is_no_tag_s(key, why):
    assert why in fields.tag_key_error(key)
