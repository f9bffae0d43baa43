"""`rules list|show|validate|test`: policies without evidence."""

from __future__ import annotations

import textwrap

from checker import api
from checker.cli.console import complain, say, warn
from checker.model import Pack, Rule
from checker.policy.params import used
from checker.problems import InvalidInputError, Problem, printable, render, suggest
from checker.values import show


def list_rules(paths: list[str]) -> int:
    """Prints one rule a line."""
    policies = api.load(paths)
    warn(policies.warnings)
    width = max(len(rule.name) for rule in policies.rules)
    for rule in policies.rules:
        say(f"{rule.name:<{width}}  {rule.severity:<8}  {printable(rule.title)}")
    return 0


def show_rule(wanted: str, paths: list[str]) -> int:
    """Prints a rule with what it says of itself."""
    policies = api.load(paths)
    found = [(pack, rule) for pack in policies.packs for rule in pack.rules if wanted in (rule.id, rule.name)]
    if not found:
        hint = suggest(wanted, [rule.id for rule in policies.rules], what="rules are")
        raise InvalidInputError(Problem("RULE", f"no loaded rule is called {wanted}", hint))
    say("\n\n".join(_described(pack, rule) for pack, rule in found))
    return 0


def _described(pack: Pack, rule: Rule) -> str:
    lines = [f"{rule.name}  ({rule.severity})", printable(rule.title), f"at {rule.where}"]
    for label, text in (("why", rule.why), ("fix", rule.fix), ("caveat", rule.caveat)):
        if text:
            lines += ["", *textwrap.wrap(f"{label}: {printable(text)}", 100, subsequent_indent="  ")]
    lines.append("")
    lines += [f"reads {', '.join(field.path for field in rule.fields)}"]
    lines += [f"control {framework} {', '.join(ids)}" for framework, ids in rule.controls.items()]
    source = pack.source.decode("utf-8-sig").splitlines()
    lines += ["", *_entry(source, rule.where.line - 1)]
    read = used(rule)
    for name, param in {**pack.params, **rule.params}.items():
        if name in read:
            kind = f"list of {param.type}" if param.list else param.type
            value = "required" if param.default is None else f"default {_default(param.default)}"
            lines.append(f"parameter {name} ({kind}, {value}) {printable(param.description)}".rstrip())
    return "\n".join(lines)


def _default(value: object) -> str:
    return ", ".join(map(show, value)) if isinstance(value, tuple) else show(value)


def _entry(source: list[str], start: int) -> list[str]:
    """The rule's lines: down to the next line that is indented no deeper than its dash."""
    depth = len(source[start]) - len(source[start].lstrip())
    end = start + 1
    while end < len(source) and (
        not source[end].strip() or len(source[end]) - len(source[end].lstrip()) > depth
    ):
        end += 1
    return [printable(line) for line in "\n".join(source[start:end]).rstrip().splitlines()]


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
