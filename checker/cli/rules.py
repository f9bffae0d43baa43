"""`rules list|validate`: policies without evidence."""

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
    from checker.proving.warnings import warnings

    policies = api.load(paths)
    problems = [*policies.warnings, *warnings(policies)]
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


def _packs(policies: api.Policies) -> str:
    """The packs by name, so that nobody takes one for another."""
    return f"the pack{'s' * (len(policies.packs) > 1)} {', '.join(pack.name for pack in policies.packs)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
