"""What an inventory's header, columns and rows may be, and what of a row a message shows."""

import pytest

from checker.config import load, resolve_targets
from checker.config.labels import resolve_labels
from checker.model import Label, Location, Type
from checker.problems import InvalidInputError, render

HERE = Location("policies/p.yaml", 4, 3)
ID, OTHER = "18f88ac7870584f58d56256646b4d92b", "ea92b0d8838c72a3f25d00d13616f87e"
STORE, ELSEWHERE = "0" * 32, "f" * 32
LABELS = {
    "study_date": Label("study_date", Type.TIME, (), "", HERE),
    "dept": Label("dept", Type.STRING, (), "", HERE),
}


@pytest.fixture
def read(tmp_path):
    """The targets and the warnings; of one target that lists a CSV file unless others are given."""

    def read(table, targets=(f"datastore: '{STORE}', image_sets: {{file: sets.csv}}",)):
        (tmp_path / "sets.csv").write_bytes(table.encode())
        lines = [
            f"  - {{name: t{number}, region: us-east-1, {item}}}\n" for number, item in enumerate(targets)
        ]
        (tmp_path / "audit.yaml").write_text(
            "version: 1\npolicies: [p]\ntargets:\n" + "".join(lines), encoding="utf-8"
        )
        targets, warnings = resolve_targets(load(tmp_path / "audit.yaml", "audit.yaml"), LABELS)
        return targets, render(warnings)

    return read


def refused(read, table, **more):
    with pytest.raises(InvalidInputError) as caught:
        read(table, **more)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ImageSetID", "imageSetId"), ("image_set_id", "imageSetId"), ("Image Set Id", "imageSetId"), ("ID", "id"),
        ("imagesetid", "imageSetId"), ("image-set-id", "imageSetId"),
    ],
)  # fmt: skip
def test_a_column_of_ids_in_another_spelling_is_an_error_that_names_the_right_one(read, name, meant):
    said = refused(read, f"{name},dept\n{ID},CT\n")
    assert f"sets.csv:1:1: error: unknown column {name}\n" in said
    assert f"did you mean {meant}?" in said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Version", "version"), ("version_id", "versionId"), ("versionID", "versionId"), ("VERSION", "version"),
        ("Version Id", "versionId"), ("DatastoreId", "datastoreId"), ("datastore_id", "datastoreId"),
    ],
)  # fmt: skip
def test_a_pin_is_never_dropped_for_its_spelling(read, name, meant):
    said = refused(read, f"imageSetId,{name}\n{ID},1\n")
    assert f"sets.csv:1:12: error: unknown column {name}\n" in said
    assert f"did you mean {meant}?" in said


def test_a_column_that_is_nearly_one_of_ours_and_no_label_is_a_warning_that_says_so(read):
    assert "did you mean version?" in read(f"imageSetId,verson\n{ID},1\n")[1]


def test_a_row_of_another_data_store_is_an_error(read):
    said = refused(
        read, f"datastoreId,imageSetId\n{STORE},{ID}\n,{'c' * 32}\n{ELSEWHERE},{OTHER}\nx,{OTHER}\n"
    )
    assert f"sets.csv:4:1: error: the data store {ELSEWHERE} is not that of the target, {STORE}" in said
    assert "sets.csv:5:1: error: `x` is not a data store id" in said
    assert "sets.csv:2" not in said


def test_a_data_store_column_is_no_label(read):
    (target,), warnings = read(f"datastoreId,imageSetId,dept\n{STORE},{ID},CT\n")
    assert (target.image_sets[0].labels, warnings) == ({"dept": "CT"}, "")


def test_an_inventory_of_two_data_stores_gives_each_target_its_own_rows(read):
    table = f"datastoreId,id,dept\n{STORE},{ID},CT\n{ELSEWHERE},{ID},MR\n{ELSEWHERE},{OTHER},US\n"
    both = [
        f"datastore: '{store}', image_sets: [{ID}], labels_from: sets.csv" for store in (STORE, ELSEWHERE)
    ]
    targets, warnings = read(table, targets=both)
    assert [target.image_sets[0].labels for target in targets] == [{"dept": "CT"}, {"dept": "MR"}]
    assert "sets.csv:4:34: warning: no target lists the image set" in warnings
    assert warnings.count("warning") == 1
    assert "sets.csv:3:34: warning" in read(table, targets=both[:1])[1]


def test_nameless_columns_that_are_empty_and_empty_rows_are_left_out(read):
    table = f"imageSetId,,dept,,\r\n{ID},,CT,,\r\n,,,,\r\n{OTHER},,MR\r\n,,\r\n"
    (target,), warnings = read(table)
    assert [image_set.labels for image_set in target.image_sets] == [{"dept": "CT"}, {"dept": "MR"}]
    assert warnings == ""


def test_cells_without_a_column_that_are_empty_are_left_out(read):
    (target,), _ = read(f"imageSetId,dept\n{ID},CT,, \n")
    assert target.image_sets[0].labels == {"dept": "CT"}


