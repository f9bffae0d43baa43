"""Recorded answers that DuckDB reads in bulk are the records that are read value by value, to the byte."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.model import Label, Location, Needs, Type
from checker.problems import InvalidInputError
from checker.snapshot import regular_answers as bulk
from checker.snapshot.recorded_answers import read_recorded, write_recorded

STORES = ("d" * 32, "e" * 32)
NEEDS = Needs()
LABELS = {"hold": Label("hold", Type.BOOLEAN, (), "", Location("p.yaml", 1, 1))}
TIMES = (
    "2025-01-01T10:00:00Z",
    "2025-01-01T10:00:00.120Z",
    "2025-01-01T10:00:00.120000+00:00",
    "2025-01-01T10:00:00.000+00:00",
    1735725600,
    1735725600.5,
    1735725600.123,
)
ODD_TIMES = (
    "2025-02-30T10:00:00Z",
    "2025-01-01",
    "2025-01-01T10:00:00+02:00",
    "2025-01-01T10:00:00.1239Z",
    "x",
    1e12,
    True,
    17357256000.1239,
)


def answer(number, time=TIMES[0], store=STORES[0]):
    name = f"{number:032x}"
    return {
        "datastoreId": store,
        "imageSetId": name,
        "versionId": "1",
        "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED",
        "createdAt": time,
        "updatedAt": time,
        "imageSetArn": f"arn:aws:medical-imaging:us-east-1:111122223333:datastore/{store}/imageset/{name}",
        "overrides": {"forced": True},
        "isPrimary": False,
        "message": "it's (fine) | all {of} it",
    }


def irregular(draw, document):
    """The answer with one thing about it that no regular one has."""
    name = draw(st.sampled_from([*document]))
    changes = {
        "unknown": lambda: document | {"more": 1},
        "null": lambda: document | {name: None},
        "missing": lambda: {key: value for key, value in document.items() if key != name},
        "type": lambda: document | {name: draw(st.sampled_from([1, "x", [], {}, {"forced": 1}, "", True, -5]))},
        "case": lambda: {(key.upper() if key == name else key): value for key, value in document.items()},
        "time": lambda: document | {"createdAt": draw(st.sampled_from(ODD_TIMES))},
        "text": lambda: document | {"message": draw(st.sampled_from(["é", 'a"b', "a\\b", "a\nb", "\ud800", "\x7f"]))},
        "arn": lambda: document | {"imageSetArn": draw(st.sampled_from(["", "arn:aws:x", answer(99)["imageSetArn"]]))},
        "version": lambda: document | {"versionId": draw(st.sampled_from(["0", "01", "2", 3, "9" * 19, "9" * 30]))},
        "labels": lambda: document | {"labels": {draw(st.sampled_from(["hold", "other"])): draw(st.sampled_from([True, "no", None, []]))}},
        "pinned": lambda: document | {"requestedVersionId": "1"},
        "error": lambda: {"datastoreId": document["datastoreId"], "imageSetId": document["imageSetId"], "error": {"code": "ThrottlingException"}},
        "list": lambda: {"imageSetPropertiesList": [{"imageSetId": document["imageSetId"], "versionId": "1", "imageSetState": "ACTIVE"}]},
        "search": lambda: {"action": "SearchImageSets", "datastoreId": document["datastoreId"], "imageSetId": document["imageSetId"], "version": 1, "storageTier": "FREQUENT_ACCESS"},
        "store": lambda: {"datastoreProperties": {"datastoreId": document["datastoreId"], "datastoreName": "n", "datastoreStatus": "ACTIVE"}},
        "no overrides": lambda: document | {"overrides": draw(st.sampled_from([{}, {"forced": None}, {"other": 1}]))},
        "foreign": lambda: {"jobId": "1"},
        "number": lambda: 7,
    }  # fmt: skip
    return changes[draw(st.sampled_from([*changes]))]()


LISTED = ("imageSetId", "versionId", "imageSetState", "createdAt", "overrides", "isPrimary", "message")
BESIDE_LIST = (
    {},
    {"datastoreId": STORES[0]},
    {"collectedAt": "2025-03-01T00:00:00.500Z", "datastoreId": STORES[1]},
    {"nextToken": None},
    {"nextToken": ""},
    {"nextToken": "more"},
    {"labels": {"hold": True}},
)


def version_list(number, versions, time=TIMES[0]):
    """A list of versions as the AWS CLI prints it."""
    known = answer(number, time)
    item = {name: known[name] for name in LISTED} | {"ImageSetWorkflowStatus": "UPDATED"}
    return {"imageSetPropertiesList": [item | {"versionId": str(version)} for version in versions]}


@st.composite
def version_lists(draw):
    numbers = draw(st.lists(st.sampled_from([1, 2, 3, 4, 9, 10, 11]), min_size=1, max_size=4, unique=True))
    document = version_list(draw(st.integers(0, 12)), numbers, draw(st.sampled_from(TIMES)))
    items = document["imageSetPropertiesList"]
    for item in items:
        for name in draw(st.sets(st.sampled_from(["message", "overrides", "isPrimary", "createdAt"]))):
            del item[name]
    if draw(st.integers(0, 2)) == 0:
        changes = draw(
            st.sampled_from(
                [
                    *({"versionId": number} for number in ("1", "2", "02", 2)),
                    {"imageSetId": answer(3)["imageSetId"]},
                    {"datastoreId": STORES[0]},
                    {"imageSetWorkflowStatus": "CREATED"},
                    {"storageTier": "FREQUENT_ACCESS"},
                    {"createdAt": draw(st.sampled_from(ODD_TIMES))},
                    {"message": None},
                    {"overrides": {"forced": None}},
                    {"imageSetState": ""},
                    {"more": 1},
                ]
            )
        )
        items[draw(st.integers(0, len(items) - 1))] |= changes
    return document | draw(st.sampled_from(BESIDE_LIST))


@st.composite
def values(draw):
    if draw(st.integers(0, 2)) == 0:
        return draw(version_lists())
    document = answer(draw(st.integers(0, 12)), draw(st.sampled_from(TIMES)), draw(st.sampled_from(STORES)))
    for name in draw(
        st.sets(st.sampled_from(["message", "overrides", "isPrimary", "createdAt", "imageSetArn"]))
    ):
        del document[name]
    if draw(st.booleans()):
        document |= draw(
            st.sampled_from(
                [
                    {"collectedAt": "2025-03-01T00:00:00.500Z"},
                    {"target": "t", "targetRegion": "r", "account": "a"},
                ]
            )
        )
    if draw(st.integers(0, 3)) == 0:
        document = irregular(draw, document)
    if isinstance(document, dict):
        names = draw(st.permutations([*document]))
        document = {name: document[name] for name in names}
    return document


@st.composite
def files(draw):
    documents = draw(st.lists(values(), min_size=1, max_size=8))
    form = draw(st.sampled_from(["lines", "array", "pretty", "loose", "twice"]))
    if form == "array":
        return json.dumps(documents)
    if form == "pretty":
        return "\n".join(json.dumps(item, indent=2) for item in documents)
    lines = [json.dumps(item) for item in documents]
    if form == "loose":
        odd = draw(
            st.sampled_from(
                [
                    "",
                    "  ",
                    "{",
                    '{"a":1,}',
                    "[]",
                    "nonsense",
                    '{"imageSetId": NaN}',
                    json.dumps([answer(20), answer(21)]),
                ]
            )
        )
        lines.insert(draw(st.integers(0, len(lines))), odd)
    if form == "twice":
        lines[0] = lines[0][:-1] + ', "versionId": "1"}' if lines[0].endswith("}") else lines[0]
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines) + draw(st.sampled_from(["", "\n", " \n\n"]))


def outcome(read):
    """What reading gives: the lines and warnings, or the problems."""
    warnings: list = []
    try:
        return read(warnings), [str(item) for item in warnings]
    except InvalidInputError as error:
        return str(error), None


@pytest.fixture(autouse=True)
def bulk_of_small_files(monkeypatch):
    monkeypatch.setattr(bulk, "LEAST_SIZE", 0)


def both(folder, texts, needs=NEEDS, *, complete=False, encoding="utf-8"):
    """What reading value by value and in bulk give."""
    paths = [folder / f"{number}.json" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode(encoding, "surrogatepass"))
    names, out = [str(path) for path in paths], folder / "out.jsonl"

    def by_value(warnings):
        records = read_recorded(names, LABELS, warnings, needs=needs, complete=complete)
        return "".join(f"{record.to_json()}\n" for record in records)

    def in_bulk(warnings):
        write_recorded(out, names, LABELS, warnings, needs=needs, complete=complete)
        return out.read_text(encoding="utf-8")

    return outcome(by_value), outcome(in_bulk)


@given(st.lists(files(), min_size=1, max_size=3), st.booleans(), st.booleans())
def test_any_mixture_gives_the_same_records_warnings_and_problems(tmp_path_factory, texts, stores, versions):
    needs = Needs(datastores=stores, versions=versions)
    by_value, in_bulk = both(tmp_path_factory.mktemp("mixture"), texts, needs, complete=stores)
    assert in_bulk == by_value


@pytest.mark.parametrize("shape", ["lines", "array", "pretty"])
def test_what_is_regular_is_not_read_value_by_value(tmp_path, shape):
    documents = [answer(number, random.Random(number).choice(TIMES)) for number in range(200)]
    documents[7]["labels"] = {"hold": True}
    text = {
        "lines": "\n".join(map(json.dumps, documents)),
        "array": json.dumps(documents),
        "pretty": "\n".join(json.dumps(item, indent=4) for item in documents),
    }[shape]
    (tmp_path / "a.json").write_text(text)
    with bulk.regular_answers([str(tmp_path / "a.json")]) as regular:
        assert regular.others == {str(tmp_path / "a.json"): {7}}
        assert regular.datastores() == {STORES[0]}
    by_value, in_bulk = both(tmp_path, [text])
    assert in_bulk == by_value


@pytest.mark.parametrize("versions", [False, True])
def test_lists_of_versions_are_not_read_value_by_value(tmp_path, versions):
    documents = [
        version_list(number, [*range(1 + number % 4, 0, -1)], random.Random(number).choice(TIMES))
        for number in range(50)
    ]
    documents[7]["nextToken"] = "more"
    documents[8]["imageSetPropertiesList"][0]["versionId"] = "7"
    documents[9] = answer(9) | {"versionId": "3"}
    documents[10] = answer(10)
    text = "\n".join(map(json.dumps, documents))
    (tmp_path / "a.json").write_text(text)
    with bulk.regular_answers([str(tmp_path / "a.json")], versions=versions) as regular:
        assert regular.others == {str(tmp_path / "a.json"): {7}}
    del documents[7]
    by_value, in_bulk = both(tmp_path, ["\n".join(map(json.dumps, documents))], Needs(versions=versions))
    assert by_value[0].count("\n") == 49 * (1 + versions)
    assert in_bulk == by_value


@pytest.mark.parametrize("between", ["\n", "\n\n \n", "\n  "])
@pytest.mark.parametrize(
    "odd",
    [[], [answer(90), answer(91)], [version_list(92, [1])], [answer(93) | {"labels": {"hold": True}}], [[]]],
    ids=str,
)
@pytest.mark.parametrize("wide", [False, True], ids=["lines", "values"])
def test_what_follows_an_array_among_values_is_read(tmp_path, between, odd, wide):
    documents = [
        answer(1),
        odd,
        answer(2) | {"labels": {"hold": True}},
        answer(3),
        answer(4) | {"versionId": "x"},
    ]
    text = between.join(json.dumps(item, indent=1 if wide else None) for item in documents)
    by_value, in_bulk = both(tmp_path, [text])
    assert "versionId" in by_value[0]
    assert in_bulk == by_value
    by_value, in_bulk = both(tmp_path, [between.join(text.split(between)[:-1])] if not wide else [text])
    assert in_bulk == by_value


@pytest.mark.parametrize("space", ["\v", "\f", "\x85", "\u2028"])
@pytest.mark.parametrize("form", ["{}{}\n{}", "{}\n{}{}", "{}\n{}\n{}"])
def test_space_that_json_does_not_know_is_told_of_as_ever(tmp_path, space, form):
    text = form.format(json.dumps(answer(1)), space, json.dumps(answer(2)))
    by_value, in_bulk = both(tmp_path, [text])
    assert "not JSON" in by_value[0]
    assert in_bulk == by_value


@pytest.mark.parametrize("raw", [b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("at", [0, 10, 700])
def test_bytes_that_are_no_text_are_told_of_as_ever(tmp_path, raw, at):
    text = "\n".join(json.dumps(answer(number)) for number in range(3)).encode()
    by_value, in_bulk = both(tmp_path, [(text[:at] + raw + text[at:]).decode("latin-1")], encoding="latin-1")
    assert in_bulk == by_value


@pytest.mark.parametrize("time", TIMES, ids=str)
def test_an_answer_with_a_time_as_the_aws_cli_prints_it_is_regular(tmp_path, time):
    (tmp_path / "a.json").write_text(json.dumps(answer(1, time)))
    with bulk.regular_answers([str(tmp_path / "a.json")]) as regular:
        assert regular.others == {str(tmp_path / "a.json"): set()}
    by_value, in_bulk = both(tmp_path, [json.dumps(answer(1, time))])
    assert in_bulk == by_value


def test_an_image_set_of_two_answers_is_read_value_by_value(tmp_path):
    one, two = json.dumps(answer(1)), json.dumps(answer(1) | {"isPrimary": True})
    by_value, in_bulk = both(tmp_path, [f"{one}\n{json.dumps(answer(2))}", two])
    assert "two different answers" in by_value[0]
    assert in_bulk == by_value


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize(
    ("document", "member"),
    [
        (answer(1), '"isPrimary": false'),
        (version_list(1, [2, 1]), '"isPrimary": false'),
        (version_list(1, [1]), '"imageSetPropertiesList": []'),
    ],
    ids=["answer", "item", "list"],
)
def test_a_member_that_is_there_twice_is_told_of_as_ever(tmp_path, document, member, versions):
    text = json.dumps(document)
    twice = (
        text.replace('"versionId"', f'{member}, "versionId"', 1)
        if "[]" not in member
        else text[:-1] + f", {member}}}"
    )
    (tmp_path / "a.json").write_text(twice)
    with bulk.regular_answers([str(tmp_path / "a.json")], versions=versions) as regular:
        assert regular.others == {str(tmp_path / "a.json"): {0}}
    by_value, in_bulk = both(tmp_path, [twice], Needs(versions=versions))
    assert in_bulk == by_value


def test_a_file_that_is_no_json_is_told_of_as_ever(tmp_path):
    by_value, in_bulk = both(tmp_path, [json.dumps(answer(1)) + "\n{"])
    assert "not JSON" in by_value[0]
    assert in_bulk == by_value


def test_a_small_file_is_not_read_in_bulk(tmp_path, monkeypatch):
    monkeypatch.undo()
    (tmp_path / "a.json").write_text(json.dumps(answer(1)))
    with bulk.regular_answers([str(tmp_path / "a.json"), "-", str(tmp_path / "none")]) as regular:
        assert regular == bulk.RegularAnswers()
