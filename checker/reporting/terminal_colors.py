"""The colours of text on a terminal, where it is to have any."""

from __future__ import annotations

from collections.abc import Mapping

from checker.model import Outcome

_CODES = {"red": "\x1b[31m", "yellow": "\x1b[33m", "green": "\x1b[32m", "bold": "\x1b[1m"}
_OUTCOMES = {Outcome.PASSED: "green", Outcome.VIOLATION: "red"}
COLOURS: Mapping[str, str] = {"fail": "red", "unknown": "yellow", "pass": "green"}
"""Of what pages show in the tone of a verdict."""


def paint(text: str, colour: str, *, on: bool) -> str:
    """Text in a colour, or as it is where colours are not `on`, or this one is empty."""
    return f"{_CODES[colour]}{text}\x1b[0m" if on and colour else text


def outcome_color(outcome: Outcome) -> str:
    """The colour of an outcome."""
    return _OUTCOMES.get(outcome, "yellow")
