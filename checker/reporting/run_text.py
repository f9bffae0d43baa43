"""What reports say of a run as a whole: what was read, what the gate lets through, how far it can be relied on."""

from __future__ import annotations

from checker import instants, values
from checker.judgement.gate import Gate, SeverityTotal
from checker.judgement.gate_text import unlisted_targets, unread_sets
from checker.judgement.run import RuleResult, Run, UnreadableImageSet
from checker.model import Outcome, Severity, Shortfall, Tailoring
from checker.problems import number_of
from checker.reporting import finding_text
from checker.reporting.condition_text import test_text
from checker.reporting.finding_text import HYPOTHETICAL, NOUNS, RECORDED, subjects
from checker.reporting.scorecard import scorecard
from checker.snapshot.datastore_coverage import DatastoreCoverage


def read_share(run: Run) -> str:
    """How many image sets were read, of how many that is known: `52 of 53 listed image sets were read`."""
    coverage = run.coverage
    if not run.ruling.open_ended:
        return f"{coverage.evaluated:,} of {coverage.expected:,} {coverage.word} image sets were read"
    return f"{subjects(coverage.evaluated)} read, and how many there are is not known"


def targets(run: Run) -> list[DatastoreCoverage]:
    """The data stores that were reached for, the worst first; none where there is one alone, that all of the report is
    about."""
    if len(run.provenance.reached) < 2 and not any(item.account_name for item in run.provenance.reached):
        return []
    return [score.store for score in scorecard(run)]


def datastore_text(item: DatastoreCoverage) -> str:
    """A data store that was reached for: `all/111122223333/0123.. (account Branch, data store archive): 223 image sets, 2
    fails, 1 unknown`."""
    if item.unlisted and not item.image_sets:
        parts = ["its image sets are not known"]
    else:
        parts = [f"{'at least ' * item.unlisted}{subjects(item.image_sets)}"]
        parts += [f"{item.unreadable:,} not read"] if item.unreadable else []
    numbers = {kind: item.verdicts.get(kind, 0) for kind in ("fail", "waived", "unknown")}
    parts += [f"{numbers['fail']:,} fail{'' if numbers['fail'] == 1 else 's'}"] if numbers["fail"] else []
    parts += [f"{numbers[kind]:,} {kind}" for kind in ("waived", "unknown") if numbers[kind]]
    store = "" if item.datastore is None or item.target.endswith(item.datastore) else f" in {item.datastore}"
    return f"{item.target}{store}{f' ({item.names})' if item.names else ''}: {', '.join(parts)}"


def unreadable_targets(run: Run) -> list[str]:
    """The targets that could not be read, each kind in one text."""
    coverage = run.coverage
    nothing = coverage.unreadable_targets - coverage.unlisted_targets
    texts = [f"of {nothing:,} target{'' if nothing == 1 else 's'} nothing was read"] if nothing else []
    if coverage.unlisted_targets:
        texts.append(f"of {unlisted_targets(coverage)} it is not known which image sets there are")
    return texts


def unreadable_reason(image_set: UnreadableImageSet) -> str:
    """Why an image set could not be read: `ThrottlingException: Rate exceeded`."""
    return f"{image_set.code}: {image_set.message}" if image_set.message else image_set.code


def why_nothing_was_read(run: Run) -> str:
    """Why of a target, of all of them or of image sets that the gate counts nothing was read, in one line; empty where something
    was of each."""
    said = unreadable_targets(run) or ([unread_sets(run.ruling)] if run.ruling.unread else [])
    if not said and (run.coverage.evaluated or run.outcome is not Outcome.INCOMPLETE):
        return ""  # something was read, or judged without that
    first = next(run.unread(), None)
    none = "" if run.coverage.expected else "there was no image set to read"
    why = f"{first.subject.name}: {unreadable_reason(first)}" if first else none
    return ": ".join(item for item in ("; ".join(said) or "nothing was read", why) if item)


def drift_text(run: Run) -> str:
    """How the image sets stand to those that earlier runs saw: `1 new, 2 changed, 97 unchanged, 0 vanished; 95 of them not
    asked for again`."""
    drift = run.provenance.drift
    if drift is None:
        return ""
    numbers = ("new", "changed", "unchanged", "vanished")
    said = ", ".join(f"{getattr(drift, name):,} {name}" for name in numbers)
    return said + (f"; {drift.reused:,} of them not asked for again" if drift.reused else "")


def traffic(run: Run) -> str:
    """What the calls of a live run came to, in one line."""
    known = run.provenance.traffic
    if not known:
        return ""
    made = sum(run.provenance.calls.values())
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
    return ", ".join(f"{number:,} by {call}" for call, number in run.provenance.answered_by.items())


