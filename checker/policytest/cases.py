"""Runs the tests inside rules through the same engine as an audit: records, snapshot, evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path

from checker import temporary_files
from checker.evaluation import finding_reader
from checker.evaluation.condition_compiler import verdict
from checker.evaluation.engine import table
from checker.layout import HISTORY, RECORDS
from checker.model import Case, Label, Pack, Rule, RuleScope, Verdict
from checker.policy.load import Policies
from checker.policy.needs import needs
from checker.policy.params import Bound, bind, used_params
from checker.policytest.case_records import case_records, case_subject, case_target, earlier_records
from checker.policytest.mutants import Mutant
from checker.snapshot.history import write_history
from checker.snapshot.writer import connect, write_records, write_snapshot
from checker.sql import col, lit

_VERDICTS = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A test of a rule with the verdict it got; `missing` names parameters that neither it nor the policy gives."""

    rule: Rule
    case: Case
    verdict: Verdict | None
    reason: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.verdict is self.case.expect


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """Tests of a rule with one instant and the same parameters' values; `cases` are their indexes."""

    as_of: datetime
    values: Mapping[str, object]
    cases: tuple[int, ...]

    def missing(self, rule: Rule) -> tuple[str, ...]:
        """The parameters that neither the tests nor the policy give."""
        return tuple(sorted(name for name in used_params(rule) if self.values.get(name) is None))

    def bound(self, rule: Rule) -> Bound:
        """The values of the parameters that the rule reads."""
        return {name: self.values[name] for name in used_params(rule)}  # type: ignore[misc]


def run_cases(policies: Policies) -> list[CaseResult]:
    """Every test of every rule, in order.

    Raises:
        InvalidInputError: a test gives parameters that do not fit each other.
    """
    return [result for pack in policies.packs for rule in pack.rules for result in run_rule(pack, rule)]


def run_rule(pack: Pack, rule: Rule, folder: Path | None = None) -> list[CaseResult]:
    """Every test of a rule, in order.

    Args:
        pack: the rule's pack.
        rule: the rule, its parameters not bound.
        folder: the `snapshot` of its tests, where there is one already.

    Raises:
        InvalidInputError: a test gives parameters that do not fit each other.
    """
    results: dict[int, CaseResult] = {}
    with nullcontext(folder) if folder else snapshot(pack, rule) as used:
        for group in case_groups(pack, rule):
            results |= zip(group.cases, _results(rule, group, used), strict=True)
    return [results[index] for index in range(len(rule.tests))]


def case_groups(pack: Pack, rule: Rule) -> list[CaseGroup]:
    """A rule's tests by instant and parameters."""
    given = {name: param.default for name, param in {**pack.params, **rule.params}.items()}
    found: dict[tuple[datetime, str], list[int]] = {}
    for index, case in enumerate(rule.tests):
        found.setdefault((case.as_of, repr(sorted(case.params.items()))), []).append(index)
    return [
        CaseGroup(as_of, {**given, **rule.tests[indexes[0]].params}, tuple(indexes))
        for (as_of, _), indexes in found.items()
    ]


@contextmanager
def snapshot(pack: Pack, rule: Rule) -> Iterator[Path]:
    """A folder with the tables of what a rule's tests describe; a test's rows are those of its target."""
    with temporary_files.temporary_folder() as folder:
        if rule.tests:
            _write_snapshot(folder, rule, pack.labels)
        yield folder


def _write_snapshot(folder: Path, rule: Rule, labels: Mapping[str, Label]) -> None:
    cases: Sequence[Case] = rule.tests
    needed = needs([rule])
    if needed.successor or needed.history:
        # both are looked for in the whole data store, so that each test has one of its own
        cases = [
            replace(case, given={"datastoreId": f"570e{index:028}", **case.given})
            for index, case in enumerate(cases)
        ]
    told = (case_records(case, index, rule.scope, needed.dicom) for index, case in enumerate(cases))
    write_records(chain.from_iterable(told), folder / RECORDS)
    if needed.history:
        _write_history(folder, cases, rule.scope)
    write_snapshot(folder / RECORDS, folder, labels, needed, one_service=False)


def _write_history(folder: Path, cases: Sequence[Case], scope: RuleScope) -> None:
    """The history that the runs before have left of what tests describe."""
    before: Path | None = None
    for number, later in enumerate((False, True)):
        run = folder / f"earlier-{number}"
        run.mkdir()
        told = (earlier_records(case, index, scope, later=later) for index, case in enumerate(cases))
        write_records(chain.from_iterable(told), run / RECORDS)
        out = folder if later else run
        write_history(out, records=run / RECORDS, before=before, events=(), started=cases[0].as_of)
        before = run / HISTORY


def _results(rule: Rule, group: CaseGroup, folder: Path) -> Iterable[CaseResult]:
    cases = [rule.tests[index] for index in group.cases]
    if missing := group.missing(rule):
        return [CaseResult(rule, case, None, missing=missing) for case in cases]
    results = {}
    subjects = {_subject(rule, index): index for index in group.cases}
    for rows in finding_reader.verdicts([bind(rule, group.bound(rule))], folder, group.as_of, each=True):
        for subject, found, reason in rows:
            version = subject.version_id if rule.scope == "version" else None
            index = subjects.get((subject.target, subject.image_set_id, version))
            if index is not None:
                results[index] = (found, reason)
    return [CaseResult(rule, case, *results[index]) for index, case in zip(group.cases, cases, strict=True)]


def _subject(rule: Rule, index: int) -> tuple[str, str | None, int | None]:
    return (case_target(index), *case_subject(rule.tests[index], index, rule.scope))


def verdicts(
    pack: Pack, rule: Rule, others: Sequence[Mutant], folder: Path | None = None
) -> Iterator[tuple[int, dict[int, Verdict]]]:
    """The index of each test of a rule, with the verdicts that others give on it, by their numbers; those that cannot be
    bound to its parameters give none. The rule itself is -1.

    Args:
        pack: the rule's pack.
        rule: the rule, its parameters not bound.
        others: mutants of it, or of the same rule with other tests.
        folder: the `snapshot` of its tests, where there is one already.
    """
    if not rule.tests or not others:
        return
    with nullcontext(folder) if folder else snapshot(pack, rule) as used, connect() as connection:
        for group in case_groups(pack, rule):
            values = group.bound(rule)
            ready = {at: made for at, item in enumerate(others) if (made := item.bind(values)) is not None}
            ready[-1] = bind(rule, values)
            rows, columns = table(connection, used, rule.scope, ready.values(), group.as_of)
            codes = [verdict(made, group.as_of, columns).alias(f"v{at}") for at, made in ready.items()]
            version = col("versionId") if rule.scope == "version" else lit(None)
            read = rows.select(col("target"), col("imageSetId"), version.alias("version"), *codes)
            by_subject = {row[:3]: row[3:] for row in read.fetchall()}
            for index in group.cases:
                found = by_subject[_subject(rule, index)]
                yield index, {at: _VERDICTS[code] for at, code in zip(ready, found, strict=True)}
