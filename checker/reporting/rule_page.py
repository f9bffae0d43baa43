"""A rule with all that it says of itself, as text."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator

from checker.model import Control, Pack, Param, Rule, Type
from checker.policy.condition_tree import counted_fields_of
from checker.policy.params import used_params
from checker.policy.rule_text import condition_text, demand_text
from checker.problems import printable
from checker.values import show

WIDTH = 100


def rule_page(pack: Pack, rule: Rule) -> str:
    """The rule of a pack: title, why, fix, what it reads, its parameters, condition, controls and tests."""
    return "\n".join(_lines(pack, rule))


def _lines(pack: Pack, rule: Rule) -> Iterator[str]:
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
    return f"tests: {len(rule.tests):,} ({', '.join(f'{number:,} {verdict}' for verdict, number in counts.items())})"


def _wrapped(text: str, deeper: str = "  ") -> list[str]:
    return textwrap.wrap(printable(text), WIDTH, subsequent_indent=deeper, break_on_hyphens=False)
