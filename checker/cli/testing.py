"""`rules test`: the tests written inside rules, and how much they notice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TextIO, cast

from checker import api
from checker.cli.console import complain, say, warn
from checker.cli.policies import Taken, packs_text, taken
from checker.policytest.results import RuleResult, prove
from checker.problems import InvalidInputError, Problem, suggest
from checker.reporting import STDOUT, probe
from checker.reporting.delivery import deliver
from checker.reporting.report_options import Format, Options
from checker.reporting.test_report import described, failure, lacked, write_json, write_junit

FORMATS = ("json", "junit")


def test(
    paths: list[str], only: list[str], *, reports: list[str], required: bool, mutate: bool, least: float
) -> int:
    """Tests rules: 1 where something does not hold, or a rule's score is below `least`; 3 where there is no test, but
    for mutants, which are there to judge tests."""
    asked = _asked(reports)
    found = taken(paths)
    policies = found.policies
    warn(policies.warnings)
    wanted = api.named(policies, only, "--rule") if only else {rule.name for rule in policies.rules}
    results = prove(policies, wanted, required=required, mutate=mutate)
    _complain(results, least)
    if STDOUT not in (path for _, path in asked):
        _say(results, found, mutate=mutate)
    for name, path in asked:
        write = partial(_write, results, name, least)
        # delivery hands on what is reported, whatever it is
        deliver(cast(Any, None), Format(write, name), path, Options())
    if not any(rule_result.proved for rule_result in results):
        complain("no rule has a test")
        if any(rule_result.lacking for rule_result in results):
            return 1
        # mutants are there to judge tests: where there is none, nothing was to be found out, and each rule says so
        return 0 if mutate else 3
    low = any(rule_result.score and rule_result.score.percent < least for rule_result in results)
    return 1 if low or any(rule_result.failed or rule_result.lacking for rule_result in results) else 0


def _write(
    results: Sequence[RuleResult], name: str, least: float, _run: object, out: TextIO, _options: object
) -> None:
    if name == "junit":
        write_junit(results, out, least)
    else:
        write_json(results, out)


def _asked(reports: Sequence[str]) -> list[tuple[str, str]]:
    problems, asked = [], []
    for text in reports:
        name, equals, path = text.partition("=")
        if not equals or not path:
            problems.append(Problem("--report", f"`{text}` names no file", "write --report FORMAT=PATH"))
        elif name not in FORMATS:
            hint = suggest(name, FORMATS, what="formats are")
            problems.append(Problem("--report", f"unknown format {name}", hint))
        else:
            asked.append((name, path))
            try:
                probe(path)
            except InvalidInputError as error:
                problems += error.problems
    if problems:
        raise InvalidInputError(problems)
    return asked


def _complain(results: Sequence[RuleResult], least: float) -> None:
    for rule_result in results:
        for proved in rule_result.failed:
            message = f"{rule_result.rule.name}: {proved.case.name}: {failure(proved)}"
            complain(str(Problem(proved.case.where, message)))
        if rule_result.lacking:
            complain(str(Problem(rule_result.rule.where, f"{rule_result.rule.name}: {lacked(rule_result)}")))
        score = rule_result.score
        for lived in score.survivors if score else ():
            warning = score is not None and score.percent >= least
            message = f"{rule_result.rule.name}: no test notices: {lived.change}"
            complain(str(Problem(lived.where, message, f"add the test - {lived.test}", warning=warning)))


def _say(results: Sequence[RuleResult], found: Taken, *, mutate: bool) -> None:
    tests = [proved for rule_result in results for proved in rule_result.proved]
    failed = sum(not proved.held for proved in tests)
    tested = sum(bool(rule_result.proved) for rule_result in results)
    packs = packs_text(found.policies)
    if mutate:
        for rule_result in results:
            if rule_result.score:
                say(f"{rule_result.rule.name}: {described(rule_result.score)}")
    say(
        f"{_count(len(tests) - failed, 'test')} passed, {failed} failed, {_count(tested, 'rule')} of {packs} tested{found.remark}"
    )
    if mutate:
        scores = [rule_result.score for rule_result in results if rule_result.score]
        killed, total = sum(score.killed for score in scores), sum(score.total for score in scores)
        same, untold = sum(score.equivalent for score in scores), sum(score.untold for score in scores)
        more = f"; of {untold} it was not found out" if untold else ""
        share = f" ({100 * killed // total}%)" if total else ""
        say(
            f"the tests notice {killed} of {total} mutants{share}; "
            f"{same} more were the same as the rule or as another one{more}"
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
