"""The formats of a comparison of two runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TextIO

from checker.judgement.compare import Comparison
from checker.reporting import differing, differing_pages

FORMATS: Mapping[str, Callable[[Comparison, TextIO], None]] = {
    "html": differing_pages.html,
    "json": differing.json,
    "markdown": differing_pages.markdown,
    "text": differing.text,
}


def write(comparison: Comparison, name: str, out: TextIO) -> None:
    """Writes a comparison in one of the formats."""
    FORMATS[name](comparison, out)
