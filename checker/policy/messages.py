"""A rule's message: text with `{{ field }}` placeholders, rendered by Jinja's sandbox when a report is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from checker.fields import tag_field
from checker.model import Field, Value
from checker.policy.condition_scope import Scope
from checker.problems import Problem, suggest
from checker.values import show
from checker.yaml_nodes import Node

ABSENT = "(absent)"
_PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
PARAMS = "params."
"""Before the name of a parameter in a placeholder."""
_LITERAL = re.compile(r"(?<!\{)\{ *([\w.]+) *\}(?!\})|\$(\w+)")
_LOGIC = re.compile(r"\{%|\{#|\{\{|\}\}|%\}|#\}")


def read_message(
    node: Node | None, scope: Scope, beside: Mapping[str, Field] | None = None
) -> tuple[str, tuple[Field, ...], tuple[str, ...]]:
    """The message's text, each field under its full name, and the fields and the parameters it shows; problems are noted
    in the scope.

    Args:
        node: the text.
        scope: the fields that it may show.
        beside: what else it may show, by name.
    """
    if node is None:
        return "", (), ()
    if not isinstance(node.value, str):
        scope.error(node, f"message is text, not {node.kind}", "put it in quotes")
        return "", (), ()
    if _LOGIC.search(_PLACEHOLDER.sub("", node.value)):
        scope.error(node, "a message has {{ field }} placeholders and no logic", "put conditions into `when`")
        return "", (), ()
    names = dict.fromkeys(_PLACEHOLDER.findall(node.value))
    for name in names:
        path, pipe, _ = name.partition("|")
        if pipe and tag_field(name) is None:
            hint = f"write `{{{{ {path.strip()} }}}}`"
            scope.error(node, "a message shows a field as it is: it has no filters", hint)
            return "", (), ()
    params = [name.removeprefix(PARAMS) for name in names if name.startswith(PARAMS)]
    for name in params:
        _use(name, node, scope)
    others = (name for name in names if not name.startswith(PARAMS))
    found = {name: (beside or {}).get(name) or _find(name, node, scope) for name in others}
    known = {name: field for name, field in found.items() if field}

    def full(match: re.Match[str]) -> str:
        return f"{{{{ {known[match[1]].path} }}}}" if match[1] in known else match[0]

    text = _PLACEHOLDER.sub(full, node.value)
    return text, tuple(dict.fromkeys(known.values())), tuple(params)


def _find(name: str, node: Node, scope: Scope) -> Field | None:
    if name.removeprefix("$") in scope.params:
        hint = f"write {{{{ {PARAMS}{name.removeprefix('$')} }}}}"
        scope.error(node, f"{name} is a parameter, and no field", hint)
        return None
    return scope.find(name, node)


def _use(name: str, node: Node, scope: Scope) -> None:
    """Notes that a message shows a parameter, or that there is none of the name."""
    if name in scope.params:
        scope.used.add(name)
    elif name not in scope.broken:
        hint = suggest(name, scope.params, what="parameters are") or "declare it under params"
        scope.error(node, f"there is no parameter {name}", hint)


def literal_placeholders(node: Node | None, scope: Scope) -> Iterator[Problem]:
    """Warnings of what a message seems to show, and is printed as it is written."""
    if node is None or not isinstance(node.value, str):
        return
    for found in _LITERAL.finditer(_PLACEHOLDER.sub("", node.value)):
        name = found[1] or found[2]
        path = f"{PARAMS}{name}" if name in scope.params else name
        if name in scope.params or (found[1] and name in scope.catalogue):
            message = f"{found[0]} is printed as it is written"
            yield node.problem(message, f"to show the value write {{{{ {path} }}}}", warning=True)


def shown_params(values: Mapping[str, Value]) -> dict[str, str]:
    """The parameters that a message shows, by how it names them, as text; those of a list with commas between."""
    return {
        PARAMS + name: ", ".join(map(show, value)) if isinstance(value, tuple) else show(value)
        for name, value in values.items()
    }


def render_message(text: str, shown: Mapping[str, object]) -> str:
    """The message with each field's value; one that is absent renders `(absent)`."""
    names, fill = _template(text)
    values = {name: shown[name] for name in names if name in shown}
    return fill({name: ABSENT if value is None else show(value) for name, value in values.items()})


@lru_cache(maxsize=1024)
def _template(text: str) -> tuple[tuple[str, ...], Callable[[Mapping[str, str]], str]]:
    """What a message shows, and how it is filled in."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # the text is plain; the reports escape it
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    # a path such as labels.class is one name here, not attribute access
    template = environment.from_string(_PLACEHOLDER.sub(lambda match: f"{{{{ f[{match[1]!r}] }}}}", text))

    def fill(shown: Mapping[str, str]) -> str:
        # without Jinja's globals, which no message can name; to make a context with them takes longer than all else
        context = environment.context_class(environment, {"f": shown}, template.name, template.blocks)
        return "".join(template.root_render_func(context))

    return tuple(dict.fromkeys(_PLACEHOLDER.findall(text))), fill
