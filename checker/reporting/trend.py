"""How an audit's numbers went, as text with lines of bars, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, TextIO

from checker import instants
from checker.compare.trend import (
    RunGap,
    RunSummary,
    Trend,
    run_gaps,
    run_summaries,
    tallies_by_severity,
)
from checker.judgement.gate_text import number_by_severity
from checker.judgement.run import Run
from checker.model import Category, Severity, Tally
from checker.problems import number_of, printable, without_markers
from checker.reporting import change, finding_text
from checker.reporting.escape import json_text, one_line, shorten
from checker.reporting.report_options import Options
from checker.reporting.terminal_colors import outcome_color, paint
from checker.reporting.text_layout import LEAST, Column, table, without_milliseconds, wrap

SCHEMA = "imageset-checker/trend/1"
_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"
MOST_TEXTS = 30
LEAST_BARS = 8
"""That stand beside their numbers."""
MOST_SLOTS = 3
"""As how many runs a time without any is drawn at most."""
_RUNS = (
    Column("AS OF", shorten=without_milliseconds),
    Column("OUTCOME"),
    *(Column(head, number=True) for head in ("EXPECTED", "READ", "FAIL", "UNKNOWN", "WAIVED", "NEW", "FIXED")),
)  # fmt: skip
PARTIAL = "not everything was read: there may be more"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the drawing of a course: a run with its number, of which there may be more where the run is `partial`; or a
    time without runs, whose number is None. `text` is what it says in words."""

    number: int | None
    partial: bool
    text: str


@dataclass(frozen=True, slots=True)
class Course:
    """How one number went: what it is, the verdict whose colour it has, its places, oldest first."""

    name: str
    tone: str
    slots: tuple[Slot, ...]

    @property
    def numbers(self) -> list[int]:
        """Those of the runs."""
        return [slot.number for slot in self.slots if slot.number is not None]

    @property
    def label(self) -> str:
        """The course in words, for people who do not see it drawn: `Critical: 0, 3, no run for 21 days, 2`; of many runs its
        ends alone."""
        steps = zip(self.slots, (None, *self.slots), strict=False)
        # a time without runs may take several places
        texts = [slot.text for slot, before in steps if slot.number is not None or slot != before]
        numbers = self.numbers
        if len(texts) > MOST_TEXTS:
            texts = [f"{len(numbers):,} runs, from {min(numbers):,} to {max(numbers):,}, now {numbers[-1]:,}"]
        return f"{self.name.capitalize()}: {', '.join(texts)}"


def courses(runs: Sequence[RunSummary]) -> list[Course]:
    """Of each severity that a rule of the last run has, or that once had fails, the unwaived fails of each run, the worst
    first; then the unknowns."""
    found = []
    for severity in reversed(Severity):
        numbers = [run.severities.get(severity, Tally()).fail for run in runs]
        if any(numbers) or (runs and severity in runs[-1].severities):
            found.append(Course(severity.value, "fail", _slots(runs, numbers)))
    return [*found, Course("unknown", "unknown", _slots(runs, [run.total.unknown for run in runs]))]


def _slots(runs: Sequence[RunSummary], numbers: Sequence[int]) -> tuple[Slot, ...]:
    gaps = {gap.after.run: gap for gap in run_gaps(runs)}
    found = []
    for run, number in zip(runs, numbers, strict=True):
        text = f"{number:,} or more, as not everything was read" if run.partial else f"{number:,}"
        found.append(Slot(number, run.partial, text))
        if gap := gaps.get(run.run):
            found += [Slot(None, partial=False, text=f"no run for {_length(gap.length)}")] * min(
                gap.number, MOST_SLOTS
            )
    return tuple(found)


def gap_text(gap: RunGap) -> str:
    """`No run for 21 days, from 2026-01-08 to 2026-01-29; usually there is one every 7 days.`"""
    first, last = (run.as_of.date().isoformat() for run in (gap.after, gap.before))
    return f"No run for {_length(gap.length)}, from {first} to {last}; usually there is one every {_length(gap.usual)}."


