"""YAML to plain data with places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.problems import InvalidInputError
from checker.yamlsource import parse


def plain(text):
    return parse(text.encode(), "x.yaml").root.plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("1", 1),
        ("-5", -5),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        (".inf", ".inf"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ('"1"', "1"),
        ("!!str 1", "1"),
        ("12345678901234567890123456789012", "12345678901234567890123456789012"),
        ("00000000000000000000000000000000", "00000000000000000000000000000000"),
        ("1234567890123456789012345678e012", "1234567890123456789012345678e012"),
    ],
)
def test_scalars_are_what_an_author_means(text, value):
    got = plain(f"a: {text}")["a"]
    assert got == value
    assert type(got) is type(value)


def test_an_id_that_others_read_as_a_number_is_warned_of():
    document = parse(b"a: 12345678901234567890123456789012\nb: ea92b0d8838c72a3f25d00d13616f87e\n", "x.yaml")
    assert [problem.where.line for problem in document.warnings] == [1]


def test_every_key_and_value_knows_its_place():
    root = parse(b"a:\n  - b: 1\n    c: [x, yy]\n", "x.yaml").root
    assert str(root.at(("a", 0, "c", 1)).where) == "x.yaml:3:12"
    assert root.at(("a", 0, "c", 1)).width == 2
    assert str(root.value["a"].key.where) == "x.yaml:1:1"
    assert str(root.at(("a", 0)).value["c"].key.where) == "x.yaml:3:5"


def test_an_alias_is_the_value_it_names():
    assert plain("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


def test_a_tag_that_takes_the_name_of_a_key_is_refused_at_its_place():
    with pytest.raises(InvalidInputError) as refused:
        parse(b"deny: {isPrimary: true,!versionId: {gt: 3}}\n", "p.yaml")
    assert {(problem.where.column, problem.message) for problem in refused.value.problems} == {
        (24, "a key must be text, not a mapping"),
        (24, "the tag !versionId: is not allowed"),
    }


def test_a_byte_order_mark_is_not_text():
    assert parse(b"\xef\xbb\xbfa: 1\n", "x.yaml").root.plain() == {"a": 1}


def test_every_duplicate_is_told_at_the_second_one():
    with pytest.raises(InvalidInputError) as caught:
        plain("a: 1\nb: {c: 1, c: 2}\na: 2\n")
    assert [(problem.where.line, problem.where.column) for problem in caught.value.problems] == [
        (2, 11),
        (3, 1),
    ]


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_data_or_a_problem_never_a_crash(text):
    try:
        parse(text.encode("utf-8", "surrogatepass"), "x.yaml").root.plain()
    except InvalidInputError as error:
        assert error.problems
        assert str(error)
