"""`text`: the summary for standard output. The gate's sentence first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import PurePath
from typing import TextIO

from checker import instants
from checker.judgement.run import Run
from checker.model import Finding, Outcome, Tally, Verdict
from checker.problems import printable
from checker.reporting import change, finding_text, run_text, waivers
from checker.reporting.control_matrix import remarks
from checker.reporting.delivery import STDOUT
from checker.reporting.escape import one_line, shorten
from checker.reporting.report_options import Options

MOST_FINDINGS = 20
MOST_UNREADABLE = 10
MOST_LINES = 5
"""Of each kind of line before the table, but for notes."""
WIDEST = 300
WIDEST_NAME = 60
_COLUMNS = ("RULE", "SEVERITY", "PASS", "FAIL", "WAIVED", "UNKNOWN", "N/A")
_COLOURS = {"red": "\x1b[31m", "yellow": "\x1b[33m", "green": "\x1b[32m", "bold": "\x1b[1m"}
_OUTCOMES = {Outcome.PASSED: "green", Outcome.VIOLATION: "red"}


def write(run: Run, out: TextIO, options: Options) -> None:
    """The summary, a line at a time. Untrusted text is on one line each, its control characters as escapes."""
    out.writelines(line + "\n" for line in _lines(run, options))


def _lines(run: Run, options: Options) -> Iterator[str]:
    sentence = _paint(_safe(run.sentence, 1000), _OUTCOMES.get(run.outcome, "yellow"), options)
    yield sentence
    yield ""
    yield from _asked(run, options)
    yield ""
    yield from _table(run, options)
    yield from _findings(run, options)
    yield from _unreadable(run, options)
    yield ""
    yield f"Outcome: {run.outcome.value} (exit code {run.outcome.exit_code})"


def _asked(run: Run, options: Options) -> Iterator[str]:
    coverage = run.coverage
    yield f"Run        {_safe(run.name)} ({_safe(run.id)})"
    yield f"As of      {instants.iso(run.as_of)}{' (hypothetical)' if run.hypothetical else ''}"
    yield (
        f"Coverage   {'at least ' * run.ruling.open_ended}{coverage.expected:,} expected = {coverage.evaluated:,} evaluated"
        f" + {coverage.unreadable:,} unreadable; {coverage.not_found:,} not found"
    )
    if coverage.versions_unread:
        yield f"           {coverage.versions_unread:,} of the unreadable ones read but for the list of their versions"
    for unread in run_text.unreadable_targets(run):
        yield f"           {unread}"
    if moved := run_text.drift_text(run):
        yield f"Image sets {moved}, since earlier runs"
    if answered := run_text.answered_by(run):
        yield f"Rests on   {_safe(answered)}"
    if traffic := run_text.traffic(run):
        yield f"Asked      {_safe(traffic)}"
    changes = [f"rule {item.rule.name} {run_text.change(item)}" for item in run.criteria.changes]
    said: dict[str, list[str]] = {}
    for label, line in (*waivers.lines(run), *change.lines(run)):
        said.setdefault(label, []).append(line)
    every = (
        ("Note", run_text.caveats(run, show_phi=options.show_phi)),
        *said.items(),
        ("Target", [run_text.datastore_text(store) for store in run_text.targets(run)]),
        ("Claimed", run.provenance.claims),
        ("Searched", run.provenance.searched),
        ("Left out", run.criteria.left_out),
        ("Changed", changes),
        ("Control", list(remarks(run))),
    )
    for label, lines in every:
        # a note may say how far nothing can be relied on: each is shown
        shown = lines if label == "Note" else lines[:MOST_LINES]
        for line in shown:
            yield f"{label:<10} {_safe(line)}"
        if len(lines) > len(shown):
            yield f"{label:<10} ... and {len(lines) - len(shown):,} more {_where(options)}"


def _table(run: Run, options: Options) -> Iterator[str]:
    names = [_safe(rule_result.rule.name, WIDEST_NAME) for rule_result in run.ranked]
    width = max(map(len, [*names, _COLUMNS[0]]))
    yield _row(width, *_COLUMNS[:2], _COLUMNS[2:])
    for name, rule_result in zip(names, run.ranked, strict=True):
        line = _row(width, name, rule_result.rule.severity.value, _cells(rule_result.tally))
        red, yellow = run.ruling.counted(rule_result.rule.severity, rule_result.tally)
        yield _paint(line, "red" if red else "yellow", options) if red or yellow else line
    if len(names) > 1:
        yield _row(width, "all rules", "", _cells(run.total))


def _cells(tally: Tally) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in tally.counts[1:])


def _row(width: int, name: str, severity: str, cells: tuple[str, ...]) -> str:
    # as wide as the largest number that a run of millions shows
    return f"{name:<{width}}  {severity:<8} " + " ".join(f"{cell:>9}" for cell in cells)


def _findings(run: Run, options: Options) -> Iterator[str]:
    total = sum(item.gated_fail + item.gated_unknown for item in run.totals)
    if not total:
        return
    yield ""
    shown = f", the worst {MOST_FINDINGS}" if total > MOST_FINDINGS else ""
    yield _paint(f"What the gate counts ({total:,}{shown})", "bold", options)
    for rule, found in groupby(
        run.findings(MOST_FINDINGS, gated=True, show_phi=options.show_phi), key=lambda finding: finding.rule
    ):
        yield f"  {_safe(rule.name)} ({rule.severity}) at {_safe(str(rule.where))}"
        yield f"  {_safe(rule.title)}"
        yield from (_finding(run, finding, options) for finding in found)
    if total > MOST_FINDINGS:
        yield f"  ... and {total - MOST_FINDINGS:,} more {_where(options)}"


def _finding(run: Run, finding: Finding, options: Options) -> str:
    word = _paint(
        f"{finding.verdict.value:<7}", "red" if finding.verdict is Verdict.FAIL else "yellow", options
    )
    since = (
        f"  since {instants.iso(finding.first_seen)}"
        if finding.first_seen and finding.first_seen < run.as_of
        else ""
    )
    return f"    {word}  {_safe(finding.subject.name)}  {_safe(finding_text.headline(finding))}{since}"


def _unreadable(run: Run, options: Options) -> Iterator[str]:
    total = run.coverage.unreadable
    if not total:
        return
    yield ""
    shown = f", first {MOST_UNREADABLE}" if total > MOST_UNREADABLE else ""
    yield _paint(f"Image sets that could not be read ({total:,}{shown})", "bold", options)
    for image_set in islice(run.unread(), MOST_UNREADABLE):
        yield f"  {_safe(image_set.subject.name)}{' (counted by the gate)' * image_set.gated}"
        yield f"          {_safe(run_text.unreadable_reason(image_set))}"
    if total > MOST_UNREADABLE:
        yield f"  ... and {total - MOST_UNREADABLE:,} more {_where(options)}"


def _where(options: Options) -> str:
    paths = [path for kind, path in options.siblings.items() if kind in ("html", "json") and path != STDOUT]
    names = paths if options.folders else [PurePath(path).name for path in paths]
    if names:
        return f"in {' and '.join(_safe(name) for name in names)}"
    return "(all of them: --report json=results.json)"


def _safe(text: str, most: int = WIDEST) -> str:
    return shorten(printable(one_line(text)), most)


def _paint(text: str, colour: str, options: Options) -> str:
    return f"{_COLOURS[colour]}{text}\x1b[0m" if options.color else text
