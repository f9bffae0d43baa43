"""`rules test`: the tests written inside rules, and how much they notice."""

from __future__ import annotations

from collections.abc import Sequence

from checker import api
from checker.cli.console import print_error, print_line, print_warnings
from checker.cli.policy_arguments import PolicySelection, packs_text, policies_in_force
from checker.policytest.results import RuleResult, prove
from checker.problems import Problem
from checker.reporting import STDOUT, Options, deliver, writer
from checker.reporting.test_report import RuleTests, failure, missing_verdicts, score_text
from checker.workflow.options import requested_reports


def test(
    paths: list[str], only: list[str], *, reports: list[str], required: bool, mutate: bool, least: float
) -> int:
    """Tests rules: 1 where something does not hold, or a rule's score is below `least`; 3 where there is no test, but
    for mutants, which are there to judge tests."""
    asked = requested_reports(reports, document="rule tests")
    found = policies_in_force(paths)
    policies = found.policies
    print_warnings(policies.warnings)
    wanted = api.rule_names(policies, only, "--rule") if only else {rule.name for rule in policies.rules}
    results = prove(policies, wanted, required=required, mutate=mutate)
    _complain(results, least)
    if STDOUT not in (path for _, path in asked):
        _say(results, found, mutate=mutate)
    for name, path in asked:
        deliver(RuleTests(results, least), writer(name, "rule tests"), path, Options())
    if not any(rule_result.proved for rule_result in results):
        print_error("no rule has a test")
        if any(rule_result.lacking for rule_result in results):
            return 1
        # mutants are there to judge tests: where there is none, nothing was to be found out, and each rule says so
        return 0 if mutate else 3
    low = any(rule_result.score and rule_result.score.percent < least for rule_result in results)
    return 1 if low or any(rule_result.failed or rule_result.lacking for rule_result in results) else 0


def _complain(results: Sequence[RuleResult], least: float) -> None:
    for rule_result in results:
        for proved in rule_result.failed:
            message = f"{rule_result.rule.name}: {proved.case.name}: {failure(proved)}"
            print_error(str(Problem(proved.case.where, message)))
        if rule_result.lacking:
            print_error(
                str(
                    Problem(
                        rule_result.rule.where, f"{rule_result.rule.name}: {missing_verdicts(rule_result)}"
                    )
                )
            )
        score = rule_result.score
        for lived in score.survivors if score else ():
            warning = score is not None and score.percent >= least
            message = f"{rule_result.rule.name}: no test notices: {lived.change}"
            print_error(str(Problem(lived.where, message, f"add the test - {lived.test}", warning=warning)))


def _say(results: Sequence[RuleResult], found: PolicySelection, *, mutate: bool) -> None:
    tests = [proved for rule_result in results for proved in rule_result.proved]
    failed = sum(not proved.held for proved in tests)
    tested = sum(bool(rule_result.proved) for rule_result in results)
    packs = packs_text(found.policies)
    if mutate:
        for rule_result in results:
            if rule_result.score:
                print_line(f"{rule_result.rule.name}: {score_text(rule_result.score)}")
    print_line(
        f"{_count(len(tests) - failed, 'test')} passed, {failed} failed, {_count(tested, 'rule')} of {packs} tested{found.remark}"
    )
    if mutate:
        scores = [rule_result.score for rule_result in results if rule_result.score]
        killed, total = sum(score.killed for score in scores), sum(score.total for score in scores)
        same, untold = sum(score.equivalent for score in scores), sum(score.untold for score in scores)
        more = f"; of {untold} it was not found out" if untold else ""
        share = f" ({100 * killed // total}%)" if total else ""
        print_line(
            f"the tests notice {killed} of {total} mutants{share}; "
            f"{same} more were the same as the rule or as another one{more}"
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