def _length(time: timedelta) -> str:
    hours = round(time / timedelta(hours=1))
    return number_of(round(time / timedelta(days=1)), "day") if hours >= 48 else number_of(hours, "hour")


def partial_text(run: RunSummary) -> str:
    """What a run did not read: `2 image sets could not be read`; empty where it read everything."""
    coverage = run.coverage
    parts = [f"{finding_text.subjects(coverage.unreadable)} could not be read"] * bool(coverage.unreadable)
    targets = max(coverage.unreadable_targets, coverage.unlisted_targets)
    parts += [f"{number_of(targets, 'target')} could not be read or listed"] * bool(targets)
    return " and ".join(parts)


def state_text(run: RunSummary) -> str:
    """The fails and unknowns of a run: `27 fails (critical 2, high 25), 3 unknowns (high)`."""
    kinds = (("fail", "fail", "s"), ("unknown", "unknown", "s"))
    texts = (
        number_by_severity({item: getattr(own, kind) for item, own in run.severities.items()}, what, plural)
        for kind, what, plural in kinds
    )
    return ", ".join(texts)


def change_text(run: RunSummary) -> str:
    """What became of the findings since the run that it was compared with, by severity; empty where it was with none."""
    if run.change is None:
        return ""
    if run.numbers is not None:
        return change.severity_text(run.numbers)
    parts = [f"{number:,} {category.value}" for category, number in run.change.items() if number]
    return ", ".join(parts) or "no finding then or now"


def text(trend: Trend, out: TextIO, options: Options) -> None:
    """A line for each run, oldest first; the fails by severity as bars; what became of the findings since the last one."""
    out.writelines(without_markers(line) + "\n" for line in _lines(trend, options))


def _lines(trend: Trend, options: Options) -> Iterator[str]:
    runs, width = trend.runs, max(options.width, LEAST)
    yield from wrap(f"{_safe(trend.name)}: {number_of(len(runs), 'run')}", width)
    if not runs:
        return
    for line in wrap(f"Last: {runs[-1].outcome.value}, {state_text(runs[-1])}", width, rest="      "):
        yield paint(line, outcome_color(runs[-1].outcome), on=options.color)
    yield ""
    yield from (line for row in table(_RUNS, map(_row, runs), width) for line in row)
    yield ""
    yield from _bars(courses(runs), width)
    yield ""
    yield from _severity_table(runs, width)
    yield from _remarks(trend, width)


def _severity_table(runs: Sequence[RunSummary], width: int) -> Iterator[str]:
    """The fails of each run by severity; its instant too, unless every run is called by it."""
    severities = [Severity(course.name) for course in courses(runs)[:-1]]
    named = all(run.run.startswith(f"{run.as_of:%Y%m%dT%H%M%SZ}") for run in runs)
    instant = () if named else (Column("AS OF", shorten=without_milliseconds),)
    heads = [Column(severity.value.upper(), number=True) for severity in severities]
    columns = (Column("RUN", wraps=True, least=25), *instant, *heads, Column("OLDEST"))
    rows = []
    for run in runs:
        fails = (f"{run.severities.get(severity, Tally()).fail:,}" for severity in severities)
        oldest = run.oldest.date().isoformat() if run.oldest else ""
        name = _safe(run.run) + "*" * (named and run.hypothetical)
        rows.append((name, *([] if named else [_as_of(run)]), *fails, oldest))
    yield from (line for row in table(columns, rows, width) for line in row)


def _remarks(trend: Trend, width: int) -> Iterator[str]:
    runs, said = trend.runs, []
    last = runs[-1]
    if last.change is not None:
        since = f" (since {_safe(last.compared)})" if last.compared else ""
        said.append(f"Change of the last run{since}: {change_text(last)}.")
    said += [gap_text(gap) for gap in trend.gaps]
    if any(run.partial for run in runs):
        said.append(f"? {PARTIAL}")
    if any(run.hypothetical for run in runs):
        said.append("* hypothetical: ages were measured against another instant than that of the run")
    for line in said:
        yield ""
        yield from wrap(line, width, rest="  ")


