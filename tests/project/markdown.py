"""The fenced blocks of a Markdown page, and its parts that a program writes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from project.source import ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"`([\w./-]+\.\w+)`[^`]*:\s*\Z")
REGENERATE = "REGENERATE_GOLDEN"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the text, and the file that the line above it names, if it does."""

    page: str
    line: int
    language: str
    text: str
    file: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """README.md and whatever is in docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block, in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        before = text[: match.start()].rstrip()
        named = _NAME.search(before.rpartition("\n\n")[2])
        line = text.count("\n", 0, match.start()) + 1
        yield Block(page.name, line, match[1], match[2], named[1] if named else None)


def check_part(page: Path, name: str, made: str) -> None:
    """Compares what stands between two marks of a page with what a program makes of it now, or writes it there.

    The marks are `<!-- NAME: made by make golden -->` and `<!-- NAME: end -->`.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: made by make golden -->\n", f"<!-- {name}: end -->"
    head, found, rest = text.partition(begin)
    old, closed, tail = rest.partition(end)
    assert found and closed, f"{page.name} has no part {name}"  # noqa: PT018
    if os.environ.get(REGENERATE):
        draft = page.with_suffix(".draft")  # other workers read the page meanwhile
        draft.write_text(f"{head}{begin}\n{made.strip()}\n\n{end}{tail}", encoding="utf-8")
        draft.replace(page)
        return
    assert old.strip() == made.strip(), f"{page.name}, part {name}, is out of date; make golden rewrites it"


def table(*rows: tuple[str, ...]) -> str:
    """A Markdown table; the first row is its head."""
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])
