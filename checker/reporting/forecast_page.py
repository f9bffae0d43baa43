"""A forecast as a page: what happens to the gate, which findings come and go when, which waivers end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TextIO

from checker import instants
from checker.compare.forecast import Forecast
from checker.compare.forecast_days import ForecastDay
from checker.model import Outcome, Waiver
from checker.problems import number_of
from checker.reporting import forecast, page_frame
from checker.reporting.remainder import full_list
from checker.reporting.report_options import Options
from checker.waivers.status import coverage_text, day, days_left

TONES = {Outcome.PASSED: "pass", Outcome.VIOLATION: "fail"}
LIST_SIZES = (500, 100, 20, 0)
"""How many changes, days and waivers the page shows: as many as fit."""
MOST_BARS = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of the time that is drawn: its first and last day, how many findings come and how many go, which waivers end."""

    first: str
    last: str
    come: int
    go: int
    ended: tuple[Waiver, ...]

    @property
    def text(self) -> str:
        """What happens in that part: `2 findings come, 1 waiver ends`; empty where nothing does."""
        parts = (
            _with_verb(self.come, "finding", "comes", "come"),
            _with_verb(self.go, "finding", "goes", "go"),
            _with_verb(len(self.ended), "waiver", "ends", "end"),
        )
        return ", ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Timeline:
    """The time of a forecast, drawn in parts of the same length. `turn` says in which of them the gate gets worse."""

    bars: tuple[Bar, ...]
    turn: int | None
    days: int
    """Of a part."""

    @property
    def most(self) -> int:
        """The highest number of findings that come or go in one part."""
        return max((max(bar.come, bar.go) for bar in self.bars), default=0)

    @property
    def label(self) -> str:
        """What the drawing shows, for people who do not see it."""
        texts = [f"{bar.first}: {bar.text}" for bar in self.bars if bar.text]
        return "; ".join(texts) or "Nothing changes"


def write(document: Forecast, out: TextIO, options: Options) -> None:
    """A page without a script; of the changes it holds the first, and says how many there are."""
    out.write(page_frame.fit("html/forecast_page.html.jinja", _context(document, options), LIST_SIZES))


def timeline(document: Forecast, days: Sequence[ForecastDay]) -> Timeline:
    """The drawing of a forecast."""
    start, end = document.run.as_of.date(), document.until.date()
    length = (end - start).days + 1
    step = -(-length // MOST_BARS)
    bars = []
    for number in range(-(-length // step)):
        first = start.toordinal() + number * step
        own = [item for item in days if first <= item.day.toordinal() < first + step]
        bars.append(
            Bar(
                type(start).fromordinal(first).isoformat(),
                type(start).fromordinal(min(first + step - 1, end.toordinal())).isoformat(),
                sum(sum(item.change.come.values()) for item in own),
                sum(sum(item.change.go.values()) for item in own),
                tuple(waiver for item in own for waiver in item.ended),
            )
        )
    turn = document.turn
    at = None if turn is None else (turn.at.date() - start).days // step
    return Timeline(tuple(bars), at, step)


def _context(document: Forecast, options: Options) -> dict[str, Any]:
    run, days = document.run, document.days
    turn = document.turn
    return {
        **page_frame.frame(page_frame.COMPARE_STYLES),
        "run": run,
        "forecast": document,
        "state": TONES.get(turn.outcome if turn else run.outcome, "unknown"),
        "gate": forecast.gate(document),
        "turn": turn,
        "sentence": forecast.forecast_text(document.total),
        "total": document.total,
        "number": document.number,
        "timeline": timeline(document, days),
        "days": days,
        "forecast_text": forecast.forecast_text,
        "ending": document.ending,
        "kinds": forecast.kinds(document),
        "notes": forecast.notes(document),
        "first_changes": lambda most: list(islice(document.flips.flips(), most)),
        "full_list": full_list(options, "forecast.json"),
        "covered": coverage_text,
        "day": day,
        "days_left": lambda waiver: days_left(waiver, run.as_of),
        "count": number_of,
        "iso": instants.iso,
    }


def _with_verb(number: int, noun: str, verb: str, plural: str) -> str:
    return f"{number_of(number, noun)} {verb if number == 1 else plural}" if number else ""
