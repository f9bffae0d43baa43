"""What a run's reports say of waivers and of earlier runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checker import values
from checker.audit.run import Run
from checker.audit.trend import PastRun, past_runs
from checker.audit.waivers import WaiverUse, covered, day, days_left
from checker.evaluation.flapping import Category
from checker.evaluation.since import Since
from checker.model import Finding, Rule, Waiver

MOST_GONE = 100
WORDS: tuple[tuple[Category, str], ...] = (
    (Category.NEW, "a fail or an unknown that was neither then"),
    (Category.WAIVER_ENDED, "it was waived, and is not any more"),
    (Category.UNDECIDED, "a fail then, now it cannot be found out: not fixed"),
    (Category.NOT_JUDGED, "a finding then, now the rule or the subject is not looked at: not fixed"),
    (Category.PERSISTING, "a finding in both runs"),
    (Category.WAIVED, "it was not waived then"),
    (Category.FIXED, "a fail then, now it passes or the rule does not apply"),
    (Category.DECIDED, "unknown then, now it passes or the rule does not apply"),
)
"""What became of findings, in the order of reports, and what the words mean (docs/history.md)."""


def waivers(run: Run) -> list[WaiverUse]:
    """The waivers of a run, those that need attention first."""
    return sorted(run.waivers, key=lambda one: (not one.remarks, one.waiver.expires, one.waiver.number))


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
    }
    covering = {"in-force": len(force), "covering": sum(one.used for one in force)}
    return covering | {name: number for name, number in others.items() if number}


def trend(run: Run) -> tuple[PastRun, ...]:
    """Earlier runs and this one, oldest first; nothing where there are no earlier ones."""
    if not run.trend:
        return ()
    tallies = {one.rule.name: one.tally for one in run.judged}
    own = PastRun(run.id, run.as_of, run.outcome, run.hypothetical, run.coverage, tallies)
    return (*past_runs(run.trend), own)


def text(run: Run, since: Since | None) -> Iterator[tuple[str, str]]:
    """Lines of the summary: a label and a text."""
    used = sum(one.used for one in run.waivers if one.state == "in_force")
    force = sum(one.state == "in_force" for one in run.waivers)
    if run.waivers:
        findings = "1 finding" if used == 1 else f"{used:,} findings"
        yield "Waivers", f"{force:,} in force, for {findings}"
    for one in waivers(run):
        for remark in one.remarks:
            yield "Waiver", f"{one.waiver.rule}, {covered(one.waiver, 3)}: {remark} ({one.waiver.owner})"
    if run.compared is not None and since is not None:
        numbers = [f"{since.number(word):,} {word}" for word, _ in WORDS if since.number(word)]
        when = f"{run.compared.run}, as of {values.iso(run.compared.as_of)}"
        yield "Since", f"{', '.join(numbers) or 'no finding then or now'} ({when})"


def note(run: Run, one: Finding) -> str:
    """What stands beside a verdict: why the gate does not count it, its waiver."""
    parts = []
    if one.waived:
        parts += [f"until {day(one.waiver.expires)}, {one.waiver.owner}"] if one.waiver else []
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
        **{word.value.replace(" ", "_"): since.number(word) for word, _ in WORDS},
        "rules": [
            {"rule": name, **{word.value.replace(" ", "_"): number for word, number in counts.items()}}
            for name, counts in since.counts.items()
        ],
    }
