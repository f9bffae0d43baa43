"""YAML as plain data that remembers where each key and value stood."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from checker.model import Location
from checker.problems import Problem


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
        if isinstance(self.value, int | float):
            return "a number"
        return "text" if str(self.value).strip() else "empty"

    @property
    def written(self) -> str:
        """The text in the file, so far as it is in the line where it begins: `1.10` is a number, and more than 1.1."""
        return self.line[self.where.column - 1 :][: self.width]

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
