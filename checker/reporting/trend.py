"""How an audit's numbers went: text with a line of bars, JSON, and a drawing for pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from checker import instants
from checker.compare.trend import RunSummary, Trend, run_summaries, run_summary
from checker.judgement.run import Run
from checker.model import Severity
from checker.problems import printable
from checker.reporting.escape import json_text, one_line, shorten
from checker.reporting.report_options import Options

if TYPE_CHECKING:
    from markupsafe import Markup

SCHEMA = "imageset-checker/trend/1"
_BARS = "▁▂▃▄▅▆▇█"
_HEADS = (
    "AS OF",
    "OUTCOME",
    "EXPECTED",
    "READ",
    "FAIL",
    "NEW",
    "FIXED",
    "WAIVED",
    "UNKNOWN",
    "OLDEST",
    "RUN",
)


def text(trend: Trend, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """A line for each run, oldest first; the fails of all of them as bars."""
    runs = trend.runs
    fails = [run.total.fail for run in runs]
    lines = [_row(*_HEADS)]
    for run in runs:
        total = run.total
        lines.append(
            _row(
                instants.iso(run.as_of) + ("*" if run.hypothetical else ""),
                run.outcome.value,
                f"{run.coverage.expected:,}",
                f"{run.coverage.evaluated:,}",
                f"{total.fail:,}",
                *(_changed(run, word) for word in ("new", "fixed")),
                f"{total.waived:,}",
                f"{total.unknown:,}",
                run.oldest.date().isoformat() if run.oldest else "",
                _safe(run.run),
            )
        )
    head = f"{_safe(trend.name)}: {len(runs)} {'run' if len(runs) == 1 else 'runs'}"
    lines = [head, "", *lines]
    if len(runs) > 1:
        lines += ["", f"fails    {sparkline(fails)}  {min(fails):,} to {max(fails):,}"]
        unknowns = [run.total.unknown for run in runs]
        lines.append(f"unknown  {sparkline(unknowns)}  {min(unknowns):,} to {max(unknowns):,}")
    if any(run.hypothetical for run in runs):
        lines += ["", "* hypothetical: ages were measured against another instant than that of the run"]
    out.writelines(f"{line}\n" for line in lines)


def _changed(item: RunSummary, word: str) -> str:
    """How many findings of a run became what, since the run that it was compared with."""
    return "" if item.change is None else f"{item.change.get(word, 0):,}"


def sparkline(numbers: Sequence[int]) -> str:
    """Numbers as bars, of which the lowest is for 0 alone: few are never shown as none."""
    most = max(numbers, default=0)
    steps = len(_BARS) - 1
    return "".join(_BARS[-(-number * steps // most)] if most else _BARS[0] for number in numbers)


def json(trend: Trend, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """The runs, oldest first."""
    document = {"schema": SCHEMA, "name": trend.name, "runs": [_json(run) for run in trend.runs]}
    out.write(f"{json_text(document, indent=2)}\n")


def _json(item: RunSummary) -> dict[str, Any]:
    return {
        "run": item.run,
        "as_of": instants.iso(item.as_of),
        "hypothetical": item.hypothetical,
        "outcome": item.outcome.value,
        "coverage": {**asdict(item.coverage), "evaluated": item.coverage.evaluated},
        "change": None if item.change is None else dict(item.change),
        "oldest": instants.iso(item.oldest) if item.oldest else None,
        "total": _tally(item.total),
        "rules": [{"rule": name, **_tally(tally)} for name, tally in item.tallies.items()],
    }


def _tally(tally: Any) -> dict[str, int]:
    plain = asdict(tally)
    return {"pass" if name == "passed" else name: number for name, number in plain.items()}


def svg(points: Sequence[int], label: str = "") -> Markup:
    """Numbers as bars in a page, whose style colours them (`.bar rect`); for people who do not see it there is `label`,
    and a page should have the numbers in a table beside it."""
    from markupsafe import Markup, escape

    most = max(points, default=0) or 1
    width = 1000 / max(len(points), 1)
    bars = "".join(
        f'<rect class="fail" x="{index * width + width * 0.1:.2f}" y="{100 - 100 * number / most:.2f}"'
        f' width="{width * 0.8:.2f}" height="{100 * number / most:.2f}"/>'
        for index, number in enumerate(points)
    )
    named = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(  # noqa: S704 - numbers, and a label that is escaped
        f'<svg class="trend" viewBox="0 0 1000 100" preserveAspectRatio="none" {named} focusable="false">{bars}</svg>'
    )


def points(run: Run) -> tuple[RunSummary, ...]:
    """Earlier runs and this one, oldest first; nothing where there are no earlier ones."""
    if not run.trend:
        return ()
    tallies = {rule_result.rule.name: rule_result.tally for rule_result in run.judged}
    change = {item.value: number for item, number in run.change.numbers.items()} if run.change else None
    own = RunSummary(
        run.id, run.as_of, run.outcome, run.hypothetical, run.coverage, tallies, change, run.oldest
    )
    return (*run_summaries(run.trend), own)


def courses(run: Run, runs: Sequence[RunSummary]) -> dict[str, list[int]]:
    """Of each severity that a rule has, or once had fails of, the unwaived fails of each run; then the unknowns."""
    kept: dict[str, dict[str, int]] = {}
    for point in run.trend:
        if earlier := run_summary(point):
            fails = kept.setdefault(earlier.run, {})
            for rule_result in point["summary"]["rules"]:
                severity = str(rule_result.get("severity"))
                fails[severity] = fails.get(severity, 0) + int(rule_result.get("fail", 0))
    own = dict.fromkeys((rule_result.rule.severity for rule_result in run.judged), 0)
    for rule_result in run.judged:
        own[rule_result.rule.severity] += rule_result.tally.fail
    found = {}
    for severity in reversed(Severity):
        numbers = [kept.get(item.run, {}).get(severity.value, 0) for item in runs[:-1]]
        if severity in own or any(numbers):
            found[severity.value] = [*numbers, own.get(severity, 0)]
    return found | {"unknown": [item.total.unknown for item in runs]}


def _row(*cells: str) -> str:
    as_of, outcome, *numbers, run = cells
    return f"{as_of:<25}  {outcome:<10} " + " ".join(f"{cell:>10}" for cell in numbers) + f"  {run}"


def _safe(said: str) -> str:
    return shorten(printable(one_line(said)), 100)
