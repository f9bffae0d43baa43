"""YAML text to plain data that remembers where each key and value stood. Knows YAML, nothing of rules.

Only the JSON-like part of YAML is taken: mappings with text keys, sequences, and scalars that are null, true, false,
a decimal number or text. So `NO`, `2026-01-31`, `1:30` and `010` stay text, and so does an unquoted id of 32
characters, of which other readers make a number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from checker.model import Location
from checker.problems import InvalidInputError, Problem

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


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value with its place. `value` is a scalar, a tuple of nodes, or a dict of text to `Entry`."""

    value: Any
    where: Location
    width: int
    line: str
    size: int = 1  # nodes in it, those of aliases counted each time

    def problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        """A problem shown at this value."""
        return Problem(self.where, message, hint, self.line, self.width, warning)

    @property
    def kind(self) -> str:
        """What it is, in a user's words."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, tuple):
            return "a list"
        if self.value is None:
            return "nothing"
        if isinstance(self.value, bool):
            return "a boolean"
        return "a number" if isinstance(self.value, int | float) else "text"

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, path: tuple[str | int, ...]) -> Node:
        """The node at a path of keys and indexes, or the last one on the way that exists."""
        if not path:
            return self
        step = path[0]
        if isinstance(self.value, dict) and step in self.value:
            return self.value[step].node.at(path[1:])  # type: ignore[no-any-return]
        if isinstance(self.value, tuple) and isinstance(step, int) and step < len(self.value):
            return self.value[step].at(path[1:])  # type: ignore[no-any-return]
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A key of a mapping with its own place, and the value's node."""

    key: Node
    node: Node


@dataclass(frozen=True, slots=True)
class Document:
    """A file: its root, the exact bytes, their sha256 in hex, and warnings that reading it gave."""

    path: str
    root: Node
    source: bytes
    warnings: tuple[Problem, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the bytes as they are on disk."""
        return hashlib.sha256(self.source).hexdigest()


def read(path: Path, shown: str | None = None) -> Document:
    """The document in a file; `shown` is the path that messages print.

    Raises:
        InvalidInputError: the file cannot be read, or its text is no acceptable YAML.
    """
    shown = shown or path.as_posix()
    try:
        if path.stat().st_size > LARGEST_FILE:
            size = path.stat().st_size / 1024 / 1024
            raise InvalidInputError(
                Problem(
                    shown, f"the file has {size:.1f} MiB", "YAML files may have 8 MiB; keep long lists in CSV"
                )
            )
        source = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            Problem(shown, f"cannot be read: {(error.strerror or str(error)).lower()}")
        ) from None
    return parse(source, shown)


def parse(source: bytes, path: str) -> Document:
    """The document in bytes of UTF-8.

    Raises:
        InvalidInputError: not UTF-8, not YAML, or YAML of a kind that is refused; with every duplicate key.
    """
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace")
        where = Location(path, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        message = f"byte 0x{source[error.start]:02x} is not UTF-8"
        raise InvalidInputError(Problem(where, message, "save the file as UTF-8")) from None
    builder = _Builder(text, path)
    try:
        root = builder.build()
    except yaml.YAMLError as error:
        raise InvalidInputError([*builder.problems, _syntax(error, builder)]) from None
    errors = [problem for problem in builder.problems if not problem.warning]
    if errors:
        raise InvalidInputError(errors)
    return Document(path, root, source, tuple(builder.problems))


def _syntax(error: yaml.YAMLError, builder: _Builder) -> Problem:
    mark = getattr(error, "problem_mark", None)
    message = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None:
        return Problem(builder.path, f"not valid YAML: {message}")
    where, line = Location(builder.path, mark.line + 1, mark.column + 1), builder.line(mark.line)
    return Problem(where, f"not valid YAML: {message}", _syntax_hint(message, line, error), line)


def _syntax_hint(message: str, line: str, error: yaml.YAMLError) -> str:
    start, context = getattr(error, "context_mark", None), getattr(error, "context", None) or ""
    if "\t" in line and ("cannot start any token" in message or "found a tab" in message):
        return "use spaces: YAML allows no tabs there"
    if "cannot start any token" in message:
        return "put the text in quotes"
    if "mapping values are not allowed" in message:
        return "text with a colon and a space in it needs quotes"
    if "flow" in context and start is not None:
        return f"a bracket opened in line {start.line + 1} is not closed, or a comma is missing"
    if "block" in context and start is not None:
        return f"check the indentation: what begins in line {start.line + 1} goes on differently here"
    return context


def quoted(text: str, *, always: bool = False) -> str:
    """Text as a scalar on one line that reads back as it is, here and by other readers of YAML: in quotes, but for plain
    words unless that is asked for."""
    if not always and _WORDS_ALONE.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    written: str = yaml.dump(text, default_style='"', width=len(text) * 10 + 100, allow_unicode=True)
    return written.rstrip("\n")


class _Builder:
    """Nodes from PyYAML's event stream: the only level at which duplicates, tags and aliases can be seen."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.lines = text.splitlines() or [""]
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}
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
            self.refuse(event, "a second document begins here", "one file holds one document: drop the `---`")
        return root

    def refuse(self, event: Any, message: str, hint: str = "") -> None:
        self.problems.append(self.make(None, event, 1).problem(message, hint))

    def make(self, value: Any, event: Any, size: int, last: Any = None) -> Node:
        start, end = event.start_mark, (last or event).end_mark
        line = self.line(start.line)
        width = (end.column if end.line == start.line else len(line)) - start.column
        where = Location(self.path, start.line + 1, start.column + 1)
        return Node(value, where, max(1, width), line, size)

    def node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if depth > DEEPEST:
            self.refuse(event, f"nested more than {DEEPEST} levels deep")
            raise InvalidInputError(self.problems)
        if event.tag not in (None, "!", _STRING_TAG):
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.refuse(
                event,
                f"the tag {tag} is not allowed",
                "policies are plain data: text, numbers, lists, mappings",
            )
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            made = self.make(self.scalar(event), event, 1)
        elif isinstance(event, yaml.SequenceStartEvent):
            made = self.sequence(event, depth)
        else:
            made = self.mapping(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = made
        return made

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
            key = self.node(event, depth + 1)
            value = self.node(next(self.events), depth + 1)
            size += key.size + value.size
            if key.value == "<<" and plain:
                self.problems.append(key.problem("merge keys are not supported", "write the entries out"))
            elif not isinstance(key.value, str):
                name = self.line(key.where.line - 1)[key.where.column - 1 :][: key.width]
                self.problems.append(
                    key.problem(f"a key must be text, not {key.kind}", f'put it in quotes: "{name}"')
                )
            elif key.value in entries:
                first = entries[key.value].key.where.line
                self.problems.append(
                    key.problem(f"duplicate key {key.value}", f"the first one is in line {first}")
                )
            else:
                entries[key.value] = Entry(key, value)
        return self.make(entries, start, size, event)

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
        return float(text) if _FLOAT.fullmatch(text) else text
