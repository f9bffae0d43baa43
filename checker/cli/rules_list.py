"""`rules list|validate`: policies without evidence."""

from __future__ import annotations

from collections.abc import Sequence

from checker import api
from checker.cli.console import print_error, print_line, print_table, print_warnings
from checker.model import Rule
from checker.problems import InvalidInputError, Problem, number_of, one_line, printable, render, sort_problems
from checker.reporting.text_layout import Column

LIST_SCHEMA = "imageset-checker/rules/1"
VALIDATE_SCHEMA = "imageset-checker/rules-validate/1"


def list_rules(paths: list[str], *, as_json: bool) -> int:
    """Prints one rule a line; whose they are, where nobody named any, goes to standard error."""
    found = api.policies_in_force(paths)
    print_warnings(found.policies.warnings)
    rules = found.policies.rules
    if as_json:
        document = {
            "schema": LIST_SCHEMA,
            "source": found.whose or paths,
            "rules": [_plain(item) for item in rules],
        }
        print_line(api.json_text(document, indent=2))
        return 0
    columns = [Column("")] * 3
    print_table(
        columns, [(rule.name, rule.severity.value, one_line(rule.title)) for rule in rules], head=False
    )
    if found.whose:
        print_error(f"{number_of(len(rules), 'rule')} in {found.packs}{found.remark}")
    return 0


def validate(paths: list[str], *, strict: bool, as_json: bool) -> int:
    """Reports every problem; 0 where there is none."""
    if not as_json:
        return _validate(paths, strict=strict)
    found: api.PolicySelection | None = None
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()
    try:
        found = api.policies_in_force(paths)
        problems, notes = _examined(found, strict=strict)
    except InvalidInputError as error:
        problems = error.problems
    valid = found is not None and not (strict and problems)
    document = {
        "schema": VALIDATE_SCHEMA,
        "source": (found.whose if found else "") or paths,
        "valid": valid,
        "packs": [pack.name for pack in found.policies.packs] if found else [],
        "rules": len(found.policies.rules) if found else 0,
        "problems": [problem.plain() for problem in sort_problems(problems)],
        "notes": list(notes),
    }
    print_line(api.json_text(document, indent=2))
    return 0 if valid else 2


def _validate(paths: list[str], *, strict: bool) -> int:
    found = api.policies_in_force(paths)
    problems, notes = _examined(found, strict=strict)
    for note in notes:
        print_error(f"note: {printable(note)}")
    if strict and problems:
        print_error(render(problems))
        return 2
    print_warnings(problems)
    print_line(f"{number_of(len(found.policies.rules), 'rule')} in {found.packs}: valid{found.remark}")
    return 0


def _examined(found: api.PolicySelection, *, strict: bool) -> tuple[list[Problem], Sequence[str]]:
    """Everything that is wrong with policies, and what of that could not be found out."""
    policies = found.policies
    examined = api.examine(policies)
    problems = [*policies.warnings, *examined.warnings]
    if strict:
        problems += [
            Problem(rule.where, f"the rule {rule.id} has no {name}", "--strict demands why, fix and tests")
            for rule in policies.rules
            for name in ("why", "fix", "tests")
            if not getattr(rule, name)
        ]
    return problems, examined.notes


def _plain(rule: Rule) -> dict[str, object]:
    """A rule as JSON."""
    return {
        "rule": rule.name,
        "id": rule.id,
        "pack": rule.pack,
        "title": rule.title,
        "severity": rule.severity.value,
        "scope": rule.scope,
        "tags": list(rule.tags),
        "where": str(rule.where),
    }
