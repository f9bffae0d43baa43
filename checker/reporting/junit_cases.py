"""A verdict as a test case: what its name is, what it says, and where readers look for that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from checker.judgement.run import RuleResult, Run, SubjectVerdict
from checker.model import Finding, JUnitPasses, JUnitSkipped, Rule, Subject, Verdict
from checker.reporting import finding_text
from checker.reporting.delivery import STDOUT
from checker.reporting.escape import one_line, shorten, xml_text
from checker.reporting.finding_text import RuleFacts
from checker.reporting.junit_consumers import CONSUMERS, Consumer, java_frame, policy_file
from checker.reporting.junit_documents import Case
from checker.reporting.normal_form import finding_id
from checker.reporting.report_options import Options

LONGEST_TEXT = 1_000
LONGEST_BODY = 10_000
MOST_CASES = 1_000
"""Of a run, so that all are shown where nobody says how passes are."""


@dataclass(frozen=True, slots=True)
class Style:
    """How the cases of a run are written: for which reader, which of them, and what the HTML report is called."""

    consumer: Consumer
    passes: JUnitPasses
    skipped: JUnitSkipped
    page: str
    passes_text: str
    """What the file says of its passes."""


def style(run: Run, options: Options) -> Style:
    """How the cases of a run are written. Above 1,000 of them there is one for all passes of a rule, unless somebody asked
    for another way."""
    passes, text = options.junit_passes, str(options.junit_passes)
    if passes == "auto":
        cases = full_cases(run, options.junit_skipped)
        passes = "full" if cases <= MOST_CASES else "aggregate"
        text = passes
        if passes == "aggregate":
            text += f": with each pass there would be {cases:,} cases, which --junit-passes full writes"
    page = options.siblings.get("html", STDOUT)
    name = "" if page == STDOUT else Path(page).name
    return Style(CONSUMERS[options.junit_for], passes, options.junit_skipped, name, text)


def full_cases(run: Run, skipped: JUnitSkipped) -> int:
    """How many cases of verdicts there are where each pass has one."""
    return run.total.subjects - sum(sum(omitted(run, judged, skipped).values()) for judged in run.judged)


def omitted(run: Run, judged: RuleResult, skipped: JUnitSkipped) -> dict[str, int]:
    """The cases of a rule that are left out since they are skipped, by what they are."""
    if skipped == "all":
        return {}
    tally = judged.tally
    waived = tally.waived + tally.unknown_waived
    gated = sum(run.ruling.counted(judged.rule.severity, tally))
    numbers = {
        "not applicable": tally.not_applicable,
        "that the gate does not count": tally.fail + tally.unknown - tally.unknown_waived - gated,
        "waived": waived if skipped == "none" else 0,
    }
    return {what: number for what, number in numbers.items() if number}


def verdict_cases(
    run: Run, style: Style, judged: RuleResult, rows: Iterator[SubjectVerdict]
) -> Iterator[Case]:
    """A case for each subject of a rule."""
    rule, empty = judged.rule, True
    facts = RuleFacts.of(rule)
    for subject_verdict in rows:
        empty = False
        subject, verdict = subject_verdict.subject, subject_verdict.verdict
        if subject_verdict.finding is not None:
            yield from finding_cases(run, style, subject_verdict.finding, facts)
        elif verdict is Verdict.PASS:
            yield _placed(style, rule, Case(_name(style, rule, subject)))
        elif verdict is not Verdict.NOT_APPLICABLE:
            raise RuntimeError(f"{rule.name} on {subject.name}: {verdict} without a finding")
        elif style.skipped == "all":
            text = finding_text.inapplicable(f"this {finding_text.NOUNS[rule.scope]}")
            case = Case(_name(style, rule, subject), "skipped", "", text, text)
            yield _placed(style, rule, case)
    if empty:
        yield from total_cases(style, judged)


def open_cases(run: Run, style: Style, judged: RuleResult, found: Iterator[Finding]) -> Iterator[Case]:
    """A case for each finding of a rule; the rest as totals, or left out where there are findings to show."""
    empty, facts = True, RuleFacts.of(judged.rule)
    for finding in found:
        empty = False
        yield from finding_cases(run, style, finding, facts)
    if empty or style.passes == "aggregate":
        yield from total_cases(style, judged)


def total_cases(style: Style, judged: RuleResult) -> Iterator[Case]:
    """What was evaluated, in one case each: a suite without cases reads as one that did not run."""
    tally, rule = judged.tally, judged.rule
    if tally.passed:
        yield _total(style, rule, f"{finding_text.subjects(tally.passed, rule.scope)} passed")
    if style.skipped != "all":
        return
    if tally.not_applicable:
        subjects = finding_text.subjects(tally.not_applicable, rule.scope)
        yield _total(style, rule, f"{subjects} not applicable", finding_text.inapplicable(subjects))
    if not tally.subjects:
        text = f"no {finding_text.NOUNS[rule.scope]} was evaluated"
        yield _total(style, rule, text, f"nothing evaluated: {text}")


def finding_cases(run: Run, style: Style, finding: Finding, facts: RuleFacts) -> Iterator[Case]:
    """The case of a finding; none where it is skipped and those are left out."""
    if not (finding.gated or style.skipped == "all" or (style.skipped == "waived" and finding.waived)):
        return
    rule = finding.rule
    name, text = _name(style, rule, finding.subject), xml(finding_text.titled_headline(finding), LONGEST_TEXT)
    # the first line that looks like one of a stack trace is taken for it: none is to come from a message
    first = one_line(text) if style.consumer.frame else text
    body = "\n".join([first, *_facts(run, style, finding, facts)])
    if not finding.gated:
        why = xml(finding_text.ungated_reason(finding, run.ruling), LONGEST_TEXT)
        case = Case(name, "skipped", "", one_line(why), shorten(f"{why}\n{body}", LONGEST_BODY))
    else:
        case = Case(name, *_kind(finding), one_line(text), _framed(style, rule, shorten(body, LONGEST_BODY)))
    yield _placed(style, rule, case)


def _kind(finding: Finding) -> tuple[str, str]:
    """What a finding that the gate counts is, and its type."""
    if finding.verdict is Verdict.FAIL:
        return "failure", finding.rule.severity.value
    # one word for a CI to group by: the service's error code where the set could not be read
    return "error", token(finding_text.error_code(finding)) or Verdict.UNKNOWN.value


def _facts(run: Run, style: Style, finding: Finding, facts: RuleFacts) -> Iterator[str]:
    """What a reader needs to understand a finding and to check it, a line each, and by what it is found elsewhere."""
    for label, text in finding_text.details(finding, facts, run.as_of):
        yield _line(label, text)
    name = finding_id(finding.rule, finding.subject)
    link = f", at {quote(style.page)}#findings?open={name}" if style.page else ""
    yield f"Finding: {name}{link}"


@lru_cache(1_000)
def _line(label: str, text: str) -> str:
    """Most of what is said of a finding is said of its rule, and of each other finding of it."""
    return f"{label}: {token(text)}"


def _framed(style: Style, rule: Rule, body: str) -> str:
    frame = java_frame(rule.where) if style.consumer.frame else ""
    return f"{body}\n{xml(frame, LONGEST_TEXT)}" if frame else body


def _placed(style: Style, rule: Rule, case: Case) -> Case:
    """A case with the place of its rule, where the reader looks for one."""
    file = token(policy_file(rule.where)) if style.consumer.file else ""
    return case._replace(file=file, line=rule.where.line if style.consumer.line else 0) if file else case


def _total(style: Style, rule: Rule, name: str, skipped: str = "") -> Case:
    case = Case(case_name(style, rule, name))
    return _placed(
        style, rule, case._replace(kind="skipped", message=skipped, body=skipped) if skipped else case
    )


def _name(style: Style, rule: Rule, subject: Subject) -> str:
    return case_name(style, rule, subject.name)


def case_name(style: Style, rule: Rule, name: str) -> str:
    """The name of a case of a rule."""
    return token(f"{rule.name}: {name}" if style.consumer.rule_in_name else name)


def token(text: str) -> str:
    """Text of at most 1,000 characters that XML can hold, on one line."""
    return one_line(xml(text, LONGEST_TEXT))


def xml(text: str, most: int) -> str:
    """Text of at most so many characters that XML can hold."""
    return shorten(xml_text(text), most)
