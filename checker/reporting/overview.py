"""What the page's first screen says of a run: the worst rules and image sets, the oldest fail, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from checker.judgement.run import RuleResult, Run
from checker.model import Finding, Verdict
from checker.problems import number_of
from checker.reporting import finding_text, normal_form, run_text, waivers
from checker.reporting.page_address import findings_address
from checker.reporting.scorecard import (
    Counts,
    StoreScore,
    added,
    by_severity,
    counts_text,
    scorecard,
    severity_place,
    summed,
)
from checker.waivers.status import day

MOST = 5
"""Of the worst rules, and of the worst image sets."""
MOST_UNREADABLE = 200
MOST_TARGETS = 200
MOST_PRINTED = 20
"""Of the worst findings, and of the unread image sets, in the printed summary."""


@dataclass(frozen=True, slots=True)
class RuleScore:
    """A rule with findings, and how many fails and unknowns of it the gate counts."""

    judged: RuleResult
    gated_fail: int
    gated_unknown: int

    @property
    def address(self) -> str:
        """Its findings on the page."""
        return findings_address(rule=self.judged.rule.name)

    @property
    def words(self) -> str:
        """Its numbers: `11 fails and 2 unknowns, 9 of them count; 1 waived fail`."""
        tally = self.judged.tally
        kinds = ((tally.fail, "fail"), (tally.unknown, "unknown"))
        numbers = " and ".join(number_of(count, noun) for count, noun in kinds if count)
        counted, total = self.gated_fail + self.gated_unknown, tally.fail + tally.unknown
        if total == 1:
            share = "it counts" if counted else "it does not count"
        elif counted == total:
            share = "both count" if total == 2 else "all of them count"
        elif not counted:
            share = "neither counts" if total == 2 else "none of them count"
        else:
            share = f"{counted:,} of them {'counts' if counted == 1 else 'count'}"
        waived = f"; {number_of(tally.waived, 'waived fail')}" if tally.waived else ""
        return f"{numbers}, {share}{waived}"


@dataclass(frozen=True, slots=True)
class ImageSetScore:
    """An image set with its findings by severity."""

    target: str
    image_set_id: str
    counts: Counts

    @property
    def address(self) -> str:
        """Its findings on the page."""
        return findings_address(set=self.image_set_id, target=self.target)

    @property
    def words(self) -> str:
        """Its numbers: `3 fails (critical 2, high 1)`."""
        return counts_text(self.counts)


@dataclass(frozen=True, slots=True)
class AccountScore:
    """An account with the findings of its data stores by severity. `account` is empty for all those of which nobody knows the
    account."""

    account: str
    name: str
    counts: Counts

    @property
    def address(self) -> str:
        """Its findings on the page."""
        return findings_address(account=self.account) if self.account else "#targets"

    @property
    def words(self) -> str:
        """Its numbers: `3 fails (critical 2, high 1)`."""
        return counts_text(self.counts)


@dataclass(frozen=True, slots=True)
class OldestFinding:
    """The unwaived finding that has been open for the longest time."""

    finding: Finding
    days: int
    since: str

    @property
    def address(self) -> str:
        """Where it stands on the page."""
        return findings_address(open=normal_form.finding_id(self.finding.rule, self.finding.subject))

    @property
    def words(self) -> str:
        """What it is: `oldest open fail`."""
        return f"oldest open {self.finding.verdict}"

    @property
    def age(self) -> str:
        """How long it has been open: `41 days`."""
        return "under 1 day" if not self.days else number_of(self.days, "day")


@dataclass(frozen=True, slots=True)
class PrintedFinding:
    """A finding as the printed summary shows it."""

    finding: Finding
    state: str
    headline: str
    note: str
    since: str


def context(run: Run, *, show_phi: bool) -> dict[str, Any]:
    """What the templates of the first screen and of the targets show."""
    totals, scores = run.totals, scorecard(run)
    return {
        "totals": totals,
        "counted": run.counted,
        "most_findings": max([item.fail + item.unknown + item.waived for item in totals] + [1]),
        "gate_sentences": run_text.gate_sentences(run.gate),
        "worst_rules": worst_rules(run),
        "worst_sets": worst_image_sets(run),
        "worst_accounts": worst_accounts(scores),
        "oldest": oldest_finding(run, show_phi=show_phi),
        "printed": list(printed_findings(run, show_phi=show_phi)),
        "most_printed": MOST_PRINTED,
        "most_targets": MOST_TARGETS,
        "not_checked": list(not_checked(run)),
        "scorecard": scores,
        "sum_of": summed,
        "by_severity": by_severity,
        "to": findings_address,
    }


def worst_rules(run: Run) -> list[RuleScore]:
    """The rules with findings that are not all waived: by severity, then by what the gate counts, fails first, then by all
    that was found, then in policy order."""
    scores = [
        RuleScore(judged, *run.ruling.counted(judged.rule.severity, judged.tally))
        for judged in run.judged
        if judged.tally.fail or judged.tally.unknown
    ]

    def place(score: RuleScore) -> tuple[int, ...]:
        tally = score.judged.tally
        numbers = (
            score.judged.rule.severity.rank,
            score.gated_fail,
            score.gated_unknown,
            tally.fail,
            tally.unknown,
        )
        return tuple(-number for number in numbers)

    return sorted(scores, key=place)[:MOST]


def worst_image_sets(run: Run) -> list[ImageSetScore]:
    """The image sets with findings that are not all waived, the worst first."""
    return [
        ImageSetScore(target or "", image_set_id or "", counts)
        for (target, _, image_set_id), counts in run.image_set_totals(MOST)
        if any(own.fail or own.unknown for own in counts.values())
    ]


def worst_accounts(scores: Sequence[StoreScore]) -> list[AccountScore]:
    """The accounts with findings that are not all waived, in the order of their data stores' sums; none where the run is of
    one account alone."""
    stores: dict[str, list[StoreScore]] = {}
    for score in scores:
        stores.setdefault(score.store.account or "", []).append(score)
    if len(stores) == 1:
        return []
    found = [
        AccountScore(account, own[0].store.account_name, added(score.counts for score in own))
        for account, own in stores.items()
    ]
    found = [score for score in found if any(item.fail or item.unknown for item in score.counts.values())]
    return sorted(found, key=lambda score: (severity_place(score.counts), score.account))[:MOST]


def oldest_finding(run: Run, *, show_phi: bool) -> OldestFinding | None:
    """The oldest unwaived fail, or where no fail is open the oldest unknown; None where nothing says since when one is open."""
    finding = run.oldest_open(Verdict.FAIL if run.total.fail else Verdict.UNKNOWN, show_phi=show_phi)
    if finding is None or finding.first_seen is None:
        return None
    days = finding_text.age_days(finding.first_seen, run.as_of)
    return OldestFinding(finding, days, finding_text.since(finding.first_seen, finding.first_run, run.as_of))


def printed_findings(run: Run, *, show_phi: bool) -> Iterator[PrintedFinding]:
    """The worst findings, for the printed summary."""
    for finding in run.findings(MOST_PRINTED, show_phi=show_phi):
        since = day(finding.first_seen) if finding.first_seen else "new in this run" if finding.new else ""
        state = "waived" if finding.waived and finding.verdict is Verdict.FAIL else finding.verdict.value
        yield PrintedFinding(
            finding, state, finding_text.headline(finding), waivers.note(run, finding), since
        )


def not_checked(run: Run) -> Iterator[str]:
    """What nobody looked at, beside image sets that could not be read one by one: targets, rules switched off or left out."""
    yield from (f"{text[0].upper()}{text[1:]}." for text in run_text.unreadable_targets(run))
    if run.provenance.interrupted:
        yield "The run was stopped before its end."
    for item in run.criteria.changes:
        if item.off:
            yield f"Rule {item.rule.name} was {run_text.change(item)}"
    yield from run.criteria.left_out
