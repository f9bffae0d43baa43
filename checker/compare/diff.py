"""What changed from one run to another, and why: every finding gets a category, and each that changed its causes."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from checker import temporary_files
from checker.compare import change_rows, pairing
from checker.compare.causes import SWAPPED
from checker.compare.pairing import ChangeCount
from checker.evaluation.change_category import change_numbers, rank
from checker.evaluation.finding_reader import EVERY, NOTHING_EARLIER
from checker.evaluation.finding_rows import Reader
from checker.evaluation.finding_states import STATES, ComparedRule, EvaluationTerms, FindingState
from checker.evaluation.open_findings import RuleOfRun, RunFindings, write_open_findings
from checker.judgement.replay import judgement_terms
from checker.layout import FINDINGS, HISTORY, PRIOR, RECORDS
from checker.model import NO_RENAMES, Category, ChangeNumbers, Factor, Label, Renames, Rule, Subject, Waiver
from checker.policy.needs import needs
from checker.policy.rule_digest import rule_digest
from checker.runs.run_reader import RecordedRun
from checker.snapshot.writer import write_snapshot
from checker.temporary_files import Scratch, result_folder

MOST_EARLIER = 8
"""Runs of the audit before the later of the two that are looked at for what comes and goes; ten with the two."""
CHANGES = "changes.parquet"

Earlier = tuple[Path, frozenset[str]]
"""The findings of another run of the audit, and the names of the rules that it judged."""


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run to compare: its evidence in a folder, and what it was judged by. `data` stands for the evidence: what is
    equal in two runs is the same."""

    name: str
    audit: str
    folder: Path
    data: str
    rules: tuple[Rule, ...]
    labels: Mapping[str, Label]
    waivers: tuple[Waiver, ...]
    as_of: datetime
    tool_version: str = ""
    hypothetical: bool = False
    outcome: str = ""
    history: str = ""
    """As `data`, of what was known before the run."""


@dataclass(frozen=True, slots=True)
class FindingChange:
    """What became of one finding. `causes` are the factors that did it alone; where there is none, those of `together`
    did it with one another. `message` is what the new run says of it, else the old one; it is `flapping` where it came up
    more than once in the runs that were looked at. `first_seen` and `first_run` say since when and in which run it is, or
    was, a finding."""

    rule: Rule
    subject: Subject
    category: Category
    was: FindingState
    now: FindingState
    causes: tuple[Factor, ...]
    together: tuple[Factor, ...]
    message: str
    flapping: bool = False
    first_seen: datetime | None = None
    first_run: str | None = None


@dataclass(frozen=True)
class Comparison(Scratch):
    """Two runs compared. `factors` are those in which they differ, `counts` the findings by rule, category and causes;
    those that persist have no cause."""

    old: ComparedRun
    new: ComparedRun
    factors: tuple[Factor, ...]
    entries: tuple[ComparedRule, ...]
    counts: tuple[ChangeCount, ...]
    earlier: int
    folder: Path

    @property
    def numbers(self) -> ChangeNumbers:
        """How many findings of which severity became what."""
        return change_numbers(
            (self.rule(count.entry).severity, count.category, count.number) for count in self.counts
        )

    @property
    def total(self) -> int:
        """How many findings changed."""
        return self.numbers.changed

    @property
    def new_causes(self) -> dict[tuple[Factor, ...], int]:
        """How many findings are new for which causes."""
        found = Counter[tuple[Factor, ...]]()
        for count in self.counts:
            if count.category is Category.NEW:
                found[count.causes] += count.number
        return dict(found)

    def rule(self, entry: int) -> Rule:
        """A rule as the new run had it, else as the old one had."""
        wanted = (self.entries[entry].name, self.entries[entry].scope)
        return next(item for item in (*self.new.rules, *self.old.rules) if (item.name, item.scope) == wanted)

    def changes(self, most: int | None = None, category: Category | None = None) -> Iterator[FindingChange]:
        """The changes, or the first of them, by category, rule, target, image set and version; of one category where that is
        given. Rules stand by severity, the worst first."""
        rules = [self.rule(index) for index in range(len(self.entries))]
        start, end = 0, self.total
        if category is not None:
            before = [item for item in Category if rank(item) < rank(category)]
            start = sum(map(self.numbers.number, before))
            end = start + self.numbers.number(category)
        last = end if most is None else min(end, start + most)
        for row in change_rows.rows(self.folder / CHANGES, start, last):
            yield self._change(rules, row)

    def _change(self, rules: Sequence[Rule], row: Mapping[str, Any]) -> FindingChange:
        causes = pairing.factors(row["causes"])
        differ = self.entries[row["entry"]].factors
        return FindingChange(
            rules[row["entry"]],
            row["subject"],
            list(Category)[row["category"]],
            STATES[row["was"]],
            STATES[row["now"]],
            causes,
            () if causes else tuple(factor for factor in SWAPPED if factor in differ),
            _message(rules[row["entry"]], row),
            row["flapping"],
            row["first_at"],
            row["first_run"] or (self.new.name if row["first_at"] else None),
        )


