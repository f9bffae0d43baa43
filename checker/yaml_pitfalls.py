"""Text that is other YAML than its author meant: what of it a reader of the file does not see, and what to write.

Knows text, lines and columns; nothing of nodes or rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What YAML allows in no place (YAML 1.2, 5.1; the byte order mark only at the beginning)."""
_COMPARED = re.compile(r"(>=|>|<=|<|==|=|!=)\s*(\S.*)")
_OPERATORS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "!=": "ne", "=": "eq", "==": "eq"}
_DATE = re.compile(r"\d{4}-\d\d")
_DURATION = re.compile(r"\d+ ?(s|min|h|d|w|mo|y)|P[\dT].*")
_BLANKS = ("\N{HANGUL FILLER}", "\N{BRAILLE PATTERN BLANK}", "\N{COMBINING GRAPHEME JOINER}")
_WIDE = {
    "\N{FULLWIDTH COLON}": ":", "\N{FULLWIDTH COMMA}": ",", "\N{IDEOGRAPHIC COMMA}": ",",
    "\N{FULLWIDTH LEFT CURLY BRACKET}": "{", "\N{FULLWIDTH RIGHT CURLY BRACKET}": "}",
}  # fmt: skip
_NUMBERED = re.compile(r" +(#\d\S*)")
_GLUED = re.compile(r"([A-Za-z][\w.]*):([^\s:/]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """A line and a column of the text, both from 0."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """What an author wrote wrong: where, what, and what to write."""

    at: Position
    message: str
    hint: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class ScalarToken:
    """A scalar as it stands in the file: where it begins and ends, the sign of its quotes or of its block, what YAML reads,
    and whether it is a key."""

    start: Position
    end: Position
    style: str
    value: str
    key: bool


def line_at(lines: Sequence[str], number: int) -> str:
    """A line by its number from 0; an empty one where there is none."""
    return lines[number] if 0 <= number < len(lines) else ""


def unprintable(text: str) -> Mistake | None:
    """The first character that YAML does not allow anywhere, if there is one."""
    found = _UNPRINTABLE.search(text)
    if found is None:
        return None
    before = text[: found.start()]
    at = Position(before.count("\n"), len(before) - (before.rfind("\n") + 1))
    if found[0] == "\ufeff":
        return Mistake(at, "a second byte order mark (U+FEFF) stands here", "delete it: it is invisible")
    if text.count("\0") > len(text) // 4:
        return Mistake(Position(0, 0), "the file is UTF-16, not UTF-8", "save the file as UTF-8")
    message = f"a control character (U+{ord(found[0]):04X}) stands here"
    return Mistake(at, message, 'delete it; in double quotes it can be written as an escape, such as "\\x07"')


def pitfalls(text: ScalarToken, lines: Sequence[str]) -> Iterator[Mistake]:
    """What a reader of the file sees otherwise than YAML reads it: characters, comments, items of lists."""
    line = line_at(lines, text.start.line)
    end = text.end.column if text.end.line == text.start.line else len(line)
    written = line[text.start.column : end]
    for column, item in enumerate(written, start=text.start.column):
        if _is_hidden(item, text, written):
            yield Mistake(Position(text.start.line, column), *_about_hidden(item))
            break
    if text.style in ("|", ">") and not text.value.strip() and (hint := comparison_hint(written)):
        yield Mistake(text.start, f"{text.style} begins a block of text in YAML", hint)
    if not text.style:
        yield from _of_plain(text, lines)


def _of_plain(text: ScalarToken, lines: Sequence[str]) -> Iterator[Mistake]:
    line = line_at(lines, text.end.line)
    if text.end.column and (comment := _NUMBERED.match(line[text.end.column :])):
        message = f"what follows # is a comment: the text ends before {comment[1]}"
        at = Position(text.end.line, text.end.column + comment.start(1))
        yield Mistake(at, message, "put the text in quotes, or write `# ` before a comment", warning=True)
    for number in range(text.start.line + 1, text.end.line + 1):
        line = line_at(lines, number)
        if line.lstrip().startswith("-") and (number < text.end.line or text.end.column):
            message = f"this line goes on the text that begins in line {text.start.line + 1}"
            hint = "an item of a list has a blank behind its dash, and stands below its key; other text goes in quotes"
            yield Mistake(Position(number, len(line) - len(line.lstrip())), message, hint)


def visible(written: str) -> str:
    """Text in double quotes, with escapes in place of what cannot be seen."""
    return "".join(
        (f"\\u{ord(item):04X}" if ord(item) < 0x10000 else f"\\U{ord(item):08X}") if _unseen(item) else item
        for item in written
    )


def _unseen(text: str) -> bool:
    return not text.isascii() and (unicodedata.category(text) in ("Cf", "Zs", "Zl", "Zp") or text in _BLANKS)


def _is_hidden(item: str, text: ScalarToken, written: str) -> bool:
    """Whether a character cannot be seen, or is not what it looks like. Within prose that is typography."""
    if item.isascii() or (" " in written.strip() and not text.key):
        return False
    return _unseen(item) or (text.key and not text.style and item in _WIDE)


def _about_hidden(text: str) -> tuple[str, str]:
    message = (
        f"an unusual character stands here: U+{ord(text):04X}, {unicodedata.name(text, 'no name').lower()}"
    )
    if text in _WIDE:
        return message, f"write {_WIDE[text]}"
    blank = unicodedata.category(text) == "Zs"
    return message, "write an ordinary blank" if blank else "delete it: it is invisible"


def placeholder(line: str, at: Position) -> Mistake:
    """What to say of `{{` outside quotes."""
    text = line[at.column :].strip()
    if "{" in line[: at.column]:
        text = text[: text.find("}}") + 2]
    hint = f'put the text in quotes: "{text}"'
    return Mistake(at, "text that begins with {{ is a mapping in YAML", hint)


def missing_space(key: str) -> str:
    """A key that has its value in it, for the lack of a blank, as it was meant; nothing for another one."""
    found = _GLUED.fullmatch(key)
    return f"{found[1]}: {found[2]}" if found else ""


def comparison_hint(text: str) -> str:
    """What to write for a comparison with a sign, such as `> 3`: `{gt: 3}`; nothing where there is none."""
    found = _COMPARED.match(text.strip())
    if found is None:
        return ""
    sign, value = found[1], found[2].rstrip(" ,}]")
    name = _OPERATORS[sign]
    if _DATE.match(value) and sign[0] in "<>":
        return f"write {{{'after' if sign[0] == '>' else 'before'}: {value}}}"
    if _DURATION.fullmatch(value) and sign[0] in "<>":
        age = "older_than" if sign[0] == ">" else "younger_than"
        return f"of an instant write {{{age}: {value}}}, of a difference {{{name}: {value}}}"
    return f"write {{{name}: {value}}}"


def negation_hint(tag: str, text: str) -> str:
    """What to write for a tag that was meant to say `not`, and the value behind it; nothing where it says nothing."""
    value = f"{tag.lstrip('!=')} {text}".strip()
    return f"write {{ne: {value}}}, or drop the !" if value and not tag.startswith("!!") else ""