def _row(run: RunSummary) -> tuple[str, ...]:
    total = run.total
    numbers = (run.coverage.expected, run.coverage.evaluated, total.fail, total.unknown, total.waived)
    changed = (changed_number(run, category) for category in (Category.NEW, Category.FIXED))
    outcome = run.outcome.value + "?" * run.partial
    return (_as_of(run), outcome, *(f"{number:,}" for number in numbers), *changed)


def _as_of(run: RunSummary) -> str:
    return instants.iso(run.as_of) + "*" * run.hypothetical


def changed_number(run: RunSummary, category: Category) -> str:
    """How many findings of a run became what, since the run that it was compared with."""
    return "" if run.change is None else f"{run.change.get(category, 0):,}"


def _bars(found: Sequence[Course], width: int) -> Iterator[str]:
    """Each course as bars; where they are too many for a line, the last of them."""
    names = max(len(course.name) for course in found)
    for course in found:
        first, last = course.numbers[0], course.numbers[-1]
        most = "" if max(course.numbers) == max(first, last) else f", at most {max(course.numbers):,}"
        ends = f"{first:,} to {last:,}{most}" if len(set(course.numbers)) > 1 else f"{last:,}"
        bars, room = sparkline([slot.number for slot in course.slots]), width - names - 2
        beside = room - len(ends) - 2
        if beside < min(len(bars), LEAST_BARS):
            yield f"{course.name:<{names}}  {bars[-room:]}"
            yield from wrap(ends, width, first=" " * (names + 2), rest=" " * (names + 2))
        else:
            yield f"{course.name:<{names}}  {bars[-beside:]}  {ends}"


def sparkline(numbers: Sequence[int | None]) -> str:
    """Numbers as bars, of which the lowest is for 0 alone: few are never shown as none. Where there is none there is a dot."""
    most = max((number for number in numbers if number is not None), default=0)
    steps = len(_BARS) - 1
    return "".join(
        _GAP if number is None else _BARS[-(-number * steps // most)] if most else _BARS[0]
        for number in numbers
    )


def json(trend: Trend, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """The runs, oldest first."""
    document = {
        "schema": SCHEMA,
        "name": trend.name,
        "runs": [_json(run) for run in trend.runs],
        "gaps": [
            {
                "after": gap.after.run,
                "before": gap.before.run,
                "missing": gap.number,
                "sentence": gap_text(gap),
            }
            for gap in trend.gaps
        ],
    }
    out.write(f"{json_text(document, indent=2)}\n")


def _json(item: RunSummary) -> dict[str, Any]:
    return {
        "run": item.run,
        "as_of": instants.iso(item.as_of),
        "hypothetical": item.hypothetical,
        "outcome": item.outcome.value,
        "complete": not item.partial,
        "coverage": {**asdict(item.coverage), "evaluated": item.coverage.evaluated},
        "compared": item.compared or None,
        "change": None if item.change is None else {word.value: n for word, n in item.change.items()},
        "since": None if item.numbers is None else change.numbers_document(item.numbers),
        "oldest": instants.iso(item.oldest) if item.oldest else None,
        "total": _tally(item.total),
        "severities": [{"severity": name.value, **_tally(tally)} for name, tally in item.severities.items()],
        "rules": [{"rule": name, **_tally(tally)} for name, tally in item.tallies.items()],
    }


def _tally(tally: Tally) -> dict[str, int]:
    plain = asdict(tally)
    return {"pass" if name == "passed" else name: number for name, number in plain.items()}


def points(run: Run) -> tuple[RunSummary, ...]:
    """Earlier runs and this one, oldest first; nothing where there are no earlier ones."""
    if not run.trend:
        return ()
    since = run.change
    own = RunSummary(
        run.id,
        run.as_of,
        run.outcome,
        run.hypothetical,
        run.coverage,
        {rule_result.rule.name: rule_result.tally for rule_result in run.judged},
        since.numbers.totals if since else None,
        run.oldest,
        tallies_by_severity((item.rule.severity, item.tally) for item in run.judged),
        since.numbers if since else None,
        run.compared.run if run.compared else "",
    )
    return (*run_summaries(run.trend), own)


def _safe(said: str) -> str:
    return shorten(printable(one_line(said)), 100)