def compared_run(kept: RecordedRun) -> ComparedRun:
    """A kept run as one side of a comparison.

    Raises:
        InvalidInputError: what it was judged by cannot be read by this version.
    """
    by = judgement_terms(kept)
    return ComparedRun(
        kept.name,
        kept.audit,
        kept.folder,
        kept.files[RECORDS],
        by.rules.rules,
        by.rules.policies.labels,
        by.waivers,
        kept.as_of,
        str(kept.facts.get("tool_version", "")),
        bool(kept.facts.get("hypothetical")),
        str(kept.facts.get("outcome", "")),
        kept.files.get(HISTORY, ""),
    )


def compare(
    old: ComparedRun,
    new: ComparedRun,
    before: Sequence[Earlier] = (),
    between: Sequence[Earlier] = (),
    *,
    renames: Renames = NO_RENAMES,
) -> Comparison:
    """Compares two runs; both are judged again for it, and each with what the other one had.

    Args:
        old: the earlier run.
        new: the later run.
        before: runs of the audit before the old one, oldest first: a finding that came up in them too is flapping.
        between: runs between the two.
        renames: what the old run calls otherwise than the new one.
    """
    old = _renamed(old, renames)
    entries = _entries(old, new)
    differ = frozenset[Factor]().union(*(entry.factors for entry in entries))
    with result_folder() as folder:
        ways = _Ways(old, new, folder)
        findings = (old.folder / FINDINGS, new.folder / FINDINGS)
        found = pairing.RecordedFindings(*findings, folder / PRIOR, old.name, tuple(before), tuple(between))
        write_open_findings(_judged(old), folder / PRIOR, renames)
        counts = pairing.compare(ways, differ, entries, found, folder / CHANGES) if entries else []
    ways.clear()
    return Comparison(
        old,
        new,
        tuple(factor for factor in SWAPPED if factor in differ),
        tuple(entries),
        tuple(counts),
        len(before) + len(between),
        folder,
    )


def _renamed(side: ComparedRun, renames: Renames) -> ComparedRun:
    """A side with its rules by the names of now."""
    packs = {old: new for new, old in renames.packs.items()}
    whole = {old: new for new, old in renames.rules.items()}

    def named(rule: Rule) -> Rule:
        pack, _, name = whole.get(rule.name, f"{packs.get(rule.pack, rule.pack)}/{rule.id}").partition("/")
        return rule if (pack, name) == (rule.pack, rule.id) else replace(rule, pack=pack, id=name)

    return replace(side, rules=tuple(map(named, side.rules))) if renames else side


def _judged(item: ComparedRun) -> RunFindings:
    """A side as a run whose findings are open after it."""
    rules = [RuleOfRun(rule.name, rule.scope, rule_digest(rule), rule.severity.value) for rule in item.rules]
    before = item.folder / PRIOR
    return RunFindings(item.folder, item.name, item.as_of, rules, before if before.exists() else None)


