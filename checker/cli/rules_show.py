"""`rules show`: a rule with what it says of itself."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator

from checker import api
from checker.cli.console import print_line, print_warnings
from checker.cli.policy_arguments import policies_in_force
from checker.model import Control, Pack, Param, Rule, Type
from checker.policy.condition_tree import counted_fields_of
from checker.policy.params import used_params
from checker.policy.policy_files import SHIPPED
from checker.policy.rule_text import condition_text, demand_text
from checker.problems import InvalidInputError, Problem, printable, suggest
from checker.values import show

WIDTH = 100


def run(wanted: str, paths: list[str]) -> int:
    """Prints the rules of that id, `RULE` or `PACK/RULE`; one of a shipped pack too, where audit.yaml's policies have none."""
    policies = policies_in_force(paths).policies
    print_warnings(policies.warnings)
    found = _found(wanted, policies) or ([] if paths else _found(wanted, api.load([SHIPPED])))
    if not found:
        names = [rule.name if "/" in wanted else rule.id for rule in policies.rules]
        hint = suggest(wanted, names, what="rules are")
        raise InvalidInputError(Problem("RULE", f"no loaded rule is called {wanted}", hint))
    print_line("\n\n".join("\n".join(_described(pack, rule)) for pack, rule in found))
    return 0


def _found(wanted: str, policies: api.Policies) -> list[tuple[Pack, Rule]]:
    return [(pack, rule) for pack in policies.packs for rule in pack.rules if wanted in (rule.id, rule.name)]


def _described(pack: Pack, rule: Rule) -> Iterator[str]:
    yield f"{rule.name}  ({rule.severity})"
    yield printable(rule.title)
    yield f"at {rule.where}"
    for label, text in (("why", rule.why), ("fix", rule.fix), ("caveat", rule.caveat)):
        if text:
            yield ""
            yield from _wrapped(f"{label}: {text}")
    yield ""
    yield f"scope: {rule.scope}"
    if rule.tags:
        yield f"tags: {', '.join(rule.tags)}"
    counted = dict.fromkeys((*counted_fields_of(rule.when), *counted_fields_of(rule.condition)))
    reads = dict.fromkeys(field.path for field in (*rule.fields, *counted))
    yield from _wrapped(f"reads: {', '.join(reads)}")
    read = used_params(rule)
    yield from (_param(item) for name, item in {**pack.params, **rule.params}.items() if name in read)
    yield ""
    yield printable(condition_text(pack, rule))
    if rule.controls:
        yield ""
        for control in rule.controls:
            yield from _control(control)
    yield ""
    yield _tests(rule)


def _param(param: Param) -> str:
    of = f"{param.type} ({', '.join(param.members)})" if param.type is Type.ENUM else param.type.value
    kind = f"list of {of}" if param.list else of
    value = "required" if param.default is None else f"default {_default(param.default)}"
    return f"parameter {param.name}: {kind}, {value}. {printable(param.description)}".rstrip()


def _default(value: object) -> str:
    return ", ".join(map(show, value)) if isinstance(value, tuple) else show(value)


def _control(control: Control) -> Iterator[str]:
    yield f"control {control.framework} {control.id}  {printable(control.title)}".rstrip()
    for demand in control.requires:
        yield f"  demands {demand_text(demand)}"
    if control.does_not_prove:
        yield from _wrapped(f"  a pass does not prove: {control.does_not_prove}", deeper="    ")


def _tests(rule: Rule) -> str:
    if not rule.tests:
        return "tests: none"
    counts = Counter(case.expect.value for case in rule.tests)
    return (
        f"tests: {len(rule.tests)} ({', '.join(f'{number} {verdict}' for verdict, number in counts.items())})"
    )


def _wrapped(text: str, deeper: str = "  ") -> list[str]:
    return textwrap.wrap(printable(text), WIDTH, subsequent_indent=deeper, break_on_hyphens=False)
