"""`rules test`: the tests written inside rules, and how much they notice."""

from __future__ import annotations

from collections.abc import Sequence

from checker import api
from checker.cli.console import print_error, print_line, print_warnings
from checker.problems import Problem, number_of


def test(
    paths: list[str], only: list[str], *, reports: list[str], required: bool, mutate: bool, least: float
) -> int:
    """Tests rules: 1 where something does not hold, or a rule's score is below `least`; 3 where there is no test, but
    for mutants, which are there to judge tests."""
    asked = api.requested_reports(reports, document="rule tests")
    found = api.policies_in_force(paths)
    policies = found.policies
    print_warnings(policies.warnings)
    wanted = api.rule_names(policies, only, "--rule") if only else {rule.name for rule in policies.rules}
    results = api.run_rule_tests(policies, wanted, required=required, mutate=mutate)
    _complain(results, least)
    if api.STDOUT not in (path for _, path in asked):
        _say(results, found, mutate=mutate)
    for name, path in asked:
        api.report(api.RuleTests(results, least), {name: path})
    if not any(rule_result.proved for rule_result in results):
        print_error("no rule has a test")
        if any(rule_result.lacking for rule_result in results):
            return 1
        # mutants are there to judge tests: where there is none, nothing was to be found out, and each rule says so
        return 0 if mutate else 3
    low = any(rule_result.score and rule_result.score.percent < least for rule_result in results)
    return 1 if low or any(rule_result.failed or rule_result.lacking for rule_result in results) else 0


def _complain(results: Sequence[api.RuleTestResult], least: float) -> None:
    for rule_result in results:
        for proved in rule_result.failed:
            message = f"{rule_result.rule.name}: {proved.case.name}: {api.failure_text(proved)}"
            print_error(str(Problem(proved.case.where, message)))
        if rule_result.lacking:
            print_error(
                str(
                    Problem(
                        rule_result.rule.where,
                        f"{rule_result.rule.name}: {api.missing_verdicts_text(rule_result)}",
                    )
                )
            )
        score = rule_result.score
        for lived in score.survivors if score else ():
            warning = score is not None and score.percent >= least
            message = f"{rule_result.rule.name}: no test notices: {lived.change}"
            print_error(str(Problem(lived.where, message, f"add the test - {lived.test}", warning=warning)))


def _say(results: Sequence[api.RuleTestResult], found: api.PolicySelection, *, mutate: bool) -> None:
    tests = [proved for rule_result in results for proved in rule_result.proved]
    failed = sum(not proved.held for proved in tests)
    tested = sum(bool(rule_result.proved) for rule_result in results)
    packs = found.packs
    if mutate:
        for rule_result in results:
            if rule_result.score:
                print_line(f"{rule_result.rule.name}: {api.score_text(rule_result.score)}")
    print_line(
        f"{number_of(len(tests) - failed, 'test')} passed, {failed} failed, {number_of(tested, 'rule')} of {packs} tested{found.remark}"
    )
    if mutate:
        scores = [rule_result.score for rule_result in results if rule_result.score]
        killed, total = sum(score.killed for score in scores), sum(score.total for score in scores)
        same, untold = sum(score.equivalent for score in scores), sum(score.untold for score in scores)
        more = f"; of {untold:,} it was not found out" if untold else ""
        share = f" ({100 * killed // total}%)" if total else ""
        print_line(
            f"the tests notice {killed:,} of {total:,} mutants{share}; "
            f"{same:,} more were the same as the rule or as another one{more}"
        )
