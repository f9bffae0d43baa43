"""What reports say in words, the same in each of them: expectations, verdicts and why something does not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from checker import instants, values
from checker.judgement.gate import Gate, Ruling
from checker.model import Finding, Gap, Rule, RuleScope, Severity, Verdict, Waiver
from checker.policy.messages import ABSENT
from checker.problems import number_of
from checker.reporting.condition_text import expected
from checker.waivers.status import day

HYPOTHETICAL = "hypothetical: not the time at which the evidence was collected"
RECORDED = (
    "Recorded answers: 'not forced' rests on the SDK that recorded them; an old one drops `overrides`, "
    "and a forced version then looks like an ordinary one."
)

NOUNS: Mapping[RuleScope, str] = {"image_set": "image set", "version": "version", "datastore": "data store"}
"""What a rule judges, by scope."""


def error_code(finding: Finding) -> str:
    """The code of the failed call that makes it unknown, if that is why, or that of answers which contradict each other: a
    code is one word, absent fields are more."""
    code = (finding.reason or "").partition(": ")[0]
    return code if finding.verdict is Verdict.UNKNOWN and " " not in code else ""


def observed(finding: Finding) -> list[tuple[str, str]]:
    """Field and value, as people read them. Of a set that could not be read, what was not read is not called absent."""
    shown = [
        (path, value)
        for path, value in finding.observed.items()
        if not (value is None or isinstance(value, Gap)) or not error_code(finding)
    ]
    return [(path, ABSENT if value is None else values.show(value)) for path, value in shown]


def further_reason(finding: Finding) -> str:
    """The reason of an unknown, unless its headline says it already."""
    reason = finding.reason or ""
    return "" if reason in headline(finding) else reason


def headline(finding: Finding) -> str:
    """What is wrong in one text: the rule's message, else ours."""
    if finding.message:
        return finding.message
    if finding.verdict is Verdict.UNKNOWN:
        return f"could not be decided: {finding.reason or 'the evidence does not say'}"
    return f"expected: {expected(finding.rule)}"


def titled_headline(finding: Finding) -> str:
    """The rule and what is wrong, where nothing else says the rule: `No image set was written with force: version 4 was`."""
    return f"{finding.rule.title}: {headline(finding)}"


def rests_on(finding: Finding) -> str:
    """The answers that a verdict rests on: `GetImageSet, of 2026-01-02T03:04:05Z, asked by run 20260102T030405Z-1a2b3c4d`."""
    parts = [", ".join(finding.calls)]
    if finding.collected_at is not None:
        parts.append(f"of {instants.iso(finding.collected_at)}")
    if finding.reused_from is not None:
        parts.append(f"asked by run {finding.reused_from}")
    return ", ".join(parts)


def first_seen(finding: Finding, as_of: datetime) -> tuple[str, str] | None:
    """Since when it is a finding: what to call that, and `2026-01-02T03:04:05Z, 12 days ago, in run RUN`; None where
    nothing says so."""
    if finding.first_seen is None:
        return None
    label = "First seen" if finding.verdict is Verdict.FAIL else "Unknown since"
    return label, since(finding.first_seen, finding.first_run, as_of)


def since(first: datetime, run: str | None, as_of: datetime) -> str:
    """An instant, how long ago it was at another one, and the run of then."""
    days = age_days(first, as_of)
    ago = "" if days < 1 else ", 1 day ago" if days == 1 else f", {days:,} days ago"
    return f"{instants.iso(first)}{ago}" + (f", in run {run}" if run else "")


