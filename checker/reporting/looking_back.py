"""What a run's reports say of waivers and of earlier runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker import values
from checker.judgement.run import Run
from checker.judgement.trend import PastRun, past_run, past_runs
from checker.model import Acceptance, Category, Finding, Rule, Severity, Verdict, Waiver
from checker.waivers.status import WaiverUse, covered, day, days_left

if TYPE_CHECKING:
    from checker.evaluation.since import Since


WORDS: tuple[tuple[Category, str], ...] = (
    (
        Category.NEW,
        "a finding that was none then, or is another one now: another version, another rule, or not waived any more",
    ),
    (Category.UNDECIDED, "a fail then, now it cannot be found out: not fixed"),
    (Category.NOT_JUDGED, "a finding then, now the rule or the subject is not looked at: not fixed"),
    (Category.PERSISTING, "a finding in both runs"),
    (Category.WAIVED, "it was not waived then"),
    (Category.FIXED, "a fail then, now it passes or the rule does not apply"),
    (Category.DECIDED, "unknown then, now it passes or the rule does not apply"),
)
"""What became of findings, in the order of reports, and what the words mean (docs/history.md)."""


TONES: Mapping[Category, str] = {
    Category.NEW: "fail",
    Category.UNDECIDED: "unknown",
    Category.NOT_JUDGED: "unknown",
    Category.PERSISTING: "not_applicable",
    Category.WAIVED: "waived",
    Category.FIXED: "pass",
    Category.DECIDED: "pass",
}
"""The verdict whose colour and shape a word has on a page."""


@dataclass(frozen=True, slots=True)
class Became:
    """A word for what became of findings, with their number, as a page shows it."""

    category: Category
    text: str
    number: int

    @property
    def name(self) -> str:
        """The word."""
        return self.category.value

    @property
    def tone(self) -> str:
        """The verdict whose colour and shape it has."""
        return TONES[self.category]

    @property
    def part(self) -> tuple[str, int]:
        """Its part of a bar."""
        return ("persisting" if self.category is Category.PERSISTING else self.tone), self.number


def became(since: Since | None) -> list[Became]:
    """Every word with its number."""
    return [] if since is None else [Became(word, text, since.number(word)) for word, text in WORDS]


def waivers(run: Run) -> list[WaiverUse]:
    """The waivers of a run, those that need attention first: what counts again, then what soon will, then what is no use,
    then what could not be told of."""

    def attention(use: WaiverUse) -> int:
        again = use.state == "expired" and use.judged and not use.unused
        needs = (again, use.soon, use.over_broad, use.unused, bool(use.doubt))
        return needs.index(True) if any(needs) else len(needs) + (use.state == "in_force")

    return sorted(run.waivers, key=lambda item: (attention(item), item.waiver.expires, item.waiver.number))


def flags(use: WaiverUse) -> list[tuple[str, str]]:
    """How a waiver stands, in words, each with the verdict whose colour and shape it has on a page."""
    states = {
        "expired": ("fail", "Expired"),
        "not_yet": ("not_applicable", "Not yet in force"),
        "in_force": ("pass", "In force"),
    }
    others = (
        (use.soon, ("unknown", "Ends soon")),
        (use.over_broad, ("unknown", "Over-broad")),
        (use.unused, ("waived", "Unused")),
        (bool(use.doubt), ("unknown", "Could not be told")),
    )
    return [states[use.state], *(flag for there, flag in others if there)]


def standing(run: Run, rule: Rule) -> dict[str, int]:
    """How many waivers of a rule are in which state, and how many findings those in force cover; nothing where it has
    none."""
    own = [use for use in run.waivers if use.waiver.rule == rule.name]
    if not own:
        return {}
    force = [use for use in own if use.state == "in_force"]
    others = {
        "expired": sum(use.state == "expired" for use in own),
        "not-yet": sum(use.state == "not_yet" for use in own),
        "ending-soon": sum(use.soon for use in own),
        "unused": sum(use.unused for use in own),
        "over-broad": sum(use.over_broad for use in own),
        "could-not-be-told": sum(bool(use.doubt) for use in own),
    }
    covering = {"in-force": len(force), "covering": sum(use.used for use in force)}
    return covering | {name: number for name, number in others.items() if number}


def trend(run: Run) -> tuple[PastRun, ...]:
    """Earlier runs and this one, oldest first; nothing where there are no earlier ones."""
    if not run.trend:
        return ()
    tallies = {rule_result.rule.name: rule_result.tally for rule_result in run.judged}
    change = {item.value: number for item, number in run.change.numbers.items()} if run.change else None
    own = PastRun(run.id, run.as_of, run.outcome, run.hypothetical, run.coverage, tallies, change, run.oldest)
    return (*past_runs(run.trend), own)


def courses(run: Run, past: Sequence[PastRun]) -> dict[str, list[int]]:
    """Of each severity that a rule has, or once had fails of, the unwaived fails of each run; then the unknowns."""
    kept: dict[str, dict[str, int]] = {}
    for point in run.trend:
        if earlier := past_run(point):
            fails = kept.setdefault(earlier.run, {})
            for rule_result in point["summary"]["rules"]:
                severity = str(rule_result.get("severity"))
                fails[severity] = fails.get(severity, 0) + int(rule_result.get("fail", 0))
    own = dict.fromkeys((rule_result.rule.severity for rule_result in run.judged), 0)
    for rule_result in run.judged:
        own[rule_result.rule.severity] += rule_result.tally.fail
    found = {}
    for severity in reversed(Severity):
        numbers = [kept.get(item.run, {}).get(severity.value, 0) for item in past[:-1]]
        if severity in own or any(numbers):
            found[severity.value] = [*numbers, own.get(severity, 0)]
    return found | {"unknown": [item.total.unknown for item in past]}


def text(run: Run, since: Since | None) -> Iterator[tuple[str, str]]:
    """Lines of the summary: a label and a text."""
    used = sum(use.used for use in run.waivers if use.state == "in_force")
    force = sum(use.state == "in_force" for use in run.waivers)
    if run.waivers:
        findings = "1 finding" if used == 1 else f"{used:,} findings"
        doubts = sum(bool(use.doubt) for use in run.waivers)
        doubt = f"; of {doubts:,} it could not be told whether it is needed" if doubts else ""
        yield "Waivers", f"{force:,} in force, for {findings}{doubt}"
    for use in waivers(run):
        # of the rules of other runs there is nothing to say one by one
        if use.remarks and use.judged:
            said = "; ".join(use.remarks)
            yield "Waiver", f"{use.waiver.rule}, {covered(use.waiver, 2)}: {said} ({use.waiver.owner})"
    if run.compared is not None and since is not None:
        when = f"{run.compared.words}, {run.compared.run}, as of {values.iso(run.compared.as_of)}"
        yield "Compared", when
        if run.compared.acceptance:
            word = run.compared.acceptance
            yield "Accepted", f"by {word.by} on {day(word.at)}: {word.reason}"


def note(run: Run, finding: Finding) -> str:
    """What stands beside a verdict: why the gate does not count it, its waiver."""
    parts = []
    if finding.waived:
        waived = "waived " * (finding.verdict is Verdict.UNKNOWN)
        parts += (
            [f"{waived}until {day(finding.waiver.expires)}, {finding.waiver.owner}"] if finding.waiver else []
        )
    elif not finding.gated:
        parts.append(run.ruling.why_not(finding))
    if finding.waiver and not finding.waived:
        ended = "ended" if run.as_of >= finding.waiver.ends else "begins"
        parts.append(
            f"a waiver of it {ended} {day(finding.waiver.expires if ended == 'ended' else finding.waiver.created)}"
        )
    return "; ".join(parts)


def waiver(use: WaiverUse, run: Run) -> dict[str, Any]:
    """A waiver as JSON holds it."""
    own = use.waiver
    return {
        **brief(own),
        "rule": own.rule,
        "covers": own.covers.value,
        "image_sets": list(own.image_sets),
        "target": own.target,
        "labels": {name: values.show(value) for name, value in own.labels.items()},
        "version": None if own.version is None else str(own.version),
        "reason": own.reason,
        "approved_by": own.approved_by,
        "created": day(own.created),
        "state": use.state,
        "days_left": days_left(own, run.as_of),
        "expires_soon": use.soon,
        "unused": use.unused,
        "over_broad": use.over_broad,
        "could_not_be_told": use.doubt or None,
        "used": use.used,
        "reached": use.reached,
        "where": str(own.where),
    }


def brief(own: Waiver) -> dict[str, Any]:
    """A waiver as a finding names it."""
    return {"number": own.number, "owner": own.owner, "expires": day(own.expires)}


def since_plain(run: Run, since: Since | None) -> dict[str, Any] | None:
    """The change since the run compared with, as JSON holds it."""
    if run.compared is None or since is None:
        return None
    return {
        "run": run.compared.run,
        "as_of": values.iso(run.compared.as_of),
        "sha256": run.compared.sha256,
        "named": run.compared.named,
        "kind": run.compared.kind,
        "accepted": acceptance(run.compared.acceptance),
        **{word.value.replace(" ", "_"): since.number(word) for word, _ in WORDS},
        "rules": [
            {"rule": name, **{word.value.replace(" ", "_"): number for word, number in counts.items()}}
            for name, counts in since.counts.items()
        ],
        "causes": [
            {"change": word.value, "causes": list(causes), "number": number}
            for word, counts in since.causes.items()
            for causes, number in counts.items()
        ],
    }


def acceptance(item: Acceptance | None) -> dict[str, Any] | None:
    """Somebody's word on a baseline, as JSON holds it."""
    if item is None:
        return None
    return {"by": item.by, "reason": item.reason, "at": values.iso(item.at), "sha256": item.sha256}
