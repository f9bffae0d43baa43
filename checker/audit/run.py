"""A run: one audit, judged, with its evidence on disk. Reports read it and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from checker.audit.gate import Gate, something_evaluated
from checker.model import (
    Change,
    Coverage,
    Finding,
    Framework,
    Outcome,
    Pack,
    Rule,
    Shortfall,
    Subject,
    Tally,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Judged:
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
class Unread:
    """A listed image set that could not be read: the error's code and message."""

    subject: Subject
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Run:
    """One audit. Rules stand in the order of the policies; `params` and `left_out` are texts for reports.

    `source` is `live` or `recorded`; `identities` maps targets to the ARN they were read as; `folder` holds the snapshot
    and the findings. `claims` are texts of what the owner says of the evidence, `changes` what audit.yaml changed of the rules, `shortfalls` the controls' demands that
    parameters do not meet, `frameworks` the files that map controls.
    """

    id: str
    name: str
    as_of: datetime
    hypothetical: bool
    tool_version: str
    botocore_version: str
    packs: tuple[Pack, ...]
    judged: tuple[Judged, ...]
    coverage: Coverage
    gate: Gate
    outcome: Outcome
    sentence: str
    source: str
    folder: Path
    params: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()
    frameworks: tuple[Framework, ...] = ()
    identities: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    evidence: object = field(default=None, repr=False, compare=False)
    """Held so that its temporary folder, where the snapshot is, lives as long as the run."""

    @property
    def total(self) -> Tally:
        """The rules' tallies added up."""
        return sum((one.tally for one in self.judged), Tally())

    @property
    def evaluated_any(self) -> bool:
        """Whether an image set was read, or a verdict was reached without any."""
        return something_evaluated((one.tally for one in self.judged), self.coverage)

    @property
    def complete(self) -> bool:
        """Every listed image set was read, and no verdict is unknown."""
        return not self.coverage.unreadable and not self.total.unknown and self.evaluated_any

    def findings(self) -> Iterator[Finding]:
        """Fails and unknowns by rule order, target, image set, version."""
        from checker.evaluation import read

        yield from read.findings(self.folder, [one.rule for one in self.judged], self.gate.counts)

    def subjects(self) -> Iterator[tuple[Judged, Iterator[SubjectVerdict]]]:
        """Each rule with the verdict on every subject, by target, image set, version.

        As with itertools.groupby, one rule's verdicts have to be read before the next rule is asked for.
        """
        from checker.evaluation import read

        rules = [one.rule for one in self.judged]
        every = read.subjects(rules, self.folder, self.as_of, self.gate.counts)
        for judged, rows in zip(self.judged, every, strict=True):
            yield judged, (SubjectVerdict(*row) for row in rows)

    def unread(self) -> Iterator[Unread]:
        """The image sets that could not be read, by target, image set, version."""
        from checker.evaluation import read

        for row in read.unread(self.folder):
            yield Unread(*row)
