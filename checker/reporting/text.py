"""`text`: the summary for standard output. The gate's sentence first, then what it rests on, then the worst findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import TextIO

from checker import instants
from checker.judgement.run import Run
from checker.model import Finding, Rule, Tally, Verdict
from checker.problems import printable, without_markers
from checker.reporting import change, finding_text, run_text, waivers
from checker.reporting.control_matrix import remarks
from checker.reporting.escape import one_line, shorten
from checker.reporting.remainder import more_lines, place
from checker.reporting.report_options import Options
from checker.reporting.terminal_colors import outcome_color, paint
from checker.reporting.text_layout import LEAST, UNBROKEN, Column, cells, table, wrap

MOST_UNREADABLE = 10
MOST_LINES = 5
"""Of each kind of line before the tables, but for notes."""
WIDEST = 300
WIDEST_NAME = 60
_INDENT = " " * 11
_USUAL, _WHOLE = "results.json", ("html", "json")
"""The file in which all findings could be, and the reports that have them all."""
_RULES = (
    Column("RULE", wraps=True),
    Column("SEVERITY"),
    *(Column(head, number=True) for head in ("PASS", "FAIL", "WAIVED", "UNKNOWN", "N/A")),
)
_SEVERITIES = (
    Column("SEVERITY"),
    *(Column(head, number=True) for head in ("FAIL", "COUNTED", "UNKNOWN", "COUNTED", "WAIVED")),
)


def write(run: Run, out: TextIO, options: Options) -> None:
    """The summary, a line at a time. Untrusted text has its control characters as escapes, and no command to a CI server."""
    out.writelines(without_markers(line) + "\n" for line in _lines(run, options))


def _lines(run: Run, options: Options) -> Iterator[str]:
    width = _width(options)
    for line in wrap(_safe(run.sentence, 1000), width):
        yield paint(line, outcome_color(run.outcome), on=options.color)
    yield ""
    for label, said in _facts(run, options):
        yield from wrap(_safe(said), width, first=f"{label:<10} ", rest=_INDENT)
    yield ""
    yield from _severities(run, options)
    yield from _rules(run, options)
    yield from _findings(run, options)
    yield from _unreadable(run, options)
    yield ""
    yield f"Outcome: {run.outcome.value} (exit code {run.outcome.exit_code})"


def _width(options: Options) -> int:
    return max(options.width, LEAST)


def _facts(run: Run, options: Options) -> Iterator[tuple[str, str]]:
    """What the run rests on: a label and a text."""
    coverage = run.coverage
    yield "Run", f"{run.name} ({run.id})"
    yield "As of", f"{instants.iso(run.as_of)}{' (hypothetical)' if run.hypothetical else ''}"
    least = "at least " * run.ruling.open_ended
    read = f"{coverage.evaluated:,} evaluated + {coverage.unreadable:,} unreadable"
    yield "Coverage", f"{least}{coverage.expected:,} expected = {read}; {coverage.not_found:,} not found"
    if coverage.versions_unread:
        yield (
            "",
            f"{coverage.versions_unread:,} of the unreadable ones read but for the list of their versions",
        )
    for unread in run_text.unreadable_targets(run):
        yield "", unread
    if moved := run_text.drift_text(run):
        yield "Image sets", f"{moved}, since earlier runs"
    if answered := run_text.answered_by(run):
        yield "Rests on", answered
    if traffic := run_text.traffic(run):
        yield "Asked", traffic
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
        ("Changed", [f"rule {item.rule.name} {run_text.change(item)}" for item in run.criteria.changes]),
        ("Control", list(remarks(run))),
    )
    for label, lines in every:
        # a note may say how far nothing can be relied on: each is shown
        shown = lines if label == "Note" else lines[:MOST_LINES]
        for line in shown:
            yield label, line
        if len(lines) > len(shown):
            yield label, f"... and {len(lines) - len(shown):,} more {place(options, _USUAL, _WHOLE)}"


def _severities(run: Run, options: Options) -> Iterator[str]:
    """The findings by severity, and how many of them the gate counts."""
    rows = [
        (total.severity.value, *(f"{number:,}" for number in run_text.severity_numbers(total)))
        for total in run.totals
    ]
    lines = list(table(_SEVERITIES, rows, _width(options)))
    head = lines[: len(lines) - len(rows)]
    yield from (line for part in head for line in part)
    for total, part in zip(run.totals, lines[len(head) :], strict=True):
        yield from _coloured(part, total.gated_fail, total.gated_unknown, options)
    if rows:
        yield ""


def _rules(run: Run, options: Options) -> Iterator[str]:
    """The rules that have findings; the others in one line."""
    silent = [item for item in run.ranked if not _has_findings(item.tally)]
    silent = silent if len(silent) > 1 else []  # one rule takes no more room by its name
    telling = [item for item in run.ranked if item not in silent]
    rows = [
        _row(_safe(item.rule.name, WIDEST_NAME), item.rule.severity.value, item.tally) for item in telling
    ]
    if silent:
        rows.append(
            _row(f"{len(silent):,} rules without findings", "", sum((item.tally for item in silent), Tally()))
        )
    if len(run.judged) > 1 and telling:
        rows.append(_row("all rules", "", run.total))
    lines = list(table(_RULES, rows, _width(options)))
    head = lines[: len(lines) - len(rows)]
    yield from (line for part in head for line in part)
    counted = [run.ruling.counted(item.rule.severity, item.tally) for item in telling]
    for index, part in enumerate(lines[len(head) :]):
        yield from _coloured(part, *(counted[index] if index < len(counted) else (0, 0)), options)


def _has_findings(tally: Tally) -> bool:
    return bool(tally.fail or tally.waived or tally.unknown)


def _row(name: str, severity: str, tally: Tally) -> tuple[str, ...]:
    return (name, severity, *(f"{number:,}" for number in tally.counts[1:]))


def _coloured(lines: Iterable[str], red: int, yellow: int, options: Options) -> Iterator[str]:
    colour = "red" if red else "yellow" if yellow else ""
    return (paint(line, colour, on=options.color) for line in lines)


def _findings(run: Run, options: Options) -> Iterator[str]:
    total = run.counted.total
    if not total:
        return
    found = list(run.sample(options.sort, options.limit, show_phi=options.show_phi)) if options.limit else []
    yield ""
    shown = f", {len(found):,} shown" if total > len(found) else ""
    yield paint(f"What the gate counts ({total:,}{shown})", "bold", on=options.color)
    yield from (
        _by_image_set(run, found, options) if options.sort == "image-set" else _by_rule(run, found, options)
    )
    if total > len(found):
        yield from _more(total - len(found), options, "  ")


def _by_rule(run: Run, found: Sequence[Finding], options: Options) -> Iterator[str]:
    """Findings under their rules; the oldest of all stand in their order, so that a rule may come up again."""
    judged = {item.rule.name: item for item in run.judged}
    names = list(dict.fromkeys(finding.rule.name for finding in found))
    if options.sort != "age":
        found = sorted(found, key=lambda finding: names.index(finding.rule.name))
    for rule, group in groupby(found, key=lambda finding: finding.rule):
        own = list(group)
        yield from _rule_head(rule, options)
        for finding in own:
            yield from _finding(run, finding, _safe(finding.subject.name), options)
        more = sum(run.ruling.counted(rule.severity, judged[rule.name].tally)) - len(own)
        if more and options.sort != "age":
            yield f"    ... and {more:,} more of this rule"


def _rule_head(rule: Rule, options: Options) -> Iterator[str]:
    head = f"{_safe(rule.name)} ({rule.severity}) at {_safe(str(rule.where))}"
    for line in (head, _safe(rule.title)):
        yield from wrap(line, _width(options), first="  ", rest="    ")


def _by_image_set(run: Run, found: Sequence[Finding], options: Options) -> Iterator[str]:
    """Findings under their image sets."""
    for name, group in groupby(found, key=lambda finding: finding.subject.name):
        yield from wrap(_safe(name), _width(options), first="  ", rest="    ")
        for finding in group:
            yield from _finding(
                run, finding, f"{_safe(finding.rule.name)} ({finding.rule.severity})", options
            )


def _finding(run: Run, finding: Finding, name: str, options: Options) -> Iterator[str]:
    """A finding on one line where there is room, else its name, and what is said of it below."""
    since = finding.first_seen
    said = _safe(finding_text.headline(finding))
    said += f"  since{UNBROKEN}{instants.iso(since)}" if since and since < run.as_of else ""
    word = f"{finding.verdict.value:<7}"
    first, rest, width = f"    {word}  ", " " * 13, _width(options)
    whole = f"{first}{name}  {said}".replace(UNBROKEN, " ")
    lines = (
        [whole]
        if cells(whole) <= width
        else [*wrap(name, width, first=first, rest=rest), *wrap(said, width, first=rest, rest=rest)]
    )
    colour = "red" if finding.verdict is Verdict.FAIL else "yellow"
    yield "    " + paint(word, colour, on=options.color) + lines[0][4 + len(word) :]
    yield from lines[1:]


def _unreadable(run: Run, options: Options) -> Iterator[str]:
    total = run.coverage.unreadable
    if not total:
        return
    yield ""
    shown = f", first {MOST_UNREADABLE}" if total > MOST_UNREADABLE else ""
    yield paint(f"Image sets that could not be read ({total:,}{shown})", "bold", on=options.color)
    for image_set in islice(run.unread(), MOST_UNREADABLE):
        name = f"{_safe(image_set.subject.name)}{' (counted by the gate)' * image_set.gated}"
        yield from wrap(name, _width(options), first="  ", rest="    ")
        reason = _safe(run_text.unreadable_reason(image_set))
        yield from wrap(reason, _width(options), first=" " * 10, rest=" " * 10)
    if total > MOST_UNREADABLE:
        yield from _more(total - MOST_UNREADABLE, options, "  ")


def _more(number: int, options: Options, indent: str) -> Iterator[str]:
    return more_lines(number, options, _USUAL, width=_width(options), formats=_WHOLE, indent=indent)


def _safe(text: str, most: int = WIDEST) -> str:
    return shorten(printable(one_line(text)), most)
