"""What a run's reports say of waivers and of earlier runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker import values
from checker.audit.run import Run
from checker.audit.trend import PastRun, past_run, past_runs
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

    def attention(one: WaiverUse) -> int:
        again = one.state == "expired" and one.judged and not one.unused
        needs = (again, one.soon, one.over_broad, one.unused, bool(one.doubt))
        return needs.index(True) if any(needs) else len(needs) + (one.state == "in_force")

    return sorted(run.waivers, key=lambda one: (attention(one), one.waiver.expires, one.waiver.number))


def flags(one: WaiverUse) -> list[tuple[str, str]]:
    """How a waiver stands, in words, each with the verdict whose colour and shape it has on a page."""
    states = {
        "expired": ("fail", "Expired"),
        "not_yet": ("not_applicable", "Not yet in force"),
        "in_force": ("pass", "In force"),
    }
    others = (
        (one.soon, ("unknown", "Ends soon")),
        (one.over_broad, ("unknown", "Over-broad")),
        (one.unused, ("waived", "Unused")),
        (bool(one.doubt), ("unknown", "Could not be told")),
    )
    return [states[one.state], *(flag for there, flag in others if there)]


def standing(run: Run, rule: Rule) -> dict[str, int]:
    """How many waivers of a rule are in which state, and how many findings those in force cover; nothing where it has
    none."""
    own = [one for one in run.waivers if one.waiver.rule == rule.name]
    if not own:
        return {}
    force = [one for one in own if one.state == "in_force"]
    others = {
        "expired": sum(one.state == "expired" for one in own),
        "not-yet": sum(one.state == "not_yet" for one in own),
        "ending-soon": sum(one.soon for one in own),
        "unused": sum(one.unused for one in own),
        "over-broad": sum(one.over_broad for one in own),
        "could-not-be-told": sum(bool(one.doubt) for one in own),
    }
    covering = {"in-force": len(force), "covering": sum(one.used for one in force)}
    return covering | {name: number for name, number in others.items() if number}


def trend(run: Run) -> tuple[PastRun, ...]:
    """Earlier runs and this one, oldest first; nothing where there are no earlier ones."""
    if not run.trend:
        return ()
    tallies = {one.rule.name: one.tally for one in run.judged}
    change = {one.value: number for one, number in run.change.numbers.items()} if run.change else None
    own = PastRun(run.id, run.as_of, run.outcome, run.hypothetical, run.coverage, tallies, change, run.oldest)
    return (*past_runs(run.trend), own)


def courses(run: Run, past: Sequence[PastRun]) -> dict[str, list[int]]:
    """Of each severity that a rule has, or once had fails of, the unwaived fails of each run; then the unknowns."""
    kept: dict[str, dict[str, int]] = {}
    for point in run.trend:
        if earlier := past_run(point):
            fails = kept.setdefault(earlier.run, {})
            for one in point["summary"]["rules"]:
                severity = str(one.get("severity"))
                fails[severity] = fails.get(severity, 0) + int(one.get("fail", 0))
    own = dict.fromkeys((one.rule.severity for one in run.judged), 0)
    for one in run.judged:
        own[one.rule.severity] += one.tally.fail
    found = {}
    for severity in reversed(Severity):
        numbers = [kept.get(one.run, {}).get(severity.value, 0) for one in past[:-1]]
        if severity in own or any(numbers):
            found[severity.value] = [*numbers, own.get(severity, 0)]
    return found | {"unknown": [one.total.unknown for one in past]}


def text(run: Run, since: Since | None) -> Iterator[tuple[str, str]]:
    """Lines of the summary: a label and a text."""
    used = sum(one.used for one in run.waivers if one.state == "in_force")
    force = sum(one.state == "in_force" for one in run.waivers)
    if run.waivers:
        findings = "1 finding" if used == 1 else f"{used:,} findings"
        doubts = sum(bool(one.doubt) for one in run.waivers)
        doubt = f"; of {doubts:,} it could not be told whether it is needed" if doubts else ""
        yield "Waivers", f"{force:,} in force, for {findings}{doubt}"
    for one in waivers(run):
        # of the rules of other runs there is nothing to say one by one
        if one.remarks and one.judged:
            said = "; ".join(one.remarks)
            yield "Waiver", f"{one.waiver.rule}, {covered(one.waiver, 2)}: {said} ({one.waiver.owner})"
    if run.compared is not None and since is not None:
        when = f"{run.compared.words}, {run.compared.run}, as of {values.iso(run.compared.as_of)}"
        yield "Compared", when
        if run.compared.acceptance:
            word = run.compared.acceptance
            yield "Accepted", f"by {word.by} on {day(word.at)}: {word.reason}"


def note(run: Run, one: Finding) -> str:
    """What stands beside a verdict: why the gate does not count it, its waiver."""
    parts = []
    if one.waived:
        waived = "waived " * (one.verdict is Verdict.UNKNOWN)
        parts += [f"{waived}until {day(one.waiver.expires)}, {one.waiver.owner}"] if one.waiver else []
    elif not one.gated:
        parts.append(run.ruling.why_not(one))
    if one.waiver and not one.waived:
        ended = "ended" if run.as_of >= one.waiver.ends else "begins"
        parts.append(
            f"a waiver of it {ended} {day(one.waiver.expires if ended == 'ended' else one.waiver.created)}"
        )
    return "; ".join(parts)


def waiver(one: WaiverUse, run: Run) -> dict[str, Any]:
    """A waiver as JSON holds it."""
    own = one.waiver
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
        "state": one.state,
        "days_left": days_left(own, run.as_of),
        "expires_soon": one.soon,
        "unused": one.unused,
        "over_broad": one.over_broad,
        "could_not_be_told": one.doubt or None,
        "used": one.used,
        "reached": one.reached,
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


def acceptance(one: Acceptance | None) -> dict[str, Any] | None:
    """Somebody's word on a baseline, as JSON holds it."""
    if one is None:
        return None
    return {"by": one.by, "reason": one.reason, "at": values.iso(one.at), "sha256": one.sha256}
