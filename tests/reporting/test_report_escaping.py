import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from markupsafe import escape

from checker.problems import printable
from checker.reporting.escape import json_text, one_line, shorten, visible, xml_text

anything = st.text(st.characters(codec=None)) | st.text("\x00\x1b\x85\u202e\u2028\ud800\ufffe\r\n\t<>&]\"' a")


@given(anything)
def test_xml_holds_any_text(text):
    held = xml_text(text)
    document = etree.fromstring(f"<a b='{escape(one_line(held))}'>{escape(held)}</a>")
    assert (document.text or "") == held
    assert document.get("b") == one_line(held)
    assert xml_text(held) == held


def test_what_xml_cannot_hold_is_replaced_and_what_hides_is_shown():
    assert xml_text("a\x00b\x1bc\ufffed\ud800e") == r"a\x00b\x1bc\ufffed\ud800e"
    assert xml_text("a\x0bb\ufffd") == r"a\x0bb\ufffd"
    assert xml_text("\u202ea\x9bb\u2028") == "\\u202ea\\x9bb\\u2028"
    assert xml_text("tab\tline\nГруппа 画像 🩻") == "tab\tline\nГруппа 画像 🩻"


@given(anything)
def test_visible_text_is_stable_and_harmless(text):
    shown = visible(text)
    assert visible(shown) == shown
    assert not set(shown) & set("\x00\x07\x1b\r\x7f\x9b\u200f\u202e\u2066\u2028\ud800")
    shown.encode()


@given(anything, st.booleans())
def test_json_gives_the_text_back(text, script):
    written = json_text({"a": text}, script=script)
    written.encode()
    whole = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    # two halves of a surrogate pair that stand together are one character to JSON
    if len(whole) == len(text):
        assert json.loads(written) == {"a": whole}
    assert not set(written) & set("\x1b\x7f\x9b\u202e\u2028\u2029")
    if script:
        assert not set(written) & set("<>&")


def test_shortened_text_says_so():
    assert shorten("abc", 3) == "abc"
    assert shorten("abcde", 3) == "abc… (2 more characters)"


@pytest.mark.parametrize("code", [*range(0x0E), *range(0x0E, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029])
def test_the_terminal_shows_a_control_character_as_junit_does(code):
    text = f"nul {chr(code)} here"
    shown = one_line(xml_text(text))
    assert printable(one_line(text)) == shown
    assert shown == (
        "nul here" if chr(code) in "\t\n" else f"nul {chr(code).encode('unicode_escape').decode()} here"
    )
