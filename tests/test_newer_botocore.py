"""A newer botocore may have members of any type and name in its answers: what the language has no type for is left out,
and named; everything else is judged as before."""

import copy
import functools
import gc
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from checker import fields
from checker.cli import main

KINDS = {
    "string": "a", "boolean": True, "integer": 3, "long": 2**40, "timestamp": 1680027126.4, "float": 0.5, "double": 0.25,
    "map": {"a": "b"}, "list": ["a", "b"], "blob": "YQ==", "bigdecimal": "1.5", "structure": {"deep": "x"},
}  # fmt: skip
TYPED = ("string", "boolean", "integer", "long", "timestamp")
OF_DICOM = ("string", "integer", "long")
SHAPES = {
    "GetImageSetResponse": "",
    "ImageSetProperties": None,
    "Overrides": "overrides.",
    "DatastoreProperties": "datastore.",
    "DICOMTags": "dicom.",
}
NAMES = ("provenance", "size", "tags", "found", "imageSetID", "row", "previous", "weird-name", "error", "x1")
ID = "18f88ac7870584f58d56256646b4d92b"
POLICY = """
version: 1
pack: p
rules:
  - {id: forced, title: t, severity: high, deny: {overrides.forced: true}}
  - {id: old, title: t, severity: high, require: {versionId: {gte: 1}, imageSetState: ACTIVE}}
"""

INSTALLED = fields.service_model("medical-imaging")

members = st.lists(
    st.tuples(
        st.sampled_from(list(SHAPES)), st.sampled_from(NAMES), st.sampled_from(list(KINDS)), st.booleans()
    ),
    max_size=5,
    unique_by=lambda item: item[:2],
)


def newer(added):
    """The installed model with these members more."""
    found = copy.deepcopy(INSTALLED)
    shapes = found["shapes"]
    for number, (owner, name, kind, required) in enumerate(added):
        shapes[f"New{number}"] = {"type": kind}
        if kind == "structure":
            shapes["Deep"] = {"type": "string"}
            # one that holds itself, as JSON does
            shapes[f"New{number}"]["members"] = {
                "deep": {"shape": "Deep"},
                "itself": {"shape": f"New{number}"},
            }
        elif kind in ("map", "list"):
            shapes[f"New{number}"] |= {
                "member": {"shape": "Deep"},
                "key": {"shape": "Deep"},
                "value": {"shape": "Deep"},
            }
        shapes[owner]["members"][name] = {"shape": f"New{number}"}
        if required:
            shapes[owner].setdefault("required", []).append(name)
    return found


def forget():
    """Empties what was remembered of the model."""
    for item in gc.get_objects():
        if isinstance(item, functools._lru_cache_wrapper) and getattr(item, "__module__", "").startswith(
            "checker."
        ):
            item.cache_clear()


@pytest.fixture
def model(monkeypatch):
    """Sets the service model for a test."""
    yield lambda added: (monkeypatch.setattr(fields, "service_model", lambda _: newer(added)), forget())
    monkeypatch.undo()
    forget()


FIXTURES = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(FIXTURES, max_examples=60)
@given(members)
def test_the_catalogue_has_what_it_can_type_and_names_the_rest(model, added):
    model(added)
    known = fields.model()
    every = {**known.fields, **known.datastore, **known.dicom}
    left_out = {text.partition(" ")[0] for text in known.left_out}
    assert set(INSTALLED["shapes"]["GetImageSetResponse"]["members"]) - {"overrides"} <= set(every)
    assert len({path.casefold() for path in every}) == len(every)
    for owner, name, kind, _ in added:
        prefix = SHAPES[owner]
        if prefix is None or kind == "structure":
            continue
        path = prefix + name
        assert (path in every) != (path in left_out)
        if kind not in (OF_DICOM if prefix == "dicom." else TYPED):
            assert path in left_out
    assert all(text in known.remark for text in known.left_out)
    assert bool(known.remark) == bool(known.left_out)


@settings(FIXTURES, max_examples=8)
@given(members, st.booleans())
@example([("GetImageSetResponse", "provenance", "structure", False)], True)
@example([("Overrides", "provenance", "structure", False)], True)
@example([("DatastoreProperties", "provenance", "structure", True)], True)
@example([("ImageSetProperties", "provenance", "structure", True)], True)
def test_check_judges_as_before(model, tmp_path, added, there):
    model(added)
    answer = {
        "datastoreId": "1" * 32, "imageSetId": ID, "versionId": "1", "imageSetState": "ACTIVE", "overrides": {"forced": False},
        "imageSetWorkflowStatus": "CREATED", "createdAt": 1680027126.4, "updatedAt": 1680027126.4,
    }  # fmt: skip
    if there:
        known = {name: KINDS[kind] for owner, name, kind, _ in added if owner == "GetImageSetResponse"}
        # a name that differs in case alone is refused by itself
        answer |= {name: value for name, value in known.items() if name not in ("imageSetID", "error")}
    needed = any(required and owner == "GetImageSetResponse" for owner, _, _, required in added)
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "a.json").write_text(json.dumps(answer))
    out = tmp_path / "out.json"
    code = main(
        [
            "check",
            "-p",
            str(tmp_path / "p.yaml"),
            "--image-sets",
            str(tmp_path / "a.json"),
            "--report",
            f"json={out}",
        ]
    )
    assert code == 0 or (needed and code in (2, 3))
    if code == 0:
        notes = json.loads(out.read_text())["run"]["notes"]
        assert fields.model().remark in [*notes, ""]


def test_a_map_is_named_in_a_note_of_the_run(model, tmp_path, capsys):
    model([("GetImageSetResponse", "provenance", "map", True)])
    test = {"datastoreId": "1" * 32, "imageSetId": ID, "versionId": "1", "imageSetState": "ACTIVE"}
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "a.json").write_text(json.dumps(test))
    assert main(["check", "-p", str(tmp_path / "p.yaml"), "--image-sets", str(tmp_path / "a.json")]) == 0
    assert "members that no policy can name: provenance (a map)." in capsys.readouterr().out
