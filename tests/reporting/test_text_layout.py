"""Tables and lines fit a width, whatever stands in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from checker.reporting.text_layout import LEAST, Column, table, without_milliseconds, wrap

COLUMNS = (
    Column("RULE", wraps=True),
    Column("SEVERITY"),
    Column("NUMBER", number=True),
    Column("CAUSE", wraps=True, least=14),
)
SHORT = ("a/b", "high", "1", "data")
LARGE = f"{10**24:,}"


def lines(rows, width, columns=COLUMNS, **more):
    return [line for row in table(columns, rows, width, **more) for line in row]


def test_a_row_that_fits_is_one_line():
    assert lines([SHORT], 80) == [
        "RULE  SEVERITY  NUMBER  CAUSE",
        "a/b   high           1  data",
    ]
    assert lines([SHORT], 80, head=False) == ["a/b  high  1  data"]


def test_numbers_of_25_digits_make_a_list_and_are_never_broken():
    rows = [("a/b", *[LARGE] * 3)]
    columns = (Column("RULE", wraps=True), *(Column(name, number=True) for name in ("FAIL", "NEW", "FIXED")))
    found = lines(rows, 80, columns)
    assert max(map(len, found)) <= 80
    assert found[0] == "a/b"
    assert " ".join(" ".join(found[1:]).split()) == f"fail {LARGE}, new {LARGE}, fixed {LARGE}"
    assert all(line.count(LARGE) for line in found[1:])


def test_wide_letters_count_twice():
    (_, *found) = lines([("像" * 30, "high", "1", "data")], 60)
    assert max(map(cell_len, found)) <= 60
    assert "".join(re.findall("像", "".join(found))) == "像" * 30


def test_all_else_stands_where_a_name_of_several_lines_ends():
    rows = [("pack/" + "word-" * 12, "high", "1", "one cause and another one")]
    assert lines(rows, 60) == [
        "RULE                      SEVERITY  NUMBER  CAUSE",
        "pack/word-word-word-",
        "  word-word-word-word-",
        "  word-word-word-word-",
        "  word-                   high           1  one cause and",
        "                                              another one",
    ]


def test_what_can_be_shorter_is_before_a_text_takes_two_lines():
    columns = (Column("RUN", wraps=True), Column("AS OF", shorten=without_milliseconds))
    row = ("20260110T000000Z-e1668449-and-more", "2026-01-10T00:00:00.123Z")
    assert lines([row], 80, columns)[1].endswith("00.123Z")
    (_, found) = lines([row], 57, columns)
    assert found == "20260110T000000Z-e1668449-and-more  2026-01-10T00:00:00Z"


def test_a_tower_of_parts_of_words_is_a_list_instead():
    columns = (Column("RUN"), Column("AUDIT", wraps=True, least=8))
    row = ("x" * 50, " ".join(["word-and-word"] * 12))
    found = lines([row], 62, columns)
    assert found[0] == " ".join(["word-and-word"] * 4)
    assert found[-1] == f"  run {'x' * 50}"


def test_the_first_cell_without_a_head_leads_a_list():
    columns = (Column(""), Column("rule", wraps=True, least=90), Column("last day"), Column(""))
    row = ("in force", "r" * 90, "2026-01-01", "unused: nothing")
    assert lines([row], 40, columns, head=False)[3:] == [
        "  in force: last day 2026-01-01, unused:",
        "  nothing",
    ]


TEXTS = st.text(st.sampled_from("ab-/ 像##[::error"), min_size=1, max_size=90).map(
    lambda text: text.strip() or "-"
)


@given(
    st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 10**25).map("{:,}".format), TEXTS), max_size=4),
    st.integers(LEAST, 130),
)
def test_no_line_of_a_table_is_wider_than_the_width(rows, width):
    assert all(cell_len(line) <= width for line in lines(rows, width))


@pytest.mark.parametrize("text", ["##[error]", "::error::", "a" * 39 + "##vso[x]", "b" * 38 + "::warning x"])
def test_no_line_begins_with_what_was_broken(text):
    from checker.problems import one_line

    for line in wrap(one_line(text), LEAST):
        assert not re.search(r"##\[|##vso\[|^::[a-z]", line)
