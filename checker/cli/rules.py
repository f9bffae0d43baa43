"""`rules list|validate|test`: policies without evidence."""

from __future__ import annotations

from checker import api
from checker.cli.console import complain, say, warn
from checker.problems import Problem, printable, render


def list_rules(paths: list[str]) -> int:
    """Prints one rule a line."""
    policies = api.load(paths)
    warn(policies.warnings)
    width = max(len(rule.name) for rule in policies.rules)
    for rule in policies.rules:
        say(f"{rule.name:<{width}}  {rule.severity:<8}  {printable(rule.title)}")
    return 0


def validate(paths: list[str], *, strict: bool) -> int:
    """Reports every problem; 0 where there is none."""
    policies = api.load(paths)
    problems = list(policies.warnings)
    if strict:
        problems += [
            Problem(rule.where, f"the rule {rule.id} has no {name}", "--strict demands why, fix and tests")
            for rule in policies.rules
            for name in ("why", "fix", "tests")
            if not getattr(rule, name)
        ]
    if strict and problems:
        complain(render(problems))
        return 2
    warn(problems)
    say(f"{_count(len(policies.rules), 'rule')} in {_packs(policies)}: valid")
    return 0


def test(paths: list[str], only: list[str]) -> int:
    """Runs the tests inside rules: 1 where one does not hold, 3 where there is none."""
    from checker.proving.cases import run_cases

    policies = api.load(paths)
    warn(policies.warnings)
    wanted = api.named(policies, only, "--rule")
    proved = [one for one in run_cases(policies) if not only or one.rule.name in wanted]
    failed = [one for one in proved if not one.held]
    for one in failed:
        got = f"got {one.verdict}" + (f" ({one.reason})" if one.reason else "")
        if one.missing:
            got = f"the parameter {', '.join(one.missing)} has no value; give it under `params` of the test"
        message = f"{one.rule.name}: {one.case.name}: expected {one.case.expect}, {got}"
        complain(str(Problem(one.case.where, message)))
    tested = {one.rule.name for one in proved}
    say(
        f"{_count(len(proved) - len(failed), 'test')} passed, {len(failed)} failed, {_count(len(tested), 'rule')} of {_packs(policies)} tested"
    )
    if not proved:
        complain("no rule has a test")
        return 3
    return 1 if failed else 0


def _packs(policies: api.Policies) -> str:
    """The packs by name, so that nobody takes one for another."""
    return f"the pack{'s' * (len(policies.packs) > 1)} {', '.join(pack.name for pack in policies.packs)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
