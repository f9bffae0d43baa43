"""A pack of rules as a page of Markdown: `reports/pack.md.jinja` is its text, here are its cells and their escaping."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from checker.model import Control, Label, Pack, Param, Rule, Type
from checker.policy.params import used_params
from checker.policy.rule_text import condition_text, demand_text, value_text
from checker.problems import printable
from checker.reporting.templates import template
from checker.yamlsource import parse

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&#]")
_BLOCK = re.compile(r"^(\s*(?:\d+(?=[.)]\s)|(?=[-+]\s)))")
_PLAIN = re.compile(r"[A-Za-z_][\w./@+-]*", re.ASCII)
_NOT_TEXT = ("true", "false", "null", "yes", "no", "on", "off")

Row = Sequence[str]


def pack_page(pack: Pack) -> str:
    """A pack as Markdown: what it reads of the outside, then its rules."""
    given = _given(pack)
    return template("pack.md.jinja", escaped).render(
        pack=pack,
        labels=[_label(label) for label in pack.labels.values()],
        rules=[
            (_markdown(f"[{rule.id}](#{rule.id})"), code(rule.scope), rule.severity, rule.title)
            for rule in pack.rules
        ],
        params=lambda params: [_param(param) for param in params.values()],
        read=lambda rule: sorted(used_params(rule) & pack.params.keys()),
        controls=lambda rule: [_control(control) for control in rule.controls],
        tests=lambda rule: _tests(rule, given[rule.id]),
        condition=lambda rule: condition_text(pack, rule),
        code=code,
        fenced=fenced,
        filled=lambda rows: [at for at in range(len(rows[0])) if any(row[at] for row in rows)],
    )


def _label(label: Label) -> Row:
    kind = "date" if label.day else label.type.value
    notes = [escaped(label.description)] if label.description else []
    notes += [Markup("One of {}.").format(_list(map(_cell, label.one_of)))] if label.one_of else []
    notes += [Markup("Unknown where it is missing.")] if label.required else []
    return code(label.name), kind, Markup(" ").join(notes).strip()


def _param(param: Param) -> Row:
    kind = escaped(param.type.value)
    if param.type is Type.ENUM:
        kind = Markup("one of {}").format(_list(map(code, param.members)))
    if param.list:
        kind = Markup("list of {}").format(kind)
    default = "none: a run must give it" if param.default is None else _cell(value_text(param.default))
    return code(param.name), kind, default, param.description


def _control(control: Control) -> Row:
    demands = _list(_cell(demand_text(demand)) for demand in control.requires)
    name = Markup("{} {}").format(escaped(control.framework), escaped(control.id))
    return name, control.title, demands, control.does_not_prove


def _tests(rule: Rule, given: Iterable[str]) -> list[Row]:
    return [
        (case.name, _cell(text), _markdown(case.expect.value))
        for case, text in zip(rule.tests, given, strict=True)
    ]


def _list(parts: Iterable[Markup]) -> Markup:
    return Markup(", ").join(parts)


def _given(pack: Pack) -> dict[str, list[str]]:
    """What the tests of each rule give, as their author wrote it but on one line."""
    rules = parse(pack.source, pack.path).root.plain()["rules"]
    # `tests` may be a word that says that there are none
    tests = {str(rule["id"]): rule.get("tests") for rule in rules}
    return {
        name: [*map(_one_line, listed)] if isinstance(listed, list) else [] for name, listed in tests.items()
    }


def _one_line(test: Mapping[str, Any]) -> str:
    beside = {name: value for name, value in test.items() if name not in ("name", "given", "expect")}
    return flow({**test["given"], **beside})


def flow(value: Any) -> str:
    """Plain data as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    return json.dumps(value, ensure_ascii=False)


def escaped(text: str) -> Markup:
    """Text that Markdown shows as it is, on one line."""
    line = _SPECIAL.sub(r"\\\g<0>", " ".join(printable(text).split()))
    return _markdown(_BLOCK.sub(r"\1\\", line))


def code(text: str) -> Markup:
    """Text as code within a line; the fence is longer than any run of backticks in it."""
    line = " ".join(printable(text).split())
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    pad = " " if "`" in line else ""
    return _markdown(f"{fence}{pad}{line}{pad}{fence}" if line else "")


def _cell(text: str) -> Markup:
    """Code in a table, where a bar ends the cell even in code."""
    return _markdown(code(text).replace("|", "\\|"))


def fenced(text: str, language: str) -> Markup:
    """A block of code."""
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return _markdown(f"{fence}{language}\n{printable(text)}\n{fence}")


def _markdown(text: str) -> Markup:
    """Text that is Markdown already, and is not escaped again."""
    return Markup(text)  # noqa: S704