@pytest.mark.parametrize("table", [f"imageSetId,,dept\n{ID},DOE,CT\n", f"imageSetId,dept,\n{ID},CT,DOE\n"])
def test_a_nameless_column_that_holds_something_is_an_error(read, table):
    said = refused(read, table)
    assert "error: a column has no name" in said
    assert "DOE" not in said


PATIENT = ("DOE^JANE", "MRN-0000")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (f"imageSetId,name,mrn,study_date\n{ID},DOE^JANE,MRN-0000,2019-13-45\n", "labels.study_date: `2019-13-45`"),
        (f"imageSetId,name,mrn,study_date\n{ID},DOE^JANE,MRN-0000\n", "the row's length is 3"),
        (f"imageSetId,name,mrn,study_date\n{ID},DOE^JANE,MRN-0000,,x\n", "the row's length is 5"),
        (f"imageSetId,name,mrn,version\n{ID},DOE^JANE,MRN-0000,0\n", "`0` is not a version"),
        ("imageSetId,name,mrn\nx,DOE^JANE,MRN-0000\n", "`x` is not an image set id"),
        (f"imageSetId,name,mrn\n{ID},DOE^JANE,MRN-0000\n{ID},DOE^JANE,MRN-0000\n", "is listed twice"),
        (f'imageSetId,name,mrn\n{ID},DOE^JANE,"MRN-0000\n', "not valid CSV"),
        (f'imageSetId,name,mrn,study_date\n{ID},"DOE^JANE\n",MRN-0000,2019-13-45\n', "`2019-13-45` is not a time"),
        (f"{ID},DOE^JANE,MRN-0000\n", "no column is called imageSetId"),
        (f"{ID};DOE^JANE;MRN-0000\n", "separate the columns with commas"),
        (f"datastoreId,imageSetId,name,mrn\n{ELSEWHERE},{ID},DOE^JANE,MRN-0000\n", "is not that of the target"),
    ],
)  # fmt: skip
def test_of_a_row_a_message_shows_the_faulty_cell_alone(read, table, said):
    text = refused(read, table)
    assert said in text
    assert not [word for word in PATIENT if word in text]


def test_a_warning_shows_the_cell_alone_too(read):
    table = f"imageSetId,name,mrn\n{OTHER},DOE^JANE,MRN-0000\n"
    _, warnings = read(table, targets=[f"datastore: '{STORE}', image_sets: [{ID}], labels_from: sets.csv"])
    assert f"no target lists the image set {OTHER}" in warnings
    assert not [word for word in PATIENT if word in warnings]


def test_the_faulty_cell_stands_in_its_column(read):
    lines = refused(read, f"imageSetId,dept,study_date\n{ID},CT,2019-13-45\n").splitlines()
    assert lines[1:3] == [
        f"    2 | {'.' * 32},..,2019-13-45",
        f"      | {' ' * 36}^^^^^^^^^^",
    ]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (f'[{{"imageSetId": "{ID}"}}]', "this is JSON"),
        (f'{{\n  "imageSetId": "{ID}"\n}}\n', "this is JSON"),
        ("[]", "this is JSON"),
        ("PK\x03\x04x", "this is a workbook or a zip archive"),
    ],
)
def test_what_is_no_csv_is_told_what_it_is(read, source, said):
    text = refused(read, source)
    assert f"sets.csv: error: {said}" in text
    assert "empty" not in text


def test_image_sets_that_two_targets_list_are_a_warning_at_the_second(read):
    both = [f"datastore: '{STORE}', image_sets: [{ID}, {OTHER}]"] * 2
    said = read("", targets=both)[1]
    assert (
        f"audit.yaml:5:95: warning: the image set {ID} is listed in the target t0 too, and so are 1 more"
        in said
    )
    assert "the other one is at audit.yaml:4:95" in said
    assert read("", targets=[both[0], both[0].replace(STORE, ELSEWHERE)])[1] == ""


def test_a_version_that_is_pinned_beside_the_image_set_is_another_subject(read):
    item, two = (
        f"datastore: '{STORE}', image_sets: [{ID}]",
        f"datastore: '{STORE}', image_sets: [{{id: {ID}, version: 2}}]",
    )
    assert read("", targets=[item, two])[1] == ""


def test_what_of_an_inventory_is_of_no_use_is_told_with_its_number(tmp_path):
    (tmp_path / "sets.csv").write_text(
        f"id,wrad,dept\n{ID},x,CT\n{OTHER},,MR\n{'0' * 32},y,US\n", encoding="utf-8"
    )
    target = (
        f"{{name: a, region: us-east-1, datastore: '{STORE}', image_sets: [{ID}], labels_from: sets.csv}}"
    )
    (tmp_path / "audit.yaml").write_text(
        f"version: 1\npolicies: [p]\ntargets: [{target}]\n", encoding="utf-8"
    )
    found = resolve_labels(load(tmp_path / "audit.yaml", "audit.yaml"), LABELS)
    assert found.left_out == (
        "sets.csv: the label wrad, which no policy declares",
        "sets.csv: 2 rows of image sets that no target lists",
    )
