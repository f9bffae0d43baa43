"""What the reports of a run say of its waivers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checker import values
from checker.judgement.run import Run
from checker.model import Finding, Rule, Verdict, Waiver
from checker.reporting import finding_text
from checker.waivers.status import WaiverUse, coverage_text, day, days_left


def waivers_by_urgency(run: Run) -> list[WaiverUse]:
    """The waivers of a run, those that need attention first: what counts again, then what soon will, then what is no use,
    then what could not be told of."""

    def attention(waiver_use: WaiverUse) -> int:
        again = waiver_use.state == "expired" and waiver_use.judged and not waiver_use.unused
        needs = (again, waiver_use.soon, waiver_use.over_broad, waiver_use.unused, bool(waiver_use.doubt))
        return needs.index(True) if any(needs) else len(needs) + (waiver_use.state == "in_force")

    return sorted(
        run.waivers, key=lambda waiver: (attention(waiver), waiver.waiver.expires, waiver.waiver.number)
    )


def flags(waiver_use: WaiverUse) -> list[tuple[str, str]]:
    """How a waiver stands, in words, each with the verdict whose colour and shape it has on a page."""
    states = {
        "expired": ("fail", "Expired"),
        "not_yet": ("not_applicable", "Not yet in force"),
        "in_force": ("pass", "In force"),
    }
    others = (
        (waiver_use.soon, ("unknown", "Ends soon")),
        (waiver_use.over_broad, ("unknown", "Over-broad")),
        (waiver_use.unused, ("waived", "Unused")),
        (bool(waiver_use.doubt), ("unknown", "Could not be told")),
    )
    return [states[waiver_use.state], *(flag for there, flag in others if there)]


def rule_counts(run: Run, rule: Rule) -> dict[str, int]:
    """How many waivers of a rule are in which state, and how many findings those in force cover; nothing where it has
    none."""
    own = [use for use in run.waivers if use.waiver.rule == rule.name]
    if not own:
        return {}
    force = [finding for finding in own if finding.state == "in_force"]
    others = {
        "expired": sum(finding.state == "expired" for finding in own),
        "not-yet": sum(finding.state == "not_yet" for finding in own),
        "ending-soon": sum(finding.soon for finding in own),
        "unused": sum(finding.unused for finding in own),
        "over-broad": sum(finding.over_broad for finding in own),
        "could-not-be-told": sum(bool(finding.doubt) for finding in own),
    }
    covering = {"in-force": len(force), "covering": sum(use.used for use in force)}
    return covering | {name: number for name, number in others.items() if number}


def lines(run: Run) -> Iterator[tuple[str, str]]:
    """Lines of the summary: a label and a text."""
    used = sum(use.used for use in run.waivers if use.state == "in_force")
    force = sum(use.state == "in_force" for use in run.waivers)
    if run.waivers:
        findings = "1 finding" if used == 1 else f"{used:,} findings"
        doubts = sum(bool(use.doubt) for use in run.waivers)
        doubt = f"; of {doubts:,} it could not be told whether it is needed" if doubts else ""
        yield "Waivers", f"{force:,} in force, for {findings}{doubt}"
    for item in waivers_by_urgency(run):
        # of the rules of other runs there is nothing to say one by one
        if item.remarks and item.judged:
            said = "; ".join(item.remarks)
            yield (
                "Waiver",
                f"{item.waiver.rule}, {coverage_text(item.waiver, 2)}: {said} ({item.waiver.owner})",
            )


def note(run: Run, finding: Finding) -> str:
    """What stands beside a verdict: why the gate does not count it, its waiver."""
    return "; ".join(part for part in notes(run, finding) if part)


def notes(run: Run, finding: Finding) -> tuple[str, str]:
    """Why the gate does not count a finding that is not waived, and how its waiver stands; empty where there is no such
    thing."""
    uncounted = "" if finding.waived or finding.gated else finding_text.uncounted(finding, run.ruling)
    if finding.waiver is None:
        return uncounted, ""
    own = finding.waiver
    if finding.waived:
        waived = "waived " * (finding.verdict is Verdict.UNKNOWN)
        return uncounted, f"{waived}until {day(own.expires)}, {own.owner}"
    ended = "ended" if run.as_of >= own.ends else "begins"
    return uncounted, f"a waiver of it {ended} {day(own.expires if ended == 'ended' else own.created)}"


def document(waiver_use: WaiverUse, run: Run) -> dict[str, Any]:
    """A waiver as JSON holds it."""
    own = waiver_use.waiver
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
        "state": waiver_use.state,
        "days_left": days_left(own, run.as_of),
        "expires_soon": waiver_use.soon,
        "unused": waiver_use.unused,
        "over_broad": waiver_use.over_broad,
        "could_not_be_told": waiver_use.doubt or None,
        "used": waiver_use.used,
        "reached": waiver_use.reached,
        "where": str(own.where),
    }


def brief(own: Waiver) -> dict[str, Any]:
    """A waiver as a finding names it."""
    return {"number": own.number, "owner": own.owner, "expires": day(own.expires)}
