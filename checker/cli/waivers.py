"""`waivers check`: how waivers stand today, for CI."""

from __future__ import annotations

from collections.abc import Sequence

from checker import api
from checker.cli.console import print_line, print_table, print_warnings
from checker.problems import one_line
from checker.reporting.text_layout import Column

MOST_NAMED = 2
_COLUMNS = (
    Column(""),
    Column("rule", wraps=True),
    Column("covers", wraps=True, least=36),
    Column("owner", wraps=True, least=8),
    Column("last day"),
    Column("", wraps=True),
)


def check(asked: api.WaiverCheckOptions) -> int:
    """Prints a line for each waiver; the exit code is that of the outcome."""
    found = api.check_waivers(asked, print_warnings)
    rows, colours = [_row(item) for item in found.waivers], [_colour(item) for item in found.waivers]
    print_table(_COLUMNS, rows, head=False, colours=colours)
    print_line(_summary(found.waivers))
    return found.outcome.exit_code


def _left(item: api.WaiverStanding) -> str:
    if item.state == "expired":
        return f"{_days(-item.days)} ago"
    if item.state == "not yet":
        return f"from {api.day(item.waiver.created)} on"
    return f"{_days(item.days)} left" if item.days else "its last day"


def _colour(item: api.WaiverStanding) -> str:
    if item.state == "expired":
        return "red"
    broad = item.use is not None and (item.use.unused or item.use.over_broad)
    return "yellow" if broad or item.state == "ends soon" else ""


def _row(item: api.WaiverStanding) -> list[str]:
    waiver = item.waiver
    covers = api.coverage_text(waiver, MOST_NAMED)
    last = f"{api.day(waiver.expires)} ({_left(item)})"
    usage = item.use.usage if item.use else ""
    return [one_line(text) for text in (item.state, waiver.rule, covers, waiver.owner, last, usage)]


def _summary(lines: Sequence[api.WaiverStanding]) -> str:
    kinds = {
        "expired": sum(line.state == "expired" for line in lines),
        "not in force yet": sum(line.state == "not yet" for line in lines),
        "unused": sum(bool(line.use and line.use.unused) for line in lines),
        "over-broad": sum(bool(line.use and line.use.over_broad and not line.use.unused) for line in lines),
    }
    soon = sum(line.state == "ends soon" for line in lines)
    parts = [f"{number:,} {word}" for word, number in kinds.items() if number]
    parts += [f"{soon:,} end{'s' * (soon == 1)} soon"] if soon else []
    doubts = sum(bool(line.use and line.use.doubt) for line in lines)
    parts += [f"of {doubts:,} it could not be told whether it is needed"] if doubts else []
    head = f"{len(lines):,} waiver{'s' * (len(lines) != 1)}"
    return f"{head}: {', '.join(parts)}" if parts else f"{head}: all in force" if lines else head


def _days(number: int) -> str:
    return f"{number:,} day{'s' * (number != 1)}"
