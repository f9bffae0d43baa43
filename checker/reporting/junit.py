"""`junit`: one flat suite per rule, red exactly when the exit code is 1 or 3.

Findings that the gate counts are failures and errors, anything else is skipped. What makes a run incomplete without
being a verdict (an unreadable target, an interruption) is an error in a last suite, `imageset-checker/run`, which is
there only then, and where no other suite has a case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

from checker import instants, values
from checker.judgement.run import RuleResult, Run
from checker.model import Outcome, Pack, Rule, Verdict
from checker.reporting import finding_text, run_text, waivers
from checker.reporting.escape import one_line, xml_text
from checker.reporting.junit_cases import (
    LONGEST_TEXT,
    Style,
    case_name,
    omitted,
    open_cases,
    style,
    token,
    verdict_cases,
    xml,
)
from checker.reporting.junit_documents import BRIEF, Case, Limits, Room, Suite, SuitePlan
from checker.reporting.junit_documents import documents as split
from checker.reporting.report_options import Options
from checker.reporting.templates import template

MOST_NOTES = 20
"""Of a run, which each suite has."""
RUN_SUITE = "imageset-checker"


def write(run: Run, out: TextIO, options: Options) -> None:
    """junit.xml as one document, however large its reader takes one."""
    written = style(run, options)
    for number, suites in _documents(run, options, written, written.consumer.stream):
        out.writelines(_document(run, number, suites))


def documents(run: Run, options: Options, limits: Limits | None = None) -> Iterator[Iterator[str]]:
    """junit.xml as documents as large as its reader takes them: of less than 25 MB and at most 50,000 cases each."""
    written = style(run, options)
    for number, suites in _documents(run, options, written, limits or written.consumer.limits):
        yield _document(run, number, suites)


def _documents(
    run: Run, options: Options, style: Style, limits: Limits
) -> Iterator[tuple[int, Iterator[Suite]]]:
    red = run.counted.total + run.ruling.unread
    room = Room(limits.total, red)
    yield from split(_plans(run, options, style, room), limits, room)


def _document(run: Run, number: int, suites: Iterator[Suite]) -> Iterator[str]:
    timestamp = instants.iso(run.as_of)[: len("2026-01-02T03:04:05")]  # XSD: whole seconds, no zone
    yield from template("junit.xml.jinja", xml_text).generate(part=number, suites=suites, timestamp=timestamp)


@dataclass(slots=True)
class _Progress:
    """Whether there is a case yet, and a red one: the last suite must know."""

    any: bool = False
    red: bool = False


def _plans(run: Run, options: Options, style: Style, room: Room) -> Iterator[SuitePlan]:
    packs = {pack.name: pack for pack in run.criteria.packs}
    progress = _Progress()
    rules: Iterable[tuple[RuleResult, Iterator[Case]]]
    if style.passes == "full":
        rules = (
            (judged, verdict_cases(run, style, judged, rows))
            for judged, rows in run.subjects(show_phi=options.show_phi)
        )
    else:
        rules = (
            (judged, open_cases(run, style, judged, found))
            for judged, found in run.findings_by_rule(show_phi=options.show_phi)
        )
    for judged, cases in rules:
        rule = judged.rule
        properties = tuple(_rule_properties(run, rule, packs.get(rule.pack)))
        own = tuple(_shown(run, style, judged))
        yield _plan(style, rule, (*properties, *own), _watched(cases, progress))
    for change in run.criteria.changes:
        if change.off:
            rule, text = change.rule, xml(run_text.change(change), LONGEST_TEXT)
            properties = tuple(_rule_properties(run, rule, packs.get(rule.pack)))
            case = Case(case_name(style, rule, "switched off"), "skipped", "", one_line(text), text)
            yield _plan(
                style, rule, properties, _watched(iter([case] if style.skipped == "all" else []), progress)
            )
    problems = chain(_run_problems(run, red=progress.red), _omission(room))
    first = next(problems, None)
    if first is None and not progress.any:
        first = Case("run to its end")  # a file without a case reads as one of nothing
    if first:
        properties = (("gate.sentence", token(run.sentence)), *_run_properties(run))
        package = RUN_SUITE if style.consumer.package else ""
        cases = chain([first], problems)
        yield SuitePlan(f"{RUN_SUITE}/run", f"{RUN_SUITE}.run", package, properties, cases)


def _plan(
    style: Style, rule: Rule, properties: tuple[tuple[str, str], ...], cases: Iterator[Case]
) -> SuitePlan:
    pack, name = token(rule.pack), token(rule.id)
    return SuitePlan(
        f"{pack}/{name}", f"{pack}.{name}", pack if style.consumer.package else "", properties, cases
    )


def _watched(cases: Iterator[Case], progress: _Progress) -> Iterator[Case]:
    for case in cases:
        progress.any, progress.red = True, progress.red or case.red
        yield case


def _omission(room: Room) -> Iterator[Case]:
    """A red case in place of those that there is no room for."""
    if room.left_out:
        room.free = 2 * BRIEF  # limits have that to spare
        text = f"{room.left_out:,} findings that the gate counts are not in this report: its reader takes no more"
        yield _problem("findings reported", "left-out", f"{text}; the json report has all of them")


def _shown(run: Run, style: Style, judged: RuleResult) -> Iterator[tuple[str, str]]:
    """Which of the cases of a rule its suite shows."""
    yield "passes.shown", style.passes_text
    left_out = omitted(run, judged, style.skipped)
    if left_out:
        yield "skipped.left-out", ", ".join(f"{number:,} {what}" for what, number in left_out.items())


def _run_problems(run: Run, *, red: bool) -> Iterator[Case]:
    """What makes the run incomplete besides verdicts; an error in each case, for each makes the exit code 3 or 1."""
    if not run.evaluated_any:
        yield _problem("image sets evaluated", "nothing-evaluated", "no image set was evaluated")
        red = True
    if unread := run_text.unreadable_targets(run):
        yield _problem("targets read", "unreadable-target", "; ".join(unread))
        red = True
    for image_set in run.unread() if run.ruling.unread else ():
        if image_set.gated:
            kind = token(image_set.code) or Verdict.UNKNOWN.value
            yield _problem(
                f"image set {token(image_set.subject.name)} read",
                kind,
                token(run_text.unreadable_reason(image_set)),
            )
            red = True
    if run.ruling.uncovered and run.gate.min_coverage is not None:
        share = values.show(run.gate.min_coverage)
        text = f"{run_text.read_share(run)}; the gate asks for at least {share} of them"
        yield _problem("coverage", "min-coverage", text)
        red = True
    if run.provenance.interrupted:
        yield _problem("run to its end", "interrupted", "the run was stopped before its end")
        red = True
    if run.outcome is Outcome.INCOMPLETE and not red:
        text = "the run is incomplete for a reason that no verdict shows"
        yield _problem("run to its end", "incomplete", text)


def _problem(name: str, kind: str, text: str) -> Case:
    return Case(name, "error", kind, text, text)


def _rule_properties(run: Run, rule: Rule, pack: Pack | None) -> Iterator[tuple[str, str]]:
    yield "gate.sentence", token(run.sentence)
    yield "severity", rule.severity.value
    for change in run.criteria.changes:
        if change.rule.name == rule.name:
            yield "changed", run_text.change(change)
    for framework, ids in finding_text.controls(rule).items():
        yield token(f"control.{framework}"), ", ".join(ids)
    for lack in run.criteria.shortfalls:
        if lack.rule == rule.name:
            yield "control.not-satisfied", run_text.shortfall(lack)
    for state, number in waivers.rule_counts(run, rule).items():
        yield f"waivers.{state}", str(number)
    if pack is not None:
        yield "policy.file", pack.path
        yield "policy.sha256", pack.sha256
    yield from _run_properties(run)


def _run_properties(run: Run) -> Iterator[tuple[str, str]]:
    yield "evaluated.as-of", instants.iso(run.as_of)
    for name, value in run_text.gate(run).items():
        if name not in ("fail_on", "on_unknown"):
            yield f"gate.{name.replace('_', '-')}", token(value)
    yield "gate.fail-on", run.gate.threshold
    if run.compared is not None:
        yield "compared.with", token(run.compared.run)
        yield "compared.why", token(run.compared.words)
    if run.provenance.deletions_known_since is not None:
        yield "claimed.deletions-known-since", instants.iso(run.provenance.deletions_known_since)
    if run.provenance.replay_of:
        yield "evidence.of-run", token(run.provenance.replay_of)
    if run.hypothetical:
        yield "evaluated.as-of.note", finding_text.HYPOTHETICAL
    if run.provenance.source == "recorded":
        yield "evidence.note", finding_text.RECORDED
    yield from _notes(run)


def _notes(run: Run) -> Iterator[tuple[str, str]]:
    if run.criteria.left_out:
        more = ["..."] if len(run.criteria.left_out) > MOST_NOTES else []
        yield "left-out", token("; ".join([*run.criteria.left_out[:MOST_NOTES], *more]))
    for number, note in enumerate(run.notes[:MOST_NOTES], 1):
        yield f"note.{number}", token(note)
    if len(run.notes) > MOST_NOTES:
        yield "note.more", str(len(run.notes) - MOST_NOTES)
