"""Parameters get their values before a run: a flag before audit.yaml before the default."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from checker.model import (
    Aggregate,
    Condition,
    Field,
    Group,
    Leaf,
    Location,
    Pack,
    Param,
    ParamRef,
    Rule,
    Scalar,
    Test,
    Type,
    Value,
)
from checker.policy.condition_tree import walk_all
from checker.policy.declarations import typed_value
from checker.policy.literals import comparable
from checker.policy.operators import OPERATORS, holds
from checker.problems import InvalidInputError, Problem, nearest, suggest
from checker.values import BadValueError, parse_scalar
from checker.yaml_nodes import Entry, Node

Given = Mapping[str, str | Entry | Node]
"""Values from outside a policy, by `param`, `PACK.param` or `PACK/RULE.param`: text of a flag, or what stands in audit.yaml."""

_EXAMPLES = {
    Type.DURATION: "7y",
    Type.TIME: "2026-01-31",
    Type.INTEGER: "1",
    Type.BOOLEAN: "true",
    Type.RATIO: "5%",
}

Bound = Mapping[str, Scalar | tuple[Scalar, ...]]
"""The values of a rule's parameters, by name."""


def _from_text(param: Param, text: str, where: str, problems: list[Problem]) -> object:
    """Text of a `--param` flag as the parameter's value: a list is comma-separated."""
    try:
        values = [
            parse_scalar(part.strip(), param.type) for part in (text.split(",") if param.list else [text])
        ]
    except BadValueError as error:
        problems.append(Problem(where, str(error), error.hint))
        return None
    for value in values:
        if param.members and value not in param.members:
            hint = suggest(str(value), param.members, what="it is one of")
            problems.append(Problem(where, f"the parameter {param.name} is never {value}", hint))
            return None
    return tuple(values) if param.list else values[0]


def resolve(
    packs: Iterable[Pack], config: Given, flags: Mapping[str, str], *, chosen: frozenset[str] | None = None
) -> dict[str, Bound]:
    """The values of every rule's parameters, by the rule's name: a flag before audit.yaml before the default.

    Args:
        packs: the loaded packs.
        config: `params:` of audit.yaml.
        flags: `--param` by name, value as text.
        chosen: the names of the rules that must have all their values; every rule unless given.

    Raises:
        InvalidInputError: a name that nothing declares, a value of another type, or a required one without value.
    """
    packs = tuple(packs)
    problems: list[Problem] = []
    known = _qualified(packs)
    by_flag = _named({name: f"--param {name}" for name in flags}, known, problems)
    by_config = _named(config, known, problems)
    values: dict[str, object] = {}
    for key, param in known.items():
        if key in by_flag:
            name = by_flag[key]
            values[key] = _from_text(param, flags[name], f"--param {name}", problems)
        elif key in by_config:
            given = config[by_config[key]]
            values[key] = (
                _from_text(param, given, "params", problems)
                if isinstance(given, str)
                else typed_value(param, given.node if isinstance(given, Entry) else given, problems)
            )
        else:
            values[key] = param.default
    bound: dict[str, Bound] = {}
    missing: dict[str, Problem] = {}
    for pack in packs:
        for rule in pack.rules:
            names = {name: f"{pack.name}.{name}" for name in pack.params}
            names |= {name: f"{pack.name}/{rule.id}.{name}" for name in rule.params}
            names_used = used_params(rule)
            for name in sorted(names_used):
                if (
                    known[names[name]].default is None
                    and names[name] not in (*by_flag, *by_config)
                    and (chosen is None or rule.name in chosen)
                ):
                    missing.setdefault(names[name], _missing(known[names[name]], names[name], rule))
            bound[rule.name] = {name: values[key] for name, key in names.items() if name in names_used}  # type: ignore[misc]
    problems += missing.values()
    if problems:
        raise InvalidInputError(problems)
    return bound


def _named(
    names: Mapping[str, str | Entry | Node], known: Mapping[str, Param], problems: list[Problem]
) -> dict[str, str]:
    """The names by the declared parameters that they mean, each of which is named once; each with its place."""
    found: dict[str, str] = {}
    for name, where in names.items():
        for key in _expand(name, known, where, problems):
            if key in found:
                message = f"{name} and {found[key]} are the same parameter"
                problems.append(_problem(where, message, "give it once"))
            found.setdefault(key, name)
    return found


def _problem(where: str | Entry | Node, message: str, hint: str) -> Problem:
    if isinstance(where, str):
        return Problem(where, message, hint)
    return (where.key if isinstance(where, Entry) else where).problem(message, hint)


