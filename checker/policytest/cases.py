"""Runs the tests inside rules through the same engine as an audit: records, snapshot, evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from checker import temporary_files
from checker.evaluation import finding_reader
from checker.layout import RECORDS
from checker.model import Case, Label, Pack, Rule, Verdict
from checker.policy.load import Policies
from checker.policy.needs import needs
from checker.policy.params import Bound, bind, used
from checker.policytest.case_history import write_earlier
from checker.policytest.case_records import records, target, wanted
from checker.snapshot.writer import write_records, write_snapshot


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
class Group:
    """Tests of a rule with one instant and the same parameters' values; `cases` are their indexes."""

    as_of: datetime
    values: Mapping[str, object]
    cases: tuple[int, ...]

    def missing(self, rule: Rule) -> tuple[str, ...]:
        """The parameters that neither the tests nor the policy give."""
        return tuple(sorted(name for name in used(rule) if self.values.get(name) is None))

    def bound(self, rule: Rule) -> Bound:
        """The values of the parameters that the rule reads."""
        return {name: self.values[name] for name in used(rule)}  # type: ignore[misc]


def run_cases(policies: Policies) -> list[CaseResult]:
    """Every test of every rule, in order.

    Raises:
        InvalidInputError: a test gives parameters that do not fit each other.
    """
    return [
        case_result for pack in policies.packs for rule in pack.rules for case_result in run_rule(pack, rule)
    ]


def run_rule(pack: Pack, rule: Rule) -> list[CaseResult]:
    """Every test of a rule, in order.

    Raises:
        InvalidInputError: a test gives parameters that do not fit each other.
    """
    if not rule.tests:
        return []
    with snapshot(rule, rule.tests, pack.labels) as folder:
        results: dict[int, CaseResult] = {}
        for group in groups(pack, rule):
            results |= zip(group.cases, _prove(rule, group, folder), strict=True)
    return [results[index] for index in range(len(rule.tests))]


def groups(pack: Pack, rule: Rule) -> list[Group]:
    """A rule's tests by instant and parameters."""
    given = {name: param.default for name, param in {**pack.params, **rule.params}.items()}
    found: dict[tuple[datetime, str], list[int]] = {}
    for index, case in enumerate(rule.tests):
        found.setdefault((case.as_of, repr(sorted(case.params.items()))), []).append(index)
    return [
        Group(as_of, {**given, **rule.tests[indexes[0]].params}, tuple(indexes))
        for (as_of, _), indexes in found.items()
    ]


@contextmanager
def snapshot(rule: Rule, cases: Sequence[Case], labels: Mapping[str, Label]) -> Iterator[Path]:
    """A folder with the tables of what tests describe; a test's rows are those of its target."""
    with temporary_files.scratch() as folder:
        needed = needs([rule])
        if needed.successor or needed.history:
            # both are looked for in the whole data store, so that each test has one of its own
            cases = [
                replace(case, given={"datastoreId": f"570e{index:028}", **case.given})
                for index, case in enumerate(cases)
            ]
        described = (
            record
            for index, case in enumerate(cases)
            for record in records(case, index, rule.scope, needed.dicom)
        )
        write_records(described, folder / RECORDS)
        if needed.history:
            write_earlier(folder, cases, rule.scope)
        write_snapshot(folder / RECORDS, folder, labels, needed, one_service=False)
        yield folder


def _prove(rule: Rule, group: Group, folder: Path) -> Iterable[CaseResult]:
    cases = [rule.tests[index] for index in group.cases]
    if missing := group.missing(rule):
        return [CaseResult(rule, case, None, missing=missing) for case in cases]
    ready = bind(rule, group.bound(rule))
    results = {}
    subjects = {
        (target(index), *wanted(rule.tests[index], index, rule.scope)): index for index in group.cases
    }
    for judged in finding_reader.verdicts([ready], folder, group.as_of, each=True):
        for subject, verdict, reason in judged:
            version = subject.version_id if rule.scope == "version" else None
            index = subjects.get((subject.target, subject.image_set_id, version))
            if index is not None:
                results[index] = (verdict, reason)
    return [CaseResult(rule, case, *results[index]) for index, case in zip(group.cases, cases, strict=True)]
