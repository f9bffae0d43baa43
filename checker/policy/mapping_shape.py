"""The shape of a mapping: which keys it may have, and text, lists and choices taken from it with every problem noted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence, Sized
from dataclasses import dataclass

from checker.policy.hints import KEYS, MISSING, OTHER_KEYS, scalar_text
from checker.problems import Problem, nearest, suggest
from checker.values import BadValueError, parse_date
from checker.yaml_nodes import Node

_NEEDED = frozenset({"id", "title", "pack", "framework", "name", "expect", "owner", "approved_by", "reason"})
"""Texts that may nowhere be left out, or not everywhere."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
LONGEST_NAME = 100
"""Characters: a file may be called with 255 on most systems, and what is made of a name has more in it."""


def assert_whole(node: Node | None, read: Sized) -> None:
    """Makes sure that of each entry of a list or mapping something was read: what a loader drops nobody judges by.

    Raises:
        RuntimeError: something was left out, or read twice (our own bug).
    """
    written = len(node.value) if node is not None and isinstance(node.value, dict | tuple) else 0
    if node is not None and len(read) != written:
        raise RuntimeError(f"{len(read)} of the {written} entries at {node.where} were read")


@dataclass(frozen=True)
class Shape:
    """A mapping being read: `what` names it in messages, problems go to `problems`."""

    node: Node
    what: str
    problems: list[Problem]

    def keys(
        self,
        required: Sequence[str],
        optional: Sequence[str] = (),
        hint: str = "",
        below: Collection[str] = (),
    ) -> bool:
        """Notes keys that are missing or unknown; False where it is no mapping at all, with the hint what to write. Those
        of `below` belong into a condition."""
        if not isinstance(self.node.value, dict):
            self.error(self.node, f"{self.what} is a mapping, not {self.node.kind}", hint)
            return False
        known = (*required, *optional)
        meant = self.meant(known)
        for name, better in meant.items():
            hint = f"did you mean {better}?" if better else suggest(name, known, what=f"{self.what} has")
            if name in OTHER_KEYS and "deny" in known:
                hint = OTHER_KEYS[name]
            elif name in below:
                hint = "a condition stands below its key: indent it below `deny:`"
            self.error(self.node.value[name].key, f"unknown key {name} in {self.what}", hint)
        for name in required:
            # a mistyped key is one problem, not also a missing one
            if name not in self.node.value and name not in meant.values():
                self.error(
                    self.node,
                    f"{self.what} has no {name}",
                    MISSING.get((self.what, name), MISSING.get(name, "")),
                )
        return True

    def meant(self, known: Sequence[str]) -> dict[str, str]:
        """The keys that are not known, each with the known one that seems to be meant, if there is one."""
        found: dict[str, str] = {}
        for name in self.node.value:
            if name in known:
                continue
            taken = (*self.node.value, *found.values())
            likely = [item for item in KEYS.get(name, ()) if item in known and item not in taken]
            near = re.fullmatch(r"did you mean (.+)\?", nearest(name, known))
            found[name] = likely[0] if likely else near[1] if near else ""
        return found

    def get(self, name: str) -> Node | None:
        """The value of a key."""
        entry = self.node.value.get(name) if isinstance(self.node.value, dict) else None
        return entry.node if entry else None

    def text(self, name: str, *, default: str = "") -> str:
        """Text that is not empty; numbers are taken as they stand in the file, so that `revision: 1.10` works."""
        node = self.get(name)
        if node is None:
            return default
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return node.written
        if not isinstance(node.value, str) or not node.value.strip():
            empty = not str(node.value or "").strip()
            if node.value is None and node.line[node.where.column - 1 :].lstrip().startswith("#"):
                self.error(node, f"{name} is empty: what follows # is a comment", "put the text in quotes")
                return default
            hint = f"write `{name}: ..`" + ("" if name in _NEEDED else f", or leave `{name}:` out")
            self.error(
                node,
                f"{name} is text, not {node.kind}",
                hint if empty else "",
            )
            return default
        return node.value.strip()

    def name(self, key: str) -> str:
        """An identifier: `[a-z0-9-]+`, so that it can stand in file names, URLs and JUnit."""
        node = self.get(key)
        if node is not None and node.kind in ("a number", "a boolean"):
            self.error(node, f"{key} is text, not {node.kind}", f'put it in quotes: "{node.written}"')
            return ""
        text = self.text(key)
        if node is None or not text:
            return text
        if not NAME.fullmatch(str(node.value)):
            better = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
            self.error(node, f"{key} may have a-z, 0-9 and - only", f"write {better}" if better else "")
        elif len(text) > LONGEST_NAME:
            message = f"{key} has {len(text):,} characters, and may have {LONGEST_NAME}"
            self.error(node, message, "names of files and of reports are made of it")
        return text

    def choice(
        self,
        name: str,
        choices: Sequence[str],
        *,
        noun: str = "",
        default: str = "",
        aliases: Mapping[str, str] | None = None,
    ) -> str:
        """One of the listed words."""
        node = self.get(name)
        if node is None:
            return default
        if node.value not in choices:
            word = node.value if isinstance(node.value, str) else scalar_text(node)
            alias = (aliases or {}).get(word.lower())
            hint = f"did you mean {alias}?" if alias else suggest(word, choices, what="it is one of")
            self.error(node, f"`{word}` is no {noun or name}", hint)
            return default
        return str(node.value)

    def names(self, name: str) -> tuple[str, ...]:
        """A list of texts; one text is a list of one."""
        node = self.get(name)
        return () if node is None else self.texts(node, name)

    def texts(self, node: Node, name: str) -> tuple[str, ...]:
        """The texts of a list at a node."""
        items = node.value if isinstance(node.value, tuple) else (node,)
        for item in items:
            if not isinstance(item.value, str):
                hint = (
                    f'put it in quotes: "{item.written}"'
                    if item.kind in ("a number", "a boolean")
                    else "write [a, b]"
                )
                self.error(item, f"{name} is a list of texts, not {item.kind}", hint)
        return tuple(item.value for item in items if isinstance(item.value, str))

    def date(self, name: str) -> str:
        """A date, kept as text."""
        text, node = self.text(name), self.get(name)
        if node is not None and text:
            try:
                parse_date(text)
            except BadValueError as error:
                self.error(node, str(error), error.hint)
        return text

    def version(self) -> None:
        """Notes a `version` that is not that of the policy language."""
        node = self.get("version")
        if node is None or (node.value == 1 and type(node.value) is int):
            return
        if node.kind == "a number":
            self.error(
                node, f"version {node.value} of the policy language is not known", "write `version: 1`"
            )
        else:
            self.error(node, f"version is a number, not {node.kind}", "write `version: 1`")

    def error(self, node: Node, message: str, hint: str = "") -> None:
        """Notes a problem at a node."""
        self.problems.append(node.problem(message, hint))
