"""`rules docs`: a pack as a page of Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from checker.cli.console import say, warn
from checker.cli.policies import taken
from checker.cli.schema import write
from checker.model import Control, Demand, Field, Label, Pack, Param, ParamRef, Rule, Type
from checker.policy.params import used
from checker.policy.written import condition_text
from checker.problems import printable
from checker.values import show
from checker.yamlsource import parse

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&#]")
_BLOCK = re.compile(r"^(\s*)([-+]|\d+[.)])(?=\s)")
_PLAIN = re.compile(r"[A-Za-z_][\w./@+-]*", re.ASCII)
_NOT_TEXT = ("true", "false", "null", "yes", "no", "on", "off")


def run(paths: list[str], out: str | None) -> int:
    """Prints the pages, or writes each into a file that is called as its pack."""
    policies = taken(paths).policies
    warn(policies.warnings)
    if out is None:
        say("\n\n".join(page(pack).rstrip() for pack in policies.packs))
        return 0
    for pack in policies.packs:
        path = Path(out) / f"{pack.name}.md"
        write(path, page(pack))
        say(f"wrote {path.as_posix()}")
    return 0


def page(pack: Pack) -> str:
    """A pack as Markdown: what it reads of the outside, then its rules."""
    parts = [
        f"# {escaped(pack.title)}",
        "<!-- made by `imageset-checker rules docs`; change the pack and make it again -->",
        _about(pack),
    ]
    if pack.labels:
        head = ("label", "type", "an inventory says with it")
        parts += ["## Labels", _table(head, (_label(one) for one in pack.labels.values()))]
    if pack.params:
        parts += ["## Parameters", _params(pack.params)]
    columns = ("rule", "scope", "severity", "holds where it passes")
    rows = (
        (f"[{rule.id}](#{rule.id})", code(rule.scope), rule.severity, escaped(rule.title))
        for rule in pack.rules
    )
    parts += ["## Rules", _table(columns, rows)]
    given = _given(pack)
    for rule in pack.rules:
        parts += _rule(pack, rule, given.get(rule.id, []))
    return "\n\n".join(parts) + "\n"


def _about(pack: Pack) -> str:
    facts = [f"Pack {code(pack.name)}"]
    facts += [
        f"{name} {escaped(text)}"
        for name, text in (
            ("revision", pack.revision),
            ("owner", pack.owner),
            ("approved by", pack.approved_by),
            ("to be reviewed by", pack.review_by),
        )
        if text
    ]
    return ", ".join(facts) + f". {len(pack.rules)} rule{'s' * (len(pack.rules) != 1)}."


def _label(label: Label) -> tuple[str, ...]:
    kind = "date" if label.day else label.type.value
    notes = [f"One of {', '.join(map(_cell, label.one_of))}."] if label.one_of else []
    notes += ["Unknown where it is missing."] if label.required else []
    return code(label.name), kind, " ".join([escaped(label.description), *notes]).strip()


def _params(params: Mapping[str, Param]) -> str:
    return _table(("parameter", "type", "default", "is"), (_param(one) for one in params.values()))


def _param(param: Param) -> tuple[str, ...]:
    members = f"one of {', '.join(map(code, param.members))}" if param.type is Type.ENUM else param.type.value
    kind = f"list of {members}" if param.list else members
    default = "none: a run must give it" if param.default is None else _cell(_shown(param.default))
    return code(param.name), kind, default, escaped(param.description)


def _rule(pack: Pack, rule: Rule, given: list[str]) -> Iterator[str]:
    yield f"## {rule.id}"
    tags = f" Tags: {', '.join(map(code, rule.tags))}." if rule.tags else ""
    yield f"**{escaped(rule.title)}.** Severity {rule.severity}, scope {code(rule.scope)}.{tags}"
    for name, text in (("Why", rule.why), ("Fix", rule.fix), ("Caveat", rule.caveat)):
        if text:
            yield f"{name}: {escaped(text)}"
    yield fenced(condition_text(pack, rule), "yaml")
    if rule.message:
        yield f"A fail says: {code(rule.message)}"
    read = sorted(used(rule) & pack.params.keys())
    if read:
        yield f"Parameters of the pack: {', '.join(map(code, read))}."
    if rule.params:
        yield _params(rule.params)
    if rule.controls:
        yield _table(("control", "title", "demands", "a pass does not prove"), map(_control, rule.controls))
    if rule.tests:
        rows = zip(rule.tests, given, strict=True)
        yield _table(
            ("test", "given", "verdict"), ((escaped(one.name), _cell(text), one.expect) for one, text in rows)
        )


def _control(control: Control) -> tuple[str, ...]:
    demands = ", ".join(_cell(demand_text(one)) for one in control.requires)
    return (
        f"{escaped(control.framework)} {escaped(control.id)}",
        escaped(control.title),
        demands,
        escaped(control.does_not_prove),
    )


def demand_text(demand: Demand) -> str:
    """What a control demands of a parameter, as a policy writes it: `retention: {gte: 10y}`."""
    return (
        f"{demand.param}: {{{', '.join(f'{test.operator}: {_shown(test.value)}' for test in demand.tests)}}}"
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, ParamRef):
        return f"${value.name}"
    return value.path if isinstance(value, Field) else show(value)


def _given(pack: Pack) -> dict[str, list[str]]:
    """What the tests of each rule give, as their author wrote it but on one line."""
    rules = parse(pack.source, pack.path).root.plain()["rules"]
    return {str(rule["id"]): [_one_line(test) for test in _listed(rule.get("tests"))] for rule in rules}


def _listed(tests: Any) -> list[Any]:
    return tests if isinstance(tests, list) else []


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


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    line = _SPECIAL.sub(lambda match: f"\\{match[0]}", " ".join(printable(text).split()))
    return _BLOCK.sub(
        lambda match: (
            f"{match[1]}\\{match[2]}" if match[2] in "-+" else f"{match[1]}{match[2][:-1]}\\{match[2][-1]}"
        ),
        line,
    )


def code(text: str) -> str:
    """Text as code within a line; the fence is longer than any run of backticks in it."""
    line = " ".join(printable(text).split())
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""


def _cell(text: str) -> str:
    """Code in a table, where a bar ends the cell even in code."""
    return code(text).replace("|", "\\|")


def fenced(text: str, language: str) -> str:
    """A block of code."""
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{printable(text)}\n{fence}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table without the columns in which no row has anything."""
    body = list(rows)
    kept = [index for index in range(len(head)) if any(row[index] for row in body)]
    lines = [f"| {' | '.join(row[index] for index in kept)} |".replace("  |", " |") for row in (head, *body)]
    return "\n".join([lines[0], "|" + " --- |" * len(kept), *lines[1:]])