def age_days(first: datetime, as_of: datetime) -> int:
    """Whole days from one instant to another."""
    return max(0, (as_of - first).days)


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What a rule says of each of its findings, as labels and texts: before what is said of the finding, in the middle of it,
    and after it."""

    before: tuple[tuple[str, str], ...]
    expected: str
    after: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, rule: Rule) -> RuleFacts:
        before = tuple((label, text) for label, text in (("Why", rule.why), ("Fix", rule.fix)) if text)
        named = "; ".join(f"{name} {', '.join(ids)}" for name, ids in controls(rule).items())
        after = (("Policy", f"{rule.name} at {rule.where}"),)
        return cls(before, expected(rule), (("Controls", named), *after) if named else after)


def details(finding: Finding, facts: RuleFacts, as_of: datetime) -> list[tuple[str, str]]:
    """What a reader needs to understand a finding of a run at an instant and to check it: label and text, in order."""
    subject = finding.subject
    version = f" version {subject.version_id}" if subject.version_id is not None else ""
    rows = list(facts.before)
    if subject.image_set_id is None:
        rows.append(("Target", subject.target))
    else:
        rows.append(("Image set", f"{subject.target}/{subject.image_set_id}{version}"))
    if subject.datastore_id:
        place = ", ".join(part for part in (subject.account, subject.region) if part)
        rows.append(("Data store", subject.datastore_id + (f" ({place})" if place else "")))
    rows.append(("Expected", facts.expected))
    rows.append(
        ("Observed", "; ".join(f"{path} = {value}" for path, value in observed(finding)) or "nothing")
    )
    if first := first_seen(finding, as_of):
        rows.append(first)
    if reason := further_reason(finding):
        rows.append(("Reason", reason))
    if finding.calls:
        rows.append(("Rests on", rests_on(finding)))
    if finding.waiver:
        rows.append(
            ("Waiver", waiver(finding) if finding.waived else lapsed_waiver(finding, finding.waiver, as_of))
        )
    rows += facts.after
    return rows


def uncounted(finding: Finding, ruling: Ruling) -> str:
    """Why the gate does not count a finding that is not waived, in words for people who did not write audit.yaml."""
    gate, severity = ruling.gate, finding.rule.severity
    match ruling.exemption(finding):
        case "below the gate":
            return below_gate(gate)
        case "persisting":
            return "it is not new, and the gate counts new fails only"
        case "ignored":
            return "the gate does not count unknowns"
        case "within max":
            return f"the gate lets up to {number_of(gate.most.get(severity, 0), f'{severity} fail')} through"


def below_gate(gate: Gate) -> str:
    """That a severity is not one that a gate counts: `the gate counts high and above`."""
    if gate.fail_on is None:
        return "the gate counts no fail for its severity alone"
    least = gate.fail_on
    return f"the gate counts {least}{' alone' if least is Severity.CRITICAL else ' and above'}"


def ungated_reason(finding: Finding, ruling: Ruling) -> str:
    """Why the gate does not count a finding, told by its first word: `waived: this fail of high severity does not count, because a
    waiver covers it: until ..`, `below the gate: .. because the gate counts high and above`; others are `persisting`, `ignored`
    and `within max`."""
    if finding.waived:
        head, why = "waived", "a waiver covers it" + (f": {waiver(finding)}" if finding.waiver else "")
    else:
        head, why = ruling.exemption(finding), uncounted(finding, ruling)
    return f"{head}: this {finding.verdict} of {finding.rule.severity} severity does not count, because {why}"


def inapplicable(what: str) -> str:
    """That a rule is not about something, told by its first word: `not applicable: the rule does not apply to this version`."""
    return f"not applicable: the rule does not apply to {what}"


def waiver(finding: Finding) -> str:
    """The waiver that covers a finding: `until 2026-03-31, by OWNER, approved by APPROVER: REASON`."""
    item = finding.waiver
    if item is None:
        return ""
    return f"until {day(item.expires)}, by {item.owner}, approved by {item.approved_by}: {item.reason}"


def lapsed_waiver(finding: Finding, item: Waiver, as_of: datetime) -> str:
    """A waiver of a finding that is not in force: `the waiver by OWNER expired on 2026-03-31: the fail counts again`."""
    if as_of < item.ends:
        return f"the waiver by {item.owner} begins on {day(item.created)}"
    again = f": the {finding.verdict} counts again" if finding.gated else ""
    return f"the waiver by {item.owner} expired on {day(item.expires)}{again}"


def subjects(number: int, scope: RuleScope = "image_set") -> str:
    """`1 image set`, `2 versions`, `3 data stores`."""
    return number_of(number, NOUNS[scope])


def controls(rule: Rule) -> dict[str, list[str]]:
    """The ids of a rule's controls, by framework."""
    found: dict[str, list[str]] = {}
    for control in rule.controls:
        found.setdefault(control.framework, []).append(control.id)
    return found
