"""What reports say in words, the same in each of them: expectations, verdicts and why something does not count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from checker import values
from checker.judgement.gate import Ruling, not_listed, unread_sets
from checker.judgement.run import Judged, Run, Unread
from checker.model import (
    Aggregate,
    Change,
    Condition,
    Field,
    Finding,
    Gap,
    Group,
    Leaf,
    Outcome,
    ParamRef,
    Rule,
    RuleScope,
    Shortfall,
    Target,
    Test,
    Value,
    Verdict,
    Waiver,
)
from checker.policy.messages import ABSENT
from checker.policy.operators import OPERATORS
from checker.snapshot.datastore_coverage import Reached
from checker.waivers.status import day

HYPOTHETICAL = "hypothetical: not the time at which the evidence was collected"
RECORDED = (
    "Recorded answers: 'not forced' rests on the SDK that recorded them; an old one drops `overrides`, "
    "and a forced version then looks like an ordinary one."
)

NOUNS: Mapping[RuleScope, str] = {"image_set": "image set", "version": "version", "datastore": "data store"}
"""What a rule judges, by scope."""
_PLAIN = re.compile(r"[\w.:+/@-]+")


def expected(rule: Rule) -> str:
    """What a rule asks of a subject: the condition of `require`, or the opposite of `deny`, and where it asks it."""
    text = phrase(rule.condition, negated=rule.deny)
    return f"{text}; asked where {phrase(rule.when)}" if rule.when else text


def unchosen(targets: Iterable[Target]) -> tuple[str, ...]:
    """Which image sets of targets a condition leaves out, by the names that audit.yaml gives them."""
    texts = (
        f"image sets of {target.name.partition('/')[0]} but those where {phrase(target.discovery.where)}"
        for target in targets
        if target.discovery is not None and target.discovery.where is not None
    )
    return tuple(dict.fromkeys(texts))


def phrase(condition: Condition, *, negated: bool = False) -> str:
    """A condition in words, or its opposite (De Morgan)."""
    if not isinstance(condition, Group):
        tests = [_test(test, negated=negated) for test in condition.tests]
        absent = f" [if_absent: {condition.if_absent}]" if condition.if_absent else ""
        what = condition.operand if isinstance(condition, Leaf) else _aggregate(condition)
        return f"{what} {(' or ' if negated else ' and ').join(tests)}{absent}"
    inner = negated is not (condition.kind == "none")
    word = "or" if (condition.kind == "any") is not negated else "and"
    parts = [phrase(member, negated=inner) for member in condition.members]
    if len(parts) == 1:
        return parts[0]
    nested = [isinstance(member, Group) and len(member.members) > 1 for member in condition.members]
    return f" {word} ".join(f"({part})" if deep else part for part, deep in zip(parts, nested, strict=True))


def _aggregate(aggregate: Aggregate) -> str:
    """A count or ratio in words; commas close what it is of, so that the comparison is not read as a part of it."""
    of = f" where {phrase(aggregate.of)}" if aggregate.of else ""
    among = f", among those where {phrase(aggregate.among)}" if aggregate.among else ""
    number = "the number" if aggregate.kind == "count" else "the share"
    return f"{number} of image sets{of}{among}{',' if of or among else ''}"


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


def rests_on(finding: Finding) -> str:
    """The answers that a verdict rests on: `GetImageSet, of 2026-01-02T03:04:05Z, asked by run 20260102T030405Z-1a2b3c4d`."""
    parts = [", ".join(finding.calls)]
    if finding.collected_at is not None:
        parts.append(f"of {values.iso(finding.collected_at)}")
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
    return f"{values.iso(first)}{ago}" + (f", in run {run}" if run else "")


def age_days(first: datetime, as_of: datetime) -> int:
    """Whole days from one instant to another."""
    return max(0, (as_of - first).days)


def details(finding: Finding, as_of: datetime) -> list[tuple[str, str]]:
    """What a reader needs to check a finding of a run at an instant: label and text, in order."""
    subject = finding.subject
    version = f" version {subject.version_id}" if subject.version_id is not None else ""
    rows = [("Image set", f"{subject.target}/{subject.image_set_id}{version}")]
    if subject.image_set_id is None:
        rows = [("Target", subject.target)]
    if subject.datastore_id:
        place = ", ".join(part for part in (subject.account, subject.region) if part)
        rows.append(("Data store", subject.datastore_id + (f" ({place})" if place else "")))
    rows.append(("Expected", expected(finding.rule)))
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
        rows.append(("Waiver", waiver(finding) if finding.waived else lapsed(finding, finding.waiver, as_of)))
    rows.append(("Policy", f"{finding.rule.name} at {finding.rule.where}"))
    return rows


def read_share(run: Run) -> str:
    """How many image sets were read, of how many that is known: `52 of 53 listed image sets were read`."""
    coverage = run.coverage
    if not run.ruling.open_ended:
        return f"{coverage.evaluated:,} of {coverage.expected:,} {coverage.word} image sets were read"
    return f"{subjects(coverage.evaluated)} read, and how many there are is not known"


def targets(run: Run) -> list[Reached]:
    """The data stores that were reached for, those with most to do first; none where there is one alone, that all of the
    report is about."""
    if len(run.reached) < 2 and not any(store.account_name for store in run.reached):
        return []

    def weight(store: Reached) -> tuple[int, int, int]:
        return -store.verdicts.get("fail", 0), -store.unreadable, -store.verdicts.get("unknown", 0)

    return sorted(run.reached, key=weight)


def reached(item: Reached) -> str:
    """A data store that was reached for: `all/111122223333/0123.. (account Branch, data store archive): 223 image sets, 2
    fails, 1 unknown`."""
    parts = [subjects(item.image_sets)]
    parts += [f"{item.unreadable:,} not read"] if item.unreadable else []
    numbers = {kind: item.verdicts.get(kind, 0) for kind in ("fail", "waived", "unknown")}
    parts += [f"{numbers['fail']:,} fail{'' if numbers['fail'] == 1 else 's'}"] if numbers["fail"] else []
    parts += [f"{numbers[kind]:,} {kind}" for kind in ("waived", "unknown") if numbers[kind]]
    store = "" if item.datastore is None or item.target.endswith(item.datastore) else f" in {item.datastore}"
    return f"{item.target}{store}{f' ({item.names})' if item.names else ''}: {', '.join(parts)}"


def unread_targets(run: Run) -> list[str]:
    """The targets that could not be read, each kind in one text."""
    coverage = run.coverage
    nothing = coverage.unreadable_targets - coverage.unlisted_targets
    texts = [f"of {nothing:,} target{'' if nothing == 1 else 's'} nothing was read"] if nothing else []
    if coverage.unlisted_targets:
        texts.append(f"of {not_listed(coverage)} it is not known which image sets there are")
    return texts


def unread(image_set: Unread) -> str:
    """Why an image set could not be read: `ThrottlingException: Rate exceeded`."""
    return f"{image_set.code}: {image_set.message}" if image_set.message else image_set.code


def why_unread(run: Run) -> str:
    """Why of a target, of all of them or of image sets that the gate counts nothing was read, in one line; empty where something
    was of each."""
    said = unread_targets(run) or ([unread_sets(run.ruling)] if run.ruling.unread else [])
    if not said and (run.coverage.evaluated or run.outcome is not Outcome.INCOMPLETE):
        return ""  # something was read, or judged without that
    first = next(run.unread(), None)
    none = "" if run.coverage.expected else "there was no image set to read"
    why = f"{first.subject.name}: {unread(first)}" if first else none
    return ": ".join(item for item in ("; ".join(said) or "nothing was read", why) if item)


def moved(run: Run) -> str:
    """How the image sets stand to those that earlier runs saw: `1 new, 2 changed, 97 unchanged, 0 vanished; 95 of them not
    asked for again`."""
    drift = run.moved
    if drift is None:
        return ""
    numbers = ("new", "changed", "unchanged", "vanished")
    said = ", ".join(f"{getattr(drift, name):,} {name}" for name in numbers)
    return said + (f"; {drift.reused:,} of them not asked for again" if drift.reused else "")


def traffic(run: Run) -> str:
    """What the calls of a live run came to, in one line."""
    known = run.traffic
    if not known:
        return ""
    made = sum(run.calls.values())
    times = ", ".join(
        f"{int(known[name]):,} {name}" for name in ("throttled", "retried", "reused") if known.get(name)
    )
    waited = known.get("waited_seconds", 0.0)
    parts = [
        f"{made:,} {'call' if made == 1 else 'calls'}",
        times,
        f"{waited:,.0f} s waited" if waited >= 1 else "",
    ]
    return ", ".join(part for part in parts if part)


def answered_by(run: Run) -> str:
    """Which calls answered on how many subjects, in one line."""
    return ", ".join(f"{number:,} by {call}" for call, number in run.answered_by.items())


def uncounted(finding: Finding, ruling: Ruling) -> str:
    """Why the gate does not count a finding: `fail (low), below fail_on: high`."""
    head = f"{finding.verdict} ({finding.rule.severity})"
    if finding.waived:
        return f"{head}, waived{f': {waiver(finding)}' if finding.waiver else ''}"
    return f"{head}, {ruling.why_not(finding)}"


def let_through(run: Run) -> str:
    """What the gate makes of the fails, in the numbers of its sentence: `2 counted by the gate, 1 below it, 3 not new`."""
    gate, ruling = run.gate, run.ruling
    counted = sum(
        ruling.counted(rule_result.rule.severity, rule_result.tally)[0] for rule_result in run.judged
    )
    not_new = sum(rule_result.tally.persisting for rule_result in run.judged) if gate.new_only else 0
    others = [
        (
            rule_result.rule.severity,
            rule_result.tally.fail - (rule_result.tally.persisting if gate.new_only else 0),
        )
        for rule_result in run.judged
    ]
    below = sum(number for severity, number in others if not gate.reaches(severity))
    within = run.total.fail - counted - not_new - below
    rest = [(below, "below it"), (within, "within max"), (not_new, "not new")]
    said = [f"{number:,} {what}" for number, what in rest if number] or ["0 below it"]
    return ", ".join([f"{counted:,} counted by the gate", *said])


def uncounted_rule(run: Run, judged: Judged) -> str:
    """Why the gate counts no finding of a rule that has some: `below the gate (fail_on: high)`; empty where it may."""
    severity, tally, gate = judged.rule.severity, judged.tally, run.gate
    if not gate.reaches(severity):
        return f"below the gate (fail_on: {gate.threshold})"
    if not tally.fail or run.ruling.counted(severity, tally)[0]:
        return ""
    if gate.new_only and tally.persisting == tally.fail:
        return "its fails are not new (new_only)"
    return f"its fails are within max: {gate.most.get(severity, 0)}"


def waiver(finding: Finding) -> str:
    """The waiver that covers a finding: `until 2026-03-31, by OWNER, approved by APPROVER: REASON`."""
    item = finding.waiver
    if item is None:
        return ""
    return f"until {day(item.expires)}, by {item.owner}, approved by {item.approved_by}: {item.reason}"


def lapsed(finding: Finding, item: Waiver, as_of: datetime) -> str:
    """A waiver of a finding that is not in force: `the waiver by OWNER expired on 2026-03-31: the fail counts again`."""
    if as_of < item.ends:
        return f"the waiver by {item.owner} begins on {day(item.created)}"
    again = f": the {finding.verdict} counts again" if finding.gated else ""
    return f"the waiver by {item.owner} expired on {day(item.expires)}{again}"


def gate(run: Run) -> dict[str, str]:
    """What the gate was asked, by the words of audit.yaml: `max`: `high: 0, medium: 20`."""
    texts = {}
    for name, value in run.gate.plain().items():
        most = value.items() if isinstance(value, dict) else ()
        texts[name] = ", ".join(f"{severity}: {number}" for severity, number in most) or values.show(value)
    return texts


def subjects(number: int, scope: RuleScope = "image_set") -> str:
    """`1 image set`, `2 versions`, `3 data stores`."""
    return f"{number:,} {NOUNS[scope]}" + ("" if number == 1 else "s")


def nouns(run: Run) -> list[str]:
    """What the run's rules judged, each kind once: image set, version, data store."""
    scopes = {rule_result.rule.scope for rule_result in run.judged} or {"image_set"}
    return [noun for scope, noun in NOUNS.items() if scope in scopes]


