"""`rules show`: a rule with what it says of itself."""

from __future__ import annotations

from checker import api
from checker.cli.console import print_line, print_warnings
from checker.model import Pack, Rule
from checker.problems import InvalidInputError, Problem, suggest


def run(wanted: str, paths: list[str]) -> int:
    """Prints the rules of that id, `RULE` or `PACK/RULE`; one of a shipped pack too, where audit.yaml's policies have none."""
    policies = api.policies_in_force(paths).policies
    print_warnings(policies.warnings)
    found = _found(wanted, policies) or ([] if paths else _found(wanted, api.load([api.SHIPPED])))
    if not found:
        names = [rule.name if "/" in wanted else rule.id for rule in policies.rules]
        hint = suggest(wanted, names, what="rules are")
        raise InvalidInputError(Problem("RULE", f"no loaded rule is called {wanted}", hint))
    print_line("\n\n".join(api.rule_page(pack, rule) for pack, rule in found))
    return 0


def _found(wanted: str, policies: api.Policies) -> list[tuple[Pack, Rule]]:
    return [(pack, rule) for pack in policies.packs for rule in pack.rules if wanted in (rule.id, rule.name)]
