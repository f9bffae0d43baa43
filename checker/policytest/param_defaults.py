"""What a claim on a rule owes to the defaults of its parameters, which an audit may set otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from checker.model import Condition, Location, Pack, ParamRef, Rule, Scalar, Test
from checker.policy.condition_tree import walk_all
from checker.policy.params import bind, rule_leaves
from checker.policy.rule_tests import AS_OF
from checker.policy.rule_text import value_text
from checker.policytest.cases import CaseGroup
from checker.problems import InvalidInputError

Default = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class DefaultedRule:
    """A rule with the defaults of its parameters in place; `defaults` are those that each leaf reads, by its place."""

    rule: Rule
    defaults: Mapping[Location, Mapping[str, Default]] = field(default_factory=dict)

    def rests(self, conditions: Iterable[Condition]) -> str:
        """`; with limit at its default, 30d`, where any of the conditions reads a parameter; else nothing."""
        read = [leaf.where for condition in conditions for leaf in walk_all(condition)]
        return default_remark(
            {name: value for where in read for name, value in self.defaults.get(where, {}).items()}
        )

    @property
    def every(self) -> Mapping[str, Default]:
        """All defaults that the rule reads."""
        return {name: value for default in self.defaults.values() for name, value in default.items()}


def default_remark(defaults: Mapping[str, Default]) -> str:
    """`; with limit at its default, 30d`; nothing without any."""
    if not defaults:
        return ""
    return "; with " + " and ".join(
        f"{name} at its default, {value_text(value)}" for name, value in defaults.items()
    )


def with_defaults(pack: Pack, rule: Rule) -> DefaultedRule | None:
    """The rule with the defaults of its parameters; None where one has none, so that nothing can be said."""
    values = CaseGroup(
        AS_OF, {name: param.default for name, param in {**pack.params, **rule.params}.items()}, ()
    )
    if values.missing(rule):
        return None
    bound = values.bound(rule)
    try:
        made = bind(rule, bound)
    except InvalidInputError:
        return None
    defaults = {leaf.where: {name: bound[name] for name in _names(leaf.tests)} for leaf in rule_leaves(rule)}
    return DefaultedRule(made, {where: named for where, named in defaults.items() if named})


def _names(tests: Iterable[Test]) -> Iterator[str]:
    for test in tests:
        for value in test.value if isinstance(test.value, tuple) else (test.value,):
            if isinstance(value, ParamRef):
                yield value.name