def controls(rule: Rule) -> dict[str, list[str]]:
    """The ids of a rule's controls, by framework."""
    found: dict[str, list[str]] = {}
    for control in rule.controls:
        found.setdefault(control.framework, []).append(control.id)
    return found


def change(item: Change) -> str:
    """What audit.yaml changed of a rule, and why: `switched off: REASON`."""
    what = "switched off" if item.off else item.what
    return f"{what}: {item.reason}" if item.reason else what


def shortfall(item: Shortfall) -> str:
    """A demand that is not met: `retention is 7y, but 21 CFR 900.12 demands at least 10y`."""
    value = (
        ", ".join(map(values.show, item.value)) if isinstance(item.value, tuple) else values.show(item.value)
    )
    tests = [_test(test, negated=False) for test in item.demand.tests]
    demanded = " and ".join(text[3:] if text.startswith("is ") else f"that it {text}" for text in tests)
    return f"{item.demand.param} is {value}, but {item.control.id} demands {demanded}"


def caveats(run: Run) -> list[str]:
    """What every report says of a run besides its verdicts: how far it can be relied on."""
    lines = [f"as_of {values.iso(run.as_of)} is {HYPOTHETICAL}."] if run.hypothetical else []
    if run.replay_of:
        lines.append(
            f"Kept evidence judged again: run {run.replay_of} collected it, and nothing was asked of the service since."
        )
    lines += [RECORDED] if run.source == "recorded" else []
    if run.dicom:
        shown = "as they are, as --show-phi asked for" if run.show_phi else "as (redacted)"
        lines.append(
            f"Rules read DICOM attributes of patients ({', '.join(run.dicom)}): a kept run holds them, and this report shows"
            f" them {shown}."
        )
    return [*lines, *run.notes]


def _test(test: Test, *, negated: bool) -> str:
    known = OPERATORS[test.operator]
    if known.takes == "flag":
        return known.words[(test.value is True) is negated]
    return f"{known.words[negated]} {_value(test.value, ' and ' if known.takes == 'pair' else ', ')}"


def _value(value: Value, between: str) -> str:
    if isinstance(value, tuple):
        return between.join(_parts(value))
    return _one(value)


def _parts(several: Iterable[Value]) -> list[str]:
    return [_value(item, ", ") for item in several]


def _one(value: object) -> str:
    if isinstance(value, Field):
        return value.path
    if isinstance(value, ParamRef):
        return f"${value.name}"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return f'"{value}"'
    return values.show(value)
