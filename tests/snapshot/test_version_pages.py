"""Pages of a list of versions: whole where all of them are given, refused else."""

import io
import json
import sys

import pytest

from checker.aws.actions import LIST_VERSIONS
from checker.model import Needs
from checker.problems import InvalidInputError
from checker.snapshot.recorded_answers import read_recorded
from checker.snapshot.records import VERSIONS

ID, OTHER = "a" * 32, "b" * 32


def page(*numbers, name=ID, **more):
    items = [
        {"imageSetId": name, "versionId": str(number), "imageSetState": "ACTIVE", "createdAt": 1}
        for number in numbers
    ]
    return {VERSIONS: items, **more}


def from_files(folder, pages):
    names = []
    for number, item in enumerate(pages):
        (folder / f"{number}.json").write_text(json.dumps(item))
        names.append(f"{number}.json")
    return names


def from_one_file(folder, pages):
    (folder / "all.json").write_text("\n".join(map(json.dumps, pages)))
    return ["all.json"]


def from_an_array(folder, pages):
    (folder / "all.json").write_text(json.dumps(pages))
    return ["all.json"]


SHAPES = [from_files, from_one_file, from_an_array]


@pytest.fixture
def numbers(tmp_path, monkeypatch):
    """The versions that the pages come to, by image set."""
    monkeypatch.chdir(tmp_path)

    def read(*pages, shape=from_files):
        records = read_recorded(shape(tmp_path, pages), {}, needs=Needs(versions=True))
        return {
            record.image_set_id: [int(item["versionId"]) for item in record.answer[VERSIONS]]
            for record in records
            if record.action == LIST_VERSIONS
        }

    return read


def refused(numbers, *pages, **shape):
    with pytest.raises(InvalidInputError) as caught:
        numbers(*pages, **shape)
    return str(caught.value)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["nextToken", "NextToken", "next_token"])
def test_a_list_that_names_a_next_page_is_refused_with_the_token(numbers, shape, name):
    said = refused(numbers, page(3, 2, **{name: "eyJuZXh0"}), shape=shape)
    assert (
        f"the list of versions is cut off: {name} eyJuZXh0 names a next page, and no last page is there"
        in said
    )
    assert "give all of its pages together" in said


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "pages",
    [
        [page(3, 2, NextToken="t"), page(1)],
        [page(1), page(3, 2, NextToken="t")],
        [page(3, NextToken="t"), page(2, NextToken="u"), page(1)],
        [page(1, 2, nextToken="t"), page(3)],
        [page(3, 2, NextToken="t"), page(3, 2, NextToken="t"), page(1)],
        [page(3, 2, NextToken="t", datastoreId="1" * 32), page(1)],
    ],
)  # fmt: skip
def test_all_pages_together_are_one_whole_list(numbers, shape, pages):
    assert numbers(*pages, shape=shape) == {ID: [1, 2, 3]}


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        ([page(5, 4, NextToken="t"), page(1)], "and no page has versions 2..3"),
        ([page(5, 4, NextToken="t"), page(3, 2, NextToken="u")], "and no last page is there"),
        ([page(2, 1, NextToken="t"), page(1)], "and none goes on where this one ends"),
        ([page(1, 2, NextToken="t"), page(2, 1)], "and none goes on where this one ends"),
        ([page(3, 2, NextToken="t"), page(1, name=OTHER)], "and no last page is there"),
        ([page(NextToken="t"), page(1)], "and no last page is there"),
        ([page(10**18, NextToken="t"), page(1)], "and no page has versions 2..999999999999999999"),
    ],
)
def test_pages_that_are_not_all_there_are_refused(numbers, pages, why):
    assert why in refused(numbers, *pages)


def test_a_token_that_is_empty_or_null_names_no_page(numbers):
    assert numbers(page(2, 1, NextToken=None, nextToken="")) == {ID: [1, 2]}


def test_a_long_token_is_shown_in_part(numbers):
    assert len(refused(numbers, page(2, NextToken="x" * 5000))) < 500


def test_standard_input_is_held_to_the_same(monkeypatch):
    class Input:
        buffer = io.BytesIO(json.dumps(page(3, 2, NextToken="t")).encode())

    monkeypatch.setattr(sys, "stdin", Input())
    with pytest.raises(InvalidInputError, match="cut off"):
        read_recorded(["-"], {})
