"""Text that is no YAML: the mistake behind what a parser says, in an author's words.

A parser says where it gave up, which is often far behind the mistake, and in words of its own: here is where to look, and
what to write.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from checker.yaml_pitfalls import Mistake, Position, comparison_hint, line_at, negation_hint, placeholder

_CONFLICT = re.compile(r"(<<<<<<<|>>>>>>>)( |$)|=======$")
_DASH = re.compile(r"( *)-( +|$)")
_OWN_KEY = re.compile(r"\s*(- +)*[\w.\[\]\"' -]*$")
_CURLED = re.compile(
    "[\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}]"
)
_SLASHES = re.compile(r"(^|\s)(//|/\*)")
_CLOSE = {"{": "}", "[": "]"}
_SIGNS = {"alias": "*", "anchor": "&", "tag": "!"}


@dataclass(frozen=True, slots=True)
class ParserError:
    """What a parser says: its words, where it stands, and where that began in which it stands; of quoted text before
    that place, where it opened, and the innermost bracket that is open there."""

    problem: str
    context: str
    at: Position
    start: Position | None
    quote: Position | None = None
    bracket: Position | None = None


def syntax_error(failure: ParserError, lines: Sequence[str]) -> Mistake:
    """The mistake behind what a parser says."""
    for item in (
        _whole_file,
        _of_quotes,
        _of_signs,
        _of_brackets,
        _of_blocks,
        _of_colons,
        _of_keys,
        _of_lists,
    ):
        found = item(failure, lines)
        if found is not None:
            return found
    return Mistake(failure.at, f"not valid YAML: {failure.problem}", failure.context)


def _whole_file(failure: ParserError, lines: Sequence[str]) -> Mistake | None:
    for number, line in enumerate(lines):
        if _CONFLICT.match(line) and any(item.startswith("<<<<<<<") for item in lines):
            hint = "keep one of the two versions, and delete the lines of signs"
            return Mistake(Position(number, 0), "a merge conflict was left in the file", hint)
    line = line_at(lines, failure.at.line)
    if line.lstrip().startswith("```"):
        hint = "keep what stands between the lines of ```, without them"
        return Mistake(failure.at, "this is Markdown, not YAML", hint)
    begun = failure.start or failure.at
    if found := _SLASHES.search(line_at(lines, begun.line)):
        return Mistake(Position(begun.line, found.start(2)), f"{found[2]} begins no comment", "write #")
    if "incompatible" in failure.problem:
        return Mistake(failure.at, f"{line.strip()} is another version of YAML", "leave the line out")
    if "tab" in failure.problem or ("\t" in line[: failure.at.column + 1] and "any token" in failure.problem):
        message = "a tab stands where only blanks may"
        return Mistake(failure.at, message, "use spaces: YAML allows no tabs there")
    return None


def _of_quotes(failure: ParserError, lines: Sequence[str]) -> Mistake | None:
    line, at = line_at(lines, failure.at.line), failure.at.column
    if "quoted scalar" in failure.context and "unknown escape" not in failure.problem and failure.start:
        sign = line_at(lines, failure.start.line)[failure.start.column :][:1]
        if "end of stream" in failure.problem or "document indicator" in failure.problem:
            message = "the quotes that open here are not closed"
            return Mistake(failure.start, message, f"end the text with {sign}")
    if "escape" in failure.problem:
        escape = line[at : at + 2] if line[at : at + 1] == "\\" else "\\" + line[at : at + 1]
        message = f"{escape} means nothing in double quotes"
        opened = failure.start.column + 1 if failure.start and failure.start.line == failure.at.line else at
        closed = line.find('"', at)
        text = line[opened : closed if closed > 0 else len(line)]
        return Mistake(failure.at, message, f"put the text in single quotes: '{text}'")
    if failure.quote is not None and "any token" not in failure.problem:
        sign = line_at(lines, failure.quote.line)[failure.quote.column :][:1]
        if failure.quote.line != failure.at.line:
            message = f"the quotes that open here are closed only in line {failure.at.line + 1}"
            return Mistake(failure.quote, message, f"end the text with {sign}")
        if line[at : at + 1] not in (",", "]", "}", ":"):
            inside = "write a quote inside as ''" if sign == "'" else 'write a quote inside as \\"'
            message = "text goes on after its closing quote"
            return Mistake(failure.at, message, f"put all of it in quotes; {inside}")
    if found := _CURLED.search(line):
        message = f"{found[0]} is no quote in YAML"
        return Mistake(Position(failure.at.line, found.start()), message, "write straight quotes")
    return None


def _of_signs(failure: ParserError, lines: Sequence[str]) -> Mistake | None:
    """Signs with which no text can begin, but for quotes and brackets."""
    line, at = line_at(lines, failure.at.line), failure.at.column
    if found := re.search(r":\s+\{\{", line):
        return placeholder(line, Position(failure.at.line, found.end() - 2))
    for word, sign in _SIGNS.items():
        if failure.context.endswith((f"an {word}", f"a {word}")) or (
            word == "tag" and "tag handle" in failure.problem
        ):
            start = failure.start if failure.start and word != "tag" else _sign(failure, line, sign)
            rest = line_at(lines, start.line)[start.column :].rstrip(" }],")
            hint = negation_hint("!", rest.lstrip("!= ")) if sign == "!" else ""
            message = f"text that begins with {sign} is {'an' if word != 'tag' else 'a'} {word} in YAML"
            return Mistake(start, message, hint or "put the text in quotes")
    if "any token" in failure.problem:
        if hint := comparison_hint(line[at:]):
            return Mistake(failure.at, f"{line[at]} is no comparison in YAML", hint)
        return Mistake(failure.at, f"text cannot begin with {line[at : at + 1]}", "put the text in quotes")
    if "mapping keys are not allowed" in failure.problem:
        return Mistake(failure.at, "text cannot begin with a lone ?", "put the text in quotes")
    return None


def _sign(failure: ParserError, line: str, sign: str) -> Position:
    column = line.rfind(sign, 0, failure.at.column + 1)
    return Position(failure.at.line, column if column >= 0 else failure.at.column)


def _of_brackets(failure: ParserError, lines: Sequence[str]) -> Mistake | None:
    line, at = line_at(lines, failure.at.line), failure.at.column
    if "node content" in failure.problem and failure.bracket and not line[at:].strip():
        opened = line_at(lines, failure.bracket.line)[failure.bracket.column :][:1]
        hint = f"close it with {_CLOSE.get(opened, '')}"
        return Mistake(failure.bracket, f"the {opened} that opens here is not closed", hint)
    if "node content" in failure.problem:
        return Mistake(
            failure.at, f"a value is missing before {line[at : at + 1]}", "write one, or drop the comma"
        )
    if "expected key" in failure.problem and line[at : at + 1] in ("}", "]"):
        return Mistake(failure.at, f"there is one {line[at]} too many", "drop it, or open it before")
    if "flow" not in failure.context or failure.start is None:
        return None
    opened = line_at(lines, failure.start.line)[failure.start.column :][:1]
    close = _CLOSE.get(opened, "")
    if failure.start.line != failure.at.line:
        nearby = f"or put a comma before what stands in line {failure.at.line + 1}"
        if not "".join(lines[failure.at.line :]).strip():
            nearby = ""
        hint = ", ".join(part for part in (f"close it with {close}", nearby) if part)
        return Mistake(failure.start, f"the {opened} that opens here is not closed", hint)
    if line[at : at + 1] in ("}", "]"):
        message = f"the {opened} in column {failure.start.column + 1} is closed by {line[at]}"
        return Mistake(failure.at, message, f"close it with {close} first")
    before = re.search(r"[\w.\"'-]*$", line[:at])
    column = before.start() if before and line[at : at + 1] == ":" else at
    return Mistake(
        Position(failure.at.line, column), "a comma is missing before this", "separate entries by commas"
    )


def _of_blocks(failure: ParserError, lines: Sequence[str]) -> Mistake | None:
    """Text behind `>` and `|`, which begin blocks."""
    if "block scalar" not in failure.context or failure.start is None:
        return None
    text = line_at(lines, failure.start.line)[failure.start.column :]
    if hint := comparison_hint(text):
        return Mistake(failure.start, f"{text[:1]} begins a block of text in YAML", hint)
    hint = f"begin the text in the next line, further in; or leave the {text[:1]} out"
    return Mistake(failure.start, f"text stands behind {text[:1]} in the same line", hint)


def _of_colons(failure: ParserError, lines: Sequence[str]) -> Mistake | None:
    line, at = line_at(lines, failure.at.line), failure.at.column
    if "mapping values are not allowed" in failure.problem:
        if _OWN_KEY.match(line[:at]) and failure.at.line and not line[:at].strip().startswith(("'", '"')):
            first = Position(failure.at.line, len(line) - len(line.lstrip()))
            message = "this line stands further in than the one that it goes with"
            return Mistake(first, message, _lined_up(lines, failure.at.line))
        return Mistake(
            failure.at, "a second colon in the line", "text with a colon and a space in it needs quotes"
        )
    if "could not find expected ':'" not in failure.problem or failure.start is None:
        return None
    start, text = failure.start, line_at(lines, failure.start.line)
    if text.lstrip().startswith("-") and not text.lstrip().startswith("- "):
        return Mistake(start, "the dash of a list item has no blank behind it", "write `- ` before the item")
    above = next((item for item in reversed(lines[: start.line]) if item.strip()), "")
    if above.rstrip().endswith((": |", ": >", ": |-", ": >-")):
        hint = "indent the lines of the text further than their key"
        return Mistake(start, "the text of a block stands no further in than its key", hint)
    return Mistake(start, "this line has no `key: value`", "put a colon and a blank behind the key")


def _lined_up(lines: Sequence[str], number: int) -> str:
    """Where a line is to begin, going by the lines above it."""
    for above in range(number - 1, -1, -1):
        line = lines[above]
        if line.strip() and not line.lstrip().startswith("#"):
            found = _DASH.match(line)
            column = len(found[0]) if found else len(line) - len(line.lstrip())
            return f"begin it in column {column + 1}, as line {above + 1} does"
    return "check the indentation"


def _of_keys(failure: ParserError, lines: Sequence[str]) -> Mistake | None:
    if "expected key" not in failure.problem:
        return None
    line = line_at(lines, failure.at.line)
    if _DASH.match(line):
        return Mistake(
            failure.at, "a list item stands where a key belongs", "write it below the key of its list"
        )
    start = failure.start.line + 1 if failure.start else 1
    hint = f"check the indentation: what begins in line {start} goes on differently here"
    return Mistake(failure.at, "this line belongs to nothing above it", hint)


def _of_lists(failure: ParserError, lines: Sequence[str]) -> Mistake | None:
    line = line_at(lines, failure.at.line)
    if "block sequence entries are not allowed" in failure.problem:
        hint = "begin a list in the line below its key; put text that begins with a dash in quotes"
        return Mistake(failure.at, "a list item stands behind its key", hint)
    if "'-' indicator" not in failure.problem:
        return None
    if line.lstrip().startswith("-"):
        if line.lstrip().startswith("- "):
            return Mistake(
                failure.at, "this item stands elsewhere than the others of its list", "line them up"
            )
        return Mistake(
            failure.at, "the dash of a list item has no blank behind it", "write `- ` before the item"
        )
    return Mistake(failure.at, "this line belongs to no item of the list", _lined_up(lines, failure.at.line))
