"""Untrusted text, made harmless: service messages, labels and ids may hold anything that JSON or YAML can write."""

from __future__ import annotations

import json
import re
from typing import Any

from checker.problems import without_markers

# Control characters move cursors, bidirectional marks make an id read as another one, and tags are invisible.
_HIDDEN = "\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f"
_UNSEEN = re.compile(f"[\x00-\x08\x0b-\x1f{_HIDDEN}\ud800-\udfff]")
_SPACES = re.compile("(?:\r\n|[^\\S\r\x0b\x0c\x1c-\x1f\x85\u2028\u2029])+")
_ORDINARY = re.compile(r"[\t\n -~]*")
_SURROGATES = re.compile("[\ud800-\udfff]")
_HIDDEN_IN_JSON = re.compile(f"[{_HIDDEN}]")
_SCRIPT_IN_JSON = re.compile(f"[<>&{_HIDDEN}]")


def visible(text: str) -> str:
    r"""Text without characters that act on what displays it: they are shown as escapes such as \x1b and \u202e. Nor has
    it commands to CI servers, which read standard output, and perhaps a report there."""
    if text.isascii() and (text.isprintable() or _ORDINARY.fullmatch(text)):  # nearly all of them
        return without_markers(text)
    return without_markers(_UNSEEN.sub(_escape, text.replace("\r\n", "\n")))


def xml_text(text: str) -> str:
    r"""Text that XML 1.0 can hold (https://www.w3.org/TR/xml/#charsets): what it cannot, or should not show, is an escape such
    as \x0b. So is U+FFFD, which programs that guess a file's encoding take for a sign that it is no UTF-8."""
    return visible(text).replace("\ufffd", r"\ufffd")


def one_line(text: str) -> str:
    """Text on one line, with single spaces and none at its ends: XML Schema's token. Control characters stay, to be shown."""
    return _SPACES.sub(" ", text).strip(" ")


def shorten(text: str, most: int) -> str:
    """Text of at most so many characters, and how many were cut off."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"


def json_text(value: Any, *, script: bool = False, indent: int | None = None) -> str:
    """JSON as one text, whose strings hold no character that acts on a terminal.

    Args:
        value: what `json.dumps` takes; keys keep their order.
        script: for the inside of an HTML `<script>`: nothing in it can end the element or start a comment.
        indent: spaces per level; compact where None.
    """
    separators = (",", ":") if script else None
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    if not script and text.isascii() and "\x7f" not in text:
        return without_markers(text)
    # outside of strings JSON is ASCII without <, > and &, so every hit stands in a string
    text = without_markers((_SCRIPT_IN_JSON if script else _HIDDEN_IN_JSON).sub(_json_escape, text))
    return _SURROGATES.sub("\ufffd", text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
