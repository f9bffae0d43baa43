"""`junit`: one flat suite per rule, red exactly when the exit code is 1 or 3.

Findings that the gate counts are failures and errors, anything else is skipped. What makes a run incomplete without
being a verdict (an unreadable target, an interruption) is an error in a last suite, `imageset-checker.run`, which is
there only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

from checker import instants, values
from checker.judgement.run import RuleResult, Run, SubjectVerdict
from checker.model import Finding, Outcome, Pack, Rule, Subject, Verdict
from checker.reporting import finding_text, run_text, waivers
from checker.reporting.escape import one_line, shorten, xml_text
from checker.reporting.junit_documents import UNLIMITED, Case, Limits, Suite, SuitePlan
from checker.reporting.junit_documents import documents as split
from checker.reporting.report_options import Options
from checker.reporting.templates import template

MOST_NOTES = 20
"""Of a run, which each suite has."""
LONGEST_MESSAGE = 1_000
LONGEST_BODY = 10_000
RUN_SUITE = ("run", "imageset-checker")
NOT_APPLICABLE = "not applicable"


def write(run: Run, out: TextIO, options: Options) -> None:
    """junit.xml as one document, however large."""
    for number, suites in split(_plans(run, options), UNLIMITED):
        out.writelines(_document(run, number, suites))


def documents(run: Run, options: Options, limits: Limits | None = None) -> Iterator[Iterator[str]]:
    """junit.xml as documents of less than 25 MB and at most 50,000 cases each."""
    for number, suites in split(_plans(run, options), limits or Limits()):
        yield _document(run, number, suites)


def _document(run: Run, number: int, suites: Iterator[Suite]) -> Iterator[str]:
    timestamp = instants.iso(run.as_of)[: len("2026-01-02T03:04:05")]  # XSD: whole seconds, no zone
    yield from template("junit.xml.jinja", xml_text).generate(part=number, suites=suites, timestamp=timestamp)


@dataclass(slots=True)
class _Seen:
    """Whether a case is red yet: the last suite must know."""

    red: bool = False


def _plans(run: Run, options: Options) -> Iterator[SuitePlan]:
    packs = {pack.name: pack for pack in run.criteria.packs}
    seen = _Seen()
    rules: Iterable[tuple[RuleResult, Iterator[Case]]]
    if options.junit_passes == "full":
        rules = (
            (judged, _every(run, judged, rows)) for judged, rows in run.subjects(show_phi=options.show_phi)
        )
    else:
        rules = (
            (judged, _found(run, judged, found, options.junit_passes))
            for judged, found in run.findings_by_rule(show_phi=options.show_phi)
        )
    for judged, cases in rules:
        rule = judged.rule
        properties = tuple(_rule_properties(run, rule, packs.get(rule.pack)))
        yield SuitePlan(_token(rule.id), _token(rule.pack), properties, _watched(cases, seen))
    for change in run.criteria.changes:
        if change.off:
            rule, text = change.rule, _text(run_text.change(change), LONGEST_MESSAGE)
            properties = tuple(_rule_properties(run, rule, packs.get(rule.pack)))
            case = Case("switched off", "skipped", "", one_line(text), text)
            yield SuitePlan(_token(rule.id), _token(rule.pack), properties, iter([case]))
    problems = _run_problems(run, red=seen.red)
    first = next(problems, None)
    if first:
        name, package = RUN_SUITE
        properties = (("gate.sentence", _token(run.sentence)), *_run_properties(run))
        yield SuitePlan(name, package, properties, chain([first], problems))


def _watched(cases: Iterator[Case], seen: _Seen) -> Iterator[Case]:
    for case in cases:
        seen.red = seen.red or case.kind in ("failure", "error")
        yield case


def _every(run: Run, judged: RuleResult, rows: Iterator[SubjectVerdict]) -> Iterator[Case]:
    """A case for each subject."""
    total = 0
    for total, subject_verdict in enumerate(rows, start=1):  # noqa: B007 - counted for below
        if subject_verdict.finding is not None:
            yield _finding(run, subject_verdict.finding)
        elif subject_verdict.verdict is Verdict.PASS:
            yield Case(_name(subject_verdict.subject))
        elif subject_verdict.verdict is Verdict.NOT_APPLICABLE:
            yield Case(_name(subject_verdict.subject), "skipped", "", NOT_APPLICABLE, NOT_APPLICABLE)
        else:
            raise RuntimeError(
                f"{judged.rule.name} on {subject_verdict.subject.name}: {subject_verdict.verdict} without a finding"
            )
    if not total:
        yield from _totals(judged)


def _found(run: Run, judged: RuleResult, found: Iterator[Finding], passes: str) -> Iterator[Case]:
    """A case for each finding; the rest as totals, or left out where there are findings to show."""
    empty = True
    for finding in found:
        empty = False
        yield _finding(run, finding)
    if empty or passes == "aggregate":
        yield from _totals(judged)


def _totals(judged: RuleResult) -> Iterator[Case]:
    """What was evaluated, in one case each: a suite without cases reads as one that did not run."""
    tally, scope = judged.tally, judged.rule.scope
    if tally.passed:
        yield Case(f"{finding_text.subjects(tally.passed, scope)} passed")
    if tally.not_applicable:
        name = f"{finding_text.subjects(tally.not_applicable, scope)} not applicable"
        yield Case(name, "skipped", "", NOT_APPLICABLE, NOT_APPLICABLE)
    if not tally.subjects:
        text = f"no {finding_text.NOUNS[scope]} was evaluated"
        yield Case(text, "skipped", "", text, text)


def _finding(run: Run, finding: Finding) -> Case:
    name, text = _name(finding.subject), _text(finding_text.headline(finding), LONGEST_MESSAGE)
    facts = "\n".join(f"{label}: {value}" for label, value in finding_text.details(finding, run.as_of))
    body = _text(f"{text}\n{facts}", LONGEST_BODY)
    if not finding.gated:
        why = finding_text.ungated_reason(finding, run.ruling)
        return Case(name, "skipped", "", why, why if finding.waived else f"{why}\n{body}")
    if finding.verdict is Verdict.FAIL:
        return Case(name, "failure", finding.rule.severity.value, one_line(text), body)
    # one word for a CI to group by: the service's error code where the set could not be read
    kind = _token(finding_text.error_code(finding)) or Verdict.UNKNOWN.value
    return Case(name, "error", kind, one_line(text), body)


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
            kind = _token(image_set.code) or Verdict.UNKNOWN.value
            yield _problem(
                f"image set {_name(image_set.subject)} read",
                kind,
                _token(run_text.unreadable_reason(image_set)),
            )
            red = True
    if run.ruling.uncovered and run.gate.min_coverage is not None:
        text = f"{run_text.read_share(run)}; min_coverage: {values.show(run.gate.min_coverage)}"
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
    yield "gate.sentence", _token(run.sentence)
    yield "severity", rule.severity.value
    for change in run.criteria.changes:
        if change.rule.name == rule.name:
            yield "changed", run_text.change(change)
    for framework, ids in finding_text.controls(rule).items():
        yield _token(f"control.{framework}"), ", ".join(ids)
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
            yield f"gate.{name.replace('_', '-')}", _token(value)
    yield "gate.fail-on", run.gate.threshold
    if run.compared is not None:
        yield "compared.with", _token(run.compared.run)
        yield "compared.why", _token(run.compared.words)
    if run.provenance.deletions_known_since is not None:
        yield "claimed.deletions-known-since", instants.iso(run.provenance.deletions_known_since)
    if run.provenance.replay_of:
        yield "evidence.of-run", _token(run.provenance.replay_of)
    if run.hypothetical:
        yield "evaluated.as-of.note", finding_text.HYPOTHETICAL
    if run.provenance.source == "recorded":
        yield "evidence.note", finding_text.RECORDED
    yield from _notes(run)


def _notes(run: Run) -> Iterator[tuple[str, str]]:
    if run.criteria.left_out:
        more = ["..."] if len(run.criteria.left_out) > MOST_NOTES else []
        yield "left-out", _token("; ".join([*run.criteria.left_out[:MOST_NOTES], *more]))
    for number, note in enumerate(run.notes[:MOST_NOTES], 1):
        yield f"note.{number}", _token(note)
    if len(run.notes) > MOST_NOTES:
        yield "note.more", str(len(run.notes) - MOST_NOTES)


def _name(subject: Subject) -> str:
    return _token(subject.name)


def _token(text: str) -> str:
    return one_line(_text(text, LONGEST_MESSAGE))


def _text(text: str, most: int) -> str:
    return shorten(xml_text(text), most)