def gate_effect(run: Run) -> str:
    """What the gate makes of the fails, in the numbers of its sentence: `2 fails count, 1 is of a lower severity, 3 are not new`."""
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
    rest = [(below, "of a lower severity"), (within, "within max"), (not_new, "not new")]
    said = [f"{number:,} {'is' if number == 1 else 'are'} {what}" for number, what in rest if number]
    head = f"{number_of(counted, 'fail')} {'counts' if counted == 1 else 'count'}"
    return ", ".join([head, *said])


def ungated_rule_reason(run: Run, judged: RuleResult) -> str:
    """Why the gate counts no finding of a rule that has some: `the gate counts high and above`; empty where it may."""
    severity, tally, gate = judged.rule.severity, judged.tally, run.gate
    if not gate.reaches(severity):
        return finding_text.below_gate(gate)
    if not tally.fail or run.ruling.counted(severity, tally)[0]:
        return ""
    if gate.new_only and tally.persisting == tally.fail:
        return "its fails are not new, and the gate counts new ones only"
    return f"the gate lets up to {number_of(gate.most.get(severity, 0), f'{severity} fail')} through"


def gate(run: Run) -> dict[str, str]:
    """What the gate was asked, by the words of audit.yaml: `max`: `high: 0, medium: 20`."""
    texts = {}
    for name, value in run.gate.plain().items():
        most = value.items() if isinstance(value, dict) else ()
        texts[name] = ", ".join(f"{severity}: {number}" for severity, number in most) or values.show(value)
    return texts


def gate_sentences(terms: Gate) -> list[str]:
    """What the gate counts, in sentences: `Fails of severity high or above count.`"""
    if terms.fail_on is None:
        said = [f"No fail counts{' for its severity alone' if terms.most else ', whatever its severity'}."]
    elif terms.fail_on is min(Severity, key=lambda severity: severity.rank):
        said = ["Fails of every severity count."]
    else:
        said = [f"Fails of severity {terms.fail_on} or above count."]
    said += [
        f"Fails of severity {severity} count where there {'is' if number == 1 else 'are'} more than {number:,}."
        for severity, number in terms.most.items()
    ]
    if terms.new_only:
        said.append("A fail that the run compared with had too does not count.")
    said.append(
        {
            "incomplete": "An unknown at these severities leaves the gate undecided.",
            "violation": "An unknown at these severities counts as a violation.",
            "ignore": "An unknown does not count.",
        }[terms.on_unknown]
    )
    if terms.min_coverage is not None:
        said.append(f"At least {values.show(terms.min_coverage)} of the image sets must be read.")
    return said


def severity_numbers(total: SeverityTotal) -> tuple[int, int, int, int, int]:
    """What a table says of a severity: fails, those that the gate counts, unknowns, those that the gate counts, waived fails."""
    return total.fail, total.gated_fail, total.unknown, total.gated_unknown, total.waived


def subject_nouns(run: Run) -> list[str]:
    """What the run's rules judged, each kind once: image set, version, data store."""
    scopes = {rule_result.rule.scope for rule_result in run.judged} or {"image_set"}
    return [noun for scope, noun in NOUNS.items() if scope in scopes]


def change(item: Tailoring) -> str:
    """What audit.yaml changed of a rule, and why: `switched off: REASON`."""
    what = "switched off" if item.off else item.what
    return f"{what}: {item.reason}" if item.reason else what


def shortfall(item: Shortfall) -> str:
    """A demand that is not met: `retention is 7y, but 21 CFR 900.12 demands at least 10y`."""
    value = (
        ", ".join(map(values.show, item.value)) if isinstance(item.value, tuple) else values.show(item.value)
    )
    tests = [test_text(test, negated=False) for test in item.demand.tests]
    demanded = " and ".join(text[3:] if text.startswith("is ") else f"that it {text}" for text in tests)
    return f"{item.demand.param} is {value}, but {item.control.id} demands {demanded}"


def caveats(run: Run, *, show_phi: bool = False) -> list[str]:
    """What every report says of a run besides its verdicts: how far it can be relied on."""
    lines = [f"as_of {instants.iso(run.as_of)} is {HYPOTHETICAL}."] if run.hypothetical else []
    if run.provenance.replay_of:
        lines.append(
            f"Kept evidence judged again: run {run.provenance.replay_of} collected it, and nothing was asked of the service since."
        )
    lines += [RECORDED] if run.provenance.source == "recorded" else []
    if run.dicom:
        shown = "as they are, as --show-phi asked for" if show_phi else "as (redacted)"
        lines.append(
            f"Rules read DICOM attributes of patients ({', '.join(run.dicom)}): a kept run holds them, and this report shows"
            f" them {shown}."
        )
    return [*lines, *run.notes]
