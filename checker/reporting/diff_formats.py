"""The formats of a comparison of two runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TextIO

from checker.compare.diff import Comparison
from checker.reporting import diff, diff_page

FORMATS: Mapping[str, Callable[[Comparison, TextIO], None]] = {
    "html": diff_page.html,
    "json": diff.json,
    "markdown": diff_page.markdown,
    "text": diff.text,
}


def write(comparison: Comparison, name: str, out: TextIO) -> None:
    """Writes a comparison in one of the formats."""
    FORMATS[name](comparison, out)
