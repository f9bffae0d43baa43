"""A run: one audit, judged, with its evidence on disk. Reports read it and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from checker.judgement.gate import (
    Gate,
    GateCount,
    Ruling,
    SeverityTotal,
    UnreadSets,
    something_evaluated,
    totals,
)
from checker.layout import BASELINE, NAMED, PRIOR
from checker.model import (
    SOON,
    Acceptance,
    Coverage,
    Drift,
    Duration,
    Finding,
    Framework,
    Label,
    Outcome,
    Pack,
    Rule,
    Shortfall,
    Sort,
    Subject,
    Tailoring,
    Tally,
    Verdict,
    Waiver,
)
from checker.policy.needs import needs
from checker.snapshot.datastore_coverage import DatastoreCoverage
from checker.temporary_files import Scratch
from checker.waivers.status import WaiverUse

if TYPE_CHECKING:
    from checker.evaluation.change_totals import ChangeSince
    from checker.evaluation.finding_change import ReferenceFindings
    from checker.evaluation.finding_order import Order
    from checker.evaluation.finding_totals import Totals


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule with how many subjects got which verdict."""

    rule: Rule
    tally: Tally


@dataclass(frozen=True, slots=True)
class SubjectVerdict:
    """The verdict of a rule on one subject; `finding` where it is a fail or unknown."""

    subject: Subject
    verdict: Verdict
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class UnreadableImageSet:
    """An image set that could not be read: the error's code and message. It is `gated` where the gate counts it by itself,
    as no unknown of a rule stands for it; of an image set that several rows name, the first is."""

    subject: Subject
    code: str
    message: str
    gated: bool = False


Kind = Literal["last", "passed", "accepted", "named"]
_FILES: Mapping[str, str] = {"last": PRIOR, "passed": BASELINE, "accepted": BASELINE, "named": NAMED}


@dataclass(frozen=True, slots=True)
class ReferenceRun:
    """The run that another one is compared with: its id, its instant, the sha256 of its manifest, and why it is that one:
    the last run, the last one whose gate passed, one that somebody accepted, or one that the configuration names."""

    run: str
    as_of: datetime
    sha256: str
    kind: Kind = "last"
    acceptance: Acceptance | None = None

    @property
    def named(self) -> bool:
        """Whether the configuration names it."""
        return self.kind == "named"

    @property
    def words(self) -> str:
        """What it is, as reports say it."""
        said = {
            "last": "the last run",
            "passed": "the baseline, the last run whose gate passed",
            "accepted": "the baseline",
            "named": "the run that is named",
        }[self.kind]
        return f"{said}, accepted by {self.acceptance.by}" if self.acceptance else said

    def reference(self, folder: Path) -> ReferenceFindings | None:
        """What findings in a folder are compared with; None where the folder has not got it."""
        from checker.evaluation.finding_change import ReferenceFindings

        file = folder / _FILES[self.kind]
        return ReferenceFindings(file, self.as_of, self.run) if file.exists() else None


