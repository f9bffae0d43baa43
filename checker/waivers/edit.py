"""Adds waivers to a file of waivers as text: what stands there stays as it is, comments and order too.

ruamel.yaml's round trip does not keep it: it writes lists anew in one indentation, takes the comment above the next key into
the list, and loses byte order marks, the marks of a document, and a file that has comments alone.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker import temporary_files, yamlsource
from checker.problems import InvalidInputError, Problem
from checker.values import BadValueError, parse_date
from checker.yaml_nodes import Document, Node
from checker.yamlsource import quote_scalar

HEADER = (
    "# Findings that somebody answers for, until a day. How they stand: imageset-checker waivers check\n"
    "# A rule is PACK/RULE; `expires` is the last valid day, UTC.\n"
)
DAYS = ("created", "expires")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_END = re.compile(r"\.\.\.\s*")


@dataclass(frozen=True, slots=True)
class WaiverDraft:
    """A waiver that is to be added: image sets, or a target."""

    rule: str
    reason: str
    owner: str
    approved_by: str
    created: str
    expires: str
    image_sets: tuple[str, ...] = ()
    target: str | None = None
    version: int | None = None
    covers: str = "fail"

    def plain(self) -> dict[str, Any]:
        """As a reader of YAML has it."""
        document: dict[str, Any] = {"rule": self.rule}
        if self.image_sets:
            document["image_sets"] = list(self.image_sets)
        else:
            document["target"] = self.target
        if self.version is not None:
            document["version"] = self.version
        if self.covers != "fail":
            document["covers"] = self.covers
        for name in ("reason", "owner", "approved_by", "created", "expires"):
            document[name] = getattr(self, name)
        return document

    def lines(self) -> list[str]:
        """As an entry of a list, a line each."""
        made = []
        for name, value in self.plain().items():
            if isinstance(value, list):
                # of an id of digits other readers would make a number
                made += [f"{name}:", *(f"  - {quote_scalar(item, always=True)}" for item in value)]
            else:
                made.append(f"{name}: {_scalar(name, value)}")
        return [f"{'  ' if number else '- '}{line}" for number, line in enumerate(made)]


@dataclass(frozen=True, slots=True)
class EditedWaivers:
    """A file of waivers with new ones: its document, and the lines, counted from 1, that are new in it."""

    document: Document
    text: str
    first: int
    last: int


def add_waivers(source: bytes, shown: str, drafts: Sequence[WaiverDraft]) -> EditedWaivers:
    """A file of waivers with new ones at the end of its list.

    Args:
        source: the file's bytes; none where it is not there yet.
        shown: the path that messages print.
        drafts: the waivers.

    Raises:
        InvalidInputError: the file is no YAML, or is written in a way that nothing can be added to.
    """
    root = yamlsource.parse(source, shown).root
    text = source.decode("utf-8-sig")
    lines = text.splitlines(keepends=True)
    end = "\r\n" if "\r\n" in text else "\n"
    if lines and lines[-1].splitlines() == [lines[-1]]:
        lines[-1] += end
    if root.value is None:
        head = "" if text.strip() else HEADER
        lines += [line + end for line in f"{head}version: 1\nwaivers:".splitlines()]
        at, pad = len(lines), 2
    else:
        lines, at, pad = _place(root, lines, end)
    new = [f"{' ' * pad}{line}" for draft in drafts for line in draft.lines()]
    whole = "".join([*lines[:at], *(line + end for line in new), *lines[at:]])
    mark = b"\xef\xbb\xbf" if source.startswith(b"\xef\xbb\xbf") else b""
    try:
        document = yamlsource.parse(mark + whole.encode(), shown)
    except InvalidInputError:
        raise _refused(root) from None
    if not _grew(root, document.root, drafts):
        raise _refused(root)
    return EditedWaivers(document, "\n".join(new), at + 1, at + len(new))


def replace_file(path: Path, old: bytes | None, new: bytes) -> None:
    """Puts a file in the place of what it was read as, at once or not at all; its permissions stay. Links are followed.

    Args:
        path: the file.
        old: the bytes that were read; None where it was not there.
        new: the bytes to have.

    Raises:
        InvalidInputError: it cannot be written, or has changed meanwhile; what is there stays as it is.
    """
    target = path.resolve()
    temporary = temporary_files.draft(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if (target.read_bytes() if target.exists() else None) != old:
            raise InvalidInputError(
                Problem(path.as_posix(), "the file was changed meanwhile", "try it again")
            )
        if old is not None and not os.access(target, os.W_OK):
            raise PermissionError(13, "it is read-only")  # renaming would not ask
        with temporary.open("xb") as out:
            out.write(new)
            out.flush()
            os.fsync(out.fileno())
        if old is not None:
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except FileExistsError:
        message = "cannot be written: a file is where its folder would be"
        raise InvalidInputError(Problem(path.as_posix(), message)) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInputError(Problem(path.as_posix(), f"cannot be written: {reason}")) from None
    finally:
        temporary_files.discard(temporary)


def _scalar(name: str, value: object) -> str:
    """A value as YAML: days stand plain, as people write them; other text that looks like one does not."""
    text = str(value)
    return text if isinstance(value, int) or (name in DAYS and _is_day(text)) else quote_scalar(text)


def _is_day(text: str) -> bool:
    try:
        parse_date(text)
    except BadValueError:
        return False
    return _DAY.fullmatch(text) is not None


def _place(root: Node, lines: list[str], line_end: str) -> tuple[list[str], int, int]:
    """The lines, after how many of them entries go, and how far in."""
    if not isinstance(root.value, dict) or _begins(root, "{"):
        raise _refused(root)
    margin = root.where.column - 1
    entry = root.value.get("waivers")
    if entry is None:
        end = _end(lines)
        return [*lines[:end], f"{' ' * margin}waivers:{line_end}", *lines[end:]], end + 1, margin + 2
    items = entry.node
    later = [
        item.key.where.line for item in root.value.values() if item.key.where.line > entry.key.where.line
    ]
    end = min(later) - 1 if later else _end(lines)
    while later and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1  # comments above a key are the key's
    if items.value == ():
        row, column = items.where.line - 1, items.where.column - 1
        lines[row] = (
            re.sub(r"[ \t]*\[[ \t]*\]", "", lines[row][: column + items.width])
            + lines[row][column + items.width :]
        )
        return lines, end, margin + 2
    if items.value is not None and not _begins(items, "-"):
        raise _refused(items)
    return lines, end, items.where.column - 1 if items.value is not None else margin + 2


def _begins(node: Node, sign: str) -> bool:
    return node.line[node.where.column - 1 :].startswith(sign)


def _end(lines: list[str]) -> int:
    """The number of lines before the mark that ends a document, if there is one."""
    return next((number for number, line in enumerate(lines) if _END.fullmatch(line)), len(lines))


def _grew(old: Node, new: Node, drafts: Sequence[WaiverDraft]) -> bool:
    """Whether a document has what it had, and the drafts at the end of its list."""
    was, now = _loose(old.plain()) or {"version": 1}, _loose(new.plain())
    before = was.pop("waivers", None) or []
    added = [_loose(draft.plain()) for draft in drafts]
    return bool(now.pop("waivers") == [*before, *added] and now == was)


def _loose(value: Any) -> Any:
    """Without what a line break at the end of a file changes: that at the end of a text."""
    if isinstance(value, dict):
        return {key: _loose(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_loose(item) for item in value]
    return value.rstrip() if isinstance(value, str) else value


def _refused(node: Node) -> InvalidInputError:
    hint = "write `waivers:` alone on a line, and below it each waiver as `- rule: PACK/RULE`"
    return InvalidInputError(node.problem("no waiver can be added to what is written so", hint))
