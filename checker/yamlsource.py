"""YAML text to plain data that remembers where each key and value stood. Knows YAML, nothing of rules.

Only the JSON-like part of YAML is taken: mappings with text keys, sequences, and scalars that are null, true, false,
a decimal number or text. So `NO`, `2026-01-31`, `1:30` and `010` stay text, and so does an unquoted id of 32
characters, of which other readers make a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from checker import yaml_pitfalls, yaml_syntax_errors
from checker.input_files import read_bytes
from checker.model import Location
from checker.problems import InvalidInputError, Problem
from checker.yaml_nodes import Document, Entry, Node
from checker.yaml_pitfalls import Mistake, Position
from checker.yaml_syntax_errors import ParserError

LARGEST_FILE = 8 * 1024 * 1024
DEEPEST = 50
MOST_ALIASED = 10_000  # nodes that aliases may repeat: enough for shared lists, too few for a bomb

_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_ID = re.compile(r"[0-9a-z]{32}")
_OTHERS_READ_A_NUMBER = re.compile(r"[0-9]{32}|[0-9]+e[0-9]+")
_STRING_TAG = "tag:yaml.org,2002:str"
_WORDS_ALONE = re.compile(r"[A-Za-z][\w./-]+( [\w./-]+)*", re.ASCII)

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: Path, shown: str | None = None) -> Document:
    """The document in a file; `shown` is the path that messages print.

    Raises:
        InvalidInputError: the file cannot be read, or its text is no acceptable YAML.
    """
    shown = shown or path.as_posix()
    hint = f"YAML files may have {LARGEST_FILE // 1024 // 1024} MiB; keep long lists in CSV"
    return parse(read_bytes(path, shown, LARGEST_FILE, hint), shown)


def parse(source: bytes, path: str) -> Document:
    """The document in bytes of UTF-8.

    Raises:
        InvalidInputError: not UTF-8, not YAML, or YAML of a kind that is refused; with every duplicate key.
    """
    text = _decoded(source, path)
    builder = _Builder(text, path)
    if wrong := yaml_pitfalls.unprintable(text):
        raise InvalidInputError(builder.mistake(wrong))
    try:
        root = builder.build()
    except yaml.YAMLError as error:
        raise InvalidInputError([*builder.problems, _syntax(error, text, builder)]) from None
    builder.name_unused_anchors()
    errors = [problem for problem in builder.problems if not problem.warning]
    if errors:
        raise InvalidInputError(errors)
    return Document(path, root, source, tuple(builder.problems))


def _decoded(source: bytes, path: str) -> str:
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace")
        where = Location(path, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        message = f"byte 0x{source[error.start]:02x} is not UTF-8"
        if source[:2] in (b"\xff\xfe", b"\xfe\xff"):
            message = "the file is UTF-16, not UTF-8"
        raise InvalidInputError(Problem(where, message, "save the file as UTF-8")) from None


def _syntax(error: yaml.YAMLError, text: str, builder: _Builder) -> Problem:
    mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    message = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None:
        return Problem(builder.path, f"not valid YAML: {message}")
    at = Position(mark.line, mark.column)
    began = Position(start.line, start.column) if start else None
    context = getattr(error, "context", None) or ""
    failure = ParserError(message, context, at, began, *_opened(text, mark))
    return builder.mistake(yaml_syntax_errors.syntax_error(failure, builder.lines))


def _opened(text: str, mark: Any) -> tuple[Position | None, Position | None]:
    """Where the quotes opened that are closed right before a place, and the innermost bracket that is open there."""
    last, brackets = None, []
    try:
        for token in yaml.scan(text, Loader=Loader):
            if token.start_mark.index >= mark.index:
                break
            last = token
            if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
                brackets.append(Position(token.start_mark.line, token.start_mark.column))
            elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken) and brackets:
                brackets.pop()
    except yaml.YAMLError:
        pass
    bracket = brackets[-1] if brackets else None
    if not isinstance(last, yaml.ScalarToken) or last.style not in ("'", '"'):
        return None, bracket
    between = text[last.end_mark.index : mark.index]
    return Position(last.start_mark.line, last.start_mark.column) if not between.strip(" ") else None, bracket


def quote_scalar(text: str, *, always: bool = False) -> str:
    """Text as a scalar on one line that reads back as it is, here and by other readers of YAML: in quotes, but for plain
    words unless that is asked for."""
    if not always and _WORDS_ALONE.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    written: str = yaml.dump(text, default_style='"', width=len(text) * 10 + 100, allow_unicode=True)
    return yaml_pitfalls.visible(written.rstrip("\n"))


class _Builder:
    """Nodes from PyYAML's event stream: the only level at which duplicates, tags and aliases can be seen."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.lines = text.splitlines() or [""]
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}
        self.unused: dict[str, Node] = {}
        self.aliased = 0
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=Loader))

    def line(self, index: int) -> str:
        return self.lines[index] if 0 <= index < len(self.lines) else ""

    def build(self) -> Node:
        next(self.events)  # the stream's start
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            return Node(None, Location(self.path, 1, 1), 1, self.line(0))
        root = self.node(next(self.events), 0)
        next(self.events)  # the document's end
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            self.second(event)
        return root

    def second(self, event: Any) -> None:
        """Notes what stands behind the end of the document."""
        more = next(self.events)
        if isinstance(more, yaml.ScalarEvent) and not more.value and more.implicit[0]:
            self.refuse(event, "the file ends with a second, empty document", "drop the `---`")
            return
        hint = "one file holds one document: put it into a file of its own"
        self.refuse(event, "a second document begins here", hint)

    def mistake(self, mistake: Mistake) -> Problem:
        """A mistake with its place and its line."""
        at = mistake.at
        where = Location(self.path, at.line + 1, at.column + 1)
        return Problem(where, mistake.message, mistake.hint, self.line(at.line), warning=mistake.warning)

    def name_unused_anchors(self) -> None:
        """Notes what was taken for a name and is named nowhere: `&` was perhaps meant to be text."""
        for name, node in self.unused.items():
            message = f"&{name} is read as the name of what stands behind it, and nothing names it"
            hint = "drop it, or put the text in quotes"
            self.problems.append(node.problem(message, hint, warning=True))

    def refuse(self, event: Any, message: str, hint: str = "") -> None:
        self.problems.append(self.make(None, event, 1).problem(message, hint))

    def make(self, value: Any, event: Any, size: int, last: Any = None) -> Node:
        start, end = event.start_mark, (last or event).end_mark
        line = self.line(start.line)
        width = (end.column if end.line == start.line else len(line)) - start.column
        where = Location(self.path, start.line + 1, start.column + 1)
        return Node(value, where, max(1, width), line, size)

    def node(self, event: Any, depth: int, *, key: bool = False) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if depth > DEEPEST:
            self.refuse(event, f"nested more than {DEEPEST} levels deep")
            raise InvalidInputError(self.problems)
        if event.tag not in (None, _STRING_TAG):
            self.tag(event, key=key)
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            self.visible(event, key=key)
            made = self.make(self.scalar(event), event, 1)
        elif isinstance(event, yaml.SequenceStartEvent):
            made = self.sequence(event, depth)
        else:
            made = self.mapping(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = self.unused[event.anchor] = made
        return made

    def tag(self, event: Any, *, key: bool) -> None:
        """Notes a tag: data has none, and a lone `!` would be read as nothing."""
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        hint = "this is plain data: text, numbers, lists, mappings"
        if key and isinstance(event, yaml.ScalarEvent) and not tag.startswith("!!"):
            hint = f"write `not: {{{event.value}: ..}}`"
        elif isinstance(event, yaml.ScalarEvent):
            hint = yaml_pitfalls.negation_hint(tag, event.value) or hint
        elif tag == "!":
            hint = "write `{not_in: [..]}`, or `not: {..}`"
        message = "`!` alone says nothing in YAML" if tag == "!" else f"the tag {tag} is not allowed"
        self.refuse(event, message, hint)

    def alias(self, event: Any) -> Node:
        target = self.anchors.get(event.anchor)
        if target is None:
            reason = "stands inside itself" if event.anchor in self.anchors else "has no anchor"
            self.refuse(event, f"the alias *{event.anchor} {reason}")
            raise InvalidInputError(self.problems)
        self.aliased += target.size
        if self.aliased > MOST_ALIASED:
            self.refuse(event, f"aliases repeat more than {MOST_ALIASED:,} values", "write the values out")
            raise InvalidInputError(self.problems)
        self.unused.pop(event.anchor, None)
        return target

    def sequence(self, start: Any, depth: int) -> Node:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return self.make(tuple(items), start, 1 + sum(item.size for item in items), event)

    def mapping(self, start: Any, depth: int) -> Node:
        entries: dict[str, Entry] = {}
        size = 1
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            plain = not getattr(event, "style", None)
            key = self.node(event, depth + 1, key=True)
            value = self.node(next(self.events), depth + 1)
            size += key.size + value.size
            if self.is_key(key, value, plain=plain) and self.is_first(key, entries):
                entries[key.value] = Entry(key, value)
        return self.make(entries, start, size, event)

    def is_key(self, key: Node, value: Node, *, plain: bool) -> bool:
        """Whether a node can be a key; else the problem is noted."""
        message, hint = "", ""
        if key.value == "<<" and plain:
            message, hint = "merge keys are not supported", "write the entries out"
        elif isinstance(key.value, dict) and key.line[: key.where.column].endswith("{{"):
            at = Position(key.where.line - 1, key.where.column - 2)
            self.problems.append(self.mistake(yaml_pitfalls.placeholder(key.line, at)))
            return False
        elif not isinstance(key.value, str):
            message, hint = f"a key must be text, not {key.kind}", f'put it in quotes: "{key.written}"'
        elif key.value != key.value.strip(" \t\n"):
            message, hint = "the key has blanks around it", f"write it without: {key.value.strip()}"
        elif plain and value.value is None and (better := yaml_pitfalls.missing_space(key.value)):
            message, hint = "a blank is missing behind the colon", f"write {better}"
        if message:
            self.problems.append(key.problem(message, hint))
        return not message

    def is_first(self, key: Node, entries: dict[str, Entry]) -> bool:
        """Whether a mapping does not have the key yet; else the problem is noted."""
        if key.value not in entries:
            return True
        first = entries[key.value].key.where.line
        self.problems.append(key.problem(f"duplicate key {key.value}", f"the first one is in line {first}"))
        return False

    def visible(self, event: Any, *, key: bool) -> None:
        """Notes what a reader of the file sees otherwise."""
        start, end = event.start_mark, event.end_mark
        text = yaml_pitfalls.ScalarToken(
            Position(start.line, start.column),
            Position(end.line, end.column),
            event.style or "",
            event.value,
            key=key,
        )
        self.problems += map(self.mistake, yaml_pitfalls.pitfalls(text, self.lines))

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.tag == _STRING_TAG or not event.implicit[0]:
            return text
        if _ID.fullmatch(text):
            if _OTHERS_READ_A_NUMBER.fullmatch(text):
                node = self.make(text, event, 1)
                hint = f'put it in quotes: "{text}"'
                message = "other YAML readers take this id for a number; it was read as text"
                self.problems.append(node.problem(message, hint, warning=True))
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            return int(text)
        if not _FLOAT.fullmatch(text):
            return text
        number = float(text)
        return number if math.isfinite(number) else text