def _missing(param: Param, key: str, rule: Rule) -> Problem:
    example = _EXAMPLES.get(param.type, param.members[0] if param.members else "VALUE")
    flag, value = (f"{example},..", f"[{example}, ..]") if param.list else (example, example)
    message = f"the rule {rule.name} needs the parameter {param.name}, which has no default"
    return Problem(
        param.where, message, f"add --param {key}={flag}, or params: {{{key}: {value}}} in audit.yaml"
    )


def _qualified(packs: Iterable[Pack]) -> dict[str, Param]:
    known: dict[str, Param] = {}
    for pack in packs:
        known |= {f"{pack.name}.{name}": param for name, param in pack.params.items()}
        for rule in pack.rules:
            known |= {f"{rule.name}.{name}": param for name, param in rule.params.items()}
    return known


def _expand(
    name: str, known: Mapping[str, Param], where: str | Entry | Node, problems: list[Problem]
) -> list[str]:
    """The declared parameters that a name means: its full name, or a bare one that only one pack declares."""
    if name in known:
        return [name]
    keys = [key for key in known if key.rpartition(".")[2] == name]
    if len(keys) == 1:
        return keys
    message, hint = (
        f"no loaded policy has a parameter {name}",
        nearest(name, known)
        or suggest(name, sorted({key.rpartition(".")[2] for key in known}), what="parameters are"),
    )
    if keys:
        message, hint = f"several parameters are called {name}", f"write one of {', '.join(keys)}"
    problems.append(_problem(where, message, hint))
    return []


def used_params(rule: Rule) -> set[str]:
    """The names of the parameters that a rule reads, or its message shows."""
    read = {value.name for leaf in rule_leaves(rule) for value in _flat(leaf) if isinstance(value, ParamRef)}
    return read | {value.name for value in rule.message_params.values() if isinstance(value, ParamRef)}


def rule_leaves(rule: Rule) -> list[Leaf | Aggregate]:
    """Every leaf and aggregate of a rule's `when` and condition, in the order of writing, and what is in aggregates."""
    return [*walk_all(rule.when), *walk_all(rule.condition)]


def _flat(leaf: Leaf | Aggregate) -> list[Value]:
    return [
        value
        for test in leaf.tests
        for value in (test.value if isinstance(test.value, tuple) else (test.value,))
    ]


def bind(rule: Rule, bound: Bound) -> Rule:
    """The rule with its parameters' values in place.

    Raises:
        InvalidInputError: values that fit their types but not each other: low above high, no RE2 pattern.
    """
    problems: list[Problem] = []

    def value_of(value: Value) -> Value:
        if isinstance(value, ParamRef):
            return bound[value.name]
        return tuple(value_of(item) for item in value) if isinstance(value, tuple) else value  # type: ignore[misc]

    def filled(condition: Condition) -> Condition:
        if isinstance(condition, Group):
            members = tuple(filled(member) for member in condition.members)
            return dataclasses.replace(condition, members=members)
        tests = tuple(Test(test.operator, value_of(test.value)) for test in condition.tests)
        problems.extend(_misfits(rule, condition, tests))
        if isinstance(condition, Leaf):
            return dataclasses.replace(condition, tests=tests)
        of, among = (None if part is None else filled(part) for part in (condition.of, condition.among))
        return dataclasses.replace(condition, of=of, among=among, tests=tests)

    when = None if rule.when is None else filled(rule.when)
    condition = filled(rule.condition)
    if problems:
        raise InvalidInputError(problems)
    shown = {name: value_of(value) for name, value in rule.message_params.items()}
    return dataclasses.replace(rule, when=when, condition=condition, message_params=shown)


def _misfits(rule: Rule, leaf: Leaf | Aggregate, tests: tuple[Test, ...]) -> Iterable[Problem]:
    where: Location = leaf.where
    for before, test in zip(leaf.tests, tests, strict=True):
        if before == test:
            continue
        value, known = test.value, OPERATORS[test.operator]
        if (
            known.takes == "pair"
            and isinstance(value, tuple)
            and not any(isinstance(v, Field) for v in value)
        ):
            low, high = (comparable(v) for v in value)  # type: ignore[arg-type]
            if low > high:
                yield Problem(where, f"{rule.name}: the parameters put low above high in `{known.name}`")
        elif known.fault and isinstance(value, str) and (wrong := known.fault(value)):
            yield Problem(where, f"{rule.name}: the parameter is no RE2 pattern: {wrong}")
        elif isinstance(leaf, Leaf) and leaf.operand.type is Type.ENUM and known.of_text:
            members = leaf.operand.left.members
            if isinstance(value, str) and not any(holds(known.name, member, value) for member in members):
                yield Problem(where, f"{rule.name}: no value of {leaf.operand} {test.operator} {value}")
