"""Reports of `rules test`: JUnit and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import dump
from typing import Any, TextIO

from checker import instants
from checker.model import Location
from checker.policy.rule_tests import AS_OF
from checker.policytest.cases import CaseResult
from checker.policytest.mutation_score import MutationScore
from checker.policytest.results import RuleTestResult
from checker.reporting.escape import one_line, shorten, xml_text
from checker.reporting.junit_documents import UNLIMITED, Case, SuitePlan
from checker.reporting.junit_documents import documents as split
from checker.reporting.report_options import Options
from checker.reporting.templates import template

SCHEMA = "imageset-checker/rules-test/1"
LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class RuleTests:
    """How the tests of rules went; a rule whose tests notice fewer mutants than `least` percent has failed."""

    results: Sequence[RuleTestResult]
    least: float


def failure_text(case_result: CaseResult) -> str:
    """What a test that does not hold expected and got."""
    got = f"got {case_result.verdict}" + (f" ({case_result.reason})" if case_result.reason else "")
    if case_result.missing:
        got = (
            f"the parameter {', '.join(case_result.missing)} has no value; give it under `params` of the test"
        )
    return f"expected {case_result.case.expect}, {got}"


def score_text(score: MutationScore) -> str:
    """A score in words: `the tests notice 41 of 43 mutants (95%)`."""
    if score.reason:
        return f"no mutants tried: {score.reason}"
    untold = f"; of {score.untold} more it was not found out whether they differ" if score.untold else ""
    return f"the tests notice {score.killed:,} of {score.total:,} mutants ({int(score.percent)}%){untold}"


def missing_verdicts_text(tested: RuleTestResult) -> str:
    """The verdicts that no test shows."""
    *most, last = (verdict.value for verdict in tested.lacking)
    return f"no test expects {', '.join(most)}{' or ' if most else ''}{last}"


def junit(tests: RuleTests, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """A suite for each rule, a case for each test; what mutants showed is a case more, a failure below `least` percent."""
    timestamp = instants.iso(AS_OF)[: len("2026-01-02T03:04:05")]
    page = template("junit.xml.jinja", xml_text)
    for number, suites in split(_plans(tests.results, tests.least), UNLIMITED):
        out.writelines(page.generate(part=number, suites=suites, timestamp=timestamp))


def _plans(results: Sequence[RuleTestResult], least: float) -> Iterator[SuitePlan]:
    for rule_result in results:
        rule = rule_result.rule
        properties = (
            ("severity", rule.severity.value),
            ("policy.file", rule_result.pack.path),
            ("policy.sha256", rule_result.pack.sha256),
        )
        pack, name = _token(rule.pack), _token(rule.id)
        yield SuitePlan(
            f"{pack}/{name}", f"{pack}.{name}", pack, properties, iter(_cases(rule_result, least))
        )


def _cases(rule_result: RuleTestResult, least: float) -> list[Case]:
    cases = []
    for proved in rule_result.proved:
        name = _token(proved.case.name)
        if proved.held:
            cases.append(Case(name))
        else:
            text = failure_text(proved)
            kind = proved.case.expect.value
            cases.append(Case(name, "failure", kind, _token(text), _body(f"{proved.case.where}: {text}")))
    if rule_result.lacking:
        text = missing_verdicts_text(rule_result)
        cases.append(
            Case("required tests", "failure", "lacking", text, _body(f"{rule_result.rule.where}: {text}"))
        )
    if rule_result.score is not None:
        cases.append(_score_case(rule_result.score, least))
    if not cases:
        text = "the rule has no tests"
        cases.append(Case("tests", "skipped", "", text, text))
    return cases


def _score_case(score: MutationScore, least: float) -> Case:
    text = score_text(score)
    lines = [
        f"{lived.where}: {lived.change}\n  a test that notices: {lived.test}" for lived in score.survivors
    ]
    body = _body("\n".join([text, *lines]))
    if score.reason:
        return Case("mutants", "skipped", "", _token(text), body)
    if score.percent < least:
        return Case("mutants", "failure", "mutants", _token(text), body)
    return Case("mutants")


def json(tests: RuleTests, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """Every rule with its tests, and what was asked for beside them."""
    proofs = [proved for rule_result in tests.results for proved in rule_result.proved]
    document = {
        "schema": SCHEMA,
        "tests": len(proofs),
        "failed": sum(not proved.held for proved in proofs),
        "rules": [_rule(rule_result) for rule_result in tests.results],
    }
    dump(document, out, ensure_ascii=False, indent=2)
    out.write("\n")


def _rule(rule_result: RuleTestResult) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "rule": rule_result.rule.name,
        "where": _place(rule_result.rule.where),
        "tests": [
            {
                "name": proved.case.name,
                "where": _place(proved.case.where),
                "expected": proved.case.expect.value,
                "verdict": None if proved.verdict is None else proved.verdict.value,
                "reason": proved.reason,
                "held": proved.held,
            }
            for proved in rule_result.proved
        ],
        "lacking": [verdict.value for verdict in rule_result.lacking],
    }
    score = rule_result.score
    if score is None:
        return rule
    return rule | {
        "mutants": {
            "killed": score.killed,
            "total": score.total,
            "equivalent": score.equivalent,
            "untold": score.untold,
            "reason": score.reason or None,
            "survivors": [
                {"where": _place(lived.where), "change": lived.change, "test": lived.test}
                for lived in score.survivors
            ],
        }
    }


def _place(where: Location) -> str:
    return str(where)


def _token(text: str) -> str:
    return one_line(_body(text))


def _body(text: str) -> str:
    return shorten(xml_text(text), LONGEST)