class BaselineStatement(NamedTuple):
    """A statement on a baseline that there was when a run was made: the run that it is on, which of those it is, and the
    sha256 of its file."""

    run: str
    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PreviousRuns:
    """What a run tells of those before it: the one that it is compared with, those that it may be compared with when it is
    judged again (the `last` one, the `baseline`), what the manifests of earlier ones say, oldest first
    (`keeping.trend_point`), and the statements on runs as baselines."""

    compared: ReferenceRun | None = None
    candidates: Mapping[str, ReferenceRun | None] = field(default_factory=dict)
    trend: tuple[Mapping[str, Any], ...] = ()
    statements: tuple[BaselineStatement, ...] = ()
    authentic: bool = field(default=True, compare=False)
    """Whether a key at hand has signed all that the run takes from earlier ones; so it is where it takes nothing."""
    store_notes: tuple[str, ...] = field(default=(), compare=False)
    """What is odd about where they are, which is among the notes of the run."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """Why there is no baseline, where one was to be compared with, and what is called otherwise now: so too."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What evidence is judged by, beside the gate and the waivers: the policies with their labels, the values of parameters
    as texts, what audit.yaml changed of the rules, the controls' demands that parameters do not meet, the files that map
    controls, and the rules and targets that are left out, as texts."""

    packs: tuple[Pack, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Tailoring, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()
    frameworks: tuple[Framework, ...] = ()
    left_out: tuple[str, ...] = ()
    audit_path: str = ""
    """How messages call audit.yaml."""
    soon: Duration = SOON
    """How long before its end a waiver is listed as ending soon."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where evidence comes from, and how far it can be relied on."""

    source: str
    """`live` or `recorded`."""
    botocore_version: str = ""
    inputs: str = ""
    """What the run was asked to do, as the text that its id is made of."""
    replay_of: str = ""
    """The run whose evidence was judged again."""
    identities: Mapping[str, str] = field(default_factory=dict)
    """The ARN that each target was read as."""
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What data stores are called, by target, and accounts, by id."""
    reached: tuple[DatastoreCoverage, ...] = ()
    """The data stores that the run reached for, each with what became of its image sets."""
    calls: Mapping[str, int] = field(default_factory=dict)
    traffic: Mapping[str, float] = field(default_factory=dict)
    """Of a live run: attempts that were `throttled` and `retried`, answers `reused` of earlier runs, and the
    `waited_seconds` that threads waited for the quota, all together."""
    answered_by: Mapping[str, int] = field(default_factory=dict)
    """How many rows of the snapshot rest on the answers of which call."""
    drift: Drift | None = None
    """The image sets beside those that earlier runs saw; None where there were none."""
    interrupted: bool = False
    claims: tuple[str, ...] = ()
    """What the owner says of the evidence, as texts."""
    deletions_known_since: datetime | None = None
    """From when on the owner says that every deletion is known; `claims` say it too."""
    searched: tuple[str, ...] = ()
    """Of targets whose image sets a search listed, as texts."""


@dataclass(frozen=True, slots=True)
class Run(Scratch):
    """One audit. Rules stand in the order of the policies; the snapshot and the findings are in `folder`, which goes at the
    end of a `with` block where it is a temporary one."""

    id: str
    name: str
    as_of: datetime
    hypothetical: bool
    tool_version: str
    criteria: Criteria
    provenance: Provenance
    judged: tuple[RuleResult, ...]
    coverage: Coverage
    ruling: Ruling
    sentence: str
    folder: Path
    notes: tuple[str, ...] = ()
    waivers: tuple[WaiverUse, ...] = ()
    before: PreviousRuns = PreviousRuns()
    change: ChangeSince | None = None
    """What became of the findings of the run compared with; None where there is no such run."""
    unread_counts: UnreadSets = field(default_factory=dict)
    """What rules say of the image sets that could not be read."""
    unread_targets: int = 0
    """Targets that nobody has read, beside those of which the evidence says so."""

    @property
    def gate(self) -> Gate:
        """What the gate was asked to let through."""
        return self.ruling.gate

    @property
    def outcome(self) -> Outcome:
        """What the gate made of the run."""
        return self.ruling.outcome

    @property
    def labels(self) -> dict[str, Label]:
        """The labels that the packs declare."""
        return {name: label for pack in self.criteria.packs for name, label in pack.labels.items()}

    @property
    def dicom(self) -> tuple[str, ...]:
        """The DICOM attributes that rules read: protected health information."""
        return needs(rule_result.rule for rule_result in self.judged).dicom

    @property
    def total(self) -> Tally:
        """The rules' tallies added up."""
        return sum((rule_result.tally for rule_result in self.judged), Tally())

    @property
    def totals(self) -> tuple[SeverityTotal, ...]:
        """The findings by severity, and how many of them the gate counts; the gravest first."""
        return totals(
            self.ruling, [(rule_result.rule.severity, rule_result.tally) for rule_result in self.judged]
        )

    @property
    def counted(self) -> GateCount:
        """How many fails and unknowns the gate counts."""
        every = self.totals
        return GateCount(sum(item.gated_fail for item in every), sum(item.gated_unknown for item in every))

    @property
    def evaluated_any(self) -> bool:
        """Whether an image set was read, or a verdict was reached without any."""
        return something_evaluated((rule_result.tally for rule_result in self.judged), self.coverage)

    @property
    def complete(self) -> bool:
        """Every image set was read, and no verdict is unknown."""
        everything = not self.coverage.unreadable and not self.ruling.open_ended
        return everything and not self.total.unknown and self.evaluated_any

    @property
    def ranked(self) -> tuple[RuleResult, ...]:
        """The rules in the order of their findings: by severity, then those of which the gate counts a finding, then policy
        order."""

        def rank(rule_result: RuleResult) -> tuple[int, bool]:
            return -rule_result.rule.severity.rank, not any(
                self.ruling.counted(rule_result.rule.severity, rule_result.tally)
            )

        return tuple(sorted(self.judged, key=rank))

    def findings(
        self, most: int | None = None, *, gated: bool = False, show_phi: bool = False
    ) -> Iterator[Finding]:
        """Fails and unknowns, the worst first: by severity, then what the gate counts, then age, fails before unknowns, then
        policy order, target, image set, version. Of all, or of those that are `gated`, so many as `most` says. With
        `show_phi` they show DICOM attributes, which are data of patients."""
        yield from self._findings("worst", most, gated=gated, show_phi=show_phi)

    def sample(self, sort: Sort, most: int, *, show_phi: bool = False) -> Iterator[Finding]:
        """So many of the findings that the gate counts: the worst, but not of one rule alone, or the first in another order."""
        from checker.evaluation import finding_reader

        rules = [rule_result.rule for rule_result in self.judged]
        yield from finding_reader.finding_sample(
            self.folder,
            rules,
            self.ruling,
            self._waivers,
            sort=sort,
            most=most,
            phi=show_phi,
            run=self.id,
        )

    def findings_by_rule(self, *, show_phi: bool = False) -> Iterator[tuple[RuleResult, Iterator[Finding]]]:
        """Each rule in the order of `ranked` with its findings, the worst first.

        As with itertools.groupby, one rule's findings have to be read before the next rule is asked for.

        Raises:
            RuntimeError: a finding is of no rule of the run (our own bug); some would be left out.
        """
        groups = groupby(self._findings("rule", show_phi=show_phi), key=lambda finding: finding.rule.name)
        name, found = next(groups, ("", iter(())))
        for judged in self.ranked:
            if judged.rule.name == name:
                yield judged, found
                name, found = next(groups, ("", iter(())))
            else:
                yield judged, iter(())
        if name:
            raise RuntimeError(f"findings of {name} are out of order, or of no rule of the run")

    def _findings(
        self, order: Order, most: int | None = None, *, gated: bool = False, show_phi: bool = False
    ) -> Iterator[Finding]:
        from checker.evaluation import finding_reader

        rules = [rule_result.rule for rule_result in (self.judged if order == "worst" else self.ranked)]
        yield from finding_reader.findings(
            self.folder,
            rules,
            self.ruling,
            self._waivers,
            order=order,
            most=most,
            gated=gated,
            phi=show_phi,
            run=self.id,
        )

    def subjects(self, *, show_phi: bool = False) -> Iterator[tuple[RuleResult, Iterator[SubjectVerdict]]]:
        """Each rule in the order of `ranked` with the verdict on every subject, by target, image set, version.

        As with itertools.groupby, one rule's verdicts have to be read before the next rule is asked for.
        """
        from checker.evaluation import finding_reader

        rules = [rule_result.rule for rule_result in self.ranked]
        every = finding_reader.subjects(
            rules, self.folder, self.as_of, self.ruling, self._waivers, phi=show_phi, run=self.id
        )
        for judged, rows in zip(self.ranked, every, strict=True):
            yield judged, (SubjectVerdict(*row) for row in rows)

    @property
    def compared(self) -> ReferenceRun | None:
        """The run that this one is compared with."""
        return self.before.compared

    @property
    def trend(self) -> tuple[Mapping[str, Any], ...]:
        """What the manifests of earlier runs of the audit say, oldest first."""
        return self.before.trend

    @property
    def oldest(self) -> datetime | None:
        """Since when the oldest unwaived fail is open; None where there is none."""
        from checker.evaluation.finding_reader import oldest_finding

        return oldest_finding(self.folder)

    def oldest_open(self, verdict: Verdict = Verdict.FAIL, *, show_phi: bool = False) -> Finding | None:
        """The unwaived fail, or unknown, that is open for the longest time; of several the worst."""
        from checker.evaluation.finding_reader import oldest_open

        rules = [rule_result.rule for rule_result in self.judged]
        return oldest_open(
            self.folder, rules, self.ruling, self._waivers, verdict=verdict, phi=show_phi, run=self.id
        )

    def image_set_totals(self, most: int) -> Iterator[Totals]:
        """The image sets that have findings, the worst first, so many as `most` says, by target, data store and id."""
        from checker.evaluation.finding_totals import OF_SETS, finding_totals

        yield from finding_totals(self.folder, self.ruling, OF_SETS, most=most)

    def datastore_totals(self) -> Iterator[Totals]:
        """The data stores that have findings, the worst first, by target and id."""
        from checker.evaluation.finding_totals import OF_STORES, finding_totals

        yield from finding_totals(self.folder, self.ruling, OF_STORES)

    @property
    def reference(self) -> ReferenceFindings | None:
        """The findings that were open in the run compared with; None where there is no such run."""
        return self.compared.reference(self.folder) if self.compared else None

    @property
    def _waivers(self) -> dict[int, Waiver]:
        return {use.waiver.number: use.waiver for use in self.waivers}

    def unread(self) -> Iterator[UnreadableImageSet]:
        """The image sets that could not be read, by target, image set, version."""
        from checker.evaluation.unreadable_sets import unreadable_sets

        for who, code, message, said in unreadable_sets(self.folder):
            yield UnreadableImageSet(who, code, message, said is not None and self.ruling.counts_unread(said))