def _entries(old: ComparedRun, new: ComparedRun) -> list[ComparedRule]:
    """The rules of both runs, the gravest first and the new one's before others, and in what the runs differ for each."""
    befores, afters = ({(rule.name, rule.scope): rule for rule in item.rules} for item in (old, new))
    found = []
    for name, scope in dict.fromkeys((*afters, *befores)):
        both = [rule for item in (befores, afters) if (rule := item.get((name, scope)))]
        # what was known before is no difference to rules that do not read it
        known = needs(both).history and old.history != new.history
        differ = {
            Factor.DATA: old.data != new.data or known,
            Factor.POLICY: _asks(befores.get((name, scope))) != _asks(afters.get((name, scope))),
            Factor.WAIVER: _lets_go(old.waivers, name) != _lets_go(new.waivers, name),
            Factor.CLOCK: old.as_of != new.as_of,
        }
        factors = frozenset(factor for factor, differs in differ.items() if differs)
        found.append((both[-1].severity.rank, ComparedRule(name, scope, factors)))
    return [entry for _, entry in sorted(found, key=lambda pair: -pair[0])]


def _asks(rule: Rule | None) -> object:
    """What of a rule its verdicts rest on, with its parameters bound; not where it stands, nor its texts."""
    return rule and (rule.condition, rule.when, rule.deny)


def _lets_go(waivers: Sequence[Waiver], rule: str) -> list[str]:
    """What waivers of a rule cover, whoever answers for it and in whatever order they stand."""
    return sorted(
        repr(
            (
                sorted(waiver.image_sets),
                waiver.target,
                sorted(waiver.labels.items()),
                waiver.version,
                waiver.covers,
                waiver.created,
                waiver.expires,
            )
        )
        for waiver in waivers
        if waiver.rule == rule
    )


class _Ways:
    """Ways to judge that take each factor from one of two runs; a snapshot is written for each that is asked for."""

    def __init__(self, old: ComparedRun, new: ComparedRun, folder: Path) -> None:
        self.old, self.new, self.folder = old, new, folder
        self.written: dict[tuple[str, str], Path] = {}

    def __call__(self, tried: frozenset[Factor]) -> EvaluationTerms:
        data, policy, waiver, clock = (
            self.new if factor in tried else self.old
            for factor in (Factor.DATA, Factor.POLICY, Factor.WAIVER, Factor.CLOCK)
        )
        other = self.old if policy is self.new else self.new
        # waivers may name labels that the other run's policies declare
        labels = {**other.labels, **policy.labels}
        waivers = [
            item
            for item in waiver.waivers
            if all(
                name in labels and _same_type(labels[name], waiver.labels.get(name)) for name in item.labels
            )
        ]
        return EvaluationTerms(
            self._snapshot(data, policy, labels), policy.rules, clock.as_of, waivers, labels
        )

    def _snapshot(self, data: ComparedRun, policy: ComparedRun, labels: Mapping[str, Label]) -> Path:
        asked = needs(policy.rules)
        types = sorted((name, label.type, label.day, label.required) for name, label in labels.items())
        key = (f"{data.data} {data.history}", repr((asked, types)))
        if key not in self.written:
            folder = self.folder / f"snapshot-{len(self.written)}"
            folder.mkdir()
            if (data.folder / HISTORY).exists():
                shutil.copyfile(data.folder / HISTORY, folder / HISTORY)
            write_snapshot(data.folder / RECORDS, folder, labels, asked)
            self.written[key] = folder
        return self.written[key]

    def clear(self) -> None:
        """Removes the snapshots."""
        for folder in self.written.values():
            temporary_files.discard(folder)


def _same_type(label: Label, other: Label | None) -> bool:
    return other is not None and label.type is other.type


def _message(rule: Rule, row: Mapping[str, Any]) -> str:
    """What a finding says, from what the run kept of it; nothing where it kept that in another way."""
    if row["fields"] is None:
        return ""
    subject: Subject = row["subject"]
    who = (
        subject.target,
        subject.account,
        subject.region,
        subject.datastore_id,
        subject.image_set_id,
        subject.version_id,
        subject.exact,
    )
    try:
        found = (*who, row["verdict"], row["reason"], row["fields"], None, None, None, *NOTHING_EARLIER, None)
        return Reader(rule, EVERY).finding(found).message
    except (KeyError, TypeError, ValueError):
        return ""
